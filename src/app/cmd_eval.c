/* coffer eval: retrieval (and answer) quality on an evaluation set.
 *
 * The set is put into a data folder of its own, sealed like any other, which is removed at the end.
 * A BEIR document becomes one chunk, "title text", cut by the embedder at its own limit, as the
 * field's published figures are made; --chunked takes it through the product's chunker instead. The
 * sample corpus always goes through the product's own ingestion. */
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cof/base/file.h>
#include <cof/keys/hash.h>

#include "cli.h"
#include "collect.h"
#include "eval_answers.h"
#include "eval_metrics.h"
#include "eval_set.h"

#define BATCH_COUNT 64
#define DEPTH 100

struct eval {
    struct cof_cli cli;
    const char *mode_text;
    const char *half;
    bool is_exact;
    bool is_reranked;
    bool is_chunked;
    bool has_answers;
    bool must_hide;
    bool is_verbose;
    const char *limit_text;
    int64_t limit;
    enum cof_search_mode mode;
    struct cof_eval_set set;
    char folder[COF_MAX_PATH]; /* temporary */
    struct cof_app app;
    uint64_t collection;
    struct cof_text collection_id;
    double ndcg10, recall5, recall100, mrr10;
    size_t query_count;
    struct cof_answer_figures answers;
};

/* ---- Whole documents, one chunk each ---- */

static enum cof_status encode_nothing(void *context, const struct cof_write_outcome *outcomes,
                                      size_t count, struct cof_buffer *out, struct cof_error *err)
{
    (void)outcomes;
    (void)count;
    struct cof_audit_record record = {
        .event = COF_AUDIT_DOCUMENT_PUT, .intent_seq = UINT64_MAX, .subject = COF_TEXT("eval")};
    memcpy(record.request_id, context, sizeof(record.request_id));
    return cof_audit_record_encode(&record, out, err);
}

static enum cof_status index_batch(struct eval *eval, const struct cof_document_write *writes,
                                   const struct cof_write_outcome *outcomes, size_t count,
                                   struct cof_collection_index *index, struct cof_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (outcomes[i].kind != COF_WRITE_CREATED) {
            return COF_FAIL(err, COF_INVALID, "document %.*s could not be stored: %s",
                            COF_TEXT_ARG(writes[i].filename), outcomes[i].error.message);
        }
        struct cof_document document = {
            .collection = eval->collection,
            .number = outcomes[i].document_number,
            .version = outcomes[i].version,
            .title = writes[i].title,
            .attributes = writes[i].attributes,
            .first_chunk_id = outcomes[i].first_chunk_id,
            .chunk_count = 1,
        };
        struct cof_chunk chunk = {.chunk_id = document.first_chunk_id,
                                  .text = writes[i].chunks[0].text};
        COF_TRY(cof_collection_index_put(index, &document, &chunk, writes[i].vectors, err));
    }
    return COF_OK;
}

static enum cof_status put_batch(struct eval *eval, size_t begin, size_t count,
                                 struct cof_collection_index *index, struct cof_arena *arena,
                                 struct cof_error *err)
{
    size_t dimension = eval->app.embedder->info.dimension;
    struct cof_text texts[BATCH_COUNT];
    struct cof_chunk_write chunks[BATCH_COUNT];
    struct cof_document_write writes[BATCH_COUNT];
    struct cof_write_outcome outcomes[BATCH_COUNT];
    float *vectors = cof_arena_array(arena, count * dimension, sizeof(*vectors));
    if (vectors == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < count; i++) {
        const struct cof_eval_document *document = &eval->set.documents[begin + i];
        texts[i] = document->title.size == 0
                       ? document->text
                       : cof_arena_format(arena, "%.*s %.*s", COF_TEXT_ARG(document->title),
                                          COF_TEXT_ARG(document->text));
        struct cof_text id = cof_arena_format(arena, "d%zu", begin + i);
        chunks[i] =
            (struct cof_chunk_write){.text = document->text, .byte_end = document->text.size};
        writes[i] = (struct cof_document_write){
            .collection = eval->collection,
            .external_id = id,
            .title = document->title,
            .filename = document->id,
            .attributes = cof_eval_attributes(arena, document->id),
            .has_content = true,
            .chunks = &chunks[i],
            .chunk_count = 1,
            .vectors = vectors + i * dimension,
        };
        struct cof_bytes bytes = cof_text_bytes(texts[i]);
        COF_TRY(cof_store_content_hash(eval->app.store, eval->collection, &bytes, 1,
                                       writes[i].content_hash, err));
    }
    COF_TRY(cof_embedder_embed(eval->app.embedder, COF_EMBED_PASSAGE, texts, count, NULL, vectors,
                               NULL, err));
    struct cof_outbox outbox = {.encode = encode_nothing};
    outbox.context = outbox.id;
    cof_uuid7(cof_clock_system(), cof_random_system(), outbox.id);
    COF_TRY(cof_store_put_documents(eval->app.store, writes, count, &outbox, outcomes, err));
    return index_batch(eval, writes, outcomes, count, index, err);
}

