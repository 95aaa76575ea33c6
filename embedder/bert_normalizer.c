/* Builds and reads the table of code points.
 *
 * An entry packs the number of results (0 to 7), their kind and either the one result or the place
 * of several in `expansions`. The table covers the planes where anything decomposes or has case:
 * 0, 1 and the compatibility ideographs of plane 2; beyond them the rules alone decide.
 *
 * Decomposing one code point at a time skips the canonical reordering of marks. It cannot be seen:
 * the marks that could change places are dropped. */
#include "bert_normalizer.h"

#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/buffer.h>
#include <cof/base/text.h>
#include <cof/base/unicode.h>

#include "bert_unicode.h"

#define LOW_END 0x20000U
#define HIGH_BEGIN 0x2f800U
#define HIGH_END 0x2fa20U
#define TABLE_COUNT (LOW_END + HIGH_END - HIGH_BEGIN)
#define PAGE_SIZE 0x8000U
#define SEPARATOR 0x01

#define VALUE_MASK 0x1fffffU
#define KIND_SHIFT 21
#define KIND_MASK 3U
#define COUNT_SHIFT 24

struct cof_bert_normalizer {
    struct cof_bert_normalizer_options options;
    uint32_t entries[TABLE_COUNT];
    struct cof_buffer expansions; /* of struct cof_bert_char */
};

static bool is_surrogate(uint32_t code_point)
{
    return code_point >= 0xd800 && code_point < 0xe000;
}

static bool is_in_table(uint32_t code_point)
{
    return code_point < LOW_END || (code_point >= HIGH_BEGIN && code_point < HIGH_END);
}

static size_t table_index(uint32_t code_point)
{
    return code_point < LOW_END ? code_point : code_point - HIGH_BEGIN + LOW_END;
}

static enum cof_bert_char_kind kind_of(uint32_t code_point)
{
    if (cof_unicode_is_whitespace(code_point))
        return COF_BERT_CHAR_SPACE;
    return cof_bert_unicode_is_punctuation(code_point) ? COF_BERT_CHAR_ALONE : COF_BERT_CHAR_LETTER;
}

/* The rules in their order, over the code points that one code point decomposes to. */
static size_t apply_rules(const struct cof_bert_normalizer_options *options, uint32_t code_point,
                          struct cof_text mapped, struct cof_bert_char *out_chars)
{
    if (options->clean_text && cof_bert_unicode_is_dropped(code_point))
        return 0;
    if (options->clean_text && cof_unicode_is_whitespace(code_point)) {
        out_chars[0] = (struct cof_bert_char){.code_point = ' ', .kind = COF_BERT_CHAR_SPACE};
        return 1;
    }
    bool is_alone = options->handle_chinese_chars && cof_bert_unicode_is_chinese(code_point);
    size_t count = 0;
    for (size_t at = 0; at < mapped.size && count < COF_BERT_MAX_EXPANSION - 1;) {
        uint32_t part = 0;
        at += cof_utf8_decode(mapped, at, &part);
        out_chars[count++] = (struct cof_bert_char){
            .code_point = part, .kind = is_alone ? COF_BERT_CHAR_ALONE : kind_of(part)};
    }
    return count;
}

/* Memory that is used again for every page. */
struct fill_buffers {
    struct cof_buffer page;
    struct cof_buffer stripped;
    struct cof_buffer mapped;
};

static void fill_buffers_deinit(struct fill_buffers *buffers)
{
    cof_buffer_deinit(&buffers->page);
    cof_buffer_deinit(&buffers->stripped);
    cof_buffer_deinit(&buffers->mapped);
}

/* Appends what is no mark, in pieces as long as there are none. */
static void strip_marks(struct cof_text text, struct cof_buffer *out)
{
    size_t begin = 0;
    for (size_t at = 0; at < text.size;) {
        uint32_t code_point = 0;
        size_t size = cof_utf8_decode(text, at, &code_point);
        if (cof_bert_unicode_is_mark(code_point)) {
            cof_buffer_append_text(out, cof_text_slice(text, begin, at));
            begin = at + size;
        }
        at += size;
    }
    cof_buffer_append_text(out, cof_text_slice(text, begin, text.size));
}

/* Decomposes, drops marks and lowers case, as far as the options say; the result is in `mapped`. */
static enum cof_status map_text(const struct cof_bert_normalizer_options *options,
                                struct cof_text text, struct fill_buffers *buffers,
                                struct cof_error *err)
{
    struct cof_buffer *mapped = &buffers->mapped;
    cof_buffer_clear(mapped);
    if (options->strip_accents) {
        COF_TRY(cof_unicode_nfd(text, mapped, err));
        cof_buffer_clear(&buffers->stripped);
        strip_marks(cof_buffer_text(mapped), &buffers->stripped);
        COF_TRY(cof_buffer_status(&buffers->stripped, err));
        text = cof_buffer_text(&buffers->stripped);
        cof_buffer_clear(mapped);
    }
    if (options->lowercase)
        return cof_unicode_lower(text, mapped, err);
    cof_buffer_append_text(mapped, text);
    return cof_buffer_status(mapped, err);
}

