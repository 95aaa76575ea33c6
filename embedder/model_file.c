/* Reading the small files of a model folder. */
#include "model_file.h"

#include <stdio.h>

#include <cof/base/file.h>

enum cof_status cof_model_file_blame(const char *name, enum cof_status status,
                                     struct cof_error *err)
{
    if (status == COF_OK || status == COF_NO_MEMORY || err == NULL)
        return status;
    struct cof_error born = *err;
    (void)snprintf(err->message, sizeof(err->message), "%s: %.*s", name,
                   (int)sizeof(born.message) - 32, born.message);
    return status;
}

enum cof_status cof_model_file_read(const char *folder, const char *name, size_t max_bytes,
                                    struct cof_buffer *out, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_TRY(cof_path_join(path, folder, name, err));
    return cof_file_read(path, max_bytes, out, err);
}

enum cof_status cof_model_file_parse(const char *folder, const char *name,
                                     const struct cof_json_limits *limits,
                                     struct cof_json_tree **out_tree, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(cof_model_file_read(folder, name, limits->max_bytes, &content, err));
    COF_TRY(cof_model_file_blame(
        name, cof_json_parse(cof_buffer_text(&content), limits, &tree, err), err));
    enum cof_json_type type = cof_json_type_of(cof_json_root(tree));
    if (type != COF_JSON_OBJECT && type != COF_JSON_ARRAY)
        return COF_FAIL(err, COF_INVALID, "%s: must hold a JSON object, not a %s", name,
                        cof_json_type_name(type));
    *out_tree = tree;
    tree = NULL;
    return COF_OK;
}

bool cof_model_file_exists(const char *folder, const char *name)
{
    char path[COF_MAX_PATH];
    return cof_path_join(path, folder, name, NULL) == COF_OK && cof_path_exists(path);
}

enum cof_status cof_model_file_parse_optional(const char *folder, const char *name,
                                              struct cof_json_tree **out_tree,
                                              struct cof_error *err)
{
    static const struct cof_json_limits limits = {.max_bytes = (size_t)1 << 20};
    if (!cof_model_file_exists(folder, name))
        return COF_OK;
    return cof_model_file_parse(folder, name, &limits, out_tree, err);
}
