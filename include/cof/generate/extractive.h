/* Backend `extractive`: answers with the sentences of the passages that best match the question
 * (overlap weighted by rarity, numbers and names counted double), in passage order. It writes
 * nothing that is not in a passage. Without passages it fails with COF_INVALID. */
#ifndef COF_GENERATE_EXTRACTIVE_H
#define COF_GENERATE_EXTRACTIVE_H

#include <stddef.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/generate/generator.h>

COF_MUST_USE enum cof_status cof_extractive_open(struct cof_generator **out_generator,
                                                 struct cof_error *err);

/* One chosen sentence: where it stands. */
struct cof_extract {
    size_t passage;      /* index into passages */
    size_t begin, end;   /* byte range in passages[passage].text */
    float score;         /* share of the question's weight that it covers, 0 … 1 */
};

/* The best at most max_count sentences, best first. Also used by src/answer for its fallback. */
COF_MUST_USE enum cof_status cof_extract_sentences(struct cof_text question,
                                                   const struct cof_passage *passages,
                                                   size_t passage_count, size_t max_count,
                                                   struct cof_arena *arena,
                                                   struct cof_extract **out_extracts,
                                                   size_t *out_count, struct cof_error *err);

#endif
