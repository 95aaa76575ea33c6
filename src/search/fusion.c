/* Weighted and reciprocal rank fusion. */
#include "fusion.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Below this spread a half's candidates are alike, and dividing by it would magnify noise. */
static const double MIN_DEVIATION = 0.01;

static const float RANK_CONSTANT = 60; /* Cormack, Clarke & Büttcher, SIGIR 2009 */

static float cosine_of(const struct cof_fusable *item)
{
    return item->cosine;
}

static float share_of(const struct cof_fusable *item)
{
    return item->word_share;
}

static double deviation(const struct cof_fusable *items, size_t count,
                        float (*value_of)(const struct cof_fusable *))
{
    double mean = 0;
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        mean += (double)value_of(&items[i]) / (double)count;
    for (size_t i = 0; i < count; i++) {
        double distance = (double)value_of(&items[i]) - mean;
        sum += distance * distance;
    }
    return fmax(sqrt(sum / (double)count), MIN_DEVIATION);
}

static float clamp(float value)
{
    if (value > 1)
        return 1;
    return value > 0 ? value : 0;
}

/* The weight of the cosine, 0 … 1. */
static float balance(const struct cof_fusable *items, size_t count, float vector_weight)
{
    bool has_words = false;

    if (isnan(items[0].cosine))
        return 0;
    for (size_t i = 0; i < count; i++)
        has_words = has_words || items[i].word_share > 0;
    if (!has_words)
        return 1;
    double vectors = (double)vector_weight / deviation(items, count, cosine_of);
    double words = (1 - (double)vector_weight) / deviation(items, count, share_of);
    return (float)(vectors / (vectors + words));
}

void cof_fuse_weighted(struct cof_fusable *items, size_t count, float vector_weight)
{
    if (count == 0)
        return;
    float cosine_weight = balance(items, count, vector_weight);
    for (size_t i = 0; i < count; i++) {
        float score = 0;
        if (cosine_weight > 0)
            score += cosine_weight * items[i].cosine;
        if (cosine_weight < 1 && !isnan(items[i].word_share))
            score += (1 - cosine_weight) * items[i].word_share;
        items[i].score = clamp(score);
    }
}

void cof_fuse_by_rank(struct cof_fusable *items, size_t count)
{
    bool has_vectors = false;
    bool has_words = false;

    for (size_t i = 0; i < count; i++) {
        has_vectors = has_vectors || items[i].vector_rank > 0;
        has_words = has_words || items[i].word_rank > 0;
    }
    float greatest = (float)(has_vectors + has_words) / (RANK_CONSTANT + 1);
    for (size_t i = 0; i < count; i++) {
        float score = 0;
        if (items[i].vector_rank > 0)
            score += 1 / (RANK_CONSTANT + (float)items[i].vector_rank);
        if (items[i].word_rank > 0)
            score += 1 / (RANK_CONSTANT + (float)items[i].word_rank);
        items[i].score = greatest > 0 ? clamp(score / greatest) : 0;
    }
}

static int compare_items(const void *a, const void *b)
{
    const struct cof_fusable *left = a;
    const struct cof_fusable *right = b;

    if (left->score > right->score)
        return -1;
    if (left->score < right->score)
        return 1;
    if (left->chunk_id != right->chunk_id)
        return left->chunk_id < right->chunk_id ? -1 : 1;
    return (left->collection > right->collection) - (left->collection < right->collection);
}

void cof_fuse_sort(struct cof_fusable *items, size_t count)
{
    if (count > 1)
        qsort(items, count, sizeof(items[0]), compare_items);
}
