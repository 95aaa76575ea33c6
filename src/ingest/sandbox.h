/* The walls around the processes that parse.
 *
 * Two steps, because some walls forbid what a later fork needs. The launcher gives up descriptors,
 * environment, signals, privileges, the file system (Landlock) and the network (namespaces); what
 * it gave up, its children do not have. A parser then limits its resources and lets the kernel kill
 * it for any system call that parsing does not need (seccomp). Namespaces and Landlock are taken
 * where the kernel offers them; without seccomp there is no parser. */
#ifndef COF_INGEST_SANDBOX_H
#define COF_INGEST_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The descriptor that a launcher and a parser have to talk over; 0, 1 and 2 lead to nothing. */
#define COF_SANDBOX_FD 3

/* Which wall could not be built. */
enum cof_sandbox_step {
    COF_SANDBOX_OK = 0,
    COF_SANDBOX_DESCRIPTORS,
    COF_SANDBOX_PARENT, /* it died meanwhile */
    COF_SANDBOX_PRIVILEGES,
    COF_SANDBOX_LIMITS,
    COF_SANDBOX_SECCOMP,
    COF_SANDBOX_STEP_COUNT,
};

struct cof_sandbox_limits {
    size_t max_memory_bytes; /* address space, beyond what the program itself takes */
    long max_cpu_s;
};

/* `fd` becomes COF_SANDBOX_FD, every other descriptor is closed. On failure errno says why. */
enum cof_sandbox_step cof_sandbox_enter_launcher(int fd, pid_t parent);
/* After a fork of the launcher. */
enum cof_sandbox_step cof_sandbox_enter_parser(int fd, pid_t parent,
                                               const struct cof_sandbox_limits *limits);

/* False in a build with sanitizers, where some walls are lower (see sandbox.c). */
bool cof_sandbox_is_whole(void);

const char *cof_sandbox_step_name(enum cof_sandbox_step step);

#endif
