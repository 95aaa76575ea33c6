/* coffer key create|list|revoke. */
#include <inttypes.h>
#include <string.h>

#include <cof/keys/hash.h>

#include "cli.h"
#include "client.h"

struct key {
    struct cof_cli cli;
    const char *name;
    struct cof_text_list roles;
    const char *user;
    struct cof_text_list groups;
};

static enum cof_status parse_roles(const struct cof_text_list *names, uint32_t *out_roles,
                                   struct cof_error *err)
{
    uint32_t roles = 0;
    for (size_t i = 0; i < names->count; i++) {
        uint32_t role = 0;
        COF_TRY(cof_role_parse(cof_text_from(names->items[i]), &role, err));
        roles |= role;
    }
    *out_roles = roles;
    return COF_OK;
}

static void show_key(const struct key *key, const char *text, struct cof_text id)
{
    if (!key->cli.is_json) {
        cof_out("%s\n", text);
        return;
    }
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_begin_object(&writer);
    cof_json_member_text(&writer, "id", id);
    cof_json_member_string(&writer, "key", text);
    cof_json_end_object(&writer);
    cof_buffer_append_byte(&out, '\n');
    cof_out_buffer(&out);
}

/* ---- create ---- */

static enum cof_status create_locally(struct key *key, struct cof_error *err)
{
    struct cof_key_request request = {.name = cof_text_from(key->name),
                                      .user = cof_text_from(key->user)};
    COF_TRY(parse_roles(&key->roles, &request.roles, err));
    struct cof_text groups[COF_MAX_LIST];
    for (size_t i = 0; i < key->groups.count; i++) {
        groups[i] = cof_text_from(key->groups.items[i]);
    }
    request.groups = groups;
    request.group_count = key->groups.count;
    struct cof_app app;
    if (cof_cli_open(&key->cli, COF_APP_KEYS, &app) != COF_OK) {
        return COF_FAIL(err, COF_UNAVAILABLE, "no key was made");
    }
    struct cof_call call;
    cof_call_init_local(app.service, &call);
    char text[COF_API_KEY_SIZE];
    struct cof_credential credential;
    enum cof_status status =
        cof_service_create_key(app.service, &call, &request, text, &credential, err);
    if (status == COF_OK) {
        show_key(key, text, cof_text_from(credential.key_id));
    }
    cof_wipe(text, sizeof(text));
    cof_call_deinit(&call);
    cof_app_close(&app);
    return status;
}

static void write_list(struct cof_json_writer *writer, const char *name,
                       const struct cof_text_list *list)
{
    cof_json_put_key(writer, name);
    cof_json_begin_array(writer);
    for (size_t i = 0; i < list->count; i++) {
        cof_json_put_string(writer, list->items[i]);
    }
    cof_json_end_array(writer);
}

static enum cof_status create_with(struct key *key, struct cof_http_client *client,
                                   struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer body = {0};
    struct cof_json_writer writer = cof_json_writer_to(&body);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "name", key->name);
    write_list(&writer, "roles", &key->roles);
    if (key->user != NULL) {
        cof_json_member_string(&writer, "user", key->user);
    }
    write_list(&writer, "groups", &key->groups);
    cof_json_end_object(&writer);
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(cof_client_call(client, "POST", "/v1/keys", cof_buffer_bytes(&body), &tree, err));
    struct cof_text text = {0};
    struct cof_text id = {0};
    COF_TRY(cof_json_need_text(cof_json_root(tree), "key", &text, err));
    COF_TRY(cof_json_need_text(cof_json_root(tree), "id", &id, err));
    char copy[COF_API_KEY_SIZE];
    snprintf(copy, sizeof(copy), "%.*s", COF_TEXT_ARG(text));
    show_key(key, copy, id);
    cof_wipe(copy, sizeof(copy));
    return COF_OK;
}

/* ---- list ---- */

/* A key as it is shown, from the store or from a server's answer. Texts are borrowed. */
struct shown_key {
    struct cof_text id, name, roles, user, created;
    bool is_revoked;
};

