/* Two queues, a line, and the bookkeeping of what is done. */
#include "bert_queue.h"

#include <cof/base/alloc.h>

/* ---- Lists ---- */

void cof_bert_portions_append(struct cof_bert_portions *portions, struct cof_bert_portion *portion)
{
    portion->next = NULL;
    if (portions->last != NULL)
        portions->last->next = portion;
    else
        portions->first = portion;
    portions->last = portion;
    portions->token_count += portion->token_count;
}

static void remove_after(struct cof_bert_portions *portions, struct cof_bert_portion *previous,
                         struct cof_bert_portion *portion)
{
    portions->token_count -= portion->token_count;
    if (previous != NULL)
        previous->next = portion->next;
    else
        portions->first = portion->next;
    if (portions->last == portion)
        portions->last = previous;
    portion->next = NULL;
}

/* ---- Portions ---- */

struct cof_bert_portion *cof_bert_portion_create(size_t token_count, size_t entry_count)
{
    struct cof_bert_portion *portion = cof_calloc(1, sizeof(*portion));
    if (portion == NULL)
        return NULL;
    portion->ids = cof_calloc(token_count, sizeof(*portion->ids));
    portion->entries = cof_calloc(entry_count, sizeof(*portion->entries));
    portion->is_lent = true;
    if (portion->ids == NULL || portion->entries == NULL) {
        cof_bert_portion_destroy(portion);
        return NULL;
    }
    return portion;
}

void cof_bert_portion_destroy(struct cof_bert_portion *portion)
{
    if (portion == NULL)
        return;
    cof_free(portion->ids);
    cof_free(portion->entries);
    cof_free(portion);
}

struct cof_bert_portion *cof_bert_queue_borrow(struct cof_bert_queue *queue,
                                               struct cof_bert_call *call, bool *out_may_create)
{
    struct cof_bert_portion *portion = call->granted;
    *out_may_create = false;
    if (portion != NULL) {
        call->granted = NULL;
        return portion;
    }
    /* Half of what there is at most, so that a second job need not wait for the first to end. */
    size_t most = queue->max_portion_count > 1 ? queue->max_portion_count / 2 : 1;
    if (call->is_in_line || call->portion_count >= most)
        return NULL;
    portion = queue->free_portions;
    if (portion != NULL) {
        queue->free_portions = portion->next;
        portion->next = NULL;
        call->portion_count++;
        return portion;
    }
    if (queue->portion_count < queue->max_portion_count) {
        queue->portion_count++;
        call->portion_count++;
        *out_may_create = true;
        return NULL;
    }
    call->is_in_line = true;
    call->next_in_line = NULL;
    if (queue->line_last != NULL)
        queue->line_last->next_in_line = call;
    else
        queue->line_first = call;
    queue->line_last = call;
    return NULL;
}

void cof_bert_queue_return(struct cof_bert_queue *queue, struct cof_bert_portion *portion)
{
    struct cof_bert_call *next = queue->line_first;
    if (portion->call != NULL)
        portion->call->portion_count--;
    portion->call = NULL;
    if (next == NULL) {
        portion->next = queue->free_portions;
        queue->free_portions = portion;
        return;
    }
    queue->line_first = next->next_in_line;
    if (queue->line_first == NULL)
        queue->line_last = NULL;
    next->is_in_line = false;
    next->portion_count++;
    next->granted = portion;
    portion->next = NULL;
    pthread_cond_signal(&next->is_changed);
}

void cof_bert_queue_leave_line(struct cof_bert_queue *queue, struct cof_bert_call *call)
{
    struct cof_bert_call *previous = NULL;
    struct cof_bert_call *each = call->is_in_line ? queue->line_first : NULL;
    while (each != NULL && each != call) {
        previous = each;
        each = each->next_in_line;
    }
    if (each != NULL) {
        if (previous != NULL)
            previous->next_in_line = call->next_in_line;
        else
            queue->line_first = call->next_in_line;
        if (queue->line_last == call)
            queue->line_last = previous;
        call->is_in_line = false;
    }
    if (call->granted != NULL) {
        struct cof_bert_portion *portion = call->granted;
        call->granted = NULL;
        portion->call = call;
        cof_bert_queue_return(queue, portion);
    }
}

/* ---- Counting off ---- */

