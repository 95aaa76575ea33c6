/* Whether what was found can answer the question at all.
 *
 * A rank is not enough: a question about something that the documents never mention still finds its
 * nearest neighbours. The best passage is judged as a whole and by its best window, a sentence with
 * the next one, because an answer stands in one place:
 *
 *   coverage   share of the question's word weight (idf) that stands there
 *   cosine     the embedder's, where it understands the language
 *   missing    share of the weight in words that neither stand there nor have a word like them
 *
 *   closeness = (coverage of passage + of window + cosine of passage + of window - missing) / 2
 *
 * Where the embedder does not know the language only coverage counts. A word that stands nowhere
 * and is a compound of a word of the passage names something narrower and decides against it
 * ("Urlaubsgeld" over a page about "Urlaub"). Floors, figures and what this gets wrong:
 * docs/answers.md. */
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
    size_t best; /* index of the hit that was judged */
};

struct cof_relevance_question {
    struct cof_embedder *embedder;           /* may be NULL: then only words count */
    struct cof_searcher *searcher;           /* weighs words */
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
