/* Jobs that meet: what overtakes, what is joined, what is refused, and whose failure is whose. */
#include "bert_scheduler.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/clock.h>

#include "../base/torture.h"
#include "seeded_random.h"
#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"

enum { HIDDEN = 32, MAX_TOKENS = 24, MAX_COUNT = 400 };

static char folder[TEMP_DIR_PATH_SIZE];
static struct tiny_model model;
static struct cof_bert_weights *weights;

static int load_weights(void **state)
{
    char path[TEMP_DIR_PATH_SIZE + 32];
    struct cof_model_config config = {0};
    struct cof_safetensors *file = NULL;
    temp_dir_create(folder);
    model = (struct tiny_model){0};
    tiny_model_create(&model, 5);
    tiny_model_write(&model, folder);
    temp_dir_join(folder, "model.safetensors", path, sizeof(path));
    assert_int_equal(cof_model_config_read(folder, &config, NULL), COF_OK);
    assert_int_equal(cof_safetensors_open(path, &file, NULL), COF_OK);
    assert_int_equal(cof_bert_weights_create(file, &config, COF_PRECISION_F32, cof_kernels_pick(),
                                             &weights, NULL),
                     COF_OK);
    cof_safetensors_close(file);
    return 0;
}

static int free_weights(void **state)
{
    cof_bert_weights_destroy(weights);
    tiny_model_destroy(&model);
    temp_dir_remove(folder);
    return 0;
}

static struct cof_bert_scheduler *create(struct cof_bert_scheduler_options options)
{
    struct cof_bert_scheduler *scheduler = NULL;
    options.weights = weights;
    options.pooling = COF_POOLING_MEAN;
    options.max_tokens = MAX_TOKENS;
    assert_int_equal(cof_bert_scheduler_create(&options, &scheduler, NULL), COF_OK);
    return scheduler;
}

static struct cof_pool *create_pool(size_t thread_count)
{
    struct cof_pool *pool = NULL;
    const struct cof_pool_options options = {
        .name = "t", .thread_count = thread_count, .max_queue_count = 64};
    assert_int_equal(cof_pool_create(&options, &pool, NULL), COF_OK);
    return pool;
}

static struct cof_bert_scheduler_stats stats_of(struct cof_bert_scheduler *scheduler)
{
    struct cof_bert_scheduler_stats stats;
    cof_bert_scheduler_stats_get(scheduler, &stats);
    return stats;
}

/* ---- A job of seeded sequences ---- */

struct work {
    uint64_t seed; /* of the first sequence; those behind count up */
    size_t count;
    size_t length; /* 0 = by seed, 2 … MAX_TOKENS */
    float *rows;
    size_t fail_at; /* encode fails there; SIZE_MAX = nowhere */
    void (*on_encode)(struct work *work, size_t index);
    void *context;
};

static size_t length_of(const struct work *work, size_t index)
{
    return work->length != 0 ? work->length
                             : 2 + (size_t)((work->seed + index) * 7919 % (MAX_TOKENS - 1));
}

static size_t most_tokens(void *context, size_t index)
{
    return length_of(context, index);
}

static enum cof_status encode(void *context, size_t index, uint32_t *out_ids, size_t max_count,
                              struct cof_bert_sequence *sequence, struct cof_error *err)
{
    struct work *work = context;
    struct seeded_random random;
    size_t count = length_of(work, index);
    assert_int_equal(count, max_count);
    if (work->on_encode != NULL)
        work->on_encode(work, index);
    if (index == work->fail_at)
        return COF_FAIL(err, COF_INVALID, "sequence %zu is bad", index);
    seeded_random_init(&random, work->seed + index);
    for (size_t i = 0; i < count; i++)
        out_ids[i] = (uint32_t)seeded_random_below(&random, model.vocabulary_size);
    sequence->count = count;
    return COF_OK;
}

static float *place(void *context, size_t index, size_t token_count)
{
    struct work *work = context;
    (void)token_count;
    return work->rows + index * HIDDEN;
}

