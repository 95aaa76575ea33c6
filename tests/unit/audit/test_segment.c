/* Reading segments entry by entry, across every way a file can end. */
#include "segment.h"

#include <string.h>
#include <unistd.h>

#include "audit_fixture.h"

enum { COUNT = 5 };

static const uint8_t uuid[16] = {7, 7, 7};

/* A segment of COUNT entries from sequence number 5; out_ends[i] is where entry i ends. */
static void make_segment(const struct audit_fixture *fixture, struct cof_buffer *out,
                         size_t out_ends[COUNT])
{
    cof_segment_append_head(out, uuid, 5);
    for (uint64_t i = 0; i < COUNT; i++) {
        COF_CLEANUP(cof_prepared_deinit) struct cof_prepared prepared = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer leaf = {0};
        const struct cof_audit_record with = audit_record(i);
        const struct cof_audit_record without = {.event = COF_AUDIT_STOP, .intent_seq = UINT64_MAX};
        const struct cof_audit_record *record = i % 3 == 0 ? &without : &with;
        assert_int_equal(
            cof_prepared_init(&prepared, record, fixture->keyring, 1, cof_random_system(), NULL),
            COF_OK);
        prepared.leaf.seq = 5 + i;
        cof_leaf_append(&leaf, &prepared.leaf);
        cof_frame_append(out, COF_FRAME_LEAF, 5 + i, cof_buffer_bytes(&leaf));
        if (prepared.payload.size > 0)
            cof_frame_append(out, COF_FRAME_PAYLOAD, 5 + i, cof_buffer_bytes(&prepared.payload));
        out_ends[i] = out->size;
    }
    assert_int_equal(cof_buffer_status(out, NULL), COF_OK);
}

static void store_segment(const struct audit_fixture *fixture, struct cof_bytes content)
{
    char path[COF_MAX_PATH];
    audit_path(fixture, "seg", path);
    assert_int_equal(cof_folder_create(path, 0700, NULL), COF_OK);
    audit_store(fixture, "seg/0000000000000005.log", content);
}

/* Reads to the end; *out_count is the number of whole entries. */
static enum cof_entry_state read_all(const struct audit_fixture *fixture, size_t *out_count)
{
    COF_CLEANUP(cof_segment_reader_close) struct cof_segment_reader reader = {.fd = -1};
    enum cof_entry_state state = COF_ENTRY_WHOLE;
    *out_count = 0;
    assert_int_equal(cof_segment_reader_open(&reader, fixture->folder, 5, uuid, NULL), COF_OK);
    for (;;) {
        struct cof_entry entry;
        assert_int_equal(cof_segment_reader_next(&reader, &state, &entry, NULL), COF_OK);
        if (state != COF_ENTRY_WHOLE)
            break;
        assert_int_equal(entry.leaf.seq, 5 + *out_count);
        assert_int_equal(entry.payload.size > 0, entry.leaf.has_payload);
        (*out_count)++;
    }
    if (state == COF_ENTRY_BAD)
        assert_non_null(reader.reason);
    return state;
}

static void segment__reads_back_entry_by_entry(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    size_t ends[COUNT];
    size_t count = 0;
    make_segment(fixture, &file, ends);
    store_segment(fixture, cof_buffer_bytes(&file));
    assert_int_equal(read_all(fixture, &count), COF_ENTRY_END);
    assert_int_equal(count, COUNT);
}

static void segment__tells_a_cut_at_every_length(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    size_t ends[COUNT];
    make_segment(fixture, &file, ends);
    for (size_t size = 0; size < file.size; size++) {
        size_t count = 0;
        size_t whole = 0;
        bool is_boundary = size == cof_frame_size(32);
        while (whole < COUNT && ends[whole] <= size)
            whole++;
        is_boundary = is_boundary || (whole > 0 && ends[whole - 1] == size);
        store_segment(fixture, (struct cof_bytes){file.data, size});
        enum cof_entry_state end = read_all(fixture, &count);
        assert_int_equal(end, is_boundary ? COF_ENTRY_END : COF_ENTRY_SHORT);
        assert_int_equal(count, whole);
    }
}

static void segment__tells_a_flipped_bit_in_every_byte(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    size_t ends[COUNT];
    make_segment(fixture, &file, ends);
    for (size_t i = 0; i < file.size; i++) {
        size_t count = 0;
        size_t whole = 0;
        while (ends[whole] <= i)
            whole++;
        file.data[i] ^= (uint8_t)(1 << i % 8);
        store_segment(fixture, cof_buffer_bytes(&file));
        enum cof_entry_state end = read_all(fixture, &count);
        assert_true(end == COF_ENTRY_BAD || end == COF_ENTRY_SHORT);
        assert_int_equal(count, whole);
        file.data[i] ^= (uint8_t)(1 << i % 8);
    }
}

static void segment__refuses_the_head_of_another_log_or_place(void **state)
{
    struct audit_fixture *fixture = *state;
    const uint8_t other[16] = {8};
    for (unsigned i = 0; i < 2; i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
        size_t count = 0;
        cof_segment_append_head(&file, i == 0 ? other : uuid, i == 0 ? 5 : 6);
        store_segment(fixture, cof_buffer_bytes(&file));
        assert_int_equal(read_all(fixture, &count), COF_ENTRY_BAD);
    }
}

