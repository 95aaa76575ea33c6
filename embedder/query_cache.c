/* A hash table whose entries also stand in a list from the newest used to the oldest.
 *
 * Embedding happens without the lock. Two threads that miss the same question both compute it, and
 * the later one finds the entry there already. */
#include <cof/embedder/query_cache.h>

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <cof/base/alloc.h>

/* Followed by its vector and its text. */
struct entry {
    struct entry *next_in_bucket;
    struct entry *newer;
    struct entry *older;
    uint64_t hash;
    uint64_t owner;
    int64_t dies_ns;
    size_t token_count;
    size_t text_size;
    float values[];
};

struct cof_query_cache {
    struct cof_query_cache_options options;
    size_t dimension;
    uint64_t seed;
    size_t bucket_count; /* a power of two */
    struct {
        pthread_mutex_t lock;
        struct entry **buckets;
        struct entry *newest;
        struct entry *oldest;
        struct cof_query_cache_stats stats;
    } shared;
};

static char *text_of(const struct cof_query_cache *cache, struct entry *entry)
{
    return (char *)(entry->values + cache->dimension);
}

static size_t bytes_of(const struct cof_query_cache *cache, size_t text_size)
{
    return sizeof(struct entry) + cache->dimension * sizeof(float) + text_size;
}

/* Good spreading, secret by its seed; equality is decided by the bytes. */
static uint64_t hash_of(const struct cof_query_cache *cache, uint64_t owner, struct cof_text text)
{
    uint64_t hash = cache->seed ^ (owner * UINT64_C(0x9e3779b97f4a7c15));
    for (size_t i = 0; i < text.size; i++) {
        hash = (hash ^ (uint8_t)text.data[i]) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return hash;
}

/* ---- Under the lock ---- */

static struct entry **bucket_of(struct cof_query_cache *cache, uint64_t hash)
{
    return &cache->shared.buckets[hash & (cache->bucket_count - 1)];
}

static void unlink_from_list(struct cof_query_cache *cache, struct entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &cache->shared.newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &cache->shared.oldest) = entry->newer;
}

static void link_newest(struct cof_query_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->shared.newest;
    *(entry->older != NULL ? &entry->older->newer : &cache->shared.oldest) = entry;
    cache->shared.newest = entry;
}

static void remove_entry(struct cof_query_cache *cache, struct entry *entry)
{
    size_t bytes = bytes_of(cache, entry->text_size);
    struct entry **link = bucket_of(cache, entry->hash);
    while (*link != entry)
        link = &(*link)->next_in_bucket;
    *link = entry->next_in_bucket;
    unlink_from_list(cache, entry);
    cache->shared.stats.count--;
    cache->shared.stats.bytes -= bytes;
    explicit_bzero(entry, bytes);
    cof_free(entry);
}

static struct entry *find(struct cof_query_cache *cache, uint64_t hash, uint64_t owner,
                          struct cof_text text)
{
    struct entry *entry = *bucket_of(cache, hash);
    while (entry != NULL &&
           (entry->hash != hash || entry->owner != owner || entry->text_size != text.size ||
            memcmp(text_of(cache, entry), text.data, text.size) != 0))
        entry = entry->next_in_bucket;
    return entry;
}

/* ---- One question ---- */

static bool is_kept(const struct cof_query_cache *cache, struct cof_text text)
{
    return cache->options.max_count > 0 && text.size > 0 &&
           text.size <= COF_QUERY_CACHE_MAX_TEXT_BYTES;
}

static bool look_up(struct cof_query_cache *cache, uint64_t owner, struct cof_text text,
                    float *out_vector, size_t *out_token_count)
{
    bool is_hit = false;
    uint64_t hash = hash_of(cache, owner, text);
    int64_t now_ns = cof_clock_steady_ns(cache->options.clock);
    pthread_mutex_lock(&cache->shared.lock);
    struct entry *entry = is_kept(cache, text) ? find(cache, hash, owner, text) : NULL;
    if (entry != NULL && entry->dies_ns <= now_ns) {
        remove_entry(cache, entry);
        entry = NULL;
    }
    if (entry != NULL) {
        unlink_from_list(cache, entry);
        link_newest(cache, entry);
        memcpy(out_vector, entry->values, cache->dimension * sizeof(*out_vector));
        *out_token_count = entry->token_count;
        is_hit = true;
    }
    cache->shared.stats.hit_count += is_hit ? 1 : 0;
    cache->shared.stats.miss_count += is_hit ? 0 : 1;
    pthread_mutex_unlock(&cache->shared.lock);
    return is_hit;
}