static enum cof_status put_entry(struct cof_bert_normalizer *normalizer, uint32_t code_point,
                                 struct cof_text mapped, struct cof_error *err)
{
    struct cof_bert_char chars[COF_BERT_MAX_EXPANSION];
    size_t count = apply_rules(&normalizer->options, code_point, mapped, chars);
    uint32_t entry = 0;
    if (count == 1) {
        entry = 1U << COUNT_SHIFT | (uint32_t)chars[0].kind << KIND_SHIFT | chars[0].code_point;
    } else if (count > 1) {
        size_t place = normalizer->expansions.size / sizeof(chars[0]);
        cof_buffer_append(&normalizer->expansions, chars, count * sizeof(chars[0]));
        entry = (uint32_t)count << COUNT_SHIFT | ((uint32_t)place & VALUE_MASK);
    }
    normalizer->entries[table_index(code_point)] = entry;
    return cof_buffer_status(&normalizer->expansions, err);
}

/* Maps many code points by one call: they are written with a separator behind each, which nothing
 * maps and which keeps neighbours from combining. */
static enum cof_status fill_page(struct cof_bert_normalizer *normalizer, uint32_t first,
                                 uint32_t end, struct fill_buffers *buffers, struct cof_error *err)
{
    struct cof_buffer *page = &buffers->page;
    cof_buffer_clear(page);
    for (uint32_t c = first; c < end; c++) {
        char bytes[4];
        if (!is_surrogate(c) && c != SEPARATOR) {
            cof_buffer_append(page, bytes, cof_utf8_encode(c, bytes));
            cof_buffer_append_byte(page, SEPARATOR);
        }
    }
    COF_TRY(cof_buffer_status(page, err));
    COF_TRY(map_text(&normalizer->options, cof_buffer_text(page), buffers, err));

    struct cof_text rest = cof_buffer_text(&buffers->mapped);
    for (uint32_t c = first; c < end; c++) {
        struct cof_text result = COF_TEXT("\x01");
        if (is_surrogate(c))
            continue;
        if (c != SEPARATOR)
            (void)cof_text_split(rest, SEPARATOR, &result, &rest);
        COF_TRY(put_entry(normalizer, c, result, err));
    }
    return COF_OK;
}

static enum cof_status fill_table(struct cof_bert_normalizer *normalizer, struct cof_error *err)
{
    COF_CLEANUP(fill_buffers_deinit) struct fill_buffers buffers = {0};
    for (uint32_t c = 0; c < LOW_END; c += PAGE_SIZE)
        COF_TRY(fill_page(normalizer, c, c + PAGE_SIZE, &buffers, err));
    return fill_page(normalizer, HIGH_BEGIN, HIGH_END, &buffers, err);
}

enum cof_status cof_bert_normalizer_create(const struct cof_bert_normalizer_options *options,
                                           struct cof_bert_normalizer **out_normalizer,
                                           struct cof_error *err)
{
    struct cof_bert_normalizer *normalizer = cof_calloc(1, sizeof(*normalizer));
    if (normalizer == NULL)
        return COF_FAIL_MEMORY(err);
    normalizer->options = *options;
    enum cof_status status = fill_table(normalizer, err);
    if (status != COF_OK) {
        cof_bert_normalizer_destroy(normalizer);
        return status;
    }
    *out_normalizer = normalizer;
    return COF_OK;
}

void cof_bert_normalizer_destroy(struct cof_bert_normalizer *normalizer)
{
    if (normalizer == NULL)
        return;
    cof_buffer_deinit(&normalizer->expansions);
    cof_free(normalizer);
}

size_t cof_bert_normalizer_map(const struct cof_bert_normalizer *normalizer, uint32_t code_point,
                               struct cof_bert_char out_chars[COF_BERT_MAX_EXPANSION])
{
    if (!is_in_table(code_point)) {
        const struct cof_bert_normalizer_options *options = &normalizer->options;
        char bytes[4];
        struct cof_text text = {.data = bytes, .size = cof_utf8_encode(code_point, bytes)};
        if (options->strip_accents && cof_bert_unicode_is_mark(code_point))
            return 0;
        return apply_rules(options, code_point, text, out_chars);
    }
    uint32_t entry = normalizer->entries[table_index(code_point)];
    size_t count = entry >> COUNT_SHIFT;
    if (count == 1) {
        out_chars[0] = (struct cof_bert_char){
            .code_point = entry & VALUE_MASK,
            .kind = (enum cof_bert_char_kind)(entry >> KIND_SHIFT & KIND_MASK)};
    } else if (count > 1) {
        size_t offset = (entry & VALUE_MASK) * sizeof(out_chars[0]);
        memcpy(out_chars, normalizer->expansions.data + offset, count * sizeof(out_chars[0]));
    }
    return count;
}
