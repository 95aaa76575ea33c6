/* The one list of implementations behind the contracts. */
#include "backends.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cof/base/buffer.h>
#include <cof/base/file.h>
#include <cof/embedder/bert.h>
#include <cof/embedder/cross_encoder.h>
#include <cof/embedder/hashing.h>
#include <cof/embedder/late_interaction.h>
#include <cof/embedder/remote.h>
#include <cof/generate/extractive.h>
#include <cof/generate/llama.h>
#include <cof/index/vector_backends.h>
#include <cof/keys/hash.h>

#define DEFAULT_HASHING_DIMENSION 384
#define HASHING_MAX_TOKENS 512
#define MAX_TOKEN_FILE_BYTES 65536

static enum cof_status models_folder(char *out_path, struct cof_error *err)
{
    const char *models = getenv("COFFER_MODELS");
    if (models != NULL && models[0] != '\0') {
        return cof_path_join(out_path, models, "", err);
    }
    const char *cache = getenv("COFFER_CACHE");
    if (cache != NULL && cache[0] != '\0') {
        return cof_path_join(out_path, cache, "models", err);
    }
    const char *home = getenv("HOME");
    if (home == NULL || home[0] == '\0') {
        return COF_FAIL(err, COF_INVALID,
                        "HOME is not set; say where models are with COFFER_MODELS");
    }
    return cof_path_join(out_path, home, ".cache/coffer/models", err);
}

enum cof_status cof_backend_model_path(const char *name, char *out_path, struct cof_error *err)
{
    if (strchr(name, '/') != NULL) {
        if (!cof_path_exists(name)) {
            return COF_FAIL(err, COF_NOT_FOUND, "no model at %s", name);
        }
        return cof_path_join(out_path, name, "", err);
    }
    char models[COF_MAX_PATH];
    COF_TRY(models_folder(models, err));
    COF_TRY(cof_path_join(out_path, models, name, err));
    if (!cof_path_exists(out_path)) {
        return COF_FAIL(err, COF_NOT_FOUND,
                        "no model \"%s\" in %.120s; scripts/models %s fetches it, or set "
                        "COFFER_MODELS",
                        name, models, name);
    }
    return COF_OK;
}

static size_t core_count(int64_t wanted)
{
    if (wanted > 0) {
        return (size_t)wanted;
    }
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (size_t)count : 1;
}

static enum cof_embed_device device_of(const struct cof_config *config)
{
    if (strcmp(config->embedder_device, "cpu") == 0) {
        return COF_EMBED_ON_CPU;
    }
    return strcmp(config->embedder_device, "cuda") == 0 ? COF_EMBED_ON_CUDA : COF_EMBED_ON_ANY;
}

static enum cof_status open_bert(const struct cof_config *config, struct cof_pool *pool,
                                 cof_notice_fn notice, void *notice_context,
                                 struct cof_embedder **out_embedder, struct cof_error *err)
{
    char folder[COF_MAX_PATH];
    char weights[COF_MAX_PATH];
    uint8_t digest[COF_SHA256_SIZE];
    COF_TRY(cof_backend_model_path(config->embedder_model, folder, err));
    COF_TRY(cof_path_join(weights, folder, "model.safetensors", err));
    COF_TRY(cof_sha256_file(weights, digest, err));
    enum cof_precision precision = COF_PRECISION_AUTO;
    (void)cof_precision_parse(cof_text_from(config->embedder_precision), &precision);
    struct cof_bert_options options = {
        .folder = folder,
        .dimension = (size_t)config->embedder_dimension,
        .pool = pool,
        .precision = precision,
        .device = device_of(config),
        .device_memory_bytes = (size_t)config->embedder_device_memory_mib << 20,
        .notice = notice,
        .notice_context = notice_context,
        .max_tokens_in_flight = (size_t)config->embedder_max_tokens_in_flight,
        .max_call_count = (size_t)config->embedder_queue,
        .batch_window_ms = (long)config->embedder_batch_window_ms,
        .weights_sha256 = digest,
    };
    struct cof_error reason = {0};
    enum cof_status status = cof_bert_open(&options, out_embedder, &reason);
    if (status != COF_OK) {
        return COF_FAIL(err, status, "the model in %s: %s", folder, reason.message);
    }
    return COF_OK;
}

/* The first line of a file that holds a token. */
static enum cof_status read_token(const char *path, struct cof_buffer *out, struct cof_error *err)
{
    COF_TRY(cof_file_read(path, MAX_TOKEN_FILE_BYTES, out, err));
    struct cof_text line;
    struct cof_text rest;
    (void)cof_text_split(cof_buffer_text(out), '\n', &line, &rest);
    out->size = cof_text_trim(line).size;
    cof_buffer_append_byte(out, '\0');
    return cof_buffer_status(out, err);
}

