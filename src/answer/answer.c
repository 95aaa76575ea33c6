/* Question in, cited and checked answer out.
 *
 * Coordinator: retrieve → judge relevance → prompt → generate → attribute → release. The generator
 * runs on the calling thread and hands over pieces; complete sentences are attributed at once and
 * released or held back, so a stream never shows what was not checked. Generation is ended early
 * when the policy has decided, because every further token would be thrown away. */
#include <cof/answer/answer.h>

#include <string.h>

#include <cof/base/alloc.h>
#include <cof/generate/extractive.h>

#include "attribution.h"
#include "prompt.h"
#include "refusal.h"
#include "relevance.h"
#include "sentences.h"
#include "terms.h"

#define DEFAULT_K 6
#define DEFAULT_MAX_TOKENS 200
#define MAX_CITATIONS 32
/* A short answer was asked for; what comes after this many sentences is rambling. */
#define MAX_SENTENCES 5
/* Unsupported sentences after which a weak model is not listened to any longer. */
#define MAX_HELD_BACK 2
#define MAX_EXTRACTS 2
#define MAX_CANDIDATES 32
/* Room in the generator's context that is kept for template, question and history. */
#define CONTEXT_RESERVE_TOKENS 400

struct cof_answerer {
    struct cof_answerer_options options;
};

/* One answer in the making. */
struct run {
    struct cof_answerer *answerer;
    const struct cof_answer_request *request;
    struct cof_arena *arena;
    struct cof_text question;
    struct cof_search_request search;
    struct cof_search_result found;
    size_t best; /* hit that relevance found best: its document answers first */
    struct cof_attribution *attribution;
    struct cof_terms question_terms;
    struct cof_sentences sentences;
    struct cof_buffer text; /* released so far */
    struct cof_citation *citations;
    size_t citation_count;
    size_t passage_markers[64]; /* marker of each hit, 0 = none yet */
    size_t marker_count;
    size_t released_count;
    size_t held_back_count;
    bool is_stopped;        /* we ended the generation */
    enum cof_status status; /* of an error inside the token callback */
    struct cof_error error;
};

/* ---- Releasing ---- */

static enum cof_status release(struct run *run, size_t begin, struct cof_error *err)
{
    COF_TRY(cof_buffer_status(&run->text, err));
    struct cof_text piece = cof_text_slice(cof_buffer_text(&run->text), begin, run->text.size);
    if (run->request->on_piece != NULL && !run->request->on_piece(run->request->context, piece)) {
        return COF_FAIL(err, COF_CANCELED, "the client has left");
    }
    return COF_OK;
}

static size_t marker_of(struct run *run, size_t hit)
{
    if (run->passage_markers[hit] == 0) {
        run->passage_markers[hit] = ++run->marker_count;
    }
    return run->passage_markers[hit];
}

/* Writes a sentence with its marker, keeps the citation and lets the piece go. */
static enum cof_status release_cited(struct run *run, struct cof_text sentence, size_t hit_index,
                                     size_t quote_begin, size_t quote_end, struct cof_error *err)
{
    const struct cof_search_hit *hit = &run->found.hits[hit_index];
    if (run->citation_count == MAX_CITATIONS) {
        return COF_OK;
    }
    size_t piece_begin = run->text.size;
    if (piece_begin > 0) {
        cof_buffer_append_byte(&run->text, ' ');
    }
    size_t begin = run->text.size;
    size_t marker = marker_of(run, hit_index);
    cof_buffer_append_text(&run->text, sentence);
    cof_buffer_append_format(&run->text, " [%zu]", marker);
    struct cof_citation *citation = &run->citations[run->citation_count++];
    *citation = (struct cof_citation){
        .marker = marker,
        .collection = hit->collection,
        .document_number = hit->document.number,
        .version = hit->document.version,
        .chunk_id = hit->chunk.chunk_id,
        .external_id = hit->document.external_id,
        .title = hit->document.title,
        .filename = hit->document.filename,
        .byte_begin = hit->chunk.byte_begin,
        .byte_end = hit->chunk.byte_end,
        .quote = cof_text_slice(hit->chunk.text, quote_begin, quote_end),
        .score = hit->score,
        .answer_begin = begin,
        .answer_end = run->text.size,
    };
    cof_store_text_digest(hit->chunk.text, citation->content_sha256);
    run->released_count++;
    return release(run, piece_begin, err);
}

