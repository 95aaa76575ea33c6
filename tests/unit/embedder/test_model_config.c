/* Settings that are read, and those that must be refused with the name of file and field. */
#include "model_config.h"

#include <string.h>

#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"

#define GOOD                                                                                       \
    "\"model_type\":\"bert\",\"hidden_size\":384,\"num_hidden_layers\":6,"                         \
    "\"num_attention_heads\":12,\"intermediate_size\":1536,\"vocab_size\":30522,"                  \
    "\"max_position_embeddings\":512"

#define XLM_R                                                                                      \
    "\"model_type\":\"xlm-roberta\",\"hidden_size\":384,\"num_hidden_layers\":12,"                 \
    "\"num_attention_heads\":12,\"intermediate_size\":1536,\"vocab_size\":250037,"                 \
    "\"type_vocab_size\":1"

static char folder[TEMP_DIR_PATH_SIZE];

static int make_folder(void **state)
{
    temp_dir_create(folder);
    tiny_model_put_text(folder, "config.json", "{" GOOD "}");
    return 0;
}

static int remove_folder(void **state)
{
    temp_dir_remove(folder);
    return 0;
}

static struct cof_model_config read_config(void)
{
    struct cof_model_config config = {0};
    struct cof_error err = {0};
    if (cof_model_config_read(folder, &config, &err) != COF_OK)
        fail_msg("%s", err.message);
    return config;
}

/* Puts one file, reads, and expects a refusal that names it and the field. */
static void assert_refused(const char *name, const char *text, const char *field)
{
    struct cof_model_config config = {0};
    struct cof_error err = {0};
    tiny_model_put_text(folder, name, text);
    assert_int_equal(cof_model_config_read(folder, &config, &err), COF_INVALID);
    if (strstr(err.message, name) == NULL || strstr(err.message, field) == NULL)
        fail_msg("'%s' or '%s' is not in '%s'", name, field, err.message);
    assert_int_equal(config.hidden_size, 0);
}

static void config__has_the_defaults_of_the_published_implementations(void **state)
{
    struct cof_model_config config = read_config();
    assert_int_equal(config.hidden_size, 384);
    assert_int_equal(config.layer_count, 6);
    assert_int_equal(config.head_count, 12);
    assert_int_equal(config.intermediate_size, 1536);
    assert_int_equal(config.vocabulary_size, 30522);
    assert_int_equal(config.max_positions, 512);
    assert_int_equal(config.token_type_count, 2);
    assert_true(config.layer_norm_epsilon == 1e-12F);
    assert_int_equal(config.pooling, COF_POOLING_MEAN);
    assert_int_equal(config.max_tokens, 512);
    assert_string_equal(config.query_prefix, "");
}

static void config__reads_every_file(void **state)
{
    tiny_model_put_text(folder, "config.json",
                        "{" GOOD ",\"type_vocab_size\":1,\"layer_norm_eps\":1e-5,"
                        "\"hidden_act\":\"gelu\",\"position_embedding_type\":\"absolute\"}");
    tiny_model_put_text(
        folder, "modules.json",
        "[{\"type\":\"sentence_transformers.models.Transformer\",\"path\":\"\"},"
        "{\"type\":\"x.Pooling\",\"path\":\"my_pooling\"},{\"type\":\"Normalize\"}]");
    tiny_model_put_text(folder, "my_pooling/config.json",
                        "{\"word_embedding_dimension\":384,\"pooling_mode_cls_token\":true,"
                        "\"pooling_mode_mean_tokens\":false}");
    tiny_model_put_text(folder, "sentence_bert_config.json", "{\"max_seq_length\":256}");
    tiny_model_put_text(folder, "tokenizer_config.json", "{\"model_max_length\":128}");
    tiny_model_put_text(folder, "config_sentence_transformers.json",
                        "{\"prompts\":{\"query\":\"query: \",\"document\":\"passage: \"}}");
    struct cof_model_config config = read_config();
    assert_int_equal(config.token_type_count, 1);
    assert_true(config.layer_norm_epsilon == 1e-5F);
    assert_int_equal(config.pooling, COF_POOLING_CLS);
    assert_int_equal(config.max_tokens, 256); /* the more specific file wins */
    assert_string_equal(config.query_prefix, "query: ");
    assert_string_equal(config.passage_prefix, "passage: ");
    assert_string_equal(cof_pooling_name(config.pooling), "cls");
    assert_string_equal(cof_pooling_name(COF_POOLING_MEAN), "mean");
}

