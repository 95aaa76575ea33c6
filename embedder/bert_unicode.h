/* Character classes as the published BERT tokenizers have them. Any thread. */
#ifndef COF_EMBEDDER_BERT_UNICODE_H
#define COF_EMBEDDER_BERT_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

/* Controls but tab, line feed and carriage return; formats; private use; U+0000 and U+FFFD. */
bool cof_bert_unicode_is_dropped(uint32_t code_point);
bool cof_bert_unicode_is_mark(uint32_t code_point);
bool cof_bert_unicode_is_punctuation(uint32_t code_point);
bool cof_bert_unicode_is_chinese(uint32_t code_point);

#endif
