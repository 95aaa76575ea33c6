/* Looks for the model that scripts/models brings. */
#include "model_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MODEL "all-MiniLM-L6-v2"

const char *model_folder_find(void)
{
    static char path[4096];
    struct stat status;
    const char *models = getenv("COFFER_MODELS");
    const char *home = getenv("HOME");
    const char *required = getenv("COFFER_REQUIRE_MODELS");
    if (models != NULL && models[0] != '\0')
        (void)snprintf(path, sizeof(path), "%s/" MODEL, models);
    else
        (void)snprintf(path, sizeof(path), "%s/.cache/coffer/models/" MODEL,
                       home != NULL ? home : "");
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return path;
    fprintf(stderr, "there is no model folder %s: run scripts/models " MODEL "\n", path);
    if (required != NULL && required[0] != '\0')
        exit(EXIT_FAILURE);
    return NULL;
}
