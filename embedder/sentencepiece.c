/* Ids and places of sentencepiece's pieces, for encoders. */
#include "sentencepiece.h"

#include <cof/base/alloc.h>

#include "model_file.h"
#include "sentencepiece_model.h"
#include "sentencepiece_shim.h"

/* Raise it when the rules change, the library's own included: vectors of old and new tokens do not
 * mix. */
#define RULES_VERSION 1
#define MAX_FILE_BYTES ((size_t)64 << 20)

enum { XLM_R_BEGIN = 0, XLM_R_END = 2, XLM_R_UNKNOWN = 3, XLM_R_OFFSET = 1 };

struct sentencepiece {
    struct cof_tokenizer base;
    struct cof_sentencepiece_shim *shim;
    uint32_t offset;     /* from a piece to its id */
    uint32_t unknown;    /* the piece, … */
    uint32_t unknown_id; /* … and its id */
};

/* A text on its way through the library, window by window. */
struct run {
    const struct sentencepiece *tokenizer;
    struct cof_text text; /* the whole, prefix excluded */
    size_t base;          /* where the window begins in it */
    size_t given_end;     /* places before it have been given away */
    cof_token_fn each;
    void *context;
    bool is_stopped;
};

static uint32_t id_of(const struct sentencepiece *tokenizer, uint32_t piece)
{
    return piece == tokenizer->unknown ? tokenizer->unknown_id : piece + tokenizer->offset;
}

static size_t place_of(const struct run *run, size_t offset)
{
    size_t place = cof_utf8_floor(run->text, run->base + offset);
    return place > run->given_end ? place : run->given_end;
}

