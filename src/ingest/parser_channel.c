/* send(2) and recv(2) until done, late, canceled or alone. */
#include "parser_channel.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cof/base/clock.h>

/* How long a cancellation may stay unnoticed. */
#define CANCEL_STEP_MS 50

static enum cof_channel_result wait_for(int fd, short events, int64_t deadline_ns,
                                        const struct cof_cancel *cancel)
{
    for (;;) {
        int64_t left_ns = deadline_ns - cof_clock_steady_ns(cof_clock_system());
        if (left_ns <= 0)
            return COF_CHANNEL_LATE;
        if (cof_cancel_check(cancel, NULL) != COF_OK)
            return COF_CHANNEL_CANCELED;
        int64_t left_ms = left_ns / 1000000 + 1;
        if (cancel != NULL && left_ms > CANCEL_STEP_MS)
            left_ms = CANCEL_STEP_MS;
        struct pollfd waiting = {.fd = fd, .events = events};
        int ready = poll(&waiting, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (ready > 0)
            return COF_CHANNEL_OK;
        if (ready < 0 && errno != EINTR)
            return COF_CHANNEL_GONE;
    }
}

static bool must_wait(ssize_t result)
{
    return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

enum cof_channel_result cof_channel_send(int fd, struct cof_bytes bytes, int64_t deadline_ns,
                                         const struct cof_cancel *cancel)
{
    while (bytes.size > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes.data += sent;
            bytes.size -= (size_t)sent;
        } else if (must_wait(sent)) {
            enum cof_channel_result result = wait_for(fd, POLLOUT, deadline_ns, cancel);
            if (result != COF_CHANNEL_OK)
                return result;
        } else if (errno != EINTR) {
            return COF_CHANNEL_GONE;
        }
    }
    return COF_CHANNEL_OK;
}

enum cof_channel_result cof_channel_receive(int fd, void *out_bytes, size_t size,
                                            int64_t deadline_ns, const struct cof_cancel *cancel)
{
    uint8_t *bytes = out_bytes;
    while (size > 0) {
        ssize_t got = recv(fd, bytes, size, MSG_DONTWAIT);
        if (got > 0) {
            bytes += got;
            size -= (size_t)got;
        } else if (must_wait(got)) {
            enum cof_channel_result result = wait_for(fd, POLLIN, deadline_ns, cancel);
            if (result != COF_CHANNEL_OK)
                return result;
        } else if (got == 0 || errno != EINTR) {
            return COF_CHANNEL_GONE;
        }
    }
    return COF_CHANNEL_OK;
}

bool cof_channel_is_quiet(int fd)
{
    char byte = 0;
    return must_wait(recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT));
}
