/* Reading and counting entries, with and without keys, beside a log that is written. */
#include <cof/audit/log.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "audit_fixture.h"

static void read__gives_records_back_with_the_keys(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_audit_entry *entries = NULL;
    size_t count = 0;
    struct cof_audit_log *log = audit_open_small(fixture, 4000);
    audit_append(log, 0, 25);
    cof_audit_log_close(log);
    assert_int_equal(
        cof_audit_read(fixture->folder, fixture->keyring, 3, 20, &arena, &entries, &count, NULL),
        COF_OK);
    assert_int_equal(count, 20);
    for (size_t i = 0; i < count; i++) {
        const struct cof_audit_record expected = audit_record(3 + i);
        const struct cof_audit_record *got = &entries[i].record;
        assert_int_equal(entries[i].seq, 3 + i);
        assert_true(entries[i].has_payload);
        assert_int_equal(got->event, expected.event);
        assert_int_equal(got->outcome, expected.outcome);
        assert_int_equal(got->time_ns, expected.time_ns);
        assert_int_equal(got->intent_seq, expected.intent_seq);
        assert_int_equal(got->credential_id, expected.credential_id);
        assert_int_equal(got->collection, expected.collection);
        assert_memory_equal(got->request_id, expected.request_id, 16);
        assert_true(cof_text_equal(got->subject, expected.subject));
        assert_true(cof_text_equal(got->query, expected.query));
        assert_true(cof_text_equal(got->answer, expected.answer));
        assert_true(cof_text_equal(got->details, expected.details));
        assert_int_equal(got->resource_count, 2);
        assert_int_equal(got->resources[1].document_number, expected.resources[1].document_number);
        assert_int_equal(got->result_count, 3);
        assert_int_equal(got->results[2].chunk_id, expected.results[2].chunk_id);
    }
}

static void read__leaves_payloads_sealed_without_the_keys(void **state)
{
    struct audit_fixture *fixture = *state;
    struct audit_fixture *other = NULL;
    struct cof_audit_log *log = audit_open(fixture);
    audit_append(log, 0, 3);
    cof_audit_log_close(log);
    assert_int_equal(audit_set_up((void **)&other), 0);
    const struct cof_keyring *keyrings[] = {NULL, other->keyring};
    for (size_t i = 0; i < 2; i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_audit_entry *entries = NULL;
        size_t count = 0;
        assert_int_equal(
            cof_audit_read(fixture->folder, keyrings[i], 0, 3, &arena, &entries, &count, NULL),
            COF_OK);
        assert_int_equal(count, 3);
        assert_true(entries[1].has_payload);
        assert_int_equal(entries[1].record.subject.size, 0);
        assert_int_equal(entries[1].record.query.size, 0);
        assert_int_equal(entries[1].record.resource_count, 2);
    }
    (void)audit_tear_down((void **)&other);
}

static void read__clips_to_what_is_there(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    static const struct {
        uint64_t first;
        size_t count;
        size_t expected;
    } cases[] = {{0, SIZE_MAX, 10}, {9, 5, 1},          {10, 5, 0},
                 {4, 0, 0},         {UINT64_MAX, 1, 0}, {2, 3, 3}};
    struct cof_audit_log *log = audit_open_small(fixture, 3000);
    struct cof_audit_entry *entries = NULL;
    size_t count = 99;
    uint64_t total = 99;
    assert_int_equal(cof_audit_count(fixture->folder, &total, NULL), COF_OK);
    assert_int_equal(total, 0);
    assert_int_equal(cof_audit_read(fixture->folder, NULL, 0, 5, &arena, &entries, &count, NULL),
                     COF_OK);
    assert_int_equal(count, 0);
    audit_append(log, 0, 10);
    cof_audit_log_close(log);
    assert_int_equal(cof_audit_count(fixture->folder, &total, NULL), COF_OK);
    assert_int_equal(total, 10);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(cof_audit_read(fixture->folder, NULL, cases[i].first, cases[i].count,
                                        &arena, &entries, &count, NULL),
                         COF_OK);
        assert_int_equal(count, cases[i].expected);
        if (count > 0)
            assert_int_equal(entries[0].seq, cases[i].first);
    }
}

static void read__says_when_there_is_no_log_or_it_is_damaged(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer segment = {0};
    struct cof_audit_entry *entries = NULL;
    struct cof_error err;
    size_t count = 0;
    uint64_t total = 0;
    assert_int_equal(cof_audit_count(fixture->folder, &total, &err), COF_NOT_FOUND);
    assert_int_equal(cof_audit_read(fixture->folder, NULL, 0, 1, &arena, &entries, &count, &err),
                     COF_NOT_FOUND);
    struct cof_audit_log *log = audit_open(fixture);
    audit_append(log, 0, 5);
    cof_audit_log_close(log);
    audit_load(fixture, "seg/0000000000000000.log", &segment);
    segment.data[segment.size / 2] ^= 1;
    audit_store(fixture, "seg/0000000000000000.log", cof_buffer_bytes(&segment));
    /* what stands before the damage can still be read */
    assert_int_equal(cof_audit_read(fixture->folder, NULL, 0, 1, &arena, &entries, &count, &err),
                     COF_OK);
    assert_int_equal(cof_audit_count(fixture->folder, &total, NULL), COF_OK);
    assert_in_range(total, 1, 4);
}

static void *append_steadily(void *context)
{
    struct cof_audit_log *log = context;
    for (uint64_t i = 0; i < 150; i++) {
        const struct cof_audit_record record = audit_record(i);
        if (cof_audit_log_append(log, &record, NULL, NULL) != COF_OK)
            return log;
    }
    return NULL;
}

static void read__and_verify_work_beside_a_log_that_is_written(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_log *log = NULL;
    pthread_t thread;
    void *failure = NULL;
    uint64_t total = 0;
    struct cof_audit_log_options options = audit_options(fixture);
    options.checkpoint_ms = 1;
    options.max_segment_bytes = 9000;
    assert_int_equal(cof_audit_log_open(&options, &log, NULL), COF_OK);
    assert_int_equal(pthread_create(&thread, NULL, append_steadily, log), 0);
    while (total < 150) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_audit_entry *entries = NULL;
        size_t count = 0;
        uint64_t durable = cof_audit_log_size(log);
        assert_int_equal(cof_audit_count(fixture->folder, &total, NULL), COF_OK);
        assert_true(total >= durable);
        assert_int_equal(cof_audit_read(fixture->folder, fixture->keyring,
                                        total < 3 ? 0 : total - 3, 3, &arena, &entries, &count,
                                        NULL),
                         COF_OK);
        assert_true(count == 3 || total < 3);
        enum cof_audit_verdict verdict = audit_verdict(fixture, NULL);
        assert_true(verdict == COF_AUDIT_SOUND || verdict == COF_AUDIT_TORN_TAIL);
    }
    assert_int_equal(pthread_join(thread, &failure), 0);
    assert_null(failure);
    cof_audit_log_close(log);
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, audit_set_up, audit_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(read__gives_records_back_with_the_keys),
        CASE(read__leaves_payloads_sealed_without_the_keys),
        CASE(read__clips_to_what_is_there),
        CASE(read__says_when_there_is_no_log_or_it_is_damaged),
        CASE(read__and_verify_work_beside_a_log_that_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
