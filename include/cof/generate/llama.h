/* Backend `llama`: a GGUF model through libllama's C API.
 *
 * One context, one generation at a time (others wait their turn in the caller's lane). Threads come
 * from `thread_count` in a ggml pool that parks instead of spinning (poll = 0). The chat template is
 * the model's own where libllama knows it, else ChatML. The KV memory is cleared after each call.
 * The file is checked before libllama sees it (magic, version, counts, string and tensor bounds). */
#ifndef COF_GENERATE_LLAMA_H
#define COF_GENERATE_LLAMA_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/generate/generator.h>

struct cof_llama_options {
    const char *path;         /* the GGUF file */
    const char *name;         /* public name; NULL = file name without extension */
    size_t context_tokens;    /* 0 = min(model's own, 4096) */
    size_t thread_count;      /* 0 = 1 */
    int gpu_layers;           /* 0 = CPU */
    size_t default_max_tokens; /* 0 = 512 */
    const uint8_t *file_sha256; /* 32 bytes for the fingerprint; NULL = size and header digest */
    cof_notice_fn notice;     /* libllama's warnings; may be NULL */
    void *notice_context;
};

/* COF_NOT_FOUND, COF_INVALID (no GGUF, unsupported model), COF_CORRUPT (bounds that lie). */
COF_MUST_USE enum cof_status cof_llama_open(const struct cof_llama_options *options,
                                            struct cof_generator **out_generator,
                                            struct cof_error *err);

#endif
