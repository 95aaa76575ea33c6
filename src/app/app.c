/* The composition root: opens the parts of the house in order and closes them in reverse. */
#include "app.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <cof/base/clock.h>
#include <cof/base/file.h>

#include "backends.h"

#define MAX_PASSPHRASE_BYTES 4096
#define POOL_QUEUE 4096
#define BACKGROUND_QUEUE 64

enum cof_status cof_app_keys_folder(const struct cof_app_options *options, char *out_path,
                                    struct cof_error *err)
{
    if (options->keys_folder != NULL) {
        return cof_path_join(out_path, options->keys_folder, "", err);
    }
    size_t size = strlen(options->data_folder);
    while (size > 1 && options->data_folder[size - 1] == '/') {
        size--;
    }
    int written = snprintf(out_path, COF_MAX_PATH, "%.*s.keys", (int)size, options->data_folder);
    if (written < 0 || written >= COF_MAX_PATH) {
        return COF_FAIL(err, COF_INVALID, "the path of the data folder is too long");
    }
    return COF_OK;
}

enum cof_status cof_app_read_passphrase(const struct cof_config *config, struct cof_buffer *out,
                                        struct cof_error *err)
{
    if (config->passphrase_file[0] == '\0') {
        return COF_OK;
    }
    COF_TRY(cof_file_read(config->passphrase_file, MAX_PASSPHRASE_BYTES, out, err));
    struct cof_text line;
    struct cof_text rest;
    (void)cof_text_split(cof_buffer_text(out), '\n', &line, &rest);
    out->size = line.size;
    if (line.size == 0) {
        return COF_FAIL(err, COF_INVALID,
                        "the first line of %s is empty; it must hold the "
                        "passphrase",
                        config->passphrase_file);
    }
    return COF_OK;
}

static enum cof_status lock_folder(const char *data_folder, int *out_lock, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_TRY(cof_path_join(path, data_folder, "lock", err));
    struct cof_error error = {0};
    enum cof_status status = cof_lock_open(path, out_lock, &error);
    if (status == COF_CONFLICT) {
        return COF_FAIL(err, COF_CONFLICT,
                        "%s is in use by another coffer; talk to it with --server URL "
                        "--api-key-file FILE, or stop it first",
                        data_folder);
    }
    if (status != COF_OK && access(data_folder, W_OK) != 0) {
        return COF_FAIL(
            err, status,
            "the data folder %s cannot be written: mount it writable, and let it belong "
            "to the user that runs coffer (%s)",
            data_folder, strerror(errno));
    }
    if (status != COF_OK) {
        return COF_FAIL(err, status, "%s", error.message);
    }
    return COF_OK;
}

static enum cof_status open_keyring(struct cof_app *app, bool must_create, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer passphrase = {0};
    COF_TRY(cof_app_read_passphrase(app->options.config, &passphrase, err));
    struct cof_keyring_options options = {
        .folder = app->keys_folder,
        .data_folder = app->options.data_folder,
        .passphrase = cof_buffer_text(&passphrase),
        .clock = cof_clock_system(),
        .random = cof_random_system(),
        .notice = app->options.notice,
        .notice_context = app->options.notice_context,
    };
    if (must_create) {
        return cof_keyring_create(&options, &app->keyring, err);
    }
    return cof_keyring_open(&options, &app->keyring, err);
}

static enum cof_status open_store(struct cof_app *app, bool may_create, struct cof_error *err)
{
    char folder[COF_MAX_PATH];
    COF_TRY(cof_path_join(folder, app->options.data_folder, "store", err));
    struct cof_store_options options = {
        .folder = folder,
        .may_create = may_create,
        .keyring = app->keyring,
        .clock = cof_clock_system(),
        .random = cof_random_system(),
        .max_bytes = (uint64_t)app->options.config->store_max_bytes,
        .notice = app->options.notice,
        .notice_context = app->options.notice_context,
    };
    return cof_store_open(&options, &app->store, err);
}