static enum cof_status release_unsupported(struct run *run, struct cof_text sentence,
                                           struct cof_error *err)
{
    size_t begin = run->text.size;
    if (begin > 0) {
        cof_buffer_append_byte(&run->text, ' ');
    }
    cof_buffer_append_text(&run->text, sentence);
    cof_buffer_append_format(&run->text, " [unsupported]");
    run->released_count++;
    return release(run, begin, err);
}

/* ---- Attribution of what the model writes ---- */

static bool is_of_best_document(const struct run *run, size_t hit)
{
    return run->found.hits[hit].collection == run->found.hits[run->best].collection &&
           run->found.hits[hit].document.number == run->found.hits[run->best].document.number;
}

/* The first sentence must come from the document that answers best and share a content word with
 * the question: a supported sentence about something else does not answer. */
static bool speaks_to_question(const struct run *run, size_t hit, const struct cof_terms *sentence)
{
    if (!is_of_best_document(run, hit)) {
        return false;
    }
    for (size_t i = 0; i < run->question_terms.count; i++) {
        const struct cof_term *term = &run->question_terms.items[i];
        if (term->weight >= 1 && cof_terms_has(sentence, term->hash)) {
            return true;
        }
    }
    return false;
}

static enum cof_status take_sentence(struct run *run, struct cof_text raw, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer clean = {0};
    uint32_t claimed = cof_sentence_strip_markers(raw, &clean);
    COF_TRY(cof_buffer_status(&clean, err));
    struct cof_text sentence = cof_arena_copy_text(run->arena, cof_buffer_text(&clean));
    if (sentence.size == 0) {
        return COF_OK;
    }
    struct cof_support support = {0};
    struct cof_terms terms = {0};
    COF_TRY(
        cof_attribute(run->attribution, sentence, claimed, run->request->cancel, &support, err));
    COF_TRY(cof_terms_make(sentence, run->arena, &terms, err));
    bool is_good = support.is_supported &&
                   (run->released_count > 0 || speaks_to_question(run, support.passage, &terms));
    if (is_good) {
        COF_TRY(release_cited(run, sentence, support.passage, support.begin, support.end, err));
    } else if (run->request->policy == COF_UNSUPPORTED_MARK) {
        run->held_back_count++;
        COF_TRY(release_unsupported(run, sentence, err));
    } else {
        run->held_back_count++;
    }
    bool is_hopeless = run->request->policy == COF_UNSUPPORTED_FALLBACK &&
                       (run->released_count == 0 ? run->held_back_count > 0
                                                 : run->held_back_count >= MAX_HELD_BACK);
    run->is_stopped |= is_hopeless || run->released_count >= MAX_SENTENCES;
    return COF_OK;
}

static enum cof_status take_sentences(struct run *run, bool is_end, struct cof_error *err)
{
    struct cof_text sentence;
    while (!run->is_stopped && cof_sentences_next(&run->sentences, is_end, &sentence)) {
        COF_TRY(take_sentence(run, sentence, err));
    }
    return COF_OK;
}

static bool on_token(void *context, struct cof_text piece)
{
    struct run *run = context;
    cof_sentences_push(&run->sentences, piece);
    run->status = cof_buffer_status(&run->sentences.pending, &run->error);
    if (run->status == COF_OK) {
        run->status = take_sentences(run, false, &run->error);
    }
    return run->status == COF_OK && !run->is_stopped;
}

/* ---- Extractive answers ---- */

