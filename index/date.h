/* Dates in attributes: RFC 3339, `2026-11-23` or `2026-11-23T09:30:00Z` with any offset.
 *
 * Pure functions of their arguments. */
#ifndef COF_INDEX_DATE_H
#define COF_INDEX_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include <cof/base/text.h>

struct cof_date {
    int64_t day;    /* since 1970-01-01, in UTC */
    int64_t nanos;  /* of that day */
    bool has_clock; /* false: the day alone was written */
};

/* False for anything else, days that no calendar has included. A leap second counts as the last
 * nanosecond of its minute; digits of a second behind the ninth are not looked at. */
bool cof_date_parse(struct cof_text text, struct cof_date *out_date);

/* <0, 0, >0. Where either is a day alone, days are compared: everything on a day is that day. */
int cof_date_compare(const struct cof_date *a, const struct cof_date *b);

#endif
