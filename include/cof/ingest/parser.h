/* Files → structured text, in a child process without network, files or keys.
 *
 * `cof_parser_open` must be called before keys are loaded and before any thread exists: it forks a
 * small launcher that in turn forks parser processes under rlimits, no_new_privs and seccomp. A
 * parser that crashes, hangs or grows too big is killed and replaced; its document fails alone.
 * Afterwards any thread may parse; each call uses one parser process of a small set.
 *
 * Media types: text/plain, text/markdown, text/html. The table is in extract.c. */
#ifndef COF_INGEST_PARSER_H
#define COF_INGEST_PARSER_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/cancel.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

enum cof_block_kind {
    COF_BLOCK_HEADING, /* level 1–6 */
    COF_BLOCK_PARAGRAPH,
    COF_BLOCK_LIST_ITEM,
    COF_BLOCK_TABLE_ROW, /* cells joined by " | " */
    COF_BLOCK_CODE,
    COF_BLOCK_QUOTE,
};

/* A place in a block's text, and the place in the source that it came from. */
struct cof_block_anchor {
    size_t text_offset;
    uint64_t byte_offset;
};

/* A piece of text that is not torn lightly. */
struct cof_block {
    enum cof_block_kind kind;
    uint8_t level;        /* of headings; 0 otherwise */
    struct cof_text text; /* cleaned: valid UTF-8, NFC, no control or invisible direction
                           * characters, white space collapsed outside code */
    uint64_t byte_begin;  /* range in the source bytes that this block came from */
    uint64_t byte_end;
    /* Ascending in both; none where the text is short. They give a part of a long block a range of
     * its own. */
    const struct cof_block_anchor *anchors;
    size_t anchor_count;
};

struct cof_parsed {
    struct cof_text title; /* <title>, first top heading, or empty */
    const struct cof_block *blocks;
    size_t block_count;
};

struct cof_parser;

struct cof_parser_options {
    size_t process_count;    /* 0 = 2 */
    size_t max_source_bytes; /* 0 = 64 MiB; COF_TOO_LARGE beyond */
    size_t max_memory_bytes; /* of one parser; 0 = 1 GiB */
    long max_parse_ms;       /* 0 = 60,000; COF_INVALID "took too long to parse" beyond */
};
COF_MUST_USE enum cof_status cof_parser_open(const struct cof_parser_options *options,
                                             struct cof_parser **out_parser, struct cof_error *err);
void cof_parser_close(struct cof_parser *parser);

/* COF_INVALID: a media type not supported (the message lists those that are), text that is not
 * UTF-8 (UTF-16 with a byte order mark is converted), a file that its parser refuses. Zero bytes
 * and white space alone give zero blocks. Result in the arena. */
COF_MUST_USE enum cof_status cof_parser_parse(struct cof_parser *parser, struct cof_text media_type,
                                              struct cof_bytes source,
                                              const struct cof_cancel *cancel,
                                              struct cof_arena *arena,
                                              struct cof_parsed *out_parsed, struct cof_error *err);

/* Media type by file name ("text/markdown" for .md and .markdown …); empty when unknown. */
struct cof_text cof_media_type_of(struct cof_text filename);
/* COF_INVALID, naming the kind and the cure, when the first bytes are those of a file that no
 * parser reads, whatever its name: PDF, office files, RTF, archives, images. */
COF_MUST_USE enum cof_status cof_media_check(struct cof_bytes source, struct cof_error *err);

#endif
