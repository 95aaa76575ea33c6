/* Evaluation sets from disk: both layouts, and what is wrong with bad ones. */
#include "testing.h"

#include <string.h>

#include <cof/base/file.h>

#include "eval_set.h"
#include "temp_dir.h"

struct fixture {
    char folder[TEMP_DIR_PATH_SIZE];
    struct cof_arena arena;
    struct cof_eval_set set;
    struct cof_error error;
};

static int setup(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    temp_dir_create(fixture.folder);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    temp_dir_remove(fixture->folder);
    cof_arena_deinit(&fixture->arena);
    return 0;
}

static void put(struct fixture *fixture, const char *name, const char *content)
{
    char path[COF_MAX_PATH];
    assert_int_equal(cof_path_join(path, fixture->folder, name, NULL), COF_OK);
    assert_int_equal(
        cof_file_write_atomic(path, cof_text_bytes(cof_text_from(content)), 0600, NULL), COF_OK);
}

static void put_beir(struct fixture *fixture)
{
    char path[COF_MAX_PATH];
    put(fixture, "corpus.jsonl",
        "{\"_id\":\"d1\",\"title\":\"T\",\"text\":\"one\",\"metadata\":{}}\n"
        "{\"_id\":\"d2\",\"text\":\"two\"}\n");
    put(fixture, "queries.jsonl",
        "{\"_id\":\"q2\",\"text\":\"second\"}\n{\"_id\":\"q1\",\"text\":\"first\"}\n"
        "{\"_id\":\"q3\",\"text\":\"unjudged\"}\n");
    assert_int_equal(cof_path_join(path, fixture->folder, "qrels", NULL), COF_OK);
    assert_int_equal(cof_folder_create(path, 0700, NULL), COF_OK);
    put(fixture, "qrels/test.tsv", "query-id\tcorpus-id\tscore\nq2\td2\t1\nq1\td1\t2\nq1\td2\t0\n");
}

static enum cof_status load(struct fixture *fixture)
{
    return cof_eval_set_load(fixture->folder, &fixture->arena, &fixture->set, &fixture->error);
}

static void eval_set__reads_beir_and_keeps_only_judged_queries(void **state)
{
    struct fixture *fixture = *state;
    put_beir(fixture);
    assert_int_equal(load(fixture), COF_OK);
    assert_false(fixture->set.is_samples);
    assert_int_equal(fixture->set.document_count, 2);
    assert_int_equal(fixture->set.query_count, 2);
    assert_true(cof_text_equal(fixture->set.queries[0].id, COF_TEXT("q2")));
    assert_int_equal(fixture->set.queries[1].judgment_count, 1);
    assert_int_equal(fixture->set.queries[1].judgments[0].grade, 2);
    assert_int_equal(fixture->set.documents[1].title.size, 0);
}

static void eval_set__names_file_and_line_of_bad_json(void **state)
{
    struct fixture *fixture = *state;
    put_beir(fixture);
    put(fixture, "corpus.jsonl", "{\"_id\":\"d1\",\"text\":\"one\"}\n{\"_id\":\n");
    assert_int_equal(load(fixture), COF_INVALID);
    assert_non_null(strstr(fixture->error.message, "corpus.jsonl line 2"));
}

static void eval_set__names_the_line_of_a_bad_judgment(void **state)
{
    struct fixture *fixture = *state;
    put_beir(fixture);
    put(fixture, "qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\tlots\n");
    assert_int_equal(load(fixture), COF_INVALID);
    assert_non_null(strstr(fixture->error.message, "line 2"));
}

static void eval_set__says_when_a_file_is_missing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture), COF_NOT_FOUND);
}

static void eval_set__reads_the_sample_corpus_with_its_halves(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(cof_eval_set_load(COF_SOURCE_DIR "/data/samples", &fixture->arena,
                                       &fixture->set, &fixture->error),
                     COF_OK);
    assert_true(fixture->set.is_samples);
    assert_int_equal(fixture->set.query_count, 70);
    size_t unanswerable = 0;
    for (size_t i = 0; i < fixture->set.query_count; i++) {
        unanswerable += fixture->set.queries[i].judgment_count == 0 ? 1 : 0;
    }
    assert_int_equal(unanswerable, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(eval_set__reads_beir_and_keeps_only_judged_queries, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(eval_set__names_file_and_line_of_bad_json, setup, teardown),
        cmocka_unit_test_setup_teardown(eval_set__names_the_line_of_a_bad_judgment, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(eval_set__says_when_a_file_is_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(eval_set__reads_the_sample_corpus_with_its_halves, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
