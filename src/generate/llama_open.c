/* Opens a GGUF model: the file is checked, loaded by libllama, and given its threads.
 *
 * The file is opened once: the descriptor that was checked is the one that libllama maps, so the
 * path may point elsewhere a moment later. */
#include <cof/generate/llama.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cof/base/alloc.h>
#include <cof/base/file.h>

#include "fingerprint.h"
#include "gguf_check.h"
#include "llama_backend.h"
#include "llama_shim.h"

#define DEFAULT_CONTEXT_TOKENS ((size_t)4096)
#define DEFAULT_MAX_TOKENS ((size_t)512)
#define MAX_THREAD_COUNT ((size_t)256)

static void tell(const struct cof_llama_options *options, const char *message)
{
    if (options->notice != NULL)
        options->notice(options->notice_context, message);
}

static void llama_close(struct cof_generator *generator)
{
    struct cof_llama_backend *backend = (struct cof_llama_backend *)generator;

    if (backend->context != NULL)
        llama_free(backend->context);
    if (backend->threads != NULL)
        ggml_threadpool_free(backend->threads);
    cof_prompter_close(&backend->prompter);
    if (backend->model != NULL)
        llama_model_free(backend->model);
    cof_llama_sink_remove(&backend->sink);
    (void)pthread_cond_destroy(&backend->turn.is_given);
    (void)pthread_mutex_destroy(&backend->turn.lock);
    cof_free(backend->prompt.data);
    cof_free(backend->name);
    cof_free(backend);
}

static const struct cof_generator_ops llama_ops = {
    .name = "llama",
    .generate = cof_llama_generate,
    .count_tokens = cof_llama_count_tokens,
    .close = llama_close,
};

static enum cof_status open_file(const char *path, int *out_fd, struct cof_error *err)
{
    struct stat facts;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        int reason = errno;

        if (reason == ENOENT || reason == ENOTDIR)
            return COF_FAIL(err, COF_NOT_FOUND, "there is no model file %s", path);
        return COF_FAIL(err, COF_IO, "cannot open the model file %s: %s", path, strerror(reason));
    }
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        (void)close(fd);
        return COF_FAIL(err, COF_INVALID, "%s is not a file", path);
    }
    *out_fd = fd;
    return COF_OK;
}

/* Judges the file behind `fd` and makes its fingerprint. */
static enum cof_status check_file(const struct cof_llama_options *options, int fd,
                                  uint8_t out_fingerprint[32], struct cof_error *err)
{
    struct cof_gguf_facts facts;
    struct stat status;

    if (fstat(fd, &status) != 0)
        return COF_FAIL(err, COF_IO, "cannot read %s: %s", options->path, strerror(errno));
    if (status.st_size < 4)
        return COF_FAIL(err, COF_INVALID, "%s is not a GGUF model file", options->path);

    size_t size = (size_t)status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

    if (bytes == MAP_FAILED)
        return COF_FAIL(err, COF_IO, "cannot map %s: %s", options->path, strerror(errno));

    struct cof_bytes file = {.data = bytes, .size = size};
    struct cof_error reason = {0};
    enum cof_status result = cof_gguf_check(file, &facts, &reason);

    if (result == COF_OK && options->file_sha256 != NULL)
        memcpy(out_fingerprint, options->file_sha256, 32);
    else if (result == COF_OK)
        cof_fingerprint((struct cof_bytes){.data = bytes, .size = facts.data_offset}, size,
                        out_fingerprint);
    (void)munmap(bytes, size);
    if (result != COF_OK)
        return COF_FAIL(err, result, "%s: %s", options->path, reason.message);
    return COF_OK;
}

static enum cof_status load_model(struct cof_llama_backend *backend,
                                  const struct cof_llama_options *options, int *inout_fd,
                                  struct cof_error *err)
{
    FILE *file = fdopen(*inout_fd, "rb");
    int layers = options->gpu_layers;

    if (file == NULL)
        return COF_FAIL_MEMORY(err);
    *inout_fd = -1;
    if (layers != 0 && !llama_supports_gpu_offload()) {
        tell(options, "libllama was built without a GPU backend: the model runs on the CPU");
        layers = 0;
    }
    backend->model = cof_llama_shim_load(file, layers);
    (void)fclose(file);
    if (backend->model == NULL) {
        char reason[160];

        cof_llama_first_error(reason, sizeof(reason));
        return COF_FAIL(err, COF_INVALID, "libllama cannot load this model: %s",
                        reason[0] != '\0' ? reason : "it gives no reason");
    }
    if (llama_model_has_encoder(backend->model) || !llama_model_has_decoder(backend->model) ||
        llama_model_is_diffusion(backend->model))
        return COF_FAIL(err, COF_INVALID, "this model does not write text from left to right");
    return COF_OK;
}

