/* Packing units into chunks.
 *
 * Units come in the order of the document. Each belongs to the section whose headings are open; a
 * chunk takes the path of its first unit's section as its heading. A section that begins inside a
 * chunk has its heading as a line of the text. A heading under which nothing stands is text itself,
 * so whatever a document says is in some chunk. Token counts are added up from the parts; when a
 * chunk is finished its text is counted once as a whole, and halved until it fits if a tokenizer
 * makes more tokens of the whole than of its parts. */
#include <cof/ingest/chunker.h>

#include <string.h>

#include <cof/base/unicode.h>

#include "chunk_text.h"
#include "chunk_unit.h"
#include "section.h"

#define DEFAULT_MAX_TOKENS ((size_t)200)
#define MIN_MAX_TOKENS ((size_t)16)
#define MODEL_MARKS ((size_t)2) /* special tokens that a model puts around a text */
/* Bytes for each token that a chunk may have: far more than text needs, and a bound for what is no
 * text. */
#define MAX_BYTES_PER_TOKEN ((size_t)32)

/* A unit in the text of the chunk that is being packed. */
struct placed {
    struct cof_unit unit;
    uint64_t section_id;
    size_t text_begin; /* in the chunk's text */
};

struct packer {
    struct cof_embedder *embedder;
    struct cof_chunker_options options;
    struct cof_arena *arena;
    struct cof_text title;
    struct cof_buffer chunks; /* struct cof_chunk_write */

    struct cof_section section;
    bool has_path;
    uint64_t path_section_id; /* whose path it is */
    struct cof_text path;
    size_t max_tokens; /* of a chunk with this path */
    size_t max_bytes;

    /* The chunk that is being packed. */
    uint64_t number; /* 1, 2, … */
    struct cof_buffer text;
    struct cof_buffer placed; /* struct placed */
    struct cof_text heading;
    size_t limit_tokens;
    size_t token_count;
    size_t overlap_size; /* of the text that the chunk before has, too */
    uint64_t byte_begin;
    uint64_t byte_end;
};

static size_t placed_count(const struct packer *packer)
{
    return packer->placed.size / sizeof(struct placed);
}

