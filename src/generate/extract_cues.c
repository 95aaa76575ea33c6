/* Word lists for the kinds of questions, in the languages of the stop words. */
#include "extract_cues.h"

/* Looked up among the folded terms of a question; of two words, both in this order. */
struct cue_word {
    const char *first, *second;
    unsigned cues;
};

#define ASKS_DURATION (COF_CUE_NUMBER | COF_CUE_DURATION)

static const struct cue_word question_words[] = {
    {"how", "many", COF_CUE_NUMBER},
    {"how", "much", COF_CUE_NUMBER},
    {"how", "long", ASKS_DURATION},
    {"how", "often", ASKS_DURATION},
    {"how", "old", COF_CUE_NUMBER},
    {"how", "far", COF_CUE_NUMBER},
    {"how", "high", COF_CUE_NUMBER},
    {"how", "soon", ASKS_DURATION},
    {"what", "notice", ASKS_DURATION},
    {"up", "to", COF_CUE_NUMBER},
    {"by", "when", COF_CUE_TIME | ASKS_DURATION},
    {"which", "day", COF_CUE_TIME | COF_CUE_NUMBER},
    {"what", "day", COF_CUE_TIME | COF_CUE_NUMBER},
    {"what", "time", COF_CUE_TIME},
    {"hours", NULL, COF_CUE_TIME},
    {"when", NULL, COF_CUE_TIME},
    {"cost", NULL, COF_CUE_MONEY},
    {"costs", NULL, COF_CUE_MONEY},
    {"price", NULL, COF_CUE_MONEY},
    {"fee", NULL, COF_CUE_MONEY},
    {"pay", NULL, COF_CUE_MONEY},
    {"value", NULL, COF_CUE_MONEY},
    {"values", NULL, COF_CUE_MONEY},
    {"allowance", NULL, COF_CUE_MONEY},
    {"budget", NULL, COF_CUE_MONEY},
    {"number", NULL, COF_CUE_CODE},
    {"phone", NULL, COF_CUE_CODE},
    {"call", NULL, COF_CUE_CODE},
    {"dial", NULL, COF_CUE_CODE},
    {"form", NULL, COF_CUE_CODE},
    /* German */
    {"wie", "viel", COF_CUE_NUMBER},
    {"wie", "viele", COF_CUE_NUMBER},
    {"wieviel", NULL, COF_CUE_NUMBER},
    {"wie", "hoch", COF_CUE_NUMBER},
    {"wie", "lange", ASKS_DURATION},
    {"wie", "oft", ASKS_DURATION},
    {"bis", "wann", COF_CUE_TIME},
    {"ab", "welcher", COF_CUE_NUMBER},
    {"ab", "wann", COF_CUE_TIME},
    {"wann", NULL, COF_CUE_TIME},
    {"kostet", NULL, COF_CUE_MONEY},
    {"kosten", NULL, COF_CUE_MONEY},
    {"preis", NULL, COF_CUE_MONEY},
    {"betrag", NULL, COF_CUE_MONEY},
    {"nummer", NULL, COF_CUE_CODE},
    {"telefonnummer", NULL, COF_CUE_CODE},
    {"durchwahl", NULL, COF_CUE_CODE},
    {"formular", NULL, COF_CUE_CODE},
    {"anrufen", NULL, COF_CUE_CODE},
    /* French */
    {"combien", "temps", ASKS_DURATION},
    {"combien", NULL, COF_CUE_NUMBER},
    {"quand", NULL, COF_CUE_TIME},
    {"heure", NULL, COF_CUE_TIME},
    {"delai", NULL, ASKS_DURATION},
    {"coute", NULL, COF_CUE_MONEY},
    {"prix", NULL, COF_CUE_MONEY},
    {"montant", NULL, COF_CUE_MONEY},
    {"numero", NULL, COF_CUE_CODE},
    {"poste", NULL, COF_CUE_CODE},
    {"appeler", NULL, COF_CUE_CODE},
    {"formulaire", NULL, COF_CUE_CODE},
    /* Spanish */
    {"cuanto", "tiempo", ASKS_DURATION},
    {"cuanto", NULL, COF_CUE_NUMBER},
    {"cuanta", NULL, COF_CUE_NUMBER},
    {"cuantos", NULL, COF_CUE_NUMBER},
    {"cuantas", NULL, COF_CUE_NUMBER},
    {"cuando", NULL, COF_CUE_TIME},
    {"hora", NULL, COF_CUE_TIME},
    {"plazo", NULL, ASKS_DURATION},
    {"cuesta", NULL, COF_CUE_MONEY},
    {"dinero", NULL, COF_CUE_MONEY},
    {"importe", NULL, COF_CUE_MONEY},
    {"precio", NULL, COF_CUE_MONEY},
    {"telefono", NULL, COF_CUE_CODE},
    {"extension", NULL, COF_CUE_CODE},
    {"llamar", NULL, COF_CUE_CODE},
    {"formulario", NULL, COF_CUE_CODE},
    /* Russian */
    {"сколько", NULL, COF_CUE_NUMBER},
    {"когда", NULL, COF_CUE_TIME},
    {"срок", NULL, ASKS_DURATION},
    {"стоит", NULL, COF_CUE_MONEY},
    {"сумма", NULL, COF_CUE_MONEY},
    {"суммы", NULL, COF_CUE_MONEY},
    {"телефон", NULL, COF_CUE_CODE},
    {"номер", NULL, COF_CUE_CODE},
    {"позвонить", NULL, COF_CUE_CODE},
    /* Arabic */
    {"كم", NULL, COF_CUE_NUMBER},
    {"متى", NULL, COF_CUE_TIME},
    {"ساعة", NULL, COF_CUE_TIME},
    {"تكلفة", NULL, COF_CUE_MONEY},
    {"مبلغ", NULL, COF_CUE_MONEY},
    {"رقم", NULL, COF_CUE_CODE},
    {"هاتف", NULL, COF_CUE_CODE},
    /* Chinese */
    {"多少", NULL, COF_CUE_NUMBER},
    {"几天", NULL, ASKS_DURATION},
    {"多久", NULL, ASKS_DURATION},
    {"多长", NULL, ASKS_DURATION},
    {"几", NULL, COF_CUE_NUMBER},
    {"几点", NULL, COF_CUE_TIME},
    {"何时", NULL, COF_CUE_TIME},
    {"时候", NULL, 0},
    {"金额", NULL, COF_CUE_MONEY},
    {"费用", NULL, COF_CUE_MONEY},
    {"电话", NULL, COF_CUE_CODE},
    {"号码", NULL, COF_CUE_CODE},
    {"表格", NULL, COF_CUE_CODE},
};

