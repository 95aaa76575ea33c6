/* Reading entries back, beside a running server or without one. */
#include <cof/audit/log.h>

#include <inttypes.h>
#include <string.h>

#include <cof/base/file.h>

#include "identity.h"
#include "segment.h"

#define MAX_VKEY_BYTES ((size_t)4096)

static enum cof_status load_identity(const char *folder, struct cof_log_identity *out_identity,
                                     struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer vkey = {0};
    COF_TRY(cof_path_join(path, folder, COF_VKEY_NAME, err));
    if (!cof_path_exists(path))
        return COF_FAIL(err, COF_NOT_FOUND, "there is no audit log in '%.160s'", folder);
    COF_TRY(cof_file_read(path, MAX_VKEY_BYTES, &vkey, err));
    enum cof_status status = cof_log_identity_from_vkey(cof_buffer_text(&vkey), out_identity, err);
    if (status == COF_CORRUPT)
        return COF_FAIL(err, COF_CORRUPT, "'%.160s' is not the key of an audit log of Coffer",
                        path);
    return status;
}

static enum cof_status fill_entry(struct cof_audit_entry *out, const struct cof_entry *entry,
                                  const struct cof_keyring *keyring, struct cof_arena *arena,
                                  struct cof_error *err)
{
    const struct cof_leaf *leaf = &entry->leaf;
    struct cof_audit_resource *resources = NULL;
    size_t resource_count = 0;
    COF_TRY(cof_leaf_resources(leaf, arena, &resources, &resource_count, err));
    *out = (struct cof_audit_entry){
        .seq = leaf->seq,
        .has_payload = leaf->has_payload,
        .record =
            {
                .event = leaf->event,
                .outcome = leaf->outcome,
                .intent_seq = leaf->intent_seq,
                .time_ns = leaf->time_ns,
                .credential_id = leaf->credential_id,
                .collection = leaf->collection,
                .resources = resources,
                .resource_count = resource_count,
            },
    };
    memcpy(out->record.request_id, leaf->request_id, sizeof(leaf->request_id));
    if (!leaf->has_payload || keyring == NULL)
        return COF_OK;
    enum cof_status status =
        cof_payload_open(leaf, entry->payload, keyring, arena, &out->record, err);
    /* one whose key is gone stays sealed; its leaf is still worth reading */
    return status == COF_CORRUPT ? COF_OK : status;
}

/* Reads entries from one segment until `count` are there or the segment ends. */
static enum cof_status read_segment(const char *folder, const uint8_t store_uuid[16],
                                    uint64_t segment, const struct cof_keyring *keyring,
                                    uint64_t first, size_t count, struct cof_arena *arena,
                                    struct cof_audit_entry *entries, size_t *done,
                                    struct cof_error *err)
{
    COF_CLEANUP(cof_segment_reader_close) struct cof_segment_reader reader = {.fd = -1};
    COF_TRY(cof_segment_reader_open(&reader, folder, segment, store_uuid, err));
    while (*done < count) {
        enum cof_entry_state state = COF_ENTRY_END;
        struct cof_entry entry;
        COF_TRY(cof_segment_reader_next(&reader, &state, &entry, err));
        if (state == COF_ENTRY_BAD)
            return COF_FAIL(err, COF_CORRUPT,
                            "the audit log is damaged at entry %" PRIu64
                            " (%s): run coffer audit verify",
                            reader.next_seq, reader.reason);
        if (state != COF_ENTRY_WHOLE)
            return COF_OK;
        if (entry.leaf.seq < first)
            continue;
        COF_TRY(fill_entry(&entries[*done], &entry, keyring, arena, err));
        (*done)++;
    }
    return COF_OK;
}

static enum cof_status count_entries(const char *folder, const uint8_t store_uuid[16],
                                     const uint64_t *segments, size_t segment_count,
                                     uint64_t *out_count, struct cof_error *err)
{
    COF_CLEANUP(cof_segment_reader_close) struct cof_segment_reader reader = {.fd = -1};
    enum cof_entry_state state = COF_ENTRY_WHOLE;
    if (segment_count == 0) {
        *out_count = 0;
        return COF_OK;
    }
    COF_TRY(cof_segment_reader_open(&reader, folder, segments[segment_count - 1], store_uuid, err));
    while (state == COF_ENTRY_WHOLE) {
        struct cof_entry entry;
        COF_TRY(cof_segment_reader_next(&reader, &state, &entry, err));
    }
    *out_count = reader.next_seq;
    return COF_OK;
}

enum cof_status cof_audit_count(const char *folder, uint64_t *out_count, struct cof_error *err)
{
    struct cof_log_identity identity;
    uint64_t *segments = NULL;
    size_t segment_count = 0;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_TRY(load_identity(folder, &identity, err));
    COF_TRY(cof_segment_list(folder, &arena, &segments, &segment_count, err));
    return count_entries(folder, identity.store_uuid, segments, segment_count, out_count, err);
}

enum cof_status cof_audit_read(const char *folder, const struct cof_keyring *keyring,
                               uint64_t first, size_t count, struct cof_arena *arena,
                               struct cof_audit_entry **out_entries, size_t *out_count,
                               struct cof_error *err)
{
    struct cof_log_identity identity;
    uint64_t *segments = NULL;
    size_t segment_count = 0;
    size_t done = 0;
    uint64_t total = 0;
    COF_TRY(load_identity(folder, &identity, err));
    COF_TRY(cof_segment_list(folder, arena, &segments, &segment_count, err));
    COF_TRY(count_entries(folder, identity.store_uuid, segments, segment_count, &total, err));
    uint64_t available = first < total ? total - first : 0;
    if (count > available)
        count = (size_t)available;
    struct cof_audit_entry *entries = cof_arena_array(arena, count, sizeof(*entries));
    if (entries == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < segment_count && done < count; i++) {
        if (i + 1 < segment_count && segments[i + 1] <= first)
            continue;
        COF_TRY(read_segment(folder, identity.store_uuid, segments[i], keyring, first, count, arena,
                             entries, &done, err));
    }
    *out_entries = entries;
    *out_count = done;
    return COF_OK;
}
