/* Tries that the library would follow out of bounds, and ones that it may have. */
#include "charsmap.h"

#include <string.h>

#include <cof/base/alloc.h>

#include "testing.h"

#define LEAF (1U << 31)

enum { UNITS = 512, TRIE_SIZE = 4 * UNITS, MAX_SIZE = 4 + TRIE_SIZE + 256 };

static uint8_t map[MAX_SIZE];
static size_t map_size;

static void put(size_t at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        map[at + i] = (uint8_t)(value >> 8 * i);
}

static void set_unit(size_t index, uint32_t unit)
{
    put(4 + 4 * index, unit);
}

/* A unit whose children lie at base ^ label. */
static uint32_t unit_to(size_t index, size_t base, uint32_t label, bool has_leaf)
{
    return (uint32_t)(index ^ base) << 10 | (has_leaf ? 1U << 8 : 0) | label;
}

/* One rule: "a" → "b". */
static void make_map(void)
{
    memset(map, 0, sizeof(map));
    put(0, TRIE_SIZE);
    for (size_t i = 0; i < UNITS; i++)
        set_unit(i, LEAF);
    set_unit(0, unit_to(0, 256, 0, false));
    set_unit(256 ^ 'a', unit_to(256 ^ 'a', 257, 'a', true));
    map_size = 4 + TRIE_SIZE;
    map[map_size] = 'b'; /* and its end */
    map_size += 2;
}

static enum cof_status check(struct cof_error *err)
{
    return cof_charsmap_check((struct cof_bytes){.data = map, .size = map_size}, err);
}

static void assert_refused(const char *reason)
{
    struct cof_error err = {0};
    assert_int_equal(check(&err), COF_CORRUPT);
    if (strstr(err.message, reason) == NULL)
        fail_msg("%s", err.message);
}

static void charsmap__lets_rules_pass(void **state)
{
    make_map();
    assert_int_equal(check(NULL), COF_OK);
    assert_int_equal(cof_charsmap_check((struct cof_bytes){0}, NULL), COF_OK);
}

static void charsmap__refuses_a_table_that_is_not_there(void **state)
{
    make_map();
    for (size_t size = 1; size < 4 + TRIE_SIZE; size += size < 8 ? 1 : 97) {
        map_size = size;
        assert_refused("table");
    }
    make_map();
    put(0, 0);
    assert_refused("table");
    put(0, TRIE_SIZE + 4);
    assert_refused("table");
    put(0, 0xfffffc00);
    assert_refused("table");
}

static void charsmap__refuses_texts_without_an_end(void **state)
{
    make_map();
    map_size = 4 + TRIE_SIZE;
    assert_refused("texts");
    map_size++;
    assert_refused("texts");
    make_map();
    memset(map + 4 + TRIE_SIZE, 'x', 64);
    map_size = 4 + TRIE_SIZE + 65;
    assert_refused("gives more than");
    map[4 + TRIE_SIZE + 63] = 0;
    assert_int_equal(check(NULL), COF_OK);
}

static void charsmap__refuses_a_unit_that_points_out_of_the_table(void **state)
{
    make_map();
    set_unit(256 ^ 'a', unit_to(256 ^ 'a', UNITS, 'a', true));
    assert_refused("points out");
    make_map();
    set_unit(0, 0x7fffff00);
    assert_refused("points out");
    /* the first unit is followed even if it says that it is a leaf */
    make_map();
    set_unit(0, 0x7fffff00 | LEAF);
    assert_refused("points out");
    /* the long form of a distance */
    make_map();
    set_unit(300, (2U << 10) | 1U << 9 | 0xff);
    assert_refused("points out");
}

static void charsmap__refuses_a_path_without_end(void **state)
{
    make_map();
    set_unit(256 ^ 'a', unit_to(256 ^ 'a', 256, 'a', false));
    assert_refused("bytes long");
}

/* Keys a, aa, aaa, …: `count` of them match at one place. */
static void make_chain(size_t count)
{
    make_map();
    set_unit(256 ^ 'a', LEAF);
    /* Bases in the second block, so that the child of base b under label 1 is b ^ 1. */
    set_unit(0, unit_to(0, 256, 0, false));
    for (size_t i = 0; i < count; i++) {
        size_t index = (256 + 2 * i) ^ 1;
        set_unit(index, unit_to(index, 256 + 2 * (i + 1), 1, true));
    }
}

static void charsmap__refuses_more_matches_than_the_library_keeps(void **state)
{
    make_chain(32);
    assert_int_equal(check(NULL), COF_OK);
    make_chain(33);
    assert_refused("begin alike");
    make_chain(100);
    assert_refused("bytes long");
}

static void charsmap__reports_that_memory_ran_out(void **state)
{
    make_map();
    cof_alloc_fail_after(1);
    assert_int_equal(check(NULL), COF_NO_MEMORY);
    cof_alloc_fail_after(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charsmap__lets_rules_pass),
        cmocka_unit_test(charsmap__refuses_a_table_that_is_not_there),
        cmocka_unit_test(charsmap__refuses_texts_without_an_end),
        cmocka_unit_test(charsmap__refuses_a_unit_that_points_out_of_the_table),
        cmocka_unit_test(charsmap__refuses_a_path_without_end),
        cmocka_unit_test(charsmap__refuses_more_matches_than_the_library_keeps),
        cmocka_unit_test(charsmap__reports_that_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
