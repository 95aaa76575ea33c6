/* JSON trees: cJSON behind the pre-scan, seen through our own names.
 *
 * A `struct cof_json` is a cJSON node and a `struct cof_json_tree` its root; neither is ever
 * defined. The process must not call setlocale(3): cJSON and the pre-scan read numbers by strtod.
 */
#include <cof/base/json.h>

#include <cjson/cJSON.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "json_scan.h"

#define DEFAULT_MAX_BYTES ((size_t)1 << 20)
#define DEFAULT_MAX_DEPTH ((size_t)32)
#define DEFAULT_MAX_NODES ((size_t)100000)
/* below CJSON_NESTING_LIMIT, and little enough for the stack of any thread */
#define HIGHEST_MAX_DEPTH ((size_t)512)

#define MAX_WHOLE 9007199254740992.0 /* 2^53 */

static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;

static void set_hooks(void)
{
    cJSON_Hooks hooks = {.malloc_fn = cof_base_alloc, .free_fn = cof_free};
    cJSON_InitHooks(&hooks);
}

static const cJSON *node_of(const struct cof_json *value)
{
    return (const cJSON *)value;
}

static const struct cof_json *value_of(const cJSON *node)
{
    return (const struct cof_json *)node;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* By sorting, so that an object of a hundred thousand keys costs no more than it should. */
static enum cof_status check_keys(const cJSON *object, struct cof_buffer *scratch,
                                  struct cof_error *err)
{
    cof_buffer_clear(scratch);
    for (const cJSON *member = object->child; member != NULL; member = member->next) {
        const char *key = member->string;
        cof_buffer_append(scratch, &key, sizeof(key));
    }
    COF_TRY(cof_buffer_status(scratch, err));
    size_t count = scratch->size / sizeof(const char *);
    if (count < 2)
        return COF_OK;
    const char **keys = (const char **)(void *)scratch->data;
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(keys[i - 1], keys[i]) == 0)
            return COF_FAIL(err, COF_INVALID,
                            "invalid JSON: the key '%.64s' comes twice in one object", keys[i]);
    }
    return COF_OK;
}

static enum cof_status check_duplicates(const cJSON *node, struct cof_buffer *scratch,
                                        struct cof_error *err)
{
    if (cJSON_IsObject(node))
        COF_TRY(check_keys(node, scratch, err));
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        if (child->child != NULL)
            COF_TRY(check_duplicates(child, scratch, err));
    }
    return COF_OK;
}

static struct cof_json_limits complete_limits(const struct cof_json_limits *limits)
{
    struct cof_json_limits complete = {.max_bytes = DEFAULT_MAX_BYTES,
                                       .max_depth = DEFAULT_MAX_DEPTH,
                                       .max_nodes = DEFAULT_MAX_NODES};
    if (limits == NULL)
        return complete;
    if (limits->max_bytes != 0)
        complete.max_bytes = limits->max_bytes;
    if (limits->max_depth != 0)
        complete.max_depth =
            limits->max_depth < HIGHEST_MAX_DEPTH ? limits->max_depth : HIGHEST_MAX_DEPTH;
    if (limits->max_nodes != 0)
        complete.max_nodes = limits->max_nodes;
    return complete;
}

enum cof_status cof_json_parse(struct cof_text text, const struct cof_json_limits *limits,
                               struct cof_json_tree **out_tree, struct cof_error *err)
{
    struct cof_json_limits complete = complete_limits(limits);
    COF_TRY(cof_json_scan(text, &complete, err));
    (void)pthread_once(&hooks_once, set_hooks);
    cJSON *root = cJSON_ParseWithLengthOpts(text.data, text.size, NULL, false);
    if (root == NULL) /* the pre-scan left it no other reason */
        return COF_FAIL_MEMORY(err);
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer scratch = {0};
    enum cof_status status = check_duplicates(root, &scratch, err);
    if (status != COF_OK) {
        cJSON_Delete(root);
        return status;
    }
    *out_tree = (struct cof_json_tree *)root;
    return COF_OK;
}

void cof_json_tree_destroy(struct cof_json_tree *tree)
{
    cJSON_Delete((cJSON *)tree);
}

void cof_json_tree_cleanup(struct cof_json_tree **tree)
{
    cof_json_tree_destroy(*tree);
    *tree = NULL;
}

const struct cof_json *cof_json_root(const struct cof_json_tree *tree)
{
    return value_of((const cJSON *)tree);
}

enum cof_json_type cof_json_type_of(const struct cof_json *value)
{
    const cJSON *node = node_of(value);
    if (cJSON_IsObject(node))
        return COF_JSON_OBJECT;
    if (cJSON_IsArray(node))
        return COF_JSON_ARRAY;
    if (cJSON_IsString(node))
        return COF_JSON_STRING;
    if (cJSON_IsNumber(node))
        return COF_JSON_NUMBER;
    return cJSON_IsBool(node) ? COF_JSON_BOOL : COF_JSON_NULL;
}

const char *cof_json_type_name(enum cof_json_type type)
{
    switch (type) {
    case COF_JSON_NULL:
        return "null";
    case COF_JSON_BOOL:
        return "bool";
    case COF_JSON_NUMBER:
        return "number";
    case COF_JSON_STRING:
        return "string";
    case COF_JSON_ARRAY:
        return "array";
    case COF_JSON_OBJECT:
        return "object";
    }
    return "unknown";
}

const struct cof_json *cof_json_find(const struct cof_json *object, const char *key)
{
    if (!cJSON_IsObject(node_of(object)))
        return NULL;
    for (const cJSON *member = node_of(object)->child; member != NULL; member = member->next) {
        if (strcmp(member->string, key) == 0)
            return value_of(member);
    }
    return NULL;
}

size_t cof_json_count(const struct cof_json *value)
{
    size_t count = 0;
    for (const struct cof_json *item = cof_json_first(value); item != NULL;
         item = cof_json_next(item))
        count++;
    return count;
}

const struct cof_json *cof_json_first(const struct cof_json *container)
{
    return container != NULL ? value_of(node_of(container)->child) : NULL;
}

const struct cof_json *cof_json_next(const struct cof_json *value)
{
    return value_of(node_of(value)->next);
}

struct cof_text cof_json_key(const struct cof_json *member)
{
    return cof_text_from(node_of(member)->string);
}

struct cof_text cof_json_text(const struct cof_json *value)
{
    return cJSON_IsString(node_of(value)) ? cof_text_from(node_of(value)->valuestring)
                                          : (struct cof_text){0};
}

double cof_json_number(const struct cof_json *value)
{
    return cJSON_IsNumber(node_of(value)) ? node_of(value)->valuedouble : 0;
}

bool cof_json_bool(const struct cof_json *value)
{
    return cJSON_IsTrue(node_of(value));
}

bool cof_json_is_whole(const struct cof_json *value, int64_t *out_value)
{
    if (!cJSON_IsNumber(node_of(value)))
        return false;
    double number = node_of(value)->valuedouble;
    if (!(fabs(number) <= MAX_WHOLE) || number != floor(number))
        return false;
    *out_value = (int64_t)number;
    return true;
}
