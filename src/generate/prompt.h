/* Turns a conversation into tokens, in which control tokens come from the template alone.
 *
 * Three rules keep document text from speaking for the template: contents are tokenized apart from
 * it, without parsing special tokens; a control token that a vocabulary's merges make all the same
 * is cut up again; and where a model writes its roles as ordinary words ("<|user|>", "[INST]"),
 * such a word in a content gets a space after its first character. Read-only after open; any
 * thread. */
#ifndef COF_GENERATE_PROMPT_H
#define COF_GENERATE_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include <llama.h>

#include <cof/base/arena.h>
#include <cof/base/cancel.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/generate/generator.h>

#include "chat_template.h"

/* Room that a token list needs beyond what it is to hold, for tokens that are taken off again. */
#define COF_PROMPT_SLACK ((size_t)16)

enum { COF_PROMPT_MAX_MARKERS = 12, COF_PROMPT_MAX_SPECIALS = 64, COF_PROMPT_MAX_NEWLINE = 4 };

struct cof_prompter {
    const struct llama_vocab *vocab; /* borrowed */
    struct cof_chat_template layout;
    struct cof_arena arena;
    /* Words of the template that are no special tokens of the vocabulary. Also good as stop texts.
     */
    struct cof_text markers[COF_PROMPT_MAX_MARKERS];
    size_t marker_count;
    /* Special tokens that the template uses, which no content may hold. */
    llama_token specials[COF_PROMPT_MAX_SPECIALS];
    size_t special_count;
    /* The tokens of "\n" where the vocabulary puts a space before every text, else none. */
    llama_token newline[COF_PROMPT_MAX_NEWLINE];
    size_t newline_count;
};

/* Tokens of a prompt. `count` may go past `capacity`: then the first capacity ones are there and
 * the rest was only counted. */
struct cof_token_list {
    llama_token *data;
    size_t capacity;
    size_t count;
};

/* Chooses the layout and learns what the vocabulary makes of it. The model is borrowed until
 * close. */
COF_MUST_USE enum cof_status cof_prompter_open(const struct llama_model *model,
                                               cof_notice_fn notice, void *notice_context,
                                               struct cof_prompter *out_prompter,
                                               struct cof_error *err);
void cof_prompter_close(struct cof_prompter *prompter);

/* Appends the tokens of the conversation, begin-of-sequence included. Besides the errors of
 * cof_chat_template_lay_out: COF_TOO_LARGE for a content over 1 GiB, COF_CANCELED, COF_TIMEOUT. */
COF_MUST_USE enum cof_status cof_prompter_tokenize(
    const struct cof_prompter *prompter, const struct cof_message *messages, size_t message_count,
    const struct cof_cancel *cancel, struct cof_token_list *list, struct cof_error *err);

/* Tokens of a text by itself, without begin-of-sequence. */
COF_MUST_USE enum cof_status cof_prompter_count(const struct cof_prompter *prompter,
                                                struct cof_text text, size_t *out_count,
                                                struct cof_error *err);

#endif
