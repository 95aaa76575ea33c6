/* Compares cublaslt.h with the library's own headers; compiled where they lie, never called. */
#include "cublaslt.h"

#include <cublasLt.h>

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), #theirs)
#define SAME_TYPE(function, ...)                                                                   \
    _Static_assert(__builtin_types_compatible_p(__typeof__(&(function)), __VA_ARGS__), #function)

SAME(COF_CUBLASLT_REAL_32F, CUDA_R_32F);
SAME(COF_CUBLASLT_REAL_16F, CUDA_R_16F);
SAME(COF_CUBLASLT_COMPUTE_32F, CUBLAS_COMPUTE_32F);
SAME(COF_CUBLASLT_TRANSPOSED, CUBLAS_OP_T);
SAME(COF_CUBLASLT_DESC_TRANSA, CUBLASLT_MATMUL_DESC_TRANSA);
SAME(COF_CUBLASLT_DESC_EPILOGUE, CUBLASLT_MATMUL_DESC_EPILOGUE);
SAME(COF_CUBLASLT_DESC_BIAS_POINTER, CUBLASLT_MATMUL_DESC_BIAS_POINTER);
SAME(COF_CUBLASLT_EPILOGUE_BIAS, CUBLASLT_EPILOGUE_BIAS);
SAME(COF_CUBLASLT_PREFERENCE_MAX_WORKSPACE, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
SAME(0, CUBLAS_STATUS_SUCCESS);
SAME(sizeof(int), sizeof(cublasStatus_t));
SAME(sizeof(int), sizeof(cudaDataType_t));
SAME(sizeof(int), sizeof(cublasComputeType_t));
SAME(sizeof(int), sizeof(cublasLtEpilogue_t));
SAME(sizeof(int), sizeof(cublasOperation_t));
SAME(sizeof(struct cof_cublaslt_algorithm), sizeof(cublasLtMatmulAlgo_t));
SAME(sizeof(struct cof_cublaslt_choice), sizeof(cublasLtMatmulHeuristicResult_t));
SAME(offsetof(struct cof_cublaslt_choice, workspace_size),
     offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
SAME(offsetof(struct cof_cublaslt_choice, state), offsetof(cublasLtMatmulHeuristicResult_t, state));

SAME_TYPE(cublasLtCreate, cublasStatus_t (*)(cublasLtHandle_t *));
SAME_TYPE(cublasLtDestroy, cublasStatus_t (*)(cublasLtHandle_t));
SAME_TYPE(cublasLtMatmulDescCreate,
          cublasStatus_t (*)(cublasLtMatmulDesc_t *, cublasComputeType_t, cudaDataType_t));
SAME_TYPE(cublasLtMatmulDescDestroy, cublasStatus_t (*)(cublasLtMatmulDesc_t));
SAME_TYPE(cublasLtMatmulDescSetAttribute,
          cublasStatus_t (*)(cublasLtMatmulDesc_t, cublasLtMatmulDescAttributes_t, const void *,
                             size_t));
SAME_TYPE(cublasLtMatrixLayoutCreate,
          cublasStatus_t (*)(cublasLtMatrixLayout_t *, cudaDataType, uint64_t, uint64_t, int64_t));
SAME_TYPE(cublasLtMatrixLayoutDestroy, cublasStatus_t (*)(cublasLtMatrixLayout_t));
SAME_TYPE(cublasLtMatmulPreferenceCreate, cublasStatus_t (*)(cublasLtMatmulPreference_t *));
SAME_TYPE(cublasLtMatmulPreferenceDestroy, cublasStatus_t (*)(cublasLtMatmulPreference_t));
SAME_TYPE(cublasLtMatmulPreferenceSetAttribute,
          cublasStatus_t (*)(cublasLtMatmulPreference_t, cublasLtMatmulPreferenceAttributes_t,
                             const void *, size_t));
SAME_TYPE(cublasLtMatmulAlgoGetHeuristic,
          cublasStatus_t (*)(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
                             cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                             cublasLtMatmulPreference_t, int, cublasLtMatmulHeuristicResult_t *,
                             int *));
SAME_TYPE(cublasLtMatmul,
          cublasStatus_t (*)(cublasLtHandle_t, cublasLtMatmulDesc_t, const void *, const void *,
                             cublasLtMatrixLayout_t, const void *, cublasLtMatrixLayout_t,
                             const void *, const void *, cublasLtMatrixLayout_t, void *,
                             cublasLtMatrixLayout_t, const cublasLtMatmulAlgo_t *, void *, size_t,
                             cudaStream_t));
SAME_TYPE(cublasLtGetStatusString, const char *(*)(cublasStatus_t));
