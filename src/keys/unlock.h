/* Where the key-encryption key comes from: a key file, or a passphrase through scrypt.
 *
 * Key files and the folder that holds them must belong to the user that runs Coffer or to root;
 * nobody else may read the files or write the folder. */
#ifndef COF_KEYS_UNLOCK_PRIVATE_H
#define COF_KEYS_UNLOCK_PRIVATE_H

#include <stdint.h>

#include <cof/base/buffer.h>
#include <cof/base/clock.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/keys/seal.h>

#define COF_UNLOCK_SALT_SIZE 32

enum cof_unlock_method { COF_UNLOCK_KEY_FILE = 1, COF_UNLOCK_PASSPHRASE = 2 };

/* How a keyring is opened, as recorded in it; the scrypt fields are 0 for a key file. */
struct cof_unlock {
    enum cof_unlock_method method;
    uint8_t log2_n;
    uint16_t r;
    uint16_t p;
    uint8_t salt[COF_UNLOCK_SALT_SIZE];
};

/* What new keyrings record: N = 2^17, r = 8, p = 1 (128 MiB) and a fresh salt, or a key file. */
void cof_unlock_init(struct cof_unlock *unlock, struct cof_text passphrase,
                     const struct cof_random *random);
/* COF_CORRUPT when the record asks for something that no Coffer has written. */
COF_MUST_USE enum cof_status cof_unlock_check(const struct cof_unlock *unlock,
                                              struct cof_error *err);

/* Writes `<folder>/root.key`; one that is there already is kept. */
COF_MUST_USE enum cof_status cof_unlock_make_key_file(const char *folder,
                                                      const struct cof_random *random,
                                                      struct cof_error *err);
/* The key-encryption key. COF_INVALID when the passphrase is missing or not what the record asks
 * for, COF_NOT_FOUND without the key file, COF_DENIED when others may read it, COF_CORRUPT when it
 * has not 32 bytes. */
COF_MUST_USE enum cof_status cof_unlock_key(const struct cof_unlock *unlock, const char *folder,
                                            struct cof_text passphrase,
                                            uint8_t out_kek[COF_KEY_SIZE], struct cof_error *err);

/* COF_DENIED, naming the cure, when another user owns the folder or may write to it. */
COF_MUST_USE enum cof_status cof_unlock_check_folder(const char *folder, struct cof_error *err);
/* Appends a file that only its owner may read; COF_NOT_FOUND, COF_DENIED, COF_TOO_LARGE, COF_IO. */
COF_MUST_USE enum cof_status cof_unlock_read_private(const char *path, size_t max_size,
                                                     struct cof_buffer *out, struct cof_error *err);

#endif
