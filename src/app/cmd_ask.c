/* coffer ask: a cited answer, streamed as it is attributed. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "client.h"
#include "show.h"

#define MAX_CITATIONS 64

struct ask {
    struct cof_cli cli;
    const char *collection;
    const char *k_text;
    const char *seed_text;
    int64_t k;
    int64_t seed;
    struct cof_text question;
    /* The answer as it is shown. */
    struct cof_buffer text;
    bool is_grounded;
    struct cof_buffer kind;
    struct cof_shown_citation citations[MAX_CITATIONS];
    size_t citation_count;
};

/* Shows a piece at once and keeps it for --json. */
static void take_piece(struct ask *ask, struct cof_text piece)
{
    cof_buffer_append_text(&ask->text, piece);
    if (!ask->cli.is_json) {
        cof_out("%.*s", COF_TEXT_ARG(piece));
        (void)fflush(stdout);
    }
}

static void show_end(const struct ask *ask)
{
    if (!ask->cli.is_json) {
        cof_out("\n\n");
        for (size_t i = 0; i < ask->citation_count; i++) {
            cof_show_citation_print(&ask->citations[i]);
        }
        if (!ask->is_grounded) {
            cof_out("(not grounded in the documents)\n");
        }
        return;
    }
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_begin_object(&writer);
    cof_json_member_text(&writer, "question", ask->question);
    cof_json_member_text(&writer, "answer", cof_buffer_text(&ask->text));
    cof_json_member_bool(&writer, "grounded", ask->is_grounded);
    cof_json_member_text(&writer, "kind", cof_buffer_text(&ask->kind));
    cof_json_put_key(&writer, "citations");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < ask->citation_count; i++) {
        cof_show_citation_write(&ask->citations[i], &writer);
    }
    cof_json_end_array(&writer);
    cof_json_end_object(&writer);
    cof_buffer_append_byte(&out, '\n');
    cof_out_buffer(&out);
}

/* ---- Through the data folder ---- */

static bool on_piece(void *context, struct cof_text piece)
{
    take_piece(context, piece);
    return true;
}

static enum cof_status ask_locally(struct ask *ask, struct cof_error *err)
{
    struct cof_app app;
    if (cof_cli_open(&ask->cli, COF_APP_SEARCH | COF_APP_GENERATE, &app) != COF_OK) {
        return COF_FAIL(err, COF_UNAVAILABLE, "nothing was asked");
    }
    struct cof_call call;
    cof_call_init_local(app.service, &call);
    struct cof_text collection = cof_text_from(ask->collection);
    struct cof_message message = {.role = COF_ROLE_USER, .content = ask->question};
    struct cof_service_chat chat = {
        .messages = &message,
        .message_count = 1,
        .collections = &collection,
        .collection_count = 1,
        .k = (size_t)ask->k,
        .top_p = 1.0f,
        .seed = (uint32_t)ask->seed,
        .on_piece = on_piece,
        .context = ask,
    };
    struct cof_answer answer = {0};
    enum cof_status status = cof_service_chat(app.service, &call, &chat, &answer, err);
    if (status == COF_OK) {
        ask->is_grounded = answer.is_grounded;
        cof_buffer_append_text(&ask->kind, cof_text_from(cof_answer_kind_name(answer.kind)));
        for (size_t i = 0; i < answer.citation_count && i < MAX_CITATIONS; i++) {
            ask->citations[ask->citation_count++] = cof_show_citation_of(&answer.citations[i]);
        }
        show_end(ask);
    }
    status = cof_cli_check_collection(&app, ask->collection, status, err);
    cof_call_deinit(&call);
    cof_app_close(&app);
    return status;
}

/* ---- Through a server: server-sent events ---- */

struct stream {
    struct ask *ask;
    struct cof_buffer pending;  /* an event whose end has not arrived */
    struct cof_buffer refusal;  /* the body of an HTTP error */
    struct cof_json_tree *last; /* the event with the citations */
    struct cof_error error;
};