static bool give(void *context, uint32_t piece, size_t begin, size_t end)
{
    struct run *run = context;
    size_t place = place_of(run, begin);
    run->given_end = place;
    run->given_end = place_of(run, end);
    run->is_stopped = !run->each(run->context, id_of(run->tokenizer, piece), place, run->given_end);
    return !run->is_stopped;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* How much of the text is cut at once: up to the last white space that fits. */
static size_t window_size(struct cof_text rest)
{
    if (rest.size <= COF_SENTENCEPIECE_WINDOW_BYTES)
        return rest.size;
    size_t size = COF_SENTENCEPIECE_WINDOW_BYTES;
    while (size > COF_SENTENCEPIECE_WINDOW_BYTES / 2 && !is_space(rest.data[size]))
        size--;
    return is_space(rest.data[size]) ? size : cof_utf8_floor(rest, COF_SENTENCEPIECE_WINDOW_BYTES);
}

static enum cof_status run_windows(struct run *run, struct cof_text prefix,
                                   cof_sentencepiece_fn each, void *context, struct cof_error *err)
{
    do {
        struct cof_text rest = cof_text_slice(run->text, run->base, run->text.size);
        size_t size = window_size(rest);
        COF_TRY(cof_sentencepiece_shim_each(run->tokenizer->shim, prefix,
                                            cof_text_slice(rest, 0, size), each, context, err));
        prefix = (struct cof_text){0};
        run->base += size;
    } while (run->base < run->text.size && !run->is_stopped);
    return COF_OK;
}

static enum cof_status sentencepiece_each(const struct cof_tokenizer *tokenizer,
                                          struct cof_text text, cof_token_fn each, void *context,
                                          struct cof_error *err)
{
    struct run run = {.tokenizer = (const struct sentencepiece *)tokenizer,
                      .text = text,
                      .each = each,
                      .context = context};
    return run_windows(&run, (struct cof_text){0}, give, &run, err);
}

struct id_list {
    struct run run;
    uint32_t *ids;
    size_t count;
    size_t max_count;
};

static bool append_id(void *context, uint32_t piece, size_t begin, size_t end)
{
    struct id_list *list = context;
    (void)begin;
    (void)end;
    list->ids[list->count++] = id_of(list->run.tokenizer, piece);
    list->run.is_stopped = list->count == list->max_count;
    return !list->run.is_stopped;
}

static enum cof_status sentencepiece_write(const struct cof_tokenizer *tokenizer,
                                           struct cof_text prefix, struct cof_text text,
                                           uint32_t *out_ids, size_t max_count, size_t *out_count,
                                           struct cof_error *err)
{
    struct id_list list = {
        .run = {.tokenizer = (const struct sentencepiece *)tokenizer, .text = text},
        .ids = out_ids,
        .max_count = max_count,
    };
    if (max_count > 0)
        COF_TRY(run_windows(&list.run, prefix, append_id, &list, err));
    *out_count = list.count;
    return COF_OK;
}

static void sentencepiece_close(struct cof_tokenizer *tokenizer)
{
    struct sentencepiece *sentencepiece = (struct sentencepiece *)tokenizer;
    cof_sentencepiece_shim_unload(sentencepiece->shim);
    cof_free(sentencepiece);
}

static const struct cof_tokenizer_ops SENTENCEPIECE_OPS = {
    .name = "sentencepiece",
    .each = sentencepiece_each,
    .write = sentencepiece_write,
    .close = sentencepiece_close,
};

/* The first three pieces of XLM-R's models are <unk>, <s> and </s>; behind fairseq's shift, ids
 * 0 to 3 are free for its own four. */
static enum cof_status number_as_xlm_r(struct sentencepiece *tokenizer, struct cof_error *err)
{
    const struct cof_sentencepiece_shim *shim = tokenizer->shim;
    if (tokenizer->unknown != 0 || cof_sentencepiece_shim_begin_id(shim) != 1 ||
        cof_sentencepiece_shim_end_id(shim) != 2)
        return COF_FAIL(err, COF_INVALID,
                        "the first pieces are not <unk>, <s> and </s>, as XLM-RoBERTa's are");
    tokenizer->offset = XLM_R_OFFSET;
    tokenizer->unknown_id = XLM_R_UNKNOWN;
    tokenizer->base.begin_id = XLM_R_BEGIN;
    tokenizer->base.end_id = XLM_R_END;
    tokenizer->base.separator_count = 2;
    return COF_OK;
}

static uint32_t either(uint32_t id, uint32_t otherwise)
{
    return id != COF_SENTENCEPIECE_NONE ? id : otherwise;
}

static enum cof_status number_as_is(struct sentencepiece *tokenizer, struct cof_error *err)
{
    const struct cof_sentencepiece_shim *shim = tokenizer->shim;
    tokenizer->unknown_id = tokenizer->unknown;
    tokenizer->base.begin_id = either(cof_sentencepiece_shim_control(shim, "[CLS]"),
                                      cof_sentencepiece_shim_begin_id(shim));
    tokenizer->base.end_id =
        either(cof_sentencepiece_shim_control(shim, "[SEP]"), cof_sentencepiece_shim_end_id(shim));
    tokenizer->base.separator_count = 1;
    if (tokenizer->base.begin_id == COF_SENTENCEPIECE_NONE ||
        tokenizer->base.end_id == COF_SENTENCEPIECE_NONE)
        return COF_FAIL(err, COF_INVALID,
                        "there are no control pieces [CLS] and [SEP] or <s> and </s>");
    return COF_OK;
}

static void compute_digest(struct sentencepiece *tokenizer, struct cof_bytes model,
                           enum cof_sentencepiece_ids ids)
{
    struct cof_fingerprint fingerprint;
    cof_fingerprint_begin(&fingerprint);
    cof_fingerprint_add_text(&fingerprint, COF_TEXT("sentencepiece"));
    cof_fingerprint_add_number(&fingerprint, RULES_VERSION);
    cof_fingerprint_add_number(&fingerprint, (uint64_t)ids);
    cof_fingerprint_add(&fingerprint, model);
    cof_fingerprint_finish(&fingerprint, tokenizer->base.digest);
}

static enum cof_status build(struct sentencepiece *tokenizer, struct cof_bytes model,
                             enum cof_sentencepiece_ids ids, struct cof_error *err)
{
    COF_TRY(cof_sentencepiece_model_check(model, err));
    COF_TRY(cof_sentencepiece_shim_load(model, &tokenizer->shim, err));
    tokenizer->unknown = cof_sentencepiece_shim_unknown_id(tokenizer->shim);
    if (ids == COF_SENTENCEPIECE_XLM_R)
        COF_TRY(number_as_xlm_r(tokenizer, err));
    else
        COF_TRY(number_as_is(tokenizer, err));
    tokenizer->base.token_count =
        cof_sentencepiece_shim_piece_count(tokenizer->shim) + tokenizer->offset;
    compute_digest(tokenizer, model, ids);
    return COF_OK;
}

enum cof_status cof_sentencepiece_parse(struct cof_bytes model, enum cof_sentencepiece_ids ids,
                                        struct cof_tokenizer **out_tokenizer, struct cof_error *err)
{
    struct sentencepiece *tokenizer = cof_calloc(1, sizeof(*tokenizer));
    if (tokenizer == NULL)
        return COF_FAIL_MEMORY(err);
    tokenizer->base.ops = &SENTENCEPIECE_OPS;
    enum cof_status status = build(tokenizer, model, ids, err);
    if (status != COF_OK) {
        sentencepiece_close(&tokenizer->base);
        return status;
    }
    *out_tokenizer = &tokenizer->base;
    return COF_OK;
}

enum cof_status cof_sentencepiece_open(const char *folder, const char *name,
                                       enum cof_sentencepiece_ids ids,
                                       struct cof_tokenizer **out_tokenizer, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    COF_TRY(cof_model_file_read(folder, name, MAX_FILE_BYTES, &content, err));
    return cof_model_file_blame(
        name, cof_sentencepiece_parse(cof_buffer_bytes(&content), ids, out_tokenizer, err), err);
}
