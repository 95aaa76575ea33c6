/* What becomes of single code points under each rule. */
#include "bert_normalizer.h"

#include <string.h>

#include <cof/base/text.h>

#include "../base/torture.h"
#include "testing.h"

static const struct cof_bert_normalizer_options UNCASED = {
    .clean_text = true, .handle_chinese_chars = true, .strip_accents = true, .lowercase = true};

static struct cof_bert_normalizer *create(const struct cof_bert_normalizer_options *options)
{
    struct cof_bert_normalizer *normalizer = NULL;
    assert_int_equal(cof_bert_normalizer_create(options, &normalizer, NULL), COF_OK);
    return normalizer;
}

/* One code point becomes these, all of one kind. */
static void assert_maps(const struct cof_bert_normalizer *normalizer, uint32_t code_point,
                        const uint32_t *expected, size_t expected_count,
                        enum cof_bert_char_kind kind)
{
    struct cof_bert_char chars[COF_BERT_MAX_EXPANSION];
    size_t count = cof_bert_normalizer_map(normalizer, code_point, chars);
    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(chars[i].code_point, expected[i]);
        assert_int_equal(chars[i].kind, kind);
    }
}

static void assert_maps_to(const struct cof_bert_normalizer *normalizer, uint32_t code_point,
                           uint32_t expected, enum cof_bert_char_kind kind)
{
    assert_maps(normalizer, code_point, &expected, 1, kind);
}

static void normalizer__uncased_cleans_strips_and_lowers(void **state)
{
    struct cof_bert_normalizer *normalizer = create(&UNCASED);
    assert_maps_to(normalizer, 'A', 'a', COF_BERT_CHAR_LETTER);
    assert_maps_to(normalizer, 0xc9, 'e', COF_BERT_CHAR_LETTER);    /* É */
    assert_maps_to(normalizer, 0x130, 'i', COF_BERT_CHAR_LETTER);   /* İ */
    assert_maps_to(normalizer, 0x1ec6, 'e', COF_BERT_CHAR_LETTER);  /* Ệ */
    assert_maps_to(normalizer, 0x3a3, 0x3c3, COF_BERT_CHAR_LETTER); /* Σ, never final */
    assert_maps_to(normalizer, 0xdf, 0xdf, COF_BERT_CHAR_LETTER);   /* ß */
    assert_maps_to(normalizer, 0x212a, 'k', COF_BERT_CHAR_LETTER);  /* Kelvin sign */
    assert_maps_to(normalizer, 0x10400, 0x10428, COF_BERT_CHAR_LETTER);
    assert_maps_to(normalizer, '\t', ' ', COF_BERT_CHAR_SPACE);
    assert_maps_to(normalizer, 0x3000, ' ', COF_BERT_CHAR_SPACE);
    assert_maps_to(normalizer, '.', '.', COF_BERT_CHAR_ALONE);
    assert_maps_to(normalizer, 0x37e, ';', COF_BERT_CHAR_ALONE); /* decomposes to a sign */
    assert_maps_to(normalizer, 0x4e2d, 0x4e2d, COF_BERT_CHAR_ALONE);
    assert_maps_to(normalizer, 0xf900, 0x8c48, COF_BERT_CHAR_ALONE);
    assert_maps_to(normalizer, 0x2f800, 0x4e3d, COF_BERT_CHAR_ALONE);
    assert_maps_to(normalizer, 0x20000, 0x20000, COF_BERT_CHAR_ALONE);
    assert_maps_to(normalizer, 0x10ffff, 0x10ffff, COF_BERT_CHAR_LETTER);
    cof_bert_normalizer_destroy(normalizer);
    cof_bert_normalizer_destroy(NULL);
}

static void normalizer__lets_controls_and_marks_vanish(void **state)
{
    static const uint32_t gone[] = {0,      0x1b,     0x7f,    0x85,  0xad,  0x200d,  0xfffd,
                                    0xe000, 0x10fffd, 0xe0001, 0x301, 0x344, 0xe0100, 0xfe0f};
    struct cof_bert_normalizer *normalizer = create(&UNCASED);
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        assert_maps(normalizer, gone[i], NULL, 0, COF_BERT_CHAR_LETTER);
    cof_bert_normalizer_destroy(normalizer);
}

