/* A ring of the newest pairs, and a chained hash table over it. */
#include "recent.h"

#include <string.h>

#include <cof/base/alloc.h>

#define COUNT 65536U
#define NONE UINT32_MAX

struct pair {
    uint8_t request_id[16];
    uint32_t event;
    uint32_t next; /* in its chain; NONE ends it */
};

struct cof_recent {
    uint64_t added;
    uint32_t heads[COUNT];
    struct pair ring[COUNT];
};

/* Request ids are ours and end in randomness (UUIDv7). */
static uint32_t chain_of(const uint8_t request_id[16], enum cof_audit_event event)
{
    uint32_t hash = (uint32_t)event * 2654435761U;
    for (unsigned i = 0; i < 16; i++)
        hash = (hash ^ request_id[i]) * 16777619U;
    return hash % COUNT;
}

static void unlink_pair(struct cof_recent *recent, uint32_t index)
{
    const struct pair *gone = &recent->ring[index];
    uint32_t *link = &recent->heads[chain_of(gone->request_id, (enum cof_audit_event)gone->event)];
    while (*link != index)
        link = &recent->ring[*link].next;
    *link = gone->next;
}

struct cof_recent *cof_recent_create(void)
{
    struct cof_recent *recent = cof_calloc(1, sizeof(*recent));
    if (recent != NULL)
        memset(recent->heads, 0xff, sizeof(recent->heads)); /* NONE */
    return recent;
}

void cof_recent_destroy(struct cof_recent *recent)
{
    cof_free(recent);
}

void cof_recent_add(struct cof_recent *recent, const uint8_t request_id[16],
                    enum cof_audit_event event)
{
    uint32_t index = (uint32_t)(recent->added % COUNT);
    struct pair *pair = &recent->ring[index];
    if (recent->added >= COUNT)
        unlink_pair(recent, index);
    uint32_t *head = &recent->heads[chain_of(request_id, event)];
    memcpy(pair->request_id, request_id, sizeof(pair->request_id));
    pair->event = (uint32_t)event;
    pair->next = *head;
    *head = index;
    recent->added++;
}

bool cof_recent_has(const struct cof_recent *recent, const uint8_t request_id[16],
                    enum cof_audit_event event)
{
    uint32_t index = recent->heads[chain_of(request_id, event)];
    for (; index != NONE; index = recent->ring[index].next) {
        const struct pair *pair = &recent->ring[index];
        if (pair->event == (uint32_t)event &&
            memcmp(pair->request_id, request_id, sizeof(pair->request_id)) == 0)
            return true;
    }
    return false;
}
