/* Checks a safetensors header field by field and keeps a table of tensors sorted by name. */
#include "safetensors.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/file.h>
#include <cof/base/json.h>

#define LENGTH_BYTES 8

struct cof_safetensors {
    struct cof_mapping mapping;
    struct cof_json_tree *header; /* owns the names */
    struct cof_tensor *tensors;
    size_t count;
};

struct type_row {
    const char *name;
    size_t size;
    enum cof_tensor_type type;
};

static const struct type_row TYPES[] = {
    {"F32", 4, COF_TENSOR_F32},       {"F16", 2, COF_TENSOR_F16},
    {"BF16", 2, COF_TENSOR_BF16},     {"F64", 8, COF_TENSOR_OTHER},
    {"I64", 8, COF_TENSOR_OTHER},     {"I32", 4, COF_TENSOR_OTHER},
    {"I16", 2, COF_TENSOR_OTHER},     {"I8", 1, COF_TENSOR_OTHER},
    {"U64", 8, COF_TENSOR_OTHER},     {"U32", 4, COF_TENSOR_OTHER},
    {"U16", 2, COF_TENSOR_OTHER},     {"U8", 1, COF_TENSOR_OTHER},
    {"BOOL", 1, COF_TENSOR_OTHER},    {"F8_E4M3", 1, COF_TENSOR_OTHER},
    {"F8_E5M2", 1, COF_TENSOR_OTHER},
};

static const struct type_row *find_type(struct cof_text name)
{
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
        if (cof_text_equal(name, cof_text_from(TYPES[i].name)))
            return &TYPES[i];
    }
    return NULL;
}

