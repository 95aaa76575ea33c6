/* coffer search: the best chunks for a text. */
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "client.h"
#include "show.h"

struct search {
    struct cof_cli cli;
    const char *collection;
    const char *mode_text;
    const char *k_text;
    const char *filter_text;
    bool is_exact;
    enum cof_search_mode mode;
    int64_t k;
    struct cof_text query;
    struct cof_json_tree *filter;
};

static void show(const struct search *search, const struct cof_shown_hit *hits, size_t count)
{
    if (!search->cli.is_json) {
        for (size_t i = 0; i < count; i++) {
            cof_show_hit_print(&hits[i], i + 1);
        }
        if (count == 0) {
            cof_out("nothing found\n");
        }
        return;
    }
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_begin_object(&writer);
    cof_json_member_text(&writer, "query", search->query);
    cof_json_put_key(&writer, "hits");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < count; i++) {
        cof_show_hit_write(&hits[i], &writer);
    }
    cof_json_end_array(&writer);
    cof_json_end_object(&writer);
    cof_buffer_append_byte(&out, '\n');
    cof_out_buffer(&out);
}

static enum cof_status search_locally(struct search *search, struct cof_error *err)
{
    struct cof_app app;
    if (cof_cli_open(&search->cli, COF_APP_SEARCH, &app) != COF_OK) {
        return COF_FAIL(err, COF_UNAVAILABLE, "nothing was searched");
    }
    struct cof_call call;
    cof_call_init_local(app.service, &call);
    struct cof_text collection = cof_text_from(search->collection);
    struct cof_service_search request = {
        .collections = &collection,
        .collection_count = 1,
        .query = search->query,
        .k = (size_t)search->k,
        .mode = search->mode,
        .must_be_exact = search->is_exact,
        .filter = search->filter == NULL ? NULL : cof_json_root(search->filter),
    };
    struct cof_search_result result = {0};
    enum cof_status status = cof_service_search(app.service, &call, &request, &result, err);
    if (status == COF_OK) {
        struct cof_shown_hit hits[COF_SEARCH_MAX_K];
        for (size_t i = 0; i < result.hit_count; i++) {
            hits[i] = cof_show_hit_of(&result.hits[i]);
        }
        show(search, hits, result.hit_count);
    }
    status = cof_cli_check_collection(&app, search->collection, status, err);
    cof_call_deinit(&call);
    cof_app_close(&app);
    return status;
}

static void write_request(const struct search *search, struct cof_buffer *out)
{
    struct cof_json_writer writer = cof_json_writer_to(out);
    cof_json_begin_object(&writer);
    cof_json_member_text(&writer, "query", search->query);
    cof_json_member_integer(&writer, "max_num_results", search->k);
    cof_json_member_string(&writer, "mode", cof_search_mode_name(search->mode));
    cof_json_member_bool(&writer, "exact", search->is_exact);
    if (search->filter != NULL) {
        cof_json_put_key(&writer, "filters");
        cof_json_put_value(&writer, cof_json_root(search->filter));
    }
    cof_json_end_object(&writer);
}

static enum cof_status search_with(struct search *search, struct cof_http_client *client,
                                   struct cof_error *err)
{
    char store[64];
    char path[128];
    COF_TRY(cof_client_find_store(client, search->collection, false, store, err));
    snprintf(path, sizeof(path), "/v1/vector_stores/%s/search", store);
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer body = {0};
    write_request(search, &body);
    COF_TRY(cof_buffer_status(&body, err));
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(cof_client_call(client, "POST", path, cof_buffer_bytes(&body), &tree, err));
    const struct cof_json *data = cof_json_find(cof_json_root(tree), "data");
    struct cof_shown_hit hits[COF_SEARCH_MAX_K];
    size_t count = 0;
    for (const struct cof_json *item = data == NULL ? NULL : cof_json_first(data);
         item != NULL && count < COF_SEARCH_MAX_K; item = cof_json_next(item)) {
        hits[count++] = cof_show_hit_parse(item);
    }
    show(search, hits, count);
    return COF_OK;
}

static enum cof_status search_remotely(struct search *search, struct cof_error *err)
{
    struct cof_http_client *client = NULL;
    enum cof_status status = cof_client_open(&search->cli, NULL, &client, err);
    if (status == COF_OK) {
        status = search_with(search, client, err);
    }
    cof_http_client_destroy(client);
    return status;
}

static enum cof_status check(struct search *search, struct cof_error *err)
{
    if (search->mode_text != NULL) {
        COF_TRY(cof_search_mode_parse(cof_text_from(search->mode_text), &search->mode, err));
    }
    search->k = 10;
    if (search->k_text != NULL) {
        COF_TRY(cof_option_number("--k", search->k_text, 1, COF_SEARCH_MAX_K, &search->k, err));
    }
    if (search->filter_text != NULL) {
        COF_TRY(cof_json_parse(cof_text_from(search->filter_text), NULL, &search->filter, err));
    }
    return COF_OK;
}

static int run_with(struct search *search, const struct cof_command *command,
                    const struct cof_text_list *rest)
{
    if (search->collection == NULL || rest->count != 1) {
        return cof_misuse(command, search->collection == NULL ? "say where: --collection NAME"
                                                              : "give one TEXT, in quotes");
    }
    struct cof_error error = {0};
    search->query = cof_text_from(rest->items[0]);
    if (check(search, &error) != COF_OK) {
        return cof_misuse(command, "%s", error.message);
    }
    enum cof_status status = search->cli.server != NULL ? search_remotely(search, &error)
                                                        : search_locally(search, &error);
    return status == COF_OK ? COF_EXIT_OK : cof_fail_exit(&error);
}

static int run(const struct cof_command *command, int argc, char **argv)
{
    struct search search = {0};
    const struct cof_option options[] = {
        {.name = "--collection",
         .metavar = "NAME",
         .value = &search.collection,
         .help = "name or id"},
        {.name = "--mode",
         .metavar = "MODE",
         .value = &search.mode_text,
         .help = "hybrid (default), vector or lexical"},
        {.name = "--k", .metavar = "N", .value = &search.k_text, .help = "results (default 10)"},
        {.name = "--filter",
         .metavar = "JSON",
         .value = &search.filter_text,
         .help = "e.g. {\"type\":\"eq\",\"key\":\"lang\",\"value\":\"en\"}"},
        {.name = "--exact", .flag = &search.is_exact, .help = "scan every vector"},
        {0},
    };
    struct cof_text_list rest;
    int code = cof_cli_parse(&search.cli, command, options, argc, argv, &rest);
    if (code < 0) {
        code = run_with(&search, command, &rest);
    }
    cof_json_tree_destroy(search.filter);
    cof_cli_deinit(&search.cli);
    return code;
}

const struct cof_command cof_command_search = {
    .name = "search",
    .usage = "search --data DIR --collection NAME [--mode hybrid|vector|lexical] [--k N] TEXT",
    .has_server = true,
    .summary = "find the passages that answer a text best",
    .run = run,
};
