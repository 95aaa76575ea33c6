/* The list of blocks: cleaning, bounds, anchors, the title. */
#include "block_list.h"

#include <inttypes.h>
#include <string.h>

#include "clean.h"

/* An anchor for at least so many bytes of text: finer ones cost more than they tell. */
#define MIN_ANCHOR_BYTES ((size_t)64)

struct anchors {
    struct cof_buffer offsets; /* size_t: into the raw text, then into the cleaned */
    struct cof_buffer sources; /* uint64_t */
};

static void anchors_deinit(struct anchors *anchors)
{
    cof_buffer_deinit(&anchors->offsets);
    cof_buffer_deinit(&anchors->sources);
}

/* Some of the runs: in ascending order and not too close to each other. */
static enum cof_status choose_anchors(const struct cof_raw_text *raw, struct anchors *anchors,
                                      struct cof_error *err)
{
    size_t count = 0;
    const struct cof_raw_run *runs = cof_raw_runs(raw, &count);
    const struct cof_raw_run *last = NULL;
    for (size_t i = 0; i < count; i++) {
        bool is_near = last != NULL && runs[i].raw_offset - last->raw_offset < MIN_ANCHOR_BYTES;
        bool is_backward = last != NULL && runs[i].source_offset <= last->source_offset;
        if (is_near || is_backward || raw->bytes.size < MIN_ANCHOR_BYTES)
            continue;
        last = &runs[i];
        cof_buffer_append(&anchors->offsets, &last->raw_offset, sizeof(last->raw_offset));
        cof_buffer_append(&anchors->sources, &last->source_offset, sizeof(last->source_offset));
    }
    COF_TRY(cof_buffer_status(&anchors->offsets, err));
    return cof_buffer_status(&anchors->sources, err);
}

static enum cof_status keep_anchors(struct cof_block_list *list, const struct anchors *anchors,
                                    struct cof_block *block, struct cof_error *err)
{
    size_t count = anchors->offsets.size / sizeof(size_t);
    if (count == 0)
        return COF_OK;
    struct cof_block_anchor *kept = cof_arena_array(list->arena, count, sizeof(*kept));
    if (kept == NULL)
        return COF_FAIL_MEMORY(err);
    size_t kept_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct cof_block_anchor anchor = {0};
        memcpy(&anchor.text_offset, anchors->offsets.data + i * sizeof(size_t), sizeof(size_t));
        memcpy(&anchor.byte_offset, anchors->sources.data + i * sizeof(uint64_t), sizeof(uint64_t));
        bool is_ahead = kept_count == 0 || anchor.text_offset > kept[kept_count - 1].text_offset;
        if (is_ahead && anchor.text_offset < block->text.size)
            kept[kept_count++] = anchor;
    }
    block->anchors = kept;
    block->anchor_count = kept_count;
    return COF_OK;
}

static enum cof_status clean_block(struct cof_block_list *list, struct cof_block *block,
                                   const struct cof_raw_text *raw, struct cof_error *err)
{
    enum cof_clean_mode mode = block->kind == COF_BLOCK_CODE ? COF_CLEAN_CODE : COF_CLEAN_PROSE;
    COF_CLEANUP(anchors_deinit) struct anchors anchors = {0};
    COF_TRY(choose_anchors(raw, &anchors, err));
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer cleaned = {0};
    bool has_offsets = false;
    COF_TRY(cof_clean_text(cof_raw_bytes(raw), mode, (size_t *)(void *)anchors.offsets.data,
                           anchors.offsets.size / sizeof(size_t), &has_offsets, &cleaned, err));
    if (cleaned.size == 0)
        return COF_OK;
    if (cleaned.size > list->max_text_bytes - list->text_bytes)
        return cof_parse_refuse(list, COF_PARSE_TOO_MUCH_TEXT, 0, err);
    list->text_bytes += cleaned.size;
    block->text = cof_arena_copy_text(list->arena, cof_buffer_text(&cleaned));
    if (block->text.data == NULL)
        return COF_FAIL_MEMORY(err);
    return has_offsets ? keep_anchors(list, &anchors, block, err) : COF_OK;
}

size_t cof_max_text_bytes(size_t source_size)
{
    return 2 * source_size + 4096;
}

void cof_block_list_init(struct cof_block_list *list, size_t source_size, struct cof_arena *arena)
{
    *list = (struct cof_block_list){
        .arena = arena,
        .max_text_bytes = cof_max_text_bytes(source_size),
    };
}

void cof_block_list_deinit(struct cof_block_list *list)
{
    if (list == NULL)
        return;
    cof_buffer_wipe(&list->blocks);
    *list = (struct cof_block_list){0};
}

