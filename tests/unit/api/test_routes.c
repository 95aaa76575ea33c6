/* The table of routes and docs/openapi.json say the same. */
#include <cof/api/server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/json.h>

#include "router.h"
#include "testing.h"

static struct cof_json_tree *tree;

static int read_document(void **state)
{
    FILE *file = fopen(COF_SOURCE_DIR "/docs/openapi.json", "rb");
    struct cof_buffer text = {0};
    struct cof_error err = {0};
    const struct cof_json_limits limits = {.max_bytes = (size_t)4 << 20, .max_depth = 64};
    if (file == NULL) {
        return -1;
    }
    for (size_t got = 1; got > 0;) {
        char piece[4096];
        got = fread(piece, 1, sizeof(piece), file);
        cof_buffer_append(&text, piece, got);
    }
    (void)fclose(file);
    enum cof_status status = cof_json_parse(cof_buffer_text(&text), &limits, &tree, &err);
    if (status != COF_OK) {
        (void)fprintf(stderr, "docs/openapi.json: %s\n", err.message);
    }
    cof_buffer_deinit(&text);
    return status == COF_OK ? 0 : -1;
}

static int forget_document(void **state)
{
    cof_json_tree_destroy(tree);
    return 0;
}

static const struct cof_json *operation_of(const char *method, const char *path)
{
    char lower[8];
    size_t i = 0;
    for (; method[i] != '\0'; i++) {
        lower[i] = (char)(method[i] | 0x20);
    }
    lower[i] = '\0';
    const struct cof_json *paths = cof_json_find(cof_json_root(tree), "paths");
    return cof_json_find(cof_json_find(paths, path), lower);
}

static void routes__are_all_described(void **state)
{
    const struct cof_route_info *routes = NULL;
    size_t count = cof_server_routes(&routes);
    for (size_t i = 0; i < count; i++) {
        const struct cof_json *operation = operation_of(routes[i].method, routes[i].path);
        if (operation == NULL) {
            fail_msg("docs/openapi.json does not describe %s %s", routes[i].method, routes[i].path);
        }
        assert_non_null(cof_json_find(operation, "operationId"));
        assert_non_null(cof_json_find(operation, "summary"));
        assert_non_null(cof_json_find(operation, "responses"));
    }
}

static void routes__are_all_there_that_are_described(void **state)
{
    static const char *const methods[] = {"get", "post", "put", "patch", "delete", "options"};
    const struct cof_route_info *routes = NULL;
    size_t count = cof_server_routes(&routes);
    size_t described = 0;
    const struct cof_json *paths = cof_json_find(cof_json_root(tree), "paths");
    for (const struct cof_json *path = cof_json_first(paths); path != NULL;
         path = cof_json_next(path)) {
        for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
            described += cof_json_find(path, methods[i]) != NULL;
        }
    }
    assert_int_equal(described, count);
}

/* What is open in the table has empty `security`; what needs a body has one. */
static void routes__agree_on_keys_and_bodies(void **state)
{
    const struct cof_route *routes = NULL;
    size_t count = cof_routes(&routes);
    for (size_t i = 0; i < count; i++) {
        const struct cof_json *operation =
            operation_of(cof_http_method_name(routes[i].method), routes[i].path);
        const struct cof_json *security = cof_json_find(operation, "security");
        bool is_open = security != NULL && cof_json_count(security) == 0;
        if (is_open != routes[i].is_open) {
            fail_msg("%s: security differs", routes[i].path);
        }
        bool has_body = cof_json_find(operation, "requestBody") != NULL;
        if (has_body != (routes[i].body != COF_BODY_NONE)) {
            fail_msg("%s: requestBody differs", routes[i].path);
        }
    }
}

/* Every "$ref" leads somewhere. */
static void check_references(const struct cof_json *value)
{
    struct cof_text reference = cof_json_text(cof_json_find(value, "$ref"));
    if (reference.size > 0) {
        const struct cof_json *at = cof_json_root(tree);
        struct cof_text rest = cof_text_slice(reference, 2, reference.size);
        assert_true(cof_text_has_prefix(reference, COF_TEXT("#/")));
        while (rest.size > 0 && at != NULL) {
            char key[64];
            struct cof_text part;
            (void)cof_text_split(rest, '/', &part, &rest);
            (void)snprintf(key, sizeof(key), "%.*s", COF_TEXT_ARG(part));
            at = cof_json_find(at, key);
        }
        if (at == NULL) {
            fail_msg("%.*s leads nowhere", COF_TEXT_ARG(reference));
        }
    }
    for (const struct cof_json *item = cof_json_first(value); item != NULL;
         item = cof_json_next(item)) {
        check_references(item);
    }
}

static void routes__have_no_dangling_references(void **state)
{
    check_references(cof_json_root(tree));
    struct cof_text version = cof_json_text(cof_json_find(cof_json_root(tree), "openapi"));
    assert_true(cof_text_has_prefix(version, COF_TEXT("3.1.")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes__are_all_described),
        cmocka_unit_test(routes__are_all_there_that_are_described),
        cmocka_unit_test(routes__agree_on_keys_and_bodies),
        cmocka_unit_test(routes__have_no_dangling_references),
    };
    return cmocka_run_group_tests(tests, read_document, forget_document);
}
