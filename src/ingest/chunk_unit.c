/* Cutting blocks.
 *
 * A long block is read in windows, each tokenised once, so that cutting costs time in proportion to
 * the text and memory in proportion to the window. The last sentence of a window may be torn by its
 * end, so the next window begins with it. */
#include "chunk_unit.h"

#include <string.h>

#include <cof/base/unicode.h>

#define WINDOW_BYTES ((size_t)32 * 1024)

struct cutter {
    struct cof_embedder *embedder;
    const struct cof_block *block;
    struct cof_unit_limits limits;
    cof_unit_fn each;
    void *context;

    size_t window;               /* where it begins in the block's text */
    struct cof_buffer tokens;    /* size_t: where each token of the window begins, in the window */
    struct cof_buffer sentences; /* size_t: the same of sentences or lines */
};

static size_t offset_count(const struct cof_buffer *offsets)
{
    return offsets->size / sizeof(size_t);
}

static size_t offset_at(const struct cof_buffer *offsets, size_t index)
{
    return ((const size_t *)(const void *)offsets->data)[index];
}

static void add_token(void *context, uint32_t id, size_t begin, size_t end)
{
    struct cof_buffer *tokens = context;
    (void)id;
    (void)end;
    cof_buffer_append(tokens, &begin, sizeof(begin));
}

static bool add_sentence(void *context, struct cof_text sentence, size_t offset)
{
    struct cof_buffer *sentences = context;
    (void)sentence;
    cof_buffer_append(sentences, &offset, sizeof(offset));
    return true;
}

