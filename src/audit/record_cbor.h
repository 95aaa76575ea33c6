/* What the record's own encoding, the leaf and the payload share. */
#ifndef COF_AUDIT_RECORD_CBOR_PRIVATE_H
#define COF_AUDIT_RECORD_CBOR_PRIVATE_H

#include <cof/audit/record.h>
#include <cof/base/cbor.h>

/* COF_INVALID or COF_TOO_LARGE, naming the field. */
COF_MUST_USE enum cof_status cof_record_check(const struct cof_audit_record *record,
                                              struct cof_error *err);

bool cof_event_is_known(uint64_t number);
/* Outcomes are stored by name, because the numbers of statuses are nobody's promise. */
void cof_outcome_write(struct cof_buffer *out, enum cof_status outcome);
enum cof_status cof_outcome_read(struct cof_cbor_reader *reader);

/* Flat arrays: [document number, version, …] and [chunk id, score, …]. */
void cof_resources_write(struct cof_buffer *out, const struct cof_audit_record *record);
void cof_results_write(struct cof_buffer *out, const struct cof_audit_record *record);
COF_MUST_USE enum cof_status cof_resources_read(struct cof_cbor_reader *reader,
                                                struct cof_arena *arena,
                                                struct cof_audit_resource **out_resources,
                                                size_t *out_count, struct cof_error *err);
COF_MUST_USE enum cof_status cof_results_read(struct cof_cbor_reader *reader,
                                              struct cof_arena *arena,
                                              struct cof_audit_result **out_results,
                                              size_t *out_count, struct cof_error *err);
/* Exactly `size` bytes, or the reader has failed. */
void cof_fixed_read(struct cof_cbor_reader *reader, uint8_t *out, size_t size);

#endif
