/* Lays out conversations with libllama's built-in templates, contents left out.
 *
 * Rejected: running the model's own Jinja template. It is a program that arrives with the weights
 * (security advisories exist for interpreters of it); libllama's list recognises the usual ones by
 * their marks instead. One usual kind is not on it: <|role|> lines whose turns end with the
 * end-of-sequence token written as a variable (TinyLlama, Zephyr fine-tunes). libllama takes it for
 * a layout without turn ends, so it is recognised here. */
#include "chat_template.h"

#include <string.h>

#include "llama_shim.h"

#define MAX_MESSAGE_COUNT ((size_t)16384)
#define STAND_IN_BEGIN '\x01' /* no template writes control characters */
#define STAND_IN_END "\x02"

static const char *role_name(enum cof_role role)
{
    switch (role) {
    case COF_ROLE_SYSTEM:
        return "system";
    case COF_ROLE_ASSISTANT:
        return "assistant";
    case COF_ROLE_USER:
        break;
    }
    return "user";
}

static bool ends_turns_with_variable(const char *text)
{
    return strstr(text, "<|user|>") != NULL && strstr(text, "<|assistant|>") != NULL &&
           strstr(text, "eos_token") != NULL && strstr(text, "<|end|>") == NULL &&
           strstr(text, "<|im_start|>") == NULL && strstr(text, "[gMASK]") == NULL &&
           strstr(text, "[INST]") == NULL && strstr(text, "<|tool_declare|>") == NULL;
}

/* The layout as one text, with a stand-in where each content goes. */
static enum cof_status lay_out_stand_ins(const char *layout, const struct cof_message *messages,
                                         size_t message_count, struct cof_arena *arena,
                                         struct cof_text **out_stand_ins, struct cof_text *out_text,
                                         struct cof_error *err)
{
    struct llama_chat_message *chat = cof_arena_array(arena, message_count, sizeof(*chat));
    struct cof_text *stand_ins = cof_arena_array(arena, message_count, sizeof(*stand_ins));

    if (chat == NULL || stand_ins == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < message_count; i++) {
        stand_ins[i] = cof_arena_format(arena, "%c%zu" STAND_IN_END, STAND_IN_BEGIN, i);
        if (stand_ins[i].data == NULL)
            return COF_FAIL_MEMORY(err);
        chat[i].role = role_name(messages[i].role);
        chat[i].content = stand_ins[i].data;
    }

    int32_t size = cof_llama_shim_layout(layout, chat, message_count, NULL, 0);
    char *text = size > 0 ? cof_arena_alloc(arena, (size_t)size + 1) : NULL;

    if (size <= 0)
        return COF_FAIL(err, COF_INVALID, "libllama does not know the model's chat template");
    if (text == NULL)
        return COF_FAIL_MEMORY(err);
    if (cof_llama_shim_layout(layout, chat, message_count, text, size) != size)
        return COF_FAIL(err, COF_INTERNAL, "libllama laid one conversation out in two ways");
    *out_stand_ins = stand_ins;
    *out_text = (struct cof_text){.data = text, .size = (size_t)size};
    return COF_OK;
}

static struct cof_text replace_turn_ends(struct cof_text text, struct cof_text turn_end,
                                         struct cof_arena *arena)
{
    const struct cof_text mark = COF_TEXT("<|endoftext|>");
    struct cof_text result = COF_TEXT("");

    while (result.data != NULL) {
        size_t at = cof_text_index_of(text, mark);
        struct cof_text head = cof_text_slice(text, 0, at);

        if (at == SIZE_MAX)
            return cof_arena_format(arena, "%.*s%.*s", COF_TEXT_ARG(result), COF_TEXT_ARG(text));
        result = cof_arena_format(arena, "%.*s%.*s%.*s", COF_TEXT_ARG(result), COF_TEXT_ARG(head),
                                  COF_TEXT_ARG(turn_end));
        text = cof_text_slice(text, at + mark.size, text.size);
    }
    return result;
}