static enum cof_status open_audit(struct cof_app *app, struct cof_error *err)
{
    struct cof_audit_log_options options = {
        .folder = app->audit_folder,
        .keyring = app->keyring,
        .clock = cof_clock_system(),
        .random = cof_random_system(),
        .max_segment_bytes = (uint64_t)app->options.config->audit_max_segment_bytes,
        .checkpoint_ms = (long)app->options.config->audit_checkpoint_ms,
        .known_entry_count = cof_store_audit_count(app->store),
        .notice = app->options.notice,
        .notice_context = app->options.notice_context,
    };
    return cof_audit_log_open(&options, &app->audit, err);
}

static size_t worker_count(int64_t configured)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = configured > 0 ? (size_t)configured : cores > 0 ? (size_t)cores : 1;
    return count - 1; /* the calling thread takes part */
}

static enum cof_status open_search(struct cof_app *app, struct cof_error *err)
{
    const struct cof_config *config = app->options.config;
    struct cof_pool_options pool = {.name = "cof-compute",
                                    .thread_count = worker_count(config->embedder_threads),
                                    .max_queue_count = POOL_QUEUE};
    COF_TRY(cof_pool_create(&pool, &app->pool, err));
    struct cof_pool_options background = {
        .name = "cof-build", .thread_count = 1, .max_queue_count = BACKGROUND_QUEUE};
    COF_TRY(cof_pool_create(&background, &app->background, err));
    COF_TRY(cof_backend_open_embedder(config, app->pool, app->options.notice,
                                      app->options.notice_context, &app->embedder, err));
    struct cof_query_cache_options cache = {
        .embedder = app->embedder,
        .max_count = (size_t)config->embedder_cache_count,
        .lifetime_ms = config->embedder_cache_ttl_s * 1000,
        .clock = cof_clock_system(),
        .random = cof_random_system(),
    };
    COF_TRY(cof_query_cache_create(&cache, &app->query_cache, err));
    COF_TRY(cof_backend_open_reranker(config, app->pool, app->embedder, &app->reranker, err));
    struct cof_index_set_options indexes = {
        .store = app->store,
        .background = app->background,
        .seal_count = (size_t)config->index_seal_count,
        .sealed_ops = cof_backend_sealed_index(),
        .notice = app->options.notice,
        .notice_context = app->options.notice_context,
    };
    COF_TRY(cof_index_set_open(&indexes, &app->indexes, err));
    struct cof_search_options search = {
        .store = app->store,
        .indexes = app->indexes,
        .embedder = app->embedder,
        .query_cache = app->query_cache,
        .reranker = app->reranker,
        .clock = cof_clock_system(),
        .rerank_weight = (float)config->search_rerank_weight / 100,
        .rerank_count = (size_t)config->search_rerank_candidates,
        .rerank_budget_ms = (long)config->search_rerank_budget_ms,
    };
    return cof_searcher_create(&search, &app->searcher, err);
}

static enum cof_status open_answers(struct cof_app *app, struct cof_error *err)
{
    COF_TRY(cof_backend_open_generator(app->options.config, app->options.notice,
                                       app->options.notice_context, &app->generator, err));
    if (app->generator == NULL) {
        return COF_OK;
    }
    struct cof_answerer_options options = {
        .searcher = app->searcher,
        .embedder = app->embedder,
        .generator = app->generator,
        .clock = cof_clock_system(),
    };
    return cof_answerer_create(&options, &app->answerer, err);
}

static enum cof_status open_ingest(struct cof_app *app, struct cof_error *err)
{
    struct cof_ingester_options options = {
        .parser = app->parser,
        .embedder = app->embedder,
        .store = app->store,
        .indexes = app->indexes,
        .pool = app->pool,
        .clock = cof_clock_system(),
        .max_document_bytes = (size_t)app->options.config->max_document_bytes,
        .max_chunks = (size_t)app->options.config->max_document_chunks,
    };
    return cof_ingester_create(&options, &app->ingester, err);
}

