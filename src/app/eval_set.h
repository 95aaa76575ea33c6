/* An evaluation set on disk: BEIR layout, or the sample corpus's own.
 *
 * BEIR (Thakur et al., NeurIPS 2021): corpus.jsonl {"_id","title","text"}, queries.jsonl
 * {"_id","text"}, qrels/test.tsv with a header line and `query-id corpus-id score`. Samples: a
 * folder corpus/ of files and questions.jsonl (data/README.md). */
#ifndef COF_APP_EVAL_SET_H
#define COF_APP_EVAL_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/status.h>
#include <cof/base/text.h>

struct cof_eval_document {
    struct cof_text id; /* as the qrels name it */
    struct cof_text title;
    struct cof_text text;
};

struct cof_eval_judgment {
    struct cof_text document;
    int64_t grade; /* over 0 */
};

struct cof_eval_query {
    struct cof_text id;
    struct cof_text text;
    const struct cof_eval_judgment *judgments;
    size_t judgment_count; /* 0: the corpus does not answer it (samples only) */
    /* Samples only. */
    struct cof_text half; /* "tune" or "test" */
    const struct cof_text *must_contain;
    size_t must_contain_count;
};

struct cof_eval_set {
    bool is_samples;
    const char *corpus_folder;                 /* samples */
    const struct cof_eval_document *documents; /* BEIR */
    size_t document_count;
    const struct cof_eval_query *queries; /* BEIR: those with judgments */
    size_t query_count;
};

/* Everything lives in the arena. COF_INVALID names file and line. */
COF_MUST_USE enum cof_status cof_eval_set_load(const char *folder, struct cof_arena *arena,
                                               struct cof_eval_set *out_set, struct cof_error *err);

#endif