/* Keeps it, or not: a cache that has no memory is only slower. */
static void keep(struct cof_query_cache *cache, uint64_t owner, struct cof_text text,
                 const float *vector, size_t token_count)
{
    if (!is_kept(cache, text))
        return;
    size_t bytes = bytes_of(cache, text.size);
    struct entry *entry = cof_calloc(1, bytes);
    if (entry == NULL)
        return;
    entry->hash = hash_of(cache, owner, text);
    entry->owner = owner;
    entry->dies_ns =
        cof_clock_steady_ns(cache->options.clock) + cache->options.lifetime_ms * 1000000;
    entry->token_count = token_count;
    entry->text_size = text.size;
    memcpy(entry->values, vector, cache->dimension * sizeof(*vector));
    memcpy(text_of(cache, entry), text.data, text.size);

    pthread_mutex_lock(&cache->shared.lock);
    struct entry *before = find(cache, entry->hash, owner, text);
    if (before != NULL)
        remove_entry(cache, before);
    while (cache->shared.stats.count >= cache->options.max_count) {
        remove_entry(cache, cache->shared.oldest);
        cache->shared.stats.evicted_count++;
    }
    struct entry **bucket = bucket_of(cache, entry->hash);
    entry->next_in_bucket = *bucket;
    *bucket = entry;
    link_newest(cache, entry);
    cache->shared.stats.count++;
    cache->shared.stats.bytes += bytes;
    pthread_mutex_unlock(&cache->shared.lock);
}

static enum cof_status embed_one(struct cof_query_cache *cache, uint64_t owner,
                                 struct cof_text text, const struct cof_cancel *cancel,
                                 float *out_vector, size_t *out_token_count, struct cof_error *err)
{
    size_t token_count = 0;
    if (!look_up(cache, owner, text, out_vector, &token_count)) {
        COF_TRY(cof_embedder_embed(cache->options.embedder, COF_EMBED_QUERY, &text, 1, cancel,
                                   out_vector, &token_count, err));
        keep(cache, owner, text, out_vector, token_count);
    }
    if (out_token_count != NULL)
        *out_token_count = token_count;
    return COF_OK;
}

/* ---- Several ---- */

struct several {
    float *vectors; /* of all, in the end */
    size_t *token_counts;
    struct cof_text *missing;
    size_t *places; /* of the missing ones */
    float *missing_vectors;
    size_t *missing_counts;
    size_t missing_count;
};

static void several_deinit(struct several *several)
{
    cof_free(several->vectors);
    cof_free(several->token_counts);
    cof_free(several->missing);
    cof_free(several->places);
    cof_free(several->missing_vectors);
    cof_free(several->missing_counts);
}

static enum cof_status embed_missing(struct cof_query_cache *cache, uint64_t owner,
                                     const struct cof_cancel *cancel, struct several *several,
                                     struct cof_error *err)
{
    size_t size = cache->dimension;
    COF_TRY(cof_embedder_embed(cache->options.embedder, COF_EMBED_QUERY, several->missing,
                               several->missing_count, cancel, several->missing_vectors,
                               several->missing_counts, err));
    for (size_t i = 0; i < several->missing_count; i++) {
        const float *vector = several->missing_vectors + i * size;
        memcpy(several->vectors + several->places[i] * size, vector, size * sizeof(*vector));
        several->token_counts[several->places[i]] = several->missing_counts[i];
        keep(cache, owner, several->missing[i], vector, several->missing_counts[i]);
    }
    return COF_OK;
}