static enum cof_status put_whole(struct eval *eval, struct cof_error *err)
{
    struct cof_collection_index *index = NULL;
    COF_TRY(cof_index_set_acquire(eval->app.indexes, eval->collection, &index, err));
    struct cof_progress progress =
        cof_progress_begin("embed", eval->set.document_count, eval->cli.is_json);
    enum cof_status status = COF_OK;
    for (size_t i = 0; i < eval->set.document_count && status == COF_OK; i += BATCH_COUNT) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        size_t left = eval->set.document_count - i;
        size_t count = left < BATCH_COUNT ? left : BATCH_COUNT;
        status = put_batch(eval, i, count, index, &arena, err);
        cof_progress_set(&progress, i + count);
    }
    cof_progress_end(&progress);
    cof_index_set_release(eval->app.indexes, index);
    return status;
}

/* ---- Through the product's ingestion ---- */

static enum cof_status ingest_some(struct eval *eval, const struct cof_ingest_document *documents,
                                   size_t count, struct cof_call *call, struct cof_error *err)
{
    struct cof_ingest_result *results = NULL;
    COF_TRY(cof_service_put_documents(eval->app.service, call, eval->collection_id, documents,
                                      count, &results, err));
    for (size_t i = 0; i < count; i++) {
        if (results[i].outcome.kind == COF_WRITE_FAILED) {
            return COF_FAIL(err, COF_INVALID, "%.*s: %s", COF_TEXT_ARG(documents[i].filename),
                            results[i].outcome.error.message);
        }
    }
    return COF_OK;
}

static enum cof_status ingest_beir(struct eval *eval, struct cof_error *err)
{
    struct cof_progress progress =
        cof_progress_begin("ingest", eval->set.document_count, eval->cli.is_json);
    enum cof_status status = COF_OK;
    for (size_t i = 0; i < eval->set.document_count && status == COF_OK; i += BATCH_COUNT) {
        struct cof_call call;
        cof_call_init_local(eval->app.service, &call);
        struct cof_ingest_document documents[BATCH_COUNT];
        size_t left = eval->set.document_count - i;
        size_t count = left < BATCH_COUNT ? left : BATCH_COUNT;
        for (size_t j = 0; j < count; j++) {
            const struct cof_eval_document *document = &eval->set.documents[i + j];
            documents[j] = (struct cof_ingest_document){
                .external_id = cof_arena_format(&call.arena, "d%zu", i + j),
                .title = document->title,
                .filename = document->id,
                .attributes = cof_eval_attributes(&call.arena, document->id),
                .media_type = COF_TEXT("text/plain"),
                .source = cof_text_bytes(document->text),
            };
        }
        status = ingest_some(eval, documents, count, &call, err);
        cof_call_deinit(&call);
        cof_progress_set(&progress, i + count);
    }
    cof_progress_end(&progress);
    return status;
}

static enum cof_status ingest_samples(struct eval *eval, struct cof_error *err)
{
    struct cof_text_list paths = {.items = {eval->set.corpus_folder}, .count = 1};
    struct cof_source_file *files = NULL;
    size_t count = 0;
    size_t skipped = 0;
    COF_TRY(cof_collect_files(&paths, &eval->cli.arena, &files, &count, &skipped, err));
    enum cof_status status = COF_OK;
    for (size_t i = 0; i < count && status == COF_OK; i++) {
        struct cof_call call;
        cof_call_init_local(eval->app.service, &call);
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
        status = cof_file_read(files[i].path, (size_t)eval->cli.config.max_document_bytes, &content,
                               err);
        struct cof_ingest_document document = {
            .filename = cof_text_from(files[i].name),
            .attributes = cof_eval_attributes(&call.arena, cof_text_from(files[i].name)),
            .source = cof_buffer_bytes(&content),
        };
        if (status == COF_OK) {
            status = ingest_some(eval, &document, 1, &call, err);
        }
        cof_call_deinit(&call);
    }
    return status;
}

