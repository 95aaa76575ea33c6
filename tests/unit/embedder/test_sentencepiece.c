/* Sentencepiece against the cases that the reference package wrote (make_sentencepiece.py), and
 * what stands around its pieces. */
#include "sentencepiece.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/buffer.h>
#include <cof/base/file.h>

#include "../base/torture.h"
#include "testing.h"
#include "tokenizing.h"

#define SMALL COF_SOURCE_DIR "/tests/unit/embedder/sentencepiece"

enum { MAX_TOKENS = 8192, MAX_TEXT = 65536 };

struct token_list {
    size_t count;
    uint32_t ids[MAX_TOKENS];
    size_t begins[MAX_TOKENS];
    size_t ends[MAX_TOKENS];
};

static struct token_list found;

/* No assertion here: it would jump out through the library's frames. */
static bool append_token(void *context, uint32_t id, size_t begin, size_t end)
{
    struct token_list *list = context;
    if (list->count == MAX_TOKENS)
        return false;
    list->ids[list->count] = id;
    list->begins[list->count] = begin;
    list->ends[list->count++] = end;
    return true;
}

static struct cof_tokenizer *open_model(const char *folder, const char *name,
                                        enum cof_sentencepiece_ids ids)
{
    struct cof_tokenizer *tokenizer = NULL;
    struct cof_error err = {0};
    if (cof_sentencepiece_open(folder, name, ids, &tokenizer, &err) != COF_OK)
        fail_msg("%s: %s", name, err.message);
    return tokenizer;
}

static void cut(const struct cof_tokenizer *tokenizer, struct cof_text text)
{
    found.count = 0;
    tokenize_each(tokenizer, text, append_token, &found);
}

static size_t decode_hex(const char *hex, size_t size, char *out)
{
    assert_true(size / 2 < MAX_TEXT);
    for (size_t i = 0; i + 1 < size; i += 2) {
        const char digits[3] = {hex[i], hex[i + 1], '\0'};
        out[i / 2] = (char)strtoul(digits, NULL, 16);
    }
    return size / 2;
}

/* One line of a cases file: hex of the text, ids, begin:end. */
static void check_case(const struct cof_tokenizer *tokenizer, char *line, size_t number)
{
    static char bytes[MAX_TEXT];
    char *ids = strchr(line, '\t');
    assert_non_null(ids);
    char *places = strchr(ids + 1, '\t');
    assert_non_null(places);
    struct cof_text text = {.data = bytes, .size = decode_hex(line, (size_t)(ids - line), bytes)};
    cut(tokenizer, text);
    ids++;
    places++;
    for (size_t i = 0; i < found.count; i++) {
        if (strtoul(ids, &ids, 10) != found.ids[i])
            fail_msg("line %zu: token %zu has another id than %u", number, i, found.ids[i]);
        size_t begin = strtoul(places, &places, 10);
        size_t end = strtoul(places + 1, &places, 10);
        if (begin != found.begins[i] || end != found.ends[i])
            fail_msg("line %zu: token %zu is not at %zu:%zu", number, i, found.begins[i],
                     found.ends[i]);
    }
    if (*ids != '\t' || *places != '\n')
        fail_msg("line %zu: more tokens are expected than the %zu found", number, found.count);
}

static size_t check_cases(const struct cof_tokenizer *tokenizer, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;
    size_t count = 0;
    if (file == NULL)
        fail_msg("there is no %s", path);
    while (getline(&line, &capacity, file) > 0)
        check_case(tokenizer, line, ++count);
    free(line);
    assert_int_equal(fclose(file), 0);
    return count;
}

static void sentencepiece__agrees_with_the_reference_package(void **state)
{
    static const char *const names[] = {"unigram", "bpe", "suffix"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[64];
        char path[512];
        (void)snprintf(name, sizeof(name), "%s.model", names[i]);
        (void)snprintf(path, sizeof(path), "%s/%s.cases", SMALL, names[i]);
        struct cof_tokenizer *tokenizer = open_model(SMALL, name, COF_SENTENCEPIECE_OWN);
        assert_true(check_cases(tokenizer, path) > 80);
        cof_tokenizer_close(tokenizer);
    }
}

/* The big models and texts, made by `make_sentencepiece.py cases`. */
static void sentencepiece__agrees_on_the_models_that_the_environment_names(void **state)
{
    static const char *const names[] = {"xlmr_250k.rebuilt", "llama2.tokenizer", "sp_test_en_1k",
                                        "sp_test_ja_8k"};
    const char *folder = getenv("COFFER_SENTENCEPIECE_CASES");
    if (folder == NULL || *folder == '\0') {
        print_message("COFFER_SENTENCEPIECE_CASES names no folder: not compared\n");
        skip();
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[64];
        char path[512];
        (void)snprintf(name, sizeof(name), "%s.model", names[i]);
        (void)snprintf(path, sizeof(path), "%s/%s.cases", folder, names[i]);
        struct cof_tokenizer *tokenizer = open_model(folder, name, COF_SENTENCEPIECE_OWN);
        print_message("%s: %zu texts agree\n", names[i], check_cases(tokenizer, path));
        cof_tokenizer_close(tokenizer);
    }
}

