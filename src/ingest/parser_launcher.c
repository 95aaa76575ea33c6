/* The launcher: its loop, and the conversation with it. */
#include "parser_launcher.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cof/base/buffer.h>
#include <cof/base/file.h>

#include "parser_child.h"

#define MAX_PARSERS 256

enum launcher_verb {
    LAUNCHER_START = 1,
    LAUNCHER_STOP = 2,
};

/* Both ends are ours and of one build: plain structs do. */
struct launcher_request {
    int verb;
    pid_t pid;
};

struct launcher_reply {
    enum cof_sandbox_step failed_step; /* of the first message only */
    int error_number;
    pid_t pid;
    int wait_status;
};

struct launcher_state {
    const struct cof_format_table *table;
    struct cof_sandbox_limits limits;
    pid_t pids[MAX_PARSERS]; /* 0 = free */
};

/* ---- In the launcher ---- */

/* Address space that the program takes already, and its children with it. */
static size_t program_bytes(void)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer text = {0};
    if (cof_file_read("/proc/self/statm", 4096, &text, NULL) != COF_OK)
        return (size_t)1 << 30;
    struct cof_text pages = {0};
    struct cof_text rest = {0};
    uint64_t count = 0;
    (void)cof_text_split(cof_buffer_text(&text), ' ', &pages, &rest);
    (void)cof_text_parse_u64(pages, &count);
    return (size_t)count * (size_t)sysconf(_SC_PAGESIZE);
}

