/* Backend `remote`: texts go out as one POST /embeddings, vectors come back as JSON.
 *
 * The peer is not trusted to be right: the number of vectors, their indexes, lengths and values are
 * checked, and every vector is scaled to unit length here. Messages never repeat what the peer
 * wrote, because it may quote the texts. */
#include <cof/embedder/remote.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/base64.h>
#include <cof/base/buffer.h>
#include <cof/base/http_client.h>
#include <cof/base/json.h>

#include "fingerprint.h"
#include "vector.h"
#include "words.h"

#define DEFAULT_MAX_TOKENS 512
#define DEFAULT_BATCH_COUNT 64
#define MAX_DIMENSION 65536
#define MAX_ANSWER_BYTES ((size_t)256 << 20)
#define MAX_NAME_BYTES 128
#define MAX_PREFIX_BYTES 512

struct remote {
    struct cof_embedder base;
    char name[MAX_NAME_BYTES];
    char query_prefix[MAX_PREFIX_BYTES];
    char passage_prefix[MAX_PREFIX_BYTES];
    struct cof_http_client *client;
};

/* What one call works on. */
struct exchange {
    const struct remote *remote;
    struct cof_text prefix;
    const struct cof_text *texts;
    size_t count;
    size_t dimension; /* 0 = whatever the first vector has */
    float *vectors;   /* count * dimension, made when the dimension is known */
    size_t *token_counts;
    bool *has_vector;
};

static void exchange_deinit(struct exchange *exchange)
{
    cof_free(exchange->vectors);
    cof_free(exchange->token_counts);
    cof_free(exchange->has_vector);
}

/* Many servers refuse JSON with U+0000, and tokenizers drop it anyway. */
static void append_without_nul(struct cof_buffer *out, struct cof_text text)
{
    struct cof_text part = {0};
    while (text.size > 0) {
        (void)cof_text_split(text, '\0', &part, &text);
        cof_buffer_append_text(out, part);
    }
}

/* Also counts the words that are sent, which stand for tokens until the peer says better. */
static enum cof_status write_request(struct exchange *exchange, struct cof_buffer *body,
                                     struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer prefixed = {0};
    struct cof_json_writer writer = cof_json_writer_to(body);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "model", exchange->remote->name);
    cof_json_member_string(&writer, "encoding_format", "float");
    cof_json_put_key(&writer, "input");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < exchange->count; i++) {
        struct cof_text head = {0};
        COF_TRY(cof_words_limit(exchange->texts[i], exchange->remote->base.info.max_tokens, &head,
                                &exchange->token_counts[i], err));
        cof_buffer_clear(&prefixed);
        cof_buffer_append_text(&prefixed, exchange->prefix);
        append_without_nul(&prefixed, head);
        COF_TRY(cof_buffer_status(&prefixed, err));
        cof_json_put_text(&writer, cof_buffer_text(&prefixed));
    }
    cof_json_end_array(&writer);
    cof_json_end_object(&writer);
    return cof_buffer_status(body, err);
}

static enum cof_status check_http_status(long http_status, struct cof_error *err)
{
    if (http_status >= 200 && http_status < 300)
        return COF_OK;
    if (http_status == 400 || http_status == 413 || http_status == 422)
        return COF_FAIL(err, COF_INVALID,
                        "the embedding server refuses the texts with HTTP status %ld", http_status);
    return COF_FAIL(err, COF_UNAVAILABLE, "the embedding server answers with HTTP status %ld",
                    http_status);
}

#define FAIL_ANSWER(err, what)                                                                     \
    COF_FAIL((err), COF_UNAVAILABLE, "the embedding server's answer cannot be used: " what)

