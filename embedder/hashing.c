/* Feature hashing: each word, each of its trigrams of characters and each pair of neighbouring CJK
 * characters adds a signed weight to one place of the vector. */
#include <cof/embedder/hashing.h>

#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/buffer.h>
#include <cof/base/unicode.h>

#include "fingerprint.h"
#include "vector.h"
#include "words.h"

#define FEATURES_VERSION 1
#define WORD_WEIGHT 1.0F
#define TRIGRAM_WEIGHT 0.3F
#define MAX_NAME_BYTES 32

struct hashing {
    struct cof_embedder base;
    char name[MAX_NAME_BYTES];
};

struct features {
    float *vector;
    size_t dimension;
};

/* FNV-1a, its bits then spread (the finalizer of SplitMix64). */
static uint64_t hash_of(uint8_t kind, struct cof_text text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ kind;
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (uint8_t)text.data[i]) * UINT64_C(0x100000001b3);
    hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
    return hash ^ hash >> 31;
}

static void add_feature(const struct features *features, uint8_t kind, struct cof_text text,
                        float weight)
{
    uint64_t hash = hash_of(kind, text);
    size_t place = (size_t)((hash >> 1) % features->dimension);
    features->vector[place] += (hash & 1) != 0 ? weight : -weight;
}

/* Every run of `count` characters inside the word. */
static void add_runs(const struct features *features, uint8_t kind, struct cof_text word,
                     size_t count, float weight)
{
    size_t begin = 0;
    size_t char_count = 0;
    for (size_t end = 0; end < word.size;) {
        uint32_t code_point = 0;
        end += cof_utf8_decode(word, end, &code_point);
        char_count++;
        if (char_count < count)
            continue;
        add_feature(features, kind, cof_text_slice(word, begin, end), weight);
        begin += cof_utf8_decode(word, begin, &code_point);
    }
}

static bool add_word(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    const struct features *features = context;
    (void)offset;
    if (is_cjk) {
        add_runs(features, 'w', word, 1, WORD_WEIGHT);
        add_runs(features, 'b', word, 2, WORD_WEIGHT);
    } else {
        add_feature(features, 'w', word, WORD_WEIGHT);
        add_runs(features, 't', word, 3, TRIGRAM_WEIGHT);
    }
    return true;
}

static enum cof_status embed_text(const struct hashing *hashing, struct cof_text text,
                                  struct cof_buffer *folded, float *vector, size_t *out_token_count,
                                  struct cof_error *err)
{
    struct features features = {.vector = vector, .dimension = hashing->base.info.dimension};
    struct cof_text head = {0};
    size_t token_count = 0;
    COF_TRY(cof_words_limit(text, hashing->base.info.max_tokens, &head, &token_count, err));
    cof_buffer_clear(folded);
    COF_TRY(cof_unicode_nfkc_casefold(head, folded, err));
    COF_TRY(cof_unicode_each_word(cof_buffer_text(folded), add_word, &features, err));
    if (!cof_vector_normalize(vector, features.dimension)) {
        /* No word, or features that cancel out: a place of its own. */
        add_feature(&features, 'e', (struct cof_text){0}, 1.0F);
        (void)cof_vector_normalize(vector, features.dimension);
    }
    *out_token_count = token_count;
    return COF_OK;
}

static enum cof_status embed_texts(const struct hashing *hashing, const struct cof_text *texts,
                                   size_t count, const struct cof_cancel *cancel, float *vectors,
                                   size_t *token_counts, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer folded = {0};
    for (size_t i = 0; i < count; i++) {
        COF_TRY(cof_cancel_check(cancel, err));
        COF_TRY(embed_text(hashing, texts[i], &folded, vectors + i * hashing->base.info.dimension,
                           &token_counts[i], err));
    }
    return COF_OK;
}

static enum cof_status hashing_embed(struct cof_embedder *embedder, enum cof_embed_role role,
                                     const struct cof_text *texts, size_t count,
                                     const struct cof_cancel *cancel, float *out_vectors,
                                     size_t *out_token_counts, struct cof_error *err)
{
    const struct hashing *hashing = (const struct hashing *)embedder;
    size_t value_count = count * embedder->info.dimension; /* at most max_batch_count * 4096 */
    float *vectors = cof_calloc(value_count, sizeof(*vectors));
    size_t *token_counts = cof_calloc(count, sizeof(*token_counts));
    enum cof_status status = COF_OK;
    (void)role;
    if (vectors == NULL || token_counts == NULL)
        status = COF_FAIL_MEMORY(err);
    else
        status = embed_texts(hashing, texts, count, cancel, vectors, token_counts, err);
    if (status == COF_OK) {
        memcpy(out_vectors, vectors, value_count * sizeof(*vectors));
        if (out_token_counts != NULL)
            memcpy(out_token_counts, token_counts, count * sizeof(*token_counts));
    }
    cof_free(vectors);
    cof_free(token_counts);
    return status;
}

static enum cof_status hashing_count_tokens(struct cof_embedder *embedder, struct cof_text text,
                                            size_t *out_count, struct cof_error *err)
{
    (void)embedder;
    return cof_words_count(text, out_count, err);
}

static void hashing_close(struct cof_embedder *embedder)
{
    cof_free(embedder);
}

static const struct cof_embedder_ops HASHING_OPS = {
    .name = "hashing",
    .embed = hashing_embed,
    .count_tokens = hashing_count_tokens,
    .each_token = NULL,
    .close = hashing_close,
};

static void compute_fingerprint(struct cof_embedder_info *info)
{
    struct cof_fingerprint fingerprint;
    cof_fingerprint_begin(&fingerprint);
    cof_fingerprint_add_text(&fingerprint, COF_TEXT("hashing"));
    cof_fingerprint_add_number(&fingerprint, FEATURES_VERSION);
    cof_fingerprint_add_number(&fingerprint, info->dimension);
    cof_fingerprint_add_number(&fingerprint, info->max_tokens);
    cof_fingerprint_finish(&fingerprint, info->fingerprint);
}

enum cof_status cof_hashing_open(size_t dimension, size_t max_tokens,
                                 struct cof_embedder **out_embedder, struct cof_error *err)
{
    if (dimension < 8 || dimension > 4096)
        return COF_FAIL(err, COF_INVALID,
                        "the hashing embedder's dimension must be 8 … 4096, not "
                        "%zu",
                        dimension);
    if (max_tokens == 0)
        return COF_FAIL(err, COF_INVALID, "the hashing embedder needs a token limit over 0");
    struct hashing *hashing = cof_calloc(1, sizeof(*hashing));
    if (hashing == NULL)
        return COF_FAIL_MEMORY(err);
    (void)snprintf(hashing->name, sizeof(hashing->name), "hashing-%zu", dimension);
    hashing->base.ops = &HASHING_OPS;
    hashing->base.info = (struct cof_embedder_info){
        .name = hashing->name,
        .backend = HASHING_OPS.name,
        .precision = "",
        .pooling = "",
        .dimension = dimension,
        .max_tokens = max_tokens,
        .max_batch_count = 2048,
    };
    compute_fingerprint(&hashing->base.info);
    *out_embedder = &hashing->base;
    return COF_OK;
}
