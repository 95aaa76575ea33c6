/* libllama's own process-wide state: started once, and its warnings led to a notice.
 *
 * libllama logs through one callback for the whole process. A line goes to the sink that was added
 * last and is still there, which during loading is the one being loaded; without a sink it is
 * dropped. Nothing of libllama reaches stderr, not even the last words of a failed assertion. */
#ifndef COF_GENERATE_LLAMA_LOG_H
#define COF_GENERATE_LLAMA_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <cof/base/status.h>

struct cof_llama_sink {
    cof_notice_fn notice; /* may be NULL */
    void *context;
    struct cof_llama_sink *next; /* of the registry */
};

/* Starts libllama at the first call. Any thread. */
void cof_llama_start(void);

/* The sink is borrowed until removed; after remove its notice is not called again. The notice must
 * not open or close a generator. */
void cof_llama_sink_add(struct cof_llama_sink *sink);
void cof_llama_sink_remove(struct cof_llama_sink *sink);

/* What libllama says on this thread is held back from begin to end, and then either passed on or
 * forgotten: a generation that is stopped on purpose it reports as errors. Last words of a failed
 * assertion are never held back. The hold is borrowed between the two; one a thread. */
struct cof_llama_hold {
    pthread_t thread;
    char lines[1024]; /* each ended by a newline; what comes when it is full is dropped */
    size_t size;
    struct cof_llama_hold *next; /* of the registry */
};
void cof_llama_hold_begin(struct cof_llama_hold *hold);
void cof_llama_hold_end(struct cof_llama_hold *hold, bool must_forget);

/* The first error that libllama logged since the newest sink was added, or ""; the ones after it
 * only say that the call failed. */
void cof_llama_first_error(char *out_message, size_t size);

#endif
