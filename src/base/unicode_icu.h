/* What the files of unicode.h share: ICU's failures as statuses, and one break iterator a thread.
 */
#ifndef COF_BASE_UNICODE_ICU_H
#define COF_BASE_UNICODE_ICU_H

#include <unicode/ubrk.h>
#include <unicode/utypes.h>

#include <cof/base/status.h>

/* ICU counts in int32_t. */
#define COF_ICU_MAX_BYTES ((size_t)1 << 30)

/* COF_INVALID for broken text, COF_NO_MEMORY, else COF_INTERNAL with ICU's name of the error. */
enum cof_status cof_icu_fail_at(struct cof_error *err, UErrorCode code, const char *where);

#define cof_icu_fail(err, code) cof_icu_fail_at((err), (code), COF_WHERE)

/* Takes this thread's iterator of the root locale, or opens one when a caller further up the stack
 * has it; give it back when done. */
COF_MUST_USE enum cof_status cof_break_iterator_take(UBreakIteratorType type,
                                                     UBreakIterator **out_iterator,
                                                     struct cof_error *err);
void cof_break_iterator_give_back(UBreakIteratorType type, UBreakIterator *iterator);

#endif
