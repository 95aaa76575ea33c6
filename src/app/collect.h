/* The files that a command line names: folders walked, known kinds kept, sorted by path. */
#ifndef COF_APP_COLLECT_H
#define COF_APP_COLLECT_H

#include <cof/base/arena.h>
#include <cof/base/status.h>

#include "cli.h"

struct cof_source_file {
    const char *path; /* to open */
    const char *name; /* relative to the folder that was named: the document's filename */
};

/* Files named directly are taken whatever their kind; in folders, files of kinds that have no
 * parser and hidden ones are left out and counted. Symbolic links are not followed in folders.
 * Two files of one name are COF_CONFLICT, both named: they would be one document. */
COF_MUST_USE enum cof_status cof_collect_files(const struct cof_text_list *paths,
                                               struct cof_arena *arena,
                                               struct cof_source_file **out_files,
                                               size_t *out_count, size_t *out_skipped,
                                               struct cof_error *err);

#endif
