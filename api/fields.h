/* Members of a JSON request, read and checked in one call; a failure names the member as `param`.
 */
#ifndef COF_API_FIELDS_H
#define COF_API_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/json.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

#include "request.h"

struct cof_fields {
    struct cof_request *request;
    const struct cof_json *object;
    const char *place; /* "" or "ranking_options.", set before the member's name */
};

struct cof_fields cof_fields_of(struct cof_request *request);
/* The members of an object inside, `place` its path with a dot at the end. */
struct cof_fields cof_fields_in(const struct cof_fields *fields, const struct cof_json *object,
                                const char *place);

/* Absent and null leave *out as it is. */
COF_MUST_USE enum cof_status cof_fields_text(const struct cof_fields *fields, const char *key,
                                             struct cof_text *out, struct cof_error *err);
COF_MUST_USE enum cof_status cof_fields_bool(const struct cof_fields *fields, const char *key,
                                             bool *out, struct cof_error *err);
COF_MUST_USE enum cof_status cof_fields_size(const struct cof_fields *fields, const char *key,
                                             size_t min, size_t max, size_t *out,
                                             struct cof_error *err);
COF_MUST_USE enum cof_status cof_fields_number(const struct cof_fields *fields, const char *key,
                                               double min, double max, double *out,
                                               struct cof_error *err);
COF_MUST_USE enum cof_status cof_fields_array(const struct cof_fields *fields, const char *key,
                                              const struct cof_json **out, struct cof_error *err);
COF_MUST_USE enum cof_status cof_fields_object(const struct cof_fields *fields, const char *key,
                                               const struct cof_json **out, struct cof_error *err);
/* A member that must be there. */
COF_MUST_USE enum cof_status cof_fields_need_text(const struct cof_fields *fields, const char *key,
                                                  struct cof_text *out, struct cof_error *err);
/* An array of 0 … max strings; absent leaves the out parameters as they are. */
COF_MUST_USE enum cof_status cof_fields_texts(const struct cof_fields *fields, const char *key,
                                              size_t max, const struct cof_text **out_texts,
                                              size_t *out_count, struct cof_error *err);
/* One string, or an array of 1 … max strings; must be there. */
COF_MUST_USE enum cof_status cof_fields_text_or_texts(const struct cof_fields *fields,
                                                      const char *key, size_t max,
                                                      const struct cof_text **out_texts,
                                                      size_t *out_count, struct cof_error *err);
/* One of the names; *out is its position. */
COF_MUST_USE enum cof_status cof_fields_choice(const struct cof_fields *fields, const char *key,
                                               const char *const *names, size_t name_count,
                                               size_t *out, struct cof_error *err);
/* No members but these (NULL-terminated). */
COF_MUST_USE enum cof_status cof_fields_only(const struct cof_fields *fields,
                                             const char *const *keys, struct cof_error *err);

/* Fails with COF_INVALID and this member as `param`. */
COF_MUST_USE enum cof_status cof_fields_refuse(const struct cof_fields *fields, const char *key,
                                               struct cof_error *err, const char *format, ...)
    COF_PRINTF(4, 5);

/* A whole number of the query string, checked like a field. */
COF_MUST_USE enum cof_status cof_fields_query_size(struct cof_request *request, const char *key,
                                                   size_t min, size_t max, size_t *out,
                                                   struct cof_error *err);

#endif
