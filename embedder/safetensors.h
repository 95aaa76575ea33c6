/* Reads a safetensors file: a length, a JSON header, then the tensors without holes between them.
 *
 * Nothing in the file is believed: the header's size, every type, shape, offset and their products
 * are checked when it is opened, and tensors must cover the data exactly, without overlap or hole,
 * as the format demands. After opening it is only read, from any thread. Values are little-endian,
 * as is every machine we run on. */
#ifndef COF_EMBEDDER_SAFETENSORS_H
#define COF_EMBEDDER_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

/* The format's own limit on the header. */
#define COF_SAFETENSORS_MAX_HEADER_BYTES ((size_t)100 * 1000 * 1000)
#define COF_TENSOR_MAX_RANK 8

enum cof_tensor_type {
    COF_TENSOR_F32,
    COF_TENSOR_F16,
    COF_TENSOR_BF16,
    COF_TENSOR_OTHER, /* known to the format, not used by an encoder */
};

struct cof_tensor {
    struct cof_text name;
    enum cof_tensor_type type;
    struct cof_text type_name; /* "F32", "I64" … */
    size_t rank;
    size_t shape[COF_TENSOR_MAX_RANK];
    size_t element_count;
    struct cof_bytes data; /* borrowed until close; not necessarily aligned */
};

struct cof_safetensors;

/* Maps the file. COF_NOT_FOUND; COF_CORRUPT when it is not what the format says. Messages name the
 * file by its last part. */
COF_MUST_USE enum cof_status cof_safetensors_open(const char *path,
                                                  struct cof_safetensors **out_file,
                                                  struct cof_error *err);
/* The same over bytes that are borrowed until close. */
COF_MUST_USE enum cof_status cof_safetensors_parse(struct cof_bytes bytes,
                                                   struct cof_safetensors **out_file,
                                                   struct cof_error *err);
void cof_safetensors_close(struct cof_safetensors *file);

/* Sorted by name. */
size_t cof_safetensors_count(const struct cof_safetensors *file);
const struct cof_tensor *cof_safetensors_at(const struct cof_safetensors *file, size_t index);
/* NULL when there is none of that name. */
const struct cof_tensor *cof_safetensors_find(const struct cof_safetensors *file,
                                              struct cof_text name);

/* Converts element_count values from `first` on; the type must be F32, F16 or BF16 and the range
 * inside the tensor. */
void cof_tensor_to_f32(const struct cof_tensor *tensor, size_t first, size_t count, float *out);

#endif
