/* The limit that the encoder is held against: oneDNN's own matrix products on all-MiniLM-L6-v2's
 * shapes and nothing between them, on one thread.
 *
 * For each precision and length of sequences one line of JSON: how many tokens a second the
 * products of six layers would allow, attention's two included, each at the number of rows where
 * oneDNN is fastest. A precision that oneDNN cannot multiply here has no line. */
#include <stdio.h>
#include <stdlib.h>

#include <dnnl.h>

#include <cof/base/clock.h>

#define LAYER_COUNT 6
#define HIDDEN ((dnnl_dim_t)384)
#define WIDE 1536
#define HEAD_COUNT 12
#define HEAD_SIZE 32
#define ROUNDS 5
#define MIN_NS 3000000

/* OpenMP's own API, declared here because clang's <omp.h> is a package of its own. */
void omp_set_num_threads(int count);

struct precision {
    const char *name;
    dnnl_data_type_t rows;
    dnnl_data_type_t weights;
    dnnl_data_type_t sums;
};

static const struct precision PRECISIONS[] = {
    {"f32", dnnl_f32, dnnl_f32, dnnl_f32},
    {"bf16", dnnl_bf16, dnnl_bf16, dnnl_f32},
    {"int8", dnnl_u8, dnnl_s8, dnnl_s32},
};

static dnnl_engine_t engine;
static dnnl_stream_t stream;

struct product {
    dnnl_primitive_t primitive;
    dnnl_memory_t arguments[3];
};

static dnnl_status_t describe(dnnl_memory_desc_t *desc, const dnnl_dims_t extents,
                              dnnl_data_type_t type, int is_packed)
{
    const dnnl_dims_t matrix = {extents[1], extents[2]};
    if (extents[0] == 1)
        return dnnl_memory_desc_init_by_tag(desc, 2, matrix, type,
                                            is_packed ? dnnl_format_tag_any : dnnl_ab);
    return dnnl_memory_desc_init_by_tag(desc, 3, extents, type, dnnl_abc);
}

/* `count` products of rows * depth by depth * columns; weights packed when there is only one. */
static dnnl_status_t make(struct product *product, const struct precision *precision,
                          dnnl_dim_t count, dnnl_dim_t rows, dnnl_dim_t depth, dnnl_dim_t columns)
{
    const dnnl_dims_t a = {count, rows, depth};
    const dnnl_dims_t b = {count, depth, columns};
    const dnnl_dims_t c = {count, rows, columns};
    dnnl_memory_desc_t descs[3];
    dnnl_matmul_desc_t operation;
    dnnl_primitive_desc_t description = NULL;
    dnnl_status_t status = describe(&descs[0], a, precision->rows, 0);
    if (status == dnnl_success)
        status = describe(&descs[1], b, precision->weights, 1);
    if (status == dnnl_success)
        status = describe(&descs[2], c, precision->sums, 0);
    if (status == dnnl_success)
        status = dnnl_matmul_desc_init(&operation, &descs[0], &descs[1], NULL, &descs[2]);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(&description, &operation, NULL, engine, NULL);
    if (status != dnnl_success)
        return status;
    descs[1] = *dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    status = dnnl_primitive_create(&product->primitive, description);
    for (int i = 0; i < 3 && status == dnnl_success; i++)
        status =
            dnnl_memory_create(&product->arguments[i], &descs[i], engine, DNNL_MEMORY_ALLOCATE);
    (void)dnnl_primitive_desc_destroy(description);
    return status;
}

static void destroy(struct product *product)
{
    for (int i = 0; i < 3; i++)
        (void)dnnl_memory_destroy(product->arguments[i]);
    (void)dnnl_primitive_destroy(product->primitive);
}

static int64_t now_ns(void)
{
    return cof_clock_steady_ns(cof_clock_system());
}

/* Nanoseconds of one execution: the least of some rounds of a few milliseconds each. */
static double run(const struct product *product)
{
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, product->arguments[0]},
                                         {DNNL_ARG_WEIGHTS, product->arguments[1]},
                                         {DNNL_ARG_DST, product->arguments[2]}};
    double least = 1e18;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t begin = now_ns();
        int64_t taken = 0;
        int done = 0;
        while (taken < MIN_NS) {
            (void)dnnl_primitive_execute(product->primitive, stream, 3, arguments);
            (void)dnnl_stream_wait(stream);
            taken = now_ns() - begin;
            done++;
        }
        double each = (double)taken / done;
        least = each < least ? each : least;
    }
    return least;
}

/* Nanoseconds, or a negative number where oneDNN has no such product. */
static double time_of(const struct precision *precision, dnnl_dim_t count, dnnl_dim_t rows,
                      dnnl_dim_t depth, dnnl_dim_t columns)
{
    struct product product = {0};
    double taken = -1;
    if (make(&product, precision, count, rows, depth, columns) == dnnl_success)
        taken = run(&product);
    destroy(&product);
    return taken;
}

/* Of the four products of a layer, a token, at the best number of rows. */
static double layer_ns(const struct precision *precision)
{
    static const dnnl_dim_t shapes[][2] = {
        {HIDDEN, 3 * HIDDEN}, {HIDDEN, HIDDEN}, {HIDDEN, WIDE}, {WIDE, HIDDEN}};
    double sum = 0;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        double least = 1e18;
        for (dnnl_dim_t rows = 16; rows <= 1024; rows *= 2) {
            double taken = time_of(precision, 1, rows, shapes[i][0], shapes[i][1]);
            if (taken < 0)
                return -1;
            least = taken / (double)rows < least ? taken / (double)rows : least;
        }
        sum += least;
    }
    return sum;
}

static double attention_ns(const struct precision *precision, dnnl_dim_t length)
{
    double scores = time_of(precision, HEAD_COUNT, length, HEAD_SIZE, length);
    double values = time_of(precision, HEAD_COUNT, length, length, HEAD_SIZE);
    return scores < 0 || values < 0 ? -1 : (scores + values) / (double)length;
}

int main(void)
{
    static const dnnl_dim_t lengths[] = {32, 256};
    omp_set_num_threads(1);
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) != dnnl_success) {
        (void)fprintf(stderr, "bench_gemm: oneDNN does not start\n");
        return 1;
    }
    for (size_t i = 0; i < sizeof(PRECISIONS) / sizeof(PRECISIONS[0]); i++) {
        double layer = layer_ns(&PRECISIONS[i]);
        for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++) {
            double attention = attention_ns(&PRECISIONS[i], lengths[j]);
            if (layer < 0 || attention < 0)
                continue;
            printf("{\"precision\":\"%s\",\"length\":%d,\"tokens_per_second\":%.1f,"
                   "\"layer_us\":%.4f,\"attention_us\":%.4f}\n",
                   PRECISIONS[i].name, (int)lengths[j], 1e9 / (LAYER_COUNT * (layer + attention)),
                   layer / 1000, attention / 1000);
        }
    }
    (void)dnnl_stream_destroy(stream);
    (void)dnnl_engine_destroy(engine);
    return 0;
}
