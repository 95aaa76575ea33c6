/* Chunks: nothing lost, nothing too long, nothing torn. */
#include "testing.h"

#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/buffer.h>
#include <cof/embedder/hashing.h>
#include <cof/ingest/chunker.h>

#include "parse_help.h"
#include "sandbox.h"
#include "seeded_random.h"

static struct cof_embedder *embedder;

struct chunks {
    struct cof_chunk_write *items;
    size_t count;
};

static int set_up(void **state)
{
    return cof_hashing_open(16, 256, &embedder, NULL) == COF_OK ? 0 : 1;
}

static int tear_down(void **state)
{
    cof_embedder_close(embedder);
    return 0;
}

static size_t tokens_of(struct cof_text text)
{
    size_t count = 0;
    assert_int_equal(cof_embedder_count_tokens(embedder, text, &count, NULL), COF_OK);
    return count;
}

static struct chunks chunk(const struct cof_parsed *parsed, size_t max_tokens,
                           size_t overlap_tokens, struct cof_arena *arena)
{
    struct cof_chunker_options options = {.max_tokens = max_tokens,
                                          .overlap_tokens = overlap_tokens};
    struct chunks chunks = {0};
    struct cof_error err = {0};
    if (cof_chunk_document(embedder, &options, parsed, arena, &chunks.items, &chunks.count, &err) !=
        COF_OK)
        fail_msg("%s", err.message);
    return chunks;
}

/* "[heading] text" a line, line breaks as "/", so that all of it is one string. */
static void assert_chunks(const char *markdown, size_t max_tokens, size_t overlap_tokens,
                          const char *expected)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_parsed parsed = parse_as("text/markdown", cof_text_from(markdown), &arena);
    struct chunks chunks = chunk(&parsed, max_tokens, overlap_tokens, &arena);
    for (size_t i = 0; i < chunks.count; i++) {
        struct cof_text text = chunks.items[i].text;
        cof_buffer_append_format(&out, "[%.*s] ", COF_TEXT_ARG(chunks.items[i].heading));
        for (size_t j = 0; j < text.size; j++)
            cof_buffer_append_byte(&out, (uint8_t)(text.data[j] == '\n' ? '/' : text.data[j]));
        cof_buffer_append_byte(&out, '\n');
    }
    cof_buffer_append_byte(&out, '\0');
    assert_string_equal((const char *)out.data, expected);
}

static const char *words(struct cof_arena *arena, size_t count, const char *end)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    for (size_t i = 0; i < count; i++)
        cof_buffer_append_format(&out, "w%zu ", i);
    cof_buffer_append_text(&out, cof_text_from(end));
    return cof_arena_copy_text(arena, cof_buffer_text(&out)).data;
}

/* ---- Structure ---- */

static void chunker__packs_blocks_under_their_path(void **state)
{
    assert_chunks("# T\n\none two\n\nthree\n\n## A\n\nfour\n\n- five\n- six\n", 64, 0,
                  "[T] one two/three/A/four/five/six\n");
}

static void chunker__starts_a_chunk_with_a_heading_when_a_third_is_full(void **state)
{
    assert_chunks("# T\n\na b c d e f\n\n## A\n\ng h\n\n## B\n\ni j\n", 18, 0,
                  "[T] a b c d e f\n[T > A] g h/B/i j\n");
    assert_chunks("# T\n\na b c d e\n\n## A\n\ng h\n", 18, 0, "[T] a b c d e/A/g h\n");
}

static void chunker__keeps_a_heading_with_its_text(void **state)
{
    /* the heading would still fit, its text would not */
    assert_chunks("a b c d\n\n# H\n\ne f g h i j k l m n o p\n", 16, 0,
                  "[] a b c d\n[H] e f g h i j k l m n o p\n");
}

static void chunker__makes_text_of_headings_without_text(void **state)
{
    assert_chunks("# Only\n", 64, 0, "[] Only\n");
    assert_chunks("# T\n\n## A\n\n## B\n\ntext\n\n## C\n", 64, 0, "[T] A/B/text/C\n");
    assert_chunks("", 64, 0, "");
}

static void chunker__goes_back_to_the_section_around(void **state)
{
    assert_chunks("# T\n\n## A\n\n### A1\n\na b c d e f\n\n## B\n\ng h i j k l\n", 16, 0,
                  "[T > A > A1] a b c d e f\n[T > B] g h i j k l\n");
}

