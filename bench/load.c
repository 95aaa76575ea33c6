/* A light HTTP load generator: N keep-alive connections, each asking again as soon as it was
 * answered.
 *
 *   bench_load --address IP:PORT --path PATH --key-file FILE --bodies FILE
 *              --connections N --seconds N [--warm-up N] [--collect NAME,NAME…]
 *
 * Bodies are lines of JSON, sent by POST in turn. The first `warm-up` answers are not counted. Of
 * every answer, the first number behind "NAME": is summed for each collected name. One thread and
 * one epoll, so that it takes as little as it can from the server on the same machine. Prints one
 * line of JSON; latency is from the first byte sent to the last byte received. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cof/base/buffer.h>
#include <cof/base/clock.h>
#include <cof/base/file.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

#define MAX_CONNECTIONS 1024
#define MAX_COLLECTED 16
#define MAX_FILE_BYTES (UINT64_C(1) << 30)
#define READ_BYTES 65536
#define EVENT_COUNT 64

struct options {
    struct sockaddr_in address;
    const char *address_text;
    const char *path;
    const char *key_file;
    const char *bodies_file;
    uint64_t connection_count;
    uint64_t seconds;
    uint64_t warm_up_count;
    const char *collected[MAX_COLLECTED];
    size_t collected_count;
};

struct request {
    size_t begin, end; /* in struct load's bytes */
};

struct connection {
    int fd;
    struct cof_text rest; /* of the request, still to be sent */
    struct cof_buffer answer;
    int64_t begin_ns;
};

struct load {
    struct options options;
    struct cof_buffer bytes; /* all requests, ready to be sent */
    struct request *requests;
    size_t request_count;
    size_t next_request;
    struct connection connections[MAX_CONNECTIONS];
    int epoll_fd;
    uint64_t answer_count; /* warm-up included */
    uint64_t failure_count;
    int64_t begin_ns; /* when the warm-up was over */
    int64_t end_ns;
    struct cof_buffer latencies; /* int64_t nanoseconds */
    double sums[MAX_COLLECTED];
};

static int64_t now_ns(void)
{
    return cof_clock_steady_ns(cof_clock_system());
}

static enum cof_status read_requests(struct load *load, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer key = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer bodies = {0};
    COF_TRY(cof_file_read(load->options.key_file, 4096, &key, err));
    COF_TRY(cof_file_read(load->options.bodies_file, MAX_FILE_BYTES, &bodies, err));
    struct cof_text rest = cof_text_trim(cof_buffer_text(&bodies));
    size_t room = 1;
    for (size_t i = 0; i < rest.size; i++) {
        room += rest.data[i] == '\n';
    }
    load->requests = calloc(room, sizeof(*load->requests));
    if (load->requests == NULL || rest.size == 0) {
        return COF_FAIL(err, COF_INVALID, "no request in %s", load->options.bodies_file);
    }
    while (rest.size > 0) {
        struct cof_text body;
        (void)cof_text_split(rest, '\n', &body, &rest);
        struct request *request = &load->requests[load->request_count++];
        request->begin = load->bytes.size;
        cof_buffer_append_format(&load->bytes,
                                 "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %.*s\r\n"
                                 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                                 load->options.path, load->options.address_text,
                                 COF_TEXT_ARG(cof_text_trim(cof_buffer_text(&key))), body.size);
        cof_buffer_append_text(&load->bytes, body);
        request->end = load->bytes.size;
    }
    return cof_buffer_status(&load->bytes, err);
}

static enum cof_status watch(struct load *load, struct connection *connection, int operation,
                             uint32_t events, struct cof_error *err)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(load->epoll_fd, operation, connection->fd, &event) != 0) {
        return COF_FAIL(err, COF_IO, "epoll: %s", strerror(errno));
    }
    return COF_OK;
}

/* Sends what the socket takes, and waits for room where it does not take all. */
static enum cof_status send_rest(struct load *load, struct connection *connection,
                                 struct cof_error *err)
{
    while (connection->rest.size > 0) {
        ssize_t sent =
            send(connection->fd, connection->rest.data, connection->rest.size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            return watch(load, connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT, err);
        }
        if (sent < 0) {
            return COF_FAIL(err, COF_IO, "send: %s", strerror(errno));
        }
        connection->rest = cof_text_slice(connection->rest, (size_t)sent, connection->rest.size);
    }
    return COF_OK;
}

static enum cof_status ask(struct load *load, struct connection *connection, struct cof_error *err)
{
    const struct request *request = &load->requests[load->next_request];
    load->next_request = (load->next_request + 1) % load->request_count;
    cof_buffer_clear(&connection->answer);
    connection->rest = cof_text_slice(cof_buffer_text(&load->bytes), request->begin, request->end);
    connection->begin_ns = now_ns();
    return send_rest(load, connection, err);
}

