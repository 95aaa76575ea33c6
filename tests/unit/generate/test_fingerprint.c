/* Different bytes, sizes and lengths give different fingerprints, the same ones always the same. */
#include "fingerprint.h"

#include <string.h>

#include "testing.h"

static void fingerprint__is_the_same_on_every_machine(void **state)
{
    uint8_t digest[32];
    char hex[65];

    cof_fingerprint(cof_text_bytes(COF_TEXT("coffer")), 6, digest);
    cof_hex_encode((struct cof_bytes){digest, sizeof(digest)}, hex);
    assert_string_equal(hex, "1a7ce77116e86546239f11758e137fd1ff2318f23e211646cd966c200cf437b4");
}

static void fingerprint__changes_with_every_bit_and_size(void **state)
{
    uint8_t bytes[40] = {0};
    uint8_t base[32], other[32];

    cof_fingerprint((struct cof_bytes){bytes, sizeof(bytes)}, 40, base);
    for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        cof_fingerprint((struct cof_bytes){bytes, sizeof(bytes)}, 40, other);
        for (size_t lane = 0; lane < 32; lane += 8)
            assert_memory_not_equal(base + lane, other + lane, 8);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    cof_fingerprint((struct cof_bytes){bytes, 39}, 40, other);
    assert_memory_not_equal(base, other, 32);
    cof_fingerprint((struct cof_bytes){bytes, sizeof(bytes)}, 41, other);
    assert_memory_not_equal(base, other, 32);
    cof_fingerprint((struct cof_bytes){NULL, 0}, 0, other);
    assert_memory_not_equal(base, other, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprint__is_the_same_on_every_machine),
        cmocka_unit_test(fingerprint__changes_with_every_bit_and_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
