/* Forms words from normalised characters and cuts them into tokens.
 *
 * A word is gathered into a fixed place on the stack, because one that is longer than
 * max_word_chars becomes the unknown token whatever is in it. Nothing is allocated after opening.
 */
#include "wordpiece.h"

#include <string.h>

#include <cof/base/alloc.h>

#include "vocabulary.h"

/* Raise it when the rules change: vectors of old and new tokens do not mix. */
#define RULES_VERSION 1

struct wordpiece {
    struct cof_tokenizer base;
    struct cof_bert_normalizer *normalizer;
    struct cof_vocabulary *vocabulary;
    size_t max_word_chars;
    uint32_t unknown_id;
    uint32_t continuing_node; /* behind "##"; NONE when no token begins so */
};

/* A character of the word: where its bytes end in the word, and its place in the text. */
struct word_char {
    size_t bytes_end;
    size_t begin;
    size_t end;
};

struct run {
    const struct wordpiece *tokenizer;
    cof_token_fn each;
    void *context;
    bool is_stopped;
    size_t given_end; /* places before it have been given away */
    size_t base;      /* bytes of the texts before this one */
    bool is_too_long;
    size_t word_begin;
    size_t word_end;
    size_t char_count;
    size_t byte_count;
    struct word_char chars[COF_WORDPIECE_MAX_WORD_CHARS];
    char bytes[4 * COF_WORDPIECE_MAX_WORD_CHARS];
};

struct piece {
    uint32_t id;
    size_t char_end;
};

static void give(struct run *run, uint32_t id, size_t begin, size_t end)
{
    if (run->is_stopped)
        return;
    if (begin < run->given_end)
        begin = run->given_end;
    if (end < begin)
        end = begin;
    run->given_end = end;
    run->is_stopped = !run->each(run->context, id, begin, end);
}

/* The longest token at character `first`; false when there is none. */
static bool match_piece(const struct run *run, size_t first, struct piece *out_piece)
{
    const struct wordpiece *tokenizer = run->tokenizer;
    uint32_t node = first == 0 ? COF_VOCABULARY_ROOT : tokenizer->continuing_node;
    size_t at = first == 0 ? 0 : run->chars[first - 1].bytes_end;
    bool is_found = false;
    for (size_t i = first; i < run->char_count && node != COF_VOCABULARY_NONE; i++) {
        while (at < run->chars[i].bytes_end && node != COF_VOCABULARY_NONE)
            node = cof_vocabulary_step(tokenizer->vocabulary, node, (uint8_t)run->bytes[at++]);
        uint32_t id = cof_vocabulary_id(tokenizer->vocabulary, node);
        if (id != COF_VOCABULARY_NONE) {
            *out_piece = (struct piece){.id = id, .char_end = i + 1};
            is_found = true;
        }
    }
    return is_found;
}

static void end_word(struct run *run)
{
    struct piece pieces[COF_WORDPIECE_MAX_WORD_CHARS];
    size_t piece_count = 0;
    size_t first = 0;
    bool is_known = !run->is_too_long;

    if (run->char_count == 0)
        return;
    while (is_known && first < run->char_count) {
        is_known = match_piece(run, first, &pieces[piece_count]);
        if (is_known)
            first = pieces[piece_count++].char_end;
    }
    if (!is_known)
        give(run, run->tokenizer->unknown_id, run->word_begin, run->word_end);
    first = 0;
    for (size_t i = 0; is_known && i < piece_count; i++) {
        size_t last = pieces[i].char_end - 1;
        give(run, pieces[i].id, run->chars[first].begin, run->chars[last].end);
        first = pieces[i].char_end;
    }
    run->char_count = 0;
    run->byte_count = 0;
    run->is_too_long = false;
}

static void add_to_word(struct run *run, uint32_t code_point, size_t begin, size_t end)
{
    if (run->char_count == 0)
        run->word_begin = begin;
    run->word_end = end;
    if (run->char_count == run->tokenizer->max_word_chars) {
        run->is_too_long = true;
        return;
    }
    run->byte_count += cof_utf8_encode(code_point, run->bytes + run->byte_count);
    run->chars[run->char_count++] =
        (struct word_char){.bytes_end = run->byte_count, .begin = begin, .end = end};
}

