/* What a caller may do, and that each thing done or refused stands on the log. */
#include "testing.h"

#include <string.h>

#include "service_house.h"

static int setup(void **state)
{
    static struct service_house house;
    service_house_create(&house, 0);
    *state = &house;
    return 0;
}

static int teardown(void **state)
{
    service_house_destroy(*state);
    return 0;
}

/* Entries of this event with this outcome. */
static size_t recorded(struct service_house *house, enum cof_audit_event event,
                       enum cof_status outcome)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_audit_entry *entries = NULL;
    size_t count = service_house_log(house, &arena, &entries);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += entries[i].record.event == event && entries[i].record.outcome == outcome ? 1 : 0;
    }
    return found;
}

static struct cof_text make_store(struct service_house *house, struct cof_call *call)
{
    struct cof_collection_request request = {.name = COF_TEXT("handbook"),
                                             .chunk_overlap_tokens = UINT32_MAX};
    static struct cof_collection collection;
    assert_int_equal(
        cof_service_create_collection(house->service, call, &request, &collection, &house->error),
        COF_OK);
    return cof_text_from(collection.public_id);
}

static enum cof_status put(struct service_house *house, struct cof_call *call,
                           struct cof_text store, const char *id, const char *text,
                           const char *group, struct cof_ingest_result *out_result)
{
    struct cof_text allowed = cof_text_from(group);
    struct cof_ingest_document document = {
        .external_id = cof_text_from(id),
        .source = cof_text_bytes(cof_text_from(text)),
        .acl = {.is_set = group != NULL, .allow = &allowed, .allow_count = 1},
    };
    struct cof_ingest_result *results = NULL;
    enum cof_status status = cof_service_put_documents(house->service, call, store, &document, 1,
                                                       &results, &house->error);
    if (status == COF_OK) {
        *out_result = results[0];
    }
    return status;
}

static size_t search(struct service_house *house, struct cof_call *call, struct cof_text store,
                     const char *query)
{
    struct cof_service_search request = {
        .collections = &store, .collection_count = 1, .query = cof_text_from(query)};
    struct cof_search_result result = {0};
    assert_int_equal(cof_service_search(house->service, call, &request, &result, &house->error),
                     COF_OK);
    return result.hit_count;
}

static void service__records_what_it_answers(void **state)
{
    struct service_house *house = *state;
    char key[COF_API_KEY_SIZE];
    service_house_key(house, COF_ROLE_WRITER, NULL, key);
    struct cof_call call = service_house_call(house, key);
    struct cof_text store = make_store(house, &call);
    struct cof_ingest_result result = {0};
    assert_int_equal(put(house, &call, store, "a", "Twenty-five days of leave.", NULL, &result),
                     COF_OK);
    assert_int_equal(result.outcome.kind, COF_WRITE_CREATED);
    uint64_t before = call.audit_seq;
    assert_int_equal(search(house, &call, store, "days of leave"), 1);
    assert_int_equal(call.audit_seq, before + 1);
    assert_int_equal(recorded(house, COF_AUDIT_SEARCH, COF_OK), 1);
    assert_int_equal(recorded(house, COF_AUDIT_DOCUMENT_PUT, COF_OK), 1);
    assert_int_equal(recorded(house, COF_AUDIT_COLLECTION_CREATE, COF_OK), 1);

    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_audit_entry *entries = NULL;
    size_t count = service_house_log(house, &arena, &entries);
    const struct cof_audit_record *last = &entries[count - 1].record;
    assert_true(cof_text_equal(last->query, COF_TEXT("days of leave")));
    assert_true(cof_text_equal(last->subject, COF_TEXT("key")));
    assert_int_equal(last->result_count, 1);
    assert_int_equal(last->resources[0].document_number, result.outcome.document_number);
    cof_call_deinit(&call);
}

