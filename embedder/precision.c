/* Names of precisions. */
#include <cof/embedder/precision.h>

static const char *const NAMES[COF_PRECISION_COUNT] = {
    [COF_PRECISION_AUTO] = "auto",
    [COF_PRECISION_F32] = "f32",
    [COF_PRECISION_BF16] = "bf16",
    [COF_PRECISION_INT8] = "int8",
};

const char *cof_precision_name(enum cof_precision precision)
{
    return NAMES[precision];
}

bool cof_precision_parse(struct cof_text name, enum cof_precision *out_precision)
{
    for (int i = 0; i < COF_PRECISION_COUNT; i++) {
        if (cof_text_equal(name, cof_text_from(NAMES[i]))) {
            *out_precision = (enum cof_precision)i;
            return true;
        }
    }
    return false;
}
