/* Tokenizes template words and message contents apart and joins them into one prompt. */
#include "prompt.h"

#include <string.h>

#include <cof/base/buffer.h>

#include "llama_shim.h"

#define MAX_TEXT_SIZE ((size_t)1 << 30)
enum { MAX_PIECE_SIZE = 512 };

static bool is_special(const struct llama_vocab *vocab, llama_token token)
{
    unsigned attributes = (unsigned)llama_vocab_get_attr(vocab, token);

    return (attributes & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED)) != 0;
}

static bool is_forbidden(const struct cof_prompter *prompter, llama_token token)
{
    if (llama_vocab_is_control(prompter->vocab, token) ||
        llama_vocab_is_eog(prompter->vocab, token))
        return true;
    for (size_t i = 0; i < prompter->special_count; i++) {
        if (prompter->specials[i] == token)
            return true;
    }
    return false;
}

/* Appends what libllama makes of `text`, which gets a space of its own where the vocabulary has it
 * so. */
static enum cof_status append_raw(const struct llama_vocab *vocab, struct cof_text text,
                                  bool parse_special, struct cof_token_list *list,
                                  struct cof_error *err)
{
    size_t room = list->count < list->capacity ? list->capacity - list->count : 0;

    if (text.size == 0)
        return COF_OK;
    if (text.size > MAX_TEXT_SIZE)
        return COF_FAIL(err, COF_TOO_LARGE, "a message of %zu bytes is over 1 GiB", text.size);

    int32_t count = cof_llama_shim_tokenize(
        vocab, text.data, (int32_t)text.size, room > 0 ? list->data + list->count : NULL,
        room < INT32_MAX ? (int32_t)room : INT32_MAX, parse_special);

    if (count == COF_LLAMA_THREW)
        return COF_FAIL(err, COF_INVALID, "the model's tokenizer cannot read a message");
    /* Negative: there was no room, and this is how many they would be. */
    list->count += (size_t)(count < 0 ? -count : count);
    if (count < 0 && list->count <= list->capacity)
        return COF_FAIL(err, COF_INTERNAL, "libllama miscounted tokens");
    return COF_OK;
}

/* Appends a text that goes on from ordinary text before it, so without the space that some
 * vocabularies put first: a newline never joins with what follows, so it is put before and its
 * tokens are taken off again. */
static enum cof_status append_continued(const struct cof_prompter *prompter, struct cof_text text,
                                        bool parse_special, struct cof_token_list *list,
                                        struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer joined = {0};
    size_t begin = list->count;
    size_t newline_count = prompter->newline_count;

    if (newline_count == 0 || text.size == 0)
        return append_raw(prompter->vocab, text, parse_special, list, err);
    cof_buffer_reserve(&joined, text.size + 1);
    cof_buffer_append_byte(&joined, '\n');
    cof_buffer_append_text(&joined, text);
    COF_TRY(cof_buffer_status(&joined, err));
    COF_TRY(append_raw(prompter->vocab, cof_buffer_text(&joined), parse_special, list, err));
    if (list->count > list->capacity) {
        list->count -= newline_count;
        return COF_OK;
    }
    if (list->count - begin < newline_count ||
        memcmp(list->data + begin, prompter->newline, newline_count * sizeof(llama_token)) != 0) {
        list->count = begin;
        return append_raw(prompter->vocab, text, parse_special, list, err);
    }
    memmove(list->data + begin, list->data + begin + newline_count,
            (list->count - begin - newline_count) * sizeof(llama_token));
    list->count -= newline_count;
    return COF_OK;
}

static enum cof_status append_piece(const struct cof_prompter *prompter, struct cof_text text,
                                    bool parse_special, struct cof_token_list *list,
                                    struct cof_error *err)
{
    bool continues = list->count > 0 && list->count <= list->capacity &&
                     !is_special(prompter->vocab, list->data[list->count - 1]);

    return continues ? append_continued(prompter, text, parse_special, list, err)
                     : append_raw(prompter->vocab, text, parse_special, list, err);
}

/* Appends a content. A vocabulary may merge ordinary letters into a control token ("<", "s>"), or
 * keep one among its user-defined tokens, which libllama finds in any text: then the text is halved
 * until no such token is left. A single character that is one is left out. */
static enum cof_status append_content(const struct cof_prompter *prompter, struct cof_text text,
                                      struct cof_token_list *list, struct cof_error *err)
{
    size_t begin = list->count;
    size_t found = begin;

    COF_TRY(append_piece(prompter, text, false, list, err));
    if (list->count > list->capacity)
        return COF_OK;
    while (found < list->count && !is_forbidden(prompter, list->data[found]))
        found++;
    if (found == list->count)
        return COF_OK;

    size_t middle = cof_utf8_floor(text, text.size / 2);