enum cof_status cof_block_list_add(struct cof_block_list *list, enum cof_block_kind kind,
                                   uint8_t level, struct cof_raw_text *raw, struct cof_error *err)
{
    COF_TRY(cof_buffer_status(&raw->bytes, err));
    COF_TRY(cof_buffer_status(&raw->runs, err));
    struct cof_block block = {
        .kind = kind,
        .level = level,
        .byte_begin = raw->source_begin,
        .byte_end = raw->source_end,
    };
    enum cof_status status = clean_block(list, &block, raw, err);
    cof_raw_clear(raw);
    if (status != COF_OK || block.text.size == 0)
        return status;
    if (list->blocks.size / sizeof(block) >= COF_MAX_BLOCKS)
        return cof_parse_refuse(list, COF_PARSE_TOO_MANY_BLOCKS, 0, err);
    cof_buffer_append(&list->blocks, &block, sizeof(block));
    return cof_buffer_status(&list->blocks, err);
}

enum cof_status cof_block_list_set_title(struct cof_block_list *list, struct cof_text raw,
                                         struct cof_error *err)
{
    if (list->title.size > 0)
        return COF_OK;
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer cleaned = {0};
    COF_TRY(cof_clean_text(raw, COF_CLEAN_PROSE, NULL, 0, NULL, &cleaned, err));
    struct cof_text title = cof_buffer_text(&cleaned);
    if (title.size > COF_MAX_TITLE_BYTES)
        title = cof_text_trim(cof_text_slice(title, 0, cof_utf8_floor(title, COF_MAX_TITLE_BYTES)));
    if (title.size == 0)
        return COF_OK;
    struct cof_text copy = cof_arena_copy_text(list->arena, title);
    if (copy.data == NULL)
        return COF_FAIL_MEMORY(err);
    list->title = copy;
    return COF_OK;
}

struct cof_block *cof_block_list_blocks(const struct cof_block_list *list, size_t *out_count)
{
    *out_count = list->blocks.size / sizeof(struct cof_block);
    return (struct cof_block *)(void *)list->blocks.data;
}

enum cof_status cof_block_list_finish(struct cof_block_list *list, struct cof_parsed *out_parsed,
                                      struct cof_error *err)
{
    size_t count = 0;
    const struct cof_block *blocks = cof_block_list_blocks(list, &count);
    for (size_t i = 0; i < count && list->title.size == 0; i++) {
        bool is_heading = blocks[i].kind == COF_BLOCK_HEADING;
        if (is_heading && (blocks[i].level == 1 || i == 0))
            COF_TRY(cof_block_list_set_title(list, blocks[i].text, err));
    }
    struct cof_block *copy = cof_arena_array(list->arena, count, sizeof(*copy));
    if (copy == NULL)
        return COF_FAIL_MEMORY(err);
    if (count > 0)
        memcpy(copy, blocks, count * sizeof(*copy));
    *out_parsed = (struct cof_parsed){.title = list->title, .blocks = copy, .block_count = count};
    return COF_OK;
}

enum cof_status cof_parse_refuse(struct cof_block_list *list, enum cof_parse_reason reason,
                                 uint64_t offset, struct cof_error *err)
{
    list->reason = reason;
    list->reason_offset = offset;
    return cof_parse_reason_fail(reason, offset, err);
}

enum cof_status cof_parse_reason_fail(enum cof_parse_reason reason, uint64_t offset,
                                      struct cof_error *err)
{
    switch (reason) {
    case COF_PARSE_NOT_UTF8:
        return COF_FAIL(err, COF_INVALID,
                        "the document is not UTF-8 text (byte %" PRIu64 "): convert it to UTF-8",
                        offset);
    case COF_PARSE_NOT_UTF16:
        return COF_FAIL(err, COF_INVALID,
                        "the document begins like UTF-16 and is not (byte %" PRIu64
                        "): convert it to UTF-8",
                        offset);
    case COF_PARSE_TOO_MANY_BLOCKS:
        return COF_FAIL(err, COF_INVALID,
                        "the document has more than %zu paragraphs: split it into several files",
                        COF_MAX_BLOCKS);
    case COF_PARSE_TOO_MUCH_TEXT:
        return COF_FAIL(err, COF_INVALID,
                        "the document swells to more than twice its size when it is read");
    case COF_PARSE_NO_MEMORY:
        return COF_FAIL(err, COF_INVALID,
                        "the document could not be parsed: it takes more memory than a parser may "
                        "have; split it into several files");
    case COF_PARSE_OK:
    case COF_PARSE_REASON_COUNT:
        break;
    }
    return COF_FAIL(err, COF_INTERNAL, "a parse failed without a reason");
}