static void segment__of_a_newer_format_is_said_to_be_one(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_segment_reader_close) struct cof_segment_reader reader = {.fd = -1};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer head = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    enum cof_entry_state entry_state = COF_ENTRY_END;
    struct cof_entry entry;
    struct cof_error err = {0};
    struct cof_frame frame;
    size_t size = 0;
    cof_segment_append_head(&head, uuid, 5);
    assert_int_equal(cof_frame_parse(cof_buffer_bytes(&head), &frame, &size), COF_FRAME_WHOLE);
    uint8_t body[64];
    memcpy(body, frame.body.data, frame.body.size);
    body[1]++;
    cof_frame_append(&file, COF_FRAME_SEGMENT, 5,
                     (struct cof_bytes){.data = body, .size = frame.body.size});
    store_segment(fixture, cof_buffer_bytes(&file));
    assert_int_equal(cof_segment_reader_open(&reader, fixture->folder, 5, uuid, NULL), COF_OK);
    assert_int_equal(cof_segment_reader_next(&reader, &entry_state, &entry, &err), COF_CONFLICT);
    assert_non_null(strstr(err.message, "newer coffer"));
}

static void segment__reads_entries_larger_than_its_window(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer answer = {0};
    size_t count = 0;
    assert_non_null(cof_buffer_extend(&answer, 700000));
    memset(answer.data, 'x', answer.size);
    cof_segment_append_head(&file, uuid, 5);
    for (uint64_t i = 0; i < 5; i++) {
        COF_CLEANUP(cof_prepared_deinit) struct cof_prepared prepared = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer leaf = {0};
        struct cof_audit_record record = audit_record(i);
        record.answer = cof_text_slice(cof_buffer_text(&answer), 0, i % 2 == 0 ? 700000 : 100);
        assert_int_equal(
            cof_prepared_init(&prepared, &record, fixture->keyring, 1, cof_random_system(), NULL),
            COF_OK);
        prepared.leaf.seq = 5 + i;
        cof_leaf_append(&leaf, &prepared.leaf);
        cof_frame_append(&file, COF_FRAME_LEAF, 5 + i, cof_buffer_bytes(&leaf));
        cof_frame_append(&file, COF_FRAME_PAYLOAD, 5 + i, cof_buffer_bytes(&prepared.payload));
    }
    store_segment(fixture, cof_buffer_bytes(&file));
    assert_int_equal(read_all(fixture, &count), COF_ENTRY_END);
    assert_int_equal(count, 5);
}

static void segment__goes_on_when_the_file_has_grown(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    COF_CLEANUP(cof_segment_reader_close) struct cof_segment_reader reader = {.fd = -1};
    size_t ends[COUNT];
    struct cof_entry entry;
    enum cof_entry_state entry_state = COF_ENTRY_END;
    bool has_changed = false;
    make_segment(fixture, &file, ends);
    store_segment(fixture, (struct cof_bytes){file.data, ends[0] + 10});
    assert_int_equal(cof_segment_reader_open(&reader, fixture->folder, 5, uuid, NULL), COF_OK);
    assert_int_equal(cof_segment_reader_next(&reader, &entry_state, &entry, NULL), COF_OK);
    assert_int_equal(entry_state, COF_ENTRY_WHOLE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cof_segment_reader_next(&reader, &entry_state, &entry, NULL), COF_OK);
        assert_int_equal(entry_state, COF_ENTRY_SHORT);
    }
    assert_int_equal(cof_segment_reader_refresh(&reader, &has_changed, NULL), COF_OK);
    assert_false(has_changed);
    store_segment(fixture, cof_buffer_bytes(&file)); /* the same file, written over */
    assert_int_equal(cof_segment_reader_refresh(&reader, &has_changed, NULL), COF_OK);
    assert_true(has_changed);
    for (size_t i = 1; i < COUNT; i++) {
        assert_int_equal(cof_segment_reader_next(&reader, &entry_state, &entry, NULL), COF_OK);
        assert_int_equal(entry_state, COF_ENTRY_WHOLE);
    }
}

static void segment_list__names_segments_only_and_in_order(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    uint64_t *first_seqs = NULL;
    size_t count = 0;
    assert_int_equal(cof_segment_list(fixture->folder, &arena, &first_seqs, &count, NULL),
                     COF_NOT_FOUND);
    store_segment(fixture, (struct cof_bytes){0});
    static const char *const names[] = {"seg/00000000000000ff.log",  "seg/0000000000000000.log",
                                        "seg/00000000000000FF.log",  "seg/0000000000000001.lo",
                                        "seg/0000000000000001.bak",  "seg/x",
                                        "seg/0000000000000001.log2", "seg/10000000000000000.log"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        audit_store(fixture, names[i], (struct cof_bytes){0});
    assert_int_equal(cof_segment_list(fixture->folder, &arena, &first_seqs, &count, NULL), COF_OK);
    assert_int_equal(count, 3);
    assert_int_equal(first_seqs[0], 0);
    assert_int_equal(first_seqs[1], 5);
    assert_int_equal(first_seqs[2], 255);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, audit_set_up, audit_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(segment__reads_back_entry_by_entry),
        CASE(segment__tells_a_cut_at_every_length),
        CASE(segment__tells_a_flipped_bit_in_every_byte),
        CASE(segment__refuses_the_head_of_another_log_or_place),
        CASE(segment__of_a_newer_format_is_said_to_be_one),
        CASE(segment__reads_entries_larger_than_its_window),
        CASE(segment__goes_on_when_the_file_has_grown),
        CASE(segment_list__names_segments_only_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