static void config__reads_xlm_roberta(void **state)
{
    tiny_model_put_text(folder, "config.json", "{" XLM_R ",\"max_position_embeddings\":514}");
    struct cof_model_config config = read_config();
    assert_int_equal(config.family, COF_MODEL_XLM_ROBERTA);
    assert_int_equal(config.first_position, 2);
    assert_int_equal(config.max_positions, 512);
    assert_int_equal(config.max_tokens, 512);
    tiny_model_put_text(folder, "config.json",
                        "{" XLM_R ",\"max_position_embeddings\":514,\"pad_token_id\":3}");
    config = read_config();
    assert_int_equal(config.first_position, 4);
    assert_int_equal(config.max_positions, 510);
    assert_refused("config.json", "{" XLM_R ",\"max_position_embeddings\":3}",
                   "max_position_embeddings");
    assert_refused("config.json", "{" XLM_R ",\"max_position_embeddings\":514,\"pad_token_id\":-1}",
                   "pad_token_id");
}

static void config__takes_the_tokenizers_limit_and_cuts_it_to_the_positions(void **state)
{
    tiny_model_put_text(folder, "tokenizer_config.json", "{\"model_max_length\":128}");
    assert_int_equal(read_config().max_tokens, 128);
    tiny_model_put_text(folder, "tokenizer_config.json",
                        "{\"model_max_length\":1000000000000000019884624838656}");
    assert_int_equal(read_config().max_tokens, 512);
    tiny_model_put_text(folder, "sentence_bert_config.json", "{\"max_seq_length\":null}");
    assert_int_equal(read_config().max_tokens, 512);
}

static void config__reads_the_pooling_mode_as_one_word_too(void **state)
{
    tiny_model_put_text(folder, "1_Pooling/config.json", "{\"pooling_mode\":\"cls\"}");
    assert_int_equal(read_config().pooling, COF_POOLING_CLS);
}

static void config__is_not_found_where_there_is_no_file(void **state)
{
    struct cof_model_config config = {0};
    struct cof_error err = {0};
    tiny_model_delete(folder, "config.json");
    assert_int_equal(cof_model_config_read(folder, &config, &err), COF_NOT_FOUND);
    assert_non_null(strstr(err.message, "config.json"));
}

static void config__refuses_architectures_that_it_would_compute_wrongly(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "model_type"},
        {"[]", "model_type"},
        {"7", "JSON object"},
        {"{\"hidden_size\":", "invalid JSON"},
        {"{" GOOD ",\"model_type\":\"bert\"}", "twice"},
        {"{\"model_type\":\"roberta\"}", "model_type"},
        {"{\"model_type\":\"xlm-roberta\"}", "hidden_size"},
        {"{\"model_type\":7}", "model_type"},
        {"{\"model_type\":\"bert\"}", "hidden_size"},
        {"{\"model_type\":\"bert\",\"hidden_size\":\"384\"}", "hidden_size"},
        {"{\"model_type\":\"bert\",\"hidden_size\":0}", "hidden_size"},
        {"{\"model_type\":\"bert\",\"hidden_size\":-384}", "hidden_size"},
        {"{\"model_type\":\"bert\",\"hidden_size\":1e15}", "hidden_size"},
        {"{\"model_type\":\"bert\",\"hidden_size\":384.5}", "hidden_size"},
        {"{" GOOD ",\"hidden_act\":\"relu\"}", "hidden_act"},
        {"{" GOOD ",\"position_embedding_type\":\"relative_key\"}", "position_embedding_type"},
        {"{" GOOD ",\"is_decoder\":true}", "is_decoder"},
        {"{" GOOD ",\"add_cross_attention\":true}", "add_cross_attention"},
        {"{" GOOD ",\"layer_norm_eps\":-1}", "layer_norm_eps"},
        {"{" GOOD ",\"layer_norm_eps\":7}", "layer_norm_eps"},
        {"{" GOOD ",\"type_vocab_size\":0}", "type_vocab_size"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused("config.json", cases[i][0], cases[i][1]);
    assert_refused("config.json",
                   "{\"model_type\":\"bert\",\"hidden_size\":384,\"num_hidden_layers\":6,"
                   "\"num_attention_heads\":7,\"intermediate_size\":1,\"vocab_size\":1,"
                   "\"max_position_embeddings\":512}",
                   "num_attention_heads");
    assert_refused("config.json",
                   "{\"model_type\":\"bert\",\"hidden_size\":384,\"num_hidden_layers\":6,"
                   "\"num_attention_heads\":12,\"intermediate_size\":1,\"vocab_size\":1,"
                   "\"max_position_embeddings\":1}",
                   "max_position_embeddings");
}

