/* Parsing within the test's own process, and comparing blocks with what is expected. */
#ifndef COF_TESTS_UNIT_INGEST_PARSE_HELP_H
#define COF_TESTS_UNIT_INGEST_PARSE_HELP_H

#include <stddef.h>

#include <cof/base/arena.h>
#include <cof/ingest/parser.h>

/* The blocks, a line each: a letter for the kind (H P L T C Q), the level where there is one, and
 * the text with line breaks as "\n"; so that a whole document is one string. In the arena. */
const char *blocks_as_text(const struct cof_parsed *parsed, struct cof_arena *arena);

/* Parses and fails the test when that fails. */
struct cof_parsed parse_as(const char *media_type, struct cof_text source, struct cof_arena *arena);

/* Parses and compares; the ranges of all blocks lie in the source, on character boundaries. */
void assert_blocks(const char *media_type, const char *source, const char *expected);

#endif
