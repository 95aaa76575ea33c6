/* Descriptors, privileges, Landlock, namespaces, limits, seccomp.
 *
 * Under AddressSanitizer and ThreadSanitizer two walls are lower, and only there: the address space
 * is not limited, because sanitizers reserve terabytes of it; and the seccomp filter forbids a list
 * of calls instead of allowing one, because their runtimes make calls of their own (and open files
 * to print a report, which is why opening fails there instead of killing, and why Landlock is left
 * out). */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

#define MAX_DESCRIPTORS 8
#define MAX_STACK_BYTES ((rlim_t)8 * 1024 * 1024)

/* The kernel's own header may be older than the kernel (Landlock is versioned by size). */
#define LANDLOCK_CREATE_RULESET 444
#define LANDLOCK_RESTRICT_SELF 446
#define LANDLOCK_GET_VERSION 1U

struct landlock_rules {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

extern char **environ;

/* ---- The launcher's walls ---- */

/* Makes `fd` the descriptor COF_SANDBOX_FD and closes what lies behind it. */
static bool keep_only(int fd)
{
    if (fd != COF_SANDBOX_FD && dup2(fd, COF_SANDBOX_FD) < 0)
        return false;
    if (close_range(COF_SANDBOX_FD + 1, ~0U, 0) == 0)
        return true;
    long max = sysconf(_SC_OPEN_MAX);
    for (int i = COF_SANDBOX_FD + 1; i < max; i++)
        (void)close(i);
    return true;
}

/* Standard input and output lead to nothing, so that nothing opened later takes their numbers. */
static bool close_standard(int *fd)
{
    if (*fd < COF_SANDBOX_FD) { /* whoever started us had closed the first three */
        int moved = fcntl(*fd, F_DUPFD, COF_SANDBOX_FD);
        if (moved < 0)
            return false;
        *fd = moved;
    }
    int nowhere = open("/dev/null", O_RDWR);
    if (nowhere < 0)
        return false;
    for (int i = 0; i < COF_SANDBOX_FD; i++) {
        bool is_report = IS_SANITIZED && i == STDERR_FILENO;
        if (!is_report && dup2(nowhere, i) < 0)
            return false;
    }
    return true;
}

/* Passwords come by environment; a copy of it must not stand in a parser's memory. */
static void wipe_environment(void)
{
    char **entry = environ;
    environ = NULL;
    for (; entry != NULL && *entry != NULL; entry++)
        explicit_bzero(*entry, strlen(*entry));
}

/* A terminal or a service manager that stops the program signals all of its processes; these go on
 * until the program is done with them and closes their socket. */
static void ignore_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
    static const int usual[] = {SIGCHLD, SIGALRM, SIGABRT};
    struct sigaction action = {.sa_handler = SIG_IGN};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        (void)sigaction(ignored[i], &action, NULL);
    action.sa_handler = SIG_DFL;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        (void)sigaction(usual[i], &action, NULL);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
}

/* Best effort: an unprivileged process needs a user namespace first, and may not get one. */
static void leave_namespaces(void)
{
    int flags = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS;
    if (unshare(flags) != 0 && unshare(CLONE_NEWUSER | flags) != 0)
        (void)unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

static bool drop_privileges(void)
{
    for (unsigned long capability = 0; capability < 64; capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}, {0}};
    return syscall(SYS_capset, &header, none) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* Every right that this kernel's Landlock can deny, with no exception. Best effort. */
static void deny_files(void)
{
    long version = syscall(LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_GET_VERSION);
    if (version < 1 || IS_SANITIZED)
        return;
    struct landlock_rules rules = {.fs = (1ULL << 13) - 1};
    size_t size = sizeof(rules.fs);
    if (version >= 2)
        rules.fs |= 1ULL << 13; /* refer */
    if (version >= 3)
        rules.fs |= 1ULL << 14; /* truncate */
    if (version >= 4) {
        rules.net = 3; /* bind, connect by TCP */
        size = sizeof(rules.fs) + sizeof(rules.net);
    }
    if (version >= 5)
        rules.fs |= 1ULL << 15; /* ioctl of devices */
    if (version >= 6) {
        rules.scoped = 3; /* abstract sockets, signals to others */
        size = sizeof(rules);
    }
    long ruleset = syscall(LANDLOCK_CREATE_RULESET, &rules, size, 0);
    if (ruleset < 0)
        return;
    (void)syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0);
    (void)close((int)ruleset);
}

enum cof_sandbox_step cof_sandbox_enter_launcher(int fd, pid_t parent)
{
    if (!close_standard(&fd) || !keep_only(fd))
        return COF_SANDBOX_DESCRIPTORS;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
        return COF_SANDBOX_PARENT;
    wipe_environment();
    ignore_signals();
    leave_namespaces();
    if (!drop_privileges())
        return COF_SANDBOX_PRIVILEGES;
    deny_files();
    return COF_SANDBOX_OK;
}

