/* The kernels for AVX-512 (F, VL, BW, DQ); the flags stand in CMakeLists.txt. */
#include "attend.h"
#include "kernels_plain.h"
#include "kernels_set.h"

const struct cof_kernels cof_kernels_avx512 = {
    .name = "avx512",
    .softmax = softmax,
    .add_layer_norm = add_layer_norm,
    .add_rows = add_rows,
    .encode_bf16 = encode_bf16,
    .encode_int8 = encode_int8,
    .bf16_panel_columns = PLAIN_COLUMNS,
    .int8_panel_columns = PLAIN_COLUMNS,
    .multiply_bf16 = multiply_bf16,
    .multiply_int8 = multiply_int8,
    .attend_f32 = cof_attend_avx512,
    .attend_f32_scratch = cof_attend_avx512_scratch,
};