/* ---- Measuring ---- */

/* Runs one query and adds its figures. Chunks of one document count once, at their best rank. */
static enum cof_status measure_query(struct eval *eval, const struct cof_eval_query *query,
                                     struct cof_error *err)
{
    struct cof_call call;
    cof_call_init_local(eval->app.service, &call);
    struct cof_search_request request = {
        .collections = &eval->collection,
        .collection_count = 1,
        .query = query->text,
        .k = DEPTH,
        .mode = eval->mode,
        .vector_weight = -1.0f,
        .must_be_exact = eval->is_exact,
        .must_rerank = eval->is_reranked,
        .principal = &call.principal,
    };
    struct cof_search_result result = {0};
    enum cof_status status = cof_search(eval->app.searcher, &request, &call.arena, &result, err);
    struct cof_text ranking[DEPTH];
    size_t count = 0;
    for (size_t i = 0; i < result.hit_count && status == COF_OK; i++) {
        struct cof_text id = result.hits[i].document.filename;
        size_t j = 0;
        while (j < count && !cof_text_equal(ranking[j], id)) {
            j++;
        }
        if (j == count) {
            ranking[count++] = id;
        }
    }
    eval->ndcg10 += cof_eval_ndcg(query, ranking, count, 10);
    eval->recall5 += cof_eval_recall(query, ranking, count, 5);
    eval->recall100 += cof_eval_recall(query, ranking, count, 100);
    eval->mrr10 += cof_eval_reciprocal_rank(query, ranking, count, 10);
    cof_call_deinit(&call);
    return status;
}

static enum cof_status measure(struct eval *eval, struct cof_error *err)
{
    struct cof_progress progress =
        cof_progress_begin("search", eval->set.query_count, eval->cli.is_json);
    for (size_t i = 0; i < eval->set.query_count; i++) {
        const struct cof_eval_query *query = &eval->set.queries[i];
        bool is_in_half = eval->half == NULL || !eval->set.is_samples ||
                          strcmp(eval->half, "all") == 0 ||
                          cof_text_equal(query->half, cof_text_from(eval->half));
        if (query->judgment_count > 0 && is_in_half) {
            COF_TRY(measure_query(eval, query, err));
            eval->query_count++;
        }
        cof_progress_set(&progress, i + 1);
    }
    cof_progress_end(&progress);
    double n = eval->query_count > 0 ? (double)eval->query_count : 1;
    eval->ndcg10 /= n;
    eval->recall5 /= n;
    eval->recall100 /= n;
    eval->mrr10 /= n;
    return COF_OK;
}

static enum cof_status create_collection(struct eval *eval, struct cof_error *err)
{
    struct cof_call call;
    cof_call_init_local(eval->app.service, &call);
    struct cof_collection_request request = {.name = COF_TEXT("eval"),
                                             .chunk_overlap_tokens = UINT32_MAX};
    struct cof_collection collection = {0};
    enum cof_status status =
        cof_service_create_collection(eval->app.service, &call, &request, &collection, err);
    eval->collection = collection.number;
    eval->collection_id =
        cof_arena_copy_text(&eval->cli.arena, cof_text_from(collection.public_id));
    cof_call_deinit(&call);
    return status;
}

static enum cof_status evaluate(struct eval *eval, struct cof_error *err)
{
    COF_TRY(create_collection(eval, err));
    if (eval->set.is_samples) {
        COF_TRY(ingest_samples(eval, err));
    } else if (eval->is_chunked) {
        COF_TRY(ingest_beir(eval, err));
    } else {
        COF_TRY(put_whole(eval, err));
    }
    COF_TRY(measure(eval, err));
    if (!eval->has_answers) {
        return COF_OK;
    }
    struct cof_answer_eval answers = {
        .service = eval->app.service,
        .collection = eval->collection_id,
        .set = &eval->set,
        .half = eval->half == NULL ? "test" : eval->half,
        .max_count = (size_t)eval->limit,
        .must_hide = eval->must_hide,
        .is_verbose = eval->is_verbose,
    };
    return cof_eval_answers(&answers, &eval->answers, err);
}

