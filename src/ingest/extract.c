/* The table of media types, and the way of one document through it. */
#include "extract.h"

#include <stdio.h>

#include "parse.h"
#include "utf16.h"

static const struct cof_format formats[] = {
    {"text/plain", "txt text log", cof_parse_text},
    {"text/markdown", "md markdown mdown mkd", cof_parse_markdown},
    {"text/html", "html htm xhtml", cof_parse_html},
};

static const struct cof_format_table table_of_formats = {
    .formats = formats,
    .count = sizeof(formats) / sizeof(formats[0]),
};

const struct cof_format_table *cof_formats(void)
{
    return &table_of_formats;
}

static bool has_suffix(const struct cof_format *format, struct cof_text suffix)
{
    struct cof_text rest = cof_text_from(format->suffixes);
    while (rest.size > 0) {
        struct cof_text word = {0};
        (void)cof_text_split(rest, ' ', &word, &rest);
        if (cof_text_equal_ascii_case(word, suffix))
            return true;
    }
    return false;
}

struct cof_text cof_media_type_of(struct cof_text filename)
{
    size_t begin = filename.size;
    while (begin > 0 && filename.data[begin - 1] != '.' && filename.data[begin - 1] != '/')
        begin--;
    if (begin == 0 || filename.data[begin - 1] != '.')
        return (struct cof_text){0};
    struct cof_text suffix = cof_text_slice(filename, begin, filename.size);
    for (size_t i = 0; i < table_of_formats.count; i++) {
        if (has_suffix(&formats[i], suffix))
            return cof_text_from(formats[i].media_type);
    }
    return (struct cof_text){0};
}

enum cof_status cof_format_find(const struct cof_format_table *table, struct cof_text media_type,
                                size_t *out_index, struct cof_error *err)
{
    char names[128] = "";
    size_t size = 0;
    struct cof_text essence = {0};
    struct cof_text parameters = {0};
    (void)cof_text_split(media_type, ';', &essence, &parameters);
    essence = cof_text_trim(essence);
    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->formats[i].media_type;
        if (cof_text_equal_ascii_case(essence, cof_text_from(name))) {
            *out_index = i;
            return COF_OK;
        }
        int written = snprintf(names + size, sizeof(names) - size, "%s%s", i > 0 ? ", " : "", name);
        if (written > 0 && (size_t)written < sizeof(names) - size)
            size += (size_t)written;
    }
    return COF_FAIL(err, COF_INVALID, "this media type cannot be read; those that can: %s", names);
}

/* Offsets in the converted text become offsets in the source. */
struct offset_map {
    const struct cof_utf16 *utf16; /* NULL: they differ by `shift` only */
    uint64_t shift;
};

static uint64_t map_offset(const struct offset_map *map, uint64_t offset)
{
    return map->utf16 != NULL ? cof_utf16_source_of(map->utf16, offset) : offset + map->shift;
}

static void map_blocks(struct cof_block_list *list, const struct offset_map *map)
{
    size_t count = 0;
    struct cof_block *blocks = cof_block_list_blocks(list, &count);
    for (size_t i = 0; i < count; i++) {
        blocks[i].byte_begin = map_offset(map, blocks[i].byte_begin);
        blocks[i].byte_end = map_offset(map, blocks[i].byte_end);
        /* the anchors lie in our own arena: const is a promise to those who read the blocks */
        struct cof_block_anchor *anchors = (struct cof_block_anchor *)(uintptr_t)blocks[i].anchors;
        for (size_t j = 0; j < blocks[i].anchor_count; j++)
            anchors[j].byte_offset = map_offset(map, anchors[j].byte_offset);
    }
}

static enum cof_status parse_utf8(const struct cof_format *format, struct cof_text text,
                                  const struct offset_map *map, struct cof_block_list *list,
                                  struct cof_error *err)
{
    size_t bad_offset = 0;
    if (!cof_utf8_is_valid(text, &bad_offset))
        return cof_parse_refuse(list, COF_PARSE_NOT_UTF8, map_offset(map, bad_offset), err);
    COF_TRY(format->parse(text, list, err));
    if (map->utf16 != NULL || map->shift > 0)
        map_blocks(list, map);
    return COF_OK;
}

static enum cof_status parse(const struct cof_format *format, struct cof_bytes source,
                             struct cof_block_list *list, struct cof_error *err)
{
    if (cof_utf16_has_mark(source)) {
        COF_CLEANUP(cof_utf16_deinit) struct cof_utf16 utf16 = {0};
        COF_TRY(cof_utf16_decode(source, &utf16, err));
        if (!utf16.is_valid)
            return cof_parse_refuse(list, COF_PARSE_NOT_UTF16, utf16.bad_offset, err);
        struct offset_map map = {.utf16 = &utf16};
        return parse_utf8(format, cof_buffer_text(&utf16.text), &map, list, err);
    }
    struct cof_text text = cof_bytes_text(source);
    struct offset_map map = {0};
    if (cof_text_has_prefix(text, COF_TEXT("\xef\xbb\xbf"))) {
        map.shift = 3;
        text = cof_text_slice(text, 3, text.size);
    }
    return parse_utf8(format, text, &map, list, err);
}

enum cof_status cof_extract(const struct cof_format *format, struct cof_bytes source,
                            struct cof_arena *arena, struct cof_parsed *out_parsed,
                            enum cof_parse_reason *out_reason, uint64_t *out_offset,
                            struct cof_error *err)
{
    COF_CLEANUP(cof_block_list_deinit) struct cof_block_list list = {0};
    cof_block_list_init(&list, source.size, arena);
    enum cof_status status = parse(format, source, &list, err);
    if (status == COF_OK)
        status = cof_block_list_finish(&list, out_parsed, err);
    *out_reason = list.reason;
    *out_offset = list.reason_offset;
    if (status != COF_OK && list.reason == COF_PARSE_OK) {
        *out_reason = COF_PARSE_NO_MEMORY;
        return cof_parse_reason_fail(COF_PARSE_NO_MEMORY, 0, err);
    }
    return status;
}
