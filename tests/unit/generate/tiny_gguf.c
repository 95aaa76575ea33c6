/* Writes the tiny model. */
#include "tiny_gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/file.h>

#include "seeded_random.h"
#include "temp_dir.h"

enum { WIDTH = 32, HIDDEN = 64, MAX_TOKEN_COUNT = 400 };
enum { TYPE_U32 = 4, TYPE_I32 = 5, TYPE_F32 = 6, TYPE_STRING = 8, TYPE_ARRAY = 9 };
enum { KIND_NORMAL = 1, KIND_UNKNOWN = 2, KIND_CONTROL = 3, KIND_USER = 4, KIND_BYTE = 6 };

struct vocabulary {
    char texts[MAX_TOKEN_COUNT][24];
    int32_t kinds[MAX_TOKEN_COUNT];
    float scores[MAX_TOKEN_COUNT];
    uint32_t count;
};

void gguf_put_number(struct cof_buffer *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        cof_buffer_append_byte(out, (uint8_t)(value >> (8 * i)));
}

void gguf_put_string(struct cof_buffer *out, const char *text)
{
    gguf_put_number(out, strlen(text), 8);
    cof_buffer_append(out, text, strlen(text));
}

void gguf_put_key(struct cof_buffer *out, const char *key, uint32_t type)
{
    gguf_put_string(out, key);
    gguf_put_number(out, type, 4);
}

static void put_float(struct cof_buffer *out, float value)
{
    uint32_t bits = 0;

    memcpy(&bits, &value, sizeof(bits));
    gguf_put_number(out, bits, 4);
}

static void add(struct vocabulary *vocabulary, const char *text, int32_t kind, float score)
{
    if (vocabulary->count == MAX_TOKEN_COUNT)
        abort();
    (void)snprintf(vocabulary->texts[vocabulary->count], sizeof(vocabulary->texts[0]), "%s", text);
    vocabulary->kinds[vocabulary->count] = kind;
    vocabulary->scores[vocabulary->count] = score;
    vocabulary->count++;
}

static void make_vocabulary(const struct tiny_gguf *options, struct vocabulary *vocabulary)
{
    static const char *const pieces[] = {"\u2581", "s>",        "he", "in", "\u2581t",
                                         "the",    "\u2581the", "er", "an", "re",
                                         "\u00E9", "\u4E2D",    "|>"};
    char text[24];

    add(vocabulary, "<unk>", KIND_UNKNOWN, 0);
    add(vocabulary, "<s>", KIND_CONTROL, 0);
    add(vocabulary, "</s>", KIND_CONTROL, 0);
    for (unsigned byte = 0; byte < 256; byte++) {
        (void)snprintf(text, sizeof(text), "<0x%02X>", byte);
        add(vocabulary, text, KIND_BYTE, 0);
    }
    for (char c = '!'; c <= '~'; c++) {
        (void)snprintf(text, sizeof(text), "%c", c);
        add(vocabulary, text, KIND_NORMAL, -20);
    }
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        add(vocabulary, pieces[i], KIND_NORMAL, -1.0f - (float)i);
    if (options->is_user_defined) {
        add(vocabulary, "<|im_start|>", KIND_USER, 0);
        add(vocabulary, "<|im_end|>", KIND_USER, 0);
    }
}

static uint32_t put_metadata(const struct tiny_gguf *options, const struct vocabulary *vocabulary,
                             struct cof_buffer *out)
{
    const char *architecture = options->architecture != NULL ? options->architecture : "llama";
    const struct {
        const char *key;
        uint32_t value;
    } numbers[] = {
        {"llama.context_length", options->context_length > 0 ? options->context_length : 256},
        {"llama.embedding_length", WIDTH},
        {"llama.block_count", options->block_count > 0 ? options->block_count : 1},
        {"llama.feed_forward_length", HIDDEN},
        {"llama.attention.head_count", 2},
        {"llama.rope.dimension_count", WIDTH / 2},
        {"tokenizer.ggml.bos_token_id", TINY_BOS},
        {"tokenizer.ggml.eos_token_id", TINY_EOS},
        {"tokenizer.ggml.unknown_token_id", TINY_UNK},
    };
    uint32_t count = 0;

    gguf_put_key(out, "general.architecture", TYPE_STRING);
    gguf_put_string(out, architecture);
    gguf_put_key(out, "tokenizer.ggml.model", TYPE_STRING);
    gguf_put_string(out, options->tokenizer != NULL ? options->tokenizer : "llama");
    count += 2;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++, count++) {
        gguf_put_key(out, numbers[i].key, TYPE_U32);
        gguf_put_number(out, numbers[i].value, 4);
    }
    gguf_put_key(out, "llama.attention.layer_norm_rms_epsilon", TYPE_F32);
    put_float(out, 1e-5f);
    count++;
    if (options->alignment > 0) {
        gguf_put_key(out, "general.alignment", TYPE_U32);
        gguf_put_number(out, options->alignment, 4);
        count++;
    }
    if (options->chat_template != NULL) {
        gguf_put_key(out, "tokenizer.chat_template", TYPE_STRING);
        gguf_put_string(out, options->chat_template);
        count++;
    }
    gguf_put_key(out, "tokenizer.ggml.tokens", TYPE_ARRAY);
    gguf_put_number(out, TYPE_STRING, 4);
    gguf_put_number(out, vocabulary->count, 8);
    for (uint32_t i = 0; i < vocabulary->count; i++)
        gguf_put_string(out, vocabulary->texts[i]);
    gguf_put_key(out, "tokenizer.ggml.scores", TYPE_ARRAY);
    gguf_put_number(out, TYPE_F32, 4);
    gguf_put_number(out, vocabulary->count, 8);
    for (uint32_t i = 0; i < vocabulary->count; i++)
        put_float(out, vocabulary->scores[i]);
    gguf_put_key(out, "tokenizer.ggml.token_type", TYPE_ARRAY);
    gguf_put_number(out, TYPE_I32, 4);
    gguf_put_number(out, vocabulary->count, 8);
    for (uint32_t i = 0; i < vocabulary->count; i++)
        gguf_put_number(out, (uint64_t)vocabulary->kinds[i], 4);
    return count + 3;
}

