/* A store in a folder of its own, with its keys, and sample documents that can be checked. */
#ifndef COF_TESTS_STORE_FIXTURE_H
#define COF_TESTS_STORE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/keys/keyring.h>
#include <cof/store/store.h>

#include "temp_dir.h"

#define FIXTURE_DIMENSION 8

struct store_fixture {
    char root[TEMP_DIR_PATH_SIZE];
    char keys[TEMP_DIR_PATH_SIZE];
    char folder[TEMP_DIR_PATH_SIZE];
    uint64_t max_bytes; /* 0 = 64 MiB */
    struct cof_keyring *keyring;
    struct cof_store *store;
    uint64_t collection; /* made by store_fixture_setup */
};

/* Every function ends the test with a message when something fails. */
void store_fixture_init(struct store_fixture *fixture); /* folders and names only */
void store_fixture_open(struct store_fixture *fixture); /* keys and store, made when absent */
void store_fixture_setup(struct store_fixture *fixture);
void store_fixture_close(struct store_fixture *fixture); /* store and keys; the folders stay */
void store_fixture_teardown(struct store_fixture *fixture);

struct cof_store_options store_fixture_options(const struct store_fixture *fixture);
uint64_t fixture_create_collection(struct cof_store *store, const char *name,
                                   enum cof_vector_precision precision);

/* A document whose every byte follows from its id, its edition and its number of chunks. */
struct sample {
    struct cof_document_write write;
    struct cof_chunk_write *chunks;
    float *vectors;
    char *texts;
    char id[64];
    char title[64];
    char attributes[64];
    struct cof_text allow[2];
};
struct sample *sample_create(struct cof_store *store, uint64_t collection, const char *id,
                             unsigned edition, size_t chunk_count);
void sample_destroy(struct sample *sample);
/* Puts it; the call must succeed. */
struct cof_write_outcome sample_put(struct cof_store *store, const struct sample *sample);
/* Whether the store holds exactly this, with all chunks; the vectors are compared too when asked
 * (that reads the whole collection). */
bool sample_is_stored(struct cof_store *store, const struct sample *sample, bool with_vectors);

/* An outbox whose record is `text`. */
struct fixture_outbox {
    struct cof_outbox outbox;
    char text[64];
    unsigned encode_count;
    enum cof_status fail_with; /* COF_OK = does not fail */
    struct cof_write_outcome last[64];
    size_t last_count;
};
void fixture_outbox_init(struct fixture_outbox *outbox, uint64_t number, const char *text);
/* How many rows the outbox has; with `id`, how many of that id. */
size_t fixture_outbox_count(struct cof_store *store, const uint8_t *id);

/* Fails the test with the error's message unless `status` is COF_OK. */
#define expect_ok(status, err)                                                                     \
    do {                                                                                           \
        enum cof_status expect_ok_status_ = (status);                                              \
        if (expect_ok_status_ != COF_OK)                                                           \
            fail_msg("%s: %s (%s)", cof_status_name(expect_ok_status_), (err).message,             \
                     (err).where);                                                                 \
    } while (0)

#endif
