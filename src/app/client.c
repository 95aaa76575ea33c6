/* The command line's way through a running server. */
#include "client.h"

#include <string.h>

#include <cof/base/file.h>

#define MAX_KEY_FILE_BYTES 4096

enum cof_status cof_client_open(const struct cof_cli *cli, const char *const *headers,
                                struct cof_http_client **out_client, struct cof_error *err)
{
    if (cli->api_key_file == NULL) {
        return COF_FAIL(err, COF_INVALID, "--server needs --api-key-file FILE");
    }
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer key = {0};
    COF_TRY(cof_file_read(cli->api_key_file, MAX_KEY_FILE_BYTES, &key, err));
    struct cof_text line;
    struct cof_text rest;
    (void)cof_text_split(cof_buffer_text(&key), '\n', &line, &rest);
    key.size = cof_text_trim(line).size;
    cof_buffer_append_byte(&key, '\0');
    COF_TRY(cof_buffer_status(&key, err));
    struct cof_http_client_options options = {
        .base_url = cli->server,
        .bearer_token = (const char *)key.data,
        .total_timeout_ms = 600000,
        .headers = headers,
    };
    return cof_http_client_create(&options, out_client, err);
}

static enum cof_status status_of_http(long http_status)
{
    switch (http_status) {
    case 400:
        return COF_INVALID;
    case 401:
    case 403:
        return COF_DENIED;
    case 404:
        return COF_NOT_FOUND;
    case 409:
        return COF_CONFLICT;
    case 413:
        return COF_TOO_LARGE;
    case 429:
        return COF_LIMITED;
    case 503:
        return COF_UNAVAILABLE;
    case 504:
        return COF_TIMEOUT;
    default:
        return COF_IO;
    }
}

enum cof_status cof_client_error(long http_status, struct cof_text body, struct cof_error *err)
{
    struct cof_json_tree *tree = NULL;
    struct cof_text message = {0};
    if (cof_json_parse(body, NULL, &tree, NULL) == COF_OK) {
        const struct cof_json *error = cof_json_find(cof_json_root(tree), "error");
        message = cof_json_text(error == NULL ? NULL : cof_json_find(error, "message"));
    }
    enum cof_status status = message.size > 0
                                 ? COF_FAIL(err, status_of_http(http_status),
                                            "the server says: %.*s", COF_TEXT_ARG(message))
                                 : COF_FAIL(err, status_of_http(http_status),
                                            "the server answered HTTP %ld", http_status);
    cof_json_tree_destroy(tree);
    return status;
}

enum cof_status cof_client_call(struct cof_http_client *client, const char *method,
                                const char *path, struct cof_bytes body,
                                struct cof_json_tree **out_tree, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer answer = {0};
    long http_status = 0;
    COF_TRY(cof_http_client_send(client, method, path, "application/json", body, NULL, &http_status,
                                 &answer, err));
    if (http_status >= 400) {
        return cof_client_error(http_status, cof_buffer_text(&answer), err);
    }
    struct cof_json_limits limits = {.max_bytes = (size_t)1 << 30, .max_nodes = 10000000};
    return cof_json_parse(cof_buffer_text(&answer), &limits, out_tree, err);
}

static enum cof_status create_store(struct cof_http_client *client, const char *name,
                                    char out_id[64], struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer body = {0};
    struct cof_json_writer writer = cof_json_writer_to(&body);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "name", name);
    cof_json_end_object(&writer);
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(
        cof_client_call(client, "POST", "/v1/vector_stores", cof_buffer_bytes(&body), &tree, err));
    struct cof_text id = {0};
    COF_TRY(cof_json_need_text(cof_json_root(tree), "id", &id, err));
    snprintf(out_id, 64, "%.*s", COF_TEXT_ARG(id));
    return COF_OK;
}

struct lookup {
    struct cof_text wanted;
    size_t found;
    bool is_id;
    char id[64];   /* of the last match */
    char last[64]; /* of the page, where the next begins */
    struct cof_name_list names;
};

static void look_through(struct lookup *lookup, const struct cof_json *stores)
{
    for (const struct cof_json *store = stores == NULL ? NULL : cof_json_first(stores);
         store != NULL && !lookup->is_id; store = cof_json_next(store)) {
        struct cof_text id = cof_json_text(cof_json_find(store, "id"));
        struct cof_text name = cof_json_text(cof_json_find(store, "name"));
        lookup->is_id = cof_text_equal(id, lookup->wanted);
        cof_name_list_add(&lookup->names, name);
        snprintf(lookup->last, sizeof(lookup->last), "%.*s", COF_TEXT_ARG(id));
        if (lookup->is_id || cof_text_equal(name, lookup->wanted)) {
            memcpy(lookup->id, lookup->last, sizeof(lookup->id));
            lookup->found = lookup->is_id ? 1 : lookup->found + 1;
        }
    }
}

static enum cof_status look_up(struct cof_http_client *client, struct lookup *lookup,
                               struct cof_error *err)
{
    bool has_more = true;
    while (has_more && !lookup->is_id) {
        char path[160];
        snprintf(path, sizeof(path), "/v1/vector_stores?limit=100%s%s",
                 lookup->last[0] == '\0' ? "" : "&after=", lookup->last);
        COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
        COF_TRY(cof_client_call(client, "GET", path, (struct cof_bytes){0}, &tree, err));
        look_through(lookup, cof_json_find(cof_json_root(tree), "data"));
        const struct cof_json *more = cof_json_find(cof_json_root(tree), "has_more");
        has_more = more != NULL && cof_json_bool(more);
    }
    return COF_OK;
}

enum cof_status cof_client_find_store(struct cof_http_client *client, const char *id_or_name,
                                      bool may_create, char out_id[64], struct cof_error *err)
{
    struct lookup lookup = {.wanted = cof_text_from(id_or_name)};
    COF_TRY(look_up(client, &lookup, err));
    if (lookup.found > 1) {
        return COF_FAIL(err, COF_CONFLICT, "%zu vector stores are named \"%s\"; use an id, e.g. %s",
                        lookup.found, id_or_name, lookup.id);
    }
    if (lookup.found == 0 && may_create) {
        return create_store(client, id_or_name, out_id, err);
    }
    if (lookup.found == 0) {
        return cof_no_collection(id_or_name, &lookup.names, err);
    }
    memcpy(out_id, lookup.id, sizeof(lookup.id));
    return COF_OK;
}
