/* Reads a model's settings and refuses what this encoder would compute wrongly.
 *
 * A field that changes the result and that we do not implement is an error, never ignored: a vector
 * that is almost right is worse than none. */
#include "model_config.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/file.h>
#include <cof/base/json.h>

#include "model_file.h"

#define CONFIG_FILE "config.json"
#define MODULES_FILE "modules.json"
#define PROMPTS_FILE "config_sentence_transformers.json"
#define LENGTH_FILE "sentence_bert_config.json"
#define TOKENIZER_FILE "tokenizer_config.json"
#define SETTINGS_FILE "coffer.settings.json"
#define MAX_MODULE_PATH_BYTES 64
/* Python's int(1e30), which tokenizer_config.json has where the tokenizer sets no limit. */
#define NO_LENGTH_LIMIT 1e30

struct size_field {
    const char *key;
    int64_t max;
    size_t *out;
};

/* A whole number from 1 to max that must be there. */
static enum cof_status need_size(const struct cof_json *object, const char *key, int64_t max,
                                 size_t *out, struct cof_error *err)
{
    int64_t value = 0;
    COF_TRY(cof_json_get_integer(object, key, 1, max, &value, err));
    if (value == 0)
        return COF_FAIL(err, COF_INVALID, "'%s' is required", key);
    *out = (size_t)value;
    return COF_OK;
}

/* Fails unless the text field is absent or one of two values. */
static enum cof_status check_word(const struct cof_json *object, const char *key, const char *first,
                                  const char *second, struct cof_error *err)
{
    struct cof_text value = cof_text_from(first);
    COF_TRY(cof_json_get_text(object, key, &value, err));
    if (cof_text_equal(value, cof_text_from(first)) || cof_text_equal(value, cof_text_from(second)))
        return COF_OK;
    return COF_FAIL(err, COF_INVALID, "'%s' is '%.*s', this version computes only '%s'", key,
                    (int)(value.size < 40 ? value.size : 40), value.data, first);
}

static enum cof_status check_false(const struct cof_json *object, const char *key,
                                   struct cof_error *err)
{
    bool value = false;
    COF_TRY(cof_json_get_bool(object, key, &value, err));
    if (value)
        return COF_FAIL(err, COF_INVALID, "'%s' must be false", key);
    return COF_OK;
}

static enum cof_status read_family(const struct cof_json *root, struct cof_model_config *config,
                                   struct cof_error *err)
{
    struct cof_text type = {0};
    COF_TRY(cof_json_need_text(root, "model_type", &type, err));
    if (cof_text_equal(type, COF_TEXT("bert")))
        config->family = COF_MODEL_BERT;
    else if (cof_text_equal(type, COF_TEXT("xlm-roberta")))
        config->family = COF_MODEL_XLM_ROBERTA;
    else
        return COF_FAIL(err, COF_INVALID,
                        "'model_type' is '%.*s', this version computes 'bert' and 'xlm-roberta'",
                        (int)(type.size < 40 ? type.size : 40), type.data);
    return COF_OK;
}

/* XLM-RoBERTa keeps the rows up to the padding id's own unused (fairseq's numbering). */
static enum cof_status read_first_position(const struct cof_json *root,
                                           struct cof_model_config *config, struct cof_error *err)
{
    int64_t padding_id = 1;
    if (config->family == COF_MODEL_BERT)
        return COF_OK;
    COF_TRY(cof_json_get_integer(root, "pad_token_id", 0, 65535, &padding_id, err));
    config->first_position = (size_t)padding_id + 1;
    if (config->max_positions < config->first_position + 2)
        return COF_FAIL(err, COF_INVALID,
                        "'max_position_embeddings' %zu leaves no place behind 'pad_token_id' %lld",
                        config->max_positions, (long long)padding_id);
    config->max_positions -= config->first_position;
    return COF_OK;
}

