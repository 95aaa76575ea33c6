/* Joins the lines of wrapped sentences and finds the headings. */
#include "extract_units.h"

#include <stdint.h>
#include <string.h>

#include <cof/base/unicode.h>

#define MAX_WRAP_COLUMNS ((size_t)120) /* nobody wraps wider; longer lines are paragraphs */
#define MIN_WRAP_COLUMNS ((size_t)30)
#define MAX_HEADING_COLUMNS ((size_t)70)
/* Markdown has six levels; a heading without marks counts as the last. */
enum { MAX_LEVEL = 6 };

struct walk {
    struct cof_text text;
    size_t passage;
    struct cof_buffer *units;
    size_t wrap_columns;            /* a line at least so long may go on in the next */
    size_t begin;                   /* of the sentence being put together, or SIZE_MAX */
    size_t headings[MAX_LEVEL + 1]; /* the open heading of each level, or COF_NO_UNIT */
    size_t table_head;              /* first row of the open table, or COF_NO_UNIT */
};

static bool is_any_of(char character, const char *characters)
{
    return character != '\0' && strchr(characters, character) != NULL;
}

/* Columns of a line on a terminal, roughly: wide characters count twice. */
static size_t columns_of(struct cof_text line)
{
    size_t columns = 0;

    for (size_t i = 0; i < line.size;) {
        uint32_t code_point = 0;

        i += cof_utf8_decode(line, i, &code_point);
        columns += cof_unicode_is_cjk(code_point) || code_point == 0x3001 || code_point == 0x3002 ||
                           (code_point >= 0xFF00 && code_point <= 0xFF60)
                       ? 2
                       : 1;
    }
    return columns;
}

static size_t find_wrap(struct cof_text text)
{
    size_t longest = 0;
    struct cof_text line;

    while (text.size > 0) {
        (void)cof_text_split(text, '\n', &line, &text);

        size_t columns = columns_of(cof_text_trim(line));

        if (columns > longest)
            longest = columns;
    }
    if (longest > MAX_WRAP_COLUMNS)
        longest = MAX_WRAP_COLUMNS;
    longest = longest * 3 / 5;
    return longest > MIN_WRAP_COLUMNS ? longest : MIN_WRAP_COLUMNS;
}

/* Size of a list mark ("- ", "12. ", "> ", "• ") at the start of a trimmed line, or 0. */
static size_t list_mark_size(struct cof_text line)
{
    size_t size = 0;

    if (cof_text_has_prefix(line, COF_TEXT("\u2022 ")))
        return strlen("\u2022 ");
    while (size < line.size && size < 3 && line.data[size] >= '0' && line.data[size] <= '9')
        size++;
    if (size > 0 && size + 1 < line.size && (line.data[size] == '.' || line.data[size] == ')') &&
        line.data[size + 1] == ' ')
        return size + 2;
    if (size == 0 && line.size > 1 && is_any_of(line.data[0], "-*+>") && line.data[1] == ' ')
        return 2;
    return 0;
}

/* A row of a table, with or without bars at its ends. */
static bool is_row(struct cof_text line)
{
    return (line.size > 0 && line.data[0] == '|') ||
           cof_text_index_of(line, COF_TEXT(" | ")) != SIZE_MAX;
}

/* A line of its own kind, which no sentence runs into. */
static bool begins_block(struct cof_text line)
{
    return line.size == 0 || line.data[0] == '#' || is_row(line) || list_mark_size(line) > 0;
}

static bool ends_sentence(struct cof_text text)
{
    size_t end = text.size;

    while (end > 0) {
        uint32_t code_point = 0;
        size_t at = cof_utf8_floor(text, end - 1);

        (void)cof_utf8_decode(text, at, &code_point);
        if (code_point == '.' || code_point == '!' || code_point == '?' || code_point == ':' ||
            code_point == ';' || code_point == 0x3002 || code_point == 0xFF01 ||
            code_point == 0xFF1F || code_point == 0xFF1A || code_point == 0xFF1B ||
            code_point == 0x061F || code_point == 0x06D4)
            return true;
        if (!cof_unicode_is_punctuation(code_point) && !cof_unicode_is_whitespace(code_point))
            return false;
        end = at;
    }
    return false;
}

