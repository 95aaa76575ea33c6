/* The remote backend against a server that answers right, wrong, or with malice. */
#include <cof/embedder/remote.h>

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include <cof/base/json.h>
#include <cof/embedder/hashing.h>

#include "http_stub.h"
#include "testing.h"

struct script {
    long status;
    const char *answer;
    char seen_head[2048];
    char seen_body[4096];
    atomic_size_t request_count;
};

static void keep(char *place, size_t place_size, struct cof_text text)
{
    size_t size = text.size < place_size - 1 ? text.size : place_size - 1;
    memcpy(place, text.data, size);
    place[size] = '\0';
}

static long answer_by_script(void *context, struct cof_text head, struct cof_text body,
                             struct cof_buffer *answer)
{
    struct script *script = context;
    keep(script->seen_head, sizeof(script->seen_head), head);
    keep(script->seen_body, sizeof(script->seen_body), body);
    cof_buffer_append_text(answer, cof_text_from(script->answer));
    script->request_count++;
    return script->status;
}

static struct cof_embedder *open_at(const struct http_stub *stub, size_t dimension)
{
    const struct cof_remote_embedder_options options = {.base_url = stub->url,
                                                        .model = "m",
                                                        .bearer_token = "secret-token",
                                                        .dimension = dimension,
                                                        .max_tokens = 4,
                                                        .query_prefix = "query: "};
    struct cof_embedder *embedder = NULL;
    struct cof_error err = {0};
    if (cof_remote_embedder_open(&options, &embedder, &err) != COF_OK)
        fail_msg("%s", err.message);
    return embedder;
}

/* Embeds two texts; the answer must be refused, and the vectors left alone. */
static void assert_answer_refused(long http_status, const char *answer, enum cof_status expected)
{
    struct script script = {.status = http_status, .answer = answer};
    struct http_stub stub;
    const struct cof_text texts[] = {COF_TEXT("confidential"), COF_TEXT("b")};
    float vectors[4] = {7, 7, 7, 7};
    size_t token_counts[2] = {7, 7};
    struct cof_error err = {0};
    http_stub_start(&stub, answer_by_script, &script);
    struct cof_embedder *embedder = open_at(&stub, 2);
    enum cof_status status = cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, 2, NULL,
                                                vectors, token_counts, &err);
    cof_embedder_close(embedder);
    http_stub_stop(&stub);
    if (status != expected)
        fail_msg("status %d for %s", (int)status, answer);
    assert_null(strstr(err.message, "confidential"));
    for (size_t i = 0; i < 4; i++)
        assert_true(vectors[i] == 7);
    assert_int_equal(token_counts[0], 7);
}

#define ITEM(index, values) "{\"index\":" index ",\"embedding\":" values "}"

static void remote__sends_what_the_api_asks_for(void **state)
{
    struct script script = {
        .status = 200,
        .answer =
            "{\"data\":[" ITEM("0", "[3,4]") "],"
                                             "\"usage\":{\"prompt_tokens\":9,\"total_tokens\":9}}"};
    struct http_stub stub;
    const struct cof_text text = COF_TEXT("one\0 \"two\" three four five");
    float vector[2];
    size_t token_count = 0;
    http_stub_start(&stub, answer_by_script, &script);
    struct cof_embedder *embedder = open_at(&stub, 2);
    assert_int_equal(script.request_count, 0); /* the dimension was given */
    assert_int_equal(
        cof_embedder_embed(embedder, COF_EMBED_QUERY, &text, 1, NULL, vector, &token_count, NULL),
        COF_OK);
    cof_embedder_close(embedder);
    http_stub_stop(&stub);
    assert_true(fabsf(vector[0] - 0.6F) < 1e-6F && fabsf(vector[1] - 0.8F) < 1e-6F);
    assert_int_equal(token_count, 9);
    assert_non_null(strstr(script.seen_head, "POST /v1/embeddings"));
    assert_non_null(strstr(script.seen_head, "Bearer secret-token"));
    /* cut at max_tokens words, the prefix before them, NUL bytes left out */
    assert_string_equal(script.seen_body, "{\"model\":\"m\",\"encoding_format\":\"float\","
                                          "\"input\":[\"query: one \\\"two\\\" three four\"]}");
}