static struct work new_work(uint64_t seed, size_t count)
{
    struct work work = {.seed = seed, .count = count, .fail_at = SIZE_MAX};
    work.rows = calloc(count * HIDDEN, sizeof(float));
    assert_non_null(work.rows);
    return work;
}

static enum cof_status run(struct cof_bert_scheduler *scheduler, struct work *work,
                           bool is_question, const struct cof_cancel *cancel, struct cof_error *err)
{
    const struct cof_bert_job job = {
        .count = work->count,
        .is_question = is_question,
        .output = COF_BERT_POOLED,
        .cancel = cancel,
        .most_tokens = most_tokens,
        .encode = encode,
        .place = place,
        .context = work,
    };
    return cof_bert_scheduler_run(scheduler, &job, err);
}

/* Against the formulas, one sequence at a time. */
static void check_rows(const struct work *work)
{
    for (size_t i = 0; i < work->count; i++) {
        uint32_t ids[MAX_TOKENS];
        struct cof_bert_sequence sequence = {.ids = ids};
        struct work plain = *work;
        double expected[HIDDEN];
        double product = 0;
        plain.fail_at = SIZE_MAX;
        plain.on_encode = NULL;
        assert_int_equal(encode(&plain, i, ids, length_of(work, i), &sequence, NULL), COF_OK);
        tiny_model_embed(&model, ids, sequence.count, expected);
        for (size_t j = 0; j < HIDDEN; j++)
            product += (double)work->rows[i * HIDDEN + j] * expected[j];
        assert_true(product > 0.999999);
    }
}

/* ---- Cases ---- */

static void scheduler__computes_jobs_of_every_size(void **state)
{
    static const size_t counts[] = {1, 2, 32, 33, 250, MAX_COUNT};
    static const size_t in_flight[] = {1, 100, 0};
    for (size_t i = 0; i < sizeof(in_flight) / sizeof(in_flight[0]); i++) {
        struct cof_bert_scheduler *scheduler =
            create((struct cof_bert_scheduler_options){.max_tokens_in_flight = in_flight[i]});
        for (size_t j = 0; j < sizeof(counts) / sizeof(counts[0]); j++) {
            struct work work = new_work(100 * j, counts[j]);
            assert_int_equal(run(scheduler, &work, j % 2 == 0, NULL, NULL), COF_OK);
            check_rows(&work);
            free(work.rows);
        }
        struct cof_bert_scheduler_stats stats = stats_of(scheduler);
        assert_int_equal(stats.job_count, 0);
        assert_int_equal(stats.workspace_count, 1);
        assert_true(stats.portion_count <= 8);
        cof_bert_scheduler_destroy(scheduler);
    }
}

static void scheduler__allocates_nothing_once_it_is_warm(void **state)
{
    struct cof_bert_scheduler *scheduler = create((struct cof_bert_scheduler_options){0});
    struct work small = new_work(1, 3);
    struct work large = new_work(2, MAX_COUNT);
    for (size_t round = 0; round < 2; round++) {
        if (round == 1)
            cof_alloc_fail_after(1);
        enum cof_status first = run(scheduler, &small, true, NULL, NULL);
        enum cof_status second = run(scheduler, &large, false, NULL, NULL);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        assert_int_equal(first, COF_OK);
        assert_int_equal(second, COF_OK);
        assert_int_equal(is_pending, round == 1);
    }
    free(small.rows);
    free(large.rows);
    cof_bert_scheduler_destroy(scheduler);
}

static enum cof_status run_from_nothing(void *context, struct cof_error *err)
{
    const struct cof_bert_scheduler_options options = {
        .weights = weights, .pooling = COF_POOLING_MEAN, .max_tokens = MAX_TOKENS};
    struct cof_bert_scheduler *scheduler = NULL;
    COF_TRY(cof_bert_scheduler_create(&options, &scheduler, err));
    enum cof_status status = run(scheduler, context, false, NULL, err);
    cof_bert_scheduler_destroy(scheduler);
    return status;
}

static void scheduler__survives_every_failed_allocation(void **state)
{
    struct work large = new_work(3, MAX_COUNT);
    struct work question = new_work(4, 1);
    assert_true(torture(run_from_nothing, &large) > 8);
    check_rows(&large);
    assert_true(torture(run_from_nothing, &question) > 5);
    free(large.rows);
    free(question.rows);
}

