/* HTML → blocks: what a reader of the page sees, in the order of the source.
 *
 * The tree is walked with a stack of its own, so no nesting is too deep. A block ends where an
 * element begins or ends that is not phrasing. A table row is one block, its cells joined by bars,
 * unless it turns out to lay out the page: a row with a table or a heading in it is taken apart. */
#include "parse.h"

#include <stdint.h>
#include <string.h>

#include <cof/base/buffer.h>

#include "html_tree.h"
#include "html_visibility.h"

enum element_effect {
    EFFECT_NONE = 0,
    EFFECT_BOUNDARY = 1 << 0, /* ends the block before it and its own */
    EFFECT_ITEM = 1 << 1,
    EFFECT_QUOTE = 1 << 2,
    EFFECT_PRE = 1 << 3,
    EFFECT_HEADING = 1 << 4,
    EFFECT_ROW = 1 << 5,
    EFFECT_SECTION = 1 << 6,
    EFFECT_BREAKS_ROW = 1 << 7,
    EFFECT_CELL = 1 << 8,
};

struct frame {
    const GumboNode *node;
    size_t next_child;
    unsigned effects;
};

struct walker {
    struct cof_text source;
    uint64_t base;
    bool is_piece;
    struct cof_block_list *list;
    struct cof_buffer frames;

    struct cof_raw_text raw;
    enum cof_block_kind kind;
    size_t item_depth;
    size_t quote_depth;
    size_t pre_depth;
    size_t section_depth;
    uint8_t heading_level; /* 0 = not in a heading */
    bool is_in_row;
    size_t cell_count; /* of that row */
};

static enum cof_block_kind current_kind(const struct walker *walker)
{
    if (walker->is_in_row)
        return COF_BLOCK_TABLE_ROW;
    if (walker->heading_level > 0)
        return COF_BLOCK_HEADING;
    if (walker->pre_depth > 0)
        return COF_BLOCK_CODE;
    if (walker->quote_depth > 0)
        return COF_BLOCK_QUOTE;
    return walker->item_depth > 0 ? COF_BLOCK_LIST_ITEM : COF_BLOCK_PARAGRAPH;
}

static enum cof_status flush(struct walker *walker, struct cof_error *err)
{
    if (walker->raw.source_end == 0) { /* separators alone */
        cof_raw_clear(&walker->raw);
        return COF_OK;
    }
    uint8_t level = walker->kind == COF_BLOCK_HEADING ? walker->heading_level : 0;
    return cof_block_list_add(walker->list, walker->kind, level, &walker->raw, err);
}

/* Between two blocks; within a row, a heading or code they stay one. */
static enum cof_status add_boundary(struct walker *walker, struct cof_error *err)
{
    if (!walker->is_in_row && walker->heading_level == 0 && walker->pre_depth == 0)
        return flush(walker, err);
    if (!cof_raw_is_empty(&walker->raw))
        cof_raw_append_extra(&walker->raw, COF_TEXT("\n"));
    return COF_OK;
}

/* ---- Text ---- */

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f';
}

static size_t count_breaks(struct cof_text text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        bool is_crlf = text.data[i] == '\r' && i + 1 < text.size && text.data[i + 1] == '\n';
        if ((text.data[i] == '\n' || text.data[i] == '\r') && !is_crlf)
            count++;
    }
    return count;
}

/* Behind the next line break, or the end. */
static size_t line_end(struct cof_text text, size_t offset)
{
    while (offset < text.size && text.data[offset] != '\n' && text.data[offset] != '\r')
        offset++;
    if (offset + 1 < text.size && text.data[offset] == '\r' && text.data[offset + 1] == '\n')
        offset++;
    return offset < text.size ? offset + 1 : offset;
}

/* Appends the text line by line: after a character reference the two have different lengths, but
 * their line breaks still correspond. */
static void append_lines(struct walker *walker, struct cof_text text, struct cof_text original,
                         uint64_t begin)
{
    bool has_lines = count_breaks(text) == count_breaks(original);
    size_t at = 0;
    size_t original_at = 0;
    while (at < text.size) {
        size_t end = has_lines ? line_end(text, at) : text.size;
        size_t original_end = has_lines ? line_end(original, original_at) : original.size;
        cof_raw_append(&walker->raw, cof_text_slice(text, at, end), begin + original_at,
                       begin + original_end);
        at = end;
        original_at = original_end;
    }
}

