/* Whole files pass; lies about counts, lengths, shapes and offsets do not. */
#include "gguf_check.h"

#include <stdlib.h>
#include <string.h>

#include "seeded_random.h"
#include "testing.h"
#include "tiny_gguf.h"

enum { TYPE_U8 = 0, TYPE_U32 = 4, TYPE_BOOL = 7, TYPE_STRING = 8, TYPE_ARRAY = 9, TYPE_U64 = 10 };

static enum cof_status check(const struct cof_buffer *file, struct cof_error *err)
{
    struct cof_gguf_facts facts = {0};
    /* An exact copy, so that the address sanitizer sees a read past the end. */
    uint8_t *exact = malloc(file->size + 1);
    enum cof_status status;

    assert_non_null(exact);
    memcpy(exact, file->data, file->size);
    exact = realloc(exact, file->size > 0 ? file->size : 1);
    assert_non_null(exact);
    status = cof_gguf_check((struct cof_bytes){exact, file->size}, &facts, err);
    if (status == COF_OK) {
        assert_true(facts.data_offset <= file->size);
        assert_true(facts.tensor_count > 0);
    }
    free(exact);
    return status;
}

static enum cof_status check_tiny(struct tiny_gguf options)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};

    tiny_gguf_write(&options, &file);
    return check(&file, NULL);
}

/* A head of `key_count` keys and `tensor_count` tensors, which the caller appends. */
static void put_head(struct cof_buffer *out, uint64_t tensor_count, uint64_t key_count)
{
    cof_buffer_append(out, "GGUF", 4);
    gguf_put_number(out, 3, 4);
    gguf_put_number(out, tensor_count, 8);
    gguf_put_number(out, key_count, 8);
}

/* The keys that every file needs: three of them. */
static void put_needed(struct cof_buffer *out)
{
    gguf_put_key(out, "general.architecture", TYPE_STRING);
    gguf_put_string(out, "llama");
    gguf_put_key(out, "tokenizer.ggml.model", TYPE_STRING);
    gguf_put_string(out, "gpt2");
    gguf_put_key(out, "tokenizer.ggml.tokens", TYPE_ARRAY);
    gguf_put_number(out, TYPE_STRING, 4);
    gguf_put_number(out, 1, 8);
    gguf_put_string(out, "a");
}

static void put_tensor(struct cof_buffer *out, uint32_t type, uint64_t columns, uint64_t rows,
                       uint64_t offset)
{
    gguf_put_string(out, "t");
    gguf_put_number(out, 2, 4);
    gguf_put_number(out, columns, 8);
    gguf_put_number(out, rows, 8);
    gguf_put_number(out, type, 4);
    gguf_put_number(out, offset, 8);
}

static void pad(struct cof_buffer *out, size_t data_size)
{
    while (out->size % 32 != 0)
        cof_buffer_append_byte(out, 0);
    for (size_t i = 0; i < data_size; i++)
        cof_buffer_append_byte(out, 0);
}

static enum cof_status check_one_tensor(uint32_t type, uint64_t columns, uint64_t rows,
                                        uint64_t offset, size_t data_size)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};

    put_head(&file, 1, 3);
    put_needed(&file);
    put_tensor(&file, type, columns, rows, offset);
    pad(&file, data_size);
    return check(&file, NULL);
}

/* A file whose fourth key is bent; `append` writes its value. */
static enum cof_status check_key(const char *key, uint32_t type, uint64_t value, size_t size)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};

    put_head(&file, 1, 4);
    put_needed(&file);
    gguf_put_key(&file, key, type);
    gguf_put_number(&file, value, size);
    put_tensor(&file, 0, 4, 2, 0);
    pad(&file, 4096 + 32);
    return check(&file, NULL);
}

static void gguf_check__accepts_whole_files(void **state)
{
    assert_int_equal(check_tiny((struct tiny_gguf){0}), COF_OK);
    assert_int_equal(check_tiny((struct tiny_gguf){.version = 2}), COF_OK);
    assert_int_equal(check_tiny((struct tiny_gguf){.alignment = 8}), COF_OK);
    assert_int_equal(check_tiny((struct tiny_gguf){.alignment = 4096}), COF_OK);
    assert_int_equal(check_one_tensor(0, 4, 2, 0, 32), COF_OK);
}