static void sentencepiece__numbers_pieces_as_xlm_roberta_does(void **state)
{
    struct cof_tokenizer *own = open_model(SMALL, "unigram.model", COF_SENTENCEPIECE_OWN);
    struct cof_tokenizer *shifted = open_model(SMALL, "unigram.model", COF_SENTENCEPIECE_XLM_R);
    const struct cof_text text = COF_TEXT("the bank Q keeps \xe6\x96\x87 Q");
    uint32_t ids[64];
    uint32_t others[64];
    size_t count = tokenize_encode(own, (struct cof_text){0}, text, ids, 64);
    assert_int_equal(tokenize_encode(shifted, (struct cof_text){0}, text, others, 64), count);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[count - 1], 2);
    assert_int_equal(others[0], 0);
    assert_int_equal(others[count - 1], 2);
    size_t unknown_count = 0;
    for (size_t i = 1; i + 1 < count; i++) {
        unknown_count += ids[i] == 0;
        assert_int_equal(others[i], ids[i] == 0 ? 3 : ids[i] + 1);
    }
    assert_int_equal(unknown_count, 2);
    assert_int_equal(own->separator_count, 1);
    assert_int_equal(shifted->separator_count, 2);
    assert_int_equal(shifted->token_count, own->token_count + 1);
    assert_memory_not_equal(own->digest, shifted->digest, sizeof(own->digest));
    cof_tokenizer_close(own);
    cof_tokenizer_close(shifted);
}

static void sentencepiece__never_parses_special_tokens_out_of_text(void **state)
{
    static const char *const names[] = {"unigram.model", "bpe.model", "suffix.model"};
    const struct cof_text text =
        COF_TEXT("<s> a</s><unk><pad> <mask> [CLS] [SEP] <0x41> <0x0A> \xe2\x96\x81<s>");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct cof_tokenizer *tokenizer = open_model(SMALL, names[i], COF_SENTENCEPIECE_OWN);
        cut(tokenizer, text);
        assert_true(found.count > 20);
        for (size_t j = 0; j < found.count; j++) {
            assert_int_not_equal(found.ids[j], tokenizer->begin_id);
            assert_int_not_equal(found.ids[j], tokenizer->end_id);
        }
        cof_tokenizer_close(tokenizer);
    }
}

static void sentencepiece__takes_cls_and_sep_where_a_model_has_them(void **state)
{
    struct cof_tokenizer *tokenizer = open_model(SMALL, "suffix.model", COF_SENTENCEPIECE_OWN);
    assert_int_equal(tokenizer->begin_id, 3);
    assert_int_equal(tokenizer->end_id, 4);
    cof_tokenizer_close(tokenizer);
}

static void sentencepiece__falls_back_to_bytes(void **state)
{
    struct cof_tokenizer *tokenizer = open_model(SMALL, "bpe.model", COF_SENTENCEPIECE_OWN);
    /* a space mark, then three bytes; the last of them has the place */
    cut(tokenizer, COF_TEXT("\xef\xac\x81"));
    assert_int_equal(found.count, 4);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(found.ends[i], 0);
    assert_int_equal(found.begins[3], 0);
    assert_int_equal(found.ends[3], 3);
    cof_tokenizer_close(tokenizer);
}

static void sentencepiece__cuts_ids_where_they_end_and_reads_the_prefix_along(void **state)
{
    struct cof_tokenizer *tokenizer = open_model(SMALL, "unigram.model", COF_SENTENCEPIECE_XLM_R);
    uint32_t whole[64];
    uint32_t ids[64] = {0};
    const struct cof_text prefix = COF_TEXT("the ban");
    size_t count = tokenize_encode(tokenizer, (struct cof_text){0},
                                   COF_TEXT("the bank keeps files"), whole, 64);
    assert_int_equal(tokenize_encode(tokenizer, prefix, COF_TEXT("k keeps files"), ids, 64), count);
    assert_memory_equal(ids, whole, count * sizeof(ids[0]));
    for (size_t most = 2; most < count; most++) {
        ids[most] = 4711;
        assert_int_equal(tokenize_encode(tokenizer, prefix, COF_TEXT("k keeps files"), ids, most),
                         most);
        assert_memory_equal(ids, whole, (most - 1) * sizeof(ids[0]));
        assert_int_equal(ids[most - 1], 2);
        assert_int_equal(ids[most], 4711);
    }
    assert_int_equal(
        tokenize_encode(tokenizer, COF_TEXT("the bank"), (struct cof_text){0}, ids, 64), 4);
    cof_tokenizer_close(tokenizer);
}

