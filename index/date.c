/* Reading and comparing RFC 3339 dates. */
#include "date.h"

#include <stddef.h>

#define NANOS_PER_SECOND INT64_C(1000000000)
#define SECONDS_PER_DAY INT64_C(86400)

struct reader {
    struct cof_text text;
    size_t at;
    bool is_bad;
};

static char peek(const struct reader *reader)
{
    return reader->at < reader->text.size ? reader->text.data[reader->at] : '\0';
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* Exactly `count` digits, between min and max. */
static int64_t read_number(struct reader *reader, size_t count, int64_t min, int64_t max)
{
    int64_t number = 0;

    for (size_t i = 0; i < count; i++, reader->at++) {
        if (!is_digit(peek(reader))) {
            reader->is_bad = true;
            return min;
        }
        number = 10 * number + (peek(reader) - '0');
    }
    if (number < min || number > max)
        reader->is_bad = true;
    return number;
}

static void read_character(struct reader *reader, char expected)
{
    if (peek(reader) != expected)
        reader->is_bad = true;
    else
        reader->at++;
}

static bool is_leap_year(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01, in the Gregorian calendar carried back; year >= 0. */
static int64_t day_number(int64_t year, int64_t month, int64_t day)
{
    int64_t number = day - 1;

    for (int64_t earlier = 1; earlier < month; earlier++)
        number += days_in_month(year, earlier);
    if (year > 0) {
        int64_t before = year - 1;
        number += 366 + 365 * before + before / 4 - before / 100 + before / 400;
    }
    return number - 719528; /* from 0000-01-01 to 1970-01-01 */
}

static int64_t read_day(struct reader *reader)
{
    int64_t year = read_number(reader, 4, 0, 9999);
    read_character(reader, '-');
    int64_t month = read_number(reader, 2, 1, 12);
    read_character(reader, '-');
    int64_t day = read_number(reader, 2, 1, 31);

    if (reader->is_bad || day > days_in_month(year, month)) {
        reader->is_bad = true;
        return 0;
    }
    return day_number(year, month, day);
}

static int64_t read_fraction(struct reader *reader)
{
    int64_t nanos = 0;
    int64_t unit = NANOS_PER_SECOND / 10;
    size_t begin = ++reader->at;

    for (; is_digit(peek(reader)); reader->at++, unit /= 10)
        nanos += unit * (peek(reader) - '0');
    if (reader->at == begin)
        reader->is_bad = true;
    return nanos;
}

/* "Z", "+02:00", "-00:30": seconds east of Greenwich. */
static int64_t read_offset(struct reader *reader)
{
    char sign = peek(reader);

    reader->at++;
    if (sign == 'Z' || sign == 'z')
        return 0;
    if (sign != '+' && sign != '-')
        reader->is_bad = true;
    int64_t hours = read_number(reader, 2, 0, 23);
    read_character(reader, ':');
    int64_t minutes = read_number(reader, 2, 0, 59);
    int64_t seconds = 3600 * hours + 60 * minutes;
    return sign == '-' ? -seconds : seconds;
}

static void read_clock(struct reader *reader, struct cof_date *date)
{
    reader->at++; /* T, t or a space */
    int64_t hour = read_number(reader, 2, 0, 23);
    read_character(reader, ':');
    int64_t minute = read_number(reader, 2, 0, 59);
    read_character(reader, ':');
    int64_t second = read_number(reader, 2, 0, 60);
    int64_t fraction = peek(reader) == '.' ? read_fraction(reader) : 0;

    if (second == 60) {
        second = 59;
        fraction = NANOS_PER_SECOND - 1;
    }
    int64_t seconds = 3600 * hour + 60 * minute + second - read_offset(reader);
    if (seconds < 0) {
        seconds += SECONDS_PER_DAY;
        date->day--;
    } else if (seconds >= SECONDS_PER_DAY) {
        seconds -= SECONDS_PER_DAY;
        date->day++;
    }
    date->nanos = NANOS_PER_SECOND * seconds + fraction;
    date->has_clock = true;
}

bool cof_date_parse(struct cof_text text, struct cof_date *out_date)
{
    struct reader reader = {.text = text};
    struct cof_date date = {.day = read_day(&reader)};
    char next = peek(&reader);

    if (!reader.is_bad && reader.at < text.size) {
        if (next != 'T' && next != 't' && next != ' ')
            return false;
        read_clock(&reader, &date);
    }
    if (reader.is_bad || reader.at != text.size)
        return false;
    *out_date = date;
    return true;
}

int cof_date_compare(const struct cof_date *a, const struct cof_date *b)
{
    if (a->day != b->day)
        return a->day < b->day ? -1 : 1;
    if (!a->has_clock || !b->has_clock)
        return 0;
    return (a->nanos > b->nanos) - (a->nanos < b->nanos);
}