/* ---- The parser's walls ---- */

static bool limit(__rlimit_resource_t resource, rlim_t value)
{
    struct rlimit limits = {.rlim_cur = value, .rlim_max = value};
    return setrlimit(resource, &limits) == 0;
}

static bool limit_resources(const struct cof_sandbox_limits *limits)
{
    rlim_t cpu_s = (rlim_t)limits->max_cpu_s;
    return (IS_SANITIZED || limit(RLIMIT_AS, limits->max_memory_bytes)) &&
           limit(RLIMIT_CPU, cpu_s) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_CORE, 0) &&
           limit(RLIMIT_NOFILE, MAX_DESCRIPTORS) && limit(RLIMIT_NPROC, 0) &&
           limit(RLIMIT_MEMLOCK, 0) && limit(RLIMIT_MSGQUEUE, 0) &&
           (IS_SANITIZED || limit(RLIMIT_STACK, MAX_STACK_BYTES));
}

/* What parsing, and dying of it, takes: memory that is not executable, its socket, the clock. */
static bool allow_calls(scmp_filter_ctx filter)
{
    static const int plain[] = {
        SCMP_SYS(brk),          SCMP_SYS(munmap),        SCMP_SYS(mremap),
        SCMP_SYS(madvise),      SCMP_SYS(futex),         SCMP_SYS(exit),
        SCMP_SYS(exit_group),   SCMP_SYS(rt_sigreturn),  SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigaction), SCMP_SYS(clock_gettime), SCMP_SYS(getrandom),
        SCMP_SYS(getpid),       SCMP_SYS(gettid),        SCMP_SYS(restart_syscall),
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain[i], 0);
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(read), 1,
                               SCMP_A0(SCMP_CMP_EQ, COF_SANDBOX_FD, 0));
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
                               SCMP_A0(SCMP_CMP_EQ, COF_SANDBOX_FD, 0));
    /* the C library's last words, which go to /dev/null */
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(writev), 1,
                               SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO, 0));
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                               SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                               SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return failed == 0;
}

/* For sanitizers: the same harm forbidden by name. */
static bool forbid_calls(scmp_filter_ctx filter)
{
    static const int killed[] = {
        SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind),   SCMP_SYS(listen),
        SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(execve), SCMP_SYS(execveat),
        SCMP_SYS(fork),   SCMP_SYS(vfork),   SCMP_SYS(ptrace), SCMP_SYS(kill),
    };
    static const int refused[] = {
        SCMP_SYS(open),      SCMP_SYS(openat),   SCMP_SYS(openat2), SCMP_SYS(creat),
        SCMP_SYS(unlink),    SCMP_SYS(unlinkat), SCMP_SYS(rename),  SCMP_SYS(renameat),
        SCMP_SYS(renameat2), SCMP_SYS(mkdir),    SCMP_SYS(mkdirat), SCMP_SYS(truncate),
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof(killed) / sizeof(killed[0]); i++)
        failed |= seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, killed[i], 0);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
    failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    failed |= seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    return failed == 0;
}

static bool filter_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(IS_SANITIZED ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) {
        errno = ENOMEM;
        return false;
    }
    bool is_built = IS_SANITIZED ? forbid_calls(filter) : allow_calls(filter);
    int error = is_built ? -seccomp_load(filter) : EINVAL;
    seccomp_release(filter);
    errno = error;
    return error == 0;
}

enum cof_sandbox_step cof_sandbox_enter_parser(int fd, pid_t parent,
                                               const struct cof_sandbox_limits *limits)
{
    if (!keep_only(fd))
        return COF_SANDBOX_DESCRIPTORS;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
        return COF_SANDBOX_PARENT;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return COF_SANDBOX_PRIVILEGES;
    if (!limit_resources(limits))
        return COF_SANDBOX_LIMITS;
    return filter_calls() ? COF_SANDBOX_OK : COF_SANDBOX_SECCOMP;
}

bool cof_sandbox_is_whole(void)
{
    return !IS_SANITIZED;
}

const char *cof_sandbox_step_name(enum cof_sandbox_step step)
{
    static const char *const names[] = {
        [COF_SANDBOX_OK] = "nothing",
        [COF_SANDBOX_DESCRIPTORS] = "closing descriptors",
        [COF_SANDBOX_PARENT] = "its parent",
        [COF_SANDBOX_PRIVILEGES] = "giving up privileges",
        [COF_SANDBOX_LIMITS] = "limiting resources",
        [COF_SANDBOX_SECCOMP] = "seccomp",
    };
    return step < COF_SANDBOX_STEP_COUNT ? names[step] : "an unknown step";
}
