/* The one list of implementations behind the contracts: which embedder, generator and vector index
 * a configuration means. */
#ifndef COF_APP_BACKENDS_H
#define COF_APP_BACKENDS_H

#include <cof/base/pool.h>
#include <cof/base/status.h>
#include <cof/embedder/embedder.h>
#include <cof/embedder/reranker.h>
#include <cof/generate/generator.h>
#include <cof/index/vector_index.h>

#include "config.h"

/* `pool` is borrowed by the embedder until it is closed; NULL = the calling thread alone. `notice`
 * (may be NULL) hears what becomes of a GPU. */
COF_MUST_USE enum cof_status cof_backend_open_embedder(const struct cof_config *config,
                                                       struct cof_pool *pool, cof_notice_fn notice,
                                                       void *notice_context,
                                                       struct cof_embedder **out_embedder,
                                                       struct cof_error *err);
/* The cross-encoder that the configuration names, else the token vectors of the embedder;
 * *out_reranker is NULL when neither is there. The embedder is borrowed until it is closed. */
COF_MUST_USE enum cof_status cof_backend_open_reranker(const struct cof_config *config,
                                                       struct cof_pool *pool,
                                                       struct cof_embedder *embedder,
                                                       struct cof_reranker **out_reranker,
                                                       struct cof_error *err);
/* *out_generator is NULL when the configuration says `none`. With `auto` and no model file the
 * extractive backend is taken, with a notice. */
COF_MUST_USE enum cof_status cof_backend_open_generator(const struct cof_config *config,
                                                        cof_notice_fn notice, void *notice_context,
                                                        struct cof_generator **out_generator,
                                                        struct cof_error *err);
const struct cof_vector_index_ops *cof_backend_sealed_index(void);

/* Path of a model: a path that exists as given, else <models folder>/NAME. The models folder is
 * $COFFER_MODELS, else $COFFER_CACHE/models, else ~/.cache/coffer/models. */
COF_MUST_USE enum cof_status cof_backend_model_path(const char *name, char *out_path,
                                                    struct cof_error *err);

#endif
