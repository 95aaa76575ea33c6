/* Kinds of files by their first bytes: refused with a cure, and texts that only look alike taken.
 */
#include "testing.h"

#include <string.h>

#include <cof/ingest/parser.h>

#define BYTES(literal)                                                                             \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static void file_kind__refuses_what_no_parser_reads_and_says_what_to_do(void **state)
{
    static const struct {
        struct cof_text source;
        const char *kind;
    } cases[] = {
        {BYTES("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"), "PDF"},
        {BYTES("%PDF-"), "PDF"},
        {BYTES("PK\x03\x04\x14\0\x06\0\x08\0"), "office"},
        {BYTES("PK\x05\x06\0\0"), "ZIP"},
        {BYTES("{\\rtf1\\ansi Hello}"), "RTF"},
        {BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0"), "old office"},
        {BYTES("\x1f\x8b\x08\0"), "gzip"},
        {BYTES("BZh91AY&SY\0"), "bzip2"},
        {BYTES("\xfd"
               "7zXZ\0\0"),
         "xz"},
        {BYTES("\x28\xb5\x2f\xfd"), "zstd"},
        {BYTES("\x89PNG\r\n\x1a\n\0"), "images"},
        {BYTES("\xff\xd8\xff\xe0"), "images"},
        {BYTES("GIF89a"), "images"},
        {BYTES("II*\0\x08"), "images"},
        {BYTES("RIFF\x24\0\0\0WEBPVP8 "), "images"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cof_error error = {0};
        assert_int_equal(cof_media_check(cof_text_bytes(cases[i].source), &error), COF_INVALID);
        assert_non_null(strstr(error.message, cases[i].kind));
        assert_non_null(strstr(error.message, "convert it to text, Markdown or HTML"));
    }
}

static void file_kind__takes_texts_that_begin_almost_alike(void **state)
{
    static const struct cof_text cases[] = {
        BYTES(""),
        BYTES("%PDF"),
        BYTES("A PDF begins with %PDF-1.7"),
        BYTES("PKG list"),
        BYTES("{rtf}"),
        BYTES("BZh is how bzip2 begins"),
        BYTES("BZh9"),
        BYTES("GIF89 and others"),
        BYTES("II* stars"),
        BYTES("RIFF\x24\0\0\0WAVE"),
        BYTES("RIFF"),
        BYTES("\xef\xbb\xbfwith a mark"),
        BYTES("\xff\xfeU\0T\0F\0"),
        BYTES("7z is an archive"),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(cof_media_check(cof_text_bytes(cases[i]), NULL), COF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_kind__refuses_what_no_parser_reads_and_says_what_to_do),
        cmocka_unit_test(file_kind__takes_texts_that_begin_almost_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
