/* The Merkle tree against RFC 6962's vectors and against its definition, written out naively. */
#include "merkle.h"

#include <string.h>

#include <cof/keys/hash.h>

#include "testing.h"

enum { MAX_LEAVES = 300 };

static struct cof_merkle_hash leaves[MAX_LEAVES];

static int set_up(void **state)
{
    for (size_t i = 0; i < MAX_LEAVES; i++) {
        uint8_t leaf[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        cof_merkle_leaf_hash((struct cof_bytes){.data = leaf, .size = 2}, &leaves[i]);
    }
    return 0;
}

static struct cof_merkle_hash from_hex(const char *hex)
{
    struct cof_merkle_hash hash;
    assert_true(cof_hex_decode(cof_text_from(hex), hash.bytes, sizeof(hash.bytes)));
    return hash;
}

/* MTH of RFC 6962 section 2.1, over leaf hashes. */
static struct cof_merkle_hash naive_root(const struct cof_merkle_hash *hashes, size_t count)
{
    struct cof_merkle_hash root;
    if (count == 0) {
        cof_sha256((struct cof_bytes){0}, root.bytes);
        return root;
    }
    if (count == 1)
        return hashes[0];
    size_t split = 1;
    while (split * 2 < count)
        split *= 2;
    const struct cof_merkle_hash left = naive_root(hashes, split);
    const struct cof_merkle_hash right = naive_root(hashes + split, count - split);
    cof_sha256_prefixed(1, (struct cof_bytes){.data = left.bytes, .size = 32},
                        (struct cof_bytes){.data = right.bytes, .size = 32}, root.bytes);
    return root;
}

/* PATH(m, D[n]) of section 2.1.1. */
static void naive_path(const struct cof_merkle_hash *hashes, size_t count, size_t index,
                       struct cof_merkle_proof *proof)
{
    if (count == 1)
        return;
    size_t split = 1;
    while (split * 2 < count)
        split *= 2;
    if (index < split) {
        naive_path(hashes, split, index, proof);
        proof->hashes[proof->count++] = naive_root(hashes + split, count - split);
    } else {
        naive_path(hashes + split, count - split, index - split, proof);
        proof->hashes[proof->count++] = naive_root(hashes, split);
    }
}

/* SUBPROOF(m, D[n], b) of section 2.1.2. */
static void naive_subproof(const struct cof_merkle_hash *hashes, size_t count, size_t old,
                           int is_known, struct cof_merkle_proof *proof)
{
    if (old == count) {
        if (!is_known)
            proof->hashes[proof->count++] = naive_root(hashes, count);
        return;
    }
    size_t split = 1;
    while (split * 2 < count)
        split *= 2;
    if (old <= split) {
        naive_subproof(hashes, split, old, is_known, proof);
        proof->hashes[proof->count++] = naive_root(hashes + split, count - split);
    } else {
        naive_subproof(hashes + split, count - split, old - split, 0, proof);
        proof->hashes[proof->count++] = naive_root(hashes, split);
    }
}

static void assert_same_proof(const struct cof_merkle_proof *a, const struct cof_merkle_proof *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->hashes, b->hashes, a->count * sizeof(a->hashes[0]));
}

/* The leaves and roots that Certificate Transparency's reference implementation is tested with. */
static void merkle__agrees_with_the_published_roots(void **state)
{
    static const struct {
        size_t size;
        uint8_t bytes[16];
    } inputs[] = {
        {0, {0}},
        {1, {0x00}},
        {1, {0x10}},
        {2, {0x20, 0x21}},
        {2, {0x30, 0x31}},
        {4, {0x40, 0x41, 0x42, 0x43}},
        {8, {0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57}},
        {16,
         {0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e,
          0x6f}},
    };
    static const char *const roots[] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    struct cof_merkle tree = {0};
    for (size_t i = 0; i <= 8; i++) {
        const struct cof_merkle_hash expected = from_hex(roots[i]);
        struct cof_merkle_hash hash;
        cof_merkle_root(&tree, &hash);
        assert_memory_equal(hash.bytes, expected.bytes, 32);
        if (i == 8)
            break;
        cof_merkle_leaf_hash((struct cof_bytes){.data = inputs[i].bytes, .size = inputs[i].size},
                             &hash);
        cof_merkle_append(&tree, &hash);
    }
}

static void merkle__has_the_root_of_its_definition_at_every_size(void **state)
{
    struct cof_merkle tree = {0};
    for (size_t size = 0; size <= MAX_LEAVES; size++) {
        const struct cof_merkle_hash expected = naive_root(leaves, size);
        struct cof_merkle_hash root;
        cof_merkle_root(&tree, &root);
        assert_memory_equal(root.bytes, expected.bytes, 32);
        cof_merkle_root_of(leaves, size, &root);
        assert_memory_equal(root.bytes, expected.bytes, 32);
        if (size < MAX_LEAVES)
            cof_merkle_append(&tree, &leaves[size]);
    }
}