static float read_float(const uint8_t *bytes)
{
    uint32_t bits = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                    (uint32_t)bytes[3] << 24;
    float value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* The vector as an array of numbers, or as base64 of little-endian floats, which some servers send
 * whatever they are asked for. Appends to `out` as floats. */
static enum cof_status read_values(const struct cof_json *embedding, struct cof_buffer *out,
                                   struct cof_error *err)
{
    if (embedding != NULL && cof_json_type_of(embedding) == COF_JSON_STRING) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer bytes = {0};
        if (!cof_base64_decode(cof_json_text(embedding), &bytes) || bytes.size % 4 != 0)
            return FAIL_ANSWER(err, "an embedding is no base64 of floats");
        for (size_t at = 0; at < bytes.size; at += 4) {
            float value = read_float(bytes.data + at);
            cof_buffer_append(out, &value, sizeof(value));
        }
        return cof_buffer_status(out, err);
    }
    if (embedding == NULL || cof_json_type_of(embedding) != COF_JSON_ARRAY)
        return FAIL_ANSWER(err, "an item has no embedding");
    for (const struct cof_json *item = cof_json_first(embedding); item != NULL;
         item = cof_json_next(item)) {
        if (cof_json_type_of(item) != COF_JSON_NUMBER)
            return FAIL_ANSWER(err, "an embedding has a value that is no number");
        float value = (float)cof_json_number(item);
        cof_buffer_append(out, &value, sizeof(value));
    }
    return cof_buffer_status(out, err);
}

static enum cof_status take_vector(struct exchange *exchange, size_t index,
                                   const struct cof_buffer *values, struct cof_error *err)
{
    size_t size = values->size / sizeof(float);
    if (exchange->dimension == 0 && size > 0 && size <= MAX_DIMENSION)
        exchange->dimension = size;
    if (size == 0 || size != exchange->dimension)
        return COF_FAIL(err, COF_UNAVAILABLE,
                        "the embedding server's vectors have %zu values, %zu are expected", size,
                        exchange->dimension);
    if (exchange->vectors == NULL) {
        exchange->vectors = cof_calloc(exchange->count * size, sizeof(float));
        if (exchange->vectors == NULL)
            return COF_FAIL_MEMORY(err);
    }
    float *vector = exchange->vectors + index * size;
    memcpy(vector, values->data, values->size);
    if (!cof_vector_normalize(vector, size))
        return FAIL_ANSWER(err, "a vector is all zeros or not finite");
    exchange->has_vector[index] = true;
    return COF_OK;
}

static enum cof_status read_items(struct exchange *exchange, const struct cof_json *data,
                                  struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer values = {0};
    size_t position = 0;
    if (data == NULL || cof_json_type_of(data) != COF_JSON_ARRAY ||
        cof_json_count(data) != exchange->count)
        return FAIL_ANSWER(err, "it has not one vector for each text");
    for (const struct cof_json *item = cof_json_first(data); item != NULL;
         item = cof_json_next(item)) {
        int64_t index = (int64_t)position++;
        const struct cof_json *given = cof_json_find(item, "index");
        if (given != NULL && !cof_json_is_whole(given, &index))
            index = -1;
        if (index < 0 || (uint64_t)index >= exchange->count || exchange->has_vector[index])
            return FAIL_ANSWER(err, "its indexes are not those of the texts");
        cof_buffer_clear(&values);
        COF_TRY(read_values(cof_json_find(item, "embedding"), &values, err));
        COF_TRY(take_vector(exchange, (size_t)index, &values, err));
    }
    return COF_OK;
}

/* The peer reports one sum for all texts; it is shared out by the words in each, so that the counts
 * add up to it. */
static void share_tokens(struct exchange *exchange, const struct cof_json *root)
{
    int64_t total = 0;
    const struct cof_json *reported = cof_json_find(cof_json_find(root, "usage"), "prompt_tokens");
    if (reported == NULL || !cof_json_is_whole(reported, &total) || total < 0)
        return;
    size_t words = 0;
    for (size_t i = 0; i < exchange->count; i++)
        words += exchange->token_counts[i] + 1; /* an empty text costs something too */
    size_t words_before = 0;
    size_t given = 0;
    for (size_t i = 0; i < exchange->count; i++) {
        words_before += exchange->token_counts[i] + 1;
        double share = (double)total * (double)words_before / (double)words;
        size_t until = i + 1 == exchange->count ? (size_t)total : (size_t)share;
        exchange->token_counts[i] = until - given;
        given = until;
    }
}

