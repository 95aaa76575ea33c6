/* A store with keys, an index set over it, an embedder that knows no meaning, and a searcher. */
#ifndef COF_TESTS_UNIT_SEARCH_SEARCH_SCENE_H
#define COF_TESTS_UNIT_SEARCH_SEARCH_SCENE_H

#include <stddef.h>
#include <stdint.h>

#include <cof/search/search.h>

#include "store_fixture.h"

enum { SCENE_DIMENSION = 64, SCENE_MAX_CHUNKS = 8 };

struct search_scene {
    struct store_fixture fixture; /* its own collection is not used */
    struct cof_embedder *embedder;
    struct cof_index_set *indexes;
    struct cof_searcher *searcher;
    size_t seal_count;
    /* Of the searcher that the next scene_rebuild() makes. */
    struct cof_reranker *reranker;
    float rerank_weight;
    size_t rerank_count;
    long rerank_budget_ms;
    uint64_t collection;
};

/* Every function ends the test with a message when something fails. */
void scene_open(struct search_scene *scene, size_t seal_count);
void scene_close(struct search_scene *scene);
/* Throws the indexes away and makes them of the store. */
void scene_rebuild(struct search_scene *scene);
uint64_t scene_add_collection(struct search_scene *scene, const char *name);

struct scene_document {
    const char *id;
    const char *title;
    const char *attributes;    /* NULL = none */
    const struct cof_acl *acl; /* NULL = not set */
    const char *texts[SCENE_MAX_CHUNKS];
    size_t text_count;
};
/* Into the store alone, as if another thread had been faster. */
struct cof_write_outcome scene_store(struct search_scene *scene, uint64_t collection,
                                     const struct scene_document *document);
/* What a write does to the index once the store has it. */
void scene_index(struct search_scene *scene, const struct cof_write_outcome *outcome);
/* Both. */
struct cof_write_outcome scene_put(struct search_scene *scene, uint64_t collection,
                                   const struct scene_document *document);
void scene_delete(struct search_scene *scene, uint64_t collection, const char *id);

struct cof_principal scene_principal(const char *user, const struct cof_text *groups,
                                     size_t group_count);

/* A hybrid search of the scene's collection for ten hits by somebody without groups. */
struct cof_search_request scene_request(const struct search_scene *scene, const char *query,
                                        const struct cof_principal *principal);
struct cof_search_result scene_search(struct search_scene *scene,
                                      const struct cof_search_request *request,
                                      struct cof_arena *arena);

#endif
