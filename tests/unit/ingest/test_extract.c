/* Media types, encodings, and where in the source the text was. */
#include "testing.h"

#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/buffer.h>
#include <cof/ingest/parser.h>

#include "extract.h"
#include "parse_help.h"

static void assert_media_type(const char *filename, const char *expected)
{
    assert_true(
        cof_text_equal(cof_media_type_of(cof_text_from(filename)), cof_text_from(expected)));
}

static void extract__knows_media_types_by_file_name(void **state)
{
    assert_media_type("a.md", "text/markdown");
    assert_media_type("dir.x/a.b.MARKDOWN", "text/markdown");
    assert_media_type("page.HTM", "text/html");
    assert_media_type("notes.txt", "text/plain");
    assert_media_type("report.pdf", "");
    assert_media_type("README", "");
    assert_media_type("folder.md/README", "");
    assert_media_type(".md", "text/markdown");
    assert_media_type("dot.", "");
    assert_media_type("", "");
}

/* UTF-16 of ASCII and of one character beyond the first plane, with the mark. */
static void append_utf16(struct cof_buffer *out, const uint16_t *units, size_t count, bool is_big)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t high = (uint8_t)(units[i] >> 8);
        uint8_t low = (uint8_t)units[i];
        cof_buffer_append_byte(out, is_big ? high : low);
        cof_buffer_append_byte(out, is_big ? low : high);
    }
}

static enum cof_status extract(const char *media_type, struct cof_bytes source,
                               struct cof_arena *arena, struct cof_parsed *out_parsed,
                               struct cof_error *err)
{
    enum cof_parse_reason reason = COF_PARSE_OK;
    uint64_t offset = 0;
    size_t format = 0;
    assert_int_equal(cof_format_find(cof_formats(), cof_text_from(media_type), &format, NULL),
                     COF_OK);
    return cof_extract(&cof_formats()->formats[format], source, arena, out_parsed, &reason, &offset,
                       err);
}

static void extract__converts_utf16_and_keeps_offsets_of_the_source(void **state)
{
    static const uint16_t units[] = {0xFEFF, '#',    ' ',    'H', '\n', '\n',
                                     0xD83D, 0xDE00, 0x4E2D, ' ', 'x',  '\n'};
    for (int is_big = 0; is_big < 2; is_big++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer source = {0};
        struct cof_parsed parsed = {0};
        append_utf16(&source, units, sizeof(units) / sizeof(units[0]), is_big != 0);
        assert_int_equal(extract("text/markdown", cof_buffer_bytes(&source), &arena, &parsed, NULL),
                         COF_OK);
        assert_string_equal(blocks_as_text(&parsed, &arena),
                            "H1 H\nP \xf0\x9f\x98\x80\xe4\xb8\xad x\n");
        assert_int_equal(parsed.blocks[0].byte_begin, 6);
        assert_int_equal(parsed.blocks[0].byte_end, 8);
        assert_int_equal(parsed.blocks[1].byte_begin, 12);
        assert_int_equal(parsed.blocks[1].byte_end, 22);
    }
}

static void extract__maps_offsets_of_long_utf16(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer source = {0};
    static const uint16_t mark[] = {0xFEFF};
    static const uint16_t line[] = {0x4E2D, 0xD83D, 0xDE00, 'a', '.', '\n', '\n'};
    struct cof_parsed parsed = {0};
    append_utf16(&source, mark, 1, false);
    for (int i = 0; i < 5000; i++)
        append_utf16(&source, line, sizeof(line) / sizeof(line[0]), false);
    assert_int_equal(extract("text/plain", cof_buffer_bytes(&source), &arena, &parsed, NULL),
                     COF_OK);
    assert_int_equal(parsed.block_count, 5000);
    for (size_t i = 0; i < 5000; i++) {
        assert_int_equal(parsed.blocks[i].byte_begin, 2 + 14 * i);
        assert_int_equal(parsed.blocks[i].byte_end, 2 + 14 * i + 10);
    }
}

