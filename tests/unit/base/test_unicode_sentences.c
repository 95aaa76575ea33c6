/* Sentences: where they end, and where they only seem to. '|' marks the boundaries. */
#include <cof/base/unicode.h>

#include <string.h>

#include "seeded_random.h"
#include "testing.h"

struct trace {
    struct cof_buffer marked;
    struct cof_text text;
    size_t end;
    size_t count;
    size_t max_count;
};

static bool note_sentence(void *context, struct cof_text sentence, size_t offset)
{
    struct trace *trace = context;
    assert_int_equal(offset, trace->end); /* no gaps */
    assert_ptr_equal(sentence.data, trace->text.data + offset);
    assert_true(sentence.size > 0 && cof_utf8_is_valid(sentence, NULL));
    trace->end = offset + sentence.size;
    if (trace->count++ > 0)
        cof_buffer_append_byte(&trace->marked, '|');
    cof_buffer_append_text(&trace->marked, sentence);
    return trace->count < trace->max_count;
}

static void assert_sentences(const char *marked)
{
    struct cof_buffer text = {0};
    for (const char *c = marked; *c != '\0'; c++) {
        if (*c != '|')
            cof_buffer_append_byte(&text, (uint8_t)*c);
    }
    struct trace trace = {.text = cof_buffer_text(&text), .max_count = SIZE_MAX};
    assert_int_equal(cof_unicode_each_sentence(trace.text, note_sentence, &trace, NULL), COF_OK);
    assert_int_equal(trace.end, text.size);
    if (!cof_text_equal(cof_buffer_text(&trace.marked), cof_text_from(marked)))
        fail_msg("%.*s instead of %s", COF_TEXT_ARG(cof_buffer_text(&trace.marked)), marked);
    cof_buffer_deinit(&trace.marked);
    cof_buffer_deinit(&text);
}

static void sentences__english(void **state)
{
    assert_sentences("He left! |Really? |Yes.");
    assert_sentences("Dr. Smith and Mrs. Jones met Prof. Lee. |They talked.");
    assert_sentences("It costs 3.5 euros or $4.20. |That is much.");
    assert_sentences("Use a tool, e.g. Excel, i.e. a sheet, etc. It helps. |Always.");
    assert_sentences("J. R. R. Tolkien wrote it. |Others read it.");
    assert_sentences("The U.S. Army came at 5 p.m. on Monday. |It rained.");
    assert_sentences("Is it allowed? |No. |Ask first.");
    assert_sentences("See No. 5, pp. 3-4 and Fig. 2. Then sign. |Done.");
    assert_sentences("That is art. |Art. 5 says so.");
    assert_sentences("It opened in 1999. |It closed in 2023.");
    assert_sentences("\"Really?\" he asked. |\"Yes!\" |She left.");
    assert_sentences("(See Dr. Who.) |Then go.");
    assert_sentences("Well... |Maybe.");
    assert_sentences("Visit example.com. |Or mail a.b@c.org. |Bye.");
    assert_sentences("The form (see sect. 3) is due. |Send it to St. Mary Hospital.");
}

static void sentences__german(void **state)
{
    assert_sentences("Der 1. Januar ist frei. |Der 24. Dezember nicht.");
    assert_sentences("Das gilt z. B. Montags, d. h. Nachts, bzw. Sonntags. |Immer.");
    assert_sentences("Das gilt z.B. Montags, u.a. Nachts. |Immer.");
    assert_sentences("Siehe Nr. 5 und § 3 Abs. 2 Satz 1. Danach Art. 6.");
    assert_sentences("Hr. Dr. Müller wohnt in der Hauptstr. 5 in Köln. |Er zahlt ca. 3 Mio. Euro.");
    assert_sentences("„Gut.“ |Er ging. |»Hallo.« |Ende.");
    assert_sentences("Es war gut. |»Hallo«, rief er.");
    assert_sentences("Das sind 1.234,56 Euro. |Viel Geld!");
}

static void sentences__french(void **state)
{
    assert_sentences("« Oui. » |Il partit.");
    assert_sentences("Il a dit « Oui. ». |Elle partit.");
    assert_sentences("« Oui. », dit-il. |« Non ! » cria-t-elle. |Fin.");
    assert_sentences("Bonjour ! |Ça va ? |Bien.");
    assert_sentences("À Lyon, p. ex. Bellecour, art. 5 et art. L. 1234-5. |Fin.");
    assert_sentences("M. Dupont et Mme. Durand, c.-à-d. Paul et Anne. |Ils viennent.");
}

static void sentences__spanish_italian_dutch(void **state)
{
    assert_sentences("¿Qué tal, Sr. Gómez? |¡Bien! |El art. 5, pág. 3.");
    assert_sentences("Il sig. Rossi e il dott. Bianchi, ecc. Sono qui. |Bene.");
    assert_sentences("Dhr. Jansen en mevr. Bakker, bijv. Anna. |Goed.");
}

