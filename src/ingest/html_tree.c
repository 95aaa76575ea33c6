/* The only file that calls gumbo's parser. */
#include "html_tree.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/alloc.h>

/* Stands before the memory that gumbo gets. */
struct piece {
    alignas(max_align_t) struct piece *next;
    struct piece *previous;
};

struct cof_html_memory {
    struct piece pieces; /* head of the ring */
    jmp_buf out_of_memory;
};

static void *allocate(void *userdata, size_t size)
{
    struct cof_html_memory *memory = userdata;
    struct piece *piece = NULL;
    if (size < SIZE_MAX / 2)
        piece = cof_calloc(1, sizeof(*piece) + size);
    if (piece == NULL)
        longjmp(memory->out_of_memory, 1);
    piece->next = memory->pieces.next;
    piece->previous = &memory->pieces;
    piece->next->previous = piece;
    memory->pieces.next = piece;
    return piece + 1;
}

static void release(void *userdata, void *data)
{
    (void)userdata;
    if (data == NULL)
        return;
    struct piece *piece = (struct piece *)data - 1;
    piece->previous->next = piece->next;
    piece->next->previous = piece->previous;
    cof_free(piece);
}

static void memory_destroy(struct cof_html_memory *memory)
{
    if (memory == NULL)
        return;
    struct piece *piece = memory->pieces.next;
    while (piece != &memory->pieces) {
        struct piece *next = piece->next;
        cof_free(piece);
        piece = next;
    }
    cof_free(memory);
}

/* NULL when memory ran out. Nothing of this frame changes between setjmp and longjmp. */
static const GumboNode *parse(struct cof_html_memory *memory, const GumboOptions *options,
                              struct cof_text source)
{
    if (setjmp(memory->out_of_memory) != 0)
        return NULL;
    return gumbo_parse_with_options(options, source.size > 0 ? source.data : "", source.size)->root;
}

enum cof_status cof_html_tree_create(struct cof_text source, struct cof_html_tree *out_tree,
                                     struct cof_error *err)
{
    struct cof_html_memory *memory = cof_calloc(1, sizeof(*memory));
    if (memory == NULL)
        return COF_FAIL_MEMORY(err);
    memory->pieces.next = &memory->pieces;
    memory->pieces.previous = &memory->pieces;
    GumboOptions options = kGumboDefaultOptions;
    options.allocator = allocate;
    options.deallocator = release;
    options.userdata = memory;
    options.max_errors = 0; /* nobody reads them */
    const GumboNode *root = parse(memory, &options, source);
    if (root == NULL) {
        memory_destroy(memory);
        return COF_FAIL_MEMORY(err);
    }
    *out_tree = (struct cof_html_tree){.root = root, .memory = memory};
    return COF_OK;
}

void cof_html_tree_destroy(struct cof_html_tree *tree)
{
    memory_destroy(tree->memory);
    *tree = (struct cof_html_tree){0};
}

struct cof_text cof_html_tag_name(const GumboElement *element)
{
    if (element->tag != GUMBO_TAG_UNKNOWN)
        return cof_text_from(gumbo_normalized_tagname(element->tag));
    GumboStringPiece name = element->original_tag;
    if (name.data == NULL || name.length < 2)
        return (struct cof_text){0};
    gumbo_tag_from_original_text(&name);
    return (struct cof_text){.data = name.data, .size = name.length};
}
