/* Verification against one who can write every file but has not the key.
 *
 * The forger below knows the format: it takes a segment apart, changes entries, and puts it
 * together again with right numbers and checksums. */
#include <cof/audit/verify.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_fixture.h"
#include "frame.h"
#include "leaf.h"
#include "segment.h"

#define SEGMENT "seg/0000000000000000.log"

enum { MAX_ENTRIES = 400 };

/* A segment taken apart; views into `file`. */
struct parts {
    struct cof_buffer file;
    size_t head_size;
    size_t count;
    struct {
        struct cof_bytes raw; /* leaf and payload frames as they stand */
        struct cof_bytes leaf;
        struct cof_bytes payload;
    } entries[MAX_ENTRIES];
};

static void take_apart(const struct audit_fixture *fixture, const char *name, struct parts *parts)
{
    struct cof_frame frame;
    size_t size = 0;
    memset(parts, 0, sizeof(*parts));
    audit_load(fixture, name, &parts->file);
    struct cof_bytes rest = cof_buffer_bytes(&parts->file);
    assert_int_equal(cof_frame_parse(rest, &frame, &size), COF_FRAME_WHOLE);
    parts->head_size = size;
    for (;;) {
        rest.data += size;
        rest.size -= size;
        if (rest.size == 0)
            break;
        assert_int_equal(cof_frame_parse(rest, &frame, &size), COF_FRAME_WHOLE);
        if (frame.type == COF_FRAME_LEAF) {
            assert_in_range(parts->count, 0, MAX_ENTRIES - 1);
            parts->entries[parts->count].raw = (struct cof_bytes){rest.data, size};
            parts->entries[parts->count++].leaf = frame.body;
        } else {
            parts->entries[parts->count - 1].raw.size += size;
            parts->entries[parts->count - 1].payload = frame.body;
        }
    }
}

static void parts_deinit(struct parts *parts)
{
    cof_buffer_deinit(&parts->file);
}

static void put_head(const struct parts *parts, struct cof_buffer *out)
{
    cof_buffer_append(out, parts->file.data, parts->head_size);
}

static void put_raw(const struct parts *parts, size_t index, struct cof_buffer *out)
{
    cof_buffer_append(out, parts->entries[index].raw.data, parts->entries[index].raw.size);
}

/* Entry `index` written again under another number, with right checksums. */
static void put_forged(const struct parts *parts, size_t index, uint64_t seq,
                       struct cof_buffer *out)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
    struct cof_leaf leaf;
    assert_int_equal(cof_leaf_decode(parts->entries[index].leaf, &leaf, NULL), COF_OK);
    leaf.seq = seq;
    cof_leaf_append(&encoded, &leaf);
    cof_frame_append(out, COF_FRAME_LEAF, seq, cof_buffer_bytes(&encoded));
    if (leaf.has_payload)
        cof_frame_append(out, COF_FRAME_PAYLOAD, seq, parts->entries[index].payload);
}

static void store(const struct audit_fixture *fixture, const char *name,
                  const struct cof_buffer *content)
{
    assert_int_equal(cof_buffer_status(content, NULL), COF_OK);
    audit_store(fixture, name, cof_buffer_bytes(content));
}

/* 40 entries, checkpoints at 10, 20 and 40. */
static void make_log(struct audit_fixture *fixture)
{
    static const uint64_t counts[] = {10, 10, 20};
    uint64_t first = 0;
    for (size_t i = 0; i < 3; i++) {
        struct cof_audit_log *log = audit_open(fixture);
        audit_append(log, first, counts[i]);
        first += counts[i];
        cof_audit_log_close(log);
    }
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
}

static void verify__finds_swapped_entries(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(parts_deinit) struct parts parts;
    make_log(fixture);
    take_apart(fixture, SEGMENT, &parts);
    for (int is_forged = 0; is_forged < 2; is_forged++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
        struct cof_audit_report report;
        put_head(&parts, &out);
        for (size_t i = 0; i < parts.count; i++) {
            size_t from = i == 13 ? 14 : i == 14 ? 13 : i;
            if (is_forged)
                put_forged(&parts, from, i, &out);
            else
                put_raw(&parts, from, &out);
        }
        store(fixture, SEGMENT, &out);
        assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_TAMPERED);
        /* numbered right, the root of the checkpoint of 20 tells: somewhere from 10 on */
        assert_int_equal(report.first_bad_seq, is_forged ? 10 : 13);
    }
}