static void show_row(const struct key *key, const struct shown_key *row)
{
    if (!key->cli.is_json) {
        cof_out("%.*s  %-24.*s  %-20.*s  %.*s%s\n", COF_TEXT_ARG(row->id), COF_TEXT_ARG(row->name),
                COF_TEXT_ARG(row->roles), COF_TEXT_ARG(row->created),
                row->is_revoked ? "  revoked" : "");
        return;
    }
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_begin_object(&writer);
    cof_json_member_text(&writer, "id", row->id);
    cof_json_member_text(&writer, "name", row->name);
    cof_json_member_text(&writer, "roles", row->roles);
    cof_json_member_text(&writer, "user", row->user);
    cof_json_member_text(&writer, "created", row->created);
    cof_json_member_bool(&writer, "revoked", row->is_revoked);
    cof_json_end_object(&writer);
    cof_buffer_append_byte(&out, '\n');
    cof_out_buffer(&out);
}

static enum cof_status list_locally(struct key *key, struct cof_error *err)
{
    struct cof_app app;
    if (cof_cli_open(&key->cli, COF_APP_KEYS, &app) != COF_OK) {
        return COF_FAIL(err, COF_UNAVAILABLE, "no keys were listed");
    }
    struct cof_call call;
    cof_call_init_local(app.service, &call);
    struct cof_credential *credentials = NULL;
    size_t count = 0;
    enum cof_status status = cof_service_list_keys(app.service, &call, &credentials, &count, err);
    for (size_t i = 0; i < count && status == COF_OK; i++) {
        const struct cof_credential *credential = &credentials[i];
        char roles[64];
        char created[32];
        cof_role_format(credential->roles, roles);
        cof_time_format(credential->created_ns, created);
        struct shown_key row = {.id = cof_text_from(credential->key_id),
                                .name = credential->name,
                                .roles = cof_text_from(roles),
                                .user = credential->user,
                                .created = cof_text_from(created),
                                .is_revoked = credential->revoked_ns != 0};
        show_row(key, &row);
    }
    cof_call_deinit(&call);
    cof_app_close(&app);
    return status;
}

static void show_item(const struct key *key, const struct cof_json *item)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer roles = {0};
    const struct cof_json *list = cof_json_find(item, "roles");
    for (const struct cof_json *role = list == NULL ? NULL : cof_json_first(list); role != NULL;
         role = cof_json_next(role)) {
        cof_buffer_append_text(&roles, roles.size > 0 ? COF_TEXT(",") : COF_TEXT(""));
        cof_buffer_append_text(&roles, cof_json_text(role));
    }
    char created[32];
    const struct cof_json *seconds = cof_json_find(item, "created_at");
    const struct cof_json *revoked = cof_json_find(item, "revoked_at");
    cof_time_format(seconds == NULL ? 0 : (int64_t)cof_json_number(seconds) * 1000000000, created);
    struct shown_key row = {
        .id = cof_json_text(cof_json_find(item, "id")),
        .name = cof_json_text(cof_json_find(item, "name")),
        .roles = cof_buffer_text(&roles),
        .user = cof_json_text(cof_json_find(item, "user")),
        .created = cof_text_from(created),
        .is_revoked = revoked != NULL && cof_json_type_of(revoked) == COF_JSON_NUMBER,
    };
    show_row(key, &row);
}

static enum cof_status list_with(struct key *key, struct cof_http_client *client,
                                 struct cof_error *err)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(cof_client_call(client, "GET", "/v1/keys", (struct cof_bytes){0}, &tree, err));
    const struct cof_json *data = cof_json_find(cof_json_root(tree), "data");
    for (const struct cof_json *item = data == NULL ? NULL : cof_json_first(data); item != NULL;
         item = cof_json_next(item)) {
        show_item(key, item);
    }
    return COF_OK;
}

/* ---- revoke ---- */

