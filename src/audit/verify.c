/* Offline verification: every entry against every checkpoint, in one pass over the files.
 *
 * Order of reading matters beside a running server: `checkpoint`, then checkpoints.log as long as
 * it is then, then `checkpoint` again, then the segments. What was shown first must stand in the
 * log; what is shown last may not be older than the log's last note but one; and whatever the log's
 * notes cover is durable in the segments by the time they are listed. */
#include <cof/audit/verify.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/arena.h>
#include <cof/base/file.h>

#include "checkpoints.h"
#include "identity.h"
#include "segment.h"
#include "tiles.h"

#define MAX_LINE_BYTES ((size_t)4096)
/* How often a tail that still grows is looked at again. */
#define MAX_REFRESHES 1000

struct verifier {
    const char *folder;
    struct cof_log_identity identity;
    struct cof_audit_report *report;
    bool is_decided; /* the verdict stands */

    struct cof_note_stream notes;
    bool has_note; /* `note` waits for its size to be reached */
    bool has_short_note;
    struct cof_checkpoint note;
    uint64_t newest_size;   /* of the notes read so far */
    uint64_t previous_size; /* of the one before */
    struct cof_checkpoint shown_first;
    struct cof_buffer shown_note; /* its bytes: the same note need not be checked again */
    bool has_found_shown;
    struct cof_checkpoint shown_last;

    bool has_kept; /* a checkpoint that somebody kept elsewhere */
    struct cof_checkpoint kept;

    struct cof_merkle tree;
    struct cof_tiles tiles;
    uint64_t last_good_size; /* of the last checkpoint whose root fitted */
    bool has_bad_tile;
    uint64_t bad_tile_end; /* leaves that must be signed for it to count */
    uint64_t bad_tile_seq; /* the first leaf it disagrees on, or UINT64_MAX */
    char bad_tile[48];
};

static void decide(struct verifier *verifier, enum cof_audit_verdict verdict, uint64_t seq,
                   const char *format, ...) COF_PRINTF(4, 5);

static void decide(struct verifier *verifier, enum cof_audit_verdict verdict, uint64_t seq,
                   const char *format, ...)
{
    va_list arguments;
    if (verifier->is_decided)
        return;
    verifier->is_decided = true;
    verifier->report->verdict = verdict;
    verifier->report->first_bad_seq = seq;
    va_start(arguments, format);
    (void)vsnprintf(verifier->report->message, sizeof(verifier->report->message), format,
                    arguments);
    va_end(arguments);
}

/* --- who signs --- */

static enum cof_status load_key(struct verifier *verifier, const char *vkey_path,
                                struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer vkey = {0};
    COF_TRY(cof_path_join(path, verifier->folder, COF_VKEY_NAME, err));
    const char *used = vkey_path != NULL ? vkey_path : path;
    enum cof_status status = cof_file_read(used, MAX_LINE_BYTES, &vkey, err);
    if (status == COF_NOT_FOUND)
        return COF_FAIL(err, COF_NOT_FOUND,
                        "there is no verifier key '%.160s': is this the audit folder?", used);
    if (status == COF_OK)
        status = cof_log_identity_from_vkey(cof_buffer_text(&vkey), &verifier->identity, err);
    if (status != COF_CORRUPT && status != COF_TOO_LARGE)
        return status;
    if (vkey_path != NULL)
        return COF_FAIL(err, COF_INVALID, "'%.160s' is not a verifier key of an audit log", used);
    decide(verifier, COF_AUDIT_TAMPERED, UINT64_MAX, "vkey is not a verifier key");
    return COF_OK;
}

/* A text file of one known line. */
static enum cof_status check_line(struct verifier *verifier, const char *name, struct cof_text line,
                                  struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    COF_TRY(cof_path_join(path, verifier->folder, name, err));
    enum cof_status status = cof_file_read(path, MAX_LINE_BYTES, &content, err);
    if (status != COF_OK && status != COF_NOT_FOUND && status != COF_TOO_LARGE)
        return status;
    struct cof_text text = cof_buffer_text(&content);
    if (status != COF_OK || text.size != line.size + 1 || text.data[line.size] != '\n' ||
        !cof_text_has_prefix(text, line))
        decide(verifier, COF_AUDIT_TAMPERED, UINT64_MAX, "%s is missing or not the key's", name);
    return COF_OK;
}