static enum cof_status embed_several(struct cof_query_cache *cache, uint64_t owner,
                                     const struct cof_text *texts, size_t count,
                                     const struct cof_cancel *cancel, float *out_vectors,
                                     size_t *out_token_counts, struct cof_error *err)
{
    size_t vector_bytes = cache->dimension * sizeof(float);
    COF_CLEANUP(several_deinit)
    struct several several = {
        .vectors = cof_calloc(count, vector_bytes),
        .token_counts = cof_calloc(count, sizeof(*several.token_counts)),
        .missing = cof_calloc(count, sizeof(*several.missing)),
        .places = cof_calloc(count, sizeof(*several.places)),
        .missing_vectors = cof_calloc(count, vector_bytes),
        .missing_counts = cof_calloc(count, sizeof(*several.missing_counts)),
    };
    if (several.vectors == NULL || several.token_counts == NULL || several.missing == NULL ||
        several.places == NULL || several.missing_vectors == NULL || several.missing_counts == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < count; i++) {
        if (look_up(cache, owner, texts[i], several.vectors + i * cache->dimension,
                    &several.token_counts[i]))
            continue;
        several.missing[several.missing_count] = texts[i];
        several.places[several.missing_count++] = i;
    }
    if (several.missing_count > 0)
        COF_TRY(embed_missing(cache, owner, cancel, &several, err));
    memcpy(out_vectors, several.vectors, count * vector_bytes);
    if (out_token_counts != NULL)
        memcpy(out_token_counts, several.token_counts, count * sizeof(*out_token_counts));
    return COF_OK;
}

enum cof_status cof_query_cache_embed(struct cof_query_cache *cache, uint64_t owner,
                                      const struct cof_text *texts, size_t count,
                                      const struct cof_cancel *cancel, float *out_vectors,
                                      size_t *out_token_counts, struct cof_error *err)
{
    if (count == 0 || cache->options.max_count == 0)
        return cof_embedder_embed(cache->options.embedder, COF_EMBED_QUERY, texts, count, cancel,
                                  out_vectors, out_token_counts, err);
    if (count == 1)
        return embed_one(cache, owner, texts[0], cancel, out_vectors, out_token_counts, err);
    return embed_several(cache, owner, texts, count, cancel, out_vectors, out_token_counts, err);
}

/* ---- Making and ending ---- */

void cof_query_cache_clear(struct cof_query_cache *cache)
{
    pthread_mutex_lock(&cache->shared.lock);
    while (cache->shared.oldest != NULL)
        remove_entry(cache, cache->shared.oldest);
    pthread_mutex_unlock(&cache->shared.lock);
}

void cof_query_cache_stats_get(struct cof_query_cache *cache,
                               struct cof_query_cache_stats *out_stats)
{
    pthread_mutex_lock(&cache->shared.lock);
    *out_stats = cache->shared.stats;
    pthread_mutex_unlock(&cache->shared.lock);
}

enum cof_status cof_query_cache_create(const struct cof_query_cache_options *options,
                                       struct cof_query_cache **out_cache, struct cof_error *err)
{
    struct cof_query_cache *cache = cof_calloc(1, sizeof(*cache));
    if (cache == NULL)
        return COF_FAIL_MEMORY(err);
    cache->options = *options;
    cache->dimension = options->embedder->info.dimension;
    cof_random_fill(options->random, &cache->seed, sizeof(cache->seed));
    cache->bucket_count = 1;
    while (cache->bucket_count < options->max_count)
        cache->bucket_count *= 2;
    cache->shared.buckets = cof_calloc(cache->bucket_count, sizeof(struct entry *));
    if (cache->shared.buckets == NULL) {
        cof_free(cache);
        return COF_FAIL_MEMORY(err);
    }
    pthread_mutex_init(&cache->shared.lock, NULL);
    *out_cache = cache;
    return COF_OK;
}

void cof_query_cache_destroy(struct cof_query_cache *cache)
{
    if (cache == NULL)
        return;
    cof_query_cache_clear(cache);
    pthread_mutex_destroy(&cache->shared.lock);
    cof_free(cache->shared.buckets);
    cof_free(cache);
}