static enum cof_status revoke_locally(struct key *key, struct cof_error *err)
{
    struct cof_app app;
    if (cof_cli_open(&key->cli, COF_APP_KEYS, &app) != COF_OK) {
        return COF_FAIL(err, COF_UNAVAILABLE, "nothing was revoked");
    }
    struct cof_call call;
    cof_call_init_local(app.service, &call);
    enum cof_status status =
        cof_service_revoke_key(app.service, &call, cof_text_from(key->name), err);
    cof_call_deinit(&call);
    cof_app_close(&app);
    return status;
}

static enum cof_status revoke_with(struct key *key, struct cof_http_client *client,
                                   struct cof_error *err)
{
    for (const char *at = key->name; *at != '\0'; at++) {
        if (!((*at >= 'a' && *at <= 'z') || (*at >= '2' && *at <= '7'))) {
            return COF_FAIL(err, COF_INVALID, "\"%s\" is not the id of a key", key->name);
        }
    }
    char path[128];
    snprintf(path, sizeof(path), "/v1/keys/%s", key->name);
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    return cof_client_call(client, "DELETE", path, (struct cof_bytes){0}, &tree, err);
}

/* ---- The command ---- */

static const struct verb {
    const char *name;
    enum cof_status (*locally)(struct key *key, struct cof_error *err);
    enum cof_status (*remotely)(struct key *key, struct cof_http_client *client,
                                struct cof_error *err);
} verbs[] = {
    {"create", create_locally, create_with},
    {"list", list_locally, list_with},
    {"revoke", revoke_locally, revoke_with},
};

static enum cof_status run_verb(struct key *key, const struct verb *verb, struct cof_error *err)
{
    if (key->cli.server == NULL) {
        return verb->locally(key, err);
    }
    struct cof_http_client *client = NULL;
    enum cof_status status = cof_client_open(&key->cli, NULL, &client, err);
    if (status == COF_OK) {
        status = verb->remotely(key, client, err);
    }
    cof_http_client_destroy(client);
    return status;
}

static int run_with(struct key *key, const struct cof_command *command,
                    const struct cof_text_list *rest)
{
    const struct verb *verb = NULL;
    for (size_t i = 0; rest->count > 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(rest->items[0], verbs[i].name) == 0) {
            verb = &verbs[i];
        }
    }
    if (verb == NULL) {
        return cof_misuse(command, "say what: create, list or revoke");
    }
    if (verb == &verbs[0] && (key->name == NULL || key->roles.count == 0)) {
        return cof_misuse(command, "key create needs --name and --role");
    }
    if (verb == &verbs[2]) {
        if (rest->count != 2) {
            return cof_misuse(command, "key revoke needs the ID that key list shows");
        }
        key->name = rest->items[1];
    }
    struct cof_error error = {0};
    enum cof_status status = run_verb(key, verb, &error);
    return status == COF_OK ? COF_EXIT_OK : cof_fail_exit(&error);
}

static int run(const struct cof_command *command, int argc, char **argv)
{
    struct key key = {0};
    const struct cof_option options[] = {
        {.name = "--name", .metavar = "NAME", .value = &key.name, .help = "who or what uses it"},
        {.name = "--role",
         .metavar = "ROLE",
         .values = &key.roles,
         .help = "reader, writer, operator, auditor, security, admin or delegate;\n"
                 "may be repeated"},
        {.name = "--user",
         .metavar = "USER",
         .value = &key.user,
         .help = "user of access lists (default: the name)"},
        {.name = "--group",
         .metavar = "GROUP",
         .values = &key.groups,
         .help = "group of access lists; may be repeated"},
        {0},
    };
    struct cof_text_list rest;
    int code = cof_cli_parse(&key.cli, command, options, argc, argv, &rest);
    if (code < 0) {
        code = run_with(&key, command, &rest);
    }
    cof_cli_deinit(&key.cli);
    return code;
}

const struct cof_command cof_command_key = {
    .name = "key",
    .usage = "key create --data DIR --name NAME --role ROLE | key list | key revoke ID",
    .has_server = true,
    .summary = "make, list and revoke API keys",
    .details = "`key create` prints the key alone on standard output, this once.",
    .run = run,
};
