/* The only source of vector scores in this folder.
 *
 * What a graph walk found is scored with it again, so that equal vectors get equal scores wherever
 * they lie and ties are broken by number alone. It is Faiss's kernel, built for this machine's
 * processor, or our own in a program without Faiss; never both in one program. */
#ifndef COF_INDEX_INNER_PRODUCT_H
#define COF_INDEX_INNER_PRODUCT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

float cof_inner_product(const float *a, const float *b, size_t dimension);

#ifdef __cplusplus
}
#endif

#endif
