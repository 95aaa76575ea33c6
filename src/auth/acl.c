/* Access lists: who is named in them, and whether they are well formed. */
#include <cof/auth/auth.h>

#include <string.h>

#include "name_check.h"

#define USER_PREFIX COF_TEXT("user:")
#define GROUP_PREFIX COF_TEXT("group:")
#define MAX_ENTRY_COUNT 256

static struct cof_text without(struct cof_text entry, struct cof_text prefix)
{
    return cof_text_slice(entry, prefix.size, entry.size);
}

static bool is_meant(struct cof_text entry, const struct cof_principal *principal)
{
    if (cof_text_has_prefix(entry, GROUP_PREFIX)) {
        struct cof_text group = without(entry, GROUP_PREFIX);
        for (size_t i = 0; i < principal->group_count; i++) {
            if (group.size > 0 && cof_text_equal(group, principal->groups[i]))
                return true;
        }
        return false;
    }
    struct cof_text user =
        cof_text_has_prefix(entry, USER_PREFIX) ? without(entry, USER_PREFIX) : entry;
    return user.size > 0 && cof_text_equal(user, principal->user);
}

/* The entry that means the principal, or NULL. */
static const struct cof_text *find_named(const struct cof_text *entries, size_t count,
                                         const struct cof_principal *principal)
{
    for (size_t i = 0; i < count; i++) {
        if (is_meant(entries[i], principal))
            return &entries[i];
    }
    return NULL;
}

/* A bare name with a colon would be a mistyped prefix, which must not turn into a name that nobody
 * bears: on a deny list that would let everybody in. */
static enum cof_status check_entry(struct cof_text entry, struct cof_error *err)
{
    struct cof_text name = entry;
    if (cof_text_has_prefix(entry, GROUP_PREFIX))
        name = without(entry, GROUP_PREFIX);
    else if (cof_text_has_prefix(entry, USER_PREFIX))
        name = without(entry, USER_PREFIX);
    else if (cof_text_index_of(entry, COF_TEXT(":")) != SIZE_MAX)
        return COF_FAIL(err, COF_INVALID,
                        "an entry of an access list begins with 'user:' or 'group:', or is a bare "
                        "user name without a colon");
    return cof_name_check(name, "a name in an access list", err);
}

enum cof_acl_verdict cof_auth_explain(const struct cof_principal *principal,
                                      const struct cof_acl *acl, struct cof_text *out_entry)
{
    if ((principal->roles & COF_ROLE_ADMIN) != 0)
        return COF_ACL_PASSED;
    if (!acl->is_set)
        return COF_ACL_NO_LIST;
    const struct cof_text *denying = find_named(acl->deny, acl->deny_count, principal);
    const struct cof_text *allowing = find_named(acl->allow, acl->allow_count, principal);
    const struct cof_text *deciding = denying != NULL ? denying : allowing;
    if (deciding == NULL)
        return COF_ACL_NOT_NAMED;
    *out_entry = *deciding;
    return denying != NULL ? COF_ACL_DENIED : COF_ACL_ALLOWED;
}

bool cof_auth_can_read(const struct cof_principal *principal, const struct cof_acl *acl)
{
    if ((principal->roles & COF_ROLE_ADMIN) != 0 || !acl->is_set)
        return true;
    return find_named(acl->deny, acl->deny_count, principal) == NULL &&
           find_named(acl->allow, acl->allow_count, principal) != NULL;
}

enum cof_status cof_acl_check(const struct cof_acl *acl, struct cof_error *err)
{
    if (!acl->is_set)
        return COF_OK;
    if (acl->allow_count > MAX_ENTRY_COUNT || acl->deny_count > MAX_ENTRY_COUNT - acl->allow_count)
        return COF_FAIL(err, COF_INVALID, "an access list has more than %d entries",
                        MAX_ENTRY_COUNT);
    for (size_t i = 0; i < acl->allow_count; i++)
        COF_TRY(check_entry(acl->allow[i], err));
    for (size_t i = 0; i < acl->deny_count; i++)
        COF_TRY(check_entry(acl->deny[i], err));
    return COF_OK;
}
