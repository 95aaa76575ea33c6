/* coffer ingest: files into a collection, through the data folder or a running server. */
#include <string.h>

#include <cof/base/file.h>
#include <cof/ingest/parser.h>

#include "cli.h"
#include "client.h"
#include "collect.h"

/* A batch is one audit record and one commit: big enough to fill the embedder, small enough to show
 * progress. */
#define BATCH_COUNT 32
#define BATCH_BYTES ((size_t)4 << 20)

struct totals {
    size_t created, replaced, unchanged, failed, chunks;
};

struct ingest {
    struct cof_cli cli;
    const char *collection;
    size_t max_bytes;
    struct cof_source_file *files;
    size_t count;
    size_t skipped;
    struct totals totals;
    struct cof_progress progress;
};

static void count_line(struct ingest *ingest, const char *filename, struct cof_text status,
                       size_t chunks, struct cof_text message)
{
    struct totals *totals = &ingest->totals;
    totals->chunks += chunks;
    if (cof_text_equal(status, COF_TEXT("created"))) {
        totals->created++;
    } else if (cof_text_equal(status, COF_TEXT("replaced"))) {
        totals->replaced++;
    } else if (cof_text_equal(status, COF_TEXT("unchanged"))) {
        totals->unchanged++;
    } else {
        totals->failed++;
        cof_complain("%s: %.*s", filename, COF_TEXT_ARG(message));
    }
}

/* ---- Through the data folder ---- */

static struct cof_text kind_name(enum cof_write_kind kind)
{
    switch (kind) {
    case COF_WRITE_CREATED:
        return COF_TEXT("created");
    case COF_WRITE_REPLACED:
        return COF_TEXT("replaced");
    case COF_WRITE_UNCHANGED:
        return COF_TEXT("unchanged");
    case COF_WRITE_DELETED:
        return COF_TEXT("deleted");
    case COF_WRITE_FAILED:
        break;
    }
    return COF_TEXT("failed");
}

static enum cof_status find_or_create(struct cof_app *app, const char *name, char *out_id,
                                      struct cof_error *err)
{
    struct cof_call call;
    cof_call_init_local(app->service, &call);
    struct cof_collection collection = {0};
    struct cof_error error = {0};
    enum cof_status status =
        cof_service_get_collection(app->service, &call, cof_text_from(name), &collection, &error);
    if (status == COF_NOT_FOUND) {
        struct cof_collection_request request = {.name = cof_text_from(name),
                                                 .chunk_overlap_tokens = UINT32_MAX};
        status = cof_service_create_collection(app->service, &call, &request, &collection, &error);
    }
    if (status == COF_OK) {
        memcpy(out_id, collection.public_id, sizeof(collection.public_id));
    } else if (err != NULL) {
        *err = error;
    }
    cof_call_deinit(&call);
    return status;
}

/* Reads files from `begin` on into documents until the batch is full. Files that cannot be read
 * are counted as failed and left out. */
static enum cof_status fill_batch(struct ingest *ingest, size_t begin, struct cof_arena *arena,
                                  struct cof_ingest_document *documents, size_t *indexes,
                                  size_t *out_count, size_t *out_next, struct cof_error *err)
{
    size_t count = 0;
    size_t bytes = 0;
    size_t i = begin;
    for (; i < ingest->count && count < BATCH_COUNT && bytes < BATCH_BYTES; i++) {
        COF_CLEANUP(cof_buffer_wipe) struct cof_buffer content = {0};
        struct cof_error error = {0};
        enum cof_status status =
            cof_file_read(ingest->files[i].path, ingest->max_bytes, &content, &error);
        if (status != COF_OK) {
            count_line(ingest, ingest->files[i].name, COF_TEXT("failed"), 0,
                       cof_text_from(error.message));
            continue;
        }
        struct cof_text copy = cof_arena_copy_text(arena, cof_buffer_text(&content));
        if (copy.data == NULL) {
            return COF_FAIL_MEMORY(err);
        }
        indexes[count] = i;
        documents[count++] = (struct cof_ingest_document){
            .filename = cof_text_from(ingest->files[i].name), .source = cof_text_bytes(copy)};
        bytes += copy.size;
    }
    *out_count = count;
    *out_next = i;
    return COF_OK;
}

