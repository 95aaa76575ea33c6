/* Markdown: blocks, inline marks, and HTML that a reader would not see. */
#include "testing.h"

#include <string.h>

#include <cof/base/buffer.h>

#include "parse_help.h"

#define TYPE "text/markdown"

static void markdown__knows_both_kinds_of_headings(void **state)
{
    assert_blocks(TYPE, "# One\n## Two ##\n###### Six\n####### no\n#no\n\nSeven\n=\nEight\n---\n",
                  "H1 One\nH2 Two\nH6 Six\nP ####### no #no\nH1 Seven\nH2 Eight\n");
}

static void markdown__takes_the_marks_off_the_text(void **state)
{
    assert_blocks(
        TYPE, "**bold** *em* __bold__ _em_ ***both*** ~~gone~~ `co*de*` a*b*c snake_case_name\n",
        "P bold em bold em both gone co*de* abc snake_case_name\n");
    assert_blocks(TYPE, "2 * 3 * 4, **open, _open, 5*\n", "P 2 * 3 * 4, *open, _open, 5\n");
    assert_blocks(TYPE, "\\*not em\\* \\\\ \\# \\q\n", "P *not em* \\ # \\q\n");
    assert_blocks(TYPE, "中文**强调。**后面**前**文\n", "P 中文强调。后面前文\n");
}

static void markdown__keeps_the_text_of_links_and_drops_images(void **state)
{
    assert_blocks(TYPE,
                  "[a](http://x/(y)z \"t\") [b *c*][ref] [d][] ![alt](data:image/png;base64,AAAA) "
                  "[![alt](i)](x) <https://auto.example/> <me@x.example> note[^1]\n\n"
                  "[ref]: http://x.example 'title'\n[^1]: what the note says\n",
                  "P a b c d https://auto.example/ me@x.example note\nP what the note says\n");
    assert_blocks(TYPE, "[x] (see) [1](the first one) a[i] = b[j]\n",
                  "P [x] (see) [1](the first one) a[i] = b[j]\n");
    assert_blocks(TYPE, "[Note]: please remember to call\n", "P [Note]: please remember to call\n");
}

static void markdown__decodes_character_references(void **state)
{
    assert_blocks(TYPE, "caf&eacute; &amp; t&#233; &#x4e2d; &nosuch; AT&T `&amp;`\n",
                  "P caf\xc3\xa9 & t\xc3\xa9 中 &nosuch; AT&T &amp;\n");
}

static void markdown__reads_lists_of_every_shape(void **state)
{
    assert_blocks(TYPE,
                  "- one\n  goes on\nlazily\n- two\n\n  second paragraph\n    * nested\n"
                  "1. first\n2) second\n\n   more of it\n\nNo list.\n",
                  "L one goes on lazily\nL two\nL second paragraph\nL nested\nL 1. first\n"
                  "L 2) second\nL more of it\nP No list.\n");
    assert_blocks(TYPE, "The year was\n1986. A great one.\n\n- - - deep\n",
                  "P The year was 1986. A great one.\nL deep\n");
}

static void markdown__reads_code(void **state)
{
    assert_blocks(TYPE,
                  "```sh\n$ ls  -l\n\n  # *x*\n```\n\n    indented\n      more\n\n~~~\nopen\n",
                  "C $ ls  -l\\n\\n  # *x*\nC indented\\n  more\nC open\n");
    assert_blocks(TYPE, "- item\n  ```\n  code\n  ```\n- next\n", "L item\nC code\nL next\n");
}

static void markdown__reads_quotes(void **state)
{
    assert_blocks(TYPE, "> first\nlazy\n> # Head\n> - item\n\nOut.\n",
                  "Q first lazy\nQ Head\nQ item\nP Out.\n");
}

static void markdown__reads_tables(void **state)
{
    assert_blocks(TYPE,
                  "Before.\n| A | B \\| C |\n|---|:-:|\n| 1 | *2* |\n| only |\n\n"
                  "x | y\n--- | ---\n`a` | [l](u)\n",
                  "P Before.\nT A | B | C\nT 1 | 2\nT only\nT x | y\nT a | l\n");
    assert_blocks(TYPE, "a | b\nc | d\n", "P a | b c | d\n");
}

