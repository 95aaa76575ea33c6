/* The prompt: a fixed template around numbered passages, within a token budget.
 *
 * Passages are data: they stand between delimiters that a document cannot guess (drawn from the
 * request's seed), and text in them that looks like a marker `[3]` is written `(3)`, so that a
 * document cannot cite on the model's behalf (docs/answers.md). */
#ifndef COF_ANSWER_PROMPT_H
#define COF_ANSWER_PROMPT_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/generate/generator.h>
#include <cof/search/search.h>

struct cof_prompt {
    const struct cof_message *messages;
    size_t message_count;
    const struct cof_passage *passages; /* passage i is hits[i] */
    size_t passage_count;
};

struct cof_prompt_options {
    const struct cof_message *conversation; /* the last is the question */
    size_t conversation_count;
    const struct cof_search_hit *hits; /* best first */
    size_t hit_count;
    size_t max_context_tokens; /* of the passages */
    size_t max_history_tokens; /* of earlier turns */
    uint32_t seed;
};

/* As many of the best hits as fit, at least one. Everything lives in the arena. */
COF_MUST_USE enum cof_status cof_prompt_build(struct cof_generator *generator,
                                              const struct cof_prompt_options *options,
                                              struct cof_arena *arena,
                                              struct cof_prompt *out_prompt, struct cof_error *err);

#endif
