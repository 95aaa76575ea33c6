/* Backend `late_interaction` of the reranker's contract: MaxSim over an embedder's token vectors
 * (Khattab and Zaharia, SIGIR 2020), for installations without a cross-encoder.
 *
 * For every token of the query the nearest token of the text is taken; a score is the mean of those
 * cosines, not below 0. The embedder was trained for one vector a text, so its token vectors say
 * less than a cross-encoder does: blended with a first stage they help a little, alone they do not
 * (docs/search.md). */
#ifndef COF_EMBEDDER_LATE_INTERACTION_H
#define COF_EMBEDDER_LATE_INTERACTION_H

#include <cof/base/status.h>
#include <cof/embedder/embedder.h>
#include <cof/embedder/reranker.h>

/* The embedder is borrowed until close; its name is the reranker's. COF_UNAVAILABLE when it gives
 * no vectors of tokens. */
COF_MUST_USE enum cof_status cof_late_interaction_open(struct cof_embedder *embedder,
                                                       struct cof_reranker **out_reranker,
                                                       struct cof_error *err);

#endif
