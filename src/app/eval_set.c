/* Reads an evaluation set from disk. */
#include "eval_set.h"

#include <stdlib.h>
#include <string.h>

#include <cof/base/file.h>
#include <cof/base/json.h>

#define MAX_FILE_BYTES ((size_t)4 << 30)

struct lines {
    struct cof_arena *arena;
    char path[COF_MAX_PATH];
    struct cof_text rest;
    size_t number;
};

/* Opens a text file as lines; the content stays in the arena. */
static enum cof_status lines_open(struct lines *lines, const char *folder, const char *name,
                                  struct cof_arena *arena, struct cof_error *err)
{
    *lines = (struct lines){.arena = arena};
    COF_TRY(cof_path_join(lines->path, folder, name, err));
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    COF_TRY(cof_file_read(lines->path, MAX_FILE_BYTES, &content, err));
    lines->rest = cof_arena_copy_text(arena, cof_buffer_text(&content));
    return lines->rest.data == NULL ? COF_FAIL_MEMORY(err) : COF_OK;
}

static bool lines_next(struct lines *lines, struct cof_text *out_line)
{
    while (lines->rest.size > 0) {
        (void)cof_text_split(lines->rest, '\n', out_line, &lines->rest);
        lines->number++;
        *out_line = cof_text_trim(*out_line);
        if (out_line->size > 0) {
            return true;
        }
    }
    return false;
}

static size_t lines_count(const struct lines *lines)
{
    struct lines copy = *lines;
    struct cof_text line;
    size_t count = 0;
    while (lines_next(&copy, &line)) {
        count++;
    }
    return count;
}

static enum cof_status line_error(const struct lines *lines, const struct cof_error *cause,
                                  struct cof_error *err)
{
    return COF_FAIL(err, COF_INVALID, "%.120s line %zu: %s", lines->path, lines->number,
                    cause->message);
}

static enum cof_status parse_line(const struct lines *lines, struct cof_text line,
                                  struct cof_json_tree **out_tree, struct cof_error *err)
{
    struct cof_json_limits limits = {.max_bytes = (size_t)256 << 20};
    struct cof_error cause = {0};
    if (cof_json_parse(line, &limits, out_tree, &cause) != COF_OK) {
        return line_error(lines, &cause, err);
    }
    return COF_OK;
}

/* Copies a text member into the arena; absent gives the empty text. */
static enum cof_status copy_member(const struct lines *lines, const struct cof_json *object,
                                   const char *key, bool is_needed, struct cof_text *out_text,
                                   struct cof_error *err)
{
    struct cof_text text = {0};
    struct cof_error cause = {0};
    enum cof_status status = is_needed ? cof_json_need_text(object, key, &text, &cause)
                                       : cof_json_get_text(object, key, &text, &cause);
    if (status != COF_OK) {
        return line_error(lines, &cause, err);
    }
    *out_text = cof_arena_copy_text(lines->arena, text);
    return out_text->data == NULL ? COF_FAIL_MEMORY(err) : COF_OK;
}

