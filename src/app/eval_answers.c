/* How good answers are, judged without the means by which they were made. */
#include "eval_answers.h"

#include <ctype.h>
#include <string.h>

#include <cof/base/unicode.h>

/* ---- Whether a passage contains a claim ---- */

struct claim_check {
    struct cof_text passage; /* case-folded */
    size_t words;
    size_t words_found;
    bool is_number_missing;
};

static bool has_digit(struct cof_text word)
{
    for (size_t i = 0; i < word.size; i++) {
        if (isdigit((unsigned char)word.data[i])) {
            return true;
        }
    }
    return false;
}

static bool take_word(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    (void)offset;
    struct claim_check *check = context;
    bool is_found = cof_text_index_of(check->passage, word) != SIZE_MAX;
    if (has_digit(word)) {
        check->is_number_missing |= !is_found;
        return true;
    }
    if (is_cjk) {
        /* Bigrams of a run, so that a reordered sentence can still be found. */
        size_t previous = 0;
        for (size_t at = 0; at < word.size;) {
            uint32_t code_point;
            size_t size = cof_utf8_decode(word, at, &code_point);
            if (at > 0) {
                struct cof_text pair = cof_text_slice(word, previous, at + size);
                check->words++;
                check->words_found += cof_text_index_of(check->passage, pair) != SIZE_MAX ? 1 : 0;
            }
            previous = at;
            at += size;
        }
        return true;
    }
    if (word.size >= 4) {
        check->words++;
        check->words_found += is_found ? 1 : 0;
    }
    return true;
}

enum cof_status cof_eval_contains_claim(struct cof_text passage, struct cof_text claim,
                                        bool *out_contains, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer folded_passage = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer folded_claim = {0};
    COF_TRY(cof_unicode_nfkc_casefold(passage, &folded_passage, err));
    COF_TRY(cof_unicode_nfkc_casefold(claim, &folded_claim, err));
    struct claim_check check = {.passage = cof_buffer_text(&folded_passage)};
    COF_TRY(cof_unicode_each_word(cof_buffer_text(&folded_claim), take_word, &check, err));
    *out_contains = !check.is_number_missing && 2 * check.words_found >= check.words;
    return COF_OK;
}

/* The text of an answer's range without its markers "[n]". */
static struct cof_text without_markers(struct cof_arena *arena, struct cof_text text)
{
    char *out = cof_arena_alloc(arena, text.size + 1);
    size_t size = 0;
    for (size_t i = 0; out != NULL && i < text.size; i++) {
        size_t end = i + 1;
        while (text.data[i] == '[' && end < text.size && isdigit((unsigned char)text.data[end])) {
            end++;
        }
        if (end > i + 1 && end < text.size && text.data[end] == ']') {
            i = end;
            continue;
        }
        out[size++] = text.data[i];
    }
    return (struct cof_text){.data = out, .size = out == NULL ? 0 : size};
}

static const struct cof_search_hit *find_hit(const struct cof_answer *answer, uint64_t chunk_id)
{
    for (size_t i = 0; i < answer->hit_count; i++) {
        if (answer->hits[i].chunk.chunk_id == chunk_id) {
            return &answer->hits[i];
        }
    }
    return NULL;
}

/* A citation is good when its chunk was retrieved, its quote stands in the chunk literally, and the
 * chunk (with its title and heading) contains what the sentence claims. */
