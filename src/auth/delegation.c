/* Asking for somebody else. */
#include <cof/auth/delegation.h>

#include "name_check.h"

static enum cof_status copy_name(struct cof_text name, const char *what, struct cof_arena *arena,
                                 struct cof_text *out_name, struct cof_error *err)
{
    COF_TRY(cof_name_check(name, what, err));
    *out_name = cof_arena_copy_text(arena, name);
    return out_name->data != NULL ? COF_OK : COF_FAIL_MEMORY(err);
}

static enum cof_status copy_groups(struct cof_text list, struct cof_arena *arena,
                                   struct cof_principal *principal, struct cof_error *err)
{
    struct cof_text *groups = cof_arena_array(arena, COF_MAX_GROUPS, sizeof(*groups));

    if (groups == NULL)
        return COF_FAIL_MEMORY(err);
    while (cof_text_trim(list).size > 0) {
        struct cof_text group = {0};
        if (principal->group_count == COF_MAX_GROUPS)
            return COF_FAIL(err, COF_INVALID, "X-Coffer-Groups names more than %d groups",
                            COF_MAX_GROUPS);
        (void)cof_text_split(list, ',', &group, &list);
        COF_TRY(copy_name(cof_text_trim(group), "a name in X-Coffer-Groups", arena,
                          &groups[principal->group_count], err));
        principal->group_count++;
    }
    principal->groups = groups;
    return COF_OK;
}

static uint32_t roles_for_another(uint32_t roles)
{
    const uint32_t both = (uint32_t)COF_ROLE_READER | (uint32_t)COF_ROLE_WRITER;

    return (roles & (uint32_t)COF_ROLE_ADMIN) != 0 ? both : roles & both;
}

enum cof_status cof_auth_act_for(const struct cof_principal *asker, struct cof_text user,
                                 struct cof_text groups, struct cof_arena *arena,
                                 struct cof_principal *out_principal, struct cof_error *err)
{
    const uint32_t permitting = (uint32_t)COF_ROLE_DELEGATE | (uint32_t)COF_ROLE_ADMIN;
    struct cof_principal principal = {
        .credential_id = asker->credential_id,
        .roles = roles_for_another(asker->roles),
    };

    if ((asker->roles & permitting) == 0)
        return COF_FAIL(err, COF_DENIED,
                        "X-Coffer-User needs the role delegate; without it a key asks for itself");
    COF_TRY(copy_name(user, "the name in X-Coffer-User", arena, &principal.user, err));
    COF_TRY(copy_groups(groups, arena, &principal, err));
    principal.name = principal.user;
    *out_principal = principal;
    return COF_OK;
}
