/* Bytes of one request after another → heads, bodies and faults. No sockets here.
 *
 * llhttp takes the bytes apart; this file gathers the head within its limits, applies the strict
 * checks and stops where somebody must decide: after a head, and after a message. */
#ifndef COF_API_HTTP_PARSER_H
#define COF_API_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

#include "http_head.h"

struct cof_http_parser;

struct cof_http_parser_options {
    size_t max_head_bytes;
    size_t max_head_count;
    size_t max_target_bytes;
    /* A piece of the body; borrowed during the call. Must not feed or reset the parser. */
    void (*on_body)(void *context, struct cof_bytes bytes);
    void *context;
};

enum cof_http_step {
    COF_HTTP_NEEDS_INPUT, /* everything was consumed */
    COF_HTTP_HAS_HEAD,    /* the head is complete; feed again for the body */
    COF_HTTP_HAS_MESSAGE, /* the message is complete; reset before the next */
    COF_HTTP_HAS_FAULT,   /* nothing more can be read from this connection */
};

COF_MUST_USE enum cof_status cof_http_parser_create(const struct cof_http_parser_options *options,
                                                    struct cof_http_parser **out_parser,
                                                    struct cof_error *err);
void cof_http_parser_destroy(struct cof_http_parser *parser);

/* Consumes bytes up to the next step; *out_consumed says how many. A message without a body is
 * complete at the next call after its head, whatever is fed. */
enum cof_http_step cof_http_parser_feed(struct cof_http_parser *parser, struct cof_bytes bytes,
                                        size_t *out_consumed);
/* Begins the next message. */
void cof_http_parser_reset(struct cof_http_parser *parser);

/* True from the first byte of a head until reset. */
bool cof_http_parser_has_begun(const struct cof_http_parser *parser);
/* After HAS_HEAD, until reset. */
const struct cof_http_head *cof_http_parser_head(const struct cof_http_parser *parser);
/* After HAS_FAULT. */
struct cof_http_fault cof_http_parser_fault(const struct cof_http_parser *parser);

#endif