static enum cof_status check_names(struct verifier *verifier, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer vkey = {0};
    cof_vkey_append(&vkey, &verifier->identity.key);
    COF_TRY(cof_buffer_status(&vkey, err));
    COF_TRY(check_line(verifier, COF_VKEY_NAME, cof_buffer_text(&vkey), err));
    return check_line(verifier, COF_ORIGIN_NAME, cof_text_from(verifier->identity.key.name), err);
}

/* --- checkpoints --- */

static enum cof_status load_shown(struct verifier *verifier, struct cof_checkpoint *out_shown,
                                  struct cof_buffer *out_note, struct cof_error *err)
{
    enum cof_status status =
        cof_checkpoint_load(verifier->folder, &verifier->identity.key, out_shown, out_note, err);
    if (status == COF_NOT_FOUND)
        decide(verifier, COF_AUDIT_TAMPERED, UINT64_MAX, "checkpoint is missing");
    else if (status == COF_CORRUPT || status == COF_TOO_LARGE)
        decide(verifier, COF_AUDIT_TAMPERED, UINT64_MAX,
               "checkpoint is not signed by the log's key");
    else
        return status;
    return COF_OK;
}

static enum cof_status open_checkpoints(struct verifier *verifier, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer last_note = {0};
    COF_TRY(load_shown(verifier, &verifier->shown_first, &verifier->shown_note, err));
    if (verifier->is_decided)
        return COF_OK;
    enum cof_status status = cof_note_stream_open(&verifier->notes, verifier->folder, err);
    if (status == COF_NOT_FOUND) {
        decide(verifier, COF_AUDIT_TAMPERED, UINT64_MAX, "checkpoints.log is missing");
        return COF_OK;
    }
    COF_TRY(status);
    return load_shown(verifier, &verifier->shown_last, &last_note, err);
}

/* Reads the next note into `note`; has_note is false at the end. */
static enum cof_status next_note(struct verifier *verifier, struct cof_error *err)
{
    enum cof_note_state state = COF_NOTE_END;
    struct cof_text text;
    struct cof_checkpoint note;
    verifier->has_note = false;
    COF_TRY(cof_note_stream_next(&verifier->notes, &state, &text, err));
    if (state == COF_NOTE_SHORT)
        verifier->has_short_note = true;
    if (state != COF_NOTE_WHOLE)
        return COF_OK;
    bool is_first = verifier->report->checkpoint_count == 0;
    enum cof_status status = COF_OK;
    if (cof_text_equal(text, cof_buffer_text(&verifier->shown_note)))
        note = verifier->shown_first;
    else
        status = cof_checkpoint_check(text, &verifier->identity.key, &note, err);
    if (status == COF_CORRUPT) {
        decide(verifier, COF_AUDIT_TAMPERED, UINT64_MAX,
               "note %" PRIu64 " of checkpoints.log is not signed by the log's key",
               verifier->report->checkpoint_count);
        return COF_OK;
    }
    COF_TRY(status);
    if (is_first ? note.size != 0 : note.size <= verifier->newest_size) {
        decide(verifier, COF_AUDIT_TAMPERED, UINT64_MAX,
               "note %" PRIu64 " of checkpoints.log is not in its place",
               verifier->report->checkpoint_count);
        return COF_OK;
    }
    verifier->report->checkpoint_count++;
    verifier->previous_size = verifier->newest_size;
    verifier->newest_size = note.size;
    verifier->note = note;
    verifier->has_note = true;
    if (cof_checkpoint_equal(&note, &verifier->shown_first))
        verifier->has_found_shown = true;
    return COF_OK;
}

