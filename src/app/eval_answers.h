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
    size_t hidden; /* questions asked again with their right documents hidden from the caller */
    size_t hidden_refused;
    size_t generated; /* answers in the model's own words */
    size_t extractive;
    size_t citations;
    size_t citations_bad; /* whose passage does not contain what they are to support */
    double seconds;
};

/* The attribute by which a document of the set is hidden; its value is the document's id. */
#define COF_EVAL_ID_ATTRIBUTE "eval_id"

struct cof_answer_eval {
    struct cof_service *service;
    struct cof_text collection; /* documents carry COF_EVAL_ID_ATTRIBUTE */
    const struct cof_eval_set *set;
    const char *half; /* of samples: "tune", "test" or "all" */
    size_t max_count; /* questions; 0 = all */
    bool must_hide;   /* ask again with the right documents hidden: it must be refused */
    bool is_verbose;  /* name on standard error what is not right */
};

/* Asks the questions and judges the answers. */
COF_MUST_USE enum cof_status cof_eval_answers(const struct cof_answer_eval *eval,
                                              struct cof_answer_figures *out_figures,
                                              struct cof_error *err);

/* {"eval_id": id} as text; data NULL when out of memory. */
struct cof_text cof_eval_attributes(struct cof_arena *arena, struct cof_text id);

/* True when every number and code of `claim` (a word with a digit) stands in `passage`, and at
 * least half of the claim's other words of four letters and more do, compared without case. The
 * check is deliberately not the one that src/answer uses. */
COF_MUST_USE enum cof_status cof_eval_contains_claim(struct cof_text passage, struct cof_text claim,
                                                     bool *out_contains, struct cof_error *err);

#endif