static void verify__finds_duplicated_entries(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(parts_deinit) struct parts parts;
    make_log(fixture);
    take_apart(fixture, SEGMENT, &parts);
    for (int is_forged = 0; is_forged < 2; is_forged++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
        uint64_t seq = 0;
        put_head(&parts, &out);
        for (size_t i = 0; i < parts.count; i++) {
            for (int copy = 0; copy < (i == 5 || i == 6 ? 2 : 1); copy++) {
                if (is_forged)
                    put_forged(&parts, i, seq++, &out);
                else
                    put_raw(&parts, i, &out);
            }
        }
        store(fixture, SEGMENT, &out);
        assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TAMPERED);
    }
}

static void verify__finds_deleted_entries(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(parts_deinit) struct parts parts;
    make_log(fixture);
    take_apart(fixture, SEGMENT, &parts);
    for (int is_forged = 0; is_forged < 2; is_forged++) {
        for (size_t gone = 0; gone + 1 < parts.count; gone += 3) {
            COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
            struct cof_audit_report report;
            uint64_t seq = 0;
            put_head(&parts, &out);
            for (size_t i = 0; i < parts.count; i++) {
                if (i == gone || i == gone + 1)
                    continue;
                if (is_forged)
                    put_forged(&parts, i, seq++, &out);
                else
                    put_raw(&parts, i, &out);
            }
            store(fixture, SEGMENT, &out);
            enum cof_audit_verdict verdict = audit_verdict(fixture, &report);
            /* a last checkpoint's entries renumbered without a gap are too few, before all else */
            bool is_cut = is_forged ? gone >= 20 : gone + 2 == parts.count;
            assert_int_equal(verdict, is_cut ? COF_AUDIT_TRUNCATED : COF_AUDIT_TAMPERED);
        }
    }
}

static void verify__finds_a_changed_leaf_with_a_right_checksum(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(parts_deinit) struct parts parts;
    make_log(fixture);
    take_apart(fixture, SEGMENT, &parts);
    for (size_t changed = 0; changed < parts.count; changed += 7) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer encoded = {0};
        struct cof_leaf leaf;
        put_head(&parts, &out);
        for (size_t i = 0; i < parts.count; i++) {
            if (i != changed) {
                put_raw(&parts, i, &out);
                continue;
            }
            assert_int_equal(cof_leaf_decode(parts.entries[i].leaf, &leaf, NULL), COF_OK);
            leaf.outcome = leaf.outcome == COF_OK ? COF_DENIED : COF_OK;
            cof_leaf_append(&encoded, &leaf);
            cof_frame_append(&out, COF_FRAME_LEAF, i, cof_buffer_bytes(&encoded));
            cof_frame_append(&out, COF_FRAME_PAYLOAD, i, parts.entries[i].payload);
        }
        store(fixture, SEGMENT, &out);
        assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TAMPERED);
    }
}

static void verify__finds_an_exchanged_or_missing_payload(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(parts_deinit) struct parts parts;
    make_log(fixture);
    take_apart(fixture, SEGMENT, &parts);
    for (int kind = 0; kind < 3; kind++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
        struct cof_audit_report report;
        put_head(&parts, &out);
        for (size_t i = 0; i < parts.count; i++) {
            if (i != 25) {
                put_raw(&parts, i, &out);
                continue;
            }
            cof_frame_append(&out, COF_FRAME_LEAF, i, parts.entries[i].leaf);
            if (kind == 0) /* that of a neighbour */
                cof_frame_append(&out, COF_FRAME_PAYLOAD, i, parts.entries[i + 1].payload);
            if (kind == 1) /* nothing in it */
                cof_frame_append(&out, COF_FRAME_PAYLOAD, i, (struct cof_bytes){0});
        }
        store(fixture, SEGMENT, &out);
        assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_TAMPERED);
        assert_int_equal(report.first_bad_seq, 25);
    }
}

static void verify__finds_entries_appended_into_what_is_signed(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(parts_deinit) struct parts parts;
    make_log(fixture);
    take_apart(fixture, SEGMENT, &parts);
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    put_head(&parts, &out);
    for (size_t i = 0; i < parts.count; i++)
        put_forged(&parts, i < 39 ? i : 3, i, &out);
    store(fixture, SEGMENT, &out);
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TAMPERED);
}