static enum cof_status open_auth(struct cof_app *app, struct cof_error *err)
{
    struct cof_auth_options options = {
        .store = app->store,
        .keyring = app->keyring,
        .clock = cof_clock_system(),
        .random = cof_random_system(),
    };
    return cof_auth_open(&options, &app->auth, err);
}

static enum cof_status open_service(struct cof_app *app, struct cof_error *err)
{
    const struct cof_config *config = app->options.config;
    COF_TRY(cof_metrics_create(&app->metrics, err));
    cof_config_write_security(config, &app->start_details);
    COF_TRY(cof_buffer_status(&app->start_details, err));
    struct cof_service_options options = {
        .store = app->store,
        .keyring = app->keyring,
        .audit = app->audit,
        .audit_folder = app->audit_folder,
        .auth = app->auth,
        .indexes = app->indexes,
        .searcher = app->searcher,
        .ingester = app->ingester,
        .answerer = app->answerer,
        .embedder = app->embedder,
        .query_cache = app->query_cache,
        .reranker = app->reranker,
        .generator = app->generator,
        .metrics = app->metrics,
        .clock = cof_clock_system(),
        .random = cof_random_system(),
        .rate_per_second = (uint32_t)config->rate_per_second,
        .rate_burst = (uint32_t)config->rate_burst,
        .must_ground = config->chat_must_ground,
        .precision = strcmp(config->store_precision, "f16") == 0 ? COF_VECTOR_F16 : COF_VECTOR_F32,
        .max_chunk_tokens = (uint32_t)config->chunk_max_tokens,
        .chunk_overlap_tokens = (uint32_t)config->chunk_overlap_tokens,
        .max_tokenize_bytes = (size_t)config->max_tokenize_bytes,
        .max_rerank_count = (size_t)config->rerank_max_documents,
        .must_rerank = strcmp(config->search_rerank, "auto") == 0,
        .start_details = cof_buffer_text(&app->start_details),
        .notice = app->options.notice,
        .notice_context = app->options.notice_context,
    };
    return cof_service_open(&options, &app->service, err);
}

static enum cof_status open_parser(struct cof_app *app, struct cof_error *err)
{
    const struct cof_config *config = app->options.config;
    struct cof_parser_options options = {
        .process_count = (size_t)config->parser_processes,
        .max_source_bytes = (size_t)config->max_document_bytes,
        .max_memory_bytes = (size_t)config->parser_max_memory_bytes,
        .max_parse_ms = (long)config->parser_max_ms,
    };
    return cof_parser_open(&options, &app->parser, err);
}

static enum cof_status open_parts(struct cof_app *app, struct cof_error *err)
{
    unsigned needs = app->options.needs;
    if (needs & COF_APP_INGEST) {
        COF_TRY(open_parser(app, err));
    }
    COF_TRY(cof_app_keys_folder(&app->options, app->keys_folder, err));
    COF_TRY(cof_path_join(app->audit_folder, app->options.data_folder, "audit", err));
    if (!cof_path_is_folder(app->options.data_folder)) {
        return COF_FAIL(err, COF_NOT_FOUND, "no data folder at %s; coffer init --data %s makes it",
                        app->options.data_folder, app->options.data_folder);
    }
    COF_TRY(lock_folder(app->options.data_folder, &app->lock, err));
    COF_TRY(open_keyring(app, false, err));
    COF_TRY(open_store(app, false, err));
    COF_TRY(open_audit(app, err));
    if (needs != COF_APP_KEYS) {
        COF_TRY(open_search(app, err));
    }
    if (needs & COF_APP_GENERATE) {
        COF_TRY(open_answers(app, err));
    }
    COF_TRY(open_auth(app, err));
    if (needs & COF_APP_INGEST) {
        COF_TRY(open_ingest(app, err));
    }
    return open_service(app, err);
}

enum cof_status cof_app_open(const struct cof_app_options *options, struct cof_app *out_app,
                             struct cof_error *err)
{
    memset(out_app, 0, sizeof(*out_app));
    out_app->options = *options;
    out_app->lock = -1;
    enum cof_status status = open_parts(out_app, err);
    if (status != COF_OK) {
        cof_app_close(out_app);
    }
    return status;
}