    list->count = begin;
    if (middle == 0) { /* at most three bytes before the middle: the first character is over half */
        uint32_t code_point = 0;

        middle = cof_utf8_decode(text, 0, &code_point);
        if (middle == text.size)
            return COF_OK;
    }
    COF_TRY(append_content(prompter, cof_text_slice(text, 0, middle), list, err));
    return append_content(prompter, cof_text_slice(text, middle, text.size), list, err);
}

/* `text` with a space after the first character of every marker, in `out`. */
static enum cof_status part_markers(const struct cof_prompter *prompter, struct cof_text text,
                                    struct cof_buffer *out, struct cof_error *err)
{
    for (;;) {
        size_t first = SIZE_MAX;

        for (size_t i = 0; i < prompter->marker_count; i++) {
            size_t at = cof_text_index_of(text, prompter->markers[i]);

            if (at < first)
                first = at;
        }
        if (first == SIZE_MAX)
            break;
        cof_buffer_append_text(out, cof_text_slice(text, 0, first + 1));
        cof_buffer_append_byte(out, ' ');
        text = cof_text_slice(text, first + 1, text.size);
    }
    cof_buffer_append_text(out, text);
    return cof_buffer_status(out, err);
}

static bool has_marker(const struct cof_prompter *prompter, struct cof_text text)
{
    for (size_t i = 0; i < prompter->marker_count; i++) {
        if (cof_text_index_of(text, prompter->markers[i]) != SIZE_MAX)
            return true;
    }
    return false;
}

enum cof_status cof_prompter_tokenize(const struct cof_prompter *prompter,
                                      const struct cof_message *messages, size_t message_count,
                                      const struct cof_cancel *cancel, struct cof_token_list *list,
                                      struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_chat_piece *pieces = NULL;
    size_t piece_count = 0;

    COF_TRY(cof_chat_template_lay_out(&prompter->layout, messages, message_count, &arena, &pieces,
                                      &piece_count, err));
    if (llama_vocab_get_add_bos(prompter->vocab)) {
        llama_token bos = llama_vocab_bos(prompter->vocab);

        if (bos != LLAMA_TOKEN_NULL && list->count < list->capacity)
            list->data[list->count++] = bos;
    }
    for (size_t i = 0; i < piece_count; i++) {
        struct cof_text text = pieces[i].text;

        COF_TRY(cof_cancel_check(cancel, err));
        if (!pieces[i].is_content) {
            COF_TRY(append_piece(prompter, text, true, list, err));
            /* Some layouts write the begin-of-sequence themselves. */
            if (i == 0 && list->count >= 2 && list->count <= list->capacity &&
                list->data[0] == list->data[1] &&
                list->data[0] == llama_vocab_bos(prompter->vocab)) {
                memmove(list->data, list->data + 1, (list->count - 1) * sizeof(llama_token));
                list->count--;
            }
            continue;
        }

        COF_CLEANUP(cof_buffer_wipe) struct cof_buffer parted = {0};

        text = cof_text_trim(text);
        if (has_marker(prompter, text)) {
            COF_TRY(part_markers(prompter, text, &parted, err));
            text = cof_buffer_text(&parted);
        }
        COF_TRY(append_content(prompter, text, list, err));
    }
    return COF_OK;
}

enum cof_status cof_prompter_count(const struct cof_prompter *prompter, struct cof_text text,
                                   size_t *out_count, struct cof_error *err)
{
    struct cof_token_list list = {0};

    COF_TRY(append_raw(prompter->vocab, text, false, &list, err));
    *out_count = list.count;
    return COF_OK;
}

static enum cof_status add_marker(struct cof_prompter *prompter, struct cof_text word,
                                  struct cof_error *err)
{
    word = cof_text_trim(word);
    if (word.size < 3 || prompter->marker_count == COF_PROMPT_MAX_MARKERS ||
        has_marker(prompter, word))
        return COF_OK;

    char first = word.data[0];

    if (first != '<' && first != '[' && first != '#' && first != '|' &&
        word.data[word.size - 1] != ':')
        return COF_OK;

    struct cof_text copy = cof_arena_copy_text(&prompter->arena, word);

    if (copy.data == NULL)
        return COF_FAIL_MEMORY(err);
    prompter->markers[prompter->marker_count++] = copy;
    return COF_OK;
}

/* Takes the markers out of a run of ordinary template text: its lines, and the single words of a
 * line that begins with a bracket. */
