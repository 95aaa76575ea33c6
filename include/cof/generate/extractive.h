/* Backend `extractive`: answers with up to three sentences of the passages that best match the
 * question (overlap weighted by rarity, numbers and names counted double), in passage order. It
 * writes nothing that is not in a passage, but a sentence's line breaks become spaces; when no
 * sentence shares a word with the question it writes nothing. Without passages it fails with
 * COF_INVALID. Tokens are Unicode words and CJK characters. Any number of threads at a time. */
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
    size_t passage;    /* index into passages */
    size_t begin, end; /* byte range in passages[passage].text */
    /* Over 0 … 1: the share of the question's weight that it covers (words of its headings, title
     * and neighbours count partly), and whether it holds the kind of thing asked for. */
    float score;
};

/* The best at most max_count sentences, best first, in the arena; *out_count is 0 when no sentence
 * shares a word with the question. Lines that were wrapped are one sentence; headings and list
 * marks are never part of one. The order also heeds what each adds to those before it, so scores
 * need not descend. Also used by src/answer for its fallback. */
COF_MUST_USE enum cof_status cof_extract_sentences(struct cof_text question,
                                                   const struct cof_passage *passages,
                                                   size_t passage_count, size_t max_count,
                                                   struct cof_arena *arena,
                                                   struct cof_extract **out_extracts,
                                                   size_t *out_count, struct cof_error *err);

#endif
