/* Bytes to and from a parser process, with an end to patience. */
#ifndef COF_INGEST_PARSER_CHANNEL_H
#define COF_INGEST_PARSER_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/cancel.h>
#include <cof/base/text.h>

enum cof_channel_result {
    COF_CHANNEL_OK,
    COF_CHANNEL_GONE,     /* the other side has ended */
    COF_CHANNEL_LATE,     /* the deadline passed */
    COF_CHANNEL_CANCELED, /* cof_cancel_check says how */
};

/* The deadline is a time of cof_clock_system(). `cancel` may be NULL. The descriptor may block or
 * not. */
enum cof_channel_result cof_channel_send(int fd, struct cof_bytes bytes, int64_t deadline_ns,
                                         const struct cof_cancel *cancel);
enum cof_channel_result cof_channel_receive(int fd, void *out_bytes, size_t size,
                                            int64_t deadline_ns, const struct cof_cancel *cancel);
/* Nothing unread and not ended: what a process that waits for a request looks like. */
bool cof_channel_is_quiet(int fd);

#endif
