/* Roles: their names, and which of them may do what. */
#include <cof/auth/auth.h>

#include <stdio.h>
#include <string.h>

static const struct {
    enum cof_role_bit bit;
    const char *name;
} roles[] = {
    {COF_ROLE_READER, "reader"},     {COF_ROLE_WRITER, "writer"},
    {COF_ROLE_OPERATOR, "operator"}, {COF_ROLE_AUDITOR, "auditor"},
    {COF_ROLE_SECURITY, "security"}, {COF_ROLE_ADMIN, "admin"},
    {COF_ROLE_DELEGATE, "delegate"},
};
#define ROLE_COUNT (sizeof(roles) / sizeof(roles[0]))

/* Any one of the bits permits the action; admin permits all. The first bit named is the least role
 * that does, and is the one that a refusal asks for. */
static const struct {
    enum cof_role_bit least;
    uint32_t others;
} permissions[] = {
    [COF_ACTION_SEARCH] = {COF_ROLE_READER, COF_ROLE_WRITER},
    [COF_ACTION_ANSWER] = {COF_ROLE_READER, COF_ROLE_WRITER},
    [COF_ACTION_EMBED] = {COF_ROLE_READER, COF_ROLE_WRITER},
    [COF_ACTION_READ_DOCUMENT] = {COF_ROLE_READER, COF_ROLE_WRITER},
    [COF_ACTION_WRITE_DOCUMENT] = {COF_ROLE_WRITER, 0},
    [COF_ACTION_READ_COLLECTION] = {COF_ROLE_READER, COF_ROLE_WRITER},
    [COF_ACTION_WRITE_COLLECTION] = {COF_ROLE_WRITER, 0},
    [COF_ACTION_READ_AUDIT] = {COF_ROLE_AUDITOR, 0},
    [COF_ACTION_MANAGE_KEYS] = {COF_ROLE_SECURITY, 0},
    [COF_ACTION_READ_SYSTEM] = {COF_ROLE_OPERATOR, 0},
    [COF_ACTION_READ_MODELS] = {COF_ROLE_READER, COF_ROLE_WRITER | COF_ROLE_OPERATOR},
};
#define ACTION_COUNT (sizeof(permissions) / sizeof(permissions[0]))

enum cof_status cof_role_parse(struct cof_text name, uint32_t *out_roles, struct cof_error *err)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (cof_text_equal(name, cof_text_from(roles[i].name))) {
            *out_roles = (uint32_t)roles[i].bit;
            return COF_OK;
        }
    }
    return COF_FAIL(err, COF_INVALID,
                    "there is no such role: it is one of reader, writer, operator, auditor, "
                    "security, admin, delegate");
}

void cof_role_format(uint32_t role_bits, char out_names[64])
{
    size_t size = 0;
    out_names[0] = '\0';
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if ((role_bits & (uint32_t)roles[i].bit) == 0)
            continue;
        int length =
            snprintf(out_names + size, 64 - size, "%s%s", size > 0 ? "," : "", roles[i].name);
        size += length > 0 ? (size_t)length : 0;
    }
}

enum cof_status cof_auth_permit(const struct cof_principal *principal, enum cof_action action,
                                struct cof_error *err)
{
    char least[64];
    char held[64];
    if ((principal->roles & COF_ROLE_ADMIN) != 0)
        return COF_OK;
    if ((size_t)action >= ACTION_COUNT)
        return COF_FAIL(err, COF_DENIED, "this needs the role admin");
    uint32_t permitting = (uint32_t)permissions[action].least | permissions[action].others;
    if ((principal->roles & permitting) != 0)
        return COF_OK;
    cof_role_format((uint32_t)permissions[action].least, least);
    cof_role_format(principal->roles, held);
    return COF_FAIL(err, COF_DENIED, "this needs the role %s; the key has %s", least,
                    held[0] != '\0' ? held : "none");
}

struct cof_principal cof_principal_local(void)
{
    return (struct cof_principal){
        .name = COF_TEXT("local"), .roles = COF_ROLE_ADMIN, .user = COF_TEXT("local")};
}
