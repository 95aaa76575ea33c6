/* coffer explain: why somebody can or cannot see a document with a question.
 *
 * The same search is run twice, as that user and as an administrator whom no list stops; both are
 * searches like any other, so they stand on the log. */
#include <inttypes.h>
#include <string.h>

#include <cof/auth/delegation.h>

#include "cli.h"
#include "client.h"

struct explain {
    struct cof_cli cli;
    const char *collection;
    const char *user;
    struct cof_text_list groups;
    const char *document_id;
    const char *query;
    struct cof_buffer group_names; /* with commas between them */
};

/* One search, as far as the document is concerned. */
struct sight {
    size_t rank; /* of its best chunk, from 1; 0 = not among the hits */
    size_t hit_count;
    double score, vector_score, lexical_score, coverage; /* of that chunk; NAN is written as null */
};

struct explanation {
    uint64_t version;
    struct cof_text title;
    enum cof_acl_verdict verdict;
    struct cof_text entry;
    struct sight by_user;
    struct sight by_admin;
};

/* ---- Showing ---- */

static const char *const rules[] = {
    [COF_ACL_NO_LIST] = "no_list", [COF_ACL_PASSED] = "admin",        [COF_ACL_ALLOWED] = "allowed",
    [COF_ACL_DENIED] = "denied",   [COF_ACL_NOT_NAMED] = "not_named",
};

static bool may_read(const struct explanation *explanation)
{
    return explanation->verdict != COF_ACL_DENIED && explanation->verdict != COF_ACL_NOT_NAMED;
}

static void write_sight(struct cof_json_writer *writer, const char *key, const struct sight *sight)
{
    cof_json_put_key(writer, key);
    cof_json_begin_object(writer);
    if (sight->rank == 0) {
        cof_json_member_null(writer, "rank");
    } else {
        cof_json_member_unsigned(writer, "rank", sight->rank);
        cof_json_member_number(writer, "score", sight->score);
        cof_json_member_number(writer, "vector_score", sight->vector_score);
        cof_json_member_number(writer, "lexical_score", sight->lexical_score);
        cof_json_member_number(writer, "coverage", sight->coverage);
    }
    cof_json_member_unsigned(writer, "hits", sight->hit_count);
    cof_json_end_object(writer);
}

static void write_json(const struct explain *explain, const struct explanation *explanation)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "document", explain->document_id);
    cof_json_member_unsigned(&writer, "version", explanation->version);
    cof_json_member_string(&writer, "user", explain->user);
    cof_json_member_bool(&writer, "may_read", may_read(explanation));
    cof_json_member_string(&writer, "rule", rules[explanation->verdict]);
    cof_json_member_text(&writer, "entry", explanation->entry);
    write_sight(&writer, "as_user", &explanation->by_user);
    write_sight(&writer, "as_admin", &explanation->by_admin);
    cof_json_end_object(&writer);
    cof_buffer_append_byte(&out, '\n');
    cof_out_buffer(&out);
}

static void print_rule(const struct explain *explain, const struct explanation *explanation)
{
    switch (explanation->verdict) {
    case COF_ACL_NO_LIST:
        cof_out("%s may read it: it has no access list\n", explain->user);
        return;
    case COF_ACL_PASSED:
        cof_out("%s may read it: no access list stops an admin\n", explain->user);
        return;
    case COF_ACL_ALLOWED:
        cof_out("%s may read it: its list allows \"%.*s\"\n", explain->user,
                COF_TEXT_ARG(explanation->entry));
        return;
    case COF_ACL_DENIED:
        cof_out("%s may not read it: its list denies \"%.*s\"\n", explain->user,
                COF_TEXT_ARG(explanation->entry));
        return;
    case COF_ACL_NOT_NAMED:
        cof_out("%s may not read it: its list names neither the user nor one of the groups\n",
                explain->user);
        return;
    }
}

static void print_sight(const char *who, const struct sight *sight)
{
    if (sight->rank == 0) {
        cof_out("for %s it is not among the first %zu hits\n", who, sight->hit_count);
        return;
    }
    cof_out("for %s its best chunk is hit %zu of %zu: score %.3f (vector %.3f, words %.2f, "
            "share of the words %.2f)\n",
            who, sight->rank, sight->hit_count, sight->score, sight->vector_score,
            sight->lexical_score, sight->coverage);
}

