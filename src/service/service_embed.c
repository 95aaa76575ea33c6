/* Models, embeddings and tokens. */
#include "service_private.h"

#include <math.h>
#include <string.h>

/* Begin and end, which every text is given. */
#define SPECIAL_TOKENS 2

const struct cof_embedder_info *cof_service_embedder_info(const struct cof_service *service)
{
    return &service->options.embedder->info;
}

const struct cof_generator_info *cof_service_generator_info(const struct cof_service *service)
{
    return service->options.generator == NULL ? NULL : &service->options.generator->info;
}

enum cof_status cof_service_list_models(struct cof_service *service, struct cof_call *call,
                                        struct cof_service_model **out_models, size_t *out_count,
                                        struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_READ_MODELS, err));
    const struct cof_reranker_info *reranker = cof_service_reranker_info(service);
    const char *embedder_name = service->options.embedder->info.name;
    struct cof_service_model *models = cof_arena_array(&call->arena, 3, sizeof(*models));
    if (models == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t count = 0;
    models[count++] = (struct cof_service_model){.id = cof_text_from(embedder_name),
                                                 .kind = COF_TEXT("embedding")};
    /* Late interaction is the embedder under its own name. */
    if (reranker != NULL && strcmp(reranker->name, embedder_name) != 0) {
        models[count++] = (struct cof_service_model){.id = cof_text_from(reranker->name),
                                                     .kind = COF_TEXT("rerank")};
    }
    if (service->options.generator != NULL) {
        models[count++] = (struct cof_service_model){
            .id = cof_text_from(service->options.generator->info.name), .kind = COF_TEXT("chat")};
    }
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_SYSTEM_READ, COF_OK);
    COF_TRY(cof_service_commit(service, call, &record, err));
    *out_models = models;
    *out_count = count;
    return COF_OK;
}

/* ---- Embeddings ---- */

static enum cof_status check_model(const struct cof_service *service, struct cof_text model,
                                   struct cof_error *err)
{
    const char *name = service->options.embedder->info.name;
    if (model.size > 0 && !cof_text_equal(model, cof_text_from(name))) {
        return COF_FAIL(err, COF_NOT_FOUND,
                        "embedding model \"%.*s\" is not loaded; this server has \"%s\"",
                        COF_TEXT_ARG(cof_text_slice(model, 0, 64)), name);
    }
    return COF_OK;
}

/* Before anything is computed: a text that would be cut is refused, naming it. */
static enum cof_status check_lengths(struct cof_embedder *embedder,
                                     const struct cof_service_embedding *embedding,
                                     struct cof_error *err)
{
    size_t most = embedder->info.max_tokens - SPECIAL_TOKENS;
    for (size_t i = 0; i < embedding->count; i++) {
        size_t count = embedding->ids != NULL ? embedding->ids[i].count : 0;
        /* Fewer bytes than tokens are allowed cannot be too many tokens. */
        if (embedding->ids == NULL && embedding->texts[i].size >= most) {
            COF_TRY(cof_embedder_count_tokens(embedder, embedding->texts[i], &count, err));
        }
        if (count > most) {
            return COF_FAIL(err, COF_INVALID,
                            "input %zu has %zu tokens; %s takes %zu. Shorten it, or send "
                            "\"truncate\": true to have it cut",
                            i, count, embedder->info.name, most);
        }
    }
    return COF_OK;
}

static enum cof_status compute(struct cof_service *service, struct cof_call *call,
                               const struct cof_service_embedding *embedding, float *vectors,
                               size_t *token_counts, struct cof_error *err)
{
    struct cof_embedder *embedder = service->options.embedder;
    if (embedding->ids != NULL) {
        return cof_embedder_embed_ids(embedder, embedding->ids, embedding->count, &call->cancel,
                                      vectors, token_counts, err);
    }
    if (embedding->role == COF_EMBED_QUERY && service->options.query_cache != NULL) {
        return cof_query_cache_embed(service->options.query_cache, call->principal.credential_id,
                                     embedding->texts, embedding->count, &call->cancel, vectors,
                                     token_counts, err);
    }
    return cof_embedder_embed(embedder, embedding->role, embedding->texts, embedding->count,
                              &call->cancel, vectors, token_counts, err);
}

/* Keeps the first `wanted` numbers of each vector, scaled to unit length again: what models trained
 * for it (Kusupati et al., NeurIPS 2022) are made for. In place, rows moving together. */
static enum cof_status shorten(float *vectors, size_t count, size_t dimension, size_t wanted,
                               struct cof_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const float *from = vectors + i * dimension;
        float *to = vectors + i * wanted;
        double sum = 0;
        for (size_t j = 0; j < wanted; j++) {
            sum += (double)from[j] * (double)from[j];
        }
        if (!(sum > 0)) {
            return COF_FAIL(err, COF_INVALID,
                            "the first %zu numbers of the vector of input %zu are all zero; ask "
                            "for more dimensions",
                            wanted, i);
        }
        double scale = 1 / sqrt(sum);
        for (size_t j = 0; j < wanted; j++) {
            to[j] = (float)((double)from[j] * scale);
        }
    }
    return COF_OK;
}

