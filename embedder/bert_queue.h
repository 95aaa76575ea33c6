/* What waits to be computed: portions of jobs in two queues, and groups taken from them.
 *
 * A portion is a part of a job, already tokens. Those of small jobs lie on their caller's stack;
 * those of large jobs are lent by the queue, which has a fixed number of them: that is what bounds
 * the tokens in flight. Jobs that want one stand in line for it.
 *
 * Not thread-safe: everything but cof_bert_portion_deinit happens under the scheduler's lock. */
#ifndef COF_EMBEDDER_BERT_QUEUE_H
#define COF_EMBEDDER_BERT_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>

#include "bert_encoder.h"
#include "bert_scheduler.h"

struct cof_bert_portion;

/* A job on its way; lies on its caller's stack until `left_count` is 0. */
struct cof_bert_call {
    const struct cof_bert_job *job;
    pthread_cond_t is_changed; /* something its caller may wait for */
    size_t left_count;         /* sequences waiting or being computed */
    enum cof_status status;    /* the first failure */
    struct cof_error error;
    size_t portion_count;             /* lent to it */
    struct cof_bert_portion *granted; /* lent, not yet fetched */
    bool is_in_line;
    struct cof_bert_call *next_in_line;
};

struct cof_bert_entry {
    struct cof_bert_sequence sequence;
    float *row;
};

struct cof_bert_portion {
    struct cof_bert_portion *next;
    struct cof_bert_call *call;
    uint32_t *ids;
    struct cof_bert_entry *entries;
    size_t entry_count;
    size_t taken_count; /* entries that were taken into groups */
    size_t left_count;  /* entries that are not done */
    size_t token_count; /* of the entries not yet taken */
    bool is_whole;      /* goes into one group or none */
    bool is_lent;       /* by the queue */
};

struct cof_bert_portions {
    struct cof_bert_portion *first;
    struct cof_bert_portion *last;
    size_t token_count;
};

struct cof_bert_queue {
    struct cof_bert_portions questions;
    struct cof_bert_portions bulk;
    struct cof_bert_portion *free_portions;
    size_t portion_count;     /* that exist */
    size_t max_portion_count; /* that may */
    struct cof_bert_call *line_first;
    struct cof_bert_call *line_last;
};

/* Entries that are computed together, with room for `max_token_count` entries. */
struct cof_bert_group {
    struct cof_bert_sequence *sequences;
    struct cof_bert_entry **entries;
    struct cof_bert_portion **portions; /* of each entry */
    size_t count;
    size_t token_count;
    size_t max_token_count;
    enum cof_bert_output output;
    bool is_of_one_call;
};

void cof_bert_portions_append(struct cof_bert_portions *portions, struct cof_bert_portion *portion);

/* Takes entries in their order until there are about target_tokens (at most max_token_count), at
 * least one if any waits. Entries of jobs that have failed or were canceled are dropped on the way.
 * False when nothing is left. */
bool cof_bert_queue_take(struct cof_bert_queue *queue, struct cof_bert_portions *from,
                         size_t target_tokens, struct cof_bert_group *group);

/* Entries [begin, end) of a group are done with that status: counts them off, wakes callers. */
void cof_bert_queue_finish(struct cof_bert_queue *queue, const struct cof_bert_group *group,
                           size_t begin, size_t end, enum cof_status status,
                           const struct cof_error *error);

/* Makes a job fail, unless it has, and drops what of it nobody has taken. */
void cof_bert_queue_fail(struct cof_bert_queue *queue, struct cof_bert_call *call,
                         enum cof_status status, const struct cof_error *error);

/* A portion for the call, or NULL: then it stands in line and is_changed is signaled when one was
 * granted. *out_may_create says that the caller shall make one, which is counted already. */
struct cof_bert_portion *cof_bert_queue_borrow(struct cof_bert_queue *queue,
                                               struct cof_bert_call *call, bool *out_may_create);
/* Gives one back, to the first in line if there is one. */
void cof_bert_queue_return(struct cof_bert_queue *queue, struct cof_bert_portion *portion);
/* Leaves the line, with what was granted. */
void cof_bert_queue_leave_line(struct cof_bert_queue *queue, struct cof_bert_call *call);

/* With room for `token_count` ids and entry_count entries; NULL when out of memory. */
COF_MUST_USE struct cof_bert_portion *cof_bert_portion_create(size_t token_count,
                                                              size_t entry_count);
void cof_bert_portion_destroy(struct cof_bert_portion *portion);

#endif