static void merkle__grows_by_whole_subtrees_too(void **state)
{
    for (unsigned level = 0; level <= 8; level++) {
        struct cof_merkle tree = {0};
        struct cof_merkle_hash root;
        size_t width = (size_t)1 << level;
        size_t size = 0;
        for (; size + width <= MAX_LEAVES; size += width) {
            const struct cof_merkle_hash subtree = naive_root(leaves + size, width);
            cof_merkle_append_subtree(&tree, level, &subtree);
        }
        for (; size < MAX_LEAVES; size++)
            cof_merkle_append(&tree, &leaves[size]);
        const struct cof_merkle_hash expected = naive_root(leaves, MAX_LEAVES);
        assert_int_equal(tree.size, MAX_LEAVES);
        cof_merkle_root(&tree, &root);
        assert_memory_equal(root.bytes, expected.bytes, 32);
    }
}

/* Every size; every index up to 64 leaves, every eleventh beyond. */
static void inclusion__is_proved_as_defined_and_checked(void **state)
{
    for (size_t size = 1; size <= MAX_LEAVES; size++) {
        const struct cof_merkle_hash root = naive_root(leaves, size);
        for (size_t index = 0; index < size; index += size <= 64 ? 1 : 11) {
            struct cof_merkle_proof proof;
            struct cof_merkle_proof expected = {0};
            cof_merkle_prove_inclusion(leaves, size, index, &proof);
            naive_path(leaves, size, index, &expected);
            assert_same_proof(&proof, &expected);
            assert_true(cof_merkle_check_inclusion(&leaves[index], index, size, &proof, &root));
        }
    }
}

static void consistency__is_proved_as_defined_and_checked(void **state)
{
    for (size_t size = 1; size <= MAX_LEAVES; size++) {
        const struct cof_merkle_hash root = naive_root(leaves, size);
        for (size_t old = 1; old <= size; old += size <= 64 ? 1 : 11) {
            const struct cof_merkle_hash old_root = naive_root(leaves, old);
            struct cof_merkle_proof proof;
            struct cof_merkle_proof expected = {0};
            cof_merkle_prove_consistency(leaves, size, old, &proof);
            if (old < size)
                naive_subproof(leaves, size, old, 1, &expected);
            assert_same_proof(&proof, &expected);
            assert_true(cof_merkle_check_consistency(old, &old_root, size, &root, &proof));
        }
    }
}

static void inclusion__is_refused_when_anything_differs(void **state)
{
    for (size_t size = 1; size <= 40; size++) {
        const struct cof_merkle_hash root = naive_root(leaves, size);
        const struct cof_merkle_hash other_root = naive_root(leaves, size + 1);
        for (size_t index = 0; index < size; index++) {
            struct cof_merkle_proof proof;
            cof_merkle_prove_inclusion(leaves, size, index, &proof);
            assert_false(cof_merkle_check_inclusion(&leaves[size], index, size, &proof, &root));
            assert_false(
                cof_merkle_check_inclusion(&leaves[index], index, size, &proof, &other_root));
            assert_false(cof_merkle_check_inclusion(&leaves[index], size, size, &proof, &root));
            if (size > 1)
                assert_false(cof_merkle_check_inclusion(&leaves[index], (index + 1) % size, size,
                                                        &proof, &root));
            for (size_t i = 0; i < proof.count; i++) {
                proof.hashes[i].bytes[i] ^= 1;
                assert_false(
                    cof_merkle_check_inclusion(&leaves[index], index, size, &proof, &root));
                proof.hashes[i].bytes[i] ^= 1;
            }
            proof.count++; /* one hash too many */
            proof.hashes[proof.count - 1] = root;
            assert_false(cof_merkle_check_inclusion(&leaves[index], index, size, &proof, &root));
            if (proof.count >= 2) {
                proof.count -= 2; /* one too few */
                assert_false(
                    cof_merkle_check_inclusion(&leaves[index], index, size, &proof, &root));
            }
        }
    }
}

static void consistency__is_refused_when_anything_differs(void **state)
{
    for (size_t size = 2; size <= 40; size++) {
        const struct cof_merkle_hash root = naive_root(leaves, size);
        for (size_t old = 1; old < size; old++) {
            const struct cof_merkle_hash old_root = naive_root(leaves, old);
            const struct cof_merkle_hash forged_root = naive_root(leaves + 1, old);
            struct cof_merkle_proof proof;
            cof_merkle_prove_consistency(leaves, size, old, &proof);
            assert_false(cof_merkle_check_consistency(old, &forged_root, size, &root, &proof));
            assert_false(cof_merkle_check_consistency(old, &old_root, size, &old_root, &proof));
            assert_false(cof_merkle_check_consistency(size, &root, old, &old_root, &proof));
            for (size_t i = 0; i < proof.count; i++) {
                proof.hashes[i].bytes[31] ^= 0x80;
                assert_false(cof_merkle_check_consistency(old, &old_root, size, &root, &proof));
                proof.hashes[i].bytes[31] ^= 0x80;
            }
            proof.count--;
            assert_false(cof_merkle_check_consistency(old, &old_root, size, &root, &proof));
            proof.count += 2;
            assert_false(cof_merkle_check_consistency(old, &old_root, size, &root, &proof));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merkle__agrees_with_the_published_roots),
        cmocka_unit_test(merkle__has_the_root_of_its_definition_at_every_size),
        cmocka_unit_test(merkle__grows_by_whole_subtrees_too),
        cmocka_unit_test(inclusion__is_proved_as_defined_and_checked),
        cmocka_unit_test(consistency__is_proved_as_defined_and_checked),
        cmocka_unit_test(inclusion__is_refused_when_anything_differs),
        cmocka_unit_test(consistency__is_refused_when_anything_differs),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
