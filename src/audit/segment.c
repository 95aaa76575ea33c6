/* Segment files: names, heads, and reading entries. */
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cof/keys/hash.h>

#define NAME_SIZE 20 /* 16 hex digits and ".log" */
#define HEAD_BODY_SIZE 32
#define WINDOW_BYTES ((size_t)256 * 1024)

static bool parse_name(struct cof_text name, uint64_t *out_first_seq)
{
    uint8_t bytes[8];
    uint64_t seq = 0;
    char canonical[NAME_SIZE + 1];
    if (name.size != NAME_SIZE || !cof_text_has_suffix(name, COF_TEXT(".log")) ||
        !cof_hex_decode(cof_text_slice(name, 0, 16), bytes, sizeof(bytes)))
        return false;
    for (unsigned i = 0; i < sizeof(bytes); i++)
        seq = seq << 8 | bytes[i];
    (void)snprintf(canonical, sizeof(canonical), "%016" PRIx64 ".log", seq);
    if (memcmp(canonical, name.data, NAME_SIZE) != 0)
        return false;
    *out_first_seq = seq;
    return true;
}

static void head_body(const uint8_t store_uuid[16], uint64_t first_seq,
                      uint8_t out_body[HEAD_BODY_SIZE])
{
    memset(out_body, 0, HEAD_BODY_SIZE);
    out_body[1] = COF_SEGMENT_FORMAT_VERSION;
    memcpy(out_body + 8, store_uuid, 16);
    for (unsigned i = 0; i < 8; i++)
        out_body[24 + i] = (uint8_t)(first_seq >> (56 - 8 * i));
}

/* Makes at least `size` bytes from the reader's offset lie in the window; the file has them. */
static enum cof_status fill_window(struct cof_segment_reader *reader, size_t size,
                                   struct cof_error *err)
{
    uint64_t window_end = reader->window_offset + reader->window.size;
    if (reader->offset + size <= window_end)
        return COF_OK;
    uint64_t rest = reader->file_size - reader->offset;
    size_t want = size < WINDOW_BYTES ? WINDOW_BYTES : size;
    if (want > rest)
        want = (size_t)rest;
    size_t kept = (size_t)(window_end - reader->offset);
    if (kept > 0)
        memmove(reader->window.data, reader->window.data + (reader->window.size - kept), kept);
    cof_buffer_clear(&reader->window);
    reader->window.size = kept;
    reader->window_offset = reader->offset;
    uint8_t *more = cof_buffer_extend(&reader->window, want - kept);
    if (more == NULL)
        return COF_FAIL_MEMORY(err);
    enum cof_status status =
        cof_fd_read_at(reader->fd, reader->offset + kept, more, want - kept, err);
    if (status != COF_OK)
        reader->window.size = kept;
    return status;
}

static struct cof_bytes window_from(const struct cof_segment_reader *reader, size_t skipped)
{
    size_t begin = (size_t)(reader->offset - reader->window_offset) + skipped;
    if (begin == reader->window.size)
        return (struct cof_bytes){0};
    return (struct cof_bytes){.data = reader->window.data + begin,
                              .size = reader->window.size - begin};
}

/* Parses the frame `skipped` bytes behind the offset. *out_size is set when it is whole. */
static enum cof_status read_frame(struct cof_segment_reader *reader, size_t skipped,
                                  enum cof_frame_state *out_state, struct cof_frame *out_frame,
                                  size_t *out_size, struct cof_error *err)
{
    uint64_t rest = reader->file_size - reader->offset - skipped;
    size_t need = COF_FRAME_HEADER_SIZE;
    for (;;) {
        size_t step = rest < need ? (size_t)rest : need;
        COF_TRY(fill_window(reader, skipped + step, err));
        *out_state = cof_frame_parse(window_from(reader, skipped), out_frame, &need);
        if (*out_state != COF_FRAME_SHORT || need > rest)
            break;
    }
    *out_size = need;
    return COF_OK;
}

static enum cof_entry_state bad(struct cof_segment_reader *reader, const char *reason)
{
    reader->reason = reason;
    return COF_ENTRY_BAD;
}

static enum cof_entry_state state_of(struct cof_segment_reader *reader, enum cof_frame_state state)
{
    if (state == COF_FRAME_SHORT)
        return COF_ENTRY_SHORT;
    return state == COF_FRAME_WHOLE ? COF_ENTRY_WHOLE : bad(reader, "a frame is damaged");
}

