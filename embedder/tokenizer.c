/* What every tokenizer shares: the special tokens around texts, and where pairs are cut. */
#include "tokenizer.h"

#include <string.h>

enum cof_status cof_tokenizer_each(const struct cof_tokenizer *tokenizer, struct cof_text text,
                                   cof_token_fn each, void *context, struct cof_error *err)
{
    return tokenizer->ops->each(tokenizer, text, each, context, err);
}

static bool count_token(void *context, uint32_t id, size_t begin, size_t end)
{
    (void)id;
    (void)begin;
    (void)end;
    (*(size_t *)context)++;
    return true;
}

enum cof_status cof_tokenizer_count(const struct cof_tokenizer *tokenizer, struct cof_text text,
                                    size_t *out_count, struct cof_error *err)
{
    size_t count = 0;
    COF_TRY(tokenizer->ops->each(tokenizer, text, count_token, &count, err));
    *out_count = count;
    return COF_OK;
}

size_t cof_tokenizer_most_ids(const struct cof_tokenizer *tokenizer, size_t byte_count)
{
    if (tokenizer->ops->most_ids == NULL)
        return SIZE_MAX;
    size_t most = tokenizer->ops->most_ids(tokenizer, byte_count);
    return most < SIZE_MAX - 2 ? most + 2 : SIZE_MAX;
}

enum cof_status cof_tokenizer_encode(const struct cof_tokenizer *tokenizer, struct cof_text prefix,
                                     struct cof_text text, uint32_t *out_ids, size_t max_count,
                                     size_t *out_count, struct cof_error *err)
{
    size_t count = 0;
    COF_TRY(
        tokenizer->ops->write(tokenizer, prefix, text, out_ids + 1, max_count - 2, &count, err));
    out_ids[0] = tokenizer->begin_id;
    out_ids[count + 1] = tokenizer->end_id;
    *out_count = count + 2;
    return COF_OK;
}

size_t cof_tokenizer_frame(const struct cof_tokenizer *tokenizer, const uint32_t *ids, size_t count,
                           uint32_t *out_ids, size_t max_count)
{
    if (count > max_count - 2)
        count = max_count - 2;
    out_ids[0] = tokenizer->begin_id;
    if (count > 0)
        memcpy(out_ids + 1, ids, count * sizeof(*ids));
    out_ids[count + 1] = tokenizer->end_id;
    return count + 2;
}

static enum cof_status write_plain(const struct cof_tokenizer *tokenizer, struct cof_text text,
                                   uint32_t *out_ids, size_t max_count, size_t *out_count,
                                   struct cof_error *err)
{
    return tokenizer->ops->write(tokenizer, (struct cof_text){0}, text, out_ids, max_count,
                                 out_count, err);
}

/* Of a first text that takes more than half of the room, writes what the second leaves to it. The
 * second one is only measured here; its ids are written behind the first one's afterwards. */
static enum cof_status cut_first(const struct cof_tokenizer *tokenizer, struct cof_text first,
                                 struct cof_text second, size_t room, uint32_t *out_ids,
                                 size_t *out_count, struct cof_error *err)
{
    size_t wanted = 0;
    COF_TRY(write_plain(tokenizer, second, out_ids, room - room / 2, &wanted, err));
    return write_plain(tokenizer, first, out_ids, room - wanted, out_count, err);
}

enum cof_status cof_tokenizer_encode_pair(const struct cof_tokenizer *tokenizer,
                                          struct cof_text first, struct cof_text second,
                                          uint32_t *out_ids, size_t max_count, size_t *out_count,
                                          size_t *out_second_begin, struct cof_error *err)
{
    size_t room = max_count - 2 - tokenizer->separator_count;
    size_t first_count = 0;
    size_t second_count = 0;
    COF_TRY(write_plain(tokenizer, first, out_ids + 1, room, &first_count, err));
    if (first_count > room / 2)
        COF_TRY(cut_first(tokenizer, first, second, room, out_ids + 1, &first_count, err));
    size_t at = 1 + first_count;
    for (size_t i = 0; i < tokenizer->separator_count; i++)
        out_ids[at++] = tokenizer->end_id;
    COF_TRY(write_plain(tokenizer, second, out_ids + at, room - first_count, &second_count, err));
    out_ids[0] = tokenizer->begin_id;
    out_ids[at + second_count] = tokenizer->end_id;
    *out_second_begin = at;
    *out_count = at + second_count + 1;
    return COF_OK;
}

void cof_tokenizer_close(struct cof_tokenizer *tokenizer)
{
    if (tokenizer != NULL)
        tokenizer->ops->close(tokenizer);
}