/* The best sentences, by words, of the document that answers best. */
static enum cof_status answer_by_quoting(struct run *run, struct cof_error *err)
{
    size_t count = run->found.hit_count;
    struct cof_passage *passages = cof_arena_array(run->arena, count, sizeof(*passages));
    if (passages == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < count; i++) {
        passages[i] = (struct cof_passage){.title = run->found.hits[i].document.title,
                                           .text = run->found.hits[i].chunk.text};
    }
    struct cof_extract *extracts = NULL;
    size_t extract_count = 0;
    COF_TRY(cof_extract_sentences(run->question, passages, count, MAX_CANDIDATES, run->arena,
                                  &extracts, &extract_count, err));
    for (size_t i = 0; i < extract_count; i++) {
        if (!is_of_best_document(run, extracts[i].passage)) {
            extracts[i].score = 0;
        }
    }
    float first_score = 0;
    for (size_t taken = 0; taken < MAX_EXTRACTS; taken++) {
        struct cof_extract *best = NULL;
        for (size_t i = 0; i < extract_count; i++) {
            if (extracts[i].score > 0 && (best == NULL || extracts[i].score > best->score)) {
                best = &extracts[i];
            }
        }
        if (best == NULL || best->score < 0.6f * first_score) {
            break;
        }
        first_score = taken == 0 ? best->score : first_score;
        struct cof_text quote =
            cof_text_slice(passages[best->passage].text, best->begin, best->end);
        struct cof_text trimmed = cof_text_trim(quote);
        size_t begin = best->begin + (size_t)(trimmed.data - quote.data);
        COF_TRY(release_cited(run, trimmed, best->passage, begin, begin + trimmed.size, err));
        best->score = 0;
    }
    return COF_OK;
}

/* ---- The flow ---- */

/* What is searched for: the question, and the one before it when this one says too little by
 * itself ("and in Leipzig?"). */
static enum cof_status search_text(struct run *run, struct cof_text *out_text,
                                   struct cof_error *err)
{
    const struct cof_answer_request *request = run->request;
    float weight = 0;
    for (size_t i = 0; i < run->question_terms.count; i++) {
        weight += run->question_terms.items[i].weight;
    }
    *out_text = run->question;
    for (size_t i = request->message_count - 1; weight < 3 && i > 0; i--) {
        if (request->messages[i - 1].role == COF_ROLE_USER) {
            *out_text = cof_arena_format(run->arena, "%.*s\n%.*s",
                                         COF_TEXT_ARG(request->messages[i - 1].content),
                                         COF_TEXT_ARG(run->question));
            return out_text->data == NULL ? COF_FAIL_MEMORY(err) : COF_OK;
        }
    }
    return COF_OK;
}

static enum cof_status retrieve(struct run *run, struct cof_error *err)
{
    const struct cof_answer_request *request = run->request;
    run->search = (struct cof_search_request){
        .collections = request->collections,
        .collection_count = request->collection_count,
        .k = request->k == 0 ? DEFAULT_K : request->k,
        .mode = request->mode,
        .vector_weight = -1.0f,
        .filter = request->filter,
        .principal = request->principal,
        .cancel = request->cancel,
    };
    COF_TRY(search_text(run, &run->search.query, err));
    if (run->search.k > sizeof(run->passage_markers) / sizeof(run->passage_markers[0])) {
        return COF_FAIL(err, COF_INVALID, "at most %zu passages can be given to the model",
                        sizeof(run->passage_markers) / sizeof(run->passage_markers[0]));
    }
    return cof_search(run->answerer->options.searcher, &run->search, run->arena, &run->found, err);
}

static enum cof_status judge(struct run *run, struct cof_relevance *out_relevance,
                             struct cof_error *err)
{
    struct cof_relevance_question question = {
        .embedder = run->answerer->options.embedder,
        .searcher = run->answerer->options.searcher,
        .search = &run->search,
        .hits = run->found.hits,
        .hit_count = run->found.hit_count,
        .min_score = run->request->min_score,
    };
    return cof_relevance_judge(&question, run->arena, out_relevance, err);
}

static enum cof_status announce(struct run *run, const struct cof_search_result *shown,
                                struct cof_error *err)
{
    if (run->request->on_retrieved == NULL) {
        return COF_OK;
    }
    return run->request->on_retrieved(run->request->context, shown, err);
}

