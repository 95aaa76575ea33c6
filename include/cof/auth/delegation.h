/* Asking for somebody else.
 *
 * An application that knows its users holds one key with the role `delegate` and says with each
 * request for whom it asks: the request then sees what that user and those groups may see, and is
 * recorded under the user's name beside the key's id. Coffer believes the application; that is what
 * the role means. */
#ifndef COF_AUTH_DELEGATION_H
#define COF_AUTH_DELEGATION_H

#include <cof/auth/auth.h>

#define COF_MAX_GROUPS 64

/* The principal for whom `asker` asks, in the arena: `user` (1–128 bytes) and `groups`, names
 * separated by commas, white space around them not counted; may be empty. It has at most the roles
 * reader and writer, and no access list lets it pass because of what the asker is. COF_DENIED when
 * the asker may not, COF_INVALID for names that are none and more than COF_MAX_GROUPS of them. */
COF_MUST_USE enum cof_status cof_auth_act_for(const struct cof_principal *asker,
                                              struct cof_text user, struct cof_text groups,
                                              struct cof_arena *arena,
                                              struct cof_principal *out_principal,
                                              struct cof_error *err);

#endif
