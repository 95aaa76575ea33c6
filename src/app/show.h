/* Hits and citations as the command line shows them, wherever they came from. */
#ifndef COF_APP_SHOW_H
#define COF_APP_SHOW_H

#include <cof/base/json.h>
#include <cof/service/service.h>

/* One hit; views are borrowed. */
struct cof_shown_hit {
    struct cof_text id;
    struct cof_text title;
    struct cof_text filename;
    struct cof_text heading;
    struct cof_text text;
    double score;
    uint64_t version;
    uint64_t byte_begin, byte_end;
};

struct cof_shown_citation {
    uint64_t marker;
    struct cof_text id;
    struct cof_text title;
    struct cof_text filename;
    struct cof_text quote;
    uint64_t byte_begin, byte_end;
};

struct cof_shown_hit cof_show_hit_of(const struct cof_search_hit *hit);
/* From an item of `data` of the search endpoint. */
struct cof_shown_hit cof_show_hit_parse(const struct cof_json *item);
struct cof_shown_citation cof_show_citation_of(const struct cof_citation *citation);
/* From an item of `context.citations` of the chat endpoint. */
struct cof_shown_citation cof_show_citation_parse(const struct cof_json *item);

void cof_show_hit_write(const struct cof_shown_hit *hit, struct cof_json_writer *writer);
void cof_show_hit_print(const struct cof_shown_hit *hit, size_t rank);
void cof_show_citation_write(const struct cof_shown_citation *citation,
                             struct cof_json_writer *writer);
void cof_show_citation_print(const struct cof_shown_citation *citation);

#endif
