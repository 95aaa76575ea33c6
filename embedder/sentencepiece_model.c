/* Reads a model's pieces and settings the way the library will, and refuses what would lead it
 * astray.
 *
 * Beside the normalisation rules (charsmap.h) the library keeps at most 64 matches of user-defined
 * pieces at one place, and lets a score be anything; a score that is no number would make its
 * search of the best path end nowhere. */
#include "sentencepiece_model.h"

#include <math.h>
#include <string.h>

#include <cof/base/arena.h>

#include "charsmap.h"
#include "protobuf.h"
#include "vocabulary.h"

#define MAX_PIECE_COUNT 4000000
#define MAX_PIECE_BYTES 512
#define MAX_SCORE 1e9F
#define MAX_USER_MATCHES 64 /* the library's own limit */

enum model_field {
    MODEL_PIECE = 1,
    MODEL_TRAINER = 2,
    MODEL_NORMALIZER = 3,
    MODEL_DENORMALIZER = 5,
};

enum piece_field {
    PIECE_TEXT = 1,
    PIECE_SCORE = 2,
    PIECE_TYPE = 3,
};

enum piece_type {
    PIECE_NORMAL = 1,
    PIECE_USER_DEFINED = 4,
    PIECE_BYTE = 6,
};

enum { TRAINER_MODEL_TYPE = 3, TRAINER_UNIGRAM = 1, TRAINER_BPE = 2 };
enum { NORMALIZER_CHARSMAP = 2 };

struct check {
    size_t piece_count;
    size_t user_count;      /* user-defined pieces seen */
    struct cof_text *users; /* NULL while they are only counted */
};

struct piece {
    struct cof_text text;
    float score;
    uint64_t type;
};

static enum cof_status fail_broken(struct cof_error *err)
{
    return COF_FAIL(err, COF_CORRUPT, "no sentencepiece model");
}

static enum cof_status expect_type(const struct cof_protobuf_field *field,
                                   enum cof_protobuf_type type, struct cof_error *err)
{
    return field->type == type ? COF_OK : fail_broken(err);
}

static float float_of(uint64_t bits)
{
    uint32_t narrow = (uint32_t)bits;
    float value = 0;
    memcpy(&value, &narrow, sizeof(value));
    return value;
}

static enum cof_status read_piece(struct cof_bytes message, struct piece *out_piece,
                                  struct cof_error *err)
{
    struct cof_protobuf reader = cof_protobuf_from(message);
    struct cof_protobuf_field field;
    *out_piece = (struct piece){.type = PIECE_NORMAL};
    while (cof_protobuf_next(&reader, &field)) {
        if (field.number == PIECE_TEXT) {
            COF_TRY(expect_type(&field, COF_PROTOBUF_BYTES, err));
            out_piece->text =
                (struct cof_text){.data = (const char *)field.bytes.data, .size = field.bytes.size};
        } else if (field.number == PIECE_SCORE) {
            COF_TRY(expect_type(&field, COF_PROTOBUF_4_BYTES, err));
            out_piece->score = float_of(field.value);
        } else if (field.number == PIECE_TYPE) {
            COF_TRY(expect_type(&field, COF_PROTOBUF_NUMBER, err));
            out_piece->type = field.value;
        }
    }
    return reader.has_failed ? fail_broken(err) : COF_OK;
}

static bool is_special_name(struct cof_text text)
{
    static const char *const names[] = {"<s>",   "</s>",  "<pad>", "<unk>", "<mask>",
                                        "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (cof_text_equal(text, cof_text_from(names[i])))
            return true;
    }
    return false;
}

static enum cof_status check_piece(struct check *check, struct cof_bytes message,
                                   struct cof_error *err)
{
    struct piece piece;
    COF_TRY(read_piece(message, &piece, err));
    struct cof_text text = piece.text;
    size_t index = check->piece_count++;
    if (check->piece_count > MAX_PIECE_COUNT)
        return COF_FAIL(err, COF_INVALID, "has more than %d pieces", MAX_PIECE_COUNT);
    if (text.size == 0 || text.size > MAX_PIECE_BYTES || !cof_utf8_is_valid(text, NULL) ||
        memchr(text.data, 0, text.size) != NULL)
        return COF_FAIL(err, COF_CORRUPT, "piece %zu is no text of 1 to %d bytes", index,
                        MAX_PIECE_BYTES);
    if (!isfinite(piece.score) || fabsf(piece.score) > MAX_SCORE)
        return COF_FAIL(err, COF_CORRUPT, "the score of piece %zu is no usable number", index);
    if (piece.type < PIECE_NORMAL || piece.type > PIECE_BYTE)
        return COF_FAIL(err, COF_CORRUPT, "piece %zu has an unknown type", index);
    if (piece.type != PIECE_USER_DEFINED)
        return COF_OK;
    if (is_special_name(text))
        return COF_FAIL(err, COF_INVALID,
                        "piece %zu is a user-defined '%.*s', so that a text could spell a special "
                        "token",
                        index, COF_TEXT_ARG(text));
    if (check->users != NULL)
        check->users[check->user_count] = text;
    check->user_count++;
    return COF_OK;
}

