/* Vectors of questions that were asked a moment ago, in memory only.
 *
 * People page through results, clients ask the same again: a question's vector is kept for a while,
 * the least recently used one goes first, and nothing is used after its time. Questions are content
 * of their own, so an entry belongs to an owner (who asked: whether somebody else has asked the
 * same cannot be told from how long it takes), the text itself is compared and not only its hash,
 * and entries are wiped before their memory is given back. Nothing of it reaches the disk.
 *
 * Any number of threads at the same time. */
#ifndef COF_EMBEDDER_QUERY_CACHE_H
#define COF_EMBEDDER_QUERY_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/cancel.h>
#include <cof/base/clock.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/embedder/embedder.h>

/* Longer questions are embedded each time. */
#define COF_QUERY_CACHE_MAX_TEXT_BYTES 4096

struct cof_query_cache_options {
    struct cof_embedder *embedder; /* borrowed; the entries are its vectors */
    size_t max_count;              /* entries; 0 = none is kept, every question is embedded */
    int64_t lifetime_ms;           /* of an entry */
    const struct cof_clock *clock;
    const struct cof_random *random; /* seeds the hash, so that nobody can aim at one place */
};

struct cof_query_cache_stats {
    uint64_t hit_count;
    uint64_t miss_count;
    uint64_t evicted_count; /* for want of room; what was too old is not counted */
    size_t count;           /* now */
    size_t bytes;           /* now */
};

struct cof_query_cache;

COF_MUST_USE enum cof_status cof_query_cache_create(const struct cof_query_cache_options *options,
                                                    struct cof_query_cache **out_cache,
                                                    struct cof_error *err);
void cof_query_cache_destroy(struct cof_query_cache *cache);

/* As cof_embedder_embed() with COF_EMBED_QUERY; what is kept for `owner` is not computed again. */
COF_MUST_USE enum cof_status cof_query_cache_embed(struct cof_query_cache *cache, uint64_t owner,
                                                   const struct cof_text *texts, size_t count,
                                                   const struct cof_cancel *cancel,
                                                   float *out_vectors, size_t *out_token_counts,
                                                   struct cof_error *err);
/* Forgets everything, wiping it. */
void cof_query_cache_clear(struct cof_query_cache *cache);
void cof_query_cache_stats_get(struct cof_query_cache *cache,
                               struct cof_query_cache_stats *out_stats);

#endif
