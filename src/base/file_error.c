/* From errno to a status and a sentence. */
#include "file_error.h"

#include <errno.h>
#include <string.h>

enum cof_status cof_fail_path_at(struct cof_error *err, int error_number, const char *where,
                                 const char *what, const char *path)
{
    enum cof_status status = COF_IO;
    if (error_number == ENOENT || error_number == ENOTDIR)
        status = COF_NOT_FOUND;
    else if (error_number == ENOMEM)
        status = COF_NO_MEMORY;
    /* strerror(3) is safe from any thread in glibc since 2.32 */
    return cof_error_set(err, status, where, "%s '%.120s': %s", what, path, strerror(error_number));
}
