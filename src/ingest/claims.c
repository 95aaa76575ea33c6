/* Claims: a list of those held, compared key by key. */
#include "claims.h"

#include <stdbool.h>
#include <stdlib.h>

static int compare_keys(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return (*left > *right) - (*left < *right);
}

static bool overlap(const struct cof_claim *a, const struct cof_claim *b)
{
    size_t i = 0;
    size_t j = 0;
    while (i < a->count && j < b->count) {
        if (a->keys[i] == b->keys[j])
            return true;
        if (a->keys[i] < b->keys[j])
            i++;
        else
            j++;
    }
    return false;
}

static bool is_free(const struct cof_claims *claims, const struct cof_claim *claim)
{
    for (const struct cof_claim *held = claims->held; held != NULL; held = held->next) {
        if (overlap(held, claim))
            return false;
    }
    return true;
}

void cof_claims_init(struct cof_claims *claims)
{
    *claims = (struct cof_claims){0};
    pthread_mutex_init(&claims->lock, NULL);
    pthread_cond_init(&claims->is_released, NULL);
}

void cof_claims_deinit(struct cof_claims *claims)
{
    pthread_cond_destroy(&claims->is_released);
    pthread_mutex_destroy(&claims->lock);
}

uint64_t cof_claim_key(uint64_t collection, struct cof_text external_id)
{
    uint64_t key = UINT64_C(0xcbf29ce484222325) ^ collection; /* FNV-1a */
    key *= UINT64_C(0x100000001b3);
    for (size_t i = 0; i < external_id.size; i++) {
        key ^= (uint8_t)external_id.data[i];
        key *= UINT64_C(0x100000001b3);
    }
    return key;
}

void cof_claims_take(struct cof_claims *claims, struct cof_claim *claim)
{
    if (claim->count > 0)
        qsort(claim->keys, claim->count, sizeof(claim->keys[0]), compare_keys);
    pthread_mutex_lock(&claims->lock);
    while (!is_free(claims, claim))
        pthread_cond_wait(&claims->is_released, &claims->lock);
    claim->next = claims->held;
    claims->held = claim;
    pthread_mutex_unlock(&claims->lock);
}

void cof_claims_release(struct cof_claims *claims, struct cof_claim *claim)
{
    pthread_mutex_lock(&claims->lock);
    struct cof_claim **link = &claims->held;
    while (*link != NULL && *link != claim)
        link = &(*link)->next;
    if (*link != NULL)
        *link = claim->next;
    pthread_cond_broadcast(&claims->is_released);
    pthread_mutex_unlock(&claims->lock);
}
