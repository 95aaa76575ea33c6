/* Question in, cited and checked answer out.
 *
 * Retrieve → decide whether anything relevant was found → token budget → numbered passages → fixed
 * template → generator → attribution. Trust is the server's: every generated sentence is matched to
 * the passage that supports it (words, numbers, embedding, above calibrated floors) and the server
 * writes the marker `[n]` itself; a model's own marker counts only where that passage supports the
 * sentence. A sentence that nothing supports is held back, and by policy the answer becomes an
 * extractive one that quotes the passages. Nothing relevant: the answer says so, `is_grounded`
 * false, and no model is asked.
 *
 * Without collections it is plain generation: is_grounded false, no citations.
 * Any thread. Results live in the arena. docs/answers.md explains floors and figures. */
#ifndef COF_ANSWER_ANSWER_H
#define COF_ANSWER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cof/base/arena.h>
#include <cof/base/cancel.h>
#include <cof/base/status.h>
#include <cof/base/text.h>
#include <cof/embedder/embedder.h>
#include <cof/generate/generator.h>
#include <cof/search/search.h>

/* What happens to a sentence that no passage supports. */
enum cof_unsupported_policy {
    COF_UNSUPPORTED_FALLBACK = 0, /* the answer becomes (or continues as) an extractive one */
    COF_UNSUPPORTED_MARK,         /* it leaves with the marker "[unsupported]" */
    COF_UNSUPPORTED_REMOVE,       /* it is dropped */
};

enum cof_answer_kind {
    COF_ANSWER_PLAIN,      /* no retrieval was asked for */
    COF_ANSWER_GENERATED,  /* the model's sentences, attributed */
    COF_ANSWER_EXTRACTIVE, /* quoted from the passages */
    COF_ANSWER_NOT_FOUND,  /* nothing relevant: a fixed sentence in the question's language */
};

/* Where a sentence of the answer comes from. */
struct cof_citation {
    size_t marker; /* the n of [n], from 1, numbered in order of first use */
    uint64_t collection;
    uint64_t document_number;
    uint32_t version;
    uint64_t chunk_id;
    struct cof_text external_id;
    struct cof_text title;
    struct cof_text filename;
    uint64_t byte_begin; /* of the chunk in its source */
    uint64_t byte_end;
    struct cof_text quote;   /* the supporting sentence, literally in the chunk */
    char content_sha256[65]; /* of the chunk's text: lets a reader check that it is unchanged */
    float score;             /* of the search */
    size_t answer_begin;     /* byte range of the supported sentence in the answer's text, */
    size_t answer_end;       /* marker included */
};

struct cof_answer {
    enum cof_answer_kind kind;
    bool is_grounded;                     /* every sentence that left is supported or marked */
    struct cof_text text;                 /* with markers */
    const struct cof_citation *citations; /* one per marked sentence and passage */
    size_t citation_count;
    const struct cof_search_hit *hits; /* all that were retrieved, best first */
    size_t hit_count;
    enum cof_finish_reason finish_reason;
    size_t prompt_tokens;
    size_t completion_tokens;
    size_t held_back_count; /* generated sentences that nothing supported */
    struct cof_search_trace search_trace;
    int64_t generate_ns;
};

struct cof_answer_request {
    const struct cof_message *messages; /* the caller's conversation; the last is the user's */
    size_t message_count;
    const uint64_t *collections; /* collection_count 0 = plain generation */
    size_t collection_count;
    size_t k; /* passages wanted; 0 = 6 */
    enum cof_search_mode mode;
    const struct cof_filter *filter;
    float min_score; /* 0 = calibrated floor */
    const struct cof_principal *principal;
    enum cof_unsupported_policy policy;
    size_t max_tokens; /* 0 = 400 */
    float temperature;
    float top_p;
    uint32_t seed;
    const struct cof_text *stops;
    size_t stop_count;
    const struct cof_cancel *cancel;

    /* Called once after retrieval and before the first piece, with the hits that will be shown:
     * the audit's intent. A failure ends the answer with that status. May be NULL. */
    enum cof_status (*on_retrieved)(void *context, const struct cof_search_result *result,
                                    struct cof_error *err);
    /* Streaming: whole attributed sentences as they are released; together they are the text.
     * Returning false cancels. May be NULL. */
    bool (*on_piece)(void *context, struct cof_text piece);
    void *context;
};

struct cof_answerer_options {
    struct cof_searcher *searcher;
    struct cof_embedder *embedder;
    struct cof_generator *generator;
    const struct cof_clock *clock;
    size_t max_context_tokens; /* of passages in the prompt; 0 = by the generator's context */
};
struct cof_answerer;
COF_MUST_USE enum cof_status cof_answerer_create(const struct cof_answerer_options *options,
                                                 struct cof_answerer **out_answerer,
                                                 struct cof_error *err);
void cof_answerer_destroy(struct cof_answerer *answerer);

COF_MUST_USE enum cof_status cof_answer(struct cof_answerer *answerer,
                                        const struct cof_answer_request *request,
                                        struct cof_arena *arena, struct cof_answer *out_answer,
                                        struct cof_error *err);

const char *cof_answer_kind_name(enum cof_answer_kind kind);

#endif