static void add_text(struct walker *walker, const GumboText *node)
{
    struct cof_text text = cof_text_from(node->text);
    struct cof_text source = walker->source;
    if (text.size == 0 || !cof_utf8_is_valid(text, NULL))
        return;
    if (cof_raw_is_empty(&walker->raw))
        walker->kind = current_kind(walker);
    size_t begin = 0;
    size_t size = 0;
    const char *original = node->original_text.data;
    bool is_known = original >= source.data && original <= source.data + source.size;
    if (is_known) {
        begin = (size_t)(original - source.data);
        size = node->original_text.length;
        if (size > source.size - begin)
            size = source.size - begin;
    }
    struct cof_text written = cof_text_slice(source, begin, begin + size);
    if (walker->pre_depth == 0) {
        /* white space at the ends belongs to no block's range */
        size_t left = 0;
        while (left < text.size && is_space(text.data[left]))
            left++;
        if (left > 0 && !cof_raw_is_empty(&walker->raw))
            cof_raw_append_extra(&walker->raw, cof_text_slice(text, 0, left));
        text = cof_text_slice(text, left, text.size);
        size_t skipped = 0;
        while (skipped < written.size && is_space(written.data[skipped]))
            skipped++;
        begin += skipped;
        written = cof_text_slice(written, skipped, written.size);
        while (written.size > 0 && is_space(written.data[written.size - 1]))
            written.size--;
    }
    if (text.size == 0)
        return;
    if (written.size == 0)
        cof_raw_append_extra(&walker->raw, text);
    else
        append_lines(walker, text, written, walker->base + begin);
}

static enum cof_status set_title(struct walker *walker, const GumboElement *element,
                                 struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer title = {0};
    for (unsigned i = 0; i < element->children.length; i++) {
        const GumboNode *child = element->children.data[i];
        if (child->type == GUMBO_NODE_TEXT || child->type == GUMBO_NODE_WHITESPACE)
            cof_buffer_append_text(&title, cof_text_from(child->v.text.text));
    }
    COF_TRY(cof_buffer_status(&title, err));
    if (walker->is_piece || !cof_utf8_is_valid(cof_buffer_text(&title), NULL))
        return COF_OK;
    return cof_block_list_set_title(walker->list, cof_buffer_text(&title), err);
}

/* ---- Elements ---- */

static bool is_role_of_furniture(struct cof_text role, bool is_in_section)
{
    static const char *const roles[] = {"navigation", "menu", "menubar", "search", "toolbar"};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (cof_text_equal_ascii_case(role, cof_text_from(roles[i])))
            return true;
    }
    return !is_in_section && cof_text_equal_ascii_case(role, COF_TEXT("contentinfo"));
}

/* Not part of the text: hidden, furniture, or the footer of the page rather than of a part. */
static bool is_dropped(const struct walker *walker, const GumboElement *element)
{
    if (cof_html_tag_is_dropped(cof_html_tag_name(element)))
        return true;
    if (element->tag == GUMBO_TAG_HTML || element->tag == GUMBO_TAG_BODY)
        return false; /* hidden only until a script shows the page */
    bool is_in_section = walker->section_depth > 0;
    if (element->tag == GUMBO_TAG_FOOTER && !is_in_section)
        return true;
    for (unsigned i = 0; i < element->attributes.length; i++) {
        const GumboAttribute *attribute = element->attributes.data[i];
        struct cof_text name = cof_text_from(attribute->name);
        struct cof_text value = cof_text_from(attribute->value);
        if (cof_html_attribute_hides(name, value))
            return true;
        if (cof_text_equal_ascii_case(name, COF_TEXT("role")) &&
            is_role_of_furniture(value, is_in_section))
            return true;
    }
    return false;
}

static bool is_phrasing(struct cof_text name)
{
    static const char *const names[] = {
        "a",    "abbr", "acronym", "b",    "bdi",  "bdo",  "big",   "cite", "code",   "data",
        "del",  "dfn",  "em",      "font", "i",    "img",  "ins",   "kbd",  "label",  "mark",
        "math", "mi",   "mn",      "mo",   "mrow", "ms",   "msqrt", "msub", "msup",   "mtext",
        "nobr", "q",    "ruby",    "rb",   "s",    "samp", "small", "span", "strike", "strong",
        "sub",  "sup",  "time",    "tt",   "u",    "var",  "wbr",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (cof_text_equal_ascii_case(name, cof_text_from(names[i])))
            return true;
    }
    return false;
}

