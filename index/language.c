/* Languages by their function words (articles, pronouns, prepositions), stems by Snowball.
 *
 * Words that several languages share are left out of the lists, so that each remaining one is
 * evidence. libstemmer lowers nothing itself: words come case-folded. */
#include "language.h"

#include <pthread.h>

#include <libstemmer.h>

enum {
    MIN_VOTES = 2,
    MIN_SHARE = 25,   /* one word in so many; running text has one in three */
    MAX_STEMMED = 256 /* bytes; what is longer is no word */
};

static const char *const stemmer_names[COF_LANGUAGE_COUNT] = {
    [COF_LANGUAGE_ENGLISH] = "english",   [COF_LANGUAGE_GERMAN] = "german",
    [COF_LANGUAGE_FRENCH] = "french",     [COF_LANGUAGE_ITALIAN] = "italian",
    [COF_LANGUAGE_SPANISH] = "spanish",   [COF_LANGUAGE_PORTUGUESE] = "portuguese",
    [COF_LANGUAGE_DUTCH] = "dutch",       [COF_LANGUAGE_SWEDISH] = "swedish",
    [COF_LANGUAGE_DANISH] = "danish",     [COF_LANGUAGE_NORWEGIAN] = "norwegian",
    [COF_LANGUAGE_FINNISH] = "finnish",   [COF_LANGUAGE_HUNGARIAN] = "hungarian",
    [COF_LANGUAGE_ROMANIAN] = "romanian", [COF_LANGUAGE_TURKISH] = "turkish",
    [COF_LANGUAGE_RUSSIAN] = "russian",   [COF_LANGUAGE_GREEK] = "greek",
    [COF_LANGUAGE_ARABIC] = "arabic",
};

/* Separated by spaces. */
static const char *const little_words[COF_LANGUAGE_LATIN_COUNT] = {
    [COF_LANGUAGE_ENGLISH] =
        "the of and is that for with as was are be this by from at which or an "
        "not have has it were their been they we our your you who how what "
        "when where does can must should will these those between",
    [COF_LANGUAGE_GERMAN] =
        "der die und das den von zu ist mit des dem nicht ein eine als auch auf "
        "für werden sich bei einer wird sind wurde nach aus oder wie durch zur "
        "zum über einen hat ihre wer wann muss kann welche wir sie",
    [COF_LANGUAGE_FRENCH] =
        "le les des et est dans une pour qui par sur au pas plus sont avec ce il "
        "elle été aux cette ses être ont leur mais nous vous ou où quel quelle "
        "comment quand doit peut je du",
    [COF_LANGUAGE_ITALIAN] =
        "il di che è per gli della dei nel sono alla una con dalla anche delle "
        "più degli si essere ha come nella sul o quando chi deve può lo questo "
        "quanto dove ogni",
    [COF_LANGUAGE_SPANISH] = "el los las del que y en por para una con se su como es al lo más fue "
                             "pero sus este entre cuando muy también hasta hay donde qué cuánto "
                             "cómo debe puede quién",
    [COF_LANGUAGE_PORTUGUESE] = "o os do da dos das em um uma não com é ao pelo pela são mais foi "
                                "como mas também seu sua ou quando muito à até isso deve pode você "
                                "quem qual no na",
    [COF_LANGUAGE_DUTCH] = "het een van zijn dat voor op met niet aan er maar om ook als bij door "
                           "naar uit nog wordt worden heeft deze dit wie wat hoe kan moet wij u je",
    [COF_LANGUAGE_SWEDISH] = "och att det som en på är av för med till den har inte om ett han men "
                             "var jag sig från vi så kan när skall ska eller vid hur vem",
    [COF_LANGUAGE_DANISH] = "og at det er til på af en for med den der som har ikke de et han blev "
                            "fra men kan eller vi skal efter ved hvor hvem hvad når",
    [COF_LANGUAGE_NORWEGIAN] =
        "og det er til på av som en for med har ikke et han fra men kan eller "
        "vi skal etter ved hvor hvem hva når ble seg må også",
    [COF_LANGUAGE_FINNISH] = "ja on ei se että hän oli joka mutta ovat myös kun niin kuin ole tai "
                             "sen olla voi mitä kuka missä tämä jos",
    [COF_LANGUAGE_HUNGARIAN] = "az és hogy nem is egy ez van meg csak volt azt mint vagy már kell "
                               "amely ki mi hogyan mikor lehet",
    [COF_LANGUAGE_ROMANIAN] =
        "și în la cu nu pe este din care o un mai sunt pentru că sau de către "
        "fi prin după cum când trebuie poate cine",
    [COF_LANGUAGE_TURKISH] =
        "ve bir bu için ile olarak da de daha olan gibi çok kadar ne sonra veya "
        "en her olduğu değil nasıl kim var",
};

