/* Shared by the files of src/service: the service itself and the steps every function takes. */
#ifndef COF_SERVICE_SERVICE_PRIVATE_H
#define COF_SERVICE_SERVICE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <cof/service/service.h>

#include "directory.h"
#include "rate.h"

struct cof_service {
    struct cof_service_options options;
    struct cof_directory *directory;
    struct cof_rate *rate;      /* per credential; NULL = no limit */
    struct cof_flood *refusals; /* bounds records of refused callers */
    struct cof_metric *audit_wait;
    struct cof_metric *records;
};

/* ---- service_record.c: what is written of each call ---- */

/* A record with what every call has: time, request id, caller. */
struct cof_audit_record cof_service_record(const struct cof_call *call, enum cof_audit_event event,
                                           enum cof_status outcome);
/* Appends and waits until durable; sets call->audit_seq. Any failure is COF_UNAVAILABLE. */
enum cof_status cof_service_commit(struct cof_service *service, struct cof_call *call,
                                   const struct cof_audit_record *record, struct cof_error *err);
/* Records how a call ended. `status` is what the work returned and is returned again, unless the
 * record could not be written. */
enum cof_status cof_service_finish(struct cof_service *service, struct cof_call *call,
                                   struct cof_audit_record *record, enum cof_status status,
                                   struct cof_error *err);
/* Permission, then rate. A refusal is recorded (bounded) and returned. */
enum cof_status cof_service_authorize(struct cof_service *service, struct cof_call *call,
                                      enum cof_action action, struct cof_error *err);
/* Writes down that a caller was refused; how many are written a minute is bounded. */
enum cof_status cof_service_record_refusal(struct cof_service *service, struct cof_call *call,
                                           const char *action, enum cof_status refused,
                                           struct cof_error *err);
/* results and resources of a record, from hits; in the call's arena. */
enum cof_status cof_service_record_hits(struct cof_call *call, struct cof_audit_record *record,
                                        const struct cof_search_hit *hits, size_t hit_count,
                                        struct cof_error *err);

/* A mutation's record: encoded by the store inside its transaction, appended to the log after the
 * commit, then dropped from the outbox. */
struct cof_mutation {
    struct cof_outbox outbox; /* hand &mutation.outbox to the store */
    struct cof_audit_record record;
    struct cof_arena *arena;
    struct cof_buffer encoded;
};
/* Prepares it; `record` is copied (resources are filled from the outcomes). A call's first mutation
 * bears the call's request id, later ones ids of their own. */
void cof_mutation_init(struct cof_mutation *mutation, struct cof_service *service,
                       struct cof_call *call, const struct cof_audit_record *record);
/* After the store returned `status`: records success or failure. */
enum cof_status cof_mutation_finish(struct cof_mutation *mutation, struct cof_service *service,
                                    struct cof_call *call, enum cof_status status,
                                    struct cof_error *err);
void cof_mutation_deinit(struct cof_mutation *mutation);

/* ---- service_collections.c ---- */

/* Number of the collection that `id_or_name` means. */
enum cof_status cof_service_resolve(struct cof_service *service, struct cof_text id_or_name,
                                    uint64_t *out_number, struct cof_error *err);
enum cof_status cof_service_resolve_all(struct cof_service *service, struct cof_call *call,
                                        const struct cof_text *ids, size_t count,
                                        uint64_t **out_numbers, struct cof_error *err);

#endif
