/* Opening a log after whatever happened to it. */
#include "recover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <cof/base/arena.h>
#include <cof/base/file.h>

#include "segment.h"

/* How many of the last segments are read for their request ids. */
#define RECENT_SEGMENTS 2

struct scan {
    const char *folder;
    const struct cof_log_identity *identity;
    struct cof_recovery *recovery;
    const uint64_t *first_seqs;
    size_t segment_count;
    uint64_t tail_offset; /* where the last segment's complete entries end */
    uint64_t tail_size;   /* of that file */
    uint64_t known_entry_count;
};

static enum cof_status fail_log(const struct scan *scan, const char *what, uint64_t seq,
                                struct cof_error *err)
{
    return COF_FAIL(err, COF_CORRUPT,
                    "the audit log '%.80s' is not what was signed: %s at entry %" PRIu64
                    "; run coffer audit verify and restore the folder from a copy",
                    scan->folder, what, seq);
}

static enum cof_status check_root(const struct scan *scan, struct cof_error *err)
{
    const struct cof_checkpoint *signed_at = &scan->recovery->signed_at;
    struct cof_merkle_hash root;
    if (scan->recovery->tree.size != signed_at->size)
        return COF_OK;
    cof_merkle_root(&scan->recovery->tree, &root);
    if (!cof_merkle_hash_equal(&root, &signed_at->root))
        return COF_FAIL(err, COF_CORRUPT,
                        "the audit log '%.80s' does not fit its checkpoint of %" PRIu64
                        " entries: run coffer audit verify; if only its tiles are wrong, remove "
                        "its folder tile",
                        scan->folder, signed_at->size);
    return COF_OK;
}

static enum cof_status take_entry(const struct scan *scan, const struct cof_entry *entry,
                                  struct cof_error *err)
{
    struct cof_recovery *recovery = scan->recovery;
    struct cof_merkle_hash hash;
    cof_recent_add(recovery->recent, entry->leaf.request_id, entry->leaf.event);
    if (entry->leaf.seq < recovery->tree.size)
        return COF_OK; /* under a full tile already */
    cof_merkle_leaf_hash(entry->leaf_bytes, &hash);
    cof_buffer_append(&recovery->hashes, &hash, sizeof(hash));
    COF_TRY(cof_buffer_status(&recovery->hashes, err));
    cof_merkle_append(&recovery->tree, &hash);
    return check_root(scan, err);
}

static enum cof_status scan_segment(struct scan *scan, size_t index, struct cof_error *err)
{
    COF_CLEANUP(cof_segment_reader_close) struct cof_segment_reader reader = {.fd = -1};
    bool is_last = index + 1 == scan->segment_count;
    enum cof_entry_state state = COF_ENTRY_WHOLE;
    COF_TRY(cof_segment_reader_open(&reader, scan->folder, scan->first_seqs[index],
                                    scan->identity->store_uuid, err));
    /* After a failed fsync the cache may hold what the disk does not: read the disk. */
    (void)posix_fadvise(reader.fd, 0, 0, POSIX_FADV_DONTNEED);
    while (state == COF_ENTRY_WHOLE) {
        struct cof_entry entry;
        COF_TRY(cof_segment_reader_next(&reader, &state, &entry, err));
        if (state == COF_ENTRY_WHOLE)
            COF_TRY(take_entry(scan, &entry, err));
    }
    bool is_whole = state == COF_ENTRY_END;
    if (!is_last && (!is_whole || reader.next_seq != scan->first_seqs[index + 1]))
        return fail_log(scan, "a segment does not reach the next", reader.next_seq, err);
    if (reader.next_seq < scan->recovery->signed_at.size && is_last)
        return fail_log(scan, is_whole ? "it ends" : "it is damaged", reader.next_seq, err);
    scan->tail_offset = reader.offset;
    scan->tail_size = reader.file_size;
    return COF_OK;
}

static size_t first_segment_to_scan(const struct scan *scan, uint64_t from_seq)
{
    size_t index = scan->segment_count;
    while (index > 0 && scan->first_seqs[index - 1] > from_seq)
        index--;
    index = index > 0 ? index - 1 : 0;
    if (scan->segment_count >= RECENT_SEGMENTS && index > scan->segment_count - RECENT_SEGMENTS)
        index = scan->segment_count - RECENT_SEGMENTS;
    return index;
}