static struct cof_generate_request generate_request(const struct run *run,
                                                    const struct cof_prompt *prompt)
{
    const struct cof_answer_request *request = run->request;
    return (struct cof_generate_request){
        .messages = prompt->messages,
        .message_count = prompt->message_count,
        .question = run->question,
        .passages = prompt->passages,
        .passage_count = prompt->passage_count,
        .max_tokens = request->max_tokens == 0 ? DEFAULT_MAX_TOKENS : request->max_tokens,
        .temperature = request->temperature,
        .top_p = request->top_p == 0 ? 1.0f : request->top_p,
        .seed = request->seed,
        .stops = request->stops,
        .stop_count = request->stop_count,
        .cancel = request->cancel,
    };
}

static enum cof_status generate(struct run *run, struct cof_answer *answer, struct cof_error *err)
{
    struct cof_answerer_options *options = &run->answerer->options;
    size_t context = options->generator->info.context_tokens;
    size_t answer_tokens =
        run->request->max_tokens == 0 ? DEFAULT_MAX_TOKENS : run->request->max_tokens;
    size_t reserved = answer_tokens + CONTEXT_RESERVE_TOKENS;
    size_t room = context > 2 * reserved ? context - reserved : context / 2;
    struct cof_prompt_options prompt_options = {
        .conversation = run->request->messages,
        .conversation_count = run->request->message_count,
        .hits = run->found.hits,
        .hit_count = run->found.hit_count,
        .max_context_tokens = options->max_context_tokens > 0 && options->max_context_tokens < room
                                  ? options->max_context_tokens
                                  : room,
        .max_history_tokens = CONTEXT_RESERVE_TOKENS / 2,
        .seed = run->request->seed,
    };
    struct cof_prompt prompt;
    COF_TRY(cof_prompt_build(options->generator, &prompt_options, run->arena, &prompt, err));
    struct cof_generate_request request = generate_request(run, &prompt);
    struct cof_generate_result result = {0};
    struct cof_error error = {0};
    int64_t begin = cof_clock_steady_ns(options->clock);
    enum cof_status status =
        cof_generator_generate(options->generator, &request, on_token, run, &result, &error);
    answer->generate_ns = cof_clock_steady_ns(options->clock) - begin;
    if (run->status != COF_OK) {
        return COF_FAIL(err, run->status, "%s", run->error.message);
    }
    if (status != COF_OK && !(status == COF_CANCELED && run->is_stopped)) {
        return COF_FAIL(err, status, "%s", error.message);
    }
    answer->prompt_tokens = result.prompt_tokens;
    answer->completion_tokens = result.completion_tokens;
    /* We ended it: nothing was cut off. */
    answer->finish_reason = status == COF_CANCELED ? COF_FINISH_STOP : result.finish_reason;
    return take_sentences(run, true, err);
}

static enum cof_status answer_from_passages(struct run *run, struct cof_answer *answer,
                                            struct cof_error *err)
{
    COF_TRY(announce(run, &run->found, err));
    COF_TRY(cof_attribution_create(run->answerer->options.embedder, run->found.hits,
                                   run->found.hit_count, run->arena, &run->attribution, err));
    answer->kind = COF_ANSWER_GENERATED;
    bool is_extractive = strcmp(run->answerer->options.generator->info.backend, "extractive") == 0;
    if (!is_extractive) {
        COF_TRY(generate(run, answer, err));
    }
    if (run->released_count == 0) {
        answer->kind = COF_ANSWER_EXTRACTIVE;
        COF_TRY(answer_by_quoting(run, err));
    }
    return COF_OK;
}

static enum cof_status refuse(struct run *run, struct cof_answer *answer, struct cof_error *err)
{
    struct cof_search_result nothing = {.trace = run->found.trace};
    answer->kind = COF_ANSWER_NOT_FOUND;
    COF_TRY(announce(run, &nothing, err));
    cof_buffer_append_text(&run->text, cof_refusal_text(run->question));
    return release(run, 0, err);
}

/* ---- Plain generation ---- */

static bool on_plain_token(void *context, struct cof_text piece)
{
    struct run *run = context;
    size_t begin = run->text.size;
    cof_buffer_append_text(&run->text, piece);
    run->status = release(run, begin, &run->error);
    return run->status == COF_OK;
}

