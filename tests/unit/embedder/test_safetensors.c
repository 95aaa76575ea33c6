/* Files that are right, and every way in which a hostile one can be wrong. */
#include "safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/torture.h"
#include "temp_dir.h"
#include "testing.h"

struct sample {
    uint8_t *bytes;
    size_t size;
};

/* A file of exactly the right size in memory of its own, so that a read past its end is seen. */
static struct sample sample_of(const char *header, uint64_t announced, size_t data_size)
{
    size_t header_size = strlen(header);
    struct sample sample = {.size = 8 + header_size + data_size};
    sample.bytes = calloc(1, sample.size);
    assert_non_null(sample.bytes);
    for (size_t i = 0; i < 8; i++)
        sample.bytes[i] = (uint8_t)(announced >> 8 * i);
    memcpy(sample.bytes + 8, header, header_size);
    for (size_t i = 0; i < data_size; i++)
        sample.bytes[8 + header_size + i] = (uint8_t)(i + 1);
    return sample;
}

static struct cof_bytes bytes_of(struct sample sample)
{
    return (struct cof_bytes){.data = sample.bytes, .size = sample.size};
}

static void assert_corrupt(const char *header, size_t data_size, const char *expected)
{
    struct sample sample = sample_of(header, strlen(header), data_size);
    struct cof_safetensors *file = NULL;
    struct cof_error err = {0};
    assert_int_equal(cof_safetensors_parse(bytes_of(sample), &file, &err), COF_CORRUPT);
    assert_null(file);
    if (strstr(err.message, expected) == NULL)
        fail_msg("'%s' is not in '%s'", expected, err.message);
    free(sample.bytes);
}

static struct cof_safetensors *parse(struct sample sample)
{
    struct cof_safetensors *file = NULL;
    struct cof_error err = {0};
    if (cof_safetensors_parse(bytes_of(sample), &file, &err) != COF_OK)
        fail_msg("%s", err.message);
    return file;
}

#define TENSOR(name, dtype, shape, offsets)                                                        \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void safetensors__reads_types_shapes_and_places(void **state)
{
    const char *header =
        "{\"__metadata__\":{\"format\":\"pt\"}," TENSOR("z", "F32", "[2,1]", "[0,8]") "," TENSOR(
            "a", "I64", "[]", "[8,16]") "," TENSOR("m", "BF16", "[0,7]", "[16,16]") "}   ";
    struct sample sample = sample_of(header, strlen(header), 16);
    struct cof_safetensors *file = parse(sample);
    assert_int_equal(cof_safetensors_count(file), 3);
    assert_true(cof_text_equal(cof_safetensors_at(file, 0)->name, COF_TEXT("a")));
    assert_true(cof_text_equal(cof_safetensors_at(file, 2)->name, COF_TEXT("z")));
    const struct cof_tensor *tensor = cof_safetensors_find(file, COF_TEXT("z"));
    assert_non_null(tensor);
    assert_int_equal(tensor->type, COF_TENSOR_F32);
    assert_int_equal(tensor->rank, 2);
    assert_int_equal(tensor->shape[0], 2);
    assert_int_equal(tensor->element_count, 2);
    assert_int_equal(tensor->data.size, 8);
    assert_int_equal(tensor->data.data[0], 1);
    assert_int_equal(cof_safetensors_find(file, COF_TEXT("a"))->type, COF_TENSOR_OTHER);
    assert_int_equal(cof_safetensors_find(file, COF_TEXT("a"))->rank, 0);
    assert_int_equal(cof_safetensors_find(file, COF_TEXT("a"))->element_count, 1);
    assert_int_equal(cof_safetensors_find(file, COF_TEXT("m"))->element_count, 0);
    assert_null(cof_safetensors_find(file, COF_TEXT("zz")));
    assert_null(cof_safetensors_find(file, COF_TEXT("")));
    cof_safetensors_close(file);
    cof_safetensors_close(NULL);
    free(sample.bytes);
}

static void safetensors__accepts_a_file_without_tensors(void **state)
{
    struct sample sample = sample_of("{}", 2, 0);
    struct cof_safetensors *file = parse(sample);
    assert_int_equal(cof_safetensors_count(file), 0);
    assert_null(cof_safetensors_find(file, COF_TEXT("a")));
    cof_safetensors_close(file);
    free(sample.bytes);
}

static void safetensors__refuses_header_lengths_that_lie(void **state)
{
    const uint64_t lengths[] = {3,          100,           UINT64_C(100000001), UINT64_C(1) << 63,
                                UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct sample sample = sample_of("{}", lengths[i], 0);
        struct cof_safetensors *file = NULL;
        assert_int_equal(cof_safetensors_parse(bytes_of(sample), &file, NULL), COF_CORRUPT);
        free(sample.bytes);
    }
}

