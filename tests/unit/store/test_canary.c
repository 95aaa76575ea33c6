/* Nothing that a user gave can be read on the disk: every byte under the folders is searched. */
#include "testing.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/file.h>

#include "store_fixture.h"

/* Words of store_fixture.c's samples, and what this test adds. */
static const char *const words[] = {
    "plainwords",  "headingwords",    "titlewords", "filewords",  "aclwords",    "alice",
    "edition",     "canary-external", "handbook",   "hashing",    "secretowner", "markdown",
    "outboxwords", "keynamewords",    "userwords",  "groupwords", "keyidwords1",
};

static struct {
    const uint8_t *vectors;
    size_t vectors_size;
    size_t file_count;
    size_t byte_count;
} search;

static void search_bytes(const char *path, struct cof_bytes bytes)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (memmem(bytes.data, bytes.size, words[i], strlen(words[i])) != NULL)
            fail_msg("%s holds '%s'", path, words[i]);
    }
    /* any 16 bytes of the vectors, at any alignment of theirs */
    for (size_t at = 0; at + 16 <= search.vectors_size; at += 4) {
        if (memmem(bytes.data, bytes.size, search.vectors + at, 16) != NULL)
            fail_msg("%s holds a vector", path);
    }
}

static int search_file(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    struct cof_error err = {0};
    struct cof_buffer bytes = {0};
    (void)status;
    const char *name = path + walk->base;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_null(strstr(name, words[i]));
    if (type != FTW_F)
        return 0;
    expect_ok(cof_file_read(path, (size_t)1 << 30, &bytes, &err), err);
    search_bytes(path, cof_buffer_bytes(&bytes));
    search.file_count++;
    search.byte_count += bytes.size;
    cof_buffer_deinit(&bytes);
    return 0;
}

static void disk__holds_no_word_name_id_or_vector(void **state)
{
    struct store_fixture fixture;
    struct cof_error err = {0};
    struct fixture_outbox outbox;
    struct cof_write_outcome outcome;
    uint64_t number = 0;
    const struct cof_text group = COF_TEXT("groupwords");
    store_fixture_setup(&fixture);
    struct cof_text metadata = COF_TEXT("{\"who\":\"secretowner\"}");
    expect_ok(
        cof_store_update_collection(fixture.store, fixture.collection, NULL, &metadata, NULL, &err),
        err);
    struct sample *old = sample_create(fixture.store, fixture.collection, "canary-external", 1, 70);
    struct sample *fresh =
        sample_create(fixture.store, fixture.collection, "canary-external", 2, 9);
    struct sample *gone =
        sample_create(fixture.store, fixture.collection, "canary-external-2", 1, 3);
    (void)sample_put(fixture.store, old);
    (void)sample_put(fixture.store, fresh);
    (void)sample_put(fixture.store, gone);
    fixture_outbox_init(&outbox, 1, "outboxwords: who did what");
    expect_ok(cof_store_delete_document(fixture.store, fixture.collection, gone->write.external_id,
                                        &outbox.outbox, &outcome, &err),
              err);
    struct cof_credential credential = {.key_id = "keyidwords1",
                                        .name = COF_TEXT("keynamewords"),
                                        .user = COF_TEXT("userwords"),
                                        .groups = &group,
                                        .group_count = 1};
    expect_ok(cof_store_put_credential(fixture.store, &credential, NULL, &number, &err), err);

    search.vectors = (const uint8_t *)fresh->vectors;
    search.vectors_size = 9 * FIXTURE_DIMENSION * sizeof(float);
    assert_int_equal(nftw(fixture.root, search_file, 16, FTW_PHYS), 0); /* while it is open */
    store_fixture_close(&fixture);
    search.vectors = (const uint8_t *)old->vectors;
    search.vectors_size = 70 * FIXTURE_DIMENSION * sizeof(float);
    assert_int_equal(nftw(fixture.root, search_file, 16, FTW_PHYS), 0);
    assert_true(search.file_count >= 9);
    assert_true(search.byte_count > 200000);
    sample_destroy(old);
    sample_destroy(fresh);
    sample_destroy(gone);
    store_fixture_teardown(&fixture);
}

/* The search itself can find: the words are there in what was given. */
static void search__would_find_what_is_not_sealed(void **state)
{
    struct store_fixture fixture;
    store_fixture_setup(&fixture);
    struct sample *sample =
        sample_create(fixture.store, fixture.collection, "canary-external", 1, 1);
    assert_non_null(memmem(sample->texts, 640, words[0], strlen(words[0])));
    assert_non_null(strstr(sample->title, "titlewords"));
    sample_destroy(sample);
    store_fixture_teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disk__holds_no_word_name_id_or_vector),
        cmocka_unit_test(search__would_find_what_is_not_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