static const char number_words[] =
    "one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty "
    "fifty hundred thousand half twice once first second third fourth fifth zwei drei vier funf "
    "sechs sieben acht neun zehn elf zwolf zwanzig dreissig hundert tausend einmal zweimal "
    "ersten zweiten deux trois quatre cinq sept huit neuf dix onze douze quinze vingt trente "
    "cent mille dos tres cuatro cinco seis siete ocho nueve diez doce quince veinte treinta cien "
    "mil два две двух три трех четыре четырех пять пяти шесть семь восемь девять десять десяти "
    "ثلاثة اربعة خمسة ستة سبعة ثمانية تسعة عشرة ثلاث اربع خمس يومين يومان مرتين 两 三 四 五 六 七 "
    "八 九 "
    "十";

static const char currency_words[] =
    "euro euros eur usd chf cny rmb kzt mad cent cents dollar dollars франков тенге евро рублеи "
    "درهم يورو 元 人民";

static const char time_words[] =
    "monday tuesday wednesday thursday friday saturday sunday january february march april june "
    "july august september october november december noon midnight o'clock montag dienstag "
    "mittwoch donnerstag freitag samstag sonntag januar februar marz mai juni juli oktober "
    "dezember uhr mittag lundi mardi mercredi jeudi vendredi samedi dimanche janvier fevrier "
    "mars avril juin juillet aout septembre octobre novembre decembre heures midi lunes martes "
    "miercoles jueves viernes sabado domingo enero febrero marzo abril mayo junio julio agosto "
    "septiembre octubre noviembre diciembre horas января февраля марта апреля мая июня июля "
    "августа сентября октября ноября декабря понедельник вторник среду четверг пятницу ساعة "
    "صباحا مساء 点 时 月 日";

