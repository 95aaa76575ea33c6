/* POST /v1/embeddings. */
#include <string.h>

#include "fixture.h"

static void embeddings__takes_one_text_or_many(void **state)
{
    ask(200, "POST", "/v1/embeddings", "{\"model\":\"test-embedder\",\"input\":\"hello\"}");
    expect_member("object", "\"list\"");
    expect_member("model", "\"test-embedder\"");
    expect_member("data.0.object", "\"embedding\"");
    expect_member("data.0.index", "0");
    expect_member("data.0.embedding", "[5,0.5,-0.25,0]");
    expect_member("usage", "{\"prompt_tokens\":3,\"total_tokens\":3}");
    ask(200, "POST", "/v1/embeddings", "{\"input\":[\"a\",\"\",\"abc\"]}");
    expect_member("data.1.embedding.0", "0");
    expect_member("data.2.index", "2");
    expect_absent("data.3");
    expect_last("embed passage 3");
}

static void embeddings__come_as_base64_when_asked(void **state)
{
    ask(200, "POST", "/v1/embeddings", "{\"input\":\"hello\",\"encoding_format\":\"base64\"}");
    /* 5.0f, 0.5f, -0.25f, 0.0f in little-endian order */
    expect_member("data.0.embedding", "\"AACgQAAAAD8AAIC+AAAAAA==\"");
}

static void embeddings__knows_queries(void **state)
{
    ask(200, "POST", "/v1/embeddings", "{\"input\":\"a\",\"input_type\":\"query\"}");
    expect_last("embed query 1");
}

static void embeddings__tolerates_what_changes_nothing(void **state)
{
    ask(200, "POST", "/v1/embeddings",
        "{\"input\":\"a\",\"dimensions\":4,\"user\":\"u\",\"encoding_format\":null,\"x\":1}");
}

static void embeddings__takes_tokens_for_texts(void **state)
{
    ask(200, "POST", "/v1/embeddings", "{\"input\":[101,2,102]}");
    expect_member("data.0.embedding", "[3,0.5,-0.25,0]");
    expect_absent("data.1");
    expect_last("embed passage 1 ids");
    ask(200, "POST", "/v1/embeddings", "{\"input\":[[101],[2,3]]}");
    expect_member("data.1.embedding.0", "2");
    expect_last("embed passage 2 ids");
}

static void embeddings__shortens_vectors_when_asked(void **state)
{
    ask(200, "POST", "/v1/embeddings", "{\"input\":[\"a\",\"abc\"],\"dimensions\":2}");
    expect_member("data.0.embedding", "[1,0.5]");
    expect_member("data.1.embedding", "[3,0.5]");
}

static void embeddings__cuts_long_texts_only_when_asked(void **state)
{
    expect_refused("/v1/embeddings", "{\"input\":[\"a\",\"too long\"]}", "input");
    ask(200, "POST", "/v1/embeddings", "{\"input\":\"too long\",\"truncate\":true}");
    expect_last("embed passage 1 cut");
}

static void embeddings__refuses_what_it_cannot_do(void **state)
{
    expect_refused("/v1/embeddings", "{}", "input");
    expect_refused("/v1/embeddings", "{\"input\":[]}", "input");
    expect_refused("/v1/embeddings", "{\"input\":5}", "input");
    expect_refused("/v1/embeddings", "{\"input\":[\"a\",5]}", "input");
    expect_refused("/v1/embeddings", "{\"input\":[1,-2]}", "input");
    expect_refused("/v1/embeddings", "{\"input\":[1,2.5]}", "input");
    expect_refused("/v1/embeddings", "{\"input\":[1,\"a\"]}", "input");
    expect_refused("/v1/embeddings", "{\"input\":[1,4294967296]}", "input");
    expect_refused("/v1/embeddings", "{\"input\":[[1],[]]}", "input");
    expect_refused("/v1/embeddings", "{\"input\":[[1],2]}", "input");
    expect_refused("/v1/embeddings", "{\"input\":\"a\",\"dimensions\":0}", "dimensions");
    expect_refused("/v1/embeddings", "{\"input\":\"a\",\"truncate\":\"END\"}", "truncate");
    expect_refused("/v1/embeddings", "{\"input\":\"a\",\"dimensions\":8}", "dimensions");
    expect_refused("/v1/embeddings", "{\"input\":\"a\",\"dimensions\":\"4\"}", "dimensions");
    expect_refused("/v1/embeddings", "{\"input\":\"a\",\"encoding_format\":\"hex\"}",
                   "encoding_format");
    expect_refused("/v1/embeddings", "{\"input\":\"a\",\"input_type\":1}", "input_type");
    expect_refused("/v1/embeddings", "{\"input\":\"a\",\"model\":1}", "model");
    expect_refused("/v1/embeddings", "{\"input\":\"a\",\"user\":[]}", "user");
    assert_int_equal(fake_service_counts().embedded, 0);
}

static void embeddings__says_which_models_there_are_not(void **state)
{
    ask(404, "POST", "/v1/embeddings", "{\"input\":\"a\",\"model\":\"text-embedding-3-small\"}");
    expect_member("error.code", "\"model_not_found\"");
    expect_member("error.param", "\"model\"");
}

static void embeddings__limits_the_number_of_texts(void **state)
{
    char body[16384] = "{\"input\":[\"\"";
    size_t size = strlen(body);
    for (size_t i = 0; i < 2048; i++) {
        memcpy(body + size, ",\"\"", 4);
        size += 3;
    }
    memcpy(body + size, "]}", 3);
    expect_refused("/v1/embeddings", body, "input");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(embeddings__takes_one_text_or_many),
        FIXTURE_CASE(embeddings__come_as_base64_when_asked),
        FIXTURE_CASE(embeddings__knows_queries),
        FIXTURE_CASE(embeddings__tolerates_what_changes_nothing),
        FIXTURE_CASE(embeddings__takes_tokens_for_texts),
        FIXTURE_CASE(embeddings__shortens_vectors_when_asked),
        FIXTURE_CASE(embeddings__cuts_long_texts_only_when_asked),
        FIXTURE_CASE(embeddings__refuses_what_it_cannot_do),
        FIXTURE_CASE(embeddings__says_which_models_there_are_not),
        FIXTURE_CASE(embeddings__limits_the_number_of_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