/* Compares the root with each note of the tree's size and goes on to the next note. */
static enum cof_status pass_notes(struct verifier *verifier, struct cof_error *err)
{
    while (!verifier->is_decided && verifier->has_note &&
           verifier->note.size == verifier->tree.size) {
        struct cof_merkle_hash root;
        cof_merkle_root(&verifier->tree, &root);
        if (!cof_merkle_hash_equal(&root, &verifier->note.root)) {
            uint64_t seq = verifier->has_bad_tile && verifier->bad_tile_seq != UINT64_MAX
                               ? verifier->bad_tile_seq
                               : verifier->last_good_size;
            decide(verifier, COF_AUDIT_TAMPERED, seq,
                   "the entries do not fit the checkpoint of %" PRIu64 " entries: one from %" PRIu64
                   " on is not what was signed",
                   verifier->note.size, seq);
            return COF_OK;
        }
        verifier->last_good_size = verifier->note.size;
        verifier->report->checkpoint_size = verifier->note.size;
        memcpy(verifier->report->root, root.bytes, sizeof(root.bytes));
        COF_TRY(next_note(verifier, err));
    }
    return COF_OK;
}

/* Reads the notes that are left, to know what was signed. */
static enum cof_status drain_notes(struct verifier *verifier, struct cof_error *err)
{
    while (!verifier->is_decided && verifier->has_note)
        COF_TRY(next_note(verifier, err));
    return COF_OK;
}

static void check_shown(struct verifier *verifier)
{
    if (!verifier->has_found_shown)
        decide(verifier, COF_AUDIT_TAMPERED, UINT64_MAX,
               "checkpoints.log lacks the checkpoint of %" PRIu64 " entries that was shown",
               verifier->shown_first.size);
    if (verifier->shown_last.size < verifier->previous_size)
        decide(verifier, COF_AUDIT_TAMPERED, UINT64_MAX,
               "checkpoint shows %" PRIu64 " entries where checkpoints.log has %" PRIu64
               ": an old one was put back",
               verifier->shown_last.size, verifier->newest_size);
}

/* --- the checkpoint that was kept --- */

static enum cof_status load_kept(struct verifier *verifier, const char *path, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    COF_TRY(cof_file_read(path, MAX_LINE_BYTES, &note, err));
    enum cof_status status =
        cof_checkpoint_check(cof_buffer_text(&note), &verifier->identity.key, &verifier->kept, err);
    if (status == COF_CORRUPT)
        return COF_FAIL(err, COF_INVALID,
                        "'%.120s' is not a checkpoint signed by this log's key; save the answer of "
                        "GET /v1/audit/checkpoint as it comes",
                        path);
    verifier->has_kept = status == COF_OK;
    return status;
}

static void check_kept(struct verifier *verifier)
{
    struct cof_merkle_hash root;
    if (!verifier->has_kept || verifier->kept.size != verifier->tree.size)
        return;
    cof_merkle_root(&verifier->tree, &root);
    if (!cof_merkle_hash_equal(&root, &verifier->kept.root))
        decide(verifier, COF_AUDIT_TAMPERED, UINT64_MAX,
               "the first %" PRIu64 " entries are not those of the checkpoint that was kept",
               verifier->kept.size);
}

/* A log that is sound in itself may still be an older one. */
static void require_kept(struct verifier *verifier)
{
    enum cof_audit_verdict verdict = verifier->report->verdict;
    if (!verifier->has_kept || verifier->tree.size >= verifier->kept.size ||
        (verdict != COF_AUDIT_SOUND && verdict != COF_AUDIT_TORN_TAIL))
        return;
    verifier->is_decided = false;
    decide(verifier, COF_AUDIT_TRUNCATED, verifier->tree.size,
           "the log ends at entry %" PRIu64 " but the checkpoint that was kept covers %" PRIu64,
           verifier->tree.size, verifier->kept.size);
}

/* --- entries --- */

