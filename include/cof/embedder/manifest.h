/* What is known of a model folder beside its published files: coffer.json in it.
 *
 *   {"format":1,"weights_sha256":"…","texts":96,
 *    "fidelity":{"bf16":{"mean":0.99998,"least":0.99991},"int8":{…}}}
 *
 * Written by `coffer model add`, read when a model is opened. Any thread. */
#ifndef COF_EMBEDDER_MANIFEST_H
#define COF_EMBEDDER_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/embedder/precision.h>

#define COF_MANIFEST_NAME "coffer.json"
/* A precision whose vectors are at least this close to those of f32 counts as faithful. */
#define COF_FIDELITY_LEAST_MEAN 0.995
#define COF_FIDELITY_LEAST 0.99

/* Cosines between a precision's vectors and those of f32, over `texts` texts. */
struct cof_fidelity {
    bool is_measured;
    double mean;
    double least;
};

struct cof_manifest {
    uint8_t weights_sha256[32]; /* of the model.safetensors that was measured */
    size_t text_count;
    struct cof_fidelity fidelity[COF_PRECISION_COUNT];
};

bool cof_fidelity_is_enough(const struct cof_fidelity *fidelity);

/* COF_NOT_FOUND where the folder has none; COF_INVALID naming file and field. */
COF_MUST_USE enum cof_status cof_manifest_read(const char *folder,
                                               struct cof_manifest *out_manifest,
                                               struct cof_error *err);
/* Replaces what is there, whole or not at all. */
COF_MUST_USE enum cof_status cof_manifest_write(const char *folder,
                                                const struct cof_manifest *manifest,
                                                struct cof_error *err);

#endif
