/* Whether a sentencepiece model's normalisation rules may be handed to the library.
 *
 * The rules are a double-array trie (Aoe 1989; the layout is darts-clone's) and the texts that
 * its leaves point to. The library follows the trie without looking at its bounds and keeps at most
 * 32 matches of one place in an array on the stack, so a file that lies there would be read, and
 * written, out of bounds. Any thread. */
#ifndef COF_EMBEDDER_CHARSMAP_H
#define COF_EMBEDDER_CHARSMAP_H

#include <cof/base/status.h>
#include <cof/base/text.h>

/* The "precompiled_charsmap" of a model; empty bytes are no rules and pass. COF_CORRUPT naming what
 * is wrong; COF_NO_MEMORY. */
COF_MUST_USE enum cof_status cof_charsmap_check(struct cof_bytes charsmap, struct cof_error *err);

#endif
