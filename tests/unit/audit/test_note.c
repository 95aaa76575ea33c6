/* Signed notes and checkpoints against the published example, and against altered ones. */
#include "note.h"

#include <string.h>

#include <cof/base/base64.h>

#include "testing.h"

/* golang.org/x/mod/sumdb/note, the package's example */
static const char go_vkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char go_signing_key[] = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
static const char go_text[] = "If you think cryptography is the answer to your problem,\n"
                              "then you don't know what your problem is.\n";
static const char go_note[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\xe2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfq"
    "dngotpRZb6KE6RyyBwJnAM=\n";

static const uint8_t seed[COF_ED25519_SEED_SIZE] = {1, 2, 3};

static struct cof_note_key test_key(void)
{
    struct cof_note_key key;
    uint8_t public_key[COF_ED25519_PUBLIC_SIZE];
    cof_ed25519_public(seed, public_key);
    assert_true(cof_note_key_init(&key, COF_TEXT("coffer/test/audit"), public_key));
    return key;
}

static void vkey__reads_and_writes_the_published_one(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_note_key key;
    const uint8_t id[] = {0xc7, 0x4f, 0x20, 0xa3};
    assert_int_equal(cof_vkey_parse(cof_text_from(go_vkey), &key, NULL), COF_OK);
    assert_string_equal(key.name, "PeterNeumann");
    assert_memory_equal(key.id, id, sizeof(id));
    cof_vkey_append(&out, &key);
    assert_true(cof_text_equal(cof_buffer_text(&out), cof_text_from(go_vkey)));
}

static void vkey__refuses_every_changed_byte(void **state)
{
    char text[sizeof(go_vkey)];
    struct cof_note_key key;
    memcpy(text, go_vkey, sizeof(text));
    for (size_t i = 0; i + 1 < sizeof(text); i++) {
        char kept = text[i];
        for (int bit = 0; bit < 7; bit++) {
            text[i] = (char)(kept ^ 1 << bit);
            /* hexadecimal is read in either case; nothing else may differ */
            if (i >= 13 && i < 21 && bit == 5 && kept >= 'a')
                continue;
            assert_int_equal(cof_vkey_parse(cof_text_from(text), &key, NULL), COF_CORRUPT);
        }
        text[i] = kept;
    }
    assert_int_equal(cof_vkey_parse((struct cof_text){0}, &key, NULL), COF_CORRUPT);
    assert_int_equal(cof_vkey_parse(COF_TEXT("++"), &key, NULL), COF_CORRUPT);
    assert_int_equal(cof_vkey_parse(COF_TEXT("name+00000000+"), &key, NULL), COF_CORRUPT);
}

static void note_key__refuses_names_that_notes_cannot_carry(void **state)
{
    struct cof_note_key key;
    const uint8_t public_key[COF_ED25519_PUBLIC_SIZE] = {0};
    char long_name[COF_NOTE_MAX_NAME + 1];
    memset(long_name, 'n', sizeof(long_name));
    assert_false(cof_note_key_init(&key, (struct cof_text){0}, public_key));
    assert_false(cof_note_key_init(&key, COF_TEXT("a b"), public_key));
    assert_false(cof_note_key_init(&key, COF_TEXT("a+b"), public_key));
    assert_false(cof_note_key_init(&key, COF_TEXT("a\nb"), public_key));
    assert_false(cof_note_key_init(&key, COF_TEXT("\xff"), public_key));
    assert_false(
        cof_note_key_init(&key, (struct cof_text){long_name, COF_NOTE_MAX_NAME}, public_key));
    assert_true(
        cof_note_key_init(&key, (struct cof_text){long_name, COF_NOTE_MAX_NAME - 1}, public_key));
}

static void note__signs_and_checks_the_published_one(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer typed_seed = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    struct cof_note_key key;
    struct cof_text text;
    assert_int_equal(cof_vkey_parse(cof_text_from(go_vkey), &key, NULL), COF_OK);
    assert_true(cof_base64_decode(cof_text_from(go_signing_key), &typed_seed));
    cof_note_append(&out, cof_text_from(go_text), &key, typed_seed.data + 1);
    assert_true(cof_text_equal(cof_buffer_text(&out), cof_text_from(go_note)));
    assert_int_equal(cof_note_check(cof_text_from(go_note), &key, &text, NULL), COF_OK);
    assert_true(cof_text_equal(text, cof_text_from(go_text)));
}

static void note__refuses_every_flipped_bit(void **state)
{
    char note[sizeof(go_note)];
    struct cof_note_key key;
    struct cof_text text;
    memcpy(note, go_note, sizeof(note));
    assert_int_equal(cof_vkey_parse(cof_text_from(go_vkey), &key, NULL), COF_OK);
    const struct cof_text view = {.data = note, .size = sizeof(note) - 1};
    for (size_t bit = 0; bit < view.size * 8; bit++) {
        note[bit / 8] = (char)(note[bit / 8] ^ 1 << bit % 8);
        assert_int_equal(cof_note_check(view, &key, &text, NULL), COF_CORRUPT);
        note[bit / 8] = (char)(note[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t size = 0; size < view.size; size++)
        assert_int_equal(cof_note_check((struct cof_text){note, size}, &key, &text, NULL),
                         COF_CORRUPT);
}

static void note__passes_over_signatures_of_others(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    struct cof_note_key key;
    struct cof_text text;
    const struct cof_note_key stranger = test_key();
    cof_buffer_append_text(&note, cof_text_from(go_note));
    cof_buffer_append_format(&note, "\xe2\x80\x94 witness.example/w1 AAAAAAAA\n");
    assert_int_equal(cof_vkey_parse(cof_text_from(go_vkey), &key, NULL), COF_OK);
    assert_int_equal(cof_note_check(cof_buffer_text(&note), &key, &text, NULL), COF_OK);
    assert_int_equal(cof_note_check(cof_buffer_text(&note), &stranger, &text, NULL), COF_CORRUPT);
}

static void checkpoint__comes_back_and_only_for_its_log(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    struct cof_checkpoint checkpoint = {.size = 20852163};
    struct cof_checkpoint back;
    const struct cof_note_key key = test_key();
    struct cof_note_key renamed;
    memset(checkpoint.root.bytes, 0x42, 32);
    cof_checkpoint_append(&note, &checkpoint, &key, seed);
    struct cof_text text = cof_buffer_text(&note);
    assert_true(cof_text_has_prefix(
        text, COF_TEXT("coffer/test/audit\n20852163\n"
                       "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=\n\n\xe2\x80\x94 "
                       "coffer/test/audit ")));
    assert_int_equal(cof_checkpoint_check(text, &key, &back, NULL), COF_OK);
    assert_int_equal(back.size, checkpoint.size);
    assert_memory_equal(back.root.bytes, checkpoint.root.bytes, 32);
    assert_true(cof_note_key_init(&renamed, COF_TEXT("coffer/best/audit"), key.public_key));
    assert_int_equal(cof_checkpoint_check(text, &renamed, &back, NULL), COF_CORRUPT);
}

/* The key signs a note of another origin under its own name. */
static void checkpoint__refuses_another_origin(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer note = {0};
    struct cof_checkpoint back;
    const struct cof_note_key key = test_key();
    cof_note_append(&note,
                    COF_TEXT("coffer/other/audit\n5\n"
                             "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=\n"),
                    &key, seed);
    assert_int_equal(cof_checkpoint_check(cof_buffer_text(&note), &key, &back, NULL), COF_CORRUPT);
}

static void note_size__finds_where_each_of_several_ends(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer notes = {0};
    const struct cof_note_key key = test_key();
    struct cof_checkpoint checkpoint = {.size = 1};
    cof_checkpoint_append(&notes, &checkpoint, &key, seed);
    size_t first = notes.size;
    checkpoint.size = 2;
    cof_checkpoint_append(&notes, &checkpoint, &key, seed);
    struct cof_text all = cof_buffer_text(&notes);
    assert_int_equal(cof_note_size(all, true), first);
    for (size_t size = 0; size < first; size++)
        assert_int_equal(cof_note_size((struct cof_text){all.data, size}, true), 0);
    assert_int_equal(cof_note_size((struct cof_text){all.data, first}, true), first);
    /* what follows is not known yet */
    assert_int_equal(cof_note_size((struct cof_text){all.data, first}, false), 0);
    for (size_t size = first + 1; size < all.size; size++)
        assert_int_equal(cof_note_size((struct cof_text){all.data, size}, true), first);
    /* the start of a further signature is no end */
    memcpy(notes.data + first, "\xe2\x80\x94 x", 5);
    assert_int_equal(cof_note_size((struct cof_text){all.data, first + 2}, false), 0);
    assert_int_equal(cof_note_size((struct cof_text){all.data, first + 5}, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vkey__reads_and_writes_the_published_one),
        cmocka_unit_test(vkey__refuses_every_changed_byte),
        cmocka_unit_test(note_key__refuses_names_that_notes_cannot_carry),
        cmocka_unit_test(note__signs_and_checks_the_published_one),
        cmocka_unit_test(note__refuses_every_flipped_bit),
        cmocka_unit_test(note__passes_over_signatures_of_others),
        cmocka_unit_test(checkpoint__comes_back_and_only_for_its_log),
        cmocka_unit_test(checkpoint__refuses_another_origin),
        cmocka_unit_test(note_size__finds_where_each_of_several_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
