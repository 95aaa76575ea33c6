/* A generator that says what the test tells it to, one byte group at a time, and remembers what it
 * was asked. */
#ifndef COF_TESTS_SCRIPTED_GENERATOR_H
#define COF_TESTS_SCRIPTED_GENERATOR_H

#include <cof/generate/generator.h>

struct scripted_generator {
    struct cof_generator generator;
    const char *script; /* what it says */
    size_t piece_size;  /* bytes per piece */
    size_t call_count;
    size_t said;        /* bytes handed over in the last call */
    char prompt[16384]; /* all messages of the last call, "role: content\n" */
};

/* 4 bytes are a token; the context is 4096 tokens. */
void scripted_generator_init(struct scripted_generator *scripted, const char *script);

#endif
