/* The one place where a oneDNN status becomes a sentence. */
#include "onednn.h"

#include <string.h>

enum cof_status cof_onednn_check(dnnl_status_t status, const char *what, struct cof_error *err)
{
    if (status == dnnl_success)
        return COF_OK;
    if (status == dnnl_out_of_memory)
        return COF_FAIL_MEMORY(err);
    return COF_FAIL(err, COF_INTERNAL, "oneDNN status %d from %.*s", (int)status,
                    (int)strcspn(what, "("), what);
}
