/* Whether the bytes of a sentencepiece model may be handed to the library, which trusts them.
 *
 * Field numbers are those of sentencepiece_model.proto (release 0.2.1). Any thread. */
#ifndef COF_EMBEDDER_SENTENCEPIECE_MODEL_H
#define COF_EMBEDDER_SENTENCEPIECE_MODEL_H

#include <cof/base/status.h>
#include <cof/base/text.h>

/* COF_CORRUPT when the bytes are no such model or lie about themselves; COF_INVALID when it is one
 * that we do not compute (neither unigram nor BPE) or one whose user-defined pieces would let a
 * text spell a special token; COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_sentencepiece_model_check(struct cof_bytes model,
                                                           struct cof_error *err);

#endif