/* What a bulk job does while it hands in its sequences: asks a question. */
struct asking {
    struct cof_bert_scheduler *scheduler;
    struct work question;
    size_t asked_count;
    uint64_t tokens_before;
};

static void ask_within(struct work *work, size_t index)
{
    struct asking *asking = work->context;
    if (index != MAX_COUNT - 1)
        return;
    asking->tokens_before = stats_of(asking->scheduler).token_count;
    assert_int_equal(run(asking->scheduler, &asking->question, true, NULL, NULL), COF_OK);
    asking->asked_count++;
}

/* With no thread but this one: thousands of tokens wait in the queue and the question goes first.
 */
static void scheduler__lets_a_question_overtake_what_waits(void **state)
{
    struct asking asking = {.scheduler = create((struct cof_bert_scheduler_options){0}),
                            .question = new_work(9, 1)};
    struct work bulk = new_work(10, MAX_COUNT);
    bulk.length = MAX_TOKENS;
    bulk.on_encode = ask_within;
    bulk.context = &asking;
    assert_int_equal(run(asking.scheduler, &bulk, false, NULL, NULL), COF_OK);
    assert_int_equal(asking.asked_count, 1);
    assert_true(asking.tokens_before + 2048 < (uint64_t)MAX_COUNT * MAX_TOKENS);
    check_rows(&asking.question);
    check_rows(&bulk);
    free(bulk.rows);
    free(asking.question.rows);
    cof_bert_scheduler_destroy(asking.scheduler);
}

struct crowd {
    struct cof_bert_scheduler *scheduler;
    atomic_bool must_stop;
    atomic_uint done_count;
    atomic_uint refused_count;
    const float *expected; /* of seeds from 0 on */
};

static void *run_bulk(void *argument)
{
    struct crowd *crowd = argument;
    struct work work = new_work(1000, MAX_COUNT);
    do {
        memset(work.rows, 0, (size_t)MAX_COUNT * HIDDEN * sizeof(float));
        assert_int_equal(run(crowd->scheduler, &work, false, NULL, NULL), COF_OK);
        atomic_fetch_add(&crowd->done_count, 1);
    } while (!atomic_load(&crowd->must_stop));
    check_rows(&work);
    free(work.rows);
    return NULL;
}

static void *run_questions(void *argument)
{
    struct crowd *crowd = argument;
    struct work work = new_work(2000, 2);
    do
        assert_int_equal(run(crowd->scheduler, &work, true, NULL, NULL), COF_OK);
    while (!atomic_load(&crowd->must_stop));
    check_rows(&work);
    free(work.rows);
    return NULL;
}

/* Bulk on every thread, questions from several callers and a window that never ends by itself: a
 * question that comes while another is computed is taken between the layers of bulk, or joined. */
static void scheduler__serves_questions_between_the_layers_of_bulk(void **state)
{
    enum { BULK = 3, QUESTIONS = 5 };
    struct cof_pool *pool = create_pool(2);
    struct crowd crowd = {.scheduler = create((struct cof_bert_scheduler_options){
                              .pool = pool, .window_ms = 1000000})};
    pthread_t threads[BULK + QUESTIONS];
    for (size_t i = 0; i < BULK + QUESTIONS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < BULK ? run_bulk : run_questions, &crowd), 0);
    struct work probe = new_work(3000, 1);
    for (;;) {
        struct cof_bert_scheduler_stats stats = stats_of(crowd.scheduler);
        if (stats.overtaken_count > 0 && stats.joined_count > 0 &&
            atomic_load(&crowd.done_count) >= 2 * BULK)
            break; /* and bulk went on whatever came */
        assert_int_equal(run(crowd.scheduler, &probe, true, NULL, NULL), COF_OK);
    }
    atomic_store(&crowd.must_stop, true);
    for (size_t i = 0; i < BULK + QUESTIONS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    struct cof_bert_scheduler_stats stats = stats_of(crowd.scheduler);
    assert_true(stats.workspace_count <= 6); /* threads for bulk, and as many for questions */
    assert_true(stats.portion_count <= 8);
    check_rows(&probe);
    free(probe.rows);
    cof_bert_scheduler_destroy(crowd.scheduler);
    cof_pool_destroy(pool);
}

