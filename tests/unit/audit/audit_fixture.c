/* A store's keys and an audit folder in a temporary folder. */
#include "audit_fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILES = 64 };

struct audit_copy {
    size_t count;
    char names[MAX_FILES][128];
    struct cof_buffer contents[MAX_FILES];
};

static void note(void *context, const char *message)
{
    struct audit_fixture *fixture = context;
    size_t size = strlen(fixture->notices);
    (void)snprintf(fixture->notices + size, sizeof(fixture->notices) - size, "%s\n", message);
}

int audit_set_up(void **state)
{
    struct audit_fixture *fixture = calloc(1, sizeof(*fixture));
    char keys[COF_MAX_PATH];
    assert_non_null(fixture);
    temp_dir_create(fixture->top);
    temp_dir_join(fixture->top, "keys", keys, sizeof(keys));
    temp_dir_join(fixture->top, "audit", fixture->folder, sizeof(fixture->folder));
    const struct cof_keyring_options options = {
        .folder = keys, .clock = cof_clock_system(), .random = cof_random_system()};
    assert_int_equal(cof_keyring_create(&options, &fixture->keyring, NULL), COF_OK);
    *state = fixture;
    return 0;
}

int audit_tear_down(void **state)
{
    struct audit_fixture *fixture = *state;
    cof_keyring_close(fixture->keyring);
    temp_dir_remove(fixture->top);
    free(fixture);
    return 0;
}

struct cof_audit_log_options audit_options(struct audit_fixture *fixture)
{
    return (struct cof_audit_log_options){
        .folder = fixture->folder,
        .keyring = fixture->keyring,
        .clock = cof_clock_system(),
        .random = cof_random_system(),
        .checkpoint_ms = 3600 * 1000L,
        .notice = note,
        .notice_context = fixture,
    };
}

struct cof_audit_log *audit_open(struct audit_fixture *fixture)
{
    return audit_open_small(fixture, 0);
}

struct cof_audit_log *audit_open_small(struct audit_fixture *fixture, uint64_t max_segment_bytes)
{
    struct cof_audit_log *log = NULL;
    struct cof_error err = {0};
    struct cof_audit_log_options options = audit_options(fixture);
    options.max_segment_bytes = max_segment_bytes;
    if (cof_audit_log_open(&options, &log, &err) != COF_OK)
        fail_msg("cannot open the log: %s", err.message);
    return log;
}

struct cof_audit_record audit_record(uint64_t number)
{
    static _Thread_local char query[64];
    static _Thread_local char subject[64];
    static _Thread_local struct cof_audit_resource resources[2];
    static _Thread_local struct cof_audit_result results[3];
    struct cof_audit_record record = {
        .event = COF_AUDIT_SEARCH,
        .outcome = number % 5 == 0 ? COF_DENIED : COF_OK,
        .intent_seq = number % 3 == 0 ? UINT64_MAX : number,
        .time_ns = 1000 + (int64_t)number,
        .credential_id = number + 7,
        .collection = 1 + number % 2,
        .answer = COF_TEXT("an answer"),
        .details = COF_TEXT("{\"k\":5}"),
        .resources = resources,
        .resource_count = 2,
        .results = results,
        .result_count = 3,
    };
    memset(record.request_id, 0x5a, sizeof(record.request_id));
    memcpy(record.request_id, &number, sizeof(number));
    (void)snprintf(query, sizeof(query), "what is number %llu?", (unsigned long long)number);
    (void)snprintf(subject, sizeof(subject), "person-%llu", (unsigned long long)(number % 4));
    record.query = cof_text_from(query);
    record.subject = cof_text_from(subject);
    for (unsigned i = 0; i < 2; i++)
        resources[i] =
            (struct cof_audit_resource){.document_number = number * 10 + i, .version = i};
    for (unsigned i = 0; i < 3; i++)
        results[i] =
            (struct cof_audit_result){.chunk_id = number + i, .score = 0.5F / (float)(i + 1)};
    return record;
}

void audit_append(struct cof_audit_log *log, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++) {
        const struct cof_audit_record record = audit_record(i);
        struct cof_error err = {0};
        uint64_t seq = UINT64_MAX;
        if (cof_audit_log_append(log, &record, &seq, &err) != COF_OK)
            fail_msg("cannot append: %s", err.message);
        assert_int_equal(seq, i);
    }
}

