/* How much each word of a question says about what is in some collections. */
#include <cof/search/word_weights.h>

#include <math.h>

#include "search_query.h"

static enum cof_status add_collection(struct cof_searcher *searcher, uint64_t collection,
                                      const struct cof_text *words, size_t word_count,
                                      struct cof_arena *arena, uint64_t *frequencies,
                                      uint64_t *chunk_count, struct cof_error *err)
{
    struct cof_collection_index *index = NULL;
    struct cof_collection_index_stats stats = {0};

    COF_TRY(cof_index_set_acquire(searcher->options.indexes, collection, &index, err));
    enum cof_status status =
        cof_collection_index_count_words(index, words, word_count, arena, frequencies, err);
    cof_collection_index_stats_get(index, &stats);
    cof_index_set_release(searcher->options.indexes, index);
    *chunk_count += stats.chunk_count;
    return status;
}

enum cof_status cof_search_weigh_words(struct cof_searcher *searcher, const uint64_t *collections,
                                       size_t collection_count, const struct cof_text *words,
                                       size_t word_count, struct cof_arena *arena,
                                       struct cof_word_weight *out_weights, struct cof_error *err)
{
    uint64_t *frequencies = cof_arena_array(arena, word_count, sizeof(*frequencies));
    uint64_t chunk_count = 0;

    if (frequencies == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < collection_count; i++)
        COF_TRY(add_collection(searcher, collections[i], words, word_count, arena, frequencies,
                               &chunk_count, err));
    for (size_t i = 0; i < word_count; i++) {
        double count = (double)chunk_count;
        double frequency = fmin((double)frequencies[i], count);
        out_weights[i] = (struct cof_word_weight){
            .weight = (float)log1p((count - frequency + 0.5) / (frequency + 0.5)),
            .occurs = frequencies[i] > 0,
        };
    }
    return COF_OK;
}
