/* One function per thing a caller may do: authorise, limit, run, record durably, return.
 *
 * The HTTP API and the command line call the same functions, so nothing is answered unrecorded: a
 * function that shows protected content returns only after its audit record is durable, and fails
 * with COF_UNAVAILABLE when the record cannot be written. Refusals are recorded too.
 *
 * Any thread, one call object each. Views in results live in call->arena. Common statuses:
 * COF_DENIED (role), COF_LIMITED (rate), COF_UNAVAILABLE, COF_CANCELED, COF_TIMEOUT. */
#ifndef COF_SERVICE_SERVICE_H
#define COF_SERVICE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/answer/answer.h>
#include <cof/audit/log.h>
#include <cof/auth/auth.h>
#include <cof/base/json.h>
#include <cof/base/metrics.h>
#include <cof/base/status.h>
#include <cof/embedder/embedder.h>
#include <cof/embedder/query_cache.h>
#include <cof/embedder/reranker.h>
#include <cof/generate/generator.h>
#include <cof/index/index_set.h>
#include <cof/ingest/ingest.h>
#include <cof/search/search.h>
#include <cof/service/call.h>
#include <cof/store/store.h>

struct cof_service;

/* Everything is borrowed and must outlive the service. */
struct cof_service_options {
    struct cof_store *store;
    struct cof_keyring *keyring;
    struct cof_audit_log *audit;
    const char *audit_folder;
    struct cof_auth *auth;
    struct cof_index_set *indexes;
    struct cof_searcher *searcher;
    struct cof_ingester *ingester;
    struct cof_answerer *answerer; /* NULL: chat answers COF_UNAVAILABLE naming the cure */
    struct cof_embedder *embedder;
    struct cof_query_cache *query_cache; /* NULL = none; over the embedder */
    struct cof_reranker *reranker;       /* NULL = none */
    struct cof_generator *generator;     /* NULL when there is none */
    struct cof_metrics *metrics;         /* may be NULL */
    const struct cof_clock *clock;
    const struct cof_random *random;
    uint32_t rate_per_second;            /* per credential; 0 = no limit */
    uint32_t rate_burst;                 /* 0 = 2 * rate_per_second */
    bool must_ground;                    /* chat without collections is refused (COF_INVALID) */
    enum cof_vector_precision precision; /* of new collections; 0 = f32 */
    uint32_t max_chunk_tokens;           /* of new collections; 0 = 200 */
    uint32_t chunk_overlap_tokens;       /* of new collections */
    size_t max_tokenize_bytes;           /* of one call; 0 = no limit */
    size_t max_rerank_count;             /* documents of one call; 0 = no limit */
    bool must_rerank;                    /* searches that do not say otherwise, with a text */
    struct cof_text start_details; /* JSON of security-relevant settings for the START record */
    cof_notice_fn notice;
    void *notice_context;
};
/* Drains the outbox into the log, then records START. */
COF_MUST_USE enum cof_status cof_service_open(const struct cof_service_options *options,
                                              struct cof_service **out_service,
                                              struct cof_error *err);
/* Records STOP. Calls must have ended. */
void cof_service_close(struct cof_service *service);

/* A fresh call with a request id; timeout_ms 0 = no deadline. Nobody is authenticated yet. */
void cof_call_init(struct cof_service *service, struct cof_call *call, long timeout_ms);
/* The same for the local operator at the command line (may do everything, recorded as `local`). */
void cof_call_init_local(struct cof_service *service, struct cof_call *call);

/* Sets call->principal from a presented API key. COF_DENIED; failures are recorded (at most ten a
 * second, the rest counted into the next record) without the key. */
COF_MUST_USE enum cof_status cof_service_authenticate(struct cof_service *service,
                                                      struct cof_call *call, struct cof_text key,
                                                      struct cof_error *err);

/* From here on the call asks for that user (cof/auth/delegation.h). Refusals are recorded under the
 * key's own name. COF_DENIED, COF_INVALID. */
COF_MUST_USE enum cof_status cof_service_act_for(struct cof_service *service, struct cof_call *call,
                                                 struct cof_text user, struct cof_text groups,
                                                 struct cof_error *err);

/* ---- Models and embeddings ---- */

struct cof_service_model {
    struct cof_text id;
    struct cof_text kind; /* "embedding", "rerank", "chat" */
};
COF_MUST_USE enum cof_status cof_service_list_models(struct cof_service *service,
                                                     struct cof_call *call,
                                                     struct cof_service_model **out_models,
                                                     size_t *out_count, struct cof_error *err);
/* Borrowed facts for /info, /v1/models and readiness; no authorisation, no record. */
const struct cof_embedder_info *cof_service_embedder_info(const struct cof_service *service);
const struct cof_generator_info *cof_service_generator_info(const struct cof_service *service);
const struct cof_reranker_info *cof_service_reranker_info(const struct cof_service *service);

