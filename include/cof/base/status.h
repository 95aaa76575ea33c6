/* How every function of Coffer says whether it succeeded, and why not.
 *
 * A status exists only if some caller acts on it. The message is written once, where the error is
 * born, by COF_FAIL, and passed up untouched by COF_TRY. The record is carried explicitly, by
 * value: it crosses from worker threads to the event loop, so a thread-local would be wrong.
 *
 * Rules: on failure `out_` parameters are untouched; on success `err` is untouched. `err` may be
 * NULL where the caller does not care. Messages are one plain English sentence without a full stop,
 * without secrets and without document text, and name the cure where the user has one. */
#ifndef COF_BASE_STATUS_H
#define COF_BASE_STATUS_H

enum cof_status {
    COF_OK = 0,
    COF_INVALID,     /* the caller's input is wrong: HTTP 400, exit 2 where it was an argument */
    COF_NOT_FOUND,   /* no such thing, or the caller may not know of it: 404 */
    COF_CONFLICT,    /* the state forbids it (exists already, other model, locked folder): 409 */
    COF_DENIED,      /* known caller, not permitted: 403; or unknown caller: 401 */
    COF_LIMITED,     /* a queue or rate is full, try again later: 429 */
    COF_TOO_LARGE,   /* over a configured size: 413 */
    COF_TIMEOUT,     /* a deadline passed: 504 */
    COF_CANCELED,    /* the one who asked has left */
    COF_NO_MEMORY,   /* allocation failed: 503 */
    COF_IO,          /* the operating system refused: 500 */
    COF_CORRUPT,     /* stored bytes do not authenticate or do not parse: 500 */
    COF_UNAVAILABLE, /* not now: audit cannot be written, model is loading, shutting down: 503 */
    COF_INTERNAL,    /* our own bug */
};

struct cof_error {
    enum cof_status status;
    const char *where; /* "file.c:123", static storage */
    char message[240]; /* NUL-terminated UTF-8, truncated at a character boundary */
};

/* What an operator should know and no caller is waiting for (a fallback taken, a file rebuilt).
 * Folders below src/service report through it instead of logging. May be called from any thread. */
typedef void (*cof_notice_fn)(void *context, const char *message);

#define COF_MUST_USE __attribute__((warn_unused_result))
#define COF_PRINTF(format_index, first_index)                                                      \
    __attribute__((format(printf, format_index, first_index)))
#define COF_NORETURN __attribute__((noreturn))
/* Releases a local when it leaves scope: `COF_CLEANUP(cof_arena_deinit) struct cof_arena a = {0};`.
 * `function` takes a pointer to the variable. */
#define COF_CLEANUP(function) __attribute__((cleanup(function)))

/* Writes the record and returns `status`. Use through COF_FAIL. */
enum cof_status cof_error_set(struct cof_error *err, enum cof_status status, const char *where,
                              const char *format, ...) COF_PRINTF(4, 5);

/* "not_found" and so on: stable lower-case names for logs, audit records and JSON. */
const char *cof_status_name(enum cof_status status);

#define COF_STRING_(x) #x
#define COF_STRING(x) COF_STRING_(x)
#define COF_WHERE __FILE_NAME__ ":" COF_STRING(__LINE__)

/* The status stands outside the call, so that an analyser sees that it is not COF_OK. */
#define COF_FAIL(err, status, ...)                                                                 \
    ((void)cof_error_set((err), (status), COF_WHERE, __VA_ARGS__), (enum cof_status)(status))

/* Fails with COF_NO_MEMORY; the one message for it. */
#define COF_FAIL_MEMORY(err)                                                                       \
    ((void)cof_error_set((err), COF_NO_MEMORY, COF_WHERE, "out of memory"),                        \
     (enum cof_status)COF_NO_MEMORY)

/* Passes a failure up untouched. The only macro that returns. */
#define COF_TRY(call)                                                                              \
    do {                                                                                           \
        enum cof_status cof_try_status_ = (call);                                                  \
        if (cof_try_status_ != COF_OK) {                                                           \
            return cof_try_status_;                                                                \
        }                                                                                          \
    } while (0)

#endif
