/* Tokenizer files: those that are read, and those that are refused by name of file and field. */
#include "wordpiece.h"

#include <stdio.h>
#include <string.h>

#include "../base/torture.h"
#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"
#include "tokenizing.h"

#define MODEL                                                                                      \
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":{\"[UNK]\":0,\"[CLS]\":"  \
    "1,"                                                                                           \
    "\"[SEP]\":2,\"a\":3,\"##b\":4,\"A\":6}}"
#define RULES                                                                                      \
    "\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":"                    \
    "\"BertPreTokenizer\"}"
#define TEMPLATE                                                                                   \
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"   \
    "\"[CLS]\"}},{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":{\"id\":\"[SEP]\"}}]}"

static uint32_t second_id(const struct cof_tokenizer *tokenizer, const char *text)
{
    uint32_t ids[16] = {0};
    (void)tokenize_encode(tokenizer, COF_TEXT(""), cof_text_from(text), ids, 16);
    return ids[1];
}

static struct cof_tokenizer *parse(const char *json)
{
    struct cof_tokenizer *tokenizer = NULL;
    struct cof_error err = {0};
    if (cof_wordpiece_parse_json(cof_text_from(json), &tokenizer, &err) != COF_OK)
        fail_msg("%s", err.message);
    return tokenizer;
}

static void assert_refused(const char *json, const char *field)
{
    struct cof_tokenizer *tokenizer = NULL;
    struct cof_error err = {0};
    assert_int_equal(cof_wordpiece_parse_json(cof_text_from(json), &tokenizer, &err), COF_INVALID);
    if (strstr(err.message, field) == NULL)
        fail_msg("'%s' is not in '%s'", field, err.message);
    assert_null(tokenizer);
}

static void load__reads_tokenizer_json(void **state)
{
    struct cof_tokenizer *tokenizer = parse("{" MODEL "," RULES "," TEMPLATE "}");
    assert_int_equal(tokenizer->token_count, 7);
    assert_int_equal(second_id(tokenizer, "A"), 3); /* lower case is the default */
    assert_int_equal(second_id(tokenizer, "x"), 0);
    cof_tokenizer_close(tokenizer);
}

static void load__reads_the_rules_that_it_finds(void **state)
{
    struct cof_tokenizer *tokenizer = parse(
        "{" MODEL ",\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"normalizer\":{\"type\":"
        "\"BertNormalizer\",\"lowercase\":false,\"strip_accents\":null},\"post_processor\":{"
        "\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",2],\"cls\":[\"[CLS]\",1]}}");
    assert_int_equal(second_id(tokenizer, "A"), 6);
    assert_int_equal(second_id(tokenizer, "\xc3\xa0"), 0); /* accents stay with the case */
    cof_tokenizer_close(tokenizer);
    tokenizer = parse(
        "{" MODEL ",\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"normalizer\":{"
        "\"type\":\"BertNormalizer\",\"lowercase\":false,\"strip_accents\":true}," TEMPLATE "}");
    assert_int_equal(second_id(tokenizer, "\xc3\xa0"), 3);
    cof_tokenizer_close(tokenizer);
}

static void load__refuses_other_kinds_of_tokenizers(void **state)
{
    assert_refused("7", "JSON object");
    assert_refused("{", "invalid JSON");
    assert_refused("{}", "'model'");
    assert_refused("{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", "'model.type'");
    assert_refused("{\"model\":{\"type\":\"WordPiece\"}}", "'model.vocab'");
    assert_refused("{\"model\":{\"type\":\"WordPiece\",\"vocab\":[]}}", "'vocab'");
    assert_refused("{" MODEL "}", "'normalizer'");
    assert_refused("{" MODEL ",\"normalizer\":{\"type\":\"NFC\"}}", "'normalizer'");
    assert_refused("{" MODEL ",\"normalizer\":{\"type\":\"BertNormalizer\"}}", "'pre_tokenizer'");
    assert_refused("{" MODEL "," RULES "}", "'post_processor'");
    assert_refused("{" MODEL "," RULES ",\"post_processor\":{\"type\":\"RobertaProcessing\"}}",
                   "'post_processor'");
    assert_refused("{" MODEL "," RULES ",\"post_processor\":{\"type\":\"BertProcessing\"}}",
                   "special token");
    assert_refused("{" MODEL "," RULES
                   ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":"
                   "[{\"Sequence\":{\"id\":\"A\"}}]}}",
                   "'post_processor.single'");
    assert_refused("{" MODEL "," RULES "," TEMPLATE ",\"added_tokens\":[{\"special\":false}]}",
                   "'added_tokens'");
}

static void load__refuses_vocabularies_that_lie(void **state)
{
    static const char *const vocabularies[][2] = {
        {"{\"[UNK]\":0,\"a\":0}", "twice"},
        {"{\"[UNK]\":-1}", "model.vocab"},
        {"{\"[UNK]\":1e9}", "model.vocab"},
        {"{\"[UNK]\":0.5}", "model.vocab"},
        {"{\"[UNK]\":\"0\"}", "model.vocab"},
        {"{\"[UNK]\":0,\"[UNK]\":1}", "twice"},
        {"{\"a\":0}", "[UNK]"},
        {"{\"[UNK]\":0}", "[CLS]"},
    };
    for (size_t i = 0; i < sizeof(vocabularies) / sizeof(vocabularies[0]); i++) {
        char json[1024];
        (void)snprintf(json, sizeof(json),
                       "{\"model\":{\"type\":\"WordPiece\",\"vocab\":%s}," RULES "," TEMPLATE "}",
                       vocabularies[i][0]);
        assert_refused(json, vocabularies[i][1]);
    }
    assert_refused("{\"model\":{\"vocab\":{\"a\":0},\"max_input_chars_per_word\":100000}}",
                   "max_input_chars_per_word");
}

