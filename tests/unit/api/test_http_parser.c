/* Bytes to heads and bodies: the same result however the bytes are cut, and no smuggling. */
#include "http_parser.h"

#include <stdio.h>
#include <string.h>

#include "testing.h"

/* What a parser said, so that two runs can be compared. */
struct run {
    char log[8192];
    size_t size;
    unsigned fault;
};

static struct run *current;

static void note(const char *text, size_t size)
{
    assert_true(current->size + size < sizeof(current->log));
    memcpy(current->log + current->size, text, size);
    current->size += size;
}

static void on_body(void *context, struct cof_bytes bytes)
{
    note((const char *)bytes.data, bytes.size);
}

static struct cof_http_parser *create(void)
{
    const struct cof_http_parser_options options = {
        .max_head_bytes = 1024,
        .max_head_count = 8,
        .max_target_bytes = 128,
        .on_body = on_body,
    };
    struct cof_http_parser *parser = NULL;
    assert_int_equal(cof_http_parser_create(&options, &parser, NULL), COF_OK);
    return parser;
}

static void note_head(const struct cof_http_head *head)
{
    const char *method = cof_http_method_name(head->method);
    note(method, strlen(method));
    note(" ", 1);
    note(head->target.data, head->target.size);
    for (size_t i = 0; i < head->field_count; i++) {
        note("|", 1);
        note(head->fields[i].name.data, head->fields[i].name.size);
        note("=", 1);
        note(head->fields[i].value.data, head->fields[i].value.size);
    }
    note("\n", 1);
}

/* Feeds the bytes `step` at a time and writes down what comes out. */
static struct run run_in_steps(struct cof_text input, size_t step)
{
    struct run run = {0};
    struct cof_http_parser *parser = create();
    current = &run;
    size_t done = 0;
    bool is_waiting = false;
    while (!is_waiting && run.fault == 0) {
        size_t left = input.size - done;
        size_t size = left < step ? left : step;
        size_t consumed = 0;
        struct cof_bytes bytes = {.data = (const uint8_t *)input.data + done, .size = size};
        switch (cof_http_parser_feed(parser, bytes, &consumed)) {
        case COF_HTTP_NEEDS_INPUT:
            is_waiting = done + consumed == input.size;
            break;
        case COF_HTTP_HAS_HEAD:
            note_head(cof_http_parser_head(parser));
            break;
        case COF_HTTP_HAS_MESSAGE:
            note("\n.\n", 3);
            cof_http_parser_reset(parser);
            break;
        case COF_HTTP_HAS_FAULT:
            run.fault = cof_http_parser_fault(parser).status;
            assert_non_null(cof_http_parser_fault(parser).message);
            break;
        }
        done += consumed;
    }
    cof_http_parser_destroy(parser);
    return run;
}

static void expect_log(struct cof_text input, const char *expected)
{
    for (size_t step = 1; step <= input.size; step++) {
        struct run run = run_in_steps(input, step);
        run.log[run.size] = '\0';
        if (run.fault != 0 || strcmp(run.log, expected) != 0) {
            fail_msg("in steps of %zu: fault %u, '%s' instead of '%s'", step, run.fault, run.log,
                     expected);
        }
    }
}

static void expect_fault_in(struct cof_text input, unsigned status)
{
    const size_t steps[] = {1, 7, input.size};
    for (size_t i = 0; i < 3; i++) {
        struct run run = run_in_steps(input, steps[i]);
        if (run.fault != status) {
            run.log[run.size] = '\0';
            fail_msg("'%.*s' in steps of %zu: %u instead of %u; '%s'", COF_TEXT_ARG(input),
                     steps[i], run.fault, status, run.log);
        }
    }
}

static void expect_fault(const char *input, unsigned status)
{
    expect_fault_in(cof_text_from(input), status);
}

static void parser__reads_a_get_however_it_is_cut(void **state)
{
    expect_log(COF_TEXT("GET /v1/models?x=1 HTTP/1.1\r\nHost: a\r\nX-A:\t b c \r\nEmpty:\r\n\r\n"),
               "GET /v1/models?x=1|Host=a|X-A=b c|Empty=\n\n.\n");
}

static void parser__reads_a_post_however_it_is_cut(void **state)
{
    expect_log(COF_TEXT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
               "POST /|Host=a|Content-Length=5\nhello\n.\n");
}