static void show(const struct explain *explain, const struct explanation *explanation)
{
    if (explain->cli.is_json) {
        write_json(explain, explanation);
        return;
    }
    cof_out("document %s (%.*s), version %" PRIu64 "\n", explain->document_id,
            COF_TEXT_ARG(explanation->title), explanation->version);
    print_rule(explain, explanation);
    print_sight(explain->user, &explanation->by_user);
    print_sight("an admin", &explanation->by_admin);
}

/* ---- In this process ---- */

static enum cof_status look_locally(const struct explain *explain, struct cof_app *app,
                                    bool is_as_user, struct sight *out_sight, struct cof_error *err)
{
    struct cof_text collection = cof_text_from(explain->collection);
    const struct cof_service_search search = {
        .collections = &collection,
        .collection_count = 1,
        .query = cof_text_from(explain->query),
        .k = COF_SEARCH_MAX_K,
    };
    struct cof_search_result result = {0};
    struct cof_call call;
    cof_call_init_local(app->service, &call);
    enum cof_status status = COF_OK;
    if (is_as_user) {
        status = cof_service_act_for(app->service, &call, cof_text_from(explain->user),
                                     cof_buffer_text(&explain->group_names), err);
    }
    if (status == COF_OK) {
        status = cof_service_search(app->service, &call, &search, &result, err);
    }
    struct sight sight = {.hit_count = result.hit_count};
    for (size_t i = result.hit_count; i > 0; i--) {
        const struct cof_search_hit *hit = &result.hits[i - 1];
        if (cof_text_equal(hit->document.external_id, cof_text_from(explain->document_id))) {
            sight.rank = i;
            sight.score = (double)hit->score;
            sight.vector_score = (double)hit->vector_score;
            sight.lexical_score = (double)hit->lexical_score;
            sight.coverage = (double)hit->coverage;
        }
    }
    *out_sight = sight;
    cof_call_deinit(&call);
    return status;
}

/* The user as access lists see him. */
static enum cof_status judge(const struct explain *explain, const struct cof_acl *acl,
                             struct cof_arena *arena, struct explanation *explanation,
                             struct cof_error *err)
{
    const struct cof_principal local = cof_principal_local();
    struct cof_principal user = {0};
    struct cof_text entry = {0};
    COF_TRY(cof_auth_act_for(&local, cof_text_from(explain->user),
                             cof_buffer_text(&explain->group_names), arena, &user, err));
    explanation->verdict = cof_auth_explain(&user, acl, &entry);
    explanation->entry = cof_arena_copy_text(arena, entry);
    return COF_OK;
}

static enum cof_status find_locally(struct explain *explain, struct cof_app *app,
                                    struct explanation *explanation, struct cof_error *err)
{
    struct cof_arena *arena = &explain->cli.arena;
    struct cof_service_document found = {0};
    struct cof_call call;
    cof_call_init_local(app->service, &call);
    struct cof_text collection = {0};
    struct cof_collection stored = {0};
    enum cof_status status = cof_service_get_collection(
        app->service, &call, cof_text_from(explain->collection), &stored, err);
    if (status == COF_OK) {
        collection = cof_text_from(stored.public_id);
        status = cof_service_get_document(app->service, &call, collection,
                                          cof_text_from(explain->document_id), false, &found, err);
    }
    if (status == COF_OK) {
        explanation->version = found.document.version;
        explanation->title = cof_arena_copy_text(arena, found.document.title);
        status = judge(explain, &found.document.acl, arena, explanation, err);
    }
    cof_call_deinit(&call);
    return status;
}

static enum cof_status explain_locally(struct explain *explain, struct explanation *explanation,
                                       struct cof_error *err)
{
    struct cof_app app;
    if (cof_cli_open(&explain->cli, COF_APP_SEARCH, &app) != COF_OK) {
        return COF_FAIL(err, COF_UNAVAILABLE, "nothing was explained");
    }
    enum cof_status status = find_locally(explain, &app, explanation, err);
    if (status == COF_OK) {
        status = look_locally(explain, &app, true, &explanation->by_user, err);
    }
    if (status == COF_OK) {
        status = look_locally(explain, &app, false, &explanation->by_admin, err);
    }
    status = cof_cli_check_collection(&app, explain->collection, status, err);
    cof_app_close(&app);
    return status;
}

