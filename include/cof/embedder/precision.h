/* The number formats in which an encoder computes. */
#ifndef COF_EMBEDDER_PRECISION_H
#define COF_EMBEDDER_PRECISION_H

#include <stdbool.h>

#include <cof/base/text.h>

enum cof_precision {
    COF_PRECISION_AUTO = 0, /* the fastest here of those that are faithful to the model */
    COF_PRECISION_F32,
    COF_PRECISION_BF16, /* products of bfloat16, sums in f32 */
    COF_PRECISION_INT8, /* products of 8-bit integers: weights scaled per output, inputs per token
                         */
    COF_PRECISION_COUNT,
};

/* "auto", "f32", "bf16", "int8". */
const char *cof_precision_name(enum cof_precision precision);
bool cof_precision_parse(struct cof_text name, enum cof_precision *out_precision);

#endif
