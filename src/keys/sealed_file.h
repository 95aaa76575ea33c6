/* What the writer and the reader of sealed files share: the header and the context. */
#ifndef COF_KEYS_SEALED_FILE_PRIVATE_H
#define COF_KEYS_SEALED_FILE_PRIVATE_H

#include <cof/keys/sealed_file.h>

#define COF_SEALED_HEADER_SIZE 16
#define COF_SEALED_CONTEXT_SIZE (15 + COF_SEALED_HEADER_SIZE + 16 + 8 + 8)

/* "COFFER" 0x00 | kind u8 | format version u16 | six zeros */
void cof_sealed_header_write(enum cof_sealed_file_kind kind, uint16_t format_version,
                             uint8_t out_header[COF_SEALED_HEADER_SIZE]);
/* COF_CORRUPT when it is no header of that kind, COF_CONFLICT when its version is over
 * `max_version`; `path` is for the message. */
COF_MUST_USE enum cof_status cof_sealed_header_read(const uint8_t header[COF_SEALED_HEADER_SIZE],
                                                    enum cof_sealed_file_kind kind,
                                                    uint16_t max_version, const char *path,
                                                    uint16_t *out_version, struct cof_error *err);
/* "coffer/v1/file" 0x00 | header | store uuid | collection u64 | file id u64 */
void cof_sealed_context_write(const struct cof_sealed_file_context *context,
                              const uint8_t header[COF_SEALED_HEADER_SIZE],
                              uint8_t out_context[COF_SEALED_CONTEXT_SIZE]);

#endif
