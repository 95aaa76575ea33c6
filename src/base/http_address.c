/* What may be asked of the one door out: addresses, paths, methods and header values. */
#include "http_address.h"

#include <curl/curl.h>
#include <string.h>

#include <cof/base/text.h>

#include "alloc.h"

#define MAX_METHOD_BYTES 16

static bool has_part(CURLU *url, CURLUPart part)
{
    char *value = NULL;
    bool is_there = curl_url_get(url, part, &value, 0) == CURLUE_OK;
    curl_free(value);
    return is_there;
}

/* libcurl takes "http:///host" for "http://host". */
static bool has_host(const char *base_url)
{
    const char *separator = strstr(base_url, "://");
    return separator != NULL && separator[3] != '/' && separator[3] != '\0';
}

static bool has_http_scheme(CURLU *url)
{
    char *scheme = NULL;
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return false;
    bool is_http = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
    curl_free(scheme);
    return is_http;
}

static bool is_dot_segment(struct cof_text segment)
{
    size_t dot_count = 0;
    for (size_t i = 0; i < segment.size; dot_count++) {
        if (segment.data[i] == '.')
            i++;
        else if (cof_text_equal_ascii_case(cof_text_slice(segment, i, i + 3), COF_TEXT("%2e")))
            i += 3;
        else
            return false;
    }
    return dot_count == 1 || dot_count == 2;
}

enum cof_status cof_http_base_url_parse(const char *base_url, char **out_url, struct cof_error *err)
{
    CURLU *url = curl_url();
    char *whole = NULL;
    if (url == NULL)
        return COF_FAIL_MEMORY(err);
    bool is_good = has_host(base_url) &&
                   curl_url_set(url, CURLUPART_URL, base_url, CURLU_DISALLOW_USER) == CURLUE_OK &&
                   has_http_scheme(url) && !has_part(url, CURLUPART_QUERY) &&
                   !has_part(url, CURLUPART_FRAGMENT) &&
                   curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK;
    curl_url_cleanup(url);
    if (!is_good)
        return COF_FAIL(err, COF_INVALID,
                        "an upstream address must look like https://host:port/prefix, without user "
                        "or query");
    size_t size = strlen(whole);
    while (size > 0 && whole[size - 1] == '/')
        whole[--size] = '\0';
    char *copy = cof_base_alloc(size + 1);
    if (copy != NULL)
        memcpy(copy, whole, size + 1);
    curl_free(whole);
    if (copy == NULL)
        return COF_FAIL_MEMORY(err);
    *out_url = copy;
    return COF_OK;
}

bool cof_http_path_is_allowed(const char *path)
{
    if (path[0] != '/')
        return false;
    for (const char *c = path; *c != '\0'; c++) {
        if (*c <= 0x20 || *c >= 0x7f || *c == '#' || *c == '\\')
            return false;
    }
    struct cof_text segments = cof_text_from(path);
    struct cof_text query = {0};
    (void)cof_text_split(segments, '?', &segments, &query);
    bool has_more = true;
    while (has_more) {
        struct cof_text segment = {0};
        has_more = cof_text_split(segments, '/', &segment, &segments);
        if (is_dot_segment(segment))
            return false;
    }
    return true;
}

bool cof_http_method_is_allowed(const char *method)
{
    size_t size = strlen(method);
    for (size_t i = 0; i < size; i++) {
        if (method[i] < 'A' || method[i] > 'Z')
            return false;
    }
    return size > 0 && size <= MAX_METHOD_BYTES;
}

bool cof_http_content_type_is_allowed(const char *content_type)
{
    for (const char *c = content_type; *c != '\0'; c++) {
        if (*c < 0x20 || *c >= 0x7f)
            return false;
    }
    return true;
}
