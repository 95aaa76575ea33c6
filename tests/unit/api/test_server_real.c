/* The server over the real house: store, log, indexes, ingest, search and answers, without models
 * (hashing embedder, extractive generator), in one process. */
#include <cof/api/server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cof/audit/verify.h>
#include <cof/base/json.h>

#include "app.h"
#include "client.h"
#include "config.h"
#include "temp_dir.h"
#include "testing.h"

static char folder[TEMP_DIR_PATH_SIZE];
static char data_folder[512];
static char admin_key[COF_API_KEY_SIZE];
static struct cof_arena settings;
static struct cof_config config;
static struct cof_app app;
static struct running_server running;
static char store_id[64];

static void set(const char *key, const char *value)
{
    struct cof_error err = {0};
    if (cof_config_set(&config, cof_text_from(key), cof_text_from(value), &settings, &err) !=
        COF_OK) {
        fail_msg("%s", err.message);
    }
}

static void open_house(void)
{
    struct cof_error err = {0};
    const struct cof_app_options options = {
        .data_folder = data_folder,
        .config = &config,
        .needs = COF_APP_SEARCH | COF_APP_INGEST | COF_APP_GENERATE,
    };
    if (cof_app_open(&options, &app, &err) != COF_OK) {
        fail_msg("%s", err.message);
    }
    struct cof_server_options server = {
        .worker_count = 2,
        .version = "test",
        .service = app.service,
        .metrics = app.metrics,
    };
    running = (struct running_server){.drain_ms = 10000};
    server_start(&running, &server);
    client_use_key(admin_key);
}

static void close_house(void)
{
    server_end(&running);
    cof_app_close(&app);
}

