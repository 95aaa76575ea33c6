/* A service that a test can slow down, refuse with and look into.
 *
 * It stands in for src/service at link time: every cof_service_ function that api/ calls is defined
 * in fake_service.c, so what is tested is the HTTP server and its handlers alone. Stores, documents
 * and answers are a few fixed ones. */
#ifndef COF_TESTS_API_FAKE_SERVICE_H
#define COF_TESTS_API_FAKE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/service/service.h>

#define FAKE_KEY "coffer_good"
/* For whom that key may ask, and the groups that are counted. */
#define FAKE_USER "anna"
#define FAKE_GROUPS "staff, board"
#define FAKE_STORE "vs_aaaaaaaaaaaaaaaaaaaaaaaa"

struct cof_service *fake_service(void);
/* Forgets everything; every gate is open. */
void fake_service_reset(void);

/* Calls of `embed`, `search`, `chat` and `put` stop at the gate until it is opened or the call is
 * canceled. */
void fake_service_close_gate(void);
void fake_service_open_gate(void);
/* Waits until so many calls stand at the gate. */
void fake_service_wait_at_gate(size_t count);

/* The next `count` service calls (authentication not counted) fail with this status. */
void fake_service_fail(enum cof_status status, size_t count);

struct fake_counts {
    size_t authenticated;
    size_t refused_keys;
    size_t acted; /* for FAKE_USER with FAKE_GROUPS */
    size_t embedded;
    size_t searched;
    size_t chats;
    size_t puts;      /* calls */
    size_t documents; /* in them */
    size_t canceled;  /* calls that ended by cancellation */
    size_t largest_put;
};
struct fake_counts fake_service_counts(void);
/* Waits until `canceled` is at least that. */
void fake_service_wait_canceled(size_t count);

/* What the last call asked for, as text; "" when nothing. */
const char *fake_service_last(void);

#endif
