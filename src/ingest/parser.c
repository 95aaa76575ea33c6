/* The set of parser processes, seen from the program.
 *
 * A slot is a place for one process, which is started when first needed and replaced when it ended,
 * was stopped, or has anything to say before it was asked. Whoever took a slot has it alone until
 * it is given back; only `is_busy` is shared. A document whose process fails is tried again in a
 * fresh one if that process had read other documents before: what they did to it is not its fault.
 *
 * Locks: `lock` guards is_busy; `launcher_lock` lets one thread at a time talk to the launcher.
 * They are never held together. */
#include "parser_private.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <cof/base/alloc.h>
#include <cof/base/clock.h>
#include <cof/base/file.h>

#include "parser_channel.h"
#include "parser_launcher.h"
#include "parser_wire.h"

#define MAX_PROCESSES 64
#define DEFAULT_PROCESSES 2
#define DEFAULT_SOURCE_BYTES ((size_t)64 * 1024 * 1024)
#define DEFAULT_MEMORY_BYTES ((size_t)1024 * 1024 * 1024)
#define MIN_MEMORY_BYTES ((size_t)16 * 1024 * 1024)
#define DEFAULT_PARSE_MS 60000
#define HELLO_NS ((int64_t)30 * 1000000000)
#define WAIT_STEP_NS 50000000

struct slot {
    bool is_busy; /* under `lock` */
    /* Of whoever has the slot: */
    int fd; /* -1 = no process */
    pid_t pid;
    uint64_t document_count; /* that the process has answered */
};

struct cof_parser {
    struct cof_parser_options options; /* with defaults filled in */
    const struct cof_format_table *table;
    struct slot slots[MAX_PROCESSES];
    uint64_t next_id; /* under `lock` */

    pthread_mutex_t lock;
    pthread_cond_t is_free;
    pthread_mutex_t launcher_lock;
    struct cof_launcher launcher;
};

/* How one attempt ended. */
struct attempt {
    enum cof_status status;
    bool is_fault_of_process; /* it died or talked nonsense */
};

/* ---- Processes ---- */

/* Ends the slot's process; how it ended goes to *out_wait_status. */
static void stop_process(struct cof_parser *parser, struct slot *slot, int *out_wait_status)
{
    if (slot->fd < 0)
        return;
    cof_fd_close(&slot->fd);
    slot->fd = -1;
    pthread_mutex_lock(&parser->launcher_lock);
    enum cof_status status = cof_launcher_stop(&parser->launcher, slot->pid, out_wait_status, NULL);
    pthread_mutex_unlock(&parser->launcher_lock);
    (void)status; /* without a launcher the process has ended as well */
    slot->pid = 0;
}

static enum cof_status await_hello(const struct slot *slot, struct cof_error *err)
{
    uint8_t bytes[COF_HELLO_SIZE];
    struct cof_parser_hello hello = {0};
    int64_t deadline_ns = cof_clock_steady_ns(cof_clock_system()) + HELLO_NS;
    if (cof_channel_receive(slot->fd, bytes, sizeof(bytes), deadline_ns, NULL) != COF_CHANNEL_OK ||
        !cof_hello_decode((struct cof_bytes){.data = bytes, .size = sizeof(bytes)}, &hello))
        return COF_FAIL(err, COF_UNAVAILABLE, "a parser process did not start");
    if (hello.failed_step != COF_SANDBOX_OK)
        return COF_FAIL(err, COF_UNAVAILABLE, "a parser cannot be sandboxed (%s: error %u)",
                        cof_sandbox_step_name((enum cof_sandbox_step)hello.failed_step),
                        hello.error_number);
    return COF_OK;
}

static enum cof_status start_process(struct cof_parser *parser, struct slot *slot,
                                     struct cof_error *err)
{
    int ignored = 0;
    pthread_mutex_lock(&parser->launcher_lock);
    enum cof_status status = cof_launcher_start(&parser->launcher, &slot->fd, &slot->pid, err);
    pthread_mutex_unlock(&parser->launcher_lock);
    if (status != COF_OK)
        return status;
    slot->document_count = 0;
    status = await_hello(slot, err);
    if (status != COF_OK)
        stop_process(parser, slot, &ignored);
    return status;
}