struct tensor {
    const char *name;
    uint64_t columns, rows; /* rows 0: one dimension */
    double scale;           /* of the weights; 0 = a norm, all ones */
};

static uint64_t size_of(const struct tensor *tensor)
{
    return tensor->columns * (tensor->rows > 0 ? tensor->rows : 1) * 4;
}

static void put_weights(const struct tiny_gguf *options, const struct tensor *tensor,
                        struct cof_buffer *out)
{
    struct seeded_random random;
    uint64_t count = size_of(tensor) / 4;

    seeded_random_init(&random, strlen(tensor->name) * 131 + tensor->rows);
    for (uint64_t i = 0; i < count; i++) {
        double weight = (seeded_random_unit(&random) - 0.5) * tensor->scale;

        /* A row of zeros has logit 0, and of so many random ones some are above it. */
        if (options->never_ends && strcmp(tensor->name, "output.weight") == 0 &&
            i / WIDTH == TINY_EOS)
            weight = 0;
        put_float(out, tensor->scale <= 0 ? 1.0f : (float)weight);
    }
}

void tiny_gguf_write(const struct tiny_gguf *options, struct cof_buffer *out)
{
    static struct vocabulary vocabulary;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer metadata = {0};
    uint64_t alignment = options->alignment > 0 ? options->alignment : 32;
    uint64_t offset = 0;
    size_t begin = out->size;

    vocabulary.count = 0;
    make_vocabulary(options, &vocabulary);

    uint32_t key_count = put_metadata(options, &vocabulary, &metadata);
    const struct tensor tensors[] = {
        {"token_embd.weight", WIDTH, vocabulary.count, 0.3},
        {"output_norm.weight", WIDTH, 0, 0},
        {"output.weight", WIDTH, vocabulary.count, 1.2},
        {"blk.0.attn_norm.weight", WIDTH, 0, 0},
        {"blk.0.attn_q.weight", WIDTH, WIDTH, 1.2},
        {"blk.0.attn_k.weight", WIDTH, WIDTH, 1.2},
        {"blk.0.attn_v.weight", WIDTH, WIDTH, 3},
        {"blk.0.attn_output.weight", WIDTH, WIDTH, 3},
        {"blk.0.ffn_norm.weight", WIDTH, 0, 0},
        {"blk.0.ffn_gate.weight", WIDTH, HIDDEN, 1.2},
        {"blk.0.ffn_up.weight", WIDTH, HIDDEN, 1.2},
        {"blk.0.ffn_down.weight", HIDDEN, WIDTH, 1.2},
    };
    size_t tensor_count = sizeof(tensors) / sizeof(tensors[0]);

    cof_buffer_append(out, "GGUF", 4);
    gguf_put_number(out, options->version > 0 ? options->version : 3, 4);
    gguf_put_number(out, tensor_count, 8);
    gguf_put_number(out, key_count, 8);
    cof_buffer_append(out, metadata.data, metadata.size);
    for (size_t i = 0; i < tensor_count; i++) {
        gguf_put_string(out, tensors[i].name);
        gguf_put_number(out, tensors[i].rows > 0 ? 2 : 1, 4);
        gguf_put_number(out, tensors[i].columns, 8);
        if (tensors[i].rows > 0)
            gguf_put_number(out, tensors[i].rows, 8);
        gguf_put_number(out, 0, 4);
        gguf_put_number(out, offset, 8);
        offset = (offset + size_of(&tensors[i]) + alignment - 1) / alignment * alignment;
    }
    for (size_t i = 0; i < tensor_count; i++) {
        while ((out->size - begin) % alignment != 0)
            cof_buffer_append_byte(out, 0);
        put_weights(options, &tensors[i], out);
    }
    while ((out->size - begin) % alignment != 0)
        cof_buffer_append_byte(out, 0);
    if (out->has_failed)
        abort();
}

void tiny_gguf_save(const struct tiny_gguf *options, const char *folder, char *out_path)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};

    tiny_gguf_write(options, &file);
    temp_dir_join(folder, "tiny.gguf", out_path, TEMP_DIR_PATH_SIZE);
    if (cof_file_write_atomic(out_path, cof_buffer_bytes(&file), 0600, NULL) != COF_OK)
        abort();
}
