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
    struct cof_llama_hold *holds;
    bool is_ending;            /* an assertion failed: nothing is held back any more */
    enum ggml_log_level level; /* of the line being put together */
    char line[400];
    size_t size;
    char first_error[400];
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void pass_on(const char *line)
{
    char message[sizeof(shared.line) + 16];

    (void)snprintf(message, sizeof(message), "libllama: %s", line);
    if (shared.newest != NULL && shared.newest->notice != NULL)
        shared.newest->notice(shared.newest->context, message);
}

static struct cof_llama_hold *hold_of_this_thread(void)
{
    struct cof_llama_hold *hold = shared.holds;

    while (hold != NULL && !pthread_equal(hold->thread, pthread_self()))
        hold = hold->next;
    return hold;
}

/* Passes on the lines of a hold. */
static void release(struct cof_llama_hold *hold)
{
    char *line = hold->lines;

    for (size_t i = 0; i < hold->size; i++) {
        if (hold->lines[i] != '\n')
            continue;
        hold->lines[i] = '\0';
        pass_on(line);
        line = hold->lines + i + 1;
    }
    hold->size = 0;
}

static void end_line(void)
{
    struct cof_llama_hold *hold = shared.is_ending ? NULL : hold_of_this_thread();

    shared.line[shared.size] = '\0';
    if (shared.size > 0 &&
        (shared.level == GGML_LOG_LEVEL_WARN || shared.level == GGML_LOG_LEVEL_ERROR)) {
        if (hold == NULL && shared.level == GGML_LOG_LEVEL_ERROR && shared.first_error[0] == '\0')
            memcpy(shared.first_error, shared.line, shared.size + 1);
        if (hold == NULL) {
            pass_on(shared.line);
        } else if (shared.size + 1 <= sizeof(hold->lines) - hold->size) {
            memcpy(hold->lines + hold->size, shared.line, shared.size);
            hold->size += shared.size;
            hold->lines[hold->size++] = '\n';
        }
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
    (void)pthread_mutex_lock(&shared.lock);
    shared.is_ending = true;
    for (struct cof_llama_hold *hold = shared.holds; hold != NULL; hold = hold->next)
        release(hold);
    (void)pthread_mutex_unlock(&shared.lock);
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

void cof_llama_hold_begin(struct cof_llama_hold *hold)
{
    hold->thread = pthread_self();
    hold->size = 0;
    (void)pthread_mutex_lock(&shared.lock);
    hold->next = shared.holds;
    shared.holds = hold;
    (void)pthread_mutex_unlock(&shared.lock);
}

void cof_llama_hold_end(struct cof_llama_hold *hold, bool must_forget)
{
    (void)pthread_mutex_lock(&shared.lock);
    for (struct cof_llama_hold **link = &shared.holds; *link != NULL; link = &(*link)->next) {
        if (*link == hold) {
            *link = hold->next;
            break;
        }
    }
    if (!must_forget)
        release(hold);
    (void)pthread_mutex_unlock(&shared.lock);
}

void cof_llama_first_error(char *out_message, size_t size)
{
    (void)pthread_mutex_lock(&shared.lock);
    (void)snprintf(out_message, size, "%s", shared.first_error);
    (void)pthread_mutex_unlock(&shared.lock);
}