static unsigned effects_of(const GumboElement *element)
{
    static const struct {
        const char *name;
        unsigned effects;
    } table[] = {
        {"li", EFFECT_ITEM},
        {"dt", EFFECT_ITEM},
        {"dd", EFFECT_ITEM},
        {"blockquote", EFFECT_QUOTE | EFFECT_SECTION | EFFECT_BREAKS_ROW},
        {"pre", EFFECT_PRE | EFFECT_BREAKS_ROW},
        {"listing", EFFECT_PRE | EFFECT_BREAKS_ROW},
        {"xmp", EFFECT_PRE | EFFECT_BREAKS_ROW},
        {"plaintext", EFFECT_PRE | EFFECT_BREAKS_ROW},
        {"h1", EFFECT_HEADING | EFFECT_BREAKS_ROW},
        {"h2", EFFECT_HEADING | EFFECT_BREAKS_ROW},
        {"h3", EFFECT_HEADING | EFFECT_BREAKS_ROW},
        {"h4", EFFECT_HEADING | EFFECT_BREAKS_ROW},
        {"h5", EFFECT_HEADING | EFFECT_BREAKS_ROW},
        {"h6", EFFECT_HEADING | EFFECT_BREAKS_ROW},
        {"table", EFFECT_BREAKS_ROW},
        {"tr", EFFECT_ROW},
        {"td", EFFECT_CELL},
        {"th", EFFECT_CELL},
        {"article", EFFECT_SECTION},
        {"section", EFFECT_SECTION},
        {"main", EFFECT_SECTION},
        {"aside", EFFECT_SECTION},
        {"details", EFFECT_SECTION},
        {"figure", EFFECT_SECTION},
    };
    struct cof_text name = cof_html_tag_name(element);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (cof_text_equal_ascii_case(name, cof_text_from(table[i].name)))
            return table[i].effects | EFFECT_BOUNDARY;
    }
    return is_phrasing(name) ? EFFECT_NONE : EFFECT_BOUNDARY;
}

static uint8_t heading_level_of(const GumboElement *element)
{
    struct cof_text name = cof_html_tag_name(element);
    return (uint8_t)(name.data[1] - '0');
}

/* Takes the element's effects on; those that took effect are returned, to be taken off again. */
static enum cof_status begin_element(struct walker *walker, const GumboElement *element,
                                     unsigned *effects, struct cof_error *err)
{
    if (*effects & EFFECT_BREAKS_ROW && walker->is_in_row) {
        walker->kind = COF_BLOCK_PARAGRAPH;
        COF_TRY(flush(walker, err));
        walker->is_in_row = false;
    }
    if (*effects & EFFECT_CELL && walker->is_in_row) {
        if (walker->cell_count++ > 0)
            cof_raw_append_extra(&walker->raw, COF_TEXT(" | "));
        return COF_OK;
    }
    if (*effects & EFFECT_BOUNDARY)
        COF_TRY(add_boundary(walker, err));
    if (*effects & EFFECT_HEADING && walker->heading_level > 0)
        *effects &= ~(unsigned)EFFECT_HEADING;
    if (*effects & EFFECT_HEADING)
        walker->heading_level = heading_level_of(element);
    if (*effects & EFFECT_ROW) {
        walker->is_in_row = walker->heading_level == 0 && walker->pre_depth == 0;
        walker->cell_count = 0;
    }
    walker->item_depth += (*effects & EFFECT_ITEM) != 0;
    walker->quote_depth += (*effects & EFFECT_QUOTE) != 0;
    walker->pre_depth += (*effects & EFFECT_PRE) != 0;
    walker->section_depth += (*effects & EFFECT_SECTION) != 0;
    return COF_OK;
}

static enum cof_status end_element(struct walker *walker, unsigned effects, struct cof_error *err)
{
    bool ends_whole = (effects & (EFFECT_HEADING | EFFECT_ROW)) ||
                      (effects & EFFECT_PRE && walker->pre_depth == 1);
    if (effects & EFFECT_CELL && walker->is_in_row)
        return COF_OK;
    if (ends_whole)
        COF_TRY(flush(walker, err));
    else if (effects & EFFECT_BOUNDARY)
        COF_TRY(add_boundary(walker, err));
    if (effects & EFFECT_HEADING)
        walker->heading_level = 0;
    if (effects & EFFECT_ROW)
        walker->is_in_row = false;
    walker->item_depth -= (effects & EFFECT_ITEM) != 0;
    walker->quote_depth -= (effects & EFFECT_QUOTE) != 0;
    walker->pre_depth -= (effects & EFFECT_PRE) != 0;
    walker->section_depth -= (effects & EFFECT_SECTION) != 0;
    return COF_OK;
}

static enum cof_status push(struct walker *walker, const GumboNode *node, unsigned effects,
                            struct cof_error *err)
{
    struct frame frame = {.node = node, .effects = effects};
    cof_buffer_append(&walker->frames, &frame, sizeof(frame));
    return cof_buffer_status(&walker->frames, err);
}

