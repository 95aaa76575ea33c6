/* Words, pieces, places and limits over the tiny vocabulary. */
#include "wordpiece.h"

#include <string.h>

#include "../base/torture.h"
#include "seeded_random.h"
#include "testing.h"
#include "tiny_model.h"
#include "tokenizing.h"

enum { MAX_TOKENS = 512 };

struct token_list {
    size_t count;
    uint32_t ids[MAX_TOKENS];
    size_t begins[MAX_TOKENS];
    size_t ends[MAX_TOKENS];
};

static bool append_token(void *context, uint32_t id, size_t begin, size_t end)
{
    struct token_list *list = context;
    assert_true(list->count < MAX_TOKENS);
    list->ids[list->count] = id;
    list->begins[list->count] = begin;
    list->ends[list->count++] = end;
    return true;
}

static struct cof_text tiny_tokens[64];

static struct cof_wordpiece_options tiny_options(void)
{
    for (size_t i = 0; i < TINY_VOCABULARY_COUNT; i++)
        tiny_tokens[i] = cof_text_from(TINY_VOCABULARY[i]);
    return (struct cof_wordpiece_options){
        .normalizer = {.clean_text = true,
                       .handle_chinese_chars = true,
                       .strip_accents = true,
                       .lowercase = true},
        .tokens = tiny_tokens,
        .token_count = TINY_VOCABULARY_COUNT,
        .unknown_token = COF_TEXT("[UNK]"),
        .begin_token = COF_TEXT("[CLS]"),
        .end_token = COF_TEXT("[SEP]"),
        .continuing_prefix = COF_TEXT("##"),
        .max_word_chars = 100,
    };
}

static struct cof_tokenizer *tokenizer;

static int open_tiny(void **state)
{
    const struct cof_wordpiece_options options = tiny_options();
    return cof_wordpiece_create(&options, &tokenizer, NULL) == COF_OK ? 0 : 1;
}

static int close_tiny(void **state)
{
    cof_tokenizer_close(tokenizer);
    return 0;
}

/* The tokens of `text`, written with spaces between them. */
static void assert_tokens(struct cof_text text, const char *expected)
{
    struct token_list list = {0};
    char joined[4096] = "";
    size_t size = 0;
    tokenize_each(tokenizer, text, append_token, &list);
    for (size_t i = 0; i < list.count; i++) {
        const char *token = TINY_VOCABULARY[list.ids[i]];
        size_t token_size = strlen(token);
        assert_true(size + token_size + 2 < sizeof(joined));
        if (i > 0)
            joined[size++] = ' ';
        memcpy(joined + size, token, token_size + 1);
        size += token_size;
    }
    assert_string_equal(joined, expected);
}

static void assert_places(struct cof_text text, size_t count, const size_t places[][2])
{
    struct token_list list = {0};
    tokenize_each(tokenizer, text, append_token, &list);
    assert_int_equal(list.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(list.begins[i], places[i][0]);
        assert_int_equal(list.ends[i], places[i][1]);
    }
}

static void wordpiece__takes_the_longest_piece_each_time(void **state)
{
    assert_tokens(COF_TEXT("filing"), "[UNK]");
    assert_tokens(COF_TEXT("fileing"), "file ##ing");
    assert_tokens(COF_TEXT("banked safe notes"), "bank ##ed safe note ##s");
    assert_tokens(COF_TEXT("the thea"), "the the ##a");
    assert_tokens(COF_TEXT("ing"), "i ##n ##g");
}

static void wordpiece__makes_a_word_unknown_as_a_whole(void **state)
{
    assert_tokens(COF_TEXT("filez the"), "[UNK] the");
    assert_tokens(COF_TEXT("z"), "[UNK]");
    assert_tokens(COF_TEXT("\xf0\x9f\x98\x80 the"), "[UNK] the");
}

static void wordpiece__splits_at_punctuation_ideographs_and_spaces(void **state)
{
    assert_tokens(COF_TEXT("the.file,a!"), "the . file , a !");
    assert_tokens(COF_TEXT("a\xe6\x96\x87\xe5\xad\x97"
                           "b"),
                  "a \xe6\x96\x87 \xe5\xad\x97 b");
    assert_tokens(COF_TEXT(" \t\na\r\n b\xe3\x80\x80"
                           "c "),
                  "a b c");
}

static void wordpiece__never_parses_special_tokens_out_of_text(void **state)
{
    assert_tokens(COF_TEXT("[SEP]"), "[ [UNK] ]"); /* there is no "##p" */
    assert_tokens(COF_TEXT("##ing"), "# # i ##n ##g");
    assert_tokens(COF_TEXT("[a]"), "[ a ]");
}

static void wordpiece__drops_controls_accents_and_case_inside_words(void **state)
{
    assert_tokens(COF_TEXT("TH\xc3\x89"), "the");
    assert_tokens(COF_TEXT("the\xcc\x81"), "the");
    assert_tokens(COF_TEXT("t\0h\xe2\x80\x8b"
                           "e"),
                  "the");
    assert_tokens(COF_TEXT(""), "");
    assert_tokens(COF_TEXT("\xcc\x81\xe2\x80\x8b"), "");
}

