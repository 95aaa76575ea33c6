/* The two encodings of a record in the log: the clear leaf and the sealed payload.
 *
 * Both are deterministic CBOR maps with unsigned keys. Leaf: 0 schema (1) · 1 seq · 2 time_ns ·
 * 7 event · 8 outcome (name of the status) · 9 request id · 10 intent seq · 11 actor_ref ·
 * 13 credential id · 16 collection · 18 [document number, version, …] · 22 query commitment ·
 * 23 [count, commitment] · 25 answer commitment · 30 [size, SHA-256] of the sealed payload.
 * Payload: 0 schema (1) · 1 seed · 2 subject · 3 query · 4 answer · 5 details ·
 * 6 [chunk id, score, …].
 *
 * A commitment is HMAC-SHA-256(r, "coffer/v1/cm/<field>" 0x00 | value) with r = HMAC-SHA-256(seed,
 * "coffer/v1/cm-salt/<field>"), <field> the leaf's field number in decimal: so one value can be
 * shown to fit by showing its r, without making the others guessable. */
#ifndef COF_AUDIT_LEAF_PRIVATE_H
#define COF_AUDIT_LEAF_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/audit/record.h>
#include <cof/base/buffer.h>
#include <cof/base/clock.h>
#include <cof/base/status.h>
#include <cof/keys/keyring.h>

#define COF_LEAF_MAX_SIZE ((size_t)65535) /* the limit of C2SP entry bundles */
#define COF_PAYLOAD_MAX_SIZE ((size_t)16 << 20)
#define COF_COMMITMENT_SIZE 32
#define COF_ACTOR_REF_SIZE 16
#define COF_PAYLOAD_SEED_SIZE 32

/* Leaf fields that carry commitments. */
enum cof_leaf_commitment {
    COF_LEAF_QUERY = 22,
    COF_LEAF_RESULTS = 23,
    COF_LEAF_ANSWER = 25,
};

/* A leaf's fields; views point into what it was decoded from. */
struct cof_leaf {
    uint64_t seq;
    int64_t time_ns;
    enum cof_audit_event event;
    enum cof_status outcome;
    uint8_t request_id[16];
    uint64_t intent_seq; /* UINT64_MAX = none */
    bool has_actor;
    uint8_t actor_ref[COF_ACTOR_REF_SIZE];
    uint64_t credential_id;
    uint64_t collection;
    struct cof_bytes resources; /* the encoded array; empty = none */
    bool has_query;
    uint8_t query_commitment[COF_COMMITMENT_SIZE];
    bool has_results;
    uint64_t result_count;
    uint8_t result_commitment[COF_COMMITMENT_SIZE];
    bool has_answer;
    uint8_t answer_commitment[COF_COMMITMENT_SIZE];
    bool has_payload;
    uint64_t payload_size;
    uint8_t payload_sha256[32];
};

/* Appends the leaf; nothing fails but memory (sticky in `out`). */
void cof_leaf_append(struct cof_buffer *out, const struct cof_leaf *leaf);
COF_MUST_USE enum cof_status cof_leaf_decode(struct cof_bytes encoded, struct cof_leaf *out_leaf,
                                             struct cof_error *err);
/* The resources of a decoded leaf as an array in the arena. */
COF_MUST_USE enum cof_status cof_leaf_resources(const struct cof_leaf *leaf,
                                                struct cof_arena *arena,
                                                struct cof_audit_resource **out_resources,
                                                size_t *out_count, struct cof_error *err);

/* A record ready for the writer: all of its leaf but seq, and its sealed payload. */
struct cof_prepared {
    struct cof_leaf leaf;
    struct cof_buffer resources; /* what leaf.resources points to */
    struct cof_buffer payload;   /* sealed; empty = none */
};

/* Checks the record (COF_INVALID, COF_TOO_LARGE) and prepares it. */
COF_MUST_USE enum cof_status cof_prepared_init(struct cof_prepared *prepared,
                                               const struct cof_audit_record *record,
                                               const struct cof_keyring *keyring, int64_t now_ns,
                                               const struct cof_random *random,
                                               struct cof_error *err);
void cof_prepared_deinit(struct cof_prepared *prepared);

/* Opens a payload of a leaf and fills the record's subject, query, answer, details and results,
 * all in the arena. COF_CORRUPT when it cannot be opened. */
COF_MUST_USE enum cof_status cof_payload_open(const struct cof_leaf *leaf, struct cof_bytes sealed,
                                              const struct cof_keyring *keyring,
                                              struct cof_arena *arena,
                                              struct cof_audit_record *record,
                                              struct cof_error *err);

void cof_commit_to(const uint8_t seed[COF_PAYLOAD_SEED_SIZE], enum cof_leaf_commitment field,
                   struct cof_bytes value, uint8_t out_commitment[COF_COMMITMENT_SIZE]);

#endif