static enum cof_status judge_citation(struct cof_call *call, const struct cof_answer *answer,
                                      const struct cof_citation *citation, bool *out_is_good,
                                      struct cof_error *err)
{
    *out_is_good = false;
    const struct cof_search_hit *hit = find_hit(answer, citation->chunk_id);
    if (hit == NULL || citation->quote.size == 0 ||
        cof_text_index_of(hit->chunk.text, citation->quote) == SIZE_MAX) {
        return COF_OK;
    }
    struct cof_text claim = without_markers(
        &call->arena, cof_text_slice(answer->text, citation->answer_begin, citation->answer_end));
    struct cof_text passage =
        cof_arena_format(&call->arena, "%.*s\n%.*s\n%.*s", COF_TEXT_ARG(hit->document.title),
                         COF_TEXT_ARG(hit->chunk.heading), COF_TEXT_ARG(hit->chunk.text));
    if (passage.data == NULL || claim.data == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    return cof_eval_contains_claim(passage, claim, out_is_good, err);
}

/* ---- Questions ---- */

static bool contains_all(const struct cof_eval_query *query, struct cof_text text)
{
    for (size_t i = 0; i < query->must_contain_count; i++) {
        if (cof_text_index_of(text, query->must_contain[i]) == SIZE_MAX) {
            return false;
        }
    }
    return true;
}

static bool is_first_right(const struct cof_eval_query *query, const struct cof_answer *answer)
{
    for (size_t i = 0; i < query->judgment_count && answer->citation_count > 0; i++) {
        if (cof_text_equal(query->judgments[i].document, answer->citations[0].filename)) {
            return true;
        }
    }
    return false;
}

static void name_wrong(const struct cof_eval_query *query, const struct cof_answer *answer,
                       const char *what)
{
    struct cof_text cited = {0};
    if (answer->citation_count > 0) {
        cited = answer->citations[0].filename;
    }
    cof_complain("%.*s %s: %.*s → (%s, %.*s) %.*s", COF_TEXT_ARG(query->id), what,
                 COF_TEXT_ARG(query->text), cof_answer_kind_name(answer->kind), COF_TEXT_ARG(cited),
                 COF_TEXT_ARG(answer->text));
}

static void judge_question(const struct cof_eval_query *query, const struct cof_answer *answer,
                           bool is_verbose, struct cof_answer_figures *figures)
{
    bool is_refused = answer->kind == COF_ANSWER_NOT_FOUND;
    figures->generated += answer->kind == COF_ANSWER_GENERATED ? 1 : 0;
    figures->extractive += answer->kind == COF_ANSWER_EXTRACTIVE ? 1 : 0;
    if (query->judgment_count == 0) {
        figures->unanswerable++;
        figures->refused_rightly += is_refused && !answer->is_grounded ? 1 : 0;
        if (!is_refused && is_verbose) {
            name_wrong(query, answer, "must be refused");
        }
        return;
    }
    bool is_right = is_first_right(query, answer);
    bool is_complete = contains_all(query, answer->text);
    figures->answerable++;
    figures->refused_wrongly += is_refused ? 1 : 0;
    figures->right_first += is_right ? 1 : 0;
    figures->contains_answer += is_complete ? 1 : 0;
    if (is_verbose && (!is_right || !is_complete)) {
        name_wrong(query, answer,
                   is_refused  ? "refused"
                   : !is_right ? "other document"
                               : "lacks the answer");
    }
}

/* A filter that hides a question's right documents. */
static enum cof_status hide_right(const struct cof_eval_query *query, struct cof_buffer *text,
                                  struct cof_json_tree **out_filter, struct cof_error *err)
{
    struct cof_json_writer writer = cof_json_writer_to(text);
    cof_json_begin_object(&writer);
    cof_json_member_string(&writer, "type", "nin");
    cof_json_member_string(&writer, "key", COF_EVAL_ID_ATTRIBUTE);
    cof_json_put_key(&writer, "value");
    cof_json_begin_array(&writer);
    for (size_t i = 0; i < query->judgment_count; i++) {
        cof_json_put_text(&writer, query->judgments[i].document);
    }
    cof_json_end_array(&writer);
    cof_json_end_object(&writer);
    COF_TRY(cof_buffer_status(text, err));
    return cof_json_parse(cof_buffer_text(text), NULL, out_filter, err);
}

struct cof_text cof_eval_attributes(struct cof_arena *arena, struct cof_text id)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer text = {0};
    struct cof_json_writer writer = cof_json_writer_to(&text);
    cof_json_begin_object(&writer);
    cof_json_member_text(&writer, COF_EVAL_ID_ATTRIBUTE, id);
    cof_json_end_object(&writer);
    return cof_buffer_status(&text, NULL) == COF_OK
               ? cof_arena_copy_text(arena, cof_buffer_text(&text))
               : (struct cof_text){0};
}

