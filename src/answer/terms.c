/* A text as the words that carry its meaning. */
#include "terms.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/buffer.h>
#include <cof/base/unicode.h>

#define CUT_CHARACTERS 5
#define FUNCTION_WEIGHT 0.2f

/* The commonest function words and question words of the languages that the sample corpus speaks;
 * they say little about what a sentence claims. */
static const char *const function_words[] = {
    "a",      "ab",     "aber",    "about",    "after",  "al",      "am",       "an",
    "and",    "any",    "appears", "applies",  "are",    "as",      "at",       "au",
    "auch",   "auf",    "aus",     "aux",      "avec",   "avoir",   "be",       "before",
    "bei",    "beim",   "bekomme", "bekommen", "bin",    "bis",     "by",       "can",
    "ce",     "cette",  "combien", "como",     "con",    "cual",    "cuando",   "cuántos",
    "d",      "dans",   "das",     "de",       "dem",    "den",     "der",      "des",
    "die",    "do",     "does",    "donde",    "du",     "durch",   "during",   "een",
    "ein",    "eine",   "einem",   "einen",    "einer",  "el",      "en",       "es",
    "est",    "et",     "faut",    "for",      "from",   "für",     "get",      "haben",
    "has",    "hat",    "have",    "hay",      "how",    "i",       "ich",      "if",
    "il",     "im",     "in",      "is",       "ist",    "it",      "its",      "kann",
    "können", "l",      "la",      "las",      "le",     "les",     "lo",       "long",
    "los",    "machen", "many",    "may",      "me",     "mehr",    "mein",     "mit",
    "more",   "much",   "muss",    "must",     "my",     "más",     "müssen",   "nach",
    "need",   "needed", "needs",   "nehmen",   "noch",   "o",       "oder",     "of",
    "on",     "or",     "ou",      "our",      "où",     "par",     "para",     "peut",
    "peux",   "plus",   "por",     "pour",     "puede",  "puedo",   "puis",     "qu",
    "quand",  "que",    "quel",    "quelle",   "qui",    "qué",     "required", "se",
    "sich",   "sie",    "sind",    "so",       "soll",   "sollen",  "su",       "sur",
    "tengo",  "than",   "that",    "the",      "their",  "them",    "then",     "there",
    "they",   "this",   "to",      "très",     "um",     "un",      "una",      "und",
    "une",    "unter",  "up",      "us",       "van",    "viel",    "viele",    "von",
    "vor",    "voy",    "wann",    "want",     "wants",  "was",     "we",       "welche",
    "wer",    "werden", "what",    "when",     "where",  "which",   "who",      "whom",
    "wie",    "will",   "wird",    "with",     "within", "wo",      "y",        "you",
    "your",   "zu",     "zum",     "zur",      "à",      "été",     "être",     "в",
    "для",    "за",     "и",       "как",      "какой",  "когда",   "ли",       "мне",
    "на",     "о",      "от",      "по",       "с",      "сколько", "у",        "что",
    "я",      "أن",     "إلى",     "أي",       "أين",    "ال",      "التي",     "الذي",
    "ذلك",    "على",    "عن",      "عند",      "في",     "قبل",     "كم",       "كيف",
    "لي",     "ما",     "متى",     "مع",       "من",     "هذا",     "هذه",      "هل",
    "هو",     "هي",     "يجب",     "يمكن",
};

static const char *const negations[] = {
    "aucun",   "cannot", "cannot", "jamais", "kein",    "keine", "keinen", "keiner", "ne",
    "neither", "never",  "nicht",  "nie",    "ninguna", "no",    "none",   "nor",    "not",
    "nunca",   "pas",    "sans",   "sin",    "without", "لا",    "не",     "нет",
};

static bool is_in(const char *const *list, size_t count, struct cof_text word)
{
    for (size_t i = 0; i < count; i++) {
        if (cof_text_equal(word, cof_text_from(list[i]))) {
            return true;
        }
    }
    return false;
}

bool cof_term_is_function_word(struct cof_text word)
{
    return is_in(function_words, sizeof(function_words) / sizeof(function_words[0]), word) ||
           is_in(negations, sizeof(negations) / sizeof(negations[0]), word);
}

