/* Hidden and dropped elements, by tag, attribute and inline style. */
#include "html_visibility.h"

#include <stdint.h>
#include <string.h>

static bool is_in(struct cof_text name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (cof_text_equal_ascii_case(name, cof_text_from(names[i])))
            return true;
    }
    return false;
}

#define IS_IN(name, names) is_in((name), (names), sizeof(names) / sizeof((names)[0]))

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f';
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

bool cof_html_tag_is_dropped(struct cof_text name)
{
    static const char *const names[] = {
        "script", "style",  "template", "noscript", "nav",      "svg",      "canvas",   "iframe",
        "object", "embed",  "applet",   "audio",    "video",    "map",      "noframes", "noembed",
        "button", "select", "datalist", "option",   "textarea", "input",    "progress", "meter",
        "output", "rt",     "rp",       "dialog",   "picture",  "frameset",
    };
    return IS_IN(name, names);
}

bool cof_html_tag_is_void(struct cof_text name)
{
    static const char *const names[] = {
        "area",  "base", "br",   "col",   "embed",  "hr",    "img",
        "input", "link", "meta", "param", "source", "track", "wbr",
    };
    return IS_IN(name, names);
}

/* "0", "0px", ".0em", "0.0%": a size or an opacity of nothing. */
static bool is_zero(struct cof_text value)
{
    size_t i = 0;
    while (i < value.size && (value.data[i] == '0' || value.data[i] == '.'))
        i++;
    bool has_digit = i > 0;
    while (i < value.size && (is_letter(value.data[i]) || value.data[i] == '%'))
        i++;
    return has_digit && i == value.size;
}

static bool declaration_hides(struct cof_text property, struct cof_text value)
{
    static const char *const sizes[] = {"font-size", "opacity", "zoom"};
    if (cof_text_equal_ascii_case(property, COF_TEXT("display")))
        return cof_text_equal_ascii_case(value, COF_TEXT("none"));
    if (cof_text_equal_ascii_case(property, COF_TEXT("visibility")))
        return cof_text_equal_ascii_case(value, COF_TEXT("hidden")) ||
               cof_text_equal_ascii_case(value, COF_TEXT("collapse"));
    if (cof_text_equal_ascii_case(property, COF_TEXT("content-visibility")))
        return cof_text_equal_ascii_case(value, COF_TEXT("hidden"));
    if (cof_text_equal_ascii_case(property, COF_TEXT("font-size")) &&
        (cof_text_equal_ascii_case(value, COF_TEXT("1px")) ||
         cof_text_equal_ascii_case(value, COF_TEXT("1pt"))))
        return true;
    return IS_IN(property, sizes) && is_zero(value);
}

/* Declarations between semicolons; comments, spaces and "!important" within them are skipped. */
static bool style_hides(struct cof_text style)
{
    char declaration[128];
    size_t size = 0;
    for (size_t i = 0; i <= style.size; i++) {
        if (i < style.size && style.data[i] != ';') {
            struct cof_text rest = cof_text_slice(style, i, style.size);
            if (cof_text_has_prefix(rest, COF_TEXT("/*"))) {
                size_t end = cof_text_index_of(rest, COF_TEXT("*/"));
                i = end == SIZE_MAX ? style.size - 1 : i + end + 1;
            } else if (!is_space(style.data[i]) && size < sizeof(declaration)) {
                declaration[size++] = style.data[i];
            }
            continue;
        }
        struct cof_text property = {0};
        struct cof_text value = {0};
        struct cof_text text = {.data = declaration, .size = size};
        size = 0;
        if (!cof_text_split(text, ':', &property, &value))
            continue;
        struct cof_text importance = {0};
        (void)cof_text_split(value, '!', &value, &importance);
        if (declaration_hides(property, value))
            return true;
    }
    return false;
}

bool cof_html_attribute_hides(struct cof_text name, struct cof_text value)
{
    if (cof_text_equal_ascii_case(name, COF_TEXT("hidden")))
        return true;
    if (cof_text_equal_ascii_case(name, COF_TEXT("aria-hidden")))
        return cof_text_equal_ascii_case(cof_text_trim(value), COF_TEXT("true"));
    return cof_text_equal_ascii_case(name, COF_TEXT("style")) && style_hides(value);
}

/* Reads one attribute at *offset; false at the end of the tag or where there is none. */
static bool read_attribute(struct cof_text text, size_t *offset, struct cof_text *out_name,
                           struct cof_text *out_value)
{
    size_t i = *offset;
    while (i < text.size && (is_space(text.data[i]) || text.data[i] == '/'))
        i++;
    size_t begin = i;
    while (i < text.size && !is_space(text.data[i]) && strchr("/>=<\"'", text.data[i]) == NULL)
        i++;
    *offset = i;
    if (i == begin)
        return false;
    *out_name = cof_text_slice(text, begin, i);
    *out_value = (struct cof_text){0};
    while (i < text.size && is_space(text.data[i]))
        i++;
    if (i >= text.size || text.data[i] != '=')
        return true;
    i++;
    while (i < text.size && is_space(text.data[i]))
        i++;
    begin = i;
    if (i < text.size && (text.data[i] == '"' || text.data[i] == '\'')) {
        const char *quote = memchr(text.data + i + 1, text.data[i], text.size - i - 1);
        if (quote == NULL)
            return false;
        size_t end = (size_t)(quote - text.data);
        *out_value = cof_text_slice(text, begin + 1, end);
        *offset = end + 1;
        return true;
    }
    while (i < text.size && !is_space(text.data[i]) && strchr(">\"'<`", text.data[i]) == NULL)
        i++;
    *out_value = cof_text_slice(text, begin, i);
    *offset = i;
    return true;
}

bool cof_html_tag_read(struct cof_text text, size_t max_size, struct cof_html_tag *out_tag)
{
    struct cof_html_tag tag = {0};
    text = cof_text_slice(text, 0, max_size);
    size_t i = 1;
    if (i < text.size && text.data[i] == '/') {
        tag.is_end = true;
        i++;
    }
    size_t begin = i;
    while (i < text.size &&
           (is_letter(text.data[i]) || (i > begin && text.data[i] >= '0' && text.data[i] <= '9') ||
            (i > begin && text.data[i] == '-')))
        i++;
    tag.name = cof_text_slice(text, begin, i);
    bool is_name_ended =
        i < text.size && (is_space(text.data[i]) || text.data[i] == '/' || text.data[i] == '>');
    if (tag.name.size == 0 || !is_name_ended)
        return false;
    struct cof_text name = {0};
    struct cof_text value = {0};
    while (read_attribute(text, &i, &name, &value))
        tag.is_hidden = tag.is_hidden || cof_html_attribute_hides(name, value);
    if (i >= text.size || text.data[i] != '>')
        return false;
    tag.size = i + 1;
    *out_tag = tag;
    return true;
}
