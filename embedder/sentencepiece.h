/* Sentencepiece models (Kudo and Richardson 2018) behind the tokenizer's contract: unigram and BPE,
 * byte fallback, the model's own normalisation.
 *
 * Places are on the text as it was given: where normalisation makes several characters of one, the
 * last of its tokens has the place. What a model calls a word's beginning ("▁") may be a token of
 * its own with an empty place. Text over COF_SENTENCEPIECE_WINDOW_BYTES is cut into windows at
 * white space, so that memory stays bounded; up to it, tokens are exactly the library's. */
#ifndef COF_EMBEDDER_SENTENCEPIECE_H
#define COF_EMBEDDER_SENTENCEPIECE_H

#include <cof/base/status.h>
#include <cof/base/text.h>

#include "tokenizer.h"

#define COF_SENTENCEPIECE_WINDOW_BYTES ((size_t)256 << 10)

/* Which id of the encoder a piece stands for. */
enum cof_sentencepiece_ids {
    COF_SENTENCEPIECE_OWN, /* the model's own; begin and end are [CLS] and [SEP], or <s> and </s> */
    COF_SENTENCEPIECE_XLM_R, /* fairseq's: <s> 0, <pad> 1, </s> 2, <unk> 3, the others one higher */
};

/* Over a model file's bytes, which are not kept. COF_CORRUPT, COF_INVALID (not a model that we
 * compute, or without the special tokens it needs), COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_sentencepiece_parse(struct cof_bytes model,
                                                     enum cof_sentencepiece_ids ids,
                                                     struct cof_tokenizer **out_tokenizer,
                                                     struct cof_error *err);

/* From FOLDER/NAME, which errors name. */
COF_MUST_USE enum cof_status cof_sentencepiece_open(const char *folder, const char *name,
                                                    enum cof_sentencepiece_ids ids,
                                                    struct cof_tokenizer **out_tokenizer,
                                                    struct cof_error *err);

#endif
