/* Inline Markdown → what a reader sees.
 *
 * The text is cut into tokens; then marks of emphasis are paired (CommonMark 6.2 with one stack for
 * each mark, so a pass over n tokens costs n), then the tokens that are left are copied. */
#include "markdown.h"

#include <stdint.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/unicode.h>

#include "html_visibility.h"
#include "parse.h"

#define MAX_TAG_BYTES ((size_t)1024)
#define MAX_PARENTHESES 32
#define MAX_LABEL_BYTES ((size_t)1000)
#define NONE UINT32_MAX

enum token_kind {
    TOKEN_TEXT,
    TOKEN_MARKS,     /* a run of * or _ or ~~ */
    TOKEN_BRACKET,   /* [ or ![ */
    TOKEN_REFERENCE, /* &name; */
    TOKEN_SPACE,     /* a tag that separates words */
};

struct token {
    enum token_kind kind;
    uint32_t begin;
    uint32_t end;
    uint32_t below; /* the token under it in its stack */
    bool can_open;
    bool can_close;
};

struct inline_parser {
    struct cof_text text;
    size_t at;
    struct cof_buffer tokens;
    uint32_t brackets;       /* stack of open brackets */
    bool has_no_parenthesis; /* no ) is left */
    bool has_no_angle;       /* no > is left */
};

static struct token *token_at(const struct inline_parser *parser, uint32_t index)
{
    return (struct token *)(void *)parser->tokens.data + index;
}

static uint32_t token_count(const struct inline_parser *parser)
{
    return (uint32_t)(parser->tokens.size / sizeof(struct token));
}

static void add_token(struct inline_parser *parser, enum token_kind kind, size_t begin, size_t end)
{
    struct token token = {
        .kind = kind, .begin = (uint32_t)begin, .end = (uint32_t)end, .below = NONE};
    cof_buffer_append(&parser->tokens, &token, sizeof(token));
}

static void drop_tokens(struct inline_parser *parser, uint32_t first)
{
    parser->tokens.size = first * sizeof(struct token);
}

static char byte_at(const struct inline_parser *parser, size_t offset)
{
    if (offset >= parser->text.size)
        return '\0';
    return parser->text.data[offset];
}

/* Begins a token that is not plain text. */
static bool is_special(char byte)
{
    return byte != '\0' && strchr("\\`*_~[]!<&", byte) != NULL;
}

static bool is_ascii_punctuation(char byte)
{
    return byte != '\0' && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", byte) != NULL;
}

static size_t run_size(const struct inline_parser *parser, size_t offset)
{
    size_t end = offset;
    while (end < parser->text.size && parser->text.data[end] == parser->text.data[offset])
        end++;
    return end - offset;
}

/* ---- Code, links, tags ---- */

static void read_code_span(struct inline_parser *parser)
{
    size_t begin = parser->at;
    size_t size = run_size(parser, begin);
    parser->at = begin + size;
    for (size_t i = parser->at; i < parser->text.size; i++) {
        const char *tick = memchr(parser->text.data + i, '`', parser->text.size - i);
        if (tick == NULL)
            break;
        i = (size_t)(tick - parser->text.data);
        size_t run = run_size(parser, i);
        if (run == size) {
            add_token(parser, TOKEN_TEXT, begin + size, i);
            parser->at = i + run;
            return;
        }
        i += run - 1;
    }
    add_token(parser, TOKEN_TEXT, begin, begin + size);
}

static size_t skip_spaces(const struct inline_parser *parser, size_t offset)
{
    while (byte_at(parser, offset) == ' ' || byte_at(parser, offset) == '\t' ||
           byte_at(parser, offset) == '\n')
        offset++;
    return offset;
}

/* The offset behind the next `close` from `offset` on, 0 when it is not near. */
static size_t skip_quoted(const struct inline_parser *parser, size_t offset, char close)
{
    for (size_t i = offset; i < parser->text.size && i - offset < MAX_LABEL_BYTES; i++) {
        if (parser->text.data[i] == '\\')
            i++;
        else if (parser->text.data[i] == close)
            return i + 1;
    }
    return 0;
}

/* The address of a link: the offset behind it, 0 when there is none. It may be long: pictures come
 * as data in it. */