static enum cof_status put_batch(struct ingest *ingest, struct cof_app *app, const char *id,
                                 size_t begin, size_t *out_next, struct cof_error *err)
{
    struct cof_call call;
    cof_call_init_local(app->service, &call);
    struct cof_ingest_document documents[BATCH_COUNT];
    size_t indexes[BATCH_COUNT];
    size_t count = 0;
    struct cof_ingest_result *results = NULL;
    enum cof_status status =
        fill_batch(ingest, begin, &call.arena, documents, indexes, &count, out_next, err);
    if (status == COF_OK && count > 0) {
        status = cof_service_put_documents(app->service, &call, cof_text_from(id), documents, count,
                                           &results, err);
    }
    for (size_t i = 0; i < count && status == COF_OK; i++) {
        count_line(ingest, ingest->files[indexes[i]].name, kind_name(results[i].outcome.kind),
                   results[i].outcome.chunk_count, cof_text_from(results[i].outcome.error.message));
    }
    cof_call_deinit(&call);
    return status;
}

static enum cof_status ingest_locally(struct ingest *ingest, struct cof_error *err)
{
    struct cof_app app;
    if (cof_cli_open(&ingest->cli, COF_APP_INGEST, &app) != COF_OK) {
        return COF_FAIL(err, COF_UNAVAILABLE, "nothing was ingested");
    }
    char id[COF_COLLECTION_ID_SIZE];
    enum cof_status status = find_or_create(&app, ingest->collection, id, err);
    size_t next = 0;
    while (status == COF_OK && next < ingest->count) {
        status = put_batch(ingest, &app, id, next, &next, err);
        cof_progress_set(&ingest->progress, next);
    }
    cof_app_close(&app);
    return status;
}

/* ---- Through a server ---- */

static enum cof_status write_line(struct ingest *ingest, const char *store, size_t i,
                                  struct cof_buffer *out, bool *out_is_written,
                                  struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer content = {0};
    struct cof_error error = {0};
    *out_is_written = false;
    if (cof_file_read(ingest->files[i].path, ingest->max_bytes, &content, &error) != COF_OK) {
        count_line(ingest, ingest->files[i].name, COF_TEXT("failed"), 0,
                   cof_text_from(error.message));
        return COF_OK;
    }
    if (cof_media_check(cof_buffer_bytes(&content), &error) != COF_OK) {
        count_line(ingest, ingest->files[i].name, COF_TEXT("failed"), 0,
                   cof_text_from(error.message));
        return COF_OK;
    }
    if (!cof_utf8_is_valid(cof_buffer_text(&content), NULL)) {
        count_line(ingest, ingest->files[i].name, COF_TEXT("failed"), 0,
                   COF_TEXT("not UTF-8; convert the file, or ingest it without --server"));
        return COF_OK;
    }
    struct cof_json_writer writer = cof_json_writer_to(out);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "vector_store_id", store);
    cof_json_member_string(&writer, "filename", ingest->files[i].name);
    cof_json_member_text(&writer, "text", cof_buffer_text(&content));
    cof_json_end_object(&writer);
    cof_buffer_append_byte(out, '\n');
    *out_is_written = true;
    return cof_buffer_status(out, err);
}

static enum cof_status read_answers(struct ingest *ingest, struct cof_text body,
                                    const size_t *indexes, size_t count, struct cof_error *err)
{
    size_t i = 0;
    while (body.size > 0 && i < count) {
        struct cof_text line;
        (void)cof_text_split(body, '\n', &line, &body);
        COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
        COF_TRY(cof_json_parse(line, NULL, &tree, err));
        const struct cof_json *root = cof_json_root(tree);
        const struct cof_json *error = cof_json_find(root, "error");
        struct cof_text message = cof_json_text(error);
        if (error != NULL && cof_json_type_of(error) == COF_JSON_OBJECT) {
            message = cof_json_text(cof_json_find(error, "message"));
        }
        const struct cof_json *chunks = cof_json_find(root, "chunks");
        count_line(ingest, ingest->files[indexes[i]].name,
                   cof_json_text(cof_json_find(root, "status")),
                   chunks == NULL ? 0 : (size_t)cof_json_number(chunks), message);
        i++;
    }
    if (i < count) {
        return COF_FAIL(err, COF_IO, "the server answered %zu of %zu documents", i, count);
    }
    return COF_OK;
}

