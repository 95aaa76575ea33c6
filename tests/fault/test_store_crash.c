/* kill -9 while documents are written: what was acknowledged is there, nothing is half there.
 *
 * A child writes pairs of documents from several threads, telling the parent before and after each
 * call. The parent kills it after a random number of messages, opens the store and compares. */
#include "testing.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seeded_random.h"
#include "store_fixture.h"

#define ROUND_COUNT 20
#define THREAD_COUNT 3
#define PAIR_COUNT 4
#define MAX_MESSAGE_COUNT 120

/* A state of a pair: 0 = absent. */
struct message {
    uint32_t thread;
    uint32_t pair;
    uint32_t edition;
    uint32_t is_done; /* 0 = about to, 1 = acknowledged */
    uint64_t outbox_id;
};

struct pair_state {
    uint32_t acknowledged;
    uint32_t attempted; /* equals acknowledged when nothing was under way */
    uint64_t attempt_id;
};

struct worker {
    struct store_fixture *fixture;
    struct seeded_random random;
    uint32_t thread;
    uint32_t round;
    int pipe;
    uint32_t editions[PAIR_COUNT];
};

static void id_of(char out[32], uint32_t thread, uint32_t pair, uint32_t half)
{
    (void)snprintf(out, 32, "t%u-p%u-%c", thread, pair, half == 0 ? 'a' : 'b');
}

static struct sample *make_sample(struct store_fixture *fixture, uint32_t thread, uint32_t pair,
                                  uint32_t half, uint32_t edition)
{
    char id[32];
    id_of(id, thread, pair, half);
    return sample_create(fixture->store, fixture->collection, id, edition,
                         (edition * 13 + half) % 80);
}

static void tell(const struct worker *worker, uint32_t pair, uint32_t edition, uint64_t id,
                 bool is_done)
{
    struct message message = {.thread = worker->thread,
                              .pair = pair,
                              .edition = edition,
                              .is_done = is_done ? 1 : 0,
                              .outbox_id = id};
    if (write(worker->pipe, &message, sizeof(message)) != (ssize_t)sizeof(message))
        _exit(3);
}

/* Both halves of a pair in one call, or, with edition 0, both deleted in two. */
static void write_pair(struct worker *worker, uint32_t pair, uint32_t edition, uint64_t id)
{
    struct cof_error err = {0};
    struct fixture_outbox outbox;
    struct cof_write_outcome outcomes[2];
    struct sample *a = make_sample(worker->fixture, worker->thread, pair, 0, edition);
    struct sample *b = make_sample(worker->fixture, worker->thread, pair, 1, edition);
    const struct cof_document_write writes[] = {a->write, b->write};
    fixture_outbox_init(&outbox, id, "record");
    tell(worker, pair, edition, id, false);
    if (cof_store_put_documents(worker->fixture->store, writes, 2, &outbox.outbox, outcomes,
                                &err) != COF_OK ||
        outcomes[0].kind == COF_WRITE_FAILED || outcomes[1].kind == COF_WRITE_FAILED)
        _exit(4);
    tell(worker, pair, edition, id, true);
    sample_destroy(a);
    sample_destroy(b);
}

static void *write_forever(void *context)
{
    struct worker *worker = context;
    for (uint32_t count = 1;; count++) {
        uint32_t pair = (uint32_t)seeded_random_below(&worker->random, PAIR_COUNT);
        uint32_t edition = worker->round * 100000 + count;
        uint64_t id = (uint64_t)edition << 8 | worker->thread;
        write_pair(worker, pair, edition, id);
    }
    return NULL;
}

static void run_child(struct store_fixture *fixture, uint32_t round, int pipe_end)
{
    static struct worker workers[THREAD_COUNT];
    pthread_t thread;
    store_fixture_open(fixture);
    for (uint32_t i = 0; i < THREAD_COUNT; i++) {
        workers[i] =
            (struct worker){.fixture = fixture, .thread = i, .round = round, .pipe = pipe_end};
        seeded_random_init(&workers[i].random, round * 10 + i);
        if (pthread_create(&thread, NULL, write_forever, &workers[i]) != 0)
            _exit(5);
    }
    for (;;)
        (void)pause();
}

static void take_message(const struct message *message,
                         struct pair_state states[THREAD_COUNT][PAIR_COUNT])
{
    struct pair_state *state = &states[message->thread][message->pair];
    state->attempted = message->edition;
    state->attempt_id = message->outbox_id;
    if (message->is_done != 0)
        state->acknowledged = message->edition;
}

