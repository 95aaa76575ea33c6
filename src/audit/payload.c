/* The sealed payload of a record, and preparing a record for the writer.
 *
 * The payload is a sealed value of the store (collection 0, table 0xA1, schema 1) under the audit
 * payload key, whose "stored key" is request id | event u16, so that it opens beside its own leaf
 * only. The leaf names the SHA-256 of its sealed form. */
#include "leaf.h"

#include <stdio.h>
#include <string.h>

#include <cof/keys/hash.h>
#include <cof/keys/seal.h>

#include "record_cbor.h"

#define SCHEMA 1
#define TABLE_AUDIT_PAYLOAD 0xA1

enum key {
    KEY_SCHEMA,
    KEY_SEED,
    KEY_SUBJECT,
    KEY_QUERY,
    KEY_ANSWER,
    KEY_DETAILS,
    KEY_RESULTS,
};

struct place {
    uint8_t name[18]; /* request id, event */
    struct cof_seal_context context;
};

static void place_init(struct place *place, const struct cof_leaf *leaf,
                       const struct cof_keyring *keyring)
{
    memcpy(place->name, leaf->request_id, 16);
    place->name[16] = (uint8_t)(leaf->event >> 8);
    place->name[17] = (uint8_t)leaf->event;
    place->context = (struct cof_seal_context){
        .table = TABLE_AUDIT_PAYLOAD,
        .schema = SCHEMA,
        .stored_key = {.data = place->name, .size = sizeof(place->name)},
    };
    cof_keyring_store_uuid(keyring, place->context.store_uuid);
}

static bool has_payload(const struct cof_audit_record *record)
{
    return record->subject.size > 0 || record->query.size > 0 || record->answer.size > 0 ||
           record->details.size > 0 || record->result_count > 0;
}

static void write_text(struct cof_buffer *out, enum key key, struct cof_text text)
{
    if (text.size == 0)
        return;
    cof_cbor_write_unsigned(out, key);
    cof_cbor_write_text(out, text);
}

static void write_payload(struct cof_buffer *out, const struct cof_audit_record *record,
                          const uint8_t seed[COF_PAYLOAD_SEED_SIZE], struct cof_bytes results)
{
    size_t count = 2;
    count += record->subject.size > 0;
    count += record->query.size > 0;
    count += record->answer.size > 0;
    count += record->details.size > 0;
    count += results.size > 0;
    cof_cbor_write_map(out, count);
    cof_cbor_write_unsigned(out, KEY_SCHEMA);
    cof_cbor_write_unsigned(out, SCHEMA);
    cof_cbor_write_unsigned(out, KEY_SEED);
    cof_cbor_write_bytes(out, (struct cof_bytes){.data = seed, .size = COF_PAYLOAD_SEED_SIZE});
    write_text(out, KEY_SUBJECT, record->subject);
    write_text(out, KEY_QUERY, record->query);
    write_text(out, KEY_ANSWER, record->answer);
    write_text(out, KEY_DETAILS, record->details);
    if (results.size > 0) {
        cof_cbor_write_unsigned(out, KEY_RESULTS);
        cof_buffer_append(out, results.data, results.size);
    }
}

static void set_actor(struct cof_leaf *leaf, struct cof_text subject,
                      const struct cof_keyring *keyring)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key key = {0};
    uint8_t digest[COF_SHA256_SIZE];
    const struct cof_bytes parts[] = {
        {.data = (const uint8_t *)"coffer/v1/actor", .size = 16}, /* with its NUL */
        cof_text_bytes(subject),
    };
    cof_keyring_system_key(keyring, COF_KEY_AUDIT_PSEUDONYM, &key);
    cof_hmac_sha256((struct cof_bytes){.data = key.bytes, .size = COF_KEY_SIZE}, parts, 2, digest);
    leaf->has_actor = true;
    memcpy(leaf->actor_ref, digest, sizeof(leaf->actor_ref));
}

