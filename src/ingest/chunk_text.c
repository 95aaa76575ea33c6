/* The text of a chunk that is embedded. */
#include <cof/ingest/chunker.h>

#include <cof/base/buffer.h>

#include "chunk_text.h"

#define SEPARATOR COF_TEXT(" > ")

/* The end of the path, from a whole heading on where possible: its last part says most. */
static struct cof_text shorten_path(struct cof_text path)
{
    while (path.size > COF_MAX_EMBEDDED_PATH) {
        size_t next = cof_text_index_of(path, SEPARATOR);
        if (next == SIZE_MAX)
            return cof_text_slice(path, 0, cof_utf8_floor(path, COF_MAX_EMBEDDED_PATH));
        path = cof_text_slice(path, next + SEPARATOR.size, path.size);
    }
    return path;
}

/* The path without the title as its first part. */
static struct cof_text skip_title(struct cof_text path, struct cof_text title)
{
    if (title.size == 0 || !cof_text_has_prefix(path, title))
        return path;
    struct cof_text rest = cof_text_slice(path, title.size, path.size);
    if (rest.size == 0)
        return rest;
    if (!cof_text_has_prefix(rest, SEPARATOR))
        return path;
    return cof_text_slice(rest, SEPARATOR.size, rest.size);
}

static void append_line(struct cof_buffer *out, struct cof_text line)
{
    if (line.size == 0)
        return;
    if (out->size > 0)
        cof_buffer_append_byte(out, '\n');
    cof_buffer_append_text(out, line);
}

void cof_chunk_context_append(struct cof_text title, struct cof_text path, struct cof_buffer *out)
{
    struct cof_text shown = title;
    if (title.size > COF_MAX_EMBEDDED_TITLE)
        shown = cof_text_slice(title, 0, cof_utf8_floor(title, COF_MAX_EMBEDDED_TITLE));
    append_line(out, cof_text_trim(shown));
    append_line(out, shorten_path(skip_title(path, title)));
}

enum cof_status cof_chunk_embedding_text(struct cof_text title, const struct cof_chunk_write *chunk,
                                         struct cof_arena *arena, struct cof_text *out_text,
                                         struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer text = {0};
    cof_chunk_context_append(title, chunk->heading, &text);
    append_line(&text, chunk->text);
    COF_TRY(cof_buffer_status(&text, err));
    struct cof_text copy = cof_arena_copy_text(arena, cof_buffer_text(&text));
    if (copy.data == NULL)
        return COF_FAIL_MEMORY(err);
    *out_text = copy;
    return COF_OK;
}