enum cof_status cof_chat_template_lay_out(const struct cof_chat_template *chat_template,
                                          const struct cof_message *messages, size_t message_count,
                                          struct cof_arena *arena,
                                          struct cof_chat_piece **out_pieces, size_t *out_count,
                                          struct cof_error *err)
{
    struct cof_text rest;
    struct cof_text *stand_ins = NULL;
    size_t count = 0;

    if (message_count > MAX_MESSAGE_COUNT) {
        return COF_FAIL(err, COF_TOO_LARGE, "%zu messages are over the limit of %zu", message_count,
                        MAX_MESSAGE_COUNT);
    }

    struct cof_chat_piece *pieces = cof_arena_array(arena, 2 * message_count + 1, sizeof(*pieces));

    if (pieces == NULL)
        return COF_FAIL_MEMORY(err);
    COF_TRY(lay_out_stand_ins(chat_template->layout, messages, message_count, arena, &stand_ins,
                              &rest, err));
    for (size_t i = 0; i <= message_count; i++) {
        size_t at = i < message_count ? cof_text_index_of(rest, stand_ins[i]) : rest.size;
        struct cof_text words = cof_text_slice(rest, 0, at);

        /* Contents that are gone, doubled or in another order. */
        if (at == SIZE_MAX ||
            (words.size > 0 && memchr(words.data, STAND_IN_BEGIN, words.size) != NULL)) {
            return COF_FAIL(err, COF_INVALID,
                            "the model's chat template has no place for this order of roles");
        }
        if (chat_template->turn_end.size > 0) {
            words = replace_turn_ends(words, chat_template->turn_end, arena);
            if (words.data == NULL)
                return COF_FAIL_MEMORY(err);
        }
        if (words.size > 0)
            pieces[count++] = (struct cof_chat_piece){.text = words};
        if (i < message_count) {
            pieces[count++] =
                (struct cof_chat_piece){.text = messages[i].content, .is_content = true};
            rest = cof_text_slice(rest, at + stand_ins[i].size, rest.size);
        }
    }
    *out_pieces = pieces;
    *out_count = count;
    return COF_OK;
}

/* COF_INVALID unless the usual orders of roles keep their contents. */
static enum cof_status try_layout(const struct cof_chat_template *chat_template,
                                  struct cof_error *err)
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

    COF_TRY(cof_chat_template_lay_out(chat_template, messages, 4, &arena, &pieces, &count, err));
    return cof_chat_template_lay_out(chat_template, messages + 1, 1, &arena, &pieces, &count, err);
}

enum cof_status cof_chat_template_open(const char *model_template, const char *end_of_sequence,
                                       cof_notice_fn notice, void *notice_context,
                                       struct cof_chat_template *out_template,
                                       struct cof_error *err)
{
    struct cof_chat_template made = {.layout = "chatml"};
    enum cof_status status = COF_INVALID;
    struct cof_error reason = {0};

    if (model_template != NULL) {
        made.layout = model_template;
        if (ends_turns_with_variable(model_template) && end_of_sequence[0] != '\0') {
            made.layout = "zephyr";
            made.turn_end = cof_text_from(end_of_sequence);
        }
        status = try_layout(&made, &reason);
    }
    if (status != COF_OK && status != COF_INVALID) {
        if (err != NULL)
            *err = reason;
        return status;
    }
    if (status == COF_INVALID) {
        if (notice != NULL && model_template == NULL)
            notice(notice_context, "the model has no chat template; ChatML is used");
        else if (notice != NULL)
            notice(notice_context, "the model's chat template is unknown here; ChatML is used");
        made = (struct cof_chat_template){.layout = "chatml"};
    }
    made.layout = cof_arena_copy_text(&made.arena, cof_text_from(made.layout)).data;
    made.turn_end = cof_arena_copy_text(&made.arena, made.turn_end);
    if (made.layout == NULL || made.turn_end.data == NULL) {
        cof_arena_deinit(&made.arena);
        return COF_FAIL_MEMORY(err);
    }
    *out_template = made;
    return COF_OK;
}

void cof_chat_template_close(struct cof_chat_template *chat_template)
{
    if (chat_template != NULL)
        cof_arena_deinit(&chat_template->arena);
}