static const struct placed *placed_at(const struct packer *packer, size_t index)
{
    return (const struct placed *)(const void *)packer->placed.data + index;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- Sections ---- */

/* The path of the section that is open now, and how many tokens it leaves for a text. */
static enum cof_status enter_section(struct packer *packer, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer context = {0};
    size_t context_tokens = 0;
    if (packer->has_path && packer->path_section_id == cof_section_id(&packer->section))
        return COF_OK;
    COF_TRY(cof_section_path(&packer->section, packer->arena, &packer->path, err));
    cof_chunk_context_append(packer->title, packer->path, &context);
    COF_TRY(cof_buffer_status(&context, err));
    COF_TRY(cof_embedder_count_tokens(packer->embedder, cof_buffer_text(&context), &context_tokens,
                                      err));
    size_t window = packer->embedder->info.max_tokens;
    size_t taken = context_tokens + MODEL_MARKS;
    size_t left = window > taken ? window - taken : 0;
    size_t least = packer->options.max_tokens / 2;
    packer->max_tokens = min_size(packer->options.max_tokens, left > least ? left : least);
    packer->path_section_id = cof_section_id(&packer->section);
    packer->has_path = true;
    return COF_OK;
}

/* ---- Finished chunks ---- */

static enum cof_status add_chunk(struct packer *packer, struct cof_text text, struct cof_error *err)
{
    struct cof_chunk_write chunk = {
        .text = cof_arena_copy_text(packer->arena, text),
        .heading = packer->heading,
        .byte_begin = packer->byte_begin,
        .byte_end = packer->byte_end,
    };
    if (chunk.text.data == NULL)
        return COF_FAIL_MEMORY(err);
    cof_buffer_append(&packer->chunks, &chunk, sizeof(chunk));
    return cof_buffer_status(&packer->chunks, err);
}

static size_t middle_of(struct cof_text text)
{
    size_t middle = cof_utf8_floor(text, text.size / 2);
    for (size_t cut = middle; cut > text.size / 4; cut--) {
        if (text.data[cut - 1] == ' ' || text.data[cut - 1] == '\n')
            return cut;
    }
    if (middle == 0)
        middle = cof_utf8_sequence_size(text, 0);
    return middle;
}

/* Adds the text as one chunk, or as many as its own token count demands. */
static enum cof_status add_fitting(struct packer *packer, struct cof_text text,
                                   struct cof_error *err)
{
    while (text.size > 0) {
        struct cof_text part = text;
        size_t count = 0;
        for (;;) {
            COF_TRY(cof_embedder_count_tokens(packer->embedder, part, &count, err));
            size_t middle = middle_of(part);
            if (count <= packer->options.max_tokens || middle >= part.size)
                break;
            part = cof_text_slice(part, 0, middle);
        }
        struct cof_text trimmed = cof_text_trim(part);
        if (trimmed.size > 0)
            COF_TRY(add_chunk(packer, trimmed, err));
        text = cof_text_slice(text, part.size, text.size);
    }
    return COF_OK;
}

static enum cof_status finish_chunk(struct packer *packer, struct cof_error *err)
{
    COF_TRY(cof_buffer_status(&packer->text, err));
    COF_TRY(cof_buffer_status(&packer->placed, err));
    struct cof_text text = cof_text_trim(cof_buffer_text(&packer->text));
    if (text.size > 0 && packer->text.size > packer->overlap_size)
        COF_TRY(add_fitting(packer, text, err));
    cof_buffer_clear(&packer->text);
    cof_buffer_clear(&packer->placed);
    packer->token_count = 0;
    packer->overlap_size = 0;
    packer->number++;
    return COF_OK;
}

/* ---- The chunk that is being packed ---- */

/* Without a line break the unit goes on with what stands before it. */
static void place(struct packer *packer, const struct cof_unit *unit)
{
    size_t count = placed_count(packer);
    const struct placed *before = count > 0 ? placed_at(packer, count - 1) : NULL;
    bool goes_on =
        before != NULL && before->unit.block == unit->block && before->unit.end == unit->begin;
    if (packer->text.size > 0 && !goes_on)
        cof_buffer_append_byte(&packer->text, '\n');
    struct placed placed = {
        .unit = *unit,
        .section_id = cof_section_id(&packer->section),
        .text_begin = packer->text.size,
    };
    uint64_t begin = 0;
    uint64_t end = 0;
    cof_block_source_range(unit->block, unit->begin, unit->end, &begin, &end);
    if (count == 0 || begin < packer->byte_begin)
        packer->byte_begin = begin;
    if (count == 0 || end > packer->byte_end)
        packer->byte_end = end;
    cof_buffer_append(&packer->placed, &placed, sizeof(placed));
    cof_buffer_append_text(&packer->text, cof_unit_text(unit));
    packer->token_count += unit->token_count;
}

/* Headings of the section that the chunk does not show yet, as units; how many there are. */
static enum cof_status hidden_headings(struct packer *packer,
                                       struct cof_unit out_units[COF_MAX_HEADING_DEPTH],
                                       size_t *out_count, size_t *out_tokens, struct cof_error *err)
{
    *out_count = 0;
    *out_tokens = 0;
    for (size_t i = 0; i < packer->section.depth; i++) {
        const struct cof_section_heading *heading = &packer->section.headings[i];
        if (heading->shown_in == packer->number)
            continue;
        struct cof_unit unit = {.block = heading->block, .end = heading->block->text.size};
        if (unit.end > COF_MAX_PATH_PART)
            continue; /* is text of its own */
        COF_TRY(cof_embedder_count_tokens(packer->embedder, heading->block->text, &unit.token_count,
                                          err));
        *out_tokens += unit.token_count;
        out_units[(*out_count)++] = unit;
    }
    return COF_OK;
}

static void show_headings(struct packer *packer)
{
    for (size_t i = 0; i < packer->section.depth; i++)
        packer->section.headings[i].shown_in = packer->number;
}

static void begin_chunk(struct packer *packer)
{
    packer->heading = packer->path;
    packer->limit_tokens = packer->max_tokens;
    show_headings(packer);
}

/* The first text under a heading brings the heading with it. */
static void cover_heading(struct packer *packer)
{
    if (packer->section.depth == 0)
        return;
    struct cof_section_heading *heading = &packer->section.headings[packer->section.depth - 1];
    if (!heading->has_text && heading->block->byte_begin < packer->byte_begin)
        packer->byte_begin = heading->block->byte_begin;
    heading->has_text = true;
}

/* ---- Overlap ---- */

static bool is_prose(const struct cof_block *block)
{
    return block->kind == COF_BLOCK_PARAGRAPH || block->kind == COF_BLOCK_LIST_ITEM ||
           block->kind == COF_BLOCK_QUOTE;
}

static bool add_offset(void *context, struct cof_text sentence, size_t offset)
{
    (void)sentence;
    cof_buffer_append(context, &offset, sizeof(offset));
    return true;
}

/* The last sentences of the last unit that fit into overlap_tokens, as a unit; false when there are
 * none. Only the end of it is looked at. */
static enum cof_status find_overlap(struct packer *packer, const struct placed *last,
                                    struct cof_unit *out_unit, bool *out_has_any,
                                    struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer offsets = {0};
    struct cof_text text = cof_unit_text(&last->unit);
    size_t window = min_size(text.size, packer->options.overlap_tokens * MAX_BYTES_PER_TOKEN);
    size_t skipped = cof_utf8_floor(text, text.size - window);
    struct cof_text end = cof_text_slice(text, skipped, text.size);
    *out_has_any = false;
    COF_TRY(cof_unicode_each_sentence(end, add_offset, &offsets, err));
    COF_TRY(cof_buffer_status(&offsets, err));
    size_t count = offsets.size / sizeof(size_t);
    size_t stop = end.size;
    size_t total = 0;
    for (size_t i = count; i > 0; i--) {
        size_t begin = 0;
        size_t tokens = 0;
        memcpy(&begin, offsets.data + (i - 1) * sizeof(size_t), sizeof(begin));
        bool is_whole = begin > 0 || skipped == 0;
        COF_TRY(cof_embedder_count_tokens(packer->embedder, cof_text_slice(end, begin, stop),
                                          &tokens, err));
        if (!is_whole || total + tokens > packer->options.overlap_tokens)
            break;
        total += tokens;
        stop = begin;
        *out_has_any = true;
    }
    *out_unit = last->unit;
    out_unit->begin = last->unit.begin + skipped + stop;
    out_unit->token_count = total;
    return COF_OK;
}

/* Ends the full chunk and begins the next; `next` comes first in it, behind the overlap. */
static enum cof_status turn_over(struct packer *packer, const struct cof_unit *next,
                                 struct cof_error *err)
{
    struct cof_unit overlap = {0};
    bool has_overlap = false;
    size_t count = placed_count(packer);
    if (count > 0 && packer->options.overlap_tokens > 0) {
        struct placed last = *placed_at(packer, count - 1);
        bool may_overlap = last.section_id == cof_section_id(&packer->section) &&
                           last.text_begin >= packer->overlap_size && is_prose(last.unit.block) &&
                           is_prose(next->block);
        if (may_overlap)
            COF_TRY(find_overlap(packer, &last, &overlap, &has_overlap, err));
    }
    COF_TRY(finish_chunk(packer, err));
    begin_chunk(packer);
    if (has_overlap && overlap.token_count + next->token_count <= packer->limit_tokens) {
        place(packer, &overlap);
        packer->overlap_size = packer->text.size;
    }
    return COF_OK;
}

/* ---- Units ---- */

static enum cof_status add_unit(void *context, const struct cof_unit *unit, struct cof_error *err)
{
    struct packer *packer = context;
    struct cof_unit headings[COF_MAX_HEADING_DEPTH];
    size_t heading_count = 0;
    size_t heading_tokens = 0;
    size_t count = placed_count(packer);
    bool is_new_section =
        count == 0 || placed_at(packer, count - 1)->section_id != cof_section_id(&packer->section);
    if (count > 0 && is_new_section && packer->token_count >= packer->limit_tokens / 3) {
        COF_TRY(finish_chunk(packer, err));
        count = 0;
    }
    if (count > 0) {
        COF_TRY(hidden_headings(packer, headings, &heading_count, &heading_tokens, err));
        size_t limit = min_size(packer->limit_tokens, packer->max_tokens);
        bool is_full = packer->token_count + heading_tokens + unit->token_count > limit ||
                       packer->text.size + (unit->end - unit->begin) > packer->max_bytes;
        if (is_full) {
            heading_count = 0;
            COF_TRY(turn_over(packer, unit, err));
        }
    } else {
        begin_chunk(packer);
    }
    for (size_t i = 0; i < heading_count; i++)
        place(packer, &headings[i]);
    show_headings(packer);
    place(packer, unit);
    cover_heading(packer);
    return COF_OK;
}

static enum cof_status add_block(struct packer *packer, const struct cof_block *block,
                                 struct cof_error *err)
{
    COF_TRY(enter_section(packer, err));
    struct cof_unit_limits limits = {.max_tokens = packer->max_tokens,
                                     .max_bytes = packer->max_bytes};
    return cof_each_unit(packer->embedder, block, &limits, add_unit, packer, err);
}

/* Closes headings down to `level`; one without text under it is text of the section around it. */
static enum cof_status close_headings(struct packer *packer, uint8_t level, struct cof_error *err)
{
    while (cof_section_must_pop(&packer->section, level)) {
        struct cof_section_heading heading = cof_section_pop(&packer->section);
        if (packer->section.depth > 0)
            packer->section.headings[packer->section.depth - 1].has_text = true;
        if (!heading.has_text)
            COF_TRY(add_block(packer, heading.block, err));
    }
    return COF_OK;
}

static enum cof_status add_heading(struct packer *packer, const struct cof_block *block,
                                   struct cof_error *err)
{
    COF_TRY(close_headings(packer, block->level, err));
    cof_section_push(&packer->section, block);
    return block->text.size > COF_MAX_PATH_PART ? add_block(packer, block, err) : COF_OK;
}

static enum cof_status pack(struct packer *packer, const struct cof_parsed *parsed,
                            struct cof_error *err)
{
    for (size_t i = 0; i < parsed->block_count; i++) {
        const struct cof_block *block = &parsed->blocks[i];
        if (block->kind == COF_BLOCK_HEADING)
            COF_TRY(add_heading(packer, block, err));
        else
            COF_TRY(add_block(packer, block, err));
    }
    COF_TRY(close_headings(packer, 1, err));
    return finish_chunk(packer, err);
}

static enum cof_status check_options(const struct cof_embedder *embedder,
                                     const struct cof_chunker_options *given,
                                     struct cof_chunker_options *out_options, struct cof_error *err)
{
    struct cof_chunker_options options = *given;
    size_t most = embedder->info.max_tokens;
    if (options.max_tokens == 0)
        options.max_tokens = min_size(DEFAULT_MAX_TOKENS, most);
    if (options.max_tokens < MIN_MAX_TOKENS || options.max_tokens > most)
        return COF_FAIL(err, COF_INVALID, "chunks of %zu tokens: between %zu and %zu are possible",
                        options.max_tokens, MIN_MAX_TOKENS, most);
    if (options.overlap_tokens > 0 && options.overlap_tokens >= options.max_tokens / 2)
        return COF_FAIL(err, COF_INVALID,
                        "an overlap of %zu tokens is not less than half of a chunk of %zu",
                        options.overlap_tokens, options.max_tokens);
    *out_options = options;
    return COF_OK;
}

enum cof_status cof_chunk_document(struct cof_embedder *embedder,
                                   const struct cof_chunker_options *options,
                                   const struct cof_parsed *parsed, struct cof_arena *arena,
                                   struct cof_chunk_write **out_chunks, size_t *out_count,
                                   struct cof_error *err)
{
    struct packer packer = {
        .embedder = embedder, .arena = arena, .title = parsed->title, .number = 1};
    COF_TRY(check_options(embedder, options, &packer.options, err));
    packer.max_bytes = packer.options.max_tokens * MAX_BYTES_PER_TOKEN;
    enum cof_status status = pack(&packer, parsed, err);
    struct cof_chunk_write *chunks = NULL;
    size_t count = packer.chunks.size / sizeof(*chunks);
    if (status == COF_OK) {
        chunks = cof_arena_array(arena, count, sizeof(*chunks));
        if (chunks == NULL)
            status = COF_FAIL_MEMORY(err);
    }
    if (status == COF_OK) {
        if (count > 0)
            memcpy(chunks, packer.chunks.data, count * sizeof(*chunks));
        *out_chunks = chunks;
        *out_count = count;
    }
    cof_buffer_wipe(&packer.text);
    cof_buffer_deinit(&packer.placed);
    cof_buffer_wipe(&packer.chunks);
    return status;
}
