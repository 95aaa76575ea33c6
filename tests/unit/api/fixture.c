/* The fixture of the handlers' tests. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/json.h>

struct running_server the_server;
static struct cof_metrics *metrics;
static struct response last;

int fixture_set_up(void **state)
{
    fake_service_reset();
    assert_int_equal(cof_metrics_create(&metrics, NULL), COF_OK);
    struct cof_server_options options = {
        .worker_count = 2,
        .max_line_bytes = 1000,
        .version = "1.2.3",
        .service = fake_service(),
        .metrics = metrics,
    };
    server_start(&the_server, &options);
    return 0;
}

int fixture_tear_down(void **state)
{
    fake_service_open_gate();
    response_free(&last);
    server_end(&the_server);
    cof_metrics_destroy(metrics);
    return 0;
}

const struct response *ask(int expected_status, const char *method, const char *path,
                           const char *body)
{
    response_free(&last);
    last = client_ask(&the_server, method, path, body);
    if (last.status != expected_status) {
        fail_msg("%s %s %s: %d instead of %d: %s", method, path, body != NULL ? body : "",
                 last.status, expected_status, last.body);
    }
    return &last;
}

/* The member at the place, as JSON text; NULL when it is not there. Freed by the caller. */
static char *member_at(const char *place)
{
    struct cof_json_tree *tree = NULL;
    struct cof_error err = {0};
    struct cof_text text = {.data = last.body, .size = last.body_size};
    if (cof_json_parse(text, NULL, &tree, &err) != COF_OK) {
        fail_msg("%s: %s", err.message, last.body);
    }
    const struct cof_json *value = cof_json_root(tree);
    struct cof_text rest = cof_text_from(place);
    while (rest.size > 0 && value != NULL) {
        char key[64];
        struct cof_text part;
        uint64_t index = 0;
        (void)cof_text_split(rest, '.', &part, &rest);
        (void)snprintf(key, sizeof(key), "%.*s", COF_TEXT_ARG(part));
        if (cof_json_type_of(value) == COF_JSON_ARRAY && cof_text_parse_u64(part, &index)) {
            value = cof_json_first(value);
            for (; index > 0 && value != NULL; index--) {
                value = cof_json_next(value);
            }
        } else {
            value = cof_json_find(value, key);
        }
    }
    char *copy = NULL;
    if (value != NULL) {
        struct cof_buffer out = {0};
        cof_json_write_value(&out, value);
        copy = calloc(out.size + 1, 1);
        memcpy(copy, out.data, out.size);
        cof_buffer_deinit(&out);
    }
    cof_json_tree_destroy(tree);
    return copy;
}

void expect_member(const char *place, const char *json)
{
    char *value = member_at(place);
    if (value == NULL || strcmp(value, json) != 0) {
        fail_msg("%s is %s instead of %s in %s", place, value != NULL ? value : "absent", json,
                 last.body);
    }
    free(value);
}

void expect_absent(const char *place)
{
    char *value = member_at(place);
    if (value != NULL) {
        fail_msg("%s is there: %s", place, value);
    }
}

void expect_refused(const char *path, const char *body, const char *param)
{
    char expected[128] = "null";
    if (param != NULL) {
        (void)snprintf(expected, sizeof(expected), "\"%s\"", param);
    }
    ask(400, "POST", path, body);
    expect_member("error.type", "\"invalid_request_error\"");
    expect_member("error.param", expected);
}

void expect_last(const char *text)
{
    assert_string_equal(fake_service_last(), text);
}
