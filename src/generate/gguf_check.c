/* Walks the header of a GGUF file (version 2 and 3, little-endian) with every length checked.
 *
 * Layout: "GGUF", u32 version, u64 tensor count, u64 key count; for each key a string (u64 size and
 * bytes), a u32 type and a value; for each tensor a name, u32 number of dimensions, u64 dimensions,
 * u32 type, u64 offset; then the tensors, from the next multiple of general.alignment. Duplicate
 * keys and gaps between tensors are left to libllama, which refuses them without harm. */
#include "gguf_check.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <gguf.h>

#include <cof/base/buffer.h>

#define MAX_ITEM_COUNT ((uint64_t)65536) /* keys, tensors */
#define MAX_KEY_SIZE ((uint64_t)65535)   /* by the format's own rule */
#define MAX_STRING_SIZE ((uint64_t)1 << 20)
#define MAX_ALIGNMENT ((uint64_t)4096)
#define MAX_TOKEN_COUNT ((uint64_t)1 << 22)
#define MIN_ITEM_SIZE ((uint64_t)8) /* no key and no tensor is written in fewer bytes */

struct walk {
    struct cof_bytes file;
    size_t offset; /* of the next byte, never past the end */
    uint64_t alignment;
    uint64_t token_count;
    struct {
        uint64_t count, used_count, group_count, used_group_count;
    } expert;
    bool has_architecture, has_tokenizer;
};

struct limit {
    const char *suffix;
    uint64_t min, max;
};

/* libllama ends the process when these are out of range; its limits are 512 layers, 1,024 experts.
 */
static const struct limit hyperparameters[] = {
    {".block_count", 1, 512},
    {".context_length", 1, INT32_MAX},
    {".embedding_length", 1, 1 << 20},
    {".attention.head_count", 1, 1 << 16},
    {".expert_count", 0, 1024},
    {".expert_used_count", 0, 1024},
    {"split.count", 0, 1},
};

static enum cof_status take(struct walk *walk, uint64_t size, const uint8_t **out_bytes,
                            struct cof_error *err)
{
    if (size > walk->file.size - walk->offset) {
        return COF_FAIL(err, COF_CORRUPT,
                        "the GGUF header wants more bytes at %zu than the file has (%zu)",
                        walk->offset, walk->file.size);
    }
    *out_bytes = walk->file.data + walk->offset;
    walk->offset += (size_t)size;
    return COF_OK;
}