static const char unit_words[] =
    "minute minutes hour hours day days week weeks month months year years minuten stunde "
    "stunden tag tage tagen woche wochen monat monate monaten jahr jahre jahren heure heures "
    "jour jours semaine semaines mois an ans annee annees minuto minutos hora horas dia dias "
    "semana semanas mes meses ano anos минут час часа часов день дня днеи неделя недели недель "
    "месяц месяца месяцев год года лет دقيقة دقائق ساعة ساعات يوم يوما ايام اسبوع اسابيع شهر "
    "اشهر سنة سنوات 分 分钟 小时 天 周 月 年 日";

/* "many weeks", "viele Tage", "combien de jours": the first word of substance after the cue. */
static void find_counted(struct cof_cues *cues, const struct cof_term *terms, size_t count)
{
    for (size_t i = 0; i < count && i < 3; i++) {
        if (cof_term_is_stop_word(&terms[i]) || (terms[i].is_cjk && terms[i].length > 1))
            continue;
        cues->counted = terms[i];
        cues->kinds |= COF_CUE_COUNTED;
        return;
    }
}

struct cof_cues cof_cues_of(const struct cof_term *question, size_t count)
{
    struct cof_cues cues = {0};

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof(question_words) / sizeof(question_words[0]); k++) {
            const struct cue_word *word = &question_words[k];
            size_t next = i + 1;

            if (!cof_text_equal(question[i].text, cof_text_from(word->first)))
                continue;
            if (word->second != NULL) {
                if (next == count ||
                    !cof_text_equal(question[next].text, cof_text_from(word->second)))
                    continue;
                next++;
            }
            cues.kinds |= word->cues;
            if (word->cues == COF_CUE_NUMBER && (cues.kinds & COF_CUE_COUNTED) == 0)
                find_counted(&cues, question + next, count - next);
        }
    }
    return cues;
}

/* Currency signs stand outside of words. */
static bool has_currency_sign(struct cof_text text)
{
    static const char *const signs[] = {"\u20AC", "$", "\u00A3", "\u00A5", "\u20B8"};

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (cof_text_index_of(text, cof_text_from(signs[i])) != SIZE_MAX)
            return true;
    }
    return false;
}

static bool has_clock_time(struct cof_text text)
{
    for (size_t i = 1; i + 2 < text.size; i++) {
        if ((text.data[i] == ':' || text.data[i] == 'h') && text.data[i - 1] >= '0' &&
            text.data[i - 1] <= '9' && text.data[i + 1] >= '0' && text.data[i + 1] <= '5' &&
            text.data[i + 2] >= '0' && text.data[i + 2] <= '9')
            return true;
    }
    return false;
}

static bool is_number(const struct cof_term *term)
{
    return term->is_number || cof_words_have(number_words, term->text);
}

/* Whether a number stands right before the counted thing. */
static bool counts(const struct cof_term *counted, const struct cof_term *terms, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_number(&terms[i]))
            continue;
        for (size_t k = i + 1; k < count && k <= i + 2; k++) {
            if (cof_term_likeness(counted, &terms[k]) > 0)
                return true;
        }
    }
    return false;
}

unsigned cof_cues_met(const struct cof_cues *asked, struct cof_text text,
                      const struct cof_term *terms, size_t count)
{
    unsigned cues = 0;
    bool has_unit = false;

    if (has_currency_sign(text))
        cues |= COF_CUE_MONEY;
    if (has_clock_time(text))
        cues |= COF_CUE_TIME;
    for (size_t i = 0; i < count; i++) {
        struct cof_text word = terms[i].text;

        if (is_number(&terms[i]))
            cues |= COF_CUE_NUMBER;
        if (terms[i].is_number && terms[i].length >= 3)
            cues |= COF_CUE_CODE;
        if (cof_words_have(currency_words, word))
            cues |= COF_CUE_MONEY;
        if (cof_words_have(time_words, word))
            cues |= COF_CUE_TIME;
        has_unit = has_unit || cof_words_have(unit_words, word);
    }
    if (has_unit && (cues & COF_CUE_NUMBER) != 0)
        cues |= COF_CUE_DURATION;
    if ((asked->kinds & COF_CUE_COUNTED) != 0 && counts(&asked->counted, terms, count))
        cues |= COF_CUE_COUNTED;
    return cues & asked->kinds;
}
