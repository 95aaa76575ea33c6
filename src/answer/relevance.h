/* Whether what was found can answer the question at all.
 *
 * An absolute score is not enough: a question about something that the documents never mention
 * still finds its nearest neighbours. Two things are looked at:
 *   - how much of the question's word weight (idf of the collection) the best passages have, with
 *     the embedder's cosine;
 *   - foreign words: words of the question that occur in no document that the caller may read. A
 *     paraphrase has them too, so one counts only when the embedder finds no word like it in the
 * best passage and finds the question nearer to that passage without it ("training budget" over a
 * page about leave); or when it is a compound of a word of the passage, so names something narrower
 *     ("Urlaubsgeld" over a page about "Urlaub").
 * Floors, figures and what this gets wrong: docs/answers.md. */
#ifndef COF_ANSWER_RELEVANCE_H
#define COF_ANSWER_RELEVANCE_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/embedder/embedder.h>
#include <cof/search/search.h>

struct cof_relevance {
    bool is_relevant;
    size_t best;             /* index of the hit that was judged */
    struct cof_text foreign; /* the word that decided, empty when none did; in the arena */
};

struct cof_relevance_question {
    struct cof_embedder *embedder; /* may be NULL: foreign words then count only as compounds */
    struct cof_searcher *searcher; /* tells whether a word occurs anywhere */
    const struct cof_search_request *search; /* that found the hits: where, and for whom */
    const struct cof_search_hit *hits;
    size_t hit_count;
    float min_score; /* over 0: replaces all of the above by a floor on the search score */
};
COF_MUST_USE enum cof_status cof_relevance_judge(const struct cof_relevance_question *question,
                                                 struct cof_arena *arena,
                                                 struct cof_relevance *out_relevance,
                                                 struct cof_error *err);

#endif
