/* Slices through two streams.
 *
 * In the order in which things are put into the streams, for slices 0, 1, 2 …:
 *
 *   copies    up 0 | up 1, down 0 | up 2, down 1 | …
 *   compute   0    | 1            | 2            | …
 *
 * A slice is computed when its ids are up (event `is_up`), its rows come down when they are
 * computed
 * (`is_computed`), and before a slot's buffers are written again its rows were fetched (`is_down`),
 * which by then says that everything else of the slot is done too. */
#include "lane.h"

#include <stdbool.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "cuda_kernels.h"
#include "device.h"
#include "matmul.h"

#define ALIGNMENT 256
#define SLOT_COUNT 2

/* What a slice needs on the device, behind each other in one buffer. */
struct packet {
    uint32_t *is_bad;
    uint32_t *ids;
    uint32_t *places;
    struct cof_cuda_tile *tiles;
    struct cof_cuda_rows *groups;
};

struct slot {
    struct cof_cuda_memory up;   /* pinned: a packet */
    struct cof_cuda_memory down; /* pinned: the flag, then rows */
    uint8_t *packet;             /* on the device */
    float *rows;                 /* the same */
    void *is_up;
    void *is_computed;
    void *is_down;
    size_t sequence_count; /* of the slice */
    size_t token_count;
    size_t tile_count;
    size_t row_count;  /* that it gives */
    float *out_rows;   /* where they go */
    bool is_in_flight; /* its rows were not fetched */
};

struct cof_cuda_lane {
    const struct cof_cuda_weights *weights;
    size_t max_tokens;
    void *copies;
    void *compute;
    struct cof_cuda_matmul *matmul;
    struct cof_cuda_memory memory;
    uint16_t *state;
    uint16_t *triple;
    uint16_t *context;
    uint16_t *wide;
    uint16_t *addend;
    struct slot slots[SLOT_COUNT];
};

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Where the parts of a packet lie. A sequence has at least one token, so there are never more tiles
 * or groups than tokens. */
struct packet_plan {
    size_t ids;
    size_t places;
    size_t tiles;
    size_t groups;
    size_t size;
};

static struct packet_plan plan_packet(size_t token_count)
{
    struct packet_plan plan = {.ids = ALIGNMENT};
    plan.places = plan.ids + aligned(token_count * sizeof(uint32_t));
    plan.tiles = plan.places + aligned(token_count * sizeof(uint32_t));
    plan.groups = plan.tiles + aligned(token_count * sizeof(struct cof_cuda_tile));
    plan.size = plan.groups + aligned(token_count * sizeof(struct cof_cuda_rows));
    return plan;
}

static struct packet packet_at(uint8_t *base, const struct packet_plan *plan)
{
    return (struct packet){
        .is_bad = (uint32_t *)(void *)base,
        .ids = (uint32_t *)(void *)(base + plan->ids),
        .places = (uint32_t *)(void *)(base + plan->places),
        .tiles = (struct cof_cuda_tile *)(void *)(base + plan->tiles),
        .groups = (struct cof_cuda_rows *)(void *)(base + plan->groups),
    };
}

/* ---- A slice ---- */

/* As many sequences from `first` on as there is room for. */
static void measure(const struct cof_cuda_lane *lane, const struct cof_bert_pass *pass,
                    size_t first, struct slot *slot)
{
    slot->token_count = 0;
    size_t i = first;
    for (; i < pass->sequence_count; i++) {
        if (slot->token_count + pass->sequences[i].count > lane->max_tokens)
            break;
        slot->token_count += pass->sequences[i].count;
    }
    slot->sequence_count = i - first;
    slot->row_count = pass->output == COF_BERT_TOKENS ? slot->token_count : slot->sequence_count;
}

