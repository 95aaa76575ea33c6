/* The process that parses: reads requests, answers them, and ends when its socket does. */
#ifndef COF_INGEST_PARSER_CHILD_H
#define COF_INGEST_PARSER_CHILD_H

#include <sys/types.h>

#include <cof/base/status.h>

#include "extract.h"
#include "sandbox.h"

/* Touches what the libraries would otherwise set up at first use, when opening a file or the like
 * is no longer possible. Called before the walls go up. */
void cof_parser_child_warm_up(void);

/* The whole life of a parser process. */
COF_NORETURN void cof_parser_child_run(int fd, pid_t parent, const struct cof_format_table *table,
                                       const struct cof_sandbox_limits *limits);

#endif
