/* A chat request: OpenAI's members, and the three ways clients have to say which documents. */
#ifndef COF_API_CHAT_REQUEST_H
#define COF_API_CHAT_REQUEST_H

#include <stdbool.h>

#include <cof/base/status.h>
#include <cof/service/service.h>

#include "request.h"

struct cof_chat_request {
    struct cof_service_chat wanted; /* views live in the request's body and arena */
    bool is_streamed;
    bool must_count; /* stream_options.include_usage */
};

COF_MUST_USE enum cof_status cof_chat_request_parse(struct cof_request *request,
                                                    struct cof_chat_request *out_chat,
                                                    struct cof_error *err);

/* chat_retrieval.c: vector_store_ids, data_sources or a file_search tool into `chat`. */
COF_MUST_USE enum cof_status cof_chat_retrieval_parse(struct cof_request *request,
                                                      struct cof_service_chat *chat,
                                                      struct cof_error *err);

#endif
