/* What we use of sentencepiece, as C: a model over bytes in memory that cuts text into pieces.
 *
 * No exception passes; what the library would answer with becomes a status. A model that was loaded
 * is only read: any number of threads. The library trusts its model's bytes (it follows indices in
 * them without looking), so only bytes that cof_sentencepiece_model_check() let pass may be
 * loaded. */
#ifndef COF_EMBEDDER_SENTENCEPIECE_SHIM_H
#define COF_EMBEDDER_SENTENCEPIECE_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <cof/base/status.h>
#include <cof/base/text.h>

#define COF_SENTENCEPIECE_NONE UINT32_MAX

struct cof_sentencepiece_shim;

/* COF_INVALID when the library refuses the model, with its reason; COF_NO_MEMORY. The bytes are not
 * kept. */
COF_MUST_USE enum cof_status cof_sentencepiece_shim_load(struct cof_bytes model,
                                                         struct cof_sentencepiece_shim **out_shim,
                                                         struct cof_error *err);
void cof_sentencepiece_shim_unload(struct cof_sentencepiece_shim *shim);

size_t cof_sentencepiece_shim_piece_count(const struct cof_sentencepiece_shim *shim);
/* The id of a control piece by its name, or NONE: a piece that text can give is not meant here. */
uint32_t cof_sentencepiece_shim_control(const struct cof_sentencepiece_shim *shim,
                                        const char *piece);
/* NONE where the model has none. */
uint32_t cof_sentencepiece_shim_begin_id(const struct cof_sentencepiece_shim *shim);
uint32_t cof_sentencepiece_shim_end_id(const struct cof_sentencepiece_shim *shim);
uint32_t cof_sentencepiece_shim_unknown_id(const struct cof_sentencepiece_shim *shim);

/* A piece and its place in the text, as the library sees it: ascending, but on any byte. Returning
 * false stops. Must not leave by longjmp. */
typedef bool (*cof_sentencepiece_fn)(void *context, uint32_t id, size_t begin, size_t end);

/* Cuts prefix and text, read as one; places count from the prefix's first byte. */
COF_MUST_USE enum cof_status cof_sentencepiece_shim_each(const struct cof_sentencepiece_shim *shim,
                                                         struct cof_text prefix,
                                                         struct cof_text text,
                                                         cof_sentencepiece_fn each, void *context,
                                                         struct cof_error *err);

#ifdef __cplusplus
}
#endif

#endif
