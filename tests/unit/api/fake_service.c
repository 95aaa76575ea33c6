/* The stand-in for src/service. Everything shared is under one lock, because workers come in. */
#include "fake_service.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "testing.h"

struct cof_service {
    int unused;
};

static struct cof_service the_service;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_gate_closed;
static size_t at_gate;
static struct fake_counts counts;
static enum cof_status next_failure;
static size_t failures_left;
static uint64_t audit_seq = 40;
static char last[4096];

static const struct cof_embedder_info embedder_info = {
    .name = "test-embedder",
    .backend = "hashing",
    .precision = "",
    .pooling = "",
    .dimension = 4,
    .max_tokens = 256,
    .max_batch_count = 64,
};
static const struct cof_generator_info generator_info = {
    .name = "test-generator",
    .backend = "extractive",
    .context_tokens = 4096,
};

struct cof_service *fake_service(void)
{
    return &the_service;
}

void fake_service_reset(void)
{
    pthread_mutex_lock(&lock);
    is_gate_closed = false;
    at_gate = 0;
    counts = (struct fake_counts){0};
    failures_left = 0;
    last[0] = '\0';
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void fake_service_close_gate(void)
{
    pthread_mutex_lock(&lock);
    is_gate_closed = true;
    pthread_mutex_unlock(&lock);
}

void fake_service_open_gate(void)
{
    pthread_mutex_lock(&lock);
    is_gate_closed = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void fake_service_wait_at_gate(size_t count)
{
    pthread_mutex_lock(&lock);
    while (at_gate < count) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

void fake_service_wait_canceled(size_t count)
{
    pthread_mutex_lock(&lock);
    while (counts.canceled < count) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

void fake_service_fail(enum cof_status status, size_t count)
{
    pthread_mutex_lock(&lock);
    next_failure = status;
    failures_left = count;
    pthread_mutex_unlock(&lock);
}

struct fake_counts fake_service_counts(void)
{
    pthread_mutex_lock(&lock);
    struct fake_counts copy = counts;
    pthread_mutex_unlock(&lock);
    return copy;
}

const char *fake_service_last(void)
{
    static char copy[sizeof(last)];
    pthread_mutex_lock(&lock);
    memcpy(copy, last, sizeof(copy));
    pthread_mutex_unlock(&lock);
    return copy;
}

/* Under the lock. */
static void wait_at_gate(struct cof_call *call)
{
    at_gate++;
    pthread_cond_broadcast(&changed);
    while (is_gate_closed && cof_cancel_check(&call->cancel, NULL) == COF_OK) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 5000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&changed, &lock, &until);
    }
    at_gate--;
}

/* What every call does first: the gate, then a failure that was ordered, then a record. */
static enum cof_status enter(struct cof_call *call, bool has_gate, size_t *counter,
                             struct cof_error *err)
{
    pthread_mutex_lock(&lock);
    if (has_gate) {
        wait_at_gate(call);
    }
    enum cof_status status = cof_cancel_check(&call->cancel, err);
    if (status == COF_CANCELED) {
        counts.canceled++;
        pthread_cond_broadcast(&changed);
    }
    bool must_fail = status == COF_OK && failures_left > 0;
    if (must_fail) {
        failures_left--;
        status = next_failure;
    }
    if (status == COF_OK) {
        if (counter != NULL) {
            (*counter)++;
        }
        call->audit_seq = ++audit_seq;
    }
    pthread_mutex_unlock(&lock);
    return must_fail ? COF_FAIL(err, status, "the test ordered this failure") : status;
}

static void remember(const char *format, ...) COF_PRINTF(1, 2);
static void remember(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&lock);
    (void)vsnprintf(last, sizeof(last), format, arguments);
    pthread_mutex_unlock(&lock);
    va_end(arguments);
}

void cof_call_init(struct cof_service *service, struct cof_call *call, long timeout_ms)
{
    memset(call, 0, sizeof(*call));
    call->audit_seq = UINT64_MAX;
    call->cancel.clock = cof_clock_system();
    cof_uuid7(cof_clock_system(), cof_random_system(), call->request_id);
}

void cof_call_deinit(struct cof_call *call)
{
    cof_arena_deinit(&call->arena);
}

enum cof_status cof_service_authenticate(struct cof_service *service, struct cof_call *call,
                                         struct cof_text key, struct cof_error *err)
{
    bool is_good = cof_text_equal(key, COF_TEXT(FAKE_KEY));
    pthread_mutex_lock(&lock);
    counts.authenticated += is_good;
    counts.refused_keys += !is_good;
    pthread_mutex_unlock(&lock);
    return is_good ? COF_OK : COF_FAIL(err, COF_DENIED, "the API key is not valid");
}

enum cof_status cof_service_act_for(struct cof_service *service, struct cof_call *call,
                                    struct cof_text user, struct cof_text groups,
                                    struct cof_error *err)
{
    if (!cof_text_equal(user, COF_TEXT(FAKE_USER)))
        return COF_FAIL(err, COF_DENIED, "not for this user");
    call->principal.user = cof_arena_copy_text(&call->arena, user);
    pthread_mutex_lock(&lock);
    counts.acted += cof_text_equal(groups, COF_TEXT(FAKE_GROUPS));
    pthread_mutex_unlock(&lock);
    return COF_OK;
}

const struct cof_embedder_info *cof_service_embedder_info(const struct cof_service *service)
{
    return &embedder_info;
}

const struct cof_generator_info *cof_service_generator_info(const struct cof_service *service)
{
    return &generator_info;
}

enum cof_status cof_service_list_models(struct cof_service *service, struct cof_call *call,
                                        struct cof_service_model **out_models, size_t *out_count,
                                        struct cof_error *err)
{
    static struct cof_service_model models[2];
    COF_TRY(enter(call, false, NULL, err));
    models[0] = (struct cof_service_model){cof_text_from("test-embedder"), COF_TEXT("embedding")};
    models[1] = (struct cof_service_model){cof_text_from("test-generator"), COF_TEXT("chat")};
    *out_models = models;
    *out_count = 2;
    return COF_OK;
}

/* As many characters as bytes: { size of the text or number of tokens, 0.5, -0.25, 0 }. */
enum cof_status cof_service_embed(struct cof_service *service, struct cof_call *call,
                                  const struct cof_service_embedding *embedding,
                                  struct cof_service_vectors *out_vectors, struct cof_error *err)
{
    COF_TRY(enter(call, true, &counts.embedded, err));
    if (embedding->model.size > 0 && !cof_text_equal(embedding->model, COF_TEXT("test-embedder"))) {
        return COF_FAIL(err, COF_NOT_FOUND, "no such model");
    }
    size_t dimension = embedding->dimensions > 0 ? embedding->dimensions : 4;
    float *vectors = cof_arena_array(&call->arena, dimension * embedding->count, sizeof(*vectors));
    if (vectors == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < embedding->count; i++) {
        const float numbers[4] = {
            (float)(embedding->ids != NULL ? embedding->ids[i].count : embedding->texts[i].size),
            0.5f, -0.25f, 0};
        if (embedding->ids == NULL && !embedding->may_cut &&
            cof_text_equal(embedding->texts[i], COF_TEXT("too long"))) {
            return COF_FAIL(err, COF_INVALID, "input %zu has too many tokens", i);
        }
        memcpy(vectors + i * dimension, numbers, dimension * sizeof(*vectors));
    }
    remember("embed %s %zu%s%s", embedding->role == COF_EMBED_QUERY ? "query" : "passage",
             embedding->count, embedding->ids != NULL ? " ids" : "",
             embedding->may_cut ? " cut" : "");
    *out_vectors = (struct cof_service_vectors){
        .values = vectors, .dimension = dimension, .token_count = 3 * embedding->count};
    return COF_OK;
}

/* Every byte a token, its value the id; '?' has none. */
enum cof_status cof_service_tokenize(struct cof_service *service, struct cof_call *call,
                                     struct cof_text model, const struct cof_text *texts,
                                     size_t count, struct cof_service_tokens **out_tokens,
                                     struct cof_error *err)
{
    COF_TRY(enter(call, false, NULL, err));
    if (model.size > 0 && !cof_text_equal(model, COF_TEXT("test-embedder"))) {
        return COF_FAIL(err, COF_NOT_FOUND, "no such model");
    }
    struct cof_service_tokens *all = cof_arena_array(&call->arena, count, sizeof(*all));
    for (size_t i = 0; i < count && all != NULL; i++) {
        struct cof_service_token *tokens =
            cof_arena_array(&call->arena, texts[i].size, sizeof(*tokens));
        if (tokens == NULL) {
            return COF_FAIL_MEMORY(err);
        }
        for (size_t j = 0; j < texts[i].size; j++) {
            uint8_t byte = (uint8_t)texts[i].data[j];
            tokens[j] = (struct cof_service_token){
                .id = byte == '?' ? COF_TOKEN_WITHOUT_ID : byte, .begin = j, .end = j + 1};
        }
        all[i] = (struct cof_service_tokens){.tokens = tokens, .count = texts[i].size};
    }
    remember("tokenize %zu", count);
    *out_tokens = all;
    return all != NULL ? COF_OK : COF_FAIL_MEMORY(err);
}

static const struct cof_reranker_info reranker_info = {
    .name = "test-reranker",
    .backend = "late_interaction",
    .precision = "f32",
    .max_tokens = 256,
};

const struct cof_reranker_info *cof_service_reranker_info(const struct cof_service *service)
{
    return &reranker_info;
}

/* The longer the better, in tenths. */
enum cof_status cof_service_rerank(struct cof_service *service, struct cof_call *call,
                                   const struct cof_service_rerank *rerank,
                                   struct cof_service_rank **out_ranks, size_t *out_token_count,
                                   struct cof_error *err)
{
    COF_TRY(enter(call, true, NULL, err));
    if (rerank->model.size > 0 && !cof_text_equal(rerank->model, COF_TEXT("test-reranker"))) {
        return COF_FAIL(err, COF_NOT_FOUND, "no such model");
    }
    struct cof_service_rank *ranks = cof_arena_array(&call->arena, rerank->count, sizeof(*ranks));
    if (ranks == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < rerank->count; i++) {
        size_t place = i;
        while (place > 0 && rerank->texts[ranks[place - 1].index].size < rerank->texts[i].size) {
            ranks[place] = ranks[place - 1];
            place--;
        }
        ranks[place] =
            (struct cof_service_rank){.index = i, .score = (float)rerank->texts[i].size / 8};
    }
    remember("rerank %.*s %zu", COF_TEXT_ARG(rerank->query), rerank->count);
    *out_ranks = ranks;
    *out_token_count = 5 * rerank->count;
    return COF_OK;
}

bool cof_service_query_cache_stats(const struct cof_service *service,
                                   struct cof_query_cache_stats *out_stats)
{
    *out_stats = (struct cof_query_cache_stats){.hit_count = 7, .miss_count = 3, .count = 2};
    return true;
}

static struct cof_collection a_collection(const char *id, uint64_t number)
{
    struct cof_collection collection = {
        .number = number,
        .name = COF_TEXT("handbook"),
        .created_ns = INT64_C(1700000000000000000) + (int64_t)number * 1000000000,
        .last_active_ns = INT64_C(1700000100000000000),
        .metadata = COF_TEXT("{\"team\":\"hr\"}"),
        .model_name = COF_TEXT("test-embedder"),
        .dimension = 4,
        .precision = COF_VECTOR_F32,
        .max_chunk_tokens = 200,
        .document_count = 2,
        .chunk_count = 5,
        .source_bytes = 1234,
    };
    (void)snprintf(collection.public_id, sizeof(collection.public_id), "%s", id);
    return collection;
}

enum cof_status cof_service_get_collection(struct cof_service *service, struct cof_call *call,
                                           struct cof_text id, struct cof_collection *out,
                                           struct cof_error *err)
{
    COF_TRY(enter(call, false, NULL, err));
    if (cof_text_equal(id, COF_TEXT("second"))) {
        *out = a_collection("vs_bbbbbbbbbbbbbbbbbbbbbbbb", 2);
        return COF_OK;
    }
    if (!cof_text_equal(id, COF_TEXT(FAKE_STORE)) && !cof_text_equal(id, COF_TEXT("handbook"))) {
        return COF_FAIL(err, COF_NOT_FOUND, "no vector store has this id or name");
    }
    *out = a_collection(FAKE_STORE, 1);
    return COF_OK;
}

enum cof_status cof_service_list_collections(struct cof_service *service, struct cof_call *call,
                                             struct cof_collection **out, size_t *out_count,
                                             struct cof_error *err)
{
    COF_TRY(enter(call, false, NULL, err));
    struct cof_collection *collections = cof_arena_array(&call->arena, 5, sizeof(*collections));
    if (collections == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < 5; i++) {
        char id[COF_COLLECTION_ID_SIZE] = "vs_aaaaaaaaaaaaaaaaaaaaaaaa";
        id[26] = (char)('a' + i);
        collections[i] = a_collection(id, i + 1);
    }
    *out = collections;
    *out_count = 5;
    return COF_OK;
}

enum cof_status cof_service_create_collection(struct cof_service *service, struct cof_call *call,
                                              const struct cof_collection_request *request,
                                              struct cof_collection *out, struct cof_error *err)
{
    COF_TRY(enter(call, false, NULL, err));
    if (request->embedding_model.size > 0 &&
        !cof_text_equal(request->embedding_model, COF_TEXT("test-embedder"))) {
        return COF_FAIL(err, COF_NOT_FOUND, "no such model");
    }
    remember("create %.*s %.*s %u %u", COF_TEXT_ARG(request->name), COF_TEXT_ARG(request->metadata),
             request->max_chunk_tokens, request->chunk_overlap_tokens);
    *out = a_collection(FAKE_STORE, 1);
    return COF_OK;
}

enum cof_status cof_service_update_collection(struct cof_service *service, struct cof_call *call,
                                              struct cof_text id, const struct cof_text *name,
                                              const struct cof_text *metadata,
                                              struct cof_collection *out, struct cof_error *err)
{
    COF_TRY(enter(call, false, NULL, err));
    remember("update %.*s %s %s", COF_TEXT_ARG(id), name != NULL ? "name" : "-",
             metadata != NULL ? "metadata" : "-");
    *out = a_collection(FAKE_STORE, 1);
    return COF_OK;
}

enum cof_status cof_service_delete_collection(struct cof_service *service, struct cof_call *call,
                                              struct cof_text id, struct cof_error *err)
{
    remember("delete %.*s", COF_TEXT_ARG(id));
    return enter(call, false, NULL, err);
}

static enum cof_status put_one(struct cof_call *call, const struct cof_ingest_document *document,
                               size_t number, struct cof_ingest_result *result)
{
    struct cof_text id = document->external_id;
    if (id.size == 0) {
        id = COF_TEXT("f-made");
    }
    *result = (struct cof_ingest_result){
        .external_id = cof_arena_copy_text(&call->arena, id),
        .outcome = {.kind = COF_WRITE_CREATED,
                    .document_number = number,
                    .version = 1,
                    .chunk_count = (uint32_t)(document->source.size / 10 + 1)},
    };
    if (cof_text_has_prefix(id, COF_TEXT("bad"))) {
        result->outcome.kind = COF_WRITE_FAILED;
        (void)COF_FAIL(&result->outcome.error, COF_INVALID, "the document is bad");
    } else if (cof_text_has_prefix(id, COF_TEXT("same"))) {
        result->outcome.kind = COF_WRITE_UNCHANGED;
    }
    return COF_OK;
}

enum cof_status cof_service_put_documents(struct cof_service *service, struct cof_call *call,
                                          struct cof_text collection_id,
                                          const struct cof_ingest_document *documents, size_t count,
                                          struct cof_ingest_result **out_results,
                                          struct cof_error *err)
{
    COF_TRY(enter(call, true, &counts.puts, err));
    if (cof_text_equal(collection_id, COF_TEXT("missing"))) {
        return COF_FAIL(err, COF_NOT_FOUND, "no vector store has this id or name");
    }
    struct cof_ingest_result *results = cof_arena_array(&call->arena, count, sizeof(*results));
    if (results == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < count; i++) {
        COF_TRY(put_one(call, &documents[i], i + 1, &results[i]));
    }
    const struct cof_ingest_document *document = &documents[0];
    remember("put %.*s %.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%s %zu %zu", COF_TEXT_ARG(collection_id),
             COF_TEXT_ARG(document->external_id), COF_TEXT_ARG(document->title),
             COF_TEXT_ARG(document->filename), COF_TEXT_ARG(document->media_type),
             COF_TEXT_ARG(document->attributes), COF_TEXT_ARG(cof_bytes_text(document->source)),
             document->acl.is_set ? "acl" : "open", document->acl.allow_count,
             document->acl.deny_count);
    pthread_mutex_lock(&lock);
    counts.documents += count;
    counts.largest_put = count > counts.largest_put ? count : counts.largest_put;
    pthread_mutex_unlock(&lock);
    *out_results = results;
    return COF_OK;
}

static struct cof_document a_document(void)
{
    static const struct cof_text allow[] = {{"group:hr", 8}};
    return (struct cof_document){
        .collection = 1,
        .number = 7,
        .version = 3,
        .external_id = COF_TEXT("leave-policy"),
        .title = COF_TEXT("Leave \"policy\""),
        .filename = COF_TEXT("hr/leave.md"),
        .media_type = COF_TEXT("text/markdown"),
        .attributes = COF_TEXT("{\"year\":2026}"),
        .acl = {.is_set = true, .allow = allow, .allow_count = 1},
        .source_bytes = 100,
        .created_ns = INT64_C(1700000000000000000),
        .updated_ns = INT64_C(1700000001000000000),
        .chunk_count = 1,
    };
}

static struct cof_chunk a_chunk(void)
{
    return (struct cof_chunk){
        .chunk_id = UINT64_C(9007199254740993), /* not a double */
        .text = COF_TEXT("Thirty days of leave."),
        .heading = COF_TEXT("Leave > Annual"),
        .byte_begin = 10,
        .byte_end = 31,
    };
}

enum cof_status cof_service_get_document(struct cof_service *service, struct cof_call *call,
                                         struct cof_text collection_id, struct cof_text external_id,
                                         bool with_chunks, struct cof_service_document *out,
                                         struct cof_error *err)
{
    COF_TRY(enter(call, false, NULL, err));
    remember("get %.*s %.*s %d", COF_TEXT_ARG(collection_id), COF_TEXT_ARG(external_id),
             with_chunks);
    if (cof_text_equal(external_id, COF_TEXT("twice")) && collection_id.size == 0) {
        return COF_FAIL(err, COF_CONFLICT, "more than one vector store has this document");
    }
    if (!cof_text_equal(external_id, COF_TEXT("leave-policy"))) {
        return COF_FAIL(err, COF_NOT_FOUND, "no document has this id");
    }
    static struct cof_chunk chunk;
    chunk = a_chunk();
    *out = (struct cof_service_document){
        .collection = a_collection(FAKE_STORE, 1),
        .document = a_document(),
        .chunks = with_chunks ? &chunk : NULL,
        .chunk_count = with_chunks ? 1 : 0,
    };
    return COF_OK;
}

enum cof_status cof_service_list_documents(struct cof_service *service, struct cof_call *call,
                                           struct cof_text collection_id, uint64_t after_number,
                                           size_t max_count, struct cof_document **out,
                                           size_t *out_count, struct cof_error *err)
{
    COF_TRY(enter(call, false, NULL, err));
    remember("list %.*s %llu %zu", COF_TEXT_ARG(collection_id), (unsigned long long)after_number,
             max_count);
    size_t count = max_count < 3 ? max_count : 3;
    struct cof_document *documents = cof_arena_array(&call->arena, count, sizeof(*documents));
    if (documents == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < count; i++) {
        documents[i] = a_document();
    }
    *out = documents;
    *out_count = count;
    return COF_OK;
}

enum cof_status cof_service_delete_document(struct cof_service *service, struct cof_call *call,
                                            struct cof_text collection_id,
                                            struct cof_text external_id, struct cof_error *err)
{
    remember("delete %.*s %.*s", COF_TEXT_ARG(collection_id), COF_TEXT_ARG(external_id));
    return enter(call, false, NULL, err);
}

static struct cof_search_result a_result(struct cof_call *call, float score)
{
    struct cof_search_hit *hit = cof_arena_array(&call->arena, 1, sizeof(*hit));
    if (hit == NULL) {
        return (struct cof_search_result){.trace = {.plan = "none"}};
    }
    *hit = (struct cof_search_hit){
        .collection = 1,
        .document = a_document(),
        .chunk = a_chunk(),
        .score = score,
        .vector_score = 0.5f,
        .lexical_score = __builtin_nanf(""),
    };
    return (struct cof_search_result){
        .hits = hit, .hit_count = 1, .trace = {.plan = "exact", .chunk_count = 5}};
}

enum cof_status cof_service_search(struct cof_service *service, struct cof_call *call,
                                   const struct cof_service_search *search,
                                   struct cof_search_result *out, struct cof_error *err)
{
    COF_TRY(enter(call, true, &counts.searched, err));
    if (search->filter != NULL && cof_json_find(search->filter, "type") == NULL) {
        return COF_FAIL(err, COF_INVALID, "a filter needs a type");
    }
    remember("search %.*s %.*s k=%zu mode=%d fusion=%d min=%.2f exact=%d vector=%zu %.3f%s",
             COF_TEXT_ARG(search->collections[0]), COF_TEXT_ARG(search->query), search->k,
             (int)search->mode, (int)search->fusion, (double)search->min_score,
             search->must_be_exact, search->query_vector_count,
             search->query_vector != NULL ? (double)search->query_vector[0] : 0.0,
             search->rerank == COF_RERANK_YES  ? " rerank"
             : search->rerank == COF_RERANK_NO ? " no rerank"
                                               : "");
    *out = a_result(call, search->query.size > 5 ? 0.75f : 0.25f);
    return COF_OK;
}

static struct cof_answer an_answer(void)
{
    static const struct cof_citation citation = {
        .marker = 1,
        .collection = 1,
        .document_number = 7,
        .version = 3,
        .chunk_id = UINT64_C(9007199254740993),
        .external_id = {"leave-policy", 12},
        .title = {"Leave \"policy\"", 14},
        .filename = {"hr/leave.md", 11},
        .byte_begin = 10,
        .byte_end = 31,
        .quote = {"Thirty days of leave.", 21},
        .content_sha256 = "00ff",
        .score = 0.5f,
        .answer_begin = 9, /* "Grüße. " has 7 characters in 9 bytes */
        .answer_end = 34,
    };
    return (struct cof_answer){
        .kind = COF_ANSWER_GENERATED,
        .is_grounded = true,
        .text = COF_TEXT("Gr\xc3\xbc\xc3\x9f"
                         "e. Thirty days of leave [1]."),
        .citations = &citation,
        .citation_count = 1,
        .finish_reason = COF_FINISH_STOP,
        .prompt_tokens = 11,
        .completion_tokens = 7,
        .held_back_count = 2,
    };
}

enum cof_status cof_service_chat(struct cof_service *service, struct cof_call *call,
                                 const struct cof_service_chat *chat, struct cof_answer *out,
                                 struct cof_error *err)
{
    if (chat->model.size > 0 && !cof_text_equal(chat->model, COF_TEXT("test-generator"))) {
        return COF_FAIL(err, COF_NOT_FOUND, "no such model");
    }
    struct cof_text question = chat->messages[chat->message_count - 1].content;
    remember("chat %.*s m=%zu stores=%zu %.*s k=%zu mode=%d filter=%d min=%.2f policy=%d max=%zu "
             "t=%.2f p=%.2f seed=%u stops=%zu",
             COF_TEXT_ARG(question), chat->message_count, chat->collection_count,
             COF_TEXT_ARG(chat->collection_count > 0 ? chat->collections[0] : COF_TEXT("")),
             chat->k, (int)chat->mode, chat->filter != NULL, (double)chat->min_score,
             (int)chat->policy, chat->max_tokens, (double)chat->temperature, (double)chat->top_p,
             chat->seed, chat->stop_count);
    bool is_streamed = chat->on_piece != NULL;
    struct cof_search_result retrieved = a_result(call, 0.5f);
    if (is_streamed) {
        COF_TRY(enter(call, false, NULL, err)); /* the intent */
        if (!chat->on_start(chat->context, &retrieved)) {
            return COF_FAIL(err, COF_CANCELED, "the client has left");
        }
    }
    *out = an_answer();
    if (is_streamed && !chat->on_piece(chat->context, cof_text_slice(out->text, 0, 9))) {
        return COF_FAIL(err, COF_CANCELED, "the client has left");
    }
    COF_TRY(enter(call, true, &counts.chats, err));
    if (is_streamed && !chat->on_piece(chat->context, cof_text_slice(out->text, 9, 99))) {
        return COF_FAIL(err, COF_CANCELED, "the client has left");
    }
    return COF_OK;
}

static struct cof_credential a_credential(void)
{
    static const struct cof_text groups[] = {{"hr", 2}};
    return (struct cof_credential){
        .number = 1,
        .key_id = "abcdefghijkl",
        .name = COF_TEXT("ann"),
        .roles = COF_ROLE_READER | COF_ROLE_WRITER,
        .user = COF_TEXT("ann"),
        .groups = groups,
        .group_count = 1,
        .created_ns = INT64_C(1700000000000000000),
    };
}

enum cof_status cof_service_create_key(struct cof_service *service, struct cof_call *call,
                                       const struct cof_key_request *request,
                                       char out_key[COF_API_KEY_SIZE],
                                       struct cof_credential *out_credential, struct cof_error *err)
{
    COF_TRY(enter(call, false, NULL, err));
    remember("key %.*s %u %.*s %zu", COF_TEXT_ARG(request->name), request->roles,
             COF_TEXT_ARG(request->user), request->group_count);
    (void)snprintf(out_key, COF_API_KEY_SIZE, "coffer_abcdefghijkl_secret");
    *out_credential = a_credential();
    return COF_OK;
}

enum cof_status cof_service_list_keys(struct cof_service *service, struct cof_call *call,
                                      struct cof_credential **out, size_t *out_count,
                                      struct cof_error *err)
{
    COF_TRY(enter(call, false, NULL, err));
    *out = cof_arena_array(&call->arena, 1, sizeof(**out));
    if (*out == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    **out = a_credential();
    *out_count = 1;
    return COF_OK;
}

enum cof_status cof_service_revoke_key(struct cof_service *service, struct cof_call *call,
                                       struct cof_text key_id, struct cof_error *err)
{
    remember("revoke %.*s", COF_TEXT_ARG(key_id));
    return enter(call, false, NULL, err);
}

enum cof_status cof_service_audit_checkpoint(struct cof_service *service, struct cof_call *call,
                                             struct cof_buffer *out_note, struct cof_error *err)
{
    COF_TRY(enter(call, false, NULL, err));
    cof_buffer_append_text(out_note, COF_TEXT("origin\n1\nroot\n\n\xe2\x80\x94 name sig\n"));
    return COF_OK;
}

enum cof_status cof_service_audit_entries(struct cof_service *service, struct cof_call *call,
                                          uint64_t first, size_t count,
                                          struct cof_audit_entry **out, size_t *out_count,
                                          struct cof_error *err)
{
    static const struct cof_audit_resource resource = {.document_number = 7, .version = 3};
    static const struct cof_audit_result result = {.chunk_id = 9, .score = 0.5f};
    COF_TRY(enter(call, false, NULL, err));
    remember("audit %llu %zu", (unsigned long long)first, count);
    *out = cof_arena_array(&call->arena, 1, sizeof(**out));
    if (*out == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    **out = (struct cof_audit_entry){
        .seq = first,
        .has_payload = true,
        .record = {.event = COF_AUDIT_SEARCH,
                   .intent_seq = UINT64_MAX,
                   .time_ns = INT64_C(1700000000000000000),
                   .credential_id = 1,
                   .collection = 1,
                   .subject = COF_TEXT("ann"),
                   .query = COF_TEXT("leave?"),
                   .details = COF_TEXT("{\"k\":10}"),
                   .resources = &resource,
                   .resource_count = 1,
                   .results = &result,
                   .result_count = 1},
    };
    *out_count = 1;
    return COF_OK;
}

enum cof_status cof_service_read_system(struct cof_service *service, struct cof_call *call,
                                        struct cof_error *err)
{
    return enter(call, false, NULL, err);
}

void cof_service_totals_get(struct cof_service *service, struct cof_service_totals *out)
{
    *out = (struct cof_service_totals){
        .collection_count = 1, .document_count = 2, .chunk_count = 5, .audit_size = 42};
}

enum cof_status cof_service_ready(struct cof_service *service, struct cof_error *err)
{
    pthread_mutex_lock(&lock);
    bool must_fail = failures_left > 0;
    failures_left -= must_fail;
    pthread_mutex_unlock(&lock);
    return must_fail ? COF_FAIL(err, COF_UNAVAILABLE, "the audit log cannot be written") : COF_OK;
}

/* Names that live in other folders, as they are there. */
const char *cof_answer_kind_name(enum cof_answer_kind kind)
{
    static const char *const names[] = {"plain", "generated", "extractive", "not_found"};
    return names[kind];
}

const char *cof_audit_event_name(enum cof_audit_event event)
{
    return event == COF_AUDIT_SEARCH ? "search" : "other";
}

enum cof_status cof_role_parse(struct cof_text name, uint32_t *out_roles, struct cof_error *err)
{
    if (cof_text_equal(name, COF_TEXT("reader"))) {
        *out_roles = COF_ROLE_READER;
        return COF_OK;
    }
    return COF_FAIL(err, COF_INVALID, "there is no such role");
}

void cof_role_format(uint32_t roles, char out_names[64])
{
    (void)snprintf(out_names, 64, "reader,writer");
}
