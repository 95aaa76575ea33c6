/* The clear leaf of a record. */
#include "leaf.h"

#include <string.h>

#include "record_cbor.h"

#define SCHEMA 1

enum key {
    KEY_SCHEMA = 0,
    KEY_SEQ = 1,
    KEY_TIME_NS = 2,
    KEY_EVENT = 7,
    KEY_OUTCOME = 8,
    KEY_REQUEST_ID = 9,
    KEY_INTENT_SEQ = 10,
    KEY_ACTOR_REF = 11,
    KEY_CREDENTIAL_ID = 13,
    KEY_COLLECTION = 16,
    KEY_RESOURCES = 18,
    KEY_QUERY = COF_LEAF_QUERY,
    KEY_RESULTS = COF_LEAF_RESULTS,
    KEY_ANSWER = COF_LEAF_ANSWER,
    KEY_PAYLOAD = 30,
};

#define REQUIRED_KEYS                                                                              \
    (1U << KEY_SCHEMA | 1U << KEY_SEQ | 1U << KEY_TIME_NS | 1U << KEY_EVENT | 1U << KEY_OUTCOME |  \
     1U << KEY_REQUEST_ID)

static void write_bytes(struct cof_buffer *out, enum key key, const uint8_t *bytes, size_t size)
{
    cof_cbor_write_unsigned(out, key);
    cof_cbor_write_bytes(out, (struct cof_bytes){.data = bytes, .size = size});
}

static void write_number(struct cof_buffer *out, enum key key, uint64_t number)
{
    cof_cbor_write_unsigned(out, key);
    cof_cbor_write_unsigned(out, number);
}

static void write_number_and_hash(struct cof_buffer *out, enum key key, uint64_t number,
                                  const uint8_t hash[32])
{
    cof_cbor_write_unsigned(out, key);
    cof_cbor_write_array(out, 2);
    cof_cbor_write_unsigned(out, number);
    cof_cbor_write_bytes(out, (struct cof_bytes){.data = hash, .size = 32});
}

static void read_number_and_hash(struct cof_cbor_reader *reader, uint64_t *out_number,
                                 uint8_t out_hash[32])
{
    if (cof_cbor_read_array(reader) != 2)
        reader->has_failed = true;
    *out_number = cof_cbor_read_unsigned(reader);
    cof_fixed_read(reader, out_hash, 32);
}

static size_t count_fields(const struct cof_leaf *leaf)
{
    size_t count = 6; /* the required ones */
    count += leaf->intent_seq != UINT64_MAX;
    count += leaf->has_actor;
    count += leaf->credential_id != 0;
    count += leaf->collection != 0;
    count += leaf->resources.size > 0;
    count += leaf->has_query;
    count += leaf->has_results;
    count += leaf->has_answer;
    count += leaf->has_payload;
    return count;
}

static void read_field(struct cof_cbor_reader *reader, uint64_t key, struct cof_leaf *leaf)
{
    uint64_t number = 0;
    const uint8_t *begin = NULL;
    switch (key) {
    case KEY_SCHEMA:
        if (cof_cbor_read_unsigned(reader) != SCHEMA)
            reader->has_failed = true;
        break;
    case KEY_SEQ:
        leaf->seq = cof_cbor_read_unsigned(reader);
        break;
    case KEY_TIME_NS:
        leaf->time_ns = cof_cbor_read_integer(reader);
        break;
    case KEY_EVENT:
        number = cof_cbor_read_unsigned(reader);
        if (number > UINT16_MAX)
            reader->has_failed = true;
        leaf->event = (enum cof_audit_event)number;
        break;
    case KEY_OUTCOME:
        leaf->outcome = cof_outcome_read(reader);
        break;
    case KEY_REQUEST_ID:
        cof_fixed_read(reader, leaf->request_id, sizeof(leaf->request_id));
        break;
    case KEY_INTENT_SEQ:
        leaf->intent_seq = cof_cbor_read_unsigned(reader);
        break;
    case KEY_ACTOR_REF:
        leaf->has_actor = true;
        cof_fixed_read(reader, leaf->actor_ref, sizeof(leaf->actor_ref));
        break;
    case KEY_CREDENTIAL_ID:
        leaf->credential_id = cof_cbor_read_unsigned(reader);
        break;
    case KEY_COLLECTION:
        leaf->collection = cof_cbor_read_unsigned(reader);
        break;
    case KEY_RESOURCES:
        begin = reader->rest.data;
        cof_cbor_skip(reader);
        if (!reader->has_failed)
            leaf->resources =
                (struct cof_bytes){.data = begin, .size = (size_t)(reader->rest.data - begin)};
        break;
    case KEY_QUERY:
        leaf->has_query = true;
        cof_fixed_read(reader, leaf->query_commitment, COF_COMMITMENT_SIZE);
        break;
    case KEY_RESULTS:
        leaf->has_results = true;
        read_number_and_hash(reader, &leaf->result_count, leaf->result_commitment);
        break;
    case KEY_ANSWER:
        leaf->has_answer = true;
        cof_fixed_read(reader, leaf->answer_commitment, COF_COMMITMENT_SIZE);
        break;
    case KEY_PAYLOAD:
        leaf->has_payload = true;
        read_number_and_hash(reader, &leaf->payload_size, leaf->payload_sha256);
        break;
    default:
        reader->has_failed = true;
        break;
    }
}

