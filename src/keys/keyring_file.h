/* The file `keyring`: what of it is in the clear, and how its body is sealed.
 *
 * 16 B header of a sealed file (kind 1) | 168 B head | Cobblestone-256 message of the key tree
 * under the epoch root key, with header and head as its context. The head: 0   16  store uuid 16  8
 * epoch, big-endian 24  1   how it opens: 1 = key file, 2 = passphrase 25  1   scrypt log2 N 26 2 r
 * 28 2 p      30 2 zeros 32  32  scrypt salt 64  32  check of the key-encryption key:
 * HKDF-Expand(KEK, "coffer/v1/kek-check" 0x00 | uuid) 96  24  nonce 120 48  epoch root key,
 * XAES-256-GCM under the KEK, bound to header and the fields above The check tells a wrong key from
 * a damaged file; it commits to the KEK. */
#ifndef COF_KEYS_KEYRING_FILE_PRIVATE_H
#define COF_KEYS_KEYRING_FILE_PRIVATE_H

#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/clock.h>
#include <cof/base/status.h>

#include "cobblestone.h"
#include "key_tree.h"
#include "sealed_file.h"
#include "unlock.h"

#define COF_KEYRING_FORMAT_VERSION 1
#define COF_KEYRING_HEAD_SIZE 168
#define COF_KEYRING_CLEAR_SIZE (COF_SEALED_HEADER_SIZE + COF_KEYRING_HEAD_SIZE)
/* The clear part with salt and commitment of the message: no two writes of a keyring share it. */
#define COF_KEYRING_STAMP_SIZE (COF_KEYRING_CLEAR_SIZE + COF_COBBLESTONE_PREFIX_SIZE)

struct cof_keyring_head {
    uint8_t store_uuid[16];
    uint64_t epoch;
    struct cof_unlock unlock;
};

/* Reads the clear part; `path` is for messages. COF_CORRUPT, COF_CONFLICT (a newer format). */
COF_MUST_USE enum cof_status cof_keyring_file_parse(struct cof_bytes file, const char *path,
                                                    struct cof_keyring_head *out_head,
                                                    struct cof_error *err);
/* The tree of a parsed file. COF_DENIED when the KEK is not this keyring's, COF_CORRUPT when the
 * file was altered, COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_keyring_file_open(struct cof_bytes file, const char *path,
                                                   const struct cof_keyring_head *head,
                                                   const uint8_t kek[COF_KEY_SIZE],
                                                   struct cof_key_tree *out_tree,
                                                   struct cof_error *err);
/* Appends the whole file for the tree; head->epoch is taken from it. */
COF_MUST_USE enum cof_status cof_keyring_file_make(const struct cof_keyring_head *head,
                                                   const uint8_t kek[COF_KEY_SIZE],
                                                   const struct cof_key_tree *tree,
                                                   const struct cof_random *random,
                                                   struct cof_buffer *out, struct cof_error *err);

#endif
