/* Which collection a public id or a name means, in memory, kept with the store. */
#ifndef COF_SERVICE_DIRECTORY_H
#define COF_SERVICE_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

#include <cof/base/status.h>
#include <cof/store/store.h>

struct cof_directory;

/* Reads the names of all collections. */
enum cof_status cof_directory_open(struct cof_store *store, struct cof_directory **out_directory,
                                   struct cof_error *err);
void cof_directory_close(struct cof_directory *directory);

enum cof_status cof_directory_put(struct cof_directory *directory, uint64_t number,
                                  const char *public_id, struct cof_text name,
                                  struct cof_error *err);
void cof_directory_delete(struct cof_directory *directory, uint64_t number);
/* COF_NOT_FOUND; COF_CONFLICT when a name is that of several. */
enum cof_status cof_directory_find(struct cof_directory *directory, struct cof_text id_or_name,
                                   uint64_t *out_number, struct cof_error *err);
/* All numbers, ascending, at most max_count; returns how many were written. */
size_t cof_directory_numbers(struct cof_directory *directory, uint64_t *out_numbers,
                             size_t max_count);
size_t cof_directory_count(struct cof_directory *directory);

#endif
