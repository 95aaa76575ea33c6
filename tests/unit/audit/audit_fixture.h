/* A store's keys and an audit folder in a temporary folder, made the same way by every test. */
#ifndef COF_TESTS_UNIT_AUDIT_FIXTURE_H
#define COF_TESTS_UNIT_AUDIT_FIXTURE_H

#include <cof/audit/log.h>
#include <cof/audit/verify.h>
#include <cof/base/file.h>
#include <cof/keys/keyring.h>

#include "temp_dir.h"
#include "testing.h"

struct audit_fixture {
    char top[TEMP_DIR_PATH_SIZE];
    char folder[COF_MAX_PATH]; /* of the log */
    struct cof_keyring *keyring;
    char notices[2048];
};

/* For cmocka; *state is a struct audit_fixture. */
int audit_set_up(void **state);
int audit_tear_down(void **state);

struct cof_audit_log_options audit_options(struct audit_fixture *fixture);
/* With checkpoints only when asked for or at close, and segments of 64 MiB. */
struct cof_audit_log *audit_open(struct audit_fixture *fixture);
struct cof_audit_log *audit_open_small(struct audit_fixture *fixture, uint64_t max_segment_bytes);

/* A record that has every field, different for each number. The texts live until the next call. */
struct cof_audit_record audit_record(uint64_t number);
/* Appends records first … first + count - 1 and checks their places. */
void audit_append(struct cof_audit_log *log, uint64_t first, uint64_t count);

/* Appends `count` records without payload in groups of `group`, for logs that are to be long. */
void audit_append_plain(struct cof_audit_log *log, uint64_t count, size_t group);

enum cof_audit_verdict audit_verdict(const struct audit_fixture *fixture,
                                     struct cof_audit_report *out_report);

void audit_path(const struct audit_fixture *fixture, const char *name, char out_path[COF_MAX_PATH]);
void audit_load(const struct audit_fixture *fixture, const char *name, struct cof_buffer *out);
void audit_store(const struct audit_fixture *fixture, const char *name, struct cof_bytes content);
/* The folder's files, copied to and from memory: names relative to the folder and their bytes. */
struct audit_copy;
struct audit_copy *audit_copy_take(const struct audit_fixture *fixture);
void audit_copy_put_back(const struct audit_fixture *fixture, const struct audit_copy *copy);
/* Whether both hold the same files with the same bytes. */
bool audit_copy_equal(const struct audit_copy *a, const struct audit_copy *b);
void audit_copy_release(struct audit_copy *copy);

#endif