static enum cof_status load_corpus(const char *folder, struct cof_arena *arena,
                                   struct cof_eval_set *set, struct cof_error *err)
{
    struct lines lines;
    COF_TRY(lines_open(&lines, folder, "corpus.jsonl", arena, err));
    size_t count = lines_count(&lines);
    struct cof_eval_document *documents = cof_arena_array(arena, count, sizeof(*documents));
    if (documents == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    struct cof_text line;
    for (size_t i = 0; lines_next(&lines, &line); i++) {
        COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
        COF_TRY(parse_line(&lines, line, &tree, err));
        const struct cof_json *root = cof_json_root(tree);
        COF_TRY(copy_member(&lines, root, "_id", true, &documents[i].id, err));
        COF_TRY(copy_member(&lines, root, "title", false, &documents[i].title, err));
        COF_TRY(copy_member(&lines, root, "text", true, &documents[i].text, err));
    }
    set->documents = documents;
    set->document_count = count;
    return COF_OK;
}

/* One line of the qrels. */
struct qrel {
    struct cof_text query;
    struct cof_eval_judgment judgment;
};

static int by_query(const void *a, const void *b)
{
    return cof_text_compare(((const struct qrel *)a)->query, ((const struct qrel *)b)->query);
}

static enum cof_status load_qrels(const char *folder, struct cof_arena *arena,
                                  struct qrel **out_qrels, size_t *out_count, struct cof_error *err)
{
    struct lines lines;
    COF_TRY(lines_open(&lines, folder, "qrels/test.tsv", arena, err));
    struct qrel *qrels = cof_arena_array(arena, lines_count(&lines), sizeof(*qrels));
    if (qrels == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    size_t count = 0;
    struct cof_text line;
    while (lines_next(&lines, &line)) {
        struct cof_text query;
        struct cof_text document;
        struct cof_text rest;
        uint64_t grade = 0;
        bool is_row = cof_text_split(line, '\t', &query, &rest) &&
                      cof_text_split(rest, '\t', &document, &rest) &&
                      cof_text_parse_u64(cof_text_trim(rest), &grade) && grade <= 1000;
        if (!is_row && lines.number > 1) {
            return COF_FAIL(err, COF_INVALID,
                            "%.120s line %zu: not `query-id TAB corpus-id TAB score`", lines.path,
                            lines.number);
        }
        if (is_row && grade > 0) {
            qrels[count++] = (struct qrel){.query = query, .judgment = {document, (int64_t)grade}};
        }
    }
    qsort(qrels, count, sizeof(*qrels), by_query);
    *out_qrels = qrels;
    *out_count = count;
    return COF_OK;
}

/* The judgments of one query: a run in the sorted qrels, copied. */
static enum cof_status take_judgments(const struct qrel *qrels, size_t count,
                                      struct cof_arena *arena, struct cof_eval_query *query,
                                      struct cof_error *err)
{
    size_t begin = 0;
    size_t end = count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (cof_text_compare(qrels[middle].query, query->id) < 0) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    end = begin;
    while (end < count && cof_text_equal(qrels[end].query, query->id)) {
        end++;
    }
    struct cof_eval_judgment *judgments = cof_arena_array(arena, end - begin, sizeof(*judgments));
    if (judgments == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = begin; i < end; i++) {
        judgments[i - begin] = qrels[i].judgment;
    }
    query->judgments = judgments;
    query->judgment_count = end - begin;
    return COF_OK;
}

static enum cof_status load_queries(const char *folder, struct cof_arena *arena,
                                    struct cof_eval_set *set, struct cof_error *err)
{
    struct qrel *qrels = NULL;
    size_t qrel_count = 0;
    COF_TRY(load_qrels(folder, arena, &qrels, &qrel_count, err));
    struct lines lines;
    COF_TRY(lines_open(&lines, folder, "queries.jsonl", arena, err));
    struct cof_eval_query *queries = cof_arena_array(arena, lines_count(&lines), sizeof(*queries));
    if (queries == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    struct cof_text line;
    while (lines_next(&lines, &line)) {
        COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
        COF_TRY(parse_line(&lines, line, &tree, err));
        struct cof_eval_query query = {0};
        COF_TRY(copy_member(&lines, cof_json_root(tree), "_id", true, &query.id, err));
        COF_TRY(copy_member(&lines, cof_json_root(tree), "text", true, &query.text, err));
        COF_TRY(take_judgments(qrels, qrel_count, arena, &query, err));
        if (query.judgment_count > 0) {
            queries[set->query_count++] = query;
        }
    }
    set->queries = queries;
    return COF_OK;
}

/* An array of texts as a member, copied. */
static enum cof_status copy_texts(const struct lines *lines, const struct cof_json *object,
                                  const char *key, struct cof_text **out_texts, size_t *out_count,
                                  struct cof_error *err)
{
    const struct cof_json *array = NULL;
    struct cof_error cause = {0};
    if (cof_json_get_array(object, key, &array, &cause) != COF_OK) {
        return line_error(lines, &cause, err);
    }
    size_t count = array == NULL ? 0 : cof_json_count(array);
    struct cof_text *texts = cof_arena_array(lines->arena, count, sizeof(*texts));
    if (texts == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    const struct cof_json *item = array == NULL ? NULL : cof_json_first(array);
    for (size_t i = 0; item != NULL; i++, item = cof_json_next(item)) {
        texts[i] = cof_arena_copy_text(lines->arena, cof_json_text(item));
    }
    *out_texts = texts;
    *out_count = count;
    return COF_OK;
}

static enum cof_status load_question(const struct lines *lines, struct cof_text line,
                                     struct cof_eval_query *query, struct cof_error *err)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(parse_line(lines, line, &tree, err));
    const struct cof_json *root = cof_json_root(tree);
    COF_TRY(copy_member(lines, root, "id", true, &query->id, err));
    COF_TRY(copy_member(lines, root, "half", true, &query->half, err));
    COF_TRY(copy_member(lines, root, "question", true, &query->text, err));
    struct cof_text *texts = NULL;
    COF_TRY(copy_texts(lines, root, "must_contain", &texts, &query->must_contain_count, err));
    query->must_contain = texts;
    COF_TRY(copy_texts(lines, root, "documents", &texts, &query->judgment_count, err));
    struct cof_eval_judgment *judgments =
        cof_arena_array(lines->arena, query->judgment_count, sizeof(*judgments));
    if (judgments == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    for (size_t i = 0; i < query->judgment_count; i++) {
        judgments[i] = (struct cof_eval_judgment){.document = texts[i], .grade = 1};
    }
    query->judgments = judgments;
    return COF_OK;
}

static enum cof_status load_samples(const char *folder, struct cof_arena *arena,
                                    struct cof_eval_set *set, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_TRY(cof_path_join(path, folder, "corpus", err));
    struct cof_text copy = cof_arena_copy_text(arena, cof_text_from(path));
    struct lines lines;
    COF_TRY(lines_open(&lines, folder, "questions.jsonl", arena, err));
    struct cof_eval_query *queries = cof_arena_array(arena, lines_count(&lines), sizeof(*queries));
    if (copy.data == NULL || queries == NULL) {
        return COF_FAIL_MEMORY(err);
    }
    struct cof_text line;
    while (lines_next(&lines, &line)) {
        COF_TRY(load_question(&lines, line, &queries[set->query_count], err));
        set->query_count++;
    }
    set->is_samples = true;
    set->corpus_folder = copy.data;
    set->queries = queries;
    return COF_OK;
}

enum cof_status cof_eval_set_load(const char *folder, struct cof_arena *arena,
                                  struct cof_eval_set *out_set, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    struct cof_eval_set set = {0};
    COF_TRY(cof_path_join(path, folder, "questions.jsonl", err));
    if (cof_path_exists(path)) {
        COF_TRY(load_samples(folder, arena, &set, err));
    } else {
        COF_TRY(load_corpus(folder, arena, &set, err));
        COF_TRY(load_queries(folder, arena, &set, err));
    }
    if (set.query_count == 0) {
        return COF_FAIL(err, COF_INVALID, "%s has no query with a judgment", folder);
    }
    *out_set = set;
    return COF_OK;
}
