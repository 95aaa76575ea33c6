/* The configuration table and what is made of it. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/file.h>
#include <cof/base/json.h>

#define MAX_CONFIG_BYTES (1u << 20)
#define KIB (INT64_C(1) << 10)
#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

enum setting_type { SETTING_TEXT, SETTING_INTEGER, SETTING_BOOL };

struct setting {
    const char *key;
    enum setting_type type;
    size_t offset;       /* of its field in struct cof_config */
    const char *text;    /* default of a text; of a choice: the first word is the default */
    const char *choices; /* space-separated words, NULL = any text */
    int64_t number;      /* default of a number or boolean */
    int64_t min, max;
    bool is_bytes;    /* shown in KiB, MiB and GiB; other numbers as they are */
    bool is_security; /* echoed into the START record */
    const char *help;
};

#define FIELD(name) offsetof(struct cof_config, name)
#define TEXT_ROW(key_, field_, default_, help_)                                                    \
    {                                                                                              \
        .key = key_, .type = SETTING_TEXT, .offset = FIELD(field_), .text = default_,              \
        .help = help_                                                                              \
    }
#define SAFE_TEXT_ROW(key_, field_, default_, help_)                                               \
    {                                                                                              \
        .key = key_, .type = SETTING_TEXT, .offset = FIELD(field_), .text = default_,              \
        .is_security = true, .help = help_                                                         \
    }
#define CHOICE_ROW(key_, field_, default_, choices_, help_)                                        \
    {                                                                                              \
        .key = key_, .type = SETTING_TEXT, .offset = FIELD(field_), .text = default_,              \
        .choices = choices_, .help = help_                                                         \
    }
#define NUMBER_ROW(key_, field_, default_, min_, max_, help_)                                      \
    {                                                                                              \
        .key = key_, .type = SETTING_INTEGER, .offset = FIELD(field_), .number = default_,         \
        .min = min_, .max = max_, .help = help_                                                    \
    }
#define BYTES_ROW(key_, field_, default_, min_, max_, help_)                                       \
    {                                                                                              \
        .key = key_, .type = SETTING_INTEGER, .offset = FIELD(field_), .number = default_,         \
        .min = min_, .max = max_, .is_bytes = true, .help = help_                                  \
    }
#define SAFE_NUMBER_ROW(key_, field_, default_, min_, max_, help_)                                 \
    {                                                                                              \
        .key = key_, .type = SETTING_INTEGER, .offset = FIELD(field_), .number = default_,         \
        .min = min_, .max = max_, .is_security = true, .help = help_                               \
    }
#define SAFE_BOOL_ROW(key_, field_, default_, help_)                                               \
    {                                                                                              \
        .key = key_, .type = SETTING_BOOL, .offset = FIELD(field_), .number = default_,            \
        .is_security = true, .help = help_                                                         \
    }

