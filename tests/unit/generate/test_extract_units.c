/* Sentences are whole where lines were wrapped; headings, lists and tables are told apart. */
#include "extract_units.h"

#include <string.h>

#include "testing.h"

enum { MAX_UNITS = 32 };

struct cut {
    struct cof_unit units[MAX_UNITS];
    size_t count;
};

static struct cut cut(const char *text)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer units = {0};
    struct cut result = {0};

    assert_int_equal(cof_units_append(cof_text_from(text), 0, &units, NULL), COF_OK);
    result.count = units.size / sizeof(struct cof_unit);
    assert_true(result.count <= MAX_UNITS);
    if (result.count > 0)
        memcpy(result.units, units.data, units.size);
    return result;
}

static void check_unit(const char *text, const struct cof_unit *unit, const char *expected)
{
    assert_int_equal(unit->end - unit->begin, strlen(expected));
    assert_memory_equal(text + unit->begin, expected, strlen(expected));
}

static void units__join_wrapped_lines(void **state)
{
    static const char text[] = "A full-time employee has 27 working days of paid\n"
                               "holiday in a calendar year, public holidays not\n"
                               "counted. Part-time staff have less.\n\nNext one.";
    struct cut units = cut(text);

    assert_int_equal(units.count, 3);
    check_unit(text, &units.units[0],
               "A full-time employee has 27 working days of paid\n"
               "holiday in a calendar year, public holidays not\ncounted.");
    check_unit(text, &units.units[1], "Part-time staff have less.");
    check_unit(text, &units.units[2], "Next one.");
}

static void units__do_not_join_short_lines(void **state)
{
    static const char text[] = "Opening hours of the service desk in the main building today\n"
                               "Mon 8-17\nTue 9-12\n";
    struct cut units = cut(text);

    assert_int_equal(units.count, 2);
    check_unit(text, &units.units[1], "Tue 9-12");
}

static void units__are_list_items_without_their_marks(void **state)
{
    static const char text[] = "1. Look at the rota first. Wards publish theirs.\n"
                               "2. Enter the request in the system fourteen days before the\n"
                               "   first day.\n- A dash.\n* A star.\n\u2022 A dot.\n> A quote.\n";
    static const char *const expected[] = {
        "Look at the rota first.",
        "Wards publish theirs.",
        "Enter the request in the system fourteen days before the\n   first day.",
        "A dash.",
        "A star.",
        "A dot.",
        "A quote."};
    struct cut units = cut(text);

    assert_int_equal(units.count, 7);
    for (size_t i = 0; i < units.count; i++) {
        check_unit(text, &units.units[i], expected[i]);
        assert_false(units.units[i].is_heading);
    }
}

static void units__know_the_headings_above_them(void **state)
{
    static const char text[] = "# Leave\n\nIntro text here.\n\n## Days\n\nYou have 27.\n\n"
                               "### Part time\n\nLess.\n\n## Asking\n\nAsk first.\n";
    struct cut units = cut(text);
    static const size_t headings[] = {COF_NO_UNIT, 0, 0, 2, 2, 4, 0, 6};
    static const bool are_headings[] = {true, false, true, false, true, false, true, false};

    assert_int_equal(units.count, 8);
    for (size_t i = 0; i < units.count; i++) {
        assert_int_equal(units.units[i].heading, headings[i]);
        assert_int_equal(units.units[i].is_heading, are_headings[i]);
    }
}

static void units__take_a_line_apart_for_a_heading(void **state)
{
    static const char text[] = "THE COMPANY CARD\n\nLimits\n  The limit is 2,500 euro.\n\n"
                               "Every month\n  You find the statement.\n\nThe end";
    struct cut units = cut(text);

    assert_int_equal(units.count, 6);
    assert_true(units.units[0].is_heading);
    assert_true(units.units[1].is_heading);
    assert_false(units.units[2].is_heading);
    assert_int_equal(units.units[2].heading, 1);
    assert_true(units.units[3].is_heading);
    assert_int_equal(units.units[4].heading, 3);
    assert_true(units.units[5].is_heading); /* of what the next passage has */
}