static void safetensors__refuses_every_truncation(void **state)
{
    const char *header = "{" TENSOR("a", "F32", "[2]", "[0,8]") "}";
    struct sample whole = sample_of(header, strlen(header), 8);
    for (size_t size = 0; size < whole.size; size++) {
        struct sample part = {.bytes = calloc(1, size + 1), .size = size};
        struct cof_safetensors *file = NULL;
        assert_non_null(part.bytes);
        memcpy(part.bytes, whole.bytes, size);
        assert_int_equal(cof_safetensors_parse(bytes_of(part), &file, NULL), COF_CORRUPT);
        free(part.bytes);
    }
    cof_safetensors_close(parse(whole));
    free(whole.bytes);
}

static void safetensors__refuses_headers_that_are_not_the_json_expected(void **state)
{
    assert_corrupt("[]", 0, "no JSON object");
    assert_corrupt("7", 0, "no JSON object");
    assert_corrupt("{", 0, "invalid JSON");
    assert_corrupt("", 0, "invalid JSON");
    assert_corrupt("{}x", 0, "invalid JSON");
    assert_corrupt("{\"a\":[[[[[[[1]]]]]]]}", 0, "nested");
    assert_corrupt("{\"a\":{},\"a\":{}}", 0, "twice");
    assert_corrupt("{\"a\":7}", 0, "must have");
    assert_corrupt("{\"a\":{\"dtype\":\"F32\"}}", 0, "'shape'");
    assert_corrupt("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'dtype'");
    assert_corrupt("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4,
                   "no more");
    assert_corrupt("{" TENSOR("a", "F31", "[1]", "[0,4]") "}", 4, "'dtype'");
    assert_corrupt("{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'dtype'");
}

static void safetensors__refuses_shapes_that_lie(void **state)
{
    assert_corrupt("{" TENSOR("a", "F32", "[3]", "[0,8]") "}", 8, "do not fit");
    assert_corrupt("{" TENSOR("a", "F32", "[-2]", "[0,8]") "}", 8, "whole numbers");
    assert_corrupt("{" TENSOR("a", "F32", "[2.5]", "[0,10]") "}", 10, "whole numbers");
    assert_corrupt("{" TENSOR("a", "F32", "[\"2\"]", "[0,8]") "}", 8, "whole numbers");
    assert_corrupt("{" TENSOR("a", "F32", "2", "[0,8]") "}", 8, "'shape'");
    assert_corrupt("{" TENSOR("a", "F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]") "}", 8, "'shape'");
    assert_corrupt("{" TENSOR("a", "F32", "[4294967296,4294967296]", "[0,0]") "}", 0, "overflows");
    assert_corrupt("{" TENSOR("a", "F32", "[2147483648,2147483648]", "[0,0]") "}", 0,
                   "do not fit"); /* the product fits, its bytes do not */
    assert_corrupt("{" TENSOR("a", "U8", "[1e300]", "[0,0]") "}", 0, "whole numbers");
}

static void safetensors__refuses_offsets_that_lie(void **state)
{
    assert_corrupt("{" TENSOR("a", "F32", "[2]", "[8,0]") "}", 8, "outside");
    assert_corrupt("{" TENSOR("a", "F32", "[2]", "[-8,0]") "}", 8, "whole numbers");
    assert_corrupt("{" TENSOR("a", "F32", "[2]", "[8,16]") "}", 8, "outside");
    assert_corrupt("{" TENSOR("a", "F32", "[2]", "[0,9007199254740992]") "}", 8, "outside");
    assert_corrupt("{" TENSOR("a", "F32", "[2]", "[0]") "}", 8, "'data_offsets'");
    assert_corrupt("{" TENSOR("a", "F32", "[2]", "[0,8,8]") "}", 8, "'data_offsets'");
    assert_corrupt("{" TENSOR("a", "F32", "[2]", "{}") "}", 8, "'data_offsets'");
    assert_corrupt("{" TENSOR("a", "F32", "[2]", "[0.5,8.5]") "}", 9, "whole numbers");
}

static void safetensors__refuses_overlaps_and_holes(void **state)
{
    assert_corrupt(
        "{" TENSOR("a", "F32", "[2]", "[0,8]") "," TENSOR("b", "F32", "[2]", "[4,12]") "}", 12,
        "overlaps");
    assert_corrupt(
        "{" TENSOR("a", "F32", "[2]", "[0,8]") "," TENSOR("b", "F32", "[2]", "[0,8]") "}", 8,
        "overlaps");
    assert_corrupt(
        "{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[8,12]") "}", 12,
        "hole");
    assert_corrupt("{" TENSOR("a", "F32", "[1]", "[4,8]") "}", 8, "hole");
    assert_corrupt("{" TENSOR("a", "F32", "[1]", "[0,4]") "}", 8, "behind its last");
    assert_corrupt("{}", 1, "behind its last");
}