static void scheduler__keeps_a_failure_to_the_job_it_belongs_to(void **state)
{
    struct cof_pool *pool = create_pool(1);
    struct crowd crowd = {
        .scheduler = create((struct cof_bert_scheduler_options){.pool = pool, .window_ms = 1})};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < 2 ? run_bulk : run_questions, &crowd), 0);
    for (size_t round = 0; round < 50; round++) {
        struct work bad = new_work(round, round % 2 == 0 ? MAX_COUNT : 1);
        struct cof_error err = {0};
        bad.fail_at = bad.count - 1;
        assert_int_equal(run(crowd.scheduler, &bad, round % 3 == 0, NULL, &err), COF_INVALID);
        assert_non_null(strstr(err.message, "is bad"));
        free(bad.rows);
    }
    atomic_store(&crowd.must_stop, true);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(stats_of(crowd.scheduler).job_count, 0);
    cof_bert_scheduler_destroy(crowd.scheduler);
    cof_pool_destroy(pool);
}

static void cancel_at_the_end(struct work *work, size_t index)
{
    if (index == MAX_COUNT - 1)
        cof_cancel_request(work->context);
}

static void scheduler__cancels_one_job_and_no_other(void **state)
{
    struct cof_pool *pool = create_pool(1);
    struct crowd crowd = {
        .scheduler = create((struct cof_bert_scheduler_options){.pool = pool, .window_ms = 1})};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < 2 ? run_bulk : run_questions, &crowd), 0);
    for (size_t round = 0; round < 50; round++) {
        struct cof_cancel cancel = {0};
        struct work work = new_work(round, MAX_COUNT);
        work.on_encode = cancel_at_the_end;
        work.context = &cancel;
        assert_int_equal(run(crowd.scheduler, &work, false, &cancel, NULL), COF_CANCELED);
        free(work.rows);
    }
    struct cof_manual_clock manual = {.steady_ns = 2};
    const struct cof_clock clock = cof_manual_clock_init(&manual);
    struct cof_cancel late = {.deadline_steady_ns = 1, .clock = &clock};
    struct work question = new_work(7, 1);
    assert_int_equal(run(crowd.scheduler, &question, true, &late, NULL), COF_TIMEOUT);
    free(question.rows);
    atomic_store(&crowd.must_stop, true);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    cof_bert_scheduler_destroy(crowd.scheduler);
    cof_pool_destroy(pool);
}

/* One job holds the only place while others try. */
static void try_others(struct work *work, size_t index)
{
    struct asking *asking = work->context;
    struct cof_error err = {0};
    if (index > 0)
        return;
    assert_int_equal(run(asking->scheduler, &asking->question, true, NULL, &err), COF_LIMITED);
    assert_non_null(strstr(err.message, "try again"));
    asking->asked_count++;
}

static void scheduler__refuses_more_jobs_than_it_may_hold(void **state)
{
    struct asking asking = {.scheduler =
                                create((struct cof_bert_scheduler_options){.max_job_count = 1}),
                            .question = new_work(9, 1)};
    struct work work = new_work(10, 3);
    work.on_encode = try_others;
    work.context = &asking;
    assert_int_equal(run(asking.scheduler, &work, false, NULL, NULL), COF_OK);
    assert_int_equal(asking.asked_count, 1);
    assert_int_equal(stats_of(asking.scheduler).refused_count, 1);
    assert_int_equal(run(asking.scheduler, &asking.question, true, NULL, NULL), COF_OK);
    check_rows(&asking.question);
    free(work.rows);
    free(asking.question.rows);
    cof_bert_scheduler_destroy(asking.scheduler);
}