/* A process that has ended by itself, or speaks without being asked, is replaced. */
static enum cof_status ensure_process(struct cof_parser *parser, struct slot *slot,
                                      struct cof_error *err)
{
    int ignored = 0;
    if (slot->fd >= 0 && cof_channel_is_quiet(slot->fd))
        return COF_OK;
    stop_process(parser, slot, &ignored);
    return start_process(parser, slot, err);
}

/* ---- Slots ---- */

static struct slot *find_free(struct cof_parser *parser)
{
    struct slot *cold = NULL;
    for (size_t i = 0; i < parser->options.process_count; i++) {
        struct slot *slot = &parser->slots[i];
        if (!slot->is_busy && slot->fd >= 0)
            return slot;
        if (!slot->is_busy && cold == NULL)
            cold = slot;
    }
    return cold;
}

static enum cof_status take_slot(struct cof_parser *parser, const struct cof_cancel *cancel,
                                 struct slot **out_slot, uint64_t *out_id, struct cof_error *err)
{
    struct slot *slot = NULL;
    enum cof_status status = COF_OK;
    pthread_mutex_lock(&parser->lock);
    while (status == COF_OK && slot == NULL) {
        slot = find_free(parser);
        if (slot != NULL)
            break;
        struct timespec until = {0};
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WAIT_STEP_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        (void)pthread_cond_timedwait(&parser->is_free, &parser->lock, &until);
        status = cof_cancel_check(cancel, err);
    }
    if (status == COF_OK) {
        slot->is_busy = true;
        *out_slot = slot;
        *out_id = ++parser->next_id;
    }
    pthread_mutex_unlock(&parser->lock);
    return status;
}

static void give_back(struct cof_parser *parser, struct slot *slot)
{
    pthread_mutex_lock(&parser->lock);
    slot->is_busy = false;
    pthread_cond_signal(&parser->is_free);
    pthread_mutex_unlock(&parser->lock);
}

/* ---- One document ---- */

static enum cof_status describe_death(const struct cof_parser *parser, int wait_status,
                                      struct cof_error *err)
{
    if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSYS)
        return COF_FAIL(err, COF_INVALID,
                        "the document could not be parsed: it made its parser try something that "
                        "is forbidden");
    if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGXCPU)
        return COF_FAIL(err, COF_INVALID, "the document took too long to parse (over %ld ms)",
                        parser->options.max_parse_ms);
    return COF_FAIL(err, COF_INVALID,
                    "the document could not be parsed: its parser crashed, perhaps for want of "
                    "memory");
}

/* Stops the process after it failed, and says in the caller's words why. */
static struct attempt fail(struct cof_parser *parser, struct slot *slot,
                           enum cof_channel_result result, const struct cof_cancel *cancel,
                           struct cof_error *err)
{
    int wait_status = 0;
    stop_process(parser, slot, &wait_status);
    struct attempt attempt = {.is_fault_of_process = result == COF_CHANNEL_GONE};
    if (result == COF_CHANNEL_GONE)
        attempt.status = describe_death(parser, wait_status, err);
    else if (result == COF_CHANNEL_LATE)
        attempt.status =
            COF_FAIL(err, COF_INVALID, "the document took too long to parse (over %ld ms)",
                     parser->options.max_parse_ms);
    else
        attempt.status = cof_cancel_check(cancel, err);
    return attempt;
}

static struct attempt fail_nonsense(struct cof_parser *parser, struct slot *slot,
                                    struct cof_error *err)
{
    int ignored = 0;
    stop_process(parser, slot, &ignored);
    return (struct attempt){
        .status = COF_FAIL(err, COF_INVALID,
                           "the document could not be parsed: its parser answered nonsense"),
        .is_fault_of_process = true,
    };
}

struct conversation {
    struct cof_parse_request request;
    struct cof_bytes source;
    const struct cof_cancel *cancel;
    int64_t deadline_ns;
};

