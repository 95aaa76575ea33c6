/* What is kept, for whom, how long, and what is embedded again. */
#include <cof/embedder/query_cache.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <cof/embedder/hashing.h>

#include "../base/torture.h"
#include "testing.h"

enum { DIMENSION = 16, MAX_TEXTS = 8 };

/* Counts what reaches the embedder behind the cache. */
struct counting {
    struct cof_embedder base;
    struct cof_embedder *behind;
    size_t text_count;
    enum cof_status failure;
};

static enum cof_status count_embed(struct cof_embedder *embedder, enum cof_embed_role role,
                                   const struct cof_text *texts, size_t count,
                                   const struct cof_cancel *cancel, float *out_vectors,
                                   size_t *out_token_counts, struct cof_error *err)
{
    struct counting *counting = (struct counting *)embedder;
    assert_int_equal(role, COF_EMBED_QUERY);
    if (counting->failure != COF_OK)
        return COF_FAIL(err, counting->failure, "ordered");
    counting->text_count += count;
    return counting->behind->ops->embed(counting->behind, role, texts, count, cancel, out_vectors,
                                        out_token_counts, err);
}

static const struct cof_embedder_ops COUNTING_OPS = {.name = "counting", .embed = count_embed};
static struct counting counting;
static struct cof_manual_clock manual;
static struct cof_clock manual_clock;
static struct cof_seeded_random seed;
static struct cof_random seeded;
static struct cof_query_cache *cache;

static enum cof_status make(size_t max_count, struct cof_query_cache **out_cache,
                            struct cof_error *err)
{
    const struct cof_query_cache_options options = {.embedder = &counting.base,
                                                    .max_count = max_count,
                                                    .lifetime_ms = 1000,
                                                    .clock = &manual_clock,
                                                    .random = &seeded};
    return cof_query_cache_create(&options, out_cache, err);
}

static int set_up(void **state)
{
    counting = (struct counting){.base = {.ops = &COUNTING_OPS}};
    manual = (struct cof_manual_clock){.steady_ns = 5};
    manual_clock = cof_manual_clock_init(&manual);
    seeded = cof_seeded_random_init(&seed, 3);
    if (cof_hashing_open(DIMENSION, 64, &counting.behind, NULL) != COF_OK)
        return 1;
    counting.base.info = counting.behind->info;
    return make(3, &cache, NULL) == COF_OK ? 0 : 1;
}

static int tear_down(void **state)
{
    cof_query_cache_destroy(cache);
    cof_embedder_close(counting.behind);
    return 0;
}

/* Asks; checks the vectors against the embedder's own; returns how many texts it had to embed. */
static size_t asks(uint64_t owner, const char *const *questions, size_t count)
{
    struct cof_text texts[MAX_TEXTS];
    float vectors[MAX_TEXTS * DIMENSION];
    float expected[MAX_TEXTS * DIMENSION];
    size_t counts[MAX_TEXTS];
    size_t expected_counts[MAX_TEXTS];
    for (size_t i = 0; i < count; i++)
        texts[i] = cof_text_from(questions[i]);
    size_t before = counting.text_count;
    assert_int_equal(cof_query_cache_embed(cache, owner, texts, count, NULL, vectors, counts, NULL),
                     COF_OK);
    size_t embedded = counting.text_count - before;
    assert_int_equal(cof_embedder_embed(counting.behind, COF_EMBED_QUERY, texts, count, NULL,
                                        expected, expected_counts, NULL),
                     COF_OK);
    assert_memory_equal(vectors, expected, count * DIMENSION * sizeof(float));
    assert_memory_equal(counts, expected_counts, count * sizeof(size_t));
    return embedded;
}

static size_t ask(uint64_t owner, const char *question)
{
    return asks(owner, &question, 1);
}

static void cache__computes_a_question_once(void **state)
{
    assert_int_equal(ask(1, "days of leave"), 1);
    assert_int_equal(ask(1, "days of leave"), 0);
    assert_int_equal(ask(1, "days of Leave"), 1);
    struct cof_query_cache_stats stats;
    cof_query_cache_stats_get(cache, &stats);
    assert_int_equal(stats.hit_count, 1);
    assert_int_equal(stats.miss_count, 2);
    assert_int_equal(stats.count, 2);
    assert_true(stats.bytes > (size_t)2 * DIMENSION * sizeof(float));
}

static void cache__keeps_nothing_for_anybody_else(void **state)
{
    assert_int_equal(ask(1, "salary of the director"), 1);
    assert_int_equal(ask(2, "salary of the director"), 1);
    assert_int_equal(ask(1, "salary of the director"), 0);
}

static void cache__forgets_the_least_recently_used(void **state)
{
    assert_int_equal(ask(1, "a"), 1);
    assert_int_equal(ask(1, "b"), 1);
    assert_int_equal(ask(1, "c"), 1);
    assert_int_equal(ask(1, "a"), 0);
    assert_int_equal(ask(1, "d"), 1); /* b goes */
    assert_int_equal(ask(1, "a"), 0);
    assert_int_equal(ask(1, "c"), 0);
    assert_int_equal(ask(1, "b"), 1);
    struct cof_query_cache_stats stats;
    cof_query_cache_stats_get(cache, &stats);
    assert_int_equal(stats.count, 3);
    assert_int_equal(stats.evicted_count, 2);
}