static enum cof_status open_remote(const struct cof_config *config,
                                   struct cof_embedder **out_embedder, struct cof_error *err)
{
    if (config->embedder_url[0] == '\0') {
        return COF_FAIL(err, COF_INVALID, "embedder.backend is remote, so embedder.url is needed");
    }
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer token = {0};
    if (config->embedder_key_file[0] != '\0') {
        COF_TRY(read_token(config->embedder_key_file, &token, err));
    }
    struct cof_remote_embedder_options options = {
        .base_url = config->embedder_url,
        .bearer_token = token.size > 0 ? (const char *)token.data : NULL,
        .model = config->embedder_model,
        .dimension = (size_t)config->embedder_dimension,
    };
    return cof_remote_embedder_open(&options, out_embedder, err);
}

enum cof_status cof_backend_open_embedder(const struct cof_config *config, struct cof_pool *pool,
                                          cof_notice_fn notice, void *notice_context,
                                          struct cof_embedder **out_embedder, struct cof_error *err)
{
    if (strcmp(config->embedder_backend, "hashing") == 0) {
        size_t dimension = config->embedder_dimension > 0 ? (size_t)config->embedder_dimension
                                                          : DEFAULT_HASHING_DIMENSION;
        return cof_hashing_open(dimension, HASHING_MAX_TOKENS, out_embedder, err);
    }
    if (strcmp(config->embedder_backend, "remote") == 0) {
        return open_remote(config, out_embedder, err);
    }
    return open_bert(config, pool, notice, notice_context, out_embedder, err);
}

enum cof_status cof_backend_open_reranker(const struct cof_config *config, struct cof_pool *pool,
                                          struct cof_embedder *embedder,
                                          struct cof_reranker **out_reranker, struct cof_error *err)
{
    if (config->reranker_model[0] == '\0') {
        struct cof_error reason = {0};
        enum cof_status status = cof_late_interaction_open(embedder, out_reranker, &reason);
        if (status == COF_UNAVAILABLE) {
            *out_reranker = NULL;
            return COF_OK;
        }
        return status == COF_OK ? COF_OK : COF_FAIL(err, status, "%s", reason.message);
    }
    char folder[COF_MAX_PATH];
    COF_TRY(cof_backend_model_path(config->reranker_model, folder, err));
    struct cof_cross_encoder_options options = {
        .folder = folder,
        .pool = pool,
        .max_tokens_in_flight = (size_t)config->embedder_max_tokens_in_flight,
        .max_call_count = (size_t)config->embedder_queue,
    };
    return cof_cross_encoder_open(&options, out_reranker, err);
}

/* The .gguf file that a generator name means. */
static enum cof_status gguf_path(const char *name, char *out_path, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_TRY(cof_backend_model_path(name, path, err));
    if (!cof_path_is_folder(path)) {
        return cof_path_join(out_path, path, "", err);
    }
    return cof_path_join(out_path, path, "model.gguf", err);
}

static enum cof_status open_llama(const struct cof_config *config, const char *path,
                                  cof_notice_fn notice, void *notice_context,
                                  struct cof_generator **out_generator, struct cof_error *err)
{
    uint8_t digest[COF_SHA256_SIZE];
    COF_TRY(cof_sha256_file(path, digest, err));
    const char *slash = strrchr(config->generator_model, '/');
    struct cof_llama_options options = {
        .path = path,
        .name = slash == NULL ? config->generator_model : NULL,
        .context_tokens = (size_t)config->generator_context_tokens,
        .thread_count = core_count(config->generator_threads),
        .file_sha256 = digest,
        .notice = notice,
        .notice_context = notice_context,
    };
    return cof_llama_open(&options, out_generator, err);
}

enum cof_status cof_backend_open_generator(const struct cof_config *config, cof_notice_fn notice,
                                           void *notice_context,
                                           struct cof_generator **out_generator,
                                           struct cof_error *err)
{
    const char *backend = config->generator_backend;
    if (strcmp(backend, "none") == 0) {
        *out_generator = NULL;
        return COF_OK;
    }
    if (strcmp(backend, "extractive") == 0) {
        return cof_extractive_open(out_generator, err);
    }
    char path[COF_MAX_PATH];
    struct cof_error missing = {0};
    enum cof_status status = gguf_path(config->generator_model, path, &missing);
    if (status == COF_OK) {
        return open_llama(config, path, notice, notice_context, out_generator, err);
    }
    if (status != COF_NOT_FOUND || strcmp(backend, "llama") == 0) {
        return COF_FAIL(err, status, "%s", missing.message);
    }
    if (notice != NULL) {
        char message[320];
        snprintf(message, sizeof(message), "answers are extractive: %s", missing.message);
        notice(notice_context, message);
    }
    return cof_extractive_open(out_generator, err);
}

const struct cof_vector_index_ops *cof_backend_sealed_index(void)
{
    return &cof_hnsw_index_ops;
}