static enum cof_status read_answer(struct exchange *exchange, struct cof_text answer,
                                   struct cof_error *err)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    size_t values =
        exchange->count * (exchange->dimension != 0 ? exchange->dimension : MAX_DIMENSION);
    const struct cof_json_limits limits = {
        .max_bytes = MAX_ANSWER_BYTES,
        .max_depth = 16,
        .max_nodes = values + 16 * exchange->count + 1000,
    };
    struct cof_error reason = {0};
    enum cof_status status = cof_json_parse(answer, &limits, &tree, &reason);
    if (status == COF_NO_MEMORY)
        return COF_FAIL_MEMORY(err);
    if (status != COF_OK)
        return FAIL_ANSWER(err, "it is no valid JSON of the size expected");
    const struct cof_json *root = cof_json_root(tree);
    COF_TRY(read_items(exchange, cof_json_find(root, "data"), err));
    share_tokens(exchange, root);
    return COF_OK;
}

static enum cof_status run_exchange(struct exchange *exchange, const struct cof_cancel *cancel,
                                    struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer request = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer answer = {0};
    long http_status = 0;
    exchange->token_counts = cof_calloc(exchange->count, sizeof(*exchange->token_counts));
    exchange->has_vector = cof_calloc(exchange->count, sizeof(*exchange->has_vector));
    if (exchange->token_counts == NULL || exchange->has_vector == NULL)
        return COF_FAIL_MEMORY(err);
    COF_TRY(write_request(exchange, &request, err));
    COF_TRY(cof_http_client_send(exchange->remote->client, "POST", "/embeddings",
                                 "application/json", cof_buffer_bytes(&request), cancel,
                                 &http_status, &answer, err));
    COF_TRY(check_http_status(http_status, err));
    return read_answer(exchange, cof_buffer_text(&answer), err);
}

static enum cof_status remote_embed(struct cof_embedder *embedder, enum cof_embed_role role,
                                    const struct cof_text *texts, size_t count,
                                    const struct cof_cancel *cancel, float *out_vectors,
                                    size_t *out_token_counts, struct cof_error *err)
{
    const struct remote *remote = (const struct remote *)embedder;
    COF_CLEANUP(exchange_deinit)
    struct exchange exchange = {
        .remote = remote,
        .prefix =
            cof_text_from(role == COF_EMBED_QUERY ? remote->query_prefix : remote->passage_prefix),
        .texts = texts,
        .count = count,
        .dimension = embedder->info.dimension,
    };
    COF_TRY(run_exchange(&exchange, cancel, err));
    assert(exchange.vectors != NULL); /* as there is at least one text */
    memcpy(out_vectors, exchange.vectors, count * exchange.dimension * sizeof(*out_vectors));
    if (out_token_counts != NULL)
        memcpy(out_token_counts, exchange.token_counts, count * sizeof(*out_token_counts));
    return COF_OK;
}

static enum cof_status remote_count_tokens(struct cof_embedder *embedder, struct cof_text text,
                                           size_t *out_count, struct cof_error *err)
{
    (void)embedder;
    return cof_words_count(text, out_count, err);
}

static void remote_close(struct cof_embedder *embedder)
{
    struct remote *remote = (struct remote *)embedder;
    cof_http_client_destroy(remote->client);
    cof_free(remote);
}

static const struct cof_embedder_ops REMOTE_OPS = {
    .name = "remote",
    .embed = remote_embed,
    .count_tokens = remote_count_tokens,
    .each_token = NULL,
    .close = remote_close,
};