enum {
    TABLE_SIZE = 1024, /* a power of two, over twice the words */
    MAX_WORD = 8       /* bytes: a little word is a number */
};

struct little_word {
    uint64_t key;       /* 0 = empty */
    uint32_t languages; /* bit per language */
};

static struct little_word table[TABLE_SIZE];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static uint64_t pack(struct cof_text word)
{
    uint64_t key = 0;

    for (size_t i = 0; i < word.size; i++)
        key = key << 8 | (uint8_t)word.data[i];
    return key;
}

static struct little_word *find_slot(uint64_t key)
{
    size_t slot = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 54) % TABLE_SIZE;

    while (table[slot].key != 0 && table[slot].key != key)
        slot = (slot + 1) % TABLE_SIZE;
    return &table[slot];
}

static void fill_table(void)
{
    for (size_t language = 1; language < COF_LANGUAGE_LATIN_COUNT; language++) {
        struct cof_text rest = cof_text_from(little_words[language]);
        while (rest.size > 0) {
            struct cof_text word = {0};
            (void)cof_text_split(rest, ' ', &word, &rest);
            struct little_word *slot = find_slot(pack(word));
            slot->key = pack(word);
            slot->languages |= UINT32_C(1) << language;
        }
    }
}

void cof_language_vote(struct cof_language_votes *votes, struct cof_text word)
{
    votes->counts[COF_LANGUAGE_NONE]++; /* of all words */
    if (word.size == 0 || word.size > MAX_WORD)
        return;
    (void)pthread_once(&table_once, fill_table);
    uint32_t languages = find_slot(pack(word))->languages;
    for (size_t language = 1; languages != 0 && language < COF_LANGUAGE_LATIN_COUNT; language++) {
        if ((languages >> language & 1) != 0)
            votes->counts[language]++;
    }
}

enum cof_language cof_language_guess(const struct cof_language_votes *votes)
{
    enum cof_language best = COF_LANGUAGE_NONE;
    uint32_t needed = votes->counts[COF_LANGUAGE_NONE] / MIN_SHARE;

    if (needed < MIN_VOTES)
        needed = MIN_VOTES;
    for (size_t language = 1; language < COF_LANGUAGE_LATIN_COUNT; language++) {
        if (votes->counts[language] >= needed) {
            best = (enum cof_language)language;
            needed = votes->counts[language] + 1;
        }
    }
    return best;
}

void cof_stemmers_deinit(struct cof_stemmers *stemmers)
{
    for (size_t language = 0; language < COF_LANGUAGE_COUNT; language++)
        sb_stemmer_delete(stemmers->by_language[language]);
    *stemmers = (struct cof_stemmers){0};
}

enum cof_status cof_stem(struct cof_stemmers *stemmers, enum cof_language language,
                         struct cof_text word, struct cof_text *out_stem, struct cof_error *err)
{
    if (stemmer_names[language] == NULL || word.size > MAX_STEMMED) {
        *out_stem = word;
        return COF_OK;
    }
    if (stemmers->by_language[language] == NULL) {
        stemmers->by_language[language] = sb_stemmer_new(stemmer_names[language], NULL);
        if (stemmers->by_language[language] == NULL)
            return COF_FAIL_MEMORY(err);
    }
    const sb_symbol *stem = sb_stemmer_stem(stemmers->by_language[language],
                                            (const sb_symbol *)word.data, (int)word.size);
    if (stem == NULL)
        return COF_FAIL_MEMORY(err);
    *out_stem = (struct cof_text){
        .data = (const char *)stem,
        .size = (size_t)sb_stemmer_length(stemmers->by_language[language]),
    };
    return COF_OK;
}