static void remote__asks_for_the_dimension_when_none_is_given(void **state)
{
    struct script script = {.status = 200, .answer = "{\"data\":[" ITEM("0", "[1,2,3]") "]}"};
    struct http_stub stub;
    http_stub_start(&stub, answer_by_script, &script);
    struct cof_embedder *embedder = open_at(&stub, 0);
    assert_int_equal(embedder->info.dimension, 3);
    assert_string_equal(embedder->info.name, "m");
    assert_string_equal(embedder->info.backend, "remote");
    assert_int_equal(embedder->info.max_batch_count, 64);
    cof_embedder_close(embedder);
    http_stub_stop(&stub);
}

static void remote__takes_vectors_by_their_index_and_shares_out_the_tokens(void **state)
{
    struct script script = {.status = 200,
                            .answer = "{\"data\":[" ITEM("1", "[0,2]") "," ITEM(
                                "0", "\"AACAPwAAAAA=\"") "],\"usage\":{\"prompt_tokens\":11}}"};
    struct http_stub stub;
    const struct cof_text texts[] = {COF_TEXT("one two three"), COF_TEXT("")};
    float vectors[4];
    size_t token_counts[2];
    http_stub_start(&stub, answer_by_script, &script);
    struct cof_embedder *embedder = open_at(&stub, 2);
    assert_int_equal(cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, 2, NULL, vectors,
                                        token_counts, NULL),
                     COF_OK);
    cof_embedder_close(embedder);
    http_stub_stop(&stub);
    assert_true(vectors[0] == 1 && vectors[1] == 0 && vectors[2] == 0 && vectors[3] == 1);
    assert_int_equal(token_counts[0] + token_counts[1], 11);
    assert_true(token_counts[0] > token_counts[1]);
}

static void remote__refuses_answers_that_lie(void **state)
{
    static const char *const answers[] = {
        "",
        "{",
        "[]",
        "{\"data\":{}}",
        "{\"data\":[]}",
        "{\"data\":[" ITEM("0", "[1,2]") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("0", "[1,2]") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("2", "[1,2]") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("-1", "[1,2]") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("1e300", "[1,2]") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("\"1\"", "[1,2]") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("1", "[1,2,3]") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("1", "[]") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("1", "[1,\"2\"]") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("1", "[0,0]") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("1", "[1e300,1]") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("1", "\"AACAPw==\"") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("1", "\"not base64!\"") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") "," ITEM("1", "7") "]}",
        "{\"data\":[" ITEM("0", "[1,2]") ",{\"index\":1}]}",
        "{\"data\":[7,8]}",
        "{\"error\":{\"message\":\"confidential text is too long\"}}",
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        assert_answer_refused(200, answers[i], COF_UNAVAILABLE);
}

static void remote__turns_http_errors_into_statuses(void **state)
{
    const char *answer = "{\"error\":{\"message\":\"confidential\"}}";
    assert_answer_refused(400, answer, COF_INVALID);
    assert_answer_refused(413, answer, COF_INVALID);
    assert_answer_refused(401, answer, COF_UNAVAILABLE);
    assert_answer_refused(429, answer, COF_UNAVAILABLE);
    assert_answer_refused(500, answer, COF_UNAVAILABLE);
    assert_answer_refused(302, answer, COF_UNAVAILABLE);
}

static void remote__is_unavailable_when_nobody_answers(void **state)
{
    struct script script = {.status = 200, .answer = "{}"};
    struct http_stub stub;
    const struct cof_text text = COF_TEXT("a");
    float vector[2];
    http_stub_start(&stub, answer_by_script, &script);
    struct cof_embedder *embedder = open_at(&stub, 2);
    http_stub_stop(&stub);
    assert_int_equal(
        cof_embedder_embed(embedder, COF_EMBED_PASSAGE, &text, 1, NULL, vector, NULL, NULL),
        COF_UNAVAILABLE);
    cof_embedder_close(embedder);
}

