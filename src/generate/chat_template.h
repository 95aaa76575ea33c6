/* How a conversation is laid out for a model: the words of the template kept apart from the words
 * of the messages.
 *
 * The layout is the model's own where libllama knows it, else ChatML. It is made with stand-ins in
 * place of the contents and then split at them, so what a message says can never be taken for a
 * control token of the template. Read-only after open; any thread. */
#ifndef COF_GENERATE_CHAT_TEMPLATE_H
#define COF_GENERATE_CHAT_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/generate/generator.h>

struct cof_chat_template {
    struct cof_arena arena;
    const char *layout;       /* for libllama: a template's text or a built-in name */
    struct cof_text turn_end; /* written where the layout says <|endoftext|>; empty = as it is */
};

/* A part of the prompt, in order. */
struct cof_chat_piece {
    struct cof_text text;
    bool is_content; /* of a message; else words of the template */
};

/* `model_template` may be NULL. `end_of_sequence` is the text of the model's end token. When the
 * model's template is unknown or loses contents, ChatML is taken and `notice` told. */
COF_MUST_USE enum cof_status cof_chat_template_open(const char *model_template,
                                                    const char *end_of_sequence,
                                                    cof_notice_fn notice, void *notice_context,
                                                    struct cof_chat_template *out_template,
                                                    struct cof_error *err);
void cof_chat_template_close(struct cof_chat_template *chat_template);

/* The pieces of a prompt that asks for the assistant's next turn; contents are borrowed from the
 * messages, the rest is in the arena. COF_INVALID when the template has no place for one of them.
 */
COF_MUST_USE enum cof_status cof_chat_template_lay_out(
    const struct cof_chat_template *chat_template, const struct cof_message *messages,
    size_t message_count, struct cof_arena *arena, struct cof_chat_piece **out_pieces,
    size_t *out_count, struct cof_error *err);

#endif