static void normalizer__takes_syllables_and_vowels_apart(void **state)
{
    const uint32_t jamo[] = {0x1112, 0x1161, 0x11ab};
    const uint32_t tamil[] = {0xbc6, 0xbbe};
    const uint32_t note[] = {0x1d158, 0x1d165, 0x1d16e};
    struct cof_bert_normalizer *normalizer = create(&UNCASED);
    assert_maps(normalizer, 0xd55c, jamo, 3, COF_BERT_CHAR_LETTER);
    assert_maps(normalizer, 0xbca, tamil, 2, COF_BERT_CHAR_LETTER);
    assert_maps(normalizer, 0x1d160, note, 3, COF_BERT_CHAR_LETTER);
    cof_bert_normalizer_destroy(normalizer);
}

static void normalizer__cased_changes_no_letter(void **state)
{
    const struct cof_bert_normalizer_options options = {.clean_text = true,
                                                        .handle_chinese_chars = true};
    struct cof_bert_normalizer *normalizer = create(&options);
    assert_maps_to(normalizer, 'A', 'A', COF_BERT_CHAR_LETTER);
    assert_maps_to(normalizer, 0xc9, 0xc9, COF_BERT_CHAR_LETTER);
    assert_maps_to(normalizer, 0x301, 0x301, COF_BERT_CHAR_LETTER);
    assert_maps_to(normalizer, 0xd55c, 0xd55c, COF_BERT_CHAR_LETTER);
    assert_maps_to(normalizer, 0xe0100, 0xe0100, COF_BERT_CHAR_LETTER);
    cof_bert_normalizer_destroy(normalizer);
}

static void normalizer__lowers_without_stripping(void **state)
{
    const uint32_t dotted[] = {'i', 0x307};
    const struct cof_bert_normalizer_options options = {.clean_text = true, .lowercase = true};
    struct cof_bert_normalizer *normalizer = create(&options);
    assert_maps(normalizer, 0x130, dotted, 2, COF_BERT_CHAR_LETTER);
    assert_maps_to(normalizer, 0xc9, 0xe9, COF_BERT_CHAR_LETTER);
    assert_maps_to(normalizer, 0x4e2d, 0x4e2d, COF_BERT_CHAR_LETTER); /* not set apart */
    cof_bert_normalizer_destroy(normalizer);
}

static void normalizer__without_cleaning_keeps_controls_and_still_sees_spaces(void **state)
{
    const struct cof_bert_normalizer_options options = {0};
    struct cof_bert_normalizer *normalizer = create(&options);
    assert_maps_to(normalizer, 0, 0, COF_BERT_CHAR_LETTER);
    assert_maps_to(normalizer, 0x200d, 0x200d, COF_BERT_CHAR_LETTER);
    assert_maps_to(normalizer, '\n', '\n', COF_BERT_CHAR_SPACE);
    assert_maps_to(normalizer, 0x3000, 0x3000, COF_BERT_CHAR_SPACE);
    cof_bert_normalizer_destroy(normalizer);
}

/* The promise that bounds the memory for tokens. */
static void normalizer__never_gives_more_characters_than_bytes(void **state)
{
    for (unsigned rules = 0; rules < 16; rules++) {
        const struct cof_bert_normalizer_options options = {.clean_text = (rules & 1) != 0,
                                                            .handle_chinese_chars =
                                                                (rules & 2) != 0,
                                                            .strip_accents = (rules & 4) != 0,
                                                            .lowercase = (rules & 8) != 0};
        struct cof_bert_normalizer *normalizer = create(&options);
        struct cof_bert_char chars[COF_BERT_MAX_EXPANSION];
        char bytes[4];
        for (uint32_t c = 0; c < 0x110000; c++) {
            if (c >= 0xd800 && c < 0xe000)
                continue;
            assert_true(cof_bert_normalizer_map(normalizer, c, chars) <= cof_utf8_encode(c, bytes));
        }
        cof_bert_normalizer_destroy(normalizer);
    }
}

static enum cof_status create_once(void *context, struct cof_error *err)
{
    struct cof_bert_normalizer *normalizer = NULL;
    COF_TRY(cof_bert_normalizer_create(&UNCASED, &normalizer, err));
    cof_bert_normalizer_destroy(normalizer);
    return COF_OK;
}

static void normalizer__survives_every_failed_allocation(void **state)
{
    assert_true(torture(create_once, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalizer__uncased_cleans_strips_and_lowers),
        cmocka_unit_test(normalizer__lets_controls_and_marks_vanish),
        cmocka_unit_test(normalizer__takes_syllables_and_vowels_apart),
        cmocka_unit_test(normalizer__cased_changes_no_letter),
        cmocka_unit_test(normalizer__lowers_without_stripping),
        cmocka_unit_test(normalizer__without_cleaning_keeps_controls_and_still_sees_spaces),
        cmocka_unit_test(normalizer__never_gives_more_characters_than_bytes),
        cmocka_unit_test(normalizer__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
