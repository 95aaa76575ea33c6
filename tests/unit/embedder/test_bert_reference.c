/* The published model against a second implementation: token for token, and cosine >= 0.99999 for
 * every text. What is expected, and how it was made: tests/data/embedder/make_expected.py. */
#include <cof/embedder/bert.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/arena.h>
#include <cof/base/base64.h>
#include <cof/base/file.h>
#include <cof/base/json.h>

#include "model_folder.h"
#include "testing.h"
#include "tokenizing.h"
#include "wordpiece.h"

#define DATA COF_SOURCE_DIR "/tests/data/embedder/"

enum { MAX_ROWS = 1000, DIMENSION = 384, MAX_IDS = 256 };

struct expected {
    struct cof_text text;
    size_t id_count;
    uint32_t ids[MAX_IDS];
    float vector[DIMENSION];
};

static const char *folder;
static struct cof_arena arena;
static struct expected *rows;
static size_t row_count;

static struct cof_text read_data(const char *path)
{
    struct cof_buffer content = {0};
    struct cof_error err = {0};
    if (cof_file_read(path, (size_t)64 << 20, &content, &err) != COF_OK)
        fail_msg("%s", err.message);
    struct cof_text text = cof_arena_copy_text(&arena, cof_buffer_text(&content));
    cof_buffer_deinit(&content);
    return text;
}

static struct cof_text decode(struct cof_text base64)
{
    struct cof_buffer bytes = {0};
    assert_true(cof_base64_decode(base64, &bytes));
    struct cof_text text = cof_arena_copy_text(&arena, cof_buffer_text(&bytes));
    cof_buffer_deinit(&bytes);
    return text;
}

static void read_row(struct cof_text line, struct expected *row)
{
    struct cof_json_tree *tree = NULL;
    assert_int_equal(cof_json_parse(line, NULL, &tree, NULL), COF_OK);
    const struct cof_json *root = cof_json_root(tree);
    const struct cof_json *base64 = cof_json_find(root, "base64");
    row->text = base64 != NULL
                    ? decode(cof_json_text(base64))
                    : cof_arena_copy_text(&arena, cof_json_text(cof_json_find(root, "text")));
    for (const struct cof_json *id = cof_json_first(cof_json_find(root, "ids")); id != NULL;
         id = cof_json_next(id)) {
        assert_true(row->id_count < MAX_IDS);
        row->ids[row->id_count++] = (uint32_t)cof_json_number(id);
    }
    struct cof_text vector = decode(cof_json_text(cof_json_find(root, "vector")));
    assert_int_equal(vector.size, sizeof(row->vector));
    memcpy(row->vector, vector.data, sizeof(row->vector));
    cof_json_tree_destroy(tree);
}

static int read_rows(void **state)
{
    struct cof_text rest = read_data(DATA "expected.jsonl");
    struct cof_text line = {0};
    rows = calloc(MAX_ROWS, sizeof(*rows));
    assert_non_null(rows);
    while (rest.size > 0 && cof_text_split(rest, '\n', &line, &rest))
        read_row(line, &rows[row_count++]);
    return 0;
}

static int free_rows(void **state)
{
    free(rows);
    cof_arena_deinit(&arena);
    return 0;
}

static void reference__covers_three_hundred_texts(void **state)
{
    size_t longest = 0;
    for (size_t i = 0; i < row_count; i++)
        longest = rows[i].text.size > longest ? rows[i].text.size : longest;
    assert_true(row_count >= 300);
    assert_int_equal(rows[36].text.size, 0);
    assert_true(longest > 50000);
}

static void reference__has_the_same_tokens(void **state)
{
    struct cof_tokenizer *tokenizer = NULL;
    assert_int_equal(cof_wordpiece_open(folder, &tokenizer, NULL), COF_OK);
    for (size_t i = 0; i < row_count; i++) {
        uint32_t ids[MAX_IDS];
        size_t count = tokenize_encode(tokenizer, COF_TEXT(""), rows[i].text, ids, MAX_IDS);
        if (count != rows[i].id_count || memcmp(ids, rows[i].ids, count * sizeof(ids[0])) != 0)
            fail_msg("text %zu has other tokens", i);
    }
    cof_tokenizer_close(tokenizer);
}