static enum cof_status open_connections(struct load *load, struct cof_error *err)
{
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < load->options.connection_count; i++) {
        struct connection *connection = &load->connections[i];
        connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int yes = 1;
        if (connection->fd < 0 ||
            connect(connection->fd, (const struct sockaddr *)&load->options.address,
                    sizeof(load->options.address)) != 0 ||
            setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) != 0 ||
            fcntl(connection->fd, F_SETFL, O_NONBLOCK) != 0) {
            return COF_FAIL(err, COF_IO, "cannot connect to %s: %s", load->options.address_text,
                            strerror(errno));
        }
        COF_TRY(watch(load, connection, EPOLL_CTL_ADD, EPOLLIN, err));
        COF_TRY(ask(load, connection, err));
    }
    return COF_OK;
}

/* Finds the size of the whole answer once its head is there; 0 before. */
static enum cof_status answer_size(struct cof_text answer, size_t *out_size, struct cof_error *err)
{
    size_t head = cof_text_index_of(answer, COF_TEXT("\r\n\r\n"));
    if (head == SIZE_MAX) {
        *out_size = 0;
        return COF_OK;
    }
    struct cof_text rest = cof_text_slice(answer, 0, head);
    struct cof_text line;
    while (rest.size > 0) {
        struct cof_text name;
        struct cof_text value;
        uint64_t size;
        (void)cof_text_split(rest, '\n', &line, &rest);
        (void)cof_text_split(line, ':', &name, &value);
        if (cof_text_equal_ascii_case(name, COF_TEXT("Content-Length")) &&
            cof_text_parse_u64(cof_text_trim(value), &size)) {
            *out_size = head + 4 + (size_t)size;
            return COF_OK;
        }
    }
    return COF_FAIL(err, COF_INVALID, "an answer has no Content-Length");
}

static void collect(struct load *load, struct cof_text answer)
{
    for (size_t i = 0; i < load->options.collected_count; i++) {
        char key[64];
        snprintf(key, sizeof(key), "\"%s\":", load->options.collected[i]);
        size_t at = cof_text_index_of(answer, cof_text_from(key));
        if (at != SIZE_MAX) {
            load->sums[i] += strtod(answer.data + at + strlen(key), NULL);
        }
    }
}

static void finish_answer(struct load *load, struct connection *connection)
{
    int64_t now = now_ns();
    struct cof_text answer = cof_buffer_text(&connection->answer);
    load->answer_count++;
    if (load->answer_count <= load->options.warm_up_count) {
        load->begin_ns = now;
        return;
    }
    load->end_ns = now;
    int64_t taken = now - connection->begin_ns;
    cof_buffer_append(&load->latencies, &taken, sizeof(taken));
    if (!cof_text_has_prefix(answer, COF_TEXT("HTTP/1.1 200 "))) {
        if (load->failure_count++ == 0) {
            (void)fprintf(stderr, "bench_load: the first failure: %.*s\n",
                          COF_TEXT_ARG(cof_text_slice(answer, 0, 600)));
        }
        return;
    }
    /* strtod needs an end, which the answer as such has not */
    cof_buffer_append_byte(&connection->answer, '\0');
    collect(load, cof_buffer_text(&connection->answer));
}

static enum cof_status receive(struct load *load, struct connection *connection,
                               struct cof_error *err)
{
    cof_buffer_reserve(&connection->answer, READ_BYTES);
    COF_TRY(cof_buffer_status(&connection->answer, err));
    ssize_t size =
        recv(connection->fd, connection->answer.data + connection->answer.size, READ_BYTES, 0);
    if (size < 0 && errno == EAGAIN) {
        return COF_OK;
    }
    if (size <= 0) {
        return COF_FAIL(err, COF_IO, "the server closed a connection");
    }
    connection->answer.size += (size_t)size;
    size_t whole = 0;
    COF_TRY(answer_size(cof_buffer_text(&connection->answer), &whole, err));
    if (whole == 0 || connection->answer.size < whole) {
        return COF_OK;
    }
    finish_answer(load, connection);
    return ask(load, connection, err);
}

static enum cof_status handle(struct load *load, const struct epoll_event *event,
                              struct cof_error *err)
{
    struct connection *connection = event->data.ptr;
    if ((event->events & EPOLLOUT) != 0) {
        COF_TRY(send_rest(load, connection, err));
        if (connection->rest.size == 0) {
            COF_TRY(watch(load, connection, EPOLL_CTL_MOD, EPOLLIN, err));
        }
    }
    if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        return receive(load, connection, err);
    }
    return COF_OK;
}

static bool is_over(const struct load *load)
{
    return load->answer_count > load->options.warm_up_count &&
           now_ns() - load->begin_ns >= (int64_t)load->options.seconds * 1000000000;
}

static enum cof_status run_load(struct load *load, struct cof_error *err)
{
    COF_TRY(read_requests(load, err));
    load->begin_ns = now_ns();
    COF_TRY(open_connections(load, err));
    while (!is_over(load)) {
        struct epoll_event events[EVENT_COUNT];
        int count = epoll_wait(load->epoll_fd, events, EVENT_COUNT, 1000);
        if (count < 0 && errno != EINTR) {
            return COF_FAIL(err, COF_IO, "epoll: %s", strerror(errno));
        }
        for (int i = 0; i < count; i++) {
            COF_TRY(handle(load, &events[i], err));
        }
    }
    return cof_buffer_status(&load->latencies, err);
}

