/* The fixed sentence that says nothing was found, in the question's language. */
#include "refusal.h"

#include <stddef.h>

#include <cof/base/unicode.h>

enum language { ENGLISH, GERMAN, FRENCH, SPANISH, CHINESE, ARABIC, RUSSIAN, LANGUAGE_COUNT };

static const struct cof_text refusals[LANGUAGE_COUNT] = {
    [ENGLISH] = COF_TEXT_INIT("I found nothing in the documents that answers this question."),
    [GERMAN] = COF_TEXT_INIT("In den Dokumenten steht nichts, was diese Frage beantwortet."),
    [FRENCH] =
        COF_TEXT_INIT("Je n’ai rien trouvé dans les documents qui réponde à cette question."),
    [SPANISH] = COF_TEXT_INIT("No he encontrado nada en los documentos que responda a esta "
                              "pregunta."),
    [CHINESE] = COF_TEXT_INIT("文档中没有找到能够回答这个问题的内容。"),
    [ARABIC] = COF_TEXT_INIT("لم أجد في المستندات ما يجيب عن هذا السؤال."),
    [RUSSIAN] = COF_TEXT_INIT("В документах нет ответа на этот вопрос."),
};

static const struct {
    enum language language;
    struct cof_text word;
} signs[] = {
    {GERMAN, COF_TEXT_INIT("der")},     {GERMAN, COF_TEXT_INIT("die")},
    {GERMAN, COF_TEXT_INIT("das")},     {GERMAN, COF_TEXT_INIT("wie")},
    {GERMAN, COF_TEXT_INIT("ich")},     {GERMAN, COF_TEXT_INIT("ist")},
    {GERMAN, COF_TEXT_INIT("und")},     {GERMAN, COF_TEXT_INIT("viel")},
    {GERMAN, COF_TEXT_INIT("viele")},   {GERMAN, COF_TEXT_INIT("wer")},
    {GERMAN, COF_TEXT_INIT("für")},     {GERMAN, COF_TEXT_INIT("welche")},
    {FRENCH, COF_TEXT_INIT("le")},      {FRENCH, COF_TEXT_INIT("les")},
    {FRENCH, COF_TEXT_INIT("quel")},    {FRENCH, COF_TEXT_INIT("quelle")},
    {FRENCH, COF_TEXT_INIT("combien")}, {FRENCH, COF_TEXT_INIT("est")},
    {FRENCH, COF_TEXT_INIT("une")},     {FRENCH, COF_TEXT_INIT("des")},
    {FRENCH, COF_TEXT_INIT("pour")},    {FRENCH, COF_TEXT_INIT("dans")},
    {SPANISH, COF_TEXT_INIT("el")},     {SPANISH, COF_TEXT_INIT("los")},
    {SPANISH, COF_TEXT_INIT("qué")},    {SPANISH, COF_TEXT_INIT("cuántos")},
    {SPANISH, COF_TEXT_INIT("cuál")},   {SPANISH, COF_TEXT_INIT("una")},
    {SPANISH, COF_TEXT_INIT("para")},   {SPANISH, COF_TEXT_INIT("del")},
    {ENGLISH, COF_TEXT_INIT("the")},    {ENGLISH, COF_TEXT_INIT("what")},
    {ENGLISH, COF_TEXT_INIT("how")},    {ENGLISH, COF_TEXT_INIT("is")},
    {ENGLISH, COF_TEXT_INIT("who")},    {ENGLISH, COF_TEXT_INIT("of")},
};

struct counting {
    size_t counts[LANGUAGE_COUNT];
};

static bool take_word(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    (void)offset;
    struct counting *counting = context;
    uint32_t first = 0;
    (void)cof_utf8_decode(word, 0, &first);
    if (is_cjk) {
        counting->counts[CHINESE] += 2;
    } else if (first >= 0x0600 && first <= 0x06FF) {
        counting->counts[ARABIC] += 2;
    } else if (first >= 0x0400 && first <= 0x04FF) {
        counting->counts[RUSSIAN] += 2;
    }
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (cof_text_equal_ascii_case(word, signs[i].word)) {
            counting->counts[signs[i].language]++;
        }
    }
    return true;
}

static enum language language_of(struct cof_text question)
{
    struct counting counting = {0};
    if (cof_unicode_each_word(question, take_word, &counting, NULL) != COF_OK) {
        return ENGLISH;
    }
    enum language best = ENGLISH;
    for (enum language i = ENGLISH; i < LANGUAGE_COUNT; i++) {
        if (counting.counts[i] > counting.counts[best]) {
            best = i;
        }
    }
    return best;
}

struct cof_text cof_refusal_text(struct cof_text question)
{
    return refusals[language_of(question)];
}

bool cof_question_is_english(struct cof_text question)
{
    return language_of(question) == ENGLISH;
}
