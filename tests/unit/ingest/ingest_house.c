/* The parts that an ingester needs, each of them real. */
#include "ingest_house.h"

#include "testing.h"

#include <string.h>

#include <cof/embedder/hashing.h>
#include <cof/keys/keyring.h>

static enum cof_status spy_embed(struct cof_embedder *embedder, enum cof_embed_role role,
                                 const struct cof_text *texts, size_t count,
                                 const struct cof_cancel *cancel, float *out_vectors,
                                 size_t *out_token_counts, struct cof_error *err)
{
    struct spy_embedder *spy = (struct spy_embedder *)embedder;
    void (*before)(void *context) = spy->before_embed;
    if (before != NULL) { /* set by a test with one thread */
        spy->before_embed = NULL;
        before(spy->before_context);
    }
    atomic_fetch_add(&spy->embedded_count, count);
    return spy->inner->ops->embed(spy->inner, role, texts, count, cancel, out_vectors,
                                  out_token_counts, err);
}

static enum cof_status spy_count_tokens(struct cof_embedder *embedder, struct cof_text text,
                                        size_t *out_count, struct cof_error *err)
{
    struct spy_embedder *spy = (struct spy_embedder *)embedder;
    return spy->inner->ops->count_tokens(spy->inner, text, out_count, err);
}

static void spy_close(struct cof_embedder *embedder)
{
    struct spy_embedder *spy = (struct spy_embedder *)embedder;
    cof_embedder_close(spy->inner);
}

static const struct cof_embedder_ops spy_ops = {
    .name = "spy",
    .embed = spy_embed,
    .count_tokens = spy_count_tokens,
    .close = spy_close,
};

static void must(enum cof_status status, const struct cof_error *err)
{
    if (status != COF_OK)
        fail_msg("%s", err->message);
}

void ingest_house_open(struct ingest_house *house)
{
    struct cof_error err = {0};
    char keys[TEMP_DIR_PATH_SIZE];
    char store[TEMP_DIR_PATH_SIZE];
    *house = (struct ingest_house){0};
    temp_dir_create(house->folder);
    temp_dir_join(house->folder, "keys", keys, sizeof(keys));
    temp_dir_join(house->folder, "store", store, sizeof(store));

    must(cof_parser_open(NULL, &house->parser, &err), &err); /* before keys and threads */
    struct cof_keyring_options keyring = {
        .folder = keys, .clock = cof_clock_system(), .random = cof_random_system()};
    must(cof_keyring_create(&keyring, &house->keyring, &err), &err);
    struct cof_store_options store_options = {.folder = store,
                                              .may_create = true,
                                              .keyring = house->keyring,
                                              .clock = cof_clock_system(),
                                              .random = cof_random_system(),
                                              .max_bytes = (uint64_t)256 << 20};
    must(cof_store_open(&store_options, &house->store, &err), &err);
    struct cof_index_set_options indexes = {.store = house->store};
    must(cof_index_set_open(&indexes, &house->indexes, &err), &err);
    struct cof_pool_options pool = {.name = "ingest", .thread_count = 2, .max_queue_count = 16};
    must(cof_pool_create(&pool, &house->pool, &err), &err);
    must(cof_hashing_open(64, 256, &house->embedder.inner, &err), &err);
    house->embedder.base =
        (struct cof_embedder){.ops = &spy_ops, .info = house->embedder.inner->info};
    struct cof_ingester_options options = {
        .parser = house->parser,
        .embedder = &house->embedder.base,
        .store = house->store,
        .indexes = house->indexes,
        .pool = house->pool,
        .clock = cof_clock_system(),
        .max_document_bytes = (size_t)1 << 20,
        .max_chunks = 500,
    };
    must(cof_ingester_create(&options, &house->ingester, &err), &err);
    house->collection = ingest_house_collection(house, 64, 0);
}

void ingest_house_close(struct ingest_house *house)
{
    cof_ingester_destroy(house->ingester);
    cof_embedder_close(&house->embedder.base);
    cof_pool_destroy(house->pool);
    cof_index_set_close(house->indexes);
    cof_store_close(house->store);
    cof_keyring_close(house->keyring);
    cof_parser_close(house->parser);
    temp_dir_remove(house->folder);
}

static enum cof_status encode(void *context, const struct cof_write_outcome *outcomes, size_t count,
                              struct cof_buffer *out, struct cof_error *err)
{
    struct ingest_house *house = context;
    (void)outcomes;
    cof_buffer_append_format(out, "record of %zu", count);
    atomic_fetch_add(&house->encoded_count, 1);
    return cof_buffer_status(out, err);
}

struct cof_outbox ingest_house_outbox(struct ingest_house *house)
{
    struct cof_outbox outbox = {.encode = encode, .context = house};
    cof_random_fill(cof_random_system(), outbox.id, sizeof(outbox.id));
    return outbox;
}

uint64_t ingest_house_collection(struct ingest_house *house, uint32_t max_tokens,
                                 uint32_t overlap_tokens)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_embedder_info *info = &house->embedder.inner->info;
    struct cof_collection_write write = {
        .name = COF_TEXT("handbook"),
        .model_name = cof_text_from(info->name),
        .model_fingerprint = info->fingerprint,
        .dimension = (uint32_t)info->dimension,
        .precision = COF_VECTOR_F32,
        .max_chunk_tokens = max_tokens,
        .chunk_overlap_tokens = overlap_tokens,
    };
    struct cof_collection made = {0};
    struct cof_error err = {0};
    struct cof_outbox outbox = ingest_house_outbox(house);
    must(cof_store_create_collection(house->store, &write, &outbox, &arena, &made, &err), &err);
    must(cof_index_set_add(house->indexes, &made, &err), &err);
    atomic_store(&house->encoded_count, 0);
    return made.number;
}

void ingest_house_put(struct ingest_house *house, const struct cof_ingest_document *documents,
                      size_t count, struct cof_arena *arena, struct cof_ingest_result *results)
{
    struct cof_error err = {0};
    struct cof_outbox outbox = ingest_house_outbox(house);
    must(cof_ingest_put(house->ingester, house->collection, documents, count, &outbox, NULL, arena,
                        results, &err),
         &err);
}

struct cof_write_outcome ingest_house_put_text(struct ingest_house *house, const char *external_id,
                                               const char *text)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_ingest_result result = {0};
    struct cof_ingest_document document = {
        .external_id = cof_text_from(external_id),
        .media_type = COF_TEXT("text/markdown"),
        .source = cof_text_bytes(cof_text_from(text)),
    };
    ingest_house_put(house, &document, 1, &arena, &result);
    return result.outcome;
}

size_t ingest_house_search(struct ingest_house *house, const char *words)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_collection_index *index = NULL;
    struct cof_index_result found = {0};
    struct cof_error err = {0};
    struct cof_index_query query = {.words = cof_text_from(words), .k = 100};
    must(cof_index_set_acquire(house->indexes, house->collection, &index, &err), &err);
    must(cof_collection_index_search(index, &query, &arena, &found, &err), &err);
    cof_index_set_release(house->indexes, index);
    return found.word_count;
}