static void chunker__splits_a_long_block_at_sentences(void **state)
{
    assert_chunks("One two three four five six seven. Eight nine ten eleven twelve. Thirteen "
                  "fourteen fifteen sixteen seventeen.\n",
                  16, 0,
                  "[] One two three four five six seven. Eight nine ten eleven twelve.\n"
                  "[] Thirteen fourteen fifteen sixteen seventeen.\n");
}

static void chunker__splits_a_long_sentence_at_words(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    assert_chunks(words(&arena, 20, ""), 16, 0,
                  "[] w0 w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12 w13 w14 w15\n"
                  "[] w16 w17 w18 w19\n");
}

static void chunker__keeps_table_rows_and_code_lines_whole(void **state)
{
    assert_chunks("| a | b c d e f |\n|---|---|\n| g | h i j k l |\n| m | n o p q r |\n", 16, 0,
                  "[] a | b c d e f/g | h i j k l\n[] m | n o p q r\n");
    assert_chunks("```\na b c d e f\ng h i j k l\nm n o p q r\ns\n```\n", 16, 0,
                  "[] a b c d e f/g h i j k l\n[] m n o p q r/s\n");
}

static void chunker__repeats_whole_sentences_as_overlap(void **state)
{
    assert_chunks("One two three four five six. Seven eight nine.\n\n"
                  "Ten eleven twelve thirteen fourteen fifteen sixteen seventeen.\n",
                  16, 4,
                  "[] One two three four five six. Seven eight nine.\n"
                  "[] Seven eight nine./Ten eleven twelve thirteen fourteen fifteen sixteen "
                  "seventeen.\n");
    /* not into another section */
    assert_chunks("One two three four five six. Seven eight nine.\n\n# H\n\n"
                  "Ten eleven twelve thirteen fourteen fifteen sixteen seventeen.\n",
                  16, 4,
                  "[] One two three four five six. Seven eight nine.\n"
                  "[H] Ten eleven twelve thirteen fourteen fifteen sixteen seventeen.\n");
    /* not half a sentence */
    assert_chunks("One two three four five six seven eight nine ten.\n\n"
                  "Eleven twelve thirteen fourteen fifteen sixteen seventeen.\n",
                  16, 4,
                  "[] One two three four five six seven eight nine ten.\n"
                  "[] Eleven twelve thirteen fourteen fifteen sixteen seventeen.\n");
}

static void chunker__checks_its_options(void **state)
{
    static const struct cof_chunker_options bad[] = {
        {.max_tokens = 15}, {.max_tokens = 257}, {.max_tokens = 64, .overlap_tokens = 32}};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed none = {0};
    struct chunks chunks = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(cof_chunk_document(embedder, &bad[i], &none, &arena, &chunks.items,
                                            &chunks.count, NULL),
                         COF_INVALID);
    struct cof_chunker_options usual = {0};
    assert_int_equal(
        cof_chunk_document(embedder, &usual, &none, &arena, &chunks.items, &chunks.count, NULL),
        COF_OK);
    assert_int_equal(chunks.count, 0);
}

/* ---- Properties of any document ---- */

static void append_prose(struct seeded_random *random, struct cof_buffer *out)
{
    static const char *const pieces[] = {"word",
                                         "another",
                                         "end.",
                                         "Why?",
                                         "中文字符",
                                         "日本語。",
                                         "straße",
                                         "e\xcc\x81t\xc3\xa9",
                                         "\xf0\x9f\x98\x80",
                                         "3.14",
                                         "U.S.",
                                         "a-b",
                                         "*em*",
                                         "`x`",
                                         "العربية",
                                         "¡no!",
                                         "supercalifragilisticexpialidocious",
                                         "\xe1\x84\x80\xe1\x85\xa1",
                                         "&amp;",
                                         "x|y"};
    size_t count = 1 + seeded_random_below(random, 60);
    for (size_t i = 0; i < count; i++) {
        cof_buffer_append_text(
            out,
            cof_text_from(pieces[seeded_random_below(random, sizeof(pieces) / sizeof(pieces[0]))]));
        if (seeded_random_below(random, 8) > 0)
            cof_buffer_append_byte(out, seeded_random_below(random, 9) == 0 ? '\n' : ' ');
    }
}

