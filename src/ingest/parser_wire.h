/* What crosses the border to a parser process, and how it is checked on arrival.
 *
 * One stream socket each way. Request: a header, then the source. Reply: a header, then the blocks.
 * All integers are big-endian. Each side takes the other for hostile: the process that parses may
 * have been taken over by a document, so every size, offset, kind and character of a reply is
 * checked against what the source allows before anything is made of it.
 *
 *   request   magic "CPRQ" u32 · version u16 · format u16 · id u64 · size u64
 *   reply     magic "CPRS" u32 · version u16 · is_last u16 · id u64 · reason u32 · block_count u32
 * · reason_offset u64 · payload_size u64 payload   title_size u32 · title · for each block: kind u8
 * · level u8 · 0 u16 · text_size u32 · anchor_count u32 · byte_begin u64 · byte_end u64 · text ·
 * for each anchor: text_offset u32 · byte_offset u64 hello     magic "CPHI" u32 · version u16 ·
 * failed_step u16 · error_number u32 */
#ifndef COF_INGEST_PARSER_WIRE_H
#define COF_INGEST_PARSER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/ingest/parser.h>

#include "block_list.h"

#define COF_REQUEST_SIZE 24
#define COF_REPLY_SIZE 40
#define COF_HELLO_SIZE 12

struct cof_parse_request {
    uint16_t format; /* index in the table that both sides have */
    uint64_t id;
    uint64_t size; /* of the source that follows */
};

struct cof_parse_reply {
    uint64_t id;  /* of the request */
    bool is_last; /* the process ends after this reply */
    enum cof_parse_reason reason;
    uint64_t reason_offset;
    uint32_t block_count;
    uint64_t payload_size;
};

/* What a new parser process says first. */
struct cof_parser_hello {
    uint16_t failed_step; /* 0 = it stands in its sandbox; else an enum cof_sandbox_step */
    uint32_t error_number;
};

void cof_request_encode(const struct cof_parse_request *request, struct cof_buffer *out);
bool cof_request_decode(struct cof_bytes bytes, struct cof_parse_request *out_request);
void cof_hello_encode(const struct cof_parser_hello *hello, struct cof_buffer *out);
bool cof_hello_decode(struct cof_bytes bytes, struct cof_parser_hello *out_hello);

void cof_reply_encode(const struct cof_parse_reply *reply, struct cof_buffer *out);
/* False unless it can be the answer to request `id` for a source of this size. */
bool cof_reply_decode(struct cof_bytes bytes, uint64_t id, size_t source_size,
                      struct cof_parse_reply *out_reply);

void cof_payload_encode(const struct cof_parsed *parsed, struct cof_buffer *out);
/* Texts are views of the payload, the rest is in the arena. COF_CORRUPT for anything that a parser
 * in its right mind does not say; COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_payload_decode(struct cof_bytes payload, uint32_t block_count,
                                                size_t source_size, struct cof_arena *arena,
                                                struct cof_parsed *out_parsed,
                                                struct cof_error *err);

#endif