static uint64_t load(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;

    for (size_t i = size; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

static enum cof_status take_number(struct walk *walk, size_t size, uint64_t *out_value,
                                   struct cof_error *err)
{
    const uint8_t *bytes = NULL;

    COF_TRY(take(walk, size, &bytes, err));
    *out_value = load(bytes, size);
    return COF_OK;
}

static enum cof_status take_string(struct walk *walk, uint64_t max_size, struct cof_text *out_text,
                                   struct cof_error *err)
{
    const uint8_t *bytes = NULL;
    uint64_t size = 0;

    COF_TRY(take_number(walk, 8, &size, err));
    if (size > max_size) {
        return COF_FAIL(err, COF_CORRUPT, "a string of %llu bytes in the GGUF header is over %llu",
                        (unsigned long long)size, (unsigned long long)max_size);
    }
    COF_TRY(take(walk, size, &bytes, err));
    /* libllama hands strings around as C strings, so it would see another one than is judged here.
     */
    if (memchr(bytes, '\0', (size_t)size) != NULL)
        return COF_FAIL(err, COF_CORRUPT, "a string in the GGUF header holds a NUL byte");
    *out_text = cof_bytes_text((struct cof_bytes){.data = bytes, .size = (size_t)size});
    return COF_OK;
}

/* Bytes of a value of a fixed size; 0 for strings, arrays and unknown types. */
static size_t scalar_size(uint64_t type)
{
    switch (type) {
    case GGUF_TYPE_UINT8:
    case GGUF_TYPE_INT8:
    case GGUF_TYPE_BOOL:
        return 1;
    case GGUF_TYPE_UINT16:
    case GGUF_TYPE_INT16:
        return 2;
    case GGUF_TYPE_UINT32:
    case GGUF_TYPE_INT32:
    case GGUF_TYPE_FLOAT32:
        return 4;
    case GGUF_TYPE_UINT64:
    case GGUF_TYPE_INT64:
    case GGUF_TYPE_FLOAT64:
        return 8;
    default:
        return 0;
    }
}

static bool is_whole_number(uint64_t type)
{
    return scalar_size(type) > 0 && type != GGUF_TYPE_BOOL && type != GGUF_TYPE_FLOAT32 &&
           type != GGUF_TYPE_FLOAT64;
}

static bool is_one_of(struct cof_text text, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (cof_text_equal(text, cof_text_from(*names)))
            return true;
    }
    return false;
}

static bool is_plain_name(struct cof_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return text.size > 0 && text.size <= 64;
}

static enum cof_status judge_string(struct walk *walk, struct cof_text key, struct cof_text value,
                                    struct cof_error *err)
{
    static const char *const tokenizers[] = {"llama", "gpt2", "gemma4", NULL};
    static const char *const scalings[] = {"none", "linear", "yarn", "longrope", NULL};

    if (cof_text_equal(key, COF_TEXT("general.architecture"))) {
        if (!is_plain_name(value))
            return COF_FAIL(err, COF_CORRUPT, "the GGUF file's architecture has no proper name");
        walk->has_architecture = true;
    } else if (cof_text_equal(key, COF_TEXT("tokenizer.ggml.model"))) {
        if (!is_one_of(value, tokenizers)) {
            return COF_FAIL(err, COF_INVALID,
                            "this GGUF model's kind of tokenizer is not supported (llama, gpt2 and "
                            "gemma4 are)");
        }
        walk->has_tokenizer = true;
    } else if (cof_text_has_suffix(key, COF_TEXT(".rope.scaling.type")) &&
               !is_one_of(value, scalings)) {
        return COF_FAIL(err, COF_INVALID, "this GGUF model's rope scaling is not supported");
    }
    return COF_OK;
}

static enum cof_status judge_number(struct walk *walk, struct cof_text key, uint64_t type,
                                    uint64_t value, struct cof_error *err)
{
    if (cof_text_equal(key, COF_TEXT("general.alignment"))) {
        if (type != GGUF_TYPE_UINT32 || value < 8 || value > MAX_ALIGNMENT ||
            (value & (value - 1)) != 0) {
            return COF_FAIL(err, COF_CORRUPT,
                            "general.alignment must be a power of two between 8 and %llu",
                            (unsigned long long)MAX_ALIGNMENT);
        }
        walk->alignment = value;
    }
    if (cof_text_equal(key, COF_TEXT("split.count")) && value > 1) {
        return COF_FAIL(err, COF_INVALID,
                        "this GGUF file is one part of several: merge the parts into one file");
    }
    for (size_t i = 0; i < sizeof(hyperparameters) / sizeof(hyperparameters[0]); i++) {
        const struct limit *limit = &hyperparameters[i];

        if (cof_text_has_suffix(key, cof_text_from(limit->suffix)) &&
            (value < limit->min || value > limit->max)) {
            return COF_FAIL(err, COF_CORRUPT, "the GGUF key *%s must be between %llu and %llu",
                            limit->suffix, (unsigned long long)limit->min,
                            (unsigned long long)limit->max);
        }
    }
    if (cof_text_has_suffix(key, COF_TEXT(".expert_count")))
        walk->expert.count = value;
    else if (cof_text_has_suffix(key, COF_TEXT(".expert_used_count")))
        walk->expert.used_count = value;
    else if (cof_text_has_suffix(key, COF_TEXT(".expert_group_count")))
        walk->expert.group_count = value;
    else if (cof_text_has_suffix(key, COF_TEXT(".expert_group_used_count")))
        walk->expert.used_group_count = value;
    return COF_OK;
}

static enum cof_status judge_float(struct cof_text key, const uint8_t *bytes, struct cof_error *err)
{
    uint32_t bits = (uint32_t)load(bytes, sizeof(bits));
    float value = 0;

    memcpy(&value, &bits, sizeof(value));
    if (!isfinite(value) || (cof_text_has_suffix(key, COF_TEXT("_epsilon")) && value < 0))
        return COF_FAIL(err, COF_CORRUPT, "a number in the GGUF header is out of its range");
    return COF_OK;
}

static enum cof_status check_bools(const uint8_t *bytes, uint64_t count, struct cof_error *err)
{
    for (uint64_t i = 0; i < count; i++) {
        if (bytes[i] > 1)
            return COF_FAIL(err, COF_CORRUPT, "a yes-or-no value in the GGUF header is neither");
    }
    return COF_OK;
}

static int by_text(const void *left, const void *right)
{
    return cof_text_compare(*(const struct cof_text *)left, *(const struct cof_text *)right);
}

/* The texts of the vocabulary, which must differ: libllama asserts it. It renames empty ones. */
static enum cof_status check_tokens(struct walk *walk, uint64_t count, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer texts = {0};

    if (count == 0 || count > MAX_TOKEN_COUNT)
        return COF_FAIL(err, COF_CORRUPT, "the GGUF file's vocabulary has %llu tokens",
                        (unsigned long long)count);
    cof_buffer_reserve(&texts, (size_t)count * sizeof(struct cof_text));
    for (uint64_t i = 0; i < count; i++) {
        struct cof_text text;

        COF_TRY(take_string(walk, MAX_STRING_SIZE, &text, err));
        if (text.size > 0)
            cof_buffer_append(&texts, &text, sizeof(text));
    }
    COF_TRY(cof_buffer_status(&texts, err));

    struct cof_text *sorted = (struct cof_text *)(void *)texts.data;

    qsort(sorted, texts.size / sizeof(*sorted), sizeof(*sorted), by_text);
    for (size_t i = 1; i < texts.size / sizeof(*sorted); i++) {
        if (cof_text_equal(sorted[i - 1], sorted[i]))
            return COF_FAIL(err, COF_CORRUPT, "two tokens of the GGUF file's vocabulary are equal");
    }
    walk->token_count = count;
    return COF_OK;
}

static enum cof_status check_array(struct walk *walk, struct cof_text key, struct cof_error *err)
{
    const uint8_t *bytes = NULL;
    uint64_t type = 0, count = 0, size = 0;

    COF_TRY(take_number(walk, 4, &type, err));
    COF_TRY(take_number(walk, 8, &count, err));
    if (type == GGUF_TYPE_ARRAY)
        return COF_FAIL(err, COF_INVALID, "nested arrays in a GGUF header are not supported");
    if (type == GGUF_TYPE_STRING) {
        /* Each string takes at least its length field, so a count that lies is seen at once. */
        if (count > (walk->file.size - walk->offset) / 8)
            return COF_FAIL(err, COF_CORRUPT,
                            "an array in the GGUF header is longer than the file");
        if (cof_text_equal(key, COF_TEXT("tokenizer.ggml.tokens")))
            return check_tokens(walk, count, err);
        for (uint64_t i = 0; i < count; i++) {
            struct cof_text text;

            COF_TRY(take_string(walk, MAX_STRING_SIZE, &text, err));
        }
        return COF_OK;
    }
    if (scalar_size(type) == 0)
        return COF_FAIL(err, COF_CORRUPT, "an array in the GGUF header has an unknown type");
    if (__builtin_mul_overflow(count, scalar_size(type), &size))
        return COF_FAIL(err, COF_CORRUPT, "an array in the GGUF header is longer than the file");
    COF_TRY(take(walk, size, &bytes, err));
    return type == GGUF_TYPE_BOOL ? check_bools(bytes, count, err) : COF_OK;
}

static enum cof_status check_key(struct walk *walk, struct cof_error *err)
{
    struct cof_text key, text;
    const uint8_t *bytes = NULL;
    uint64_t type = 0;

    COF_TRY(take_string(walk, MAX_KEY_SIZE, &key, err));
    if (key.size == 0)
        return COF_FAIL(err, COF_CORRUPT, "a key in the GGUF header is empty");
    COF_TRY(take_number(walk, 4, &type, err));
    if (type == GGUF_TYPE_ARRAY)
        return check_array(walk, key, err);
    if (type == GGUF_TYPE_STRING) {
        COF_TRY(take_string(walk, MAX_STRING_SIZE, &text, err));
        return judge_string(walk, key, text, err);
    }
    if (scalar_size(type) == 0)
        return COF_FAIL(err, COF_CORRUPT, "a value in the GGUF header has an unknown type");
    COF_TRY(take(walk, scalar_size(type), &bytes, err));
    if (type == GGUF_TYPE_BOOL)
        return check_bools(bytes, 1, err);
    if (type == GGUF_TYPE_FLOAT32)
        return judge_float(key, bytes, err);
    /* A signed negative reads as a huge number here, which no limit admits. */
    return is_whole_number(type)
               ? judge_number(walk, key, type, load(bytes, scalar_size(type)), err)
               : COF_OK;
}

/* Reads one tensor's description; *inout_end grows to the end of its data, counted from where the
 * tensors begin. */
static enum cof_status check_tensor(struct walk *walk, uint64_t *inout_end, struct cof_error *err)
{
    struct cof_text name;
    uint64_t dimension_count = 0, type = 0, offset = 0, end = 0;
    uint64_t row = 0, rows = 1, size = 0;

    COF_TRY(take_string(walk, GGML_MAX_NAME - 1, &name, err));
    COF_TRY(take_number(walk, 4, &dimension_count, err));
    if (dimension_count < 1 || dimension_count > GGML_MAX_DIMS) {
        return COF_FAIL(err, COF_CORRUPT,
                        "a tensor in the GGUF file does not have 1 to %d dimensions",
                        GGML_MAX_DIMS);
    }
    for (uint64_t i = 0; i < dimension_count; i++) {
        uint64_t dimension = 0;

        COF_TRY(take_number(walk, 8, &dimension, err));
        if (dimension == 0 || dimension > INT64_MAX)
            return COF_FAIL(err, COF_CORRUPT,
                            "a tensor in the GGUF file has an impossible dimension");
        if (i == 0)
            row = dimension;
        else if (__builtin_mul_overflow(rows, dimension, &rows))
            return COF_FAIL(err, COF_CORRUPT, "a tensor in the GGUF file is larger than the file");
    }
    COF_TRY(take_number(walk, 4, &type, err));
    if (type >= GGML_TYPE_COUNT || ggml_blck_size((enum ggml_type)type) <= 0 ||
        ggml_type_size((enum ggml_type)type) == 0)
        return COF_FAIL(err, COF_INVALID, "a tensor in the GGUF file has an unknown number format");

    uint64_t block = (uint64_t)ggml_blck_size((enum ggml_type)type);

    if (row % block != 0)
        return COF_FAIL(err, COF_CORRUPT,
                        "a tensor in the GGUF file ends within a block of numbers");
    COF_TRY(take_number(walk, 8, &offset, err));
    if (offset % walk->alignment != 0)
        return COF_FAIL(err, COF_CORRUPT, "a tensor in the GGUF file is not aligned");
    if (__builtin_mul_overflow(row / block, ggml_type_size((enum ggml_type)type), &size) ||
        __builtin_mul_overflow(size, rows, &size) || __builtin_add_overflow(offset, size, &end))
        return COF_FAIL(err, COF_CORRUPT, "a tensor in the GGUF file is larger than the file");
    if (end > *inout_end)
        *inout_end = end;
    return COF_OK;
}

/* The relations that libllama asserts of a mixture of experts. */
static bool are_experts_possible(const struct walk *walk)
{
    uint64_t count = walk->expert.count;
    uint64_t groups = walk->expert.group_count;

    if (walk->expert.used_count > count || (count > 0 && walk->expert.used_count == 0))
        return false;
    if (groups == 0)
        return true;
    if (groups >= count)
        return false;
    return groups == 1 || (count % groups == 0 && walk->expert.used_group_count > 0 &&
                           walk->expert.used_group_count < groups);
}

static enum cof_status check_start(struct walk *walk, struct cof_gguf_facts *facts,
                                   struct cof_error *err)
{
    const uint8_t *magic = NULL;
    uint64_t version = 0;

    if (walk->file.size < 4 || memcmp(walk->file.data, GGUF_MAGIC, 4) != 0)
        return COF_FAIL(err, COF_INVALID, "not a GGUF model file: it does not begin with GGUF");
    COF_TRY(take(walk, 4, &magic, err));
    COF_TRY(take_number(walk, 4, &version, err));
    if (version == 1 || version > 3)
        return COF_FAIL(err, COF_INVALID,
                        "this GGUF file's version is not supported (little-endian 2 and 3 are)");
    if (version == 0)
        return COF_FAIL(err, COF_CORRUPT, "this GGUF file has version 0");
    facts->version = (uint32_t)version;
    COF_TRY(take_number(walk, 8, &facts->tensor_count, err));
    COF_TRY(take_number(walk, 8, &facts->key_count, err));

    uint64_t room = (walk->file.size - walk->offset) / MIN_ITEM_SIZE;

    if (facts->tensor_count > MAX_ITEM_COUNT || facts->key_count > MAX_ITEM_COUNT ||
        facts->tensor_count > room || facts->key_count > room)
        return COF_FAIL(err, COF_CORRUPT, "the GGUF header counts more keys or tensors than fit");
    if (facts->tensor_count == 0)
        return COF_FAIL(err, COF_INVALID, "this GGUF file holds no tensors");
    return COF_OK;
}

enum cof_status cof_gguf_check(struct cof_bytes file, struct cof_gguf_facts *out_facts,
                               struct cof_error *err)
{
    struct walk walk = {.file = file, .alignment = GGUF_DEFAULT_ALIGNMENT};
    struct cof_gguf_facts facts = {0};
    uint64_t end = 0;

    COF_TRY(check_start(&walk, &facts, err));
    for (uint64_t i = 0; i < facts.key_count; i++)
        COF_TRY(check_key(&walk, err));
    if (!walk.has_architecture)
        return COF_FAIL(err, COF_INVALID, "this GGUF file names no architecture");
    if (!walk.has_tokenizer || walk.token_count == 0)
        return COF_FAIL(err, COF_INVALID, "this GGUF file has no tokenizer: is it a whole model?");
    if (!are_experts_possible(&walk))
        return COF_FAIL(err, COF_CORRUPT, "the GGUF header's numbers of experts contradict");
    for (uint64_t i = 0; i < facts.tensor_count; i++)
        COF_TRY(check_tensor(&walk, &end, err));

    uint64_t data_offset =
        ((uint64_t)walk.offset + walk.alignment - 1) / walk.alignment * walk.alignment;

    if (data_offset > file.size || end > file.size - data_offset) {
        return COF_FAIL(err, COF_CORRUPT,
                        "the GGUF file's tensors go past its end: it is truncated or damaged");
    }
    facts.data_offset = (size_t)data_offset;
    *out_facts = facts;
    return COF_OK;
}
