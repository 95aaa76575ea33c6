/* Identities: what an external id may be, ids of paths, keyed content hashes. */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "store_fixture.h"

static int set_up(void **state)
{
    struct store_fixture *fixture = calloc(1, sizeof(*fixture));
    store_fixture_setup(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    store_fixture_teardown(*state);
    free(*state);
    return 0;
}

static void external_id__allows_what_the_manual_says(void **state)
{
    struct cof_error err = {0};
    char longest[256];
    memset(longest, 'x', sizeof(longest));
    const char *const good[] = {"a", "A-Z_0.9:@", "...", "f-abc", "user@example.org"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(cof_external_id_check(cof_text_from(good[i]), &err), COF_OK);
    assert_int_equal(cof_external_id_check((struct cof_text){.data = longest, .size = 256}, &err),
                     COF_OK);
}

static void external_id__refuses_everything_else(void **state)
{
    char too_long[257];
    memset(too_long, 'x', sizeof(too_long));
    const struct cof_text wrong[] = {
        COF_TEXT(""),
        COF_TEXT("."),
        COF_TEXT(".."),
        COF_TEXT("a/b"),
        COF_TEXT("a b"),
        COF_TEXT("a\0b"),
        COF_TEXT("ä"),
        COF_TEXT("a\n"),
        COF_TEXT("a%2f"),
        COF_TEXT("a\\b"),
        {.data = too_long, .size = 257},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct cof_error err = {0};
        assert_int_equal(cof_external_id_check(wrong[i], &err), COF_INVALID);
        assert_true(strlen(err.message) > 0);
    }
}

static void path_id__is_stable_valid_and_differs_by_path_and_collection(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    char a[32];
    char b[32];
    uint64_t other = fixture_create_collection(fixture->store, "other", COF_VECTOR_F32);
    expect_ok(cof_store_path_id(fixture->store, fixture->collection, COF_TEXT("x/y.md"), a, &err),
              err);
    assert_memory_equal(a, "f-", 2);
    assert_int_equal(strlen(a), 2 + 26);
    assert_int_equal(cof_external_id_check(cof_text_from(a), &err), COF_OK);
    store_fixture_close(fixture);
    store_fixture_open(fixture);
    expect_ok(cof_store_path_id(fixture->store, fixture->collection, COF_TEXT("x/y.md"), b, &err),
              err);
    assert_string_equal(a, b);
    expect_ok(cof_store_path_id(fixture->store, fixture->collection, COF_TEXT("x/z.md"), b, &err),
              err);
    assert_string_not_equal(a, b);
    expect_ok(cof_store_path_id(fixture->store, other, COF_TEXT("x/y.md"), b, &err), err);
    assert_string_not_equal(a, b);
    assert_int_equal(cof_store_path_id(fixture->store, 99, COF_TEXT("x"), b, &err), COF_NOT_FOUND);
}

static void hash_of(struct store_fixture *fixture, uint64_t collection,
                    const struct cof_text *texts, size_t count, uint8_t out_hash[32])
{
    struct cof_error err = {0};
    struct cof_bytes parts[4];
    for (size_t i = 0; i < count; i++)
        parts[i] = cof_text_bytes(texts[i]);
    expect_ok(cof_store_content_hash(fixture->store, collection, parts, count, out_hash, &err),
              err);
}

static void content_hash__tells_parts_order_and_collections_apart(void **state)
{
    struct store_fixture *fixture = *state;
    uint64_t other = fixture_create_collection(fixture->store, "other", COF_VECTOR_F32);
    const struct cof_text cases[][2] = {
        {COF_TEXT("ab"), COF_TEXT("c")}, {COF_TEXT("a"), COF_TEXT("bc")},
        {COF_TEXT("c"), COF_TEXT("ab")}, {COF_TEXT("abc"), COF_TEXT("")},
        {COF_TEXT(""), COF_TEXT("abc")},
    };
    uint8_t hashes[7][32];
    for (size_t i = 0; i < 5; i++)
        hash_of(fixture, fixture->collection, cases[i], 2, hashes[i]);
    hash_of(fixture, fixture->collection, &cases[3][0], 1, hashes[5]);
    hash_of(fixture, other, cases[0], 2, hashes[6]);
    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(hashes[i], hashes[j], 32);
    }
    uint8_t again[32];
    hash_of(fixture, fixture->collection, cases[0], 2, again);
    assert_memory_equal(again, hashes[0], 32);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(external_id__allows_what_the_manual_says),
        cmocka_unit_test(external_id__refuses_everything_else),
        CASE(path_id__is_stable_valid_and_differs_by_path_and_collection),
        CASE(content_hash__tells_parts_order_and_collections_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
