/* Reads a WordPiece tokenizer from the files that models are published with. */
#include "wordpiece.h"

#include <string.h>

#include <cof/base/arena.h>
#include <cof/base/file.h>
#include <cof/base/json.h>

#include "model_file.h"

#define MAX_FILE_BYTES ((size_t)64 << 20)
#define MAX_TOKEN_COUNT 4000000
#define DEFAULT_WORD_CHARS 100

static const struct cof_json_limits JSON_LIMITS = {
    .max_bytes = MAX_FILE_BYTES, .max_depth = 16, .max_nodes = MAX_TOKEN_COUNT + 100000};

static bool has_type(const struct cof_json *object, const char *type)
{
    return cof_text_equal(cof_json_text(cof_json_find(object, "type")), cof_text_from(type));
}

/* null means "as lowercase says". */
static enum cof_status read_strip_accents(const struct cof_json *object,
                                          struct cof_bert_normalizer_options *rules,
                                          struct cof_error *err)
{
    rules->strip_accents = rules->lowercase;
    return cof_json_get_bool(object, "strip_accents", &rules->strip_accents, err);
}

static enum cof_status read_rules(const struct cof_json *root,
                                  struct cof_bert_normalizer_options *rules, struct cof_error *err)
{
    const struct cof_json *normalizer = NULL;
    const struct cof_json *pre_tokenizer = NULL;
    COF_TRY(cof_json_get_object(root, "normalizer", &normalizer, err));
    COF_TRY(cof_json_get_object(root, "pre_tokenizer", &pre_tokenizer, err));
    if (!has_type(normalizer, "BertNormalizer"))
        return COF_FAIL(err, COF_INVALID, "'normalizer' must be of type 'BertNormalizer'");
    if (!has_type(pre_tokenizer, "BertPreTokenizer"))
        return COF_FAIL(err, COF_INVALID, "'pre_tokenizer' must be of type 'BertPreTokenizer'");
    *rules = (struct cof_bert_normalizer_options){
        .clean_text = true, .handle_chinese_chars = true, .lowercase = true};
    COF_TRY(cof_json_get_bool(normalizer, "clean_text", &rules->clean_text, err));
    COF_TRY(
        cof_json_get_bool(normalizer, "handle_chinese_chars", &rules->handle_chinese_chars, err));
    COF_TRY(cof_json_get_bool(normalizer, "lowercase", &rules->lowercase, err));
    return read_strip_accents(normalizer, rules, err);
}

/* The name in {"SpecialToken":{"id":NAME}}; empty when the step is another. */
static struct cof_text special_name(const struct cof_json *step)
{
    return cof_json_text(cof_json_find(cof_json_find(step, "SpecialToken"), "id"));
}

/* Only "begin, text, end" around a single text. */
static enum cof_status read_template(const struct cof_json *processor,
                                     struct cof_wordpiece_options *options, struct cof_error *err)
{
    const struct cof_json *single = NULL;
    COF_TRY(cof_json_get_array(processor, "single", &single, err));
    if (single == NULL || cof_json_count(single) != 3)
        return COF_FAIL(err, COF_INVALID, "'post_processor.single' must have three steps");
    const struct cof_json *begin = cof_json_first(single);
    const struct cof_json *middle = cof_json_next(begin);
    const struct cof_json *end = cof_json_next(middle);
    options->begin_token = special_name(begin);
    options->end_token = special_name(end);
    if (options->begin_token.size == 0 || cof_json_find(middle, "Sequence") == NULL ||
        options->end_token.size == 0)
        return COF_FAIL(err, COF_INVALID,
                        "'post_processor.single' must be a special token, the text and a special "
                        "token");
    return COF_OK;
}

static enum cof_status read_post_processor(const struct cof_json *root,
                                           struct cof_wordpiece_options *options,
                                           struct cof_error *err)
{
    const struct cof_json *processor = NULL;
    COF_TRY(cof_json_get_object(root, "post_processor", &processor, err));
    if (has_type(processor, "TemplateProcessing"))
        return read_template(processor, options, err);
    if (!has_type(processor, "BertProcessing"))
        return COF_FAIL(err, COF_INVALID,
                        "'post_processor' must be of type 'TemplateProcessing' or "
                        "'BertProcessing'");
    options->begin_token = cof_json_text(cof_json_first(cof_json_find(processor, "cls")));
    options->end_token = cof_json_text(cof_json_first(cof_json_find(processor, "sep")));
    return COF_OK;
}

