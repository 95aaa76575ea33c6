/* Deterministic CBOR: one encoding for one value, written and demanded.
 *
 * An item is a head (3 bits of major type, 5 bits of size or value, 0–8 bytes of argument) and, for
 * strings, its bytes. The reader's struct holds no stack, so a map's key order is checked by
 * looking through the map when it is opened; maps of ours are small and flat, which makes that
 * cheap. */
#include <cof/base/cbor.h>

#include <string.h>

#define MAX_DEPTH 16U

enum major {
    MAJOR_UNSIGNED = 0,
    MAJOR_NEGATIVE = 1,
    MAJOR_BYTES = 2,
    MAJOR_TEXT = 3,
    MAJOR_ARRAY = 4,
    MAJOR_MAP = 5,
    MAJOR_TAG = 6,
    MAJOR_SIMPLE = 7,
};

#define SIMPLE_FALSE 20U
#define SIMPLE_TRUE 21U
#define SIMPLE_NULL 22U
#define SIMPLE_DOUBLE 27U
#define ONE_NAN UINT64_C(0x7ff8000000000000)

struct head {
    unsigned major;
    unsigned info; /* the low five bits */
    uint64_t argument;
    size_t size; /* of the head itself; 0 = malformed or not deterministic */
};

static void write_head(struct cof_buffer *out, unsigned major, uint64_t argument)
{
    uint8_t first = (uint8_t)(major << 5);
    if (argument < 24) {
        cof_buffer_append_byte(out, (uint8_t)(first | argument));
    } else if (argument <= UINT8_MAX) {
        cof_buffer_append_byte(out, first | 24);
        cof_buffer_append_byte(out, (uint8_t)argument);
    } else if (argument <= UINT16_MAX) {
        cof_buffer_append_byte(out, first | 25);
        cof_buffer_append_u16(out, (uint16_t)argument);
    } else if (argument <= UINT32_MAX) {
        cof_buffer_append_byte(out, first | 26);
        cof_buffer_append_u32(out, (uint32_t)argument);
    } else {
        cof_buffer_append_byte(out, first | 27);
        cof_buffer_append_u64(out, argument);
    }
}

static bool is_allowed_simple(unsigned info, uint64_t bits)
{
    if (info == SIMPLE_DOUBLE) {
        bool is_nan = (bits & ~(UINT64_C(1) << 63)) > UINT64_C(0x7ff0000000000000);
        return !is_nan || bits == ONE_NAN;
    }
    return info == SIMPLE_FALSE || info == SIMPLE_TRUE || info == SIMPLE_NULL;
}

static struct head parse_head(struct cof_bytes bytes)
{
    static const uint64_t shortest[] = {24, (uint64_t)UINT8_MAX + 1, (uint64_t)UINT16_MAX + 1,
                                        (uint64_t)UINT32_MAX + 1};
    struct head bad = {0};
    if (bytes.size == 0)
        return bad;
    struct head head = {
        .major = bytes.data[0] >> 5, .info = bytes.data[0] & 31, .argument = bytes.data[0] & 31};
    if (head.major == MAJOR_TAG || head.info > 27)
        return bad;
    head.size = 1;
    if (head.info >= 24) {
        size_t argument_size = (size_t)1 << (head.info - 24);
        if (bytes.size < 1 + argument_size)
            return bad;
        head.argument = 0;
        for (size_t i = 1; i <= argument_size; i++)
            head.argument = head.argument << 8 | bytes.data[i];
        head.size = 1 + argument_size;
        if (head.major != MAJOR_SIMPLE && head.argument < shortest[head.info - 24])
            return bad;
    }
    if (head.major == MAJOR_SIMPLE && !is_allowed_simple(head.info, head.argument))
        return bad;
    return head;
}

/* What must still be there for the head to be true: the bytes of a string, a byte for every item.
 */
static bool has_room(struct head head, size_t rest)
{
    if (head.major == MAJOR_MAP)
        return head.argument <= rest / 2;
    if (head.major == MAJOR_BYTES || head.major == MAJOR_TEXT || head.major == MAJOR_ARRAY)
        return head.argument <= rest;
    return true;
}

static void advance(struct cof_cbor_reader *reader, size_t size)
{
    reader->rest.data += size;
    reader->rest.size -= size;
}

