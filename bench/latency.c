/* A question's latency while ingestion saturates every core, against the same when it is alone.
 *
 *   bench_latency --model FOLDER --threads N [--questions COUNT]
 *
 * Questions are asked one after the other with a pause between them, as people do; then again with
 * as many bulk callers as threads, each of which embeds batches of passages without end; and then
 * with more questions at a time. One JSON object a case. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cof/base/clock.h>
#include <cof/base/pool.h>
#include <cof/base/text.h>
#include <cof/embedder/bert.h>

enum { BULK_TEXTS = 64, BULK_WORDS = 170, BULK_SIZE = 2048, QUESTION_SIZE = 256, MAX_ASKERS = 8 };

static const char *const WORDS[] = {
    "annual",  "leave", "of",     "the",     "staff",  "in",       "dublin",  "is",    "twenty",
    "five",    "days",  "and",    "unused",  "expire", "march",    "policy",  "says",  "that",
    "payment", "terms", "follow", "invoice", "vendor", "security", "gateway", "token", "protein",
    "cell",    "study", "shows",  "effect",  "dose",   "patients", "risk",    "lower", "than"};
enum { WORD_COUNT = sizeof(WORDS) / sizeof(WORDS[0]) };

struct bench {
    struct cof_pool *pool;
    struct cof_embedder *embedder;
    size_t thread_count;
    size_t question_count;
    char bulk_bytes[BULK_TEXTS][BULK_SIZE];
    struct cof_text bulk[BULK_TEXTS];
    atomic_bool must_stop;
    atomic_size_t bulk_tokens;
};

struct asker {
    struct bench *bench;
    double *latencies_ms;
    size_t count;
    uint64_t seed;
};

static size_t write_words(char *out, size_t size, size_t word_count, uint64_t *seed)
{
    size_t used = 0;
    for (size_t i = 0; i < word_count; i++) {
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int length = snprintf(out + used, size - used, "%s ", WORDS[(*seed >> 33) % WORD_COUNT]);
        if (length < 0 || (size_t)length >= size - used) {
            break;
        }
        used += (size_t)length;
    }
    return used;
}

static void *ingest(void *argument)
{
    struct bench *bench = argument;
    size_t token_counts[BULK_TEXTS];
    float *vectors = calloc(BULK_TEXTS * bench->embedder->info.dimension, sizeof(*vectors));
    while (vectors != NULL && !atomic_load(&bench->must_stop)) {
        struct cof_error error = {0};
        if (cof_embedder_embed(bench->embedder, COF_EMBED_PASSAGE, bench->bulk, BULK_TEXTS, NULL,
                               vectors, token_counts, &error) != COF_OK) {
            (void)fprintf(stderr, "bench_latency: %s\n", error.message);
            break;
        }
        for (size_t i = 0; i < BULK_TEXTS; i++) {
            atomic_fetch_add(&bench->bulk_tokens, token_counts[i]);
        }
    }
    free(vectors);
    return NULL;
}

static void *ask(void *argument)
{
    struct asker *asker = argument;
    const struct timespec pause = {.tv_nsec = 5000000};
    float *vector = calloc(asker->bench->embedder->info.dimension, sizeof(*vector));
    char bytes[QUESTION_SIZE];
    for (asker->count = 0; vector != NULL && asker->count < asker->bench->question_count;
         asker->count++) {
        struct cof_text text = {.data = bytes};
        struct cof_error error = {0};
        text.size = write_words(bytes, sizeof(bytes), 10 + asker->count % 9, &asker->seed);
        (void)nanosleep(&pause, NULL);
        int64_t begin = cof_clock_steady_ns(cof_clock_system());
        if (cof_embedder_embed(asker->bench->embedder, COF_EMBED_QUERY, &text, 1, NULL, vector,
                               NULL, &error) != COF_OK) {
            (void)fprintf(stderr, "bench_latency: %s\n", error.message);
            break;
        }
        int64_t end = cof_clock_steady_ns(cof_clock_system());
        asker->latencies_ms[asker->count] = (double)(end - begin) * 1e-6;
    }
    free(vector);
    return NULL;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Runs one case; the sorted latencies are in `latencies_ms`, their number is returned. */