static enum cof_status check_tile(void *context, unsigned level, uint64_t index,
                                  const struct cof_merkle_hash hashes[COF_TILE_WIDTH],
                                  struct cof_error *err)
{
    struct verifier *verifier = context;
    struct cof_merkle_hash there[COF_TILE_WIDTH];
    uint64_t seq = UINT64_MAX;
    if (verifier->has_bad_tile)
        return COF_OK;
    enum cof_status status = cof_tile_read(verifier->folder, level, index, there, err);
    if (status == COF_OK) {
        size_t i = 0;
        while (i < COF_TILE_WIDTH && cof_merkle_hash_equal(&there[i], &hashes[i]))
            i++;
        if (i == COF_TILE_WIDTH)
            return COF_OK;
        if (level == 0)
            seq = index * COF_TILE_WIDTH + i;
    } else if (status != COF_NOT_FOUND && status != COF_CORRUPT) {
        return status;
    }
    verifier->has_bad_tile = true;
    verifier->bad_tile_seq = seq;
    verifier->bad_tile_end = verifier->tree.size;
    (void)snprintf(verifier->bad_tile, sizeof(verifier->bad_tile), "%u/%" PRIu64, level, index);
    return COF_OK;
}

static enum cof_status take_entry(struct verifier *verifier, const struct cof_entry *entry,
                                  struct cof_error *err)
{
    struct cof_merkle_hash hash;
    cof_merkle_leaf_hash(entry->leaf_bytes, &hash);
    cof_merkle_append(&verifier->tree, &hash);
    verifier->report->entry_count++;
    verifier->report->payload_count += entry->leaf.has_payload ? 1 : 0;
    COF_TRY(cof_tiles_append(&verifier->tiles, &hash, check_tile, verifier, err));
    check_kept(verifier);
    return pass_notes(verifier, err);
}

/* The entries stop at `seq`, before or behind what was signed. */
static enum cof_status stop_at(struct verifier *verifier, uint64_t seq, bool is_cut,
                               const char *reason, struct cof_error *err)
{
    COF_TRY(drain_notes(verifier, err));
    check_shown(verifier);
    if (seq >= verifier->newest_size)
        decide(verifier, COF_AUDIT_TORN_TAIL, UINT64_MAX,
               "sound up to the checkpoint of %" PRIu64 " entries; behind entry %" PRIu64
               " an incomplete one ends the log",
               verifier->newest_size, seq);
    else if (is_cut)
        decide(verifier, COF_AUDIT_TRUNCATED, seq,
               "the log ends at entry %" PRIu64 " but %" PRIu64 " were signed", seq,
               verifier->newest_size);
    else
        decide(verifier, COF_AUDIT_TAMPERED, seq, "entry %" PRIu64 ": %s", seq, reason);
    return COF_OK;
}

static enum cof_status verify_segment(struct verifier *verifier, uint64_t first_seq, bool is_last,
                                      struct cof_error *err)
{
    COF_CLEANUP(cof_segment_reader_close) struct cof_segment_reader reader = {.fd = -1};
    unsigned refreshes = 0;
    COF_TRY(cof_segment_reader_open(&reader, verifier->folder, first_seq,
                                    verifier->identity.store_uuid, err));
    while (!verifier->is_decided) {
        enum cof_entry_state state = COF_ENTRY_END;
        struct cof_entry entry;
        bool has_changed = false;
        COF_TRY(cof_segment_reader_next(&reader, &state, &entry, err));
        if (state == COF_ENTRY_WHOLE) {
            COF_TRY(take_entry(verifier, &entry, err));
            continue;
        }
        if (state == COF_ENTRY_END)
            return COF_OK;
        /* a server may be writing this very entry */
        if (is_last && reader.next_seq >= verifier->newest_size && refreshes++ < MAX_REFRESHES) {
            COF_TRY(cof_segment_reader_refresh(&reader, &has_changed, err));
            if (has_changed)
                continue;
        }
        return stop_at(verifier, reader.next_seq, is_last && state == COF_ENTRY_SHORT,
                       state == COF_ENTRY_SHORT ? "its segment ends within it" : reader.reason,
                       err);
    }
    return COF_OK;
}

