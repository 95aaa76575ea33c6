/* What went wrong, as a client of the OpenAI API expects to read it.
 *
 * The one table from status to HTTP: {"error":{"message","type","param","code"}}. */
#ifndef COF_API_PROBLEM_H
#define COF_API_PROBLEM_H

#include <cof/base/buffer.h>
#include <cof/base/json.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

struct cof_problem {
    unsigned http_status;
    const char *type;      /* "invalid_request_error", … */
    const char *code;      /* NULL = null */
    struct cof_text param; /* empty = null */
    struct cof_text message;
};

/* The problem that an error is; `message` is borrowed from it. */
struct cof_problem cof_problem_of_error(const struct cof_error *err);
/* The problem that an HTTP status is, where no error of ours stands behind it. `message` static. */
struct cof_problem cof_problem_of_http(unsigned http_status, const char *message);

/* {"error":{…}} */
void cof_problem_write(struct cof_buffer *out, const struct cof_problem *problem);
/* The inner object, as a value. */
void cof_problem_put(struct cof_json_writer *writer, const struct cof_problem *problem);

#endif