/* The slice that begins with sequence `first` into the slot's pinned packet, and up. */
static enum cof_status take_up(const struct cof_cuda_lane *lane, const struct cof_bert_pass *pass,
                               size_t first, struct slot *slot, struct cof_error *err)
{
    size_t row = 0;
    bool is_sum = pass->output == COF_BERT_POOLED && pass->pooling == COF_POOLING_MEAN;
    measure(lane, pass, first, slot);
    const struct packet_plan plan = plan_packet(slot->token_count);
    const struct packet packet = packet_at(slot->up.address, &plan);
    *packet.is_bad = 0;
    slot->tile_count = 0;
    for (size_t i = 0; i < slot->sequence_count; i++) {
        const struct cof_bert_sequence *sequence = &pass->sequences[first + i];
        uint32_t count = (uint32_t)sequence->count;
        packet.groups[i] =
            (struct cof_cuda_rows){.row = (uint32_t)row, .count = is_sum ? count : 1};
        for (uint32_t at = 0; at < count; at += COF_CUDA_TILE_ROWS)
            packet.tiles[slot->tile_count++] =
                (struct cof_cuda_tile){.row = (uint32_t)row, .count = count, .first = at};
        for (uint32_t at = 0; at < count; at++) {
            packet.ids[row + at] = sequence->ids[at];
            packet.places[row + at] = at;
        }
        row += count;
    }
    COF_TRY(cof_cuda_copy_up(slot->packet, slot->up.address, plan.size, lane->copies, err));
    return cof_cuda_event_record(slot->is_up, lane->copies, err);
}

static enum cof_status run_layer(const struct cof_cuda_lane *lane,
                                 const struct cof_cuda_layer *layer, const struct packet *packet,
                                 const struct slot *slot, struct cof_error *err)
{
    const struct cof_cuda_weights *weights = lane->weights;
    size_t count = slot->token_count;
    const struct cof_cuda_attention attention = {
        .triple = lane->triple,
        .tiles = packet->tiles,
        .context = lane->context,
        .tile_count = slot->tile_count,
        .hidden_size = weights->hidden_size,
        .head_count = weights->head_count,
    };
    struct cof_cuda_addition addition = {
        .state = lane->state,
        .addend = lane->addend,
        .norm = layer->attention_norm,
        .row_count = count,
        .hidden_size = weights->hidden_size,
    };
    COF_TRY(cof_cuda_matmul_apply(lane->matmul, &layer->query_key_value, lane->state, count,
                                  lane->triple, err));
    COF_TRY(cof_cuda_launched(cof_cuda_attend(lane->compute, &attention), "cof_cuda_attend", err));
    COF_TRY(cof_cuda_matmul_apply(lane->matmul, &layer->attention_output, lane->context, count,
                                  lane->addend, err));
    COF_TRY(cof_cuda_launched(cof_cuda_add(lane->compute, &addition), "cof_cuda_add", err));
    COF_TRY(cof_cuda_matmul_apply(lane->matmul, &layer->up, lane->state, count, lane->wide, err));
    COF_TRY(cof_cuda_launched(
        cof_cuda_gelu(lane->compute, lane->wide, count * weights->intermediate_size),
        "cof_cuda_gelu", err));
    COF_TRY(
        cof_cuda_matmul_apply(lane->matmul, &layer->down, lane->wide, count, lane->addend, err));
    addition.norm = layer->output_norm;
    return cof_cuda_launched(cof_cuda_add(lane->compute, &addition), "cof_cuda_add", err);
}

static enum cof_status compute(const struct cof_cuda_lane *lane, const struct cof_bert_pass *pass,
                               const struct slot *slot, struct cof_error *err)
{
    const struct cof_cuda_weights *weights = lane->weights;
    const struct packet_plan plan = plan_packet(slot->token_count);
    const struct packet packet = packet_at(slot->packet, &plan);
    const struct cof_cuda_embedding embedding = {
        .ids = packet.ids,
        .places = packet.places,
        .words = weights->words,
        .positions = weights->positions,
        .norm = weights->embedding_norm,
        .state = lane->state,
        .row_count = slot->token_count,
        .hidden_size = weights->hidden_size,
    };
    const struct cof_cuda_output output = {
        .state = lane->state,
        .groups = pass->output == COF_BERT_TOKENS ? NULL : packet.groups,
        .rows = slot->rows,
        .is_unit_length = pass->output != COF_BERT_FIRST,
        .group_count = slot->row_count,
        .hidden_size = weights->hidden_size,
        .is_bad = packet.is_bad,
    };
    COF_TRY(cof_cuda_event_hold(slot->is_up, lane->compute, err));
    COF_TRY(cof_cuda_launched(cof_cuda_embed(lane->compute, &embedding), "cof_cuda_embed", err));
    for (size_t i = 0; i < weights->layer_count; i++)
        COF_TRY(run_layer(lane, &weights->layers[i], &packet, slot, err));
    COF_TRY(cof_cuda_launched(cof_cuda_write(lane->compute, &output), "cof_cuda_write", err));
    return cof_cuda_event_record(slot->is_computed, lane->compute, err);
}

