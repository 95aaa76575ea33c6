/* Which passage supports a sentence, if any.
 *
 * A sentence is supported by a window of a passage (one of its sentences and the next, under the
 * passage's title and heading) when
 *   - every number and code of the sentence stands in the window,
 *   - it says no and the window says no, or neither does,
 *   - enough of its words (by weight) stand in the window: min_coverage alone, or
 *     min_mixed_coverage when the embedder also finds the two alike (min_cosine),
 *   - nearly all (0.85) of the words found stand in the sentence's order: the same words in another
 *     order say something else,
 *   - and at least min_content content words or numbers were found: "Yes." supports nothing.
 * How the floors were set: docs/answers.md. */
#ifndef COF_ANSWER_ATTRIBUTION_H
#define COF_ANSWER_ATTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/cancel.h>
#include <cof/base/status.h>
#include <cof/embedder/embedder.h>
#include <cof/search/search.h>

struct cof_attribution; /* the passages of one answer, analysed; lives in its arena */

struct cof_support {
    bool is_supported;
    size_t passage;    /* index of the hit */
    size_t begin, end; /* the supporting sentence in the hit's chunk text */
    float coverage;
    float cosine; /* 0 when it was not needed */
};

/* `embedder` may be NULL: words alone decide then. */
COF_MUST_USE enum cof_status cof_attribution_create(struct cof_embedder *embedder,
                                                    const struct cof_search_hit *hits,
                                                    size_t hit_count, struct cof_arena *arena,
                                                    struct cof_attribution **out_attribution,
                                                    struct cof_error *err);
/* `claimed` is the set of passages that the model named (bit i = hit i): among windows that support
 * the sentence about equally, one of these wins. */
COF_MUST_USE enum cof_status cof_attribute(struct cof_attribution *attribution,
                                           struct cof_text sentence, uint32_t claimed,
                                           const struct cof_cancel *cancel,
                                           struct cof_support *out_support, struct cof_error *err);

#endif
