/* The key tree's encoding: what it holds comes back, anything else is refused without harm. */
#include "key_tree.h"

#include <string.h>

#include <cof/base/cbor.h>

#include "testing.h"

static struct cof_seeded_random seed;

static void make_tree(struct cof_key_tree *out_tree)
{
    const struct cof_random random = cof_seeded_random_init(&seed, 11);
    bool is_locked = false;
    struct cof_key_tree tree = {0};
    struct cof_key_tree next = {0};
    assert_int_equal(cof_key_tree_create(&random, &tree, NULL), COF_OK);
    for (uint64_t number = 3; number >= 1; number--) {
        struct cof_collection_keys *keys = cof_collection_keys_create(number, &random, &is_locked);
        assert_non_null(keys);
        assert_int_equal(cof_key_tree_derive(&tree, keys, 0, &next, NULL), COF_OK);
        cof_key_tree_release_shell(&tree);
        tree = next;
    }
    struct cof_collection_keys *old = cof_key_tree_find(&tree, 2);
    struct cof_collection_keys *with = cof_collection_keys_with_buckets(old, &random, &is_locked);
    assert_non_null(with);
    assert_int_equal(cof_key_tree_derive(&tree, with, 0, &next, NULL), COF_OK);
    cof_collection_keys_destroy(old);
    cof_key_tree_release_shell(&tree);
    *out_tree = next;
}

static void key_tree__comes_back_from_its_encoding(void **state)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer encoded = {0};
    struct cof_key_tree tree = {0};
    struct cof_key_tree back = {0};
    make_tree(&tree);
    cof_key_tree_encode(&tree, &encoded);
    assert_true(encoded.size <= cof_key_tree_encoded_size(&tree));
    assert_int_equal(cof_key_tree_decode(cof_buffer_bytes(&encoded), &back, NULL), COF_OK);
    assert_memory_equal(back.root->system, tree.root->system, sizeof(tree.root->system));
    assert_int_equal(back.collection_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(back.collections[i], tree.collections[i],
                            sizeof(struct cof_collection_keys));
    cof_key_tree_deinit(&tree);
    cof_key_tree_deinit(&back);
}

static void key_tree__refuses_every_truncation(void **state)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer encoded = {0};
    struct cof_key_tree tree = {0};
    struct cof_key_tree back = {0};
    make_tree(&tree);
    cof_key_tree_encode(&tree, &encoded);
    for (size_t size = 0; size < encoded.size; size += size < 600 ? 1 : 61) {
        const struct cof_bytes cut = {.data = encoded.data, .size = size};
        assert_int_equal(cof_key_tree_decode(cut, &back, NULL), COF_CORRUPT);
    }
    cof_buffer_append_byte(&encoded, 0);
    assert_int_equal(cof_key_tree_decode(cof_buffer_bytes(&encoded), &back, NULL), COF_CORRUPT);
    cof_key_tree_deinit(&tree);
}

static void key_tree__refuses_a_count_it_cannot_hold(void **state)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer encoded = {0};
    struct cof_key_tree tree = {0};
    struct cof_key_tree back = {0};
    const struct cof_random random = cof_seeded_random_init(&seed, 12);
    assert_int_equal(cof_key_tree_create(&random, &tree, NULL), COF_OK);
    cof_key_tree_encode(&tree, &encoded);
    encoded.size--; /* the empty array of collections */
    cof_cbor_write_array(&encoded, (size_t)1 << 40);
    assert_int_equal(cof_key_tree_decode(cof_buffer_bytes(&encoded), &back, NULL), COF_CORRUPT);
    cof_key_tree_deinit(&tree);
}

static void key_tree__leaves_out_what_is_removed(void **state)
{
    struct cof_key_tree tree = {0};
    struct cof_key_tree next = {0};
    make_tree(&tree);
    struct cof_collection_keys *gone = cof_key_tree_find(&tree, 2);
    assert_int_equal(cof_key_tree_derive(&tree, NULL, 2, &next, NULL), COF_OK);
    assert_int_equal(next.collection_count, 2);
    assert_null(cof_key_tree_find(&next, 2));
    assert_ptr_equal(cof_key_tree_find(&next, 3), cof_key_tree_find(&tree, 3));
    assert_null(cof_key_tree_find(&next, 4));
    assert_null(cof_key_tree_find(&next, 0));
    cof_key_tree_release_shell(&tree);
    cof_collection_keys_destroy(gone);
    cof_key_tree_deinit(&next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_tree__comes_back_from_its_encoding),
        cmocka_unit_test(key_tree__refuses_every_truncation),
        cmocka_unit_test(key_tree__refuses_a_count_it_cannot_hold),
        cmocka_unit_test(key_tree__leaves_out_what_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