/* What vanishes belongs to the character before it. */
static void extend_word(struct run *run, size_t end)
{
    if (run->char_count == 0)
        return;
    run->word_end = end;
    if (!run->is_too_long)
        run->chars[run->char_count - 1].end = end;
}

static void take_char(struct run *run, const struct cof_bert_char *one, size_t begin, size_t end)
{
    if (one->kind != COF_BERT_CHAR_LETTER)
        end_word(run);
    if (one->kind != COF_BERT_CHAR_SPACE)
        add_to_word(run, one->code_point, begin, end);
    if (one->kind == COF_BERT_CHAR_ALONE)
        end_word(run);
}

static void feed(struct run *run, struct cof_text text)
{
    struct cof_bert_char chars[COF_BERT_MAX_EXPANSION];
    for (size_t at = 0; at < text.size && !run->is_stopped;) {
        uint32_t code_point = 0;
        size_t size = cof_utf8_decode(text, at, &code_point);
        size_t begin = run->base + at;
        size_t count = cof_bert_normalizer_map(run->tokenizer->normalizer, code_point, chars);
        if (count == 0)
            extend_word(run, begin + size);
        for (size_t i = 0; i < count; i++)
            take_char(run, &chars[i], begin, begin + size);
        at += size;
    }
    run->base += text.size;
}

/* Not `struct run run = {…}`: that would clear its kilobytes for every text. */
static void begin_run(struct run *run, const struct wordpiece *tokenizer, cof_token_fn each,
                      void *context)
{
    run->tokenizer = tokenizer;
    run->each = each;
    run->context = context;
    run->is_stopped = false;
    run->given_end = 0;
    run->base = 0;
    run->is_too_long = false;
    run->word_begin = 0;
    run->word_end = 0;
    run->char_count = 0;
    run->byte_count = 0;
}

static enum cof_status find_special(const struct wordpiece *tokenizer, struct cof_text token,
                                    uint32_t *out_id, struct cof_error *err)
{
    uint32_t id = cof_vocabulary_find(tokenizer->vocabulary, token);
    if (id == COF_VOCABULARY_NONE)
        return COF_FAIL(err, COF_INVALID, "the special token '%.*s' is not in the vocabulary",
                        (int)(token.size < 60 ? token.size : 60), token.data);
    *out_id = id;
    return COF_OK;
}

static void compute_digest(struct wordpiece *tokenizer, const struct cof_wordpiece_options *options)
{
    struct cof_fingerprint fingerprint;
    const struct cof_bert_normalizer_options *rules = &options->normalizer;
    cof_fingerprint_begin(&fingerprint);
    cof_fingerprint_add_text(&fingerprint, COF_TEXT("wordpiece"));
    cof_fingerprint_add_number(&fingerprint, RULES_VERSION);
    cof_fingerprint_add_number(
        &fingerprint, (uint64_t)rules->clean_text | (uint64_t)rules->handle_chinese_chars << 1 |
                          (uint64_t)rules->strip_accents << 2 | (uint64_t)rules->lowercase << 3);
    cof_fingerprint_add_number(&fingerprint, options->max_word_chars);
    cof_fingerprint_add_number(&fingerprint, tokenizer->unknown_id);
    cof_fingerprint_add_number(&fingerprint, tokenizer->base.begin_id);
    cof_fingerprint_add_number(&fingerprint, tokenizer->base.end_id);
    cof_fingerprint_add_text(&fingerprint, options->continuing_prefix);
    cof_fingerprint_add_number(&fingerprint, options->token_count);
    for (size_t id = 0; id < options->token_count; id++)
        cof_fingerprint_add_text(&fingerprint, options->tokens[id]);
    cof_fingerprint_finish(&fingerprint, tokenizer->base.digest);
}

