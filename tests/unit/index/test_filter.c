/* Every operator on every type, and everything that is not understood. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include <cof/index/attributes.h>

static bool matches(const char *filter_json, const char *attributes_json)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    const struct cof_filter *filter = NULL;
    const struct cof_attributes *attributes = NULL;
    struct cof_error err = {0};

    if (cof_json_parse(cof_text_from(filter_json), NULL, &tree, &err) != COF_OK ||
        cof_filter_parse(cof_json_root(tree), &arena, &filter, &err) != COF_OK ||
        cof_attributes_parse(cof_text_from(attributes_json), &arena, &attributes, &err) != COF_OK)
        fail_msg("%s: %s", filter_json, err.message);
    return cof_filter_matches(filter, attributes);
}

static void refuse(const char *filter_json, const char *needle)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    const struct cof_filter *filter = NULL;
    struct cof_error err = {0};

    assert_int_equal(cof_json_parse(cof_text_from(filter_json), NULL, &tree, &err), COF_OK);
    enum cof_status status = cof_filter_parse(cof_json_root(tree), &arena, &filter, &err);
    if (status != COF_INVALID)
        fail_msg("%s was not refused", filter_json);
    assert_null(filter);
    if (strstr(err.message, needle) == NULL)
        fail_msg("%s: '%s' does not name '%s'", filter_json, err.message, needle);
}

static bool compare(const char *type, const char *value, const char *attribute)
{
    char filter[256];
    char attributes[256];

    (void)snprintf(filter, sizeof(filter), "{\"type\":\"%s\",\"key\":\"k\",\"value\":%s}", type,
                   value);
    (void)snprintf(attributes, sizeof(attributes), attribute != NULL ? "{\"k\":%s}" : "{}",
                   attribute);
    return matches(filter, attributes);
}

/* What each operator says of an attribute that is less than, equal to, and over the value. */
static void check_order(const char *less, const char *equal, const char *over)
{
    static const struct {
        const char *type;
        bool expected[3];
    } rows[] = {
        {"eq", {false, true, false}}, {"ne", {true, false, true}},  {"gt", {false, false, true}},
        {"gte", {false, true, true}}, {"lt", {true, false, false}}, {"lte", {true, true, false}},
    };
    const char *attributes[] = {less, equal, over};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t j = 0; j < 3; j++) {
            if (compare(rows[i].type, equal, attributes[j]) != rows[i].expected[j])
                fail_msg("%s %s %s", attributes[j], rows[i].type, equal);
        }
    }
}

static void filter__orders_numbers_by_value(void **state)
{
    check_order("9", "10", "11");
    check_order("-3", "-2.5", "0");
    check_order("1.9999999", "2", "2.0000001");
    assert_true(compare("eq", "10", "1e1"));
    assert_true(compare("eq", "0", "-0.0"));
}

static void filter__orders_text_by_bytes(void **state)
{
    check_order("\"2024-01-31\"", "\"2024-02-01\"", "\"2024-02-02\"");
    check_order("\"Z\"", "\"a\"", "\"aa\"");
    check_order("\"\"", "\"e\"", "\"é\"");
    assert_false(compare("eq", "\"10\"", "\"10 \""));
}

static void filter__compares_booleans_for_equality_only(void **state)
{
    assert_true(compare("eq", "true", "true"));
    assert_false(compare("eq", "true", "false"));
    assert_true(compare("ne", "true", "false"));
    assert_false(compare("ne", "false", "false"));
    refuse("{\"type\":\"gt\",\"key\":\"k\",\"value\":true}", "boolean");
    refuse("{\"type\":\"lte\",\"key\":\"k\",\"value\":false}", "boolean");
}

static void filter__is_false_across_types_but_for_ne_and_nin(void **state)
{
    static const char *const types[] = {"eq", "ne", "gt", "gte", "lt", "lte"};
    static const char *const values[] = {"1", "\"1\"", "true"};

    for (size_t i = 0; i < 6; i++) {
        for (size_t value = 0; value < 3; value++) {
            for (size_t other = 0; other < 3; other++) {
                if (value == other || (value == 2 && i > 1))
                    continue;
                assert_int_equal(compare(types[i], values[value], values[other]), i == 1);
            }
        }
    }
    assert_false(compare("in", "[1,true]", "\"1\""));
    assert_true(compare("nin", "[1,true]", "\"1\""));
}

