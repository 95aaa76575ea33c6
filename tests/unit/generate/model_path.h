/* Where the pinned GGUF models of data/models.tsv lie, and what a test does when one is not there:
 * it is skipped, unless COFFER_REQUIRE_MODELS is set. */
#ifndef COF_TESTS_UNIT_GENERATE_MODEL_PATH_H
#define COF_TESTS_UNIT_GENERATE_MODEL_PATH_H

#include <stdio.h>
#include <stdlib.h>

#include <cof/base/file.h>

#include "testing.h"

/* Writes the path of a model's file (COF_MAX_PATH bytes); ends the case when it is not there. */
static inline void model_path(const char *name, char *out_path)
{
    const char *models = getenv("COFFER_MODELS");
    const char *cache = getenv("COFFER_CACHE");
    const char *home = getenv("HOME");

    if (models != NULL && models[0] != '\0')
        (void)snprintf(out_path, COF_MAX_PATH, "%s/%s/model.gguf", models, name);
    else if (cache != NULL && cache[0] != '\0')
        (void)snprintf(out_path, COF_MAX_PATH, "%s/models/%s/model.gguf", cache, name);
    else
        (void)snprintf(out_path, COF_MAX_PATH, "%s/.cache/coffer/models/%s/model.gguf",
                       home != NULL ? home : "", name);
    if (cof_path_exists(out_path))
        return;
    if (getenv("COFFER_REQUIRE_MODELS") != NULL)
        fail_msg("%s is not there: run scripts/models", out_path);
    print_message("%s is not there\n", out_path);
    skip();
}

#endif
