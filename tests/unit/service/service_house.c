/* A whole house below HTTP for tests of the service. */
#include "service_house.h"

#include <string.h>

#include <cof/embedder/hashing.h>
#include <cof/generate/extractive.h>

#include "testing.h"

#define OK(call) assert_int_equal((call), COF_OK)

static enum cof_status rank_by_length(struct cof_reranker *reranker, struct cof_text query,
                                      const struct cof_text *texts, size_t count,
                                      const struct cof_cancel *cancel, float *out_scores,
                                      size_t *out_token_count, struct cof_error *err)
{
    (void)reranker;
    (void)query;
    COF_TRY(cof_cancel_check(cancel, err));
    for (size_t i = 0; i < count; i++)
        out_scores[i] = texts[i].size < 100 ? (float)texts[i].size / 100 : 1;
    if (out_token_count != NULL)
        *out_token_count = 4 * count;
    return COF_OK;
}

static const struct cof_reranker_ops LENGTH_OPS = {.name = "length", .rank = rank_by_length};

static void open_parts(struct service_house *house, bool is_new, uint32_t rate_per_second)
{
    struct cof_error *err = &house->error;
    struct cof_keyring_options keyring = {
        .folder = house->keys_folder, .clock = cof_clock_system(), .random = cof_random_system()};
    OK(is_new ? cof_keyring_create(&keyring, &house->keyring, err)
              : cof_keyring_open(&keyring, &house->keyring, err));
    struct cof_store_options store = {.folder = house->store_folder,
                                      .may_create = is_new,
                                      .keyring = house->keyring,
                                      .clock = cof_clock_system(),
                                      .random = cof_random_system(),
                                      .max_bytes = (uint64_t)256 << 20};
    OK(cof_store_open(&store, &house->store, err));
    struct cof_audit_log_options audit = {.folder = house->audit_folder,
                                          .keyring = house->keyring,
                                          .clock = cof_clock_system(),
                                          .random = cof_random_system()};
    OK(cof_audit_log_open(&audit, &house->audit, err));
    OK(cof_hashing_open(128, 512, &house->embedder, err));
    struct cof_query_cache_options cache = {.embedder = house->embedder,
                                            .max_count = 16,
                                            .lifetime_ms = 60000,
                                            .clock = cof_clock_system(),
                                            .random = cof_random_system()};
    OK(cof_query_cache_create(&cache, &house->query_cache, err));
    struct cof_index_set_options indexes = {.store = house->store};
    OK(cof_index_set_open(&indexes, &house->indexes, err));
    struct cof_search_options search = {.store = house->store,
                                        .indexes = house->indexes,
                                        .embedder = house->embedder,
                                        .query_cache = house->query_cache,
                                        .reranker =
                                            house->reranker.ops != NULL ? &house->reranker : NULL,
                                        .rerank_weight = 0.5F,
                                        .rerank_count = 50,
                                        .clock = cof_clock_system()};
    OK(cof_searcher_create(&search, &house->searcher, err));
    OK(cof_extractive_open(&house->generator, err));
    struct cof_answerer_options answers = {.searcher = house->searcher,
                                           .embedder = house->embedder,
                                           .generator = house->generator,
                                           .clock = cof_clock_system()};
    OK(cof_answerer_create(&answers, &house->answerer, err));
    struct cof_auth_options auth = {.store = house->store,
                                    .keyring = house->keyring,
                                    .clock = cof_clock_system(),
                                    .random = cof_random_system()};
    OK(cof_auth_open(&auth, &house->auth, err));
    struct cof_ingester_options ingest = {.parser = house->parser,
                                          .embedder = house->embedder,
                                          .store = house->store,
                                          .indexes = house->indexes,
                                          .clock = cof_clock_system()};
    OK(cof_ingester_create(&ingest, &house->ingester, err));
    struct cof_service_options service = {.store = house->store,
                                          .keyring = house->keyring,
                                          .audit = house->audit,
                                          .audit_folder = house->audit_folder,
                                          .auth = house->auth,
                                          .indexes = house->indexes,
                                          .searcher = house->searcher,
                                          .ingester = house->ingester,
                                          .answerer = house->answerer,
                                          .embedder = house->embedder,
                                          .query_cache = house->query_cache,
                                          .reranker =
                                              house->reranker.ops != NULL ? &house->reranker : NULL,
                                          .max_rerank_count = 10,
                                          .generator = house->generator,
                                          .clock = cof_clock_system(),
                                          .random = cof_random_system(),
                                          .rate_per_second = rate_per_second,
                                          .max_tokenize_bytes = 10000,
                                          .max_chunk_tokens = 200,
                                          .chunk_overlap_tokens = 20};
    OK(cof_service_open(&service, &house->service, err));
}

static void close_parts(struct service_house *house)
{
    cof_service_close(house->service);
    cof_ingester_destroy(house->ingester);
    cof_auth_close(house->auth);
    cof_answerer_destroy(house->answerer);
    cof_generator_close(house->generator);
    cof_searcher_destroy(house->searcher);
    cof_index_set_close(house->indexes);
    cof_query_cache_destroy(house->query_cache);
    cof_embedder_close(house->embedder);
    cof_audit_log_close(house->audit);
    cof_store_close(house->store);
    cof_keyring_close(house->keyring);
}

void service_house_create(struct service_house *house, uint32_t rate_per_second)
{
    memset(house, 0, sizeof(*house));
    house->reranker =
        (struct cof_reranker){.ops = &LENGTH_OPS, .info = {.name = "length", .backend = "length"}};
    temp_dir_create(house->folder);
    temp_dir_join(house->folder, "keys", house->keys_folder, sizeof(house->keys_folder));
    temp_dir_join(house->folder, "store", house->store_folder, sizeof(house->store_folder));
    temp_dir_join(house->folder, "audit", house->audit_folder, sizeof(house->audit_folder));
    OK(cof_parser_open(&(struct cof_parser_options){0}, &house->parser, &house->error));
    open_parts(house, true, rate_per_second);
}

void service_house_reopen(struct service_house *house)
{
    close_parts(house);
    open_parts(house, false, 0);
}

void service_house_destroy(struct service_house *house)
{
    close_parts(house);
    cof_parser_close(house->parser);
    temp_dir_remove(house->folder);
}

void service_house_key(struct service_house *house, uint32_t role, const char *group,
                       char out_key[COF_API_KEY_SIZE])
{
    struct cof_call call;
    struct cof_text name = cof_text_from(group);
    struct cof_key_request request = {.name = COF_TEXT("key"),
                                      .roles = role,
                                      .groups = &name,
                                      .group_count = group == NULL ? 0 : 1};
    struct cof_credential credential;
    cof_call_init_local(house->service, &call);
    OK(cof_service_create_key(house->service, &call, &request, out_key, &credential,
                              &house->error));
    cof_call_deinit(&call);
}

struct cof_call service_house_call(struct service_house *house, const char *key)
{
    struct cof_call call;
    cof_call_init(house->service, &call, 0);
    OK(cof_service_authenticate(house->service, &call, cof_text_from(key), &house->error));
    return call;
}

size_t service_house_log(struct service_house *house, struct cof_arena *arena,
                         struct cof_audit_entry **out_entries)
{
    size_t count = 0;
    OK(cof_audit_read(house->audit_folder, house->keyring, 0, 1000, arena, out_entries, &count,
                      &house->error));
    return count;
}
