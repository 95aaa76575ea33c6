/* Sets of ordinals behave as sets. */
#include "testing.h"

#include <string.h>

#include <cof/index/bitmap.h>

#include "seeded_random.h"

static struct cof_bitmap *create(void)
{
    struct cof_bitmap *bitmap = NULL;
    struct cof_error err = {0};

    assert_int_equal(cof_bitmap_create(&bitmap, &err), COF_OK);
    return bitmap;
}

static void bitmap__agrees_with_an_array_of_bools(void **state)
{
    enum { SIZE = 3000 };
    static bool left[SIZE];
    static bool right[SIZE];
    struct cof_bitmap *a = create();
    struct cof_bitmap *b = create();
    struct seeded_random random;

    seeded_random_init(&random, 1);
    for (size_t round = 0; round < 2000; round++) {
        uint32_t begin = (uint32_t)seeded_random_below(&random, SIZE);
        uint32_t end = begin + (uint32_t)seeded_random_below(&random, SIZE - begin + 1);
        switch (seeded_random_below(&random, 6)) {
        case 0:
            cof_bitmap_add(a, begin);
            left[begin] = true;
            break;
        case 1:
            cof_bitmap_remove(a, begin);
            left[begin] = false;
            break;
        case 2:
            cof_bitmap_add_range(b, begin, end);
            memset(right + begin, 1, end - begin);
            break;
        case 3:
            cof_bitmap_remove_range(a, begin, end);
            memset(left + begin, 0, end - begin);
            break;
        case 4:
            cof_bitmap_and(a, b);
            for (size_t i = 0; i < SIZE; i++)
                left[i] = left[i] && right[i];
            break;
        default:
            cof_bitmap_and_not(b, a);
            for (size_t i = 0; i < SIZE; i++)
                right[i] = right[i] && !left[i];
        }
        uint64_t count = 0;
        for (uint32_t i = 0; i < SIZE; i++) {
            assert_int_equal(cof_bitmap_has(a, i), left[i]);
            count += left[i];
        }
        assert_int_equal(cof_bitmap_count(a), count);
    }
    cof_bitmap_destroy(a);
    cof_bitmap_destroy(b);
}

struct walk {
    uint32_t seen[8];
    size_t count;
    size_t limit;
};

static bool take(void *context, uint32_t ordinal)
{
    struct walk *walk = context;

    walk->seen[walk->count++] = ordinal;
    return walk->count < walk->limit;
}

static void bitmap__is_walked_ascending_and_stops_when_told(void **state)
{
    struct cof_bitmap *bitmap = create();
    struct walk all = {.limit = 8};
    struct walk two = {.limit = 2};

    cof_bitmap_add(bitmap, UINT32_MAX);
    cof_bitmap_add(bitmap, 70000);
    cof_bitmap_add(bitmap, 5);
    cof_bitmap_each(bitmap, take, &all);
    assert_int_equal(all.count, 3);
    assert_int_equal(all.seen[0], 5);
    assert_int_equal(all.seen[1], 70000);
    assert_int_equal(all.seen[2], UINT32_MAX);
    cof_bitmap_each(bitmap, take, &two);
    assert_int_equal(two.count, 2);
    assert_true(cof_bitmap_memory_bytes(bitmap) > 0);
    cof_bitmap_destroy(bitmap);
    cof_bitmap_destroy(NULL);
}

static void bitmap__takes_empty_ranges(void **state)
{
    struct cof_bitmap *bitmap = create();

    cof_bitmap_add_range(bitmap, 7, 7);
    cof_bitmap_add_range(bitmap, 9, 3);
    cof_bitmap_remove_range(bitmap, 9, 3);
    assert_int_equal(cof_bitmap_count(bitmap), 0);
    cof_bitmap_destroy(bitmap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bitmap__agrees_with_an_array_of_bools),
        cmocka_unit_test(bitmap__is_walked_ascending_and_stops_when_told),
        cmocka_unit_test(bitmap__takes_empty_ranges),
    };

    return cmocka_run_group_tests_name("bitmap", tests, NULL, NULL);
}
