/* HTML: what a reader of the page sees. */
#include "testing.h"

#include <pthread.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/buffer.h>
#include <cof/base/file.h>

#include "html_visibility.h"
#include "parse.h"
#include "parse_help.h"

#define TYPE "text/html"

static void html__reads_the_structure_of_a_page(void **state)
{
    assert_blocks(
        TYPE,
        "<!DOCTYPE html><html><head><title>T</title></head><body><h1>Head <em>one</em></h1>"
        "<p>A paragraph\nwith <b>bold</b>words.<p>Another.<h2>Sub</h2>text alone"
        "<ul><li>one<li>two<ul><li>deep</ul>tail</ul><blockquote><p>quoted</blockquote>"
        "<pre>\n  code\n   here\n</pre><dl><dt>term<dd>meaning</dl></body></html>",
        "H1 Head one\nP A paragraph with boldwords.\nP Another.\nH2 Sub\nP text alone\n"
        "L one\nL two\nL deep\nL tail\nQ quoted\nC   code\\n   here\nL term\nL meaning\n");
}

static void html__joins_the_cells_of_a_row(void **state)
{
    assert_blocks(TYPE,
                  "<table><caption>All</caption><thead><tr><th>A<th>B</thead><tr><td>1</td><td><p>2"
                  "</p><p>3</p></td></tr><tr><td></td><td> </td></tr><tr><td>x<td><td>z</table>",
                  "P All\nT A | B\nT 1 | 2 3\nT x | | z\n");
}

static void html__takes_tables_that_lay_out_the_page_apart(void **state)
{
    assert_blocks(TYPE,
                  "<table><tr><td>left</td><td><h1>Head</h1><p>para</p><table><tr><td>a<td>b</tr>"
                  "</table>after</td></tr></table>",
                  "P left |\nH1 Head\nP para\nT a | b\nP after\n");
}

static void html__decodes_character_references(void **state)
{
    assert_blocks(TYPE, "<p>&lt;b&gt; &eacute;&nbsp;&#x4e2d; &amp;amp; &nosuch;",
                  "P <b> \xc3\xa9 中 &amp; &nosuch;\n");
}

static void html__drops_furniture_and_what_is_hidden(void **state)
{
    assert_blocks(
        TYPE,
        "<nav>x</nav><script>x</script><style>x</style><noscript>x</noscript>"
        "<template>x</template><!-- x --><svg><text>x</text></svg><iframe>x</iframe>"
        "<form><input value=x><textarea>x</textarea><select><option>x</select>"
        "<button>x</button><label>shown</label></form><div hidden>x</div>"
        "<div aria-hidden=\"true\">x</div><p style=\"color:red; Display: none\">x</p>"
        "<span style=\"font-size:0\">x</span><span style='opacity: 0.0'>x</span>"
        "<span style='visibility:/**/hidden!important'>x</span><div role=navigation>x</div>"
        "<img alt=x><footer>x</footer><p>kept</p>",
        "P shown\nP kept\n");
    assert_blocks(TYPE, "<article><p>text</p><footer>by the author</footer></article>",
                  "P text\nP by the author\n");
    assert_blocks(TYPE, "<body style='display:none'><p style='font-size:10px'>shown until later",
                  "P shown until later\n");
}

static void html__knows_what_hides(void **state)
{
    static const char *const hiding[] = {
        "display:none", "DISPLAY : none ;",       "a:b;visibility:hidden",
        "opacity:0",    "font-size:0px",          "font-size:1px",
        "opacity:.0",   "display:none!important", "/* ; */display:none"};
    static const char *const showing[] = {
        "display:block",          "opacity:0.5",   "font-size:10px",  "",
        "content:'display:none'", "displays:none", "/*display:none*/"};
    for (size_t i = 0; i < sizeof(hiding) / sizeof(hiding[0]); i++)
        assert_true(cof_html_attribute_hides(COF_TEXT("style"), cof_text_from(hiding[i])));
    for (size_t i = 0; i < sizeof(showing) / sizeof(showing[0]); i++)
        assert_false(cof_html_attribute_hides(COF_TEXT("style"), cof_text_from(showing[i])));
    assert_true(cof_html_attribute_hides(COF_TEXT("HIDDEN"), COF_TEXT("")));
    assert_false(cof_html_attribute_hides(COF_TEXT("aria-hidden"), COF_TEXT("false")));
}

static void html__finds_the_title(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed =
        parse_as(TYPE, COF_TEXT("<title> The\n &amp; title </title><h1>Head</h1>"), &arena);
    assert_true(cof_text_equal(parsed.title, COF_TEXT("The & title")));
    parsed = parse_as(TYPE, COF_TEXT("<p>text<h2>sub</h2><h1>Head</h1><h1>Other</h1>"), &arena);
    assert_true(cof_text_equal(parsed.title, COF_TEXT("Head")));
    parsed = parse_as(TYPE, COF_TEXT("<p>text</p>"), &arena);
    assert_int_equal(parsed.title.size, 0);
}

