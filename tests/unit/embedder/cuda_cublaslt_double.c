/* cuBLASLt's calls on the processor: column-major, in the double's streams, strict about arguments.
 */
#include "cublaslt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_double.h"

enum { INVALID_VALUE = 7 };

struct operation {
    int32_t is_a_transposed;
    uint32_t epilogue;
    const uint16_t *bias;
};

struct layout {
    uint64_t rows;
    uint64_t columns;
    int64_t leading;
};

struct product {
    struct operation operation;
    struct layout a_layout;
    struct layout b_layout;
    struct layout d_layout;
    const uint16_t *a;
    const uint16_t *b;
    uint16_t *d;
};

static int create_object(void **out_object, size_t size)
{
    if (cuda_double_must_fail())
        return INVALID_VALUE;
    *out_object = calloc(1, size);
    cuda_double_count_object(1);
    return 0;
}

static int destroy_object(void *object)
{
    free(object);
    cuda_double_count_object(-1);
    return 0;
}

static int create(void **out_handle)
{
    return create_object(out_handle, 1);
}

static int operation_create(void **out_operation, int compute_type, int scale_type)
{
    if (compute_type != COF_CUBLASLT_COMPUTE_32F || scale_type != COF_CUBLASLT_REAL_32F)
        return INVALID_VALUE;
    return create_object(out_operation, sizeof(struct operation));
}

static int operation_set(void *object, int attribute, const void *value, size_t size)
{
    struct operation *operation = object;
    void *place = NULL;
    size_t wanted = 0;
    if (cuda_double_must_fail())
        return INVALID_VALUE;
    if (attribute == COF_CUBLASLT_DESC_TRANSA) {
        place = &operation->is_a_transposed;
        wanted = sizeof(operation->is_a_transposed);
    } else if (attribute == COF_CUBLASLT_DESC_EPILOGUE) {
        place = &operation->epilogue;
        wanted = sizeof(operation->epilogue);
    } else if (attribute == COF_CUBLASLT_DESC_BIAS_POINTER) {
        place = (void *)&operation->bias;
        wanted = sizeof(operation->bias);
    }
    if (place == NULL || size != wanted)
        return INVALID_VALUE;
    memcpy(place, value, size);
    return 0;
}

static int layout_create(void **out_layout, int type, uint64_t rows, uint64_t columns,
                         int64_t leading)
{
    if (type != COF_CUBLASLT_REAL_16F || leading < (int64_t)rows || rows == 0 || columns == 0)
        return INVALID_VALUE;
    int result = create_object(out_layout, sizeof(struct layout));
    if (result == 0)
        *(struct layout *)*out_layout =
            (struct layout){.rows = rows, .columns = columns, .leading = leading};
    return result;
}

static int preference_create(void **out_preference)
{
    return create_object(out_preference, 1);
}

static int preference_set(void *preference, int attribute, const void *value, size_t size)
{
    (void)preference;
    (void)value;
    if (cuda_double_must_fail() || attribute != COF_CUBLASLT_PREFERENCE_MAX_WORKSPACE ||
        size != sizeof(uint64_t))
        return INVALID_VALUE;
    return 0;
}

static bool fits(const struct operation *operation, const struct layout *a, const struct layout *b,
                 const struct layout *d)
{
    uint64_t outer = operation->is_a_transposed != 0 ? a->columns : a->rows;
    uint64_t inner = operation->is_a_transposed != 0 ? a->rows : a->columns;
    return inner == b->rows && outer == d->rows && b->columns == d->columns;
}

/* The algorithm is the shape, so that one chosen for another is noticed. */
static int choose(void *handle, void *operation, void *a, void *b, void *c, void *d,
                  void *preference, int wanted_count, struct cof_cublaslt_choice *out_choices,
                  int *out_count)
{
    (void)handle;
    (void)preference;
    if (cuda_double_must_fail() || wanted_count < 1 || c != d || !fits(operation, a, b, d))
        return INVALID_VALUE;
    const struct layout *output = d;
    memset(out_choices, 0, sizeof(*out_choices));
    out_choices->algorithm.data[0] = output->rows;
    out_choices->algorithm.data[1] = output->columns;
    *out_count = 1;
    return 0;
}

