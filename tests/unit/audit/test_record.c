/* Records for the outbox: what goes in comes out, and nothing else is accepted. */
#include <cof/audit/record.h>

#include <string.h>

#include "audit_fixture.h"

static void assert_same_record(const struct cof_audit_record *a, const struct cof_audit_record *b)
{
    assert_int_equal(a->event, b->event);
    assert_int_equal(a->outcome, b->outcome);
    assert_memory_equal(a->request_id, b->request_id, 16);
    assert_int_equal(a->intent_seq, b->intent_seq);
    assert_int_equal(a->time_ns, b->time_ns);
    assert_int_equal(a->credential_id, b->credential_id);
    assert_int_equal(a->collection, b->collection);
    assert_true(cof_text_equal(a->subject, b->subject));
    assert_true(cof_text_equal(a->query, b->query));
    assert_true(cof_text_equal(a->answer, b->answer));
    assert_true(cof_text_equal(a->details, b->details));
    assert_int_equal(a->resource_count, b->resource_count);
    for (size_t i = 0; i < a->resource_count; i++) {
        assert_int_equal(a->resources[i].document_number, b->resources[i].document_number);
        assert_int_equal(a->resources[i].version, b->resources[i].version);
    }
    assert_int_equal(a->result_count, b->result_count);
    for (size_t i = 0; i < a->result_count; i++) {
        assert_int_equal(a->results[i].chunk_id, b->results[i].chunk_id);
        assert_memory_equal(&a->results[i].score, &b->results[i].score, sizeof(float));
    }
}

static void record__comes_back_whole(void **state)
{
    for (uint64_t number = 0; number < 20; number++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        const struct cof_audit_record record = audit_record(number);
        struct cof_audit_record back;
        assert_int_equal(cof_audit_record_encode(&record, &encoded, NULL), COF_OK);
        assert_int_equal(cof_audit_record_decode(cof_buffer_bytes(&encoded), &arena, &back, NULL),
                         COF_OK);
        assert_same_record(&record, &back);
    }
}

static void record__with_nothing_optional_comes_back(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_audit_record record = {.event = COF_AUDIT_START, .intent_seq = UINT64_MAX};
    struct cof_audit_record back;
    assert_int_equal(cof_audit_record_encode(&record, &encoded, NULL), COF_OK);
    assert_int_equal(cof_audit_record_decode(cof_buffer_bytes(&encoded), &arena, &back, NULL),
                     COF_OK);
    assert_same_record(&record, &back);
}

static void record__keeps_extreme_numbers(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_audit_resource resource = {.document_number = UINT64_MAX,
                                                .version = UINT32_MAX};
    const struct cof_audit_result result = {.chunk_id = UINT64_MAX, .score = -0.0F};
    const struct cof_audit_record record = {
        .event = COF_AUDIT_SYSTEM_READ,
        .outcome = COF_INTERNAL,
        .intent_seq = UINT64_MAX - 1,
        .time_ns = INT64_MIN,
        .credential_id = UINT64_MAX,
        .collection = UINT64_MAX,
        .resources = &resource,
        .resource_count = 1,
        .results = &result,
        .result_count = 1,
    };
    struct cof_audit_record back;
    assert_int_equal(cof_audit_record_encode(&record, &encoded, NULL), COF_OK);
    assert_int_equal(cof_audit_record_decode(cof_buffer_bytes(&encoded), &arena, &back, NULL),
                     COF_OK);
    assert_same_record(&record, &back);
}

static void record__refuses_what_the_log_cannot_hold(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    struct cof_error err;
    struct cof_audit_record record = audit_record(1);
    record.resource_count = COF_AUDIT_MAX_RESOURCES + 1;
    assert_int_equal(cof_audit_record_encode(&record, &encoded, &err), COF_TOO_LARGE);
    record = audit_record(1);
    record.result_count = COF_AUDIT_MAX_RESULTS + 1;
    assert_int_equal(cof_audit_record_encode(&record, &encoded, &err), COF_TOO_LARGE);
    record = audit_record(1);
    record.query = COF_TEXT("\xc3(");
    assert_int_equal(cof_audit_record_encode(&record, &encoded, &err), COF_INVALID);
    assert_non_null(strstr(err.message, "query"));
    record = audit_record(1);
    record.event = (enum cof_audit_event)999;
    assert_int_equal(cof_audit_record_encode(&record, &encoded, &err), COF_INVALID);
    assert_int_equal(encoded.size, 0);
}

static void record__refuses_every_truncation_and_trailing_byte(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    struct cof_audit_record back;
    const struct cof_audit_record record = audit_record(4);
    assert_int_equal(cof_audit_record_encode(&record, &encoded, NULL), COF_OK);
    for (size_t size = 0; size < encoded.size; size++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        assert_int_equal(
            cof_audit_record_decode((struct cof_bytes){encoded.data, size}, &arena, &back, NULL),
            COF_CORRUPT);
    }
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    cof_buffer_append_byte(&encoded, 0);
    assert_int_equal(cof_audit_record_decode(cof_buffer_bytes(&encoded), &arena, &back, NULL),
                     COF_CORRUPT);
}

static void record__survives_any_changed_byte(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    const struct cof_audit_record record = audit_record(4);
    assert_int_equal(cof_audit_record_encode(&record, &encoded, NULL), COF_OK);
    for (size_t i = 0; i < encoded.size; i++) {
        uint8_t kept = encoded.data[i];
        for (unsigned value = 0; value < 256; value++) {
            COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
            struct cof_audit_record back;
            encoded.data[i] = (uint8_t)value;
            enum cof_status status =
                cof_audit_record_decode(cof_buffer_bytes(&encoded), &arena, &back, NULL);
            assert_true(status == COF_OK || status == COF_CORRUPT);
        }
        encoded.data[i] = kept;
    }
}

static void event_name__is_stable(void **state)
{
    assert_string_equal(cof_audit_event_name(COF_AUDIT_SEARCH), "search");
    assert_string_equal(cof_audit_event_name(COF_AUDIT_DOCUMENT_PUT), "document_put");
    assert_string_equal(cof_audit_event_name((enum cof_audit_event)0), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record__comes_back_whole),
        cmocka_unit_test(record__with_nothing_optional_comes_back),
        cmocka_unit_test(record__keeps_extreme_numbers),
        cmocka_unit_test(record__refuses_what_the_log_cannot_hold),
        cmocka_unit_test(record__refuses_every_truncation_and_trailing_byte),
        cmocka_unit_test(record__survives_any_changed_byte),
        cmocka_unit_test(event_name__is_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
