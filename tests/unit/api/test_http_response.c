/* Heads of responses, byte for byte where it matters. */
#include "http_response.h"

#include <string.h>

#include "testing.h"

static char written[4096];

static const char *write_head(const struct cof_http_response *response,
                              enum cof_http_framing framing, uint64_t length, bool is_persistent)
{
    struct cof_buffer out = {0};
    cof_http_response_head(&out, response, framing, length, is_persistent,
                           INT64_C(784111777) * 1000000000);
    assert_true(out.size < sizeof(written));
    memcpy(written, out.data, out.size);
    written[out.size] = '\0';
    cof_buffer_deinit(&out);
    return written;
}

static void response__has_status_date_type_and_length(void **state)
{
    const struct cof_http_response response = {.status = 200, .content_type = "application/json"};
    const char *head = write_head(&response, COF_HTTP_FRAMING_LENGTH, 42, true);
    assert_ptr_equal(strstr(head, "HTTP/1.1 200 OK\r\n"), head);
    /* the example date of RFC 9110 section 5.6.7 */
    assert_non_null(strstr(head, "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    assert_non_null(strstr(head, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(head, "\r\nContent-Length: 42\r\n"));
    assert_non_null(strstr(head, "\r\nConnection: keep-alive\r\n"));
    assert_string_equal(head + strlen(head) - 4, "\r\n\r\n");
}

static void response__is_never_stored_or_sniffed(void **state)
{
    const struct cof_http_response response = {.status = 400};
    const char *head = write_head(&response, COF_HTTP_FRAMING_LENGTH, 0, false);
    assert_non_null(strstr(head, "\r\nCache-Control: no-store\r\n"));
    assert_non_null(strstr(head, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(head, "\r\nConnection: close\r\n"));
}

static void response__frames_streams_by_version(void **state)
{
    const struct cof_http_response response = {.status = 200};
    const char *head = write_head(&response, COF_HTTP_FRAMING_CHUNKED, 0, true);
    assert_non_null(strstr(head, "\r\nTransfer-Encoding: chunked\r\n"));
    assert_null(strstr(head, "Content-Length"));
    head = write_head(&response, COF_HTTP_FRAMING_CLOSE, 0, false);
    assert_null(strstr(head, "Transfer-Encoding"));
    assert_null(strstr(head, "Content-Length"));
}

static void response__has_no_length_where_there_is_no_content(void **state)
{
    const struct cof_http_response response = {.status = 204};
    assert_null(strstr(write_head(&response, COF_HTTP_FRAMING_LENGTH, 0, true), "Content-Length"));
}

static void response__cannot_be_split_by_a_field(void **state)
{
    const struct cof_http_field fields[] = {
        {.name = COF_TEXT("X-Good"), .value = COF_TEXT("1")},
        {.name = COF_TEXT("X-Bad"), .value = COF_TEXT("1\r\nSet-Cookie: a")},
        {.name = COF_TEXT("X-Also: Bad"), .value = COF_TEXT("1")},
    };
    const struct cof_http_response response = {.status = 200, .fields = fields, .field_count = 3};
    const char *head = write_head(&response, COF_HTTP_FRAMING_LENGTH, 0, true);
    assert_non_null(strstr(head, "\r\nX-Good: 1\r\n"));
    assert_null(strstr(head, "Bad"));
    assert_null(strstr(head, "Set-Cookie"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(response__has_status_date_type_and_length),
        cmocka_unit_test(response__is_never_stored_or_sniffed),
        cmocka_unit_test(response__frames_streams_by_version),
        cmocka_unit_test(response__has_no_length_where_there_is_no_content),
        cmocka_unit_test(response__cannot_be_split_by_a_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
