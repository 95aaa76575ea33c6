/* CBOR of any bytes: refused, or the one encoding of its value, which writing it again proves. */
#include <stdlib.h>

#include <cof/base/cbor.h>

#include "fuzzing.h"

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

static void copy_item(struct cof_cbor_reader *reader, struct cof_buffer *out)
{
    size_t count = 0;
    switch (cof_cbor_peek(reader)) {
    case COF_CBOR_UNSIGNED:
        cof_cbor_write_unsigned(out, cof_cbor_read_unsigned(reader));
        break;
    case COF_CBOR_NEGATIVE:
        cof_cbor_write_integer(out, cof_cbor_read_integer(reader));
        break;
    case COF_CBOR_BYTES:
        cof_cbor_write_bytes(out, cof_cbor_read_bytes(reader));
        break;
    case COF_CBOR_TEXT:
        cof_cbor_write_text(out, cof_cbor_read_text(reader));
        break;
    case COF_CBOR_ARRAY:
        count = cof_cbor_read_array(reader);
        cof_cbor_write_array(out, count);
        for (size_t i = 0; i < count && !reader->has_failed; i++)
            copy_item(reader, out);
        break;
    case COF_CBOR_MAP:
        count = cof_cbor_read_map(reader);
        cof_cbor_write_map(out, count);
        for (size_t i = 0; i < 2 * count && !reader->has_failed; i++)
            copy_item(reader, out);
        break;
    case COF_CBOR_BOOL:
        cof_cbor_write_bool(out, cof_cbor_read_bool(reader));
        break;
    case COF_CBOR_NULL:
        cof_cbor_read_null(reader);
        cof_cbor_write_null(out);
        break;
    case COF_CBOR_DOUBLE:
        cof_cbor_write_double(out, cof_cbor_read_double(reader));
        break;
    case COF_CBOR_END:
        reader->has_failed = true;
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_bytes bytes = {.data = data, .size = size};
    struct cof_cbor_reader skipped = cof_cbor_reader_from(bytes);
    cof_cbor_skip(&skipped);
    if (skipped.has_failed)
        return 0; /* reading would stop somewhere, too; only its depth is not bounded by us */
    struct cof_bytes item = {.data = data, .size = size - skipped.rest.size};
    struct cof_cbor_reader reader = cof_cbor_reader_from(item);
    copy_item(&reader, &out);
    if (reader.has_failed) {
        /* the one thing that is well-formed and not readable: a number below INT64_MIN */
        struct cof_cbor_reader first = cof_cbor_reader_from(item);
        require(cof_cbor_peek(&first) != COF_CBOR_UNSIGNED);
        return 0;
    }
    require(cof_cbor_finish(&reader, true, NULL) == COF_OK);
    require(cof_bytes_equal(cof_buffer_bytes(&out), item));
    return 0;
}
