/* Contract: texts in, unit vectors out.
 *
 * An embedder is opened once and then only read: any number of threads may call any function at the
 * same time. Backends: `bert` (our own encoder, embedder/bert_*), `hashing` (no model, for tests
 * and for collections searched by words only), `remote` (an OpenAI-compatible /v1/embeddings). This
 * file names none of them in code; src/app/backends.c is the list. */
#ifndef COF_EMBEDDER_EMBEDDER_H
#define COF_EMBEDDER_EMBEDDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/cancel.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

/* What a text is for; models with different prefixes or heads treat them differently. */
enum cof_embed_role {
    COF_EMBED_PASSAGE = 0,
    COF_EMBED_QUERY = 1,
};

/* Facts of an open embedder, all borrowed until close. */
struct cof_embedder_info {
    const char *name;             /* public model name, e.g. "all-MiniLM-L6-v2" */
    const char *backend;          /* "bert", "hashing", "remote" */
    const char *precision;        /* "f32", …; "" where it has no meaning */
    const char *precision_reason; /* why that one, a sentence without its full stop; may be NULL */
    const char *pooling;          /* "mean", "cls", "" */
    size_t dimension;             /* floats per vector */
    size_t max_tokens;      /* per text, special tokens included; longer texts are truncated */
    size_t max_batch_count; /* texts per call */
    /* Identity of weights, tokenizer, pooling, prefixes and length limit: two embedders with equal
     * fingerprints give interchangeable vectors. Collections record it. 32 bytes. */
    uint8_t fingerprint[32];
};

struct cof_embedder;

/* A text that is already tokens: ids of the embedder's own vocabulary, special ones not added. */
struct cof_token_ids {
    const uint32_t *ids;
    size_t count;
};

/* The vectors of one text's tokens: count rows of `dimension` floats, each of unit length. */
struct cof_token_vectors {
    float *vectors;
    size_t count;
};

/* What `each` gets as the id where an embedder has no vocabulary. */
#define COF_TOKEN_WITHOUT_ID UINT32_MAX

/* A token of a text and its byte range. */
typedef void (*cof_embedder_token_fn)(void *context, uint32_t id, size_t begin, size_t end);

struct cof_embedder_ops {
    const char *name;
    /* Embeds count texts (1 … max_batch_count) into count * dimension floats, each vector of unit
     * length (all zeros never leaves: an empty text has a vector too). out_token_counts (may be
     * NULL) gets the tokens of each text after truncation. */
    enum cof_status (*embed)(struct cof_embedder *embedder, enum cof_embed_role role,
                             const struct cof_text *texts, size_t count,
                             const struct cof_cancel *cancel, float *out_vectors,
                             size_t *out_token_counts, struct cof_error *err);
    /* Number of tokens of the whole text, special tokens not counted, no truncation. */
    enum cof_status (*count_tokens)(struct cof_embedder *embedder, struct cof_text text,
                                    size_t *out_count, struct cof_error *err);
    /* Calls `each` with id and byte range of every token of `text` in order (ranges are disjoint,
     * ascending, on character boundaries), special tokens not added. (optional) Defaults to Unicode
     * words, without ids. */
    enum cof_status (*each_token)(struct cof_embedder *embedder, struct cof_text text,
                                  cof_embedder_token_fn each, void *context, struct cof_error *err);
    /* As embed(), of texts given as tokens; no prefix is added, too many are cut. COF_INVALID for
     * an id outside the vocabulary, naming text and place. (optional) COF_UNAVAILABLE without. */
    enum cof_status (*embed_ids)(struct cof_embedder *embedder, const struct cof_token_ids *texts,
                                 size_t count, const struct cof_cancel *cancel, float *out_vectors,
                                 size_t *out_token_counts, struct cof_error *err);
    /* The vectors of every token of every text, special ones included, for late interaction
     * (Khattab and Zaharia, SIGIR 2020); in the arena. (optional) COF_UNAVAILABLE without. */
    enum cof_status (*embed_tokens)(struct cof_embedder *embedder, enum cof_embed_role role,
                                    const struct cof_text *texts, size_t count,
                                    const struct cof_cancel *cancel, struct cof_arena *arena,
                                    struct cof_token_vectors *out_texts, struct cof_error *err);
    void (*close)(struct cof_embedder *embedder);
};

struct cof_embedder {
    const struct cof_embedder_ops *ops;
    struct cof_embedder_info info;
};

/* Wrappers: check arguments once (count, UTF-8: COF_INVALID naming the index of the bad text; a
 * count over max_batch_count is split into several calls), then call the backend. */
COF_MUST_USE enum cof_status cof_embedder_embed(struct cof_embedder *embedder,
                                                enum cof_embed_role role,
                                                const struct cof_text *texts, size_t count,
                                                const struct cof_cancel *cancel, float *out_vectors,
                                                size_t *out_token_counts, struct cof_error *err);
COF_MUST_USE enum cof_status cof_embedder_count_tokens(struct cof_embedder *embedder,
                                                       struct cof_text text, size_t *out_count,
                                                       struct cof_error *err);
COF_MUST_USE enum cof_status cof_embedder_each_token(struct cof_embedder *embedder,
                                                     struct cof_text text,
                                                     cof_embedder_token_fn each, void *context,
                                                     struct cof_error *err);
COF_MUST_USE enum cof_status cof_embedder_embed_ids(struct cof_embedder *embedder,
                                                    const struct cof_token_ids *texts, size_t count,
                                                    const struct cof_cancel *cancel,
                                                    float *out_vectors, size_t *out_token_counts,
                                                    struct cof_error *err);
COF_MUST_USE enum cof_status cof_embedder_embed_tokens(
    struct cof_embedder *embedder, enum cof_embed_role role, const struct cof_text *texts,
    size_t count, const struct cof_cancel *cancel, struct cof_arena *arena,
    struct cof_token_vectors *out_texts, struct cof_error *err);
void cof_embedder_close(struct cof_embedder *embedder);

#endif
