/* The filter language: parsed once per query into a tree, then asked of every document. */
#include <stdlib.h>

#include <cof/index/attributes.h>

#include "attribute_values.h"
#include "date.h"

enum { MAX_DEPTH = 8, MAX_COMPARISONS = 256, MAX_LIST_VALUES = 1024 };

enum filter_type {
    FILTER_EQ,
    FILTER_NE,
    FILTER_GT,
    FILTER_GTE,
    FILTER_LT,
    FILTER_LTE,
    FILTER_IN,
    FILTER_NIN,
    FILTER_PREFIX,
    FILTER_EXISTS,
    FILTER_AND,
    FILTER_OR,
};

static const char *const filter_names[] = {"eq", "ne",  "gt",     "gte",    "lt",  "lte",
                                           "in", "nin", "prefix", "exists", "and", "or"};

struct cof_filter {
    enum filter_type type;
    struct cof_text key;            /* comparisons */
    struct attribute_value *values; /* one; in and nin: sorted */
    size_t value_count;
    bool is_date;                    /* gt, gte, lt, lte: the value is one */
    struct cof_date date;            /* then this */
    const struct cof_filter **parts; /* and, or */
    size_t part_count;
};

struct filter_parser {
    struct cof_arena *arena;
    size_t comparison_count;
};

static enum cof_status parse_type(struct cof_text name, enum filter_type *out_type,
                                  struct cof_error *err)
{
    for (size_t i = 0; i < sizeof(filter_names) / sizeof(filter_names[0]); i++) {
        if (cof_text_equal(name, cof_text_from(filter_names[i]))) {
            *out_type = (enum filter_type)i;
            return COF_OK;
        }
    }
    return COF_FAIL(
        err, COF_INVALID,
        "filter type '%.*s' is not known: use eq, ne, gt, gte, lt, lte, in, nin, prefix, "
        "exists, and, or",
        (int)(name.size < 32 ? name.size : 32), name.data);
}

static int compare_values(const void *a, const void *b)
{
    return cof_attribute_value_compare(a, b);
}

static enum cof_status parse_list(const struct cof_json *list, struct filter_parser *parser,
                                  struct cof_filter *filter, struct cof_error *err)
{
    if (cof_json_type_of(list) != COF_JSON_ARRAY)
        return COF_FAIL(err, COF_INVALID, "the 'value' of filter '%s' must be an array",
                        filter_names[filter->type]);
    size_t count = cof_json_count(list);
    if (count > MAX_LIST_VALUES)
        return COF_FAIL(err, COF_INVALID, "filter '%s' has %zu values, over the limit of %d",
                        filter_names[filter->type], count, MAX_LIST_VALUES);
    filter->values = cof_arena_array(parser->arena, count, sizeof(filter->values[0]));
    if (filter->values == NULL)
        return COF_FAIL_MEMORY(err);
    for (const struct cof_json *item = cof_json_first(list); item != NULL;
         item = cof_json_next(item)) {
        COF_TRY(cof_attribute_value_parse(item, filter->key, parser->arena,
                                          &filter->values[filter->value_count], err));
        filter->value_count++;
    }
    qsort(filter->values, filter->value_count, sizeof(filter->values[0]), compare_values);
    return COF_OK;
}

static bool is_order(enum filter_type type)
{
    return type == FILTER_GT || type == FILTER_GTE || type == FILTER_LT || type == FILTER_LTE;
}

/* Whether the operator can be asked about a value of that type. */
static enum cof_status check_value(struct cof_filter *filter, struct cof_error *err)
{
    const struct attribute_value *value = &filter->values[0];

    if (is_order(filter->type) && value->type == ATTRIBUTE_BOOL)
        return COF_FAIL(err, COF_INVALID, "filter '%s' cannot order booleans",
                        filter_names[filter->type]);
    if (filter->type == FILTER_PREFIX && value->type != ATTRIBUTE_TEXT)
        return COF_FAIL(err, COF_INVALID, "the 'value' of filter 'prefix' must be text");
    if (filter->type == FILTER_EXISTS && value->type != ATTRIBUTE_BOOL)
        return COF_FAIL(err, COF_INVALID, "the 'value' of filter 'exists' must be true or false");
    filter->is_date = is_order(filter->type) && value->type == ATTRIBUTE_TEXT &&
                      cof_date_parse(value->text, &filter->date);
    return COF_OK;
}

static enum cof_status parse_comparison(const struct cof_json *json, struct filter_parser *parser,
                                        struct cof_filter *filter, struct cof_error *err)
{
    static const char *const keys[] = {"type", "key", "value", NULL};
    struct cof_text key = {0};

    COF_TRY(cof_json_only_keys(json, keys, err));
    if (++parser->comparison_count > MAX_COMPARISONS)
        return COF_FAIL(err, COF_INVALID, "a filter may hold at most %d comparisons",
                        MAX_COMPARISONS);
    COF_TRY(cof_json_need_text(json, "key", &key, err));
    COF_TRY(cof_attribute_key_check(key, err));
    filter->key = cof_arena_copy_text(parser->arena, key);
    if (filter->key.data == NULL)
        return COF_FAIL_MEMORY(err);
    const struct cof_json *value = cof_json_find(json, "value");
    if (value == NULL)
        return COF_FAIL(err, COF_INVALID, "filter '%s' needs a 'value'",
                        filter_names[filter->type]);
    if (filter->type == FILTER_IN || filter->type == FILTER_NIN)
        return parse_list(value, parser, filter, err);

    filter->values = cof_arena_array(parser->arena, 1, sizeof(filter->values[0]));
    if (filter->values == NULL)
        return COF_FAIL_MEMORY(err);
    COF_TRY(cof_attribute_value_parse(value, key, parser->arena, filter->values, err));
    filter->value_count = 1;
    return check_value(filter, err);
}

