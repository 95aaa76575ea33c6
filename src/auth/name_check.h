/* What a name of a key, a user or a group may be. */
#ifndef COF_AUTH_NAME_CHECK_H
#define COF_AUTH_NAME_CHECK_H

#include <cof/base/status.h>
#include <cof/base/text.h>

#define COF_MAX_NAME_SIZE 128

/* COF_INVALID, naming `what`, unless 1–128 bytes of UTF-8 without control characters. */
COF_MUST_USE enum cof_status cof_name_check(struct cof_text name, const char *what,
                                            struct cof_error *err);

#endif
