/* Typed getters: one call reads a field and says in plain words what is wrong with it. */
#include <cof/base/json.h>

/* The member, or NULL when absent or null. */
static const struct cof_json *find_present(const struct cof_json *object, const char *key)
{
    const struct cof_json *member = cof_json_find(object, key);
    return member != NULL && cof_json_type_of(member) != COF_JSON_NULL ? member : NULL;
}

/* *out_member is NULL when absent or null. */
static enum cof_status get_typed(const struct cof_json *object, const char *key,
                                 enum cof_json_type type, const char *expected,
                                 const struct cof_json **out_member, struct cof_error *err)
{
    const struct cof_json *member = find_present(object, key);
    if (member != NULL && cof_json_type_of(member) != type)
        return COF_FAIL(err, COF_INVALID, "'%s' must be %s", key, expected);
    *out_member = member;
    return COF_OK;
}

enum cof_status cof_json_get_text(const struct cof_json *object, const char *key,
                                  struct cof_text *out, struct cof_error *err)
{
    const struct cof_json *member = NULL;
    COF_TRY(get_typed(object, key, COF_JSON_STRING, "a string", &member, err));
    if (member != NULL)
        *out = cof_json_text(member);
    return COF_OK;
}

enum cof_status cof_json_get_bool(const struct cof_json *object, const char *key, bool *out,
                                  struct cof_error *err)
{
    const struct cof_json *member = NULL;
    COF_TRY(get_typed(object, key, COF_JSON_BOOL, "true or false", &member, err));
    if (member != NULL)
        *out = cof_json_bool(member);
    return COF_OK;
}

enum cof_status cof_json_get_integer(const struct cof_json *object, const char *key, int64_t min,
                                     int64_t max, int64_t *out, struct cof_error *err)
{
    const struct cof_json *member = NULL;
    int64_t value = 0;
    COF_TRY(get_typed(object, key, COF_JSON_NUMBER, "a whole number", &member, err));
    if (member == NULL)
        return COF_OK;
    if (!cof_json_is_whole(member, &value))
        return COF_FAIL(err, COF_INVALID, "'%s' must be a whole number", key);
    if (value < min || value > max)
        return COF_FAIL(err, COF_INVALID, "'%s' must be between %lld and %lld", key, (long long)min,
                        (long long)max);
    *out = value;
    return COF_OK;
}

enum cof_status cof_json_get_number(const struct cof_json *object, const char *key, double min,
                                    double max, double *out, struct cof_error *err)
{
    const struct cof_json *member = NULL;
    COF_TRY(get_typed(object, key, COF_JSON_NUMBER, "a number", &member, err));
    if (member == NULL)
        return COF_OK;
    double value = cof_json_number(member);
    if (!(value >= min && value <= max))
        return COF_FAIL(err, COF_INVALID, "'%s' must be between %g and %g", key, min, max);
    *out = value;
    return COF_OK;
}

enum cof_status cof_json_get_array(const struct cof_json *object, const char *key,
                                   const struct cof_json **out, struct cof_error *err)
{
    const struct cof_json *member = NULL;
    COF_TRY(get_typed(object, key, COF_JSON_ARRAY, "an array", &member, err));
    if (member != NULL)
        *out = member;
    return COF_OK;
}

enum cof_status cof_json_get_object(const struct cof_json *object, const char *key,
                                    const struct cof_json **out, struct cof_error *err)
{
    const struct cof_json *member = NULL;
    COF_TRY(get_typed(object, key, COF_JSON_OBJECT, "an object", &member, err));
    if (member != NULL)
        *out = member;
    return COF_OK;
}

enum cof_status cof_json_need_text(const struct cof_json *object, const char *key,
                                   struct cof_text *out, struct cof_error *err)
{
    if (find_present(object, key) == NULL)
        return COF_FAIL(err, COF_INVALID, "'%s' is required", key);
    return cof_json_get_text(object, key, out, err);
}

enum cof_status cof_json_only_keys(const struct cof_json *object, const char *const *keys,
                                   struct cof_error *err)
{
    if (object == NULL || cof_json_type_of(object) != COF_JSON_OBJECT)
        return COF_OK;
    for (const struct cof_json *member = cof_json_first(object); member != NULL;
         member = cof_json_next(member)) {
        struct cof_text key = cof_json_key(member);
        size_t i = 0;
        while (keys[i] != NULL && !cof_text_equal(key, cof_text_from(keys[i])))
            i++;
        if (keys[i] == NULL)
            return COF_FAIL(err, COF_INVALID, "unknown field '%.64s'", key.data);
    }
    return COF_OK;
}