static int compare_latencies(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void print_results(struct load *load)
{
    size_t count = load->latencies.size / sizeof(int64_t);
    int64_t *latencies = (int64_t *)(void *)load->latencies.data;
    double seconds = (double)(load->end_ns - load->begin_ns) * 1e-9;
    qsort(latencies, count, sizeof(*latencies), compare_latencies);
    printf("{\"requests\":%zu,\"failures\":%llu,\"seconds\":%.6f,\"qps\":%.3f,\"p50_ms\":%.6f,"
           "\"p95_ms\":%.6f,\"p99_ms\":%.6f,\"max_ms\":%.6f,\"means\":{",
           count, (unsigned long long)load->failure_count, seconds, (double)count / seconds,
           (double)latencies[count / 2] * 1e-6, (double)latencies[count * 95 / 100] * 1e-6,
           (double)latencies[count * 99 / 100] * 1e-6, (double)latencies[count - 1] * 1e-6);
    for (size_t i = 0; i < load->options.collected_count; i++) {
        printf("%s\"%s\":%.6f", i == 0 ? "" : ",", load->options.collected[i],
               load->sums[i] / (double)count);
    }
    printf("}}\n");
}

static bool parse_address(struct options *options, const char *text)
{
    char host[64];
    struct cof_text name;
    struct cof_text port;
    uint64_t number = 0;
    if (!cof_text_split(cof_text_from(text), ':', &name, &port) ||
        !cof_text_parse_u64(port, &number) || number > UINT16_MAX || name.size >= sizeof(host)) {
        return false;
    }
    snprintf(host, sizeof(host), "%.*s", COF_TEXT_ARG(name));
    options->address_text = text;
    options->address.sin_family = AF_INET;
    options->address.sin_port = htons((uint16_t)number);
    return inet_pton(AF_INET, host, &options->address.sin_addr) == 1;
}

/* Splits the names in place. */
static bool parse_collected(struct options *options, char *names)
{
    while (names != NULL) {
        if (options->collected_count == MAX_COLLECTED) {
            return false;
        }
        char *comma = strchr(names, ',');
        if (comma != NULL) {
            *comma++ = '\0';
        }
        options->collected[options->collected_count++] = names;
        names = comma;
    }
    return true;
}

static bool parse_option(struct options *options, const char *name, char *value)
{
    struct cof_text text = cof_text_from(value);
    if (strcmp(name, "--address") == 0) {
        return parse_address(options, value);
    }
    if (strcmp(name, "--path") == 0) {
        options->path = value;
    } else if (strcmp(name, "--key-file") == 0) {
        options->key_file = value;
    } else if (strcmp(name, "--bodies") == 0) {
        options->bodies_file = value;
    } else if (strcmp(name, "--connections") == 0) {
        return cof_text_parse_u64(text, &options->connection_count);
    } else if (strcmp(name, "--seconds") == 0) {
        return cof_text_parse_u64(text, &options->seconds);
    } else if (strcmp(name, "--warm-up") == 0) {
        return cof_text_parse_u64(text, &options->warm_up_count);
    } else if (strcmp(name, "--collect") == 0) {
        return parse_collected(options, value);
    } else {
        return false;
    }
    return true;
}

static enum cof_status parse_options(int argc, char **argv, struct options *options,
                                     struct cof_error *err)
{
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc || !parse_option(options, argv[i], argv[i + 1])) {
            return COF_FAIL(err, COF_INVALID, "%s is no option, or its value is wrong", argv[i]);
        }
    }
    if (options->address_text == NULL || options->path == NULL || options->key_file == NULL ||
        options->bodies_file == NULL || options->seconds == 0 || options->connection_count == 0 ||
        options->connection_count > MAX_CONNECTIONS) {
        return COF_FAIL(err, COF_INVALID,
                        "needed: --address --path --key-file --bodies --connections (1 … %d) "
                        "--seconds",
                        MAX_CONNECTIONS);
    }
    return COF_OK;
}

static void deinit(struct load *load)
{
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        cof_fd_close(&load->connections[i].fd);
        cof_buffer_deinit(&load->connections[i].answer);
    }
    cof_fd_close(&load->epoll_fd);
    cof_buffer_deinit(&load->bytes);
    cof_buffer_deinit(&load->latencies);
    free(load->requests);
}

int main(int argc, char **argv)
{
    static struct load load = {.epoll_fd = -1};
    struct cof_error error = {0};
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        load.connections[i].fd = -1;
    }
    enum cof_status status = parse_options(argc, argv, &load.options, &error);
    if (status == COF_OK) {
        status = run_load(&load, &error);
    }
    if (status == COF_OK) {
        print_results(&load);
    } else {
        (void)fprintf(stderr, "bench_load: %s\n", error.message);
    }
    deinit(&load);
    return status == COF_OK ? 0 : 1;
}
