/* Break iterators kept per thread, because opening one costs far more than using it.
 *
 * An iterator is out of its slot while it is used, so that a callback which segments text itself
 * cannot move the iterator under its caller. */
#include "unicode_icu.h"

#include <pthread.h>
#include <stddef.h>

#include <cof/base/alloc.h>

#define SLOT_COUNT 2

struct slots {
    UBreakIterator *idle[SLOT_COUNT];
};

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

static void close_slots(void *argument)
{
    struct slots *slots = argument;
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        if (slots->idle[i] != NULL)
            ubrk_close(slots->idle[i]);
    }
    cof_free(slots);
}

static void make_key(void)
{
    has_key = pthread_key_create(&key, close_slots) == 0;
}

/* NULL when there can be none: then every call opens and closes its own iterator. */
static struct slots *find_slots(void)
{
    (void)pthread_once(&key_once, make_key);
    if (!has_key)
        return NULL;
    struct slots *slots = pthread_getspecific(key);
    if (slots != NULL)
        return slots;
    slots = cof_calloc(1, sizeof(*slots));
    if (slots != NULL && pthread_setspecific(key, slots) != 0) {
        cof_free(slots);
        slots = NULL;
    }
    return slots;
}

static size_t slot_of(UBreakIteratorType type)
{
    return type == UBRK_WORD ? 0 : 1;
}

enum cof_status cof_icu_fail_at(struct cof_error *err, UErrorCode code, const char *where)
{
    if (code == U_MEMORY_ALLOCATION_ERROR)
        return cof_error_set(err, COF_NO_MEMORY, where, "out of memory");
    if (code == U_INVALID_CHAR_FOUND)
        return cof_error_set(err, COF_INVALID, where, "the text is not valid UTF-8");
    return cof_error_set(err, COF_INTERNAL, where, "ICU failed: %s", u_errorName(code));
}

enum cof_status cof_break_iterator_take(UBreakIteratorType type, UBreakIterator **out_iterator,
                                        struct cof_error *err)
{
    struct slots *slots = find_slots();
    if (slots != NULL && slots->idle[slot_of(type)] != NULL) {
        *out_iterator = slots->idle[slot_of(type)];
        slots->idle[slot_of(type)] = NULL;
        return COF_OK;
    }
    UErrorCode code = U_ZERO_ERROR;
    UBreakIterator *iterator = ubrk_open(type, "", NULL, 0, &code);
    if (U_FAILURE(code))
        return cof_icu_fail(err, code);
    *out_iterator = iterator;
    return COF_OK;
}

void cof_break_iterator_give_back(UBreakIteratorType type, UBreakIterator *iterator)
{
    struct slots *slots = find_slots();
    if (slots != NULL && slots->idle[slot_of(type)] == NULL)
        slots->idle[slot_of(type)] = iterator;
    else
        ubrk_close(iterator);
}
