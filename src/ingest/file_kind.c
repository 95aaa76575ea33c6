/* Files that no parser reads, recognised by their first bytes.
 *
 * A name says little: a PDF without a suffix would be taken for text, and its compressed insides be
 * found, or be refused with a word about UTF-8 that helps nobody. The bytes are those that each
 * format's specification demands at offset 0. */
#include <cof/ingest/parser.h>

struct kind {
    struct cof_text mark;
    const char *name;
};

static const struct kind kinds[] = {
    {{"%PDF-", 5}, "PDF files"},
    {{"{\\rtf", 5}, "RTF files"},
    {{"PK\x03\x04", 4}, "ZIP archives and office files (docx, xlsx, odt …)"},
    {{"PK\x05\x06", 4}, "ZIP archives and office files (docx, xlsx, odt …)"},
    {{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8}, "old office files (doc, xls, ppt, msg)"},
    {{"\x1f\x8b", 2}, "gzip archives"},
    {{"\xfd"
      "7zXZ\0",
      6},
     "xz archives"},
    {{"7z\xbc\xaf\x27\x1c", 6}, "7z archives"},
    {{"\x28\xb5\x2f\xfd", 4}, "zstd archives"},
    {{"\x89PNG\r\n\x1a\n", 8}, "images"},
    {{"\xff\xd8\xff", 3}, "images"},
    {{"GIF87a", 6}, "images"},
    {{"GIF89a", 6}, "images"},
    {{"II*\0", 4}, "images"},
    {{"MM\0*", 4}, "images"},
};

/* "BZh" may begin a text; bzip2 has the block size and the digits of pi behind it. */
static bool is_bzip2(struct cof_text text)
{
    return text.size >= 10 && cof_text_has_prefix(text, COF_TEXT("BZh")) &&
           cof_text_equal(cof_text_slice(text, 4, 10), COF_TEXT("\x31\x41\x59\x26\x53\x59"));
}

static bool is_webp(struct cof_text text)
{
    return text.size >= 12 && cof_text_has_prefix(text, COF_TEXT("RIFF")) &&
           cof_text_equal(cof_text_slice(text, 8, 12), COF_TEXT("WEBP"));
}

static const char *kind_of(struct cof_text text)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (cof_text_has_prefix(text, kinds[i].mark))
            return kinds[i].name;
    }
    if (is_bzip2(text))
        return "bzip2 archives";
    return is_webp(text) ? "images" : NULL;
}

enum cof_status cof_media_check(struct cof_bytes source, struct cof_error *err)
{
    const char *kind = kind_of(cof_bytes_text(source));
    if (kind == NULL)
        return COF_OK;
    return COF_FAIL(err, COF_INVALID, "%s are not read yet; convert it to text, Markdown or HTML",
                    kind);
}