/* Reads until the count is reached, kills, reads what was still said. */
static size_t watch_and_kill(pid_t child, int pipe_end, size_t max_count,
                             struct pair_state states[THREAD_COUNT][PAIR_COUNT])
{
    struct message message;
    size_t count = 0;
    bool is_killed = false;
    while (read(pipe_end, &message, sizeof(message)) == (ssize_t)sizeof(message)) {
        take_message(&message, states);
        if (++count >= max_count && !is_killed) {
            assert_int_equal(kill(child, SIGKILL), 0);
            is_killed = true;
        }
    }
    if (!is_killed)
        fail_msg("the child ended by itself after %zu messages", count);
    return count;
}

static bool is_pair_stored(struct store_fixture *fixture, uint32_t thread, uint32_t pair,
                           uint32_t edition)
{
    struct sample *a = make_sample(fixture, thread, pair, 0, edition);
    struct sample *b = make_sample(fixture, thread, pair, 1, edition);
    bool is_stored =
        sample_is_stored(fixture->store, a, true) && sample_is_stored(fixture->store, b, true);
    sample_destroy(a);
    sample_destroy(b);
    return is_stored;
}

static bool is_absent(struct store_fixture *fixture, uint32_t thread, uint32_t pair)
{
    struct cof_arena arena = {0};
    struct cof_document document;
    size_t missing = 0;
    for (uint32_t half = 0; half < 2; half++) {
        char id[32];
        id_of(id, thread, pair, half);
        missing += cof_store_find_document(fixture->store, fixture->collection, cof_text_from(id),
                                           &arena, &document, NULL) == COF_NOT_FOUND
                       ? 1
                       : 0;
    }
    cof_arena_deinit(&arena);
    return missing == 2;
}

static void check_pair(struct store_fixture *fixture, uint32_t thread, uint32_t pair,
                       struct pair_state *state)
{
    uint8_t id[16] = {0};
    memcpy(id, &state->attempt_id, sizeof(state->attempt_id));
    bool has_new = state->attempted != 0 && is_pair_stored(fixture, thread, pair, state->attempted);
    bool has_row = state->attempt_id != 0 && fixture_outbox_count(fixture->store, id) == 1;
    if (state->attempted == state->acknowledged)
        assert_true(state->attempted == 0 ? is_absent(fixture, thread, pair) : has_new);
    else if (!has_new)
        assert_true(state->acknowledged == 0
                        ? is_absent(fixture, thread, pair)
                        : is_pair_stored(fixture, thread, pair, state->acknowledged));
    /* the record is there exactly when what it records is */
    if (state->attempt_id != 0)
        assert_int_equal(has_row, has_new);
    state->acknowledged = has_new ? state->attempted : state->acknowledged;
    state->attempted = state->acknowledged;
    state->attempt_id = 0;
}

static enum cof_status finish(void *context, const uint8_t id[16], struct cof_bytes record,
                              struct cof_error *err)
{
    (void)record;
    (void)err;
    cof_store_outbox_done(context, id);
    return COF_OK;
}

static void check_and_drain(struct store_fixture *fixture,
                            struct pair_state states[THREAD_COUNT][PAIR_COUNT])
{
    struct cof_error err = {0};
    store_fixture_open(fixture);
    for (uint32_t thread = 0; thread < THREAD_COUNT; thread++) {
        for (uint32_t pair = 0; pair < PAIR_COUNT; pair++)
            check_pair(fixture, thread, pair, &states[thread][pair]);
    }
    expect_ok(cof_store_each_outbox(fixture->store, finish, fixture->store, &err), err);
    store_fixture_close(fixture);
}

static void crash__loses_nothing_acknowledged_and_leaves_nothing_half(void **state)
{
    static struct pair_state states[THREAD_COUNT][PAIR_COUNT];
    struct store_fixture fixture;
    struct seeded_random random;
    size_t message_count = 0;
    seeded_random_init(&random, 20261122);
    store_fixture_setup(&fixture);
    store_fixture_close(&fixture);
    for (uint32_t round = 1; round <= ROUND_COUNT; round++) {
        int ends[2];
        int code = 0;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(ends[0]);
            run_child(&fixture, round, ends[1]);
        }
        (void)close(ends[1]);
        message_count += watch_and_kill(
            child, ends[0], 1 + seeded_random_below(&random, MAX_MESSAGE_COUNT), states);
        assert_int_equal(waitpid(child, &code, 0), child);
        assert_true(WIFSIGNALED(code) && WTERMSIG(code) == SIGKILL);
        (void)close(ends[0]);
        check_and_drain(&fixture, states);
    }
    print_message("%zu messages in %d rounds\n", message_count, ROUND_COUNT);
    store_fixture_open(&fixture);
    assert_int_equal(fixture_outbox_count(fixture.store, NULL), 0);
    store_fixture_teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crash__loses_nothing_acknowledged_and_leaves_nothing_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
