/* Leaf and payload: no personal data in the clear, commitments that fit, sizes within limits. */
#include "leaf.h"

#include <string.h>

#include <cof/keys/hash.h>

#include "audit_fixture.h"

static void prepare(const struct audit_fixture *fixture, const struct cof_audit_record *record,
                    struct cof_prepared *out_prepared, struct cof_buffer *out_leaf)
{
    assert_int_equal(
        cof_prepared_init(out_prepared, record, fixture->keyring, 42, cof_random_system(), NULL),
        COF_OK);
    out_prepared->leaf.seq = 99;
    cof_leaf_append(out_leaf, &out_prepared->leaf);
    assert_int_equal(cof_buffer_status(out_leaf, NULL), COF_OK);
}

static bool holds(const struct cof_buffer *buffer, struct cof_text text)
{
    return cof_text_index_of(cof_buffer_text(buffer), text) != SIZE_MAX;
}

static void leaf__comes_back_with_its_fields(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_prepared_deinit) struct cof_prepared prepared = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_audit_resource *resources = NULL;
    size_t count = 0;
    struct cof_leaf leaf;
    const struct cof_audit_record record = audit_record(4);
    prepare(fixture, &record, &prepared, &encoded);
    assert_int_equal(cof_leaf_decode(cof_buffer_bytes(&encoded), &leaf, NULL), COF_OK);
    assert_int_equal(leaf.seq, 99);
    assert_int_equal(leaf.time_ns, record.time_ns);
    assert_int_equal(leaf.event, record.event);
    assert_int_equal(leaf.outcome, record.outcome);
    assert_memory_equal(leaf.request_id, record.request_id, 16);
    assert_int_equal(leaf.intent_seq, record.intent_seq);
    assert_int_equal(leaf.credential_id, record.credential_id);
    assert_int_equal(leaf.collection, record.collection);
    assert_int_equal(leaf.result_count, record.result_count);
    assert_int_equal(leaf.payload_size, prepared.payload.size);
    assert_true(leaf.has_actor && leaf.has_query && leaf.has_results && leaf.has_answer &&
                leaf.has_payload);
    assert_int_equal(cof_leaf_resources(&leaf, &arena, &resources, &count, NULL), COF_OK);
    assert_int_equal(count, record.resource_count);
    assert_int_equal(resources[1].document_number, record.resources[1].document_number);
}

static void leaf__takes_the_logs_time_when_the_record_has_none(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_prepared_deinit) struct cof_prepared prepared = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    struct cof_audit_record record = audit_record(4);
    record.time_ns = 0;
    prepare(fixture, &record, &prepared, &encoded);
    assert_int_equal(prepared.leaf.time_ns, 42);
}

static void leaf__and_sealed_payload_show_no_personal_data(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_prepared_deinit) struct cof_prepared prepared = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    const struct cof_audit_record record = audit_record(4);
    const struct cof_text secrets[] = {record.subject, record.query, record.answer, record.details};
    prepare(fixture, &record, &prepared, &encoded);
    for (size_t i = 0; i < 4; i++) {
        assert_false(holds(&encoded, secrets[i]));
        assert_false(holds(&prepared.payload, secrets[i]));
    }
}

static void leaf__without_personal_data_has_no_payload(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_prepared_deinit) struct cof_prepared prepared = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    const struct cof_audit_record record = {.event = COF_AUDIT_STOP, .intent_seq = UINT64_MAX};
    struct cof_leaf leaf;
    prepare(fixture, &record, &prepared, &encoded);
    assert_int_equal(prepared.payload.size, 0);
    assert_int_equal(cof_leaf_decode(cof_buffer_bytes(&encoded), &leaf, NULL), COF_OK);
    assert_false(leaf.has_payload || leaf.has_actor || leaf.has_query);
}

static void actor_ref__is_the_same_for_one_person_and_differs_between_stores(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_leaf leaves[3];
    const uint64_t numbers[] = {4, 8, 5}; /* 4 and 8 are the same person */
    for (size_t i = 0; i < 3; i++) {
        COF_CLEANUP(cof_prepared_deinit) struct cof_prepared prepared = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
        const struct cof_audit_record record = audit_record(numbers[i]);
        prepare(fixture, &record, &prepared, &encoded);
        leaves[i] = prepared.leaf;
    }
    assert_memory_equal(leaves[0].actor_ref, leaves[1].actor_ref, COF_ACTOR_REF_SIZE);
    assert_memory_not_equal(leaves[0].actor_ref, leaves[2].actor_ref, COF_ACTOR_REF_SIZE);
    /* and a commitment to the same text is another each time */
    assert_memory_not_equal(leaves[0].answer_commitment, leaves[1].answer_commitment, 32);

    struct audit_fixture *other = NULL;
    COF_CLEANUP(cof_prepared_deinit) struct cof_prepared prepared = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    const struct cof_audit_record record = audit_record(4);
    assert_int_equal(audit_set_up((void **)&other), 0);
    prepare(other, &record, &prepared, &encoded);
    assert_memory_not_equal(leaves[0].actor_ref, prepared.leaf.actor_ref, COF_ACTOR_REF_SIZE);
    (void)audit_tear_down((void **)&other);
}

