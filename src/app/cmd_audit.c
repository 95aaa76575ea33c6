/* coffer audit verify|tail. */
#include <inttypes.h>
#include <string.h>

#include <cof/audit/log.h>
#include <cof/audit/verify.h>
#include <cof/base/file.h>

#include "cli.h"
#include "client.h"

struct audit {
    struct cof_cli cli;
    const char *vkey;
    const char *checkpoint;
    const char *count_text;
    int64_t count;
};

/* ---- verify: offline, no lock, no keys ---- */

static void report(const struct cof_cli *cli, const struct cof_audit_report *verified)
{
    static const char *const names[] = {[COF_AUDIT_SOUND] = "sound",
                                        [COF_AUDIT_TAMPERED] = "tampered",
                                        [COF_AUDIT_TRUNCATED] = "truncated",
                                        [COF_AUDIT_TORN_TAIL] = "torn_tail"};
    char root[65];
    cof_hex_encode((struct cof_bytes){verified->root, sizeof(verified->root)}, root);
    if (!cli->is_json) {
        bool is_named = cof_text_has_prefix(cof_text_from(verified->message),
                                            cof_text_from(names[verified->verdict]));
        cof_out("%s%s%s\n%" PRIu64 " entries, %" PRIu64 " under the newest of %" PRIu64
                " signed checkpoints, root %s\n",
                is_named ? "" : names[verified->verdict], is_named ? "" : ": ", verified->message,
                verified->entry_count, verified->checkpoint_size, verified->checkpoint_count, root);
        return;
    }
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "verdict", names[verified->verdict]);
    cof_json_member_string(&writer, "message", verified->message);
    cof_json_member_unsigned(&writer, "entries", verified->entry_count);
    cof_json_member_unsigned(&writer, "checkpoint_size", verified->checkpoint_size);
    cof_json_member_unsigned(&writer, "checkpoints", verified->checkpoint_count);
    cof_json_member_unsigned(&writer, "payloads", verified->payload_count);
    if (verified->first_bad_seq != UINT64_MAX) {
        cof_json_member_unsigned(&writer, "first_bad_seq", verified->first_bad_seq);
    }
    cof_json_member_string(&writer, "root", root);
    cof_json_end_object(&writer);
    cof_buffer_append_byte(&out, '\n');
    cof_out_buffer(&out);
}

static int verify(struct audit *audit)
{
    char folder[COF_MAX_PATH];
    struct cof_error error = {0};
    struct cof_audit_report verified;
    if (cof_path_join(folder, audit->cli.data, "audit", &error) != COF_OK ||
        cof_audit_verify_against(folder, audit->vkey, audit->checkpoint, &verified, &error) !=
            COF_OK) {
        return cof_fail_exit(&error);
    }
    report(&audit->cli, &verified);
    return (int)verified.verdict;
}

/* ---- tail ---- */

/* An entry as it is shown, from the log or from a server's answer. Texts are borrowed. */
struct shown_entry {
    uint64_t seq;
    struct cof_text time, event, outcome, subject, query, answer, details;
    uint64_t collection;
    const struct shown_result {
        uint64_t chunk;
        double score;
    } * results;
    size_t result_count;
};

static void show_entry(const struct audit *audit, const struct shown_entry *entry)
{
    if (!audit->cli.is_json) {
        cof_out("%8" PRIu64 "  %.*s  %-17.*s  %-9.*s  %.*s  %.*s  %.*s\n", entry->seq,
                COF_TEXT_ARG(entry->time), COF_TEXT_ARG(entry->event), COF_TEXT_ARG(entry->outcome),
                COF_TEXT_ARG(entry->subject), COF_TEXT_ARG(entry->query),
                COF_TEXT_ARG(entry->details));
        return;
    }
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_begin_object(&writer);
    cof_json_member_unsigned(&writer, "seq", entry->seq);
    cof_json_member_text(&writer, "time", entry->time);
    cof_json_member_text(&writer, "event", entry->event);
    cof_json_member_text(&writer, "outcome", entry->outcome);
    cof_json_member_unsigned(&writer, "collection", entry->collection);
    cof_json_member_text(&writer, "subject", entry->subject);
    cof_json_member_text(&writer, "query", entry->query);
    cof_json_member_text(&writer, "answer", entry->answer);
    cof_json_member_text(&writer, "details", entry->details);
    cof_json_put_key(&writer, "results");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < entry->result_count; i++) {
        cof_json_begin_object(&writer);
        cof_json_member_unsigned(&writer, "chunk", entry->results[i].chunk);
        cof_json_member_number(&writer, "score", entry->results[i].score);
        cof_json_end_object(&writer);
    }
    cof_json_end_array(&writer);
    cof_json_end_object(&writer);
    cof_buffer_append_byte(&out, '\n');
    cof_out_buffer(&out);
}

