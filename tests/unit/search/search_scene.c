/* The scene's calls, each checked. */
#include "search_scene.h"

#include <string.h>

#include <cof/embedder/hashing.h>

#include "testing.h"

static void open_indexes(struct search_scene *scene)
{
    struct cof_index_set_options options = {.store = scene->fixture.store,
                                            .seal_count = scene->seal_count};
    struct cof_error err = {0};

    expect_ok(cof_index_set_open(&options, &scene->indexes, &err), err);
    struct cof_search_options search_options = {.store = scene->fixture.store,
                                                .indexes = scene->indexes,
                                                .embedder = scene->embedder,
                                                .reranker = scene->reranker,
                                                .clock = cof_clock_system(),
                                                .rerank_weight = scene->rerank_weight,
                                                .rerank_count = scene->rerank_count,
                                                .rerank_budget_ms = scene->rerank_budget_ms};
    expect_ok(cof_searcher_create(&search_options, &scene->searcher, &err), err);
}

void scene_open(struct search_scene *scene, size_t seal_count)
{
    struct cof_error err = {0};

    *scene = (struct search_scene){.seal_count = seal_count};
    store_fixture_setup(&scene->fixture);
    expect_ok(cof_hashing_open(SCENE_DIMENSION, 256, &scene->embedder, &err), err);
    open_indexes(scene);
    scene->collection = scene_add_collection(scene, "handbook");
}

void scene_close(struct search_scene *scene)
{
    cof_searcher_destroy(scene->searcher);
    cof_index_set_close(scene->indexes);
    cof_embedder_close(scene->embedder);
    store_fixture_teardown(&scene->fixture);
}

void scene_rebuild(struct search_scene *scene)
{
    cof_searcher_destroy(scene->searcher);
    cof_index_set_close(scene->indexes);
    open_indexes(scene);
}

uint64_t scene_add_collection(struct search_scene *scene, const char *name)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_collection collection = {0};
    struct cof_error err = {0};
    struct cof_collection_write write = {
        .name = cof_text_from(name),
        .model_name = cof_text_from(scene->embedder->info.name),
        .model_fingerprint = scene->embedder->info.fingerprint,
        .dimension = SCENE_DIMENSION,
        .precision = COF_VECTOR_F32,
        .max_chunk_tokens = 200,
        .chunk_overlap_tokens = 0,
    };

    expect_ok(
        cof_store_create_collection(scene->fixture.store, &write, NULL, &arena, &collection, &err),
        err);
    expect_ok(cof_index_set_add(scene->indexes, &collection, &err), err);
    return collection.number;
}

/* A different hash for every content, as the ingester would make it. */
static void hash_content(struct search_scene *scene, uint64_t collection,
                         const struct scene_document *document, uint8_t out_hash[32])
{
    struct cof_bytes parts[SCENE_MAX_CHUNKS];
    struct cof_error err = {0};

    for (size_t i = 0; i < document->text_count; i++)
        parts[i] = cof_text_bytes(cof_text_from(document->texts[i]));
    expect_ok(cof_store_content_hash(scene->fixture.store, collection, parts, document->text_count,
                                     out_hash, &err),
              err);
}

struct cof_write_outcome scene_store(struct search_scene *scene, uint64_t collection,
                                     const struct scene_document *document)
{
    struct cof_chunk_write chunks[SCENE_MAX_CHUNKS] = {0};
    struct cof_text texts[SCENE_MAX_CHUNKS] = {0};
    float vectors[SCENE_MAX_CHUNKS * SCENE_DIMENSION];
    struct cof_write_outcome outcome = {0};
    struct cof_error err = {0};
    struct cof_document_write write = {
        .collection = collection,
        .external_id = cof_text_from(document->id),
        .title = cof_text_from(document->title),
        .attributes = cof_text_from(document->attributes != NULL ? document->attributes : "{}"),
        .has_content = true,
        .chunks = chunks,
        .chunk_count = document->text_count,
        .vectors = vectors,
    };

    if (document->acl != NULL)
        write.acl = *document->acl;
    for (size_t i = 0; i < document->text_count; i++) {
        texts[i] = cof_text_from(document->texts[i]);
        chunks[i] = (struct cof_chunk_write){
            .text = texts[i], .byte_begin = 1000 * i, .byte_end = 1000 * i + texts[i].size};
        write.source_bytes += texts[i].size;
    }
    if (document->text_count > 0)
        expect_ok(cof_embedder_embed(scene->embedder, COF_EMBED_PASSAGE, texts,
                                     document->text_count, NULL, vectors, NULL, &err),
                  err);
    hash_content(scene, collection, document, write.content_hash);
    expect_ok(cof_store_put_documents(scene->fixture.store, &write, 1, NULL, &outcome, &err), err);
    expect_ok(outcome.error.status, outcome.error);
    return outcome;
}

struct put_call {
    struct cof_collection_index *index;
    const struct cof_write_outcome *outcome;
};

static enum cof_status put_into_index(void *context, const struct cof_document *document,
                                      const struct cof_chunk *chunks, const float *vectors,
                                      struct cof_error *err)
{
    const struct put_call *call = context;

    if (document->number != call->outcome->document_number)
        return COF_OK;
    /* Same version: only the header is new. */
    COF_TRY(cof_collection_index_put(call->index, document, chunks, vectors, err));
    return cof_collection_index_update(call->index, document, err);
}

void scene_index(struct search_scene *scene, const struct cof_write_outcome *outcome)
{
    struct put_call call = {.outcome = outcome};
    struct cof_error err = {0};

    expect_ok(cof_index_set_acquire(scene->indexes, outcome->collection, &call.index, &err), err);
    if (outcome->kind == COF_WRITE_DELETED)
        expect_ok(cof_collection_index_delete(call.index, outcome->document_number, &err), err);
    else
        expect_ok(cof_store_each_document(scene->fixture.store, outcome->collection, put_into_index,
                                          &call, &err),
                  err);
    cof_index_set_release(scene->indexes, call.index);
}

struct cof_write_outcome scene_put(struct search_scene *scene, uint64_t collection,
                                   const struct scene_document *document)
{
    struct cof_write_outcome outcome = scene_store(scene, collection, document);

    scene_index(scene, &outcome);
    return outcome;
}

void scene_delete(struct search_scene *scene, uint64_t collection, const char *id)
{
    struct cof_write_outcome outcome = {0};
    struct cof_error err = {0};

    expect_ok(cof_store_delete_document(scene->fixture.store, collection, cof_text_from(id), NULL,
                                        &outcome, &err),
              err);
    scene_index(scene, &outcome);
}

struct cof_principal scene_principal(const char *user, const struct cof_text *groups,
                                     size_t group_count)
{
    return (struct cof_principal){.credential_id = 1,
                                  .name = cof_text_from(user),
                                  .roles = COF_ROLE_READER,
                                  .user = cof_text_from(user),
                                  .groups = groups,
                                  .group_count = group_count};
}

struct cof_search_request scene_request(const struct search_scene *scene, const char *query,
                                        const struct cof_principal *principal)
{
    return (struct cof_search_request){.collections = &scene->collection,
                                       .collection_count = 1,
                                       .query = cof_text_from(query),
                                       .k = 10,
                                       .mode = COF_SEARCH_HYBRID,
                                       .vector_weight = -1,
                                       .principal = principal};
}

struct cof_search_result scene_search(struct search_scene *scene,
                                      const struct cof_search_request *request,
                                      struct cof_arena *arena)
{
    struct cof_search_result result = {0};
    struct cof_error err = {0};

    expect_ok(cof_search(scene->searcher, request, arena, &result, &err), err);
    return result;
}