static void append_block(struct seeded_random *random, struct cof_buffer *out)
{
    static const char *const openings[] = {"# ", "## ", "### ", "- ",   "1. ",  "> ",
                                           "",   "",    "",     "    ", "```\n"};
    cof_buffer_append_text(out, COF_TEXT("\n\n"));
    const char *opening =
        openings[seeded_random_below(random, sizeof(openings) / sizeof(openings[0]))];
    cof_buffer_append_text(out, cof_text_from(opening));
    append_prose(random, out);
    if (opening[0] == '`')
        cof_buffer_append_text(out, COF_TEXT("\n```"));
}

/* Without white space, so that joined and split text can be compared. */
static void append_bare(struct cof_text text, struct cof_buffer *out)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != ' ' && text.data[i] != '\n' && text.data[i] != '\t')
            cof_buffer_append_byte(out, (uint8_t)text.data[i]);
    }
}

static bool has_part(struct cof_text path, struct cof_text part)
{
    return part.size > 160 || cof_text_index_of(path, part) != SIZE_MAX;
}

/* Every block stands in the chunks, in order; headings there or in a path. */
static void assert_covers(const struct cof_parsed *parsed, const struct chunks *chunks)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer all = {0};
    for (size_t i = 0; i < chunks->count; i++)
        append_bare(chunks->items[i].text, &all);
    size_t at = 0;
    for (size_t i = 0; i < parsed->block_count; i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer bare = {0};
        append_bare(parsed->blocks[i].text, &bare);
        struct cof_text rest = cof_text_slice(cof_buffer_text(&all), at, all.size);
        size_t found = cof_text_index_of(rest, cof_buffer_text(&bare));
        bool is_heading = parsed->blocks[i].kind == COF_BLOCK_HEADING;
        if (!is_heading) {
            assert_int_not_equal(found, SIZE_MAX);
            at += found + bare.size;
            continue;
        }
        bool is_in_path = false;
        for (size_t j = 0; j < chunks->count && !is_in_path; j++)
            is_in_path = has_part(chunks->items[j].heading, parsed->blocks[i].text);
        assert_true(is_in_path ||
                    cof_text_index_of(cof_buffer_text(&all), cof_buffer_text(&bare)) != SIZE_MAX);
    }
}

static void assert_sane(const struct chunks *chunks, struct cof_text source, size_t max_tokens)
{
    for (size_t i = 0; i < chunks->count; i++) {
        const struct cof_chunk_write *item = &chunks->items[i];
        assert_true(item->text.size > 0);
        assert_true(cof_utf8_is_valid(item->text, NULL));
        assert_true(cof_utf8_is_valid(item->heading, NULL));
        assert_true(tokens_of(item->text) <= max_tokens);
        assert_true(item->byte_begin < item->byte_end);
        assert_true(item->byte_end <= source.size);
    }
}

static void chunker__covers_any_document_within_its_limits(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 2024);
    for (int i = 0; i < 80; i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer source = {0};
        size_t blocks = 1 + seeded_random_below(&random, 30);
        for (size_t j = 0; j < blocks; j++)
            append_block(&random, &source);
        size_t max_tokens = 16 + seeded_random_below(&random, 100);
        struct cof_parsed parsed = parse_as("text/markdown", cof_buffer_text(&source), &arena);
        struct chunks chunks = chunk(&parsed, max_tokens, 0, &arena);
        assert_sane(&chunks, cof_buffer_text(&source), max_tokens);
        assert_covers(&parsed, &chunks);
        struct chunks overlapping = chunk(&parsed, max_tokens, max_tokens / 2 - 1, &arena);
        assert_sane(&overlapping, cof_buffer_text(&source), max_tokens);
        assert_true(overlapping.count >= chunks.count);
    }
}

/* How much of the beginning of `text` is the end of `before`. */
static size_t overlap_size(struct cof_text before, struct cof_text text)
{
    size_t size = text.size < before.size ? text.size : before.size;
    while (size > 0 && !cof_text_has_suffix(before, cof_text_slice(text, 0, size)))
        size--;
    return size;
}

/* Words that come once only, so that what comes twice is overlap. */
static void append_unique(struct seeded_random *random, size_t *next, struct cof_buffer *out)
{
    size_t count = 1 + seeded_random_below(random, 70);
    cof_buffer_append_text(out, seeded_random_below(random, 3) == 0 ? COF_TEXT("\n\n- ")
                                                                    : COF_TEXT("\n\n"));
    for (size_t i = 0; i < count; i++)
        cof_buffer_append_format(out, "w%zu%s ", (*next)++,
                                 seeded_random_below(random, 7) == 0 ? "end." : "x");
}