/* A whole head of this log that only its format tells apart is no damage. */
static enum cof_status check_format(const struct cof_segment_reader *reader,
                                    const struct cof_frame *frame, struct cof_error *err)
{
    if (frame->type != COF_FRAME_SEGMENT || frame->body.size < 24 ||
        memcmp(frame->body.data + 8, reader->store_uuid, 16) != 0)
        return COF_OK;
    unsigned version = (unsigned)frame->body.data[0] << 8 | frame->body.data[1];
    if (version <= COF_SEGMENT_FORMAT_VERSION)
        return COF_OK;
    return COF_FAIL(err, COF_CONFLICT,
                    "the audit log is of format %u, this program knows %d: use a newer coffer",
                    version, COF_SEGMENT_FORMAT_VERSION);
}

static enum cof_status read_head(struct cof_segment_reader *reader, enum cof_entry_state *out_state,
                                 struct cof_error *err)
{
    enum cof_frame_state frame_state = COF_FRAME_BAD;
    struct cof_frame frame;
    uint8_t expected[HEAD_BODY_SIZE];
    size_t size = 0;
    COF_TRY(read_frame(reader, 0, &frame_state, &frame, &size, err));
    *out_state = state_of(reader, frame_state);
    if (*out_state != COF_ENTRY_WHOLE)
        return COF_OK;
    COF_TRY(check_format(reader, &frame, err));
    head_body(reader->store_uuid, reader->first_seq, expected);
    if (frame.type != COF_FRAME_SEGMENT || frame.seq != reader->first_seq ||
        frame.body.size != sizeof(expected) ||
        memcmp(frame.body.data, expected, sizeof(expected)) != 0)
        *out_state = bad(reader, "the segment is of another log, place or format");
    else
        reader->offset += size;
    return COF_OK;
}

static enum cof_entry_state check_leaf(struct cof_segment_reader *reader,
                                       const struct cof_frame *frame, struct cof_entry *entry)
{
    if (frame->type != COF_FRAME_LEAF || frame->seq != reader->next_seq)
        return bad(reader, "an entry is not in its place");
    if (cof_leaf_decode(frame->body, &entry->leaf, NULL) != COF_OK || entry->leaf.seq != frame->seq)
        return bad(reader, "a leaf is not what its frame says");
    entry->leaf_bytes = frame->body;
    entry->payload = (struct cof_bytes){0};
    return COF_ENTRY_WHOLE;
}

static enum cof_entry_state check_payload(struct cof_segment_reader *reader,
                                          const struct cof_frame *frame, struct cof_entry *entry)
{
    uint8_t digest[COF_SHA256_SIZE];
    if (frame->type != COF_FRAME_PAYLOAD || frame->seq != entry->leaf.seq ||
        frame->body.size != entry->leaf.payload_size)
        return bad(reader, "a payload is not beside its leaf");
    cof_sha256(frame->body, digest);
    if (memcmp(digest, entry->leaf.payload_sha256, sizeof(digest)) != 0)
        return bad(reader, "a payload is not the one its leaf names");
    entry->payload = frame->body;
    return COF_ENTRY_WHOLE;
}

static enum cof_status read_entry(struct cof_segment_reader *reader,
                                  enum cof_entry_state *out_state, struct cof_entry *entry,
                                  size_t *out_size, struct cof_error *err)
{
    enum cof_frame_state frame_state = COF_FRAME_BAD;
    struct cof_frame frame;
    size_t leaf_size = 0;
    size_t payload_size = 0;
    COF_TRY(read_frame(reader, 0, &frame_state, &frame, &leaf_size, err));
    *out_state = state_of(reader, frame_state);
    if (*out_state == COF_ENTRY_WHOLE)
        *out_state = check_leaf(reader, &frame, entry);
    if (*out_state != COF_ENTRY_WHOLE || !entry->leaf.has_payload) {
        *out_size = leaf_size;
        return COF_OK;
    }
    COF_TRY(read_frame(reader, leaf_size, &frame_state, &frame, &payload_size, err));
    *out_state = state_of(reader, frame_state);
    if (*out_state != COF_ENTRY_WHOLE)
        return COF_OK;
    /* reading the payload may have moved the window, and with it the leaf */
    struct cof_frame leaf_frame;
    size_t ignored = 0;
    (void)cof_frame_parse(window_from(reader, 0), &leaf_frame, &ignored);
    *out_state = check_leaf(reader, &leaf_frame, entry);
    if (*out_state == COF_ENTRY_WHOLE)
        *out_state = check_payload(reader, &frame, entry);
    *out_size = leaf_size + payload_size;
    return COF_OK;
}

