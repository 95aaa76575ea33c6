/* The command line's way through a running server: --server URL --api-key-file FILE. */
#ifndef COF_APP_CLIENT_H
#define COF_APP_CLIENT_H

#include <cof/base/http_client.h>
#include <cof/base/json.h>

#include "cli.h"

/* Reads the key file and makes a client for cli->server, which sends `headers` (as in
 * cof/base/http_client.h; NULL = none) with every request. */
COF_MUST_USE enum cof_status cof_client_open(const struct cof_cli *cli, const char *const *headers,
                                             struct cof_http_client **out_client,
                                             struct cof_error *err);
/* Sends JSON (empty body = none) and parses the JSON answer. A status of 400 and more becomes the
 * status that caused it, with the server's message. */
COF_MUST_USE enum cof_status cof_client_call(struct cof_http_client *client, const char *method,
                                             const char *path, struct cof_bytes body,
                                             struct cof_json_tree **out_tree,
                                             struct cof_error *err);
/* The error of an answer body with this HTTP status. */
COF_MUST_USE enum cof_status cof_client_error(long http_status, struct cof_text body,
                                              struct cof_error *err);
/* Public id of the vector store with this id or name; made when `may_create` and there is none. */
COF_MUST_USE enum cof_status cof_client_find_store(struct cof_http_client *client,
                                                   const char *id_or_name, bool may_create,
                                                   char out_id[64], struct cof_error *err);

#endif
