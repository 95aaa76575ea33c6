/* Signed notes (C2SP signed-note.md) by one Ed25519 key, and the checkpoints in them
 * (C2SP tlog-checkpoint.md).
 *
 *   <origin>\n<size>\n<base64 root>\n\n— <key name> <base64 of key id, signature>\n
 * The key's name is the log's origin. A verifier key is `<name>+<8 hex of id>+<base64 of 0x01,
 * public key>`. Signature lines of other keys are passed over. */
#ifndef COF_AUDIT_NOTE_PRIVATE_H
#define COF_AUDIT_NOTE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/keys/hash.h>

#include "merkle.h"

#define COF_NOTE_MAX_NAME 128
/* Of a note that we read: room for witnesses' cosignatures, post-quantum ones among them. */
#define COF_NOTE_MAX_SIZE ((size_t)256 * 1024)

struct cof_note_key {
    char name[COF_NOTE_MAX_NAME]; /* NUL-terminated */
    uint8_t id[4];
    uint8_t public_key[COF_ED25519_PUBLIC_SIZE];
};

struct cof_checkpoint {
    uint64_t size;
    struct cof_merkle_hash root;
};

/* False when the name is empty, too long, or holds a space, a plus sign or a control byte. */
bool cof_note_key_init(struct cof_note_key *key, struct cof_text name,
                       const uint8_t public_key[COF_ED25519_PUBLIC_SIZE]);
/* COF_CORRUPT when it is none. */
COF_MUST_USE enum cof_status cof_vkey_parse(struct cof_text text, struct cof_note_key *out_key,
                                            struct cof_error *err);
void cof_vkey_append(struct cof_buffer *out, const struct cof_note_key *key);

/* `text` ends in a newline. */
void cof_note_append(struct cof_buffer *out, struct cof_text text, const struct cof_note_key *key,
                     const uint8_t seed[COF_ED25519_SEED_SIZE]);
/* COF_CORRUPT unless `note`, all of it, is a note signed by the key; *out_text is the signed text.
 */
COF_MUST_USE enum cof_status cof_note_check(struct cof_text note, const struct cof_note_key *key,
                                            struct cof_text *out_text, struct cof_error *err);
/* How many bytes the first note of several takes, or 0 when it is not complete yet. The byte after
 * a note decides that it is over, unless `is_all`. */
size_t cof_note_size(struct cof_text notes, bool is_all);

void cof_checkpoint_append(struct cof_buffer *out, const struct cof_checkpoint *checkpoint,
                           const struct cof_note_key *key,
                           const uint8_t seed[COF_ED25519_SEED_SIZE]);
/* COF_CORRUPT when it is not a checkpoint of the key's log, signed by the key. */
COF_MUST_USE enum cof_status cof_checkpoint_check(struct cof_text note,
                                                  const struct cof_note_key *key,
                                                  struct cof_checkpoint *out_checkpoint,
                                                  struct cof_error *err);

#endif