static size_t skip_address(const struct inline_parser *parser, size_t offset)
{
    if (byte_at(parser, offset) == '<')
        return skip_quoted(parser, offset + 1, '>');
    size_t depth = 0;
    for (size_t i = offset; i < parser->text.size; i++) {
        char byte = parser->text.data[i];
        if (byte == '\\')
            i++;
        else if (byte == ' ' || byte == '\n' || byte == '\t' || (byte == ')' && depth == 0))
            return i;
        else if (byte == '(' && ++depth > MAX_PARENTHESES)
            return 0;
        else if (byte == ')')
            depth--;
    }
    return 0;
}

/* "(address "title")" at `offset`: the offset behind it, or 0. */
static size_t skip_target(struct inline_parser *parser, size_t offset)
{
    struct cof_text text = parser->text;
    if (parser->has_no_parenthesis || byte_at(parser, offset) != '(')
        return 0;
    if (memchr(text.data + offset, ')', text.size - offset) == NULL) {
        parser->has_no_parenthesis = true;
        return 0;
    }
    size_t end = skip_address(parser, skip_spaces(parser, offset + 1));
    if (end == 0)
        return 0;
    size_t title = skip_spaces(parser, end);
    char quote = byte_at(parser, title);
    if (title > end && (quote == '"' || quote == '\'' || quote == '(')) {
        char close = quote;
        if (quote == '(')
            close = ')';
        end = skip_quoted(parser, title + 1, close);
        if (end == 0)
            return 0;
    }
    end = skip_spaces(parser, end);
    return byte_at(parser, end) == ')' ? end + 1 : 0;
}

/* "[label]" at `offset`: the offset behind it, or 0. */
static size_t skip_label(const struct inline_parser *parser, size_t offset)
{
    if (byte_at(parser, offset) != '[')
        return 0;
    for (size_t i = offset + 1; i < parser->text.size && i - offset < MAX_LABEL_BYTES; i++) {
        if (parser->text.data[i] == '[')
            return 0;
        if (parser->text.data[i] == ']')
            return i + 1;
        if (parser->text.data[i] == '\\')
            i++;
    }
    return 0;
}

static void close_bracket(struct inline_parser *parser)
{
    uint32_t opener = parser->brackets;
    size_t behind = parser->at + 1;
    if (opener == NONE) {
        add_token(parser, TOKEN_TEXT, parser->at, behind);
        parser->at = behind;
        return;
    }
    struct token *bracket = token_at(parser, opener);
    parser->brackets = bracket->below;
    bool is_image = bracket->end - bracket->begin == 2;
    bool is_note = byte_at(parser, bracket->end) == '^' && behind - bracket->end <= MAX_LABEL_BYTES;
    size_t end = skip_target(parser, behind);
    if (end == 0)
        end = skip_label(parser, behind);
    if (is_image && end == 0)
        end = behind; /* a short reference to an image */
    if (is_note && end == 0)
        end = behind;
    if (end == 0) {
        add_token(parser, TOKEN_TEXT, parser->at, behind);
        parser->at = behind;
        return;
    }
    if (is_image || is_note)
        drop_tokens(parser, opener);
    else
        bracket->begin = bracket->end;
    parser->at = end;
}

static bool is_phrasing(struct cof_text name)
{
    static const char *const names[] = {
        "a",    "abbr",   "b",   "bdi", "bdo",  "cite", "code", "data", "del",  "dfn",
        "em",   "font",   "i",   "ins", "kbd",  "mark", "q",    "s",    "samp", "small",
        "span", "strong", "sub", "sup", "time", "tt",   "u",    "var",  "wbr"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (cof_text_equal_ascii_case(name, cof_text_from(names[i])))
            return true;
    }
    return false;
}

/* "<https://…>", "<a@b>": the offset of the '>', or 0. */
static size_t find_autolink_end(const struct inline_parser *parser)
{
    bool is_address = false;
    for (size_t i = parser->at + 1; i < parser->text.size && i - parser->at < MAX_TAG_BYTES; i++) {
        char byte = parser->text.data[i];
        if (byte == '>')
            return is_address && i > parser->at + 1 ? i : 0;
        if (byte == ':' || byte == '@')
            is_address = true;
        else if (byte == ' ' || byte == '\n' || byte == '\t' || byte == '<' || byte == '"' ||
                 (byte == '=' && !is_address))
            return 0;
    }
    return 0;
}

