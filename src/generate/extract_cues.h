/* What kind of thing a question asks for, and which sentences hold one: "how many" wants a number,
 * "what does it cost" an amount, "whom do I call" a telephone number. */
#ifndef COF_GENERATE_EXTRACT_CUES_H
#define COF_GENERATE_EXTRACT_CUES_H

#include <stddef.h>

#include <cof/base/text.h>

#include "extract_terms.h"

enum {
    COF_CUE_NUMBER = 1,   /* digits or a number word */
    COF_CUE_MONEY = 2,    /* a currency */
    COF_CUE_TIME = 4,     /* a clock time, date, weekday or month */
    COF_CUE_DURATION = 8, /* a number and a unit of time */
    COF_CUE_CODE = 16,    /* several digits on end */
    COF_CUE_COUNTED = 32, /* a number of the very thing: "how many weeks", "6 weeks" */
};

struct cof_cues {
    unsigned kinds;
    struct cof_term counted; /* with COF_CUE_COUNTED: borrowed from the question's terms */
};

/* What a question asks for. */
struct cof_cues cof_cues_of(const struct cof_term *question, size_t count);
/* Which of the asked kinds a sentence holds. The terms are those of `text`. */
unsigned cof_cues_met(const struct cof_cues *asked, struct cof_text text,
                      const struct cof_term *terms, size_t count);

#endif