static void chunker__says_everything_once_but_for_the_overlap(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 5);
    for (int i = 0; i < 60; i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer source = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer all = {0};
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer expected = {0};
        size_t next = 0;
        size_t repeated = 0;
        for (int j = 0; j < 12; j++)
            append_unique(&random, &next, &source);
        size_t max_tokens = 16 + seeded_random_below(&random, 60);
        size_t overlap = i % 4 == 0 ? 0 : 1 + seeded_random_below(&random, max_tokens / 2 - 2);
        struct cof_parsed parsed = parse_as("text/markdown", cof_buffer_text(&source), &arena);
        struct chunks chunks = chunk(&parsed, max_tokens, overlap, &arena);
        for (size_t j = 0; j < chunks.count; j++) {
            COF_CLEANUP(cof_buffer_deinit) struct cof_buffer bare = {0};
            append_bare(chunks.items[j].text, &bare);
            struct cof_text text = cof_buffer_text(&bare);
            size_t size = overlap_size(cof_buffer_text(&all), text);
            assert_true(size < text.size);
            repeated += size;
            cof_buffer_append_text(&all, cof_text_slice(text, size, text.size));
        }
        for (size_t j = 0; j < parsed.block_count; j++)
            append_bare(parsed.blocks[j].text, &expected);
        assert_true(cof_text_equal(cof_buffer_text(&all), cof_buffer_text(&expected)));
        assert_true(overlap > 0 || repeated == 0);
    }
}

/* The bytes that a chunk claims hold each of its words, and not much more than the chunk. */
static void chunker__knows_where_its_text_came_from(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer source = {0};
    for (int i = 0; i < 3000; i++)
        cof_buffer_append_format(&source, "%sword%d%s", i % 9 == 8 ? "*" : "", i,
                                 i % 9 == 8     ? "*\n"
                                 : i % 31 == 30 ? ".  "
                                                : " ");
    struct cof_text text = cof_buffer_text(&source);
    struct cof_parsed parsed = parse_as("text/markdown", text, &arena);
    assert_int_equal(parsed.block_count, 1);
    struct chunks chunks = chunk(&parsed, 64, 20, &arena);
    assert_true(chunks.count > 40);
    for (size_t i = 0; i < chunks.count; i++) {
        const struct cof_chunk_write *item = &chunks.items[i];
        struct cof_text range =
            cof_text_slice(text, (size_t)item->byte_begin, (size_t)item->byte_end);
        struct cof_text rest = item->text;
        while (rest.size > 0) {
            struct cof_text word = {0};
            (void)cof_text_split(rest, ' ', &word, &rest);
            assert_int_not_equal(cof_text_index_of(range, word), SIZE_MAX);
        }
        assert_true(range.size <= item->text.size + 240);
    }
}

/* ---- Extremes ---- */

static struct cof_parsed one_block(enum cof_block_kind kind, struct cof_text text,
                                   struct cof_arena *arena)
{
    struct cof_block *block = cof_arena_alloc(arena, sizeof(*block));
    *block = (struct cof_block){.kind = kind,
                                .level = kind == COF_BLOCK_HEADING ? 1 : 0,
                                .text = text,
                                .byte_end = text.size};
    return (struct cof_parsed){.blocks = block, .block_count = 1};
}

static void assert_joins_to(const struct chunks *chunks, struct cof_text text)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer all = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer bare = {0};
    for (size_t i = 0; i < chunks->count; i++)
        append_bare(chunks->items[i].text, &all);
    append_bare(text, &bare);
    assert_true(cof_text_equal(cof_buffer_text(&all), cof_buffer_text(&bare)));
}

static void chunker__tears_one_giant_word(void **state)
{
    static const char *const letters[] = {
        "x", "é", "中", "\xf0\x9f\x98\x80", ".", "e\xcc\x81\xcc\x82"};
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        for (int kind = COF_BLOCK_HEADING; kind <= COF_BLOCK_QUOTE; kind++) {
            COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
            COF_CLEANUP(cof_buffer_deinit) struct cof_buffer text = {0};
            while (text.size < 60000)
                cof_buffer_append_text(&text, cof_text_from(letters[i]));
            struct cof_parsed parsed =
                one_block((enum cof_block_kind)kind, cof_buffer_text(&text), &arena);
            struct chunks chunks = chunk(&parsed, 64, 0, &arena);
            assert_sane(&chunks, cof_buffer_text(&text), 64);
            assert_joins_to(&chunks, cof_buffer_text(&text));
            for (size_t j = 0; j < chunks.count; j++)
                assert_true(chunks.items[j].text.size <= 64 * 32);
        }
    }
}