static const struct setting settings[] = {
    SAFE_TEXT_ROW("listen", listen, "127.0.0.1:7700", "address and port; port 0 = any free one"),
    SAFE_BOOL_ROW("behind_proxy", is_behind_proxy, false,
                  "a TLS proxy stands in front: allows an address that is not loopback"),
    SAFE_TEXT_ROW("allowed_hosts", allowed_hosts, "",
                  "Host names accepted besides loopback, comma-separated"),
    SAFE_TEXT_ROW("allowed_origins", allowed_origins, "",
                  "Origin values accepted from browsers, comma-separated; none = same origin only"),
    NUMBER_ROW("workers", workers, 0, 0, 1024, "worker threads; 0 = number of cores"),
    NUMBER_ROW("queue", queue, 256, 1, 65536, "requests that may wait for a worker"),
    NUMBER_ROW("generate_workers", generate_workers, 1, 1, 64, "answers generated at a time"),
    NUMBER_ROW("generate_queue", generate_queue, 16, 1, 4096,
               "chat requests that may wait for the generator"),
    NUMBER_ROW("max_connections", max_connections, 1024, 1, 65536, "open client connections"),
    BYTES_ROW("max_head_bytes", max_head_bytes, 16 * KIB, KIB, MIB, "request line and headers"),
    NUMBER_ROW("max_head_count", max_head_count, 64, 4, 1024, "header fields"),
    BYTES_ROW("max_json_bytes", max_json_bytes, 8 * MIB, KIB, GIB, "body of a JSON request"),
    BYTES_ROW("max_bulk_bytes", max_bulk_bytes, 4 * GIB, KIB, 1024 * GIB,
              "body of a bulk upload (POST /v1/documents)"),
    BYTES_ROW("max_line_bytes", max_line_bytes, 64 * MIB, KIB, GIB, "one line of a bulk upload"),
    BYTES_ROW("max_buffered_bytes", max_buffered_bytes, 512 * MIB, MIB, 1024 * GIB,
              "memory that request bodies may take together"),
    NUMBER_ROW("head_timeout_ms", head_timeout_ms, 10000, 100, 600000,
               "time a client has to send its headers"),
    NUMBER_ROW("idle_timeout_ms", idle_timeout_ms, 60000, 100, 3600000,
               "time a connection may stay silent between requests"),
    BYTES_ROW("min_body_bytes_per_second", min_body_bytes_per_second, 1024, 1, GIB,
              "slower senders are closed"),
    NUMBER_ROW("request_timeout_ms", request_timeout_ms, 60000, 100, 3600000,
               "deadline of a request"),
    NUMBER_ROW("generate_timeout_ms", generate_timeout_ms, 300000, 100, 3600000,
               "deadline of a chat request"),
    NUMBER_ROW("drain_ms", drain_ms, 30000, 0, 600000,
               "time that requests in flight get at shutdown"),
    SAFE_NUMBER_ROW("rate_per_second", rate_per_second, 0, 0, 1000000,
                    "requests a second per API key; 0 = no limit"),
    NUMBER_ROW("rate_burst", rate_burst, 0, 0, 1000000,
               "requests at once per API key; 0 = twice the rate"),

    CHOICE_ROW("embedder.backend", embedder_backend, "bert", "bert hashing remote",
               "what makes vectors: bert (local), hashing (no model), remote"),
    TEXT_ROW("embedder.model", embedder_model, "all-MiniLM-L6-v2",
             "model folder under the models folder, or a path, or the remote model's name"),
    SAFE_TEXT_ROW("embedder.url", embedder_url, "",
                  "remote only: base address, e.g. http://127.0.0.1:8080/v1"),
    TEXT_ROW("embedder.key_file", embedder_key_file, "", "remote only: file with the bearer token"),
    NUMBER_ROW("embedder.dimension", embedder_dimension, 0, 0, 4096,
               "floats per vector; bert cuts its model's to that many (0 = all), hashing makes "
               "them (0 = 384), remote expects them (0 = asks the server)"),
    CHOICE_ROW("embedder.precision", embedder_precision, "auto", "auto f32 bf16 int8",
               "bert: what it computes in; auto = the fastest of those found faithful by "
               "`coffer model add`"),
    CHOICE_ROW("embedder.device", embedder_device, "auto", "auto cpu cuda",
               "bert: who computes; auto = a GPU where there is one and the program was built for "
               "it, cuda = no start without one"),
    NUMBER_ROW("embedder.device_memory_mib", embedder_device_memory_mib, 0, 0, 1 << 20,
               "memory to take on the GPU; 0 = three quarters of what is free"),
    NUMBER_ROW("embedder.threads", embedder_threads, 0, 0, 1024,
               "threads that embed; 0 = number of cores"),
    NUMBER_ROW("embedder.queue", embedder_queue, 1024, 1, 1 << 20,
               "calls that may be at the embedder; more are answered with 429"),
    NUMBER_ROW("embedder.batch_window_ms", embedder_batch_window_ms, 2, 0, 1000,
               "time a question may wait for others while every thread is busy; 0 = never"),
    NUMBER_ROW("embedder.max_tokens_in_flight", embedder_max_tokens_in_flight, 0, 0, 1 << 24,
               "tokens waiting for the embedder; 0 = 16384, or 2048 a thread where that is more"),
    NUMBER_ROW("embedder.cache_count", embedder_cache_count, 1024, 0, 1 << 20,
               "vectors of questions kept in memory; 0 = none"),
    NUMBER_ROW("embedder.cache_ttl_s", embedder_cache_ttl_s, 600, 1, 86400,
               "time a kept vector is used"),
    BYTES_ROW("max_tokenize_bytes", max_tokenize_bytes, MIB, KIB, GIB,
              "text of one POST /v1/tokenize"),

    TEXT_ROW("reranker.model", reranker_model, "",
             "cross-encoder's folder under the models folder, or a path; empty = the token vectors "
             "of a local embedder"),
    NUMBER_ROW("rerank.max_documents", rerank_max_documents, 1000, 1, 65536,
               "documents of one POST /v1/rerank"),
    CHOICE_ROW("search.rerank", search_rerank, "off", "off auto",
               "auto = hybrid searches are reranked within the budget, unless they say otherwise"),
    NUMBER_ROW("search.rerank_weight", search_rerank_weight, 20, 0, 100,
               "say of the reranker against the first stage, in percent"),
    NUMBER_ROW("search.rerank_candidates", search_rerank_candidates, 50, 1, 100,
               "best hits that are reranked"),
    NUMBER_ROW("search.rerank_budget_ms", search_rerank_budget_ms, 500, 0, 600000,
               "time for reranking, after which the first order stays; 0 = no limit"),

    CHOICE_ROW("generator.backend", generator_backend, "auto", "auto llama extractive none",
               "auto = llama when the model is there, else extractive"),
    TEXT_ROW("generator.model", generator_model, "tinyllama-1.1b-chat",
             "folder with model.gguf under the models folder, or a path to a .gguf file"),
    NUMBER_ROW("generator.threads", generator_threads, 0, 0, 1024,
               "threads that generate; 0 = number of cores"),
    NUMBER_ROW("generator.context_tokens", generator_context_tokens, 0, 0, 1 << 20,
               "prompt and answer together; 0 = the model's, at most 4096"),
    SAFE_BOOL_ROW("chat.must_ground", chat_must_ground, false,
                  "refuse chat without vector stores (answers only from documents)"),

    NUMBER_ROW("chunk.max_tokens", chunk_max_tokens, 200, 16, 8192,
               "tokens per chunk of new vector stores"),
    NUMBER_ROW("chunk.overlap_tokens", chunk_overlap_tokens, 32, 0, 4096,
               "tokens repeated between neighbouring chunks of new vector stores"),
    BYTES_ROW("max_document_bytes", max_document_bytes, 64 * MIB, KIB, GIB, "one document"),
    NUMBER_ROW("max_document_chunks", max_document_chunks, 20000, 1, 65536,
               "chunks of one document; a longer one is refused, split it"),
    NUMBER_ROW("parser.processes", parser_processes, 2, 1, 64, "sandboxed parser processes"),
    BYTES_ROW("parser.max_memory_bytes", parser_max_memory_bytes, GIB, 64 * MIB, 64 * GIB,
              "memory of one parser process"),
    NUMBER_ROW("parser.max_ms", parser_max_ms, 60000, 100, 3600000,
               "time one document may take to parse"),

    SAFE_TEXT_ROW("passphrase_file", passphrase_file, "",
                  "file whose first line opens the keyring; empty = root.key in the keys folder"),
    BYTES_ROW("store.max_bytes", store_max_bytes, 256 * GIB, 16 * MIB, 65536 * GIB,
              "size limit of the store"),
    CHOICE_ROW("store.precision", store_precision, "f32", "f32 f16",
               "stored vectors of new vector stores"),
    NUMBER_ROW("index.seal_count", index_seal_count, 16384, 64, 16 * MIB,
               "vectors searched exactly before a graph is built over them"),
    NUMBER_ROW("audit.checkpoint_ms", audit_checkpoint_ms, 1000, 10, 3600000,
               "at most this long until new records are under a signed checkpoint"),
    BYTES_ROW("audit.max_segment_bytes", audit_max_segment_bytes, 64 * MIB, MIB, 16 * GIB,
              "size of one file of the audit log"),
};

