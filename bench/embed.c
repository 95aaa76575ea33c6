/* The embedder under the clock: one process that bench/embed.py asks for one pass at a time.
 *
 *   bench_embed --model FOLDER --threads N --precision auto|f32|bf16|int8 CASE=TEXTS.jsonl…
 *
 * Every line of a texts file is one JSON string. Commands come on standard input, one a line, and
 * each is answered by one line of JSON, so that rounds of a peer can alternate with ours:
 *
 *   pass CASE           all texts in one call, from text to unit vectors
 *   single CASE         the same texts one a call, as a server sees questions
 *   vectors CASE FILE   writes the vectors, float32 in the machine's order, for comparison */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cof/base/buffer.h>
#include <cof/base/clock.h>
#include <cof/base/file.h>
#include <cof/base/json.h>
#include <cof/base/pool.h>
#include <cof/embedder/bert.h>
#include <cof/embedder/embedder.h>

#define MAX_CASES 8
#define MAX_FILE_BYTES (UINT64_C(1) << 30)

struct text_case {
    const char *name;
    struct cof_buffer bytes; /* the unescaped texts, one after the other */
    size_t *ends;            /* of each text in bytes */
    struct cof_text *texts;
    size_t count;
    float *vectors;
    size_t *token_counts;
    double *latencies_ms;
};

struct bench {
    struct cof_pool *pool;
    struct cof_embedder *embedder;
    struct text_case cases[MAX_CASES];
    size_t case_count;
};

/* Appends the text of one line; its view is made when the buffer has stopped moving. */
static enum cof_status add_text(struct text_case *test, struct cof_text line, struct cof_error *err)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    COF_TRY(cof_json_parse(line, NULL, &tree, err));
    const struct cof_json *root = cof_json_root(tree);
    if (cof_json_type_of(root) != COF_JSON_STRING) {
        return COF_FAIL(err, COF_INVALID, "text %zu is not a JSON string", test->count);
    }
    cof_buffer_append_text(&test->bytes, cof_json_text(root));
    test->ends[test->count++] = test->bytes.size;
    return cof_buffer_status(&test->bytes, err);
}

static size_t count_lines(struct cof_text text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.size; i++) {
        count += text.data[i] == '\n';
    }
    return count;
}

static enum cof_status read_case(struct bench *bench, char *argument, struct cof_error *err)
{
    char *equals = strchr(argument, '=');
    if (equals == NULL || bench->case_count == MAX_CASES) {
        return COF_FAIL(err, COF_INVALID, "expected CASE=FILE, got %s", argument);
    }
    *equals = '\0';
    struct text_case *test = &bench->cases[bench->case_count++];
    test->name = argument;

    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    COF_TRY(cof_file_read(equals + 1, MAX_FILE_BYTES, &file, err));
    struct cof_text rest = cof_buffer_text(&file);
    size_t room = count_lines(rest);
    test->ends = calloc(room, sizeof(*test->ends));
    if (test->ends == NULL) {
        return COF_FAIL(err, COF_NO_MEMORY, "no memory for %zu texts", room);
    }
    struct cof_text line;
    while (rest.size > 0) {
        (void)cof_text_split(rest, '\n', &line, &rest);
        COF_TRY(add_text(test, line, err));
    }

    size_t dimension = bench->embedder->info.dimension;
    test->texts = calloc(room, sizeof(*test->texts));
    test->vectors = calloc(room * dimension, sizeof(*test->vectors));
    test->token_counts = calloc(room, sizeof(*test->token_counts));
    test->latencies_ms = calloc(room, sizeof(*test->latencies_ms));
    if (test->texts == NULL || test->vectors == NULL || test->token_counts == NULL ||
        test->latencies_ms == NULL) {
        return COF_FAIL(err, COF_NO_MEMORY, "no memory for %zu texts", room);
    }
    for (size_t i = 0; i < test->count; i++) {
        size_t begin = i == 0 ? 0 : test->ends[i - 1];
        test->texts[i] = cof_text_slice(cof_buffer_text(&test->bytes), begin, test->ends[i]);
    }
    return COF_OK;
}

/* Processor time of all threads: what a machine shared with others does not distort. */
static int64_t cpu_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static size_t sum_tokens(const struct text_case *test)
{
    size_t sum = 0;
    for (size_t i = 0; i < test->count; i++) {
        sum += test->token_counts[i];
    }
    return sum;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static enum cof_status run_pass(struct bench *bench, struct text_case *test, struct cof_error *err)
{
    int64_t start_cpu = cpu_ns();
    int64_t start = cof_clock_steady_ns(cof_clock_system());
    COF_TRY(cof_embedder_embed(bench->embedder, COF_EMBED_PASSAGE, test->texts, test->count, NULL,
                               test->vectors, test->token_counts, err));
    int64_t end = cof_clock_steady_ns(cof_clock_system());
    printf("{\"seconds\":%.9f,\"cpu_seconds\":%.9f,\"tokens\":%zu}\n", (double)(end - start) * 1e-9,
           (double)(cpu_ns() - start_cpu) * 1e-9, sum_tokens(test));
    return COF_OK;
}

static enum cof_status run_single(struct bench *bench, struct text_case *test,
                                  struct cof_error *err)
{
    size_t dimension = bench->embedder->info.dimension;
    int64_t start = cof_clock_steady_ns(cof_clock_system());
    int64_t before = start;
    for (size_t i = 0; i < test->count; i++) {
        COF_TRY(cof_embedder_embed(bench->embedder, COF_EMBED_QUERY, &test->texts[i], 1, NULL,
                                   test->vectors + i * dimension, &test->token_counts[i], err));
        int64_t after = cof_clock_steady_ns(cof_clock_system());
        test->latencies_ms[i] = (double)(after - before) * 1e-6;
        before = after;
    }
    qsort(test->latencies_ms, test->count, sizeof(*test->latencies_ms), compare_doubles);
    printf("{\"seconds\":%.9f,\"tokens\":%zu,\"p50_ms\":%.6f,\"p99_ms\":%.6f}\n",
           (double)(before - start) * 1e-9, sum_tokens(test), test->latencies_ms[test->count / 2],
           test->latencies_ms[test->count * 99 / 100]);
    return COF_OK;
}

static enum cof_status write_vectors(struct bench *bench, struct text_case *test, const char *path,
                                     struct cof_error *err)
{
    size_t dimension = bench->embedder->info.dimension;
    COF_TRY(cof_embedder_embed(bench->embedder, COF_EMBED_PASSAGE, test->texts, test->count, NULL,
                               test->vectors, test->token_counts, err));
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return COF_FAIL(err, COF_IO, "cannot write %s", path);
    }
    size_t count = test->count * dimension;
    size_t written = fwrite(test->vectors, sizeof(*test->vectors), count, file);
    if (fclose(file) != 0 || written != count) {
        return COF_FAIL(err, COF_IO, "cannot write %s", path);
    }
    printf("{\"vectors\":%zu,\"dimension\":%zu}\n", test->count, dimension);
    return COF_OK;
}

