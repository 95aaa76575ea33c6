/* The encoder on a GPU: tokens a second at batch sizes 1 … 4096, beside the bare matrix products.
 *
 *   bench_cuda --model FOLDER [--tokens N]
 *
 * A batch is that many sequences of N tokens (256), random ids, from memory to unit vectors in
 * memory. The peer is cuBLASLt alone: the same layers' products on as many rows (at most a
 * slice's), timed on the device. One JSON object a batch size. Ends with status 1 where there is no
 * GPU. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/clock.h>
#include <cof/base/file.h>
#include <cof/base/text.h>

#include "bert_device.h"
#include "cublaslt.h"
#include "device.h"
#include "matmul.h"
#include "weights.h"

enum { MAX_BATCH = 4096, REPEATS = 5, SLICE_TOKENS = 8192 };

struct bench {
    size_t token_count; /* of a sequence */
    struct cof_model_config config;
    struct cof_safetensors *file;
    struct cof_bert_device *device;
    struct cof_cublaslt library;
    struct cof_cuda_weights *weights;
    struct cof_cuda_memory matrices;
    void *stream;
    void *begin;
    void *end;
    struct cof_cuda_matmul *matmul;
    uint32_t *ids;
    struct cof_bert_sequence *sequences;
    float *rows;
};

static enum cof_status multiply_all(struct bench *bench, size_t row_count, struct cof_error *err)
{
    uint16_t *input =
        (uint16_t *)((uint8_t *)bench->matrices.address + COF_CUDA_MATMUL_WORKSPACE_BYTES);
    size_t widest = 3 * bench->config.hidden_size > bench->config.intermediate_size
                        ? 3 * bench->config.hidden_size
                        : bench->config.intermediate_size;
    uint16_t *output = input + cof_cuda_matmul_rows(SLICE_TOKENS) * widest;
    for (size_t i = 0; i < bench->config.layer_count; i++) {
        const struct cof_cuda_layer *layer = &bench->weights->layers[i];
        const struct cof_cuda_linear *linears[] = {
            &layer->query_key_value, &layer->attention_output, &layer->up, &layer->down};
        for (size_t j = 0; j < 4; j++)
            COF_TRY(
                cof_cuda_matmul_apply(bench->matmul, linears[j], input, row_count, output, err));
    }
    return COF_OK;
}

/* Tokens a second of the products alone, best of REPEATS after one that finds the programs. */
static enum cof_status measure_products(struct bench *bench, size_t row_count, double *out_rate,
                                        struct cof_error *err)
{
    double best = 0;
    for (int i = 0; i <= REPEATS; i++) {
        float ms = 0;
        COF_TRY(cof_cuda_event_record(bench->begin, bench->stream, err));
        COF_TRY(multiply_all(bench, row_count, err));
        COF_TRY(cof_cuda_event_record(bench->end, bench->stream, err));
        COF_TRY(cof_cuda_event_await(bench->end, err));
        COF_TRY(cof_cuda_event_elapsed(bench->begin, bench->end, &ms, err));
        double rate = (double)row_count / ((double)ms * 1e-3);
        best = i > 0 && rate > best ? rate : best;
    }
    *out_rate = best;
    return COF_OK;
}

static enum cof_status measure_encoder(struct bench *bench, size_t batch, double *out_rate,
                                       struct cof_error *err)
{
    double best = 0;
    const struct cof_bert_pass pass = {.sequences = bench->sequences,
                                       .sequence_count = batch,
                                       .output = COF_BERT_POOLED,
                                       .pooling = bench->config.pooling,
                                       .out_rows = bench->rows};
    for (int i = 0; i <= REPEATS; i++) {
        int64_t begin = cof_clock_steady_ns(cof_clock_system());
        COF_TRY(cof_bert_device_encode(bench->device, &pass, err));
        int64_t end = cof_clock_steady_ns(cof_clock_system());
        double rate = (double)(batch * bench->token_count) / ((double)(end - begin) * 1e-9);
        best = i > 0 && rate > best ? rate : best;
    }
    *out_rate = best;
    return COF_OK;
}

