/* How good answers are, on questions with known documents: for the sample corpus. */
#ifndef COF_APP_EVAL_ANSWERS_H
#define COF_APP_EVAL_ANSWERS_H

#include <cof/service/service.h>

#include "cli.h"
#include "eval_set.h"

struct cof_answer_figures {
    size_t answerable;      /* questions that the corpus answers */
    size_t right_first;     /* … whose first citation is of the right document */
    size_t contains_answer; /* … whose text has the strings a right answer must show */
    size_t refused_wrongly; /* … that were refused */
    size_t unanswerable;
    size_t refused_rightly;
    size_t generated; /* answers in the model's own words */
    size_t extractive;
    size_t citations;
    size_t citations_bad; /* whose passage does not contain what they are to support */
    double seconds;
};

/* Asks every question of `half` ("tune", "test" or "all") and judges the answers; each that is not
 * right is named on standard error when `is_verbose`. */
COF_MUST_USE enum cof_status cof_eval_answers(struct cof_service *service,
                                              struct cof_text collection,
                                              const struct cof_eval_set *set, const char *half,
                                              bool is_verbose,
                                              struct cof_answer_figures *out_figures,
                                              struct cof_error *err);

/* True when every number and code of `claim` (a word with a digit) stands in `passage`, and at
 * least half of the claim's other words of four letters and more do, compared without case. The
 * check is deliberately not the one that src/answer uses. */
COF_MUST_USE enum cof_status cof_eval_contains_claim(struct cof_text passage, struct cof_text claim,
                                                     bool *out_contains, struct cof_error *err);

#endif
