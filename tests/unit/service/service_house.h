/* A whole house below HTTP for tests of the service: store, log, index, search, ingest, answers;
 * hashing embedder, extractive generator, no models. */
#ifndef COF_TESTS_SERVICE_HOUSE_H
#define COF_TESTS_SERVICE_HOUSE_H

#include <cof/service/service.h>

#include "temp_dir.h"

struct service_house {
    char folder[TEMP_DIR_PATH_SIZE];
    char keys_folder[TEMP_DIR_PATH_SIZE + 16];
    char store_folder[TEMP_DIR_PATH_SIZE + 16];
    char audit_folder[TEMP_DIR_PATH_SIZE + 16];
    struct cof_parser *parser;
    struct cof_keyring *keyring;
    struct cof_store *store;
    struct cof_audit_log *audit;
    struct cof_embedder *embedder;
    struct cof_query_cache *query_cache;
    struct cof_reranker reranker; /* likes long texts; without it, set ops to NULL and reopen */
    struct cof_index_set *indexes;
    struct cof_searcher *searcher;
    struct cof_generator *generator;
    struct cof_answerer *answerer;
    struct cof_auth *auth;
    struct cof_ingester *ingester;
    struct cof_service *service;
    struct cof_error error;
};

/* Makes the folders and opens everything; fails the test when it cannot. */
void service_house_create(struct service_house *house, uint32_t rate_per_second);
/* Closes and opens again over the same folders. */
void service_house_reopen(struct service_house *house);
void service_house_destroy(struct service_house *house);

/* An API key of this role (and group, may be NULL), in storage of 80 bytes. */
void service_house_key(struct service_house *house, uint32_t role, const char *group,
                       char out_key[COF_API_KEY_SIZE]);
/* A call authenticated by that key. */
struct cof_call service_house_call(struct service_house *house, const char *key);

/* Newest records of the log, oldest first, in the arena. */
size_t service_house_log(struct service_house *house, struct cof_arena *arena,
                         struct cof_audit_entry **out_entries);

#endif