static void load__reads_vocab_txt(void **state)
{
    struct cof_tokenizer *tokenizer = NULL;
    struct cof_text lines = COF_TEXT("[UNK]\r\n[CLS]\r\n[SEP]\r\na\r\n\r\nA");
    assert_int_equal(cof_wordpiece_parse_vocabulary(lines, COF_TEXT(""), &tokenizer, NULL), COF_OK);
    assert_int_equal(tokenizer->token_count, 6);
    assert_int_equal(second_id(tokenizer, "A"), 3);
    cof_tokenizer_close(tokenizer);
    assert_int_equal(cof_wordpiece_parse_vocabulary(lines, COF_TEXT("{\"do_lower_case\":false}"),
                                                    &tokenizer, NULL),
                     COF_OK);
    assert_int_equal(second_id(tokenizer, "A"), 5);
    cof_tokenizer_close(tokenizer);
}

static void load__refuses_bad_vocab_txt(void **state)
{
    struct cof_tokenizer *tokenizer = NULL;
    struct cof_error err = {0};
    struct cof_text good = COF_TEXT("[UNK]\n[CLS]\n[SEP]\n");
    assert_int_equal(cof_wordpiece_parse_vocabulary(COF_TEXT(""), COF_TEXT(""), &tokenizer, &err),
                     COF_INVALID);
    assert_non_null(strstr(err.message, "vocab.txt"));
    assert_int_equal(
        cof_wordpiece_parse_vocabulary(COF_TEXT("\xff\n"), COF_TEXT(""), &tokenizer, &err),
        COF_INVALID);
    assert_non_null(strstr(err.message, "UTF-8"));
    assert_int_equal(
        cof_wordpiece_parse_vocabulary(COF_TEXT("[UNK]\n[UNK]\n"), COF_TEXT(""), &tokenizer, &err),
        COF_INVALID);
    assert_int_equal(
        cof_wordpiece_parse_vocabulary(good, COF_TEXT("{\"do_lower_case\":1}"), &tokenizer, &err),
        COF_INVALID);
    assert_non_null(strstr(err.message, "tokenizer_config.json"));
    assert_int_equal(cof_wordpiece_parse_vocabulary(good, COF_TEXT("[]"), &tokenizer, &err),
                     COF_INVALID);
    assert_int_equal(
        cof_wordpiece_parse_vocabulary(good, COF_TEXT("{\"cls_token\":\"<s>\"}"), &tokenizer, &err),
        COF_INVALID);
    assert_null(tokenizer);
}

static void load__looks_for_the_files_in_their_order(void **state)
{
    char folder[TEMP_DIR_PATH_SIZE];
    struct cof_tokenizer *tokenizer = NULL;
    struct cof_error err = {0};
    temp_dir_create(folder);
    assert_int_equal(cof_wordpiece_open(folder, &tokenizer, &err), COF_NOT_FOUND);
    assert_non_null(strstr(err.message, "tokenizer.json"));

    tiny_model_put_text(folder, "vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\nA\n");
    tiny_model_put_text(folder, "tokenizer_config.json", "{\"do_lower_case\":false}");
    assert_int_equal(cof_wordpiece_open(folder, &tokenizer, &err), COF_OK);
    assert_int_equal(second_id(tokenizer, "A"), 4);
    cof_tokenizer_close(tokenizer);

    tiny_model_put_text(folder, "tokenizer.json", "{" MODEL "," RULES "," TEMPLATE "}");
    assert_int_equal(cof_wordpiece_open(folder, &tokenizer, &err), COF_OK);
    assert_int_equal(second_id(tokenizer, "A"), 3);
    cof_tokenizer_close(tokenizer);

    tiny_model_put_text(folder, "tokenizer.json", "{}");
    assert_int_equal(cof_wordpiece_open(folder, &tokenizer, &err), COF_INVALID);
    assert_non_null(strstr(err.message, "tokenizer.json: "));
    temp_dir_remove(folder);
}

static enum cof_status parse_once(void *context, struct cof_error *err)
{
    struct cof_tokenizer *tokenizer = NULL;
    COF_TRY(
        cof_wordpiece_parse_json(COF_TEXT("{" MODEL "," RULES "," TEMPLATE "}"), &tokenizer, err));
    cof_tokenizer_close(tokenizer);
    return cof_wordpiece_parse_vocabulary(COF_TEXT("[UNK]\n[CLS]\n"), COF_TEXT("{}"), &tokenizer,
                                          err) == COF_INVALID
               ? COF_OK
               : COF_NO_MEMORY;
}

static void load__survives_every_failed_allocation(void **state)
{
    assert_true(torture(parse_once, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load__reads_tokenizer_json),
        cmocka_unit_test(load__reads_the_rules_that_it_finds),
        cmocka_unit_test(load__refuses_other_kinds_of_tokenizers),
        cmocka_unit_test(load__refuses_vocabularies_that_lie),
        cmocka_unit_test(load__reads_vocab_txt),
        cmocka_unit_test(load__refuses_bad_vocab_txt),
        cmocka_unit_test(load__looks_for_the_files_in_their_order),
        cmocka_unit_test(load__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
