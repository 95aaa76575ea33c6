/* A segment file of anybody's making in a folder whose checkpoints are genuine.
 *
 * The folder is made the same way every time: 12 entries signed, from seeded keys and a standing
 * clock. Verification must stay silent only where the signed bytes stand unchanged. */
#include "fuzzing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cof/audit/log.h>
#include <cof/audit/verify.h>
#include <cof/base/file.h>

#include "temp_dir.h"

#define SEGMENT "seg/0000000000000000.log"
#define ENTRY_COUNT 12

static char top[TEMP_DIR_PATH_SIZE];
static char folder[COF_MAX_PATH];
static char segment_path[COF_MAX_PATH];
static struct cof_keyring *keyring;
static struct cof_buffer genuine;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void clean_up(void)
{
    cof_keyring_close(keyring);
    cof_buffer_deinit(&genuine);
    temp_dir_remove(top);
}

static void append_entries(struct cof_audit_log *log)
{
    for (uint8_t i = 0; i < ENTRY_COUNT; i++) {
        const struct cof_audit_resource resource = {.document_number = i, .version = 1};
        struct cof_audit_record record = {
            .event = i % 2 == 0 ? COF_AUDIT_SEARCH : COF_AUDIT_SYSTEM_READ,
            .request_id = {i},
            .intent_seq = UINT64_MAX,
            .subject = i % 2 == 0 ? COF_TEXT("someone") : (struct cof_text){0},
            .query = i % 4 == 0 ? COF_TEXT("a question") : (struct cof_text){0},
            .resources = &resource,
            .resource_count = i % 3,
        };
        record.resource_count = record.resource_count > 1 ? 1 : record.resource_count;
        require(cof_audit_log_append(log, &record, NULL, NULL) == COF_OK);
    }
}

static void make_folder(void)
{
    static struct cof_seeded_random seed;
    static struct cof_manual_clock now = {.wall_ns = 1000000};
    const struct cof_random random = cof_seeded_random_init(&seed, 1);
    const struct cof_clock clock = cof_manual_clock_init(&now);
    char keys[COF_MAX_PATH];
    struct cof_audit_log *log = NULL;

    temp_dir_create(top);
    require(atexit(clean_up) == 0);
    temp_dir_join(top, "keys", keys, sizeof(keys));
    temp_dir_join(top, "audit", folder, sizeof(folder));
    const struct cof_keyring_options key_options = {
        .folder = keys, .clock = &clock, .random = &random};
    require(cof_keyring_create(&key_options, &keyring, NULL) == COF_OK);
    const struct cof_audit_log_options options = {.folder = folder,
                                                  .keyring = keyring,
                                                  .clock = &clock,
                                                  .random = &random,
                                                  .checkpoint_ms = 1000000};
    require(cof_audit_log_open(&options, &log, NULL) == COF_OK);
    append_entries(log);
    cof_audit_log_close(log);
    require(cof_path_join(segment_path, folder, SEGMENT, NULL) == COF_OK);
    require(cof_file_read(segment_path, 1 << 20, &genuine, NULL) == COF_OK);
}

static void store_segment(const uint8_t *data, size_t size)
{
    const struct cof_bytes bytes = {.data = data, .size = size};
    COF_CLEANUP(cof_fd_close) int fd = open(segment_path, O_WRONLY | O_CLOEXEC);
    require(fd >= 0 && cof_fd_write_at(fd, 0, bytes, NULL) == COF_OK);
    require(ftruncate(fd, (off_t)size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_audit_entry *entries = NULL;
    struct cof_audit_report report;
    size_t count = 0;
    uint64_t total = 0;

    if (top[0] == '\0')
        make_folder();
    store_segment(data, size);
    require(cof_audit_verify(folder, NULL, &report, NULL) == COF_OK);
    bool is_genuine = size >= genuine.size && memcmp(data, genuine.data, genuine.size) == 0;
    bool is_accepted = report.verdict == COF_AUDIT_SOUND || report.verdict == COF_AUDIT_TORN_TAIL;
    require(is_genuine == is_accepted);
    if (cof_audit_count(folder, &total, NULL) == COF_OK && total < 1000) {
        enum cof_status status =
            cof_audit_read(folder, keyring, 0, 1000, &arena, &entries, &count, NULL);
        require(status == COF_OK || status == COF_CORRUPT);
    }
    return 0;
}
