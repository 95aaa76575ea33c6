/* One wording for what the operating system refused about a path. */
#ifndef COF_BASE_FILE_ERROR_H
#define COF_BASE_FILE_ERROR_H

#include <cof/base/status.h>

/* "`what` 'path': reason". COF_NOT_FOUND for what is absent, COF_NO_MEMORY, else COF_IO. */
enum cof_status cof_fail_path_at(struct cof_error *err, int error_number, const char *where,
                                 const char *what, const char *path);

#define cof_fail_path(err, error_number, what, path)                                               \
    cof_fail_path_at((err), (error_number), COF_WHERE, (what), (path))

#endif