static enum cof_status send_batch(struct ingest *ingest, struct cof_http_client *client,
                                  const char *store, size_t begin, size_t *out_next,
                                  struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer body = {0};
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer answer = {0};
    size_t indexes[BATCH_COUNT];
    size_t count = 0;
    size_t i = begin;
    for (; i < ingest->count && count < BATCH_COUNT && body.size < BATCH_BYTES; i++) {
        bool is_written = false;
        COF_TRY(write_line(ingest, store, i, &body, &is_written, err));
        if (is_written) {
            indexes[count++] = i;
        }
    }
    *out_next = i;
    if (count == 0) {
        return COF_OK;
    }
    long http_status = 0;
    COF_TRY(cof_http_client_send(client, "POST", "/v1/documents", "application/x-ndjson",
                                 cof_buffer_bytes(&body), NULL, &http_status, &answer, err));
    if (http_status >= 400) {
        return cof_client_error(http_status, cof_buffer_text(&answer), err);
    }
    return read_answers(ingest, cof_buffer_text(&answer), indexes, count, err);
}

static enum cof_status ingest_remotely(struct ingest *ingest, struct cof_error *err)
{
    struct cof_http_client *client = NULL;
    char store[64];
    enum cof_status status = cof_client_open(&ingest->cli, NULL, &client, err);
    if (status == COF_OK) {
        status = cof_client_find_store(client, ingest->collection, true, store, err);
    }
    size_t next = 0;
    while (status == COF_OK && next < ingest->count) {
        status = send_batch(ingest, client, store, next, &next, err);
        cof_progress_set(&ingest->progress, next);
    }
    cof_http_client_destroy(client);
    return status;
}

/* ---- The command ---- */

static void report(const struct ingest *ingest)
{
    const struct totals *totals = &ingest->totals;
    double seconds =
        (double)(cof_clock_steady_ns(cof_clock_system()) - ingest->progress.begin_ns) / 1e9;
    if (ingest->cli.is_json) {
        cof_out("{\"created\":%zu,\"replaced\":%zu,\"unchanged\":%zu,\"failed\":%zu,"
                "\"chunks\":%zu,\"skipped\":%zu,\"seconds\":%.3f}\n",
                totals->created, totals->replaced, totals->unchanged, totals->failed,
                totals->chunks, ingest->skipped, seconds);
        return;
    }
    cof_out("%zu created, %zu replaced, %zu unchanged, %zu failed; %zu chunks in %.1f s\n",
            totals->created, totals->replaced, totals->unchanged, totals->failed, totals->chunks,
            seconds);
    if (ingest->skipped > 0) {
        cof_out("%zu files of kinds that have no parser yet were left out\n", ingest->skipped);
    }
}

static int run_with(struct ingest *ingest, const struct cof_command *command,
                    const struct cof_text_list *paths)
{
    if (ingest->collection == NULL || paths->count == 0) {
        return cof_misuse(command, ingest->collection == NULL
                                       ? "say into which collection: --collection NAME"
                                       : "name at least one file or folder");
    }
    struct cof_error error = {0};
    if (cof_collect_files(paths, &ingest->cli.arena, &ingest->files, &ingest->count,
                          &ingest->skipped, &error) != COF_OK) {
        return cof_fail_exit(&error);
    }
    ingest->max_bytes = (size_t)ingest->cli.config.max_document_bytes;
    ingest->progress = cof_progress_begin("ingest", ingest->count, ingest->cli.is_json);
    enum cof_status status = ingest->cli.server != NULL ? ingest_remotely(ingest, &error)
                                                        : ingest_locally(ingest, &error);
    cof_progress_end(&ingest->progress);
    report(ingest);
    if (status != COF_OK) {
        return cof_fail_exit(&error);
    }
    return ingest->totals.failed > 0 ? COF_EXIT_FAILED : COF_EXIT_OK;
}

static int run(const struct cof_command *command, int argc, char **argv)
{
    struct ingest ingest = {0};
    const struct cof_option options[] = {
        {.name = "--collection",
         .metavar = "NAME",
         .value = &ingest.collection,
         .help = "name or id; made when there is none of that name"},
        {0},
    };
    struct cof_text_list paths;
    int code = cof_cli_parse(&ingest.cli, command, options, argc, argv, &paths);
    if (code < 0) {
        code = run_with(&ingest, command, &paths);
    }
    cof_cli_deinit(&ingest.cli);
    return code;
}

const struct cof_command cof_command_ingest = {
    .name = "ingest",
    .usage = "ingest --data DIR --collection NAME PATH…",
    .has_server = true,
    .summary = "put files and folders into a collection",
    .details =
        "Reads text, Markdown and HTML. A file already there with the same content costs\n"
        "nothing; a changed one replaces its earlier version. Files are known by their path\n"
        "below the folder named, so a later x.txt of another folder replaces x.txt. Exit\n"
        "code 1 when any file failed; the others are in.",
    .run = run,
};