static void remote__refuses_options_that_cannot_work(void **state)
{
    char long_name[200];
    memset(long_name, 'x', sizeof(long_name));
    long_name[199] = '\0';
    const struct cof_remote_embedder_options cases[] = {
        {.base_url = "http://127.0.0.1:1/v1", .dimension = 2},
        {.base_url = "http://127.0.0.1:1/v1", .dimension = 2, .model = ""},
        {.base_url = "http://127.0.0.1:1/v1", .dimension = 2, .model = long_name},
        {.base_url = "http://127.0.0.1:1/v1", .dimension = 2, .model = "\xff"},
        {.base_url = "http://127.0.0.1:1/v1", .dimension = 1000000, .model = "m"},
        {.base_url = "ftp://127.0.0.1:1/v1", .dimension = 2, .model = "m"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cof_embedder *embedder = NULL;
        assert_int_equal(cof_remote_embedder_open(&cases[i], &embedder, NULL), COF_INVALID);
        assert_null(embedder);
    }
}

static void remote__fingerprint_follows_the_model_and_not_the_address(void **state)
{
    struct cof_embedder *embedders[3] = {NULL};
    const struct cof_remote_embedder_options options[] = {
        {.base_url = "http://127.0.0.1:1/v1", .dimension = 2, .model = "m"},
        {.base_url = "http://127.0.0.1:2/v1", .dimension = 2, .model = "m"},
        {.base_url = "http://127.0.0.1:1/v1", .dimension = 2, .model = "n"},
    };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(cof_remote_embedder_open(&options[i], &embedders[i], NULL), COF_OK);
    assert_memory_equal(embedders[0]->info.fingerprint, embedders[1]->info.fingerprint, 32);
    assert_memory_not_equal(embedders[0]->info.fingerprint, embedders[2]->info.fingerprint, 32);
    for (size_t i = 0; i < 3; i++)
        cof_embedder_close(embedders[i]);
}

static void remote__gives_what_the_other_side_computes(void **state)
{
    struct cof_embedder *hashing = NULL;
    struct http_stub stub;
    const struct cof_text texts[] = {COF_TEXT("one two"), COF_TEXT(""), COF_TEXT("three \xc3\xa4")};
    float here[3 * 64];
    float there[3 * 64];
    assert_int_equal(cof_hashing_open(64, 100, &hashing, NULL), COF_OK);
    http_stub_start(&stub, http_stub_embed, hashing);
    struct cof_embedder *embedder = open_at(&stub, 0);
    assert_int_equal(embedder->info.dimension, 64);
    assert_int_equal(
        cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, 3, NULL, there, NULL, NULL), COF_OK);
    assert_int_equal(
        cof_embedder_embed(hashing, COF_EMBED_PASSAGE, texts, 3, NULL, here, NULL, NULL), COF_OK);
    for (size_t i = 0; i < 3 * 64; i++)
        assert_true(fabsf(here[i] - there[i]) < 1e-6F);
    cof_embedder_close(embedder);
    http_stub_stop(&stub);
    cof_embedder_close(hashing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remote__sends_what_the_api_asks_for),
        cmocka_unit_test(remote__asks_for_the_dimension_when_none_is_given),
        cmocka_unit_test(remote__takes_vectors_by_their_index_and_shares_out_the_tokens),
        cmocka_unit_test(remote__refuses_answers_that_lie),
        cmocka_unit_test(remote__turns_http_errors_into_statuses),
        cmocka_unit_test(remote__is_unavailable_when_nobody_answers),
        cmocka_unit_test(remote__refuses_options_that_cannot_work),
        cmocka_unit_test(remote__fingerprint_follows_the_model_and_not_the_address),
        cmocka_unit_test(remote__gives_what_the_other_side_computes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
