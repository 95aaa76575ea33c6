/* The files `checkpoint` (the newest signed note) and `checkpoints.log` (all of them, appended).
 *
 * A note is appended and synced to the log first, then put in place of `checkpoint`; so after a
 * crash `checkpoint` is the newest note of the log or the one before it, and the log may end in an
 * incomplete note. */
#ifndef COF_AUDIT_CHECKPOINTS_PRIVATE_H
#define COF_AUDIT_CHECKPOINTS_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>

#include "note.h"

#define COF_CHECKPOINT_NAME "checkpoint"
#define COF_CHECKPOINT_LOG_NAME "checkpoints.log"

/* COF_NOT_FOUND, COF_CORRUPT (no checkpoint of this log, or not signed by the key). */
COF_MUST_USE enum cof_status cof_checkpoint_load(const char *folder, const struct cof_note_key *key,
                                                 struct cof_checkpoint *out_checkpoint,
                                                 struct cof_buffer *out_note,
                                                 struct cof_error *err);

/* Reads checkpoints.log note by note, as long as it was when opened. One thread at a time. */
struct cof_note_stream {
    int fd;
    uint64_t offset; /* of the next note */
    uint64_t file_size;
    struct cof_buffer window; /* the file's bytes from window_offset */
    uint64_t window_offset;
};

enum cof_note_state {
    COF_NOTE_WHOLE,
    COF_NOTE_END,
    COF_NOTE_SHORT, /* the last one is incomplete */
};

COF_MUST_USE enum cof_status cof_note_stream_open(struct cof_note_stream *stream,
                                                  const char *folder, struct cof_error *err);
/* The next note, unchecked; a view until the next call. */
COF_MUST_USE enum cof_status cof_note_stream_next(struct cof_note_stream *stream,
                                                  enum cof_note_state *out_state,
                                                  struct cof_text *out_note, struct cof_error *err);
/* Whether the file has grown since it was opened. */
bool cof_note_stream_has_grown(const struct cof_note_stream *stream);
void cof_note_stream_close(struct cof_note_stream *stream);

/* The end of checkpoints.log. */
struct cof_checkpoint_tail {
    struct cof_checkpoint newest;
    bool has_previous;
    struct cof_checkpoint previous;
    uint64_t whole_size; /* of the file, without an incomplete note */
    uint64_t file_size;
};
/* COF_NOT_FOUND, COF_CORRUPT (its last notes are not in order or not signed by the key). */
COF_MUST_USE enum cof_status cof_checkpoint_tail_load(const char *folder,
                                                      const struct cof_note_key *key,
                                                      struct cof_checkpoint_tail *out_tail,
                                                      struct cof_error *err);

bool cof_checkpoint_equal(const struct cof_checkpoint *a, const struct cof_checkpoint *b);

#endif