static void gguf_check__refuses_what_is_no_gguf(void **state)
{
    static const char *const files[] = {"", "G", "GGU", "GGML\3\0\0\0", "PK\3\4", "{\"a\":1}"};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct cof_gguf_facts facts;

        assert_int_equal(cof_gguf_check(cof_text_bytes(cof_text_from(files[i])), &facts, NULL),
                         COF_INVALID);
    }
    assert_int_equal(check_tiny((struct tiny_gguf){.version = 1}), COF_INVALID);
    assert_int_equal(check_tiny((struct tiny_gguf){.version = 4}), COF_INVALID);
    assert_int_equal(check_tiny((struct tiny_gguf){.version = 0x03000000}), COF_INVALID);
    assert_int_equal(check_tiny((struct tiny_gguf){.tokenizer = "plamo2"}), COF_INVALID);
    assert_int_equal(check_tiny((struct tiny_gguf){.architecture = "../../x y"}), COF_CORRUPT);
    assert_int_equal(check_tiny((struct tiny_gguf){.block_count = 100000}), COF_CORRUPT);
}

static void gguf_check__refuses_every_truncation(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    size_t whole = 0;

    tiny_gguf_write(&(struct tiny_gguf){0}, &file);
    whole = file.size;
    for (size_t size = 0; size < whole; size += size < 800 ? 1 : 97) {
        struct cof_error err = {0};

        file.size = size;
        assert_int_not_equal(check(&file, &err), COF_OK);
        assert_true(err.status == COF_CORRUPT || (size < 4 && err.status == COF_INVALID));
    }
    file.size = whole;
}

static void gguf_check__refuses_counts_that_do_not_fit(void **state)
{
    static const uint64_t counts[] = {1000, 65537, INT64_MAX, UINT64_MAX};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer keys = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer tensors = {0};

        put_head(&keys, 1, counts[i]);
        pad(&keys, 64);
        assert_int_equal(check(&keys, NULL), COF_CORRUPT);
        put_head(&tensors, counts[i], 1);
        pad(&tensors, 64);
        assert_int_equal(check(&tensors, NULL), COF_CORRUPT);
    }
    assert_int_equal(check_one_tensor(0, 4, 2, 0, 31), COF_CORRUPT);
}

static void gguf_check__refuses_strings_that_do_not_fit(void **state)
{
    static const uint64_t sizes[] = {0, 65536, 1 << 21, INT64_MAX, UINT64_MAX, UINT64_MAX - 7};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer key = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer value = {0};

        put_head(&key, 1, 1);
        gguf_put_number(&key, sizes[i], 8);
        pad(&key, 4096);
        assert_int_equal(check(&key, NULL), COF_CORRUPT);
        if (sizes[i] == 0)
            continue;
        put_head(&value, 1, 1);
        gguf_put_key(&value, "k", TYPE_STRING);
        gguf_put_number(&value, sizes[i], 8);
        pad(&value, 4096);
        assert_int_equal(check(&value, NULL), COF_CORRUPT);
    }
}

static void gguf_check__refuses_arrays_that_lie(void **state)
{
    static const uint64_t counts[] = {1 << 20, INT64_MAX, UINT64_MAX, UINT64_MAX / 4 + 2};
    static const uint32_t types[] = {TYPE_U8, TYPE_U32, TYPE_STRING, TYPE_U64, TYPE_BOOL};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
            COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};

            put_head(&file, 1, 1);
            gguf_put_key(&file, "k", TYPE_ARRAY);
            gguf_put_number(&file, types[k], 4);
            gguf_put_number(&file, counts[i], 8);
            pad(&file, 4096);
            assert_int_equal(check(&file, NULL), COF_CORRUPT);
        }
    }
}

static void gguf_check__refuses_nested_arrays_and_unknown_types(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer nested = {0};

    put_head(&nested, 1, 1);
    gguf_put_key(&nested, "k", TYPE_ARRAY);
    for (int i = 0; i < 1000; i++) {
        gguf_put_number(&nested, TYPE_ARRAY, 4);
        gguf_put_number(&nested, 1, 8);
    }
    assert_int_equal(check(&nested, NULL), COF_INVALID);
    assert_int_equal(check_key("k", 13, 0, 8), COF_CORRUPT);
    assert_int_equal(check_key("k", UINT32_MAX, 0, 8), COF_CORRUPT);
    assert_int_equal(check_key("k", TYPE_BOOL, 2, 1), COF_CORRUPT);
    assert_int_equal(check_key("k", TYPE_BOOL, 1, 1), COF_OK);
}

