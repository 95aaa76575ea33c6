/* Error records and the stable names of statuses. */
#include <cof/base/status.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/text.h>

/* A message may quote a path or a field name of a stranger: it must not break a log line, nor be
 * anything but UTF-8 in a JSON answer. */
static void make_printable(char *message)
{
    struct cof_text text = cof_text_from(message);
    size_t i = 0;
    while (i < text.size) {
        size_t size = cof_utf8_sequence_size(text, i);
        if (size == 0 || (unsigned char)message[i] < 0x20 || message[i] == 0x7f) {
            message[i] = '?';
            size = 1;
        }
        i += size;
    }
}

enum cof_status cof_error_set(struct cof_error *err, enum cof_status status, const char *where,
                              const char *format, ...)
{
    if (err == NULL)
        return status;
    struct cof_error record = {.status = status, .where = where};
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(record.message, sizeof(record.message), format, arguments);
    va_end(arguments);
    if (length < 0) {
        record.message[0] = '\0';
    } else if ((size_t)length >= sizeof(record.message)) {
        struct cof_text full = cof_text_from(record.message);
        /* A cut sequence is the last one: drop it when its lead byte promises more than is there.
         */
        size_t last = full.size > 0 ? full.size - 1 : 0;
        while (last > 0 && ((unsigned char)full.data[last] & 0xc0) == 0x80)
            last--;
        if (cof_utf8_sequence_size(full, last) == 0)
            record.message[last] = '\0';
    }
    make_printable(record.message);
    *err = record;
    return status;
}

const char *cof_status_name(enum cof_status status)
{
    switch (status) {
    case COF_OK:
        return "ok";
    case COF_INVALID:
        return "invalid";
    case COF_NOT_FOUND:
        return "not_found";
    case COF_CONFLICT:
        return "conflict";
    case COF_DENIED:
        return "denied";
    case COF_LIMITED:
        return "limited";
    case COF_TOO_LARGE:
        return "too_large";
    case COF_TIMEOUT:
        return "timeout";
    case COF_CANCELED:
        return "canceled";
    case COF_NO_MEMORY:
        return "no_memory";
    case COF_IO:
        return "io";
    case COF_CORRUPT:
        return "corrupt";
    case COF_UNAVAILABLE:
        return "unavailable";
    case COF_INTERNAL:
        return "internal";
    }
    return "unknown";
}