static void sentences__chinese_and_japanese(void **state)
{
    assert_sentences("完成了。|真的吗？|是的！|第一；第二：好。");
    assert_sentences("他说：“走。”|然后走了。");
    assert_sentences("「行く。」|彼は言った。|終わり");
    assert_sentences("真的吗?|是的.|好");
    assert_sentences("版本 3.5 已发布。|1. 第一步。|2. 第二步。");
    assert_sentences("员工每年有25天年假。|请提前两周申请，例如通过HR系统。");
}

static void sentences__arabic_and_hindi(void **state)
{
    assert_sentences("هل أنت بخير؟ |نعم. |شكرا!");
    assert_sentences("नमस्ते। |कैसे हो?");
}

static void sentences__lines_lists_and_headings(void **state)
{
    assert_sentences("# Title\n\n|- item one\n|- item two. |More\n\n|Text");
    assert_sentences("1. First step\n|2. Second step. |Then rest.\n|10. Last");
    assert_sentences("2.1. Scope\n|2.1.3. Rules apply. |Here.");
    assert_sentences("see Dr.\n|Smith");
    assert_sentences("one\r\n|two\xe2\x80\xa9|three");
}

static void sentences__white_space_is_never_alone(void **state)
{
    assert_sentences("");
    assert_sentences("\n\n");
    assert_sentences(" \n\n lead. |Next. \n \n\t|End \n");
    assert_sentences(".");
    assert_sentences("!?");
    assert_sentences("...");
}

static void sentences__stop_when_told(void **state)
{
    struct trace trace = {.text = COF_TEXT("One. Two. Three."), .max_count = 2};
    assert_int_equal(cof_unicode_each_sentence(trace.text, note_sentence, &trace, NULL), COF_OK);
    assert_true(cof_text_equal(cof_buffer_text(&trace.marked), COF_TEXT("One. |Two. ")));
    cof_buffer_deinit(&trace.marked);
}

static void sentences__refuse_bad_utf8(void **state)
{
    struct trace trace = {.text = COF_TEXT("One. \xff"), .max_count = SIZE_MAX};
    struct cof_error err = {0};
    assert_int_equal(cof_unicode_each_sentence(trace.text, note_sentence, &trace, &err),
                     COF_INVALID);
    assert_int_equal(trace.count, 0);
}

static void sentences__of_random_text_cover_it(void **state)
{
    static const char *const pieces[] = {".",  " ",   "\n", "!",  "?", "Dr", "No",   "5",
                                         "a",  "B",   "»",  "“",  ")", "。", "é",    "中",
                                         "\t", "e.g", "-",  "\"", "1", "z",  "\r\n", "؟"};
    struct seeded_random random;
    seeded_random_init(&random, 12);
    for (int round = 0; round < 5000; round++) {
        struct cof_buffer text = {0};
        for (int i = 0; i < 40; i++)
            cof_buffer_append_text(
                &text,
                cof_text_from(
                    pieces[seeded_random_below(&random, sizeof(pieces) / sizeof(pieces[0]))]));
        struct trace trace = {.text = cof_buffer_text(&text), .max_count = SIZE_MAX};
        assert_int_equal(cof_unicode_each_sentence(trace.text, note_sentence, &trace, NULL),
                         COF_OK);
        assert_int_equal(trace.end, text.size);
        cof_buffer_deinit(&trace.marked);
        cof_buffer_deinit(&text);
    }
}

static bool ignore_sentence(void *context, struct cof_text sentence, size_t offset)
{
    (void)context;
    (void)sentence;
    (void)offset;
    return true;
}

/* A megabyte of each: anything quadratic would run for minutes and hit the test's time limit. */
static void sentences__hostile_repetition_costs_no_more_than_its_length(void **state)
{
    static const char *const patterns[] = {"\n",  " ",   "a. ",  ".",   ". ",  "» ",   "!a ",
                                           "1. ", "\n)", "x. »", ".) ", "a.a", "Dr. ", "\xc2\xa0"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct cof_buffer text = {0};
        for (size_t n = 0; n < 300000; n++)
            cof_buffer_append_byte(&text, ' ');
        while (text.size < 1000000)
            cof_buffer_append_text(&text, cof_text_from(patterns[i]));
        cof_buffer_append_text(&text, COF_TEXT("End"));
        assert_int_equal(
            cof_unicode_each_sentence(cof_buffer_text(&text), ignore_sentence, NULL, NULL), COF_OK);
        cof_buffer_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences__english),
        cmocka_unit_test(sentences__german),
        cmocka_unit_test(sentences__french),
        cmocka_unit_test(sentences__spanish_italian_dutch),
        cmocka_unit_test(sentences__chinese_and_japanese),
        cmocka_unit_test(sentences__arabic_and_hindi),
        cmocka_unit_test(sentences__lines_lists_and_headings),
        cmocka_unit_test(sentences__white_space_is_never_alone),
        cmocka_unit_test(sentences__stop_when_told),
        cmocka_unit_test(sentences__refuse_bad_utf8),
        cmocka_unit_test(sentences__of_random_text_cover_it),
        cmocka_unit_test(sentences__hostile_repetition_costs_no_more_than_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