static enum cof_status check_trainer(struct cof_bytes message, struct cof_error *err)
{
    struct cof_protobuf reader = cof_protobuf_from(message);
    struct cof_protobuf_field field;
    while (cof_protobuf_next(&reader, &field)) {
        if (field.number != TRAINER_MODEL_TYPE)
            continue;
        COF_TRY(expect_type(&field, COF_PROTOBUF_NUMBER, err));
        if (field.value != TRAINER_UNIGRAM && field.value != TRAINER_BPE)
            return COF_FAIL(err, COF_INVALID,
                            "'model_type' is neither unigram nor BPE, the only ones that this "
                            "version computes");
    }
    return reader.has_failed ? fail_broken(err) : COF_OK;
}

static enum cof_status check_normalizer(struct cof_bytes message, struct cof_error *err)
{
    struct cof_protobuf reader = cof_protobuf_from(message);
    struct cof_protobuf_field field;
    while (cof_protobuf_next(&reader, &field)) {
        if (field.number != NORMALIZER_CHARSMAP)
            continue;
        COF_TRY(expect_type(&field, COF_PROTOBUF_BYTES, err));
        COF_TRY(cof_charsmap_check(field.bytes, err));
    }
    return reader.has_failed ? fail_broken(err) : COF_OK;
}

static enum cof_status check_field(struct check *check, const struct cof_protobuf_field *field,
                                   struct cof_error *err)
{
    if (field->number < MODEL_PIECE || field->number > MODEL_DENORMALIZER)
        return COF_OK;
    COF_TRY(expect_type(field, COF_PROTOBUF_BYTES, err));
    switch (field->number) {
    case MODEL_PIECE:
        return check_piece(check, field->bytes, err);
    case MODEL_TRAINER:
        return check_trainer(field->bytes, err);
    case MODEL_NORMALIZER:
    case MODEL_DENORMALIZER:
        return check_normalizer(field->bytes, err);
    default:
        return COF_OK;
    }
}

static enum cof_status check_fields(struct check *check, struct cof_bytes model,
                                    struct cof_error *err)
{
    struct cof_protobuf reader = cof_protobuf_from(model);
    struct cof_protobuf_field field;
    while (cof_protobuf_next(&reader, &field))
        COF_TRY(check_field(check, &field, err));
    if (reader.has_failed || check->piece_count == 0)
        return fail_broken(err);
    return COF_OK;
}

static enum cof_status check_nesting(const struct check *check, struct cof_error *err)
{
    struct cof_vocabulary *vocabulary = NULL;
    enum cof_status status = COF_OK;
    COF_TRY(cof_vocabulary_create(check->users, check->user_count, &vocabulary, err));
    for (size_t i = 0; i < check->user_count && status == COF_OK; i++) {
        uint32_t node = COF_VOCABULARY_ROOT;
        size_t match_count = 0;
        for (size_t j = 0; j < check->users[i].size; j++) {
            node = cof_vocabulary_step(vocabulary, node, (uint8_t)check->users[i].data[j]);
            match_count += cof_vocabulary_id(vocabulary, node) != COF_VOCABULARY_NONE;
        }
        if (match_count > MAX_USER_MATCHES)
            status = COF_FAIL(err, COF_INVALID, "more than %d user-defined pieces begin alike",
                              MAX_USER_MATCHES);
    }
    cof_vocabulary_destroy(vocabulary);
    return status;
}

enum cof_status cof_sentencepiece_model_check(struct cof_bytes model, struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct check check = {0};
    COF_TRY(check_fields(&check, model, err));
    if (check.user_count == 0)
        return COF_OK;
    check.users = cof_arena_array(&arena, check.user_count, sizeof(*check.users));
    if (check.users == NULL)
        return COF_FAIL_MEMORY(err);
    check.piece_count = 0;
    check.user_count = 0;
    COF_TRY(check_fields(&check, model, err));
    return check_nesting(&check, err);
}