/* Tokens beside the model's vocabulary that text would be searched for first. */
static enum cof_status check_added_tokens(const struct cof_json *root, struct cof_error *err)
{
    const struct cof_json *added = NULL;
    COF_TRY(cof_json_get_array(root, "added_tokens", &added, err));
    for (const struct cof_json *token = cof_json_first(added); token != NULL;
         token = cof_json_next(token)) {
        bool is_special = false;
        COF_TRY(cof_json_get_bool(token, "special", &is_special, err));
        if (!is_special)
            return COF_FAIL(err, COF_INVALID,
                            "'added_tokens' has a token that is not special, which this version "
                            "does not read");
    }
    return COF_OK;
}

static enum cof_status read_vocabulary(const struct cof_json *vocabulary, struct cof_arena *arena,
                                       struct cof_wordpiece_options *options, struct cof_error *err)
{
    int64_t highest = -1;
    for (const struct cof_json *member = cof_json_first(vocabulary); member != NULL;
         member = cof_json_next(member)) {
        int64_t id = -1;
        if (!cof_json_is_whole(member, &id) || id < 0 || id >= MAX_TOKEN_COUNT)
            return COF_FAIL(err, COF_INVALID, "'model.vocab' has an id that is not in 0 … %d",
                            MAX_TOKEN_COUNT - 1);
        highest = id > highest ? id : highest;
    }
    struct cof_text *tokens = cof_arena_array(arena, (size_t)(highest + 1), sizeof(*tokens));
    if (tokens == NULL)
        return COF_FAIL_MEMORY(err);
    for (const struct cof_json *member = cof_json_first(vocabulary); member != NULL;
         member = cof_json_next(member)) {
        int64_t id = 0;
        (void)cof_json_is_whole(member, &id);
        if (tokens[id].data != NULL)
            return COF_FAIL(err, COF_INVALID, "'model.vocab' gives id %lld twice", (long long)id);
        tokens[id] = cof_json_key(member);
    }
    options->tokens = tokens;
    options->token_count = (size_t)(highest + 1);
    return COF_OK;
}

static enum cof_status read_model(const struct cof_json *root, struct cof_arena *arena,
                                  struct cof_wordpiece_options *options, struct cof_error *err)
{
    const struct cof_json *model = NULL;
    const struct cof_json *vocabulary = NULL;
    int64_t max_word_chars = DEFAULT_WORD_CHARS;
    COF_TRY(cof_json_get_object(root, "model", &model, err));
    if (model == NULL)
        return COF_FAIL(err, COF_INVALID, "'model' is required");
    /* Old files name no type. */
    if (cof_json_find(model, "type") != NULL && !has_type(model, "WordPiece"))
        return COF_FAIL(err, COF_INVALID,
                        "'model.type' is not 'WordPiece', the only tokenizer that this version "
                        "reads");
    COF_TRY(cof_json_get_object(model, "vocab", &vocabulary, err));
    if (vocabulary == NULL || cof_json_count(vocabulary) == 0)
        return COF_FAIL(err, COF_INVALID, "'model.vocab' is required");
    options->unknown_token = COF_TEXT("[UNK]");
    options->continuing_prefix = COF_TEXT("##");
    COF_TRY(cof_json_get_text(model, "unk_token", &options->unknown_token, err));
    COF_TRY(
        cof_json_get_text(model, "continuing_subword_prefix", &options->continuing_prefix, err));
    COF_TRY(cof_json_get_integer(model, "max_input_chars_per_word", 1, COF_WORDPIECE_MAX_WORD_CHARS,
                                 &max_word_chars, err));
    options->max_word_chars = (size_t)max_word_chars;
    return read_vocabulary(vocabulary, arena, options, err);
}

enum cof_status cof_wordpiece_parse_json(struct cof_text tokenizer_json,
                                         struct cof_tokenizer **out_tokenizer,
                                         struct cof_error *err)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_wordpiece_options options = {0};
    COF_TRY(cof_json_parse(tokenizer_json, &JSON_LIMITS, &tree, err));
    const struct cof_json *root = cof_json_root(tree);
    if (cof_json_type_of(root) != COF_JSON_OBJECT)
        return COF_FAIL(err, COF_INVALID, "must hold a JSON object");
    COF_TRY(read_model(root, &arena, &options, err));
    COF_TRY(read_rules(root, &options.normalizer, err));
    COF_TRY(read_post_processor(root, &options, err));
    COF_TRY(check_added_tokens(root, err));
    return cof_wordpiece_create(&options, out_tokenizer, err);
}

