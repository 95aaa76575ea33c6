/* The calls of libllama that may throw, each with its exceptions turned into a return value.
 *
 * libllama has a C interface but is C++ inside: a vocabulary without byte tokens, a regular
 * expression that does not compile or an exhausted heap leave its functions as exceptions, which
 * must not pass through C. */
#ifndef COF_GENERATE_LLAMA_SHIM_H
#define COF_GENERATE_LLAMA_SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <llama.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the int functions return when libllama threw. */
#define COF_LLAMA_THREW INT32_MIN

/* Starts libllama, and takes back the handler for uncaught exceptions that it sets for the whole
 * process. Once, before all else. */
void cof_llama_shim_start(void);

/* NULL on any failure; libllama has then logged why. The file may be closed afterwards. */
struct llama_model *cof_llama_shim_load(FILE *file, int32_t gpu_layers);
struct llama_context *cof_llama_shim_context(struct llama_model *model,
                                             const struct llama_context_params *params);
/* temperature 0: the likeliest token; else temperature, then top_p (1 = off), then a seeded draw.
 */
struct llama_sampler *cof_llama_shim_sampler(float temperature, float top_p, uint32_t seed);

/* As llama_tokenize without adding special tokens: a negative count when there is no room. */
int32_t cof_llama_shim_tokenize(const struct llama_vocab *vocab, const char *text, int32_t size,
                                llama_token *tokens, int32_t max_count, bool parse_special);
/* As llama_token_to_piece. */
int32_t cof_llama_shim_piece(const struct llama_vocab *vocab, llama_token token, char *buffer,
                             int32_t size, bool show_special);
int32_t cof_llama_shim_layout(const char *chat_template, const struct llama_chat_message *messages,
                              size_t count, char *buffer, int32_t size);
int32_t cof_llama_shim_decode(struct llama_context *context, llama_token *tokens, int32_t count);
/* LLAMA_TOKEN_NULL when it threw. */
llama_token cof_llama_shim_sample(struct llama_sampler *sampler, struct llama_context *context);

#ifdef __cplusplus
}
#endif

#endif