static enum cof_status check_embedding(const struct cof_service *service,
                                       const struct cof_service_embedding *embedding,
                                       struct cof_error *err)
{
    struct cof_embedder *embedder = service->options.embedder;
    COF_TRY(check_model(service, embedding->model, err));
    if (embedding->dimensions > embedder->info.dimension) {
        return COF_FAIL(err, COF_INVALID, "%zu dimensions are more than the %zu of %s",
                        embedding->dimensions, embedder->info.dimension, embedder->info.name);
    }
    if (embedding->ids != NULL && embedder->ops->embed_ids == NULL) {
        return COF_FAIL(err, COF_INVALID,
                        "%s takes text and no token numbers (in LangChain: "
                        "check_embedding_ctx_length=False)",
                        embedder->info.name);
    }
    return embedding->may_cut ? COF_OK : check_lengths(embedder, embedding, err);
}

enum cof_status cof_service_embed(struct cof_service *service, struct cof_call *call,
                                  const struct cof_service_embedding *embedding,
                                  struct cof_service_vectors *out_vectors, struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_EMBED, err));
    COF_TRY(check_embedding(service, embedding, err));
    size_t count = embedding->count;
    size_t dimension = service->options.embedder->info.dimension;
    float *vectors = cof_arena_array(&call->arena, count, dimension * sizeof(*vectors));
    size_t *token_counts = cof_arena_array(&call->arena, count, sizeof(*token_counts));
    if (vectors == NULL || token_counts == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    enum cof_status status = compute(service, call, embedding, vectors, token_counts, err);
    size_t token_count = 0;
    for (size_t i = 0; i < count && status == COF_OK; i++) {
        token_count += token_counts[i];
    }
    size_t wanted = embedding->dimensions > 0 ? embedding->dimensions : dimension;
    if (status == COF_OK && wanted < dimension) {
        status = shorten(vectors, count, dimension, wanted, err);
    }
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_EMBED, status);
    record.details =
        cof_arena_format(&call->arena, "{\"texts\":%zu,\"tokens\":%zu}", count, token_count);
    COF_TRY(cof_service_finish(service, call, &record, status, err));
    *out_vectors = (struct cof_service_vectors){
        .values = vectors, .dimension = wanted, .token_count = token_count};
    return COF_OK;
}

/* ---- Tokens ---- */

struct gathering {
    struct cof_service_token *tokens; /* NULL: only count */
    size_t count;
};

static void gather_token(void *context, uint32_t id, size_t begin, size_t end)
{
    struct gathering *gathering = context;
    if (gathering->tokens != NULL) {
        gathering->tokens[gathering->count] =
            (struct cof_service_token){.id = id, .begin = begin, .end = end};
    }
    gathering->count++;
}

static enum cof_status tokenize_one(struct cof_service *service, struct cof_call *call,
                                    struct cof_text text, struct cof_service_tokens *out_tokens,
                                    struct cof_error *err)
{
    struct cof_embedder *embedder = service->options.embedder;
    struct gathering counted = {0};
    COF_TRY(cof_cancel_check(&call->cancel, err));
    COF_TRY(cof_embedder_each_token(embedder, text, gather_token, &counted, err));
    struct gathering gathering = {
        .tokens = cof_arena_array(&call->arena, counted.count, sizeof(*gathering.tokens))};
    if (gathering.tokens == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    COF_TRY(cof_embedder_each_token(embedder, text, gather_token, &gathering, err));
    *out_tokens = (struct cof_service_tokens){.tokens = gathering.tokens, .count = gathering.count};
    return COF_OK;
}

static enum cof_status tokenize_all(struct cof_service *service, struct cof_call *call,
                                    const struct cof_text *texts, size_t count,
                                    struct cof_service_tokens *tokens, size_t *out_sum,
                                    struct cof_error *err)
{
    for (size_t i = 0; i < count; i++) {
        COF_TRY(tokenize_one(service, call, texts[i], &tokens[i], err));
        *out_sum += tokens[i].count;
    }
    return COF_OK;
}

enum cof_status cof_service_tokenize(struct cof_service *service, struct cof_call *call,
                                     struct cof_text model, const struct cof_text *texts,
                                     size_t count, struct cof_service_tokens **out_tokens,
                                     struct cof_error *err)
{
    COF_TRY(cof_service_authorize(service, call, COF_ACTION_EMBED, err));
    COF_TRY(check_model(service, model, err));
    size_t byte_count = 0;
    for (size_t i = 0; i < count; i++) {
        byte_count += texts[i].size;
    }
    size_t most = service->options.max_tokenize_bytes;
    if (most != 0 && byte_count > most) {
        return COF_FAIL(err, COF_TOO_LARGE, "%zu bytes of text are over the limit of %zu",
                        byte_count, most);
    }
    struct cof_service_tokens *tokens = cof_arena_array(&call->arena, count, sizeof(*tokens));
    if (tokens == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t sum = 0;
    enum cof_status status = tokenize_all(service, call, texts, count, tokens, &sum, err);
    struct cof_audit_record record = cof_service_record(call, COF_AUDIT_TOKENIZE, status);
    record.details = cof_arena_format(&call->arena, "{\"texts\":%zu,\"tokens\":%zu}", count, sum);
    COF_TRY(cof_service_finish(service, call, &record, status, err));
    *out_tokens = tokens;
    return COF_OK;
}

bool cof_service_query_cache_stats(const struct cof_service *service,
                                   struct cof_query_cache_stats *out_stats)
{
    if (service->options.query_cache == NULL) {
        return false;
    }
    cof_query_cache_stats_get(service->options.query_cache, out_stats);
    return true;
}
