/* Reranking through the service: the order, the limits, the record, and searches' second stage. */
#include <string.h>

#include "service_house.h"
#include "testing.h"

static struct service_house house;
static char key[COF_API_KEY_SIZE];

static int setup(void **state)
{
    service_house_create(&house, 0);
    service_house_key(&house, COF_ROLE_READER, NULL, key);
    return 0;
}

static int teardown(void **state)
{
    service_house_destroy(&house);
    return 0;
}

static struct cof_audit_record last_record(struct cof_arena *arena)
{
    struct cof_audit_entry *entries = NULL;
    size_t count = service_house_log(&house, arena, &entries);
    return entries[count - 1].record;
}

static enum cof_status rerank(struct cof_call *call, const struct cof_service_rerank *wanted,
                              struct cof_service_rank **out_ranks)
{
    size_t token_count = 0;
    return cof_service_rerank(house.service, call, wanted, out_ranks, &token_count, &house.error);
}

static void rerank__sorts_and_records_what_was_asked(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_text texts[] = {COF_TEXT("b"), COF_TEXT("longest"), COF_TEXT("a"),
                                     COF_TEXT("long")};
    const struct cof_service_rerank wanted = {
        .query = COF_TEXT("how long"), .texts = texts, .count = 4};
    struct cof_service_rank *ranks = NULL;
    struct cof_call call = service_house_call(&house, key);
    assert_int_equal(rerank(&call, &wanted, &ranks), COF_OK);
    assert_int_equal(ranks[0].index, 1);
    assert_int_equal(ranks[1].index, 3);
    assert_int_equal(ranks[2].index, 0); /* equal scores stay in their order */
    assert_int_equal(ranks[3].index, 2);
    struct cof_audit_record record = last_record(&arena);
    assert_int_equal(record.event, COF_AUDIT_RERANK);
    assert_true(cof_text_equal(record.query, COF_TEXT("how long")));
    assert_true(cof_text_equal(record.details, COF_TEXT("{\"documents\":4,\"tokens\":16}")));
    cof_call_deinit(&call);
}

static void rerank__has_limits_and_needs_a_role(void **state)
{
    char auditor[COF_API_KEY_SIZE];
    struct cof_text texts[11];
    struct cof_service_rerank wanted = {.query = COF_TEXT("q"), .texts = texts, .count = 11};
    struct cof_service_rank *ranks = NULL;
    for (size_t i = 0; i < 11; i++)
        texts[i] = COF_TEXT("x");
    struct cof_call call = service_house_call(&house, key);
    assert_int_equal(rerank(&call, &wanted, &ranks), COF_INVALID);
    assert_non_null(strstr(house.error.message, "11 documents"));
    wanted.count = 1;
    wanted.model = COF_TEXT("other");
    assert_int_equal(rerank(&call, &wanted, &ranks), COF_NOT_FOUND);
    wanted.model = COF_TEXT("length");
    assert_int_equal(rerank(&call, &wanted, &ranks), COF_OK);
    wanted.query = COF_TEXT("\xff");
    assert_int_equal(rerank(&call, &wanted, &ranks), COF_INVALID);
    wanted.query = COF_TEXT("q");
    cof_cancel_request(&call.cancel);
    assert_int_equal(rerank(&call, &wanted, &ranks), COF_CANCELED);
    cof_call_deinit(&call);

    service_house_key(&house, COF_ROLE_AUDITOR, NULL, auditor);
    call = service_house_call(&house, auditor);
    assert_int_equal(rerank(&call, &wanted, &ranks), COF_DENIED);
    cof_call_deinit(&call);

    house.reranker.ops = NULL;
    service_house_reopen(&house);
    call = service_house_call(&house, key);
    assert_int_equal(rerank(&call, &wanted, &ranks), COF_UNAVAILABLE);
    assert_non_null(strstr(house.error.message, "reranker.model"));
    cof_call_deinit(&call);
}

static void rerank__is_a_model_of_its_own(void **state)
{
    struct cof_service_model *models = NULL;
    size_t count = 0;
    struct cof_call call = service_house_call(&house, key);
    assert_int_equal(cof_service_list_models(house.service, &call, &models, &count, &house.error),
                     COF_OK);
    assert_int_equal(count, 3);
    assert_true(cof_text_equal(models[1].id, COF_TEXT("length")));
    assert_true(cof_text_equal(models[1].kind, COF_TEXT("rerank")));
    cof_call_deinit(&call);
}

/* What a search's record says of its second stage. */
static void expect_search(struct cof_call *call, struct cof_text store, enum cof_rerank_wish wish,
                          enum cof_status expected, const char *details)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_service_search search = {
        .collections = &store, .collection_count = 1, .query = COF_TEXT("leave"), .rerank = wish};
    struct cof_search_result result = {0};
    assert_int_equal(cof_service_search(house.service, call, &search, &result, &house.error),
                     expected);
    if (expected != COF_OK)
        return;
    struct cof_audit_record record = last_record(&arena);
    assert_int_equal(record.event, COF_AUDIT_SEARCH);
    if (details != NULL)
        assert_true(cof_text_index_of(record.details, cof_text_from(details)) != SIZE_MAX);
    else
        assert_true(cof_text_index_of(record.details, COF_TEXT("rerank")) == SIZE_MAX);
}

static void rerank__is_a_searchs_second_stage_when_asked(void **state)
{
    struct cof_call call;
    cof_call_init_local(house.service, &call);
    struct cof_collection_request request = {.name = COF_TEXT("handbook"),
                                             .chunk_overlap_tokens = UINT32_MAX};
    struct cof_collection collection;
    assert_int_equal(
        cof_service_create_collection(house.service, &call, &request, &collection, &house.error),
        COF_OK);
    struct cof_ingest_document document = {
        .external_id = COF_TEXT("a"),
        .source = cof_text_bytes(COF_TEXT("Twenty-five days of leave.")),
    };
    struct cof_ingest_result *results = NULL;
    struct cof_text store = cof_text_from(collection.public_id);
    assert_int_equal(cof_service_put_documents(house.service, &call, store, &document, 1, &results,
                                               &house.error),
                     COF_OK);
    expect_search(&call, store, COF_RERANK_AS_CONFIGURED, COF_OK, NULL);
    expect_search(&call, store, COF_RERANK_YES, COF_OK, "\"rerank\":\"applied\"");
    expect_search(&call, store, COF_RERANK_NO, COF_OK, NULL);
    cof_call_deinit(&call);
    house.reranker.ops = NULL;
    service_house_reopen(&house);
    cof_call_init_local(house.service, &call);
    expect_search(&call, store, COF_RERANK_YES, COF_UNAVAILABLE, NULL);
    expect_search(&call, store, COF_RERANK_AS_CONFIGURED, COF_OK, NULL);
    cof_call_deinit(&call);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(rerank__sorts_and_records_what_was_asked),
        CASE(rerank__has_limits_and_needs_a_role),
        CASE(rerank__is_a_model_of_its_own),
        CASE(rerank__is_a_searchs_second_stage_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