struct cof_service_embedding {
    struct cof_text model; /* empty = the default; an unknown one is COF_NOT_FOUND */
    enum cof_embed_role role;
    const struct cof_text *texts;    /* `count` of them, or */
    const struct cof_token_ids *ids; /* the same as tokens of the model; role is not looked at */
    size_t count;                    /* at least 1 */
    size_t dimensions;               /* the first so many numbers, scaled to unit length; 0 = all */
    bool may_cut; /* what is over the model's limit is cut, not refused (COF_INVALID) */
};
struct cof_service_vectors {
    float *values; /* count * dimension */
    size_t dimension;
    size_t token_count; /* that were computed, special ones included */
};
COF_MUST_USE enum cof_status cof_service_embed(struct cof_service *service, struct cof_call *call,
                                               const struct cof_service_embedding *embedding,
                                               struct cof_service_vectors *out_vectors,
                                               struct cof_error *err);

struct cof_service_token {
    uint32_t id; /* COF_TOKEN_WITHOUT_ID where the embedder has no vocabulary */
    size_t begin, end;
};
struct cof_service_tokens {
    const struct cof_service_token *tokens;
    size_t count;
};
/* The tokens of every text, whole, special ones not added. COF_TOO_LARGE over
 * max_tokenize_bytes. */
COF_MUST_USE enum cof_status cof_service_tokenize(struct cof_service *service,
                                                  struct cof_call *call, struct cof_text model,
                                                  const struct cof_text *texts, size_t count,
                                                  struct cof_service_tokens **out_tokens,
                                                  struct cof_error *err);
/* For /metrics; false where there is no cache. No authorisation, no record. */
bool cof_service_query_cache_stats(const struct cof_service *service,
                                   struct cof_query_cache_stats *out_stats);

struct cof_service_rerank {
    struct cof_text model; /* empty = the default; an unknown one is COF_NOT_FOUND */
    struct cof_text query; /* recorded, as a search's is */
    const struct cof_text *texts;
    size_t count; /* at least 1 */
};
struct cof_service_rank {
    size_t index; /* in the texts */
    float score;  /* 0 … 1 */
};
/* All texts, best first; equal ones in their order. COF_UNAVAILABLE without a reranker. */
COF_MUST_USE enum cof_status cof_service_rerank(struct cof_service *service, struct cof_call *call,
                                                const struct cof_service_rerank *rerank,
                                                struct cof_service_rank **out_ranks,
                                                size_t *out_token_count, struct cof_error *err);

/* ---- Collections (vector stores) ---- */

/* By public id, else by exact name; COF_CONFLICT when a name is ambiguous (lists the ids),
 * COF_NOT_FOUND. Recorded as a read. */
COF_MUST_USE enum cof_status cof_service_get_collection(struct cof_service *service,
                                                        struct cof_call *call,
                                                        struct cof_text id_or_name,
                                                        struct cof_collection *out_collection,
                                                        struct cof_error *err);
COF_MUST_USE enum cof_status cof_service_list_collections(struct cof_service *service,
                                                          struct cof_call *call,
                                                          struct cof_collection **out_collections,
                                                          size_t *out_count, struct cof_error *err);
struct cof_collection_request {
    struct cof_text name;
    struct cof_text metadata;        /* JSON object as text; empty = "{}" */
    struct cof_text embedding_model; /* empty = the default; unknown = COF_NOT_FOUND */
    uint32_t max_chunk_tokens;       /* 0 = the service's default */
    uint32_t chunk_overlap_tokens;   /* UINT32_MAX = the service's default */
};
COF_MUST_USE enum cof_status cof_service_create_collection(
    struct cof_service *service, struct cof_call *call,
    const struct cof_collection_request *request, struct cof_collection *out_collection,
    struct cof_error *err);
/* NULL leaves name or metadata as they are. */
COF_MUST_USE enum cof_status cof_service_update_collection(
    struct cof_service *service, struct cof_call *call, struct cof_text id,
    const struct cof_text *name, const struct cof_text *metadata,
    struct cof_collection *out_collection, struct cof_error *err);
COF_MUST_USE enum cof_status cof_service_delete_collection(struct cof_service *service,
                                                           struct cof_call *call,
                                                           struct cof_text id,
                                                           struct cof_error *err);

/* ---- Documents ---- */

/* Puts 1 … 1024 documents into one collection, one audit record; see cof_ingest_put. */
COF_MUST_USE enum cof_status cof_service_put_documents(
    struct cof_service *service, struct cof_call *call, struct cof_text collection_id,
    const struct cof_ingest_document *documents, size_t count,
    struct cof_ingest_result **out_results, struct cof_error *err);
struct cof_service_document {
    struct cof_collection collection;
    struct cof_document document;
    const struct cof_chunk *chunks; /* NULL unless asked for */
    size_t chunk_count;
};
/* collection_id empty = searched in every collection the caller may read: COF_CONFLICT when more
 * than one has the id. Not permitted and not there are the same COF_NOT_FOUND. */