static uint64_t read_length(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < LENGTH_BYTES; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

/* A whole number from 0 to 2^53. */
static bool read_size(const struct cof_json *value, size_t *out)
{
    int64_t number = 0;
    if (!cof_json_is_whole(value, &number) || number < 0)
        return false;
    *out = (size_t)number;
    return true;
}

/* The names come from the file, so only their beginning is repeated, and the caller sees which. */
#define FAIL_TENSOR(err, tensor, what)                                                             \
    COF_FAIL((err), COF_CORRUPT, "tensor '%.*s' of the safetensors file %s",                       \
             (int)((tensor)->name.size < 80 ? (tensor)->name.size : 80), (tensor)->name.data,      \
             what)

static enum cof_status read_shape(struct cof_tensor *tensor, const struct cof_json *shape,
                                  struct cof_error *err)
{
    if (shape == NULL || cof_json_type_of(shape) != COF_JSON_ARRAY ||
        cof_json_count(shape) > COF_TENSOR_MAX_RANK)
        return FAIL_TENSOR(err, tensor, "needs a 'shape' of at most 8 numbers");
    tensor->element_count = 1;
    for (const struct cof_json *item = cof_json_first(shape); item != NULL;
         item = cof_json_next(item)) {
        size_t extent = 0;
        if (!read_size(item, &extent))
            return FAIL_TENSOR(err, tensor, "has a 'shape' that is not made of whole numbers");
        tensor->shape[tensor->rank++] = extent;
        if (__builtin_mul_overflow(tensor->element_count, extent, &tensor->element_count))
            return FAIL_TENSOR(err, tensor, "has a 'shape' whose product overflows");
    }
    return COF_OK;
}

static enum cof_status read_data(struct cof_tensor *tensor, const struct cof_json *offsets,
                                 size_t value_size, struct cof_bytes data, struct cof_error *err)
{
    size_t begin = 0;
    size_t end = 0;
    size_t size = 0;
    if (offsets == NULL || cof_json_type_of(offsets) != COF_JSON_ARRAY ||
        cof_json_count(offsets) != 2 || !read_size(cof_json_first(offsets), &begin) ||
        !read_size(cof_json_next(cof_json_first(offsets)), &end))
        return FAIL_TENSOR(err, tensor, "needs 'data_offsets' of two whole numbers");
    if (begin > end || end > data.size)
        return FAIL_TENSOR(err, tensor, "has 'data_offsets' outside the file");
    if (__builtin_mul_overflow(tensor->element_count, value_size, &size) || size != end - begin)
        return FAIL_TENSOR(err, tensor, "has 'data_offsets' that do not fit its 'shape'");
    tensor->data = (struct cof_bytes){.data = data.data + begin, .size = size};
    return COF_OK;
}

static enum cof_status read_tensor(const struct cof_json *member, struct cof_bytes data,
                                   struct cof_tensor *tensor, struct cof_error *err)
{
    static const char *const keys[] = {"dtype", "shape", "data_offsets", NULL};
    tensor->name = cof_json_key(member);
    if (cof_json_type_of(member) != COF_JSON_OBJECT ||
        cof_json_only_keys(member, keys, NULL) != COF_OK)
        return FAIL_TENSOR(err, tensor, "must have 'dtype', 'shape', 'data_offsets' and no more");
    const struct cof_json *type_name = cof_json_find(member, "dtype");
    const struct type_row *type = type_name == NULL ? NULL : find_type(cof_json_text(type_name));
    if (type == NULL)
        return FAIL_TENSOR(err, tensor, "has a 'dtype' that this version does not know");
    tensor->type = type->type;
    tensor->type_name = cof_text_from(type->name);
    COF_TRY(read_shape(tensor, cof_json_find(member, "shape"), err));
    return read_data(tensor, cof_json_find(member, "data_offsets"), type->size, data, err);
}

static int compare_places(const void *a, const void *b)
{
    const struct cof_tensor *left = a;
    const struct cof_tensor *right = b;
    if (left->data.data != right->data.data)
        return left->data.data < right->data.data ? -1 : 1;
    return (left->data.size > right->data.size) - (left->data.size < right->data.size);
}

static int compare_names(const void *a, const void *b)
{
    const struct cof_tensor *left = a;
    const struct cof_tensor *right = b;
    return cof_text_compare(left->name, right->name);
}

/* Neither overlap nor hole: each tensor begins where the one before it ends. */
static enum cof_status check_cover(const struct cof_safetensors *file, struct cof_bytes data,
                                   struct cof_error *err)
{
    const uint8_t *expected = data.data;
    for (size_t i = 0; i < file->count; i++) {
        const struct cof_tensor *tensor = &file->tensors[i];
        if (tensor->data.data < expected)
            return FAIL_TENSOR(err, tensor, "overlaps another one");
        if (tensor->data.data > expected)
            return FAIL_TENSOR(err, tensor, "lies behind a hole");
        expected += tensor->data.size;
    }
    if (expected != data.data + data.size)
        return COF_FAIL(err, COF_CORRUPT,
                        "the safetensors file has %zu bytes behind its last tensor",
                        (size_t)(data.data + data.size - expected));
    return COF_OK;
}

static enum cof_status read_tensors(struct cof_safetensors *file, struct cof_bytes data,
                                    struct cof_error *err)
{
    const struct cof_json *root = cof_json_root(file->header);
    if (cof_json_type_of(root) != COF_JSON_OBJECT)
        return COF_FAIL(err, COF_CORRUPT, "the header of the safetensors file is no JSON object");
    file->tensors = cof_calloc(cof_json_count(root), sizeof(*file->tensors));
    if (file->tensors == NULL)
        return COF_FAIL_MEMORY(err);
    for (const struct cof_json *member = cof_json_first(root); member != NULL;
         member = cof_json_next(member)) {
        if (cof_text_equal(cof_json_key(member), COF_TEXT("__metadata__")))
            continue;
        COF_TRY(read_tensor(member, data, &file->tensors[file->count], err));
        file->count++;
    }
    qsort(file->tensors, file->count, sizeof(*file->tensors), compare_places);
    COF_TRY(check_cover(file, data, err));
    qsort(file->tensors, file->count, sizeof(*file->tensors), compare_names);
    return COF_OK;
}

static enum cof_status read_header(struct cof_safetensors *file, struct cof_bytes bytes,
                                   struct cof_error *err)
{
    static const struct cof_json_limits limits = {
        .max_bytes = COF_SAFETENSORS_MAX_HEADER_BYTES, .max_depth = 4, .max_nodes = 1000000};
    if (bytes.size < LENGTH_BYTES)
        return COF_FAIL(err, COF_CORRUPT, "the safetensors file has only %zu bytes", bytes.size);
    uint64_t length = read_length(bytes.data);
    if (length > COF_SAFETENSORS_MAX_HEADER_BYTES || length > bytes.size - LENGTH_BYTES)
        return COF_FAIL(err, COF_CORRUPT,
                        "the safetensors file of %zu bytes announces a header of %llu", bytes.size,
                        (unsigned long long)length);
    struct cof_text text = {.data = (const char *)bytes.data + LENGTH_BYTES,
                            .size = (size_t)length};
    struct cof_error reason = {0};
    enum cof_status status = cof_json_parse(text, &limits, &file->header, &reason);
    if (status == COF_NO_MEMORY)
        return COF_FAIL_MEMORY(err);
    if (status != COF_OK)
        return COF_FAIL(err, COF_CORRUPT, "the header of the safetensors file: %s", reason.message);
    struct cof_bytes data = {.data = bytes.data + LENGTH_BYTES + length,
                             .size = bytes.size - LENGTH_BYTES - (size_t)length};
    return read_tensors(file, data, err);
}

enum cof_status cof_safetensors_parse(struct cof_bytes bytes, struct cof_safetensors **out_file,
                                      struct cof_error *err)
{
    struct cof_safetensors *file = cof_calloc(1, sizeof(*file));
    if (file == NULL)
        return COF_FAIL_MEMORY(err);
    enum cof_status status = read_header(file, bytes, err);
    if (status != COF_OK) {
        cof_safetensors_close(file);
        return status;
    }
    *out_file = file;
    return COF_OK;
}

enum cof_status cof_safetensors_open(const char *path, struct cof_safetensors **out_file,
                                     struct cof_error *err)
{
    struct cof_mapping mapping = {0};
    struct cof_safetensors *file = NULL;
    COF_TRY(cof_mapping_open(path, &mapping, err));
    struct cof_bytes bytes = {.data = mapping.data, .size = mapping.size};
    enum cof_status status = cof_safetensors_parse(bytes, &file, err);
    if (status != COF_OK) {
        cof_mapping_close(&mapping);
        return status;
    }
    file->mapping = mapping;
    *out_file = file;
    return COF_OK;
}

void cof_safetensors_close(struct cof_safetensors *file)
{
    if (file == NULL)
        return;
    cof_json_tree_destroy(file->header);
    cof_free(file->tensors);
    cof_mapping_close(&file->mapping);
    cof_free(file);
}

size_t cof_safetensors_count(const struct cof_safetensors *file)
{
    return file->count;
}

const struct cof_tensor *cof_safetensors_at(const struct cof_safetensors *file, size_t index)
{
    return &file->tensors[index];
}

const struct cof_tensor *cof_safetensors_find(const struct cof_safetensors *file,
                                              struct cof_text name)
{
    const struct cof_tensor wanted = {.name = name};
    return bsearch(&wanted, file->tensors, file->count, sizeof(wanted), compare_names);
}

static uint16_t read_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static float bits_to_float(uint32_t bits)
{
    float value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* IEEE 754 binary16, subnormals, infinities and NaN included. */
static float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 0x1f;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 0) {
        float magnitude = (float)fraction * 0x1p-24F;
        return sign != 0 ? -magnitude : magnitude;
    }
    if (exponent == 0x1f)
        return bits_to_float(sign | 0x7f800000 | fraction << 13);
    return bits_to_float(sign | (exponent + 112) << 23 | fraction << 13);
}

void cof_tensor_to_f32(const struct cof_tensor *tensor, size_t first, size_t count, float *out)
{
    if (tensor->type == COF_TENSOR_F32) {
        memcpy(out, tensor->data.data + 4 * first, 4 * count);
    } else if (tensor->type == COF_TENSOR_F16) {
        for (size_t i = 0; i < count; i++)
            out[i] = half_to_float(read_u16(tensor->data.data + 2 * (first + i)));
    } else {
        for (size_t i = 0; i < count; i++)
            out[i] = bits_to_float((uint32_t)read_u16(tensor->data.data + 2 * (first + i)) << 16);
    }
}
