/* Where the server listens, how many it serves, and how it stops. */
#include "http_listener.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_pump.h"
#include "testing.h"

static struct pump pump;

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static int set_up(void **state)
{
    pump = (struct pump){.max_connections = 2};
    pump_open(&pump);
    return 0;
}

static int tear_down(void **state)
{
    pump_close(&pump);
    return 0;
}

static enum cof_status open_at(const char *address, bool may_be_public, struct cof_error *err)
{
    static const struct cof_http_handler handler = {0};
    const struct cof_http_listener_options options = {
        .base = pump.base,
        .address = address,
        .may_be_public = may_be_public,
        .handler = &handler,
        .clock = &pump.clock,
        .max_connections = 1,
    };
    struct cof_http_listener *listener = NULL;
    enum cof_status status = cof_http_listener_open(&options, &listener, err);
    if (status == COF_OK) {
        cof_http_listener_close(listener);
    }
    return status;
}

static void listener__listens_on_loopback_only(void **state)
{
    struct cof_error err = {0};
    assert_int_equal(open_at("127.0.0.1:0", false, &err), COF_OK);
    assert_int_equal(open_at("localhost:0", false, &err), COF_OK);
    assert_int_equal(open_at("127.5.5.5:0", false, &err), COF_OK);
    assert_int_equal(open_at("0.0.0.0:0", false, &err), COF_DENIED);
    assert_non_null(strstr(err.message, "--behind-proxy"));
    assert_int_equal(open_at("[::]:0", false, &err), COF_DENIED);
    assert_int_equal(open_at("0.0.0.0:0", true, &err), COF_OK);
}

static void listener__refuses_what_is_no_address(void **state)
{
    static const char *const addresses[] = {"",        "127.0.0.1", "localhost",
                                            ":80",     "host:80x",  "example.org:0",
                                            "1.2.3:0", "[::1]",     "127.0.0.1:70000"};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct cof_error err = {0};
        if (open_at(addresses[i], true, &err) != COF_INVALID) {
            fail_msg("'%s' was not refused", addresses[i]);
        }
    }
}

static void listener__says_when_the_port_is_taken(void **state)
{
    struct cof_error err = {0};
    assert_int_equal(open_at(cof_http_listener_address(pump.listener), false, &err), COF_CONFLICT);
}

static void listener__makes_room_by_closing_the_longest_idle(void **state)
{
    int first = pump_connect(&pump);
    pump_send(&pump, first, "GET / HT"); /* not idle */
    int second = pump_connect(&pump);
    int third = pump_connect(&pump);
    assert_true(pump_is_closed(&pump, second));
    assert_false(pump_is_closed(&pump, first));
    assert_false(pump_is_closed(&pump, third));
    assert_int_equal(cof_http_listener_connection_count(pump.listener), 2);
    close(first);
    close(second);
    close(third);
}

static void listener__turns_away_who_finds_no_room(void **state)
{
    int first = pump_connect(&pump);
    int second = pump_connect(&pump);
    pump_send(&pump, first, GET("/1"));
    pump_send(&pump, second, GET("/2"));
    int third = pump_connect(&pump);
    const char *answer = pump_receive(&pump, third);
    assert_non_null(strstr(answer, "HTTP/1.1 503"));
    assert_non_null(strstr(answer, "Retry-After: 1\r\n"));
    const char *length = strstr(answer, "Content-Length: ");
    const char *body = strstr(answer, "\r\n\r\n");
    assert_int_equal(strtoul(length + 16, NULL, 10), strlen(body + 4));
    close(first);
    close(second);
    close(third);
}

static void listener__drains_when_asked_to(void **state)
{
    int idle = pump_connect(&pump);
    int busy = pump_connect(&pump);
    pump_send(&pump, busy, GET("/1"));
    cof_http_listener_drain(pump.listener);
    pump_run(&pump);
    assert_true(pump_is_closed(&pump, idle));
    assert_false(pump.is_empty);
    pump_respond(pump.open, "done");
    const char *answer = pump_receive(&pump, busy);
    assert_non_null(strstr(answer, "done"));
    assert_non_null(strstr(answer, "Connection: close\r\n"));
    assert_true(pump.is_empty);
    assert_true(pump_is_closed(&pump, busy));
    close(idle);
    close(busy);
}

static void listener__kills_what_is_open_when_closed(void **state)
{
    int fd = pump_connect(&pump);
    pump_send(&pump, fd, GET("/1"));
    cof_http_listener_kill_all(pump.listener);
    assert_int_equal(pump.left_count, 1);
    assert_int_equal(cof_http_listener_connection_count(pump.listener), 0);
    close(fd);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(listener__listens_on_loopback_only),
        CASE(listener__refuses_what_is_no_address),
        CASE(listener__says_when_the_port_is_taken),
        CASE(listener__makes_room_by_closing_the_longest_idle),
        CASE(listener__turns_away_who_finds_no_room),
        CASE(listener__drains_when_asked_to),
        CASE(listener__kills_what_is_open_when_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
