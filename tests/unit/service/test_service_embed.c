/* Embeddings and tokens through the service: lengths, shortened vectors, the cache, the record. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "service_house.h"
#include "testing.h"

enum { DIMENSION = 128, WORDS = 600 };

static struct service_house house;
static char key[COF_API_KEY_SIZE];
static char long_bytes[2 * WORDS];

static int setup(void **state)
{
    service_house_create(&house, 0);
    service_house_key(&house, COF_ROLE_READER, NULL, key);
    for (size_t i = 0; i < WORDS; i++)
        memcpy(long_bytes + 2 * i, "a ", 2);
    return 0;
}

static int teardown(void **state)
{
    service_house_destroy(&house);
    return 0;
}

static struct cof_text long_text(void)
{
    return (struct cof_text){.data = long_bytes, .size = sizeof(long_bytes)};
}

/* The newest record. */
static struct cof_audit_record last_record(struct cof_arena *arena)
{
    struct cof_audit_entry *entries = NULL;
    size_t count = service_house_log(&house, arena, &entries);
    return entries[count - 1].record;
}

static void service__records_how_much_was_embedded(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_text texts[] = {COF_TEXT("annual leave"), COF_TEXT("days")};
    const struct cof_service_embedding embedding = {.texts = texts, .count = 2};
    struct cof_service_vectors vectors = {0};
    struct cof_call call = service_house_call(&house, key);
    assert_int_equal(cof_service_embed(house.service, &call, &embedding, &vectors, &house.error),
                     COF_OK);
    assert_int_equal(vectors.dimension, DIMENSION);
    assert_int_equal(vectors.token_count, 3);
    struct cof_audit_record record = last_record(&arena);
    assert_int_equal(record.event, COF_AUDIT_EMBED);
    assert_true(cof_text_equal(record.details, COF_TEXT("{\"texts\":2,\"tokens\":3}")));
    cof_call_deinit(&call);
}

static void service__refuses_long_texts_unless_they_may_be_cut(void **state)
{
    const struct cof_text texts[] = {COF_TEXT("short"), long_text()};
    struct cof_service_embedding embedding = {.texts = texts, .count = 2};
    struct cof_service_vectors vectors = {0};
    struct cof_call call = service_house_call(&house, key);
    assert_int_equal(cof_service_embed(house.service, &call, &embedding, &vectors, &house.error),
                     COF_INVALID);
    assert_non_null(strstr(house.error.message, "input 1 has 600 tokens"));
    assert_non_null(strstr(house.error.message, "truncate"));
    embedding.may_cut = true;
    assert_int_equal(cof_service_embed(house.service, &call, &embedding, &vectors, &house.error),
                     COF_OK);
    assert_true(vectors.token_count <= 513);
    cof_call_deinit(&call);
}

static void service__shortens_vectors_to_unit_length(void **state)
{
    const struct cof_text texts[] = {COF_TEXT("a long enough text about annual leave in Dublin"),
                                     COF_TEXT("the security gateway of the other building")};
    struct cof_service_embedding embedding = {.texts = texts, .count = 2};
    struct cof_service_vectors whole = {0};
    struct cof_service_vectors part = {0};
    struct cof_call call = service_house_call(&house, key);
    assert_int_equal(cof_service_embed(house.service, &call, &embedding, &whole, &house.error),
                     COF_OK);
    embedding.dimensions = 100;
    assert_int_equal(cof_service_embed(house.service, &call, &embedding, &part, &house.error),
                     COF_OK);
    assert_int_equal(part.dimension, 100);
    for (size_t i = 0; i < 2; i++) {
        double length = 0;
        double product = 0;
        double whole_length = 0;
        for (size_t j = 0; j < 100; j++) {
            double a = (double)part.values[i * 100 + j];
            double b = (double)whole.values[i * DIMENSION + j];
            length += a * a;
            product += a * b;
            whole_length += b * b;
        }
        assert_true(fabs(length - 1) < 1e-6);
        assert_true(fabs(product / sqrt(whole_length) - 1) < 1e-6); /* the same direction */
    }
    embedding.dimensions = DIMENSION + 1;
    assert_int_equal(cof_service_embed(house.service, &call, &embedding, &part, &house.error),
                     COF_INVALID);
    cof_call_deinit(&call);
}

