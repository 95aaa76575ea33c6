/* UTF-16 in both byte orders (RFC 2781). */
#include "utf16.h"

#define MARK_STEP_BYTES ((size_t)1024)

struct mark {
    uint64_t text_offset;
    uint64_t source_offset;
};

static uint32_t unit_at(struct cof_bytes source, size_t offset, bool is_big_endian)
{
    uint32_t first = source.data[offset];
    uint32_t second = source.data[offset + 1];
    return is_big_endian ? first << 8 | second : second << 8 | first;
}

/* Size in bytes of the character at `offset`, 0 where the source is broken. */
static size_t decode_at(struct cof_bytes source, size_t offset, bool is_big_endian,
                        uint32_t *out_code_point)
{
    if (source.size - offset < 2)
        return 0;
    uint32_t unit = unit_at(source, offset, is_big_endian);
    *out_code_point = unit;
    if (unit < 0xD800 || unit > 0xDFFF)
        return 2;
    if (unit > 0xDBFF || source.size - offset < 4)
        return 0;
    uint32_t low = unit_at(source, offset + 2, is_big_endian);
    if (low < 0xDC00 || low > 0xDFFF)
        return 0;
    *out_code_point = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    return 4;
}

bool cof_utf16_has_mark(struct cof_bytes source)
{
    return source.size >= 2 && ((source.data[0] == 0xFE && source.data[1] == 0xFF) ||
                                (source.data[0] == 0xFF && source.data[1] == 0xFE));
}

enum cof_status cof_utf16_decode(struct cof_bytes source, struct cof_utf16 *out_utf16,
                                 struct cof_error *err)
{
    bool is_big_endian = source.data[0] == 0xFE;
    size_t next_mark = 0;
    struct cof_utf16 utf16 = {.is_valid = true};
    for (size_t i = 2; i < source.size;) {
        uint32_t code_point = 0;
        char bytes[4];
        size_t size = decode_at(source, i, is_big_endian, &code_point);
        if (size == 0) {
            utf16.is_valid = false;
            utf16.bad_offset = i;
            break;
        }
        if (utf16.text.size >= next_mark) {
            struct mark mark = {.text_offset = utf16.text.size, .source_offset = i};
            cof_buffer_append(&utf16.marks, &mark, sizeof(mark));
            next_mark = utf16.text.size + MARK_STEP_BYTES;
        }
        cof_buffer_append(&utf16.text, bytes, cof_utf8_encode(code_point, bytes));
        i += size;
    }
    enum cof_status status = cof_buffer_status(&utf16.text, err);
    if (status == COF_OK)
        status = cof_buffer_status(&utf16.marks, err);
    if (status != COF_OK) {
        cof_utf16_deinit(&utf16);
        return status;
    }
    *out_utf16 = utf16;
    return COF_OK;
}

uint64_t cof_utf16_source_of(const struct cof_utf16 *utf16, uint64_t text_offset)
{
    const struct mark *marks = (const struct mark *)(const void *)utf16->marks.data;
    size_t low = 0;
    size_t high = utf16->marks.size / sizeof(*marks);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (marks[middle].text_offset <= text_offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 2; /* behind the byte order mark */
    uint64_t source = marks[low - 1].source_offset;
    struct cof_text text = cof_buffer_text(&utf16->text);
    for (size_t i = marks[low - 1].text_offset; i < text_offset && i < text.size;) {
        size_t size = cof_utf8_sequence_size(text, i);
        source += size == 4 ? 4 : 2;
        i += size > 0 ? size : 1;
    }
    return source;
}

void cof_utf16_deinit(struct cof_utf16 *utf16)
{
    cof_buffer_wipe(&utf16->text);
    cof_buffer_deinit(&utf16->marks);
    *utf16 = (struct cof_utf16){0};
}