static void payload__opens_beside_its_own_leaf_only(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_prepared_deinit) struct cof_prepared prepared = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_audit_record record = audit_record(4);
    struct cof_audit_record back = {0};
    prepare(fixture, &record, &prepared, &encoded);
    const struct cof_bytes payload = cof_buffer_bytes(&prepared.payload);
    assert_int_equal(
        cof_payload_open(&prepared.leaf, payload, fixture->keyring, &arena, &back, NULL), COF_OK);
    assert_true(cof_text_equal(back.subject, record.subject));
    assert_true(cof_text_equal(back.query, record.query));
    assert_true(cof_text_equal(back.answer, record.answer));
    assert_true(cof_text_equal(back.details, record.details));
    assert_int_equal(back.result_count, 3);
    assert_int_equal(back.results[2].chunk_id, record.results[2].chunk_id);

    struct cof_leaf other = prepared.leaf;
    other.request_id[0] ^= 1;
    assert_int_equal(cof_payload_open(&other, payload, fixture->keyring, &arena, &back, NULL),
                     COF_CORRUPT);
    other = prepared.leaf;
    other.event = COF_AUDIT_EMBED;
    assert_int_equal(cof_payload_open(&other, payload, fixture->keyring, &arena, &back, NULL),
                     COF_CORRUPT);
}

/* The documented construction, computed here from HMAC alone. */
static void commitment__is_what_the_documents_say(void **state)
{
    uint8_t seed[COF_PAYLOAD_SEED_SIZE] = {1, 2, 3};
    uint8_t salt[32];
    uint8_t expected[32];
    uint8_t got[32];
    const struct cof_bytes salt_label = cof_text_bytes(COF_TEXT("coffer/v1/cm-salt/22"));
    const struct cof_bytes parts[] = {
        {.data = (const uint8_t *)"coffer/v1/cm/22", .size = 16},
        cof_text_bytes(COF_TEXT("a question")),
    };
    cof_hmac_sha256((struct cof_bytes){seed, sizeof(seed)}, &salt_label, 1, salt);
    cof_hmac_sha256((struct cof_bytes){salt, sizeof(salt)}, parts, 2, expected);
    cof_commit_to(seed, COF_LEAF_QUERY, cof_text_bytes(COF_TEXT("a question")), got);
    assert_memory_equal(got, expected, sizeof(got));
    cof_commit_to(seed, COF_LEAF_ANSWER, cof_text_bytes(COF_TEXT("a question")), got);
    assert_memory_not_equal(got, expected, sizeof(got));
}

static void leaf__of_the_largest_record_fits_an_entry_bundle(void **state)
{
    struct audit_fixture *fixture = *state;
    static struct cof_audit_resource resources[COF_AUDIT_MAX_RESOURCES];
    static struct cof_audit_result results[COF_AUDIT_MAX_RESULTS];
    COF_CLEANUP(cof_prepared_deinit) struct cof_prepared prepared = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_audit_record back = {0};
    for (size_t i = 0; i < COF_AUDIT_MAX_RESOURCES; i++)
        resources[i] = (struct cof_audit_resource){UINT64_MAX - i, UINT32_MAX};
    for (size_t i = 0; i < COF_AUDIT_MAX_RESULTS; i++)
        results[i] = (struct cof_audit_result){UINT64_MAX - i, 0.1F};
    struct cof_audit_record record = audit_record(1);
    record.resources = resources;
    record.resource_count = COF_AUDIT_MAX_RESOURCES;
    record.results = results;
    record.result_count = COF_AUDIT_MAX_RESULTS;
    prepare(fixture, &record, &prepared, &encoded);
    assert_in_range(encoded.size, 1, COF_LEAF_MAX_SIZE);
    assert_int_equal(cof_payload_open(&prepared.leaf, cof_buffer_bytes(&prepared.payload),
                                      fixture->keyring, &arena, &back, NULL),
                     COF_OK);
    assert_int_equal(back.result_count, COF_AUDIT_MAX_RESULTS);
}

static void payload__over_its_limit_is_refused(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer answer = {0};
    struct cof_prepared prepared = {0};
    struct cof_audit_record record = audit_record(1);
    assert_non_null(cof_buffer_extend(&answer, COF_PAYLOAD_MAX_SIZE));
    memset(answer.data, 'a', answer.size);
    record.answer = cof_buffer_text(&answer);
    assert_int_equal(
        cof_prepared_init(&prepared, &record, fixture->keyring, 1, cof_random_system(), NULL),
        COF_TOO_LARGE);
}

static void leaf__survives_any_changed_byte(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_prepared_deinit) struct cof_prepared prepared = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    const struct cof_audit_record record = audit_record(4);
    prepare(fixture, &record, &prepared, &encoded);
    for (size_t i = 0; i < encoded.size; i++) {
        uint8_t kept = encoded.data[i];
        for (unsigned value = 0; value < 256; value++) {
            COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
            struct cof_audit_resource *resources = NULL;
            size_t count = 0;
            struct cof_leaf leaf;
            encoded.data[i] = (uint8_t)value;
            if (cof_leaf_decode(cof_buffer_bytes(&encoded), &leaf, NULL) == COF_OK) {
                enum cof_status status =
                    cof_leaf_resources(&leaf, &arena, &resources, &count, NULL);
                assert_true(status == COF_OK || status == COF_CORRUPT);
            }
        }
        encoded.data[i] = kept;
    }
    for (size_t size = 0; size < encoded.size; size++) {
        struct cof_leaf leaf;
        assert_int_equal(cof_leaf_decode((struct cof_bytes){encoded.data, size}, &leaf, NULL),
                         COF_CORRUPT);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, audit_set_up, audit_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(leaf__comes_back_with_its_fields),
        CASE(leaf__takes_the_logs_time_when_the_record_has_none),
        CASE(leaf__and_sealed_payload_show_no_personal_data),
        CASE(leaf__without_personal_data_has_no_payload),
        CASE(actor_ref__is_the_same_for_one_person_and_differs_between_stores),
        CASE(payload__opens_beside_its_own_leaf_only),
        CASE(commitment__is_what_the_documents_say),
        CASE(leaf__of_the_largest_record_fits_an_entry_bundle),
        CASE(payload__over_its_limit_is_refused),
        CASE(leaf__survives_any_changed_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