static void check_against(const struct work *work, const float *expected)
{
    for (size_t i = 0; i < work->count; i++) {
        double product = 0;
        for (size_t j = 0; j < HIDDEN; j++)
            product += (double)work->rows[i * HIDDEN + j] *
                       (double)expected[(work->seed + i) * HIDDEN + j];
        assert_true(product > 0.999999);
    }
}

static void *run_many(void *argument)
{
    enum { REQUESTS = 50 };
    struct crowd *crowd = argument;
    for (size_t i = 0; i < REQUESTS; i++) {
        struct work work = new_work(i, i % 10 == 0 ? 40 : 1);
        enum cof_status status = run(crowd->scheduler, &work, i % 2 == 0, NULL, NULL);
        if (status == COF_OK)
            check_against(&work, crowd->expected);
        else
            assert_int_equal(status, COF_LIMITED);
        atomic_fetch_add(status == COF_OK ? &crowd->done_count : &crowd->refused_count, 1);
        free(work.rows);
    }
    return NULL;
}

/* 10,000 requests from 200 callers at once: each has its answer or is told to come again. */
static void scheduler__loses_no_request_of_ten_thousand(void **state)
{
    enum { THREADS = 200 };
    struct cof_pool *pool = create_pool(3);
    struct crowd crowd = {.scheduler = create((struct cof_bert_scheduler_options){
                              .pool = pool, .max_job_count = 16, .window_ms = 2})};
    static pthread_t threads[THREADS];
    struct work alone = new_work(0, 100);
    assert_int_equal(run(crowd.scheduler, &alone, false, NULL, NULL), COF_OK);
    check_rows(&alone);
    crowd.expected = alone.rows;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, &crowd), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    struct cof_bert_scheduler_stats stats = stats_of(crowd.scheduler);
    assert_int_equal(atomic_load(&crowd.done_count) + atomic_load(&crowd.refused_count), 10000);
    assert_int_equal(atomic_load(&crowd.refused_count), stats.refused_count);
    assert_true(atomic_load(&crowd.done_count) >= 16);
    assert_true(stats.workspace_count <= 8);
    assert_true(stats.portion_count <= 8);
    assert_int_equal(stats.job_count, 0);
    free(alone.rows);
    cof_bert_scheduler_destroy(crowd.scheduler);
    cof_pool_destroy(pool);
}

static void scheduler__gives_token_rows_and_first_rows_where_they_belong(void **state)
{
    struct cof_bert_scheduler *scheduler = create((struct cof_bert_scheduler_options){0});
    struct work work = new_work(1, 8);
    const struct cof_bert_job job = {
        .count = work.count,
        .output = COF_BERT_FIRST,
        .most_tokens = most_tokens,
        .encode = encode,
        .place = place,
        .context = &work,
    };
    work.length = 5;
    assert_int_equal(cof_bert_scheduler_run(scheduler, &job, NULL), COF_OK);
    for (size_t i = 0; i < work.count; i++) {
        float length = 0;
        for (size_t j = 0; j < HIDDEN; j++)
            length += work.rows[i * HIDDEN + j] * work.rows[i * HIDDEN + j];
        assert_true(length > 0.1F && fabsf(length - 1) > 1e-3F); /* a state, not a unit vector */
    }
    free(work.rows);
    cof_bert_scheduler_destroy(scheduler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scheduler__computes_jobs_of_every_size),
        cmocka_unit_test(scheduler__allocates_nothing_once_it_is_warm),
        cmocka_unit_test(scheduler__survives_every_failed_allocation),
        cmocka_unit_test(scheduler__lets_a_question_overtake_what_waits),
        cmocka_unit_test(scheduler__serves_questions_between_the_layers_of_bulk),
        cmocka_unit_test(scheduler__keeps_a_failure_to_the_job_it_belongs_to),
        cmocka_unit_test(scheduler__cancels_one_job_and_no_other),
        cmocka_unit_test(scheduler__refuses_more_jobs_than_it_may_hold),
        cmocka_unit_test(scheduler__loses_no_request_of_ten_thousand),
        cmocka_unit_test(scheduler__gives_token_rows_and_first_rows_where_they_belong),
    };
    return cmocka_run_group_tests(tests, load_weights, free_weights);
}