static enum cof_status open_context(struct cof_llama_backend *backend,
                                    const struct cof_llama_options *options, struct cof_error *err)
{
    size_t thread_count = options->thread_count > 0 ? options->thread_count : 1;
    size_t context_tokens = options->context_tokens;
    int32_t trained = llama_model_n_ctx_train(backend->model);
    struct llama_context_params params = llama_context_default_params();
    struct ggml_threadpool_params pool;

    if (context_tokens == 0)
        context_tokens = DEFAULT_CONTEXT_TOKENS;
    if (trained > 0 && context_tokens > (size_t)trained) {
        if (options->context_tokens > 0)
            tell(options, "the model's own context is smaller than the one asked for and is used");
        context_tokens = (size_t)trained;
    }
    params.n_ctx = (uint32_t)context_tokens;
    params.n_batch = (uint32_t)COF_LLAMA_BATCH_TOKENS;
    params.n_ubatch = (uint32_t)COF_LLAMA_BATCH_TOKENS;
    params.n_seq_max = 1;
    params.n_outputs_max = 1;
    params.n_threads = (int32_t)thread_count;
    params.n_threads_batch = (int32_t)thread_count;
    params.abort_callback = cof_llama_must_abort;
    params.abort_callback_data = backend;
    params.no_perf = true;
    backend->context = cof_llama_shim_context(backend->model, &params);
    if (backend->context == NULL) {
        return COF_FAIL(err, COF_NO_MEMORY, "libllama cannot make a context of %zu tokens",
                        context_tokens);
    }
    if (llama_n_ctx(backend->context) < context_tokens)
        context_tokens = llama_n_ctx(backend->context);
    backend->base.info.context_tokens = context_tokens;

    ggml_threadpool_params_init(&pool, (int)thread_count);
    pool.poll = 0;
    backend->threads = ggml_threadpool_new(&pool);
    if (backend->threads == NULL)
        return COF_FAIL_MEMORY(err);
    llama_attach_threadpool(backend->context, backend->threads, NULL);

    backend->prompt.capacity = context_tokens + COF_PROMPT_SLACK;
    backend->prompt.data = cof_calloc(backend->prompt.capacity, sizeof(*backend->prompt.data));
    return backend->prompt.data != NULL ? COF_OK : COF_FAIL_MEMORY(err);
}

/* The name given, or the file's without its folder and extension. */
static char *choose_name(const struct cof_llama_options *options)
{
    const char *slash = strrchr(options->path, '/');
    const char *name = slash != NULL ? slash + 1 : options->path;
    const char *dot = strrchr(name, '.');
    size_t size = dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);

    if (options->name != NULL) {
        name = options->name;
        size = strlen(name);
    }

    char *copy = cof_calloc(size + 1, 1);

    if (copy != NULL)
        (void)snprintf(copy, size + 1, "%s", name);
    return copy;
}

static enum cof_status create(const struct cof_llama_options *options,
                              struct cof_llama_backend **out_backend, struct cof_error *err)
{
    struct cof_llama_backend *backend = cof_calloc(1, sizeof(*backend));
    pthread_condattr_t monotonic;

    if (backend == NULL)
        return COF_FAIL_MEMORY(err);
    (void)pthread_mutex_init(&backend->turn.lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&backend->turn.is_given, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    backend->sink =
        (struct cof_llama_sink){.notice = options->notice, .context = options->notice_context};
    cof_llama_sink_add(&backend->sink);
    backend->base.ops = &llama_ops;
    backend->default_max_tokens =
        options->default_max_tokens > 0 ? options->default_max_tokens : DEFAULT_MAX_TOKENS;
    backend->name = choose_name(options);
    if (backend->name == NULL) {
        llama_close(&backend->base);
        return COF_FAIL_MEMORY(err);
    }
    backend->base.info.name = backend->name;
    backend->base.info.backend = llama_ops.name;
    *out_backend = backend;
    return COF_OK;
}

enum cof_status cof_llama_open(const struct cof_llama_options *options,
                               struct cof_generator **out_generator, struct cof_error *err)
{
    COF_CLEANUP(cof_fd_close) int fd = -1;
    struct cof_llama_backend *backend = NULL;

    if (options->path == NULL || options->path[0] == '\0')
        return COF_FAIL(err, COF_INVALID, "a llama generator needs the path of a GGUF file");
    if (options->thread_count > MAX_THREAD_COUNT)
        return COF_FAIL(err, COF_INVALID, "%zu threads are over the limit of %zu",
                        options->thread_count, MAX_THREAD_COUNT);
    if (options->context_tokens > INT32_MAX)
        return COF_FAIL(err, COF_INVALID, "a context of %zu tokens is not possible",
                        options->context_tokens);
    cof_llama_start();
    COF_TRY(open_file(options->path, &fd, err));
    COF_TRY(create(options, &backend, err));

    enum cof_status status = check_file(options, fd, backend->base.info.fingerprint, err);

    if (status == COF_OK)
        status = load_model(backend, options, &fd, err);
    if (status == COF_OK)
        status = cof_prompter_open(backend->model, options->notice, options->notice_context,
                                   &backend->prompter, err);
    if (status == COF_OK)
        status = open_context(backend, options, err);
    if (status != COF_OK) {
        llama_close(&backend->base);
        return status;
    }
    *out_generator = &backend->base;
    return COF_OK;
}
