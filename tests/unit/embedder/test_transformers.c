/* Embeddings and scores against what the transformers package computed on the same random weights
 * (make_transformers_cases.py): an implementation that shares nothing with ours, the formulas of
 * tiny_model_embed.c included. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bert_encoder.h"
#include "classifier.h"
#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"

enum { MAX_IDS = 64, MAX_HIDDEN = 128 };

struct expected {
    struct tiny_model model; /* shape only */
    uint64_t seed;
    uint32_t ids[MAX_IDS];
    size_t count;
    size_t second_begin;
    double score;
    double mean[MAX_HIDDEN];
};

static void parse_case(char *line, struct expected *out)
{
    char *rest = line;
    char family[32];
    *out = (struct expected){0};
    assert_int_equal(sscanf(rest, "%31s", family), 1);
    out->model.is_xlm_roberta = strcmp(family, "xlm-roberta") == 0;
    rest += strlen(family);
    out->model.hidden_size = strtoul(rest, &rest, 10);
    out->model.layer_count = strtoul(rest, &rest, 10);
    out->model.head_count = strtoul(rest, &rest, 10);
    out->model.intermediate_size = strtoul(rest, &rest, 10);
    out->model.label_count = strtoul(rest, &rest, 10);
    out->seed = strtoul(rest, &rest, 10);
    assert_int_equal(*rest++, '\t');
    while (*rest != '\t') {
        assert_true(out->count < MAX_IDS);
        out->ids[out->count++] = (uint32_t)strtoul(rest, &rest, 10);
    }
    out->second_begin = strtoul(rest, &rest, 10);
    out->score = strtod(rest, &rest);
    assert_true(out->model.hidden_size <= MAX_HIDDEN);
    for (size_t i = 0; i < out->model.hidden_size; i++)
        out->mean[i] = strtod(rest, &rest);
    assert_int_equal(*rest, '\n');
}

struct opened {
    struct cof_bert_weights *weights;
    struct cof_bert_workspace *workspace;
    struct cof_classifier *classifier;
};

static void open_model(struct expected *expected, const char *folder, struct opened *out)
{
    char path[TEMP_DIR_PATH_SIZE + 32];
    struct cof_model_config config = {0};
    struct cof_safetensors *file = NULL;
    tiny_model_create(&expected->model, expected->seed);
    tiny_model_write(&expected->model, folder);
    temp_dir_join(folder, "model.safetensors", path, sizeof(path));
    assert_int_equal(cof_model_config_read(folder, &config, NULL), COF_OK);
    assert_int_equal(cof_safetensors_open(path, &file, NULL), COF_OK);
    assert_int_equal(cof_bert_weights_create(file, &config, COF_PRECISION_F32, cof_kernels_pick(),
                                             &out->weights, NULL),
                     COF_OK);
    assert_int_equal(cof_classifier_create(file, &config, &out->classifier, NULL), COF_OK);
    assert_int_equal(cof_bert_workspace_create(out->weights, 64, 40, &out->workspace, NULL),
                     COF_OK);
    cof_safetensors_close(file);
}

static void close_model(struct opened *opened)
{
    cof_bert_workspace_destroy(opened->workspace);
    cof_bert_weights_destroy(opened->weights);
    cof_classifier_destroy(opened->classifier);
}

static void encode(const struct opened *opened, const struct expected *expected, bool is_pair,
                   float *out_row)
{
    const struct cof_bert_sequence sequence = {.ids = expected->ids,
                                               .count = expected->count,
                                               .second_begin =
                                                   is_pair ? expected->second_begin : 0};
    const struct cof_bert_pass pass = {
        .sequences = &sequence,
        .sequence_count = 1,
        .output = is_pair ? COF_BERT_FIRST : COF_BERT_POOLED,
        .pooling = COF_POOLING_MEAN,
        .out_rows = out_row,
    };
    int before = cof_openmp_enter();
    assert_int_equal(cof_bert_encode(opened->weights, opened->workspace, &pass, NULL), COF_OK);
    cof_openmp_leave(before);
}

static void check_case(struct expected *expected, size_t number)
{
    char folder[TEMP_DIR_PATH_SIZE];
    struct opened opened = {0};
    float row[MAX_HIDDEN];
    float score = 0;
    double product = 0;
    temp_dir_create(folder);
    open_model(expected, folder, &opened);
    encode(&opened, expected, false, row);
    for (size_t i = 0; i < expected->model.hidden_size; i++)
        product += (double)row[i] * expected->mean[i];
    if (product < 0.999999)
        fail_msg("case %zu: cosine %.9f", number, product);
    encode(&opened, expected, true, row);
    assert_int_equal(cof_classifier_score(opened.classifier, row, 1, &score, NULL), COF_OK);
    if (fabs((double)score - expected->score) > 1e-5)
        fail_msg("case %zu: score %.7f instead of %.7f", number, (double)score, expected->score);
    close_model(&opened);
    tiny_model_destroy(&expected->model);
    temp_dir_remove(folder);
}

static void encoder__agrees_with_the_transformers_package(void **state)
{
    FILE *file = fopen(COF_SOURCE_DIR "/tests/unit/embedder/transformers.cases", "r");
    char *line = NULL;
    size_t capacity = 0;
    size_t count = 0;
    assert_non_null(file);
    while (getline(&line, &capacity, file) > 0) {
        struct expected expected;
        parse_case(line, &expected);
        check_case(&expected, ++count);
    }
    assert_int_equal(count, 15);
    free(line);
    assert_int_equal(fclose(file), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoder__agrees_with_the_transformers_package),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