static void chunker__takes_a_hundred_thousand_headings(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    enum { COUNT = 100000 };
    struct cof_block *blocks = cof_arena_array(&arena, COUNT, sizeof(*blocks));
    for (size_t i = 0; i < COUNT; i++)
        blocks[i] = (struct cof_block){.kind = COF_BLOCK_HEADING,
                                       .level = (uint8_t)(1 + i % 6),
                                       .text = cof_arena_format(&arena, "heading%zu", i),
                                       .byte_begin = i * 10,
                                       .byte_end = i * 10 + 9};
    struct cof_parsed parsed = {.blocks = blocks, .block_count = COUNT};
    struct chunks chunks = chunk(&parsed, 64, 0, &arena);
    size_t found = 0;
    for (size_t i = 0; i < chunks.count; i++) {
        assert_true(tokens_of(chunks.items[i].text) <= 64);
        found += tokens_of(chunks.items[i].text);
    }
    assert_true(found >= COUNT / 6); /* those without anything under them; the rest are paths */
}

static void chunker__takes_fifty_megabytes(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer text = {0};
    size_t size = ((size_t)50 << 20) / (cof_sandbox_is_whole() ? 1 : 10); /* sanitizers are slow */
    cof_buffer_reserve(&text, size + 1024);
    while (text.size < size)
        cof_buffer_append_text(
            &text, COF_TEXT("A sentence of the usual length, with a comma in it. And then one "
                            "more, which is a little longer than the first one was. "));
    struct cof_parsed parsed =
        one_block(COF_BLOCK_PARAGRAPH, cof_text_trim(cof_buffer_text(&text)), &arena);
    size_t before = arena.allocated_bytes;
    struct chunks chunks = chunk(&parsed, 200, 0, &arena);
    assert_true(chunks.count > size / 1300);
    assert_true(arena.allocated_bytes - before < (size_t)200 << 20);
    uint64_t end = 0;
    for (size_t i = 0; i < chunks.count; i++) {
        assert_true(chunks.items[i].byte_begin >= end);
        end = chunks.items[i].byte_end;
    }
}

static void chunker__leaves_room_for_title_and_path(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer source = {0};
    cof_buffer_append_format(&source, "# %s\n\n## %s\n\n%s\n", words(&arena, 30, "title"),
                             words(&arena, 30, "section"), words(&arena, 2000, "end"));
    struct cof_parsed parsed = parse_as("text/markdown", cof_buffer_text(&source), &arena);
    struct chunks chunks = chunk(&parsed, 250, 0, &arena);
    for (size_t i = 0; i < chunks.count; i++) {
        struct cof_text embedded = {0};
        assert_int_equal(
            cof_chunk_embedding_text(parsed.title, &chunks.items[i], &arena, &embedded, NULL),
            COF_OK);
        assert_true(tokens_of(embedded) <= embedder->info.max_tokens - 2);
    }
}

/* ---- A tokenizer that makes more of a whole than of its parts ---- */

static enum cof_status count_bytes(struct cof_embedder *self, struct cof_text text,
                                   size_t *out_count, struct cof_error *err)
{
    (void)self;
    (void)err;
    *out_count = text.size / 4 + text.size * text.size / 400;
    return COF_OK;
}

static void chunker__halves_what_comes_out_too_long(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    static const struct cof_embedder_ops ops = {.name = "odd", .count_tokens = count_bytes};
    struct cof_embedder odd = {.ops = &ops, .info = {.max_tokens = 256, .name = "odd"}};
    struct cof_embedder *usual = embedder;
    struct cof_parsed parsed =
        parse_as("text/markdown", cof_text_from(words(&arena, 500, "end")), &arena);
    embedder = &odd;
    struct chunks chunks = chunk(&parsed, 32, 0, &arena);
    for (size_t i = 0; i < chunks.count; i++)
        assert_true(tokens_of(chunks.items[i].text) <= 32);
    assert_true(chunks.count > 10);
    embedder = usual;
}

/* ---- The text that is embedded ---- */

