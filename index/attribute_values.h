/* What attributes and filters share: typed values and their comparison. */
#ifndef COF_INDEX_ATTRIBUTE_VALUES_H
#define COF_INDEX_ATTRIBUTE_VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/arena.h>
#include <cof/base/json.h>
#include <cof/base/text.h>
#include <cof/index/attributes.h>

enum attribute_type {
    ATTRIBUTE_TEXT,
    ATTRIBUTE_NUMBER,
    ATTRIBUTE_BOOL,
};

struct attribute_value {
    enum attribute_type type;
    union {
        struct cof_text text;
        double number;
        bool boolean;
    };
};

struct attribute {
    struct cof_text key;
    struct attribute_value value;
};

struct cof_attributes {
    size_t count;
    struct attribute items[];
};

/* NULL when absent. `attributes` may be NULL. */
const struct attribute_value *cof_attributes_find(const struct cof_attributes *attributes,
                                                  struct cof_text key);

/* Copies a scalar into the arena. COF_INVALID, naming `key`, for anything else and for text that is
 * too long. */
COF_MUST_USE enum cof_status cof_attribute_value_parse(const struct cof_json *json,
                                                       struct cof_text key, struct cof_arena *arena,
                                                       struct attribute_value *out_value,
                                                       struct cof_error *err);
/* COF_INVALID when it is empty or too long. */
COF_MUST_USE enum cof_status cof_attribute_key_check(struct cof_text key, struct cof_error *err);

/* <0, 0, >0; values of different types are ordered by type, so that lists of both can be sorted. */
int cof_attribute_value_compare(const struct attribute_value *a, const struct attribute_value *b);

/* Bytes that cof_attributes_copy() needs; 0 for NULL. */
size_t cof_attributes_copy_size(const struct cof_attributes *attributes);
/* A copy, texts included, in memory aligned for any type; NULL for NULL. */
const struct cof_attributes *cof_attributes_copy(const struct cof_attributes *attributes,
                                                 void *memory);

#endif