static void verify__finds_a_segment_of_another_store(void **state)
{
    struct audit_fixture *fixture = *state;
    struct audit_fixture *other = NULL;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer segment = {0};
    make_log(fixture);
    assert_int_equal(audit_set_up((void **)&other), 0);
    make_log(other);
    audit_load(other, SEGMENT, &segment);
    store(fixture, SEGMENT, &segment);
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TAMPERED);
    /* with a head that fits, its entries still are not these */
    COF_CLEANUP(parts_deinit) struct parts parts;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    uint8_t uuid[16];
    take_apart(other, SEGMENT, &parts);
    cof_keyring_store_uuid(fixture->keyring, uuid);
    cof_segment_append_head(&out, uuid, 0);
    for (size_t i = 0; i < parts.count; i++)
        put_raw(&parts, i, &out);
    store(fixture, SEGMENT, &out);
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TAMPERED);
    (void)audit_tear_down((void **)&other);
}

/* Everything replaced by a log of another key: only the auditor's own copy of vkey tells. */
static void verify__with_the_auditors_key_refuses_another_log(void **state)
{
    struct audit_fixture *fixture = *state;
    struct audit_fixture *other = NULL;
    struct cof_audit_report report;
    char kept[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer vkey = {0};
    make_log(fixture);
    audit_load(fixture, "vkey", &vkey);
    temp_dir_join(fixture->top, "kept.vkey", kept, sizeof(kept));
    assert_int_equal(cof_file_write_atomic(kept, cof_buffer_bytes(&vkey), 0600, NULL), COF_OK);
    assert_int_equal(cof_audit_verify(fixture->folder, kept, &report, NULL), COF_OK);
    assert_int_equal(report.verdict, COF_AUDIT_SOUND);
    assert_int_equal(audit_set_up((void **)&other), 0);
    make_log(other);
    assert_int_equal(cof_audit_verify(other->folder, NULL, &report, NULL), COF_OK);
    assert_int_equal(report.verdict, COF_AUDIT_SOUND);
    assert_int_equal(cof_audit_verify(other->folder, kept, &report, NULL), COF_OK);
    assert_int_equal(report.verdict, COF_AUDIT_TAMPERED);
    /* even with this log's names put in place */
    store(other, "vkey", &vkey);
    audit_load(fixture, "origin", &vkey);
    store(other, "origin", &vkey);
    assert_int_equal(cof_audit_verify(other->folder, kept, &report, NULL), COF_OK);
    assert_int_equal(report.verdict, COF_AUDIT_TAMPERED);
    (void)audit_tear_down((void **)&other);
}

static void verify__finds_an_old_checkpoint_put_back(void **state)
{
    struct audit_fixture *fixture = *state;
    struct audit_copy *copies[3];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer old_note = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer old_notes = {0};
    struct cof_audit_report report;
    for (uint64_t i = 0; i < 3; i++) {
        struct cof_audit_log *log = audit_open(fixture);
        audit_append(log, i * 5, 5);
        cof_audit_log_close(log);
        copies[i] = audit_copy_take(fixture);
        if (i == 0)
            audit_load(fixture, "checkpoint", &old_note);
        if (i == 1)
            audit_load(fixture, "checkpoints.log", &old_notes);
    }
    store(fixture, "checkpoint", &old_note);
    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_TAMPERED);
    audit_copy_put_back(fixture, copies[2]);
    store(fixture, "checkpoints.log", &old_notes);
    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_TAMPERED);
    audit_copy_put_back(fixture, copies[2]);
    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
    for (size_t i = 0; i < 3; i++)
        audit_copy_release(copies[i]);
}

static void verify__finds_missing_and_cut_checkpoint_files(void **state)
{
    struct audit_fixture *fixture = *state;
    static const char *const names[] = {"checkpoint", "checkpoints.log", "origin"};
    make_log(fixture);
    struct audit_copy *copy = audit_copy_take(fixture);
    for (size_t i = 0; i < 3; i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
        char path[COF_MAX_PATH];
        audit_path(fixture, names[i], path);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TAMPERED);
        audit_copy_put_back(fixture, copy);
        audit_load(fixture, names[i], &content);
        for (size_t size = 0; size < content.size; size += 3) {
            audit_store(fixture, names[i], (struct cof_bytes){content.data, size});
            assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TAMPERED);
        }
        audit_copy_put_back(fixture, copy);
    }
    audit_copy_release(copy);
}