void cof_leaf_append(struct cof_buffer *out, const struct cof_leaf *leaf)
{
    cof_cbor_write_map(out, count_fields(leaf));
    write_number(out, KEY_SCHEMA, SCHEMA);
    write_number(out, KEY_SEQ, leaf->seq);
    cof_cbor_write_unsigned(out, KEY_TIME_NS);
    cof_cbor_write_integer(out, leaf->time_ns);
    write_number(out, KEY_EVENT, (uint64_t)leaf->event);
    cof_cbor_write_unsigned(out, KEY_OUTCOME);
    cof_outcome_write(out, leaf->outcome);
    write_bytes(out, KEY_REQUEST_ID, leaf->request_id, sizeof(leaf->request_id));
    if (leaf->intent_seq != UINT64_MAX)
        write_number(out, KEY_INTENT_SEQ, leaf->intent_seq);
    if (leaf->has_actor)
        write_bytes(out, KEY_ACTOR_REF, leaf->actor_ref, sizeof(leaf->actor_ref));
    if (leaf->credential_id != 0)
        write_number(out, KEY_CREDENTIAL_ID, leaf->credential_id);
    if (leaf->collection != 0)
        write_number(out, KEY_COLLECTION, leaf->collection);
    if (leaf->resources.size > 0) {
        cof_cbor_write_unsigned(out, KEY_RESOURCES);
        cof_buffer_append(out, leaf->resources.data, leaf->resources.size);
    }
    if (leaf->has_query)
        write_bytes(out, KEY_QUERY, leaf->query_commitment, COF_COMMITMENT_SIZE);
    if (leaf->has_results)
        write_number_and_hash(out, KEY_RESULTS, leaf->result_count, leaf->result_commitment);
    if (leaf->has_answer)
        write_bytes(out, KEY_ANSWER, leaf->answer_commitment, COF_COMMITMENT_SIZE);
    if (leaf->has_payload)
        write_number_and_hash(out, KEY_PAYLOAD, leaf->payload_size, leaf->payload_sha256);
}

enum cof_status cof_leaf_decode(struct cof_bytes encoded, struct cof_leaf *out_leaf,
                                struct cof_error *err)
{
    struct cof_leaf leaf = {.intent_seq = UINT64_MAX};
    struct cof_cbor_reader reader = cof_cbor_reader_from(encoded);
    uint32_t seen = 0;
    size_t count = cof_cbor_read_map(&reader);
    for (size_t i = 0; i < count && !reader.has_failed; i++) {
        uint64_t key = cof_cbor_read_unsigned(&reader);
        seen |= key < 32 ? 1U << key : 0;
        read_field(&reader, key, &leaf);
    }
    if ((seen & REQUIRED_KEYS) != REQUIRED_KEYS || encoded.size > COF_LEAF_MAX_SIZE)
        reader.has_failed = true;
    COF_TRY(cof_cbor_finish(&reader, true, err));
    *out_leaf = leaf;
    return COF_OK;
}

enum cof_status cof_leaf_resources(const struct cof_leaf *leaf, struct cof_arena *arena,
                                   struct cof_audit_resource **out_resources, size_t *out_count,
                                   struct cof_error *err)
{
    struct cof_cbor_reader reader = cof_cbor_reader_from(leaf->resources);
    struct cof_audit_resource *resources = NULL;
    size_t count = 0;
    if (leaf->resources.size > 0) {
        COF_TRY(cof_resources_read(&reader, arena, &resources, &count, err));
        COF_TRY(cof_cbor_finish(&reader, true, err));
    }
    *out_resources = resources;
    *out_count = count;
    return COF_OK;
}
