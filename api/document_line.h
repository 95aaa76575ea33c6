/* One document as JSON: a line of a bulk upload, or a request's body. */
#ifndef COF_API_DOCUMENT_LINE_H
#define COF_API_DOCUMENT_LINE_H

#include <cof/base/json.h>
#include <cof/base/status.h>
#include <cof/service/service.h>

#include "request.h"

struct cof_document_line {
    struct cof_json_tree *tree; /* views below live in it; NULL when not its owner */
    struct cof_text store;      /* vector_store_id */
    struct cof_text id;         /* as given; empty when absent */
    struct cof_ingest_document document;
    struct cof_text param; /* which member is wrong, in the request's arena */
    struct cof_ingest_result result;
    struct cof_error error; /* status COF_OK while nothing is wrong */
};

/* Fills `line` from an object. Unknown members are refused: a misspelt access list would make a
 * document public. */
COF_MUST_USE enum cof_status cof_document_line_parse(struct cof_request *request,
                                                     const struct cof_json *object,
                                                     struct cof_document_line *line,
                                                     struct cof_error *err);
/* {"id","status","chunks","version","error"}; `number` 0 = not a line. */
void cof_document_line_put(struct cof_json_writer *writer, const struct cof_request *request,
                           const struct cof_document_line *line, uint64_t number);

#endif