static void cache__uses_nothing_after_its_time(void **state)
{
    assert_int_equal(ask(1, "a"), 1);
    manual.steady_ns += INT64_C(999999999);
    assert_int_equal(ask(1, "a"), 0);
    manual.steady_ns += 1;
    assert_int_equal(ask(1, "a"), 1); /* being used does not prolong it */
}

static void cache__computes_only_what_is_missing_of_several(void **state)
{
    static const char *const first[] = {"a", "b"};
    static const char *const second[] = {"c", "b", "a", "c"};
    assert_int_equal(asks(1, first, 2), 2);
    assert_int_equal(asks(1, second, 4), 2);
    assert_int_equal(asks(1, second, 4), 0);
}

static void cache__does_not_keep_what_is_empty_or_long(void **state)
{
    static char bytes[COF_QUERY_CACHE_MAX_TEXT_BYTES + 2];
    memset(bytes, 'a', sizeof(bytes) - 1);
    assert_int_equal(ask(1, bytes), 1);
    assert_int_equal(ask(1, bytes), 1);
    assert_int_equal(ask(1, ""), 1);
    assert_int_equal(ask(1, ""), 1);
    bytes[COF_QUERY_CACHE_MAX_TEXT_BYTES] = '\0';
    assert_int_equal(ask(1, bytes), 1);
    assert_int_equal(ask(1, bytes), 0);
}

static void cache__keeps_no_failure(void **state)
{
    const struct cof_text texts[] = {COF_TEXT("a"), COF_TEXT("b")};
    float vectors[2 * DIMENSION] = {7};
    counting.failure = COF_CANCELED;
    assert_int_equal(cof_query_cache_embed(cache, 1, texts, 1, NULL, vectors, NULL, NULL),
                     COF_CANCELED);
    assert_int_equal(cof_query_cache_embed(cache, 1, texts, 2, NULL, vectors, NULL, NULL),
                     COF_CANCELED);
    assert_true(vectors[0] == 7);
    counting.failure = COF_OK;
    assert_int_equal(ask(1, "a"), 1);
}

static void cache__of_no_entries_embeds_everything(void **state)
{
    cof_query_cache_destroy(cache);
    assert_int_equal(make(0, &cache, NULL), COF_OK);
    assert_int_equal(ask(1, "a"), 1);
    assert_int_equal(ask(1, "a"), 1);
}

static void cache__forgets_everything_when_told(void **state)
{
    assert_int_equal(ask(1, "a"), 1);
    cof_query_cache_clear(cache);
    struct cof_query_cache_stats stats;
    cof_query_cache_stats_get(cache, &stats);
    assert_int_equal(stats.count, 0);
    assert_int_equal(stats.bytes, 0);
    assert_int_equal(ask(1, "a"), 1);
}

/* Without memory for an entry a question is answered all the same. */
static void cache__survives_every_failed_allocation(void **state)
{
    const struct cof_text texts[] = {COF_TEXT("a"), COF_TEXT("b"), COF_TEXT("a")};
    for (long n = 1;; n++) {
        float vectors[3 * DIMENSION];
        struct cof_query_cache *made = NULL;
        struct cof_error err = {0};
        cof_alloc_fail_after(n);
        enum cof_status status = make(3, &made, &err);
        if (status == COF_OK)
            status = cof_query_cache_embed(made, 1, texts, 3, NULL, vectors, NULL, &err);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        cof_query_cache_destroy(made);
        assert_true(status == COF_OK || status == COF_NO_MEMORY);
        if (is_pending) {
            assert_int_equal(status, COF_OK);
            assert_true(n > 8);
            return;
        }
    }
}

static void *ask_many(void *argument)
{
    for (size_t i = 0; i < 2000; i++) {
        char question[8];
        float vector[DIMENSION];
        (void)snprintf(question, sizeof(question), "q%zu", i % 7);
        const struct cof_text text = cof_text_from(question);
        if (cof_query_cache_embed(argument, i % 2, &text, 1, NULL, vector, NULL, NULL) != COF_OK)
            return argument;
    }
    return NULL;
}

static void cache__is_used_by_many_threads(void **state)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    struct cof_query_cache *shared = NULL;
    const struct cof_query_cache_options options = {.embedder = counting.behind,
                                                    .max_count = 5,
                                                    .lifetime_ms = 1000,
                                                    .clock = cof_clock_system(),
                                                    .random = &seeded};
    assert_int_equal(cof_query_cache_create(&options, &shared, NULL), COF_OK);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many, shared), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    struct cof_query_cache_stats stats;
    cof_query_cache_stats_get(shared, &stats);
    assert_int_equal(stats.hit_count + stats.miss_count, THREADS * 2000);
    assert_int_equal(stats.count, 5);
    cof_query_cache_destroy(shared);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(cache__computes_a_question_once),
        CASE(cache__keeps_nothing_for_anybody_else),
        CASE(cache__forgets_the_least_recently_used),
        CASE(cache__uses_nothing_after_its_time),
        CASE(cache__computes_only_what_is_missing_of_several),
        CASE(cache__does_not_keep_what_is_empty_or_long),
        CASE(cache__keeps_no_failure),
        CASE(cache__of_no_entries_embeds_everything),
        CASE(cache__forgets_everything_when_told),
        CASE(cache__survives_every_failed_allocation),
        CASE(cache__is_used_by_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
