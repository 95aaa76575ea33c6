/* Request targets: the path in decoded segments and the query in decoded parameters.
 *
 * Strict, because a path that two readers understand differently is a way around a rule: NUL, an
 * encoded slash, dot segments, broken percent signs and broken UTF-8 are refused, not repaired. */
#ifndef COF_API_HTTP_URI_H
#define COF_API_HTTP_URI_H

#include <stddef.h>

#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

#define COF_HTTP_MAX_SEGMENTS 16
#define COF_HTTP_MAX_PARAMETERS 32

struct cof_http_parameter {
    struct cof_text name;
    struct cof_text value;
};

struct cof_http_uri {
    struct cof_text segments[COF_HTTP_MAX_SEGMENTS]; /* "/v1/models" is "v1", "models" */
    size_t segment_count;
    struct cof_http_parameter parameters[COF_HTTP_MAX_PARAMETERS];
    size_t parameter_count;
};

/* Parses an origin-form target ("/path?query"). Everything decoded lives in the arena. COF_INVALID
 * says what is wrong with it. */
COF_MUST_USE enum cof_status cof_http_uri_parse(struct cof_text target, struct cof_arena *arena,
                                                struct cof_http_uri *out_uri,
                                                struct cof_error *err);

/* Sets *out_value when the parameter is there; COF_INVALID when it is there twice. */
COF_MUST_USE enum cof_status cof_http_uri_get(const struct cof_http_uri *uri, const char *name,
                                              struct cof_text *out_value, struct cof_error *err);

/* Appends `text` so that it can stand in a path segment or a query value. */
void cof_http_uri_encode(struct cof_buffer *out, struct cof_text text);

#endif