static void reference__has_the_same_vectors(void **state)
{
    const struct cof_bert_options options = {.folder = folder, .precision = COF_PRECISION_F32};
    struct cof_embedder *embedder = NULL;
    struct cof_error err = {0};
    struct cof_text texts[MAX_ROWS];
    size_t token_counts[MAX_ROWS];
    float *vectors = calloc(row_count * DIMENSION, sizeof(*vectors));
    double least = 1;
    assert_non_null(vectors);
    if (cof_bert_open(&options, &embedder, &err) != COF_OK)
        fail_msg("%s", err.message);
    assert_int_equal(embedder->info.dimension, DIMENSION);
    assert_int_equal(embedder->info.max_tokens, MAX_IDS);
    for (size_t i = 0; i < row_count; i++)
        texts[i] = rows[i].text;
    if (cof_embedder_embed(embedder, COF_EMBED_PASSAGE, texts, row_count, NULL, vectors,
                           token_counts, &err) != COF_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < row_count; i++) {
        double product = 0;
        for (size_t j = 0; j < DIMENSION; j++)
            product += (double)vectors[i * DIMENSION + j] * (double)rows[i].vector[j];
        if (product < 0.99999)
            fail_msg("text %zu: cosine %.9f", i, product);
        assert_int_equal(token_counts[i], rows[i].id_count);
        least = product < least ? product : least;
    }
    print_message("smallest cosine over %zu texts: 1 - %.2g\n", row_count, 1 - least);
    free(vectors);
    cof_embedder_close(embedder);
}

struct hash_run {
    uint64_t hash;
};

static bool hash_id(void *context, uint32_t id, size_t begin, size_t end)
{
    struct hash_run *run = context;
    for (unsigned shift = 0; shift < 32; shift += 8)
        run->hash = (run->hash ^ (id >> shift & 0xff)) * UINT64_C(0x100000001b3);
    return true;
}

/* One column of tokens.tsv; column 0 is the text. */
static struct cof_text column_of(struct cof_text line, size_t column)
{
    struct cof_text part = {0};
    for (size_t i = 0; i <= column; i++)
        (void)cof_text_split(line, '\t', &part, &line);
    return part;
}

static void assert_hashes(const struct cof_tokenizer *tokenizer, size_t column)
{
    struct cof_text rest = read_data(DATA "tokens.tsv");
    struct cof_text line = {0};
    size_t count = 0;
    while (rest.size > 0 && cof_text_split(rest, '\n', &line, &rest)) {
        struct hash_run run = {.hash = UINT64_C(0xcbf29ce484222325)};
        char hex[17];
        tokenize_each(tokenizer, decode(column_of(line, 0)), hash_id, &run);
        (void)snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)run.hash);
        if (!cof_text_equal(column_of(line, column), cof_text_from(hex)))
            fail_msg("line %zu has other tokens (column %zu)", count + 1, column);
        count++;
    }
    assert_true(count >= 2000);
}

static void reference__agrees_on_adversarial_texts(void **state)
{
    struct cof_tokenizer *tokenizer = NULL;
    assert_int_equal(cof_wordpiece_open(folder, &tokenizer, NULL), COF_OK);
    assert_hashes(tokenizer, 1);
    cof_tokenizer_close(tokenizer);
}

static void reference__agrees_on_them_under_other_rules(void **state)
{
    static const char *const configs[] = {"{\"do_lower_case\":false}",
                                          "{\"do_lower_case\":true,\"strip_accents\":false}"};
    char path[COF_MAX_PATH];
    assert_int_equal(cof_path_join(path, folder, "vocab.txt", NULL), COF_OK);
    struct cof_text vocabulary = read_data(path);
    for (size_t i = 0; i < 2; i++) {
        struct cof_tokenizer *tokenizer = NULL;
        assert_int_equal(
            cof_wordpiece_parse_vocabulary(vocabulary, cof_text_from(configs[i]), &tokenizer, NULL),
            COF_OK);
        assert_hashes(tokenizer, i + 2);
        cof_tokenizer_close(tokenizer);
    }
}

static void reference__both_tokenizer_files_are_the_same_tokenizer(void **state)
{
    struct cof_tokenizer *from_json = NULL;
    struct cof_tokenizer *from_lines = NULL;
    char path[COF_MAX_PATH];
    assert_int_equal(cof_wordpiece_open(folder, &from_json, NULL), COF_OK);
    assert_int_equal(cof_path_join(path, folder, "vocab.txt", NULL), COF_OK);
    assert_int_equal(
        cof_wordpiece_parse_vocabulary(read_data(path), COF_TEXT("{}"), &from_lines, NULL), COF_OK);
    assert_memory_equal(from_json->digest, from_lines->digest, 32);
    cof_tokenizer_close(from_json);
    cof_tokenizer_close(from_lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference__covers_three_hundred_texts),
        cmocka_unit_test(reference__has_the_same_tokens),
        cmocka_unit_test(reference__has_the_same_vectors),
        cmocka_unit_test(reference__agrees_on_adversarial_texts),
        cmocka_unit_test(reference__agrees_on_them_under_other_rules),
        cmocka_unit_test(reference__both_tokenizer_files_are_the_same_tokenizer),
    };
    folder = model_folder_find();
    if (folder == NULL)
        return MODEL_FOLDER_SKIPPED;
    return cmocka_run_group_tests(tests, read_rows, free_rows);
}
