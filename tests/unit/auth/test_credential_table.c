/* The credential table: found by id, growing, owning its copies. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "credential_table.h"

static void add(struct cof_credential_table *table, const char *key_id, uint64_t number)
{
    struct cof_error err = {0};
    char name[16] = "short-lived";
    struct cof_text group = {.data = name, .size = 5};
    struct cof_credential credential = {.number = number,
                                        .name = cof_text_from(name),
                                        .user = COF_TEXT("user"),
                                        .groups = &group,
                                        .group_count = 1};
    (void)snprintf(credential.key_id, sizeof(credential.key_id), "%s", key_id);
    assert_int_equal(cof_credential_table_reserve(table, &err), COF_OK);
    struct cof_credential_entry *entry = cof_credential_entry_create(&credential);
    assert_non_null(entry);
    cof_credential_table_add(table, entry);
    memset(name, 'x', sizeof(name));
}

static void table__finds_each_of_many_and_nothing_else(void **state)
{
    struct cof_credential_table table = {0};
    char id[13];
    assert_null(cof_credential_table_find(&table, COF_TEXT("aaaaaaaaaaaa")));
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(id, sizeof(id), "k%011u", i);
        add(&table, id, i);
    }
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(id, sizeof(id), "k%011u", i);
        const struct cof_credential_entry *entry =
            cof_credential_table_find(&table, cof_text_from(id));
        assert_non_null(entry);
        assert_int_equal(entry->credential.number, i);
    }
    assert_null(cof_credential_table_find(&table, COF_TEXT("k0000000100")));
    assert_null(cof_credential_table_find(&table, COF_TEXT("")));
    cof_credential_table_deinit(&table);
}

static void table__owns_copies_of_the_texts(void **state)
{
    struct cof_credential_table table = {0};
    add(&table, "abcdefghijkl", 3);
    const struct cof_credential_entry *entry =
        cof_credential_table_find(&table, COF_TEXT("abcdefghijkl"));
    assert_non_null(entry);
    assert_true(cof_text_equal(entry->credential.name, COF_TEXT("short-lived")));
    assert_true(cof_text_equal(entry->credential.groups[0], COF_TEXT("short")));
    cof_credential_table_deinit(&table);
    cof_credential_table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__finds_each_of_many_and_nothing_else),
        cmocka_unit_test(table__owns_copies_of_the_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
