/* Signed notes and checkpoints. */
#include "note.h"

#include <stdio.h>
#include <string.h>

#include <cof/base/base64.h>

#define TYPE_ED25519 0x01
#define SIGNATURE_SIZE (4 + COF_ED25519_SIGNATURE_SIZE)

static const struct cof_text dash = {.data = "\xe2\x80\x94 ", .size = 4}; /* U+2014, space */

static bool is_name(struct cof_text name)
{
    if (name.size == 0 || name.size >= COF_NOTE_MAX_NAME || !cof_utf8_is_valid(name, NULL))
        return false;
    for (size_t i = 0; i < name.size; i++) {
        if ((unsigned char)name.data[i] <= ' ' || name.data[i] == '+' || name.data[i] == 0x7f)
            return false;
    }
    return true;
}

static void key_id(const struct cof_note_key *key, uint8_t out_id[4])
{
    uint8_t input[COF_NOTE_MAX_NAME + 2 + COF_ED25519_PUBLIC_SIZE];
    uint8_t digest[COF_SHA256_SIZE];
    size_t size = strlen(key->name);
    memcpy(input, key->name, size);
    input[size++] = '\n';
    input[size++] = TYPE_ED25519;
    memcpy(input + size, key->public_key, sizeof(key->public_key));
    size += sizeof(key->public_key);
    cof_sha256((struct cof_bytes){.data = input, .size = size}, digest);
    memcpy(out_id, digest, 4);
}

/* The line at the start of `rest`, without its newline; false, with `rest` as it was, when there is
 * no newline. */
static bool take_line(struct cof_text *rest, struct cof_text *out_line)
{
    struct cof_text after = {0};
    if (!cof_text_split(*rest, '\n', out_line, &after))
        return false;
    *rest = after;
    return true;
}

static enum cof_status fail_note(struct cof_error *err)
{
    return COF_FAIL(err, COF_CORRUPT, "not a note signed by this key");
}

static enum cof_status decode(struct cof_text encoded, size_t size, struct cof_buffer *out,
                              struct cof_error *err)
{
    bool is_base64 = cof_base64_decode(encoded, out);
    COF_TRY(cof_buffer_status(out, err));
    if (!is_base64 || out->size != size)
        return COF_FAIL(err, COF_CORRUPT, "not %zu bytes in base64", size);
    return COF_OK;
}

/* Sets *is_signed when the line is the key's signature over the text. */
static enum cof_status check_signature(struct cof_text line, const struct cof_note_key *key,
                                       struct cof_text text, bool *is_signed, struct cof_error *err)
{
    struct cof_text name;
    struct cof_text encoded;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer signature = {0};
    line = cof_text_slice(line, dash.size, line.size);
    if (!cof_text_split(line, ' ', &name, &encoded) ||
        !cof_text_equal(name, cof_text_from(key->name)))
        return COF_OK;
    enum cof_status status = decode(encoded, SIGNATURE_SIZE, &signature, err);
    if (status == COF_NO_MEMORY)
        return status;
    if (status == COF_OK && memcmp(signature.data, key->id, sizeof(key->id)) == 0 &&
        cof_ed25519_verify(key->public_key, cof_text_bytes(text), signature.data + 4))
        *is_signed = true;
    return COF_OK;
}

bool cof_note_key_init(struct cof_note_key *key, struct cof_text name,
                       const uint8_t public_key[COF_ED25519_PUBLIC_SIZE])
{
    struct cof_note_key made = {0};
    if (!is_name(name))
        return false;
    memcpy(made.name, name.data, name.size);
    memcpy(made.public_key, public_key, sizeof(made.public_key));
    key_id(&made, made.id);
    *key = made;
    return true;
}

enum cof_status cof_vkey_parse(struct cof_text text, struct cof_note_key *out_key,
                               struct cof_error *err)
{
    struct cof_text name;
    struct cof_text id_hex;
    struct cof_text encoded;
    struct cof_note_key key;
    uint8_t id[4];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer typed_key = {0};
    if (text.size > 0 && text.data[text.size - 1] == '\n')
        text.size--;
    if (!cof_text_split(text, '+', &name, &text) || !cof_text_split(text, '+', &id_hex, &encoded) ||
        !cof_hex_decode(id_hex, id, sizeof(id)))
        return COF_FAIL(err, COF_CORRUPT, "not a verifier key");
    COF_TRY(decode(encoded, 1 + COF_ED25519_PUBLIC_SIZE, &typed_key, err));
    if (typed_key.data[0] != TYPE_ED25519 || !cof_note_key_init(&key, name, typed_key.data + 1) ||
        memcmp(key.id, id, sizeof(id)) != 0)
        return COF_FAIL(err, COF_CORRUPT, "not a verifier key");
    *out_key = key;
    return COF_OK;
}