static enum cof_status seal_payload(struct cof_prepared *prepared,
                                    const struct cof_audit_record *record,
                                    const struct cof_keyring *keyring,
                                    const struct cof_random *random, struct cof_error *err)
{
    struct cof_leaf *leaf = &prepared->leaf;
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer plain = {0};
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer results = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key key = {0};
    uint8_t seed[COF_PAYLOAD_SEED_SIZE];
    struct place place;

    cof_random_fill(random, seed, sizeof(seed));
    if (record->result_count > 0)
        cof_results_write(&results, record);
    COF_TRY(cof_buffer_status(&results, err));
    if (record->query.size > 0)
        cof_commit_to(seed, COF_LEAF_QUERY, cof_text_bytes(record->query), leaf->query_commitment);
    if (record->result_count > 0)
        cof_commit_to(seed, COF_LEAF_RESULTS, cof_buffer_bytes(&results), leaf->result_commitment);
    if (record->answer.size > 0)
        cof_commit_to(seed, COF_LEAF_ANSWER, cof_text_bytes(record->answer),
                      leaf->answer_commitment);
    write_payload(&plain, record, seed, cof_buffer_bytes(&results));
    cof_wipe(seed, sizeof(seed));
    COF_TRY(cof_buffer_status(&plain, err));
    if (plain.size > COF_PAYLOAD_MAX_SIZE)
        return COF_FAIL(err, COF_TOO_LARGE, "an audit record of %zu bytes is over the %zu allowed",
                        plain.size, COF_PAYLOAD_MAX_SIZE);
    cof_keyring_system_key(keyring, COF_KEY_AUDIT_PAYLOAD, &key);
    place_init(&place, leaf, keyring);
    COF_TRY(
        cof_seal(&key, &place.context, cof_buffer_bytes(&plain), random, &prepared->payload, err));
    leaf->has_payload = true;
    leaf->payload_size = prepared->payload.size;
    cof_sha256(cof_buffer_bytes(&prepared->payload), leaf->payload_sha256);
    return COF_OK;
}

static enum cof_status prepare(struct cof_prepared *prepared, const struct cof_audit_record *record,
                               const struct cof_keyring *keyring, int64_t now_ns,
                               const struct cof_random *random, struct cof_error *err)
{
    prepared->leaf = (struct cof_leaf){
        .time_ns = record->time_ns != 0 ? record->time_ns : now_ns,
        .event = record->event,
        .outcome = record->outcome,
        .intent_seq = record->intent_seq,
        .credential_id = record->credential_id,
        .collection = record->collection,
        .has_query = record->query.size > 0,
        .has_results = record->result_count > 0,
        .result_count = record->result_count,
        .has_answer = record->answer.size > 0,
    };
    memcpy(prepared->leaf.request_id, record->request_id, sizeof(record->request_id));
    if (record->resource_count > 0) {
        cof_resources_write(&prepared->resources, record);
        COF_TRY(cof_buffer_status(&prepared->resources, err));
        prepared->leaf.resources = cof_buffer_bytes(&prepared->resources);
    }
    if (record->subject.size > 0)
        set_actor(&prepared->leaf, record->subject, keyring);
    if (has_payload(record))
        COF_TRY(seal_payload(prepared, record, keyring, random, err));
    return COF_OK;
}

static struct cof_text keep(struct cof_arena *arena, struct cof_cbor_reader *reader, bool *has_room)
{
    struct cof_text text = cof_arena_copy_text(arena, cof_cbor_read_text(reader));
    if (text.data == NULL)
        *has_room = false;
    return text;
}

