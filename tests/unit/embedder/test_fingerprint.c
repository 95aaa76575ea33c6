/* SHA-256 against the vectors of FIPS 180-4 and NIST's example files. */
#include "fingerprint.h"

#include <stdlib.h>
#include <string.h>

#include "testing.h"

static void assert_digest(struct cof_fingerprint *fingerprint, const char *expected)
{
    uint8_t digest[COF_FINGERPRINT_SIZE];
    char hex[2 * COF_FINGERPRINT_SIZE + 1];
    cof_fingerprint_finish(fingerprint, digest);
    cof_hex_encode((struct cof_bytes){.data = digest, .size = sizeof(digest)}, hex);
    assert_string_equal(hex, expected);
}

static void assert_sha256(struct cof_text text, const char *expected)
{
    struct cof_fingerprint fingerprint;
    cof_fingerprint_begin(&fingerprint);
    cof_fingerprint_add_raw(&fingerprint, cof_text_bytes(text));
    assert_digest(&fingerprint, expected);
}

static void fingerprint__is_sha256_of_the_published_examples(void **state)
{
    assert_sha256(COF_TEXT(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_sha256(COF_TEXT("abc"),
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_sha256(COF_TEXT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_sha256(COF_TEXT("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmno"
                           "pjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
                  "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
}

static void fingerprint__takes_a_million_bytes_in_odd_portions(void **state)
{
    struct cof_fingerprint fingerprint;
    uint8_t bytes[997];
    size_t left = 1000000;
    memset(bytes, 'a', sizeof(bytes));
    cof_fingerprint_begin(&fingerprint);
    while (left > 0) {
        size_t size = left < sizeof(bytes) ? left : sizeof(bytes);
        cof_fingerprint_add_raw(&fingerprint, (struct cof_bytes){.data = bytes, .size = size});
        left -= size;
    }
    assert_digest(&fingerprint, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void fingerprint__tells_apart_other_splits_of_the_same_bytes(void **state)
{
    uint8_t one[COF_FINGERPRINT_SIZE];
    uint8_t other[COF_FINGERPRINT_SIZE];
    struct cof_fingerprint fingerprint;
    cof_fingerprint_begin(&fingerprint);
    cof_fingerprint_add_text(&fingerprint, COF_TEXT("ab"));
    cof_fingerprint_add_text(&fingerprint, COF_TEXT("c"));
    cof_fingerprint_finish(&fingerprint, one);
    cof_fingerprint_begin(&fingerprint);
    cof_fingerprint_add_text(&fingerprint, COF_TEXT("a"));
    cof_fingerprint_add_text(&fingerprint, COF_TEXT("bc"));
    cof_fingerprint_finish(&fingerprint, other);
    assert_memory_not_equal(one, other, sizeof(one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprint__is_sha256_of_the_published_examples),
        cmocka_unit_test(fingerprint__takes_a_million_bytes_in_odd_portions),
        cmocka_unit_test(fingerprint__tells_apart_other_splits_of_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