static void verify__finds_missing_segments(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    uint64_t *first_seqs = NULL;
    size_t count = 0;
    struct cof_audit_log *log = audit_open_small(fixture, 4000);
    audit_append(log, 0, 40);
    cof_audit_log_close(log);
    struct audit_copy *copy = audit_copy_take(fixture);
    assert_int_equal(cof_segment_list(fixture->folder, &arena, &first_seqs, &count, NULL), COF_OK);
    assert_true(count >= 4);
    for (size_t i = 0; i < count; i++) {
        char path[COF_MAX_PATH];
        struct cof_audit_report report;
        assert_int_equal(cof_segment_path(fixture->folder, first_seqs[i], path, NULL), COF_OK);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(audit_verdict(fixture, &report),
                         i + 1 == count ? COF_AUDIT_TRUNCATED : COF_AUDIT_TAMPERED);
        assert_int_equal(report.first_bad_seq, first_seqs[i]);
        audit_copy_put_back(fixture, copy);
        /* cut in the middle of the log: what follows cannot be a torn tail */
        assert_int_equal(truncate(path, 1000), 0);
        assert_int_equal(audit_verdict(fixture, NULL),
                         i + 1 == count ? COF_AUDIT_TRUNCATED : COF_AUDIT_TAMPERED);
        audit_copy_put_back(fixture, copy);
    }
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
    char folder[COF_MAX_PATH];
    char aside[COF_MAX_PATH];
    audit_path(fixture, "seg", folder);
    audit_path(fixture, "aside", aside);
    assert_int_equal(rename(folder, aside), 0);
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TRUNCATED);
    audit_copy_release(copy);
}

static void verify__with_tiles_names_the_entry_that_was_changed(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(parts_deinit) struct parts parts;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_audit_report report;
    struct cof_audit_log *log = audit_open(fixture);
    audit_append_plain(log, 300, 100);
    cof_audit_log_close(log);
    take_apart(fixture, SEGMENT, &parts);
    put_head(&parts, &out);
    for (size_t i = 0; i < parts.count; i++)
        put_forged(&parts, i == 123 ? 124 : i, i, &out);
    store(fixture, SEGMENT, &out);
    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_TAMPERED);
    assert_int_equal(report.first_bad_seq, 123);
}

static void verify__says_what_it_could_not_do(void **state)
{
    struct audit_fixture *fixture = *state;
    struct cof_audit_report report = {.entry_count = 77};
    struct cof_error err;
    char path[COF_MAX_PATH];
    assert_int_equal(cof_audit_verify(fixture->folder, NULL, &report, &err), COF_NOT_FOUND);
    make_log(fixture);
    assert_int_equal(cof_audit_verify(fixture->folder, "/nonexistent/vkey", &report, &err),
                     COF_NOT_FOUND);
    audit_path(fixture, "origin", path);
    assert_int_equal(cof_audit_verify(fixture->folder, path, &report, &err), COF_INVALID);
    audit_path(fixture, "vkey", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(cof_audit_verify(fixture->folder, NULL, &report, &err), COF_NOT_FOUND);
    assert_int_equal(report.entry_count, 77);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, audit_set_up, audit_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(verify__finds_swapped_entries),
        CASE(verify__finds_duplicated_entries),
        CASE(verify__finds_deleted_entries),
        CASE(verify__finds_a_changed_leaf_with_a_right_checksum),
        CASE(verify__finds_an_exchanged_or_missing_payload),
        CASE(verify__finds_entries_appended_into_what_is_signed),
        CASE(verify__finds_a_segment_of_another_store),
        CASE(verify__with_the_auditors_key_refuses_another_log),
        CASE(verify__finds_an_old_checkpoint_put_back),
        CASE(verify__finds_missing_and_cut_checkpoint_files),
        CASE(verify__finds_missing_segments),
        CASE(verify__with_tiles_names_the_entry_that_was_changed),
        CASE(verify__says_what_it_could_not_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