/* ---- Through a server ---- */

static double number_of(const struct cof_json *object, const char *key)
{
    const struct cof_json *value = cof_json_find(object, key);
    return value == NULL ? 0 : cof_json_number(value);
}

static enum cof_status look_remotely(const struct explain *explain, struct cof_http_client *client,
                                     const char *store, struct sight *out_sight,
                                     struct cof_error *err)
{
    char path[128];
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer body = {0};
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    struct cof_json_writer writer = cof_json_writer_to(&body);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "query", explain->query);
    cof_json_member_unsigned(&writer, "max_num_results", COF_SEARCH_MAX_K);
    cof_json_member_bool(&writer, "explain", true);
    cof_json_end_object(&writer);
    COF_TRY(cof_buffer_status(&body, err));
    snprintf(path, sizeof(path), "/v1/vector_stores/%s/search", store);
    COF_TRY(cof_client_call(client, "POST", path, cof_buffer_bytes(&body), &tree, err));

    struct sight sight = {0};
    const struct cof_json *data = cof_json_find(cof_json_root(tree), "data");
    for (const struct cof_json *hit = data == NULL ? NULL : cof_json_first(data); hit != NULL;
         hit = cof_json_next(hit)) {
        sight.hit_count++;
        struct cof_text id = cof_json_text(cof_json_find(hit, "file_id"));
        if (sight.rank == 0 && cof_text_equal(id, cof_text_from(explain->document_id))) {
            sight.rank = sight.hit_count;
            sight.score = number_of(hit, "score");
            sight.vector_score = number_of(hit, "vector_score");
            sight.lexical_score = number_of(hit, "lexical_score");
            sight.coverage = number_of(hit, "coverage");
        }
    }
    *out_sight = sight;
    return COF_OK;
}