static void gguf_check__refuses_alignments_that_are_none(void **state)
{
    static const uint64_t bad[] = {0, 1, 4, 33, 8192, 0x80000000, UINT32_MAX};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(check_key("general.alignment", TYPE_U32, bad[i], 4), COF_CORRUPT);
    assert_int_equal(check_key("general.alignment", TYPE_U64, 32, 8), COF_CORRUPT);
    assert_int_equal(check_key("general.alignment", TYPE_U32, 64, 4), COF_OK);
}

static void gguf_check__refuses_hyperparameters_on_which_libllama_aborts(void **state)
{
    assert_int_equal(check_key("llama.block_count", TYPE_U32, 513, 4), COF_CORRUPT);
    assert_int_equal(check_key("llama.block_count", TYPE_U32, 0, 4), COF_CORRUPT);
    assert_int_equal(check_key("llama.block_count", TYPE_U32, 512, 4), COF_OK);
    assert_int_equal(check_key("llama.expert_count", TYPE_U32, 2000, 4), COF_CORRUPT);
    assert_int_equal(check_key("llama.expert_used_count", TYPE_U32, 2, 4), COF_CORRUPT);
    assert_int_equal(check_key("llama.expert_group_count", TYPE_U32, 2, 4), COF_CORRUPT);
    assert_int_equal(check_key("llama.context_length", 5, UINT32_MAX, 4), COF_CORRUPT);
    assert_int_equal(check_key("split.count", 2, 3, 2), COF_INVALID);
    assert_int_equal(check_key("split.count", 2, 1, 2), COF_OK);
}

static void gguf_check__refuses_floats_out_of_range(void **state)
{
    assert_int_equal(check_key("x.layer_norm_epsilon", 6, 0x3F800000, 4), COF_OK);
    assert_int_equal(check_key("x.layer_norm_epsilon", 6, 0xBF800000, 4), COF_CORRUPT);
    assert_int_equal(check_key("x.rope.freq_base", 6, 0xBF800000, 4), COF_OK);
    assert_int_equal(check_key("x.rope.freq_base", 6, 0x7F800000, 4), COF_CORRUPT);
    assert_int_equal(check_key("x.rope.freq_base", 6, 0x7FC00000, 4), COF_CORRUPT);
}

/* The vocabulary of two tokens with these bytes. */
static enum cof_status check_tokens(const char *first, size_t first_size, const char *second)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};

    put_head(&file, 1, 3);
    gguf_put_key(&file, "general.architecture", TYPE_STRING);
    gguf_put_string(&file, "llama");
    gguf_put_key(&file, "tokenizer.ggml.model", TYPE_STRING);
    gguf_put_string(&file, "gpt2");
    gguf_put_key(&file, "tokenizer.ggml.tokens", TYPE_ARRAY);
    gguf_put_number(&file, TYPE_STRING, 4);
    gguf_put_number(&file, 2, 8);
    gguf_put_number(&file, first_size, 8);
    cof_buffer_append(&file, first, first_size);
    gguf_put_string(&file, second);
    put_tensor(&file, 0, 4, 2, 0);
    pad(&file, 32);
    return check(&file, NULL);
}

static void gguf_check__refuses_tokens_that_libllama_would_take_for_each_other(void **state)
{
    assert_int_equal(check_tokens("ab", 2, "ac"), COF_OK);
    assert_int_equal(check_tokens("", 0, ""), COF_OK);
    assert_int_equal(check_tokens("ab", 2, "ab"), COF_CORRUPT);
    assert_int_equal(check_tokens("ab\0c", 4, "ab"), COF_CORRUPT);
}