static void parser__reads_chunks_however_they_are_cut(void **state)
{
    expect_log(COF_TEXT("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "5\r\nhello\r\nA\r\n, 12345678\r\n0\r\n\r\n"),
               "POST /|Host=a|Transfer-Encoding=chunked\nhello, 12345678\n.\n");
}

static void parser__skips_empty_lines_before_a_request(void **state)
{
    expect_log(COF_TEXT("\r\n\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n"), "GET /1|Host=a\n\n.\n");
}

static void parser__drops_trailers(void **state)
{
    expect_log(COF_TEXT("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "1\r\nx\r\n0\r\nAuthorization: Bearer y\r\n\r\n"),
               "POST /|Host=a|Transfer-Encoding=chunked\nx\n.\n");
}

static void parser__reads_pipelined_requests_in_order(void **state)
{
    expect_log(COF_TEXT("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                        "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
                        "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "1\r\nx\r\n0\r\n\r\n"
                        "DELETE /4 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
                        "GET /5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
               "GET /1|Host=a\n\n.\nPOST /2|Host=a|Content-Length=2\nhi\n.\n"
               "POST /3|Host=a|Transfer-Encoding=chunked\nx\n.\n"
               "DELETE /4|Host=a|Content-Length=0\n\n.\n"
               "GET /5|Host=a|Connection=close\n\n.\n");
}

static void parser__ignores_an_offer_to_change_the_protocol(void **state)
{
    expect_log(COF_TEXT("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
                        "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
               "GET /1|Host=a|Connection=Upgrade|Upgrade=h2c\n\n.\nGET /2|Host=a\n\n.\n");
}

/* The table of requests that libevent's own server let through, and their kin. */
static void parser__refuses_what_allows_smuggling(void **state)
{
#define HEAD "POST / HTTP/1.1\r\nHost: a\r\n"
    expect_fault(HEAD "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400);
    expect_fault(HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400);
    expect_fault(HEAD "Content-Length : 5\r\n\r\nhello", 400);
    expect_fault(HEAD "Content-Length: +5\r\n\r\nhello", 400);
    expect_fault(HEAD "Content-Length: 5,5\r\n\r\nhello", 400);
    expect_fault(HEAD "Content-Length: 5 5\r\n\r\nhello", 400);
    expect_fault(HEAD "Content-Length: 0x5\r\n\r\nhello", 400);
    expect_fault(HEAD "Content-Length: -5\r\n\r\nhello", 400);
    expect_fault(HEAD "Content-Length: 99999999999999999999\r\n\r\nhello", 400);
    expect_fault(HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400);
    expect_fault(HEAD "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400);
    expect_fault(HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400);
    expect_fault(HEAD "Transfer-Encoding:\x0b"
                      "chunked\r\n\r\n0\r\n\r\n",
                 400);
    expect_fault(HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400);
    expect_fault(HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", 400);
    expect_fault(HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    expect_fault(HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400);
    expect_fault(HEAD ": empty name\r\n\r\n", 400);
    expect_fault(HEAD "X-A: b\r\n folded\r\n\r\n", 400);
    expect_fault(HEAD "X-A: b\r\n\tfolded\r\n\r\n", 400);
    expect_fault(HEAD "X-A: b\n\r\n", 400);
    expect_fault(HEAD "X-A: b\rX-B: c\r\n\r\n", 400);
    expect_fault(HEAD "X A: b\r\n\r\n", 400);
    expect_fault(HEAD "X-A b\r\n\r\n", 400);
    expect_fault(" " HEAD "\r\n", 400);
    expect_fault("POST / HTTP/1.1\nHost: a\n\n", 400);
    expect_fault("POST / HTTP/1.1\r\n Host: a\r\n\r\n", 400);
    expect_fault_in((struct cof_text){HEAD "X-Role: admin\0b\r\n\r\n", sizeof(HEAD) + 18}, 400);
#undef HEAD
}

static void parser__refuses_bad_chunks(void **state)
{
#define HEAD "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    static const char *const bodies[] = {
        HEAD "0x5\r\nhello\r\n0\r\n\r\n",
        HEAD "+5\r\nhello\r\n0\r\n\r\n",
        HEAD "5 \r\nhello\r\n0\r\n\r\n",
        HEAD "5\nhello\n0\n\n",
        HEAD "5\r\nhelloX\r\n0\r\n\r\n",
        HEAD "5\r\nhello0\r\n\r\n",
        HEAD "\r\n\r\n",
        HEAD "-1\r\n\r\n",
        HEAD "5;ext=1\r\nhello\r\n0\r\n\r\n",
        HEAD "fffffffffffffffff\r\nx",
        HEAD "5\r\nhello\r\n0\r\nbad trailer\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        expect_fault(bodies[i], 400);
    }
#undef HEAD
}

static void parser__refuses_other_hosts_targets_and_versions(void **state)
{
    expect_fault("GET / HTTP/1.1\r\n\r\n", 400);
    expect_fault("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
    expect_fault("GET http://other/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_fault("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_fault("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_fault("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_fault("GET / HTTP/1.9\r\nHost: a\r\n\r\n", 505);
    expect_fault("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505);
    expect_fault("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
    expect_fault("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    expect_fault("GET /\r\n\r\n", 505); /* HTTP/0.9 */
    expect_fault("get / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_fault("\x16\x03\x01\x02", 400);
    expect_fault("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_fault("GET /a  HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_fault("GET /a\tHTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_fault("GET /a HTTP/1.1 \r\nHost: a\r\n\r\n", 400);
    expect_fault("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

static void parser__limits_the_head(void **state)
{
    char input[2048];
    int size = snprintf(input, sizeof(input), "GET / HTTP/1.1\r\nHost: a\r\nX: %01000d\r\n\r\n", 1);
    expect_fault_in((struct cof_text){input, (size_t)size}, 431);
    size = snprintf(input, sizeof(input), "GET / HTTP/1.1\r\nHost: a\r\nX: %0980d\r\n\r\n", 1);
    assert_int_equal(run_in_steps((struct cof_text){input, (size_t)size}, 100).fault, 0);
    size = snprintf(input, sizeof(input), "GET /%0200d HTTP/1.1\r\nHost: a\r\n\r\n", 1);
    expect_fault_in((struct cof_text){input, (size_t)size}, 414);
    expect_fault("GET / HTTP/1.1\r\nHost: a\r\n1: a\r\n2: a\r\n3: a\r\n4: a\r\n5: a\r\n6: a\r\n"
                 "7: a\r\n8: a\r\n\r\n",
                 431);
    memset(input, '\n', sizeof(input));
    expect_fault_in((struct cof_text){input, sizeof(input)}, 431);
}

static void parser__refuses_a_body_of_nothing_but_trailer(void **state)
{
    char input[4096];
    size_t size = (size_t)snprintf(input, sizeof(input),
                                   "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                                   "\r\n1\r\nx\r\n0\r\n");
    while (size + 16 < sizeof(input)) {
        size += (size_t)snprintf(input + size, sizeof(input) - size, "X: aaaa\r\n");
    }
    expect_fault_in((struct cof_text){input, size}, 400);
}

static void parser__allows_chunks_of_one_byte(void **state)
{
    char input[8192];
    size_t size = (size_t)snprintf(
        input, sizeof(input), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < 1000; i++) {
        size += (size_t)snprintf(input + size, sizeof(input) - size, "1\r\nx\r\n");
    }
    size += (size_t)snprintf(input + size, sizeof(input) - size, "0\r\n\r\n");
    assert_int_equal(run_in_steps((struct cof_text){input, size}, 5).fault, 0);
}

static void parser__stays_broken_after_a_fault(void **state)
{
    struct run run = {0};
    current = &run;
    struct cof_http_parser *parser = create();
    size_t consumed = 0;
    assert_int_equal(
        cof_http_parser_feed(parser, cof_text_bytes(COF_TEXT("bad bad bad\r\n")), &consumed),
        COF_HTTP_HAS_FAULT);
    struct cof_text good = COF_TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(cof_http_parser_feed(parser, cof_text_bytes(good), &consumed),
                     COF_HTTP_HAS_FAULT);
    assert_int_equal(consumed, 0);
    cof_http_parser_destroy(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parser__reads_a_get_however_it_is_cut),
        cmocka_unit_test(parser__reads_a_post_however_it_is_cut),
        cmocka_unit_test(parser__reads_chunks_however_they_are_cut),
        cmocka_unit_test(parser__skips_empty_lines_before_a_request),
        cmocka_unit_test(parser__drops_trailers),
        cmocka_unit_test(parser__reads_pipelined_requests_in_order),
        cmocka_unit_test(parser__ignores_an_offer_to_change_the_protocol),
        cmocka_unit_test(parser__refuses_what_allows_smuggling),
        cmocka_unit_test(parser__refuses_bad_chunks),
        cmocka_unit_test(parser__refuses_other_hosts_targets_and_versions),
        cmocka_unit_test(parser__limits_the_head),
        cmocka_unit_test(parser__refuses_a_body_of_nothing_but_trailer),
        cmocka_unit_test(parser__allows_chunks_of_one_byte),
        cmocka_unit_test(parser__stays_broken_after_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
