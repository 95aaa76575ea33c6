/* For tests: a parser with another table of formats. */
#ifndef COF_INGEST_PARSER_PRIVATE_H
#define COF_INGEST_PARSER_PRIVATE_H

#include <cof/base/status.h>
#include <cof/ingest/parser.h>

#include "extract.h"

/* The table is borrowed until close. */
COF_MUST_USE enum cof_status cof_parser_open_with(const struct cof_parser_options *options,
                                                  const struct cof_format_table *table,
                                                  struct cof_parser **out_parser,
                                                  struct cof_error *err);

#endif