#define SETTING_COUNT (sizeof(settings) / sizeof(settings[0]))

static void *field_of(struct cof_config *config, const struct setting *setting)
{
    return (char *)config + setting->offset;
}

static const void *const_field_of(const struct cof_config *config, const struct setting *setting)
{
    return (const char *)config + setting->offset;
}

static void set_default(struct cof_config *config, const struct setting *setting)
{
    switch (setting->type) {
    case SETTING_TEXT:
        *(const char **)field_of(config, setting) = setting->text;
        break;
    case SETTING_INTEGER:
        *(int64_t *)field_of(config, setting) = setting->number;
        break;
    case SETTING_BOOL:
        *(bool *)field_of(config, setting) = setting->number != 0;
        break;
    }
}

void cof_config_init(struct cof_config *config)
{
    memset(config, 0, sizeof(*config));
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        set_default(config, &settings[i]);
    }
}

static const struct setting *find_setting(struct cof_text key)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (cof_text_equal(key, cof_text_from(settings[i].key))) {
            return &settings[i];
        }
    }
    return NULL;
}

/* Decimal digits with an optional KiB, MiB or GiB. */
static bool parse_number(struct cof_text value, int64_t *out_number)
{
    static const struct {
        struct cof_text suffix;
        int64_t factor;
    } units[] = {{{"KiB", 3}, KIB}, {{"MiB", 3}, MIB}, {{"GiB", 3}, GIB}};
    int64_t factor = 1;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (cof_text_has_suffix(value, units[i].suffix)) {
            factor = units[i].factor;
            value = cof_text_trim(cof_text_slice(value, 0, value.size - units[i].suffix.size));
            break;
        }
    }
    uint64_t number = 0;
    int64_t product = 0;
    if (!cof_text_parse_u64(value, &number) || number > INT64_MAX ||
        __builtin_mul_overflow((int64_t)number, factor, &product)) {
        return false;
    }
    *out_number = product;
    return true;
}

