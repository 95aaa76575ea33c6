/* Refuses GGUF files that would lead libllama outside of them, before libllama sees them.
 *
 * libllama's parser is C++ that aborts on some wrong values and has had overflows (security
 * advisories of 2025 and 2026), so everything that can be judged from the header is judged here:
 * magic, version, counts, string lengths, array sizes, alignment, tensor shapes and offsets, and
 * the hyperparameters on which libllama asserts. What the weights compute is not judged. */
#ifndef COF_GENERATE_GGUF_CHECK_H
#define COF_GENERATE_GGUF_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

struct cof_gguf_facts {
    uint32_t version;
    uint64_t key_count;
    uint64_t tensor_count;
    size_t data_offset; /* where the tensors begin; everything before is the header */
};

/* `file` is the whole file. COF_INVALID: it is no GGUF, or one of a kind that is not supported.
 * COF_CORRUPT: its bounds lie, or it is truncated. Any thread. */
COF_MUST_USE enum cof_status cof_gguf_check(struct cof_bytes file, struct cof_gguf_facts *out_facts,
                                            struct cof_error *err);

#endif
