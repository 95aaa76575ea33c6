/* Chunked encryption against messages made by another implementation.
 *
 * The vectors were made by the recipe cryptography.cobblestone.Cobblestone256Encryptor of the
 * Python package cryptography 50.0.2 with key 00 01 … 1f and plaintext byte i = 7 i + i / 251. */
#include "cobblestone.h"

#include <string.h>

#include <cof/keys/hash.h>

#include "hex.h"
#include "testing.h"

static const struct {
    const char *context;
    size_t size;
    const char *salt;
    const char *commitment;
    const char *sha256; /* of the whole message */
} vectors[] = {
    {"", 0, "f03a0db2f5b2ab53dc530559ddd7ec7cc5d7419c56f038ed",
     "4a6ff65e825be81a5422b05ea911dc4b5583b7c588d7b3d016ef52fb5918d81e",
     "98c5889b1bc93a703fe693352bcb7ebcc44650622a859678254f6e8f52513693"},
    {"coffer", 11, "69208f7a9e3deef3e9d66a7002ed22ef081d7e5d44e28da4",
     "505a6066f4289b9cb5a748eb9a91e6904e7397b92379466908260373a0c645ee",
     "ec3df458fda936f75b8dc92823ced3a0b33b851ff4134adef2e82406d25aa2e2"},
    {"coffer", 16383, "44e4b2f8cf9b62f597f409a1d58fb19ba6e117a89340db51",
     "1513c54e9fbd8e60a5d755e70d6e1c1cb31829c9e2b7e5505c9435fddf58f197",
     "cfe56452378a25a701e12633164f7ee314d1bff1488da6f644d5995aca3b34e2"},
    {"coffer", 16384, "e2c6191ab451686628e1271dc125eb43e160ab7b5be94b6d",
     "5cf5a1d0997b9715732be96a259e1e44d53bdf667b4ad38d8bc3d5c48217b1a7",
     "f743fdea1bc6ecbbe0e797692add0eb873e1acc4b7db1a3d0d3979bb9300a640"},
    {"coffer", 40000, "4dad9667568ec28fed7b251e1d389bdc0f6ca6252b6b7a57",
     "3ece6739ab7c28a1fd20cff7083b27958a2696e1f2d6445cbc39858e6fe69495",
     "11cadbc6bb8fd0d8e2510d4ead5603491c2e196558e1252e61d0147025edf73f"},
};

enum { VECTOR_COUNT = sizeof(vectors) / sizeof(vectors[0]), MAX_SIZE = 40000 };

static uint8_t key[COF_KEY_SIZE];
static uint8_t plaintext[MAX_SIZE];

static int set_up(void **state)
{
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(plaintext); i++)
        plaintext[i] = (uint8_t)(i * 7 + i / 251);
    return 0;
}

static void seal_vector(size_t i, struct cof_buffer *out)
{
    uint8_t salt[COF_COBBLESTONE_SALT_SIZE];
    const struct cof_bytes context = bytes_of(vectors[i].context);
    const struct cof_bytes bytes = {.data = plaintext, .size = vectors[i].size};
    hex_bytes(vectors[i].salt, salt, sizeof(salt));
    assert_int_equal(cof_cobblestone_seal(key, salt, &context, 1, bytes, out, NULL), COF_OK);
}

static void cobblestone__makes_the_messages_of_another_implementation(void **state)
{
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer message = {0};
        uint8_t commitment[32];
        uint8_t expected[32];
        uint8_t got[32];
        seal_vector(i, &message);
        hex_bytes(vectors[i].commitment, commitment, sizeof(commitment));
        assert_memory_equal(message.data + 24, commitment, sizeof(commitment));
        hex_bytes(vectors[i].sha256, expected, sizeof(expected));
        cof_sha256(cof_buffer_bytes(&message), got);
        assert_memory_equal(got, expected, sizeof(got));
    }
}

static void cobblestone__opens_what_it_sealed(void **state)
{
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer message = {0};
        COF_CLEANUP(cof_buffer_wipe) struct cof_buffer opened = {0};
        const struct cof_bytes context = bytes_of(vectors[i].context);
        uint64_t size = 0;
        seal_vector(i, &message);
        assert_true(cof_cobblestone_plaintext_size(message.size, &size));
        assert_int_equal(size, vectors[i].size);
        assert_int_equal(
            cof_cobblestone_open(key, &context, 1, cof_buffer_bytes(&message), &opened, NULL),
            COF_OK);
        assert_int_equal(opened.size, vectors[i].size);
        assert_memory_equal(opened.data, plaintext, opened.size);
    }
}

static void cobblestone__takes_the_context_in_parts(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer message = {0};
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer opened = {0};
    const struct cof_bytes parts[] = {bytes_of("co"), bytes_of("ffer")};
    seal_vector(1, &message);
    assert_int_equal(cof_cobblestone_open(key, parts, 2, cof_buffer_bytes(&message), &opened, NULL),
                     COF_OK);
}

static void cobblestone__refuses_every_truncation_of_a_message(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer message = {0};
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer opened = {0};
    const struct cof_bytes context = bytes_of("coffer");
    seal_vector(3, &message); /* one full chunk and an empty one */
    for (size_t size = 0; size < message.size; size += size < 100 || size > 16400 ? 1 : 97) {
        const struct cof_bytes cut = {.data = message.data, .size = size};
        assert_int_equal(cof_cobblestone_open(key, &context, 1, cut, &opened, NULL), COF_CORRUPT);
        assert_int_equal(opened.size, 0);
    }
}

static void cobblestone__refuses_swapped_chunks(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer message = {0};
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer opened = {0};
    const struct cof_bytes context = bytes_of("coffer");
    static uint8_t first[COF_COBBLESTONE_SEALED_CHUNK_SIZE];
    seal_vector(4, &message);
    uint8_t *chunks = message.data + COF_COBBLESTONE_PREFIX_SIZE;
    memcpy(first, chunks, sizeof(first));
    memcpy(chunks, chunks + sizeof(first), sizeof(first));
    memcpy(chunks + sizeof(first), first, sizeof(first));
    assert_int_equal(
        cof_cobblestone_open(key, &context, 1, cof_buffer_bytes(&message), &opened, NULL),
        COF_CORRUPT);
    assert_int_equal(opened.size, 0);
}

static void plaintext_size__knows_which_sizes_exist(void **state)
{
    uint64_t size = 0;
    assert_false(cof_cobblestone_plaintext_size(0, &size));
    assert_false(cof_cobblestone_plaintext_size(71, &size));
    assert_true(cof_cobblestone_plaintext_size(72, &size));
    assert_int_equal(size, 0);
    assert_true(cof_cobblestone_plaintext_size(56 + 16399, &size));
    assert_int_equal(size, 16383);
    for (uint64_t over = 0; over < 16; over++)
        assert_false(cof_cobblestone_plaintext_size(56 + 16400 + over, &size));
    assert_true(cof_cobblestone_plaintext_size(56 + 16400 + 16, &size));
    assert_int_equal(size, 16384);
    assert_false(cof_cobblestone_plaintext_size(UINT64_MAX, &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cobblestone__makes_the_messages_of_another_implementation),
        cmocka_unit_test(cobblestone__opens_what_it_sealed),
        cmocka_unit_test(cobblestone__takes_the_context_in_parts),
        cmocka_unit_test(cobblestone__refuses_every_truncation_of_a_message),
        cmocka_unit_test(cobblestone__refuses_swapped_chunks),
        cmocka_unit_test(plaintext_size__knows_which_sizes_exist),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
