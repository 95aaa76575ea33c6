/* Typed members of a JSON request, with the name of the one that is wrong. */
#include "fields.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Remembers which member failed. */
static enum cof_status blame(const struct cof_fields *fields, const char *key,
                             enum cof_status status)
{
    if (status != COF_OK) {
        struct cof_request *request = fields->request;
        request->param = cof_arena_format(&request->call.arena, "%s%s", fields->place, key);
    }
    return status;
}

struct cof_fields cof_fields_of(struct cof_request *request)
{
    return (struct cof_fields){.request = request, .object = request->json, .place = ""};
}

struct cof_fields cof_fields_in(const struct cof_fields *fields, const struct cof_json *object,
                                const char *place)
{
    return (struct cof_fields){.request = fields->request, .object = object, .place = place};
}

enum cof_status cof_fields_text(const struct cof_fields *fields, const char *key,
                                struct cof_text *out, struct cof_error *err)
{
    return blame(fields, key, cof_json_get_text(fields->object, key, out, err));
}

enum cof_status cof_fields_bool(const struct cof_fields *fields, const char *key, bool *out,
                                struct cof_error *err)
{
    return blame(fields, key, cof_json_get_bool(fields->object, key, out, err));
}

enum cof_status cof_fields_size(const struct cof_fields *fields, const char *key, size_t min,
                                size_t max, size_t *out, struct cof_error *err)
{
    int64_t value = (int64_t)*out;
    enum cof_status status =
        cof_json_get_integer(fields->object, key, (int64_t)min, (int64_t)max, &value, err);
    COF_TRY(blame(fields, key, status));
    *out = (size_t)value;
    return COF_OK;
}

enum cof_status cof_fields_number(const struct cof_fields *fields, const char *key, double min,
                                  double max, double *out, struct cof_error *err)
{
    return blame(fields, key, cof_json_get_number(fields->object, key, min, max, out, err));
}

enum cof_status cof_fields_array(const struct cof_fields *fields, const char *key,
                                 const struct cof_json **out, struct cof_error *err)
{
    return blame(fields, key, cof_json_get_array(fields->object, key, out, err));
}

enum cof_status cof_fields_object(const struct cof_fields *fields, const char *key,
                                  const struct cof_json **out, struct cof_error *err)
{
    return blame(fields, key, cof_json_get_object(fields->object, key, out, err));
}

enum cof_status cof_fields_need_text(const struct cof_fields *fields, const char *key,
                                     struct cof_text *out, struct cof_error *err)
{
    return blame(fields, key, cof_json_need_text(fields->object, key, out, err));
}

enum cof_status cof_fields_texts(const struct cof_fields *fields, const char *key, size_t max,
                                 const struct cof_text **out_texts, size_t *out_count,
                                 struct cof_error *err)
{
    const struct cof_json *array = NULL;
    COF_TRY(cof_fields_array(fields, key, &array, err));
    if (array == NULL) {
        return COF_OK;
    }
    size_t count = cof_json_count(array);
    if (count > max) {
        return cof_fields_refuse(fields, key, err, "'%s' has %zu items; at most %zu are allowed",
                                 key, count, max);
    }
    struct cof_text *texts = cof_arena_array(&fields->request->call.arena, count, sizeof(*texts));
    if (texts == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t i = 0;
    for (const struct cof_json *item = cof_json_first(array); item != NULL;
         item = cof_json_next(item)) {
        if (cof_json_type_of(item) != COF_JSON_STRING) {
            return cof_fields_refuse(fields, key, err, "'%s' must be an array of strings", key);
        }
        texts[i++] = cof_json_text(item);
    }
    *out_texts = texts;
    *out_count = count;
    return COF_OK;
}

enum cof_status cof_fields_text_or_texts(const struct cof_fields *fields, const char *key,
                                         size_t max, const struct cof_text **out_texts,
                                         size_t *out_count, struct cof_error *err)
{
    const struct cof_json *value = cof_json_find(fields->object, key);
    enum cof_json_type type = value != NULL ? cof_json_type_of(value) : COF_JSON_NULL;
    if (type == COF_JSON_ARRAY) {
        if (cof_json_count(value) == 0) {
            return cof_fields_refuse(fields, key, err, "'%s' must have at least one text", key);
        }
        return cof_fields_texts(fields, key, max, out_texts, out_count, err);
    }
    if (type != COF_JSON_STRING) {
        return cof_fields_refuse(fields, key, err, "'%s' must be a string or an array of strings",
                                 key);
    }
    struct cof_text *text = cof_arena_array(&fields->request->call.arena, 1, sizeof(*text));
    if (text == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    *text = cof_json_text(value);
    *out_texts = text;
    *out_count = 1;
    return COF_OK;
}

enum cof_status cof_fields_choice(const struct cof_fields *fields, const char *key,
                                  const char *const *names, size_t name_count, size_t *out,
                                  struct cof_error *err)
{
    struct cof_text name = {0};
    COF_TRY(cof_fields_text(fields, key, &name, err));
    if (name.data == NULL) {
        return COF_OK;
    }
    char list[160] = "";
    size_t used = 0;
    for (size_t i = 0; i < name_count; i++) {
        if (cof_text_equal(name, cof_text_from(names[i]))) {
            *out = i;
            return COF_OK;
        }
        int length =
            snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", names[i]);
        used += length > 0 && (size_t)length < sizeof(list) - used ? (size_t)length : 0;
    }
    return cof_fields_refuse(fields, key, err, "'%s' must be one of: %s", key, list);
}

enum cof_status cof_fields_only(const struct cof_fields *fields, const char *const *keys,
                                struct cof_error *err)
{
    for (const struct cof_json *member = cof_json_first(fields->object); member != NULL;
         member = cof_json_next(member)) {
        struct cof_text key = cof_json_key(member);
        size_t i = 0;
        while (keys[i] != NULL && !cof_text_equal(key, cof_text_from(keys[i]))) {
            i++;
        }
        if (keys[i] == NULL) {
            char name[65];
            (void)snprintf(name, sizeof(name), "%.*s", COF_TEXT_ARG(cof_text_slice(key, 0, 64)));
            return cof_fields_refuse(fields, name, err, "unknown field '%s%s'", fields->place,
                                     name);
        }
    }
    return COF_OK;
}

enum cof_status cof_fields_refuse(const struct cof_fields *fields, const char *key,
                                  struct cof_error *err, const char *format, ...)
{
    char message[240];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    return blame(fields, key, COF_FAIL(err, COF_INVALID, "%s", message));
}

enum cof_status cof_fields_query_size(struct cof_request *request, const char *key, size_t min,
                                      size_t max, size_t *out, struct cof_error *err)
{
    const struct cof_fields fields = {.request = request, .place = ""};
    struct cof_text text = {0};
    uint64_t value = 0;
    COF_TRY(blame(&fields, key, cof_http_uri_get(&request->uri, key, &text, err)));
    if (text.data == NULL) {
        return COF_OK;
    }
    if (!cof_text_parse_u64(text, &value) || value < min || value > max) {
        return cof_fields_refuse(&fields, key, err,
                                 "'%s' must be a whole number between %zu and %zu", key, min, max);
    }
    *out = (size_t)value;
    return COF_OK;
}
