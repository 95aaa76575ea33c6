/* A batch of lines: each parsed by itself, those of one store put together, answered in order.
 *
 * One bad line fails alone. What fails the whole call of a store (no such store, another model)
 * fails that store's lines. What would fail every call (not permitted, audit not writable,
 * cancelled) ends the batch: its lines are answered as failed and the upload stops. */
#include "handle_bulk.h"

#include <string.h>

#include "document_line.h"

#define GROUP_LINES 64 /* put in one call at most */

struct group {
    const struct cof_bulk_line *places;
    size_t count;
    struct cof_document_line lines[GROUP_LINES];
    bool is_put[GROUP_LINES];
};

static void parse_line(struct cof_request *request, const struct cof_bulk_line *place,
                       struct cof_document_line *line)
{
    const struct cof_api *api = request->api;
    struct cof_error err = {0};
    if (place->is_too_long) {
        (void)COF_FAIL(&line->error, COF_TOO_LARGE, "the line is over %zu bytes",
                       api->max_line_bytes);
        return;
    }
    const struct cof_json_limits limits = {.max_bytes = api->max_line_bytes};
    struct cof_text text =
        cof_text_slice(cof_buffer_text(&request->body), place->begin, place->begin + place->size);
    if (cof_json_parse(text, &limits, &line->tree, &err) != COF_OK ||
        cof_document_line_parse(request, cof_json_root(line->tree), line, &err) != COF_OK) {
        line->error = err;
        line->param = request->param;
        request->param = (struct cof_text){0};
    }
}

/* Lines that nothing was decided about: there are some only after a failure. */
static void fail_rest(struct group *group, const struct cof_error *err)
{
    for (size_t i = 0; i < group->count; i++) {
        if (!group->is_put[i] && group->lines[i].error.status == COF_OK) {
            group->lines[i].error = *err;
        }
    }
}

/* Whether it is the caller or the server that failed, not this store's documents. */
static bool ends_upload(enum cof_status status)
{
    switch (status) {
    case COF_DENIED:
    case COF_LIMITED:
    case COF_TIMEOUT:
    case COF_CANCELED:
    case COF_NO_MEMORY:
    case COF_UNAVAILABLE:
        return true;
    case COF_OK:
    case COF_INVALID:
    case COF_NOT_FOUND:
    case COF_CONFLICT:
    case COF_TOO_LARGE:
    case COF_IO:
    case COF_CORRUPT:
    case COF_INTERNAL:
        break;
    }
    return false;
}

/* Puts every line that belongs to the store of line `first`. */
static enum cof_status put_store(struct cof_request *request, struct group *group, size_t first,
                                 struct cof_error *err)
{
    struct cof_ingest_document documents[GROUP_LINES] = {0};
    size_t members[GROUP_LINES];
    size_t count = 0;
    struct cof_text store = group->lines[first].store;
    for (size_t i = first; i < group->count; i++) {
        if (group->lines[i].error.status == COF_OK && !group->is_put[i] &&
            cof_text_equal(group->lines[i].store, store)) {
            documents[count] = group->lines[i].document;
            members[count++] = i;
        }
    }
    struct cof_ingest_result *results = NULL;
    struct cof_error error = {0};
    enum cof_status status = cof_service_put_documents(request->api->service, &request->call, store,
                                                       documents, count, &results, &error);
    if (ends_upload(status)) {
        *err = error;
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        struct cof_document_line *line = &group->lines[members[i]];
        group->is_put[members[i]] = true;
        if (status == COF_OK) {
            line->result = results[i];
        } else {
            line->error = error;
        }
    }
    return COF_OK;
}

static enum cof_status put_all(struct cof_request *request, struct group *group,
                               struct cof_error *err)
{
    for (size_t i = 0; i < group->count; i++) {
        if (group->lines[i].error.status == COF_OK && !group->is_put[i]) {
            COF_TRY(put_store(request, group, i, err));
        }
    }
    return COF_OK;
}

static void write_results(struct cof_request *request, const struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        struct cof_json_writer writer = cof_json_writer_to(&request->results);
        cof_document_line_put(&writer, request, &group->lines[i], group->places[i].number);
        cof_buffer_append_byte(&request->results, '\n');
    }
}

static bool has_stored(const struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        if (group->is_put[i]) {
            return true;
        }
    }
    return false;
}

/* One group of lines. COF_LIMITED when the rate refused it before anything was stored: nothing is
 * answered then, and the group can be tried again. */
static enum cof_status run_group(struct cof_request *request, struct group *group,
                                 struct cof_error *err)
{
    for (size_t i = 0; i < group->count; i++) {
        parse_line(request, &group->places[i], &group->lines[i]);
    }
    enum cof_status status = put_all(request, group, err);
    bool can_retry = status == COF_LIMITED && !has_stored(group);
    /* Before the first answer a failure of the whole is the request's own. */
    bool is_whole = status != COF_OK && !has_stored(group) && !request->has_answered &&
                    request->results.size == 0;
    if (!can_retry && !is_whole) {
        fail_rest(group, err);
        write_results(request, group);
        request->line_begin += group->count;
    }
    for (size_t i = 0; i < group->count; i++) {
        cof_json_tree_destroy(group->lines[i].tree);
    }
    return status == COF_LIMITED && !can_retry ? COF_OK : status;
}

enum cof_status cof_handle_bulk(struct cof_request *request, struct cof_error *err)
{
    const struct cof_bulk_line *places =
        (const struct cof_bulk_line *)(const void *)request->lines.data;
    size_t count = request->lines.size / sizeof(*places);
    struct group *group = cof_arena_alloc(&request->call.arena, sizeof(*group));
    if (group == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    enum cof_status status = COF_OK;
    while (request->line_begin < count && status == COF_OK) {
        size_t left = count - request->line_begin;
        memset(group, 0, sizeof(*group));
        group->places = places + request->line_begin;
        group->count = left < GROUP_LINES ? left : GROUP_LINES;
        status = run_group(request, group, err);
    }
    COF_TRY(status);
    return cof_buffer_status(&request->results, err);
}