static enum cof_channel_result send_request(const struct slot *slot,
                                            const struct conversation *talk)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer head = {0};
    cof_request_encode(&talk->request, &head);
    if (head.has_failed)
        return COF_CHANNEL_GONE;
    enum cof_channel_result result =
        cof_channel_send(slot->fd, cof_buffer_bytes(&head), talk->deadline_ns, talk->cancel);
    if (result == COF_CHANNEL_OK)
        result = cof_channel_send(slot->fd, talk->source, talk->deadline_ns, talk->cancel);
    return result;
}

static struct attempt talk_once(struct cof_parser *parser, struct slot *slot,
                                const struct conversation *talk, struct cof_arena *arena,
                                struct cof_parsed *out_parsed, struct cof_error *err)
{
    uint8_t head[COF_REPLY_SIZE];
    struct cof_parse_reply reply = {0};
    enum cof_channel_result result = send_request(slot, talk);
    if (result == COF_CHANNEL_OK)
        result = cof_channel_receive(slot->fd, head, sizeof(head), talk->deadline_ns, talk->cancel);
    if (result != COF_CHANNEL_OK)
        return fail(parser, slot, result, talk->cancel, err);
    if (!cof_reply_decode((struct cof_bytes){.data = head, .size = sizeof(head)}, talk->request.id,
                          talk->source.size, &reply))
        return fail_nonsense(parser, slot, err);

    uint8_t *payload = cof_arena_alloc(arena, (size_t)reply.payload_size);
    int ignored = 0;
    if (payload == NULL) {
        stop_process(parser, slot, &ignored);
        return (struct attempt){.status = COF_FAIL_MEMORY(err)};
    }
    result = cof_channel_receive(slot->fd, payload, (size_t)reply.payload_size, talk->deadline_ns,
                                 talk->cancel);
    if (result != COF_CHANNEL_OK)
        return fail(parser, slot, result, talk->cancel, err);
    slot->document_count++;
    if (reply.is_last)
        stop_process(parser, slot, &ignored);
    if (reply.reason != COF_PARSE_OK)
        return (struct attempt){.status =
                                    cof_parse_reason_fail(reply.reason, reply.reason_offset, err)};
    struct cof_bytes bytes = {.data = payload, .size = (size_t)reply.payload_size};
    enum cof_status status =
        cof_payload_decode(bytes, reply.block_count, talk->source.size, arena, out_parsed, err);
    if (status == COF_CORRUPT)
        return fail_nonsense(parser, slot, err);
    return (struct attempt){.status = status};
}

static enum cof_status parse(struct cof_parser *parser, struct slot *slot, uint16_t format,
                             uint64_t id, struct cof_bytes source, const struct cof_cancel *cancel,
                             struct cof_arena *arena, struct cof_parsed *out_parsed,
                             struct cof_error *err)
{
    for (;;) {
        COF_TRY(ensure_process(parser, slot, err));
        bool is_fresh = slot->document_count == 0;
        int64_t now_ns = cof_clock_steady_ns(cof_clock_system());
        struct conversation talk = {
            .request = {.format = format, .id = id, .size = source.size},
            .source = source,
            .cancel = cancel,
            .deadline_ns = now_ns + (int64_t)parser->options.max_parse_ms * 1000000,
        };
        struct cof_error error = {0};
        struct attempt attempt = talk_once(parser, slot, &talk, arena, out_parsed, &error);
        if (attempt.is_fault_of_process && !is_fresh)
            continue;
        if (attempt.status != COF_OK && err != NULL)
            *err = error;
        return attempt.status;
    }
}

/* ---- Public ---- */