static bool is_choice(const struct setting *setting, struct cof_text value)
{
    struct cof_text rest = cof_text_from(setting->choices);
    while (rest.size > 0) {
        struct cof_text word;
        (void)cof_text_split(rest, ' ', &word, &rest);
        if (cof_text_equal(word, value)) {
            return true;
        }
    }
    return false;
}

static enum cof_status set_text(struct cof_config *config, const struct setting *setting,
                                struct cof_text value, struct cof_arena *arena,
                                struct cof_error *err)
{
    if (setting->choices != NULL && !is_choice(setting, value)) {
        return COF_FAIL(err, COF_INVALID, "%s is \"%.*s\" but takes one of: %s", setting->key,
                        COF_TEXT_ARG(value), setting->choices);
    }
    struct cof_text copy = cof_arena_copy_text(arena, value);
    if (copy.data == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    *(const char **)field_of(config, setting) = copy.data;
    return COF_OK;
}

enum cof_status cof_config_set(struct cof_config *config, struct cof_text key,
                               struct cof_text value, struct cof_arena *arena,
                               struct cof_error *err)
{
    const struct setting *setting = find_setting(key);
    if (setting == NULL) {
        return COF_FAIL(err, COF_INVALID,
                        "there is no setting \"%.*s\"; coffer doctor --settings lists them",
                        COF_TEXT_ARG(cof_text_slice(key, 0, 64)));
    }
    if (setting->type == SETTING_TEXT) {
        return set_text(config, setting, value, arena, err);
    }
    if (setting->type == SETTING_BOOL) {
        bool is_yes = cof_text_equal(value, COF_TEXT("yes"));
        if (!is_yes && !cof_text_equal(value, COF_TEXT("no"))) {
            return COF_FAIL(err, COF_INVALID, "%s is \"%.*s\" but takes yes or no", setting->key,
                            COF_TEXT_ARG(cof_text_slice(value, 0, 64)));
        }
        *(bool *)field_of(config, setting) = is_yes;
        return COF_OK;
    }
    int64_t number = 0;
    if (!parse_number(value, &number) || number < setting->min || number > setting->max) {
        return COF_FAIL(err, COF_INVALID,
                        "%s is \"%.*s\" but takes a whole number from %" PRId64 " to %" PRId64 "%s",
                        setting->key, COF_TEXT_ARG(cof_text_slice(value, 0, 64)), setting->min,
                        setting->max, setting->is_bytes ? " (KiB, MiB, GiB may follow)" : "");
    }
    *(int64_t *)field_of(config, setting) = number;
    return COF_OK;
}

static enum cof_status set_line(struct cof_config *config, struct cof_text line,
                                struct cof_arena *arena, struct cof_error *err)
{
    line = cof_text_trim(line);
    if (line.size == 0 || line.data[0] == '#') {
        return COF_OK;
    }
    struct cof_text key;
    struct cof_text value;
    if (!cof_text_split(line, '=', &key, &value)) {
        return COF_FAIL(err, COF_INVALID, "a line must be `key = value`");
    }
    return cof_config_set(config, cof_text_trim(key), cof_text_trim(value), arena, err);
}

enum cof_status cof_config_read(struct cof_config *config, const char *path,
                                struct cof_arena *arena, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    COF_TRY(cof_file_read(path, MAX_CONFIG_BYTES, &content, err));
    struct cof_text rest = cof_buffer_text(&content);
    for (unsigned number = 1; rest.size > 0; number++) {
        struct cof_text line;
        (void)cof_text_split(rest, '\n', &line, &rest);
        struct cof_error error = {0};
        enum cof_status status = set_line(config, line, arena, &error);
        if (status != COF_OK) {
            return COF_FAIL(err, status, "%s line %u: %s", path, number, error.message);
        }
    }
    return COF_OK;
}

static void environment_name(const char *key, char *out_name, size_t size)
{
    snprintf(out_name, size, "COFFER_%s", key);
    for (char *at = out_name; *at != '\0'; at++) {
        if (*at == '.') {
            *at = '_';
        } else if (*at >= 'a' && *at <= 'z') {
            *at = (char)(*at - 'a' + 'A');
        }
    }
}

enum cof_status cof_config_read_environment(struct cof_config *config, struct cof_arena *arena,
                                            struct cof_error *err)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char name[96];
        environment_name(settings[i].key, name, sizeof(name));
        const char *value = getenv(name);
        if (value == NULL) {
            continue;
        }
        struct cof_error error = {0};
        enum cof_status status = cof_config_set(config, cof_text_from(settings[i].key),
                                                cof_text_from(value), arena, &error);
        if (status != COF_OK) {
            return COF_FAIL(err, status, "environment variable %s: %s", name, error.message);
        }
    }
    return COF_OK;
}