static void assert_embedding_text(const char *title, const char *heading, const char *text,
                                  const char *expected)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_chunk_write item = {.text = cof_text_from(text), .heading = cof_text_from(heading)};
    struct cof_text embedded = {0};
    assert_int_equal(cof_chunk_embedding_text(cof_text_from(title), &item, &arena, &embedded, NULL),
                     COF_OK);
    assert_true(cof_text_equal(embedded, cof_text_from(expected)));
}

static void chunker__embeds_title_path_and_text_once(void **state)
{
    assert_embedding_text("T", "A > B", "text", "T\nA > B\ntext");
    assert_embedding_text("T", "T > B", "text", "T\nB\ntext");
    assert_embedding_text("T", "T", "text", "T\ntext");
    assert_embedding_text("T", "Tea > B", "text", "T\nTea > B\ntext");
    assert_embedding_text("", "A", "text", "A\ntext");
    assert_embedding_text("", "", "text", "text");
}

static void chunker__cuts_long_titles_and_paths_for_embedding(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer title = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer path = {0};
    for (int i = 0; i < 200; i++)
        cof_buffer_append_text(&title, COF_TEXT("é"));
    for (int i = 0; i < 40; i++)
        cof_buffer_append_format(&path, "%ssection %d", i > 0 ? " > " : "", i);
    struct cof_chunk_write item = {.text = COF_TEXT("text"), .heading = cof_buffer_text(&path)};
    struct cof_text embedded = {0};
    assert_int_equal(
        cof_chunk_embedding_text(cof_buffer_text(&title), &item, &arena, &embedded, NULL), COF_OK);
    assert_true(embedded.size < 600);
    assert_true(cof_utf8_is_valid(embedded, NULL));
    assert_true(cof_text_has_suffix(embedded, COF_TEXT("section 39\ntext")));
    assert_int_not_equal(cof_text_index_of(embedded, COF_TEXT("\nsection ")), SIZE_MAX);
}

static void chunker__survives_the_end_of_memory_at_every_allocation(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed = parse_as(
        "text/markdown",
        COF_TEXT("# T\n\n## A\n\nOne two three four five six. Seven eight nine. Ten eleven twelve "
                 "thirteen fourteen fifteen sixteen seventeen.\n\nNineteen.\n\n## B\n"),
        &arena);
    bool is_done = false;
    for (long n = 1; !is_done; n++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena scratch = {0};
        struct cof_chunker_options options = {.max_tokens = 16, .overlap_tokens = 4};
        struct chunks chunks = {.count = 99};
        cof_alloc_fail_after(n);
        enum cof_status status = cof_chunk_document(embedder, &options, &parsed, &scratch,
                                                    &chunks.items, &chunks.count, NULL);
        is_done = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        assert_int_equal(status, is_done ? COF_OK : COF_NO_MEMORY);
        assert_true(is_done || chunks.count == 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunker__packs_blocks_under_their_path),
        cmocka_unit_test(chunker__starts_a_chunk_with_a_heading_when_a_third_is_full),
        cmocka_unit_test(chunker__keeps_a_heading_with_its_text),
        cmocka_unit_test(chunker__makes_text_of_headings_without_text),
        cmocka_unit_test(chunker__goes_back_to_the_section_around),
        cmocka_unit_test(chunker__splits_a_long_block_at_sentences),
        cmocka_unit_test(chunker__splits_a_long_sentence_at_words),
        cmocka_unit_test(chunker__keeps_table_rows_and_code_lines_whole),
        cmocka_unit_test(chunker__repeats_whole_sentences_as_overlap),
        cmocka_unit_test(chunker__checks_its_options),
        cmocka_unit_test(chunker__covers_any_document_within_its_limits),
        cmocka_unit_test(chunker__says_everything_once_but_for_the_overlap),
        cmocka_unit_test(chunker__knows_where_its_text_came_from),
        cmocka_unit_test(chunker__tears_one_giant_word),
        cmocka_unit_test(chunker__takes_a_hundred_thousand_headings),
        cmocka_unit_test(chunker__takes_fifty_megabytes),
        cmocka_unit_test(chunker__leaves_room_for_title_and_path),
        cmocka_unit_test(chunker__halves_what_comes_out_too_long),
        cmocka_unit_test(chunker__embeds_title_path_and_text_once),
        cmocka_unit_test(chunker__cuts_long_titles_and_paths_for_embedding),
        cmocka_unit_test(chunker__survives_the_end_of_memory_at_every_allocation),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