static void filter__is_false_without_the_attribute_but_for_ne_and_nin(void **state)
{
    static const char *const types[] = {"eq", "ne", "gt", "gte", "lt", "lte"};

    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(compare(types[i], "1", NULL), i == 1);
        assert_int_equal(compare(types[i], "\"a\"", NULL), i == 1);
    }
    assert_false(compare("in", "[1,\"a\"]", NULL));
    assert_true(compare("nin", "[1,\"a\"]", NULL));
}

static void filter__finds_among_many_of_any_type(void **state)
{
    assert_true(compare("in", "[\"b\",3,\"a\",true,1]", "3"));
    assert_true(compare("in", "[\"b\",3,\"a\",true,1]", "true"));
    assert_true(compare("in", "[\"b\",3,\"a\",true,1]", "\"a\""));
    assert_false(compare("in", "[\"b\",3,\"a\",true,1]", "false"));
    assert_false(compare("nin", "[\"b\",3,\"a\",true,1]", "1"));
    assert_true(compare("nin", "[\"b\",3,\"a\",true,1]", "2"));
    assert_false(compare("in", "[]", "2"));
    assert_true(compare("nin", "[]", "2"));
}

static void filter__joins_with_and_and_or(void **state)
{
    const char *both = "{\"type\":\"and\",\"filters\":["
                       "{\"type\":\"eq\",\"key\":\"a\",\"value\":1},"
                       "{\"type\":\"or\",\"filters\":["
                       "{\"type\":\"eq\",\"key\":\"b\",\"value\":2},"
                       "{\"type\":\"gt\",\"key\":\"c\",\"value\":3}]}]}";

    assert_true(matches(both, "{\"a\":1,\"b\":2}"));
    assert_true(matches(both, "{\"a\":1,\"c\":4}"));
    assert_false(matches(both, "{\"a\":1}"));
    assert_false(matches(both, "{\"b\":2,\"c\":4}"));
    assert_true(cof_filter_matches(NULL, NULL));
}

static void filter__refuses_what_it_does_not_understand(void **state)
{
    refuse("{}", "type");
    refuse("[]", "object");
    refuse("\"eq\"", "object");
    refuse("{\"type\":\"EQ\",\"key\":\"k\",\"value\":1}", "EQ");
    refuse("{\"type\":\"like\",\"key\":\"k\",\"value\":\"a\"}", "like");
    refuse("{\"type\":1,\"key\":\"k\",\"value\":1}", "type");
    refuse("{\"type\":\"eq\",\"value\":1}", "key");
    refuse("{\"type\":\"eq\",\"key\":\"\",\"value\":1}", "key");
    refuse("{\"type\":\"eq\",\"key\":7,\"value\":1}", "key");
    refuse("{\"type\":\"eq\",\"key\":\"k\"}", "value");
    refuse("{\"type\":\"eq\",\"key\":\"k\",\"value\":null}", "k");
    refuse("{\"type\":\"eq\",\"key\":\"k\",\"value\":[1]}", "k");
    refuse("{\"type\":\"eq\",\"key\":\"k\",\"value\":{}}", "k");
    refuse("{\"type\":\"in\",\"key\":\"k\",\"value\":1}", "array");
    refuse("{\"type\":\"nin\",\"key\":\"k\",\"value\":[[1]]}", "k");
    refuse("{\"type\":\"eq\",\"key\":\"k\",\"value\":1,\"case\":true}", "case");
    refuse("{\"type\":\"and\"}", "filters");
    refuse("{\"type\":\"and\",\"filters\":[]}", "filters");
    refuse("{\"type\":\"or\",\"filters\":{}}", "filters");
    refuse("{\"type\":\"or\",\"filters\":[1]}", "object");
    refuse("{\"type\":\"or\",\"filters\":[{\"type\":\"eq\",\"key\":\"k\",\"value\":1}],"
           "\"key\":\"k\"}",
           "key");
    struct cof_error err = {0};
    const struct cof_filter *filter = NULL;
    assert_int_equal(cof_filter_parse(NULL, NULL, &filter, &err), COF_INVALID);
}

static void nest(char *json, size_t depth)
{
    json[0] = '\0';
    for (size_t i = 1; i < depth; i++)
        (void)strncat(json, "{\"type\":\"and\",\"filters\":[", 32);
    (void)strncat(json, "{\"type\":\"eq\",\"key\":\"k\",\"value\":1}", 64);
    for (size_t i = 1; i < depth; i++)
        (void)strncat(json, "]}", 3);
}