/* Embeds one text to learn how long the peer's vectors are. */
static enum cof_status ask_dimension(struct remote *remote, struct cof_error *err)
{
    const struct cof_text text = COF_TEXT("dimension");
    COF_CLEANUP(exchange_deinit)
    struct exchange exchange = {.remote = remote, .texts = &text, .count = 1};
    COF_TRY(run_exchange(&exchange, NULL, err));
    remote->base.info.dimension = exchange.dimension;
    return COF_OK;
}

/* The address is left out: a peer that moves stays the same peer. */
static void compute_fingerprint(struct remote *remote)
{
    struct cof_fingerprint fingerprint;
    struct cof_embedder_info *info = &remote->base.info;
    cof_fingerprint_begin(&fingerprint);
    cof_fingerprint_add_text(&fingerprint, COF_TEXT("remote"));
    cof_fingerprint_add_text(&fingerprint, cof_text_from(remote->name));
    cof_fingerprint_add_number(&fingerprint, info->dimension);
    cof_fingerprint_add_number(&fingerprint, info->max_tokens);
    cof_fingerprint_add_text(&fingerprint, cof_text_from(remote->query_prefix));
    cof_fingerprint_add_text(&fingerprint, cof_text_from(remote->passage_prefix));
    cof_fingerprint_finish(&fingerprint, info->fingerprint);
}

static enum cof_status copy_option(const char *what, const char *value, char *out, size_t out_size,
                                   struct cof_error *err)
{
    struct cof_text text = cof_text_from(value);
    if (text.size >= out_size || !cof_utf8_is_valid(text, NULL))
        return COF_FAIL(err, COF_INVALID,
                        "the remote embedder's %s must be UTF-8 of fewer than %zu bytes", what,
                        out_size);
    (void)snprintf(out, out_size, "%.*s", COF_TEXT_ARG(text));
    return COF_OK;
}

static enum cof_status set_up(struct remote *remote,
                              const struct cof_remote_embedder_options *options,
                              struct cof_error *err)
{
    const struct cof_http_client_options address = {
        .base_url = options->base_url,
        .bearer_token = options->bearer_token,
        .ca_file = options->ca_file,
        .max_response_bytes = MAX_ANSWER_BYTES,
    };
    if (options->model == NULL || options->model[0] == '\0')
        return COF_FAIL(err, COF_INVALID, "the remote embedder needs a model name");
    if (options->dimension > MAX_DIMENSION)
        return COF_FAIL(err, COF_INVALID, "the remote embedder's dimension must be at most %d",
                        MAX_DIMENSION);
    COF_TRY(copy_option("model", options->model, remote->name, sizeof(remote->name), err));
    COF_TRY(copy_option("query prefix", options->query_prefix, remote->query_prefix,
                        sizeof(remote->query_prefix), err));
    COF_TRY(copy_option("passage prefix", options->passage_prefix, remote->passage_prefix,
                        sizeof(remote->passage_prefix), err));
    COF_TRY(cof_http_client_create(&address, &remote->client, err));
    remote->base.info = (struct cof_embedder_info){
        .name = remote->name,
        .backend = REMOTE_OPS.name,
        .precision = "",
        .pooling = "",
        .dimension = options->dimension,
        .max_tokens = options->max_tokens != 0 ? options->max_tokens : DEFAULT_MAX_TOKENS,
        .max_batch_count =
            options->max_batch_count != 0 ? options->max_batch_count : DEFAULT_BATCH_COUNT,
    };
    if (options->dimension == 0)
        COF_TRY(ask_dimension(remote, err));
    compute_fingerprint(remote);
    return COF_OK;
}

enum cof_status cof_remote_embedder_open(const struct cof_remote_embedder_options *options,
                                         struct cof_embedder **out_embedder, struct cof_error *err)
{
    struct remote *remote = cof_calloc(1, sizeof(*remote));
    if (remote == NULL)
        return COF_FAIL_MEMORY(err);
    remote->base.ops = &REMOTE_OPS;
    enum cof_status status = set_up(remote, options, err);
    if (status != COF_OK) {
        remote_close(&remote->base);
        return status;
    }
    *out_embedder = &remote->base;
    return COF_OK;
}
