/* The tokens of a model as a trie over bytes, so that the longest one at a place is found in one
 * walk. Built once, then only read, from any thread. */
#ifndef COF_EMBEDDER_VOCABULARY_H
#define COF_EMBEDDER_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

#define COF_VOCABULARY_NONE UINT32_MAX
#define COF_VOCABULARY_ROOT 0U

struct cof_vocabulary;

/* tokens[id] is the token of that id; an empty text is an id without a token. The texts are not
 * kept. COF_INVALID when two ids have the same token or the tokens are too many bytes. */
COF_MUST_USE enum cof_status cof_vocabulary_create(const struct cof_text *tokens, size_t count,
                                                   struct cof_vocabulary **out_vocabulary,
                                                   struct cof_error *err);
void cof_vocabulary_destroy(struct cof_vocabulary *vocabulary);

/* The node behind `node` along `byte`, or NONE. */
uint32_t cof_vocabulary_step(const struct cof_vocabulary *vocabulary, uint32_t node, uint8_t byte);
/* The node behind `node` along all bytes of `text`, or NONE. */
uint32_t cof_vocabulary_walk(const struct cof_vocabulary *vocabulary, uint32_t node,
                             struct cof_text text);
/* The id of the token that ends at `node`, or NONE. */
uint32_t cof_vocabulary_id(const struct cof_vocabulary *vocabulary, uint32_t node);
/* The id of a whole token, or NONE. */
uint32_t cof_vocabulary_find(const struct cof_vocabulary *vocabulary, struct cof_text token);

#endif