static void list(char *json, const char *head, const char *item, size_t count, const char *tail)
{
    (void)snprintf(json, 128, "%s", head);
    char *at = json + strlen(json);
    for (size_t i = 0; i < count; i++)
        at += snprintf(at, 64, "%s%s", i > 0 ? "," : "", item);
    (void)snprintf(at, 8, "%s", tail);
}

static void filter__keeps_its_limits(void **state)
{
    static char json[65536];
    const char *comparison = "{\"type\":\"ne\",\"key\":\"k\",\"value\":1}";

    nest(json, 8);
    assert_true(matches(json, "{\"k\":1}"));
    nest(json, 9);
    refuse(json, "8");
    list(json, "{\"type\":\"and\",\"filters\":[", comparison, 256, "]}");
    assert_true(matches(json, "{\"k\":2}"));
    list(json, "{\"type\":\"and\",\"filters\":[", comparison, 257, "]}");
    refuse(json, "256");
    list(json, "{\"type\":\"in\",\"key\":\"k\",\"value\":[", "7", 1024, "]}");
    assert_true(matches(json, "{\"k\":7}"));
    list(json, "{\"type\":\"in\",\"key\":\"k\",\"value\":[", "7", 1025, "]}");
    refuse(json, "1024");
    (void)snprintf(json, sizeof(json), "{\"type\":\"eq\",\"key\":\"%065d\",\"value\":1}", 0);
    refuse(json, "64");
    (void)snprintf(json, sizeof(json), "{\"type\":\"eq\",\"key\":\"k\",\"value\":\"%01025d\"}", 0);
    refuse(json, "1024");
}

static void filter__orders_dates_by_time(void **state)
{
    check_order("\"2026-03-01T11:59:59Z\"", "\"2026-03-01T14:00:00+02:00\"",
                "\"2026-03-01T12:00:01Z\"");
    check_order("\"2026-02-28T23:00:00Z\"", "\"2026-03-01\"", "\"2026-03-02\"");
    /* The same moment, written another way, is equal in time though not in bytes. */
    assert_true(compare("lte", "\"2026-03-01T12:00:00Z\"", "\"2026-03-01T13:00:00+01:00\""));
    assert_true(compare("lte", "\"2026-03-31\"", "\"2026-03-31T18:00:00Z\""));
    assert_false(compare("gt", "\"2026-03-31\"", "\"2026-03-31T18:00:00Z\""));
    /* Bytes would say otherwise. */
    assert_false(compare("gt", "\"2026-03-31\"", "\"soon\""));
    assert_false(compare("lt", "\"2026-03-31\"", "\"2026-02-30\""));
    assert_true(compare("gt", "\"2026-3\"", "\"soon\""));
}

static void filter__looks_at_the_beginning_of_texts(void **state)
{
    assert_true(compare("prefix", "\"hr/\"", "\"hr/leave\""));
    assert_true(compare("prefix", "\"\"", "\"\""));
    assert_false(compare("prefix", "\"hr/\"", "\"hr\""));
    assert_false(compare("prefix", "\"1\"", "10"));
    assert_false(compare("prefix", "\"hr\"", NULL));
    refuse("{\"type\":\"prefix\",\"key\":\"k\",\"value\":1}", "text");
}

static void filter__asks_whether_an_attribute_is_there(void **state)
{
    assert_true(compare("exists", "true", "0"));
    assert_false(compare("exists", "true", NULL));
    assert_true(compare("exists", "false", NULL));
    assert_false(compare("exists", "false", "\"\""));
    refuse("{\"type\":\"exists\",\"key\":\"k\",\"value\":\"yes\"}", "true or false");
    refuse("{\"type\":\"exists\",\"key\":\"k\"}", "value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filter__orders_numbers_by_value),
        cmocka_unit_test(filter__orders_text_by_bytes),
        cmocka_unit_test(filter__compares_booleans_for_equality_only),
        cmocka_unit_test(filter__is_false_across_types_but_for_ne_and_nin),
        cmocka_unit_test(filter__is_false_without_the_attribute_but_for_ne_and_nin),
        cmocka_unit_test(filter__finds_among_many_of_any_type),
        cmocka_unit_test(filter__orders_dates_by_time),
        cmocka_unit_test(filter__looks_at_the_beginning_of_texts),
        cmocka_unit_test(filter__asks_whether_an_attribute_is_there),
        cmocka_unit_test(filter__joins_with_and_and_or),
        cmocka_unit_test(filter__refuses_what_it_does_not_understand),
        cmocka_unit_test(filter__keeps_its_limits),
    };

    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
