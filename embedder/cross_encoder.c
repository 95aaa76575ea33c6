/* Backend `cross_encoder`: pairs through the encoder's scheduler, their first states through the
 * head. */
#include <cof/embedder/cross_encoder.h>

#include <stdint.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "bert_model.h"
#include "bert_scheduler.h"
#include "classifier.h"

struct cross_encoder {
    struct cof_reranker base;
    char name[COF_BERT_MAX_NAME_BYTES];
    struct cof_bert_model model;
    struct cof_classifier *classifier;
    struct cof_bert_scheduler *scheduler;
};

/* One call's pairs on their way. */
struct ranking {
    const struct cross_encoder *encoder;
    struct cof_text query;
    const struct cof_text *texts;
    float *states; /* a row per text */
    size_t token_count;
};

static size_t most_tokens(void *context, size_t index)
{
    const struct ranking *ranking = context;
    const struct cof_tokenizer *tokenizer = ranking->encoder->model.tokenizer;
    size_t most =
        cof_tokenizer_most_ids(tokenizer, ranking->query.size + ranking->texts[index].size);
    if (most > SIZE_MAX - tokenizer->separator_count)
        return SIZE_MAX;
    return most + tokenizer->separator_count;
}

static enum cof_status encode(void *context, size_t index, uint32_t *out_ids, size_t max_count,
                              struct cof_bert_sequence *sequence, struct cof_error *err)
{
    const struct ranking *ranking = context;
    return cof_tokenizer_encode_pair(ranking->encoder->model.tokenizer, ranking->query,
                                     ranking->texts[index], out_ids, max_count, &sequence->count,
                                     &sequence->second_begin, err);
}

static float *place(void *context, size_t index, size_t token_count)
{
    struct ranking *ranking = context;
    ranking->token_count += token_count;
    return ranking->states + index * ranking->encoder->model.config.hidden_size;
}

static enum cof_status rank_pairs(struct ranking *ranking, size_t count,
                                  const struct cof_cancel *cancel, float *scores,
                                  struct cof_error *err)
{
    const struct cross_encoder *encoder = ranking->encoder;
    const struct cof_bert_job job = {
        .count = count,
        .is_question = true,
        .output = COF_BERT_FIRST,
        .cancel = cancel,
        .most_tokens = most_tokens,
        .encode = encode,
        .place = place,
        .context = ranking,
    };
    COF_TRY(cof_bert_scheduler_run(encoder->scheduler, &job, err));
    return cof_classifier_score(encoder->classifier, ranking->states, count, scores, err);
}

static enum cof_status cross_encoder_rank(struct cof_reranker *reranker, struct cof_text query,
                                          const struct cof_text *texts, size_t count,
                                          const struct cof_cancel *cancel, float *out_scores,
                                          size_t *out_token_count, struct cof_error *err)
{
    const struct cross_encoder *encoder = (const struct cross_encoder *)reranker;
    struct ranking ranking = {.encoder = encoder, .query = query, .texts = texts};
    size_t value_count = 0;
    if (__builtin_mul_overflow(count, encoder->model.config.hidden_size + 1, &value_count))
        return COF_FAIL_MEMORY(err);
    /* A row per text, and behind them the scores, which leave only when all are there. */
    ranking.states = cof_calloc(value_count, sizeof(*ranking.states));
    if (ranking.states == NULL)
        return COF_FAIL_MEMORY(err);
    float *scores = ranking.states + count * encoder->model.config.hidden_size;
    enum cof_status status = rank_pairs(&ranking, count, cancel, scores, err);
    if (status == COF_OK) {
        memcpy(out_scores, scores, count * sizeof(*out_scores));
        if (out_token_count != NULL)
            *out_token_count = ranking.token_count;
    }
    cof_free(ranking.states);
    return status;
}

static void cross_encoder_close(struct cof_reranker *reranker)
{
    struct cross_encoder *encoder = (struct cross_encoder *)reranker;
    cof_bert_scheduler_destroy(encoder->scheduler);
    cof_classifier_destroy(encoder->classifier);
    cof_bert_model_deinit(&encoder->model);
    cof_free(encoder);
}

static const struct cof_reranker_ops CROSS_ENCODER_OPS = {
    .name = "cross_encoder",
    .rank = cross_encoder_rank,
    .close = cross_encoder_close,
};

static enum cof_status open_parts(struct cross_encoder *encoder,
                                  const struct cof_cross_encoder_options *options,
                                  enum cof_precision precision, struct cof_error *err)
{
    struct cof_bert_model *model = &encoder->model;
    COF_TRY(cof_bert_model_init(model, options->folder, precision, err));
    if (model->config.max_tokens < COF_TOKENIZER_MIN_PAIR_IDS)
        return COF_FAIL(err, COF_INVALID, "the model's limit of %zu tokens has no room for a pair",
                        model->config.max_tokens);
    COF_TRY(cof_classifier_create(model->file, &model->config, &encoder->classifier, err));
    cof_bert_model_release_file(model);
    const struct cof_bert_scheduler_options scheduler = {
        .weights = model->weights,
        .pooling = COF_POOLING_CLS,
        .max_tokens = model->config.max_tokens,
        .pool = options->pool,
        .max_tokens_in_flight = options->max_tokens_in_flight,
        .max_job_count = options->max_call_count,
    };
    return cof_bert_scheduler_create(&scheduler, &encoder->scheduler, err);
}

enum cof_status cof_cross_encoder_open(const struct cof_cross_encoder_options *options,
                                       struct cof_reranker **out_reranker, struct cof_error *err)
{
    struct cross_encoder *encoder = cof_calloc(1, sizeof(*encoder));
    if (encoder == NULL)
        return COF_FAIL_MEMORY(err);
    enum cof_precision precision =
        options->precision == COF_PRECISION_AUTO ? COF_PRECISION_F32 : options->precision;
    encoder->base.ops = &CROSS_ENCODER_OPS;
    enum cof_status status = open_parts(encoder, options, precision, err);
    if (status != COF_OK) {
        cross_encoder_close(&encoder->base);
        return status;
    }
    cof_bert_model_name(options->folder, options->name, encoder->name);
    encoder->base.info = (struct cof_reranker_info){
        .name = encoder->name,
        .backend = CROSS_ENCODER_OPS.name,
        .precision = cof_precision_name(precision),
        .max_tokens = encoder->model.config.max_tokens,
    };
    *out_reranker = &encoder->base;
    return COF_OK;
}