enum cof_status cof_segment_list(const char *folder, struct cof_arena *arena,
                                 uint64_t **out_first_seqs, size_t *out_count,
                                 struct cof_error *err)
{
    char path[COF_MAX_PATH];
    struct cof_text *names = NULL;
    size_t name_count = 0;
    COF_TRY(cof_path_join(path, folder, COF_SEGMENT_FOLDER, err));
    COF_TRY(cof_folder_list(path, arena, &names, &name_count, err));
    uint64_t *first_seqs = cof_arena_array(arena, name_count, sizeof(*first_seqs));
    if (first_seqs == NULL)
        return COF_FAIL_MEMORY(err);
    size_t count = 0;
    for (size_t i = 0; i < name_count; i++) { /* hexadecimal of one width: sorted already */
        if (parse_name(names[i], &first_seqs[count]))
            count++;
    }
    *out_first_seqs = first_seqs;
    *out_count = count;
    return COF_OK;
}

enum cof_status cof_segment_path(const char *folder, uint64_t first_seq,
                                 char out_path[COF_MAX_PATH], struct cof_error *err)
{
    char name[sizeof(COF_SEGMENT_FOLDER) + 1 + NAME_SIZE];
    (void)snprintf(name, sizeof(name), "%s/%016" PRIx64 ".log", COF_SEGMENT_FOLDER, first_seq);
    return cof_path_join(out_path, folder, name, err);
}

void cof_segment_append_head(struct cof_buffer *out, const uint8_t store_uuid[16],
                             uint64_t first_seq)
{
    uint8_t body[HEAD_BODY_SIZE];
    head_body(store_uuid, first_seq, body);
    cof_frame_append(out, COF_FRAME_SEGMENT, first_seq,
                     (struct cof_bytes){.data = body, .size = sizeof(body)});
}

enum cof_status cof_segment_reader_open(struct cof_segment_reader *reader, const char *folder,
                                        uint64_t first_seq, const uint8_t store_uuid[16],
                                        struct cof_error *err)
{
    char path[COF_MAX_PATH];
    bool has_changed = false;
    struct cof_segment_reader opened = {.first_seq = first_seq, .next_seq = first_seq};
    memcpy(opened.store_uuid, store_uuid, sizeof(opened.store_uuid));
    COF_TRY(cof_segment_path(folder, first_seq, path, err));
    opened.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (opened.fd < 0)
        return COF_FAIL(err, errno == ENOENT ? COF_NOT_FOUND : COF_IO, "cannot open '%.160s': %s",
                        path, strerror(errno));
    enum cof_status status = cof_segment_reader_refresh(&opened, &has_changed, err);
    if (status != COF_OK) {
        cof_fd_close(&opened.fd);
        return status;
    }
    *reader = opened;
    return COF_OK;
}

enum cof_status cof_segment_reader_next(struct cof_segment_reader *reader,
                                        enum cof_entry_state *out_state,
                                        struct cof_entry *out_entry, struct cof_error *err)
{
    enum cof_entry_state state = COF_ENTRY_WHOLE;
    size_t size = 0;
    if (reader->offset == 0)
        COF_TRY(read_head(reader, &state, err));
    if (state == COF_ENTRY_WHOLE && reader->offset == reader->file_size)
        state = COF_ENTRY_END;
    if (state == COF_ENTRY_WHOLE)
        COF_TRY(read_entry(reader, &state, out_entry, &size, err));
    if (state == COF_ENTRY_WHOLE) {
        reader->offset += size;
        reader->next_seq++;
    }
    *out_state = state;
    return COF_OK;
}

enum cof_status cof_segment_reader_refresh(struct cof_segment_reader *reader, bool *out_has_changed,
                                           struct cof_error *err)
{
    struct stat info;
    if (fstat(reader->fd, &info) != 0)
        return COF_FAIL(err, COF_IO, "cannot read a segment: %s", strerror(errno));
    *out_has_changed = (uint64_t)info.st_size != reader->file_size;
    reader->file_size = (uint64_t)info.st_size;
    if (*out_has_changed) { /* bytes seen while they were written may have changed since */
        cof_buffer_clear(&reader->window);
        reader->window_offset = reader->offset;
    }
    return COF_OK;
}

void cof_segment_reader_close(struct cof_segment_reader *reader)
{
    if (reader == NULL)
        return;
    cof_fd_close(&reader->fd);
    cof_buffer_deinit(&reader->window);
}