static enum cof_status open_all(struct bench *bench, const char *folder, struct cof_error *err)
{
    char path[COF_MAX_PATH];
    COF_TRY(cof_path_join(path, folder, "model.safetensors", err));
    COF_TRY(cof_model_config_read(folder, &bench->config, err));
    COF_TRY(cof_safetensors_open(path, &bench->file, err));
    if (bench->token_count > bench->config.max_tokens)
        bench->token_count = bench->config.max_tokens;
    const struct cof_bert_device_options options = {
        .file = bench->file, .config = &bench->config, .thread_count = 1};
    COF_TRY(cof_bert_device_open(&options, &bench->device, err));
    COF_TRY(cof_cublaslt_open(COF_CUBLASLT_LIBRARY, &bench->library, err));
    COF_TRY(cof_cuda_weights_create(bench->file, &bench->config, &bench->weights, err));
    size_t columns = 2 * (3 * bench->config.hidden_size + bench->config.intermediate_size);
    size_t size = COF_CUDA_MATMUL_WORKSPACE_BYTES +
                  cof_cuda_matmul_rows(SLICE_TOKENS) * columns * sizeof(uint16_t);
    COF_TRY(cof_cuda_memory_create(size, &bench->matrices, err));
    COF_TRY(cof_cuda_stream_create(&bench->stream, err));
    COF_TRY(cof_cuda_event_create(&bench->begin, err));
    COF_TRY(cof_cuda_event_create(&bench->end, err));
    return cof_cuda_matmul_create(&bench->library, bench->matrices.address, bench->stream,
                                  &bench->matmul, err);
}

static enum cof_status make_sequences(struct bench *bench, struct cof_error *err)
{
    uint64_t seed = 1;
    bench->ids = calloc(bench->token_count, MAX_BATCH * sizeof(*bench->ids));
    bench->sequences = calloc(MAX_BATCH, sizeof(*bench->sequences));
    bench->rows = calloc(bench->config.hidden_size, MAX_BATCH * sizeof(*bench->rows));
    if (bench->ids == NULL || bench->sequences == NULL || bench->rows == NULL)
        return COF_FAIL_MEMORY(err);
    for (size_t i = 0; i < MAX_BATCH * bench->token_count; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bench->ids[i] = (uint32_t)((seed >> 33) % bench->config.vocabulary_size);
    }
    for (size_t i = 0; i < MAX_BATCH; i++)
        bench->sequences[i] = (struct cof_bert_sequence){.ids = bench->ids + i * bench->token_count,
                                                         .count = bench->token_count};
    return COF_OK;
}

static enum cof_status run(struct bench *bench, int argc, char **argv, struct cof_error *err)
{
    uint64_t tokens = 256;
    bool is_good = argc >= 3 && strcmp(argv[1], "--model") == 0;
    if (is_good && argc > 3)
        is_good = argc == 5 && strcmp(argv[3], "--tokens") == 0 &&
                  cof_text_parse_u64(cof_text_from(argv[4]), &tokens) && tokens > 0 &&
                  tokens <= SLICE_TOKENS;
    if (!is_good)
        return COF_FAIL(err, COF_INVALID, "usage: bench_cuda --model FOLDER [--tokens N]");
    bench->token_count = (size_t)tokens;
    COF_TRY(open_all(bench, argv[2], err));
    COF_TRY(make_sequences(bench, err));
    for (size_t batch = 1; batch <= MAX_BATCH; batch *= 4) {
        double rate = 0;
        double limit = 0;
        size_t rows = batch * bench->token_count;
        COF_TRY(measure_encoder(bench, batch, &rate, err));
        COF_TRY(measure_products(bench, rows < SLICE_TOKENS ? rows : SLICE_TOKENS, &limit, err));
        printf("{\"bench\":\"cuda\",\"case\":\"%s, %zu of %zu tokens\","
               "\"metric\":\"tokens_per_second\",\"value\":%.0f,\"unit\":\"tokens/s\","
               "\"peer\":\"cublaslt-gemm\",\"peer_value\":%.0f,\"ratio\":%.4f}\n",
               cof_bert_device_name(bench->device), batch, bench->token_count, rate, limit,
               rate / limit);
        (void)fflush(stdout);
    }
    return COF_OK;
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    struct cof_error error = {0};
    enum cof_status status = run(&bench, argc, argv, &error);
    if (status != COF_OK)
        (void)fprintf(stderr, "bench_cuda: %s\n", error.message);
    cof_cuda_stream_destroy(bench.stream);
    cof_cuda_matmul_destroy(bench.matmul);
    cof_cuda_event_destroy(bench.begin);
    cof_cuda_event_destroy(bench.end);
    cof_cuda_memory_destroy(&bench.matrices);
    cof_cuda_weights_destroy(bench.weights);
    cof_cublaslt_close(&bench.library);
    cof_bert_device_close(bench.device);
    cof_safetensors_close(bench.file);
    free(bench.ids);
    free(bench.sequences);
    free(bench.rows);
    return status == COF_OK ? 0 : 1;
}
