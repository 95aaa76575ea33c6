/* Which HTML a reader never sees, or sees as furniture of the page: it is not part of the text. */
#ifndef COF_INGEST_HTML_VISIBILITY_H
#define COF_INGEST_HTML_VISIBILITY_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/text.h>

/* Scripts, styles, templates, menus, controls of forms, embedded media. `name` in any case. */
bool cof_html_tag_is_dropped(struct cof_text name);
/* Elements without content and end tag. */
bool cof_html_tag_is_void(struct cof_text name);
/* Whether this attribute hides its element: hidden, aria-hidden="true", and the styles that show
 * nothing. Rules of style sheets are not looked at. */
bool cof_html_attribute_hides(struct cof_text name, struct cof_text value);

/* A tag as it stands in a text, for formats that may hold HTML. */
struct cof_html_tag {
    struct cof_text name;
    bool is_end;
    bool is_hidden; /* by an attribute */
    size_t size;    /* from < to > */
};
/* The tag at text.data[0], which is '<'; false when what stands there is none, or is longer than
 * max_size. */
bool cof_html_tag_read(struct cof_text text, size_t max_size, struct cof_html_tag *out_tag);

#endif
