/* The composition root: opens the parts of the house in order and closes them in reverse.
 *
 * Order of opening: parser processes (before keys and threads) → lock of the data folder → keyring
 * → store → audit log → pool → embedder, reranker → indexes → search → generator → answers → auth →
 * ingest → service. A command that needs only some parts asks for those. */
#ifndef COF_APP_APP_H
#define COF_APP_APP_H

#include <cof/base/metrics.h>
#include <cof/base/pool.h>
#include <cof/service/service.h>

#include "config.h"

enum cof_app_need {
    COF_APP_KEYS = 0,          /* store, audit and auth: every command that opens the folder */
    COF_APP_SEARCH = 1 << 0,   /* embedder, indexes, search */
    COF_APP_INGEST = 1 << 1,   /* parser and ingester; implies SEARCH */
    COF_APP_GENERATE = 1 << 2, /* generator and answers; implies SEARCH */
};

struct cof_app_options {
    const char *data_folder;
    const char *keys_folder; /* NULL = DATA.keys */
    const struct cof_config *config;
    unsigned needs; /* enum cof_app_need */
    cof_notice_fn notice;
    void *notice_context;
};

struct cof_app {
    struct cof_app_options options;
    char keys_folder[4096];
    char audit_folder[4096];
    int lock;
    struct cof_parser *parser;
    struct cof_keyring *keyring;
    struct cof_store *store;
    struct cof_audit_log *audit;
    struct cof_metrics *metrics;
    struct cof_pool *pool;       /* embedding, parsing */
    struct cof_pool *background; /* index builds */
    struct cof_embedder *embedder;
    struct cof_query_cache *query_cache;
    struct cof_reranker *reranker;
    struct cof_index_set *indexes;
    struct cof_searcher *searcher;
    struct cof_generator *generator;
    struct cof_answerer *answerer;
    struct cof_auth *auth;
    struct cof_ingester *ingester;
    struct cof_buffer start_details;
    struct cof_service *service;
};

/* Fills the caller's storage. COF_CONFLICT when another process has the folder: says to use
 * --server. On failure everything opened is closed again. */
COF_MUST_USE enum cof_status cof_app_open(const struct cof_app_options *options,
                                          struct cof_app *out_app, struct cof_error *err);
void cof_app_close(struct cof_app *app); /* NULL and half-open are fine */

/* Makes data and keys folders and the first admin key (COF_API_KEY_SIZE, wipe it). COF_CONFLICT
 * when a store or keyring is there already. */
COF_MUST_USE enum cof_status cof_app_init(const struct cof_app_options *options, char *out_key,
                                          struct cof_error *err);

/* DATA.keys, or what the options say. */
COF_MUST_USE enum cof_status cof_app_keys_folder(const struct cof_app_options *options,
                                                 char *out_path, struct cof_error *err);
/* The passphrase that the configuration names, empty when it names none. Wipe it. */
COF_MUST_USE enum cof_status cof_app_read_passphrase(const struct cof_config *config,
                                                     struct cof_buffer *out, struct cof_error *err);

#endif
