/* Any bytes as one of a model folder's small JSON files: refused, or settings that an encoder can
 * be made with. The first byte says which file; the others are good. */
#include "model_config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzzing.h"

#define GOOD                                                                                       \
    "{\"model_type\":\"bert\",\"hidden_size\":32,\"num_hidden_layers\":2,"                         \
    "\"num_attention_heads\":4,\"intermediate_size\":48,\"vocab_size\":50,"                        \
    "\"max_position_embeddings\":40}"

static const char *const NAMES[] = {
    "config.json",
    "modules.json",
    "1_Pooling/config.json",
    "coffer.settings.json",
    "tokenizer_config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
};

static char folder[96];

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void path_of(const char *name, char out_path[128])
{
    (void)snprintf(out_path, 128, "%s/%s", folder, name);
}

static void put(const char *name, const void *bytes, size_t size)
{
    char path[128];
    path_of(name, path);
    FILE *file = fopen(path, "wb");
    require(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

static void remove_folder(void)
{
    char path[128];
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        path_of(NAMES[i], path);
        (void)remove(path);
    }
    path_of("1_Pooling", path);
    (void)rmdir(path);
    (void)rmdir(folder);
}

static void make_folder(void)
{
    char path[128];
    const char *root = getenv("TMPDIR");
    if (root == NULL || root[0] == '\0' || strlen(root) > 64)
        root = "/tmp";
    (void)snprintf(folder, sizeof(folder), "%s/coffer-fuzz-XXXXXX", root);
    require(mkdtemp(folder) != NULL);
    path_of("1_Pooling", path);
    require(mkdir(path, 0700) == 0);
    put("config.json", GOOD, sizeof(GOOD) - 1);
    require(atexit(remove_folder) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_made;
    struct cof_model_config config;
    if (size == 0)
        return 0;
    if (!is_made)
        make_folder();
    is_made = true;
    const char *name = NAMES[data[0] % (sizeof(NAMES) / sizeof(NAMES[0]))];
    char path[128];
    path_of(name, path);
    put(name, data + 1, size - 1);
    if (cof_model_config_read(folder, &config, NULL) == COF_OK) {
        require(config.head_count > 0 && config.hidden_size % config.head_count == 0);
        require(config.max_tokens >= 2 && config.max_tokens <= config.max_positions);
        require(config.layer_count > 0 && config.vocabulary_size > 0);
        require(memchr(config.query_prefix, 0, sizeof(config.query_prefix)) != NULL);
        require(memchr(config.passage_prefix, 0, sizeof(config.passage_prefix)) != NULL);
    }
    require(remove(path) == 0);
    if (strcmp(name, "config.json") == 0)
        put(name, GOOD, sizeof(GOOD) - 1);
    return 0;
}
