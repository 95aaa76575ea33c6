/* Models that may be loaded, and ones that lie. */
#include "sentencepiece_model.h"

#include <math.h>
#include <string.h>

#include <cof/base/buffer.h>
#include <cof/base/file.h>

#include "testing.h"

#define SMALL COF_SOURCE_DIR "/tests/unit/embedder/sentencepiece"

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4 };

static struct cof_buffer model;

static void put_field(struct cof_buffer *out, unsigned number, const void *bytes, size_t size)
{
    assert_true(size < 16384);
    cof_buffer_append_byte(out, (uint8_t)(number << 3 | 2));
    cof_buffer_append_byte(out, (uint8_t)(size | 0x80));
    cof_buffer_append_byte(out, (uint8_t)(size >> 7));
    cof_buffer_append(out, bytes, size);
}

static void put_piece(const void *text, size_t size, float score, unsigned type)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer piece = {0};
    uint32_t bits = 0;
    memcpy(&bits, &score, sizeof(bits));
    put_field(&piece, 1, text, size);
    cof_buffer_append_byte(&piece, 2 << 3 | 5);
    for (unsigned i = 0; i < 4; i++)
        cof_buffer_append_byte(&piece, (uint8_t)(bits >> 8 * i));
    cof_buffer_append_byte(&piece, 3 << 3);
    cof_buffer_append_byte(&piece, (uint8_t)type);
    put_field(&model, 1, piece.data, piece.size);
}

static void begin_model(void)
{
    cof_buffer_clear(&model);
    put_piece("<unk>", 5, 0, UNKNOWN);
    put_piece("<s>", 3, 0, CONTROL);
    put_piece("a", 1, -1, NORMAL);
}

static void assert_status(enum cof_status expected, const char *reason)
{
    struct cof_error err = {0};
    assert_int_equal(cof_sentencepiece_model_check(cof_buffer_bytes(&model), &err), expected);
    if (strstr(err.message, reason) == NULL)
        fail_msg("%s", err.message);
}

static void model__passes_what_the_library_made(void **state)
{
    static const char *const names[] = {"unigram.model", "bpe.model", "suffix.model"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
        char path[COF_MAX_PATH];
        assert_int_equal(cof_path_join(path, SMALL, names[i], NULL), COF_OK);
        assert_int_equal(cof_file_read(path, 1 << 20, &content, NULL), COF_OK);
        assert_int_equal(cof_sentencepiece_model_check(cof_buffer_bytes(&content), NULL), COF_OK);
    }
    begin_model();
    assert_status(COF_OK, "");
}

static void model__refuses_every_cut_of_a_model(void **state)
{
    begin_model();
    put_field(&model, 3, "\x12\x04zzzz", 6);
    for (size_t size = 0; size < model.size; size++) {
        struct cof_bytes bytes = {.data = model.data, .size = size};
        enum cof_status status = cof_sentencepiece_model_check(bytes, NULL);
        /* what ends between two pieces is whole */
        if (status != COF_OK)
            assert_int_equal(status, COF_CORRUPT);
        else
            assert_true(size > 0 && model.data[size] >> 3 <= 3);
    }
    assert_status(COF_CORRUPT, "table");
}

static void model__refuses_pieces_that_are_no_text(void **state)
{
    static const char long_piece[513] = {0};
    begin_model();
    put_piece("", 0, 0, NORMAL);
    assert_status(COF_CORRUPT, "piece 3 is no text");
    begin_model();
    put_piece("\xff", 1, 0, NORMAL);
    assert_status(COF_CORRUPT, "piece 3 is no text");
    begin_model();
    put_piece("a\0b", 3, 0, NORMAL);
    assert_status(COF_CORRUPT, "piece 3 is no text");
    begin_model();
    put_piece(long_piece, sizeof(long_piece), 0, NORMAL);
    assert_status(COF_CORRUPT, "piece 3 is no text");
}

static void model__refuses_scores_and_types_that_mean_nothing(void **state)
{
    const float scores[] = {NAN, INFINITY, -INFINITY, 3e38F};
    for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
        begin_model();
        put_piece("b", 1, scores[i], NORMAL);
        assert_status(COF_CORRUPT, "score of piece 3");
    }
    begin_model();
    put_piece("b", 1, 0, 7);
    assert_status(COF_CORRUPT, "type");
    begin_model();
    put_field(&model, 1, "\x08\x01", 2); /* the text as a number */
    assert_status(COF_CORRUPT, "no sentencepiece model");
}

static void model__refuses_kinds_that_we_do_not_compute(void **state)
{
    begin_model();
    put_field(&model, 2, "\x18\x02", 2);
    assert_status(COF_OK, "");
    put_field(&model, 2, "\x18\x03", 2);
    assert_status(COF_INVALID, "'model_type'");
}

static void model__refuses_user_defined_special_tokens(void **state)
{
    begin_model();
    put_piece("<image>", 7, 0, USER_DEFINED);
    assert_status(COF_OK, "");
    put_piece("</s>", 4, 0, USER_DEFINED);
    assert_status(COF_INVALID, "'</s>'");
}

static void model__refuses_more_nested_pieces_than_the_library_keeps(void **state)
{
    char text[65];
    memset(text, 'x', sizeof(text));
    begin_model();
    for (size_t size = 1; size <= 64; size++)
        put_piece(text, size, 0, USER_DEFINED);
    assert_status(COF_OK, "");
    put_piece(text, 65, 0, USER_DEFINED);
    assert_status(COF_INVALID, "begin alike");
}

static int free_model(void **state)
{
    cof_buffer_deinit(&model);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model__passes_what_the_library_made),
        cmocka_unit_test(model__refuses_every_cut_of_a_model),
        cmocka_unit_test(model__refuses_pieces_that_are_no_text),
        cmocka_unit_test(model__refuses_scores_and_types_that_mean_nothing),
        cmocka_unit_test(model__refuses_kinds_that_we_do_not_compute),
        cmocka_unit_test(model__refuses_user_defined_special_tokens),
        cmocka_unit_test(model__refuses_more_nested_pieces_than_the_library_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, free_model);
}
