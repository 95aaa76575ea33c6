/* Plain text: headings, items, tables and paragraphs by their layout. */
#include "testing.h"

#include <string.h>

#include <cof/base/buffer.h>

#include "parse_help.h"

#define TYPE "text/plain"

static void text__joins_the_lines_of_a_paragraph(void **state)
{
    assert_blocks(
        TYPE,
        "A paragraph of some length that was wrapped by hand at about\n"
        "sixty columns, as people do in mails and notes, and goes on.\n"
        "\n"
        "Another one.\n",
        "P A paragraph of some length that was wrapped by hand at about sixty columns, as "
        "people do in mails and notes, and goes on.\n"
        "P Another one.\n");
}

static void text__knows_the_title_and_the_line_under_it(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const char *source = "PHOTOGRAPHS AND FILMS\nA note from Communications\n\nThey are taken.\n";
    assert_blocks(TYPE, source,
                  "H1 PHOTOGRAPHS AND FILMS\nP A note from Communications\nP They are taken.\n");
    struct cof_parsed parsed = parse_as(TYPE, cof_text_from(source), &arena);
    assert_true(cof_text_equal(parsed.title, COF_TEXT("PHOTOGRAPHS AND FILMS")));
}

static void text__takes_a_short_sentence_for_no_title(void **state)
{
    assert_blocks(TYPE, "We close early.\n\nToday it is four.\n",
                  "P We close early.\nP Today it is four.\n");
    assert_blocks(TYPE, "Hello world\n", "P Hello world\n");
    assert_blocks(TYPE, "Dear all,\n\nwe close early.\n", "P Dear all,\nP we close early.\n");
}

static void text__knows_underlined_headings(void **state)
{
    assert_blocks(TYPE, "One\n===\ntext under it.\n\nTwo\n---\n\ntext under that.\n",
                  "H1 One\nP text under it.\nH2 Two\nP text under that.\n");
}

static void text__knows_headings_of_an_outline(void **state)
{
    assert_blocks(TYPE,
                  "Deletion\n  Messages are deleted 24 months after they came in.\n\n"
                  "Restoring\n  For two weeks.\nSize\n  Fifteen gigabytes.\n",
                  "H2 Deletion\nP Messages are deleted 24 months after they came in.\n"
                  "H2 Restoring\nP For two weeks.\nH2 Size\nP Fifteen gigabytes.\n");
    assert_blocks(TYPE,
                  "一、内部网络\n  内部网络的名称是某某,不需要输入密码。\n\n二、访客网络\n"
                  "  访客在前台登记。\n",
                  "H2 一、内部网络\nP 内部网络的名称是某某,不需要输入密码。\nH2 二、访客网络\n"
                  "P 访客在前台登记。\n");
}

static void text__takes_a_hanging_indent_for_no_heading(void **state)
{
    assert_blocks(TYPE,
                  "Smith, J. and Miller, K.: The long title of a very long book about\n"
                  "   something else, Oxford.\n",
                  "P Smith, J. and Miller, K.: The long title of a very long book about something "
                  "else, Oxford.\n");
}

static void text__knows_numbered_and_lone_headings(void **state)
{
    assert_blocks(TYPE,
                  "Some introduction comes first, and it is a whole sentence.\n\n"
                  "1. Scope\n\nThis applies to all.\n\n1.2 Exceptions\n\nThere are none.\n\n"
                  "What managers do\n\nThey enter the absence in the system, and they do not ask "
                  "for a death notice.\n",
                  "P Some introduction comes first, and it is a whole sentence.\n"
                  "H2 1. Scope\nP This applies to all.\nH3 1.2 Exceptions\nP There are none.\n"
                  "H2 What managers do\n"
                  "P They enter the absence in the system, and they do not ask for a death "
                  "notice.\n");
}

