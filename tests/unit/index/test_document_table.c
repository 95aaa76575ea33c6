/* Records by number, and the deleted ones for ever. */
#include "testing.h"

#include "document_table.h"

static struct cof_index_document *record(uint64_t number, uint32_t version)
{
    static const struct cof_text allow[] = {COF_TEXT_INIT("user:ann"), COF_TEXT_INIT("group:lab")};
    struct cof_document document = {
        .number = number,
        .version = version,
        .title = COF_TEXT("title"),
        .attributes = COF_TEXT("{\"a\":\"b\"}"),
        .acl = {.is_set = true, .allow = allow, .allow_count = 2, .deny = allow, .deny_count = 1},
    };
    struct cof_index_document *made = NULL;
    struct cof_error err = {0};

    assert_int_equal(cof_index_document_create(&document, &made, &err), COF_OK);
    return made;
}

static void document_table__remembers_what_was_put_and_deleted(void **state)
{
    struct cof_document_table table = {0};
    struct cof_error err = {0};
    bool is_deleted = true;

    assert_null(cof_document_table_get(&table, 1, &is_deleted));
    assert_false(is_deleted);
    for (uint64_t number = 0; number < 1000; number++) {
        assert_int_equal(cof_document_table_reserve(&table, &err), COF_OK);
        cof_document_table_put(&table, record(number * 64, 1));
    }
    for (uint64_t number = 0; number < 1000; number += 2) {
        assert_int_equal(cof_document_table_reserve(&table, &err), COF_OK);
        cof_document_table_delete(&table, number * 64);
    }
    assert_int_equal(table.document_count, 500);
    for (uint64_t number = 0; number < 1000; number++) {
        const struct cof_index_document *found =
            cof_document_table_get(&table, number * 64, &is_deleted);
        assert_int_equal(is_deleted, number % 2 == 0);
        assert_int_equal(found != NULL, number % 2 == 1);
        if (found != NULL)
            assert_int_equal(found->seen.number, number * 64);
        assert_null(cof_document_table_get(&table, number * 64 + 1, &is_deleted));
        assert_false(is_deleted);
    }
    cof_document_table_deinit(&table);
}

static void document_table__counts_what_may_be_searched(void **state)
{
    struct cof_document_table table = {0};
    struct cof_error err = {0};
    struct cof_index_document *waiting = record(5, 2);

    assert_int_equal(cof_document_table_reserve(&table, &err), COF_OK);
    waiting->awaits_put = true;
    cof_document_table_put(&table, waiting);
    assert_int_equal(table.document_count, 0);
    cof_document_table_fulfil(&table, waiting);
    assert_int_equal(table.document_count, 1);
    cof_document_table_put(&table, record(5, 3));
    assert_int_equal(table.document_count, 1);
    size_t with_one = cof_document_table_memory_bytes(&table);
    cof_document_table_delete(&table, 5);
    assert_int_equal(table.document_count, 0);
    assert_true(cof_document_table_memory_bytes(&table) < with_one);
    cof_document_table_deinit(&table);
}

static void index_document__holds_copies(void **state)
{
    struct cof_index_document *made = record(9, 4);
    struct cof_index_document *update = record(9, 5);

    assert_true(cof_text_equal(made->title, COF_TEXT("title")));
    assert_true(made->seen.acl->is_set);
    assert_int_equal(made->seen.acl->allow_count, 2);
    assert_true(cof_text_equal(made->seen.acl->allow[1], COF_TEXT("group:lab")));
    assert_true(cof_text_equal(made->seen.acl->deny[0], COF_TEXT("user:ann")));
    assert_true(cof_index_document_memory_bytes(made) > sizeof(*made));
    made->pending = update; /* destroyed with it */
    cof_index_document_destroy(made);
    cof_index_document_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_table__remembers_what_was_put_and_deleted),
        cmocka_unit_test(document_table__counts_what_may_be_searched),
        cmocka_unit_test(index_document__holds_copies),
    };

    return cmocka_run_group_tests_name("document_table", tests, NULL, NULL);
}
