/* Which documents a chat may answer from: `vector_store_ids` of our own, `data_sources` as Azure's
 * clients send them, or OpenAI's file_search tool. One of the three. */
#include <string.h>

#include "chat_request.h"
#include "fields.h"

#define MAX_STORES 16

/* The members that all three share, under whatever name. */
struct names {
    const char *count;
    const char *filter;
};

static enum cof_status parse_common(const struct cof_fields *fields, struct names names,
                                    struct cof_service_chat *chat, struct cof_error *err)
{
    static const char *const modes[] = {"hybrid", "vector", "lexical"};
    size_t mode = (size_t)chat->mode;
    double min_score = 0;
    COF_TRY(cof_fields_size(fields, names.count, 1, COF_SEARCH_MAX_K, &chat->k, err));
    COF_TRY(cof_fields_object(fields, names.filter, &chat->filter, err));
    COF_TRY(cof_fields_choice(fields, "mode", modes, 3, &mode, err));
    COF_TRY(cof_fields_number(fields, "min_score", 0, 1, &min_score, err));
    chat->mode = (enum cof_search_mode)mode;
    chat->min_score = (float)min_score;
    return COF_OK;
}

static enum cof_status parse_store_ids(const struct cof_fields *fields,
                                       struct cof_service_chat *chat, struct cof_error *err)
{
    return cof_fields_texts(fields, "vector_store_ids", MAX_STORES, &chat->collections,
                            &chat->collection_count, err);
}

/* Azure's query types, as far as they mean something here. */
static enum cof_status parse_query_type(const struct cof_fields *fields,
                                        struct cof_service_chat *chat, struct cof_error *err)
{
    static const char *const types[] = {"simple", "vector", "vector_simple_hybrid",
                                        "vectorSimpleHybrid"};
    static const enum cof_search_mode modes[] = {COF_SEARCH_LEXICAL, COF_SEARCH_VECTOR,
                                                 COF_SEARCH_HYBRID, COF_SEARCH_HYBRID};
    size_t type = 2;
    COF_TRY(cof_fields_choice(fields, "query_type", types, 4, &type, err));
    chat->mode = modes[type];
    return COF_OK;
}

