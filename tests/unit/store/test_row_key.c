/* Row keys: order, prefixes, names. */
#include "testing.h"

#include <string.h>

#include "row_key.h"

static int compare(struct cof_row_key a, struct cof_row_key b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = memcmp(a.bytes, b.bytes, size);
    return order != 0 ? order : (int)a.size - (int)b.size;
}

static bool is_prefix(struct cof_row_key prefix, struct cof_row_key key)
{
    return prefix.size <= key.size && memcmp(prefix.bytes, key.bytes, prefix.size) == 0;
}

static void keys__sort_by_their_numbers(void **state)
{
    const uint64_t numbers[] = {0, 1, 255, 256, 65536, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 1; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint64_t a = numbers[i - 1];
        uint64_t b = numbers[i];
        assert_true(compare(cof_row_key_number(COF_TABLE_COLLECTION, a),
                            cof_row_key_number(COF_TABLE_COLLECTION, b)) < 0);
        assert_true(compare(cof_row_key_document(COF_TABLE_DOCUMENT, 7, a),
                            cof_row_key_document(COF_TABLE_DOCUMENT, 7, b)) < 0);
    }
    assert_true(compare(cof_row_key_part(COF_TABLE_CHUNK, 1, 1, 1, 255),
                        cof_row_key_part(COF_TABLE_CHUNK, 1, 1, 1, 256)) < 0);
}

static void prefixes__cover_exactly_their_rows(void **state)
{
    struct cof_row_key part = cof_row_key_part(COF_TABLE_CHUNK, 3, 17, 2, 5);
    assert_int_equal(part.size, 1 + 8 + 8 + 4 + 4);
    assert_true(is_prefix(cof_row_key_table(COF_TABLE_CHUNK), part));
    assert_true(is_prefix(cof_row_key_number(COF_TABLE_CHUNK, 3), part));
    assert_true(is_prefix(cof_row_key_document(COF_TABLE_CHUNK, 3, 17), part));
    assert_true(is_prefix(cof_row_key_version(COF_TABLE_CHUNK, 3, 17, 2), part));
    assert_false(is_prefix(cof_row_key_version(COF_TABLE_CHUNK, 3, 17, 1), part));
    assert_false(is_prefix(cof_row_key_document(COF_TABLE_CHUNK, 3, 16), part));
    assert_false(is_prefix(cof_row_key_number(COF_TABLE_VECTORS, 3), part));
}

static void numbers__are_read_back_from_keys(void **state)
{
    struct cof_row_key key = cof_row_key_document(COF_TABLE_DOCUMENT, 3, UINT64_MAX);
    assert_int_equal(cof_row_key_number_at(cof_row_key_bytes(&key), 0), 3);
    assert_true(cof_row_key_number_at(cof_row_key_bytes(&key), 1) == UINT64_MAX);
    assert_int_equal(cof_row_key_number_at(cof_row_key_bytes(&key), 2), 0);
    assert_int_equal(cof_row_key_number_at((struct cof_bytes){0}, 0), 0);
}

static void names__say_table_and_numbers_and_no_tags(void **state)
{
    char name[COF_ROW_NAME_SIZE];
    const uint8_t tag[COF_BLIND_SIZE] = "0123456789abcdef";
    const struct {
        struct cof_row_key key;
        const char *name;
    } cases[] = {
        {cof_row_key_meta(COF_META_COUNTERS), "meta 1"},
        {cof_row_key_number(COF_TABLE_OUTBOX, 12), "outbox 12"},
        {cof_row_key_document(COF_TABLE_DOCUMENT, 3, 17), "document 3/17"},
        {cof_row_key_version(COF_TABLE_VERSION, 3, 17, 2), "version 3/17/2"},
        {cof_row_key_part(COF_TABLE_CHUNK, UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX),
         "chunk 18446744073709551615/18446744073709551615/4294967295/4294967295"},
        {cof_row_key_blind(3, tag), "blind 3"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cof_row_key_name(&cases[i].key, name);
        assert_string_equal(name, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys__sort_by_their_numbers),
        cmocka_unit_test(prefixes__cover_exactly_their_rows),
        cmocka_unit_test(numbers__are_read_back_from_keys),
        cmocka_unit_test(names__say_table_and_numbers_and_no_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
