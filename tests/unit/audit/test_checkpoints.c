/* The end of checkpoints.log, however long it is and however it ends. */
#include "checkpoints.h"

#include <string.h>

#include "audit_fixture.h"
#include "identity.h"

static struct cof_log_identity identity;

static int set_up(void **state)
{
    (void)audit_set_up(state);
    const struct audit_fixture *fixture = *state;
    assert_int_equal(cof_folder_create(fixture->folder, 0700, NULL), COF_OK);
    cof_log_identity_init(&identity, fixture->keyring);
    return 0;
}

static void append_notes(const struct audit_fixture *fixture, struct cof_buffer *out,
                         uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++) {
        struct cof_checkpoint checkpoint = {.size = i * 3};
        memset(checkpoint.root.bytes, (int)(i & 255), 32);
        cof_log_sign(&identity, fixture->keyring, &checkpoint, out);
    }
    assert_int_equal(cof_buffer_status(out, NULL), COF_OK);
}

static void tail__finds_the_newest_two(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer notes = {0};
    struct cof_checkpoint_tail tail;
    assert_int_equal(cof_checkpoint_tail_load(fixture->folder, &identity.key, &tail, NULL),
                     COF_NOT_FOUND);
    append_notes(fixture, &notes, 0, 1);
    audit_store(fixture, "checkpoints.log", cof_buffer_bytes(&notes));
    assert_int_equal(cof_checkpoint_tail_load(fixture->folder, &identity.key, &tail, NULL), COF_OK);
    assert_int_equal(tail.newest.size, 0);
    assert_false(tail.has_previous);
    append_notes(fixture, &notes, 1, 9);
    audit_store(fixture, "checkpoints.log", cof_buffer_bytes(&notes));
    assert_int_equal(cof_checkpoint_tail_load(fixture->folder, &identity.key, &tail, NULL), COF_OK);
    assert_int_equal(tail.newest.size, 27);
    assert_true(tail.has_previous);
    assert_int_equal(tail.previous.size, 24);
    assert_int_equal(tail.whole_size, notes.size);
}

/* Longer than what is read from its end: one real note, copied often, then two more. */
static void tail__of_a_long_log_is_found_without_reading_it(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer notes = {0};
    struct cof_checkpoint_tail tail;
    append_notes(fixture, &notes, 1, 1);
    size_t one = notes.size;
    while (notes.size < 3 << 20) {
        assert_non_null(cof_buffer_extend(&notes, one));
        memcpy(notes.data + notes.size - one, notes.data, one);
    }
    append_notes(fixture, &notes, 7, 2);
    audit_store(fixture, "checkpoints.log", cof_buffer_bytes(&notes));
    assert_int_equal(cof_checkpoint_tail_load(fixture->folder, &identity.key, &tail, NULL), COF_OK);
    assert_int_equal(tail.newest.size, 24);
    assert_int_equal(tail.previous.size, 21);
    assert_int_equal(tail.whole_size, notes.size);
}

static void tail__leaves_out_an_incomplete_note(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer notes = {0};
    struct cof_checkpoint_tail tail;
    append_notes(fixture, &notes, 0, 3);
    size_t whole = notes.size;
    append_notes(fixture, &notes, 3, 1);
    for (size_t size = whole; size < notes.size; size++) {
        audit_store(fixture, "checkpoints.log", (struct cof_bytes){notes.data, size});
        assert_int_equal(cof_checkpoint_tail_load(fixture->folder, &identity.key, &tail, NULL),
                         COF_OK);
        assert_int_equal(tail.newest.size, 6);
        assert_int_equal(tail.whole_size, whole);
        assert_int_equal(tail.file_size, size);
    }
}

static void tail__refuses_notes_out_of_order_or_of_another_key(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer notes = {0};
    struct cof_checkpoint_tail tail;
    append_notes(fixture, &notes, 4, 1);
    append_notes(fixture, &notes, 2, 1);
    audit_store(fixture, "checkpoints.log", cof_buffer_bytes(&notes));
    assert_int_equal(cof_checkpoint_tail_load(fixture->folder, &identity.key, &tail, NULL),
                     COF_CORRUPT);
    struct cof_note_key stranger = identity.key;
    stranger.public_key[0] ^= 1;
    cof_buffer_clear(&notes);
    append_notes(fixture, &notes, 2, 2);
    audit_store(fixture, "checkpoints.log", cof_buffer_bytes(&notes));
    assert_int_equal(cof_checkpoint_tail_load(fixture->folder, &stranger, &tail, NULL),
                     COF_CORRUPT);
    audit_store(fixture, "checkpoints.log", (struct cof_bytes){0});
    assert_int_equal(cof_checkpoint_tail_load(fixture->folder, &identity.key, &tail, NULL),
                     COF_CORRUPT);
}

static void stream__gives_every_note_in_order(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer notes = {0};
    COF_CLEANUP(cof_note_stream_close) struct cof_note_stream stream = {.fd = -1};
    enum { COUNT = 600 }; /* more than one window of them */
    enum cof_note_state note_state = COF_NOTE_END;
    struct cof_text note;
    append_notes(fixture, &notes, 0, COUNT);
    audit_store(fixture, "checkpoints.log", cof_buffer_bytes(&notes));
    assert_int_equal(cof_note_stream_open(&stream, fixture->folder, NULL), COF_OK);
    for (uint64_t i = 0; i < COUNT; i++) {
        struct cof_checkpoint checkpoint;
        assert_int_equal(cof_note_stream_next(&stream, &note_state, &note, NULL), COF_OK);
        assert_int_equal(note_state, COF_NOTE_WHOLE);
        assert_int_equal(cof_checkpoint_check(note, &identity.key, &checkpoint, NULL), COF_OK);
        assert_int_equal(checkpoint.size, i * 3);
    }
    assert_int_equal(cof_note_stream_next(&stream, &note_state, &note, NULL), COF_OK);
    assert_int_equal(note_state, COF_NOTE_END);
}

static void stream__ends_at_bytes_that_are_no_note(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer notes = {0};
    COF_CLEANUP(cof_note_stream_close) struct cof_note_stream stream = {.fd = -1};
    enum cof_note_state note_state = COF_NOTE_END;
    struct cof_text note;
    assert_non_null(cof_buffer_extend(&notes, 2 << 20));
    memset(notes.data, 'x', notes.size);
    audit_store(fixture, "checkpoints.log", cof_buffer_bytes(&notes));
    assert_int_equal(cof_note_stream_open(&stream, fixture->folder, NULL), COF_OK);
    assert_int_equal(cof_note_stream_next(&stream, &note_state, &note, NULL), COF_OK);
    assert_int_equal(note_state, COF_NOTE_SHORT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, audit_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tail__finds_the_newest_two),
        CASE(tail__of_a_long_log_is_found_without_reading_it),
        CASE(tail__leaves_out_an_incomplete_note),
        CASE(tail__refuses_notes_out_of_order_or_of_another_key),
        CASE(stream__gives_every_note_in_order),
        CASE(stream__ends_at_bytes_that_are_no_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
