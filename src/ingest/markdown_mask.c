/* Blanking the HTML in a Markdown source that a reader of the page would not see.
 *
 * It is done before anything else and without moving a byte, because a hidden element may begin in
 * one block and end in another. Code is left alone: there, HTML is text. What counts as code here
 * is decided by line and by paragraph only; where that is mistaken, the inline pass still removes
 * comments and tags within a paragraph. */
#include "markdown.h"

#include <stdint.h>
#include <string.h>

#include "html_visibility.h"

#define MAX_TAG_BYTES ((size_t)4096)
#define MAX_TICKS ((size_t)80)
/* Searches for an end tag that is not there, each over the rest of the text: then no more. */
#define MAX_FAILED_SEARCHES ((size_t)16)

struct masker {
    struct cof_text source;
    char *out;
    size_t at;
    struct cof_markdown_fence fence;
    size_t paragraph_end;             /* as far as it was looked for; 0 = not yet */
    size_t no_ticks_until[MAX_TICKS]; /* no run of so many backticks before this offset */
    size_t failed_searches;
    bool has_no_comment_end; /* no --> is left */
};

static struct cof_text rest_of(const struct masker *masker)
{
    return cof_text_slice(masker->source, masker->at, masker->source.size);
}

static void blank(struct masker *masker, size_t end)
{
    for (size_t i = masker->at; i < end; i++) {
        if (masker->out[i] != '\n' && masker->out[i] != '\r')
            masker->out[i] = ' ';
    }
    masker->at = end;
}

/* The offset of the next blank line, or of the end. */
static size_t find_paragraph_end(struct masker *masker)
{
    if (masker->paragraph_end > masker->at)
        return masker->paragraph_end;
    bool is_blank = false; /* the line that `at` stands in is not */
    size_t i = masker->at;
    for (; i < masker->source.size; i++) {
        char byte = masker->source.data[i];
        if (byte == '\n' && is_blank)
            break;
        if (byte == '\n')
            is_blank = true;
        else if (byte != ' ' && byte != '\t' && byte != '\r')
            is_blank = false;
    }
    masker->paragraph_end = i;
    return i;
}

/* Skips a code span, or the backticks alone where nothing closes them. */
static void skip_code_span(struct masker *masker)
{
    struct cof_text source = masker->source;
    size_t begin = masker->at;
    size_t size = 0;
    while (begin + size < source.size && source.data[begin + size] == '`')
        size++;
    masker->at = begin + size;
    if (size >= MAX_TICKS || masker->no_ticks_until[size] > begin)
        return;
    size_t end = find_paragraph_end(masker);
    for (size_t i = begin + size; i < end; i++) {
        size_t run = 0;
        while (i + run < end && source.data[i + run] == '`')
            run++;
        if (run == size) {
            masker->at = i + run;
            return;
        }
        i += run;
    }
    masker->no_ticks_until[size] = end;
}

static bool is_at_line_begin(const struct masker *masker)
{
    size_t i = masker->at;
    while (i > 0 && (masker->source.data[i - 1] == ' ' || masker->source.data[i - 1] == '\t'))
        i--;
    return i == 0 || masker->source.data[i - 1] == '\n' || masker->source.data[i - 1] == '\r';
}

static void mask_comment(struct masker *masker)
{
    struct cof_text rest = rest_of(masker);
    if (cof_text_has_prefix(rest, COF_TEXT("<!-->")) ||
        cof_text_has_prefix(rest, COF_TEXT("<!--->"))) {
        blank(masker, masker->at + (rest.data[4] == '>' ? 5 : 6));
        return;
    }
    size_t end = SIZE_MAX;
    if (!masker->has_no_comment_end)
        end = cof_text_index_of(rest, COF_TEXT("-->"));
    if (end != SIZE_MAX) {
        blank(masker, masker->at + end + 3);
        return;
    }
    masker->has_no_comment_end = true;
    if (is_at_line_begin(masker))
        blank(masker, masker->source.size); /* a page would show nothing of the rest */
    else
        masker->at++;
}

/* Elements whose content is no text for a reader, however it goes on. */
static bool swallows_rest(struct cof_text name)
{
    static const char *const names[] = {"script",   "style",  "textarea", "template",
                                        "noscript", "iframe", "noembed",  "noframes"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (cof_text_equal_ascii_case(name, cof_text_from(names[i])))
            return true;
    }
    return false;
}

/* Elements that end by themselves with the block they are in. */
static bool ends_with_block(struct cof_text name)
{
    static const char *const names[] = {
        "p", "li", "td",     "th",    "tr", "dt", "dd",   "span", "a",   "b",    "i",      "em",
        "s", "u",  "strong", "small", "rt", "rp", "font", "sub",  "sup", "code", "option", "label"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (cof_text_equal_ascii_case(name, cof_text_from(names[i])))
            return true;
    }
    return false;
}