static enum cof_status parse_filter(const struct cof_json *json, struct filter_parser *parser,
                                    size_t depth, const struct cof_filter **out_filter,
                                    struct cof_error *err);

static enum cof_status parse_compound(const struct cof_json *json, struct filter_parser *parser,
                                      size_t depth, struct cof_filter *filter,
                                      struct cof_error *err)
{
    static const char *const keys[] = {"type", "filters", NULL};
    const struct cof_json *parts = NULL;

    COF_TRY(cof_json_only_keys(json, keys, err));
    COF_TRY(cof_json_get_array(json, "filters", &parts, err));
    if (parts == NULL || cof_json_count(parts) == 0)
        return COF_FAIL(err, COF_INVALID, "filter '%s' needs 'filters', an array of at least one",
                        filter_names[filter->type]);
    filter->parts =
        cof_arena_array(parser->arena, cof_json_count(parts), sizeof(const struct cof_filter *));
    if (filter->parts == NULL)
        return COF_FAIL_MEMORY(err);
    for (const struct cof_json *part = cof_json_first(parts); part != NULL;
         part = cof_json_next(part)) {
        COF_TRY(parse_filter(part, parser, depth + 1, &filter->parts[filter->part_count], err));
        filter->part_count++;
    }
    return COF_OK;
}

static enum cof_status parse_filter(const struct cof_json *json, struct filter_parser *parser,
                                    size_t depth, const struct cof_filter **out_filter,
                                    struct cof_error *err)
{
    struct cof_text name = {0};

    if (depth > MAX_DEPTH)
        return COF_FAIL(err, COF_INVALID, "a filter may be nested at most %d deep", MAX_DEPTH);
    if (cof_json_type_of(json) != COF_JSON_OBJECT)
        return COF_FAIL(err, COF_INVALID, "a filter must be an object, not %s",
                        cof_json_type_name(cof_json_type_of(json)));
    struct cof_filter *filter = cof_arena_alloc(parser->arena, sizeof(*filter));
    if (filter == NULL)
        return COF_FAIL_MEMORY(err);
    COF_TRY(cof_json_need_text(json, "type", &name, err));
    COF_TRY(parse_type(name, &filter->type, err));
    if (filter->type == FILTER_AND || filter->type == FILTER_OR)
        COF_TRY(parse_compound(json, parser, depth, filter, err));
    else
        COF_TRY(parse_comparison(json, parser, filter, err));
    *out_filter = filter;
    return COF_OK;
}

enum cof_status cof_filter_parse(const struct cof_json *json, struct cof_arena *arena,
                                 const struct cof_filter **out_filter, struct cof_error *err)
{
    struct filter_parser parser = {.arena = arena};

    if (json == NULL)
        return COF_FAIL(err, COF_INVALID, "a filter must be an object");
    return parse_filter(json, &parser, 1, out_filter, err);
}

/* False where the two cannot be ordered. */
static bool order_of(const struct attribute_value *value, const struct cof_filter *filter,
                     int *out_order)
{
    struct cof_date date = {0};

    if (value == NULL || value->type != filter->values[0].type || value->type == ATTRIBUTE_BOOL)
        return false;
    if (!filter->is_date) {
        *out_order = cof_attribute_value_compare(value, &filter->values[0]);
        return true;
    }
    if (!cof_date_parse(value->text, &date))
        return false;
    *out_order = cof_date_compare(&date, &filter->date);
    return true;
}

static bool is_ordered(const struct attribute_value *value, const struct cof_filter *filter)
{
    int order = 0;

    if (!order_of(value, filter, &order))
        return false;
    if (filter->type == FILTER_GT)
        return order > 0;
    if (filter->type == FILTER_GTE)
        return order >= 0;
    if (filter->type == FILTER_LT)
        return order < 0;
    return order <= 0;
}

/* eq, ne, in and nin are one question: is the value in the list? */
static bool is_among(const struct attribute_value *value, const struct cof_filter *filter)
{
    return value != NULL && filter->value_count > 0 &&
           bsearch(value, filter->values, filter->value_count, sizeof(filter->values[0]),
                   compare_values) != NULL;
}

bool cof_filter_matches(const struct cof_filter *filter, const struct cof_attributes *attributes)
{
    if (filter == NULL)
        return true;
    switch (filter->type) {
    case FILTER_AND:
        for (size_t i = 0; i < filter->part_count; i++) {
            if (!cof_filter_matches(filter->parts[i], attributes))
                return false;
        }
        return true;
    case FILTER_OR:
        for (size_t i = 0; i < filter->part_count; i++) {
            if (cof_filter_matches(filter->parts[i], attributes))
                return true;
        }
        return false;
    case FILTER_EQ:
    case FILTER_IN:
        return is_among(cof_attributes_find(attributes, filter->key), filter);
    case FILTER_NE:
    case FILTER_NIN:
        return !is_among(cof_attributes_find(attributes, filter->key), filter);
    case FILTER_PREFIX: {
        const struct attribute_value *value = cof_attributes_find(attributes, filter->key);
        return value != NULL && value->type == ATTRIBUTE_TEXT &&
               cof_text_has_prefix(value->text, filter->values[0].text);
    }
    case FILTER_EXISTS:
        return (cof_attributes_find(attributes, filter->key) != NULL) == filter->values[0].boolean;
    case FILTER_GT:
    case FILTER_GTE:
    case FILTER_LT:
    case FILTER_LTE:
        return is_ordered(cof_attributes_find(attributes, filter->key), filter);
    }
    return false;
}