void cof_app_close(struct cof_app *app)
{
    if (app == NULL) {
        return;
    }
    cof_service_close(app->service);
    cof_ingester_destroy(app->ingester);
    cof_auth_close(app->auth);
    cof_answerer_destroy(app->answerer);
    cof_generator_close(app->generator);
    cof_searcher_destroy(app->searcher);
    cof_index_set_close(app->indexes);
    cof_reranker_close(app->reranker);
    cof_query_cache_destroy(app->query_cache);
    cof_embedder_close(app->embedder);
    cof_pool_destroy(app->background);
    cof_pool_destroy(app->pool);
    cof_metrics_destroy(app->metrics);
    cof_audit_log_close(app->audit);
    cof_store_close(app->store);
    cof_keyring_close(app->keyring);
    cof_parser_close(app->parser);
    cof_buffer_deinit(&app->start_details);
    cof_fd_close(&app->lock);
    memset(app, 0, sizeof(*app));
    app->lock = -1;
}

/* Without keys nothing may be left of a data folder that was not there before. */
static enum cof_status make_keys(struct cof_app *app, struct cof_error *err)
{
    const char *data_folder = app->options.data_folder;
    bool was_there = cof_path_exists(data_folder);
    COF_TRY(cof_folder_create(data_folder, 0700, err));
    enum cof_status status = lock_folder(data_folder, &app->lock, err);
    if (status == COF_OK) {
        status = open_keyring(app, true, err);
    }
    char lock[COF_MAX_PATH];
    if (status != COF_OK && !was_there &&
        cof_path_join(lock, data_folder, "lock", NULL) == COF_OK) {
        (void)unlink(lock);
        (void)rmdir(data_folder);
    }
    return status;
}

/* Makes the folders, keys first: a store without its keys would be lost. */
static enum cof_status init_parts(struct cof_app *app, char *out_key, struct cof_error *err)
{
    COF_TRY(cof_app_keys_folder(&app->options, app->keys_folder, err));
    COF_TRY(cof_path_join(app->audit_folder, app->options.data_folder, "audit", err));
    char store_folder[COF_MAX_PATH];
    COF_TRY(cof_path_join(store_folder, app->options.data_folder, "store", err));
    if (cof_path_exists(store_folder)) {
        return COF_FAIL(err, COF_CONFLICT, "%s holds a store already; nothing was changed",
                        app->options.data_folder);
    }
    COF_TRY(make_keys(app, err));
    COF_TRY(open_store(app, true, err));
    COF_TRY(open_audit(app, err));
    COF_TRY(open_auth(app, err));
    COF_TRY(open_service(app, err));
    struct cof_call call;
    cof_call_init_local(app->service, &call);
    struct cof_key_request request = {.name = COF_TEXT("admin"), .roles = COF_ROLE_ADMIN};
    struct cof_credential credential;
    enum cof_status status =
        cof_service_create_key(app->service, &call, &request, out_key, &credential, err);
    cof_call_deinit(&call);
    return status;
}

/* "a folder inside the data folder", by real paths where they exist. */
static bool is_inside(const char *inner, const char *outer)
{
    size_t size = strlen(outer);
    while (size > 1 && outer[size - 1] == '/') {
        size--;
    }
    return strncmp(inner, outer, size) == 0 && (inner[size] == '/' || inner[size] == '\0');
}

enum cof_status cof_app_init(const struct cof_app_options *options, char *out_key,
                             struct cof_error *err)
{
    if (options->keys_folder != NULL && is_inside(options->keys_folder, options->data_folder)) {
        return COF_FAIL(err, COF_INVALID,
                        "the keys folder must not lie inside the data folder: whoever copies the "
                        "data would hold its keys");
    }
    struct cof_app app = {.options = *options, .lock = -1};
    enum cof_status status = init_parts(&app, out_key, err);
    cof_app_close(&app);
    return status;
}