static enum cof_status build(struct wordpiece *tokenizer,
                             const struct cof_wordpiece_options *options, struct cof_error *err)
{
    if (options->max_word_chars < 1 || options->max_word_chars > COF_WORDPIECE_MAX_WORD_CHARS)
        return COF_FAIL(err, COF_INVALID, "'max_input_chars_per_word' must be between 1 and %d",
                        COF_WORDPIECE_MAX_WORD_CHARS);
    tokenizer->max_word_chars = options->max_word_chars;
    tokenizer->base.token_count = options->token_count;
    COF_TRY(
        cof_vocabulary_create(options->tokens, options->token_count, &tokenizer->vocabulary, err));
    COF_TRY(find_special(tokenizer, options->unknown_token, &tokenizer->unknown_id, err));
    COF_TRY(find_special(tokenizer, options->begin_token, &tokenizer->base.begin_id, err));
    COF_TRY(find_special(tokenizer, options->end_token, &tokenizer->base.end_id, err));
    /* Last, because it costs most. */
    COF_TRY(cof_bert_normalizer_create(&options->normalizer, &tokenizer->normalizer, err));
    tokenizer->continuing_node =
        cof_vocabulary_walk(tokenizer->vocabulary, COF_VOCABULARY_ROOT, options->continuing_prefix);
    compute_digest(tokenizer, options);
    return COF_OK;
}

static void wordpiece_close(struct cof_tokenizer *tokenizer)
{
    struct wordpiece *wordpiece = (struct wordpiece *)tokenizer;
    cof_bert_normalizer_destroy(wordpiece->normalizer);
    cof_vocabulary_destroy(wordpiece->vocabulary);
    cof_free(wordpiece);
}

static enum cof_status wordpiece_each(const struct cof_tokenizer *tokenizer, struct cof_text text,
                                      cof_token_fn each, void *context, struct cof_error *err)
{
    struct run run;
    (void)err;
    begin_run(&run, (const struct wordpiece *)tokenizer, each, context);
    feed(&run, text);
    end_word(&run);
    return COF_OK;
}

struct id_list {
    uint32_t *ids;
    size_t count;
    size_t max_count;
};

static bool append_id(void *context, uint32_t id, size_t begin, size_t end)
{
    struct id_list *list = context;
    (void)begin;
    (void)end;
    list->ids[list->count++] = id;
    return list->count < list->max_count;
}

static enum cof_status wordpiece_write(const struct cof_tokenizer *tokenizer,
                                       struct cof_text prefix, struct cof_text text,
                                       uint32_t *out_ids, size_t max_count, size_t *out_count,
                                       struct cof_error *err)
{
    struct id_list list = {.ids = out_ids, .max_count = max_count};
    struct run run;
    (void)err;
    begin_run(&run, (const struct wordpiece *)tokenizer, append_id, &list);
    run.is_stopped = max_count == 0;
    feed(&run, prefix);
    feed(&run, text);
    end_word(&run);
    *out_count = list.count;
    return COF_OK;
}

static size_t wordpiece_most_ids(const struct cof_tokenizer *tokenizer, size_t byte_count)
{
    (void)tokenizer;
    return byte_count;
}

static const struct cof_tokenizer_ops WORDPIECE_OPS = {
    .name = "wordpiece",
    .each = wordpiece_each,
    .write = wordpiece_write,
    .most_ids = wordpiece_most_ids,
    .close = wordpiece_close,
};

enum cof_status cof_wordpiece_create(const struct cof_wordpiece_options *options,
                                     struct cof_tokenizer **out_tokenizer, struct cof_error *err)
{
    struct wordpiece *tokenizer = cof_calloc(1, sizeof(*tokenizer));
    if (tokenizer == NULL)
        return COF_FAIL_MEMORY(err);
    tokenizer->base.ops = &WORDPIECE_OPS;
    tokenizer->base.separator_count = 1;
    enum cof_status status = build(tokenizer, options, err);
    if (status != COF_OK) {
        wordpiece_close(&tokenizer->base);
        return status;
    }
    *out_tokenizer = &tokenizer->base;
    return COF_OK;
}