/* Index of the first token at or after `offset`. */
static size_t token_index(const struct cutter *cutter, size_t offset)
{
    size_t low = 0;
    size_t high = offset_count(&cutter->tokens);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (offset_at(&cutter->tokens, middle) < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t count_between(const struct cutter *cutter, size_t begin, size_t end)
{
    return token_index(cutter, end) - token_index(cutter, begin);
}

static enum cof_status find_sentences(struct cutter *cutter, struct cof_text window,
                                      struct cof_error *err)
{
    cof_buffer_clear(&cutter->sentences);
    if (cutter->block->kind != COF_BLOCK_CODE)
        COF_TRY(cof_unicode_each_sentence(window, add_sentence, &cutter->sentences, err));
    for (size_t i = 0; cutter->block->kind == COF_BLOCK_CODE && i < window.size; i++) {
        if (i == 0 || window.data[i - 1] == '\n')
            cof_buffer_append(&cutter->sentences, &i, sizeof(i));
    }
    return cof_buffer_status(&cutter->sentences, err);
}

static bool is_mark_at(struct cof_text text, size_t offset)
{
    uint32_t code_point = 0;
    if (offset >= text.size)
        return false;
    (void)cof_utf8_decode(text, offset, &code_point);
    return cof_unicode_is_nonspacing_mark(code_point) || code_point == 0x200D ||
           (code_point >= 0xFE00 && code_point <= 0xFE0F);
}

/* Where to cut [begin, end), which is too long: as late as the limits allow, behind a space if
 * there is one in the later half, else between characters, marks left with what they stand on. */
static size_t find_cut(const struct cutter *cutter, struct cof_text window, size_t begin,
                       size_t end)
{
    size_t limit = end;
    size_t last = token_index(cutter, begin) + cutter->limits.max_tokens;
    if (last < offset_count(&cutter->tokens) && offset_at(&cutter->tokens, last) < limit)
        limit = offset_at(&cutter->tokens, last);
    if (limit - begin > cutter->limits.max_bytes)
        limit = cof_utf8_floor(window, begin + cutter->limits.max_bytes);
    if (limit >= end)
        return end;
    for (size_t cut = limit; cut > begin + (limit - begin) / 2; cut--) {
        if (window.data[cut - 1] == ' ' || window.data[cut - 1] == '\n')
            return cut;
    }
    size_t cut = limit;
    while (cut > begin + (limit - begin) / 2 && is_mark_at(window, cut))
        cut = cof_utf8_floor(window, cut - 1);
    if (cut > begin)
        return cut;
    return begin + cof_utf8_sequence_size(window, begin);
}

static enum cof_status emit(struct cutter *cutter, size_t begin, size_t end, struct cof_error *err)
{
    struct cof_unit unit = {
        .block = cutter->block,
        .begin = cutter->window + begin,
        .end = cutter->window + end,
        .token_count = count_between(cutter, begin, end),
    };
    return cutter->each(cutter->context, &unit, err);
}

static enum cof_status emit_sentence(struct cutter *cutter, struct cof_text window, size_t begin,
                                     size_t end, struct cof_error *err)
{
    while (begin < end) {
        size_t cut = end;
        bool is_long = end - begin > cutter->limits.max_bytes ||
                       count_between(cutter, begin, end) > cutter->limits.max_tokens;
        if (is_long)
            cut = find_cut(cutter, window, begin, end);
        COF_TRY(emit(cutter, begin, cut, err));
        begin = cut;
    }
    return COF_OK;
}

/* Emits the sentences of the window; *out_size says how much of it is done. */
static enum cof_status cut_window(struct cutter *cutter, struct cof_text window, bool is_last,
                                  size_t *out_size, struct cof_error *err)
{
    cof_buffer_clear(&cutter->tokens);
    COF_TRY(cof_embedder_each_token(cutter->embedder, window, add_token, &cutter->tokens, err));
    COF_TRY(cof_buffer_status(&cutter->tokens, err));
    COF_TRY(find_sentences(cutter, window, err));
    size_t count = offset_count(&cutter->sentences);
    size_t done = window.size;
    if (!is_last && count > 1) { /* the last may go on behind the window */
        count--;
        done = offset_at(&cutter->sentences, count);
    }
    for (size_t i = 0; i < count; i++) {
        size_t begin = i == 0 ? 0 : offset_at(&cutter->sentences, i);
        size_t end = i + 1 < count ? offset_at(&cutter->sentences, i + 1) : done;
        COF_TRY(emit_sentence(cutter, window, begin, end, err));
    }
    *out_size = done;
    return COF_OK;
}

static enum cof_status cut_block(struct cutter *cutter, struct cof_error *err)
{
    struct cof_text text = cutter->block->text;
    while (cutter->window < text.size) {
        size_t end = text.size;
        if (end - cutter->window > WINDOW_BYTES)
            end = cof_utf8_floor(text, cutter->window + WINDOW_BYTES);
        size_t size = 0;
        COF_TRY(cut_window(cutter, cof_text_slice(text, cutter->window, end), end == text.size,
                           &size, err));
        cutter->window += size;
    }
    return COF_OK;
}

enum cof_status cof_each_unit(struct cof_embedder *embedder, const struct cof_block *block,
                              const struct cof_unit_limits *limits, cof_unit_fn each, void *context,
                              struct cof_error *err)
{
    if (block->text.size <= limits->max_bytes) {
        struct cof_unit unit = {.block = block, .end = block->text.size};
        COF_TRY(cof_embedder_count_tokens(embedder, block->text, &unit.token_count, err));
        if (unit.token_count <= limits->max_tokens)
            return each(context, &unit, err);
    }
    struct cutter cutter = {
        .embedder = embedder, .block = block, .limits = *limits, .each = each, .context = context};
    enum cof_status status = cut_block(&cutter, err);
    cof_buffer_deinit(&cutter.tokens);
    cof_buffer_deinit(&cutter.sentences);
    return status;
}

struct cof_text cof_unit_text(const struct cof_unit *unit)
{
    return cof_text_slice(unit->block->text, unit->begin, unit->end);
}

/* The anchor with this index; -1 is where the block begins, anchor_count where it ends. */
static struct cof_block_anchor anchor_at(const struct cof_block *block, size_t index_plus_one)
{
    if (index_plus_one == 0)
        return (struct cof_block_anchor){.text_offset = 0, .byte_offset = block->byte_begin};
    if (index_plus_one > block->anchor_count)
        return (struct cof_block_anchor){.text_offset = block->text.size,
                                         .byte_offset = block->byte_end};
    return block->anchors[index_plus_one - 1];
}

/* Number of anchors, the one where the block begins included, before text offset `offset`. */
static size_t anchors_before(const struct cof_block *block, size_t offset)
{
    size_t low = 0;
    size_t high = block->anchor_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (block->anchors[middle].text_offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low + 1;
}

static bool is_verbatim(struct cof_block_anchor from, struct cof_block_anchor to)
{
    return to.byte_offset >= from.byte_offset &&
           to.text_offset - from.text_offset == to.byte_offset - from.byte_offset;
}

void cof_block_source_range(const struct cof_block *block, size_t begin, size_t end,
                            uint64_t *out_begin, uint64_t *out_end)
{
    size_t index = anchors_before(block, begin + 1);
    struct cof_block_anchor from = anchor_at(block, index - 1);
    struct cof_block_anchor to = anchor_at(block, index);
    *out_begin = from.byte_offset;
    if (is_verbatim(from, to))
        *out_begin += begin - from.text_offset;
    index = anchors_before(block, end);
    from = anchor_at(block, index - 1);
    to = anchor_at(block, index);
    *out_end = to.byte_offset;
    if (is_verbatim(from, to))
        *out_end = from.byte_offset + (end - from.text_offset);
    if (*out_end < *out_begin)
        *out_end = *out_begin;
}