/* Reads the head of an item that must be of type `major`. */
static struct head take_head(struct cof_cbor_reader *reader, unsigned major)
{
    struct head head = parse_head(reader->rest);
    if (reader->has_failed || head.size == 0 || head.major != major ||
        !has_room(head, reader->rest.size - head.size)) {
        reader->has_failed = true;
        return (struct head){0};
    }
    advance(reader, head.size);
    return head;
}

static struct head take_simple(struct cof_cbor_reader *reader, unsigned info, unsigned or_info)
{
    struct head head = parse_head(reader->rest);
    if (head.info != info && head.info != or_info)
        reader->has_failed = true;
    return take_head(reader, MAJOR_SIMPLE);
}

static void skip_item(struct cof_cbor_reader *reader, unsigned depth);

/* Keys ascend by their encoded bytes (RFC 8949 section 4.2.1), so none comes twice. */
static void skip_pairs(struct cof_cbor_reader *reader, uint64_t count, unsigned depth)
{
    struct cof_bytes last = {0};
    for (uint64_t i = 0; i < count && !reader->has_failed; i++) {
        struct cof_bytes key = reader->rest;
        skip_item(reader, depth);
        if (reader->has_failed)
            return;
        key.size -= reader->rest.size;
        if (i > 0 && cof_text_compare(cof_bytes_text(last), cof_bytes_text(key)) >= 0)
            reader->has_failed = true;
        last = key;
        skip_item(reader, depth);
    }
}

static void skip_item(struct cof_cbor_reader *reader, unsigned depth)
{
    struct head head = take_head(reader, parse_head(reader->rest).major);
    if (reader->has_failed)
        return;
    if (head.major == MAJOR_ARRAY || head.major == MAJOR_MAP) {
        if (depth == MAX_DEPTH) {
            reader->has_failed = true;
            return;
        }
        if (head.major == MAJOR_MAP)
            skip_pairs(reader, head.argument, depth + 1);
        for (uint64_t i = 0; head.major == MAJOR_ARRAY && i < head.argument && !reader->has_failed;
             i++)
            skip_item(reader, depth + 1);
    } else if (head.major == MAJOR_BYTES || head.major == MAJOR_TEXT) {
        struct cof_text text = {.data = (const char *)reader->rest.data,
                                .size = (size_t)head.argument};
        if (head.major == MAJOR_TEXT && !cof_utf8_is_valid(text, NULL))
            reader->has_failed = true;
        else
            advance(reader, text.size);
    }
}

static struct cof_bytes read_string(struct cof_cbor_reader *reader, unsigned major)
{
    struct head head = take_head(reader, major);
    if (reader->has_failed)
        return (struct cof_bytes){0};
    struct cof_bytes bytes = {.data = reader->rest.data, .size = (size_t)head.argument};
    advance(reader, bytes.size);
    return bytes;
}

void cof_cbor_write_unsigned(struct cof_buffer *out, uint64_t value)
{
    write_head(out, MAJOR_UNSIGNED, value);
}

void cof_cbor_write_integer(struct cof_buffer *out, int64_t value)
{
    if (value >= 0)
        write_head(out, MAJOR_UNSIGNED, (uint64_t)value);
    else
        write_head(out, MAJOR_NEGATIVE, (uint64_t)(-(value + 1)));
}

void cof_cbor_write_bytes(struct cof_buffer *out, struct cof_bytes bytes)
{
    write_head(out, MAJOR_BYTES, bytes.size);
    cof_buffer_append(out, bytes.data, bytes.size);
}

void cof_cbor_write_text(struct cof_buffer *out, struct cof_text text)
{
    write_head(out, MAJOR_TEXT, text.size);
    cof_buffer_append_text(out, text);
}

void cof_cbor_write_array(struct cof_buffer *out, size_t count)
{
    write_head(out, MAJOR_ARRAY, count);
}

void cof_cbor_write_map(struct cof_buffer *out, size_t count)
{
    write_head(out, MAJOR_MAP, count);
}

void cof_cbor_write_bool(struct cof_buffer *out, bool value)
{
    write_head(out, MAJOR_SIMPLE, value ? SIMPLE_TRUE : SIMPLE_FALSE);
}

void cof_cbor_write_null(struct cof_buffer *out)
{
    write_head(out, MAJOR_SIMPLE, SIMPLE_NULL);
}

