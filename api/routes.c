/* The one table of what this server answers. docs/openapi.json describes the same; a test compares
 * the two. */
#include <pthread.h>

#include "handlers.h"
#include "router.h"

static const struct cof_route routes[] = {
    {"/v1/embeddings", COF_HTTP_POST, COF_LANE_REQUEST, COF_BODY_JSON, false,
     cof_handle_embeddings},
    {"/v1/rerank", COF_HTTP_POST, COF_LANE_REQUEST, COF_BODY_JSON, false, cof_handle_rerank},
    {"/rerank", COF_HTTP_POST, COF_LANE_REQUEST, COF_BODY_JSON, false, cof_handle_tei_rerank},
    {"/v1/tokenize", COF_HTTP_POST, COF_LANE_REQUEST, COF_BODY_JSON, false, cof_handle_tokenize},
    {"/tokenize", COF_HTTP_POST, COF_LANE_REQUEST, COF_BODY_JSON, false, cof_handle_tei_tokenize},
    {"/v1/models", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, false, cof_handle_list_models},
    {"/v1/models/{model}", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_get_model},
    {"/v1/chat/completions", COF_HTTP_POST, COF_LANE_GENERATE, COF_BODY_JSON, false,
     cof_handle_chat},

    {"/v1/vector_stores", COF_HTTP_POST, COF_LANE_REQUEST, COF_BODY_JSON, false,
     cof_handle_create_store},
    {"/v1/vector_stores", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_list_stores},
    {"/v1/vector_stores/{vector_store_id}", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_get_store},
    {"/v1/vector_stores/{vector_store_id}", COF_HTTP_POST, COF_LANE_REQUEST, COF_BODY_JSON, false,
     cof_handle_update_store},
    {"/v1/vector_stores/{vector_store_id}", COF_HTTP_DELETE, COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_delete_store},
    {"/v1/vector_stores/{vector_store_id}/files", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE,
     false, cof_handle_list_files},
    {"/v1/vector_stores/{vector_store_id}/search", COF_HTTP_POST, COF_LANE_REQUEST, COF_BODY_JSON,
     false, cof_handle_search},

    {"/v1/documents", COF_HTTP_POST, COF_LANE_BULK, COF_BODY_DOCUMENTS, false,
     cof_handle_put_documents},
    {"/v1/documents/{document_id}", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_get_document},
    {"/v1/documents/{document_id}", COF_HTTP_DELETE, COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_delete_document},

    {"/v1/keys", COF_HTTP_POST, COF_LANE_REQUEST, COF_BODY_JSON, false, cof_handle_create_key},
    {"/v1/keys", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, false, cof_handle_list_keys},
    {"/v1/keys/{key_id}", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, false, cof_handle_get_key},
    {"/v1/keys/{key_id}", COF_HTTP_DELETE, COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_revoke_key},

    {"/v1/audit/checkpoint", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_audit_checkpoint},
    {"/v1/audit/entries", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_audit_entries},

    {"/livez", COF_HTTP_GET, COF_LANE_LOOP, COF_BODY_NONE, true, cof_handle_live},
    {"/healthz", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, true, cof_handle_ready},
    {"/readyz", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, true, cof_handle_ready},
    {"/info", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, false, cof_handle_info},
    {"/metrics", COF_HTTP_GET, COF_LANE_REQUEST, COF_BODY_NONE, false, cof_handle_metrics},
};

#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

size_t cof_routes(const struct cof_route **out_routes)
{
    *out_routes = routes;
    return ROUTE_COUNT;
}

static struct cof_route_info infos[ROUTE_COUNT];
static pthread_once_t infos_once = PTHREAD_ONCE_INIT;

static void fill_infos(void)
{
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        infos[i] = (struct cof_route_info){.method = cof_http_method_name(routes[i].method),
                                           .path = routes[i].path};
    }
}

size_t cof_server_routes(const struct cof_route_info **out_routes)
{
    (void)pthread_once(&infos_once, fill_infos);
    *out_routes = infos;
    return ROUTE_COUNT;
}
