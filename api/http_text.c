/* The character classes of HTTP/1.1, one function each. */
#include "http_text.h"

#include <string.h>

static bool is_alphanumeric(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_hex(unsigned char c)
{
    return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9');
}

bool cof_http_is_token(struct cof_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (!is_alphanumeric(c) && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return text.size > 0;
}

bool cof_http_is_field_value(struct cof_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool cof_http_is_target(struct cof_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= 0x20 || c >= 0x7f || c == '#') {
            return false;
        }
    }
    return text.size > 0 && text.data[0] == '/';
}

static bool is_port(struct cof_text port)
{
    uint64_t number = 0;
    return port.size <= 5 && cof_text_parse_u64(port, &number) && number <= 65535;
}

/* The size of the bracketed IPv6 address at the beginning, 0 where there is none. */
static size_t bracketed_size(struct cof_text host)
{
    size_t i = 1;
    while (i < host.size &&
           (is_hex((unsigned char)host.data[i]) || host.data[i] == ':' || host.data[i] == '.')) {
        i++;
    }
    return i > 2 && i < host.size && host.data[i] == ']' ? i + 1 : 0;
}

static size_t name_size(struct cof_text host)
{
    size_t i = 0;
    while (i < host.size && (is_alphanumeric((unsigned char)host.data[i]) || host.data[i] == '-' ||
                             host.data[i] == '.' || host.data[i] == '_')) {
        i++;
    }
    return i;
}

bool cof_http_split_host(struct cof_text host, struct cof_text *out_name, struct cof_text *out_port)
{
    if (host.size == 0) {
        return false;
    }
    size_t size = host.data[0] == '[' ? bracketed_size(host) : name_size(host);
    struct cof_text port = {0};
    if (size < host.size) {
        port = cof_text_slice(host, size + 1, host.size);
        if (host.data[size] != ':' || !is_port(port)) {
            return false;
        }
    }
    if (size == 0) {
        return false;
    }
    *out_name = cof_text_slice(host, 0, size);
    *out_port = port;
    return true;
}

bool cof_http_list_has(struct cof_text list, struct cof_text token)
{
    bool has_more = list.size > 0;
    while (has_more) {
        struct cof_text item;
        has_more = cof_text_split(list, ',', &item, &list);
        if (cof_text_equal_ascii_case(cof_text_trim(item), token)) {
            return true;
        }
    }
    return false;
}
