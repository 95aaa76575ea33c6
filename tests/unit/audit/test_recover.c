/* Opening after a crash: what fits is mended, what does not is refused untouched. */
#include <cof/audit/log.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit_fixture.h"

#define SEGMENT "seg/0000000000000000.log"

/* A log as a crash leaves it: 6 entries signed, 4 more durable but not signed. */
static struct audit_copy *make_crashed(struct audit_fixture *fixture)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    struct cof_audit_log *log = audit_open(fixture);
    audit_append(log, 0, 6);
    assert_int_equal(cof_audit_log_checkpoint(log, &note, NULL), COF_OK);
    audit_append(log, 6, 4);
    struct audit_copy *copy = audit_copy_take(fixture);
    cof_audit_log_close(log);
    audit_copy_put_back(fixture, copy);
    return copy;
}

static enum cof_status try_open(struct audit_fixture *fixture, struct cof_audit_log **out_log,
                                struct cof_error *err)
{
    const struct cof_audit_log_options options = audit_options(fixture);
    *out_log = NULL;
    return cof_audit_log_open(&options, out_log, err);
}

/* Opening is COF_CORRUPT, names what to do, and changes no byte. */
static void assert_refused_untouched(struct audit_fixture *fixture)
{
    struct cof_audit_log *log = NULL;
    struct cof_error err = {0};
    struct audit_copy *before = audit_copy_take(fixture);
    assert_int_equal(try_open(fixture, &log, &err), COF_CORRUPT);
    assert_null(log);
    if (strstr(err.message, "run coffer audit verify") == NULL)
        fail_msg("\"%s\" names no cure", err.message);
    struct audit_copy *after = audit_copy_take(fixture);
    assert_true(audit_copy_equal(before, after));
    audit_copy_release(after);
    for (int i = 0; i < 2; i++) { /* and opening again says the same */
        assert_int_equal(try_open(fixture, &log, &err), COF_CORRUPT);
        assert_null(log);
    }
    audit_copy_release(before);
}

static void open__keeps_durable_entries_that_no_checkpoint_covers(void **state)
{
    struct audit_fixture *fixture = *state;
    struct audit_copy *copy = make_crashed(fixture);
    struct cof_audit_report report;
    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
    assert_int_equal(report.checkpoint_size, 6);
    assert_int_equal(report.entry_count, 10);
    struct cof_audit_log *log = audit_open(fixture);
    assert_int_equal(cof_audit_log_size(log), 10);
    cof_audit_log_close(log);
    assert_string_equal(fixture->notices, "");
    assert_int_equal(audit_verdict(fixture, &report), COF_AUDIT_SOUND);
    assert_int_equal(report.checkpoint_size, 10);
    audit_copy_release(copy);
}

/* Every length a crash can leave behind the signed entries, and every one it cannot. */
static void open__cuts_a_torn_tail_and_refuses_a_cut_log(void **state)
{
    struct audit_fixture *fixture = *state;
    struct audit_copy *copy = make_crashed(fixture);
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer segment = {0};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    size_t refused = 0;
    size_t mended = 0;
    audit_load(fixture, SEGMENT, &segment);
    for (size_t size = 0; size<segment.size; size += size + 900> segment.size ? 13 : 131) {
        struct cof_audit_report report;
        struct cof_audit_log *log = NULL;
        audit_copy_put_back(fixture, copy);
        audit_store(fixture, SEGMENT, (struct cof_bytes){segment.data, size});
        enum cof_audit_verdict verdict = audit_verdict(fixture, &report);
        if (report.entry_count < 6) {
            assert_int_equal(verdict, COF_AUDIT_TRUNCATED);
            assert_int_equal(report.first_bad_seq, report.entry_count);
            assert_refused_untouched(fixture);
            refused++;
            continue;
        }
        fixture->notices[0] = '\0';
        log = audit_open(fixture);
        bool is_torn = verdict == COF_AUDIT_TORN_TAIL;
        assert_int_equal(cof_audit_log_size(log), report.entry_count + is_torn);
        cof_audit_log_close(log);
        assert_int_equal(strstr(fixture->notices, "cut off") != NULL, is_torn);
        if (is_torn) {
            struct cof_audit_entry *entries = NULL;
            size_t count = 0;
            assert_int_equal(cof_audit_read(fixture->folder, fixture->keyring, report.entry_count,
                                            1, &arena, &entries, &count, NULL),
                             COF_OK);
            assert_int_equal(entries[0].record.event, COF_AUDIT_RECOVERY);
            assert_non_null(strstr(entries[0].record.details.data, "\"cut_bytes\":"));
            mended++;
        }
        assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
    }
    assert_true(refused > 10 && mended > 10);
    audit_copy_release(copy);
}