static struct text_case *find_case(struct bench *bench, struct cof_text name)
{
    for (size_t i = 0; i < bench->case_count; i++) {
        if (cof_text_equal(cof_text_from(bench->cases[i].name), name)) {
            return &bench->cases[i];
        }
    }
    return NULL;
}

static enum cof_status obey(struct bench *bench, struct cof_text command, struct cof_error *err)
{
    struct cof_text verb;
    struct cof_text name;
    struct cof_text path;
    (void)cof_text_split(command, ' ', &verb, &name);
    (void)cof_text_split(name, ' ', &name, &path);
    struct text_case *test = find_case(bench, name);
    if (test == NULL) {
        return COF_FAIL(err, COF_INVALID, "no such case: %.*s", COF_TEXT_ARG(name));
    }
    if (cof_text_equal(verb, COF_TEXT("pass"))) {
        return run_pass(bench, test, err);
    }
    if (cof_text_equal(verb, COF_TEXT("single"))) {
        return run_single(bench, test, err);
    }
    if (cof_text_equal(verb, COF_TEXT("vectors"))) {
        char name_of_file[COF_MAX_PATH];
        snprintf(name_of_file, sizeof(name_of_file), "%.*s", COF_TEXT_ARG(path));
        return write_vectors(bench, test, name_of_file, err);
    }
    return COF_FAIL(err, COF_INVALID, "no such command: %.*s", COF_TEXT_ARG(verb));
}

static enum cof_status open_embedder(struct bench *bench, const char *folder, size_t thread_count,
                                     enum cof_precision precision, struct cof_error *err)
{
    struct cof_pool_options pool = {
        .name = "cof-bench",
        .thread_count = thread_count - 1, /* the calling thread takes part */
        .max_queue_count = 4096,
    };
    COF_TRY(cof_pool_create(&pool, &bench->pool, err));
    struct cof_bert_options options = {
        .folder = folder, .pool = bench->pool, .precision = precision};
    COF_TRY(cof_bert_open(&options, &bench->embedder, err));
    return COF_OK;
}

static enum cof_status run(struct bench *bench, int argc, char **argv, struct cof_error *err)
{
    uint64_t thread_count = 0;
    enum cof_precision precision = COF_PRECISION_AUTO;
    if (argc < 8 || strcmp(argv[1], "--model") != 0 || strcmp(argv[3], "--threads") != 0 ||
        !cof_text_parse_u64(cof_text_from(argv[4]), &thread_count) || thread_count == 0 ||
        strcmp(argv[5], "--precision") != 0 ||
        !cof_precision_parse(cof_text_from(argv[6]), &precision)) {
        return COF_FAIL(err, COF_INVALID,
                        "usage: bench_embed --model FOLDER --threads N --precision "
                        "auto|f32|bf16|int8 CASE=TEXTS.jsonl…");
    }
    COF_TRY(open_embedder(bench, argv[2], (size_t)thread_count, precision, err));
    for (int i = 7; i < argc; i++) {
        COF_TRY(read_case(bench, argv[i], err));
    }
    const struct cof_embedder_info *info = &bench->embedder->info;
    printf("{\"max_tokens\":%zu,\"dimension\":%zu,\"precision\":\"%s\"}\n", info->max_tokens,
           info->dimension, info->precision);
    (void)fflush(stdout);

    char line[COF_MAX_PATH + 64];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        COF_TRY(obey(bench, cof_text_trim(cof_text_from(line)), err));
        (void)fflush(stdout);
    }
    return COF_OK;
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    struct cof_error error = {0};
    enum cof_status status = run(&bench, argc, argv, &error);
    if (status != COF_OK) {
        (void)fprintf(stderr, "bench_embed: %s\n", error.message);
    }
    for (size_t i = 0; i < bench.case_count; i++) {
        struct text_case *test = &bench.cases[i];
        cof_buffer_deinit(&test->bytes);
        free(test->ends);
        free(test->texts);
        free(test->vectors);
        free(test->token_counts);
        free(test->latencies_ms);
    }
    cof_embedder_close(bench.embedder);
    cof_pool_destroy(bench.pool);
    return status == COF_OK ? 0 : 1;
}