void cof_vkey_append(struct cof_buffer *out, const struct cof_note_key *key)
{
    char id_hex[9];
    uint8_t typed_key[1 + COF_ED25519_PUBLIC_SIZE] = {TYPE_ED25519};
    memcpy(typed_key + 1, key->public_key, sizeof(key->public_key));
    cof_hex_encode((struct cof_bytes){.data = key->id, .size = sizeof(key->id)}, id_hex);
    cof_buffer_append_format(out, "%s+%s+", key->name, id_hex);
    cof_base64_append(out, (struct cof_bytes){.data = typed_key, .size = sizeof(typed_key)});
}

void cof_note_append(struct cof_buffer *out, struct cof_text text, const struct cof_note_key *key,
                     const uint8_t seed[COF_ED25519_SEED_SIZE])
{
    uint8_t signature[SIGNATURE_SIZE];
    memcpy(signature, key->id, sizeof(key->id));
    cof_ed25519_sign(seed, cof_text_bytes(text), signature + sizeof(key->id));
    cof_buffer_append_text(out, text);
    cof_buffer_append_byte(out, '\n');
    cof_buffer_append_text(out, dash);
    cof_buffer_append_format(out, "%s ", key->name);
    cof_base64_append(out, (struct cof_bytes){.data = signature, .size = sizeof(signature)});
    cof_buffer_append_byte(out, '\n');
}

enum cof_status cof_note_check(struct cof_text note, const struct cof_note_key *key,
                               struct cof_text *out_text, struct cof_error *err)
{
    size_t text_size = cof_text_index_of(note, COF_TEXT("\n\n"));
    if (note.size > COF_NOTE_MAX_SIZE || text_size == SIZE_MAX ||
        note.data[note.size - 1] != '\n' || !cof_utf8_is_valid(note, NULL))
        return fail_note(err);
    struct cof_text text = cof_text_slice(note, 0, text_size + 1);
    struct cof_text rest = cof_text_slice(note, text_size + 2, note.size);
    bool is_signed = false;
    while (rest.size > 0) {
        struct cof_text line;
        if (!take_line(&rest, &line) || !cof_text_has_prefix(line, dash))
            return fail_note(err);
        COF_TRY(check_signature(line, key, text, &is_signed, err));
    }
    if (!is_signed)
        return fail_note(err);
    *out_text = text;
    return COF_OK;
}

size_t cof_note_size(struct cof_text notes, bool is_all)
{
    size_t text_size = cof_text_index_of(notes, COF_TEXT("\n\n"));
    if (text_size == SIZE_MAX)
        return 0;
    struct cof_text rest = cof_text_slice(notes, text_size + 2, notes.size);
    struct cof_text line;
    size_t size = text_size + 2;
    bool has_signature = false;
    while (cof_text_has_prefix(rest, dash) && take_line(&rest, &line)) {
        size += line.size + 1;
        has_signature = true;
    }
    if (!has_signature || cof_text_has_prefix(rest, dash))
        return 0; /* no signature, or a further one that is not complete */
    /* fewer bytes than a dash may still become a further signature */
    bool may_go_on = cof_text_has_prefix(dash, rest);
    return may_go_on && !is_all ? 0 : size;
}

void cof_checkpoint_append(struct cof_buffer *out, const struct cof_checkpoint *checkpoint,
                           const struct cof_note_key *key,
                           const uint8_t seed[COF_ED25519_SEED_SIZE])
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer text = {0};
    cof_buffer_append_format(&text, "%s\n%llu\n", key->name, (unsigned long long)checkpoint->size);
    cof_base64_append(&text, (struct cof_bytes){.data = checkpoint->root.bytes,
                                                .size = sizeof(checkpoint->root.bytes)});
    cof_buffer_append_byte(&text, '\n');
    if (text.has_failed) {
        out->has_failed = true;
        return;
    }
    cof_note_append(out, cof_buffer_text(&text), key, seed);
}

enum cof_status cof_checkpoint_check(struct cof_text note, const struct cof_note_key *key,
                                     struct cof_checkpoint *out_checkpoint, struct cof_error *err)
{
    struct cof_text rest = {0};
    struct cof_text origin;
    struct cof_text size;
    struct cof_text root;
    struct cof_checkpoint checkpoint;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer decoded = {0};
    COF_TRY(cof_note_check(note, key, &rest, err));
    if (!take_line(&rest, &origin) || !take_line(&rest, &size) || !take_line(&rest, &root) ||
        !cof_text_equal(origin, cof_text_from(key->name)) ||
        !cof_text_parse_u64(size, &checkpoint.size))
        return COF_FAIL(err, COF_CORRUPT, "not a checkpoint of %s", key->name);
    COF_TRY(decode(root, sizeof(checkpoint.root.bytes), &decoded, err));
    memcpy(checkpoint.root.bytes, decoded.data, decoded.size);
    *out_checkpoint = checkpoint;
    return COF_OK;
}