/* ---- The temporary data folder ---- */

static void remove_tree(char *path)
{
    char *roots[] = {path, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry = walk == NULL ? NULL : fts_read(walk); entry != NULL;
         entry = fts_read(walk)) {
        if (entry->fts_info == FTS_DP) {
            (void)rmdir(entry->fts_path);
        } else if (entry->fts_info != FTS_D) {
            (void)unlink(entry->fts_path);
        }
    }
    if (walk != NULL) {
        fts_close(walk);
    }
}

static enum cof_status with_folder(struct eval *eval, struct cof_error *err)
{
    char data[COF_MAX_PATH];
    char key[COF_API_KEY_SIZE];
    COF_TRY(cof_path_join(data, eval->folder, "data", err));
    if (eval->is_reranked) {
        eval->cli.config.search_rerank_budget_ms = 0;
    }
    struct cof_app_options options = {
        .data_folder = data,
        .config = &eval->cli.config,
        .needs =
            COF_APP_SEARCH | COF_APP_INGEST | (eval->has_answers ? (unsigned)COF_APP_GENERATE : 0u),
    };
    COF_TRY(cof_app_init(&options, key, err));
    cof_wipe(key, sizeof(key));
    COF_TRY(cof_app_open(&options, &eval->app, err));
    enum cof_status status = evaluate(eval, err);
    cof_app_close(&eval->app);
    return status;
}

static enum cof_status run_eval(struct eval *eval, const char *folder, struct cof_error *err)
{
    COF_TRY(cof_eval_set_load(folder, &eval->cli.arena, &eval->set, err));
    const char *place = getenv("TMPDIR");
    COF_TRY(cof_path_join(eval->folder, place == NULL ? "/tmp" : place, "coffer-eval-XXXXXX", err));
    if (mkdtemp(eval->folder) == NULL) {
        return COF_FAIL(err, COF_IO, "cannot make a folder in %s; set TMPDIR",
                        place == NULL ? "/tmp" : place);
    }
    enum cof_status status = with_folder(eval, err);
    remove_tree(eval->folder);
    return status;
}

/* ---- The command ---- */

static void write_answers(const struct cof_answer_figures *figures, struct cof_json_writer *writer)
{
    cof_json_put_key(writer, "answers");
    cof_json_begin_object(writer);
    cof_json_member_unsigned(writer, "answerable", figures->answerable);
    cof_json_member_unsigned(writer, "right_document_first", figures->right_first);
    cof_json_member_unsigned(writer, "contains_answer", figures->contains_answer);
    cof_json_member_unsigned(writer, "refused_wrongly", figures->refused_wrongly);
    cof_json_member_unsigned(writer, "unanswerable", figures->unanswerable);
    cof_json_member_unsigned(writer, "refused_rightly", figures->refused_rightly);
    cof_json_member_unsigned(writer, "hidden", figures->hidden);
    cof_json_member_unsigned(writer, "hidden_refused", figures->hidden_refused);
    cof_json_member_unsigned(writer, "generated", figures->generated);
    cof_json_member_unsigned(writer, "extractive", figures->extractive);
    cof_json_member_unsigned(writer, "citations", figures->citations);
    cof_json_member_unsigned(writer, "citations_bad", figures->citations_bad);
    cof_json_member_number(writer, "seconds", figures->seconds);
    cof_json_end_object(writer);
}

