/* Plans, found by shape and rows. */
#include "matmul.h"

#include <cof/base/alloc.h>

/* Row-major matrices are column-major ones transposed, so the library computes
 * output^T = weights * input^T: the weights are its A, taken transposed, and the bias stands along
 * its columns, as its epilogue wants it. */
struct plan {
    struct plan *next;
    size_t input_size;
    size_t output_size;
    size_t row_count;
    void *operation;
    void *weights_layout;
    void *input_layout;
    void *output_layout;
    struct cof_cublaslt_algorithm algorithm;
};

struct cof_cuda_matmul {
    const struct cof_cublaslt *library;
    void *handle;
    void *workspace;
    void *stream;
    struct plan *plans;
};

size_t cof_cuda_matmul_rows(size_t row_count)
{
    size_t step = 16;
    while (step * 16 < row_count)
        step *= 2;
    return (row_count + step - 1) / step * step;
}

static void destroy_plan(const struct cof_cublaslt *library, struct plan *plan)
{
    if (plan->output_layout != NULL)
        (void)library->layout_destroy(plan->output_layout);
    if (plan->input_layout != NULL)
        (void)library->layout_destroy(plan->input_layout);
    if (plan->weights_layout != NULL)
        (void)library->layout_destroy(plan->weights_layout);
    if (plan->operation != NULL)
        (void)library->operation_destroy(plan->operation);
    cof_free(plan);
}

static enum cof_status set(const struct cof_cuda_matmul *matmul, const struct plan *plan,
                           int attribute, const void *value, size_t size, struct cof_error *err)
{
    return cof_cublaslt_done(
        matmul->library, matmul->library->operation_set(plan->operation, attribute, value, size),
        "cublasLtMatmulDescSetAttribute", err);
}

static enum cof_status describe_matrix(const struct cof_cublaslt *library, size_t rows,
                                       size_t columns, void **out_layout, struct cof_error *err)
{
    return cof_cublaslt_done(
        library,
        library->layout_create(out_layout, COF_CUBLASLT_REAL_16F, rows, columns, (int64_t)rows),
        "cublasLtMatrixLayoutCreate", err);
}

static enum cof_status describe(const struct cof_cuda_matmul *matmul, struct plan *plan,
                                const void *bias, struct cof_error *err)
{
    const struct cof_cublaslt *library = matmul->library;
    const int32_t transposed = COF_CUBLASLT_TRANSPOSED;
    const uint32_t epilogue = COF_CUBLASLT_EPILOGUE_BIAS;
    COF_TRY(cof_cublaslt_done(library,
                              library->operation_create(&plan->operation, COF_CUBLASLT_COMPUTE_32F,
                                                        COF_CUBLASLT_REAL_32F),
                              "cublasLtMatmulDescCreate", err));
    COF_TRY(set(matmul, plan, COF_CUBLASLT_DESC_TRANSA, &transposed, sizeof(transposed), err));
    COF_TRY(set(matmul, plan, COF_CUBLASLT_DESC_EPILOGUE, &epilogue, sizeof(epilogue), err));
    COF_TRY(set(matmul, plan, COF_CUBLASLT_DESC_BIAS_POINTER, &bias, sizeof(bias), err));
    COF_TRY(
        describe_matrix(library, plan->input_size, plan->output_size, &plan->weights_layout, err));
    COF_TRY(describe_matrix(library, plan->input_size, plan->row_count, &plan->input_layout, err));
    return describe_matrix(library, plan->output_size, plan->row_count, &plan->output_layout, err);
}

static enum cof_status choose_with(const struct cof_cuda_matmul *matmul, struct plan *plan,
                                   void *preference, struct cof_error *err)
{
    const struct cof_cublaslt *library = matmul->library;
    const uint64_t most = COF_CUDA_MATMUL_WORKSPACE_BYTES;
    struct cof_cublaslt_choice choice = {0};
    int count = 0;
    COF_TRY(
        cof_cublaslt_done(library,
                          library->preference_set(preference, COF_CUBLASLT_PREFERENCE_MAX_WORKSPACE,
                                                  &most, sizeof(most)),
                          "cublasLtMatmulPreferenceSetAttribute", err));
    COF_TRY(cof_cublaslt_done(library,
                              library->choose(matmul->handle, plan->operation, plan->weights_layout,
                                              plan->input_layout, plan->output_layout,
                                              plan->output_layout, preference, 1, &choice, &count),
                              "cublasLtMatmulAlgoGetHeuristic", err));
    if (count < 1 || choice.state != 0)
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "cuBLASLt has no program for %zu rows from %zu to %zu values",
                        plan->row_count, plan->input_size, plan->output_size);
    plan->algorithm = choice.algorithm;
    return COF_OK;
}

