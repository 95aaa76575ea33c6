/* Arenas: alignment, zeroing, growth, and running out of memory. */
#include <cof/base/arena.h>

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "torture.h"

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static void arena__memory_is_aligned_zeroed_and_disjoint(void **state)
{
    struct cof_arena arena = {0};
    unsigned char *last = NULL;
    size_t last_size = 0;
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *memory = cof_arena_alloc(&arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        assert_true(is_zero(memory, size));
        memset(memory, 0xa5, size);
        if (last != NULL)
            assert_true(memory >= last + last_size || memory + size <= last);
        last = memory;
        last_size = size;
    }
    cof_arena_deinit(&arena);
    assert_null(arena.newest);
    assert_int_equal(arena.allocated_bytes, 0);
}

static void arena__large_request_leaves_the_open_block_in_use(void **state)
{
    struct cof_arena arena = {0};
    char *before = cof_arena_alloc(&arena, 16);
    assert_non_null(cof_arena_alloc(&arena, (size_t)8 << 20));
    char *after = cof_arena_alloc(&arena, 16);
    assert_ptr_equal(after, before + 16);
    assert_true(arena.allocated_bytes >= (size_t)8 << 20);
    cof_arena_deinit(&arena);
}

static void arena__first_request_may_be_larger_than_a_block(void **state)
{
    struct cof_arena arena = {0};
    unsigned char *memory = cof_arena_alloc(&arena, 1000000);
    assert_non_null(memory);
    assert_true(is_zero(memory, 1000000));
    assert_non_null(cof_arena_alloc(&arena, 1));
    cof_arena_deinit(&arena);
}

static void arena__memory_use_stays_near_what_was_asked(void **state)
{
    struct cof_arena arena = {0};
    size_t asked = 0;
    for (size_t i = 0; i < 100000; i++, asked += 64)
        assert_non_null(cof_arena_alloc(&arena, 64));
    assert_true(arena.allocated_bytes < asked + asked / 2);
    cof_arena_deinit(&arena);
}

static void arena__impossible_sizes_are_refused(void **state)
{
    struct cof_arena arena = {0};
    assert_null(cof_arena_alloc(&arena, SIZE_MAX));
    assert_null(cof_arena_alloc(&arena, SIZE_MAX - 64));
    assert_null(cof_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_non_null(cof_arena_array(&arena, 0, 8));
    assert_non_null(cof_arena_array(&arena, 3, 8));
    cof_arena_deinit(&arena);
}

static void arena__copies_and_formats_with_a_terminator(void **state)
{
    struct cof_arena arena = {0};
    struct cof_text copy = cof_arena_copy_text(&arena, COF_TEXT("a\0b"));
    assert_int_equal(copy.size, 3);
    assert_memory_equal(copy.data, "a\0b", 4);
    struct cof_text empty = cof_arena_copy_text(&arena, (struct cof_text){0});
    assert_non_null(empty.data);
    assert_string_equal(empty.data, "");
    struct cof_text line = cof_arena_format(&arena, "%05d-%s", 42, "x");
    assert_string_equal(line.data, "00042-x");
    assert_int_equal(line.size, 7);
    cof_arena_deinit(&arena);
    cof_arena_deinit(&arena);
    cof_arena_deinit(NULL);
}

static enum cof_status fill_arena(void *context, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    (void)context;
    for (int i = 0; i < 200; i++) {
        if (cof_arena_alloc(&arena, 500) == NULL)
            return COF_FAIL_MEMORY(err);
        if (cof_arena_format(&arena, "%d", i).data == NULL)
            return COF_FAIL_MEMORY(err);
    }
    struct cof_text copy = cof_arena_copy_text(&arena, COF_TEXT("text"));
    if (copy.data == NULL) {
        assert_int_equal(copy.size, 0);
        return COF_FAIL_MEMORY(err);
    }
    return COF_OK;
}

static void arena__running_out_of_memory_is_reported_at_every_block(void **state)
{
    assert_true(torture(fill_arena, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena__memory_is_aligned_zeroed_and_disjoint),
        cmocka_unit_test(arena__large_request_leaves_the_open_block_in_use),
        cmocka_unit_test(arena__first_request_may_be_larger_than_a_block),
        cmocka_unit_test(arena__memory_use_stays_near_what_was_asked),
        cmocka_unit_test(arena__impossible_sizes_are_refused),
        cmocka_unit_test(arena__copies_and_formats_with_a_terminator),
        cmocka_unit_test(arena__running_out_of_memory_is_reported_at_every_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
