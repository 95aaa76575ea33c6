/* A private folder for one test, removed with everything in it. */
#ifndef COF_TESTS_SUPPORT_TEMP_DIR_H
#define COF_TESTS_SUPPORT_TEMP_DIR_H

#include <stddef.h>

enum { TEMP_DIR_PATH_SIZE = 256 };

/* Makes a folder of mode 0700 under $TMPDIR or /tmp and writes its path. Ends the program with a
 * message when it cannot: a test without its folder has nothing to say. */
void temp_dir_create(char out_path[TEMP_DIR_PATH_SIZE]);

/* Removes the folder and what is in it; symbolic links are removed, not followed. A path that is
 * empty or no longer there is fine. */
void temp_dir_remove(const char *path);

/* Writes `path`/`name` to `out_path`; ends the program when it does not fit. */
void temp_dir_join(const char *path, const char *name, char *out_path, size_t out_size);

#endif
