/* One allocation per document: the record, then its lists, then its texts. */
#include "index_document.h"

#include <stdalign.h>
#include <string.h>

#include <cof/base/alloc.h>

#include "attribute_values.h"

static size_t round_up(size_t size)
{
    return (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

static size_t names_size(const struct cof_text *names, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += names[i].size;
    return size;
}

static struct cof_text copy_text(struct cof_text text, char **next)
{
    struct cof_text copy = {.data = *next, .size = text.size};

    if (text.size > 0)
        memcpy(*next, text.data, text.size);
    *next += text.size;
    return copy;
}

static const struct cof_text *copy_names(const struct cof_text *names, size_t count,
                                         struct cof_text *list, char **next)
{
    for (size_t i = 0; i < count; i++)
        list[i] = copy_text(names[i], next);
    return list;
}

static size_t copy_size(const struct cof_document *document,
                        const struct cof_attributes *attributes)
{
    const struct cof_acl *acl = &document->acl;

    return round_up(sizeof(struct cof_index_document)) +
           (acl->allow_count + acl->deny_count) * sizeof(struct cof_text) +
           round_up(cof_attributes_copy_size(attributes)) + document->title.size +
           names_size(acl->allow, acl->allow_count) + names_size(acl->deny, acl->deny_count);
}

/* Attributes first, because they want the alignment; texts last. */
static struct cof_index_document *copy_into(void *memory, const struct cof_document *document,
                                            const struct cof_attributes *attributes)
{
    const struct cof_acl *acl = &document->acl;
    struct cof_index_document *copy = memory;
    char *next = (char *)memory + round_up(sizeof(*copy));

    *copy = (struct cof_index_document){
        .seen = {.number = document->number, .version = document->version},
        .first_chunk_id = document->first_chunk_id,
        .chunk_count = document->chunk_count,
    };
    copy->seen.attributes = cof_attributes_copy(attributes, next);
    next += round_up(cof_attributes_copy_size(attributes));
    struct cof_text *names = (struct cof_text *)(void *)next;
    next += (acl->allow_count + acl->deny_count) * sizeof(*names);
    copy->acl = (struct cof_acl){
        .is_set = acl->is_set,
        .allow_count = acl->allow_count,
        .deny_count = acl->deny_count,
    };
    copy->acl.allow = copy_names(acl->allow, acl->allow_count, names, &next);
    copy->acl.deny = copy_names(acl->deny, acl->deny_count, names + acl->allow_count, &next);
    copy->title = copy_text(document->title, &next);
    copy->seen.acl = &copy->acl;
    return copy;
}

enum cof_status cof_index_document_create(const struct cof_document *document,
                                          struct cof_index_document **out_document,
                                          struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    const struct cof_attributes *attributes = NULL;

    COF_TRY(cof_attributes_parse(document->attributes, &arena, &attributes, err));
    void *memory = cof_calloc(1, copy_size(document, attributes));
    if (memory == NULL)
        return COF_FAIL_MEMORY(err);
    *out_document = copy_into(memory, document, attributes);
    return COF_OK;
}

void cof_index_document_destroy(struct cof_index_document *document)
{
    if (document == NULL)
        return;
    cof_free(document->pending);
    cof_free(document);
}

size_t cof_index_document_memory_bytes(const struct cof_index_document *document)
{
    struct cof_document like = {.title = document->title, .acl = document->acl};

    return copy_size(&like, document->seen.attributes);
}