COF_MUST_USE enum cof_status cof_service_get_document(struct cof_service *service,
                                                      struct cof_call *call,
                                                      struct cof_text collection_id,
                                                      struct cof_text external_id, bool with_chunks,
                                                      struct cof_service_document *out_document,
                                                      struct cof_error *err);
COF_MUST_USE enum cof_status cof_service_list_documents(struct cof_service *service,
                                                        struct cof_call *call,
                                                        struct cof_text collection_id,
                                                        uint64_t after_number, size_t max_count,
                                                        struct cof_document **out_documents,
                                                        size_t *out_count, struct cof_error *err);
COF_MUST_USE enum cof_status cof_service_delete_document(struct cof_service *service,
                                                         struct cof_call *call,
                                                         struct cof_text collection_id,
                                                         struct cof_text external_id,
                                                         struct cof_error *err);

/* ---- Search and answers ---- */

enum cof_rerank_wish {
    COF_RERANK_AS_CONFIGURED = 0,
    COF_RERANK_YES, /* COF_UNAVAILABLE without a reranker, COF_INVALID without a text */
    COF_RERANK_NO,
};
struct cof_service_search {
    const struct cof_text *collections; /* public ids or names */
    size_t collection_count;
    struct cof_text query;
    const float *query_vector;
    size_t query_vector_count;
    size_t k; /* 0 = 10 */
    enum cof_search_mode mode;
    enum cof_fusion fusion;
    float min_score;
    bool must_be_exact;
    enum cof_rerank_wish rerank;
    const struct cof_json *filter; /* NULL or null = none; COF_INVALID when not understood */
};
COF_MUST_USE enum cof_status cof_service_search(struct cof_service *service, struct cof_call *call,
                                                const struct cof_service_search *search,
                                                struct cof_search_result *out_result,
                                                struct cof_error *err);

struct cof_service_chat {
    struct cof_text model; /* empty = the default; unknown = COF_NOT_FOUND */
    const struct cof_message *messages;
    size_t message_count;
    const struct cof_text *collections; /* public ids or names; none = plain generation */
    size_t collection_count;
    size_t k; /* 0 = default */
    enum cof_search_mode mode;
    const struct cof_json *filter;
    float min_score; /* 0 = calibrated */
    enum cof_unsupported_policy policy;
    size_t max_tokens; /* 0 = default */
    float temperature;
    float top_p;
    uint32_t seed;
    const struct cof_text *stops;
    size_t stop_count;
    /* Streaming, both optional. `on_start` is called when the intent is durable and before the
     * first piece, with the hits; `on_piece` as in cof_answer_request. */
    bool (*on_start)(void *context, const struct cof_search_result *retrieved);
    bool (*on_piece)(void *context, struct cof_text piece);
    void *context;
};
/* ANSWER_INTENT is durable before the first piece, ANSWER_RESULT before this returns. */
COF_MUST_USE enum cof_status cof_service_chat(struct cof_service *service, struct cof_call *call,
                                              const struct cof_service_chat *chat,
                                              struct cof_answer *out_answer, struct cof_error *err);

/* ---- Keys, audit, system ---- */

COF_MUST_USE enum cof_status cof_service_create_key(
    struct cof_service *service, struct cof_call *call, const struct cof_key_request *request,
    char out_key[COF_API_KEY_SIZE], struct cof_credential *out_credential, struct cof_error *err);
COF_MUST_USE enum cof_status cof_service_list_keys(struct cof_service *service,
                                                   struct cof_call *call,
                                                   struct cof_credential **out_credentials,
                                                   size_t *out_count, struct cof_error *err);
COF_MUST_USE enum cof_status cof_service_revoke_key(struct cof_service *service,
                                                    struct cof_call *call, struct cof_text key_id,
                                                    struct cof_error *err);
/* The newest signed checkpoint as a C2SP signed note. */
COF_MUST_USE enum cof_status cof_service_audit_checkpoint(struct cof_service *service,
                                                          struct cof_call *call,
                                                          struct cof_buffer *out_note,
                                                          struct cof_error *err);
/* Entries [first, first + count), payloads opened; recorded as LOG_READ. */
COF_MUST_USE enum cof_status cof_service_audit_entries(struct cof_service *service,
                                                       struct cof_call *call, uint64_t first,
                                                       size_t count,
                                                       struct cof_audit_entry **out_entries,
                                                       size_t *out_count, struct cof_error *err);
/* Authorises READ_SYSTEM and records it; the caller then formats what the service lends. */
COF_MUST_USE enum cof_status cof_service_read_system(struct cof_service *service,
                                                     struct cof_call *call, struct cof_error *err);
/* Sums over all collections, for /info and /metrics. */
struct cof_service_totals {
    uint64_t collection_count;
    uint64_t document_count;
    uint64_t chunk_count;
    uint64_t audit_size;
};
void cof_service_totals_get(struct cof_service *service, struct cof_service_totals *out_totals);

/* COF_OK when requests can be served: audit healthy, store writable. For /readyz; no record. */
COF_MUST_USE enum cof_status cof_service_ready(struct cof_service *service, struct cof_error *err);

#endif