static void units__of_a_table_are_rows_under_its_first_one(void **state)
{
    static const char text[] = "## Days\n\n| Who | Days |\n| --- | ---: |\n| all | 27 |\n"
                               "| young | 30 |\n\nAnd that is it.\n";
    struct cut units = cut(text);

    assert_int_equal(units.count, 5);
    assert_true(units.units[1].is_heading);
    assert_int_equal(units.units[1].heading, 0);
    check_unit(text, &units.units[2], "| all | 27 |");
    assert_int_equal(units.units[2].heading, 1);
    assert_int_equal(units.units[3].heading, 1);
    assert_false(units.units[3].is_heading);
    assert_int_equal(units.units[4].heading, 0);
}

static void units__of_chinese_join_wrapped_lines(void **state)
{
    static const char text[] =
        "\u6CD5\u5B9A\u8282\u5047\u65E5\u548C\u5468\u672B\u4E0D\u8BA1\u5165\u5E74\u4F11\u5047\u6625"
        "\u8282\u671F\u95F4\u4E2D\u5FC3\n\u5173\u95E8\u516B\u5929\u3002\u4E24\u5929\u3002";
    struct cut units = cut(text);

    assert_int_equal(units.count, 2);
    check_unit(text, &units.units[1], "\u4E24\u5929\u3002");
}

static void units__of_nothing_are_none(void **state)
{
    assert_int_equal(cut("").count, 0);
    assert_int_equal(cut(" \n\n\t").count, 0);
    assert_int_equal(cut("| --- | --- |\n***\n---\n").count, 0);
}

static void units__of_several_passages_count_on(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer units = {0};
    struct cof_unit last;

    assert_int_equal(cof_units_append(COF_TEXT("# A\n\nOne."), 0, &units, NULL), COF_OK);
    assert_int_equal(cof_units_append(COF_TEXT("# B\n\nTwo."), 1, &units, NULL), COF_OK);
    assert_int_equal(units.size, 4 * sizeof(last));
    memcpy(&last, units.data + 3 * sizeof(last), sizeof(last));
    assert_int_equal(last.passage, 1);
    assert_int_equal(last.heading, 2);
}

static void units__know_tables_without_bars_at_their_ends(void **state)
{
    static const char text[] = "Who signs\n\nValue | Signatures needed\n"
                               "up to 5,000 | head of department\n"
                               "over 5,000 | clinic director and chief financial officer of it\n"
                               "Afterwards\n\nEvery contract is kept.";
    struct cut units = cut(text);

    assert_int_equal(units.count, 6);
    check_unit(text, &units.units[1], "Value | Signatures needed");
    assert_true(units.units[1].is_heading);
    check_unit(text, &units.units[2], "up to 5,000 | head of department");
    assert_false(units.units[2].is_heading);
    assert_int_equal(units.units[2].heading, 1);
    assert_int_equal(units.units[3].heading, 1);
    check_unit(text, &units.units[4], "Afterwards");
    assert_true(units.units[4].is_heading);
    assert_false(units.units[5].is_heading);
}

static void units__know_a_heading_at_the_end_of_a_passage(void **state)
{
    struct cut units = cut("Go home when someone dies.\n\nPaid days off");
    struct cut alone = cut("Paid days off");

    assert_int_equal(units.count, 2);
    assert_true(units.units[1].is_heading);
    assert_int_equal(alone.count, 1);
    assert_false(alone.units[0].is_heading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units__know_tables_without_bars_at_their_ends),
        cmocka_unit_test(units__know_a_heading_at_the_end_of_a_passage),
        cmocka_unit_test(units__join_wrapped_lines),
        cmocka_unit_test(units__do_not_join_short_lines),
        cmocka_unit_test(units__are_list_items_without_their_marks),
        cmocka_unit_test(units__know_the_headings_above_them),
        cmocka_unit_test(units__take_a_line_apart_for_a_heading),
        cmocka_unit_test(units__of_a_table_are_rows_under_its_first_one),
        cmocka_unit_test(units__of_chinese_join_wrapped_lines),
        cmocka_unit_test(units__of_nothing_are_none),
        cmocka_unit_test(units__of_several_passages_count_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
