/* Segment files: `seg/<first sequence number, 16 hex digits>.log`, one frame that says which log
 * and which sequence it begins with, then entries: a leaf frame and, where the leaf names one, its
 * payload frame. Written here as bytes, read back entry by entry.
 *
 * A reader belongs to one thread and may read a file that is being appended to. */
#ifndef COF_AUDIT_SEGMENT_PRIVATE_H
#define COF_AUDIT_SEGMENT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/file.h>
#include <cof/base/status.h>

#include "frame.h"
#include "leaf.h"

#define COF_SEGMENT_FOLDER "seg"
#define COF_SEGMENT_FORMAT_VERSION 1

/* First sequence numbers of the segments in `folder`, ascending; files of other names are not
 * segments. COF_NOT_FOUND without the folder. */
COF_MUST_USE enum cof_status cof_segment_list(const char *folder, struct cof_arena *arena,
                                              uint64_t **out_first_seqs, size_t *out_count,
                                              struct cof_error *err);
COF_MUST_USE enum cof_status cof_segment_path(const char *folder, uint64_t first_seq,
                                              char out_path[COF_MAX_PATH], struct cof_error *err);
void cof_segment_append_head(struct cof_buffer *out, const uint8_t store_uuid[16],
                             uint64_t first_seq);

struct cof_entry {
    struct cof_leaf leaf;
    struct cof_bytes leaf_bytes;
    struct cof_bytes payload; /* sealed, its hash checked; empty = none */
};

enum cof_entry_state {
    COF_ENTRY_WHOLE,
    COF_ENTRY_END,   /* the file ends where an entry would begin */
    COF_ENTRY_SHORT, /* the file ends inside an entry */
    COF_ENTRY_BAD,   /* what stands there is not the entry that belongs there */
};

struct cof_segment_reader {
    int fd;
    uint8_t store_uuid[16];
    uint64_t first_seq;
    uint64_t next_seq;
    uint64_t offset; /* of the next entry; of the head frame before the first call */
    uint64_t file_size;
    struct cof_buffer window; /* the file's bytes from window_offset */
    uint64_t window_offset;
    const char *reason; /* why an entry is bad */
};

COF_MUST_USE enum cof_status cof_segment_reader_open(struct cof_segment_reader *reader,
                                                     const char *folder, uint64_t first_seq,
                                                     const uint8_t store_uuid[16],
                                                     struct cof_error *err);
/* The next entry; its views hold until the next call. After short or bad, the same again, unless
 * the file has grown. Fails only when the file cannot be read. */
COF_MUST_USE enum cof_status cof_segment_reader_next(struct cof_segment_reader *reader,
                                                     enum cof_entry_state *out_state,
                                                     struct cof_entry *out_entry,
                                                     struct cof_error *err);
/* Looks at the file's size again. */
COF_MUST_USE enum cof_status cof_segment_reader_refresh(struct cof_segment_reader *reader,
                                                        bool *out_has_changed,
                                                        struct cof_error *err);
void cof_segment_reader_close(struct cof_segment_reader *reader);

#endif
