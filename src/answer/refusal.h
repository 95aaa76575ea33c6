/* The fixed sentence that says nothing was found, in the question's language. */
#ifndef COF_ANSWER_REFUSAL_H
#define COF_ANSWER_REFUSAL_H

#include <stdbool.h>

#include <cof/base/text.h>

/* Static storage. Language by script, then by function words; English when in doubt. */
struct cof_text cof_refusal_text(struct cof_text question);
/* The same guess, asked about English. */
bool cof_question_is_english(struct cof_text question);

#endif