static int set_up(void **state)
{
    struct cof_error err = {0};
    temp_dir_create(folder);
    (void)snprintf(data_folder, sizeof(data_folder), "%s/data", folder);
    cof_config_init(&config);
    set("embedder.backend", "hashing");
    set("generator.backend", "extractive");
    const struct cof_app_options options = {.data_folder = data_folder, .config = &config};
    if (cof_app_init(&options, admin_key, &err) != COF_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    open_house();
    return 0;
}

static int tear_down(void **state)
{
    close_house();
    cof_arena_deinit(&settings);
    temp_dir_remove(folder);
    return 0;
}

/* Asks, checks the status and that every part is in the body; the body is the caller's to free. */
static char *ask(int status, const char *method, const char *path, const char *body)
{
    struct response response = client_ask(&running, method, path, body);
    if (response.status != status) {
        fail_msg("%s %s: %d instead of %d: %s", method, path, response.status, status,
                 response.body);
    }
    return response.body;
}

static void expect(int status, const char *method, const char *path, const char *body,
                   const char *part)
{
    char *answer = ask(status, method, path, body);
    if (strstr(answer, part) == NULL) {
        fail_msg("%s %s: '%s' is not in %s", method, path, part, answer);
    }
    free(answer);
}

/* Text of a member of the root. */
static void copy_member(const char *json, const char *name, char *out, size_t size)
{
    struct cof_json_tree *tree = NULL;
    assert_int_equal(cof_json_parse(cof_text_from(json), NULL, &tree, NULL), COF_OK);
    struct cof_text text = cof_json_text(cof_json_find(cof_json_root(tree), name));
    (void)snprintf(out, size, "%.*s", COF_TEXT_ARG(text));
    cof_json_tree_destroy(tree);
}

static struct response upload(const char *lines)
{
    char head[512];
    int fd = client_connect(&running);
    (void)snprintf(head, sizeof(head),
                   "POST /v1/documents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                   "Content-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n",
                   admin_key, strlen(lines));
    client_send(fd, head);
    client_send(fd, lines);
    struct response response = client_receive(fd);
    close(fd);
    return response;
}

static void house__makes_a_store_and_takes_documents(void **state)
{
    char *store = ask(200, "POST", "/v1/vector_stores", "{\"name\":\"handbook\"}");
    copy_member(store, "id", store_id, sizeof(store_id));
    free(store);
    assert_int_equal(strlen(store_id), COF_COLLECTION_ID_SIZE - 1);
    struct response response =
        upload("{\"vector_store_id\":\"handbook\",\"id\":\"leave\",\"filename\":\"leave.md\","
               "\"text\":\"# Annual leave\\n\\nStaff in Dublin have 25 days of annual leave.\","
               "\"attributes\":{\"year\":2026}}\n"
               "{\"vector_store_id\":\"handbook\",\"id\":\"fire\",\"text\":\"Leave by the stairs "
               "and meet at the red gate.\",\"attributes\":{\"year\":2025}}\n"
               "{\"vector_store_id\":\"handbook\",\"id\":\"pay\",\"text\":\"The director earns "
               "a lot.\",\"acl\":{\"allow\":[\"group:board\"]}}\n"
               "{\"vector_store_id\":\"handbook\",\"id\":\"no such id!\",\"text\":\"x\"}\n"
               "{\"vector_store_id\":\"nowhere\",\"id\":\"x\",\"text\":\"x\"}\n");
    assert_int_equal(response.status, 200);
    assert_non_null(strstr(response.body, "{\"id\":\"leave\",\"status\":\"created\""));
    assert_non_null(strstr(response.body, "{\"id\":\"pay\",\"status\":\"created\""));
    assert_non_null(strstr(response.body, "{\"id\":\"no such id!\",\"status\":\"failed\""));
    assert_non_null(strstr(response.body, "\"code\":\"not_found\"},\"line\":5}"));
    response_free(&response);
}

static void house__finds_filters_and_reads(void **state)
{
    expect(200, "POST", "/v1/vector_stores/handbook/search",
           "{\"query\":\"annual leave in Dublin\",\"max_num_results\":1}", "\"file_id\":\"leave\"");
    expect(200, "POST", "/v1/vector_stores/handbook/search",
           "{\"query\":\"leave\",\"filters\":{\"type\":\"lt\",\"key\":\"year\",\"value\":2026},"
           "\"max_num_results\":1}",
           "\"file_id\":\"fire\"");
    expect(400, "POST", "/v1/vector_stores/handbook/search",
           "{\"query\":\"leave\",\"filters\":{\"type\":\"like\",\"key\":\"year\",\"value\":1}}",
           "invalid_request");
    expect(400, "POST", "/v1/vector_stores/handbook/search", "{\"query_vector\":[1,2]}",
           "invalid_request");
    expect(200, "GET", "/v1/documents/leave?vector_store_id=handbook&include=chunks", NULL,
           "25 days");
    expect(200, "GET", "/v1/vector_stores/handbook/files", NULL, "\"id\":\"leave\"");
    expect(404, "GET", "/v1/documents/nothing", NULL, "not_found");
    expect(404, "GET", "/v1/vector_stores/nothing", NULL, "not_found");
    expect(200, "GET", "/info", NULL, "\"documents\":3");
    expect(200, "GET", "/metrics", NULL, "coffer_documents 3");
    expect(200, "GET", "/readyz", NULL, "ok");
}

static void house__answers_with_citations_and_refuses_to_guess(void **state)
{
    char body[512];
    (void)snprintf(body, sizeof(body),
                   "{\"vector_store_ids\":[\"%s\"],\"messages\":[{\"role\":\"user\",\"content\":"
                   "\"How many days of annual leave do staff in Dublin have?\"}]%s}",
                   store_id, "");
    char *answer = ask(200, "POST", "/v1/chat/completions", body);
    assert_non_null(strstr(answer, "25 days of annual leave"));
    assert_non_null(strstr(answer, "[1]"));
    assert_non_null(strstr(answer, "\"grounded\":true"));
    assert_non_null(strstr(answer, "/v1/documents/leave?vector_store_id=vs_"));
    free(answer);
    (void)snprintf(body, sizeof(body),
                   "{\"vector_store_ids\":[\"handbook\"],\"stream\":true,\"messages\":[{\"role\":"
                   "\"user\",\"content\":\"How many days of annual leave do staff in Dublin have?\""
                   "}]}");
    answer = ask(200, "POST", "/v1/chat/completions", body);
    assert_non_null(strstr(answer, "25 days of annual leave"));
    assert_non_null(strstr(answer, "\"annotations\":[{"));
    assert_non_null(strstr(answer, "data: [DONE]\n\n"));
    free(answer);
    expect(200, "POST", "/v1/chat/completions",
           "{\"vector_store_ids\":[\"handbook\"],\"messages\":[{\"role\":\"user\",\"content\":"
           "\"Who composed the opera The Magic Flute?\"}]}",
           "\"kind\":\"not_found\"");
}

static void house__keeps_access_lists_and_roles(void **state)
{
    char key[COF_API_KEY_SIZE];
    char key_id[32];
    char *made = ask(200, "POST", "/v1/keys", "{\"name\":\"clerk\",\"roles\":[\"reader\"]}");
    copy_member(made, "key", key, sizeof(key));
    copy_member(made, "id", key_id, sizeof(key_id));
    free(made);
    client_use_key(key);
    char *found = ask(200, "POST", "/v1/vector_stores/handbook/search",
                      "{\"query\":\"what does the director earn\"}");
    assert_null(strstr(found, "\"file_id\":\"pay\""));
    free(found);
    expect(404, "GET", "/v1/documents/pay?vector_store_id=handbook", NULL, "not_found");
    expect(403, "POST", "/v1/vector_stores", "{\"name\":\"x\"}", "permission_denied");
    expect(403, "GET", "/v1/audit/entries", NULL, "permission_denied");
    expect(403, "GET", "/metrics", NULL, "permission_denied");
    expect(403, "POST", "/v1/documents",
           "{\"vector_store_id\":\"handbook\",\"id\":\"x\",\"text\":\"x\"}", "permission_denied");
    client_use_key(admin_key);
    char path[64];
    (void)snprintf(path, sizeof(path), "/v1/keys/%s", key_id);
    expect(200, "DELETE", path, NULL, "\"deleted\":true");
    client_use_key(key);
    expect(401, "GET", "/v1/models", NULL, "invalid_api_key");
    client_use_key(admin_key);
}

static void house__records_everything_and_survives_a_restart(void **state)
{
    expect(200, "GET", "/v1/audit/entries?limit=1000", NULL, "\"event\":\"search\"");
    expect(200, "GET", "/v1/audit/entries?limit=1000", NULL, "\"event\":\"document_put\"");
    expect(200, "GET", "/v1/audit/entries?limit=1000", NULL, "\"event\":\"deny\"");
    expect(200, "GET", "/v1/audit/entries?limit=1000", NULL, "annual leave in Dublin");
    expect(200, "GET", "/v1/audit/checkpoint", NULL, "\xe2\x80\x94 ");
    close_house();
    open_house();
    expect(200, "POST", "/v1/vector_stores/handbook/search",
           "{\"query\":\"annual leave in Dublin\",\"max_num_results\":1}", "\"file_id\":\"leave\"");
    expect(200, "DELETE", "/v1/documents/leave?vector_store_id=handbook", NULL, "\"deleted\":true");
    char *found = ask(200, "POST", "/v1/vector_stores/handbook/search",
                      "{\"query\":\"annual leave in Dublin\"}");
    assert_null(strstr(found, "\"file_id\":\"leave\""));
    free(found);
    struct cof_audit_report report = {0};
    assert_int_equal(cof_audit_verify(app.audit_folder, NULL, &report, NULL), COF_OK);
    assert_int_equal(report.verdict, COF_AUDIT_SOUND);
}

static void house__stores_a_thousand_lines_while_others_search(void **state)
{
    enum { COUNT = 1000 };
    size_t room = (size_t)COUNT * 160;
    char *lines = calloc(1, room);
    size_t size = 0;
    for (size_t i = 0; i < COUNT; i++) {
        size +=
            (size_t)snprintf(lines + size, room - size,
                             "{\"vector_store_id\":\"handbook\",\"id\":\"n%zu\",\"text\":\"Note "
                             "number %zu about topic %zu.\"}\n",
                             i, i, i % 17);
    }
    char head[512];
    int fd = client_connect(&running);
    (void)snprintf(head, sizeof(head),
                   "POST /v1/documents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                   "Content-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n",
                   admin_key, size);
    client_send(fd, head);
    client_send(fd, lines);
    for (size_t i = 0; i < 20; i++) {
        free(ask(200, "POST", "/v1/vector_stores/handbook/search", "{\"query\":\"topic 5\"}"));
    }
    struct response response = client_receive(fd);
    size_t created = 0;
    for (const char *at = response.body; (at = strstr(at, "\"created\"")) != NULL; at++) {
        created++;
    }
    assert_int_equal(created, COUNT);
    assert_non_null(strstr(response.head, "X-Coffer-Audit: "));
    response_free(&response);
    close(fd);
    free(lines);
    expect(200, "POST", "/v1/vector_stores/handbook/search",
           "{\"query\":\"Note number 999\",\"mode\":\"lexical\",\"max_num_results\":1}",
           "\"file_id\":\"n999\"");
}

int main(void)
{
    /* One house, used from front to back. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(house__makes_a_store_and_takes_documents),
        cmocka_unit_test(house__finds_filters_and_reads),
        cmocka_unit_test(house__answers_with_citations_and_refuses_to_guess),
        cmocka_unit_test(house__keeps_access_lists_and_roles),
        cmocka_unit_test(house__records_everything_and_survives_a_restart),
        cmocka_unit_test(house__stores_a_thousand_lines_while_others_search),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