/* FNV-1a, 64 bits: a name for a word within one comparison, not a key. */
static uint64_t hash_of(struct cof_text text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.size; i++) {
        hash = (hash ^ (uint8_t)text.data[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

struct making {
    struct cof_arena *arena;
    struct cof_terms terms;
    size_t capacity;
    bool has_failed;
};

static void add(struct making *making, struct cof_term term)
{
    if (making->terms.count == making->capacity) {
        size_t capacity = making->capacity == 0 ? 32 : making->capacity * 2;
        struct cof_term *items = cof_arena_array(making->arena, capacity, sizeof(*items));
        if (items == NULL) {
            making->has_failed = true;
            return;
        }
        if (making->terms.count > 0) {
            memcpy(items, making->terms.items, making->terms.count * sizeof(*items));
        }
        making->terms.items = items;
        making->capacity = capacity;
    }
    term.position = (uint32_t)making->terms.count;
    making->terms.items[making->terms.count++] = term;
    making->terms.has_negation |= term.is_negation;
}

/* Chinese negation stands inside a run: 不 没 无 未 非. */
static bool is_cjk_negation(uint32_t code_point)
{
    return code_point == 0x4E0D || code_point == 0x6CA1 || code_point == 0x65E0 ||
           code_point == 0x672A || code_point == 0x975E;
}

static void add_run(struct making *making, struct cof_text run)
{
    size_t previous = 0;
    size_t count = 0;
    for (size_t at = 0; at < run.size; count++) {
        uint32_t code_point = 0;
        size_t size = cof_utf8_decode(run, at, &code_point);
        making->terms.has_negation |= is_cjk_negation(code_point);
        if (count > 0) {
            add(making, (struct cof_term){.hash = hash_of(cof_text_slice(run, previous, at + size)),
                                          .weight = 1});
        }
        previous = at;
        at += size;
    }
    if (count == 1) {
        add(making, (struct cof_term){.hash = hash_of(run), .weight = 0.5f});
    }
}

/* Arabic writes article and conjunctions as one with the word: "light10" of Larkey, Ballesteros and
 * Connell (SIGIR 2002) takes them off where three letters stay. */
static struct cof_text without_article(struct cof_text word)
{
    static const char *const prefixes[] = {"وال", "بال", "كال", "فال", "ال", "لل"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        struct cof_text prefix = cof_text_from(prefixes[i]);
        if (word.size >= prefix.size + 6 && cof_text_has_prefix(word, prefix)) {
            return cof_text_slice(word, prefix.size, word.size);
        }
    }
    return word;
}

static bool take_word(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    (void)offset;
    struct making *making = context;
    if (is_cjk) {
        add_run(making, word);
        return !making->has_failed;
    }
    struct cof_term term = {.weight = 1};
    struct cof_text whole = word;
    size_t cut = 0;
    size_t characters = 0;
    word = without_article(word);
    while (cut < word.size && characters < CUT_CHARACTERS) {
        uint32_t code_point = 0;
        cut += cof_utf8_decode(word, cut, &code_point);
        characters++;
    }
    for (size_t i = 0; i < word.size; i++) {
        term.is_number |= isdigit((unsigned char)word.data[i]) != 0;
    }
    term.hash = hash_of(term.is_number ? word : cof_text_slice(word, 0, cut));
    if (is_in(negations, sizeof(negations) / sizeof(negations[0]), whole)) {
        term.is_negation = true;
        term.weight = FUNCTION_WEIGHT;
    } else if (is_in(function_words, sizeof(function_words) / sizeof(function_words[0]), whole)) {
        term.weight = FUNCTION_WEIGHT;
    }
    add(making, term);
    return !making->has_failed;
}

static int by_hash(const void *a, const void *b)
{
    const struct cof_term *x = a;
    const struct cof_term *y = b;
    if (x->hash == y->hash) {
        return (x->position > y->position) - (x->position < y->position);
    }
    return x->hash > y->hash ? 1 : -1;
}

enum cof_status cof_terms_make(struct cof_text text, struct cof_arena *arena,
                               struct cof_terms *out_terms, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer folded = {0};
    struct making making = {.arena = arena};
    COF_TRY(cof_unicode_nfkc_casefold(text, &folded, err));
    COF_TRY(cof_unicode_each_word(cof_buffer_text(&folded), take_word, &making, err));
    if (making.has_failed) {
        return COF_FAIL_MEMORY(err);
    }
    struct cof_terms *terms = &making.terms;
    if (terms->count > 0) {
        qsort(terms->items, terms->count, sizeof(*terms->items), by_hash);
    }
    size_t distinct = 0;
    for (size_t i = 0; i < terms->count; i++) {
        if (distinct == 0 || terms->items[distinct - 1].hash != terms->items[i].hash) {
            terms->items[distinct++] = terms->items[i];
        }
    }
    terms->count = distinct;
    *out_terms = *terms;
    return COF_OK;
}

const struct cof_term *cof_terms_find(const struct cof_terms *terms, uint64_t hash)
{
    size_t begin = 0;
    size_t end = terms->count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (terms->items[middle].hash < hash) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin < terms->count && terms->items[begin].hash == hash ? &terms->items[begin] : NULL;
}

bool cof_terms_has(const struct cof_terms *terms, uint64_t hash)
{
    return cof_terms_find(terms, hash) != NULL;
}