static enum cof_status read_architecture(const struct cof_json *root,
                                         struct cof_model_config *config, struct cof_error *err)
{
    const struct size_field fields[] = {
        {"hidden_size", 16384, &config->hidden_size},
        {"num_hidden_layers", 200, &config->layer_count},
        {"num_attention_heads", 1024, &config->head_count},
        {"intermediate_size", 65536, &config->intermediate_size},
        {"vocab_size", 4000000, &config->vocabulary_size},
        {"max_position_embeddings", 65536, &config->max_positions},
    };
    COF_TRY(read_family(root, config, err));
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        COF_TRY(need_size(root, fields[i].key, fields[i].max, fields[i].out, err));
    if (config->hidden_size % config->head_count != 0)
        return COF_FAIL(err, COF_INVALID,
                        "'hidden_size' %zu is no multiple of 'num_attention_heads' %zu",
                        config->hidden_size, config->head_count);
    if (config->max_positions < 2)
        return COF_FAIL(err, COF_INVALID, "'max_position_embeddings' must be at least 2");
    COF_TRY(read_first_position(root, config, err));

    int64_t token_types = 2;
    double epsilon = 1e-12;
    COF_TRY(cof_json_get_integer(root, "type_vocab_size", 1, 1024, &token_types, err));
    COF_TRY(cof_json_get_number(root, "layer_norm_eps", 0, 0.1, &epsilon, err));
    config->token_type_count = (size_t)token_types;
    config->layer_norm_epsilon = (float)epsilon;

    COF_TRY(check_word(root, "hidden_act", "gelu", "gelu_python", err));
    COF_TRY(check_word(root, "position_embedding_type", "absolute", "absolute", err));
    COF_TRY(check_false(root, "is_decoder", err));
    return check_false(root, "add_cross_attention", err);
}

static enum cof_status read_config_file(const char *folder, struct cof_model_config *config,
                                        struct cof_error *err)
{
    static const struct cof_json_limits limits = {.max_bytes = (size_t)1 << 20};
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(cof_model_file_parse(folder, CONFIG_FILE, &limits, &tree, err));
    enum cof_status status = read_architecture(cof_json_root(tree), config, err);
    return cof_model_file_blame(CONFIG_FILE, status, err);
}

/* "sentence_transformers.models.Pooling" → "Pooling". */
static struct cof_text last_part(struct cof_text name)
{
    size_t begin = name.size;
    while (begin > 0 && name.data[begin - 1] != '.')
        begin--;
    return cof_text_slice(name, begin, name.size);
}

/* Only plain names, so that the folder cannot point out of itself. */
static enum cof_status copy_module_path(struct cof_text path, char *out_path, struct cof_error *err)
{
    bool is_plain = path.size > 0 && path.size < MAX_MODULE_PATH_BYTES;
    for (size_t i = 0; i < path.size && is_plain; i++) {
        char c = path.data[i];
        is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '_' || c == '-';
    }
    if (!is_plain)
        return COF_FAIL(err, COF_INVALID, "the pooling module's 'path' is not a plain folder name");
    memcpy(out_path, path.data, path.size);
    out_path[path.size] = '\0';
    return COF_OK;
}

/* The steps between the encoder and the vector. out_pooling_path is left alone when there is no
 * list of modules. */
static enum cof_status read_modules(const struct cof_json *modules, char *out_pooling_path,
                                    struct cof_error *err)
{
    for (const struct cof_json *module = cof_json_first(modules); module != NULL;
         module = cof_json_next(module)) {
        struct cof_text type = {0};
        struct cof_text path = {0};
        COF_TRY(cof_json_need_text(module, "type", &type, err));
        COF_TRY(cof_json_get_text(module, "path", &path, err));
        type = last_part(type);
        if (cof_text_equal(type, COF_TEXT("Pooling")))
            COF_TRY(copy_module_path(path, out_pooling_path, err));
        else if (!cof_text_equal(type, COF_TEXT("Transformer")) &&
                 !cof_text_equal(type, COF_TEXT("Normalize")))
            return COF_FAIL(err, COF_INVALID,
                            "'type' names the module '%.*s', which this version does not compute",
                            (int)(type.size < 60 ? type.size : 60), type.data);
    }
    return COF_OK;
}