static enum cof_status take_down(const struct cof_cuda_lane *lane, struct slot *slot,
                                 struct cof_error *err)
{
    size_t size = slot->row_count * lane->weights->hidden_size * sizeof(float);
    uint8_t *down = slot->down.address;
    COF_TRY(cof_cuda_event_hold(slot->is_computed, lane->copies, err));
    COF_TRY(cof_cuda_copy_down(down, slot->packet, sizeof(uint32_t), lane->copies, err));
    COF_TRY(cof_cuda_copy_down(down + ALIGNMENT, slot->rows, size, lane->copies, err));
    COF_TRY(cof_cuda_event_record(slot->is_down, lane->copies, err));
    slot->is_in_flight = true;
    return COF_OK;
}

static enum cof_status fetch(const struct cof_cuda_lane *lane, struct slot *slot,
                             struct cof_error *err)
{
    uint32_t is_bad = 0;
    const uint8_t *down = slot->down.address;
    COF_TRY(cof_cuda_event_await(slot->is_down, err));
    slot->is_in_flight = false;
    memcpy(&is_bad, down, sizeof(is_bad));
    if (is_bad != 0)
        return COF_FAIL(err, COF_CORRUPT,
                        "the device gives a vector that has no finite length in half precision");
    memcpy(slot->out_rows, down + ALIGNMENT,
           slot->row_count * lane->weights->hidden_size * sizeof(float));
    return COF_OK;
}

/* ---- A pass ---- */

static enum cof_status run_slices(struct cof_cuda_lane *lane, const struct cof_bert_pass *pass,
                                  struct cof_error *err)
{
    float *out_rows = pass->out_rows;
    size_t next = 0;
    COF_TRY(take_up(lane, pass, next, &lane->slots[0], err));
    for (size_t turn = 0; next < pass->sequence_count; turn++) {
        struct slot *slot = &lane->slots[turn % SLOT_COUNT];
        struct slot *other = &lane->slots[(turn + 1) % SLOT_COUNT];
        COF_TRY(cof_cancel_check(pass->cancel, err));
        slot->out_rows = out_rows;
        out_rows += slot->row_count * lane->weights->hidden_size;
        next += slot->sequence_count;
        COF_TRY(compute(lane, pass, slot, err));
        if (other->is_in_flight)
            COF_TRY(fetch(lane, other, err));
        if (next < pass->sequence_count)
            COF_TRY(take_up(lane, pass, next, other, err));
        COF_TRY(take_down(lane, slot, err));
        if (pass->between_layers != NULL)
            pass->between_layers(pass->context);
        if (next == pass->sequence_count)
            COF_TRY(fetch(lane, slot, err));
    }
    return COF_OK;
}

enum cof_status cof_cuda_lane_run(struct cof_cuda_lane *lane, const struct cof_bert_pass *pass,
                                  struct cof_error *err)
{
    if (pass->sequence_count == 0)
        return COF_OK;
    for (size_t i = 0; i < pass->sequence_count; i++) {
        if (pass->sequences[i].count > lane->max_tokens)
            return COF_FAIL(err, COF_INTERNAL, "a sequence is longer than a slice");
    }
    enum cof_status status = run_slices(lane, pass, err);
    if (status != COF_OK) {
        cof_cuda_stream_drain(lane->copies);
        cof_cuda_stream_drain(lane->compute);
        for (size_t i = 0; i < SLOT_COUNT; i++)
            lane->slots[i].is_in_flight = false;
    }
    return status;
}

/* ---- Making and ending ---- */