static enum cof_status show_record(struct audit *audit, const struct cof_audit_entry *entry,
                                   struct cof_error *err)
{
    const struct cof_audit_record *record = &entry->record;
    struct shown_result *results =
        cof_arena_array(&audit->cli.arena, record->result_count + 1, sizeof(*results));
    if (results == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < record->result_count; i++) {
        results[i] = (struct shown_result){.chunk = record->results[i].chunk_id,
                                           .score = (double)record->results[i].score};
    }
    char time[32];
    cof_time_format(record->time_ns, time);
    struct shown_entry shown = {
        .seq = entry->seq,
        .time = cof_text_from(time),
        .event = cof_text_from(cof_audit_event_name(record->event)),
        .outcome = cof_text_from(cof_status_name(record->outcome)),
        .subject = record->subject,
        .query = record->query,
        .answer = record->answer,
        .details = record->details,
        .collection = record->collection,
        .results = results,
        .result_count = record->result_count,
    };
    show_entry(audit, &shown);
    return COF_OK;
}

static enum cof_status tail_locally(struct audit *audit, struct cof_error *err)
{
    struct cof_app app;
    if (cof_cli_open(&audit->cli, COF_APP_KEYS, &app) != COF_OK) {
        return COF_FAIL(err, COF_UNAVAILABLE, "nothing was read");
    }
    uint64_t size = cof_audit_log_size(app.audit);
    uint64_t first = size > (uint64_t)audit->count ? size - (uint64_t)audit->count : 0;
    struct cof_call call;
    cof_call_init_local(app.service, &call);
    struct cof_audit_entry *entries = NULL;
    size_t count = 0;
    enum cof_status status = cof_service_audit_entries(app.service, &call, first,
                                                       (size_t)audit->count, &entries, &count, err);
    for (size_t i = 0; i < count && status == COF_OK; i++) {
        status = show_record(audit, &entries[i], err);
    }
    cof_call_deinit(&call);
    cof_app_close(&app);
    return status;
}

/* Entries under the newest checkpoint: the second line of the signed note. */
static enum cof_status remote_size(struct cof_http_client *client, uint64_t *out_size,
                                   struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    long http_status = 0;
    COF_TRY(cof_http_client_send(client, "GET", "/v1/audit/checkpoint", "text/plain",
                                 (struct cof_bytes){0}, NULL, &http_status, &note, err));
    if (http_status >= 400) {
        return cof_client_error(http_status, cof_buffer_text(&note), err);
    }
    struct cof_text line;
    struct cof_text rest;
    (void)cof_text_split(cof_buffer_text(&note), '\n', &line, &rest);
    (void)cof_text_split(rest, '\n', &line, &rest);
    if (!cof_text_parse_u64(line, out_size)) {
        return COF_FAIL(err, COF_CORRUPT, "the server's checkpoint is not a signed note");
    }
    return COF_OK;
}

static uint64_t count_of(const struct cof_json *object, const char *key)
{
    const struct cof_json *value = cof_json_find(object, key);
    double number = value == NULL ? 0 : cof_json_number(value);
    return number > 0 ? (uint64_t)number : 0;
}

