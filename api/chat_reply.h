/* Answers in OpenAI's shape: whole, or as chunks of a stream. */
#ifndef COF_API_CHAT_REPLY_H
#define COF_API_CHAT_REPLY_H

#include <stdint.h>

#include <cof/base/buffer.h>

#include "hits.h"
#include "request.h"

/* What every chunk of one answer has in common. */
struct cof_chat_reply {
    char id[48]; /* "chatcmpl-…" */
    int64_t created_s;
    const char *model;
    char fingerprint[20]; /* "fp_…" */
    struct cof_stores stores;
    bool must_count; /* chunks carry "usage" */
};

void cof_chat_reply_init(struct cof_chat_reply *reply, const struct cof_request *request);

/* The whole answer. */
void cof_chat_reply_write(struct cof_buffer *out, const struct cof_chat_reply *reply,
                          const struct cof_answer *answer);

/* Chunks, each a whole `data: …` event. */
void cof_chat_chunk_first(struct cof_buffer *out, const struct cof_chat_reply *reply);
void cof_chat_chunk_text(struct cof_buffer *out, const struct cof_chat_reply *reply,
                         struct cof_text piece);
/* Citations, the reason for the end, the usage where it was asked for, and [DONE]. */
void cof_chat_chunk_last(struct cof_buffer *out, const struct cof_chat_reply *reply,
                         const struct cof_answer *answer);

#endif
