/* Small files of a model folder, with errors that name the file. Any thread. */
#ifndef COF_EMBEDDER_MODEL_FILE_H
#define COF_EMBEDDER_MODEL_FILE_H

#include <stddef.h>

#include <cof/base/buffer.h>
#include <cof/base/json.h>
#include <cof/base/status.h>

/* Puts "NAME: " before the message of a failure born in that file; COF_OK passes. */
COF_MUST_USE enum cof_status cof_model_file_blame(const char *name, enum cof_status status,
                                                  struct cof_error *err);

/* The whole file FOLDER/NAME. COF_NOT_FOUND when it is not there. */
COF_MUST_USE enum cof_status cof_model_file_read(const char *folder, const char *name,
                                                 size_t max_bytes, struct cof_buffer *out,
                                                 struct cof_error *err);
/* The same as JSON whose root is an object or an array; COF_INVALID when it is neither. The text is
 * not kept. */
COF_MUST_USE enum cof_status cof_model_file_parse(const char *folder, const char *name,
                                                  const struct cof_json_limits *limits,
                                                  struct cof_json_tree **out_tree,
                                                  struct cof_error *err);
/* The same for a file that may be absent: *out_tree is then left as it was (NULL). */
COF_MUST_USE enum cof_status cof_model_file_parse_optional(const char *folder, const char *name,
                                                           struct cof_json_tree **out_tree,
                                                           struct cof_error *err);
bool cof_model_file_exists(const char *folder, const char *name);

#endif