static enum cof_status ask(const struct cof_answer_eval *eval, struct cof_call *call,
                           const struct cof_eval_query *query, const struct cof_json *filter,
                           struct cof_answer *out_answer, struct cof_error *err)
{
    struct cof_message message = {.role = COF_ROLE_USER, .content = query->text};
    struct cof_service_chat chat = {
        .messages = &message,
        .message_count = 1,
        .collections = &eval->collection,
        .collection_count = 1,
        .filter = filter,
        .top_p = 1.0f,
    };
    return cof_service_chat(eval->service, call, &chat, out_answer, err);
}

static enum cof_status ask_openly(const struct cof_answer_eval *eval, struct cof_call *call,
                                  const struct cof_eval_query *query,
                                  struct cof_answer_figures *figures, struct cof_error *err)
{
    struct cof_answer answer = {0};
    COF_TRY(ask(eval, call, query, NULL, &answer, err));
    judge_question(query, &answer, eval->is_verbose, figures);
    for (size_t i = 0; i < answer.citation_count; i++) {
        bool is_good = false;
        COF_TRY(judge_citation(call, &answer, &answer.citations[i], &is_good, err));
        figures->citations++;
        figures->citations_bad += is_good ? 0 : 1;
        if (!is_good && eval->is_verbose) {
            name_wrong(query, &answer, "citation does not contain its claim");
        }
    }
    return COF_OK;
}

static enum cof_status ask_hidden(const struct cof_answer_eval *eval, struct cof_call *call,
                                  const struct cof_eval_query *query,
                                  struct cof_answer_figures *figures, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer text = {0};
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *filter = NULL;
    struct cof_answer answer = {0};
    COF_TRY(hide_right(query, &text, &filter, err));
    COF_TRY(ask(eval, call, query, cof_json_root(filter), &answer, err));
    figures->hidden++;
    figures->hidden_refused += answer.kind == COF_ANSWER_NOT_FOUND ? 1 : 0;
    if (eval->is_verbose && answer.kind != COF_ANSWER_NOT_FOUND) {
        name_wrong(query, &answer, "answered without its document");
    }
    return COF_OK;
}

static enum cof_status ask_both(const struct cof_answer_eval *eval,
                                const struct cof_eval_query *query,
                                struct cof_answer_figures *figures, struct cof_error *err)
{
    struct cof_call call;
    cof_call_init_local(eval->service, &call);
    enum cof_status status = ask_openly(eval, &call, query, figures, err);
    cof_call_deinit(&call);
    if (status != COF_OK || !eval->must_hide || query->judgment_count == 0) {
        return status;
    }
    cof_call_init_local(eval->service, &call);
    status = ask_hidden(eval, &call, query, figures, err);
    cof_call_deinit(&call);
    return status;
}

enum cof_status cof_eval_answers(const struct cof_answer_eval *eval,
                                 struct cof_answer_figures *out_figures, struct cof_error *err)
{
    struct cof_answer_figures figures = {0};
    const struct cof_eval_set *set = eval->set;
    size_t max_count = eval->max_count == 0 ? SIZE_MAX : eval->max_count;
    int64_t begin = cof_clock_steady_ns(cof_clock_system());
    struct cof_progress progress =
        cof_progress_begin("answers", set->query_count, !eval->is_verbose);
    for (size_t i = 0; i < set->query_count; i++) {
        const struct cof_eval_query *query = &set->queries[i];
        cof_progress_set(&progress, i);
        bool is_asked = !set->is_samples || strcmp(eval->half, "all") == 0 ||
                        cof_text_equal(query->half, cof_text_from(eval->half));
        if (is_asked && figures.answerable + figures.unanswerable < max_count) {
            COF_TRY(ask_both(eval, query, &figures, err));
        }
    }
    cof_progress_end(&progress);
    figures.seconds = (double)(cof_clock_steady_ns(cof_clock_system()) - begin) / 1e9;
    *out_figures = figures;
    return COF_OK;
}
