/* The little HTTP that the remote embedder needs to be answered. */
#include "http_stub.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cof/base/json.h>
#include <cof/embedder/embedder.h>

#include "testing.h"

static void send_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        at += sent;
        size -= (size_t)sent;
    }
}

static bool receive(int fd, struct cof_buffer *received)
{
    uint8_t bytes[4096];
    ssize_t size = recv(fd, bytes, sizeof(bytes), 0);
    if (size <= 0)
        return false;
    cof_buffer_append(received, bytes, (size_t)size);
    return true;
}

/* The number behind "content-length:", whatever its case; 0 when absent. */
static size_t body_size_of(struct cof_text head)
{
    uint64_t size = 0;
    struct cof_text line = {0};
    while (head.size > 0) {
        struct cof_text name = {0};
        struct cof_text value = {0};
        (void)cof_text_split(head, '\n', &line, &head);
        if (cof_text_split(line, ':', &name, &value) &&
            cof_text_equal_ascii_case(name, COF_TEXT("content-length")))
            (void)cof_text_parse_u64(cof_text_trim(value), &size);
    }
    return (size_t)size;
}

static void serve(const struct http_stub *stub, int fd)
{
    struct cof_buffer received = {0};
    struct cof_buffer answer = {0};
    struct cof_text separator = COF_TEXT("\r\n\r\n");
    size_t head_size = SIZE_MAX;
    while (head_size == SIZE_MAX) {
        if (!receive(fd, &received))
            goto cleanup;
        head_size = cof_text_index_of(cof_buffer_text(&received), separator);
    }
    struct cof_text head = cof_text_slice(cof_buffer_text(&received), 0, head_size);
    size_t total = head_size + separator.size + body_size_of(head);
    if (received.size < total) /* a client that asks first */
        send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    while (received.size < total) {
        if (!receive(fd, &received))
            goto cleanup;
    }
    struct cof_text all = cof_buffer_text(&received);
    long status = stub->respond(stub->context, cof_text_slice(all, 0, head_size),
                                cof_text_slice(all, head_size + separator.size, total), &answer);
    char line[160];
    int line_size = snprintf(line, sizeof(line),
                             "HTTP/1.1 %ld Status\r\nContent-Type: application/json\r\n"
                             "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                             status, answer.size);
    send_all(fd, line, (size_t)line_size);
    send_all(fd, answer.data, answer.size);
cleanup:
    cof_buffer_deinit(&received);
    cof_buffer_deinit(&answer);
}

static void *serve_all(void *argument)
{
    const struct http_stub *stub = argument;
    for (;;) {
        int fd = accept(stub->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        serve(stub, fd);
        (void)close(fd);
    }
}

void http_stub_start(struct http_stub *stub, http_stub_fn respond, void *context)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_size = sizeof(address);
    *stub = (struct http_stub){.respond = respond, .context = context};
    stub->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(stub->listener >= 0);
    assert_int_equal(bind(stub->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(stub->listener, 64), 0);
    assert_int_equal(getsockname(stub->listener, (struct sockaddr *)&address, &address_size), 0);
    (void)snprintf(stub->url, sizeof(stub->url), "http://127.0.0.1:%u/v1",
                   (unsigned)ntohs(address.sin_port));
    assert_int_equal(pthread_create(&stub->thread, NULL, serve_all, stub), 0);
}

void http_stub_stop(struct http_stub *stub)
{
    (void)shutdown(stub->listener, SHUT_RDWR); /* wakes accept */
    (void)pthread_join(stub->thread, NULL);
    (void)close(stub->listener);
}

static void write_vectors(struct cof_buffer *answer, const float *vectors, size_t count,
                          size_t dimension, size_t token_count)
{
    struct cof_json_writer writer = cof_json_writer_to(answer);
    cof_json_begin_object(&writer);
    cof_json_put_key(&writer, "data");
    cof_json_begin_array(&writer);
    for (size_t i = count; i-- > 0;) { /* backwards: the index decides, not the order */
        cof_json_begin_object(&writer);
        cof_json_member_unsigned(&writer, "index", i);
        cof_json_put_key(&writer, "embedding");
        cof_json_begin_array(&writer);
        for (size_t j = 0; j < dimension; j++)
            cof_json_put_float(&writer, vectors[i * dimension + j]);
        cof_json_end_array(&writer);
        cof_json_end_object(&writer);
    }
    cof_json_end_array(&writer);
    cof_json_put_key(&writer, "usage");
    cof_json_begin_object(&writer);
    cof_json_member_unsigned(&writer, "prompt_tokens", token_count);
    cof_json_end_object(&writer);
    cof_json_end_object(&writer);
}

long http_stub_embed(void *context, struct cof_text head, struct cof_text body,
                     struct cof_buffer *answer)
{
    struct cof_embedder *embedder = context;
    struct cof_json_tree *tree = NULL;
    const struct cof_json_limits limits = {.max_bytes = (size_t)64 << 20};
    struct cof_text texts[256];
    size_t token_counts[256];
    size_t count = 0;
    size_t token_count = 0;
    (void)head;
    if (cof_json_parse(body, &limits, &tree, NULL) != COF_OK)
        return 400;
    const struct cof_json *input = cof_json_find(cof_json_root(tree), "input");
    for (const struct cof_json *item = cof_json_first(input); item != NULL && count < 256;
         item = cof_json_next(item))
        texts[count++] = cof_json_text(item);
    float *vectors = calloc(count * embedder->info.dimension + 1, sizeof(*vectors));
    long status = 500;
    if (vectors != NULL && cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, count, NULL,
                                              vectors, token_counts, NULL) == COF_OK) {
        for (size_t i = 0; i < count; i++)
            token_count += token_counts[i];
        write_vectors(answer, vectors, count, embedder->info.dimension, token_count);
        status = 200;
    }
    free(vectors);
    cof_json_tree_destroy(tree);
    return status;
}