static enum cof_status read_pooling(const struct cof_json *root, struct cof_model_config *config,
                                    struct cof_error *err)
{
    int64_t dimension = (int64_t)config->hidden_size;
    bool is_cls = false;
    bool is_mean = false;
    bool has_prompt = true;
    struct cof_text mode = {0};
    COF_TRY(cof_json_get_integer(root, "word_embedding_dimension", 1, 1 << 20, &dimension, err));
    COF_TRY(cof_json_get_bool(root, "pooling_mode_cls_token", &is_cls, err));
    COF_TRY(cof_json_get_bool(root, "pooling_mode_mean_tokens", &is_mean, err));
    COF_TRY(cof_json_get_bool(root, "include_prompt", &has_prompt, err));
    COF_TRY(cof_json_get_text(root, "pooling_mode", &mode, err));
    COF_TRY(check_false(root, "pooling_mode_max_tokens", err));
    COF_TRY(check_false(root, "pooling_mode_mean_sqrt_len_tokens", err));
    COF_TRY(check_false(root, "pooling_mode_weightedmean_tokens", err));
    COF_TRY(check_false(root, "pooling_mode_lasttoken", err));
    if (mode.size > 0) {
        is_cls = cof_text_equal(mode, COF_TEXT("cls"));
        is_mean = cof_text_equal(mode, COF_TEXT("mean"));
    }
    if (is_cls == is_mean)
        return COF_FAIL(err, COF_INVALID, "the pooling mode must be either 'cls' or 'mean'");
    if ((size_t)dimension != config->hidden_size)
        return COF_FAIL(err, COF_INVALID,
                        "'word_embedding_dimension' is %lld, but 'hidden_size' in config.json is "
                        "%zu",
                        (long long)dimension, config->hidden_size);
    if (!has_prompt)
        return COF_FAIL(err, COF_INVALID, "'include_prompt' must be true");
    config->pooling = is_cls ? COF_POOLING_CLS : COF_POOLING_MEAN;
    return COF_OK;
}

static enum cof_status read_pooling_files(const char *folder, struct cof_model_config *config,
                                          struct cof_error *err)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *modules = NULL;
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *pooling = NULL;
    char path[MAX_MODULE_PATH_BYTES] = "1_Pooling";
    char file[MAX_MODULE_PATH_BYTES + sizeof("/config.json")];

    COF_TRY(cof_model_file_parse_optional(folder, MODULES_FILE, &modules, err));
    if (modules != NULL)
        COF_TRY(cof_model_file_blame(MODULES_FILE, read_modules(cof_json_root(modules), path, err),
                                     err));
    (void)snprintf(file, sizeof(file), "%s/config.json", path);
    COF_TRY(cof_model_file_parse_optional(folder, file, &pooling, err));
    if (pooling == NULL) /* sentence-transformers' own default */
        return COF_OK;
    return cof_model_file_blame(file, read_pooling(cof_json_root(pooling), config, err), err);
}

/* A limit above the position table is cut down to it, as the published implementations do. */
static enum cof_status read_length(const char *folder, const char *name, const char *key,
                                   struct cof_model_config *config, bool *out_is_set,
                                   struct cof_error *err)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    double limit = 0;
    COF_TRY(cof_model_file_parse_optional(folder, name, &tree, err));
    if (tree == NULL)
        return COF_OK;
    enum cof_status status =
        cof_json_get_number(cof_json_root(tree), key, 2, 2 * NO_LENGTH_LIMIT, &limit, err);
    COF_TRY(cof_model_file_blame(name, status, err));
    if (limit <= 0)
        return COF_OK;
    config->max_tokens =
        limit < (double)config->max_positions ? (size_t)limit : config->max_positions;
    *out_is_set = true;
    return COF_OK;
}

static enum cof_status read_lengths(const char *folder, struct cof_model_config *config,
                                    struct cof_error *err)
{
    bool is_set = false;
    config->max_tokens = config->max_positions;
    COF_TRY(read_length(folder, LENGTH_FILE, "max_seq_length", config, &is_set, err));
    if (is_set)
        return COF_OK;
    return read_length(folder, TOKENIZER_FILE, "model_max_length", config, &is_set, err);
}

