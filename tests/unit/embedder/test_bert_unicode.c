/* A few facts of the published tokenizers' classes that newer Unicode tables would get wrong. */
#include "bert_unicode.h"

#include "testing.h"

static void bert_unicode__stands_at_the_tokenizers_unicode_version(void **state)
{
    assert_true(cof_bert_unicode_is_mark(0x0301));
    assert_false(cof_bert_unicode_is_mark(0x08d4)); /* a mark since Unicode 9 */
    assert_true(cof_bert_unicode_is_punctuation(0x2e42));
    assert_false(cof_bert_unicode_is_punctuation(0x2e43)); /* since Unicode 9 */
    assert_true(cof_bert_unicode_is_dropped(0x061c));
    assert_false(cof_bert_unicode_is_dropped(0x08e2)); /* a format since Unicode 9 */
}

static void bert_unicode__counts_every_ascii_sign_as_punctuation(void **state)
{
    for (uint32_t c = 0; c < 0x80; c++) {
        bool is_alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        assert_int_equal(cof_bert_unicode_is_punctuation(c),
                         c > ' ' && c < 0x7f && !is_alphanumeric);
    }
}

static void bert_unicode__drops_controls_but_keeps_line_ends(void **state)
{
    assert_true(cof_bert_unicode_is_dropped(0));
    assert_true(cof_bert_unicode_is_dropped(0x85));
    assert_true(cof_bert_unicode_is_dropped(0xfffd));
    assert_true(cof_bert_unicode_is_dropped(0x10fffd));
    assert_false(cof_bert_unicode_is_dropped('\t'));
    assert_false(cof_bert_unicode_is_dropped('\n'));
    assert_false(cof_bert_unicode_is_dropped('\r'));
    assert_false(cof_bert_unicode_is_dropped(0x0378)); /* unassigned */
    assert_false(cof_bert_unicode_is_dropped(0x10ffff));
}

static void bert_unicode__sets_ideographs_apart_but_not_other_asian_scripts(void **state)
{
    assert_true(cof_bert_unicode_is_chinese(0x4e00));
    assert_true(cof_bert_unicode_is_chinese(0x9fff));
    assert_true(cof_bert_unicode_is_chinese(0x20000));
    assert_true(cof_bert_unicode_is_chinese(0xf900));
    assert_false(cof_bert_unicode_is_chinese(0x3042));  /* hiragana */
    assert_false(cof_bert_unicode_is_chinese(0xac00));  /* hangul */
    assert_false(cof_bert_unicode_is_chinese(0x2b820)); /* left out by the published list */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bert_unicode__stands_at_the_tokenizers_unicode_version),
        cmocka_unit_test(bert_unicode__counts_every_ascii_sign_as_punctuation),
        cmocka_unit_test(bert_unicode__drops_controls_but_keeps_line_ends),
        cmocka_unit_test(bert_unicode__sets_ideographs_apart_but_not_other_asian_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