static void append_number(const struct setting *setting, struct cof_buffer *out)
{
    static const struct {
        const char *suffix;
        int64_t factor;
    } units[] = {{"GiB", GIB}, {"MiB", MIB}, {"KiB", KIB}};
    for (size_t i = 0; setting->is_bytes && i < sizeof(units) / sizeof(units[0]); i++) {
        if (setting->number >= units[i].factor && setting->number % units[i].factor == 0) {
            cof_buffer_append_format(out, "%" PRId64 "%s", setting->number / units[i].factor,
                                     units[i].suffix);
            return;
        }
    }
    cof_buffer_append_format(out, "%" PRId64, setting->number);
}

static void append_default(const struct setting *setting, struct cof_buffer *out)
{
    switch (setting->type) {
    case SETTING_TEXT:
        cof_buffer_append_format(out, "%s", setting->text);
        break;
    case SETTING_INTEGER:
        append_number(setting, out);
        break;
    case SETTING_BOOL:
        cof_buffer_append_format(out, "%s", setting->number != 0 ? "yes" : "no");
        break;
    }
}

void cof_config_write_sample(struct cof_buffer *out)
{
    cof_buffer_append_format(out, "# Settings of coffer, each at its default. Environment "
                                  "variables (COFFER_…) and the\n# command line win over this "
                                  "file. Give it with --config FILE.\n");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        cof_buffer_append_format(out, "\n# %s", settings[i].help);
        if (settings[i].choices != NULL) {
            cof_buffer_append_format(out, " (%s)", settings[i].choices);
        }
        cof_buffer_append_format(out, "\n#%s = ", settings[i].key);
        append_default(&settings[i], out);
        cof_buffer_append_byte(out, '\n');
    }
}

void cof_config_write_help(struct cof_buffer *out)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer text = {0};
        append_default(&settings[i], &text);
        cof_buffer_append_byte(&text, '\0');
        cof_buffer_append_format(out, "  %-26s %-20s %s\n", settings[i].key,
                                 text.has_failed ? "" : (const char *)text.data, settings[i].help);
    }
}

void cof_config_write_security(const struct cof_config *config, struct cof_buffer *out)
{
    struct cof_json_writer writer = cof_json_writer_to(out);
    cof_json_begin_object(&writer);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &settings[i];
        if (!setting->is_security) {
            continue;
        }
        switch (setting->type) {
        case SETTING_TEXT:
            cof_json_member_string(&writer, setting->key,
                                   *(const char *const *)const_field_of(config, setting));
            break;
        case SETTING_INTEGER:
            cof_json_member_integer(&writer, setting->key,
                                    *(const int64_t *)const_field_of(config, setting));
            break;
        case SETTING_BOOL:
            cof_json_member_bool(&writer, setting->key,
                                 *(const bool *)const_field_of(config, setting));
            break;
        }
    }
    cof_json_end_object(&writer);
}