struct place_check {
    size_t count;
    size_t last_end;
    size_t text_size;
    bool is_wrong;
};

static bool check_place(void *context, uint32_t id, size_t begin, size_t end)
{
    struct place_check *check = context;
    (void)id;
    check->count++;
    check->is_wrong |= begin < check->last_end || end < begin || end > check->text_size;
    check->last_end = end;
    return true;
}

static void sentencepiece__cuts_long_texts_in_windows_at_white_space(void **state)
{
    static const char word[] = "bank files ";
    struct cof_tokenizer *tokenizer = open_model(SMALL, "unigram.model", COF_SENTENCEPIECE_OWN);
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer text = {0};
    size_t word_count = 3 * COF_SENTENCEPIECE_WINDOW_BYTES / (sizeof(word) - 1);
    for (size_t i = 0; i < word_count; i++)
        cof_buffer_append(&text, word, sizeof(word) - 1);
    cut(tokenizer, COF_TEXT("bank files"));
    struct place_check check = {.text_size = text.size};
    tokenize_each(tokenizer, cof_buffer_text(&text), check_place, &check);
    assert_int_equal(check.count, found.count * word_count);
    assert_false(check.is_wrong);
    assert_int_equal(check.last_end, text.size - 1);

    /* without any white space, between characters */
    cof_buffer_clear(&text);
    for (size_t i = 0; i < COF_SENTENCEPIECE_WINDOW_BYTES / 2; i++)
        cof_buffer_append(&text, "\xe9\x93\xb6", 3);
    check = (struct place_check){.text_size = text.size};
    tokenize_each(tokenizer, cof_buffer_text(&text), check_place, &check);
    assert_false(check.is_wrong);
    assert_int_equal(check.last_end, text.size);
    cof_tokenizer_close(tokenizer);
}

static void sentencepiece__stops_when_told(void **state)
{
    struct cof_tokenizer *tokenizer = open_model(SMALL, "unigram.model", COF_SENTENCEPIECE_OWN);
    found.count = MAX_TOKENS - 1;
    tokenize_each(tokenizer, COF_TEXT("the bank keeps files"), append_token, &found);
    assert_int_equal(found.count, MAX_TOKENS);
    cof_tokenizer_close(tokenizer);
}

static void sentencepiece__refuses_what_is_no_such_model(void **state)
{
    struct cof_tokenizer *tokenizer = NULL;
    struct cof_error err = {0};
    assert_int_equal(
        cof_sentencepiece_open(SMALL, "absent.model", COF_SENTENCEPIECE_OWN, &tokenizer, &err),
        COF_NOT_FOUND);
    assert_int_equal(
        cof_sentencepiece_open(SMALL, "bpe.cases", COF_SENTENCEPIECE_OWN, &tokenizer, &err),
        COF_CORRUPT);
    assert_non_null(strstr(err.message, "bpe.cases: "));
    assert_null(tokenizer);
}

static enum cof_status open_once(void *context, struct cof_error *err)
{
    struct cof_tokenizer *tokenizer = NULL;
    COF_TRY(cof_sentencepiece_open(SMALL, "bpe.model", COF_SENTENCEPIECE_OWN, &tokenizer, err));
    cof_tokenizer_close(tokenizer);
    return COF_OK;
}

static void sentencepiece__survives_every_failed_allocation(void **state)
{
    assert_true(torture(open_once, NULL) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentencepiece__agrees_with_the_reference_package),
        cmocka_unit_test(sentencepiece__agrees_on_the_models_that_the_environment_names),
        cmocka_unit_test(sentencepiece__numbers_pieces_as_xlm_roberta_does),
        cmocka_unit_test(sentencepiece__never_parses_special_tokens_out_of_text),
        cmocka_unit_test(sentencepiece__takes_cls_and_sep_where_a_model_has_them),
        cmocka_unit_test(sentencepiece__falls_back_to_bytes),
        cmocka_unit_test(sentencepiece__cuts_ids_where_they_end_and_reads_the_prefix_along),
        cmocka_unit_test(sentencepiece__cuts_long_texts_in_windows_at_white_space),
        cmocka_unit_test(sentencepiece__stops_when_told),
        cmocka_unit_test(sentencepiece__refuses_what_is_no_such_model),
        cmocka_unit_test(sentencepiece__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
