/* Backend `llama`: a GGUF model through libllama's C API.
 *
 * One context, one generation at a time (others wait their turn in the caller's lane). Threads come
 * from `thread_count` in a ggml pool that parks between tokens instead of spinning (poll = 0).
 * Within a token they wait for each other in loops: give it no more threads than cores are free.
 * The chat template is the model's own where libllama knows it, else ChatML. The KV memory is
 * cleared after each call. The file is checked before libllama sees it (magic, version, counts,
 * string and tensor bounds).
 *
 * Contents are tokenized apart from the template and never make control tokens; where a model's
 * template marks roles with ordinary words ("<|user|>"), such a word in a content gets a space
 * inside, and the answer ends before one. White space around contents and before the answer is
 * dropped. What the answer needs beyond the context ends it with COF_FINISH_LENGTH. */
#ifndef COF_GENERATE_LLAMA_H
#define COF_GENERATE_LLAMA_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/generate/generator.h>

struct cof_llama_options {
    const char *path;           /* the GGUF file */
    const char *name;           /* public name; NULL = file name without extension */
    size_t context_tokens;      /* 0 = min(model's own, 4096) */
    size_t thread_count;        /* 0 = 1 */
    int gpu_layers;             /* 0 = CPU */
    size_t default_max_tokens;  /* 0 = 512 */
    const uint8_t *file_sha256; /* 32 bytes for the fingerprint; NULL = a digest of size and header,
                                   which is not cryptographic */
    cof_notice_fn notice; /* libllama's warnings; may be NULL, may not open or close generators */
    void *notice_context;
};

/* COF_NOT_FOUND, COF_INVALID (no GGUF, unsupported model), COF_CORRUPT (bounds that lie), COF_IO,
 * COF_NO_MEMORY, COF_UNAVAILABLE (built without libllama). */
COF_MUST_USE enum cof_status cof_llama_open(const struct cof_llama_options *options,
                                            struct cof_generator **out_generator,
                                            struct cof_error *err);

#endif
