/* A print of a folder: names, modes, times and bytes of everything in it, to see that nothing was
 * touched. */
#ifndef COF_TESTS_FOLDER_PRINT_H
#define COF_TESTS_FOLDER_PRINT_H

#include <stdint.h>

struct folder_print {
    uint8_t digest[32];
};
struct folder_print folder_print_take(const char *path);

#endif
