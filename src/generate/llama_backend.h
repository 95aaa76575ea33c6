/* The llama backend between its two halves: llama_open.c makes it, llama_generate.c runs it.
 *
 * `turn` is taken by the thread that generates; what stands below it belongs to that thread, what
 * stands above is only read after open. */
#ifndef COF_GENERATE_LLAMA_BACKEND_H
#define COF_GENERATE_LLAMA_BACKEND_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <llama.h>

#include <cof/base/cancel.h>
#include <cof/generate/generator.h>

#include "llama_log.h"
#include "prompt.h"

#define COF_LLAMA_BATCH_TOKENS ((size_t)512)

struct cof_llama_backend {
    struct cof_generator base;
    char *name;
    struct cof_llama_sink sink;
    struct llama_model *model;
    struct llama_context *context;
    struct ggml_threadpool *threads;
    struct cof_prompter prompter;
    size_t default_max_tokens;
    struct {
        pthread_mutex_t lock;
        pthread_cond_t is_given;
        bool is_taken;
    } turn;
    const struct cof_cancel *cancel; /* of the running request */
    struct cof_token_list prompt;    /* its tokens, capacity for the context */
};

/* Members of the ops table; the generator is a cof_llama_backend. */
enum cof_status cof_llama_generate(struct cof_generator *generator,
                                   const struct cof_generate_request *request, cof_token_fn each,
                                   void *context, struct cof_generate_result *out_result,
                                   struct cof_error *err);
enum cof_status cof_llama_count_tokens(struct cof_generator *generator, struct cof_text text,
                                       size_t *out_count, struct cof_error *err);

/* libllama asks this between the operations of its graph, on the generating thread; `context` is
 * the backend. */
bool cof_llama_must_abort(void *context);

#endif
