/* Makes and writes small models. */
#include "tiny_model.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cof/base/status.h>

#include "seeded_random.h"
#include "testing.h"

const char *const TINY_VOCABULARY[] = {
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "i",
    "n",
    "o",
    "s",
    "t",
    "##a",
    "##b",
    "##c",
    "##d",
    "##e",
    "##f",
    "##g",
    "##i",
    "##n",
    "##o",
    "##s",
    "##t",
    "the",
    "file",
    "##ing",
    "bank",
    "##ed",
    "safe",
    "note",
    ".",
    ",",
    "!",
    "[",
    "]",
    "#",
    "\xe6\x96\x87",
    "\xe5\xad\x97",
    "0",
    "1",
    "##0",
    "##1",
    "-",
};
const size_t TINY_VOCABULARY_COUNT = sizeof(TINY_VOCABULARY) / sizeof(TINY_VOCABULARY[0]);

/* Pieces of the small unigram model, shifted by one, and <mask>. */
enum { XLM_R_VOCABULARY = 142, XLM_R_FIRST_POSITION = 2 };

static uint32_t bits_of(float value)
{
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static float float_of(uint32_t bits)
{
    float value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* To the nearest; exact for what comes back from it. Normal numbers only. */
static uint16_t to_half(float value)
{
    uint32_t bits = bits_of(value);
    uint32_t sign = bits >> 16 & 0x8000;
    int exponent = (int)(bits >> 23 & 0xff) - 112;
    if (exponent <= 0)
        return (uint16_t)(sign | (uint32_t)lroundf(fabsf(value) * 0x1p24F));
    return (uint16_t)(sign + ((uint32_t)exponent << 10) + (((bits & 0x7fffff) + 0x1000) >> 13));
}

static float from_half(uint16_t half)
{
    float magnitude = (half & 0x7c00) == 0
                          ? (float)(half & 0x3ff) * 0x1p-24F
                          : ldexpf((float)((half & 0x3ff) | 0x400), (half >> 10 & 0x1f) - 25);
    return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

static uint16_t to_bfloat(float value)
{
    return (uint16_t)((bits_of(value) + 0x8000) >> 16);
}

static float rounded(const char *dtype, float value)
{
    if (strcmp(dtype, "F16") == 0)
        return from_half(to_half(value));
    if (strcmp(dtype, "BF16") == 0)
        return float_of((uint32_t)to_bfloat(value) << 16);
    return value;
}

COF_PRINTF(7, 8)
static void add_tensor(struct tiny_model *model, struct seeded_random *random, size_t rows,
                       size_t columns, float centre, float spread, const char *format, ...)
{
    struct tiny_tensor *tensor = &model->tensors[model->tensor_count++];
    size_t count = rows * (columns == 0 ? 1 : columns);
    va_list arguments;
    assert_true(model->tensor_count <= TINY_MAX_TENSORS);
    va_start(arguments, format);
    (void)vsnprintf(tensor->name, sizeof(tensor->name), format, arguments);
    va_end(arguments);
    tensor->rows = rows;
    tensor->columns = columns;
    tensor->values = calloc(count, sizeof(float));
    assert_non_null(tensor->values);
    for (size_t i = 0; i < count; i++) {
        float value = centre + spread * (float)(2.0 * seeded_random_unit(random) - 1.0);
        tensor->values[i] = rounded(model->dtype, value);
    }
}

static void add_linear(struct tiny_model *model, struct seeded_random *random, size_t layer,
                       const char *name, size_t output_size, size_t input_size)
{
    float spread = 2.0F / sqrtf((float)input_size);
    add_tensor(model, random, output_size, input_size, 0, spread, "encoder.layer.%zu.%s.weight",
               layer, name);
    add_tensor(model, random, output_size, 0, 0, 0.2F, "encoder.layer.%zu.%s.bias", layer, name);
}

static void add_norm(struct tiny_model *model, struct seeded_random *random, const char *owner)
{
    add_tensor(model, random, model->hidden_size, 0, 1.0F, 0.3F, "%s.LayerNorm.weight", owner);
    add_tensor(model, random, model->hidden_size, 0, 0, 0.3F, "%s.LayerNorm.bias", owner);
}

/* Under the names that a reader finds: XLM-RoBERTa's head stands beside the encoder, and so does
 * BERT's last layer, but not its pooler. */
static void add_head(struct tiny_model *model, struct seeded_random *random)
{
    const char *dense = model->is_xlm_roberta ? "classifier.dense" : "pooler.dense";
    const char *out = model->is_xlm_roberta ? "classifier.out_proj" : "classifier";
    size_t hidden = model->hidden_size;
    float spread = 2.0F / sqrtf((float)hidden);
    add_tensor(model, random, hidden, hidden, 0, spread, "%s.weight", dense);
    add_tensor(model, random, hidden, 0, 0, 0.2F, "%s.bias", dense);
    add_tensor(model, random, model->label_count, hidden, 0, 3 * spread, "%s.weight", out);
    add_tensor(model, random, model->label_count, 0, 0, 0.2F, "%s.bias", out);
}

static void set_default(size_t *value, size_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static size_t type_count(const struct tiny_model *model)
{
    return model->is_xlm_roberta ? 1 : 2;
}

void tiny_model_create(struct tiny_model *model, uint64_t seed)
{
    struct seeded_random random;
    char owner[TINY_MAX_NAME];
    seeded_random_init(&random, seed);
    set_default(&model->hidden_size, 32);
    set_default(&model->layer_count, 2);
    set_default(&model->head_count, 4);
    set_default(&model->intermediate_size, 48);
    set_default(&model->max_positions, 40);
    set_default(&model->max_tokens, 24);
    model->dtype = model->dtype != NULL ? model->dtype : "F32";
    model->prefix = model->prefix != NULL ? model->prefix : "";
    model->vocabulary_size = model->is_xlm_roberta ? XLM_R_VOCABULARY : TINY_VOCABULARY_COUNT;
    model->first_position = model->is_xlm_roberta ? XLM_R_FIRST_POSITION : 0;
    model->epsilon = model->is_xlm_roberta ? 1e-5 : 1e-12;
    size_t hidden = model->hidden_size;
    add_tensor(model, &random, model->vocabulary_size, hidden, 0, 1.0F,
               "embeddings.word_embeddings.weight");
    add_tensor(model, &random, model->first_position + model->max_positions, hidden, 0, 0.5F,
               "embeddings.position_embeddings.weight");
    add_tensor(model, &random, type_count(model), hidden, 0, 0.5F,
               "embeddings.token_type_embeddings.weight");
    add_norm(model, &random, "embeddings");
    for (size_t i = 0; i < model->layer_count; i++) {
        add_linear(model, &random, i, "attention.self.query", hidden, hidden);
        add_linear(model, &random, i, "attention.self.key", hidden, hidden);
        add_linear(model, &random, i, "attention.self.value", hidden, hidden);
        add_linear(model, &random, i, "attention.output.dense", hidden, hidden);
        (void)snprintf(owner, sizeof(owner), "encoder.layer.%zu.attention.output", i);
        add_norm(model, &random, owner);
        add_linear(model, &random, i, "intermediate.dense", model->intermediate_size, hidden);
        add_linear(model, &random, i, "output.dense", hidden, model->intermediate_size);
        (void)snprintf(owner, sizeof(owner), "encoder.layer.%zu.output", i);
        add_norm(model, &random, owner);
    }
    if (model->label_count > 0)
        add_head(model, &random);
}

void tiny_model_destroy(struct tiny_model *model)
{
    for (size_t i = 0; i < model->tensor_count; i++)
        free(model->tensors[i].values);
    *model = (struct tiny_model){0};
}

static const struct tiny_tensor *find_tensor(const struct tiny_model *model, const char *name)
{
    for (size_t i = 0; i < model->tensor_count; i++) {
        if (strcmp(model->tensors[i].name, name) == 0)
            return &model->tensors[i];
    }
    fail_msg("the tiny model has no tensor %s", name);
    return NULL;
}

struct tiny_tensor *tiny_model_tensor(struct tiny_model *model, const char *name)
{
    const struct tiny_tensor *found = find_tensor(model, name);
    return &model->tensors[found - model->tensors];
}

void tiny_model_put(const char *folder, const char *name, const void *bytes, size_t size)
{
    char path[512];
    const char *slash = strchr(name, '/');
    if (slash != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%.*s", folder, (int)(slash - name), name);
        (void)mkdir(path, 0700);
    }
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void tiny_model_put_text(const char *folder, const char *name, const char *text)
{
    tiny_model_put(folder, name, text, strlen(text));
}

void tiny_model_delete(const char *folder, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(remove(path), 0);
}

static bool is_beside_encoder(const struct tiny_tensor *tensor)
{
    return strncmp(tensor->name, "classifier.", 11) == 0;
}

static void write_weights(const struct tiny_model *model, const char *folder)
{
    size_t capacity = 1 << 22;
    char *header = calloc(1, capacity);
    uint8_t *data = calloc(1, capacity);
    size_t header_size = 1;
    size_t data_size = 0;
    assert_true(header != NULL && data != NULL);
    header[0] = '{';
    for (size_t i = 0; i < model->tensor_count; i++) {
        const struct tiny_tensor *tensor = &model->tensors[i];
        const char *dtype = tensor->dtype != NULL ? tensor->dtype : model->dtype;
        size_t count = tensor->rows * (tensor->columns == 0 ? 1 : tensor->columns);
        size_t begin = data_size;
        char shape[64];
        if (tensor->is_left_out)
            continue;
        assert_true(data_size + 4 * count < capacity && header_size + 300 < capacity);
        for (size_t j = 0; j < count; j++) {
            uint32_t bits = bits_of(tensor->values[j]);
            uint16_t half = strcmp(dtype, "F16") == 0 ? to_half(tensor->values[j])
                                                      : to_bfloat(tensor->values[j]);
            bool is_wide = strcmp(dtype, "F16") != 0 && strcmp(dtype, "BF16") != 0;
            size_t size = is_wide ? 4 : 2;
            memcpy(data + data_size, is_wide ? (void *)&bits : (void *)&half, size);
            data_size += size;
        }
        int shape_size = snprintf(shape, sizeof(shape), "[%zu", tensor->rows);
        if (tensor->columns > 0)
            shape_size += snprintf(shape + shape_size, sizeof(shape) - (size_t)shape_size, ",%zu",
                                   tensor->columns);
        (void)snprintf(shape + shape_size, sizeof(shape) - (size_t)shape_size, "]");
        header_size += (size_t)snprintf(
            header + header_size, capacity - header_size,
            "%s\"%s%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
            header_size > 1 ? "," : "", is_beside_encoder(tensor) ? "" : model->prefix,
            tensor->name, dtype, shape, begin, data_size);
    }
    header[header_size++] = '}';
    uint8_t *file = calloc(1, 8 + header_size + data_size);
    assert_non_null(file);
    for (size_t i = 0; i < 8; i++)
        file[i] = (uint8_t)(header_size >> 8 * i);
    memcpy(file + 8, header, header_size);
    memcpy(file + 8 + header_size, data, data_size);
    tiny_model_put(folder, "model.safetensors", file, 8 + header_size + data_size);
    free(header);
    free(data);
    free(file);
}

static void write_tokenizer(const char *folder)
{
    char text[8192];
    size_t size = (size_t)snprintf(
        text, sizeof(text),
        "{\"added_tokens\":[{\"id\":2,\"content\":\"[CLS]\",\"special\":true}],"
        "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,"
        "\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":true},"
        "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
        "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":["
        "{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\"}},"
        "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}}]},"
        "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\","
        "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,\"vocab\":{");
    for (size_t i = 0; i < TINY_VOCABULARY_COUNT; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s\"%s\":%zu", i > 0 ? "," : "",
                                 TINY_VOCABULARY[i], i);
    size += (size_t)snprintf(text + size, sizeof(text) - size, "}}}");
    assert_true(size < sizeof(text));
    tiny_model_put(folder, "tokenizer.json", text, size);
}

static void copy_sentencepiece(const char *folder)
{
    uint8_t bytes[16384];
    FILE *file = fopen(COF_SOURCE_DIR "/tests/unit/embedder/sentencepiece/unigram.model", "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    assert_true(size > 0 && size < sizeof(bytes));
    assert_int_equal(fclose(file), 0);
    tiny_model_put(folder, "sentencepiece.bpe.model", bytes, size);
}

void tiny_model_write(const struct tiny_model *model, const char *folder)
{
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "{\"model_type\":\"%s\",\"hidden_size\":%zu,\"num_hidden_layers\":%zu,"
                   "\"num_attention_heads\":%zu,\"intermediate_size\":%zu,\"vocab_size\":%zu,"
                   "\"max_position_embeddings\":%zu,\"type_vocab_size\":%zu,"
                   "\"hidden_act\":\"gelu\",\"layer_norm_eps\":%g}",
                   model->is_xlm_roberta ? "xlm-roberta" : "bert", model->hidden_size,
                   model->layer_count, model->head_count, model->intermediate_size,
                   model->vocabulary_size, model->first_position + model->max_positions,
                   type_count(model), model->epsilon);
    tiny_model_put_text(folder, "config.json", text);
    (void)snprintf(text, sizeof(text), "{\"max_seq_length\":%zu}", model->max_tokens);
    tiny_model_put_text(folder, "sentence_bert_config.json", text);
    (void)snprintf(text, sizeof(text),
                   "{\"word_embedding_dimension\":%zu,\"pooling_mode_cls_token\":%s,"
                   "\"pooling_mode_mean_tokens\":%s}",
                   model->hidden_size, model->is_cls ? "true" : "false",
                   model->is_cls ? "false" : "true");
    tiny_model_put_text(folder, "1_Pooling/config.json", text);
    if (model->is_xlm_roberta)
        copy_sentencepiece(folder);
    else
        write_tokenizer(folder);
    write_weights(model, folder);
}
