/* The outbox: kept until done, in order, over restarts. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_fixture.h"

static int set_up(void **state)
{
    struct store_fixture *fixture = calloc(1, sizeof(*fixture));
    store_fixture_setup(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    store_fixture_teardown(*state);
    free(*state);
    return 0;
}

/* A mutation that changes nothing but the outbox. */
static void record(struct store_fixture *fixture, uint64_t id, const char *text)
{
    struct cof_error err = {0};
    struct fixture_outbox outbox;
    struct cof_text name = COF_TEXT("handbook");
    fixture_outbox_init(&outbox, id, text);
    expect_ok(cof_store_update_collection(fixture->store, fixture->collection, &name, NULL,
                                          &outbox.outbox, &err),
              err);
    assert_int_equal(outbox.encode_count, 1);
}

static void done(struct store_fixture *fixture, uint64_t id)
{
    uint8_t bytes[16] = {0};
    memcpy(bytes, &id, sizeof(id));
    cof_store_outbox_done(fixture->store, bytes);
}

struct texts {
    char all[256];
};

static enum cof_status append(void *context, const uint8_t id[16], struct cof_bytes encoded,
                              struct cof_error *err)
{
    struct texts *texts = context;
    (void)id;
    (void)err;
    size_t size = strlen(texts->all);
    (void)snprintf(texts->all + size, sizeof(texts->all) - size, "%.*s ", (int)encoded.size,
                   (const char *)encoded.data);
    return COF_OK;
}

static void expect_rows(struct store_fixture *fixture, const char *expected)
{
    struct cof_error err = {0};
    struct texts texts = {{0}};
    expect_ok(cof_store_each_outbox(fixture->store, append, &texts, &err), err);
    assert_string_equal(texts.all, expected);
}

static void rows__come_oldest_first_whatever_their_ids(void **state)
{
    record(*state, 9, "first");
    record(*state, 1, "second");
    record(*state, 5, "third");
    expect_rows(*state, "first second third ");
}

static void rows__stay_until_done_and_go_with_the_next_transaction(void **state)
{
    record(*state, 1, "first");
    record(*state, 2, "second");
    done(*state, 1);
    expect_rows(*state, "first second ");
    record(*state, 3, "third");
    expect_rows(*state, "second third ");
    done(*state, 4711); /* unknown: nothing happens */
    done(*state, 3);
    done(*state, 2);
    record(*state, 4, "fourth");
    expect_rows(*state, "fourth ");
}

static void rows__done_are_gone_after_a_clean_close(void **state)
{
    struct store_fixture *fixture = *state;
    record(fixture, 1, "first");
    record(fixture, 2, "second");
    done(fixture, 1);
    store_fixture_close(fixture);
    store_fixture_open(fixture);
    expect_rows(fixture, "second ");
    done(fixture, 2);
    record(fixture, 3, "third");
    expect_rows(fixture, "third ");
    record(fixture, 4, "fourth");
    store_fixture_close(fixture);
    store_fixture_open(fixture);
    record(fixture, 5, "fifth");
    expect_rows(fixture, "third fourth fifth ");
}

static void rows__of_the_same_id_are_done_one_at_a_time(void **state)
{
    record(*state, 1, "first");
    record(*state, 1, "second");
    done(*state, 1);
    record(*state, 2, "third");
    expect_rows(*state, "second third ");
    done(*state, 1);
    record(*state, 3, "fourth");
    expect_rows(*state, "third fourth ");
}

static enum cof_status refuse(void *context, const uint8_t id[16], struct cof_bytes encoded,
                              struct cof_error *err)
{
    (void)id;
    (void)encoded;
    ++*(int *)context;
    return COF_FAIL(err, COF_UNAVAILABLE, "the log is full");
}

static void each__stops_at_the_first_failure_and_returns_it(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    int calls = 0;
    record(fixture, 1, "first");
    record(fixture, 2, "second");
    assert_int_equal(cof_store_each_outbox(fixture->store, refuse, &calls, &err), COF_UNAVAILABLE);
    assert_int_equal(calls, 1);
}

static enum cof_status finish(void *context, const uint8_t id[16], struct cof_bytes encoded,
                              struct cof_error *err)
{
    (void)encoded;
    (void)err;
    cof_store_outbox_done(context, id);
    return COF_OK;
}

static void each__may_say_done_of_the_row_in_hand(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    record(fixture, 1, "first");
    record(fixture, 2, "second");
    expect_ok(cof_store_each_outbox(fixture->store, finish, fixture->store, &err), err);
    record(fixture, 3, "third");
    expect_rows(fixture, "third ");
}

static void failed_mutation__leaves_no_row(void **state)
{
    struct store_fixture *fixture = *state;
    struct cof_error err = {0};
    struct fixture_outbox outbox;
    struct cof_write_outcome outcome;
    fixture_outbox_init(&outbox, 1, "never");
    assert_int_equal(cof_store_delete_document(fixture->store, fixture->collection,
                                               COF_TEXT("absent"), &outbox.outbox, &outcome, &err),
                     COF_NOT_FOUND);
    assert_int_equal(
        cof_store_update_collection(fixture->store, 99, NULL, NULL, &outbox.outbox, &err),
        COF_NOT_FOUND);
    assert_int_equal(cof_store_delete_collection(fixture->store, 99, &outbox.outbox, &err),
                     COF_NOT_FOUND);
    assert_int_equal(outbox.encode_count, 0);
    expect_rows(fixture, "");
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(rows__come_oldest_first_whatever_their_ids),
        CASE(rows__stay_until_done_and_go_with_the_next_transaction),
        CASE(rows__done_are_gone_after_a_clean_close),
        CASE(rows__of_the_same_id_are_done_one_at_a_time),
        CASE(each__stops_at_the_first_failure_and_returns_it),
        CASE(each__may_say_done_of_the_row_in_hand),
        CASE(failed_mutation__leaves_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