void audit_append_plain(struct cof_audit_log *log, uint64_t count, size_t group)
{
    enum { MAX_GROUP = 512 };
    static struct cof_audit_record records[MAX_GROUP];
    assert_in_range(group, 1, MAX_GROUP);
    for (uint64_t done = 0; done < count;) {
        uint64_t first = cof_audit_log_size(log);
        uint64_t seq = UINT64_MAX;
        size_t size = count - done < group ? (size_t)(count - done) : group;
        for (size_t i = 0; i < size; i++) {
            uint64_t number = first + i;
            records[i] =
                (struct cof_audit_record){.event = COF_AUDIT_SYSTEM_READ, .intent_seq = UINT64_MAX};
            memcpy(records[i].request_id, &number, sizeof(number));
        }
        assert_int_equal(cof_audit_log_append_many(log, records, size, &seq, NULL), COF_OK);
        assert_int_equal(seq, first);
        done += size;
    }
}

enum cof_audit_verdict audit_verdict(const struct audit_fixture *fixture,
                                     struct cof_audit_report *out_report)
{
    struct cof_audit_report report;
    struct cof_error err = {0};
    if (cof_audit_verify(fixture->folder, NULL, &report, &err) != COF_OK)
        fail_msg("cannot verify: %s", err.message);
    assert_true(strlen(report.message) > 5);
    if (out_report != NULL)
        *out_report = report;
    return report.verdict;
}

void audit_path(const struct audit_fixture *fixture, const char *name, char out_path[COF_MAX_PATH])
{
    assert_int_equal(cof_path_join(out_path, fixture->folder, name, NULL), COF_OK);
}

void audit_load(const struct audit_fixture *fixture, const char *name, struct cof_buffer *out)
{
    char path[COF_MAX_PATH];
    audit_path(fixture, name, path);
    cof_buffer_clear(out);
    assert_int_equal(cof_file_read(path, (size_t)1 << 30, out, NULL), COF_OK);
}

/* In place and without syncs, for thousands of variants are written; not cut to nothing first,
 * which some file systems take for a replacement and sync. */
void audit_store(const struct audit_fixture *fixture, const char *name, struct cof_bytes content)
{
    char path[COF_MAX_PATH];
    audit_path(fixture, name, path);
    COF_CLEANUP(cof_fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(cof_fd_write_at(fd, 0, content, NULL), COF_OK);
    assert_int_equal(ftruncate(fd, (off_t)content.size), 0);
}

static struct audit_copy *walk_copy;
static size_t walk_prefix;
static const struct audit_copy *walk_kept;

static int take_file(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)place;
    if (type != FTW_F)
        return 0;
    assert_in_range(walk_copy->count, 0, MAX_FILES - 1);
    size_t i = walk_copy->count++;
    (void)snprintf(walk_copy->names[i], sizeof(walk_copy->names[i]), "%s", path + walk_prefix);
    assert_int_equal(cof_file_read(path, (size_t)1 << 30, &walk_copy->contents[i], NULL), COF_OK);
    return 0;
}

static int remove_if_new(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)place;
    if (type != FTW_F)
        return 0;
    for (size_t i = 0; i < walk_kept->count; i++) {
        if (strcmp(walk_kept->names[i], path + walk_prefix) == 0)
            return 0;
    }
    return unlink(path);
}

struct audit_copy *audit_copy_take(const struct audit_fixture *fixture)
{
    walk_copy = calloc(1, sizeof(*walk_copy));
    assert_non_null(walk_copy);
    walk_prefix = strlen(fixture->folder) + 1;
    assert_int_equal(nftw(fixture->folder, take_file, 8, FTW_PHYS), 0);
    return walk_copy;
}

void audit_copy_put_back(const struct audit_fixture *fixture, const struct audit_copy *copy)
{
    walk_kept = copy;
    walk_prefix = strlen(fixture->folder) + 1;
    assert_int_equal(nftw(fixture->folder, remove_if_new, 8, FTW_PHYS), 0);
    for (size_t i = 0; i < copy->count; i++)
        audit_store(fixture, copy->names[i], cof_buffer_bytes(&copy->contents[i]));
}

bool audit_copy_equal(const struct audit_copy *a, const struct audit_copy *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        size_t j = 0;
        while (j < b->count && strcmp(a->names[i], b->names[j]) != 0)
            j++;
        if (j == b->count ||
            !cof_bytes_equal(cof_buffer_bytes(&a->contents[i]), cof_buffer_bytes(&b->contents[j])))
            return false;
    }
    return true;
}

void audit_copy_release(struct audit_copy *copy)
{
    for (size_t i = 0; i < copy->count; i++)
        cof_buffer_deinit(&copy->contents[i]);
    free(copy);
}
