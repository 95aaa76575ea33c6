/* Files and folders, with the durability rules in one place.
 *
 * Every path is a NUL-terminated string in the host's encoding. Errors name the path and the
 * operating system's reason. All functions are safe from any thread on different paths. */
#ifndef COF_BASE_FILE_H
#define COF_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

/* The maximum length of a path we build, terminator included. */
#define COF_MAX_PATH 4096

/* "a/b" into out (COF_MAX_PATH bytes); COF_INVALID when it does not fit. */
COF_MUST_USE enum cof_status cof_path_join(char *out_path, const char *folder, const char *name,
                                           struct cof_error *err);

/* Reads the whole file; COF_NOT_FOUND when absent, COF_TOO_LARGE over max_bytes. Appends to out. */
COF_MUST_USE enum cof_status cof_file_read(const char *path, size_t max_bytes,
                                           struct cof_buffer *out, struct cof_error *err);
/* Writes a new file beside (`path`.new, replaced when an earlier crash left one), fdatasync, rename
 * over, fsync of the folder: after COF_OK the new content is there whole, after any failure the old
 * one is; only when that last fsync fails is it unknown which of the two survives a power loss.
 * `mode` as for open(2). */
COF_MUST_USE enum cof_status cof_file_write_atomic(const char *path, struct cof_bytes content,
                                                   unsigned mode, struct cof_error *err);
/* write(2) / pwrite(2) / pread(2) until done; EINTR and short results are handled.
 * cof_fd_read_at fails with COF_CORRUPT when the file ends early. */
COF_MUST_USE enum cof_status cof_fd_write(int fd, struct cof_bytes bytes, struct cof_error *err);
COF_MUST_USE enum cof_status cof_fd_write_at(int fd, uint64_t offset, struct cof_bytes bytes,
                                             struct cof_error *err);
COF_MUST_USE enum cof_status cof_fd_read_at(int fd, uint64_t offset, void *out, size_t size,
                                            struct cof_error *err);
COF_MUST_USE enum cof_status cof_fd_sync(int fd, struct cof_error *err); /* fdatasync */
COF_MUST_USE enum cof_status cof_folder_sync(const char *path, struct cof_error *err);
/* mkdir -p with mode for those it makes. */
COF_MUST_USE enum cof_status cof_folder_create(const char *path, unsigned mode,
                                               struct cof_error *err);
bool cof_path_exists(const char *path);
bool cof_path_is_folder(const char *path);

/* Names in a folder, sorted by bytes, without "." and "..", in the arena. */
COF_MUST_USE enum cof_status cof_folder_list(const char *path, struct cof_arena *arena,
                                             struct cof_text **out_names, size_t *out_count,
                                             struct cof_error *err);

/* A file mapped read-only. Zero-initialised is empty. Note: a mapped file that somebody truncates
 * raises SIGBUS; use it only for files under the operator's care (models). */
struct cof_mapping {
    const uint8_t *data;
    size_t size;
};
COF_MUST_USE enum cof_status cof_mapping_open(const char *path, struct cof_mapping *out_mapping,
                                              struct cof_error *err);
void cof_mapping_close(struct cof_mapping *mapping);

/* An exclusive advisory lock (flock) on a file made if absent; held until closed or the process
 * ends. COF_CONFLICT when another process holds it. */
COF_MUST_USE enum cof_status cof_lock_open(const char *path, int *out_fd, struct cof_error *err);

/* For COF_CLEANUP on an int that is -1 or an open descriptor. */
void cof_fd_close(int *fd);

#endif
