/* Backend `remote`: any server with OpenAI's POST /v1/embeddings (TEI, vLLM, llama-server).
 *
 * Reached only through the one door out (cof/base/http_client.h), so only at the address that the
 * configuration names. Token counts are those the peer reports; counting without embedding uses
 * Unicode words, so chunk sizes are approximate with this backend. */
#ifndef COF_EMBEDDER_REMOTE_H
#define COF_EMBEDDER_REMOTE_H

#include <stddef.h>

#include <cof/base/status.h>
#include <cof/embedder/embedder.h>

struct cof_remote_embedder_options {
    const char *base_url;       /* "http://host:port/v1" */
    const char *bearer_token;   /* NULL = none */
    const char *ca_file;        /* NULL = the system's */
    const char *model;          /* sent as "model" */
    size_t dimension;           /* 0 = asked from the peer at open by embedding one text */
    size_t max_tokens;          /* 0 = 512 */
    size_t max_batch_count;     /* 0 = 64 */
    const char *query_prefix;   /* NULL = none */
    const char *passage_prefix; /* NULL = none */
};
COF_MUST_USE enum cof_status cof_remote_embedder_open(
    const struct cof_remote_embedder_options *options, struct cof_embedder **out_embedder,
    struct cof_error *err);

#endif