static void extract__says_where_utf16_is_broken(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } cases[] = {
        {"\xff\xfe"
         "a\0b",
         5, "(byte 4)"},
        {"\xff\xfe"
         "a\0\x3d\xd8"
         "b\0",
         8, "(byte 4)"},
        {"\xfe\xff\xde\x00", 4, "(byte 2)"},
        {"\xff\xfe\x3d\xd8", 4, "(byte 2)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_parsed parsed = {0};
        struct cof_error err = {0};
        struct cof_bytes source = {.data = (const uint8_t *)cases[i].bytes, .size = cases[i].size};
        assert_int_equal(extract("text/plain", source, &arena, &parsed, &err), COF_INVALID);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_non_null(strstr(err.message, "UTF-16"));
    }
}

static void extract__passes_over_a_byte_order_mark(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed = {0};
    struct cof_text source = COF_TEXT("\xef\xbb\xbf# Head\n\ntext");
    assert_int_equal(extract("text/markdown", cof_text_bytes(source), &arena, &parsed, NULL),
                     COF_OK);
    assert_string_equal(blocks_as_text(&parsed, &arena), "H1 Head\nP text\n");
    assert_int_equal(parsed.blocks[0].byte_begin, 5);
    assert_int_equal(parsed.blocks[1].byte_begin, 11);
}

static void extract__survives_nul_bytes(void **state)
{
    static const char *const types[] = {"text/plain", "text/markdown", "text/html"};
    for (size_t i = 0; i < 3; i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_parsed parsed = {0};
        assert_int_equal(extract(types[i], cof_text_bytes(COF_TEXT("some\0 text\0\0 here")), &arena,
                                 &parsed, NULL),
                         COF_OK);
        assert_string_equal(blocks_as_text(&parsed, &arena), "P some text here\n");
    }
}

static void extract__bounds_what_a_document_swells_to(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer source = {0};
    struct cof_parsed parsed = {0};
    struct cof_error err = {0};
    /* NFC makes three times as many bytes of this musical symbol */
    for (int i = 0; i < 3000; i++)
        cof_buffer_append_text(&source, COF_TEXT("\xf0\x9d\x85\xa0"));
    assert_int_equal(extract("text/plain", cof_buffer_bytes(&source), &arena, &parsed, &err),
                     COF_INVALID);
    assert_non_null(strstr(err.message, "swells"));
}

static void extract__bounds_the_number_of_blocks(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer source = {0};
    struct cof_parsed parsed = {0};
    struct cof_error err = {0};
    for (size_t i = 0; i <= COF_MAX_BLOCKS; i++)
        cof_buffer_append_text(&source, COF_TEXT("a.\n\n"));
    assert_int_equal(extract("text/plain", cof_buffer_bytes(&source), &arena, &parsed, &err),
                     COF_INVALID);
    assert_non_null(strstr(err.message, "more than 1000000 paragraphs"));
}

static void extract__survives_the_end_of_memory_at_every_allocation(void **state)
{
    static const char *const types[] = {"text/plain", "text/markdown", "text/html"};
    struct cof_text source = COF_TEXT("Head\n====\n\n- item *one* caf\xc3\xa9 &eacute;\n\n"
                                      "| a | b |\n|---|---|\n| c | d |\n\n<p>x</p>\n\n```\ncode\n");
    for (size_t i = 0; i < 3; i++) {
        bool is_done = false;
        for (long n = 1; !is_done; n++) {
            COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
            struct cof_parsed parsed = {0};
            struct cof_error err = {0};
            cof_alloc_fail_after(n);
            enum cof_status status =
                extract(types[i], cof_text_bytes(source), &arena, &parsed, &err);
            is_done = cof_alloc_fail_is_pending();
            cof_alloc_fail_after(-1);
            assert_int_equal(status, is_done ? COF_OK : COF_INVALID);
            if (!is_done)
                assert_non_null(strstr(err.message, "memory"));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extract__knows_media_types_by_file_name),
        cmocka_unit_test(extract__converts_utf16_and_keeps_offsets_of_the_source),
        cmocka_unit_test(extract__maps_offsets_of_long_utf16),
        cmocka_unit_test(extract__says_where_utf16_is_broken),
        cmocka_unit_test(extract__passes_over_a_byte_order_mark),
        cmocka_unit_test(extract__survives_nul_bytes),
        cmocka_unit_test(extract__bounds_what_a_document_swells_to),
        cmocka_unit_test(extract__bounds_the_number_of_blocks),
        cmocka_unit_test(extract__survives_the_end_of_memory_at_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
