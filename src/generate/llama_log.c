/* Starts libllama and leads its warnings and errors to the open generators' notices. */
#include "llama_log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <llama.h>

#include "llama_shim.h"

static struct {
    pthread_mutex_t lock;
    struct cof_llama_sink *newest;
    enum ggml_log_level level; /* of the line being put together */
    char line[400];
    size_t size;
    char first_error[400];
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void end_line(void)
{
    char message[sizeof(shared.line) + 16];

    shared.line[shared.size] = '\0';
    if (shared.size > 0 &&
        (shared.level == GGML_LOG_LEVEL_WARN || shared.level == GGML_LOG_LEVEL_ERROR)) {
        if (shared.level == GGML_LOG_LEVEL_ERROR && shared.first_error[0] == '\0')
            memcpy(shared.first_error, shared.line, shared.size + 1);
        (void)snprintf(message, sizeof(message), "libllama: %s", shared.line);
        if (shared.newest != NULL && shared.newest->notice != NULL)
            shared.newest->notice(shared.newest->context, message);
    }
    shared.size = 0;
}

/* Lines arrive in parts: a part of level CONT goes on with the level before it. */
static void take_log(enum ggml_log_level level, const char *text, void *context)
{
    (void)context;
    (void)pthread_mutex_lock(&shared.lock);
    if (level != GGML_LOG_LEVEL_CONT)
        shared.level = level;
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            end_line();
        else if (shared.size + 1 < sizeof(shared.line))
            shared.line[shared.size++] = *text;
    }
    (void)pthread_mutex_unlock(&shared.lock);
}

/* An assertion of libllama's has failed and the process ends after this. By default it would also
 * start a debugger on itself. */
static void take_last_words(const char *message)
{
    take_log(GGML_LOG_LEVEL_ERROR, message, NULL);
    take_log(GGML_LOG_LEVEL_CONT, "\n", NULL);
}

static void start(void)
{
    llama_log_set(take_log, NULL);
    (void)ggml_set_abort_callback(take_last_words);
    cof_llama_shim_start();
}

void cof_llama_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, start);
}

void cof_llama_sink_add(struct cof_llama_sink *sink)
{
    (void)pthread_mutex_lock(&shared.lock);
    sink->next = shared.newest;
    shared.newest = sink;
    shared.first_error[0] = '\0';
    (void)pthread_mutex_unlock(&shared.lock);
}

void cof_llama_sink_remove(struct cof_llama_sink *sink)
{
    (void)pthread_mutex_lock(&shared.lock);
    for (struct cof_llama_sink **link = &shared.newest; *link != NULL; link = &(*link)->next) {
        if (*link == sink) {
            *link = sink->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&shared.lock);
}

void cof_llama_first_error(char *out_message, size_t size)
{
    (void)pthread_mutex_lock(&shared.lock);
    (void)snprintf(out_message, size, "%s", shared.first_error);
    (void)pthread_mutex_unlock(&shared.lock);
}
