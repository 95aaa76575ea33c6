/* Opens the files of a model folder in an order that finds the cheapest mistake first. */
#include "bert_model.h"

#include <stdio.h>

#include <cof/base/file.h>
#include <cof/base/text.h>

#include "kernels.h"
#include "tokenizer_open.h"

enum cof_status cof_bert_model_init(struct cof_bert_model *model, const char *folder,
                                    enum cof_precision precision, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    *model = (struct cof_bert_model){0};
    if (!cof_path_is_folder(folder))
        return COF_FAIL(err, COF_NOT_FOUND, "there is no model folder %.180s", folder);
    COF_TRY(cof_model_config_read(folder, &model->config, err));
    COF_TRY(cof_tokenizer_open(folder, model->config.family, &model->tokenizer, err));
    size_t token_count = model->tokenizer->token_count;
    if (token_count > model->config.vocabulary_size)
        return COF_FAIL(err, COF_INVALID,
                        "the tokenizer has ids up to %zu, but config.json's 'vocab_size' is %zu",
                        token_count - 1, model->config.vocabulary_size);
    COF_TRY(cof_path_join(path, folder, "model.safetensors", err));
    COF_TRY(cof_safetensors_open(path, &model->file, err));
    return cof_bert_weights_create(model->file, &model->config, precision, cof_kernels_pick(),
                                   &model->weights, err);
}

void cof_bert_model_release_file(struct cof_bert_model *model)
{
    cof_safetensors_close(model->file);
    model->file = NULL;
}

void cof_bert_model_deinit(struct cof_bert_model *model)
{
    cof_bert_model_release_file(model);
    cof_bert_weights_destroy(model->weights);
    cof_tokenizer_close(model->tokenizer);
    *model = (struct cof_bert_model){0};
}

void cof_bert_model_name(const char *folder, const char *name,
                         char out_name[COF_BERT_MAX_NAME_BYTES])
{
    struct cof_text text = cof_text_from(name);
    if (name == NULL) {
        text = cof_text_from(folder);
        while (text.size > 1 && text.data[text.size - 1] == '/')
            text.size--;
        size_t begin = text.size;
        while (begin > 0 && text.data[begin - 1] != '/')
            begin--;
        text = cof_text_slice(text, begin, text.size);
    }
    (void)snprintf(out_name, COF_BERT_MAX_NAME_BYTES, "%.*s", COF_TEXT_ARG(text));
}
