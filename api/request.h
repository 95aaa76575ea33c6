/* One request as its handler sees it: who asks, what for, and where the reply goes.
 *
 * A request is moved loop → worker → loop and touched by one of them at a time; a handler runs on a
 * worker and knows nothing of sockets. What must live until the reply is written lies in the call's
 * arena. */
#ifndef COF_API_REQUEST_H
#define COF_API_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/api/server.h>
#include <cof/base/json.h>
#include <cof/service/service.h>

#include "http_head.h"
#include "http_uri.h"

struct cof_lanes;
struct cof_request;

/* What every request may read; constant while the server runs. */
struct cof_api {
    struct cof_service *service;
    struct cof_metrics *metrics; /* may be NULL */
    const struct cof_clock *clock;
    const char *version;
    int64_t started_s; /* wall clock */
    size_t max_head_bytes;
    size_t max_json_bytes;
    size_t max_bulk_bytes;
    size_t max_line_bytes;
    long request_timeout_ms;
    long generate_timeout_ms;
    struct cof_lanes *lanes; /* for the queue gauges */
    cof_log_fn log;
    void *log_context;
};

/* Which threads run it. */
enum cof_lane {
    COF_LANE_LOOP, /* at once, on the loop: must not wait for anything */
    COF_LANE_REQUEST,
    COF_LANE_BULK, /* documents: as long as embedding takes, so no question stands behind them */
    COF_LANE_GENERATE,
};

enum cof_body_kind {
    COF_BODY_NONE,
    COF_BODY_JSON,
    COF_BODY_DOCUMENTS, /* NDJSON in batches, or one JSON document */
};

#define COF_MAX_ROUTE_PARAMETERS 2

struct cof_route {
    const char *path; /* "{name}" takes one segment */
    enum cof_http_method method;
    enum cof_lane lane;
    enum cof_body_kind body;
    bool is_open; /* answers without a key */
    /* Fills request->reply, or fails. */
    enum cof_status (*run)(struct cof_request *request, struct cof_error *err);
};

struct cof_reply {
    unsigned status;
    const char *content_type;
    struct cof_buffer body;
};

/* One line of a bulk upload, in request->body. */
struct cof_bulk_line {
    size_t begin;
    size_t size;
    uint64_t number;  /* from 1, as the client counts */
    bool is_too_long; /* its text was thrown away */
};

#define COF_MAX_KEY_BYTES 512

struct cof_request {
    const struct cof_api *api;
    const struct cof_route *route;
    struct cof_call call;
    char key[COF_MAX_KEY_BYTES]; /* as presented; wiped with the request */
    size_t key_size;
    bool is_authenticated;
    struct cof_buffer acting_user;   /* X-Coffer-User: for whom the caller asks */
    struct cof_buffer acting_groups; /* X-Coffer-Groups */
    struct cof_http_uri uri;
    struct cof_text parameters[COF_MAX_ROUTE_PARAMETERS]; /* for the "{…}" of the path, in order */
    struct cof_buffer body;
    struct cof_json_tree *tree; /* of a JSON body */
    const struct cof_json *json;
    struct cof_reply reply;

    /* A bulk upload's batch, and what became of each line. */
    struct cof_buffer lines;   /* struct cof_bulk_line */
    size_t line_begin;         /* the first that has no answer yet */
    bool has_answered;         /* lines of an earlier batch have been answered */
    struct cof_buffer results; /* NDJSON */

    /* Set where a request fails: which field, and a code more telling than the status's own. */
    struct cof_text param;
    const char *code;
    enum cof_status failure; /* COF_OK unless it failed */

    /* Sends a piece of a streamed reply; the first one sends its head too. False when too much of
     * it waits for the client. Nothing is lost after a cancellation: the last word must get out. */
    bool (*send)(struct cof_request *request, struct cof_text piece);
};

/* Authenticates, parses the body, runs the route's handler; a failure becomes the reply. */
void cof_request_run(struct cof_request *request);
/* Only the first of these. */
void cof_request_authenticate(struct cof_request *request);
/* Makes `err` the reply. */
void cof_request_fail(struct cof_request *request, const struct cof_error *err);
/* Wipes and releases everything. */
void cof_request_deinit(struct cof_request *request);

/* The problem an error of this request is, with its param and code. */
struct cof_problem;
void cof_request_problem(const struct cof_request *request, const struct cof_error *err,
                         struct cof_problem *out_problem);

/* "0198f2c4-…": the call's id as text. */
void cof_request_id_format(const uint8_t id[16], char out_text[37]);

/* The id of a vector store for a reply: `id_or_name` where it is an id already, else looked up. */
COF_MUST_USE enum cof_status cof_request_store_id(struct cof_request *request,
                                                  struct cof_text id_or_name,
                                                  struct cof_text *out_id, struct cof_error *err);

/* Puts a JSON text that we stored as a value; {} where it does not parse. */
void cof_request_put_json(struct cof_json_writer *writer, struct cof_text json);

#endif
