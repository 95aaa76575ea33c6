/* Hits and citations as the command line shows them. */
#include "show.h"

#include <inttypes.h>

#include "cli.h"

#define SHOWN_BYTES 320

struct cof_shown_hit cof_show_hit_of(const struct cof_search_hit *hit)
{
    return (struct cof_shown_hit){
        .id = hit->document.external_id,
        .title = hit->document.title,
        .filename = hit->document.filename,
        .heading = hit->chunk.heading,
        .text = hit->chunk.text,
        .score = (double)hit->score,
        .version = hit->document.version,
        .byte_begin = hit->chunk.byte_begin,
        .byte_end = hit->chunk.byte_end,
    };
}

static struct cof_text text_of(const struct cof_json *object, const char *key)
{
    const struct cof_json *value = cof_json_find(object, key);
    struct cof_text none = {0};
    return value == NULL ? none : cof_json_text(value);
}

static uint64_t number_of(const struct cof_json *value)
{
    int64_t number = 0;
    return value != NULL && cof_json_is_whole(value, &number) && number >= 0 ? (uint64_t)number : 0;
}

/* "byte_range": [begin, end] */
static void range_of(const struct cof_json *object, uint64_t *out_begin, uint64_t *out_end)
{
    const struct cof_json *range = cof_json_find(object, "byte_range");
    const struct cof_json *begin = range == NULL ? NULL : cof_json_first(range);
    *out_begin = number_of(begin);
    *out_end = number_of(begin == NULL ? NULL : cof_json_next(begin));
}

struct cof_shown_hit cof_show_hit_parse(const struct cof_json *item)
{
    const struct cof_json *content = cof_json_find(item, "content");
    const struct cof_json *score = cof_json_find(item, "score");
    struct cof_shown_hit hit = {
        .id = text_of(item, "file_id"),
        .title = text_of(item, "title"),
        .filename = text_of(item, "filename"),
        .heading = text_of(item, "heading"),
        .score = score == NULL ? 0 : cof_json_number(score),
        .version = number_of(cof_json_find(item, "version")),
    };
    if (content != NULL && cof_json_first(content) != NULL) {
        hit.text = text_of(cof_json_first(content), "text");
    }
    range_of(item, &hit.byte_begin, &hit.byte_end);
    return hit;
}

struct cof_shown_citation cof_show_citation_of(const struct cof_citation *citation)
{
    return (struct cof_shown_citation){
        .marker = citation->marker,
        .id = citation->external_id,
        .title = citation->title,
        .filename = citation->filename,
        .quote = citation->quote,
        .byte_begin = citation->byte_begin,
        .byte_end = citation->byte_end,
    };
}

struct cof_shown_citation cof_show_citation_parse(const struct cof_json *item)
{
    struct cof_shown_citation citation = {
        .marker = number_of(cof_json_find(item, "n")),
        .id = text_of(item, "file_id"),
        .title = text_of(item, "title"),
        .filename = text_of(item, "filepath"),
        .quote = text_of(item, "content"),
    };
    range_of(item, &citation.byte_begin, &citation.byte_end);
    return citation;
}

static void write_range(struct cof_json_writer *writer, uint64_t begin, uint64_t end)
{
    cof_json_put_key(writer, "byte_range");
    cof_json_begin_array(writer);
    cof_json_put_unsigned(writer, begin);
    cof_json_put_unsigned(writer, end);
    cof_json_end_array(writer);
}

void cof_show_hit_write(const struct cof_shown_hit *hit, struct cof_json_writer *writer)
{
    cof_json_begin_object(writer);
    cof_json_member_text(writer, "id", hit->id);
    cof_json_member_number(writer, "score", hit->score);
    cof_json_member_text(writer, "title", hit->title);
    cof_json_member_text(writer, "filename", hit->filename);
    cof_json_member_text(writer, "heading", hit->heading);
    cof_json_member_unsigned(writer, "version", hit->version);
    write_range(writer, hit->byte_begin, hit->byte_end);
    cof_json_member_text(writer, "text", hit->text);
    cof_json_end_object(writer);
}

static struct cof_text shown_name(struct cof_text filename, struct cof_text id)
{
    return filename.size > 0 ? filename : id;
}

void cof_show_hit_print(const struct cof_shown_hit *hit, size_t rank)
{
    struct cof_text name = shown_name(hit->filename, hit->id);
    bool is_long = hit->text.size > SHOWN_BYTES;
    struct cof_text text = cof_text_slice(
        hit->text, 0, is_long ? cof_utf8_floor(hit->text, SHOWN_BYTES) : hit->text.size);
    cof_out("%2zu  %.3f  %.*s", rank, hit->score, COF_TEXT_ARG(name));
    if (hit->heading.size > 0) {
        cof_out("  (%.*s)", COF_TEXT_ARG(hit->heading));
    }
    cof_out("\n    ");
    for (size_t i = 0; i < text.size; i++) {
        cof_out("%c", text.data[i] == '\n' ? ' ' : text.data[i]);
    }
    cof_out("%s\n\n", is_long ? " …" : "");
}

void cof_show_citation_write(const struct cof_shown_citation *citation,
                             struct cof_json_writer *writer)
{
    cof_json_begin_object(writer);
    cof_json_member_unsigned(writer, "n", citation->marker);
    cof_json_member_text(writer, "id", citation->id);
    cof_json_member_text(writer, "title", citation->title);
    cof_json_member_text(writer, "filename", citation->filename);
    write_range(writer, citation->byte_begin, citation->byte_end);
    cof_json_member_text(writer, "quote", citation->quote);
    cof_json_end_object(writer);
}

void cof_show_citation_print(const struct cof_shown_citation *citation)
{
    struct cof_text name = shown_name(citation->filename, citation->id);
    cof_out("[%" PRIu64 "] %.*s, bytes %" PRIu64 "–%" PRIu64 ": “%.*s”\n", citation->marker,
            COF_TEXT_ARG(name), citation->byte_begin, citation->byte_end,
            COF_TEXT_ARG(citation->quote));
}