static void open__refuses_a_flipped_bit_in_signed_entries(void **state)
{
    struct audit_fixture *fixture = *state;
    struct audit_copy *copy = make_crashed(fixture);
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer segment = {0};
    audit_load(fixture, SEGMENT, &segment);
    size_t signed_size = segment.size * 6 / 11; /* within the first six entries for sure */
    for (size_t i = 0; i < signed_size; i += 61) {
        segment.data[i] ^= 0x10;
        audit_store(fixture, SEGMENT, cof_buffer_bytes(&segment));
        assert_refused_untouched(fixture);
        segment.data[i] ^= 0x10;
    }
    audit_copy_release(copy);
}

static void open__refuses_missing_and_foreign_files(void **state)
{
    struct audit_fixture *fixture = *state;
    static const char *const names[] = {"checkpoint", "checkpoints.log", SEGMENT, "vkey"};
    struct audit_copy *copy = make_crashed(fixture);
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[COF_MAX_PATH];
        audit_path(fixture, names[i], path);
        assert_int_equal(unlink(path), 0);
        assert_refused_untouched(fixture);
        audit_copy_put_back(fixture, copy);
        audit_load(fixture, names[i], &content);
        content.data[0] ^= 1;
        audit_store(fixture, names[i], cof_buffer_bytes(&content));
        assert_refused_untouched(fixture);
        audit_copy_put_back(fixture, copy);
    }
    cof_audit_log_close(audit_open(fixture));
    audit_copy_release(copy);
}

/* The process died between the two files of a checkpoint, or within the first of them. */
static void open__finishes_a_checkpoint_that_a_crash_interrupted(void **state)
{
    struct audit_fixture *fixture = *state;
    struct audit_copy *copy = make_crashed(fixture);
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer old_note = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer notes = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer shown = {0};
    audit_load(fixture, "checkpoint", &old_note);
    cof_audit_log_close(audit_open(fixture)); /* signs all ten */
    audit_load(fixture, "checkpoints.log", &notes);
    audit_load(fixture, "checkpoint", &shown);
    audit_store(fixture, "checkpoint", cof_buffer_bytes(&old_note));
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
    cof_audit_log_close(audit_open(fixture));
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer mended = {0};
    audit_load(fixture, "checkpoint", &mended);
    assert_true(cof_bytes_equal(cof_buffer_bytes(&shown), cof_buffer_bytes(&mended)));

    for (size_t cut = 1; cut < shown.size; cut += 23) {
        audit_store(fixture, "checkpoint", cof_buffer_bytes(&old_note));
        audit_store(fixture, "checkpoints.log", (struct cof_bytes){notes.data, notes.size - cut});
        assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TORN_TAIL);
        cof_audit_log_close(audit_open(fixture));
        assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer again = {0};
        audit_load(fixture, "checkpoints.log", &again);
        assert_true(cof_bytes_equal(cof_buffer_bytes(&notes), cof_buffer_bytes(&again)));
    }
    audit_copy_release(copy);
}

