/* The stack of open headings. */
#include "section.h"

#include <cof/base/buffer.h>

uint64_t cof_section_id(const struct cof_section *section)
{
    return section->depth > 0 ? section->headings[section->depth - 1].id : 0;
}

bool cof_section_must_pop(const struct cof_section *section, uint8_t level)
{
    return section->depth > 0 && (section->headings[section->depth - 1].block->level >= level ||
                                  section->depth == COF_MAX_HEADING_DEPTH);
}

struct cof_section_heading cof_section_pop(struct cof_section *section)
{
    section->depth--;
    return section->headings[section->depth];
}

void cof_section_push(struct cof_section *section, const struct cof_block *heading)
{
    section->headings[section->depth] = (struct cof_section_heading){
        .block = heading,
        .id = ++section->next_id,
    };
    section->depth++;
}

enum cof_status cof_section_path(const struct cof_section *section, struct cof_arena *arena,
                                 struct cof_text *out_path, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer path = {0};
    for (size_t i = 0; i < section->depth; i++) {
        struct cof_text text = section->headings[i].block->text;
        if (i > 0)
            cof_buffer_append_text(&path, COF_TEXT(" > "));
        if (text.size <= COF_MAX_PATH_PART) {
            cof_buffer_append_text(&path, text);
        } else {
            size_t cut = cof_utf8_floor(text, COF_MAX_PATH_PART);
            cof_buffer_append_text(&path, cof_text_trim(cof_text_slice(text, 0, cut)));
            cof_buffer_append_text(&path, COF_TEXT("\xe2\x80\xa6"));
        }
    }
    COF_TRY(cof_buffer_status(&path, err));
    struct cof_text copy = cof_arena_copy_text(arena, cof_buffer_text(&path));
    if (copy.data == NULL)
        return COF_FAIL_MEMORY(err);
    *out_path = copy;
    return COF_OK;
}
