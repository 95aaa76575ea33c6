/* A whole language model of a few thousand random weights, written as GGUF: real enough for
 * libllama to run it, small enough for every sanitizer.
 *
 * Its vocabulary is SentencePiece-like: control tokens, all bytes, letters, and on purpose the
 * pieces
 * "<" and "s>", which its merges join into the control token "<s>". What it writes is nonsense. */
#ifndef COF_TESTS_UNIT_GENERATE_TINY_GGUF_H
#define COF_TESTS_UNIT_GENERATE_TINY_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/buffer.h>

struct tiny_gguf {
    uint32_t version;          /* 0 = 3 */
    uint32_t alignment;        /* 0 = not written (32) */
    uint32_t context_length;   /* 0 = 256 */
    uint32_t block_count;      /* 0 = 1 */
    const char *architecture;  /* NULL = "llama" */
    const char *tokenizer;     /* NULL = "llama" */
    const char *chat_template; /* NULL = none */
    bool is_user_defined;      /* the control tokens of ChatML are there, as user-defined tokens */
    bool never_ends;           /* the end token is as unlikely as can be */
};

enum { TINY_UNK = 0, TINY_BOS = 1, TINY_EOS = 2, TINY_FIRST_BYTE = 3 };

/* Appends the file to `out`. Ends the program when out of memory. */
void tiny_gguf_write(const struct tiny_gguf *options, struct cof_buffer *out);
/* Writes it to a file in `folder` and its path to `out_path` (TEMP_DIR_PATH_SIZE bytes). */
void tiny_gguf_save(const struct tiny_gguf *options, const char *folder, char *out_path);

/* Parts of a file, for tests that bend them. */
void gguf_put_number(struct cof_buffer *out, uint64_t value, size_t size);
void gguf_put_string(struct cof_buffer *out, const char *text);
void gguf_put_key(struct cof_buffer *out, const char *key, uint32_t type);

#endif