static void multiply_now(void *context)
{
    struct product *product = context;
    const struct layout *d_layout = &product->d_layout;
    uint64_t inner = product->b_layout.rows;
    size_t a_leading = (size_t)product->a_layout.leading;
    bool is_transposed = product->operation.is_a_transposed != 0;
    for (uint64_t column = 0; column < d_layout->columns; column++) {
        for (uint64_t row = 0; row < d_layout->rows; row++) {
            float sum = cuda_double_from_half(product->operation.bias[row]);
            for (uint64_t i = 0; i < inner; i++) {
                size_t at = is_transposed ? i + row * a_leading : row + i * a_leading;
                sum += cuda_double_from_half(product->a[at]) *
                       cuda_double_from_half(
                           product->b[i + column * (size_t)product->b_layout.leading]);
            }
            product->d[row + column * (size_t)d_layout->leading] = cuda_double_to_half(sum);
        }
    }
    free(product);
}

static int multiply(void *handle, void *operation, const void *alpha, const void *a, void *a_layout,
                    const void *b, void *b_layout, const void *beta, const void *c, void *c_layout,
                    void *d, void *d_layout, const struct cof_cublaslt_algorithm *algorithm,
                    void *workspace, size_t workspace_size, void *stream)
{
    (void)handle;
    (void)workspace_size;
    const struct operation *how = operation;
    const struct layout *output = d_layout;
    float one = 0;
    float zero = 1;
    memcpy(&one, alpha, sizeof(one));
    memcpy(&zero, beta, sizeof(zero));
    bool is_aligned = ((uintptr_t)a | (uintptr_t)b | (uintptr_t)d | (uintptr_t)workspace) % 16 == 0;
    if (cuda_double_must_fail() || one != 1 || zero != 0 || c != d || c_layout != d_layout ||
        !is_aligned || how->epilogue != COF_CUBLASLT_EPILOGUE_BIAS || how->bias == NULL ||
        !fits(how, a_layout, b_layout, output) || algorithm->data[0] != output->rows ||
        algorithm->data[1] != output->columns)
        return INVALID_VALUE;
    struct product *product = calloc(1, sizeof(*product));
    *product = (struct product){
        .operation = *how,
        .a_layout = *(struct layout *)a_layout,
        .b_layout = *(struct layout *)b_layout,
        .d_layout = *output,
        .a = a,
        .b = b,
        .d = d,
    };
    cuda_double_enqueue(stream, multiply_now, product);
    return 0;
}

static const char *status_text(int status)
{
    return status == INVALID_VALUE ? "CUBLAS_STATUS_INVALID_VALUE" : "another status";
}

enum cof_status cof_cublaslt_open(const char *name, struct cof_cublaslt *out_library,
                                  struct cof_error *err)
{
    if (cuda_double_must_fail())
        return COF_FAIL(err, COF_UNAVAILABLE, "%s: cannot open shared object file", name);
    cuda_double_count_object(1);
    *out_library = (struct cof_cublaslt){
        .library = out_library,
        .create = create,
        .destroy = destroy_object,
        .operation_create = operation_create,
        .operation_destroy = destroy_object,
        .operation_set = operation_set,
        .layout_create = layout_create,
        .layout_destroy = destroy_object,
        .preference_create = preference_create,
        .preference_destroy = destroy_object,
        .preference_set = preference_set,
        .choose = choose,
        .multiply = multiply,
        .status_text = status_text,
    };
    return COF_OK;
}

void cof_cublaslt_close(struct cof_cublaslt *library)
{
    if (library->library != NULL)
        cuda_double_count_object(-1);
    *library = (struct cof_cublaslt){0};
}

enum cof_status cof_cublaslt_done(const struct cof_cublaslt *library, int result, const char *call,
                                  struct cof_error *err)
{
    if (result == 0)
        return COF_OK;
    return COF_FAIL(err, COF_IO, "%s: %s", call, library->status_text(result));
}