static void take_context(struct stream *stream, const struct cof_json *context)
{
    struct ask *ask = stream->ask;
    const struct cof_json *grounded = cof_json_find(context, "grounded");
    const struct cof_json *kind = cof_json_find(context, "kind");
    const struct cof_json *citations = cof_json_find(context, "citations");
    ask->is_grounded = grounded != NULL && cof_json_bool(grounded);
    if (kind != NULL) {
        cof_buffer_clear(&ask->kind);
        cof_buffer_append_text(&ask->kind, cof_json_text(kind));
    }
    ask->citation_count = 0;
    for (const struct cof_json *item = citations == NULL ? NULL : cof_json_first(citations);
         item != NULL && ask->citation_count < MAX_CITATIONS; item = cof_json_next(item)) {
        ask->citations[ask->citation_count++] = cof_show_citation_parse(item);
    }
}

/* One `data:` line. The tree that holds the context is kept: the citations are views into it. */
static void take_event(struct stream *stream, struct cof_text data)
{
    struct cof_json_tree *tree = NULL;
    struct cof_json_limits limits = {.max_bytes = (size_t)64 << 20};
    if (cof_text_equal(data, COF_TEXT("[DONE]")) ||
        cof_json_parse(data, &limits, &tree, NULL) != COF_OK) {
        return;
    }
    const struct cof_json *root = cof_json_root(tree);
    const struct cof_json *error = cof_json_find(root, "error");
    if (error != NULL) {
        (void)COF_FAIL(&stream->error, COF_IO, "the server says: %.*s",
                       COF_TEXT_ARG(cof_json_text(cof_json_find(error, "message"))));
    }
    const struct cof_json *choices = cof_json_find(root, "choices");
    const struct cof_json *choice = choices == NULL ? NULL : cof_json_first(choices);
    const struct cof_json *delta = choice == NULL ? NULL : cof_json_find(choice, "delta");
    const struct cof_json *content = delta == NULL ? NULL : cof_json_find(delta, "content");
    const struct cof_json *context = delta == NULL ? NULL : cof_json_find(delta, "context");
    if (content != NULL) {
        take_piece(stream->ask, cof_json_text(content));
    }
    if (context != NULL && cof_json_type_of(context) == COF_JSON_OBJECT) {
        take_context(stream, context);
        cof_json_tree_destroy(stream->last);
        stream->last = tree;
        return;
    }
    cof_json_tree_destroy(tree);
}

static bool on_chunk(void *context, struct cof_bytes chunk)
{
    struct stream *stream = context;
    cof_buffer_append(&stream->refusal, chunk.data, stream->refusal.size < 65536 ? chunk.size : 0);
    cof_buffer_append(&stream->pending, chunk.data, chunk.size);
    struct cof_text rest = cof_buffer_text(&stream->pending);
    size_t taken = 0;
    struct cof_text line;
    struct cof_text after;
    while (cof_text_split(rest, '\n', &line, &after)) {
        taken += line.size + 1;
        rest = after;
        if (cof_text_has_prefix(line, COF_TEXT("data: "))) {
            take_event(stream, cof_text_trim(cof_text_slice(line, 6, line.size)));
        }
    }
    memmove(stream->pending.data, stream->pending.data + taken, stream->pending.size - taken);
    stream->pending.size -= taken;
    return true;
}

static void write_request(const struct ask *ask, const char *store, struct cof_buffer *out)
{
    struct cof_json_writer writer = cof_json_writer_to(out);
    cof_json_begin_object(&writer);
    cof_json_put_key(&writer, "messages");
    cof_json_begin_array(&writer);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "role", "user");
    cof_json_member_text(&writer, "content", ask->question);
    cof_json_end_object(&writer);
    cof_json_end_array(&writer);
    cof_json_put_key(&writer, "vector_store_ids");
    cof_json_begin_array(&writer);
    cof_json_put_string(&writer, store);
    cof_json_end_array(&writer);
    cof_json_member_integer(&writer, "seed", ask->seed);
    cof_json_member_bool(&writer, "stream", true);
    cof_json_end_object(&writer);
}

