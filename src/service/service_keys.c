/* API keys, and reading the audit log. */
#include "service_private.h"

#include <inttypes.h>

enum cof_status cof_service_create_key(struct cof_service *service, struct cof_call *call,
                                       const struct cof_key_request *request,
                                       char out_key[COF_API_KEY_SIZE],
                                       struct cof_credential *out_credential, struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_MANAGE_KEYS, err));
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_KEY_CREATE, COF_OK);
    char roles[64];
    cof_role_format(request->roles, roles);
    record.details = cof_arena_format(&call->arena, "{\"roles\":\"%s\"}", roles);
    COF_CLEANUP(cof_mutation_deinit) struct cof_mutation mutation = {0};
    cof_mutation_init(&mutation, service, call, &record);
    enum cof_status status = cof_auth_create_key(service->options.auth, request, &mutation.outbox,
                                                 out_key, out_credential, &call->arena, err);
    return cof_mutation_finish(&mutation, service, call, status, err);
}

enum cof_status cof_service_list_keys(struct cof_service *service, struct cof_call *call,
                                      struct cof_credential **out_credentials, size_t *out_count,
                                      struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_MANAGE_KEYS, err));
    struct cof_credential *credentials = NULL;
    size_t count = 0;
    enum cof_status status =
        cof_auth_list_keys(service->options.auth, &call->arena, &credentials, &count, err);
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_KEY_READ, status);
    COF_TRY(cof_service_finish(service, call, &record, status, err));
    *out_credentials = credentials;
    *out_count = count;
    return COF_OK;
}

enum cof_status cof_service_revoke_key(struct cof_service *service, struct cof_call *call,
                                       struct cof_text key_id, struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_MANAGE_KEYS, err));
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_KEY_REVOKE, COF_OK);
    COF_CLEANUP(cof_mutation_deinit) struct cof_mutation mutation = {0};
    cof_mutation_init(&mutation, service, call, &record);
    enum cof_status status =
        cof_auth_revoke_key(service->options.auth, key_id, &mutation.outbox, err);
    return cof_mutation_finish(&mutation, service, call, status, err);
}

enum cof_status cof_service_audit_checkpoint(struct cof_service *service, struct cof_call *call,
                                             struct cof_buffer *out_note, struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_READ_AUDIT, err));
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_LOG_READ, COF_OK);
    COF_TRY(cof_service_commit(service, call, &record, err));
    return cof_audit_log_checkpoint(service->options.audit, out_note, err);
}

enum cof_status cof_service_audit_entries(struct cof_service *service, struct cof_call *call,
                                          uint64_t first, size_t count,
                                          struct cof_audit_entry **out_entries, size_t *out_count,
                                          struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_READ_AUDIT, err));
    if (count == 0 || count > 1000) {
        return COF_FAIL(err, COF_INVALID, "limit must be between 1 and 1000");
    }
    struct cof_audit_entry *entries = NULL;
    size_t entry_count = 0;
    enum cof_status status =
        cof_audit_read(service->options.audit_folder, service->options.keyring, first, count,
                       &call->arena, &entries, &entry_count, err);
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_LOG_READ, status);
    record.details =
        cof_arena_format(&call->arena, "{\"first\":%" PRIu64 ",\"count\":%zu}", first, entry_count);
    COF_TRY(cof_service_finish(service, call, &record, status, err));
    *out_entries = entries;
    *out_count = entry_count;
    return COF_OK;
}
