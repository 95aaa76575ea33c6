/* API keys: made, listed, revoked. The key's text is in one answer only. */
#include <string.h>

#include "fields.h"
#include "handlers.h"

#define MAX_GROUPS 64
#define MAX_ROLES 8

static void put_roles(struct cof_json_writer *writer, uint32_t roles)
{
    char names[64];
    cof_role_format(roles, names);
    struct cof_text rest = cof_text_from(names);
    cof_json_put_key(writer, "roles");
    cof_json_begin_array(writer);
    while (rest.size > 0) {
        struct cof_text name;
        (void)cof_text_split(rest, ',', &name, &rest);
        cof_json_put_text(writer, cof_text_trim(name));
    }
    cof_json_end_array(writer);
}

/* `key` NULL: everywhere but in the answer that made it. */
static void put_credential(struct cof_json_writer *writer, const struct cof_credential *credential,
                           const char *key)
{
    cof_json_begin_object(writer);
    cof_json_member_string(writer, "object", "api_key");
    cof_json_member_string(writer, "id", credential->key_id);
    if (key != NULL) {
        cof_json_member_string(writer, "key", key);
    }
    cof_json_member_text(writer, "name", credential->name);
    put_roles(writer, credential->roles);
    cof_json_member_text(writer, "user", credential->user);
    cof_json_put_key(writer, "groups");
    cof_json_begin_array(writer);
    for (size_t i = 0; i < credential->group_count; i++) {
        cof_json_put_text(writer, credential->groups[i]);
    }
    cof_json_end_array(writer);
    cof_json_member_integer(writer, "created_at", credential->created_ns / 1000000000);
    if (credential->revoked_ns != 0) {
        cof_json_member_integer(writer, "revoked_at", credential->revoked_ns / 1000000000);
    } else {
        cof_json_member_null(writer, "revoked_at");
    }
    cof_json_end_object(writer);
}

static enum cof_status parse_roles(const struct cof_fields *fields, uint32_t *out_roles,
                                   struct cof_error *err)
{
    const struct cof_text *names = NULL;
    size_t count = 0;
    COF_TRY(cof_fields_texts(fields, "roles", MAX_ROLES, &names, &count, err));
    if (count == 0) {
        return cof_fields_refuse(fields, "roles", err,
                                 "'roles' must name at least one of: reader, writer, operator, "
                                 "auditor, security, admin");
    }
    uint32_t roles = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t role = 0;
        enum cof_status status = cof_role_parse(names[i], &role, err);
        if (status != COF_OK) {
            fields->request->param = COF_TEXT("roles");
            return status;
        }
        roles |= role;
    }
    *out_roles = roles;
    return COF_OK;
}

enum cof_status cof_handle_create_key(struct cof_request *request, struct cof_error *err)
{
    static const char *const keys[] = {"name", "roles", "user", "groups", NULL};
    const struct cof_fields fields = cof_fields_of(request);
    struct cof_key_request wanted = {0};
    COF_TRY(cof_fields_only(&fields, keys, err));
    COF_TRY(cof_fields_need_text(&fields, "name", &wanted.name, err));
    COF_TRY(parse_roles(&fields, &wanted.roles, err));
    COF_TRY(cof_fields_text(&fields, "user", &wanted.user, err));
    COF_TRY(
        cof_fields_texts(&fields, "groups", MAX_GROUPS, &wanted.groups, &wanted.group_count, err));
    char key[COF_API_KEY_SIZE];
    struct cof_credential credential = {0};
    COF_TRY(cof_service_create_key(request->api->service, &request->call, &wanted, key, &credential,
                                   err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    put_credential(&writer, &credential, key);
    explicit_bzero(key, sizeof(key));
    return COF_OK;
}

enum cof_status cof_handle_list_keys(struct cof_request *request, struct cof_error *err)
{
    struct cof_credential *credentials = NULL;
    size_t count = 0;
    COF_TRY(
        cof_service_list_keys(request->api->service, &request->call, &credentials, &count, err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "object", "list");
    cof_json_put_key(&writer, "data");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < count; i++) {
        put_credential(&writer, &credentials[i], NULL);
    }
    cof_json_end_array(&writer);
    cof_json_end_object(&writer);
    return COF_OK;
}

enum cof_status cof_handle_get_key(struct cof_request *request, struct cof_error *err)
{
    struct cof_credential *credentials = NULL;
    size_t count = 0;
    COF_TRY(
        cof_service_list_keys(request->api->service, &request->call, &credentials, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (cof_text_equal(request->parameters[0], cof_text_from(credentials[i].key_id))) {
            struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
            put_credential(&writer, &credentials[i], NULL);
            return COF_OK;
        }
    }
    return COF_FAIL(err, COF_NOT_FOUND, "no key has this id; GET /v1/keys lists them");
}

enum cof_status cof_handle_revoke_key(struct cof_request *request, struct cof_error *err)
{
    COF_TRY(
        cof_service_revoke_key(request->api->service, &request->call, request->parameters[0], err));
    struct cof_json_writer writer = cof_json_writer_to(&request->reply.body);
    cof_json_begin_object(&writer);
    cof_json_member_text(&writer, "id", request->parameters[0]);
    cof_json_member_string(&writer, "object", "api_key.deleted");
    cof_json_member_bool(&writer, "deleted", true);
    cof_json_end_object(&writer);
    return COF_OK;
}
