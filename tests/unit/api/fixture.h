/* A server over the fake service for tests of handlers: ask, then look at members of the answer. */
#ifndef COF_TESTS_API_FIXTURE_H
#define COF_TESTS_API_FIXTURE_H

#include "client.h"
#include "fake_service.h"
#include "testing.h"

extern struct running_server the_server;

int fixture_set_up(void **state);
int fixture_tear_down(void **state);
#define FIXTURE_CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

/* Asks and keeps the response until the next call. `body` as in client_ask. */
const struct response *ask(int expected_status, const char *method, const char *path,
                           const char *body);
/* The last response's member at "data.0.id" is this JSON text ("\"x\"", "3", "null", "[]"). */
void expect_member(const char *place, const char *json);
void expect_absent(const char *place);
/* Asks with this body and expects 400 with this `param` (NULL = null). */
void expect_refused(const char *path, const char *body, const char *param);
/* What the service was asked last. */
void expect_last(const char *text);

#endif
