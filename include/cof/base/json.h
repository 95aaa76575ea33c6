/* JSON in and out (RFC 8259), strict.
 *
 * Reading is cJSON behind a pre-scan of ours that refuses what cJSON forgives: invalid UTF-8,
 * NUL bytes and \u0000, lone surrogates, duplicate keys, nesting deeper than the limit, numbers
 * out of double's range, trailing bytes. The tree is read-only and may be read from any thread.
 *
 * Typed getters exist in two strengths. `cof_json_find` returns NULL where a member is absent.
 * `cof_json_get_…` fill *out only when the member is present and not null, and fail with
 * COF_INVALID naming the member when it has the wrong type ("'top_n' must be a whole number");
 * so one call per field both reads and checks it. */
#ifndef COF_BASE_JSON_H
#define COF_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

struct cof_json;      /* any value; borrowed from its document */
struct cof_json_tree; /* a parsed document */

struct cof_json_limits {
    size_t max_bytes; /* 0 = 1 MiB */
    size_t max_depth; /* arrays and objects inside one another; 0 = 32, never more than 512 */
    size_t max_nodes; /* 0 = 100,000 values in all, keys not counted */
};

enum cof_json_type {
    COF_JSON_NULL,
    COF_JSON_BOOL,
    COF_JSON_NUMBER,
    COF_JSON_STRING,
    COF_JSON_ARRAY,
    COF_JSON_OBJECT,
};

/* Parses exactly one JSON value. Fails with COF_INVALID (message says what and at which byte, or
 * which key comes twice), COF_TOO_LARGE (more bytes or values than the limits; too deep is
 * COF_INVALID) or COF_NO_MEMORY. A number of more than 63 characters is COF_INVALID too. `limits`
 * NULL means the defaults. The tree is owned by the caller and keeps nothing of `text`. */
COF_MUST_USE enum cof_status cof_json_parse(struct cof_text text,
                                            const struct cof_json_limits *limits,
                                            struct cof_json_tree **out_tree, struct cof_error *err);
void cof_json_tree_destroy(struct cof_json_tree *tree);
void cof_json_tree_cleanup(struct cof_json_tree **tree); /* for COF_CLEANUP */
const struct cof_json *cof_json_root(const struct cof_json_tree *tree);

enum cof_json_type cof_json_type_of(const struct cof_json *value);
const char *cof_json_type_name(enum cof_json_type type);
/* Member of an object by exact key, NULL when absent or not an object. */
const struct cof_json *cof_json_find(const struct cof_json *object, const char *key);
/* Items of an array or members of an object, in order: first, then next; NULL at the end. */
size_t cof_json_count(const struct cof_json *value);
const struct cof_json *cof_json_first(const struct cof_json *container);
const struct cof_json *cof_json_next(const struct cof_json *value);
struct cof_text cof_json_key(const struct cof_json *member); /* empty for array items */
/* Value of a string / number / bool; empty, 0, false for other types. */
struct cof_text cof_json_text(const struct cof_json *value);
double cof_json_number(const struct cof_json *value);
bool cof_json_bool(const struct cof_json *value);
/* True when the number is whole and within ±2^53. */
bool cof_json_is_whole(const struct cof_json *value, int64_t *out_value);

COF_MUST_USE enum cof_status cof_json_get_text(const struct cof_json *object, const char *key,
                                               struct cof_text *out, struct cof_error *err);
COF_MUST_USE enum cof_status cof_json_get_bool(const struct cof_json *object, const char *key,
                                               bool *out, struct cof_error *err);
/* Also COF_INVALID outside [min, max], naming both. */
COF_MUST_USE enum cof_status cof_json_get_integer(const struct cof_json *object, const char *key,
                                                  int64_t min, int64_t max, int64_t *out,
                                                  struct cof_error *err);
COF_MUST_USE enum cof_status cof_json_get_number(const struct cof_json *object, const char *key,
                                                 double min, double max, double *out,
                                                 struct cof_error *err);
COF_MUST_USE enum cof_status cof_json_get_array(const struct cof_json *object, const char *key,
                                                const struct cof_json **out, struct cof_error *err);
COF_MUST_USE enum cof_status cof_json_get_object(const struct cof_json *object, const char *key,
                                                 const struct cof_json **out,
                                                 struct cof_error *err);
/* Like the getters, but absent or null is COF_INVALID too ("'query' is required"). */
COF_MUST_USE enum cof_status cof_json_need_text(const struct cof_json *object, const char *key,
                                                struct cof_text *out, struct cof_error *err);
/* COF_INVALID "unknown field 'x'" when the object has a member not in `keys` (NULL-terminated). */
COF_MUST_USE enum cof_status cof_json_only_keys(const struct cof_json *object,
                                                const char *const *keys, struct cof_error *err);

/* Serialises a parsed value again, compact. */
void cof_json_write_value(struct cof_buffer *out, const struct cof_json *value);

/* A streaming writer: commas and nesting are its business. Invalid UTF-8 in text is written as
 * U+FFFD, so the output is always valid JSON. Non-finite numbers are written as null. */
struct cof_json_writer {
    struct cof_buffer *out;
    uint64_t has_items; /* one bit per open level */
    unsigned depth;     /* at most 60 */
    bool is_after_key;
};

struct cof_json_writer cof_json_writer_to(struct cof_buffer *out);
void cof_json_begin_object(struct cof_json_writer *writer);
void cof_json_end_object(struct cof_json_writer *writer);
void cof_json_begin_array(struct cof_json_writer *writer);
void cof_json_end_array(struct cof_json_writer *writer);
void cof_json_put_key(struct cof_json_writer *writer, const char *key);
void cof_json_put_key_text(struct cof_json_writer *writer, struct cof_text key);
void cof_json_put_text(struct cof_json_writer *writer, struct cof_text text);
void cof_json_put_string(struct cof_json_writer *writer, const char *string); /* NULL → null */
void cof_json_put_integer(struct cof_json_writer *writer, int64_t value);
void cof_json_put_unsigned(struct cof_json_writer *writer, uint64_t value);
void cof_json_put_number(struct cof_json_writer *writer, double value); /* shortest round trip */
void cof_json_put_float(struct cof_json_writer *writer,
                        float value); /* 9 significant digits or fewer */
void cof_json_put_bool(struct cof_json_writer *writer, bool value);
void cof_json_put_null(struct cof_json_writer *writer);
void cof_json_put_value(struct cof_json_writer *writer, const struct cof_json *value);
/* key and value in one call */
void cof_json_member_text(struct cof_json_writer *writer, const char *key, struct cof_text text);
void cof_json_member_string(struct cof_json_writer *writer, const char *key, const char *string);
void cof_json_member_integer(struct cof_json_writer *writer, const char *key, int64_t value);
void cof_json_member_unsigned(struct cof_json_writer *writer, const char *key, uint64_t value);
void cof_json_member_number(struct cof_json_writer *writer, const char *key, double value);
void cof_json_member_bool(struct cof_json_writer *writer, const char *key, bool value);
void cof_json_member_null(struct cof_json_writer *writer, const char *key);

#endif
