/* Backend `hashing`: feature hashing of words and character trigrams into a unit vector
 * (Weinberger et al., ICML 2009). No model, deterministic, knows no meaning: for tests and for
 * installations that search by words only. */
#ifndef COF_EMBEDDER_HASHING_H
#define COF_EMBEDDER_HASHING_H

#include <stddef.h>

#include <cof/base/status.h>
#include <cof/embedder/embedder.h>

/* dimension 8 … 4096. */
COF_MUST_USE enum cof_status cof_hashing_open(size_t dimension, size_t max_tokens,
                                              struct cof_embedder **out_embedder,
                                              struct cof_error *err);

#endif