/* The offset behind the end tag of the element whose start tag ends at `offset`, or SIZE_MAX. */
static size_t find_element_end(const struct masker *masker, struct cof_text name, size_t offset)
{
    struct cof_text source = masker->source;
    size_t depth = 1;
    bool is_raw = swallows_rest(name);
    while (offset < source.size) {
        const char *next = memchr(source.data + offset, '<', source.size - offset);
        if (next == NULL)
            break;
        offset = (size_t)(next - source.data);
        struct cof_html_tag tag = {0};
        struct cof_text rest = cof_text_slice(source, offset, source.size);
        offset++;
        if (!cof_html_tag_read(rest, MAX_TAG_BYTES, &tag) ||
            !cof_text_equal_ascii_case(tag.name, name))
            continue;
        offset += tag.size - 1;
        if (tag.is_end)
            depth--;
        else if (!is_raw)
            depth++;
        if (depth == 0)
            return offset;
    }
    return SIZE_MAX;
}

static void mask_tag(struct masker *masker)
{
    struct cof_html_tag tag = {0};
    if (!cof_html_tag_read(rest_of(masker), MAX_TAG_BYTES, &tag)) {
        masker->at++;
        return;
    }
    bool is_dropped = cof_html_tag_is_dropped(tag.name);
    if (!is_dropped && (!tag.is_hidden || tag.is_end)) {
        masker->at += tag.size;
        return;
    }
    size_t tag_end = masker->at + tag.size;
    if (tag.is_end || cof_html_tag_is_void(tag.name)) {
        blank(masker, tag_end);
        return;
    }
    size_t end = SIZE_MAX;
    if (masker->failed_searches < MAX_FAILED_SEARCHES)
        end = find_element_end(masker, tag.name, tag_end);
    if (end != SIZE_MAX) {
        blank(masker, end);
        return;
    }
    masker->failed_searches++;
    if (swallows_rest(tag.name) || (tag.is_hidden && !ends_with_block(tag.name)))
        blank(masker, masker->source.size);
    else
        blank(masker, tag.is_hidden ? find_paragraph_end(masker) : tag_end);
}

/* The line without what containers put before it: indents, quote marks, list markers. */
static struct cof_text strip_containers(struct cof_text line)
{
    for (;;) {
        long number = 0;
        line = cof_text_trim(line);
        if (line.size > 0 && line.data[0] == '>') {
            line = cof_text_slice(line, 1, line.size);
            continue;
        }
        size_t marker = cof_markdown_list_marker(line, &number);
        if (marker == 0)
            return line;
        line = cof_text_slice(line, marker, line.size);
    }
}

/* Looks at a whole line: false when it stands in code or opens it, and was passed over. */
static bool begin_line(struct masker *masker)
{
    struct cof_text rest = rest_of(masker);
    const char *newline = memchr(rest.data, '\n', rest.size);
    size_t size = newline != NULL ? (size_t)(newline - rest.data) + 1 : rest.size;
    struct cof_text line = strip_containers(cof_text_slice(rest, 0, size));
    if (masker->fence.mark != 0 && cof_markdown_ends_fence(line, masker->fence))
        masker->fence.mark = 0;
    else if (masker->fence.mark == 0 && !cof_markdown_is_fence(line, &masker->fence))
        return true;
    masker->at += size;
    return false;
}

enum cof_status cof_markdown_mask(struct cof_text source, struct cof_buffer *out,
                                  struct cof_error *err)
{
    size_t begin = out->size;
    cof_buffer_append_text(out, source);
    COF_TRY(cof_buffer_status(out, err));
    if (source.size == 0 || memchr(source.data, '<', source.size) == NULL)
        return COF_OK;
    struct masker masker = {.source = source, .out = (char *)out->data + begin};
    bool is_line_begin = true;
    while (masker.at < source.size) {
        if (is_line_begin && !begin_line(&masker))
            continue;
        is_line_begin = false;
        switch (source.data[masker.at]) {
        case '\\':
            masker.at += masker.at + 1 < source.size && source.data[masker.at + 1] != '\n' ? 2 : 1;
            break;
        case '`':
            skip_code_span(&masker);
            break;
        case '<':
            if (cof_text_has_prefix(rest_of(&masker), COF_TEXT("<!--")))
                mask_comment(&masker);
            else
                mask_tag(&masker);
            break;
        case '\n':
            is_line_begin = true;
            masker.at++;
            break;
        default:
            masker.at++;
            break;
        }
    }
    return COF_OK;
}