static bool say(const struct launcher_reply *reply, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct launcher_reply copy = *reply;
    struct iovec part = {.iov_base = &copy, .iov_len = sizeof(copy)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    }
    ssize_t sent = 0;
    do {
        sent = sendmsg(COF_SANDBOX_FD, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof(copy);
}

static pid_t *slot_of(struct launcher_state *state, pid_t pid)
{
    for (size_t i = 0; i < MAX_PARSERS; i++) {
        if (state->pids[i] == pid)
            return &state->pids[i];
    }
    return NULL;
}

static bool start_parser(struct launcher_state *state)
{
    int ends[2] = {-1, -1};
    struct launcher_reply reply = {0};
    pid_t *slot = slot_of(state, 0);
    if (slot == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        reply.error_number = slot == NULL ? EAGAIN : errno;
        return say(&reply, -1);
    }
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0)
        cof_parser_child_run(ends[1], self, state->table, &state->limits);
    reply.error_number = pid < 0 ? errno : 0;
    reply.pid = pid;
    if (pid > 0)
        *slot = pid;
    (void)close(ends[1]);
    bool is_said = say(&reply, pid > 0 ? ends[0] : -1);
    (void)close(ends[0]);
    return is_said;
}

static bool stop_parser(struct launcher_state *state, pid_t pid)
{
    struct launcher_reply reply = {.pid = pid};
    pid_t *slot = pid > 0 ? slot_of(state, pid) : NULL;
    if (slot == NULL) {
        reply.error_number = ESRCH;
        return say(&reply, -1);
    }
    (void)kill(pid, SIGKILL); /* a dead one that nobody has reaped does not mind */
    while (waitpid(pid, &reply.wait_status, 0) < 0 && errno == EINTR)
        ;
    *slot = 0;
    return say(&reply, -1);
}

static bool serve(struct launcher_state *state)
{
    struct launcher_request request = {0};
    ssize_t got = 0;
    do {
        got = recv(COF_SANDBOX_FD, &request, sizeof(request), 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(request))
        return false;
    return request.verb == LAUNCHER_START ? start_parser(state) : stop_parser(state, request.pid);
}

COF_NORETURN static void run_launcher(int fd, pid_t parent, struct launcher_state *state)
{
    state->limits.max_memory_bytes += program_bytes();
    cof_parser_child_warm_up();
    struct launcher_reply hello = {.failed_step = cof_sandbox_enter_launcher(fd, parent)};
    hello.error_number = hello.failed_step == COF_SANDBOX_OK ? 0 : errno;
    bool is_up = say(&hello, -1) && hello.failed_step == COF_SANDBOX_OK;
    while (is_up && serve(state))
        ;
    for (size_t i = 0; i < MAX_PARSERS; i++) {
        if (state->pids[i] > 0)
            (void)kill(state->pids[i], SIGKILL);
    }
    _exit(0);
}

/* ---- In the program ---- */

static enum cof_status fail_gone(struct cof_error *err)
{
    return COF_FAIL(err, COF_UNAVAILABLE,
                    "the process that starts parsers has ended; restart the server");
}

/* Receives a reply, and the descriptor that may come with it. */
static enum cof_status hear(int socket, struct launcher_reply *out_reply, int *out_fd,
                            struct cof_error *err)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = out_reply, .iov_len = sizeof(*out_reply)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t got = 0;
    do {
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(*out_reply))
        return fail_gone(err);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *out_fd = -1;
    if (header != NULL && header->cmsg_type == SCM_RIGHTS)
        memcpy(out_fd, CMSG_DATA(header), sizeof(*out_fd));
    return COF_OK;
}

static enum cof_status ask(struct cof_launcher *launcher, const struct launcher_request *request,
                           struct launcher_reply *out_reply, int *out_fd, struct cof_error *err)
{
    ssize_t sent = 0;
    if (launcher->fd < 0)
        return fail_gone(err);
    do {
        sent = send(launcher->fd, request, sizeof(*request), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent != (ssize_t)sizeof(*request))
        return fail_gone(err);
    return hear(launcher->fd, out_reply, out_fd, err);
}

enum cof_status cof_launcher_open(const struct cof_format_table *table,
                                  const struct cof_sandbox_limits *limits,
                                  struct cof_launcher *out_launcher, struct cof_error *err)
{
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return COF_FAIL(err, COF_IO, "no socket for the parsers: %s", strerrordesc_np(errno));
    pid_t self = getpid();
    (void)fflush(NULL); /* what is buffered is written once */
    pid_t pid = fork();
    if (pid == 0) {
        struct launcher_state state = {.table = table, .limits = *limits};
        run_launcher(ends[1], self, &state);
    }
    (void)close(ends[1]);
    if (pid < 0) {
        (void)close(ends[0]);
        return COF_FAIL(err, COF_IO, "no process for the parsers: %s", strerrordesc_np(errno));
    }
    struct cof_launcher launcher = {.fd = ends[0], .pid = pid};
    struct launcher_reply hello = {0};
    int none = -1;
    enum cof_status status = hear(launcher.fd, &hello, &none, err);
    if (status == COF_OK && hello.failed_step != COF_SANDBOX_OK)
        status =
            COF_FAIL(err, COF_UNAVAILABLE, "the parsers cannot be sandboxed (%s: %s)",
                     cof_sandbox_step_name(hello.failed_step), strerrordesc_np(hello.error_number));
    if (status != COF_OK) {
        cof_launcher_close(&launcher);
        return status;
    }
    *out_launcher = launcher;
    return COF_OK;
}

void cof_launcher_close(struct cof_launcher *launcher)
{
    if (launcher == NULL || launcher->fd < 0)
        return;
    (void)close(launcher->fd);
    launcher->fd = -1;
    while (waitpid(launcher->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

enum cof_status cof_launcher_start(struct cof_launcher *launcher, int *out_fd, pid_t *out_pid,
                                   struct cof_error *err)
{
    struct launcher_request request = {.verb = LAUNCHER_START};
    struct launcher_reply reply = {0};
    int fd = -1;
    COF_TRY(ask(launcher, &request, &reply, &fd, err));
    if (reply.pid <= 0 || fd < 0) {
        cof_fd_close(&fd);
        return COF_FAIL(err, COF_UNAVAILABLE, "no process for a parser: %s",
                        strerrordesc_np(reply.error_number));
    }
    *out_fd = fd;
    *out_pid = reply.pid;
    return COF_OK;
}

enum cof_status cof_launcher_stop(struct cof_launcher *launcher, pid_t pid, int *out_wait_status,
                                  struct cof_error *err)
{
    struct launcher_request request = {.verb = LAUNCHER_STOP, .pid = pid};
    struct launcher_reply reply = {0};
    int none = -1;
    COF_TRY(ask(launcher, &request, &reply, &none, err));
    *out_wait_status = reply.wait_status;
    return COF_OK;
}
