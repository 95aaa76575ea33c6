/* Which collection an id or a name means. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "directory.h"
#include "temp_dir.h"

struct house {
    char folder[TEMP_DIR_PATH_SIZE];
    struct cof_keyring *keyring;
    struct cof_store *store;
    struct cof_directory *directory;
    struct cof_error error;
};

static int setup(void **state)
{
    static struct house house;
    memset(&house, 0, sizeof(house));
    char keys[TEMP_DIR_PATH_SIZE + 8];
    char store[TEMP_DIR_PATH_SIZE + 8];
    temp_dir_create(house.folder);
    temp_dir_join(house.folder, "keys", keys, sizeof(keys));
    temp_dir_join(house.folder, "store", store, sizeof(store));
    struct cof_keyring_options keyring = {
        .folder = keys, .clock = cof_clock_system(), .random = cof_random_system()};
    assert_int_equal(cof_keyring_create(&keyring, &house.keyring, &house.error), COF_OK);
    struct cof_store_options options = {.folder = store,
                                        .may_create = true,
                                        .keyring = house.keyring,
                                        .clock = cof_clock_system(),
                                        .random = cof_random_system(),
                                        .max_bytes = (uint64_t)64 << 20};
    assert_int_equal(cof_store_open(&options, &house.store, &house.error), COF_OK);
    assert_int_equal(cof_directory_open(house.store, &house.directory, &house.error), COF_OK);
    *state = &house;
    return 0;
}

static int teardown(void **state)
{
    struct house *house = *state;
    cof_directory_close(house->directory);
    cof_store_close(house->store);
    cof_keyring_close(house->keyring);
    temp_dir_remove(house->folder);
    return 0;
}

static void put(struct house *house, uint64_t number, const char *name)
{
    char id[COF_COLLECTION_ID_SIZE];
    snprintf(id, sizeof(id), "vs_%024u", (unsigned)number);
    assert_int_equal(
        cof_directory_put(house->directory, number, id, cof_text_from(name), &house->error),
        COF_OK);
}

static enum cof_status find(struct house *house, const char *wanted, uint64_t *out_number)
{
    return cof_directory_find(house->directory, cof_text_from(wanted), out_number, &house->error);
}

static void directory__finds_by_id_and_by_name(void **state)
{
    struct house *house = *state;
    uint64_t number = 0;
    put(house, 3, "three");
    put(house, 1, "one");
    put(house, 2, "two");
    assert_int_equal(find(house, "two", &number), COF_OK);
    assert_int_equal(number, 2);
    assert_int_equal(find(house, "vs_000000000000000000000003", &number), COF_OK);
    assert_int_equal(number, 3);
    assert_int_equal(find(house, "four", &number), COF_NOT_FOUND);
    assert_int_equal(find(house, "", &number), COF_NOT_FOUND);
}

static void directory__refuses_an_ambiguous_name_and_prefers_an_id(void **state)
{
    struct house *house = *state;
    uint64_t number = 0;
    put(house, 1, "same");
    put(house, 2, "same");
    put(house, 3, "vs_000000000000000000000002");
    assert_int_equal(find(house, "same", &number), COF_CONFLICT);
    assert_non_null(strstr(house->error.message, "2 vector stores"));
    assert_int_equal(find(house, "vs_000000000000000000000002", &number), COF_OK);
    assert_int_equal(number, 2);
}

static void directory__renames_and_forgets(void **state)
{
    struct house *house = *state;
    uint64_t number = 0;
    for (uint64_t i = 1; i <= 40; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%u", (unsigned)i);
        put(house, i, name);
    }
    put(house, 7, "renamed");
    assert_int_equal(find(house, "n7", &number), COF_NOT_FOUND);
    assert_int_equal(find(house, "renamed", &number), COF_OK);
    assert_int_equal(number, 7);
    cof_directory_delete(house->directory, 7);
    cof_directory_delete(house->directory, 4711);
    assert_int_equal(find(house, "renamed", &number), COF_NOT_FOUND);
    assert_int_equal(cof_directory_count(house->directory), 39);
    uint64_t numbers[64];
    assert_int_equal(cof_directory_numbers(house->directory, numbers, 64), 39);
    assert_int_equal(numbers[6], 8);
    assert_int_equal(cof_directory_numbers(house->directory, numbers, 5), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(directory__finds_by_id_and_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(directory__refuses_an_ambiguous_name_and_prefers_an_id,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(directory__renames_and_forgets, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