static enum cof_status ask_with(struct ask *ask, struct cof_http_client *client,
                                struct stream *stream, struct cof_error *err)
{
    char store[64];
    COF_TRY(cof_client_find_store(client, ask->collection, false, store, err));
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer body = {0};
    write_request(ask, store, &body);
    COF_TRY(cof_buffer_status(&body, err));
    long http_status = 0;
    COF_TRY(cof_http_client_stream(client, "POST", "/v1/chat/completions", "application/json",
                                   cof_buffer_bytes(&body), NULL, &http_status, on_chunk, stream,
                                   err));
    if (http_status >= 400) {
        return cof_client_error(http_status, cof_buffer_text(&stream->refusal), err);
    }
    if (stream->error.status != COF_OK) {
        *err = stream->error;
        return stream->error.status;
    }
    show_end(ask);
    return COF_OK;
}

static enum cof_status ask_remotely(struct ask *ask, struct cof_error *err)
{
    struct cof_http_client *client = NULL;
    struct stream stream = {.ask = ask};
    enum cof_status status = cof_client_open(&ask->cli, NULL, &client, err);
    if (status == COF_OK) {
        status = ask_with(ask, client, &stream, err);
    }
    cof_http_client_destroy(client);
    cof_buffer_wipe(&stream.pending);
    cof_buffer_wipe(&stream.refusal);
    cof_json_tree_destroy(stream.last);
    return status;
}

/* ---- The command ---- */

static int run_with(struct ask *ask, const struct cof_command *command,
                    const struct cof_text_list *rest)
{
    if (ask->collection == NULL || rest->count != 1) {
        return cof_misuse(command, ask->collection == NULL ? "say where: --collection NAME"
                                                           : "give one TEXT, in quotes");
    }
    struct cof_error error = {0};
    ask->question = cof_text_from(rest->items[0]);
    if ((ask->k_text != NULL &&
         cof_option_number("--k", ask->k_text, 1, COF_SEARCH_MAX_K, &ask->k, &error) != COF_OK) ||
        (ask->seed_text != NULL && cof_option_number("--seed", ask->seed_text, 0, UINT32_MAX,
                                                     &ask->seed, &error) != COF_OK)) {
        return cof_misuse(command, "%s", error.message);
    }
    enum cof_status status =
        ask->cli.server != NULL ? ask_remotely(ask, &error) : ask_locally(ask, &error);
    return status == COF_OK ? COF_EXIT_OK : cof_fail_exit(&error);
}

static int run(const struct cof_command *command, int argc, char **argv)
{
    struct ask ask = {0};
    const struct cof_option options[] = {
        {.name = "--collection", .metavar = "NAME", .value = &ask.collection, .help = "name or id"},
        {.name = "--k",
         .metavar = "N",
         .value = &ask.k_text,
         .help = "passages given to the model (default 6)"},
        {.name = "--seed",
         .metavar = "N",
         .value = &ask.seed_text,
         .help = "same seed, same answer (default 0)"},
        {0},
    };
    struct cof_text_list rest;
    int code = cof_cli_parse(&ask.cli, command, options, argc, argv, &rest);
    if (code < 0) {
        code = run_with(&ask, command, &rest);
    }
    cof_buffer_wipe(&ask.text);
    cof_buffer_deinit(&ask.kind);
    cof_cli_deinit(&ask.cli);
    return code;
}

const struct cof_command cof_command_ask = {
    .name = "ask",
    .usage = "ask --data DIR --collection NAME TEXT",
    .has_server = true,
    .summary = "answer a question from the documents, with citations",
    .details = "Every sentence shown is supported by the passage its [n] names; the quotes are\n"
               "printed below the answer. When nothing relevant is found, it says so.",
    .run = run,
};
