/* Writing sealed files: chunks gathered, sealed and written beside, then renamed into place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cof/base/alloc.h>
#include <cof/base/file.h>
#include <cof/keys/hash.h>

#include "cobblestone.h"
#include "sealed_file.h"

#define BATCH_CHUNKS 16

struct cof_sealed_writer {
    struct cof_cobblestone stream;
    int fd;
    bool has_failed;
    bool is_committed;
    uint64_t chunk;
    size_t plain_size; /* of the chunk being gathered */
    size_t batch_size; /* sealed bytes not yet written */
    char path[COF_MAX_PATH];
    char fresh_path[COF_MAX_PATH];
    uint8_t plain[COF_COBBLESTONE_CHUNK_SIZE];
    uint8_t batch[BATCH_CHUNKS * COF_COBBLESTONE_SEALED_CHUNK_SIZE];
};

static enum cof_status write_batch(struct cof_sealed_writer *writer, struct cof_error *err)
{
    const struct cof_bytes bytes = {.data = writer->batch, .size = writer->batch_size};
    writer->batch_size = 0;
    COF_TRY(cof_fd_write(writer->fd, bytes, err));
    return COF_OK;
}

static enum cof_status seal_chunk(struct cof_sealed_writer *writer, struct cof_bytes chunk,
                                  struct cof_error *err)
{
    if (writer->chunk == COF_COBBLESTONE_MAX_CHUNKS)
        return COF_FAIL(err, COF_TOO_LARGE, "'%s' would be over 4 PiB", writer->path);
    if (writer->batch_size + COF_COBBLESTONE_SEALED_CHUNK_SIZE > sizeof(writer->batch))
        COF_TRY(write_batch(writer, err));
    cof_cobblestone_encrypt_chunk(&writer->stream, writer->chunk, chunk,
                                  writer->batch + writer->batch_size);
    writer->chunk++;
    writer->batch_size += chunk.size + COF_GCM_TAG_SIZE;
    return COF_OK;
}

static enum cof_status append_bytes(struct cof_sealed_writer *writer, struct cof_bytes bytes,
                                    struct cof_error *err)
{
    while (bytes.size > 0) {
        if (writer->plain_size == 0 && bytes.size >= COF_COBBLESTONE_CHUNK_SIZE) {
            const struct cof_bytes chunk = {.data = bytes.data, .size = COF_COBBLESTONE_CHUNK_SIZE};
            COF_TRY(seal_chunk(writer, chunk, err));
            bytes.data += chunk.size;
            bytes.size -= chunk.size;
            continue;
        }
        size_t room = COF_COBBLESTONE_CHUNK_SIZE - writer->plain_size;
        size_t size = bytes.size < room ? bytes.size : room;
        memcpy(writer->plain + writer->plain_size, bytes.data, size);
        writer->plain_size += size;
        bytes.data += size;
        bytes.size -= size;
        if (writer->plain_size == COF_COBBLESTONE_CHUNK_SIZE) {
            const struct cof_bytes chunk = {.data = writer->plain, .size = writer->plain_size};
            writer->plain_size = 0;
            COF_TRY(seal_chunk(writer, chunk, err));
        }
    }
    return COF_OK;
}

static enum cof_status finish_file(struct cof_sealed_writer *writer, struct cof_error *err)
{
    const struct cof_bytes last = {.data = writer->plain, .size = writer->plain_size};
    COF_TRY(seal_chunk(writer, last, err));
    COF_TRY(write_batch(writer, err));
    COF_TRY(cof_fd_sync(writer->fd, err));
    if (rename(writer->fresh_path, writer->path) != 0)
        return COF_FAIL(err, COF_IO, "cannot replace '%s': %s", writer->path, strerror(errno));
    writer->is_committed = true;

    char folder[COF_MAX_PATH];
    const char *slash = strrchr(writer->path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - writer->path);
    if (slash == writer->path)
        size = 1;
    memcpy(folder, writer->path, size);
    folder[size] = '\0';
    return cof_folder_sync(size > 0 ? folder : ".", err);
}

