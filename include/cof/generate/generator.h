/* Contract: a conversation in, text out, token by token.
 *
 * A generator is loaded once. `generate` may be called from any thread; a backend that can run only
 * one at a time serialises inside. Backends: `llama` (GGUF through libllama), `extractive` (best
 * sentences of the passages, no model). src/app/backends.c is the list. */
#ifndef COF_GENERATE_GENERATOR_H
#define COF_GENERATE_GENERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/cancel.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

enum cof_role {
    COF_ROLE_SYSTEM,
    COF_ROLE_USER,
    COF_ROLE_ASSISTANT,
};

struct cof_message {
    enum cof_role role;
    struct cof_text content;
};

/* One numbered passage of the context; number 1 is passages[0]. */
struct cof_passage {
    struct cof_text title;
    struct cof_text text;
};

struct cof_generate_request {
    /* The whole conversation as it goes to the model (passages already written into it). Control
     * tokens of the model's template are never parsed out of contents. */
    const struct cof_message *messages;
    size_t message_count;
    /* The same context in structured form, for backends that quote instead of write. */
    struct cof_text question;
    const struct cof_passage *passages;
    size_t passage_count;

    size_t max_tokens;            /* of the answer; 0 = the backend's default */
    float temperature;            /* 0 = greedy */
    float top_p;                  /* 1 = off */
    uint32_t seed;                /* same request, same seed, same build: same answer */
    const struct cof_text *stops; /* generation ends before any of these */
    size_t stop_count;
    const struct cof_cancel *cancel; /* looked at between tokens; may be NULL */
};

enum cof_finish_reason {
    COF_FINISH_STOP,   /* end of turn or a stop text */
    COF_FINISH_LENGTH, /* max_tokens or the context is full */
};

struct cof_generate_result {
    enum cof_finish_reason finish_reason;
    size_t prompt_tokens;
    size_t completion_tokens;
    int64_t prompt_ns;     /* until the first token */
    int64_t completion_ns; /* from the first to the last */
};

/* A piece of valid UTF-8 as it is generated (never half a character). Returning false ends the
 * generation with COF_CANCELED. Called on the thread that called generate. */
typedef bool (*cof_token_fn)(void *context, struct cof_text piece);

struct cof_generator_info {
    const char *name;        /* public model name */
    const char *backend;     /* "llama", "extractive" */
    size_t context_tokens;   /* prompt and answer together */
    uint8_t fingerprint[32]; /* of the weights file or the algorithm; recorded with answers */
};

struct cof_generator;

struct cof_generator_ops {
    const char *name;
    enum cof_status (*generate)(struct cof_generator *generator,
                                const struct cof_generate_request *request, cof_token_fn each,
                                void *context, struct cof_generate_result *out_result,
                                struct cof_error *err);
    /* Tokens of a text, no template. */
    enum cof_status (*count_tokens)(struct cof_generator *generator, struct cof_text text,
                                    size_t *out_count, struct cof_error *err);
    void (*close)(struct cof_generator *generator);
};

struct cof_generator {
    const struct cof_generator_ops *ops;
    struct cof_generator_info info;
};

/* Wrappers: check arguments once. COF_INVALID (no messages, bad UTF-8), COF_TOO_LARGE (the prompt
 * leaves no room for an answer, naming both token counts), COF_CANCELED, COF_TIMEOUT. *out_result
 * is written with COF_CANCELED too, once generating began: what was computed was computed. */
COF_MUST_USE enum cof_status cof_generator_generate(struct cof_generator *generator,
                                                    const struct cof_generate_request *request,
                                                    cof_token_fn each, void *context,
                                                    struct cof_generate_result *out_result,
                                                    struct cof_error *err);
COF_MUST_USE enum cof_status cof_generator_count_tokens(struct cof_generator *generator,
                                                        struct cof_text text, size_t *out_count,
                                                        struct cof_error *err);
void cof_generator_close(struct cof_generator *generator);

#endif