static enum cof_status answer_plainly(struct run *run, struct cof_answer *answer,
                                      struct cof_error *err)
{
    struct cof_prompt prompt = {.messages = run->request->messages,
                                .message_count = run->request->message_count};
    struct cof_generate_request request = generate_request(run, &prompt);
    struct cof_generate_result result = {0};
    struct cof_error error = {0};
    int64_t begin = cof_clock_steady_ns(run->answerer->options.clock);
    enum cof_status status = cof_generator_generate(run->answerer->options.generator, &request,
                                                    on_plain_token, run, &result, &error);
    answer->generate_ns = cof_clock_steady_ns(run->answerer->options.clock) - begin;
    if (run->status != COF_OK) {
        return COF_FAIL(err, run->status, "%s", run->error.message);
    }
    if (status != COF_OK) {
        return COF_FAIL(err, status, "%s", error.message);
    }
    answer->kind = COF_ANSWER_PLAIN;
    answer->prompt_tokens = result.prompt_tokens;
    answer->completion_tokens = result.completion_tokens;
    answer->finish_reason = result.finish_reason;
    return COF_OK;
}

static enum cof_status run_answer(struct run *run, struct cof_answer *answer, struct cof_error *err)
{
    if (run->request->collection_count == 0) {
        return answer_plainly(run, answer, err);
    }
    COF_TRY(cof_terms_make(run->question, run->arena, &run->question_terms, err));
    run->citations = cof_arena_array(run->arena, MAX_CITATIONS, sizeof(*run->citations));
    if (run->citations == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    struct cof_relevance relevance = {0};
    COF_TRY(retrieve(run, err));
    COF_TRY(judge(run, &relevance, err));
    answer->search_trace = run->found.trace;
    if (!relevance.is_relevant) {
        return refuse(run, answer, err);
    }
    run->best = relevance.best;
    COF_TRY(answer_from_passages(run, answer, err));
    if (run->released_count == 0) {
        return refuse(run, answer, err);
    }
    answer->hits = run->found.hits;
    answer->hit_count = run->found.hit_count;
    answer->citations = run->citations;
    answer->citation_count = run->citation_count;
    answer->is_grounded = run->citation_count > 0;
    return COF_OK;
}

enum cof_status cof_answer(struct cof_answerer *answerer, const struct cof_answer_request *request,
                           struct cof_arena *arena, struct cof_answer *out_answer,
                           struct cof_error *err)
{
    if (request->message_count == 0 ||
        request->messages[request->message_count - 1].role != COF_ROLE_USER) {
        return COF_FAIL(err, COF_INVALID, "the last message must be the user's");
    }
    struct run run = {
        .answerer = answerer,
        .request = request,
        .arena = arena,
        .question = request->messages[request->message_count - 1].content,
    };
    struct cof_answer answer = {0};
    enum cof_status status = run_answer(&run, &answer, err);
    if (status == COF_OK) {
        answer.held_back_count = run.held_back_count;
        answer.text = cof_arena_copy_text(arena, cof_buffer_text(&run.text));
        if (answer.text.data == NULL) {
            status = COF_FAIL_MEMORY(err);
        }
    }
    cof_sentences_deinit(&run.sentences);
    cof_buffer_wipe(&run.text);
    if (status == COF_OK) {
        *out_answer = answer;
    }
    return status;
}

enum cof_status cof_answerer_create(const struct cof_answerer_options *options,
                                    struct cof_answerer **out_answerer, struct cof_error *err)
{
    struct cof_answerer *answerer = cof_calloc(1, sizeof(*answerer));
    if (answerer == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    answerer->options = *options;
    *out_answerer = answerer;
    return COF_OK;
}

void cof_answerer_destroy(struct cof_answerer *answerer)
{
    cof_free(answerer);
}

const char *cof_answer_kind_name(enum cof_answer_kind kind)
{
    static const char *const names[] = {
        [COF_ANSWER_PLAIN] = "plain",
        [COF_ANSWER_GENERATED] = "generated",
        [COF_ANSWER_EXTRACTIVE] = "extractive",
        [COF_ANSWER_NOT_FOUND] = "not_found",
    };
    return names[kind];
}
