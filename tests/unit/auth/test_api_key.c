/* The text of API keys: made, taken apart, refused. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include <cof/base/clock.h>

#include "api_key.h"

static struct cof_text text(const char *string)
{
    return cof_text_from(string);
}

static void key__has_the_form_that_the_manual_says(void **state)
{
    char key[COF_API_KEY_SIZE];
    char id[COF_KEY_ID_LENGTH + 1];
    struct cof_api_key_parts parts;
    cof_api_key_make(cof_random_system(), key, id);
    assert_int_equal(strlen(key), 7 + 12 + 1 + 43 + 1 + 6);
    assert_memory_equal(key, "coffer_", 7);
    assert_memory_equal(key + 7, id, 12);
    assert_true(cof_api_key_parse(text(key), &parts));
    assert_true(cof_text_equal(parts.id, text(id)));
    assert_int_equal(parts.secret.size, 43);
}

static void key__differs_each_time(void **state)
{
    char a[COF_API_KEY_SIZE];
    char b[COF_API_KEY_SIZE];
    char id[COF_KEY_ID_LENGTH + 1];
    cof_api_key_make(cof_random_system(), a, id);
    cof_api_key_make(cof_random_system(), b, id);
    assert_memory_not_equal(a + 20, b + 20, 43);
}

static void key__is_the_same_from_the_same_random_bytes(void **state)
{
    char a[COF_API_KEY_SIZE];
    char b[COF_API_KEY_SIZE];
    char id[COF_KEY_ID_LENGTH + 1];
    for (int i = 0; i < 2; i++) {
        struct cof_seeded_random seed;
        struct cof_random random = cof_seeded_random_init(&seed, 42);
        cof_api_key_make(&random, i == 0 ? a : b, id);
    }
    assert_string_equal(a, b);
}

static void key__with_any_one_character_changed_is_refused(void **state)
{
    char key[COF_API_KEY_SIZE];
    char id[COF_KEY_ID_LENGTH + 1];
    struct cof_api_key_parts parts;
    cof_api_key_make(cof_random_system(), key, id);
    size_t length = strlen(key);
    for (size_t i = 0; i < length; i++) {
        char kept = key[i];
        for (const char *other = "a2Zz9_-\xc3"; *other != '\0'; other++) {
            if (*other == kept)
                continue;
            key[i] = *other;
            assert_false(cof_api_key_parse(text(key), &parts));
        }
        key[i] = kept;
    }
    assert_true(cof_api_key_parse(text(key), &parts));
}

static void key__of_another_length_is_refused(void **state)
{
    char key[COF_API_KEY_SIZE + 1] = {0};
    char id[COF_KEY_ID_LENGTH + 1];
    struct cof_api_key_parts parts;
    cof_api_key_make(cof_random_system(), key, id);
    struct cof_text whole = text(key);
    for (size_t size = 0; size < whole.size; size++)
        assert_false(cof_api_key_parse(cof_text_slice(whole, 0, size), &parts));
    key[whole.size] = 'a';
    assert_false(cof_api_key_parse(text(key), &parts));
    assert_false(cof_api_key_parse((struct cof_text){0}, &parts));
}

/* CRC-32 by zlib (python: zlib.crc32), base62 by hand. */
static void key__checksum_is_the_crc_that_scanners_know(void **state)
{
    struct cof_api_key_parts parts;
    assert_true(cof_api_key_parse(
        text("coffer_abcdefghijkl_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg_2nSR9R"), &parts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key__has_the_form_that_the_manual_says),
        cmocka_unit_test(key__differs_each_time),
        cmocka_unit_test(key__is_the_same_from_the_same_random_bytes),
        cmocka_unit_test(key__with_any_one_character_changed_is_refused),
        cmocka_unit_test(key__of_another_length_is_refused),
        cmocka_unit_test(key__checksum_is_the_crc_that_scanners_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