void cof_cbor_write_double(struct cof_buffer *out, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    if (value != value)
        bits = ONE_NAN;
    cof_buffer_append_byte(out, MAJOR_SIMPLE << 5 | SIMPLE_DOUBLE);
    cof_buffer_append_u64(out, bits);
}

struct cof_cbor_reader cof_cbor_reader_from(struct cof_bytes bytes)
{
    return (struct cof_cbor_reader){.rest = bytes};
}

enum cof_cbor_type cof_cbor_peek(const struct cof_cbor_reader *reader)
{
    static const enum cof_cbor_type types[] = {
        [MAJOR_UNSIGNED] = COF_CBOR_UNSIGNED, [MAJOR_NEGATIVE] = COF_CBOR_NEGATIVE,
        [MAJOR_BYTES] = COF_CBOR_BYTES,       [MAJOR_TEXT] = COF_CBOR_TEXT,
        [MAJOR_ARRAY] = COF_CBOR_ARRAY,       [MAJOR_MAP] = COF_CBOR_MAP,
        [MAJOR_TAG] = COF_CBOR_END,
    };
    struct head head = parse_head(reader->rest);
    if (reader->has_failed || head.size == 0)
        return COF_CBOR_END;
    if (head.major != MAJOR_SIMPLE)
        return types[head.major];
    if (head.info == SIMPLE_DOUBLE)
        return COF_CBOR_DOUBLE;
    return head.info == SIMPLE_NULL ? COF_CBOR_NULL : COF_CBOR_BOOL;
}

uint64_t cof_cbor_read_unsigned(struct cof_cbor_reader *reader)
{
    return take_head(reader, MAJOR_UNSIGNED).argument;
}

int64_t cof_cbor_read_integer(struct cof_cbor_reader *reader)
{
    bool is_negative = cof_cbor_peek(reader) == COF_CBOR_NEGATIVE;
    uint64_t argument = take_head(reader, is_negative ? MAJOR_NEGATIVE : MAJOR_UNSIGNED).argument;
    if (argument > INT64_MAX)
        reader->has_failed = true;
    if (reader->has_failed)
        return 0;
    return is_negative ? -(int64_t)argument - 1 : (int64_t)argument;
}

struct cof_bytes cof_cbor_read_bytes(struct cof_cbor_reader *reader)
{
    return read_string(reader, MAJOR_BYTES);
}

struct cof_text cof_cbor_read_text(struct cof_cbor_reader *reader)
{
    struct cof_text text = cof_bytes_text(read_string(reader, MAJOR_TEXT));
    if (!cof_utf8_is_valid(text, NULL)) {
        reader->has_failed = true;
        return (struct cof_text){0};
    }
    return text;
}

size_t cof_cbor_read_array(struct cof_cbor_reader *reader)
{
    return (size_t)take_head(reader, MAJOR_ARRAY).argument;
}

size_t cof_cbor_read_map(struct cof_cbor_reader *reader)
{
    size_t count = (size_t)take_head(reader, MAJOR_MAP).argument;
    struct cof_cbor_reader ahead = *reader;
    skip_pairs(&ahead, count, 1);
    reader->has_failed = ahead.has_failed;
    return reader->has_failed ? 0 : count;
}

bool cof_cbor_read_bool(struct cof_cbor_reader *reader)
{
    return take_simple(reader, SIMPLE_FALSE, SIMPLE_TRUE).argument == SIMPLE_TRUE;
}

void cof_cbor_read_null(struct cof_cbor_reader *reader)
{
    (void)take_simple(reader, SIMPLE_NULL, SIMPLE_NULL);
}

double cof_cbor_read_double(struct cof_cbor_reader *reader)
{
    uint64_t bits = take_simple(reader, SIMPLE_DOUBLE, SIMPLE_DOUBLE).argument;
    double value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

void cof_cbor_skip(struct cof_cbor_reader *reader)
{
    skip_item(reader, 0);
}

enum cof_status cof_cbor_finish(const struct cof_cbor_reader *reader, bool must_be_at_end,
                                struct cof_error *err)
{
    if (reader->has_failed)
        return COF_FAIL(err, COF_CORRUPT, "the stored record is not what its format allows");
    if (must_be_at_end && reader->rest.size > 0)
        return COF_FAIL(err, COF_CORRUPT, "the stored record has %zu bytes too many",
                        reader->rest.size);
    return COF_OK;
}