static void service__refuses_by_role_and_records_it(void **state)
{
    struct service_house *house = *state;
    static const struct {
        uint32_t role;
        bool may_search, may_write, may_audit, may_keys, may_system;
    } table[] = {
        {COF_ROLE_READER, true, false, false, false, false},
        {COF_ROLE_WRITER, true, true, false, false, false},
        {COF_ROLE_OPERATOR, false, false, false, false, true},
        {COF_ROLE_AUDITOR, false, false, true, false, false},
        {COF_ROLE_SECURITY, false, false, false, true, false},
        {COF_ROLE_ADMIN, true, true, true, true, true},
    };
    struct cof_call admin;
    cof_call_init_local(house->service, &admin);
    struct cof_text store = make_store(house, &admin);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char key[COF_API_KEY_SIZE];
        service_house_key(house, table[i].role, NULL, key);
        struct cof_call call = service_house_call(house, key);
        struct cof_service_search request = {
            .collections = &store, .collection_count = 1, .query = COF_TEXT("x")};
        struct cof_search_result found = {0};
        struct cof_ingest_result put_result = {0};
        struct cof_credential *credentials = NULL;
        struct cof_audit_entry *entries = NULL;
        size_t count = 0;
        struct cof_error *err = &house->error;
        assert_int_equal(cof_service_search(house->service, &call, &request, &found, err),
                         table[i].may_search ? COF_OK : COF_DENIED);
        assert_int_equal(put(house, &call, store, "d", "text", NULL, &put_result),
                         table[i].may_write ? COF_OK : COF_DENIED);
        assert_int_equal(
            cof_service_audit_entries(house->service, &call, 0, 1, &entries, &count, err),
            table[i].may_audit ? COF_OK : COF_DENIED);
        assert_int_equal(cof_service_list_keys(house->service, &call, &credentials, &count, err),
                         table[i].may_keys ? COF_OK : COF_DENIED);
        assert_int_equal(cof_service_read_system(house->service, &call, err),
                         table[i].may_system ? COF_OK : COF_DENIED);
        cof_call_deinit(&call);
    }
    assert_true(recorded(house, COF_AUDIT_DENY, COF_DENIED) >= 10);
    cof_call_deinit(&admin);
}

static void service__hides_documents_by_their_access_list(void **state)
{
    struct service_house *house = *state;
    char board[COF_API_KEY_SIZE];
    char clerk[COF_API_KEY_SIZE];
    service_house_key(house, COF_ROLE_READER, "board", board);
    service_house_key(house, COF_ROLE_READER, "clerks", clerk);
    struct cof_call admin;
    cof_call_init_local(house->service, &admin);
    struct cof_text store = make_store(house, &admin);
    struct cof_ingest_result result = {0};
    assert_int_equal(
        put(house, &admin, store, "s", "The salary of the director.", "group:board", &result),
        COF_OK);
    struct cof_call board_call = service_house_call(house, board);
    struct cof_call clerk_call = service_house_call(house, clerk);
    struct cof_service_document document = {0};
    assert_int_equal(search(house, &board_call, store, "salary director"), 1);
    assert_int_equal(search(house, &clerk_call, store, "salary director"), 0);
    assert_int_equal(cof_service_get_document(house->service, &board_call, store, COF_TEXT("s"),
                                              true, &document, &house->error),
                     COF_OK);
    assert_int_equal(document.chunk_count, 1);
    assert_int_equal(cof_service_get_document(house->service, &clerk_call, store, COF_TEXT("s"),
                                              true, &document, &house->error),
                     COF_NOT_FOUND);
    assert_int_equal(cof_service_get_document(house->service, &clerk_call, (struct cof_text){0},
                                              COF_TEXT("s"), true, &document, &house->error),
                     COF_NOT_FOUND);
    struct cof_document *documents = NULL;
    size_t count = 99;
    assert_int_equal(cof_service_list_documents(house->service, &clerk_call, store, 0, 10,
                                                &documents, &count, &house->error),
                     COF_OK);
    assert_int_equal(count, 0);
    cof_call_deinit(&admin);
    cof_call_deinit(&board_call);
    cof_call_deinit(&clerk_call);
}

static void service__records_failed_authentication_without_flooding(void **state)
{
    struct service_house *house = *state;
    for (size_t i = 0; i < 50; i++) {
        struct cof_call call;
        cof_call_init(house->service, &call, 0);
        assert_int_equal(
            cof_service_authenticate(house->service, &call, COF_TEXT("coffer_no"), &house->error),
            COF_DENIED);
        cof_call_deinit(&call);
    }
    size_t count = recorded(house, COF_AUDIT_AUTH_FAIL, COF_DENIED);
    assert_true(count >= 10 && count < 50);
}

