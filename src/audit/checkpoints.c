/* Reading `checkpoint` and `checkpoints.log`. */
#include "checkpoints.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cof/base/file.h>

#define STEP_BYTES ((size_t)64 * 1024)
/* Holds two notes of the largest size, wherever they begin. */
#define TAIL_BYTES ((uint64_t)4 * COF_NOTE_MAX_SIZE)

static struct cof_text window_rest(const struct cof_note_stream *stream)
{
    size_t begin = (size_t)(stream->offset - stream->window_offset);
    struct cof_text all = cof_buffer_text(&stream->window);
    return cof_text_slice(all, begin, all.size);
}

static enum cof_status read_more(struct cof_note_stream *stream, struct cof_error *err)
{
    uint64_t end = stream->window_offset + stream->window.size;
    struct cof_text rest = window_rest(stream);
    uint64_t left = stream->file_size - end;
    size_t step = left < STEP_BYTES ? (size_t)left : STEP_BYTES;
    if (rest.size > 0 && rest.size < stream->window.size)
        memmove(stream->window.data, rest.data, rest.size);
    stream->window.size = rest.size;
    stream->window_offset = stream->offset;
    uint8_t *more = cof_buffer_extend(&stream->window, step);
    if (more == NULL)
        return COF_FAIL_MEMORY(err);
    return cof_fd_read_at(stream->fd, end, more, step, err);
}

/* Moves the stream to the first note that begins in the last TAIL_BYTES. */
static enum cof_status skip_to_tail(struct cof_note_stream *stream, const struct cof_note_key *key,
                                    struct cof_error *err)
{
    if (stream->file_size <= TAIL_BYTES)
        return COF_OK;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer tail = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer start = {0};
    uint64_t offset = stream->file_size - TAIL_BYTES;
    uint8_t *bytes = cof_buffer_extend(&tail, (size_t)TAIL_BYTES);
    cof_buffer_append_format(&start, "\n%s\n", key->name);
    if (bytes == NULL || start.has_failed)
        return COF_FAIL_MEMORY(err);
    COF_TRY(cof_fd_read_at(stream->fd, offset, bytes, (size_t)TAIL_BYTES, err));
    size_t at = cof_text_index_of(cof_buffer_text(&tail), cof_buffer_text(&start));
    if (at == SIZE_MAX)
        return COF_FAIL(err, COF_CORRUPT, "%s holds no note of this log at its end",
                        COF_CHECKPOINT_LOG_NAME);
    stream->offset = offset + at + 1;
    stream->window_offset = stream->offset;
    return COF_OK;
}

static enum cof_status check_note(struct cof_text note, const struct cof_note_key *key,
                                  struct cof_checkpoint *out_checkpoint, struct cof_error *err)
{
    enum cof_status status = cof_checkpoint_check(note, key, out_checkpoint, err);
    if (status == COF_CORRUPT)
        return COF_FAIL(err, COF_CORRUPT, "a note at the end of %s is not a checkpoint of this log",
                        COF_CHECKPOINT_LOG_NAME);
    return status;
}

static enum cof_status load_tail(struct cof_note_stream *stream, const struct cof_note_key *key,
                                 struct cof_checkpoint_tail *tail, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer newest = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer previous = {0};
    COF_TRY(skip_to_tail(stream, key, err));
    for (;;) {
        enum cof_note_state state = COF_NOTE_END;
        struct cof_text note;
        COF_TRY(cof_note_stream_next(stream, &state, &note, err));
        if (state != COF_NOTE_WHOLE)
            break;
        struct cof_buffer swapped = previous;
        previous = newest;
        newest = swapped;
        cof_buffer_clear(&newest);
        cof_buffer_append_text(&newest, note);
        COF_TRY(cof_buffer_status(&newest, err));
    }
    tail->whole_size = stream->offset;
    tail->file_size = stream->file_size;
    tail->has_previous = previous.size > 0;
    COF_TRY(check_note(cof_buffer_text(&newest), key, &tail->newest, err));
    if (tail->has_previous)
        COF_TRY(check_note(cof_buffer_text(&previous), key, &tail->previous, err));
    if (tail->has_previous && tail->previous.size >= tail->newest.size)
        return COF_FAIL(err, COF_CORRUPT, "the last notes of %s are not in order",
                        COF_CHECKPOINT_LOG_NAME);
    return COF_OK;
}