static void wordpiece__gives_places_on_the_original_text(void **state)
{
    assert_places(COF_TEXT("fileing, the"), 4,
                  (const size_t[][2]){{0, 4}, {4, 7}, {7, 8}, {9, 12}});
    /* dropped characters belong to the token before them */
    assert_places(COF_TEXT("the\xcc\x81 a\xe2\x80\x8b"), 2, (const size_t[][2]){{0, 5}, {6, 10}});
    assert_places(COF_TEXT("\xe2\x80\x8b"
                           "a"),
                  1, (const size_t[][2]){{3, 4}});
    assert_places(COF_TEXT("zz!"), 2, (const size_t[][2]){{0, 2}, {2, 3}});
}

static void wordpiece__gives_the_place_of_a_character_once(void **state)
{
    /* a syllable of three letters, each a token */
    const struct cof_text tokens[] = {COF_TEXT("[UNK]"),          COF_TEXT("[CLS]"),
                                      COF_TEXT("[SEP]"),          COF_TEXT("\xe1\x84\x92"),
                                      COF_TEXT("##\xe1\x85\xa1"), COF_TEXT("##\xe1\x86\xab")};
    struct cof_wordpiece_options options = tiny_options();
    struct cof_tokenizer *tiny = tokenizer;
    options.tokens = tokens;
    options.token_count = 6;
    assert_int_equal(cof_wordpiece_create(&options, &tokenizer, NULL), COF_OK);
    assert_places(COF_TEXT("\xed\x95\x9c"), 3, (const size_t[][2]){{0, 3}, {3, 3}, {3, 3}});
    cof_tokenizer_close(tokenizer);
    tokenizer = tiny;
}

static void wordpiece__makes_words_over_the_limit_unknown(void **state)
{
    char word[301];
    memset(word, 'a', sizeof(word));
    struct token_list list = {0};
    tokenize_each(tokenizer, (struct cof_text){.data = word, .size = 100}, append_token, &list);
    assert_int_equal(list.count, 100);
    list = (struct token_list){0};
    tokenize_each(tokenizer, (struct cof_text){.data = word, .size = 101}, append_token, &list);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.ids[0], 1);
    assert_int_equal(list.ends[0], 101);
    word[300] = '.';
    list = (struct token_list){0};
    tokenize_each(tokenizer, (struct cof_text){.data = word, .size = 301}, append_token, &list);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.ends[0], 300);
}

static void wordpiece__encodes_between_the_special_tokens(void **state)
{
    uint32_t ids[8];
    assert_int_equal(tokenize_encode(tokenizer, COF_TEXT(""), COF_TEXT(""), ids, 8), 2);
    assert_int_equal(ids[0], 2);
    assert_int_equal(ids[1], 3);
    assert_int_equal(tokenize_encode(tokenizer, COF_TEXT(""), COF_TEXT("a b"), ids, 8), 4);
    assert_int_equal(ids[1], 5);
    assert_int_equal(ids[2], 6);
    assert_int_equal(ids[3], 3);
}

static void wordpiece__cuts_the_text_where_the_ids_end(void **state)
{
    uint32_t ids[5] = {0, 0, 0, 0, 77};
    assert_int_equal(tokenize_encode(tokenizer, COF_TEXT(""), COF_TEXT("a b c d"), ids, 4), 4);
    assert_int_equal(ids[2], 6);
    assert_int_equal(ids[3], 3);
    assert_int_equal(ids[4], 77);
    assert_int_equal(tokenize_encode(tokenizer, COF_TEXT("a"), COF_TEXT("b"), ids, 2), 2);
    assert_int_equal(ids[1], 3);
    /* a word of several pieces is cut inside */
    assert_int_equal(tokenize_encode(tokenizer, COF_TEXT(""), COF_TEXT("fileing"), ids, 3), 3);
    assert_int_equal(ids[2], 3);
}

static void wordpiece__reads_prefix_and_text_as_one(void **state)
{
    uint32_t ids[8];
    assert_int_equal(tokenize_encode(tokenizer, COF_TEXT("fi"), COF_TEXT("leing"), ids, 8), 4);
    assert_string_equal(TINY_VOCABULARY[ids[1]], "file");
    assert_string_equal(TINY_VOCABULARY[ids[2]], "##ing");
}

static bool stop_at_second(void *context, uint32_t id, size_t begin, size_t end)
{
    size_t *count = context;
    (*count)++;
    return *count < 2;
}

static void wordpiece__stops_when_told(void **state)
{
    size_t count = 0;
    tokenize_each(tokenizer, COF_TEXT("a b c fileing"), stop_at_second, &count);
    assert_int_equal(count, 2);
}

struct place_check {
    struct cof_text text;
    size_t last_end;
    size_t count;
};