static enum cof_status begin_file(struct cof_sealed_writer *writer, const struct cof_key *key,
                                  const struct cof_sealed_file_context *context,
                                  const struct cof_random *random, struct cof_error *err)
{
    uint8_t salt[COF_COBBLESTONE_SALT_SIZE];
    uint8_t bound[COF_SEALED_CONTEXT_SIZE];
    uint8_t *header = writer->batch;
    cof_random_fill(random, salt, sizeof(salt));
    cof_sealed_header_write(context->kind, context->format_version, header);
    cof_sealed_context_write(context, header, bound);
    const struct cof_bytes part = {.data = bound, .size = sizeof(bound)};
    COF_TRY(cof_cobblestone_init(&writer->stream, COF_COBBLESTONE_ENCRYPT, key->bytes, salt, &part,
                                 1, err));
    uint8_t *prefix = header + COF_SEALED_HEADER_SIZE;
    memcpy(prefix, salt, sizeof(salt));
    memcpy(prefix + sizeof(salt), writer->stream.commitment, sizeof(writer->stream.commitment));
    writer->batch_size = COF_SEALED_HEADER_SIZE + COF_COBBLESTONE_PREFIX_SIZE;

    writer->fd =
        open(writer->fresh_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (writer->fd < 0)
        return COF_FAIL(err, COF_IO, "cannot create '%s': %s", writer->fresh_path, strerror(errno));
    return COF_OK;
}

enum cof_status cof_sealed_writer_open(const char *path, const struct cof_key *key,
                                       const struct cof_sealed_file_context *context,
                                       const struct cof_random *random,
                                       struct cof_sealed_writer **out_writer, struct cof_error *err)
{
    uint8_t suffix[8];
    char suffix_hex[2 * sizeof(suffix) + 1];
    struct cof_sealed_writer *writer = cof_calloc(1, sizeof(*writer));
    if (writer == NULL)
        return COF_FAIL_MEMORY(err);
    writer->fd = -1;
    cof_random_fill(random, suffix, sizeof(suffix));
    cof_hex_encode((struct cof_bytes){.data = suffix, .size = sizeof(suffix)}, suffix_hex);
    int size =
        snprintf(writer->fresh_path, sizeof(writer->fresh_path), "%s.%s.tmp", path, suffix_hex);
    enum cof_status status = COF_OK;
    if (size < 0 || (size_t)size >= sizeof(writer->fresh_path)) {
        status = COF_FAIL(err, COF_INVALID, "the path '%.80s…' is too long", path);
    } else {
        memcpy(writer->path, path, strlen(path) + 1);
        status = begin_file(writer, key, context, random, err);
    }
    if (status != COF_OK) {
        cof_sealed_writer_close(writer);
        return status;
    }
    *out_writer = writer;
    return COF_OK;
}

enum cof_status cof_sealed_writer_append(struct cof_sealed_writer *writer, struct cof_bytes bytes,
                                         struct cof_error *err)
{
    if (writer->has_failed || writer->is_committed)
        return COF_FAIL(err, COF_CONFLICT, "'%s' can no longer be written", writer->path);
    enum cof_status status = append_bytes(writer, bytes, err);
    writer->has_failed = status != COF_OK;
    return status;
}

enum cof_status cof_sealed_writer_commit(struct cof_sealed_writer *writer, struct cof_error *err)
{
    if (writer->has_failed || writer->is_committed)
        return COF_FAIL(err, COF_CONFLICT, "'%s' can no longer be written", writer->path);
    enum cof_status status = finish_file(writer, err);
    writer->has_failed = status != COF_OK;
    return status;
}

void cof_sealed_writer_close(struct cof_sealed_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->fd >= 0 && !writer->is_committed)
        (void)unlink(writer->fresh_path);
    cof_fd_close(&writer->fd);
    cof_cobblestone_deinit(&writer->stream);
    cof_wipe(writer->plain, sizeof(writer->plain));
    cof_free(writer);
}
