/* Credentials: one row each, under the store's own key; src/auth gives them meaning. */
#include <cof/store/store.h>

#include <string.h>

#include <cof/base/cbor.h>

#include "document_record.h"
#include "row.h"
#include "writer.h"

#define FIELD_COUNT 8
#define MAX_ROW_SIZE ((size_t)256 << 10)

struct credential_put {
    struct cof_credential credential; /* with its number */
    bool is_new;
    struct cof_write_outcome outcome;
};

static struct cof_row row_of(uint64_t number)
{
    return (struct cof_row){.key = cof_row_key_number(COF_TABLE_CREDENTIAL, number)};
}

static void encode(const struct cof_credential *credential, struct cof_buffer *out)
{
    cof_cbor_write_array(out, FIELD_COUNT);
    cof_cbor_write_text(out, cof_text_from(credential->key_id));
    cof_cbor_write_text(out, credential->name);
    cof_cbor_write_unsigned(out, credential->roles);
    cof_cbor_write_text(out, credential->user);
    cof_text_list_encode(credential->groups, credential->group_count, out);
    cof_cbor_write_bytes(out, (struct cof_bytes){.data = credential->secret_hash,
                                                 .size = sizeof(credential->secret_hash)});
    cof_cbor_write_integer(out, credential->created_ns);
    cof_cbor_write_integer(out, credential->revoked_ns);
}

static enum cof_status decode(struct cof_bytes plaintext, struct cof_arena *arena,
                              struct cof_credential *out_credential, struct cof_error *err)
{
    struct cof_cbor_reader reader = cof_cbor_reader_from(plaintext);
    struct cof_credential credential = {0};
    if (cof_cbor_read_array(&reader) != FIELD_COUNT)
        reader.has_failed = true;
    struct cof_text key_id = cof_cbor_read_text(&reader);
    credential.name = cof_cbor_read_text(&reader);
    uint64_t roles = cof_cbor_read_unsigned(&reader);
    credential.user = cof_cbor_read_text(&reader);
    COF_TRY(cof_text_list_decode(&reader, arena, &credential.groups, &credential.group_count, err));
    struct cof_bytes hash = cof_cbor_read_bytes(&reader);
    credential.created_ns = cof_cbor_read_integer(&reader);
    credential.revoked_ns = cof_cbor_read_integer(&reader);
    if (key_id.size >= sizeof(credential.key_id) || roles > UINT32_MAX ||
        hash.size != sizeof(credential.secret_hash))
        reader.has_failed = true;
    COF_TRY(cof_cbor_finish(&reader, true, err));
    if (key_id.size > 0)
        memcpy(credential.key_id, key_id.data, key_id.size);
    memcpy(credential.secret_hash, hash.data, hash.size);
    credential.roles = (uint32_t)roles;
    *out_credential = credential;
    return COF_OK;
}

static enum cof_status apply(struct cof_write_batch *batch, void *context, struct cof_error *err)
{
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer plaintext = {0};
    struct credential_put *put = context;
    struct cof_row row = row_of(put->credential.number);
    put->outcome = (struct cof_write_outcome){
        .kind = put->is_new ? COF_WRITE_CREATED : COF_WRITE_REPLACED,
        .document_number = put->credential.number,
    };
    bool exists = cof_row_exists(&batch->txn, &row.key);
    COF_TRY(cof_txn_status(&batch->txn, err));
    if (!put->is_new && !exists)
        return COF_FAIL(err, COF_NOT_FOUND, "there is no credential %llu",
                        (unsigned long long)put->credential.number);
    encode(&put->credential, &plaintext);
    COF_TRY(cof_buffer_status(&plaintext, err));
    if (plaintext.size > MAX_ROW_SIZE)
        return COF_FAIL(err, COF_TOO_LARGE, "a credential of %zu bytes is larger than %zu",
                        plaintext.size, MAX_ROW_SIZE);
    cof_keyring_system_key(batch->store->keyring, COF_KEY_STORE_META, &key);
    return cof_row_put(batch->store, &batch->txn, &row, &key, cof_buffer_bytes(&plaintext), err);
}

static enum cof_status load(struct cof_store *store, struct cof_txn *txn, uint64_t number,
                            const struct cof_key *key, struct cof_arena *arena,
                            struct cof_credential *out_credential, struct cof_error *err)
{
    struct cof_row row = row_of(number);
    struct cof_bytes plaintext;
    struct cof_credential credential;
    COF_TRY(cof_row_load(store, txn, &row, key, arena, &plaintext, NULL, err));
    enum cof_status status = decode(plaintext, arena, &credential, err);
    if (status == COF_CORRUPT)
        return cof_row_corrupt(&row.key, "does not parse", err);
    COF_TRY(status);
    credential.number = number;
    *out_credential = credential;
    return COF_OK;
}

enum cof_status cof_store_put_credential(struct cof_store *store,
                                         const struct cof_credential *credential,
                                         const struct cof_outbox *outbox, uint64_t *out_number,
                                         struct cof_error *err)
{
    struct credential_put put = {.credential = *credential, .is_new = credential->number == 0};
    if (put.is_new)
        put.credential.number = atomic_fetch_add(&store->counters.credential, 1);
    struct cof_write_job job = {.apply = apply,
                                .context = &put,
                                .size_bytes = put.is_new ? 4096 : 0,
                                .outbox = outbox,
                                .outcomes = &put.outcome,
                                .outcome_count = 1};
    COF_TRY(cof_writer_run(store->writer, &job, err));
    *out_number = put.credential.number;
    return COF_OK;
}

enum cof_status cof_store_list_credentials(struct cof_store *store, struct cof_arena *arena,
                                           struct cof_credential **out_credentials,
                                           size_t *out_count, struct cof_error *err)
{
    COF_CLEANUP(cof_txn_abort) struct cof_txn txn = {0};
    COF_CLEANUP(cof_key_wipe) struct cof_key key;
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer found = {0};
    struct cof_row_key prefix = cof_row_key_table(COF_TABLE_CREDENTIAL);
    struct cof_row_key from = prefix;
    struct cof_bytes row_key;
    struct cof_bytes value;
    cof_keyring_system_key(store->keyring, COF_KEY_STORE_META, &key);
    COF_TRY(cof_txn_begin_read(store->lmdb, &txn, err));
    while (cof_txn_seek(&txn, cof_row_key_bytes(&from), cof_row_key_bytes(&prefix), &row_key,
                        &value)) {
        struct cof_credential credential;
        uint64_t number = cof_row_key_number_at(row_key, 0);
        COF_TRY(load(store, &txn, number, &key, arena, &credential, err));
        cof_buffer_append(&found, &credential, sizeof(credential));
        from = cof_row_key_number(COF_TABLE_CREDENTIAL, number + 1);
    }
    COF_TRY(cof_txn_status(&txn, err));
    COF_TRY(cof_buffer_status(&found, err));
    size_t count = found.size / sizeof(struct cof_credential);
    struct cof_credential *credentials = cof_arena_array(arena, count, sizeof(*credentials));
    if (credentials == NULL)
        return COF_FAIL_MEMORY(err);
    if (count > 0)
        memcpy(credentials, found.data, found.size);
    *out_credentials = credentials;
    *out_count = count;
    return COF_OK;
}