static void safetensors__converts_half_precision_exactly(void **state)
{
    const struct {
        uint16_t bits;
        float value;
    } halves[] = {
        {0x0000, 0.0F},      {0x3c00, 1.0F},       {0xc000, -2.0F},     {0x7bff, 65504.0F},
        {0x0001, 0x1p-24F},  {0x03ff, 0x3ffp-24F}, {0x0400, 0x1p-14F},  {0x3555, 0x1.554p-2F},
        {0x8001, -0x1p-24F}, {0x7c00, INFINITY},   {0xfc00, -INFINITY},
    };
    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        uint8_t bytes[3] = {0, (uint8_t)halves[i].bits, (uint8_t)(halves[i].bits >> 8)};
        const struct cof_tensor tensor = {
            .type = COF_TENSOR_F16, .data = {.data = bytes + 1, .size = 2}, .element_count = 1};
        float value = 7;
        cof_tensor_to_f32(&tensor, 0, 1, &value);
        assert_memory_equal(&value, &halves[i].value, sizeof(value));
    }
    const uint8_t not_a_number[2] = {0x01, 0x7e};
    const struct cof_tensor tensor = {.type = COF_TENSOR_F16,
                                      .data = {.data = not_a_number, .size = 2}};
    float value = 7;
    cof_tensor_to_f32(&tensor, 0, 1, &value);
    assert_true(isnan(value));
}

static void safetensors__converts_ranges_of_unaligned_values(void **state)
{
    const uint8_t bytes[] = {0xff, 0x80, 0x3f, 0x00, 0xc0, 0x00, 0x00, 0x80, 0x3f, 0, 0, 0, 0xc0};
    const struct cof_tensor brain = {.type = COF_TENSOR_BF16,
                                     .data = {.data = bytes + 1, .size = 4}};
    const struct cof_tensor full = {.type = COF_TENSOR_F32, .data = {.data = bytes + 5, .size = 8}};
    float values[2] = {0};
    cof_tensor_to_f32(&brain, 0, 2, values);
    assert_true(values[0] == 1.0F && values[1] == -2.0F);
    cof_tensor_to_f32(&full, 1, 1, values);
    assert_true(values[0] == -2.0F);
}

static void safetensors__maps_a_file_and_says_when_there_is_none(void **state)
{
    char folder[TEMP_DIR_PATH_SIZE];
    char path[TEMP_DIR_PATH_SIZE + 32];
    const char *header = "{" TENSOR("a", "F32", "[2]", "[0,8]") "}";
    struct sample sample = sample_of(header, strlen(header), 8);
    struct cof_safetensors *file = NULL;
    struct cof_error err = {0};
    temp_dir_create(folder);
    temp_dir_join(folder, "model.safetensors", path, sizeof(path));
    assert_int_equal(cof_safetensors_open(path, &file, &err), COF_NOT_FOUND);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(sample.bytes, 1, sample.size, out), sample.size);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(cof_safetensors_open(path, &file, &err), COF_OK);
    assert_int_equal(cof_safetensors_count(file), 1);
    cof_safetensors_close(file);
    out = fopen(path, "wb"); /* empty */
    assert_non_null(out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(cof_safetensors_open(path, &file, &err), COF_CORRUPT);
    temp_dir_remove(folder);
    free(sample.bytes);
}

static enum cof_status parse_once(void *context, struct cof_error *err)
{
    const struct sample *sample = context;
    struct cof_safetensors *file = NULL;
    COF_TRY(cof_safetensors_parse(bytes_of(*sample), &file, err));
    cof_safetensors_close(file);
    return COF_OK;
}

static void safetensors__survives_every_failed_allocation(void **state)
{
    const char *header = "{" TENSOR("a", "F32", "[2]", "[0,8]") "}";
    struct sample sample = sample_of(header, strlen(header), 8);
    assert_true(torture(parse_once, &sample) > 3);
    free(sample.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(safetensors__reads_types_shapes_and_places),
        cmocka_unit_test(safetensors__accepts_a_file_without_tensors),
        cmocka_unit_test(safetensors__refuses_header_lengths_that_lie),
        cmocka_unit_test(safetensors__refuses_every_truncation),
        cmocka_unit_test(safetensors__refuses_headers_that_are_not_the_json_expected),
        cmocka_unit_test(safetensors__refuses_shapes_that_lie),
        cmocka_unit_test(safetensors__refuses_offsets_that_lie),
        cmocka_unit_test(safetensors__refuses_overlaps_and_holes),
        cmocka_unit_test(safetensors__converts_half_precision_exactly),
        cmocka_unit_test(safetensors__converts_ranges_of_unaligned_values),
        cmocka_unit_test(safetensors__maps_a_file_and_says_when_there_is_none),
        cmocka_unit_test(safetensors__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