static enum cof_status add_markers(struct cof_prompter *prompter, struct cof_text run,
                                   struct cof_error *err)
{
    while (run.size > 0) {
        struct cof_text line, word;

        (void)cof_text_split(run, '\n', &line, &run);
        line = cof_text_trim(line);
        if (line.size == 0 || (line.data[0] != '<' && line.data[0] != '[')) {
            COF_TRY(add_marker(prompter, line, err));
            continue;
        }
        while (line.size > 0) {
            (void)cof_text_split(line, ' ', &word, &line);
            COF_TRY(add_marker(prompter, word, err));
        }
    }
    return COF_OK;
}

/* Learns from a piece of the template which special tokens it uses and which words are none. */
static enum cof_status learn_piece(struct cof_prompter *prompter, struct cof_text words,
                                   struct cof_error *err)
{
    llama_token tokens[MAX_PIECE_SIZE];
    struct cof_token_list list = {.data = tokens, .capacity = MAX_PIECE_SIZE};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer run = {0};

    COF_TRY(append_raw(prompter->vocab, words, true, &list, err));
    if (list.count > list.capacity)
        return COF_FAIL(err, COF_INVALID, "the model's chat template is over %d tokens",
                        MAX_PIECE_SIZE);
    for (size_t i = 0; i < list.count; i++) {
        char bytes[MAX_PIECE_SIZE];

        if (!is_special(prompter->vocab, tokens[i])) {
            int32_t size =
                cof_llama_shim_piece(prompter->vocab, tokens[i], bytes, sizeof(bytes), true);

            if (size > 0)
                cof_buffer_append(&run, bytes, (size_t)size);
            continue;
        }
        if (!is_forbidden(prompter, tokens[i])) {
            if (prompter->special_count == COF_PROMPT_MAX_SPECIALS)
                return COF_FAIL(err, COF_INVALID, "the chat template has too many special tokens");
            prompter->specials[prompter->special_count++] = tokens[i];
        }
        cof_buffer_append_byte(&run, '\n');
    }
    COF_TRY(cof_buffer_status(&run, err));
    return add_markers(prompter, cof_buffer_text(&run), err);
}

static enum cof_status learn_template(struct cof_prompter *prompter, struct cof_error *err)
{
    static const struct cof_message messages[] = {
        {.role = COF_ROLE_SYSTEM, .content = {.data = "s", .size = 1}},
        {.role = COF_ROLE_USER, .content = {.data = "u", .size = 1}},
        {.role = COF_ROLE_ASSISTANT, .content = {.data = "a", .size = 1}},
        {.role = COF_ROLE_USER, .content = {.data = "u", .size = 1}},
    };
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_chat_piece *pieces = NULL;
    size_t count = 0;

    COF_TRY(
        cof_chat_template_lay_out(&prompter->layout, messages, 4, &arena, &pieces, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (!pieces[i].is_content)
            COF_TRY(learn_piece(prompter, pieces[i].text, err));
    }
    return COF_OK;
}

static enum cof_status learn_newline(struct cof_prompter *prompter, struct cof_error *err)
{
    llama_token tokens[MAX_PIECE_SIZE];
    struct cof_token_list list = {.data = tokens, .capacity = MAX_PIECE_SIZE};
    char bytes[MAX_PIECE_SIZE];

    COF_TRY(append_raw(prompter->vocab, COF_TEXT("a"), false, &list, err));
    if (list.count == 0 || list.count > list.capacity ||
        cof_llama_shim_piece(prompter->vocab, tokens[0], bytes, sizeof(bytes), false) < 1 ||
        bytes[0] != ' ')
        return COF_OK;
    list.count = 0;
    COF_TRY(append_raw(prompter->vocab, COF_TEXT("\n"), false, &list, err));
    if (list.count <= COF_PROMPT_MAX_NEWLINE) {
        memcpy(prompter->newline, tokens, list.count * sizeof(llama_token));
        prompter->newline_count = list.count;
    }
    return COF_OK;
}

enum cof_status cof_prompter_open(const struct llama_model *model, cof_notice_fn notice,
                                  void *notice_context, struct cof_prompter *out_prompter,
                                  struct cof_error *err)
{
    COF_CLEANUP(cof_prompter_close)
    struct cof_prompter made = {.vocab = llama_model_get_vocab(model)};
    llama_token end = llama_vocab_eos(made.vocab);
    const char *end_text = end != LLAMA_TOKEN_NULL ? llama_vocab_get_text(made.vocab, end) : "";

    COF_TRY(cof_chat_template_open(llama_model_chat_template(model, NULL), end_text, notice,
                                   notice_context, &made.layout, err));
    COF_TRY(learn_newline(&made, err));
    COF_TRY(learn_template(&made, err));
    *out_prompter = made;
    made = (struct cof_prompter){0};
    return COF_OK;
}

void cof_prompter_close(struct cof_prompter *prompter)
{
    if (prompter == NULL)
        return;
    cof_chat_template_close(&prompter->layout);
    cof_arena_deinit(&prompter->arena);
}
