/* One function per route: JSON in, service call, JSON out. Each runs on a worker. */
#ifndef COF_API_HANDLERS_H
#define COF_API_HANDLERS_H

#include <cof/base/status.h>

#include "request.h"

enum cof_status cof_handle_embeddings(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_rerank(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_tei_rerank(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_tokenize(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_tei_tokenize(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_list_models(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_get_model(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_chat(struct cof_request *request, struct cof_error *err);

enum cof_status cof_handle_create_store(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_list_stores(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_get_store(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_update_store(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_delete_store(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_list_files(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_search(struct cof_request *request, struct cof_error *err);

/* One document as JSON, or a batch of lines. */
enum cof_status cof_handle_put_documents(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_get_document(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_delete_document(struct cof_request *request, struct cof_error *err);

enum cof_status cof_handle_create_key(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_list_keys(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_get_key(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_revoke_key(struct cof_request *request, struct cof_error *err);

enum cof_status cof_handle_audit_checkpoint(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_audit_entries(struct cof_request *request, struct cof_error *err);

enum cof_status cof_handle_live(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_ready(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_info(struct cof_request *request, struct cof_error *err);
enum cof_status cof_handle_metrics(struct cof_request *request, struct cof_error *err);

#endif