/* Cuts `memory` (NULL: only adds up) into the matrices, and returns how much of it they take. */
static size_t cut(struct cof_cuda_lane *lane, const struct cof_model_config *config,
                  size_t max_tokens, uint8_t *memory)
{
    size_t rows = cof_cuda_matmul_rows(max_tokens);
    size_t hidden = config->hidden_size;
    const struct {
        uint16_t **place;
        size_t columns;
    } matrices[] = {
        {&lane->state, hidden},   {&lane->triple, 3 * hidden},
        {&lane->context, hidden}, {&lane->wide, config->intermediate_size},
        {&lane->addend, hidden},
    };
    size_t used = COF_CUDA_MATMUL_WORKSPACE_BYTES;
    for (size_t i = 0; i < sizeof(matrices) / sizeof(matrices[0]); i++) {
        if (memory != NULL)
            *matrices[i].place = (uint16_t *)(void *)(memory + used);
        used += aligned(rows * matrices[i].columns * sizeof(uint16_t));
    }
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        struct slot *slot = &lane->slots[i];
        if (memory != NULL)
            slot->packet = memory + used;
        used += plan_packet(max_tokens).size;
        if (memory != NULL)
            slot->rows = (float *)(void *)(memory + used);
        used += aligned(max_tokens * hidden * sizeof(float));
    }
    return used;
}

size_t cof_cuda_lane_size(const struct cof_model_config *config, size_t max_tokens)
{
    struct cof_cuda_lane unused = {0};
    return cut(&unused, config, max_tokens, NULL);
}

static enum cof_status prepare_slot(const struct cof_cuda_lane *lane, struct slot *slot,
                                    struct cof_error *err)
{
    size_t size = lane->max_tokens * lane->weights->hidden_size * sizeof(float);
    COF_TRY(cof_cuda_event_create(&slot->is_up, err));
    COF_TRY(cof_cuda_event_create(&slot->is_computed, err));
    COF_TRY(cof_cuda_event_create(&slot->is_down, err));
    COF_TRY(cof_cuda_pinned_create(plan_packet(lane->max_tokens).size, &slot->up, err));
    return cof_cuda_pinned_create(ALIGNMENT + size, &slot->down, err);
}

static enum cof_status prepare(struct cof_cuda_lane *lane, const struct cof_cublaslt *library,
                               const struct cof_model_config *config, struct cof_error *err)
{
    COF_TRY(
        cof_cuda_memory_create(cof_cuda_lane_size(config, lane->max_tokens), &lane->memory, err));
    (void)cut(lane, config, lane->max_tokens, lane->memory.address);
    COF_TRY(cof_cuda_stream_create(&lane->copies, err));
    COF_TRY(cof_cuda_stream_create(&lane->compute, err));
    for (size_t i = 0; i < SLOT_COUNT; i++)
        COF_TRY(prepare_slot(lane, &lane->slots[i], err));
    return cof_cuda_matmul_create(library, lane->memory.address, lane->compute, &lane->matmul, err);
}

enum cof_status cof_cuda_lane_create(const struct cof_cublaslt *library,
                                     const struct cof_cuda_weights *weights,
                                     const struct cof_model_config *config, size_t max_tokens,
                                     struct cof_cuda_lane **out_lane, struct cof_error *err)
{
    struct cof_cuda_lane *lane = cof_calloc(1, sizeof(*lane));
    if (lane == NULL)
        return COF_FAIL_MEMORY(err);
    lane->weights = weights;
    lane->max_tokens = max_tokens;
    enum cof_status status = prepare(lane, library, config, err);
    if (status != COF_OK) {
        cof_cuda_lane_destroy(lane);
        return status;
    }
    *out_lane = lane;
    return COF_OK;
}

void cof_cuda_lane_destroy(struct cof_cuda_lane *lane)
{
    if (lane == NULL)
        return;
    cof_cuda_stream_destroy(lane->copies);
    cof_cuda_stream_destroy(lane->compute);
    cof_cuda_matmul_destroy(lane->matmul);
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        struct slot *slot = &lane->slots[i];
        cof_cuda_event_destroy(slot->is_up);
        cof_cuda_event_destroy(slot->is_computed);
        cof_cuda_event_destroy(slot->is_down);
        cof_cuda_pinned_destroy(&slot->up);
        cof_cuda_pinned_destroy(&slot->down);
    }
    cof_cuda_memory_destroy(&lane->memory);
    cof_free(lane);
}