static bool has_letter_or_digit(struct cof_text text)
{
    for (size_t i = 0; i < text.size;) {
        uint32_t code_point = 0;

        i += cof_utf8_decode(text, i, &code_point);
        if (cof_unicode_is_alphanumeric(code_point))
            return true;
    }
    return false;
}

static bool has_digit(struct cof_text text)
{
    for (size_t i = 0; i < text.size;) {
        uint32_t code_point = 0;

        i += cof_utf8_decode(text, i, &code_point);
        if (cof_unicode_is_digit(code_point))
            return true;
    }
    return false;
}

/* The text of the line that begins at `offset`, trimmed; empty at the end of the text. */
static struct cof_text line_at(struct cof_text text, size_t offset)
{
    struct cof_text line, rest;

    (void)cof_text_split(cof_text_slice(text, offset, text.size), '\n', &line, &rest);
    return cof_text_trim(line);
}

/* Whether the piece [begin, end) is cut off by a wrapped line. */
static bool goes_on(const struct walk *walk, size_t begin, size_t end)
{
    struct cof_text piece = cof_text_slice(walk->text, begin, end);
    struct cof_text trimmed = cof_text_trim(piece);
    size_t line = end;
    size_t break_count = 0;

    for (size_t i = end; i > begin && is_any_of(walk->text.data[i - 1], " \t\r\n"); i--)
        break_count += walk->text.data[i - 1] == '\n' ? 1 : 0;
    if (break_count != 1 || end == walk->text.size || ends_sentence(trimmed))
        return false;
    if (trimmed.size > 0 && (trimmed.data[0] == '#' || trimmed.data[0] == '|'))
        return false;
    while (line > 0 && walk->text.data[line - 1] != '\n')
        line--;

    /* `line` begins the next line; the one before it is the piece's last. */
    size_t last = line > 0 ? line - 1 : 0;

    while (last > 0 && walk->text.data[last - 1] != '\n')
        last--;
    return columns_of(line_at(walk->text, last)) >= walk->wrap_columns &&
           !is_row(line_at(walk->text, last)) && !begins_block(line_at(walk->text, line));
}

/* The line before the one that begins at `offset`, trimmed; empty when there is none. */
static struct cof_text line_before(struct cof_text text, size_t offset)
{
    size_t begin = offset > 0 ? offset - 1 : 0;

    while (begin > 0 && text.data[begin - 1] != '\n')
        begin--;
    return offset > 0 ? line_at(text, begin) : (struct cof_text){0};
}

/* A line apart from what follows it, without the end of a sentence. The last line of a passage is
 * one too: what it heads stands in the next passage. */
static bool is_heading(const struct walk *walk, size_t begin, size_t end)
{
    struct cof_text line = cof_text_trim(cof_text_slice(walk->text, begin, end));
    bool is_alone = cof_text_trim(walk->text).size == line.size;
    size_t before = begin;

    if (line.size > 0 && line.data[0] == '#')
        return true;
    while (before > 0 &&
           (walk->text.data[before - 1] == ' ' || walk->text.data[before - 1] == '\t'))
        before--;

    bool is_apart = before == 0 ||
                    (before > 1 && walk->text.data[before - 1] == '\n' &&
                     walk->text.data[before - 2] == '\n') ||
                    is_row(line_before(walk->text, before));

    return !is_alone && is_apart && !begins_block(line) && !ends_sentence(line) &&
           !has_digit(line) && columns_of(line) <= MAX_HEADING_COLUMNS &&
           memchr(line.data, '\n', line.size) == NULL;
}

static struct cof_text line_after(struct cof_text text, size_t offset)
{
    while (offset < text.size && text.data[offset] != '\n')
        offset++;
    return line_at(text, offset < text.size ? offset + 1 : offset);
}

