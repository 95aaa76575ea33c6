/* One model's computing threads and who gets them: questions at once, bulk in turn.
 *
 * A job is a number of sequences to be taken through the encoder. All jobs of a model meet here;
 * groups of about COF_BERT_GROUP_TOKENS tokens are made of whatever waits, also of several jobs at
 * once, and each group is one pass on one thread. Who computes: the threads of the pool, and the
 * callers themselves, which park when there is nothing for them to do.
 *
 * A question is a job that fits one group and either says that it is one or has at most
 * COF_BERT_QUESTION_TOKENS tokens. It never waits for bulk: its caller starts at once, beside the
 * bulk threads if they take every core. Questions that come while another one is computed and all
 * threads are busy may be joined to one pass, by a bulk thread between two layers or by whichever
 * caller is first, and wait no longer for that than the window.
 *
 * Where there is a device, passes go there first, in groups as large as it likes and at most as
 * many of bulk at a time as it has streams; what it does not take is computed here as ever.
 *
 * Any number of threads may run jobs at the same time. */
#ifndef COF_EMBEDDER_BERT_SCHEDULER_H
#define COF_EMBEDDER_BERT_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/cancel.h>
#include <cof/base/pool.h>
#include <cof/base/status.h>

#include "bert_device.h"
#include "bert_encoder.h"

#define COF_BERT_GROUP_TOKENS 512
#define COF_BERT_QUESTION_TOKENS 64

struct cof_bert_scheduler_options {
    const struct cof_bert_weights *weights; /* borrowed until destroy */
    enum cof_pooling pooling;               /* of COF_BERT_POOLED */
    size_t max_tokens;                      /* of a sequence */
    struct cof_bert_device *device;         /* borrowed until destroy; NULL = none */
    struct cof_pool *pool;                  /* borrowed; NULL = only the callers compute */
    size_t max_tokens_in_flight; /* waiting and computed tokens of all bulk jobs together; 0 =
                                  * 16,384, or 2,048 a thread, or four groups of the device, where
                                  * that is more */
    size_t max_job_count;        /* running and waiting; more are refused. 0 = 1,024 */
    long window_ms;              /* see above; 0 = questions are never made to wait */
};

/* What is to be computed. The functions are called on the thread that runs the job. */
struct cof_bert_job {
    size_t count;     /* sequences, at least 1 */
    bool is_question; /* somebody waits for it */
    enum cof_bert_output output;
    const struct cof_cancel *cancel; /* may be NULL */
    /* An upper bound of the tokens of a sequence; what is over max_tokens is taken for that. */
    size_t (*most_tokens)(void *context, size_t index);
    /* Writes at most max_count (what was said above) ids to out_ids and completes *sequence, whose
     * ids are out_ids already. */
    enum cof_status (*encode)(void *context, size_t index, uint32_t *out_ids, size_t max_count,
                              struct cof_bert_sequence *sequence, struct cof_error *err);
    /* Where the rows of that sequence go; NULL is COF_NO_MEMORY. May be written when the job fails,
     * unless its count is 1. */
    float *(*place)(void *context, size_t index, size_t token_count);
    void *context;
};

struct cof_bert_scheduler_stats {
    uint64_t pass_count;
    uint64_t token_count;
    uint64_t joined_count;    /* passes that computed for several jobs */
    uint64_t overtaken_count; /* passes that a bulk thread made between two layers */
    uint64_t refused_count;
    size_t job_count;       /* now */
    size_t workspace_count; /* ever made; they are kept */
    size_t portion_count;   /* the same: 2,048 tokens of a bulk job each */
};

struct cof_bert_scheduler;

COF_MUST_USE enum cof_status cof_bert_scheduler_create(
    const struct cof_bert_scheduler_options *options, struct cof_bert_scheduler **out_scheduler,
    struct cof_error *err);
/* Jobs must have ended. NULL is fine. */
void cof_bert_scheduler_destroy(struct cof_bert_scheduler *scheduler);

/* Returns when every sequence was computed or the job failed: COF_LIMITED (max_job_count),
 * COF_CANCELED, COF_TIMEOUT, COF_NO_MEMORY, what encode() returned, COF_CORRUPT (weights). Another
 * job's failure or cancellation is never this one's. */
COF_MUST_USE enum cof_status cof_bert_scheduler_run(struct cof_bert_scheduler *scheduler,
                                                    const struct cof_bert_job *job,
                                                    struct cof_error *err);
void cof_bert_scheduler_stats_get(struct cof_bert_scheduler *scheduler,
                                  struct cof_bert_scheduler_stats *out_stats);

#endif
