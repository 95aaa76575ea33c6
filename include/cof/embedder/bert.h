/* Backend `bert`: a BERT encoder of our own over oneDNN, opened from a model folder as published.
 *
 * Architectures: BERT and XLM-RoBERTa. Files read: config.json, model.safetensors (f32, f16, bf16),
 * tokenizer.json or vocab.txt (WordPiece) or sentencepiece.bpe.model (XLM-RoBERTa), and where
 * present tokenizer_config.json, sentence_bert_config.json (max_seq_length), 1_Pooling/config.json,
 * modules.json (whether vectors are normalised; ours always are), config_sentence_transformers.json
 * (prompts), coffer.settings.json (the operator's word on prefixes, pooling and length),
 * coffer.json (which precisions are faithful).
 *
 * A batch is one packed token matrix without padding; attention runs per sequence. All calls meet
 * in one queue: work is spread over `pool` with the calling threads taking part, sequences of
 * several calls are computed together, and questions overtake bulk (docs/adr/0013-scheduling.md).
 * oneDNN itself is called single-threaded. */
#ifndef COF_EMBEDDER_BERT_H
#define COF_EMBEDDER_BERT_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/pool.h>
#include <cof/base/status.h>
#include <cof/embedder/embedder.h>
#include <cof/embedder/precision.h>

/* Who computes. */
enum cof_embed_device {
    COF_EMBED_ON_CPU = 0,
    COF_EMBED_ON_ANY,  /* a GPU, in half precision, where there is one and the precision is AUTO */
    COF_EMBED_ON_CUDA, /* a GPU, or opening fails */
};

struct cof_bert_options {
    const char *folder;           /* the model folder */
    const char *name;             /* public name; NULL = the folder's last part */
    struct cof_pool *pool;        /* borrowed; NULL = only the calling thread works */
    size_t dimension;             /* vectors are cut to their first floats and scaled again, for
                                   * models trained so (Matryoshka; Kusupati et al. 2022); 0 = all
                                   * that the model gives */
    size_t max_batch_count;       /* 0 = 2048 */
    size_t max_tokens_in_flight;  /* of all calls together, questions not counted; 0 = 16,384, or
                                   * 2,048 a thread where that is more */
    size_t max_call_count;        /* at a time; more get COF_LIMITED. 0 = 1,024 */
    long batch_window_ms;         /* how long one question may wait for another, when every thread
                                   * is busy; 0 = never */
    enum cof_precision precision; /* of the layers' products; AUTO = the fastest here of those that
                                   * the folder's manifest calls faithful (manifest.h), else f32 */
    enum cof_embed_device device;
    size_t device_memory_bytes; /* on the GPU; 0 = three quarters of what is free */
    cof_notice_fn notice;       /* (optional) why there is no GPU, and when it is given up */
    void *notice_context;
    const uint8_t *weights_sha256; /* 32 bytes of model.safetensors when the caller knows it; enters
                                    * the fingerprint. NULL = a digest of sizes and samples of the
                                    * tensors is used instead */
};

/* COF_NOT_FOUND (no such folder or file, naming it), COF_INVALID (files that are no such model or
 * disagree, naming file and field; a dimension over the model's), COF_CORRUPT (safetensors offsets,
 * shapes or sizes that lie), COF_UNAVAILABLE (COF_EMBED_ON_CUDA without a GPU, saying why). */
COF_MUST_USE enum cof_status cof_bert_open(const struct cof_bert_options *options,
                                           struct cof_embedder **out_embedder,
                                           struct cof_error *err);

#endif