static void open__refuses_an_old_checkpoint_put_back(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer old_note = {0};
    for (uint64_t round = 0; round < 3; round++) {
        struct cof_audit_log *log = audit_open(fixture);
        audit_append(log, round * 2, 2);
        cof_audit_log_close(log);
        if (round == 0)
            audit_load(fixture, "checkpoint", &old_note);
    }
    audit_store(fixture, "checkpoint", cof_buffer_bytes(&old_note));
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TAMPERED);
    assert_refused_untouched(fixture);
}

static void open__starts_a_segment_whose_head_was_torn(void **state)
{
    struct audit_fixture *fixture = *state;
    static const uint8_t head[] = {'C', 'A', 'U', 'D', 0, 1, 0, 0, 0, 0, 0, 32, 1, 2, 3, 4};
    uint64_t count = 3;
    struct cof_audit_log *log = audit_open(fixture);
    audit_append(log, 0, count);
    cof_audit_log_close(log);
    for (size_t size = 0; size <= sizeof(head); size += 8) {
        char name[64];
        (void)snprintf(name, sizeof(name), "seg/%016llx.log", (unsigned long long)count);
        audit_store(fixture, name, (struct cof_bytes){head, size});
        assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TORN_TAIL);
        log = audit_open(fixture);
        count = cof_audit_log_size(log); /* one more, of the recovery, when bytes were cut */
        assert_int_equal(count, 3 + size / 8);
        cof_audit_log_close(log);
        assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
    }
}

static void open__rebuilds_tiles_that_are_gone_and_refuses_wrong_ones(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer tile = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer again = {0};
    char path[COF_MAX_PATH];
    struct cof_audit_log *log = audit_open_small(fixture, 9000);
    audit_append_plain(log, 700, 50);
    cof_audit_log_close(log);
    audit_load(fixture, "tile/0/001", &tile);

    tile.data[77] ^= 1;
    audit_store(fixture, "tile/0/001", cof_buffer_bytes(&tile));
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TAMPERED);
    assert_refused_untouched(fixture);
    tile.data[77] ^= 1;
    audit_store(fixture, "tile/0/001", cof_buffer_bytes(&tile));

    audit_path(fixture, "tile/0/001", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TAMPERED);
    log = audit_open_small(fixture, 9000);
    assert_non_null(strstr(fixture->notices, "rebuilt"));
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
    audit_append_plain(log, 100, 50);
    cof_audit_log_close(log);
    audit_load(fixture, "tile/0/001", &again);
    assert_true(cof_bytes_equal(cof_buffer_bytes(&tile), cof_buffer_bytes(&again)));
    audit_path(fixture, "tile/0/002", path);
    assert_true(cof_path_exists(path));
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
}

/* The making of the folder was interrupted before its last file. */
static void open__finishes_a_folder_that_was_being_made(void **state)
{
    struct audit_fixture *fixture = *state;
    static const char *const names[] = {"vkey", "origin", "checkpoint", "checkpoints.log"};
    char path[COF_MAX_PATH];
    cof_audit_log_close(audit_open(fixture));
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j <= i; j++) {
            audit_path(fixture, names[j], path);
            assert_int_equal(unlink(path), 0);
        }
        cof_audit_log_close(audit_open(fixture));
        assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, audit_set_up, audit_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(open__keeps_durable_entries_that_no_checkpoint_covers),
        CASE(open__cuts_a_torn_tail_and_refuses_a_cut_log),
        CASE(open__refuses_a_flipped_bit_in_signed_entries),
        CASE(open__refuses_missing_and_foreign_files),
        CASE(open__finishes_a_checkpoint_that_a_crash_interrupted),
        CASE(open__refuses_an_old_checkpoint_put_back),
        CASE(open__starts_a_segment_whose_head_was_torn),
        CASE(open__rebuilds_tiles_that_are_gone_and_refuses_wrong_ones),
        CASE(open__finishes_a_folder_that_was_being_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
