/* A store with its keys, indexes, a parser and an ingester in a temporary folder. */
#ifndef COF_TESTS_UNIT_INGEST_INGEST_HOUSE_H
#define COF_TESTS_UNIT_INGEST_INGEST_HOUSE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/cancel.h>
#include <cof/base/pool.h>
#include <cof/embedder/embedder.h>
#include <cof/ingest/ingest.h>

#include "temp_dir.h"

/* An embedder that counts its calls and does what a test wants in between. */
struct spy_embedder {
    struct cof_embedder base; /* must be first */
    struct cof_embedder *inner;
    atomic_size_t embedded_count;
    void (*before_embed)(void *context); /* once, before the next embedding; may be NULL */
    void *before_context;
};

struct ingest_house {
    char folder[TEMP_DIR_PATH_SIZE];
    struct cof_keyring *keyring;
    struct cof_store *store;
    struct cof_index_set *indexes;
    struct cof_parser *parser;
    struct cof_pool *pool;
    struct spy_embedder embedder;
    struct cof_ingester *ingester;
    uint64_t collection;
    atomic_size_t encoded_count; /* calls of the outbox's encoder */
};

/* Ends the test with a message when something cannot be opened. */
void ingest_house_open(struct ingest_house *house);
void ingest_house_close(struct ingest_house *house);

/* A new collection with its index; its number. */
uint64_t ingest_house_collection(struct ingest_house *house, uint32_t max_tokens,
                                 uint32_t overlap_tokens);
struct cof_outbox ingest_house_outbox(struct ingest_house *house);

/* Puts the documents and fails the test when the call fails. */
void ingest_house_put(struct ingest_house *house, const struct cof_ingest_document *documents,
                      size_t count, struct cof_arena *arena, struct cof_ingest_result *results);
/* One Markdown document; its outcome. */
struct cof_write_outcome ingest_house_put_text(struct ingest_house *house, const char *external_id,
                                               const char *text);
/* Chunks that a search for these words finds. */
size_t ingest_house_search(struct ingest_house *house, const char *words);

#endif
