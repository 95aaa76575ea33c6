#include "sample_documents.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attribute_values.h"
#include "inner_product.h"
#include "seeded_random.h"

static void make_vector(struct seeded_random *random, float *vector)
{
    double sum = 0;

    for (size_t i = 0; i < SAMPLE_DIMENSION; i++) {
        /* Coarse steps, so that equal vectors occur. */
        vector[i] = (float)seeded_random_below(random, 3) - 1;
        sum += (double)vector[i] * (double)vector[i];
    }
    if (sum < 0.5) {
        vector[0] = 1;
        sum = 1;
    }
    for (size_t i = 0; i < SAMPLE_DIMENSION; i++)
        vector[i] = (float)((double)vector[i] / sqrt(sum));
}

static void make_words(struct seeded_random *random, size_t max_count, char text[SAMPLE_TEXT_SIZE])
{
    static const char *const words[] = {"leave", "expense",  "travel", "badge",   "safety",
                                        "visit", "contract", "tender", "invoice", "A-113/b"};
    size_t count = seeded_random_below(random, max_count + 1);
    char *at = text;

    *at = '\0';
    for (size_t i = 0; i < count; i++)
        at += snprintf(at, 16, "%s ", words[seeded_random_below(random, 10)]);
}

void sample_make(struct sample_document *sample, uint64_t number, uint32_t version,
                 uint64_t first_chunk_id)
{
    struct seeded_random random;

    seeded_random_init(&random, number * 1000 + version);
    *sample = (struct sample_document){
        .document = {.number = number, .version = version, .first_chunk_id = first_chunk_id},
        .is_living = true,
    };
    sample->document.chunk_count = (uint32_t)seeded_random_below(&random, SAMPLE_MAX_CHUNKS + 1);
    for (uint32_t i = 0; i < sample->document.chunk_count; i++) {
        make_vector(&random, sample->vectors + i * SAMPLE_DIMENSION);
        make_words(&random, 12, sample->texts[i]);
        sample->chunks[i] = (struct cof_chunk){
            .chunk_id = first_chunk_id + i,
            .index = i,
            .text = cof_text_from(sample->texts[i]),
        };
    }
    sample_edit(sample, 0);
}

void sample_edit(struct sample_document *sample, unsigned edition)
{
    struct seeded_random random;

    seeded_random_init(&random, sample->document.number * 77 + edition);
    make_words(&random, 4, sample->title);
    (void)snprintf(sample->attributes, sizeof(sample->attributes), "{\"group\":%u,\"name\":\"x\"}",
                   (unsigned)seeded_random_below(&random, 10));
    sample->document.title = cof_text_from(sample->title);
    sample->document.attributes = cof_text_from(sample->attributes);
    sample->document.acl = (struct cof_acl){.is_set = seeded_random_below(&random, 2) == 0};
    if (!sample->document.acl.is_set)
        return;
    sample->allow[0] = COF_TEXT("user:bob");
    sample->allow[1] = COF_TEXT("user:ann");
    sample->document.acl.allow = sample->allow;
    sample->document.acl.allow_count = seeded_random_below(&random, 3);
}

void sample_query(uint64_t seed, float out_vector[SAMPLE_DIMENSION])
{
    struct seeded_random random;

    seeded_random_init(&random, seed);
    make_vector(&random, out_vector);
}

bool sample_permit(void *context, const struct cof_indexed_document *document)
{
    const struct attribute_value *group =
        cof_attributes_find(document->attributes, COF_TEXT("group"));

    if (group == NULL || group->number >= *(const int *)context)
        return false;
    if (!document->acl->is_set)
        return true;
    for (size_t i = 0; i < document->acl->allow_count; i++) {
        if (cof_text_equal(document->acl->allow[i], COF_TEXT("user:ann")))
            return true;
    }
    return false;
}

static bool is_permitted(const struct sample_document *sample, const int *group_limit)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_indexed_document seen = {.acl = &sample->document.acl};
    struct cof_error err = {0};
    int limit = group_limit != NULL ? *group_limit : 0;

    if (group_limit == NULL)
        return true;
    if (cof_attributes_parse(sample->document.attributes, &arena, &seen.attributes, &err) != COF_OK)
        abort();
    return sample_permit(&limit, &seen);
}

static int compare(const void *a, const void *b)
{
    const struct cof_candidate *left = a;
    const struct cof_candidate *right = b;

    if (left->score > right->score)
        return -1;
    if (left->score < right->score)
        return 1;
    return (left->chunk_id > right->chunk_id) - (left->chunk_id < right->chunk_id);
}

size_t sample_search(const struct sample_document *samples, size_t count, const float *vector,
                     size_t k, const int *group_limit, struct cof_candidate *out_candidates)
{
    struct cof_candidate *all = calloc(count * SAMPLE_MAX_CHUNKS, sizeof(*all));
    size_t found = 0;

    if (all == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        const struct sample_document *sample = &samples[i];
        if (!sample->is_living || !is_permitted(sample, group_limit))
            continue;
        for (uint32_t j = 0; j < sample->document.chunk_count; j++) {
            all[found++] = (struct cof_candidate){
                .chunk_id = sample->document.first_chunk_id + j,
                .document_number = sample->document.number,
                .version = sample->document.version,
                .chunk_index = j,
                .score = cof_inner_product(vector, sample->vectors + j * SAMPLE_DIMENSION,
                                           SAMPLE_DIMENSION),
            };
        }
    }
    qsort(all, found, sizeof(*all), compare);
    if (found > k)
        found = k;
    memcpy(out_candidates, all, found * sizeof(*all));
    free(all);
    return found;
}