static enum cof_status enter_element(struct walker *walker, const GumboNode *node,
                                     struct cof_error *err)
{
    const GumboElement *element = &node->v.element;
    if (element->tag == GUMBO_TAG_TITLE && element->tag_namespace == GUMBO_NAMESPACE_HTML)
        return set_title(walker, element, err);
    if (is_dropped(walker, element)) {
        /* words on both sides of it do not touch */
        if (!cof_raw_is_empty(&walker->raw))
            cof_raw_append_extra(&walker->raw, COF_TEXT(" "));
        return COF_OK;
    }
    if (element->tag == GUMBO_TAG_BR) {
        if (!cof_raw_is_empty(&walker->raw))
            cof_raw_append_extra(&walker->raw, COF_TEXT("\n"));
        return COF_OK;
    }
    unsigned effects = effects_of(element);
    COF_TRY(begin_element(walker, element, &effects, err));
    return push(walker, node, effects, err);
}

static enum cof_status enter(struct walker *walker, const GumboNode *node, struct cof_error *err)
{
    switch (node->type) {
    case GUMBO_NODE_ELEMENT:
        return enter_element(walker, node, err);
    case GUMBO_NODE_TEXT:
    case GUMBO_NODE_CDATA:
    case GUMBO_NODE_WHITESPACE:
        add_text(walker, &node->v.text);
        return COF_OK;
    case GUMBO_NODE_DOCUMENT:
    case GUMBO_NODE_COMMENT:
    case GUMBO_NODE_TEMPLATE:
        break;
    }
    return COF_OK;
}

static enum cof_status walk(struct walker *walker, const GumboNode *root, struct cof_error *err)
{
    COF_TRY(enter(walker, root, err));
    while (walker->frames.size > 0) {
        struct frame *frame =
            (struct frame *)(void *)(walker->frames.data + walker->frames.size) - 1;
        const GumboVector *children = &frame->node->v.element.children;
        if (frame->next_child < children->length) {
            COF_TRY(enter(walker, children->data[frame->next_child++], err));
            continue;
        }
        unsigned effects = frame->effects;
        walker->frames.size -= sizeof(*frame);
        COF_TRY(end_element(walker, effects, err));
    }
    return flush(walker, err);
}

static enum cof_status parse(struct walker *walker, struct cof_error *err)
{
    COF_CLEANUP(cof_html_tree_destroy) struct cof_html_tree tree = {0};
    COF_TRY(cof_html_tree_create(walker->source, &tree, err));
    enum cof_status status = walk(walker, tree.root, err);
    cof_buffer_deinit(&walker->frames);
    cof_raw_deinit(&walker->raw);
    return status;
}

enum cof_status cof_parse_html(struct cof_text source, struct cof_block_list *list,
                               struct cof_error *err)
{
    struct walker walker = {.source = source, .list = list, .kind = COF_BLOCK_PARAGRAPH};
    return parse(&walker, err);
}

enum cof_status cof_parse_html_piece(struct cof_text piece, uint64_t base,
                                     struct cof_block_list *list, struct cof_error *err)
{
    struct walker walker = {
        .source = piece, .base = base, .is_piece = true, .list = list, .kind = COF_BLOCK_PARAGRAPH};
    return parse(&walker, err);
}

/* ---- Character references ---- */

static bool decode_usual(struct cof_text reference, struct cof_buffer *out)
{
    static const struct {
        const char *name;
        const char *text;
    } usual[] = {
        {"&amp;", "&"},   {"&lt;", "<"},   {"&gt;", ">"},
        {"&quot;", "\""}, {"&apos;", "'"}, {"&nbsp;", "\xc2\xa0"},
    };
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if (cof_text_equal(reference, cof_text_from(usual[i].name))) {
            cof_buffer_append_text(out, cof_text_from(usual[i].text));
            return true;
        }
    }
    return false;
}

enum cof_status cof_html_decode_reference(struct cof_text reference, struct cof_buffer *out,
                                          struct cof_error *err)
{
    if (decode_usual(reference, out))
        return cof_buffer_status(out, err);
    COF_CLEANUP(cof_html_tree_destroy) struct cof_html_tree tree = {0};
    COF_TRY(cof_html_tree_create(reference, &tree, err));
    const GumboVector *parts = &tree.root->v.element.children;
    for (unsigned i = 0; i < parts->length; i++) {
        const GumboNode *part = parts->data[i];
        if (part->type != GUMBO_NODE_ELEMENT || part->v.element.tag != GUMBO_TAG_BODY)
            continue;
        const GumboVector *children = &part->v.element.children;
        for (unsigned j = 0; j < children->length; j++) {
            const GumboNode *child = children->data[j];
            bool is_text = child->type == GUMBO_NODE_TEXT || child->type == GUMBO_NODE_WHITESPACE;
            struct cof_text text =
                is_text ? cof_text_from(child->v.text.text) : (struct cof_text){0};
            if (cof_utf8_is_valid(text, NULL))
                cof_buffer_append_text(out, text);
        }
    }
    return cof_buffer_status(out, err);
}
