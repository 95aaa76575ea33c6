/* Generated pieces in, whole sentences out, without the model's own markers. */
#ifndef COF_ANSWER_SENTENCES_H
#define COF_ANSWER_SENTENCES_H

#include <stdbool.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

/* Zero-initialised is ready. */
struct cof_sentences {
    struct cof_buffer pending;
    size_t taken; /* bytes of pending handed out already */
};

void cof_sentences_push(struct cof_sentences *sentences, struct cof_text piece);
/* The next complete sentence, borrowed until the next push; false when none is complete yet. With
 * `is_end` the incomplete rest is a sentence too. */
bool cof_sentences_next(struct cof_sentences *sentences, bool is_end,
                        struct cof_text *out_sentence);
void cof_sentences_deinit(struct cof_sentences *sentences);

/* Appends `sentence` to `out` without markers of any form that models write — [1], [1, 2],
 * [Passage 1], (Source 2), 【1】 — and without white space at the ends. Returns the set of numbers
 * 1–32 that the markers named, bit n - 1. */
uint32_t cof_sentence_strip_markers(struct cof_text sentence, struct cof_buffer *out);

#endif