static void service__writes_the_intent_of_an_answer_before_its_result(void **state)
{
    struct service_house *house = *state;
    struct cof_call call;
    cof_call_init_local(house->service, &call);
    struct cof_text store = make_store(house, &call);
    struct cof_ingest_result put_result = {0};
    assert_int_equal(put(house, &call, store, "a",
                         "Staff in Dublin have 25 days of annual leave a year.", NULL, &put_result),
                     COF_OK);
    struct cof_message message = {
        .role = COF_ROLE_USER,
        .content = COF_TEXT("How many days of annual leave do staff in Dublin have?")};
    struct cof_service_chat chat = {
        .messages = &message, .message_count = 1, .collections = &store, .collection_count = 1};
    struct cof_answer answer = {0};
    assert_int_equal(cof_service_chat(house->service, &call, &chat, &answer, &house->error),
                     COF_OK);
    assert_true(answer.is_grounded);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_audit_entry *entries = NULL;
    size_t count = service_house_log(house, &arena, &entries);
    assert_int_equal(entries[count - 2].record.event, COF_AUDIT_ANSWER_INTENT);
    assert_int_equal(entries[count - 1].record.event, COF_AUDIT_ANSWER_RESULT);
    assert_int_equal(entries[count - 1].record.intent_seq, entries[count - 2].seq);
    assert_true(cof_text_equal(entries[count - 1].record.answer, answer.text));
    cof_call_deinit(&call);
}

static void service__keeps_store_and_log_agreed_over_a_reopen(void **state)
{
    struct service_house *house = *state;
    struct cof_call call;
    cof_call_init_local(house->service, &call);
    struct cof_text store = make_store(house, &call);
    struct cof_ingest_result result = {0};
    assert_int_equal(put(house, &call, store, "a", "some words", NULL, &result), COF_OK);
    assert_int_equal(
        cof_service_delete_document(house->service, &call, store, COF_TEXT("a"), &house->error),
        COF_OK);
    cof_call_deinit(&call);
    service_house_reopen(house);
    assert_int_equal(recorded(house, COF_AUDIT_DOCUMENT_PUT, COF_OK), 1);
    assert_int_equal(recorded(house, COF_AUDIT_DOCUMENT_DELETE, COF_OK), 1);
    assert_int_equal(recorded(house, COF_AUDIT_START, COF_OK), 2);
    assert_int_equal(recorded(house, COF_AUDIT_STOP, COF_OK), 1);
}

static void service__refuses_what_it_does_not_understand(void **state)
{
    struct service_house *house = *state;
    struct cof_call call;
    cof_call_init_local(house->service, &call);
    struct cof_text store = make_store(house, &call);
    struct cof_json_tree *tree = NULL;
    assert_int_equal(cof_json_parse(COF_TEXT("{\"type\":\"like\",\"key\":\"a\",\"value\":1}"), NULL,
                                    &tree, &house->error),
                     COF_OK);
    struct cof_service_search request = {.collections = &store,
                                         .collection_count = 1,
                                         .query = COF_TEXT("x"),
                                         .filter = cof_json_root(tree)};
    struct cof_search_result result = {0};
    assert_int_equal(cof_service_search(house->service, &call, &request, &result, &house->error),
                     COF_INVALID);
    cof_json_tree_destroy(tree);
    request.filter = NULL;
    struct cof_text nothing = COF_TEXT("no-such-store");
    request.collections = &nothing;
    assert_int_equal(cof_service_search(house->service, &call, &request, &result, &house->error),
                     COF_NOT_FOUND);
    struct cof_collection_request big = {.name = COF_TEXT("big"), .max_chunk_tokens = 100000};
    struct cof_collection collection = {0};
    assert_int_equal(
        cof_service_create_collection(house->service, &call, &big, &collection, &house->error),
        COF_INVALID);
    assert_non_null(strstr(house->error.message, "max_chunk_size_tokens"));
    cof_call_deinit(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(service__records_what_it_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(service__refuses_by_role_and_records_it, setup, teardown),
        cmocka_unit_test_setup_teardown(service__hides_documents_by_their_access_list, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(service__records_failed_authentication_without_flooding,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(service__writes_the_intent_of_an_answer_before_its_result,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(service__keeps_store_and_log_agreed_over_a_reopen, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(service__refuses_what_it_does_not_understand, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
