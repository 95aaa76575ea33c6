/* Bytes of a client through the parser, the target's decoding and the router, without sockets.
 *
 * The first byte says in which steps the rest arrives. What must hold for every input: the same
 * bytes in one piece give the same requests; a head that is let through keeps the rules; the body
 * is no longer than what arrived. */
#include "fuzzing.h"

#include <stdlib.h>
#include <string.h>

#include "http_parser.h"
#include "http_text.h"
#include "http_uri.h"
#include "router.h"

#define MAX_MESSAGES 64

/* What came out of one run, to be compared with another. */
struct run {
    size_t head_count;
    size_t body_bytes;
    uint64_t body_sum; /* order matters */
    unsigned fault;
    enum cof_http_method methods[MAX_MESSAGES];
    uint64_t lengths[MAX_MESSAGES];
};

static void require(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static void on_body(void *context, struct cof_bytes bytes)
{
    struct run *run = context;
    run->body_bytes += bytes.size;
    for (size_t i = 0; i < bytes.size; i++) {
        run->body_sum = run->body_sum * 31 + bytes.data[i];
    }
}

static void check_head(const struct cof_http_head *head)
{
    struct cof_text name;
    struct cof_text port;
    require(head->major_version == 1 && head->minor_version <= 1);
    require(cof_http_is_target(head->target));
    require(cof_http_split_host(head->host, &name, &port));
    require(!(head->is_chunked && head->content_length > 0));
    for (size_t i = 0; i < head->field_count; i++) {
        require(cof_http_is_token(head->fields[i].name));
        require(cof_http_is_field_value(head->fields[i].value));
    }
}

static void check_uri(const struct cof_http_uri *uri)
{
    for (size_t i = 0; i < uri->segment_count; i++) {
        struct cof_text segment = uri->segments[i];
        require(cof_utf8_is_valid(segment, NULL));
        require(segment.size == 0 || memchr(segment.data, '/', segment.size) == NULL);
        require(segment.size == 0 || memchr(segment.data, '\0', segment.size) == NULL);
        require(!cof_text_equal(segment, COF_TEXT("..")));
    }
}

static void route(const struct cof_http_head *head)
{
    struct cof_arena arena = {0};
    struct cof_http_uri uri;
    const struct cof_route *routes = NULL;
    const struct cof_route *found = NULL;
    struct cof_text parameters[COF_MAX_ROUTE_PARAMETERS];
    char allow[COF_ALLOW_SIZE];
    if (cof_http_uri_parse(head->target, &arena, &uri, NULL) == COF_OK) {
        check_uri(&uri);
        size_t count = cof_routes(&routes);
        enum cof_route_match match =
            cof_router_find(routes, count, head->method, &uri, &found, parameters, allow);
        require((match == COF_ROUTE_FOUND) == (found != NULL));
    }
    cof_arena_deinit(&arena);
}

static void run_in_steps(const uint8_t *data, size_t size, size_t step, struct run *run)
{
    const struct cof_http_parser_options options = {
        .max_head_bytes = 1024,
        .max_head_count = 16,
        .max_target_bytes = 256,
        .on_body = on_body,
        .context = run,
    };
    struct cof_http_parser *parser = NULL;
    require(cof_http_parser_create(&options, &parser, NULL) == COF_OK);
    size_t done = 0;
    bool is_over = false;
    while (!is_over) {
        size_t left = size - done;
        size_t consumed = 0;
        struct cof_bytes bytes = {.data = data + done, .size = left < step ? left : step};
        switch (cof_http_parser_feed(parser, bytes, &consumed)) {
        case COF_HTTP_NEEDS_INPUT:
            require(consumed == bytes.size || consumed > 0);
            is_over = done + consumed == size;
            break;
        case COF_HTTP_HAS_HEAD:
            check_head(cof_http_parser_head(parser));
            route(cof_http_parser_head(parser));
            if (run->head_count < MAX_MESSAGES) {
                run->methods[run->head_count] = cof_http_parser_head(parser)->method;
                run->lengths[run->head_count] = cof_http_parser_head(parser)->content_length;
            }
            run->head_count++;
            break;
        case COF_HTTP_HAS_MESSAGE:
            cof_http_parser_reset(parser);
            break;
        case COF_HTTP_HAS_FAULT:
            run->fault = cof_http_parser_fault(parser).status;
            require(run->fault >= 400 && run->fault < 600);
            is_over = true;
            break;
        }
        require(consumed <= bytes.size);
        done += consumed;
    }
    require(run->body_bytes <= size);
    cof_http_parser_destroy(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct run whole = {0};
    struct run pieces = {0};
    run_in_steps(data + 1, size - 1, size, &whole);
    run_in_steps(data + 1, size - 1, (size_t)data[0] % 32 + 1, &pieces);
    require(whole.head_count == pieces.head_count);
    require((whole.fault == 0) == (pieces.fault == 0));
    if (whole.fault == 0) {
        require(memcmp(&whole, &pieces, sizeof(whole)) == 0);
    }
    return 0;
}
