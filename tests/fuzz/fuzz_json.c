/* JSON of any bytes: refused for a reason, or read, written and read again as the same value. */
#include <stdlib.h>

#include <cof/base/json.h>

#include "fuzzing.h"

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

/* Touches every value, so that the sanitizers see every pointer of the tree. */
static size_t visit(const struct cof_json *value)
{
    int64_t whole = 0;
    size_t size = cof_json_text(value).size + cof_json_key(value).size;
    (void)cof_json_is_whole(value, &whole);
    require(cof_utf8_is_valid(cof_json_text(value), NULL));
    for (const struct cof_json *item = cof_json_first(value); item != NULL;
         item = cof_json_next(item)) {
        size += visit(item);
        if (cof_json_type_of(value) == COF_JSON_OBJECT)
            require(cof_json_find(value, cof_json_key(item).data) == item);
    }
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *again = NULL;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer first = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer second = {0};
    struct cof_error err = {0};
    struct cof_text text = {.data = (const char *)data, .size = size};
    enum cof_status status = cof_json_parse(text, NULL, &tree, &err);
    require(status == err.status);
    if (status != COF_OK) {
        /* anything else would mean that cJSON refused what the pre-scan had passed */
        require(status == COF_INVALID || status == COF_TOO_LARGE);
        return 0;
    }
    require(visit(cof_json_root(tree)) <= size);
    cof_json_write_value(&first, cof_json_root(tree));
    const struct cof_json_limits wide = {.max_bytes = (size_t)16 << 20};
    require(cof_json_parse(cof_buffer_text(&first), &wide, &again, NULL) == COF_OK);
    cof_json_write_value(&second, cof_json_root(again));
    require(cof_text_equal(cof_buffer_text(&first), cof_buffer_text(&second)));
    return 0;
}
