/* Sealed values: the published XAES vectors, the format byte by byte, and what must be refused. */
#include <cof/keys/seal.h>

#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>

#include <cof/keys/hash.h>

#include "hex.h"
#include "seeded_random.h"
#include "testing.h"

static struct cof_seeded_random seed;
static struct cof_random source;
static const struct cof_key test_key = {.id = 0x0102030405060708, .bytes = {1, 2, 3}};

static int set_up(void **state)
{
    source = cof_seeded_random_init(&seed, 7);
    return 0;
}

static struct cof_seal_context test_context(void)
{
    return (struct cof_seal_context){
        .store_uuid = {0xaa, 0xbb},
        .collection = 3,
        .table = 4,
        .schema = 5,
        .stored_key = bytes_of("key in the table"),
        .record_version = 6,
    };
}

/* github.com/C2SP/C2SP XAES-256-GCM.md, "Test vectors" */
static void xaes__agrees_with_the_c2sp_vectors(void **state)
{
    static const struct {
        uint8_t key_byte;
        const char *associated;
        const char *ciphertext;
    } vectors[] = {
        {1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
        {3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
    };
    const uint8_t *nonce = (const uint8_t *)"ABCDEFGHIJKLMNOPQRSTUVWX";

    for (size_t i = 0; i < 2; i++) {
        uint8_t key[COF_KEY_SIZE];
        uint8_t expected[28];
        uint8_t got[28];
        uint8_t opened[12];
        memset(key, vectors[i].key_byte, sizeof(key));
        hex_bytes(vectors[i].ciphertext, expected, sizeof(expected));
        cof_xaes_encrypt(key, nonce, bytes_of("XAES-256-GCM"), bytes_of(vectors[i].associated),
                         got);
        assert_memory_equal(got, expected, sizeof(got));
        const struct cof_bytes sealed = {.data = got, .size = sizeof(got)};
        assert_int_equal(
            cof_xaes_decrypt(key, nonce, sealed, bytes_of(vectors[i].associated), opened, NULL),
            COF_OK);
        assert_memory_equal(opened, "XAES-256-GCM", 12);
        assert_int_equal(cof_xaes_decrypt(key, nonce, sealed, bytes_of("other"), opened, NULL),
                         COF_CORRUPT);
    }
}

/* The same page, "Accumulated randomized tests": inputs from one SHAKE-128 stream, ciphertexts into
 * another. OpenSSL 3.0 cannot squeeze twice, so the stream is squeezed once, whole. */
static void xaes__agrees_with_the_accumulated_c2sp_vector(void **state)
{
    enum { ITERATIONS = 10000 };
    const size_t stream_size = (size_t)ITERATIONS * (32 + 24 + 256 + 256);
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer stream = {0};
    uint8_t got[32];
    uint8_t expected[32];
    uint8_t first[16];
    EVP_MD_CTX *inputs = EVP_MD_CTX_new();
    EVP_MD_CTX *results = EVP_MD_CTX_new();

    assert_non_null(cof_buffer_extend(&stream, stream_size));
    assert_int_equal(EVP_DigestInit_ex(inputs, EVP_shake128(), NULL), 1);
    assert_int_equal(EVP_DigestFinalXOF(inputs, stream.data, stream_size), 1);
    hex_bytes("7f9c2ba4e88f827d616045507605853e", first, sizeof(first));
    assert_memory_equal(stream.data, first, sizeof(first));
    assert_int_equal(EVP_DigestInit_ex(results, EVP_shake128(), NULL), 1);

    struct cof_reader reader = cof_reader_from(cof_buffer_bytes(&stream));
    for (size_t i = 0; i < ITERATIONS; i++) {
        uint8_t ciphertext[255 + COF_XAES_TAG_SIZE];
        uint8_t opened[255];
        const uint8_t *key = cof_reader_bytes(&reader, 32).data;
        const uint8_t *nonce = cof_reader_bytes(&reader, 24).data;
        uint8_t size = cof_reader_u8(&reader);
        struct cof_bytes plaintext = cof_reader_bytes(&reader, size);
        size = cof_reader_u8(&reader);
        struct cof_bytes associated = cof_reader_bytes(&reader, size);
        cof_xaes_encrypt(key, nonce, plaintext, associated, ciphertext);
        const struct cof_bytes sealed = {.data = ciphertext,
                                         .size = plaintext.size + COF_XAES_TAG_SIZE};
        assert_int_equal(cof_xaes_decrypt(key, nonce, sealed, associated, opened, NULL), COF_OK);
        assert_memory_equal(opened, plaintext.data, plaintext.size);
        assert_int_equal(EVP_DigestUpdate(results, sealed.data, sealed.size), 1);
    }
    assert_false(reader.has_failed);
    assert_int_equal(EVP_DigestFinalXOF(results, got, sizeof(got)), 1);
    hex_bytes("e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939", expected, 32);
    assert_memory_equal(got, expected, sizeof(got));
    EVP_MD_CTX_free(inputs);
    EVP_MD_CTX_free(results);
}

static void seal__opens_again_at_every_size(void **state)
{
    static const size_t sizes[] = {0,    1,    59,   60,   61,    1019,  1020,  1021,
                                   1024, 1276, 4096, 5000, 16379, 16380, 16381, 100000};
    static uint8_t plaintext[100000];
    struct seeded_random random;
    const struct cof_seal_context context = test_context();

    seeded_random_init(&random, 1);
    seeded_random_fill(&random, plaintext, sizeof(plaintext));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer sealed = {0};
        COF_CLEANUP(cof_buffer_wipe) struct cof_buffer opened = {0};
        const struct cof_bytes bytes = {.data = plaintext, .size = sizes[i]};
        cof_buffer_append_byte(&sealed, '<');
        cof_buffer_append_byte(&opened, '<');
        assert_int_equal(cof_seal(&test_key, &context, bytes, &source, &sealed, NULL), COF_OK);
        assert_int_equal(sealed.size, 1 + cof_sealed_size(sizes[i]));
        const struct cof_bytes value = {.data = sealed.data + 1, .size = sealed.size - 1};
        assert_int_equal(cof_unseal(&test_key, &context, value, &opened, NULL), COF_OK);
        assert_int_equal(opened.size, 1 + sizes[i]);
        assert_int_equal(opened.data[0], '<');
        assert_memory_equal(opened.data + 1, plaintext, sizes[i]);
    }
}

static void sealed_size__pads_to_buckets(void **state)
{
    assert_int_equal(cof_sealed_size(0), 52 + 64);
    assert_int_equal(cof_sealed_size(60), 52 + 64);
    assert_int_equal(cof_sealed_size(61), 52 + 128);
    assert_int_equal(cof_sealed_size(1020), 52 + 1024);
    assert_int_equal(cof_sealed_size(1021), 52 + 1280);
    assert_int_equal(cof_sealed_size(16380), 52 + 16384);
    assert_int_equal(cof_sealed_size(16381), 52 + 20480);
}

/* The layout of seal.h, computed here from the bare AEAD. */
static void seal__writes_the_documented_layout(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer sealed = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer associated = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer inner = {0};
    const struct cof_seal_context context = test_context();
    uint8_t ciphertext[64 + 16];
    const uint8_t header[] = {'C', 'V', 1, 1, 1, 2, 3, 4, 5, 6, 7, 8};

    assert_int_equal(cof_seal(&test_key, &context, bytes_of("hello"), &source, &sealed, NULL),
                     COF_OK);
    assert_memory_equal(sealed.data, header, sizeof(header));
    cof_buffer_append(&associated, "coffer/v1/val", 14);
    cof_buffer_append(&associated, context.store_uuid, 16);
    cof_buffer_append_u64(&associated, 3);
    cof_buffer_append_byte(&associated, 4);
    cof_buffer_append_u16(&associated, 5);
    cof_buffer_append_u32(&associated, 16);
    cof_buffer_append_text(&associated, COF_TEXT("key in the table"));
    cof_buffer_append_u64(&associated, 6);
    cof_buffer_append(&associated, header, sizeof(header));
    cof_buffer_append_u32(&inner, 5);
    cof_buffer_append_text(&inner, COF_TEXT("hello"));
    memset(cof_buffer_extend(&inner, 55), 0, 55);
    cof_xaes_encrypt(test_key.bytes, sealed.data + 12, cof_buffer_bytes(&inner),
                     cof_buffer_bytes(&associated), ciphertext);
    assert_int_equal(sealed.size, 36 + sizeof(ciphertext));
    assert_memory_equal(sealed.data + 36, ciphertext, sizeof(ciphertext));
}

static void unseal__refuses_every_flipped_bit(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer sealed = {0};
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer opened = {0};
    const struct cof_seal_context context = test_context();
    assert_int_equal(cof_seal(&test_key, &context, bytes_of("a secret"), &source, &sealed, NULL),
                     COF_OK);
    for (size_t i = 0; i < sealed.size * 8; i++) {
        sealed.data[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(cof_unseal(&test_key, &context, cof_buffer_bytes(&sealed), &opened, NULL),
                         COF_CORRUPT);
        assert_int_equal(opened.size, 0);
        sealed.data[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t size = 0; size < sealed.size; size++) {
        const struct cof_bytes cut = {.data = sealed.data, .size = size};
        assert_int_equal(cof_unseal(&test_key, &context, cut, &opened, NULL), COF_CORRUPT);
    }
}

static void unseal__refuses_a_value_that_was_moved(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer sealed = {0};
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer opened = {0};
    const struct cof_seal_context right = test_context();
    struct cof_seal_context wrong[7];
    assert_int_equal(cof_seal(&test_key, &right, bytes_of("a secret"), &source, &sealed, NULL),
                     COF_OK);
    for (size_t i = 0; i < 7; i++)
        wrong[i] = right;
    wrong[0].store_uuid[15] = 1;
    wrong[1].collection = 4;
    wrong[2].table = 5;
    wrong[3].schema = 6;
    wrong[4].stored_key = bytes_of("key in the tablf");
    wrong[5].stored_key = bytes_of("key in the tabl");
    wrong[6].record_version = 7;
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(cof_unseal(&test_key, &wrong[i], cof_buffer_bytes(&sealed), &opened, NULL),
                         COF_CORRUPT);
    struct cof_key other_id = test_key;
    struct cof_key other_bytes = test_key;
    other_id.id++;
    other_bytes.bytes[31] = 1;
    assert_int_equal(cof_unseal(&other_id, &right, cof_buffer_bytes(&sealed), &opened, NULL),
                     COF_CORRUPT);
    assert_int_equal(cof_unseal(&other_bytes, &right, cof_buffer_bytes(&sealed), &opened, NULL),
                     COF_CORRUPT);
    assert_int_equal(cof_unseal(&test_key, &right, cof_buffer_bytes(&sealed), &opened, NULL),
                     COF_OK);
}

static void seal__never_repeats_a_nonce_or_ciphertext(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer sealed = {0};
    const struct cof_seal_context context = test_context();
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(
            cof_seal(&test_key, &context, bytes_of("same"), cof_random_system(), &sealed, NULL),
            COF_OK);
    size_t half = sealed.size / 2;
    assert_memory_not_equal(sealed.data + 12, sealed.data + half + 12, 24);
    assert_memory_not_equal(sealed.data + 36, sealed.data + half + 36, 64);
}

static void sealed_key_id__reads_the_id_and_refuses_other_formats(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer sealed = {0};
    const struct cof_seal_context context = test_context();
    uint64_t id = 0;
    assert_int_equal(cof_seal(&test_key, &context, bytes_of("x"), &source, &sealed, NULL), COF_OK);
    assert_int_equal(cof_sealed_key_id(cof_buffer_bytes(&sealed), &id, NULL), COF_OK);
    assert_int_equal(id, test_key.id);
    for (size_t i = 0; i < 4; i++) {
        sealed.data[i]++;
        assert_int_equal(cof_sealed_key_id(cof_buffer_bytes(&sealed), &id, NULL), COF_CORRUPT);
        sealed.data[i]--;
    }
    assert_int_equal(cof_sealed_key_id((struct cof_bytes){0}, &id, NULL), COF_CORRUPT);
}

static void *seal_and_open(void *context)
{
    const struct cof_seal_context place = test_context();
    struct cof_key key = test_key;
    size_t *failures = context;
    key.bytes[5] = (uint8_t)(uintptr_t)context;
    for (size_t i = 0; i < 200; i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer sealed = {0};
        COF_CLEANUP(cof_buffer_wipe) struct cof_buffer opened = {0};
        if (cof_seal(&key, &place, bytes_of("of this thread"), cof_random_system(), &sealed,
                     NULL) != COF_OK ||
            cof_unseal(&key, &place, cof_buffer_bytes(&sealed), &opened, NULL) != COF_OK ||
            opened.size != 14)
            (*failures)++;
    }
    return NULL;
}

static void seal__works_from_many_threads_at_once(void **state)
{
    pthread_t threads[8];
    size_t failures[8] = {0};
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, seal_and_open, &failures[i]), 0);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(failures[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xaes__agrees_with_the_c2sp_vectors),
        cmocka_unit_test(xaes__agrees_with_the_accumulated_c2sp_vector),
        cmocka_unit_test_setup(seal__opens_again_at_every_size, set_up),
        cmocka_unit_test(sealed_size__pads_to_buckets),
        cmocka_unit_test_setup(seal__writes_the_documented_layout, set_up),
        cmocka_unit_test_setup(unseal__refuses_every_flipped_bit, set_up),
        cmocka_unit_test_setup(unseal__refuses_a_value_that_was_moved, set_up),
        cmocka_unit_test(seal__never_repeats_a_nonce_or_ciphertext),
        cmocka_unit_test_setup(sealed_key_id__reads_the_id_and_refuses_other_formats, set_up),
        cmocka_unit_test(seal__works_from_many_threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
