/* Base64 and base32 against the vectors of RFC 4648 section 10, and against near misses. */
#include <cof/base/base64.h>

#include <string.h>

#include "seeded_random.h"
#include "testing.h"

static const struct {
    const char *plain;
    const char *base64;
    const char *base32; /* the vectors' text in lower case without padding */
} vectors[] = {
    {"", "", ""},
    {"f", "Zg==", "my"},
    {"fo", "Zm8=", "mzxq"},
    {"foo", "Zm9v", "mzxw6"},
    {"foob", "Zm9vYg==", "mzxw6yq"},
    {"fooba", "Zm9vYmE=", "mzxw6ytb"},
    {"foobar", "Zm9vYmFy", "mzxw6ytboi"},
};

static void base64__agrees_with_the_rfc(void **state)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct cof_buffer out = {0};
        cof_base64_append(&out, cof_text_bytes(cof_text_from(vectors[i].plain)));
        assert_true(cof_text_equal(cof_buffer_text(&out), cof_text_from(vectors[i].base64)));
        cof_buffer_clear(&out);
        assert_true(cof_base64_decode(cof_text_from(vectors[i].base64), &out));
        assert_true(cof_text_equal(cof_buffer_text(&out), cof_text_from(vectors[i].plain)));
        cof_buffer_deinit(&out);
    }
}

static void base64__refuses_everything_but_the_one_encoding(void **state)
{
    static const char *const bad[] = {"Z",      "Zg",       "Zg=",   "Zg===",     "=",
                                      "====",   "Z===",     "Zg =",  "Zm8",       "Zm 8=",
                                      "Zm9v\n", "Zm-v",     "Zm_v",  "Zh==",      "Zm9=",
                                      "Z=g=",   "Zg==Zg==", "Zm9v=", "\xc3\xa9Zg"};
    struct cof_buffer out = {0};
    cof_buffer_append_text(&out, COF_TEXT("kept"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(cof_base64_decode(cof_text_from(bad[i]), &out));
        assert_int_equal(out.size, 4);
    }
    assert_memory_equal(out.data, "kept", 4);
    cof_buffer_deinit(&out);
}

static void base64__every_byte_value_and_length_round_trips(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 1);
    for (size_t size = 0; size < 300; size++) {
        uint8_t bytes[300];
        struct cof_buffer text = {0};
        struct cof_buffer decoded = {0};
        seeded_random_fill(&random, bytes, size);
        cof_base64_append(&text, (struct cof_bytes){bytes, size});
        assert_true(cof_base64_decode(cof_buffer_text(&text), &decoded));
        assert_true(cof_bytes_equal(cof_buffer_bytes(&decoded), (struct cof_bytes){bytes, size}));
        cof_buffer_deinit(&text);
        cof_buffer_deinit(&decoded);
    }
}

static void base32__agrees_with_the_rfc(void **state)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct cof_bytes plain = cof_text_bytes(cof_text_from(vectors[i].plain));
        char text[16];
        uint8_t decoded[8];
        cof_base32_encode(plain, text);
        assert_string_equal(text, vectors[i].base32);
        assert_true(cof_base32_decode(cof_text_from(text), decoded, plain.size));
        assert_memory_equal(decoded, vectors[i].plain, plain.size);
    }
}

static void base32__refuses_everything_but_the_one_encoding(void **state)
{
    uint8_t out[3] = {1, 2, 3};
    assert_false(cof_base32_decode(COF_TEXT("MZXW6"), out, 3));
    assert_false(cof_base32_decode(COF_TEXT("mzxw"), out, 3));
    assert_false(cof_base32_decode(COF_TEXT("mzxw6a"), out, 3));
    assert_false(cof_base32_decode(COF_TEXT("mzxw1"), out, 3));
    assert_false(cof_base32_decode(COF_TEXT("mzxw="), out, 3));
    assert_false(cof_base32_decode(COF_TEXT("mzxw7"), out, 3)); /* a bit that carries nothing */
    assert_int_equal(out[0], 1);
}

static void base64__out_of_memory_is_the_buffers_failure(void **state)
{
    struct cof_buffer out = {.has_failed = true};
    cof_base64_append(&out, cof_text_bytes(COF_TEXT("foo")));
    assert_false(cof_base64_decode(COF_TEXT("Zm9v"), &out));
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64__agrees_with_the_rfc),
        cmocka_unit_test(base64__refuses_everything_but_the_one_encoding),
        cmocka_unit_test(base64__every_byte_value_and_length_round_trips),
        cmocka_unit_test(base32__agrees_with_the_rfc),
        cmocka_unit_test(base32__refuses_everything_but_the_one_encoding),
        cmocka_unit_test(base64__out_of_memory_is_the_buffers_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