static void markdown__reads_the_title_of_front_matter(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed = parse_as(
        TYPE, COF_TEXT("---\ntitle: \"The title\"\ntags: [a]\n---\n# Head\n\ntext\n"), &arena);
    assert_true(cof_text_equal(parsed.title, COF_TEXT("The title")));
    assert_string_equal(blocks_as_text(&parsed, &arena), "H1 Head\nP text\n");
    parsed = parse_as(TYPE, COF_TEXT("---\n\nno front matter\n\n---\n"), &arena);
    assert_string_equal(blocks_as_text(&parsed, &arena), "P no front matter\n");
    parsed = parse_as(TYPE, COF_TEXT("Some text\n\n# Head\n\n# Other\n"), &arena);
    assert_true(cof_text_equal(parsed.title, COF_TEXT("Head")));
}

static void markdown__drops_html_that_is_not_shown(void **state)
{
    assert_blocks(TYPE, "a <!-- secret --> b\n\n<!--\nsecret\n\nsecret\n-->\n\nc\n",
                  "P a b\nP c\n");
    assert_blocks(TYPE, "<div hidden>\n\n# secret\n\n</div>\n\nshown\n", "P shown\n");
    assert_blocks(TYPE, "a<span style=\"display : NONE\">secret <b>x</b></span>b\n", "P a b\n");
    assert_blocks(TYPE, "<script>var secret;</script>\n<style>p {}</style>\n\nshown\n",
                  "P shown\n");
    assert_blocks(TYPE, "shown\n\n<div style='visibility:hidden'>secret\n\nsecret", "P shown\n");
    assert_blocks(TYPE, "shown\n\n<!-- secret\n\nsecret", "P shown\n");
}

static void markdown__leaves_html_in_code_alone(void **state)
{
    assert_blocks(TYPE, "```\n<!-- kept -->\n<script>kept</script>\n```\n",
                  "C <!-- kept -->\\n<script>kept</script>\n");
    assert_blocks(TYPE, "Write `<!-- x -->` and `<nav>`.\n", "P Write <!-- x --> and <nav>.\n");
    assert_blocks(TYPE, "A <nav> without its end loses nothing.\n",
                  "P A without its end loses nothing.\n");
}

static void markdown__reads_html_that_is_shown(void **state)
{
    assert_blocks(
        TYPE,
        "<table>\n<tr><td>A</td>\n\n<td>B</td></tr>\n</table>\n\n<p>para <b>bold</b></p>\n"
        "\ntext<br>next <i>em</i>\n",
        "T A | B\nP para bold\nP text next em\n");
}

static void markdown__gives_ranges_that_hold_the_text(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_text source = COF_TEXT("\n## Head ##\n\n> some *text*\n> here\n\n1. item\n");
    struct cof_parsed parsed = parse_as(TYPE, source, &arena);
    static const char *const expected[] = {"Head", "some *text*\n> here", "1. item"};
    assert_int_equal(parsed.block_count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct cof_text range = cof_text_slice(source, (size_t)parsed.blocks[i].byte_begin,
                                               (size_t)parsed.blocks[i].byte_end);
        assert_true(cof_text_equal(range, cof_text_from(expected[i])));
    }
}

static void markdown__is_patient_with_hostile_nesting(void **state)
{
    static const char *const pieces[] = {"- ",  "> ",    "[",   "![",  "*a ", "`",  "<a ",
                                         "(",   "| ",    "&a",  "<!-", "_",   "](", "~~",
                                         "**a", "<nav>", "1. ", "# ",  "\t",  "\\"};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer source = {0};
        while (source.size < 200000)
            cof_buffer_append_text(&source, cof_text_from(pieces[i]));
        cof_buffer_append_byte(&source, 'x');
        (void)parse_as(TYPE, cof_buffer_text(&source), &arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markdown__knows_both_kinds_of_headings),
        cmocka_unit_test(markdown__takes_the_marks_off_the_text),
        cmocka_unit_test(markdown__keeps_the_text_of_links_and_drops_images),
        cmocka_unit_test(markdown__decodes_character_references),
        cmocka_unit_test(markdown__reads_lists_of_every_shape),
        cmocka_unit_test(markdown__reads_code),
        cmocka_unit_test(markdown__reads_quotes),
        cmocka_unit_test(markdown__reads_tables),
        cmocka_unit_test(markdown__reads_the_title_of_front_matter),
        cmocka_unit_test(markdown__drops_html_that_is_not_shown),
        cmocka_unit_test(markdown__leaves_html_in_code_alone),
        cmocka_unit_test(markdown__reads_html_that_is_shown),
        cmocka_unit_test(markdown__gives_ranges_that_hold_the_text),
        cmocka_unit_test(markdown__is_patient_with_hostile_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