static bool check_place(void *context, uint32_t id, size_t begin, size_t end)
{
    struct place_check *check = context;
    assert_true(begin >= check->last_end && begin <= end && end <= check->text.size);
    assert_int_equal(cof_utf8_floor(check->text, begin), begin);
    assert_int_equal(cof_utf8_floor(check->text, end), end);
    assert_true(id < TINY_VOCABULARY_COUNT);
    check->last_end = end;
    check->count++;
    return true;
}

static void wordpiece__keeps_places_and_bounds_on_random_text(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 5);
    for (size_t round = 0; round < 5000; round++) {
        char bytes[256];
        uint32_t ids[260];
        size_t size = 0;
        size_t count = (size_t)seeded_random_below(&random, 60);
        for (size_t i = 0; i < count; i++) {
            static const uint32_t ends[] = {0x80, 0x250, 0x3000, 0xd800, 0x1100, 0x20000, 0x30000};
            uint32_t end = ends[seeded_random_below(&random, 7)];
            uint32_t code_point = (uint32_t)seeded_random_below(&random, end);
            if (code_point < 0xd800 || code_point >= 0xe000)
                size += cof_utf8_encode(code_point, bytes + size);
        }
        struct place_check check = {.text = {.data = bytes, .size = size}};
        tokenize_each(tokenizer, check.text, check_place, &check);
        assert_true(check.count <= size);
        size_t id_count = tokenize_encode(tokenizer, (struct cof_text){0}, check.text, ids, 258);
        assert_int_equal(id_count, check.count + 2);
    }
}

static void wordpiece__needs_its_special_tokens(void **state)
{
    static const char *const names[] = {"[NONE]", "", "[cls]"};
    for (size_t i = 0; i < 3; i++) {
        struct cof_wordpiece_options options = tiny_options();
        struct cof_tokenizer *none = NULL;
        struct cof_error err = {0};
        options.begin_token = cof_text_from(names[i]);
        assert_int_equal(cof_wordpiece_create(&options, &none, &err), COF_INVALID);
        assert_non_null(strstr(err.message, "special token"));
    }
    struct cof_wordpiece_options options = tiny_options();
    struct cof_tokenizer *none = NULL;
    options.max_word_chars = COF_WORDPIECE_MAX_WORD_CHARS + 1;
    assert_int_equal(cof_wordpiece_create(&options, &none, NULL), COF_INVALID);
    options.max_word_chars = 0;
    assert_int_equal(cof_wordpiece_create(&options, &none, NULL), COF_INVALID);
}

static void wordpiece__digest_tells_rules_and_tokens_apart(void **state)
{
    struct cof_wordpiece_options options = tiny_options();
    struct cof_tokenizer *same = NULL;
    struct cof_tokenizer *other = NULL;
    assert_int_equal(cof_wordpiece_create(&options, &same, NULL), COF_OK);
    options.normalizer.lowercase = false;
    assert_int_equal(cof_wordpiece_create(&options, &other, NULL), COF_OK);
    assert_memory_equal(tokenizer->digest, same->digest, 32);
    assert_memory_not_equal(tokenizer->digest, other->digest, 32);
    cof_tokenizer_close(same);
    cof_tokenizer_close(other);
    cof_tokenizer_close(NULL);
}

static enum cof_status create_once(void *context, struct cof_error *err)
{
    const struct cof_wordpiece_options options = tiny_options();
    struct cof_tokenizer *one = NULL;
    COF_TRY(cof_wordpiece_create(&options, &one, err));
    cof_tokenizer_close(one);
    return COF_OK;
}

static void wordpiece__survives_every_failed_allocation(void **state)
{
    assert_true(torture(create_once, NULL) > 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wordpiece__takes_the_longest_piece_each_time),
        cmocka_unit_test(wordpiece__makes_a_word_unknown_as_a_whole),
        cmocka_unit_test(wordpiece__splits_at_punctuation_ideographs_and_spaces),
        cmocka_unit_test(wordpiece__never_parses_special_tokens_out_of_text),
        cmocka_unit_test(wordpiece__drops_controls_accents_and_case_inside_words),
        cmocka_unit_test(wordpiece__gives_places_on_the_original_text),
        cmocka_unit_test(wordpiece__gives_the_place_of_a_character_once),
        cmocka_unit_test(wordpiece__makes_words_over_the_limit_unknown),
        cmocka_unit_test(wordpiece__encodes_between_the_special_tokens),
        cmocka_unit_test(wordpiece__cuts_the_text_where_the_ids_end),
        cmocka_unit_test(wordpiece__reads_prefix_and_text_as_one),
        cmocka_unit_test(wordpiece__stops_when_told),
        cmocka_unit_test(wordpiece__keeps_places_and_bounds_on_random_text),
        cmocka_unit_test(wordpiece__needs_its_special_tokens),
        cmocka_unit_test(wordpiece__digest_tells_rules_and_tokens_apart),
        cmocka_unit_test(wordpiece__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, open_tiny, close_tiny);
}