static void report(const struct eval *eval)
{
    if (!eval->cli.is_json) {
        cof_out("nDCG@10 %.4f   recall@5 %.4f   recall@100 %.4f   MRR@10 %.4f   (%zu queries, "
                "%s)\n",
                eval->ndcg10, eval->recall5, eval->recall100, eval->mrr10, eval->query_count,
                cof_search_mode_name(eval->mode));
        const struct cof_answer_figures *figures = &eval->answers;
        if (figures->hidden > 0) {
            cof_out("with the right documents hidden: refused %zu of %zu\n",
                    figures->hidden_refused, figures->hidden);
        }
        if (eval->has_answers) {
            cof_out("answers: right document first %zu of %zu, answer shown %zu, refused wrongly "
                    "%zu; unanswerable refused %zu of %zu; citations %zu, bad %zu; generated %zu, "
                    "extractive %zu; %.1f s\n",
                    figures->right_first, figures->answerable, figures->contains_answer,
                    figures->refused_wrongly, figures->refused_rightly, figures->unanswerable,
                    figures->citations, figures->citations_bad, figures->generated,
                    figures->extractive, figures->seconds);
        }
        return;
    }
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_json_writer writer = cof_json_writer_to(&out);
    cof_json_begin_object(&writer);
    cof_json_member_number(&writer, "ndcg@10", eval->ndcg10);
    cof_json_member_number(&writer, "recall@5", eval->recall5);
    cof_json_member_number(&writer, "recall@100", eval->recall100);
    cof_json_member_number(&writer, "mrr@10", eval->mrr10);
    cof_json_member_unsigned(&writer, "queries", eval->query_count);
    cof_json_member_string(&writer, "mode", cof_search_mode_name(eval->mode));
    if (eval->has_answers) {
        write_answers(&eval->answers, &writer);
    }
    cof_json_end_object(&writer);
    cof_buffer_append_byte(&out, '\n');
    cof_out_buffer(&out);
}

static int run_with(struct eval *eval, const struct cof_command *command,
                    const struct cof_text_list *rest)
{
    struct cof_error error = {0};
    if (rest->count != 1) {
        return cof_misuse(command, "name one folder");
    }
    if (eval->mode_text != NULL &&
        cof_search_mode_parse(cof_text_from(eval->mode_text), &eval->mode, &error) != COF_OK) {
        return cof_misuse(command, "%s", error.message);
    }
    if (eval->half != NULL && strcmp(eval->half, "tune") != 0 && strcmp(eval->half, "test") != 0 &&
        strcmp(eval->half, "all") != 0) {
        return cof_misuse(command, "--half takes tune, test or all");
    }
    if (eval->limit_text != NULL) {
        if (cof_option_number("--limit", eval->limit_text, 1, INT32_MAX, &eval->limit, &error) !=
            COF_OK) {
            return cof_misuse(command, "%s", error.message);
        }
    }
    if (run_eval(eval, rest->items[0], &error) != COF_OK) {
        return cof_fail_exit(&error);
    }
    report(eval);
    return COF_EXIT_OK;
}

static int run(const struct cof_command *command, int argc, char **argv)
{
    struct eval eval = {0};
    const struct cof_option options[] = {
        {.name = "--mode",
         .metavar = "MODE",
         .value = &eval.mode_text,
         .help = "hybrid (default), vector or lexical"},
        {.name = "--exact", .flag = &eval.is_exact, .help = "scan every vector"},
        {.name = "--rerank",
         .flag = &eval.is_reranked,
         .help = "with the second stage, whatever time it takes (search.rerank_weight,\n"
                 "search.rerank_candidates)"},
        {.name = "--chunked",
         .flag = &eval.is_chunked,
         .help = "BEIR: through the product's chunker instead of one chunk a document"},
        {.name = "--answers",
         .flag = &eval.has_answers,
         .help = "also ask every question and judge the answers"},
        {.name = "--hide",
         .flag = &eval.must_hide,
         .help = "ask again with the right documents hidden; it must be refused"},
        {.name = "--limit", .metavar = "N", .value = &eval.limit_text, .help = "questions asked"},
        {.name = "--half",
         .metavar = "HALF",
         .value = &eval.half,
         .help = "samples: tune, test or all (answers default to test)"},
        {.name = "--verbose", .flag = &eval.is_verbose, .help = "name the answers that are wrong"},
        {0},
    };
    struct cof_text_list rest;
    int code = cof_cli_parse(&eval.cli, command, options, argc, argv, &rest);
    if (code < 0) {
        code = run_with(&eval, command, &rest);
    }
    cof_cli_deinit(&eval.cli);
    return code;
}

const struct cof_command cof_command_eval = {
    .name = "eval",
    .usage = "eval DIR [--mode hybrid|vector|lexical] [--exact] [--rerank] [--answers [--hide]] "
             "[--json]",
    .summary = "measure retrieval quality on an evaluation set",
    .details =
        "DIR is in BEIR layout (corpus.jsonl, queries.jsonl, qrels/test.tsv), or the sample\n"
        "corpus's (corpus/, questions.jsonl). A data folder of its own is made under TMPDIR\n"
        "and removed.",
    .run = run,
};