static enum cof_status choose(const struct cof_cuda_matmul *matmul, struct plan *plan,
                              struct cof_error *err)
{
    const struct cof_cublaslt *library = matmul->library;
    void *preference = NULL;
    COF_TRY(cof_cublaslt_done(library, library->preference_create(&preference),
                              "cublasLtMatmulPreferenceCreate", err));
    enum cof_status status = choose_with(matmul, plan, preference, err);
    (void)library->preference_destroy(preference);
    return status;
}

static enum cof_status find_plan(struct cof_cuda_matmul *matmul,
                                 const struct cof_cuda_linear *linear, size_t row_count,
                                 struct plan **out_plan, struct cof_error *err)
{
    for (struct plan *plan = matmul->plans; plan != NULL; plan = plan->next) {
        if (plan->row_count == row_count && plan->input_size == linear->input_size &&
            plan->output_size == linear->output_size) {
            *out_plan = plan;
            return COF_OK;
        }
    }
    struct plan *plan = cof_calloc(1, sizeof(*plan));
    if (plan == NULL)
        return COF_FAIL_MEMORY(err);
    plan->input_size = linear->input_size;
    plan->output_size = linear->output_size;
    plan->row_count = row_count;
    enum cof_status status = describe(matmul, plan, linear->bias, err);
    if (status == COF_OK)
        status = choose(matmul, plan, err);
    if (status != COF_OK) {
        destroy_plan(matmul->library, plan);
        return status;
    }
    plan->next = matmul->plans;
    matmul->plans = plan;
    *out_plan = plan;
    return COF_OK;
}

enum cof_status cof_cuda_matmul_apply(struct cof_cuda_matmul *matmul,
                                      const struct cof_cuda_linear *linear, const uint16_t *input,
                                      size_t row_count, uint16_t *output, struct cof_error *err)
{
    const float one = 1;
    const float zero = 0;
    struct plan *plan = NULL;
    COF_TRY(find_plan(matmul, linear, cof_cuda_matmul_rows(row_count), &plan, err));
    COF_TRY(set(matmul, plan, COF_CUBLASLT_DESC_BIAS_POINTER, &linear->bias, sizeof(linear->bias),
                err));
    return cof_cublaslt_done(
        matmul->library,
        matmul->library->multiply(
            matmul->handle, plan->operation, &one, linear->weights, plan->weights_layout, input,
            plan->input_layout, &zero, output, plan->output_layout, output, plan->output_layout,
            &plan->algorithm, matmul->workspace, COF_CUDA_MATMUL_WORKSPACE_BYTES, matmul->stream),
        "cublasLtMatmul", err);
}

enum cof_status cof_cuda_matmul_create(const struct cof_cublaslt *library, void *workspace,
                                       void *stream, struct cof_cuda_matmul **out_matmul,
                                       struct cof_error *err)
{
    struct cof_cuda_matmul *matmul = cof_calloc(1, sizeof(*matmul));
    if (matmul == NULL)
        return COF_FAIL_MEMORY(err);
    *matmul =
        (struct cof_cuda_matmul){.library = library, .workspace = workspace, .stream = stream};
    enum cof_status status =
        cof_cublaslt_done(library, library->create(&matmul->handle), "cublasLtCreate", err);
    if (status != COF_OK) {
        cof_free(matmul);
        return status;
    }
    *out_matmul = matmul;
    return COF_OK;
}

void cof_cuda_matmul_destroy(struct cof_cuda_matmul *matmul)
{
    if (matmul == NULL)
        return;
    while (matmul->plans != NULL) {
        struct plan *plan = matmul->plans;
        matmul->plans = plan->next;
        destroy_plan(matmul->library, plan);
    }
    (void)matmul->library->destroy(matmul->handle);
    cof_free(matmul);
}
