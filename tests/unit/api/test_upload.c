/* Lines out of pieces: the same lines however the body is cut, and never more held than needed. */
#include "upload.h"

#include <stdio.h>
#include <string.h>

#include "request.h"
#include "testing.h"

static char log_text[4096];
static size_t log_size;

/* Takes what is complete and writes down "number:text|" or "number:long|" per line. */
static void take(struct cof_upload *upload)
{
    struct cof_buffer text;
    struct cof_buffer lines;
    cof_upload_take(upload, &text, &lines);
    const struct cof_bulk_line *places = (const struct cof_bulk_line *)(const void *)lines.data;
    for (size_t i = 0; i < lines.size / sizeof(*places); i++) {
        struct cof_text line = cof_text_slice(cof_buffer_text(&text), places[i].begin,
                                              places[i].begin + places[i].size);
        log_size += (size_t)snprintf(log_text + log_size, sizeof(log_text) - log_size, "%d:%.*s|",
                                     (int)places[i].number,
                                     COF_TEXT_ARG(places[i].is_too_long ? COF_TEXT("long") : line));
    }
    cof_buffer_deinit(&text);
    cof_buffer_deinit(&lines);
}

static const char *run(const char *body, size_t step, size_t take_every)
{
    struct cof_upload *upload = NULL;
    struct cof_text rest = cof_text_from(body);
    size_t fed = 0;
    log_size = 0;
    log_text[0] = '\0';
    assert_int_equal(cof_upload_create(10, 100000, &upload, NULL), COF_OK);
    while (rest.size > 0) {
        size_t size = rest.size < step ? rest.size : step;
        assert_int_equal(
            cof_upload_feed(upload, cof_text_bytes(cof_text_slice(rest, 0, size)), NULL), COF_OK);
        rest = cof_text_slice(rest, size, rest.size);
        assert_true(cof_upload_held_bytes(upload) < 200);
        if (++fed % take_every == 0) {
            take(upload);
        }
    }
    assert_false(cof_upload_has_ended(upload));
    assert_int_equal(cof_upload_end(upload, NULL), COF_OK);
    assert_true(cof_upload_has_ended(upload));
    take(upload);
    cof_upload_destroy(upload);
    return log_text;
}

static void upload__cuts_the_same_lines_however_the_body_comes(void **state)
{
    static const char body[] = "one\ntwo\r\n\n  \nfive\ntoo long a line\nseven\n0123456789\n"
                               "0123456789x\nlast";
    static const char expected[] = "1:one|2:two\r|5:five|6:long|7:seven|8:0123456789|9:long|"
                                   "10:last|";
    for (size_t step = 1; step < sizeof(body); step++) {
        for (size_t every = 1; every < 20; every += 6) {
            assert_string_equal(run(body, step, every), expected);
        }
    }
}

static void upload__keeps_a_last_line_that_is_too_long(void **state)
{
    assert_string_equal(run("a\n0123456789abc", 1, 1), "1:a|2:long|");
    assert_string_equal(run("", 1, 1), "");
    assert_string_equal(run("\n\n\n", 1, 1), "");
}

static void upload__is_full_by_lines_or_by_bytes(void **state)
{
    struct cof_upload *upload = NULL;
    assert_int_equal(cof_upload_create((size_t)2 << 20, (size_t)8 << 20, &upload, NULL), COF_OK);
    for (size_t i = 0; i < COF_UPLOAD_BATCH_LINES; i++) {
        assert_false(cof_upload_is_full(upload));
        assert_int_equal(cof_upload_feed(upload, cof_text_bytes(COF_TEXT("x\n")), NULL), COF_OK);
    }
    assert_true(cof_upload_is_full(upload));
    take(upload);
    assert_false(cof_upload_is_full(upload));
    static char large[COF_UPLOAD_BATCH_BYTES + 1];
    memset(large, 'x', sizeof(large));
    large[sizeof(large) - 1] = '\n';
    const struct cof_bytes bytes = {.data = (const uint8_t *)large, .size = sizeof(large)};
    assert_int_equal(cof_upload_feed(upload, bytes, NULL), COF_OK);
    assert_true(cof_upload_is_full(upload));
    assert_int_equal(cof_upload_line_count(upload), 1);
    cof_upload_destroy(upload);
}

static void upload__limits_the_whole(void **state)
{
    struct cof_upload *upload = NULL;
    struct cof_error err = {0};
    assert_int_equal(cof_upload_create(10, 5, &upload, NULL), COF_OK);
    assert_int_equal(cof_upload_feed(upload, cof_text_bytes(COF_TEXT("abcde")), NULL), COF_OK);
    assert_int_equal(cof_upload_feed(upload, cof_text_bytes(COF_TEXT("f")), &err), COF_TOO_LARGE);
    cof_upload_destroy(upload);
    cof_upload_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upload__cuts_the_same_lines_however_the_body_comes),
        cmocka_unit_test(upload__keeps_a_last_line_that_is_too_long),
        cmocka_unit_test(upload__is_full_by_lines_or_by_bytes),
        cmocka_unit_test(upload__limits_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