static enum cof_status verify_entries(struct verifier *verifier, struct cof_error *err)
{
    uint64_t *first_seqs = NULL;
    size_t count = 0;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    enum cof_status status = cof_segment_list(verifier->folder, &arena, &first_seqs, &count, err);
    if (status == COF_NOT_FOUND)
        return stop_at(verifier, 0, true, "", err);
    COF_TRY(status);
    for (size_t i = 0; i < count && !verifier->is_decided; i++) {
        if (first_seqs[i] != verifier->tree.size)
            return stop_at(verifier, verifier->tree.size, false, "its segment is missing", err);
        COF_TRY(verify_segment(verifier, first_seqs[i], i + 1 == count, err));
    }
    return COF_OK;
}

static enum cof_status finish(struct verifier *verifier, struct cof_error *err)
{
    if (verifier->is_decided)
        return COF_OK;
    if (verifier->has_note)
        return stop_at(verifier, verifier->tree.size, true, "", err);
    check_shown(verifier);
    if (verifier->has_bad_tile && verifier->bad_tile_end <= verifier->newest_size)
        decide(verifier, COF_AUDIT_TAMPERED, UINT64_MAX,
               "the entries are sound but the tile %s is missing or not theirs",
               verifier->bad_tile);
    /* one that a server was writing when the file was opened is whole by now */
    if (verifier->has_short_note && !cof_note_stream_has_grown(&verifier->notes))
        decide(verifier, COF_AUDIT_TORN_TAIL, UINT64_MAX,
               "sound up to the checkpoint of %" PRIu64
               " entries; an incomplete note ends checkpoints.log",
               verifier->newest_size);
    decide(verifier, COF_AUDIT_SOUND, UINT64_MAX,
           "sound: %" PRIu64 " entries, %" PRIu64 " of them covered by %" PRIu64 " checkpoints",
           verifier->report->entry_count, verifier->report->checkpoint_size,
           verifier->report->checkpoint_count);
    return COF_OK;
}

static enum cof_status verify(struct verifier *verifier, const char *vkey_path,
                              const char *checkpoint_path, struct cof_error *err)
{
    COF_TRY(load_key(verifier, vkey_path, err));
    if (!verifier->is_decided && checkpoint_path != NULL)
        COF_TRY(load_kept(verifier, checkpoint_path, err));
    check_kept(verifier);
    if (!verifier->is_decided)
        COF_TRY(check_names(verifier, err));
    if (!verifier->is_decided)
        COF_TRY(open_checkpoints(verifier, err));
    if (!verifier->is_decided)
        COF_TRY(next_note(verifier, err));
    if (!verifier->is_decided)
        COF_TRY(pass_notes(verifier, err));
    if (!verifier->is_decided)
        COF_TRY(verify_entries(verifier, err));
    COF_TRY(finish(verifier, err));
    require_kept(verifier);
    return COF_OK;
}

enum cof_status cof_audit_verify_against(const char *folder, const char *vkey_path,
                                         const char *checkpoint_path,
                                         struct cof_audit_report *out_report, struct cof_error *err)
{
    struct cof_audit_report report = {.first_bad_seq = UINT64_MAX};
    struct verifier *verifier = cof_calloc(1, sizeof(*verifier));
    if (verifier == NULL)
        return COF_FAIL_MEMORY(err);
    if (!cof_path_is_folder(folder)) {
        cof_free(verifier);
        return COF_FAIL(err, COF_NOT_FOUND, "there is no audit folder '%.160s'", folder);
    }
    verifier->folder = folder;
    verifier->report = &report;
    verifier->notes.fd = -1;
    enum cof_status status = verify(verifier, vkey_path, checkpoint_path, err);
    cof_note_stream_close(&verifier->notes);
    cof_buffer_deinit(&verifier->shown_note);
    cof_free(verifier);
    if (status == COF_OK)
        *out_report = report;
    return status;
}

enum cof_status cof_audit_verify(const char *folder, const char *vkey_path,
                                 struct cof_audit_report *out_report, struct cof_error *err)
{
    return cof_audit_verify_against(folder, vkey_path, NULL, out_report, err);
}