static enum cof_status fill_options(const struct cof_parser_options *given,
                                    struct cof_parser_options *out_options, struct cof_error *err)
{
    struct cof_parser_options options = {0};
    if (given != NULL)
        options = *given;
    if (options.process_count == 0)
        options.process_count = DEFAULT_PROCESSES;
    if (options.max_source_bytes == 0)
        options.max_source_bytes = DEFAULT_SOURCE_BYTES;
    if (options.max_memory_bytes == 0)
        options.max_memory_bytes = DEFAULT_MEMORY_BYTES;
    if (options.max_parse_ms == 0)
        options.max_parse_ms = DEFAULT_PARSE_MS;
    if (options.process_count > MAX_PROCESSES)
        return COF_FAIL(err, COF_INVALID, "%zu parser processes are more than %d",
                        options.process_count, MAX_PROCESSES);
    if (options.max_parse_ms < 0 || options.max_memory_bytes < MIN_MEMORY_BYTES ||
        options.max_source_bytes > SIZE_MAX / 16)
        return COF_FAIL(err, COF_INVALID,
                        "a limit of the parsers makes no sense (time, memory below %zu bytes, or "
                        "size of a document)",
                        MIN_MEMORY_BYTES);
    *out_options = options;
    return COF_OK;
}

static void init_locks(struct cof_parser *parser)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&parser->lock, NULL);
    pthread_mutex_init(&parser->launcher_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&parser->is_free, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum cof_status cof_parser_open_with(const struct cof_parser_options *options,
                                     const struct cof_format_table *table,
                                     struct cof_parser **out_parser, struct cof_error *err)
{
    struct cof_parser_options filled = {0};
    COF_TRY(fill_options(options, &filled, err));
    struct cof_parser *parser = cof_calloc(1, sizeof(*parser));
    if (parser == NULL)
        return COF_FAIL_MEMORY(err);
    parser->options = filled;
    parser->table = table;
    parser->launcher = (struct cof_launcher){.fd = -1};
    for (size_t i = 0; i < MAX_PROCESSES; i++)
        parser->slots[i].fd = -1;
    init_locks(parser);
    /* A process may take as much time as a document may, many times over; it retires before. */
    struct cof_sandbox_limits limits = {
        .max_memory_bytes = filled.max_memory_bytes,
        .max_cpu_s = 2 * (filled.max_parse_ms / 1000 + 1),
    };
    enum cof_status status = cof_launcher_open(table, &limits, &parser->launcher, err);
    if (status == COF_OK)
        status = start_process(parser, &parser->slots[0], err); /* the walls stand, or we say so */
    if (status != COF_OK) {
        cof_parser_close(parser);
        return status;
    }
    *out_parser = parser;
    return COF_OK;
}

enum cof_status cof_parser_open(const struct cof_parser_options *options,
                                struct cof_parser **out_parser, struct cof_error *err)
{
    return cof_parser_open_with(options, cof_formats(), out_parser, err);
}

void cof_parser_close(struct cof_parser *parser)
{
    if (parser == NULL)
        return;
    for (size_t i = 0; i < MAX_PROCESSES; i++) {
        if (parser->slots[i].fd >= 0)
            cof_fd_close(&parser->slots[i].fd);
    }
    cof_launcher_close(&parser->launcher);
    pthread_cond_destroy(&parser->is_free);
    pthread_mutex_destroy(&parser->launcher_lock);
    pthread_mutex_destroy(&parser->lock);
    cof_free(parser);
}

enum cof_status cof_parser_parse(struct cof_parser *parser, struct cof_text media_type,
                                 struct cof_bytes source, const struct cof_cancel *cancel,
                                 struct cof_arena *arena, struct cof_parsed *out_parsed,
                                 struct cof_error *err)
{
    size_t format = 0;
    COF_TRY(cof_format_find(parser->table, media_type, &format, err));
    if (source.size > parser->options.max_source_bytes)
        return COF_FAIL(err, COF_TOO_LARGE, "a document of %zu bytes is over the limit of %zu",
                        source.size, parser->options.max_source_bytes);
    if (source.size == 0) {
        *out_parsed = (struct cof_parsed){0};
        return COF_OK;
    }
    struct slot *slot = NULL;
    uint64_t id = 0;
    COF_TRY(take_slot(parser, cancel, &slot, &id, err));
    enum cof_status status =
        parse(parser, slot, (uint16_t)format, id, source, cancel, arena, out_parsed, err);
    give_back(parser, slot);
    return status;
}
