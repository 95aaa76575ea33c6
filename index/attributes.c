/* Attributes of a document, read once from JSON into a flat array. */
#include <cof/index/attributes.h>

#include <string.h>

#include "attribute_values.h"

const struct attribute_value *cof_attributes_find(const struct cof_attributes *attributes,
                                                  struct cof_text key)
{
    if (attributes == NULL)
        return NULL;
    for (size_t i = 0; i < attributes->count; i++) {
        if (cof_text_equal(attributes->items[i].key, key))
            return &attributes->items[i].value;
    }
    return NULL;
}

enum cof_status cof_attribute_key_check(struct cof_text key, struct cof_error *err)
{
    if (key.size == 0)
        return COF_FAIL(err, COF_INVALID, "an attribute's key must not be empty");
    if (key.size > COF_MAX_ATTRIBUTE_KEY)
        return COF_FAIL(err, COF_INVALID, "attribute key '%.*s…' is over %d bytes", 32, key.data,
                        COF_MAX_ATTRIBUTE_KEY);
    return COF_OK;
}

enum cof_status cof_attribute_value_parse(const struct cof_json *json, struct cof_text key,
                                          struct cof_arena *arena,
                                          struct attribute_value *out_value, struct cof_error *err)
{
    struct attribute_value value = {.type = ATTRIBUTE_TEXT};
    enum cof_json_type type = cof_json_type_of(json);

    if (type == COF_JSON_NUMBER) {
        value.type = ATTRIBUTE_NUMBER;
        value.number = cof_json_number(json);
    } else if (type == COF_JSON_BOOL) {
        value.type = ATTRIBUTE_BOOL;
        value.boolean = cof_json_bool(json);
    } else if (type == COF_JSON_STRING) {
        struct cof_text text = cof_json_text(json);
        if (text.size > COF_MAX_ATTRIBUTE_VALUE)
            return COF_FAIL(err, COF_INVALID, "the value of attribute '%.*s' is over %d bytes",
                            COF_TEXT_ARG(key), COF_MAX_ATTRIBUTE_VALUE);
        value.text = cof_arena_copy_text(arena, text);
        if (value.text.data == NULL)
            return COF_FAIL_MEMORY(err);
    } else {
        return COF_FAIL(err, COF_INVALID,
                        "the value of attribute '%.*s' must be text, a number or a boolean, not %s",
                        COF_TEXT_ARG(key), cof_json_type_name(type));
    }
    *out_value = value;
    return COF_OK;
}

int cof_attribute_value_compare(const struct attribute_value *a, const struct attribute_value *b)
{
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    switch (a->type) {
    case ATTRIBUTE_NUMBER:
        return (a->number > b->number) - (a->number < b->number);
    case ATTRIBUTE_BOOL:
        return (int)a->boolean - (int)b->boolean;
    case ATTRIBUTE_TEXT:
        break;
    }
    size_t common = a->text.size < b->text.size ? a->text.size : b->text.size;
    int order = common > 0 ? memcmp(a->text.data, b->text.data, common) : 0;
    if (order != 0)
        return order;
    return (a->text.size > b->text.size) - (a->text.size < b->text.size);
}

size_t cof_attributes_copy_size(const struct cof_attributes *attributes)
{
    if (attributes == NULL)
        return 0;
    size_t size = sizeof(*attributes) + attributes->count * sizeof(attributes->items[0]);
    for (size_t i = 0; i < attributes->count; i++) {
        const struct attribute *item = &attributes->items[i];
        size += item->key.size;
        if (item->value.type == ATTRIBUTE_TEXT)
            size += item->value.text.size;
    }
    return size;
}

static struct cof_text copy_text(struct cof_text text, char **next)
{
    char *data = *next;

    if (text.size > 0)
        memcpy(data, text.data, text.size);
    *next += text.size;
    return (struct cof_text){.data = data, .size = text.size};
}

const struct cof_attributes *cof_attributes_copy(const struct cof_attributes *attributes,
                                                 void *memory)
{
    if (attributes == NULL)
        return NULL;
    struct cof_attributes *copy = memory;
    char *next = (char *)(copy->items + attributes->count);

    copy->count = attributes->count;
    for (size_t i = 0; i < attributes->count; i++) {
        const struct attribute *item = &attributes->items[i];
        copy->items[i] = *item;
        copy->items[i].key = copy_text(item->key, &next);
        if (item->value.type == ATTRIBUTE_TEXT)
            copy->items[i].value.text = copy_text(item->value.text, &next);
    }
    return copy;
}

static enum cof_status parse_object(const struct cof_json *object, struct cof_arena *arena,
                                    const struct cof_attributes **out_attributes,
                                    struct cof_error *err)
{
    if (cof_json_type_of(object) != COF_JSON_OBJECT)
        return COF_FAIL(err, COF_INVALID, "attributes must be a JSON object, not %s",
                        cof_json_type_name(cof_json_type_of(object)));
    size_t count = cof_json_count(object);
    if (count > COF_MAX_ATTRIBUTES)
        return COF_FAIL(err, COF_INVALID, "%zu attributes are over the limit of %d", count,
                        COF_MAX_ATTRIBUTES);
    struct cof_attributes *attributes =
        cof_arena_alloc(arena, sizeof(*attributes) + count * sizeof(attributes->items[0]));
    if (attributes == NULL)
        return COF_FAIL_MEMORY(err);

    for (const struct cof_json *member = cof_json_first(object); member != NULL;
         member = cof_json_next(member)) {
        struct attribute *item = &attributes->items[attributes->count];
        struct cof_text key = cof_json_key(member);
        COF_TRY(cof_attribute_key_check(key, err));
        item->key = cof_arena_copy_text(arena, key);
        if (item->key.data == NULL)
            return COF_FAIL_MEMORY(err);
        COF_TRY(cof_attribute_value_parse(member, key, arena, &item->value, err));
        attributes->count++;
    }
    *out_attributes = attributes;
    return COF_OK;
}

enum cof_status cof_attributes_parse(struct cof_text json, struct cof_arena *arena,
                                     const struct cof_attributes **out_attributes,
                                     struct cof_error *err)
{
    static const struct cof_attributes none = {.count = 0};

    if (json.size == 0) {
        *out_attributes = &none;
        return COF_OK;
    }
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(cof_json_parse(json, NULL, &tree, err));
    return parse_object(cof_json_root(tree), arena, out_attributes, err);
}
