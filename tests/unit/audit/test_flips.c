/* A bit flipped in every byte of every file of a log, and the log cut at every length.
 *
 * Each of the thousands of variants is verified whole; so the middle of a long file is taken every
 * third byte, unless COF_SOAK is set in the environment. */
#include <cof/audit/verify.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_fixture.h"
#include "frame.h"
#include "segment.h"

#define SEGMENT "seg/0000000000000000.log"
#define EDGE_BYTES ((size_t)2500)

/* 200 entries, every twenty-fifth with a payload, all signed. */
static void make_log(struct audit_fixture *fixture)
{
    struct cof_audit_log *log = audit_open(fixture);
    for (uint64_t i = 0; i < 200;) {
        uint64_t plain = i % 25 == 0 ? 0 : 24;
        if (plain == 0)
            audit_append(log, i, 1);
        else
            audit_append_plain(log, plain, 24);
        i += plain == 0 ? 1 : plain;
    }
    cof_audit_log_close(log);
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
}

static void put_byte(int fd, size_t at, uint8_t byte)
{
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
}

static void flip_every_byte(const struct audit_fixture *fixture, const char *name)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    char path[COF_MAX_PATH];
    audit_load(fixture, name, &content);
    audit_path(fixture, name, path);
    COF_CLEANUP(cof_fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    size_t stride = getenv("COF_SOAK") != NULL ? 1 : 3;
    for (size_t i = 0; i < content.size;
         i += i < EDGE_BYTES || i + EDGE_BYTES > content.size ? 1 : stride) {
        uint8_t flip = (uint8_t)(1 << (i * 5 + i / 8) % 8);
        put_byte(fd, i, content.data[i] ^ flip);
        enum cof_audit_verdict verdict = audit_verdict(fixture, NULL);
        if (verdict != COF_AUDIT_TAMPERED && verdict != COF_AUDIT_TRUNCATED)
            fail_msg("%s: bit %u of byte %zu was not found", name, flip, i);
        put_byte(fd, i, content.data[i]);
    }
    assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_SOUND);
}

static void flips__in_entries_are_found(void **state)
{
    make_log(*state);
    flip_every_byte(*state, SEGMENT);
}

static void flips__in_checkpoints_and_keys_are_found(void **state)
{
    static const char *const names[] = {"checkpoint", "checkpoints.log", "vkey", "origin"};
    make_log(*state);
    for (size_t i = 0; i < 4; i++)
        flip_every_byte(*state, names[i]);
}

static void cuts__of_signed_entries_are_truncation(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    make_log(fixture);
    audit_load(fixture, SEGMENT, &content);
    size_t next_frame = 0;
    for (size_t size = 0; size < content.size; size++) {
        bool is_boundary = size == next_frame;
        if (is_boundary) {
            struct cof_frame frame;
            size_t frame_size = 0;
            const struct cof_bytes rest = {content.data + size, content.size - size};
            assert_int_equal(cof_frame_parse(rest, &frame, &frame_size), COF_FRAME_WHOLE);
            next_frame += frame_size;
        }
        if (!is_boundary && size % 29 != 0)
            continue;
        audit_store(fixture, SEGMENT, (struct cof_bytes){content.data, size});
        assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TRUNCATED);
    }
}

/* Behind the newest checkpoint nothing is signed: a cut there is what a crash leaves. */
static void cuts__of_unsigned_entries_are_a_torn_tail(void **state)
{
    struct audit_fixture *fixture = *state;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer before = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer after = {0};
    struct cof_audit_log *log = audit_open(fixture);
    audit_append(log, 0, 5);
    assert_int_equal(cof_audit_log_checkpoint(log, &note, NULL), COF_OK);
    audit_load(fixture, SEGMENT, &before);
    audit_append(log, 5, 3);
    audit_load(fixture, SEGMENT, &after);
    struct audit_copy *crash = audit_copy_take(fixture);
    cof_audit_log_close(log);
    audit_copy_put_back(fixture, crash);
    audit_copy_release(crash);

    for (size_t size = before.size; size <= after.size; size += size + 3 <= after.size ? 3 : 1) {
        struct cof_audit_report report;
        audit_store(fixture, SEGMENT, (struct cof_bytes){after.data, size});
        enum cof_audit_verdict verdict = audit_verdict(fixture, &report);
        assert_in_range(report.entry_count, 5, 8);
        assert_int_equal(report.checkpoint_size, 5);
        bool is_whole = size == before.size || size == after.size;
        if (is_whole)
            assert_int_equal(verdict, COF_AUDIT_SOUND);
        else
            assert_true(verdict == COF_AUDIT_TORN_TAIL || report.entry_count > 5);
    }
    for (size_t i = before.size; i < after.size; i += 5) { /* damage there is a tail's, too */
        after.data[i] ^= 0x40;
        audit_store(fixture, SEGMENT, cof_buffer_bytes(&after));
        assert_int_equal(audit_verdict(fixture, NULL), COF_AUDIT_TORN_TAIL);
        after.data[i] ^= 0x40;
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, audit_set_up, audit_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(flips__in_entries_are_found),
        CASE(flips__in_checkpoints_and_keys_are_found),
        CASE(cuts__of_signed_entries_are_truncation),
        CASE(cuts__of_unsigned_entries_are_a_torn_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
