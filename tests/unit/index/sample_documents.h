/* Documents whose every byte follows from number, version and a seed, and a list of them that says
 * what an index of them must answer. */
#ifndef COF_TESTS_UNIT_INDEX_SAMPLE_DOCUMENTS_H
#define COF_TESTS_UNIT_INDEX_SAMPLE_DOCUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/index/collection_index.h>

enum { SAMPLE_DIMENSION = 12, SAMPLE_MAX_CHUNKS = 6, SAMPLE_TEXT_SIZE = 160 };

struct sample_document {
    struct cof_document document;
    struct cof_chunk chunks[SAMPLE_MAX_CHUNKS];
    float vectors[SAMPLE_MAX_CHUNKS * SAMPLE_DIMENSION];
    char texts[SAMPLE_MAX_CHUNKS][SAMPLE_TEXT_SIZE];
    char title[SAMPLE_TEXT_SIZE];
    char attributes[64];
    struct cof_text allow[2];
    bool is_living;
};

/* The content of this version; the header as of edition 0. */
void sample_make(struct sample_document *sample, uint64_t number, uint32_t version,
                 uint64_t first_chunk_id);
/* Another title, other attributes and another access list. */
void sample_edit(struct sample_document *sample, unsigned edition);
/* A unit vector near those of the samples. */
void sample_query(uint64_t seed, float out_vector[SAMPLE_DIMENSION]);

/* Permits documents whose attribute "group" is below *(int *)context and that have no access list
 * or are open to "user:ann". */
bool sample_permit(void *context, const struct cof_indexed_document *document);

/* The candidates of the vector half by comparing with everything. Returns how many. */
size_t sample_search(const struct sample_document *samples, size_t count, const float *vector,
                     size_t k, const int *group_limit, struct cof_candidate *out_candidates);

#endif
