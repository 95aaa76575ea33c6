/* The one table of what this server answers. docs/openapi.json describes the same; a test compares
 * the two. */
#include <pthread.h>

#include "handlers.h"
#include "router.h"

static const struct cof_route routes[] = {
    {COF_HTTP_POST, "/v1/embeddings", COF_LANE_REQUEST, COF_BODY_JSON, false,
     cof_handle_embeddings},
    {COF_HTTP_GET, "/v1/models", COF_LANE_REQUEST, COF_BODY_NONE, false, cof_handle_list_models},
    {COF_HTTP_GET, "/v1/models/{model}", COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_get_model},
    {COF_HTTP_POST, "/v1/chat/completions", COF_LANE_GENERATE, COF_BODY_JSON, false,
     cof_handle_chat},

    {COF_HTTP_POST, "/v1/vector_stores", COF_LANE_REQUEST, COF_BODY_JSON, false,
     cof_handle_create_store},
    {COF_HTTP_GET, "/v1/vector_stores", COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_list_stores},
    {COF_HTTP_GET, "/v1/vector_stores/{vector_store_id}", COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_get_store},
    {COF_HTTP_POST, "/v1/vector_stores/{vector_store_id}", COF_LANE_REQUEST, COF_BODY_JSON, false,
     cof_handle_update_store},
    {COF_HTTP_DELETE, "/v1/vector_stores/{vector_store_id}", COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_delete_store},
    {COF_HTTP_GET, "/v1/vector_stores/{vector_store_id}/files", COF_LANE_REQUEST, COF_BODY_NONE,
     false, cof_handle_list_files},
    {COF_HTTP_POST, "/v1/vector_stores/{vector_store_id}/search", COF_LANE_REQUEST, COF_BODY_JSON,
     false, cof_handle_search},

    {COF_HTTP_POST, "/v1/documents", COF_LANE_REQUEST, COF_BODY_DOCUMENTS, false,
     cof_handle_put_documents},
    {COF_HTTP_GET, "/v1/documents/{document_id}", COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_get_document},
    {COF_HTTP_DELETE, "/v1/documents/{document_id}", COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_delete_document},

    {COF_HTTP_POST, "/v1/keys", COF_LANE_REQUEST, COF_BODY_JSON, false, cof_handle_create_key},
    {COF_HTTP_GET, "/v1/keys", COF_LANE_REQUEST, COF_BODY_NONE, false, cof_handle_list_keys},
    {COF_HTTP_GET, "/v1/keys/{key_id}", COF_LANE_REQUEST, COF_BODY_NONE, false, cof_handle_get_key},
    {COF_HTTP_DELETE, "/v1/keys/{key_id}", COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_revoke_key},

    {COF_HTTP_GET, "/v1/audit/checkpoint", COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_audit_checkpoint},
    {COF_HTTP_GET, "/v1/audit/entries", COF_LANE_REQUEST, COF_BODY_NONE, false,
     cof_handle_audit_entries},

    {COF_HTTP_GET, "/livez", COF_LANE_LOOP, COF_BODY_NONE, true, cof_handle_live},
    {COF_HTTP_GET, "/healthz", COF_LANE_REQUEST, COF_BODY_NONE, true, cof_handle_ready},
    {COF_HTTP_GET, "/readyz", COF_LANE_REQUEST, COF_BODY_NONE, true, cof_handle_ready},
    {COF_HTTP_GET, "/info", COF_LANE_REQUEST, COF_BODY_NONE, false, cof_handle_info},
    {COF_HTTP_GET, "/metrics", COF_LANE_REQUEST, COF_BODY_NONE, false, cof_handle_metrics},
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