static void html__gives_ranges_that_hold_the_text(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_text source = COF_TEXT(
        "<h1> Head </h1>\n<p>\n one <b>two</b>\n three &amp; four \n</p><pre>\ncode\n</pre>");
    struct cof_parsed parsed = parse_as(TYPE, source, &arena);
    static const char *const expected[] = {"Head", "one <b>two</b>\n three &amp; four", "code"};
    assert_int_equal(parsed.block_count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct cof_text range = cof_text_slice(source, (size_t)parsed.blocks[i].byte_begin,
                                               (size_t)parsed.blocks[i].byte_end);
        assert_true(cof_text_equal(cof_text_trim(range), cof_text_from(expected[i])));
    }
}

static void html__survives_any_depth(void **state)
{
    static const char *const tags[] = {"<div>",    "<b>",          "<table><tr><td>", "<ul><li>",
                                       "<span a>", "<blockquote>", "<svg>",           "<h1>",
                                       "<pre>",    "<a>"};
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer source = {0};
        for (int j = 0; j < 3000; j++)
            cof_buffer_append_text(&source, cof_text_from(tags[i]));
        cof_buffer_append_text(&source, COF_TEXT("bottom"));
        (void)parse_as(TYPE, cof_buffer_text(&source), &arena);
    }
}

static void *parse_deep(void *context)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_buffer *source = context;
    struct cof_parsed parsed = parse_as(TYPE, cof_buffer_text(source), &arena);
    bool is_right =
        parsed.block_count == 1 && cof_text_equal(parsed.blocks[0].text, COF_TEXT("bottom"));
    return is_right ? context : NULL;
}

/* On a stack that a frame for each level would not fit into. */
static void html__does_not_recurse(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer source = {0};
    pthread_attr_t attributes;
    pthread_t thread;
    void *result = NULL;
    for (int j = 0; j < 20000; j++)
        cof_buffer_append_text(&source, COF_TEXT("<i>"));
    cof_buffer_append_text(&source, COF_TEXT("bottom"));
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)512 * 1024);
    assert_int_equal(pthread_create(&thread, &attributes, parse_deep, &source), 0);
    pthread_join(thread, &result);
    pthread_attr_destroy(&attributes);
    assert_non_null(result);
}

static void html__frees_everything_when_memory_ends(void **state)
{
    struct cof_text source = COF_TEXT("<title>t</title><h1>a</h1><p b=c>d &amp; <b>e</b><table><tr>"
                                      "<td>f<td>g</table><pre>h</pre>");
    bool is_done = false;
    for (long n = 1; !is_done; n++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        COF_CLEANUP(cof_block_list_deinit) struct cof_block_list list = {0};
        cof_block_list_init(&list, source.size, &arena);
        cof_alloc_fail_after(n);
        enum cof_status status = cof_parse_html(source, &list, NULL);
        is_done = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        assert_int_equal(status, is_done ? COF_OK : COF_NO_MEMORY);
    }
}

/* The page of the samples whose menu, scripts, comments and footer hold facts that are wrong. */
static void html__never_tells_the_decoys_of_the_service_desk(void **state)
{
    static const char *const decoys[] = {"1234",
                                         "tenors",
                                         "lentil",
                                         "old hours",
                                         "test banner",
                                         "60 minutes",
                                         "priority colours",
                                         "do not publish",
                                         "moment they leave the printer",
                                         "showBanner"};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer page = {0};
    struct cof_error err = {0};
    if (cof_file_read(COF_SOURCE_DIR "/data/samples/corpus/it-security/service-desk.html", 1 << 20,
                      &page, &err) != COF_OK)
        fail_msg("%s", err.message);
    struct cof_parsed parsed = parse_as(TYPE, cof_buffer_text(&page), &arena);
    const char *blocks = blocks_as_text(&parsed, &arena);
    for (size_t i = 0; i < sizeof(decoys) / sizeof(decoys[0]); i++) {
        assert_int_not_equal(cof_text_index_of(cof_buffer_text(&page), cof_text_from(decoys[i])),
                             SIZE_MAX);
        assert_null(strstr(blocks, decoys[i]));
    }
    assert_non_null(strstr(blocks, "T P1 | Patient record or laboratory system down | 15 minutes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html__reads_the_structure_of_a_page),
        cmocka_unit_test(html__joins_the_cells_of_a_row),
        cmocka_unit_test(html__takes_tables_that_lay_out_the_page_apart),
        cmocka_unit_test(html__decodes_character_references),
        cmocka_unit_test(html__drops_furniture_and_what_is_hidden),
        cmocka_unit_test(html__knows_what_hides),
        cmocka_unit_test(html__finds_the_title),
        cmocka_unit_test(html__gives_ranges_that_hold_the_text),
        cmocka_unit_test(html__survives_any_depth),
        cmocka_unit_test(html__does_not_recurse),
        cmocka_unit_test(html__frees_everything_when_memory_ends),
        cmocka_unit_test(html__never_tells_the_decoys_of_the_service_desk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
