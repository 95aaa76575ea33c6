/* Attributes are read strictly, and copied whole. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "attribute_values.h"

static const struct cof_attributes *parse(struct cof_arena *arena, const char *json)
{
    const struct cof_attributes *attributes = NULL;
    struct cof_error err = {0};

    if (cof_attributes_parse(cof_text_from(json), arena, &attributes, &err) != COF_OK)
        fail_msg("%s: %s", json, err.message);
    return attributes;
}

static void refuse(const char *json, const char *needle)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_attributes *attributes = NULL;
    struct cof_error err = {0};

    assert_int_equal(cof_attributes_parse(cof_text_from(json), &arena, &attributes, &err),
                     COF_INVALID);
    assert_null(attributes);
    if (strstr(err.message, needle) == NULL)
        fail_msg("'%s' does not name '%s'", err.message, needle);
}

static void attributes__keep_text_numbers_and_booleans(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_attributes *attributes =
        parse(&arena, "{\"a\":\"x\",\"b\":-1.5,\"c\":true,\"é\":\"\"}");

    assert_int_equal(attributes->count, 4);
    assert_true(
        cof_text_equal(cof_attributes_find(attributes, COF_TEXT("a"))->text, COF_TEXT("x")));
    assert_true(cof_attributes_find(attributes, COF_TEXT("b"))->number < -1.4);
    assert_true(cof_attributes_find(attributes, COF_TEXT("c"))->boolean);
    assert_int_equal(cof_attributes_find(attributes, COF_TEXT("é"))->text.size, 0);
    assert_null(cof_attributes_find(attributes, COF_TEXT("d")));
    assert_null(cof_attributes_find(NULL, COF_TEXT("a")));
}

static void attributes__of_nothing_are_none(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};

    assert_int_equal(parse(&arena, "")->count, 0);
    assert_int_equal(parse(&arena, "{}")->count, 0);
}

static void attributes__refuse_what_is_not_flat(void **state)
{
    refuse("[]", "object");
    refuse("3", "object");
    refuse("{\"deep\":{}}", "deep");
    refuse("{\"list\":[1]}", "list");
    refuse("{\"nothing\":null}", "nothing");
    refuse("{\"\":1}", "empty");
    refuse("{\"a\":1", "");
    refuse("{\"a\":1,\"a\":2}", "a");
}

static void attributes__keep_their_limits(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    static char json[8192];
    char *at = json;

    (void)snprintf(json, sizeof(json), "{\"%064d\":1}", 0);
    assert_int_equal(parse(&arena, json)->count, 1);
    (void)snprintf(json, sizeof(json), "{\"%065d\":1}", 0);
    refuse(json, "64");
    (void)snprintf(json, sizeof(json), "{\"v\":\"%01024d\"}", 0);
    assert_int_equal(parse(&arena, json)->count, 1);
    (void)snprintf(json, sizeof(json), "{\"v\":\"%01025d\"}", 0);
    refuse(json, "'v'");
    *at++ = '{';
    for (int i = 0; i < 33; i++)
        at += snprintf(at, 32, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
    (void)snprintf(at, 8, "}");
    refuse(json, "32");
}

static void attributes__are_copied_without_their_arena(void **state)
{
    struct cof_arena arena = {0};
    const struct cof_attributes *attributes = parse(&arena, "{\"key\":\"value\",\"n\":7}");
    void *memory = cof_calloc(1, cof_attributes_copy_size(attributes));

    assert_non_null(memory);
    const struct cof_attributes *copy = cof_attributes_copy(attributes, memory);
    cof_arena_deinit(&arena);
    assert_true(
        cof_text_equal(cof_attributes_find(copy, COF_TEXT("key"))->text, COF_TEXT("value")));
    assert_int_equal((int)cof_attributes_find(copy, COF_TEXT("n"))->number, 7);
    assert_int_equal(cof_attributes_copy_size(NULL), 0);
    assert_null(cof_attributes_copy(NULL, NULL));
    cof_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes__keep_text_numbers_and_booleans),
        cmocka_unit_test(attributes__of_nothing_are_none),
        cmocka_unit_test(attributes__refuse_what_is_not_flat),
        cmocka_unit_test(attributes__keep_their_limits),
        cmocka_unit_test(attributes__are_copied_without_their_arena),
    };

    return cmocka_run_group_tests_name("attributes", tests, NULL, NULL);
}
