/* Typed attributes of documents, and the filter language over them.
 *
 * The language is OpenAI's vector store filter: {"type":"eq|ne|gt|gte|lt|lte|in|nin","key","value"}
 * and {"type":"and|or","filters":[…]}; of ours are {"type":"prefix"} for the beginning of a text
 * and
 * {"type":"exists","value":true|false}. Values are text, numbers or booleans; in and nin take an
 * array. A comparison of different types is false (ne and nin: true), as is any comparison with an
 * absent attribute except ne, nin and exists. gt/gte/lt/lte order numbers by value and text by
 * bytes — but where the filter's value is an RFC 3339 date or date-time, attributes that are one
 * too by time, in any zone, and a date without a time is its whole day in UTC; other texts are
 * false. Anything not understood is COF_INVALID, never ignored. */
#ifndef COF_INDEX_ATTRIBUTES_H
#define COF_INDEX_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/arena.h>
#include <cof/base/json.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

#define COF_MAX_ATTRIBUTES 32        /* per document */
#define COF_MAX_ATTRIBUTE_KEY 64     /* bytes */
#define COF_MAX_ATTRIBUTE_VALUE 1024 /* bytes */

struct cof_attributes; /* immutable once parsed, lives in its arena */

/* From a flat JSON object as text ("{}" and empty are no attributes). COF_INVALID names the key. */
COF_MUST_USE enum cof_status cof_attributes_parse(struct cof_text json, struct cof_arena *arena,
                                                  const struct cof_attributes **out_attributes,
                                                  struct cof_error *err);

struct cof_filter; /* lives in its arena */

/* depth <= 8, at most 256 comparisons. */
COF_MUST_USE enum cof_status cof_filter_parse(const struct cof_json *json, struct cof_arena *arena,
                                              const struct cof_filter **out_filter,
                                              struct cof_error *err);
/* NULL filter matches everything; NULL attributes are none. */
bool cof_filter_matches(const struct cof_filter *filter, const struct cof_attributes *attributes);

#endif