static enum cof_status read_names(const struct cof_json *acl, const char *key,
                                  struct cof_arena *arena, const struct cof_text **out_names,
                                  size_t *out_count, struct cof_error *err)
{
    const struct cof_json *list = cof_json_find(acl, key);
    size_t count = list == NULL ? 0 : cof_json_count(list);
    struct cof_text *names = cof_arena_array(arena, count, sizeof(*names));
    if (names == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t i = 0;
    for (const struct cof_json *name = count == 0 ? NULL : cof_json_first(list); name != NULL;
         name = cof_json_next(name)) {
        names[i++] = cof_arena_copy_text(arena, cof_json_text(name));
    }
    *out_names = names;
    *out_count = count;
    return COF_OK;
}

static enum cof_status find_remotely(struct explain *explain, struct cof_http_client *client,
                                     const char *store, struct explanation *explanation,
                                     struct cof_error *err)
{
    char path[512];
    struct cof_arena *arena = &explain->cli.arena;
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    snprintf(path, sizeof(path), "/v1/documents/%s?vector_store_id=%s", explain->document_id,
             store);
    COF_TRY(cof_client_call(client, "GET", path, (struct cof_bytes){0}, &tree, err));
    const struct cof_json *root = cof_json_root(tree);
    const struct cof_json *list = cof_json_find(root, "acl");
    struct cof_acl acl = {.is_set = list != NULL && cof_json_type_of(list) == COF_JSON_OBJECT};
    if (acl.is_set) {
        COF_TRY(read_names(list, "allow", arena, &acl.allow, &acl.allow_count, err));
        COF_TRY(read_names(list, "deny", arena, &acl.deny, &acl.deny_count, err));
    }
    explanation->version = (uint64_t)number_of(root, "version");
    explanation->title = cof_arena_copy_text(arena, cof_json_text(cof_json_find(root, "title")));
    return judge(explain, &acl, arena, explanation, err);
}

static enum cof_status explain_over(struct explain *explain, struct cof_http_client *as_admin,
                                    struct cof_http_client *as_user,
                                    struct explanation *explanation, struct cof_error *err)
{
    char store[64];
    COF_TRY(cof_client_find_store(as_admin, explain->collection, false, store, err));
    COF_TRY(find_remotely(explain, as_admin, store, explanation, err));
    COF_TRY(look_remotely(explain, as_user, store, &explanation->by_user, err));
    return look_remotely(explain, as_admin, store, &explanation->by_admin, err);
}

static enum cof_status explain_remotely(struct explain *explain, struct explanation *explanation,
                                        struct cof_error *err)
{
    struct cof_arena *arena = &explain->cli.arena;
    struct cof_text user = cof_arena_format(arena, "X-Coffer-User: %s", explain->user);
    struct cof_text groups = cof_arena_format(arena, "X-Coffer-Groups: %.*s",
                                              COF_TEXT_ARG(cof_buffer_text(&explain->group_names)));
    if (user.data == NULL || groups.data == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    const char *const headers[] = {user.data, groups.data, NULL};
    struct cof_http_client *as_admin = NULL;
    struct cof_http_client *as_user = NULL;
    enum cof_status status = cof_client_open(&explain->cli, NULL, &as_admin, err);
    if (status == COF_OK) {
        status = cof_client_open(&explain->cli, headers, &as_user, err);
    }
    if (status == COF_OK) {
        status = explain_over(explain, as_admin, as_user, explanation, err);
    }
    cof_http_client_destroy(as_user);
    cof_http_client_destroy(as_admin);
    return status;
}

/* ---- The command ---- */

static enum cof_status join_groups(struct explain *explain, struct cof_error *err)
{
    for (size_t i = 0; i < explain->groups.count; i++) {
        cof_buffer_append_text(&explain->group_names, i > 0 ? COF_TEXT(",") : COF_TEXT(""));
        cof_buffer_append_text(&explain->group_names, cof_text_from(explain->groups.items[i]));
    }
    return cof_buffer_status(&explain->group_names, err);
}

static int run_with(struct explain *explain, const struct cof_command *command,
                    const struct cof_text_list *rest)
{
    struct explanation explanation = {0};
    struct cof_error error = {0};
    if (explain->collection == NULL || explain->user == NULL || rest->count != 2) {
        return cof_misuse(command, explain->collection == NULL ? "say where: --collection NAME"
                                   : explain->user == NULL     ? "say for whom: --as USER"
                                                               : "give a document's id and one "
                                                                 "QUERY, in quotes");
    }
    explain->document_id = rest->items[0];
    explain->query = rest->items[1];
    enum cof_status status = join_groups(explain, &error);
    if (status == COF_OK) {
        status = explain->cli.server != NULL ? explain_remotely(explain, &explanation, &error)
                                             : explain_locally(explain, &explanation, &error);
    }
    if (status != COF_OK) {
        return cof_fail_exit(&error);
    }
    show(explain, &explanation);
    return COF_EXIT_OK;
}

static int run(const struct cof_command *command, int argc, char **argv)
{
    struct explain explain = {0};
    const struct cof_option options[] = {
        {.name = "--collection",
         .metavar = "NAME",
         .value = &explain.collection,
         .help = "name or id"},
        {.name = "--as", .metavar = "USER", .value = &explain.user, .help = "the user who asks"},
        {.name = "--group",
         .metavar = "GROUP",
         .values = &explain.groups,
         .help = "a group of the user's; may be repeated"},
        {0},
    };
    struct cof_text_list rest;
    int code = cof_cli_parse(&explain.cli, command, options, argc, argv, &rest);
    if (code < 0) {
        code = run_with(&explain, command, &rest);
    }
    cof_buffer_deinit(&explain.group_names);
    cof_cli_deinit(&explain.cli);
    return code;
}

const struct cof_command cof_command_explain = {
    .name = "explain",
    .usage = "explain --data DIR --collection NAME --as USER [--group GROUP] DOCUMENT QUERY",
    .has_server = true,
    .summary = "say why a user can or cannot see a document with a question",
    .details = "Names the entry of the access list that decided, and the document's place among\n"
               "the hits of that user and of an admin. Through a server it needs an admin's key.",
    .run = run,
};
