/* Small things that every backend does to a vector. Any thread. */
#ifndef COF_EMBEDDER_VECTOR_H
#define COF_EMBEDDER_VECTOR_H

#include <stdbool.h>
#include <stddef.h>

/* Scales to unit length; false, with the vector as it was, when it is not finite or all zeros. */
bool cof_vector_normalize(float *vector, size_t size);

#endif
