/* Gumbo's tree of an HTML source, in memory that goes back as a whole.
 *
 * Gumbo neither survives a failed allocation nor frees a deep tree without recursion, so it is
 * given an allocator that does both: failure leaves the parser by longjmp, and everything is freed
 * from a list. */
#ifndef COF_INGEST_HTML_TREE_H
#define COF_INGEST_HTML_TREE_H

#include <gumbo.h>

#include <cof/base/status.h>
#include <cof/base/text.h>

struct cof_html_memory; /* opaque */

struct cof_html_tree {
    const GumboNode *root; /* <html> */
    struct cof_html_memory *memory;
};

/* The tree borrows from `source`. COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_html_tree_create(struct cof_text source,
                                                  struct cof_html_tree *out_tree,
                                                  struct cof_error *err);
void cof_html_tree_destroy(struct cof_html_tree *tree);

/* Lower-case name; of an unknown element as it was written. */
struct cof_text cof_html_tag_name(const GumboElement *element);

#endif
