/* The small process that forks parser processes.
 *
 * It is forked before keys are loaded and threads exist, so what it forks later holds neither. It
 * reads no document. It reaps a parser only when told to, so a process id that it gave out stays
 * that parser's until then. The functions may be called by one thread at a time. */
#ifndef COF_INGEST_PARSER_LAUNCHER_H
#define COF_INGEST_PARSER_LAUNCHER_H

#include <sys/types.h>

#include <cof/base/status.h>

#include "extract.h"
#include "sandbox.h"

struct cof_launcher {
    int fd; /* -1 = not open */
    pid_t pid;
};

/* COF_UNAVAILABLE when a wall could not be built. */
COF_MUST_USE enum cof_status cof_launcher_open(const struct cof_format_table *table,
                                               const struct cof_sandbox_limits *limits,
                                               struct cof_launcher *out_launcher,
                                               struct cof_error *err);
/* Kills every parser, too. */
void cof_launcher_close(struct cof_launcher *launcher);

/* A new parser process: *out_fd talks to it, owned by the caller. It says hello first. */
COF_MUST_USE enum cof_status cof_launcher_start(struct cof_launcher *launcher, int *out_fd,
                                                pid_t *out_pid, struct cof_error *err);
/* Kills it if it still lives, and tells how it ended (as waitpid(2) does). */
COF_MUST_USE enum cof_status cof_launcher_stop(struct cof_launcher *launcher, pid_t pid,
                                               int *out_wait_status, struct cof_error *err);

#endif