static void config__refuses_pooling_that_it_does_not_do(void **state)
{
    static const char *const cases[][2] = {
        {"{\"word_embedding_dimension\":768,\"pooling_mode_mean_tokens\":true}",
         "word_embedding_dimension"},
        {"{\"pooling_mode_max_tokens\":true}", "pooling_mode_max_tokens"},
        {"{\"pooling_mode_mean_sqrt_len_tokens\":true}", "pooling_mode_mean_sqrt_len_tokens"},
        {"{\"pooling_mode_lasttoken\":true}", "pooling_mode_lasttoken"},
        {"{\"pooling_mode_cls_token\":true,\"pooling_mode_mean_tokens\":true}", "either"},
        {"{}", "either"},
        {"{\"pooling_mode\":\"max\"}", "either"},
        {"{\"pooling_mode_cls_token\":1}", "pooling_mode_cls_token"},
        {"{\"pooling_mode_mean_tokens\":true,\"include_prompt\":false}", "include_prompt"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused("1_Pooling/config.json", cases[i][0], cases[i][1]);
}

static void config__refuses_modules_that_it_does_not_compute(void **state)
{
    static const char *const cases[][2] = {
        {"[{\"type\":\"sentence_transformers.models.Dense\",\"path\":\"2_Dense\"}]", "Dense"},
        {"[{\"path\":\"\"}]", "type"},
        {"[7]", "type"},
        {"[{\"type\":\"a.Pooling\",\"path\":\"../../etc\"}]", "path"},
        {"[{\"type\":\"a.Pooling\",\"path\":\"/etc\"}]", "path"},
        {"[{\"type\":\"a.Pooling\",\"path\":\"\"}]", "path"},
        {"[{\"type\":\"a.Pooling\",\"path\":"
         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaa\"}]",
         "path"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused("modules.json", cases[i][0], cases[i][1]);
}

static void config__lets_the_operators_file_win(void **state)
{
    tiny_model_put_text(folder, "sentence_bert_config.json", "{\"max_seq_length\":256}");
    tiny_model_put_text(folder, "config_sentence_transformers.json",
                        "{\"prompts\":{\"query\":\"ask: \",\"document\":\"text: \"}}");
    tiny_model_put_text(folder, "coffer.settings.json", "{}");
    struct cof_model_config config = read_config();
    assert_string_equal(config.query_prefix, "ask: ");
    assert_int_equal(config.max_tokens, 256);
    tiny_model_put_text(folder, "coffer.settings.json",
                        "{\"query_prefix\":\"query: \",\"passage_prefix\":\"\",\"pooling\":\"cls\","
                        "\"max_tokens\":500}");
    config = read_config();
    assert_string_equal(config.query_prefix, "query: ");
    assert_string_equal(config.passage_prefix, "");
    assert_int_equal(config.pooling, COF_POOLING_CLS);
    assert_int_equal(config.max_tokens, 500);
    assert_refused("coffer.settings.json", "{\"pooling\":\"max\"}", "pooling");
    assert_refused("coffer.settings.json", "{\"max_tokens\":513}", "max_tokens");
    assert_refused("coffer.settings.json", "{\"query_prefix\":7}", "query_prefix");
    assert_refused("coffer.settings.json", "{\"query_prefx\":\"\"}", "query_prefx");
}

static void config__refuses_lengths_and_prompts_that_cannot_be(void **state)
{
    char long_prompt[700] = "{\"prompts\":{\"query\":\"";
    memset(long_prompt + strlen(long_prompt), 'x', 600);
    memcpy(long_prompt + strlen(long_prompt), "\"}}", 4);
    assert_refused("sentence_bert_config.json", "{\"max_seq_length\":1}", "max_seq_length");
    assert_refused("sentence_bert_config.json", "{\"max_seq_length\":\"x\"}", "max_seq_length");
    tiny_model_delete(folder, "sentence_bert_config.json");
    assert_refused("config_sentence_transformers.json", long_prompt, "query");
    assert_refused("config_sentence_transformers.json", "{\"prompts\":[]}", "prompts");
    assert_refused("config_sentence_transformers.json", "{\"prompts\":{\"document\":7}}",
                   "document");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(config__has_the_defaults_of_the_published_implementations,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(config__reads_every_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(config__reads_xlm_roberta, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(config__lets_the_operators_file_win, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(
            config__takes_the_tokenizers_limit_and_cuts_it_to_the_positions, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(config__reads_the_pooling_mode_as_one_word_too, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(config__is_not_found_where_there_is_no_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(config__refuses_architectures_that_it_would_compute_wrongly,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(config__refuses_pooling_that_it_does_not_do, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(config__refuses_modules_that_it_does_not_compute,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(config__refuses_lengths_and_prompts_that_cannot_be,
                                        make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