static enum cof_status read_field(struct cof_cbor_reader *reader, uint64_t key,
                                  struct cof_arena *arena, struct cof_audit_record *record,
                                  bool *has_room, struct cof_error *err)
{
    struct cof_audit_result *results = NULL;
    switch (key) {
    case KEY_SCHEMA:
        if (cof_cbor_read_unsigned(reader) != SCHEMA)
            reader->has_failed = true;
        return COF_OK;
    case KEY_SEED: /* for who checks a commitment; not part of the record */
        if (cof_cbor_read_bytes(reader).size != COF_PAYLOAD_SEED_SIZE)
            reader->has_failed = true;
        return COF_OK;
    case KEY_SUBJECT:
        record->subject = keep(arena, reader, has_room);
        return COF_OK;
    case KEY_QUERY:
        record->query = keep(arena, reader, has_room);
        return COF_OK;
    case KEY_ANSWER:
        record->answer = keep(arena, reader, has_room);
        return COF_OK;
    case KEY_DETAILS:
        record->details = keep(arena, reader, has_room);
        return COF_OK;
    case KEY_RESULTS:
        COF_TRY(cof_results_read(reader, arena, &results, &record->result_count, err));
        record->results = results;
        return COF_OK;
    default:
        reader->has_failed = true;
        return COF_OK;
    }
}

static enum cof_status read_payload(struct cof_bytes plain, struct cof_arena *arena,
                                    struct cof_audit_record *record, struct cof_error *err)
{
    struct cof_audit_record read = *record;
    struct cof_cbor_reader reader = cof_cbor_reader_from(plain);
    bool has_room = true;
    size_t count = cof_cbor_read_map(&reader);
    for (size_t i = 0; i < count && !reader.has_failed && has_room; i++) {
        uint64_t key = cof_cbor_read_unsigned(&reader);
        COF_TRY(read_field(&reader, key, arena, &read, &has_room, err));
    }
    if (!has_room)
        return COF_FAIL_MEMORY(err);
    COF_TRY(cof_cbor_finish(&reader, true, err));
    *record = read;
    return COF_OK;
}

void cof_commit_to(const uint8_t seed[COF_PAYLOAD_SEED_SIZE], enum cof_leaf_commitment field,
                   struct cof_bytes value, uint8_t out_commitment[COF_COMMITMENT_SIZE])
{
    char label[32];
    uint8_t salt[COF_SHA256_SIZE];
    int size = snprintf(label, sizeof(label), "coffer/v1/cm-salt/%d", (int)field);
    const struct cof_bytes salt_label = {.data = (const uint8_t *)label, .size = (size_t)size};
    cof_hmac_sha256((struct cof_bytes){.data = seed, .size = COF_PAYLOAD_SEED_SIZE}, &salt_label, 1,
                    salt);
    size = snprintf(label, sizeof(label), "coffer/v1/cm/%d", (int)field);
    const struct cof_bytes parts[] = {
        {.data = (const uint8_t *)label, .size = (size_t)size + 1}, /* with its NUL */
        value,
    };
    cof_hmac_sha256((struct cof_bytes){.data = salt, .size = sizeof(salt)}, parts, 2,
                    out_commitment);
    cof_wipe(salt, sizeof(salt));
}

enum cof_status cof_prepared_init(struct cof_prepared *prepared,
                                  const struct cof_audit_record *record,
                                  const struct cof_keyring *keyring, int64_t now_ns,
                                  const struct cof_random *random, struct cof_error *err)
{
    COF_TRY(cof_record_check(record, err));
    *prepared = (struct cof_prepared){0};
    enum cof_status status = prepare(prepared, record, keyring, now_ns, random, err);
    if (status != COF_OK)
        cof_prepared_deinit(prepared);
    return status;
}

void cof_prepared_deinit(struct cof_prepared *prepared)
{
    cof_buffer_deinit(&prepared->resources);
    cof_buffer_deinit(&prepared->payload);
}

enum cof_status cof_payload_open(const struct cof_leaf *leaf, struct cof_bytes sealed,
                                 const struct cof_keyring *keyring, struct cof_arena *arena,
                                 struct cof_audit_record *record, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer plain = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key key = {0};
    struct place place;
    place_init(&place, leaf, keyring);
    cof_keyring_system_key(keyring, COF_KEY_AUDIT_PAYLOAD, &key);
    COF_TRY(cof_unseal(&key, &place.context, sealed, &plain, err));
    return read_payload(cof_buffer_bytes(&plain), arena, record, err);
}