static enum cof_status show_item(struct audit *audit, const struct cof_json *item,
                                 struct cof_error *err)
{
    const struct cof_json *details = cof_json_find(item, "details");
    const struct cof_json *found = cof_json_find(item, "results");
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer text = {0};
    if (details != NULL && cof_json_first(details) != NULL) {
        cof_json_write_value(&text, details);
    }
    COF_TRY(cof_buffer_status(&text, err));
    size_t count = found == NULL ? 0 : cof_json_count(found);
    struct shown_result *results = cof_arena_array(&audit->cli.arena, count + 1, sizeof(*results));
    if (results == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    count = 0;
    for (const struct cof_json *at = found == NULL ? NULL : cof_json_first(found); at != NULL;
         at = cof_json_next(at)) {
        const struct cof_json *score = cof_json_find(at, "score");
        (void)cof_text_parse_u64(cof_json_text(cof_json_find(at, "chunk_id")),
                                 &results[count].chunk);
        results[count++].score = score == NULL ? 0 : cof_json_number(score);
    }
    struct shown_entry shown = {
        .seq = count_of(item, "seq"),
        .time = cof_json_text(cof_json_find(item, "time")),
        .event = cof_json_text(cof_json_find(item, "event")),
        .outcome = cof_json_text(cof_json_find(item, "outcome")),
        .subject = cof_json_text(cof_json_find(item, "subject")),
        .query = cof_json_text(cof_json_find(item, "query")),
        .answer = cof_json_text(cof_json_find(item, "answer")),
        .details = cof_buffer_text(&text),
        .collection = count_of(item, "collection"),
        .results = results,
        .result_count = count,
    };
    show_entry(audit, &shown);
    return COF_OK;
}

static enum cof_status tail_with(struct audit *audit, struct cof_http_client *client,
                                 struct cof_error *err)
{
    uint64_t size = 0;
    COF_TRY(remote_size(client, &size, err));
    uint64_t first = size > (uint64_t)audit->count ? size - (uint64_t)audit->count : 0;
    char path[128];
    snprintf(path, sizeof(path), "/v1/audit/entries?first=%" PRIu64 "&limit=%" PRId64, first,
             audit->count);
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(cof_client_call(client, "GET", path, (struct cof_bytes){0}, &tree, err));
    const struct cof_json *data = cof_json_find(cof_json_root(tree), "data");
    for (const struct cof_json *item = data == NULL ? NULL : cof_json_first(data); item != NULL;
         item = cof_json_next(item)) {
        COF_TRY(show_item(audit, item, err));
    }
    return COF_OK;
}

static int tail(struct audit *audit, const struct cof_command *command)
{
    struct cof_error error = {0};
    audit->count = 20;
    if (audit->count_text != NULL &&
        cof_option_number("--n", audit->count_text, 1, 1000, &audit->count, &error) != COF_OK) {
        return cof_misuse(command, "%s", error.message);
    }
    enum cof_status status;
    if (audit->cli.server == NULL) {
        status = tail_locally(audit, &error);
    } else {
        struct cof_http_client *client = NULL;
        status = cof_client_open(&audit->cli, NULL, &client, &error);
        if (status == COF_OK) {
            status = tail_with(audit, client, &error);
        }
        cof_http_client_destroy(client);
    }
    return status == COF_OK ? COF_EXIT_OK : cof_fail_exit(&error);
}

/* ---- The command ---- */

static int run_with(struct audit *audit, const struct cof_command *command,
                    const struct cof_text_list *rest)
{
    bool is_verify = rest->count == 1 && strcmp(rest->items[0], "verify") == 0;
    bool is_tail = rest->count == 1 && strcmp(rest->items[0], "tail") == 0;
    if (!is_verify && !is_tail) {
        return cof_misuse(command, "say what: verify or tail");
    }
    if (is_tail) {
        return tail(audit, command);
    }
    if (audit->cli.server != NULL) {
        return cof_misuse(command, "verify reads the files of a data folder: it has no --server");
    }
    if (audit->cli.data == NULL) {
        return cof_misuse(command, "say where: --data DIR");
    }
    return verify(audit);
}

static int run(const struct cof_command *command, int argc, char **argv)
{
    struct audit audit = {0};
    const struct cof_option options[] = {
        {.name = "--vkey",
         .metavar = "FILE",
         .value = &audit.vkey,
         .help = "verify: the public key you kept, instead of the folder's own"},
        {.name = "--checkpoint",
         .metavar = "FILE",
         .value = &audit.checkpoint,
         .help = "verify: a signed checkpoint you kept, which the log must still hold"},
        {.name = "--n",
         .metavar = "N",
         .value = &audit.count_text,
         .help = "tail: entries shown (default 20)"},
        {0},
    };
    struct cof_text_list rest;
    int code = cof_cli_parse(&audit.cli, command, options, argc, argv, &rest);
    if (code < 0) {
        code = run_with(&audit, command, &rest);
    }
    cof_cli_deinit(&audit.cli);
    return code;
}

const struct cof_command cof_command_audit = {
    .name = "audit",
    .usage =
        "audit verify --data DIR [--vkey FILE] [--checkpoint FILE] | audit tail --data DIR [--n N]",
    .has_server = true,
    .summary = "verify the audit log offline, or read its newest entries",
    .details = "verify needs the files and the public key only, takes no lock, and works beside a\n"
               "running server, up to the newest checkpoint. Exit codes: 0 sound, 2 tampered,\n"
               "3 truncated, 4 only an unsigned tail is torn, 1 could not be verified.",
    .run = run,
};
