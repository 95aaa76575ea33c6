/* The tokenizer of a model folder, whichever of the known kinds it is. */
#ifndef COF_EMBEDDER_TOKENIZER_OPEN_H
#define COF_EMBEDDER_TOKENIZER_OPEN_H

#include <cof/base/status.h>

#include "model_config.h"
#include "tokenizer.h"

/* Sentencepiece (sentencepiece.bpe.model, tokenizer.model or spiece.model) for XLM-RoBERTa, and for
 * BERT where there is neither tokenizer.json nor vocab.txt; WordPiece otherwise. COF_NOT_FOUND when
 * there is no such file; COF_INVALID and COF_CORRUPT name file and field. */
COF_MUST_USE enum cof_status cof_tokenizer_open(const char *folder, enum cof_model_family family,
                                                struct cof_tokenizer **out_tokenizer,
                                                struct cof_error *err);

#endif
