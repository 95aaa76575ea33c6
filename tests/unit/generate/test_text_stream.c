/* Whole characters, and nothing of a stop text, however the bytes are cut. */
#include "text_stream.h"

#include <string.h>

#include "seeded_random.h"
#include "testing.h"

struct receiver {
    struct cof_buffer text;
    size_t refuses_at; /* the piece that is refused, 1 = the first; 0 = none */
    size_t piece_count;
    bool had_bad_piece;
};

static bool receive(void *context, struct cof_text piece)
{
    struct receiver *receiver = context;

    receiver->piece_count++;
    if (piece.size == 0 || !cof_utf8_is_valid(piece, NULL) ||
        memchr(piece.data, '\0', piece.size) != NULL)
        receiver->had_bad_piece = true;
    cof_buffer_append_text(&receiver->text, piece);
    return receiver->piece_count != receiver->refuses_at;
}

/* Pushes `bytes` in pieces of `step` bytes and compares what came out. */
static void check(const char *bytes, size_t size, size_t step, const struct cof_text *stops,
                  size_t stop_count, const char *expected, bool is_stopped)
{
    struct receiver receiver = {0};
    struct cof_text_stream stream = {
        .stops = stops, .stop_count = stop_count, .each = receive, .context = &receiver};

    for (size_t i = 0; i < size; i += step) {
        size_t count = size - i < step ? size - i : step;
        struct cof_text piece = {.data = bytes + i, .size = count};

        assert_int_equal(cof_text_stream_push(&stream, cof_text_bytes(piece), NULL), COF_OK);
    }
    assert_int_equal(cof_text_stream_finish(&stream, NULL), COF_OK);
    assert_int_equal(stream.is_stopped, is_stopped);
    assert_false(receiver.had_bad_piece);
    assert_int_equal(receiver.text.size, strlen(expected));
    assert_memory_equal(receiver.text.data, expected, strlen(expected));
    cof_text_stream_deinit(&stream);
    cof_buffer_deinit(&receiver.text);
}

static void check_all_steps(const char *bytes, const struct cof_text *stops, size_t stop_count,
                            const char *expected, bool is_stopped)
{
    for (size_t step = 1; step <= strlen(bytes) + 1; step++)
        check(bytes, strlen(bytes), step, stops, stop_count, expected, is_stopped);
}

static void text_stream__never_gives_half_a_character(void **state)
{
    check_all_steps("caf\u00E9 \u4E2D\u6587 \U0001F600 end", NULL, 0,
                    "caf\u00E9 \u4E2D\u6587 \U0001F600 end", false);
}

static void text_stream__replaces_what_is_no_utf8(void **state)
{
    check_all_steps("a\xC0\xAF"
                    "b",
                    NULL, 0, "a\uFFFD\uFFFDb", false);
    check_all_steps("a\xE4\xB8z", NULL, 0, "a\uFFFDz", false);
    check_all_steps("\xED\xA0\x80x", NULL, 0, "\uFFFD\uFFFD\uFFFDx", false);
    check_all_steps("\xF4\x90\x80\x80x", NULL, 0, "\uFFFD\uFFFD\uFFFD\uFFFDx", false);
    check("a\0b", 3, 1, NULL, 0, "a\uFFFDb", false);
}

static void text_stream__drops_half_a_character_at_the_end(void **state)
{
    check_all_steps("word \xF0\x9F\x98", NULL, 0, "word ", false);
}

static void text_stream__drops_white_space_before_the_first_word(void **state)
{
    check_all_steps(" \n\t Yes, \n", NULL, 0, "Yes, \n", false);
    check_all_steps(" \n ", NULL, 0, "", false);
}

static void text_stream__ends_before_a_stop_text(void **state)
{
    const struct cof_text stops[] = {COF_TEXT("<|user|>"), COF_TEXT("\n\nQ:")};

    check_all_steps("Yes. <|user|> more", stops, 2, "Yes. ", true);
    check_all_steps("Yes.\n\nQ: more", stops, 2, "Yes.", true);
    check_all_steps("<|user|>", stops, 2, "", true);
}

static void text_stream__gives_the_beginning_of_a_stop_text_that_does_not_come(void **state)
{
    const struct cof_text stops[] = {COF_TEXT("<|user|>"), COF_TEXT("ab"), COF_TEXT("aac")};

    check_all_steps("x <|use it|> y", stops, 1, "x <|use it|> y", false);
    check_all_steps("end <|use", stops, 1, "end <|use", false);
    check_all_steps("aaab", stops, 3, "aa", true);
    check_all_steps("aaac", stops, 3, "a", true);
}

static void text_stream__stops_at_the_first_of_several(void **state)
{
    const struct cof_text stops[] = {COF_TEXT("later"), COF_TEXT("now")};

    check("now or later", 12, 12, stops, 2, "", true);
    check("it is now or later", 18, 18, stops, 2, "it is ", true);
}

static void text_stream__says_when_the_receiver_ends_it(void **state)
{
    struct receiver receiver = {.refuses_at = 2};
    struct cof_text_stream stream = {.each = receive, .context = &receiver};
    struct cof_error err = {0};

    assert_int_equal(cof_text_stream_push(&stream, cof_text_bytes(COF_TEXT("a")), &err), COF_OK);
    assert_int_equal(cof_text_stream_push(&stream, cof_text_bytes(COF_TEXT("b")), &err),
                     COF_CANCELED);
    assert_int_equal(err.status, COF_CANCELED);
    cof_text_stream_deinit(&stream);
    cof_buffer_deinit(&receiver.text);
}

/* The oracle: the same bytes at once. */
static void text_stream__does_not_depend_on_how_random_bytes_are_cut(void **state)
{
    const struct cof_text stops[] = {COF_TEXT("\u00E9\u00E9"), COF_TEXT("abc")};
    struct seeded_random random;

    seeded_random_init(&random, 7);
    for (int round = 0; round < 2000; round++) {
        static const char alphabet[] = "aabbc\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80 \n";
        char bytes[24];
        size_t size = (size_t)seeded_random_below(&random, sizeof(bytes));
        struct receiver whole = {0};
        struct cof_text_stream stream = {
            .stops = stops, .stop_count = 2, .each = receive, .context = &whole};

        for (size_t i = 0; i < size; i++)
            bytes[i] = alphabet[seeded_random_below(&random, sizeof(alphabet) - 1)];
        assert_int_equal(
            cof_text_stream_push(&stream, (struct cof_bytes){(const uint8_t *)bytes, size}, NULL),
            COF_OK);
        assert_int_equal(cof_text_stream_finish(&stream, NULL), COF_OK);
        assert_false(whole.had_bad_piece);
        cof_buffer_append_byte(&whole.text, 0);
        check(bytes, size, 1 + (size_t)seeded_random_below(&random, 5), stops, 2,
              (const char *)whole.text.data, stream.is_stopped);
        cof_text_stream_deinit(&stream);
        cof_buffer_deinit(&whole.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stream__never_gives_half_a_character),
        cmocka_unit_test(text_stream__replaces_what_is_no_utf8),
        cmocka_unit_test(text_stream__drops_half_a_character_at_the_end),
        cmocka_unit_test(text_stream__drops_white_space_before_the_first_word),
        cmocka_unit_test(text_stream__ends_before_a_stop_text),
        cmocka_unit_test(text_stream__gives_the_beginning_of_a_stop_text_that_does_not_come),
        cmocka_unit_test(text_stream__stops_at_the_first_of_several),
        cmocka_unit_test(text_stream__says_when_the_receiver_ends_it),
        cmocka_unit_test(text_stream__does_not_depend_on_how_random_bytes_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
