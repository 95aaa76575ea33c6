/* Tokens where no tokenizer is at hand: Unicode words, and each character of a script that is
 * written without spaces. Any thread. */
#ifndef COF_EMBEDDER_WORDS_H
#define COF_EMBEDDER_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

/* Returning false stops. */
typedef bool (*cof_words_fn)(void *context, size_t begin, size_t end);

COF_MUST_USE enum cof_status cof_words_each(struct cof_text text, cof_words_fn each, void *context,
                                            struct cof_error *err);
COF_MUST_USE enum cof_status cof_words_count(struct cof_text text, size_t *out_count,
                                             struct cof_error *err);
/* The text up to the end of its max_count-th token, and how many tokens that are. */
COF_MUST_USE enum cof_status cof_words_limit(struct cof_text text, size_t max_count,
                                             struct cof_text *out_text, size_t *out_count,
                                             struct cof_error *err);

#endif
