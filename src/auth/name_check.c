/* What a name of a key, a user or a group may be. */
#include "name_check.h"

enum cof_status cof_name_check(struct cof_text name, const char *what, struct cof_error *err)
{
    if (name.size == 0 || name.size > COF_MAX_NAME_SIZE)
        return COF_FAIL(err, COF_INVALID, "%s has %zu bytes, not 1 to %d", what, name.size,
                        COF_MAX_NAME_SIZE);
    if (!cof_utf8_is_valid(name, NULL))
        return COF_FAIL(err, COF_INVALID, "%s is not valid UTF-8", what);
    for (size_t at = 0; at < name.size;) {
        uint32_t code_point = 0;
        at += cof_utf8_decode(name, at, &code_point);
        if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0))
            return COF_FAIL(err, COF_INVALID, "%s has a control character", what);
    }
    return COF_OK;
}
