/* Opens the library and takes its functions by name. */
#include "cublaslt.h"

#include <dlfcn.h>
#include <string.h>

/* A data pointer where the library keeps a function: POSIX lets it be one. */
static enum cof_status find(void *library, const char *name, void *out_function,
                            struct cof_error *err)
{
    void *symbol = dlsym(library, name);
    if (symbol == NULL)
        return COF_FAIL(err, COF_UNAVAILABLE, "cuBLASLt has no function %s", name);
    memcpy(out_function, &symbol, sizeof(symbol));
    return COF_OK;
}

static enum cof_status find_all(struct cof_cublaslt *lt, struct cof_error *err)
{
    void *library = lt->library;
    COF_TRY(find(library, "cublasLtCreate", &lt->create, err));
    COF_TRY(find(library, "cublasLtDestroy", &lt->destroy, err));
    COF_TRY(find(library, "cublasLtMatmulDescCreate", &lt->operation_create, err));
    COF_TRY(find(library, "cublasLtMatmulDescDestroy", &lt->operation_destroy, err));
    COF_TRY(find(library, "cublasLtMatmulDescSetAttribute", &lt->operation_set, err));
    COF_TRY(find(library, "cublasLtMatrixLayoutCreate", &lt->layout_create, err));
    COF_TRY(find(library, "cublasLtMatrixLayoutDestroy", &lt->layout_destroy, err));
    COF_TRY(find(library, "cublasLtMatmulPreferenceCreate", &lt->preference_create, err));
    COF_TRY(find(library, "cublasLtMatmulPreferenceDestroy", &lt->preference_destroy, err));
    COF_TRY(find(library, "cublasLtMatmulPreferenceSetAttribute", &lt->preference_set, err));
    COF_TRY(find(library, "cublasLtMatmulAlgoGetHeuristic", &lt->choose, err));
    COF_TRY(find(library, "cublasLtMatmul", &lt->multiply, err));
    return find(library, "cublasLtGetStatusString", &lt->status_text, err);
}

enum cof_status cof_cublaslt_open(const char *name, struct cof_cublaslt *out_library,
                                  struct cof_error *err)
{
    struct cof_cublaslt lt = {.library = dlopen(name, RTLD_NOW | RTLD_LOCAL)};
    if (lt.library == NULL) {
        const char *why = dlerror();
        return COF_FAIL(err, COF_UNAVAILABLE, "%.180s", why != NULL ? why : name);
    }
    enum cof_status status = find_all(&lt, err);
    if (status != COF_OK) {
        cof_cublaslt_close(&lt);
        return status;
    }
    *out_library = lt;
    return COF_OK;
}

void cof_cublaslt_close(struct cof_cublaslt *library)
{
    if (library->library != NULL)
        (void)dlclose(library->library);
    *library = (struct cof_cublaslt){0};
}

enum cof_status cof_cublaslt_done(const struct cof_cublaslt *library, int result, const char *call,
                                  struct cof_error *err)
{
    if (result == 0)
        return COF_OK;
    return COF_FAIL(err, COF_IO, "%s: %.120s", call, library->status_text(result));
}