static enum cof_status scan_log(struct scan *scan, struct cof_error *err)
{
    struct cof_recovery *recovery = scan->recovery;
    uint64_t full_count = recovery->signed_at.size / COF_TILE_WIDTH;
    enum cof_status status =
        cof_tiles_load(scan->folder, full_count, &recovery->tiles, &recovery->tree, err);
    if (status == COF_NOT_FOUND) { /* tiles follow from the entries */
        recovery->has_rebuilt_tiles = true;
        status = cof_tiles_load(scan->folder, 0, &recovery->tiles, &recovery->tree, err);
    }
    COF_TRY(status);
    COF_TRY(check_root(scan, err));
    if (scan->segment_count == 0)
        return recovery->signed_at.size == 0 ? COF_OK : fail_log(scan, "it ends", 0, err);
    size_t first = first_segment_to_scan(scan, recovery->tree.size);
    if (scan->first_seqs[first] > recovery->tree.size)
        return fail_log(scan, "a segment is missing", recovery->tree.size, err);
    for (size_t i = first; i < scan->segment_count; i++)
        COF_TRY(scan_segment(scan, i, err));
    return COF_OK;
}

/* Removes a segment of which not even the head is whole, or cuts it behind its last whole entry. */
static enum cof_status cut_segment(struct scan *scan, const char *path, struct cof_error *err)
{
    struct cof_recovery *recovery = scan->recovery;
    if (scan->tail_offset == 0) { /* the next append makes it anew */
        if (unlink(path) != 0)
            return COF_FAIL(err, COF_IO, "cannot remove '%.160s': %s", path, strerror(errno));
        return COF_OK;
    }
    COF_CLEANUP(cof_fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return COF_FAIL(err, COF_IO, "cannot open '%.160s': %s", path, strerror(errno));
    if (recovery->cut_bytes > 0 && ftruncate(fd, (off_t)scan->tail_offset) != 0)
        return COF_FAIL(err, COF_IO, "cannot cut '%.160s': %s", path, strerror(errno));
    recovery->has_segment = true;
    recovery->segment_first_seq = scan->first_seqs[scan->segment_count - 1];
    recovery->segment_size = scan->tail_offset;
    return cof_fd_sync(fd, err);
}

/* Entries found whole may never have been synced; from here on they count as durable. */
static enum cof_status cut_tail(struct scan *scan, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    char folder[COF_MAX_PATH];
    if (scan->segment_count == 0)
        return COF_OK;
    scan->recovery->cut_bytes = scan->tail_size - scan->tail_offset;
    COF_TRY(cof_segment_path(scan->folder, scan->first_seqs[scan->segment_count - 1], path, err));
    COF_TRY(cut_segment(scan, path, err));
    COF_TRY(cof_path_join(folder, scan->folder, COF_SEGMENT_FOLDER, err));
    return cof_folder_sync(folder, err);
}

static enum cof_status write_tile(void *context, unsigned level, uint64_t index,
                                  const struct cof_merkle_hash hashes[COF_TILE_WIDTH],
                                  struct cof_error *err)
{
    return cof_tile_write(context, level, index, hashes, err);
}

/* Writes again what the newest checkpoint promises to be there. */
static enum cof_status rebuild_tiles(const struct scan *scan, struct cof_error *err)
{
    struct cof_recovery *recovery = scan->recovery;
    char folder[COF_MAX_PATH];
    uint64_t count = recovery->signed_at.size / COF_TILE_WIDTH * COF_TILE_WIDTH;
    if (!recovery->has_rebuilt_tiles)
        return COF_OK;
    memcpy(folder, scan->folder, strlen(scan->folder) + 1);
    for (uint64_t i = 0; i < count; i++) {
        struct cof_merkle_hash hash;
        memcpy(&hash, recovery->hashes.data + i * sizeof(hash), sizeof(hash));
        COF_TRY(cof_tiles_append(&recovery->tiles, &hash, write_tile, folder, err));
    }
    size_t done = (size_t)count * sizeof(struct cof_merkle_hash);
    size_t rest = recovery->hashes.size - done;
    if (rest > 0)
        memmove(recovery->hashes.data, recovery->hashes.data + done, rest);
    recovery->hashes.size = rest;
    return COF_OK;
}

static enum cof_status mend_checkpoints(const struct scan *scan,
                                        const struct cof_checkpoint_tail *tail,
                                        const struct cof_checkpoint *shown,
                                        const struct cof_keyring *keyring, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    if (tail->whole_size < tail->file_size) {
        COF_TRY(cof_path_join(path, scan->folder, COF_CHECKPOINT_LOG_NAME, err));
        COF_CLEANUP(cof_fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || ftruncate(fd, (off_t)tail->whole_size) != 0)
            return COF_FAIL(err, COF_IO, "cannot cut '%.160s': %s", path, strerror(errno));
        COF_TRY(cof_fd_sync(fd, err));
    }
    if (cof_checkpoint_equal(shown, &tail->newest))
        return COF_OK;
    cof_log_sign(scan->identity, keyring, &tail->newest, &note);
    COF_TRY(cof_buffer_status(&note, err));
    COF_TRY(cof_path_join(path, scan->folder, COF_CHECKPOINT_NAME, err));
    return cof_file_write_atomic(path, cof_buffer_bytes(&note), 0600, err);
}

static enum cof_status load_checkpoints(const char *folder, const struct cof_note_key *key,
                                        struct cof_checkpoint_tail *out_tail,
                                        struct cof_checkpoint *out_shown, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    enum cof_status status = cof_checkpoint_load(folder, key, out_shown, &note, err);
    if (status == COF_OK)
        status = cof_checkpoint_tail_load(folder, key, out_tail, err);
    if (status == COF_NOT_FOUND || status == COF_CORRUPT || status == COF_TOO_LARGE)
        return COF_FAIL(
            err, COF_CORRUPT,
            "the audit log '%.80s' lacks checkpoints signed by its key: run coffer audit "
            "verify and restore the folder from a copy",
            folder);
    COF_TRY(status);
    bool is_newest = cof_checkpoint_equal(out_shown, &out_tail->newest);
    bool is_previous =
        out_tail->has_previous && cof_checkpoint_equal(out_shown, &out_tail->previous);
    if (!is_newest && !is_previous)
        return COF_FAIL(err, COF_CORRUPT,
                        "in the audit log '%.80s' checkpoint and checkpoints.log do not fit: run "
                        "coffer audit verify and restore the folder from a copy",
                        folder);
    return COF_OK;
}

static enum cof_status check_known(const struct scan *scan, struct cof_error *err)
{
    uint64_t size = scan->recovery->tree.size;
    if (size >= scan->known_entry_count)
        return COF_OK;
    return COF_FAIL(err, COF_CORRUPT,
                    "the audit log holds %" PRIu64 " entries, the store has seen %" PRIu64
                    ": it was cut, replaced or taken from an older copy; restore the folder audit",
                    size, scan->known_entry_count);
}

static enum cof_status recover(struct scan *scan, const struct cof_keyring *keyring,
                               struct cof_error *err)
{
    struct cof_checkpoint_tail tail = {0};
    struct cof_checkpoint shown = {0};
    uint64_t *first_seqs = NULL;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_TRY(load_checkpoints(scan->folder, &scan->identity->key, &tail, &shown, err));
    scan->recovery->signed_at = tail.newest;
    enum cof_status status =
        cof_segment_list(scan->folder, &arena, &first_seqs, &scan->segment_count, err);
    if (status == COF_NOT_FOUND)
        return fail_log(scan, "its folder seg is missing", 0, err);
    COF_TRY(status);
    scan->first_seqs = first_seqs;
    COF_TRY(scan_log(scan, err));
    COF_TRY(check_known(scan, err));
    COF_TRY(cut_tail(scan, err));
    COF_TRY(rebuild_tiles(scan, err));
    return mend_checkpoints(scan, &tail, &shown, keyring, err);
}

enum cof_status cof_recover(const char *folder, const struct cof_log_identity *identity,
                            const struct cof_keyring *keyring, uint64_t known_entry_count,
                            struct cof_recovery *out_recovery, struct cof_error *err)
{
    memset(out_recovery, 0, sizeof(*out_recovery));
    struct scan scan = {.folder = folder,
                        .identity = identity,
                        .recovery = out_recovery,
                        .known_entry_count = known_entry_count};
    out_recovery->recent = cof_recent_create();
    if (out_recovery->recent == NULL)
        return COF_FAIL_MEMORY(err);
    enum cof_status status = recover(&scan, keyring, err);
    if (status != COF_OK)
        cof_recovery_deinit(out_recovery);
    return status;
}

void cof_recovery_deinit(struct cof_recovery *recovery)
{
    cof_recent_destroy(recovery->recent);
    recovery->recent = NULL;
    cof_buffer_deinit(&recovery->hashes);
}