enum cof_status cof_checkpoint_load(const char *folder, const struct cof_note_key *key,
                                    struct cof_checkpoint *out_checkpoint,
                                    struct cof_buffer *out_note, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_TRY(cof_path_join(path, folder, COF_CHECKPOINT_NAME, err));
    COF_TRY(cof_file_read(path, COF_NOTE_MAX_SIZE, out_note, err));
    enum cof_status status =
        cof_checkpoint_check(cof_buffer_text(out_note), key, out_checkpoint, err);
    if (status == COF_CORRUPT)
        return COF_FAIL(err, COF_CORRUPT, "'%.160s' is not a checkpoint signed by this log's key",
                        path);
    return status;
}

enum cof_status cof_note_stream_open(struct cof_note_stream *stream, const char *folder,
                                     struct cof_error *err)
{
    char path[COF_MAX_PATH];
    struct stat info;
    COF_TRY(cof_path_join(path, folder, COF_CHECKPOINT_LOG_NAME, err));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        enum cof_status status = COF_FAIL(err, errno == ENOENT ? COF_NOT_FOUND : COF_IO,
                                          "cannot open '%.160s': %s", path, strerror(errno));
        cof_fd_close(&fd);
        return status;
    }
    *stream = (struct cof_note_stream){.fd = fd, .file_size = (uint64_t)info.st_size};
    return COF_OK;
}

enum cof_status cof_note_stream_next(struct cof_note_stream *stream, enum cof_note_state *out_state,
                                     struct cof_text *out_note, struct cof_error *err)
{
    for (;;) {
        struct cof_text rest = window_rest(stream);
        bool is_all = stream->offset + rest.size == stream->file_size;
        size_t size = cof_note_size(rest, is_all);
        if (size > 0) {
            *out_note = cof_text_slice(rest, 0, size);
            *out_state = COF_NOTE_WHOLE;
            stream->offset += size;
            return COF_OK;
        }
        /* a note that grows past every limit is none; let it end here */
        if (is_all || rest.size > COF_NOTE_MAX_SIZE) {
            *out_state = rest.size == 0 ? COF_NOTE_END : COF_NOTE_SHORT;
            return COF_OK;
        }
        COF_TRY(read_more(stream, err));
    }
}

bool cof_note_stream_has_grown(const struct cof_note_stream *stream)
{
    struct stat info;
    return fstat(stream->fd, &info) == 0 && (uint64_t)info.st_size > stream->file_size;
}

void cof_note_stream_close(struct cof_note_stream *stream)
{
    if (stream == NULL)
        return;
    cof_fd_close(&stream->fd);
    cof_buffer_deinit(&stream->window);
}

enum cof_status cof_checkpoint_tail_load(const char *folder, const struct cof_note_key *key,
                                         struct cof_checkpoint_tail *out_tail,
                                         struct cof_error *err)
{
    struct cof_checkpoint_tail tail = {0};
    COF_CLEANUP(cof_note_stream_close) struct cof_note_stream stream = {.fd = -1};
    COF_TRY(cof_note_stream_open(&stream, folder, err));
    COF_TRY(load_tail(&stream, key, &tail, err));
    *out_tail = tail;
    return COF_OK;
}

bool cof_checkpoint_equal(const struct cof_checkpoint *a, const struct cof_checkpoint *b)
{
    return a->size == b->size && cof_merkle_hash_equal(&a->root, &b->root);
}