static void service__refuses_tokens_where_there_is_no_vocabulary(void **state)
{
    const uint32_t numbers[] = {1, 2};
    const struct cof_token_ids ids = {.ids = numbers, .count = 2};
    const struct cof_service_embedding embedding = {.ids = &ids, .count = 1};
    struct cof_service_vectors vectors = {0};
    struct cof_call call = service_house_call(&house, key);
    assert_int_equal(cof_service_embed(house.service, &call, &embedding, &vectors, &house.error),
                     COF_INVALID);
    assert_non_null(strstr(house.error.message, "check_embedding_ctx_length=False"));
    cof_call_deinit(&call);
}

static void service__keeps_questions_of_each_key_apart(void **state)
{
    char other[COF_API_KEY_SIZE];
    const struct cof_text text = COF_TEXT("who earns how much");
    const struct cof_service_embedding embedding = {
        .role = COF_EMBED_QUERY, .texts = &text, .count = 1};
    struct cof_service_vectors vectors = {0};
    struct cof_query_cache_stats stats = {0};
    service_house_key(&house, COF_ROLE_READER, NULL, other);
    const char *const keys[] = {key, key, other};
    for (size_t i = 0; i < 3; i++) {
        struct cof_call call = service_house_call(&house, keys[i]);
        assert_int_equal(
            cof_service_embed(house.service, &call, &embedding, &vectors, &house.error), COF_OK);
        cof_call_deinit(&call);
    }
    assert_true(cof_service_query_cache_stats(house.service, &stats));
    assert_int_equal(stats.hit_count, 1);
    assert_int_equal(stats.miss_count, 2);
}

static void service__gives_and_records_tokens(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_text texts[] = {COF_TEXT("annual leave"), COF_TEXT("")};
    struct cof_service_tokens *tokens = NULL;
    struct cof_call call = service_house_call(&house, key);
    assert_int_equal(cof_service_tokenize(house.service, &call, (struct cof_text){0}, texts, 2,
                                          &tokens, &house.error),
                     COF_OK);
    assert_int_equal(tokens[0].count, 2);
    assert_int_equal(tokens[0].tokens[1].begin, 7);
    assert_int_equal(tokens[0].tokens[1].end, 12);
    assert_int_equal(tokens[0].tokens[1].id, COF_TOKEN_WITHOUT_ID);
    assert_int_equal(tokens[1].count, 0);
    struct cof_audit_record record = last_record(&arena);
    assert_int_equal(record.event, COF_AUDIT_TOKENIZE);
    assert_true(cof_text_equal(record.details, COF_TEXT("{\"texts\":2,\"tokens\":2}")));

    const struct cof_text many[10] = {long_text(), long_text(), long_text(), long_text(),
                                      long_text(), long_text(), long_text(), long_text(),
                                      long_text(), long_text()};
    assert_int_equal(cof_service_tokenize(house.service, &call, (struct cof_text){0}, many, 10,
                                          &tokens, &house.error),
                     COF_TOO_LARGE);
    assert_int_equal(cof_service_tokenize(house.service, &call, COF_TEXT("other"), texts, 2,
                                          &tokens, &house.error),
                     COF_NOT_FOUND);
    cof_call_deinit(&call);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(service__records_how_much_was_embedded),
        CASE(service__refuses_long_texts_unless_they_may_be_cut),
        CASE(service__shortens_vectors_to_unit_length),
        CASE(service__refuses_tokens_where_there_is_no_vocabulary),
        CASE(service__keeps_questions_of_each_key_apart),
        CASE(service__gives_and_records_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