static enum cof_status parse_parameters(const struct cof_fields *fields,
                                        struct cof_service_chat *chat, struct cof_error *err)
{
    const struct names names = {.count = "top_n_documents", .filter = "filter"};
    const struct cof_json *filter = cof_json_find(fields->object, "filter");
    struct cof_text name = {0};
    size_t strictness = 3;
    bool in_scope = true;
    if (filter != NULL && cof_json_type_of(filter) == COF_JSON_STRING) {
        return cof_fields_refuse(fields, "filter", err,
                                 "OData filters are not understood; write the filter as an object: "
                                 "{\"type\":\"eq\",\"key\":…,\"value\":…}");
    }
    COF_TRY(parse_query_type(fields, chat, err));
    COF_TRY(parse_common(fields, names, chat, err));
    /* accepted: answers stay in scope and are checked sentence by sentence whatever they say */
    COF_TRY(cof_fields_size(fields, "strictness", 1, 5, &strictness, err));
    COF_TRY(cof_fields_bool(fields, "in_scope", &in_scope, err));
    COF_TRY(parse_store_ids(fields, chat, err));
    COF_TRY(cof_fields_text(fields, "index_name", &name, err));
    COF_TRY(cof_fields_text(fields, "vector_store_id", &name, err));
    if (name.data == NULL && chat->collection_count == 0) {
        return cof_fields_refuse(fields, "index_name", err,
                                 "'index_name' or 'vector_store_id' is required");
    }
    if (name.data == NULL) {
        return COF_OK;
    }
    struct cof_text *store = cof_arena_array(&fields->request->call.arena, 1, sizeof(*store));
    if (store == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    *store = name;
    chat->collections = store;
    chat->collection_count = 1;
    return COF_OK;
}

static enum cof_status parse_data_sources(const struct cof_fields *fields,
                                          const struct cof_json *sources,
                                          struct cof_service_chat *chat, struct cof_error *err)
{
    static const char *const types[] = {"coffer", "azure_search", "AzureCognitiveSearch"};
    const struct cof_json *parameters = NULL;
    size_t type = 3;
    if (cof_json_count(sources) != 1) {
        return cof_fields_refuse(fields, "data_sources", err,
                                 "'data_sources' must have exactly one element");
    }
    const struct cof_fields source =
        cof_fields_in(fields, cof_json_first(sources), "data_sources[0].");
    if (cof_json_type_of(source.object) != COF_JSON_OBJECT) {
        return cof_fields_refuse(fields, "data_sources", err, "a data source must be an object");
    }
    COF_TRY(cof_fields_choice(&source, "type", types, 3, &type, err));
    COF_TRY(cof_fields_object(&source, "parameters", &parameters, err));
    if (type == 3 || parameters == NULL) {
        return cof_fields_refuse(&source, type == 3 ? "type" : "parameters", err,
                                 "a data source needs 'type' and 'parameters'");
    }
    const struct cof_fields inside =
        cof_fields_in(fields, parameters, "data_sources[0].parameters.");
    return parse_parameters(&inside, chat, err);
}

static enum cof_status parse_tools(const struct cof_fields *fields, const struct cof_json *tools,
                                   struct cof_service_chat *chat, struct cof_error *err)
{
    const struct names names = {.count = "max_num_results", .filter = "filters"};
    const struct cof_json *tool = cof_json_first(tools);
    struct cof_text type = cof_json_text(cof_json_find(tool, "type"));
    if (cof_json_count(tools) != 1 || !cof_text_equal(type, COF_TEXT("file_search"))) {
        return cof_fields_refuse(fields, "tools", err,
                                 "the only tool here is one of type \"file_search\"; functions are "
                                 "not called by this server");
    }
    const struct cof_fields inside = cof_fields_in(fields, tool, "tools[0].");
    const struct cof_json *ranking = NULL;
    COF_TRY(parse_common(&inside, names, chat, err));
    COF_TRY(parse_store_ids(&inside, chat, err));
    COF_TRY(cof_fields_object(&inside, "ranking_options", &ranking, err));
    if (ranking != NULL) {
        const struct cof_fields in_ranking =
            cof_fields_in(fields, ranking, "tools[0].ranking_options.");
        double threshold = 0;
        COF_TRY(cof_fields_number(&in_ranking, "score_threshold", 0, 1, &threshold, err));
        chat->min_score = (float)threshold;
    }
    if (chat->collection_count == 0) {
        return cof_fields_refuse(&inside, "vector_store_ids", err,
                                 "file_search needs 'vector_store_ids'");
    }
    return COF_OK;
}

enum cof_status cof_chat_retrieval_parse(struct cof_request *request, struct cof_service_chat *chat,
                                         struct cof_error *err)
{
    const struct names names = {.count = "max_num_results", .filter = "filters"};
    const struct cof_fields fields = cof_fields_of(request);
    const struct cof_json *stores = NULL;
    const struct cof_json *sources = NULL;
    const struct cof_json *tools = NULL;
    COF_TRY(cof_fields_array(&fields, "vector_store_ids", &stores, err));
    COF_TRY(cof_fields_array(&fields, "data_sources", &sources, err));
    COF_TRY(cof_fields_array(&fields, "tools", &tools, err));
    bool has_tools = tools != NULL && cof_json_count(tools) > 0;
    if ((stores != NULL) + (sources != NULL) + has_tools > 1) {
        return cof_fields_refuse(&fields, "vector_store_ids", err,
                                 "name the documents once: by 'vector_store_ids', by "
                                 "'data_sources' or by a file_search tool");
    }
    if (sources != NULL) {
        return parse_data_sources(&fields, sources, chat, err);
    }
    if (has_tools) {
        return parse_tools(&fields, tools, chat, err);
    }
    COF_TRY(parse_common(&fields, names, chat, err));
    return parse_store_ids(&fields, chat, err);
}