static void read_angle(struct inline_parser *parser)
{
    struct cof_text rest = cof_text_slice(parser->text, parser->at, parser->text.size);
    struct cof_html_tag tag = {0};
    if (!parser->has_no_angle && memchr(rest.data, '>', rest.size) == NULL)
        parser->has_no_angle = true;
    if (parser->has_no_angle) {
        add_token(parser, TOKEN_TEXT, parser->at, parser->at + 1);
        parser->at++;
        return;
    }
    size_t link_end = find_autolink_end(parser);
    if (link_end > 0) {
        add_token(parser, TOKEN_TEXT, parser->at + 1, link_end);
        parser->at = link_end + 1;
        return;
    }
    if (cof_text_has_prefix(rest, COF_TEXT("<!--"))) {
        size_t end = cof_text_index_of(rest, COF_TEXT("-->"));
        parser->at += end != SIZE_MAX ? end + 3 : 4;
        return;
    }
    if (cof_html_tag_read(rest, MAX_TAG_BYTES, &tag)) {
        if (!is_phrasing(tag.name))
            add_token(parser, TOKEN_SPACE, parser->at, parser->at);
        parser->at += tag.size;
        return;
    }
    add_token(parser, TOKEN_TEXT, parser->at, parser->at + 1);
    parser->at++;
}

static void read_reference(struct inline_parser *parser)
{
    size_t end = parser->at + 1;
    if (byte_at(parser, end) == '#')
        end++;
    size_t begin = end;
    while (end < parser->text.size && end - begin < 32) {
        char byte = parser->text.data[end];
        bool is_name = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                       (byte >= 'A' && byte <= 'Z');
        if (!is_name)
            break;
        end++;
    }
    bool is_reference = end > begin && byte_at(parser, end) == ';';
    end = is_reference ? end + 1 : parser->at + 1;
    add_token(parser, is_reference ? TOKEN_REFERENCE : TOKEN_TEXT, parser->at, end);
    parser->at = end;
}

/* ---- Emphasis ---- */

struct neighbour {
    bool is_space;
    bool is_loose; /* punctuation, or a script without spaces, where any side may carry a mark */
};

static struct neighbour neighbour_of(uint32_t code_point)
{
    bool is_ascii = code_point < 0x80;
    return (struct neighbour){
        .is_space = code_point == 0 || cof_unicode_is_whitespace(code_point),
        .is_loose = (is_ascii && is_ascii_punctuation((char)code_point)) ||
                    cof_unicode_is_punctuation(code_point) || cof_unicode_is_cjk(code_point),
    };
}

static void read_marks(struct inline_parser *parser)
{
    size_t begin = parser->at;
    size_t size = run_size(parser, begin);
    char mark = parser->text.data[begin];
    parser->at = begin + size;
    if (mark == '~' && size != 2) {
        add_token(parser, TOKEN_TEXT, begin, begin + size);
        return;
    }
    uint32_t before = 0;
    uint32_t after = 0;
    if (begin > 0)
        (void)cof_utf8_decode(parser->text, cof_utf8_floor(parser->text, begin - 1), &before);
    if (parser->at < parser->text.size)
        (void)cof_utf8_decode(parser->text, parser->at, &after);
    struct neighbour left = neighbour_of(before);
    struct neighbour right = neighbour_of(after);
    bool is_left_flanking = !right.is_space && (!right.is_loose || left.is_space || left.is_loose);
    bool is_right_flanking = !left.is_space && (!left.is_loose || right.is_space || right.is_loose);
    add_token(parser, TOKEN_MARKS, begin, parser->at);
    if (parser->tokens.has_failed)
        return;
    struct token *token = token_at(parser, token_count(parser) - 1);
    bool is_word_mark = mark == '_';
    token->can_open = is_left_flanking && (!is_word_mark || !is_right_flanking || left.is_loose);
    token->can_close = is_right_flanking && (!is_word_mark || !is_left_flanking || right.is_loose);
}

/* Pairs closing runs with the nearest opening run of the same mark; what is paired is cut off. */
static void pair_marks(struct inline_parser *parser)
{
    uint32_t open[3] = {NONE, NONE, NONE};
    for (uint32_t i = 0; i < token_count(parser); i++) {
        struct token *token = token_at(parser, i);
        if (token->kind != TOKEN_MARKS)
            continue;
        char mark = parser->text.data[token->begin];
        uint32_t *stack = &open[mark == '*' ? 0 : mark == '_' ? 1 : 2];
        while (token->can_close && *stack != NONE && token->begin < token->end) {
            struct token *opener = token_at(parser, *stack);
            uint32_t size = token->end - token->begin;
            if (size > opener->end - opener->begin)
                size = opener->end - opener->begin;
            token->begin += size;
            opener->end -= size;
            if (opener->begin == opener->end)
                *stack = opener->below;
        }
        if (token->can_open && token->begin < token->end) {
            token->below = *stack;
            *stack = i;
        }
    }
}

