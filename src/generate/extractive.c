/* The backend that quotes: no model, no state, any number of threads.
 *
 * A token is a Unicode word here, or a CJK character. White space inside a quoted sentence becomes
 * one space, or nothing between CJK characters, because passages keep the line breaks of their
 * source. */
#include <cof/generate/extractive.h>

#include <stdlib.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/base/buffer.h>
#include <cof/base/clock.h>
#include <cof/base/unicode.h>

#include "fingerprint.h"
#include "text_stream.h"

#define MAX_QUOTE_COUNT ((size_t)3)
#define MIN_SCORE_SHARE 0.5f /* of the best sentence's; below it one more only distracts */
#define DEFAULT_MAX_TOKENS ((size_t)256)
#define CONTEXT_TOKENS ((size_t)65536)

/* Counts words, and finds where the last one that is allowed ends. */
struct counter {
    size_t count;
    size_t max_count;
    size_t end;   /* byte behind the last counted word */
    bool is_full; /* there was one more */
};

static bool count_word(void *context, struct cof_text word, size_t offset, bool is_cjk)
{
    struct counter *counter = context;

    for (size_t i = 0; i < word.size;) {
        uint32_t code_point = 0;
        size_t size = is_cjk ? cof_utf8_decode(word, i, &code_point) : word.size;

        if (counter->count == counter->max_count) {
            counter->is_full = true;
            return false;
        }
        counter->count++;
        i += size;
        counter->end = offset + i;
    }
    return true;
}

static enum cof_status extractive_count_tokens(struct cof_generator *generator,
                                               struct cof_text text, size_t *out_count,
                                               struct cof_error *err)
{
    struct counter counter = {.max_count = SIZE_MAX};

    (void)generator;
    COF_TRY(cof_unicode_each_word(text, count_word, &counter, err));
    *out_count = counter.count;
    return COF_OK;
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

static bool is_cjk_at(struct cof_text text, size_t offset)
{
    uint32_t code_point = 0;

    (void)cof_utf8_decode(text, cof_utf8_floor(text, offset), &code_point);
    return cof_unicode_is_cjk(code_point) || (code_point >= 0x3000 && code_point <= 0x303F) ||
           (code_point >= 0xFF00 && code_point <= 0xFF60);
}

static void append_on_one_line(struct cof_text text, struct cof_buffer *out)
{
    for (size_t i = 0; i < text.size;) {
        size_t end = i;

        while (end < text.size && is_blank(text.data[end]))
            end++;
        if (end == i) {
            cof_buffer_append_byte(out, (uint8_t)text.data[i++]);
            continue;
        }
        if (i > 0 && end < text.size &&
            !(memchr(text.data + i, '\n', end - i) != NULL && is_cjk_at(text, i - 1) &&
              is_cjk_at(text, end)))
            cof_buffer_append_byte(out, ' ');
        i = end;
    }
}

/* How many of the extracts, best first, are worth quoting beside the best. */
static size_t count_worthy(const struct cof_extract *extracts, size_t count)
{
    size_t worthy = 0;

    while (worthy < count && extracts[worthy].score >= MIN_SCORE_SHARE * extracts[0].score)
        worthy++;
    return worthy;
}

static int by_place(const void *left, const void *right)
{
    const struct cof_extract *a = left;
    const struct cof_extract *b = right;

    if (a->passage != b->passage)
        return a->passage < b->passage ? -1 : 1;
    return a->begin < b->begin ? -1 : a->begin > b->begin;
}

/* Writes the chosen sentences until max_tokens words are out. */
static enum cof_status quote(const struct cof_generate_request *request,
                             const struct cof_extract *extracts, size_t count,
                             struct cof_text_stream *stream, struct cof_generate_result *result,
                             struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer line = {0};
    size_t left = request->max_tokens > 0 ? request->max_tokens : DEFAULT_MAX_TOKENS;

    result->finish_reason = COF_FINISH_STOP;
    for (size_t i = 0; i < count && !stream->is_stopped; i++) {
        struct counter counter = {.max_count = left};

        COF_TRY(cof_cancel_check(request->cancel, err));
        cof_buffer_clear(&line);
        if (i > 0)
            cof_buffer_append_byte(&line, ' ');
        append_on_one_line(cof_text_slice(request->passages[extracts[i].passage].text,
                                          extracts[i].begin, extracts[i].end),
                           &line);
        COF_TRY(cof_buffer_status(&line, err));

        struct cof_text text = cof_buffer_text(&line);

        COF_TRY(cof_unicode_each_word(text, count_word, &counter, err));
        if (counter.is_full) {
            text = cof_text_slice(text, 0, counter.end);
            result->finish_reason = COF_FINISH_LENGTH;
        }
        result->completion_tokens += counter.count;
        left -= counter.count;
        COF_TRY(cof_text_stream_push(stream, cof_text_bytes(text), err));
        if (result->finish_reason == COF_FINISH_LENGTH)
            break;
    }
    if (stream->is_stopped)
        result->finish_reason = COF_FINISH_STOP;
    return cof_text_stream_finish(stream, err);
}

static enum cof_status extractive_generate(struct cof_generator *generator,
                                           const struct cof_generate_request *request,
                                           cof_token_fn each, void *context,
                                           struct cof_generate_result *out_result,
                                           struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_text_stream_deinit)
    struct cof_text_stream stream = {.stops = request->stops,
                                     .stop_count = request->stop_count,
                                     .each = each,
                                     .context = context};
    struct cof_generate_result result = {0};
    struct cof_extract *extracts = NULL;
    size_t count = 0;
    int64_t begin = cof_clock_steady_ns(cof_clock_system());

    if (request->passage_count == 0)
        return COF_FAIL(err, COF_INVALID, "there are no passages to quote from");
    for (size_t i = 0; i < request->message_count; i++) {
        size_t tokens = 0;

        COF_TRY(extractive_count_tokens(generator, request->messages[i].content, &tokens, err));
        result.prompt_tokens += tokens;
    }
    COF_TRY(cof_extract_sentences(request->question, request->passages, request->passage_count,
                                  MAX_QUOTE_COUNT, &arena, &extracts, &count, err));
    count = count_worthy(extracts, count);
    qsort(extracts, count, sizeof(*extracts), by_place);

    int64_t middle = cof_clock_steady_ns(cof_clock_system());

    enum cof_status status = quote(request, extracts, count, &stream, &result, err);

    result.prompt_ns = middle - begin;
    result.completion_ns = cof_clock_steady_ns(cof_clock_system()) - middle;
    if (status == COF_OK || status == COF_CANCELED)
        *out_result = result;
    return status;
}

static void extractive_close(struct cof_generator *generator)
{
    cof_free(generator);
}

static const struct cof_generator_ops extractive_ops = {
    .name = "extractive",
    .generate = extractive_generate,
    .count_tokens = extractive_count_tokens,
    .close = extractive_close,
};

enum cof_status cof_extractive_open(struct cof_generator **out_generator, struct cof_error *err)
{
    struct cof_generator *generator = cof_calloc(1, sizeof(*generator));

    if (generator == NULL)
        return COF_FAIL_MEMORY(err);
    generator->ops = &extractive_ops;
    generator->info = (struct cof_generator_info){
        .name = extractive_ops.name,
        .backend = extractive_ops.name,
        .context_tokens = CONTEXT_TOKENS,
    };
    /* A new number when the choice of sentences changes. */
    cof_fingerprint(cof_text_bytes(COF_TEXT("coffer extractive 1")), 1,
                    generator->info.fingerprint);
    *out_generator = generator;
    return COF_OK;
}
