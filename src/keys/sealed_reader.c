/* Reading sealed files from any offset, every chunk verified before a byte of it is given. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cof/base/alloc.h>
#include <cof/base/file.h>
#include <cof/keys/hash.h>

#include "cobblestone.h"
#include "sealed_file.h"

#define NO_CHUNK UINT64_MAX
#define CHUNKS_BEGIN (COF_SEALED_HEADER_SIZE + COF_COBBLESTONE_PREFIX_SIZE)

struct cof_sealed_reader {
    struct cof_cobblestone stream;
    int fd;
    uint16_t format_version;
    uint64_t size;       /* of the plaintext */
    uint64_t kept_chunk; /* which one `plain` holds */
    char path[COF_MAX_PATH];
    uint8_t plain[COF_COBBLESTONE_CHUNK_SIZE];
    uint8_t sealed[COF_COBBLESTONE_SEALED_CHUNK_SIZE];
};

static size_t chunk_size(const struct cof_sealed_reader *reader, uint64_t chunk)
{
    uint64_t begin = chunk * COF_COBBLESTONE_CHUNK_SIZE;
    uint64_t rest = reader->size - begin;
    return rest < COF_COBBLESTONE_CHUNK_SIZE ? (size_t)rest : COF_COBBLESTONE_CHUNK_SIZE;
}

static enum cof_status open_chunk(struct cof_sealed_reader *reader, uint64_t chunk, uint8_t *out,
                                  struct cof_error *err)
{
    const struct cof_bytes sealed = {.data = reader->sealed,
                                     .size = chunk_size(reader, chunk) + COF_GCM_TAG_SIZE};
    COF_TRY(cof_fd_read_at(reader->fd, CHUNKS_BEGIN + chunk * COF_COBBLESTONE_SEALED_CHUNK_SIZE,
                           reader->sealed, sealed.size, err));
    if (!cof_cobblestone_decrypt_chunk(&reader->stream, chunk, sealed, out))
        return COF_FAIL(err, COF_CORRUPT, "'%s' was altered: chunk %llu does not authenticate",
                        reader->path, (unsigned long long)chunk);
    return COF_OK;
}

static enum cof_status keep_chunk(struct cof_sealed_reader *reader, uint64_t chunk,
                                  struct cof_error *err)
{
    if (reader->kept_chunk == chunk)
        return COF_OK;
    reader->kept_chunk = NO_CHUNK;
    COF_TRY(open_chunk(reader, chunk, reader->plain, err));
    reader->kept_chunk = chunk;
    return COF_OK;
}

static enum cof_status begin_file(struct cof_sealed_reader *reader, const struct cof_key *key,
                                  const struct cof_sealed_file_context *context,
                                  struct cof_error *err)
{
    uint8_t start[CHUNKS_BEGIN];
    uint8_t bound[COF_SEALED_CONTEXT_SIZE];
    struct stat info;

    reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0 && errno == ENOENT)
        return COF_FAIL(err, COF_NOT_FOUND, "there is no file '%s'", reader->path);
    if (reader->fd < 0 || fstat(reader->fd, &info) != 0)
        return COF_FAIL(err, COF_IO, "cannot open '%s': %s", reader->path, strerror(errno));
    if ((uint64_t)info.st_size < COF_SEALED_HEADER_SIZE)
        return COF_FAIL(err, COF_CORRUPT, "'%s' is truncated", reader->path);
    COF_TRY(cof_fd_read_at(reader->fd, 0, start, COF_SEALED_HEADER_SIZE, err));
    COF_TRY(cof_sealed_header_read(start, context->kind, context->format_version, reader->path,
                                   &reader->format_version, err));
    if (!cof_cobblestone_plaintext_size((uint64_t)info.st_size - COF_SEALED_HEADER_SIZE,
                                        &reader->size))
        return COF_FAIL(err, COF_CORRUPT, "'%s' is truncated", reader->path);
    COF_TRY(cof_fd_read_at(reader->fd, 0, start, sizeof(start), err));

    cof_sealed_context_write(context, start, bound);
    const struct cof_bytes part = {.data = bound, .size = sizeof(bound)};
    const uint8_t *salt = start + COF_SEALED_HEADER_SIZE;
    COF_TRY(cof_cobblestone_init(&reader->stream, COF_COBBLESTONE_DECRYPT, key->bytes, salt, &part,
                                 1, err));
    if (!cof_constant_time_equal(reader->stream.commitment, salt + COF_COBBLESTONE_SALT_SIZE,
                                 COF_COBBLESTONE_COMMITMENT_SIZE))
        return COF_FAIL(err, COF_CORRUPT,
                        "'%s' was sealed under another key, belongs elsewhere or was altered",
                        reader->path);
    /* The short last chunk authenticates the length. */
    return keep_chunk(reader, reader->size / COF_COBBLESTONE_CHUNK_SIZE, err);
}

enum cof_status cof_sealed_reader_open(const char *path, const struct cof_key *key,
                                       const struct cof_sealed_file_context *context,
                                       struct cof_sealed_reader **out_reader, struct cof_error *err)
{
    size_t path_size = strlen(path);
    if (path_size >= COF_MAX_PATH)
        return COF_FAIL(err, COF_INVALID, "the path '%.80s…' is too long", path);
    struct cof_sealed_reader *reader = cof_calloc(1, sizeof(*reader));
    if (reader == NULL)
        return COF_FAIL_MEMORY(err);
    reader->fd = -1;
    reader->kept_chunk = NO_CHUNK;
    memcpy(reader->path, path, path_size + 1);
    enum cof_status status = begin_file(reader, key, context, err);
    if (status != COF_OK) {
        cof_sealed_reader_close(reader);
        return status;
    }
    *out_reader = reader;
    return COF_OK;
}

uint64_t cof_sealed_reader_size(const struct cof_sealed_reader *reader)
{
    return reader->size;
}

uint16_t cof_sealed_reader_format_version(const struct cof_sealed_reader *reader)
{
    return reader->format_version;
}

enum cof_status cof_sealed_reader_read(struct cof_sealed_reader *reader, uint64_t offset, void *out,
                                       size_t size, struct cof_error *err)
{
    uint8_t *to = out;
    if (offset > reader->size || size > reader->size - offset)
        return COF_FAIL(err, COF_INVALID, "'%s' has %llu bytes, not %zu at offset %llu",
                        reader->path, (unsigned long long)reader->size, size,
                        (unsigned long long)offset);
    while (size > 0) {
        uint64_t chunk = offset / COF_COBBLESTONE_CHUNK_SIZE;
        size_t begin = (size_t)(offset % COF_COBBLESTONE_CHUNK_SIZE);
        size_t whole = chunk_size(reader, chunk);
        size_t step = whole - begin < size ? whole - begin : size;
        if (begin == 0 && step == whole && chunk != reader->kept_chunk) {
            COF_TRY(open_chunk(reader, chunk, to, err));
        } else {
            COF_TRY(keep_chunk(reader, chunk, err));
            memcpy(to, reader->plain + begin, step);
        }
        to += step;
        offset += step;
        size -= step;
    }
    return COF_OK;
}

void cof_sealed_reader_close(struct cof_sealed_reader *reader)
{
    if (reader == NULL)
        return;
    cof_fd_close(&reader->fd);
    cof_cobblestone_deinit(&reader->stream);
    cof_wipe(reader->plain, sizeof(reader->plain));
    cof_free(reader);
}