/* ---- All together ---- */

static void read_text(struct inline_parser *parser)
{
    size_t begin = parser->at;
    while (parser->at < parser->text.size && !is_special(parser->text.data[parser->at]))
        parser->at++;
    if (parser->at == begin)
        parser->at++; /* a ! that is no image */
    add_token(parser, TOKEN_TEXT, begin, parser->at);
}

static void open_bracket(struct inline_parser *parser, size_t size)
{
    add_token(parser, TOKEN_BRACKET, parser->at, parser->at + size);
    parser->at += size;
    if (parser->tokens.has_failed)
        return;
    uint32_t index = token_count(parser) - 1;
    token_at(parser, index)->below = parser->brackets;
    parser->brackets = index;
}

static void read_token(struct inline_parser *parser)
{
    char next = byte_at(parser, parser->at + 1);
    switch (parser->text.data[parser->at]) {
    case '\\':
        if (is_ascii_punctuation(next)) {
            add_token(parser, TOKEN_TEXT, parser->at + 1, parser->at + 2);
            parser->at += 2;
        } else {
            if (next != '\n')
                add_token(parser, TOKEN_TEXT, parser->at, parser->at + 1);
            parser->at++;
        }
        break;
    case '`':
        read_code_span(parser);
        break;
    case '*':
    case '_':
    case '~':
        read_marks(parser);
        break;
    case '!':
        if (next == '[')
            open_bracket(parser, 2);
        else
            read_text(parser);
        break;
    case '[':
        open_bracket(parser, 1);
        break;
    case ']':
        close_bracket(parser);
        break;
    case '<':
        read_angle(parser);
        break;
    case '&':
        read_reference(parser);
        break;
    default:
        read_text(parser);
        break;
    }
}

/* Copies [begin, end) run by run, so that each keeps its place in the source. */
static void copy_text(const struct cof_raw_text *marked, size_t begin, size_t end,
                      size_t *run_index, struct cof_raw_text *plain)
{
    size_t count = 0;
    const struct cof_raw_run *runs = cof_raw_runs(marked, &count);
    while (begin < end) {
        while (*run_index + 1 < count && runs[*run_index + 1].raw_offset <= begin)
            (*run_index)++;
        size_t stop = end;
        if (*run_index + 1 < count && runs[*run_index + 1].raw_offset < stop)
            stop = runs[*run_index + 1].raw_offset;
        uint64_t source = cof_raw_source_of(marked, begin);
        cof_raw_append(plain, cof_text_slice(cof_raw_bytes(marked), begin, stop), source,
                       source + (stop - begin));
        begin = stop;
    }
}

static enum cof_status copy_tokens(const struct inline_parser *parser,
                                   const struct cof_raw_text *marked, struct cof_raw_text *plain,
                                   struct cof_error *err)
{
    size_t run_index = 0;
    for (uint32_t i = 0; i < token_count(parser); i++) {
        const struct token *token = token_at(parser, i);
        if (token->kind == TOKEN_SPACE) {
            cof_raw_append_extra(plain, COF_TEXT(" "));
        } else if (token->kind == TOKEN_REFERENCE) {
            COF_CLEANUP(cof_buffer_deinit) struct cof_buffer decoded = {0};
            struct cof_text reference = cof_text_slice(parser->text, token->begin, token->end);
            COF_TRY(cof_html_decode_reference(reference, &decoded, err));
            uint64_t source = cof_raw_source_of(marked, token->begin);
            cof_raw_append(plain, cof_buffer_text(&decoded), source, source + reference.size);
        } else {
            copy_text(marked, token->begin, token->end, &run_index, plain);
        }
    }
    return COF_OK;
}

enum cof_status cof_markdown_inline(const struct cof_raw_text *marked, struct cof_raw_text *plain,
                                    struct cof_error *err)
{
    COF_TRY(cof_buffer_status(&marked->bytes, err));
    COF_TRY(cof_buffer_status(&marked->runs, err));
    struct inline_parser parser = {.text = cof_raw_bytes(marked), .brackets = NONE};
    while (parser.at < parser.text.size && !parser.tokens.has_failed)
        read_token(&parser);
    enum cof_status status = cof_buffer_status(&parser.tokens, err);
    if (status == COF_OK) {
        pair_marks(&parser);
        status = copy_tokens(&parser, marked, plain, err);
    }
    cof_buffer_deinit(&parser.tokens);
    cof_raw_cover(plain, marked->source_begin, marked->source_end);
    return status;
}
