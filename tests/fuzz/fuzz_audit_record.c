/* What the audit log parses besides its segments: records of the outbox, leaves, keys and notes. */
#include "fuzzing.h"

#include <stdlib.h>
#include <string.h>

#include "leaf.h"
#include "note.h"

/* What was decoded once is encoded one way from then on. */
static void check_record(struct cof_bytes bytes)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer first = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer second = {0};
    struct cof_audit_record record;
    if (cof_audit_record_decode(bytes, &arena, &record, NULL) != COF_OK)
        return;
    if (cof_audit_record_encode(&record, &first, NULL) != COF_OK ||
        cof_audit_record_decode(cof_buffer_bytes(&first), &arena, &record, NULL) != COF_OK ||
        cof_audit_record_encode(&record, &second, NULL) != COF_OK ||
        !cof_bytes_equal(cof_buffer_bytes(&first), cof_buffer_bytes(&second)))
        abort();
}

static void check_leaf(struct cof_bytes bytes)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer again = {0};
    struct cof_audit_resource *resources = NULL;
    size_t count = 0;
    struct cof_leaf leaf;
    struct cof_leaf back;
    if (cof_leaf_decode(bytes, &leaf, NULL) != COF_OK)
        return;
    (void)(cof_leaf_resources(&leaf, &arena, &resources, &count, NULL) == COF_OK);
    cof_leaf_append(&again, &leaf);
    if (again.has_failed || cof_leaf_decode(cof_buffer_bytes(&again), &back, NULL) != COF_OK ||
        back.seq != leaf.seq)
        abort();
}

static void check_notes(struct cof_text text)
{
    static const uint8_t seed[COF_ED25519_SEED_SIZE] = {1};
    uint8_t public_key[COF_ED25519_PUBLIC_SIZE];
    struct cof_note_key key;
    struct cof_checkpoint checkpoint;
    cof_ed25519_public(seed, public_key);
    if (cof_vkey_parse(text, &key, NULL) != COF_OK &&
        !cof_note_key_init(&key, COF_TEXT("coffer/fuzz/audit"), public_key))
        abort();
    for (;;) {
        size_t size = cof_note_size(text, true);
        if (size == 0)
            break;
        if (size > text.size)
            abort();
        if (cof_checkpoint_check(cof_text_slice(text, 0, size), &key, &checkpoint, NULL) == COF_OK)
            abort(); /* nobody has signed for this key */
        text = cof_text_slice(text, size, text.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cof_bytes bytes = {.data = data, .size = size};
    check_record(bytes);
    check_leaf(bytes);
    check_notes(cof_bytes_text(bytes));
    return 0;
}