/* Leaves `out` alone when there is no such member. */
static enum cof_status copy_prefix(const struct cof_json *prompts, const char *key, char *out,
                                   struct cof_error *err)
{
    struct cof_text prefix = cof_text_from(out);
    COF_TRY(cof_json_get_text(prompts, key, &prefix, err));
    if (prefix.size >= COF_MODEL_MAX_PREFIX_BYTES)
        return COF_FAIL(err, COF_INVALID, "'%s' has %zu bytes, at most %d are allowed", key,
                        prefix.size, COF_MODEL_MAX_PREFIX_BYTES - 1);
    memmove(out, prefix.data, prefix.size);
    out[prefix.size] = '\0';
    return COF_OK;
}

static enum cof_status read_prompts(const struct cof_json *root, struct cof_model_config *config,
                                    struct cof_error *err)
{
    const struct cof_json *prompts = NULL;
    COF_TRY(cof_json_get_object(root, "prompts", &prompts, err));
    if (prompts == NULL)
        return COF_OK;
    COF_TRY(copy_prefix(prompts, "query", config->query_prefix, err));
    COF_TRY(copy_prefix(prompts, "passage", config->passage_prefix, err));
    return copy_prefix(prompts, "document", config->passage_prefix, err);
}

static enum cof_status read_prompts_file(const char *folder, struct cof_model_config *config,
                                         struct cof_error *err)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(cof_model_file_parse_optional(folder, PROMPTS_FILE, &tree, err));
    if (tree == NULL)
        return COF_OK;
    return cof_model_file_blame(PROMPTS_FILE, read_prompts(cof_json_root(tree), config, err), err);
}

static enum cof_status read_settings(const struct cof_json *root, struct cof_model_config *config,
                                     struct cof_error *err)
{
    static const char *const keys[] = {"query_prefix", "passage_prefix", "pooling", "max_tokens",
                                       NULL};
    struct cof_text pooling = {0};
    int64_t max_tokens = 0;
    COF_TRY(cof_json_only_keys(root, keys, err));
    COF_TRY(copy_prefix(root, "query_prefix", config->query_prefix, err));
    COF_TRY(copy_prefix(root, "passage_prefix", config->passage_prefix, err));
    COF_TRY(cof_json_get_text(root, "pooling", &pooling, err));
    COF_TRY(cof_json_get_integer(root, "max_tokens", 2, (int64_t)config->max_positions, &max_tokens,
                                 err));
    if (cof_text_equal(pooling, COF_TEXT("cls")))
        config->pooling = COF_POOLING_CLS;
    else if (cof_text_equal(pooling, COF_TEXT("mean")))
        config->pooling = COF_POOLING_MEAN;
    else if (pooling.size > 0)
        return COF_FAIL(err, COF_INVALID, "'pooling' must be either 'cls' or 'mean'");
    if (max_tokens > 0)
        config->max_tokens = (size_t)max_tokens;
    return COF_OK;
}

static enum cof_status read_settings_file(const char *folder, struct cof_model_config *config,
                                          struct cof_error *err)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(cof_model_file_parse_optional(folder, SETTINGS_FILE, &tree, err));
    if (tree == NULL)
        return COF_OK;
    return cof_model_file_blame(SETTINGS_FILE, read_settings(cof_json_root(tree), config, err),
                                err);
}

const char *cof_pooling_name(enum cof_pooling pooling)
{
    return pooling == COF_POOLING_CLS ? "cls" : "mean";
}

enum cof_status cof_model_config_read(const char *folder, struct cof_model_config *out_config,
                                      struct cof_error *err)
{
    struct cof_model_config config = {.pooling = COF_POOLING_MEAN};
    COF_TRY(read_config_file(folder, &config, err));
    COF_TRY(read_pooling_files(folder, &config, err));
    COF_TRY(read_lengths(folder, &config, err));
    COF_TRY(read_prompts_file(folder, &config, err));
    COF_TRY(read_settings_file(folder, &config, err));
    *out_config = config;
    return COF_OK;
}
