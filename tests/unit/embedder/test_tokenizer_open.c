/* Which tokenizer a folder has, by family and files. */
#include "tokenizer_open.h"

#include <string.h>

#include <cof/base/buffer.h>
#include <cof/base/file.h>

#include "temp_dir.h"
#include "testing.h"
#include "tiny_model.h"

#define SMALL COF_SOURCE_DIR "/tests/unit/embedder/sentencepiece"

static void copy_model(const char *folder, const char *name)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    assert_int_equal(cof_file_read(SMALL "/unigram.model", 1 << 20, &content, NULL), COF_OK);
    tiny_model_put(folder, name, content.data, content.size);
}

static void assert_opens(const char *folder, enum cof_model_family family, const char *kind,
                         uint32_t begin_id)
{
    struct cof_tokenizer *tokenizer = NULL;
    struct cof_error err = {0};
    if (cof_tokenizer_open(folder, family, &tokenizer, &err) != COF_OK)
        fail_msg("%s", err.message);
    assert_string_equal(tokenizer->ops->name, kind);
    assert_int_equal(tokenizer->begin_id, begin_id);
    cof_tokenizer_close(tokenizer);
}

static void assert_fails(const char *folder, enum cof_model_family family, enum cof_status expected,
                         const char *reason)
{
    struct cof_tokenizer *tokenizer = NULL;
    struct cof_error err = {0};
    assert_int_equal(cof_tokenizer_open(folder, family, &tokenizer, &err), expected);
    if (strstr(err.message, reason) == NULL)
        fail_msg("%s", err.message);
    assert_null(tokenizer);
}

static void open__picks_by_family_and_files(void **state)
{
    static const char *const names[] = {"spiece.model", "tokenizer.model",
                                        "sentencepiece.bpe.model"};
    char folder[TEMP_DIR_PATH_SIZE];
    temp_dir_create(folder);
    assert_fails(folder, COF_MODEL_BERT, COF_NOT_FOUND, "vocab.txt");
    assert_fails(folder, COF_MODEL_XLM_ROBERTA, COF_NOT_FOUND, "sentencepiece.bpe.model");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        copy_model(folder, names[i]);
        assert_opens(folder, COF_MODEL_BERT, "sentencepiece", 1);
        assert_opens(folder, COF_MODEL_XLM_ROBERTA, "sentencepiece", 0);
        tiny_model_delete(folder, names[i]);
    }
    copy_model(folder, "sentencepiece.bpe.model");
    tiny_model_put_text(folder, "vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\n");
    assert_opens(folder, COF_MODEL_BERT, "wordpiece", 1);
    assert_opens(folder, COF_MODEL_XLM_ROBERTA, "sentencepiece", 0);
    temp_dir_remove(folder);
}

static void open__names_the_file_that_is_wrong(void **state)
{
    char folder[TEMP_DIR_PATH_SIZE];
    temp_dir_create(folder);
    tiny_model_put_text(folder, "tokenizer.model", "x");
    assert_fails(folder, COF_MODEL_XLM_ROBERTA, COF_CORRUPT, "tokenizer.model: ");
    temp_dir_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open__picks_by_family_and_files),
        cmocka_unit_test(open__names_the_file_that_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