static size_t measure(struct bench *bench, const char *name, size_t asker_count, bool has_bulk,
                      double *latencies_ms)
{
    pthread_t bulk[64];
    pthread_t threads[MAX_ASKERS];
    struct asker askers[MAX_ASKERS];
    size_t bulk_count = has_bulk ? bench->thread_count : 0;
    size_t count = 0;
    atomic_store(&bench->must_stop, false);
    atomic_store(&bench->bulk_tokens, 0);
    int64_t begin = cof_clock_steady_ns(cof_clock_system());
    for (size_t i = 0; i < bulk_count; i++) {
        (void)pthread_create(&bulk[i], NULL, ingest, bench);
    }
    for (size_t i = 0; i < asker_count; i++) {
        askers[i] = (struct asker){.bench = bench,
                                   .latencies_ms = latencies_ms + i * bench->question_count,
                                   .seed = i + 1};
        (void)pthread_create(&threads[i], NULL, ask, &askers[i]);
    }
    for (size_t i = 0; i < asker_count; i++) {
        (void)pthread_join(threads[i], NULL);
        memmove(latencies_ms + count, askers[i].latencies_ms,
                askers[i].count * sizeof(*latencies_ms));
        count += askers[i].count;
    }
    atomic_store(&bench->must_stop, true);
    for (size_t i = 0; i < bulk_count; i++) {
        (void)pthread_join(bulk[i], NULL);
    }
    int64_t end = cof_clock_steady_ns(cof_clock_system());
    qsort(latencies_ms, count, sizeof(*latencies_ms), compare_doubles);
    if (count > 0) {
        printf("{\"case\":\"%s\",\"threads\":%zu,\"questions\":%zu,\"p50_ms\":%.3f,"
               "\"p95_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"bulk_tokens_per_second\":%.0f}\n",
               name, bench->thread_count, count, latencies_ms[count / 2],
               latencies_ms[count * 95 / 100], latencies_ms[count * 99 / 100],
               latencies_ms[count - 1],
               (double)atomic_load(&bench->bulk_tokens) / ((double)(end - begin) * 1e-9));
        (void)fflush(stdout);
    }
    return count;
}

static enum cof_status open_embedder(struct bench *bench, const char *folder, struct cof_error *err)
{
    const struct cof_pool_options pool = {
        .name = "cof-bench", .thread_count = bench->thread_count - 1, .max_queue_count = 4096};
    COF_TRY(cof_pool_create(&pool, &bench->pool, err));
    const struct cof_bert_options options = {
        .folder = folder, .pool = bench->pool, .batch_window_ms = 2};
    COF_TRY(cof_bert_open(&options, &bench->embedder, err));
    uint64_t seed = 1;
    for (size_t i = 0; i < BULK_TEXTS; i++) {
        size_t size = write_words(bench->bulk_bytes[i], BULK_SIZE, BULK_WORDS, &seed);
        bench->bulk[i] = (struct cof_text){.data = bench->bulk_bytes[i], .size = size};
    }
    return COF_OK;
}

static enum cof_status run(struct bench *bench, int argc, char **argv, struct cof_error *err)
{
    uint64_t threads = 0;
    uint64_t questions = 300;
    bool is_good =
        argc >= 5 && strcmp(argv[1], "--model") == 0 && strcmp(argv[3], "--threads") == 0 &&
        cof_text_parse_u64(cof_text_from(argv[4]), &threads) && threads > 0 && threads <= 64;
    if (is_good && argc == 7 && strcmp(argv[5], "--questions") == 0) {
        is_good = cof_text_parse_u64(cof_text_from(argv[6]), &questions) && questions > 0;
    }
    if (!is_good) {
        return COF_FAIL(err, COF_INVALID,
                        "usage: bench_latency --model FOLDER --threads N [--questions COUNT]");
    }
    bench->thread_count = (size_t)threads;
    bench->question_count = (size_t)questions;
    COF_TRY(open_embedder(bench, argv[2], err));
    double *latencies_ms = calloc(bench->question_count * MAX_ASKERS, sizeof(*latencies_ms));
    if (latencies_ms == NULL) {
        return COF_FAIL(err, COF_NO_MEMORY, "no memory for %zu questions", bench->question_count);
    }
    (void)measure(bench, "idle", 1, false, latencies_ms);
    (void)measure(bench, "beside-ingestion", 1, true, latencies_ms);
    (void)measure(bench, "eight-idle", 8, false, latencies_ms);
    (void)measure(bench, "eight-beside-ingestion", 8, true, latencies_ms);
    free(latencies_ms);
    return COF_OK;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct cof_error error = {0};
    enum cof_status status = run(&bench, argc, argv, &error);
    if (status != COF_OK) {
        (void)fprintf(stderr, "bench_latency: %s\n", error.message);
    }
    cof_embedder_close(bench.embedder);
    cof_pool_destroy(bench.pool);
    return status == COF_OK ? 0 : 1;
}