static void text__reads_list_items_with_their_continuations(void **state)
{
    assert_blocks(TYPE,
                  "It takes two things:\n"
                  "  * a form, which is filled in by hand and signed by the head of the\n"
                  "    department\n"
                  "  * patience\n"
                  "  1. Switch it off and on again.\n"
                  "  2. Call.\n",
                  "P It takes two things:\n"
                  "L a form, which is filled in by hand and signed by the head of the department\n"
                  "L patience\nL 1. Switch it off and on again.\nL 2. Call.\n");
}

static void text__takes_a_dash_in_wrapped_text_for_no_item(void **state)
{
    assert_blocks(TYPE,
                  "The department was renamed several times in the past few years\n"
                  "- three times, to be exact - and will be again.\n",
                  "P The department was renamed several times in the past few years - three times, "
                  "to be exact - and will be again.\n");
}

static void text__keeps_the_rows_of_a_table_apart(void **state)
{
    assert_blocks(TYPE,
                  "What          Container    Code\n"
                  "------------  -----------  ----\n"
                  "Gloves        white bag    W-1\n"
                  "Needles       yellow box   W-2\n"
                  "\n"
                  "Name\tAge\nAda\t36\n",
                  "T What | Container | Code\nT Gloves | white bag | W-1\n"
                  "T Needles | yellow box | W-2\nT Name | Age\nT Ada | 36\n");
}

static void text__takes_double_spaces_after_sentences_for_no_table(void **state)
{
    assert_blocks(TYPE,
                  "He came.  She went away for a time that nobody had foreseen.  \n"
                  "It rained.  They stayed.  The end of it was told by others.\n",
                  "P He came. She went away for a time that nobody had foreseen. It rained. They "
                  "stayed. The end of it was told by others.\n");
}

static void text__reads_every_kind_of_line_break(void **state)
{
    assert_blocks(TYPE, "first of all, a line\r\n\r\nsecond, a line\r\rthird, a line\n\nlast.",
                  "H1 first of all, a line\nP second, a line\nP third, a line\nP last.\n");
}

static void text__gives_ranges_that_hold_the_text(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_text source = COF_TEXT("  Title\n\n\n  One line,\n  and another.  \n\n* item\n");
    struct cof_parsed parsed = parse_as(TYPE, source, &arena);
    static const char *const expected[] = {"Title", "One line,\n  and another.", "item"};
    assert_int_equal(parsed.block_count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct cof_text range = cof_text_slice(source, (size_t)parsed.blocks[i].byte_begin,
                                               (size_t)parsed.blocks[i].byte_end);
        assert_true(cof_text_equal(range, cof_text_from(expected[i])));
    }
}

static void text__reads_stanzas_of_any_length(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer source = {0};
    for (int i = 0; i < 20000; i++)
        cof_buffer_append_text(&source, COF_TEXT("one more line of a log without an end\n"));
    struct cof_parsed parsed = parse_as(TYPE, cof_buffer_text(&source), &arena);
    size_t size = 0;
    for (size_t i = 0; i < parsed.block_count; i++)
        size += parsed.blocks[i].text.size + 1;
    assert_int_equal(size, source.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text__joins_the_lines_of_a_paragraph),
        cmocka_unit_test(text__knows_the_title_and_the_line_under_it),
        cmocka_unit_test(text__takes_a_short_sentence_for_no_title),
        cmocka_unit_test(text__knows_underlined_headings),
        cmocka_unit_test(text__knows_headings_of_an_outline),
        cmocka_unit_test(text__takes_a_hanging_indent_for_no_heading),
        cmocka_unit_test(text__knows_numbered_and_lone_headings),
        cmocka_unit_test(text__reads_list_items_with_their_continuations),
        cmocka_unit_test(text__takes_a_dash_in_wrapped_text_for_no_item),
        cmocka_unit_test(text__keeps_the_rows_of_a_table_apart),
        cmocka_unit_test(text__takes_double_spaces_after_sentences_for_no_table),
        cmocka_unit_test(text__reads_every_kind_of_line_break),
        cmocka_unit_test(text__gives_ranges_that_hold_the_text),
        cmocka_unit_test(text__reads_stanzas_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