/* "| --- | :--: |", which stands below the first row of a Markdown table. */
static bool is_table_rule(struct cof_text line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (!is_any_of(line.data[i], "|-: "))
            return false;
    }
    return line.size > 2 && line.data[0] == '|';
}

/* The first row of a table: a rule stands below it, or, without bars at the ends, more rows do and
 * it names what theirs are. */
static bool is_table_head(const struct walk *walk, size_t begin, size_t end)
{
    struct cof_text row = cof_text_slice(walk->text, begin, end);
    struct cof_text next = line_after(walk->text, end);

    if (row.data[0] == '|')
        return is_table_rule(next);
    return !is_row(line_before(walk->text, begin)) && is_row(next) && !has_digit(row);
}

/* The innermost open heading above `level`, or COF_NO_UNIT. */
static size_t heading_above(const struct walk *walk, size_t level)
{
    while (level > 0) {
        level--;
        if (walk->headings[level] != COF_NO_UNIT)
            return walk->headings[level];
    }
    return COF_NO_UNIT;
}

static void open_heading(struct walk *walk, struct cof_text line, struct cof_unit *unit,
                         size_t index)
{
    size_t level = 0;

    while (level < MAX_LEVEL && level < line.size && line.data[level] == '#')
        level++;
    if (level == 0)
        level = MAX_LEVEL;
    unit->heading = heading_above(walk, level);
    walk->headings[level] = index;
    for (size_t i = level + 1; i <= MAX_LEVEL; i++)
        walk->headings[i] = COF_NO_UNIT;
}

static void end_unit(struct walk *walk, size_t begin, size_t end)
{
    struct cof_text text = walk->text;
    size_t index = walk->units->size / sizeof(struct cof_unit);

    if (!has_letter_or_digit(cof_text_slice(text, begin, end)))
        return;

    struct cof_unit unit = {.passage = walk->passage, .is_heading = is_heading(walk, begin, end)};

    while (begin < end && is_any_of(text.data[begin], " \t\r\n"))
        begin++;
    begin += list_mark_size(cof_text_slice(text, begin, end));
    while (end > begin && is_any_of(text.data[end - 1], " \t\r\n"))
        end--;
    if (begin == end)
        return;
    unit.begin = begin;
    unit.end = end;
    unit.heading = heading_above(walk, MAX_LEVEL + 1);
    if (is_row(line_at(text, begin))) {
        if (is_table_head(walk, begin, end)) {
            walk->table_head = index;
            unit.is_heading = true;
        } else if (walk->table_head != COF_NO_UNIT) {
            unit.heading = walk->table_head;
        }
    } else {
        walk->table_head = COF_NO_UNIT;
        if (unit.is_heading)
            open_heading(walk, cof_text_slice(text, begin, end), &unit, index);
    }
    cof_buffer_append(walk->units, &unit, sizeof(unit));
}

static bool take_sentence(void *context, struct cof_text sentence, size_t offset)
{
    struct walk *walk = context;
    size_t end = offset + sentence.size;

    if (walk->begin == SIZE_MAX)
        walk->begin = offset;
    if (goes_on(walk, walk->begin, end))
        return true;
    end_unit(walk, walk->begin, end);
    walk->begin = SIZE_MAX;
    return !walk->units->has_failed;
}

enum cof_status cof_units_append(struct cof_text text, size_t passage, struct cof_buffer *units,
                                 struct cof_error *err)
{
    struct walk walk = {.text = text,
                        .passage = passage,
                        .units = units,
                        .wrap_columns = find_wrap(text),
                        .begin = SIZE_MAX,
                        .table_head = COF_NO_UNIT};

    for (size_t i = 0; i <= MAX_LEVEL; i++)
        walk.headings[i] = COF_NO_UNIT;
    COF_TRY(cof_unicode_each_sentence(text, take_sentence, &walk, err));
    if (walk.begin != SIZE_MAX)
        end_unit(&walk, walk.begin, text.size);
    return cof_buffer_status(units, err);
}