static void gguf_check__refuses_tensors_outside_of_the_file(void **state)
{
    /* f32 */
    assert_int_equal(check_one_tensor(0, 4, 2, 32, 32), COF_CORRUPT);
    assert_int_equal(check_one_tensor(0, 4, 2, 32, 64), COF_OK);
    assert_int_equal(check_one_tensor(0, 4, 2, UINT64_MAX - 31, 64), COF_CORRUPT);
    assert_int_equal(check_one_tensor(0, 4, 2, 1, 4096), COF_CORRUPT);
    assert_int_equal(check_one_tensor(0, 4, 0, 0, 64), COF_CORRUPT);
    assert_int_equal(check_one_tensor(0, 0, 4, 0, 64), COF_CORRUPT);
    assert_int_equal(check_one_tensor(0, UINT64_MAX, 1, 0, 64), COF_CORRUPT);
    assert_int_equal(check_one_tensor(0, INT64_MAX, 8, 0, 64), COF_CORRUPT);
    assert_int_equal(check_one_tensor(0, (uint64_t)1 << 32, (uint64_t)1 << 32, 0, 64), COF_CORRUPT);
    assert_int_equal(check_one_tensor(0, (uint64_t)1 << 62, 1, 0, 64), COF_CORRUPT);
    /* q4_0: blocks of 32 numbers */
    assert_int_equal(check_one_tensor(2, 33, 1, 0, 4096), COF_CORRUPT);
    assert_int_equal(check_one_tensor(2, 32, 1, 0, 18), COF_OK);
    assert_int_equal(check_one_tensor(2, 32, 1, 0, 17), COF_CORRUPT);
    /* a type that was removed, one that never was */
    assert_int_equal(check_one_tensor(4, 32, 1, 0, 4096), COF_INVALID);
    assert_int_equal(check_one_tensor(UINT32_MAX, 32, 1, 0, 4096), COF_INVALID);
}

static void gguf_check__refuses_a_file_without_tokenizer_or_tensors(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer bare = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer empty = {0};

    put_head(&bare, 1, 1);
    gguf_put_key(&bare, "general.architecture", TYPE_STRING);
    gguf_put_string(&bare, "llama");
    put_tensor(&bare, 0, 4, 2, 0);
    pad(&bare, 32);
    assert_int_equal(check(&bare, NULL), COF_INVALID);
    put_head(&empty, 0, 3);
    put_needed(&empty);
    pad(&empty, 32);
    assert_int_equal(check(&empty, NULL), COF_INVALID);
}

static void gguf_check__survives_flipped_bytes(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    struct seeded_random random;
    struct cof_gguf_facts facts;

    tiny_gguf_write(&(struct tiny_gguf){0}, &file);
    assert_int_equal(cof_gguf_check(cof_buffer_bytes(&file), &facts, NULL), COF_OK);
    seeded_random_init(&random, 3);
    for (int round = 0; round < 5000; round++) {
        size_t at = (size_t)seeded_random_below(&random, facts.data_offset);
        uint8_t kept = file.data[at];
        struct cof_gguf_facts bent = {0};

        file.data[at] = (uint8_t)seeded_random_next(&random);
        enum cof_status status = cof_gguf_check(cof_buffer_bytes(&file), &bent, NULL);
        assert_true(status == COF_OK || status == COF_CORRUPT || status == COF_INVALID);
        file.data[at] = kept;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gguf_check__accepts_whole_files),
        cmocka_unit_test(gguf_check__refuses_what_is_no_gguf),
        cmocka_unit_test(gguf_check__refuses_every_truncation),
        cmocka_unit_test(gguf_check__refuses_counts_that_do_not_fit),
        cmocka_unit_test(gguf_check__refuses_strings_that_do_not_fit),
        cmocka_unit_test(gguf_check__refuses_arrays_that_lie),
        cmocka_unit_test(gguf_check__refuses_nested_arrays_and_unknown_types),
        cmocka_unit_test(gguf_check__refuses_alignments_that_are_none),
        cmocka_unit_test(gguf_check__refuses_hyperparameters_on_which_libllama_aborts),
        cmocka_unit_test(gguf_check__refuses_floats_out_of_range),
        cmocka_unit_test(gguf_check__refuses_tokens_that_libllama_would_take_for_each_other),
        cmocka_unit_test(gguf_check__refuses_tensors_outside_of_the_file),
        cmocka_unit_test(gguf_check__refuses_a_file_without_tokenizer_or_tensors),
        cmocka_unit_test(gguf_check__survives_flipped_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
