/* The header of sealed files and the context that binds it. */
#include "sealed_file.h"

#include <string.h>

static const uint8_t magic[7] = "COFFER"; /* with its NUL */

static void put_u64(uint8_t *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

void cof_sealed_header_write(enum cof_sealed_file_kind kind, uint16_t format_version,
                             uint8_t out_header[COF_SEALED_HEADER_SIZE])
{
    memset(out_header, 0, COF_SEALED_HEADER_SIZE);
    memcpy(out_header, magic, sizeof(magic));
    out_header[7] = (uint8_t)kind;
    out_header[8] = (uint8_t)(format_version >> 8);
    out_header[9] = (uint8_t)format_version;
}

enum cof_status cof_sealed_header_read(const uint8_t header[COF_SEALED_HEADER_SIZE],
                                       enum cof_sealed_file_kind kind, uint16_t max_version,
                                       const char *path, uint16_t *out_version,
                                       struct cof_error *err)
{
    static const uint8_t zeros[6];
    if (memcmp(header, magic, sizeof(magic)) != 0)
        return COF_FAIL(err, COF_CORRUPT, "'%s' is not a sealed file of Coffer", path);
    if (header[7] != (uint8_t)kind)
        return COF_FAIL(err, COF_CORRUPT, "'%s' is a sealed file of kind %u where %u belongs", path,
                        header[7], (unsigned)kind);
    uint16_t version = (uint16_t)(header[8] << 8 | header[9]);
    if (version > max_version)
        return COF_FAIL(err, COF_CONFLICT,
                        "'%s' has format version %u, this program knows up to %u: install a newer "
                        "Coffer",
                        path, version, max_version);
    if (version == 0 || memcmp(header + 10, zeros, sizeof(zeros)) != 0)
        return COF_FAIL(err, COF_CORRUPT, "the header of '%s' is damaged", path);
    *out_version = version;
    return COF_OK;
}

void cof_sealed_context_write(const struct cof_sealed_file_context *context,
                              const uint8_t header[COF_SEALED_HEADER_SIZE],
                              uint8_t out_context[COF_SEALED_CONTEXT_SIZE])
{
    memcpy(out_context, "coffer/v1/file", 15); /* with its NUL */
    memcpy(out_context + 15, header, COF_SEALED_HEADER_SIZE);
    memcpy(out_context + 31, context->store_uuid, 16);
    put_u64(out_context + 47, context->collection);
    put_u64(out_context + 55, context->file_id);
}
