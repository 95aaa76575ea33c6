/* Bytes in as a model makes them, whole characters out, and the end found where a stop text begins.
 *
 * A token may hold half a character or the first letters of a stop text; both are held back until
 * what follows decides. Bytes that are no UTF-8 become U+FFFD, as does NUL. White space before the
 * first visible character is dropped. Used by one thread at a time. */
#ifndef COF_GENERATE_TEXT_STREAM_H
#define COF_GENERATE_TEXT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/generate/generator.h>

struct cof_text_stream {
    const struct cof_text *stops; /* borrowed; none empty */
    size_t stop_count;
    cof_token_fn each;
    void *context;
    struct cof_buffer held; /* valid UTF-8 that is not given out yet */
    uint8_t partial[4];     /* the beginning of a character */
    size_t partial_size;
    bool has_begun;  /* something visible came */
    bool is_stopped; /* a stop text came: nothing more is taken */
};

/* Takes bytes and gives out what is certain. COF_CANCELED when `each` returned false,
 * COF_NO_MEMORY. After a stop text, `is_stopped` is true and further bytes are ignored. */
COF_MUST_USE enum cof_status cof_text_stream_push(struct cof_text_stream *stream,
                                                  struct cof_bytes bytes, struct cof_error *err);
/* Nothing more comes: gives out what was held back. Half a character is dropped. */
COF_MUST_USE enum cof_status cof_text_stream_finish(struct cof_text_stream *stream,
                                                    struct cof_error *err);
/* Wipes what is held. */
void cof_text_stream_deinit(struct cof_text_stream *stream);

#endif