/* `count` entries of the portion are done, whatever became of them. */
static void count_off(struct cof_bert_queue *queue, struct cof_bert_portion *portion, size_t count)
{
    struct cof_bert_call *call = portion->call;
    portion->left_count -= count;
    call->left_count -= count;
    if (portion->left_count == 0 && portion->is_lent) {
        cof_bert_queue_return(queue, portion);
        pthread_cond_signal(&call->is_changed); /* it may have the next one */
    }
    if (call->left_count == 0)
        pthread_cond_signal(&call->is_changed);
}

static void drop_untaken(struct cof_bert_queue *queue, struct cof_bert_portions *from,
                         struct cof_bert_portion *previous, struct cof_bert_portion *portion)
{
    size_t count = portion->entry_count - portion->taken_count;
    remove_after(from, previous, portion);
    portion->taken_count = portion->entry_count;
    portion->token_count = 0;
    count_off(queue, portion, count);
}

static void set_failure(struct cof_bert_call *call, enum cof_status status,
                        const struct cof_error *error)
{
    if (call->status == COF_OK) {
        call->status = status;
        call->error = *error;
    }
}

static void fail_in(struct cof_bert_queue *queue, struct cof_bert_portions *from,
                    const struct cof_bert_call *call)
{
    struct cof_bert_portion *previous = NULL;
    struct cof_bert_portion *portion = from->first;
    while (portion != NULL) {
        struct cof_bert_portion *next = portion->next;
        if (portion->call == call)
            drop_untaken(queue, from, previous, portion);
        else
            previous = portion;
        portion = next;
    }
}

void cof_bert_queue_fail(struct cof_bert_queue *queue, struct cof_bert_call *call,
                         enum cof_status status, const struct cof_error *error)
{
    set_failure(call, status, error);
    fail_in(queue, &queue->questions, call);
    fail_in(queue, &queue->bulk, call);
}

void cof_bert_queue_finish(struct cof_bert_queue *queue, const struct cof_bert_group *group,
                           size_t begin, size_t end, enum cof_status status,
                           const struct cof_error *error)
{
    for (size_t i = begin; i < end; i++) {
        if (status != COF_OK) {
            set_failure(group->portions[i]->call, status, error);
            pthread_cond_signal(&group->portions[i]->call->is_changed);
        }
        count_off(queue, group->portions[i], 1);
    }
}

/* ---- Taking ---- */

static bool has_ended(struct cof_bert_call *call)
{
    if (call->status != COF_OK)
        return true;
    struct cof_error error = {0};
    enum cof_status status = cof_cancel_check(call->job->cancel, &error);
    if (status != COF_OK)
        set_failure(call, status, &error);
    return status != COF_OK;
}

static bool fits(const struct cof_bert_group *group, const struct cof_bert_portion *portion,
                 size_t target_tokens)
{
    size_t tokens = portion->is_whole ? portion->token_count
                                      : portion->entries[portion->taken_count].sequence.count;
    if (group->count == 0)
        return true;
    return portion->call->job->output == group->output &&
           group->token_count + tokens <= target_tokens;
}

static void take_entry(struct cof_bert_portions *from, struct cof_bert_portion *portion,
                       struct cof_bert_group *group)
{
    struct cof_bert_entry *entry = &portion->entries[portion->taken_count++];
    size_t tokens = entry->sequence.count;
    if (group->count == 0) {
        group->output = portion->call->job->output;
        group->is_of_one_call = true;
    } else if (portion->call != group->portions[0]->call) {
        group->is_of_one_call = false;
    }
    group->sequences[group->count] = entry->sequence;
    group->entries[group->count] = entry;
    group->portions[group->count++] = portion;
    group->token_count += tokens;
    portion->token_count -= tokens;
    from->token_count -= tokens;
}

bool cof_bert_queue_take(struct cof_bert_queue *queue, struct cof_bert_portions *from,
                         size_t target_tokens, struct cof_bert_group *group)
{
    group->count = 0;
    group->token_count = 0;
    if (target_tokens > group->max_token_count)
        target_tokens = group->max_token_count;
    while (from->first != NULL) {
        struct cof_bert_portion *portion = from->first;
        if (has_ended(portion->call)) {
            drop_untaken(queue, from, NULL, portion);
            continue;
        }
        if (!fits(group, portion, target_tokens))
            break;
        do
            take_entry(from, portion, group);
        while (portion->taken_count < portion->entry_count &&
               (portion->is_whole || fits(group, portion, target_tokens)));
        if (portion->taken_count < portion->entry_count)
            break;
        remove_after(from, NULL, portion);
    }
    return group->count > 0;
}
