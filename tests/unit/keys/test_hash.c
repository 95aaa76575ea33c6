/* Hashes and signatures against the vectors of their standards. */
#include <cof/keys/hash.h>

#include <string.h>

#include <cof/base/file.h>

#include "hex.h"
#include "temp_dir.h"
#include "testing.h"

static void assert_hex(const uint8_t *bytes, size_t size, const char *hex)
{
    char text[512];
    cof_hex_encode((struct cof_bytes){.data = bytes, .size = size}, text);
    assert_string_equal(text, hex);
}

static void sha256__agrees_with_fips_180(void **state)
{
    uint8_t digest[COF_SHA256_SIZE];
    cof_sha256(bytes_of("abc"), digest);
    assert_hex(digest, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cof_sha256(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest);
    assert_hex(digest, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    cof_sha256((struct cof_bytes){0}, digest);
    assert_hex(digest, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void sha256_prefixed__hashes_the_concatenation(void **state)
{
    uint8_t parts[COF_SHA256_SIZE];
    uint8_t whole[COF_SHA256_SIZE];
    cof_sha256_prefixed(1, bytes_of("left"), bytes_of("right"), parts);
    cof_sha256((struct cof_bytes){.data = (const uint8_t *)"\1leftright", .size = 10}, whole);
    assert_memory_equal(parts, whole, sizeof(whole));
    cof_sha256_prefixed(0, (struct cof_bytes){0}, (struct cof_bytes){0}, parts);
    assert_hex(parts, 32, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

static void sha256_file__hashes_every_byte_of_a_file(void **state)
{
    char folder[TEMP_DIR_PATH_SIZE];
    char path[COF_MAX_PATH];
    static uint8_t content[200000];
    uint8_t of_file[COF_SHA256_SIZE];
    uint8_t of_memory[COF_SHA256_SIZE];
    struct cof_error err;

    temp_dir_create(folder);
    temp_dir_join(folder, "content", path, sizeof(path));
    for (size_t i = 0; i < sizeof(content); i++)
        content[i] = (uint8_t)(i * 31 + i / 251);
    const struct cof_bytes bytes = {.data = content, .size = sizeof(content)};
    assert_int_equal(cof_file_write_atomic(path, bytes, 0600, NULL), COF_OK);
    assert_int_equal(cof_sha256_file(path, of_file, NULL), COF_OK);
    cof_sha256(bytes, of_memory);
    assert_memory_equal(of_file, of_memory, sizeof(of_file));

    temp_dir_join(folder, "absent", path, sizeof(path));
    assert_int_equal(cof_sha256_file(path, of_file, &err), COF_NOT_FOUND);
    assert_int_equal(cof_sha256_file(folder, of_file, &err), COF_IO);
    temp_dir_remove(folder);
}

static void hmac_sha256__agrees_with_rfc_4231(void **state)
{
    uint8_t tag[COF_SHA256_SIZE];
    uint8_t key[131];
    memset(key, 0x0b, 20);
    const struct cof_bytes hi = bytes_of("Hi There");
    cof_hmac_sha256((struct cof_bytes){.data = key, .size = 20}, &hi, 1, tag);
    assert_hex(tag, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");

    const struct cof_bytes parts[] = {bytes_of("what do ya "), {0}, bytes_of("want for nothing?")};
    cof_hmac_sha256(bytes_of("Jefe"), parts, 3, tag);
    assert_hex(tag, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");

    memset(key, 0xaa, sizeof(key));
    const struct cof_bytes long_key =
        bytes_of("Test Using Larger Than Block-Size Key - Hash Key First");
    cof_hmac_sha256((struct cof_bytes){.data = key, .size = sizeof(key)}, &long_key, 1, tag);
    assert_hex(tag, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void hmac_sha256__does_not_reuse_the_last_key_for_an_empty_one(void **state)
{
    uint8_t keyed[COF_SHA256_SIZE];
    uint8_t empty[COF_SHA256_SIZE];
    const struct cof_bytes none = {0};
    cof_hmac_sha256(bytes_of("some key"), &none, 1, keyed);
    cof_hmac_sha256((struct cof_bytes){0}, &none, 1, empty);
    assert_memory_not_equal(keyed, empty, sizeof(empty));
    /* HMAC-SHA-256 with empty key and message, as every implementation prints it */
    assert_hex(empty, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* The Expand half of RFC 5869's first case with SHA-512 in place of SHA-256; the pseudorandom key
 * and the result are those that the test suites of several libraries carry. */
static void hkdf_expand_sha512__agrees_with_known_vectors(void **state)
{
    uint8_t prk[64];
    uint8_t info[10];
    uint8_t out[42];
    hex_bytes("665799823737ded04a88e47e54a5890bb2c3d247c7a4254a8e61350723590a26"
              "c36238127d8661b88cf80ef802d57e2f7cebcf1e00e083848be19929c61b4237",
              prk, sizeof(prk));
    hex_bytes("f0f1f2f3f4f5f6f7f8f9", info, sizeof(info));
    cof_hkdf_expand_sha512((struct cof_bytes){.data = prk, .size = sizeof(prk)},
                           (struct cof_bytes){.data = info, .size = sizeof(info)}, out,
                           sizeof(out));
    assert_hex(
        out, sizeof(out),
        "832390086cda71fb47625bb5ceb168e4c8e26a1a16ed34d9fc7fe92c1481579338da362cb8d9f925d7cb");
}

static void hkdf_expand_sha512__gives_a_prefix_for_a_shorter_size(void **state)
{
    static uint8_t all[64 * 255];
    uint8_t some[100];
    const struct cof_bytes key = bytes_of("0123456789abcdef0123456789abcdef");
    cof_hkdf_expand_sha512(key, bytes_of("info"), all, sizeof(all));
    cof_hkdf_expand_sha512(key, bytes_of("info"), some, sizeof(some));
    assert_memory_equal(all, some, sizeof(some));
    assert_memory_not_equal(all, all + 64, 64);
}

static void constant_time_equal__compares_every_byte(void **state)
{
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    assert_true(cof_constant_time_equal(a, b, sizeof(a)));
    for (size_t i = 0; i < sizeof(b); i++) {
        b[i] = 1;
        assert_false(cof_constant_time_equal(a, b, sizeof(a)));
        b[i] = 0;
    }
}

static void wipe__clears_memory(void **state)
{
    uint8_t secret[64];
    const uint8_t zeros[64] = {0};
    memset(secret, 7, sizeof(secret));
    cof_wipe(secret, sizeof(secret));
    assert_memory_equal(secret, zeros, sizeof(zeros));
}

static void ed25519__agrees_with_rfc_8032(void **state)
{
    static const struct {
        const char *seed;
        const char *public_key;
        const char *message;
        const char *signature;
    } vectors[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
         "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
         "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
         "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    };

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        uint8_t seed[32];
        uint8_t public_key[32];
        uint8_t message[8];
        uint8_t signature[64];
        size_t size = strlen(vectors[i].message) / 2;
        hex_bytes(vectors[i].seed, seed, sizeof(seed));
        hex_bytes(vectors[i].message, message, size);
        const struct cof_bytes bytes = {.data = message, .size = size};
        cof_ed25519_public(seed, public_key);
        assert_hex(public_key, 32, vectors[i].public_key);
        cof_ed25519_sign(seed, bytes, signature);
        assert_hex(signature, 64, vectors[i].signature);
        assert_true(cof_ed25519_verify(public_key, bytes, signature));
        for (size_t j = 0; j < sizeof(signature); j++) {
            signature[j] ^= 1;
            assert_false(cof_ed25519_verify(public_key, bytes, signature));
            signature[j] ^= 1;
        }
    }
}

/* A public key that is no point, and a signature whose scalar is not reduced (RFC 8032 5.1.7). */
static void ed25519__refuses_malformed_keys_and_signatures(void **state)
{
    uint8_t public_key[32];
    uint8_t signature[64] = {0};
    memset(public_key, 0xff, sizeof(public_key));
    assert_false(cof_ed25519_verify(public_key, bytes_of("x"), signature));
    hex_bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", public_key, 32);
    memset(signature + 32, 0xff, 32);
    assert_false(cof_ed25519_verify(public_key, (struct cof_bytes){0}, signature));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256__agrees_with_fips_180),
        cmocka_unit_test(sha256_prefixed__hashes_the_concatenation),
        cmocka_unit_test(sha256_file__hashes_every_byte_of_a_file),
        cmocka_unit_test(hmac_sha256__agrees_with_rfc_4231),
        cmocka_unit_test(hmac_sha256__does_not_reuse_the_last_key_for_an_empty_one),
        cmocka_unit_test(hkdf_expand_sha512__agrees_with_known_vectors),
        cmocka_unit_test(hkdf_expand_sha512__gives_a_prefix_for_a_shorter_size),
        cmocka_unit_test(constant_time_equal__compares_every_byte),
        cmocka_unit_test(wipe__clears_memory),
        cmocka_unit_test(ed25519__agrees_with_rfc_8032),
        cmocka_unit_test(ed25519__refuses_malformed_keys_and_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
