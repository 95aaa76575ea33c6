/* Picks a tokenizer by the model's family and the files that are there. */
#include "tokenizer_open.h"

#include <stddef.h>

#include "model_file.h"
#include "sentencepiece.h"
#include "wordpiece.h"

/* NULL when there is none. */
static const char *find_sentencepiece(const char *folder)
{
    static const char *const names[] = {"sentencepiece.bpe.model", "tokenizer.model",
                                        "spiece.model"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (cof_model_file_exists(folder, names[i]))
            return names[i];
    }
    return NULL;
}

enum cof_status cof_tokenizer_open(const char *folder, enum cof_model_family family,
                                   struct cof_tokenizer **out_tokenizer, struct cof_error *err)
{
    const char *name = find_sentencepiece(folder);
    if (family == COF_MODEL_XLM_ROBERTA) {
        if (name == NULL)
            return COF_FAIL(err, COF_NOT_FOUND,
                            "%.120s has no sentencepiece.bpe.model, which an XLM-RoBERTa model "
                            "needs",
                            folder);
        return cof_sentencepiece_open(folder, name, COF_SENTENCEPIECE_XLM_R, out_tokenizer, err);
    }
    bool has_wordpiece = cof_model_file_exists(folder, "tokenizer.json") ||
                         cof_model_file_exists(folder, "vocab.txt");
    if (name != NULL && !has_wordpiece)
        return cof_sentencepiece_open(folder, name, COF_SENTENCEPIECE_OWN, out_tokenizer, err);
    return cof_wordpiece_open(folder, out_tokenizer, err);
}