/* Line n is token n; an empty line is an id without a token. */
static enum cof_status split_lines(struct cof_text text, struct cof_arena *arena,
                                   struct cof_wordpiece_options *options, struct cof_error *err)
{
    size_t line_count = 0;
    for (size_t i = 0; i < text.size; i++)
        line_count += text.data[i] == '\n';
    line_count += text.size > 0 && text.data[text.size - 1] != '\n';
    if (line_count == 0 || line_count > MAX_TOKEN_COUNT)
        return COF_FAIL(err, COF_INVALID, "must have between 1 and %d lines", MAX_TOKEN_COUNT);
    struct cof_text *tokens = cof_arena_array(arena, line_count, sizeof(*tokens));
    if (tokens == NULL)
        return COF_FAIL_MEMORY(err);
    struct cof_text rest = text;
    for (size_t i = 0; i < line_count; i++) {
        (void)cof_text_split(rest, '\n', &tokens[i], &rest);
        if (cof_text_has_suffix(tokens[i], COF_TEXT("\r")))
            tokens[i].size--;
    }
    options->tokens = tokens;
    options->token_count = line_count;
    return COF_OK;
}

/* The fields of tokenizer_config.json that change tokens. */
static enum cof_status read_tokenizer_config(struct cof_text config, struct cof_json_tree **tree,
                                             struct cof_wordpiece_options *options,
                                             struct cof_error *err)
{
    options->unknown_token = COF_TEXT("[UNK]");
    options->begin_token = COF_TEXT("[CLS]");
    options->end_token = COF_TEXT("[SEP]");
    options->continuing_prefix = COF_TEXT("##");
    options->max_word_chars = DEFAULT_WORD_CHARS;
    struct cof_bert_normalizer_options *rules = &options->normalizer;
    *rules = (struct cof_bert_normalizer_options){
        .clean_text = true, .handle_chinese_chars = true, .strip_accents = true, .lowercase = true};
    if (config.size == 0)
        return COF_OK;
    COF_TRY(cof_json_parse(config, NULL, tree, err));
    const struct cof_json *root = cof_json_root(*tree);
    if (cof_json_type_of(root) != COF_JSON_OBJECT)
        return COF_FAIL(err, COF_INVALID, "must hold a JSON object");
    COF_TRY(cof_json_get_bool(root, "do_lower_case", &rules->lowercase, err));
    COF_TRY(cof_json_get_bool(root, "tokenize_chinese_chars", &rules->handle_chinese_chars, err));
    COF_TRY(cof_json_get_text(root, "unk_token", &options->unknown_token, err));
    COF_TRY(cof_json_get_text(root, "cls_token", &options->begin_token, err));
    COF_TRY(cof_json_get_text(root, "sep_token", &options->end_token, err));
    return read_strip_accents(root, rules, err);
}

enum cof_status cof_wordpiece_parse_vocabulary(struct cof_text vocabulary, struct cof_text config,
                                               struct cof_tokenizer **out_tokenizer,
                                               struct cof_error *err)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_wordpiece_options options = {0};
    size_t bad = 0;
    COF_TRY(cof_model_file_blame("tokenizer_config.json",
                                 read_tokenizer_config(config, &tree, &options, err), err));
    if (!cof_utf8_is_valid(vocabulary, &bad))
        return COF_FAIL(err, COF_INVALID, "vocab.txt: invalid UTF-8 at byte %zu", bad);
    COF_TRY(cof_model_file_blame("vocab.txt", split_lines(vocabulary, &arena, &options, err), err));
    return cof_model_file_blame("vocab.txt", cof_wordpiece_create(&options, out_tokenizer, err),
                                err);
}

static enum cof_status open_vocabulary(const char *folder, struct cof_tokenizer **out_tokenizer,
                                       struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer vocabulary = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer config = {0};
    COF_TRY(cof_model_file_read(folder, "vocab.txt", MAX_FILE_BYTES, &vocabulary, err));
    if (cof_model_file_exists(folder, "tokenizer_config.json"))
        COF_TRY(
            cof_model_file_read(folder, "tokenizer_config.json", (size_t)1 << 20, &config, err));
    return cof_wordpiece_parse_vocabulary(cof_buffer_text(&vocabulary), cof_buffer_text(&config),
                                          out_tokenizer, err);
}

enum cof_status cof_wordpiece_open(const char *folder, struct cof_tokenizer **out_tokenizer,
                                   struct cof_error *err)
{
    if (cof_model_file_exists(folder, "tokenizer.json")) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
        COF_TRY(cof_model_file_read(folder, "tokenizer.json", MAX_FILE_BYTES, &content, err));
        return cof_model_file_blame(
            "tokenizer.json",
            cof_wordpiece_parse_json(cof_buffer_text(&content), out_tokenizer, err), err);
    }
    if (cof_model_file_exists(folder, "vocab.txt"))
        return open_vocabulary(folder, out_tokenizer, err);
    return COF_FAIL(err, COF_NOT_FOUND, "%.150s has neither tokenizer.json nor vocab.txt", folder);
}
