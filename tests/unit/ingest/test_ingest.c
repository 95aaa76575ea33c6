/* The ingester from bytes to what a search finds. */
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/ingest/ingest.h>

#include "ingest_house.h"

#define TEXT(string) cof_text_bytes(cof_text_from(string))

static struct ingest_house house;

static int set_up(void **state)
{
    ingest_house_open(&house);
    return 0;
}

static int tear_down(void **state)
{
    ingest_house_close(&house);
    return 0;
}

static size_t embedded(void)
{
    return atomic_load(&house.embedder.embedded_count);
}

static struct cof_document find(const char *external_id, struct cof_arena *arena)
{
    struct cof_document document = {0};
    struct cof_error err = {0};
    if (cof_store_find_document(house.store, house.collection, cof_text_from(external_id), arena,
                                &document, &err) != COF_OK)
        fail_msg("%s", err.message);
    return document;
}

/* ---- One document ---- */

static void ingest__makes_a_document_that_search_finds(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_ingest_result result = {0};
    struct cof_ingest_document document = {
        .external_id = COF_TEXT("badges"),
        .filename = COF_TEXT("handbook/badges.md"),
        .source = TEXT("# Door badges\n\nThe badge opens the turnstile.\n"),
        .attributes = COF_TEXT("{\"site\":\"Hamburg\"}"),
    };
    ingest_house_put(&house, &document, 1, &arena, &result);
    assert_int_equal(result.outcome.kind, COF_WRITE_CREATED);
    assert_int_equal(result.outcome.version, 1);
    assert_int_equal(result.outcome.chunk_count, 1);
    assert_true(result.token_count > 0);
    assert_true(cof_text_equal(result.external_id, COF_TEXT("badges")));
    assert_int_equal(ingest_house_search(&house, "turnstile"), 1);
    assert_int_equal(ingest_house_search(&house, "door"), 1); /* by its title */

    struct cof_document stored = find("badges", &arena);
    assert_true(cof_text_equal(stored.title, COF_TEXT("Door badges")));
    assert_true(cof_text_equal(stored.media_type, COF_TEXT("text/markdown")));
    struct cof_chunk *chunks = NULL;
    size_t count = 0;
    assert_int_equal(cof_store_get_chunks(house.store, house.collection, stored.number, &arena,
                                          &chunks, &count, NULL),
                     COF_OK);
    assert_int_equal(count, 1);
    assert_true(cof_text_equal(chunks[0].text, COF_TEXT("The badge opens the turnstile.")));
    assert_true(cof_text_equal(chunks[0].heading, COF_TEXT("Door badges")));
}

static void ingest__replaces_content_in_a_new_version(void **state)
{
    (void)ingest_house_put_text(&house, "a", "The canteen opens at noon.");
    struct cof_write_outcome outcome =
        ingest_house_put_text(&house, "a", "The canteen opens at eleven.");
    assert_int_equal(outcome.kind, COF_WRITE_REPLACED);
    assert_int_equal(outcome.version, 2);
    assert_int_equal(ingest_house_search(&house, "eleven"), 1);
    assert_int_equal(ingest_house_search(&house, "noon"), 0);
}

static void ingest__does_nothing_for_the_same_content(void **state)
{
    struct cof_write_outcome first = ingest_house_put_text(&house, "a", "# Same\n\nas before");
    size_t before = embedded();
    struct cof_write_outcome second = ingest_house_put_text(&house, "a", "# Same\n\nas before");
    assert_int_equal(second.kind, COF_WRITE_UNCHANGED);
    assert_int_equal(second.version, first.version);
    assert_int_equal(second.document_number, first.document_number);
    assert_int_equal(embedded(), before);
    assert_int_equal(atomic_load(&house.encoded_count), 2); /* recorded all the same */
    assert_int_equal(ingest_house_search(&house, "before"), 1);
}

static void ingest__takes_the_same_bytes_of_another_type_for_other_content(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_ingest_result result = {0};
    struct cof_ingest_document document = {
        .external_id = COF_TEXT("a"),
        .media_type = COF_TEXT("text/plain"),
        .source = TEXT("*stars* stay in plain text"),
    };
    ingest_house_put(&house, &document, 1, &arena, &result);
    document.media_type = COF_TEXT("text/markdown");
    ingest_house_put(&house, &document, 1, &arena, &result);
    assert_int_equal(result.outcome.kind, COF_WRITE_REPLACED);
    assert_int_equal(result.outcome.version, 2);
}

static void ingest__rewrites_labels_without_embedding(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_ingest_result result = {0};
    struct cof_text nobody = COF_TEXT("user:nobody");
    struct cof_ingest_document document = {
        .external_id = COF_TEXT("a"),
        .source = TEXT("The text of it"),
    };
    ingest_house_put(&house, &document, 1, &arena, &result);
    size_t before = embedded();
    document.title = COF_TEXT("Zeppelin rides");
    document.attributes = COF_TEXT("{\"year\":1931}");
    document.acl = (struct cof_acl){.is_set = true, .allow = &nobody, .allow_count = 1};
    ingest_house_put(&house, &document, 1, &arena, &result);
    assert_int_equal(result.outcome.kind, COF_WRITE_REPLACED);
    assert_int_equal(result.outcome.version, 1); /* the content is the same */
    assert_int_equal(embedded(), before);
    assert_int_equal(ingest_house_search(&house, "zeppelin"), 1); /* the index knows */
    struct cof_document stored = find("a", &arena);
    assert_true(stored.acl.is_set);
    assert_true(cof_text_equal(stored.title, COF_TEXT("Zeppelin rides")));

    document.title = (struct cof_text){0}; /* none given: the stored one stays */
    ingest_house_put(&house, &document, 1, &arena, &result);
    assert_int_equal(result.outcome.kind, COF_WRITE_UNCHANGED);
}

static void ingest__cleans_a_given_title(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_ingest_result result = {0};
    struct cof_ingest_document document = {
        .external_id = COF_TEXT("a"),
        .title = COF_TEXT("  Salary\xe2\x80\xae\n list\x07 "),
        .source = TEXT("text"),
    };
    ingest_house_put(&house, &document, 1, &arena, &result);
    assert_true(cof_text_equal(find("a", &arena).title, COF_TEXT("Salary list")));
}

static void ingest__makes_an_id_from_the_file_name(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_ingest_result results[2] = {0};
    struct cof_ingest_document documents[2] = {
        {.filename = COF_TEXT("leave/sick.md"), .source = TEXT("ill")},
        {.source = TEXT("neither id nor name")},
    };
    ingest_house_put(&house, documents, 2, &arena, results);
    assert_int_equal(results[0].outcome.kind, COF_WRITE_CREATED);
    assert_true(cof_text_has_prefix(results[0].external_id, COF_TEXT("f-")));
    assert_int_equal(results[1].outcome.kind, COF_WRITE_FAILED);
    assert_non_null(strstr(results[1].outcome.error.message, "needs an id or a file name"));
    struct cof_ingest_result again = {0};
    ingest_house_put(&house, documents, 1, &arena, &again);
    assert_int_equal(again.outcome.kind, COF_WRITE_UNCHANGED);
}

static void ingest__stores_an_empty_document(void **state)
{
    struct cof_write_outcome outcome = ingest_house_put_text(&house, "empty", "");
    assert_int_equal(outcome.kind, COF_WRITE_CREATED);
    assert_int_equal(outcome.chunk_count, 0);
    assert_int_equal(ingest_house_put_text(&house, "empty", "").kind, COF_WRITE_UNCHANGED);
    assert_int_equal(ingest_house_put_text(&house, "empty", "no more").kind, COF_WRITE_REPLACED);
    assert_int_equal(ingest_house_put_text(&house, "empty", "").chunk_count, 0);
    assert_int_equal(ingest_house_search(&house, "more"), 0);
}

static void ingest__deletes_from_store_and_index(void **state)
{
    (void)ingest_house_put_text(&house, "a", "a parachute");
    struct cof_outbox outbox = ingest_house_outbox(&house);
    struct cof_write_outcome outcome = {0};
    assert_int_equal(
        cof_ingest_delete(house.ingester, house.collection, COF_TEXT("a"), &outbox, &outcome, NULL),
        COF_OK);
    assert_int_equal(outcome.kind, COF_WRITE_DELETED);
    assert_int_equal(ingest_house_search(&house, "parachute"), 0);
    outbox = ingest_house_outbox(&house);
    assert_int_equal(
        cof_ingest_delete(house.ingester, house.collection, COF_TEXT("a"), &outbox, &outcome, NULL),
        COF_NOT_FOUND);
    /* and may come back */
    assert_int_equal(ingest_house_put_text(&house, "a", "a parachute").kind, COF_WRITE_CREATED);
    assert_int_equal(ingest_house_search(&house, "parachute"), 1);
}

/* ---- Many documents ---- */

static void ingest__fails_documents_alone(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_ingest_result results[8] = {0};
    struct cof_text bad_entry = COF_TEXT("role:boss");
    static uint8_t big[(1 << 20) + 1];
    memset(big, 'x', sizeof(big));
    struct cof_ingest_document documents[8] = {
        {.external_id = COF_TEXT("good-1"), .source = TEXT("first umbrella")},
        {.external_id = COF_TEXT("not an id"), .source = TEXT("text")},
        {.external_id = COF_TEXT("latin-1"), .source = TEXT("caf\xe9")},
        {.external_id = COF_TEXT("pdf"),
         .media_type = COF_TEXT("application/pdf"),
         .source = TEXT("%PDF")},
        {.external_id = COF_TEXT("nested"),
         .attributes = COF_TEXT("{\"a\":{\"b\":1}}"),
         .source = TEXT("text")},
        {.external_id = COF_TEXT("acl"),
         .acl = {.is_set = true, .allow = &bad_entry, .allow_count = 1},
         .source = TEXT("text")},
        {.external_id = COF_TEXT("big"), .source = {.data = big, .size = sizeof(big)}},
        {.external_id = COF_TEXT("good-2"), .source = TEXT("second umbrella")},
    };
    ingest_house_put(&house, documents, 8, &arena, results);
    for (size_t i = 1; i < 7; i++) {
        assert_int_equal(results[i].outcome.kind, COF_WRITE_FAILED);
        assert_int_not_equal(results[i].outcome.error.status, COF_OK);
        assert_true(cof_text_equal(results[i].external_id, documents[i].external_id));
    }
    assert_int_equal(results[6].outcome.error.status, COF_TOO_LARGE);
    assert_int_equal(results[0].outcome.kind, COF_WRITE_CREATED);
    assert_int_equal(results[7].outcome.kind, COF_WRITE_CREATED);
    assert_int_equal(ingest_house_search(&house, "umbrella"), 2);
    assert_int_equal(atomic_load(&house.encoded_count), 1);
}

static void ingest__does_not_call_the_store_when_all_have_failed(void **state)
{
    struct cof_write_outcome outcome = ingest_house_put_text(&house, "bad", "caf\xe9");
    assert_int_equal(outcome.kind, COF_WRITE_FAILED);
    assert_int_equal(atomic_load(&house.encoded_count), 0);
}

static void ingest__takes_the_last_of_one_id(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_ingest_result results[4] = {0};
    (void)ingest_house_put_text(&house, "twice", "marmalade");
    struct cof_ingest_document documents[4] = {
        {.external_id = COF_TEXT("twice"),
         .media_type = COF_TEXT("text/markdown"),
         .source = TEXT("marmalade")},
        {.external_id = COF_TEXT("twice"), .source = TEXT("chutney")},
        {.external_id = COF_TEXT("other"), .source = TEXT("mustard")},
        {.external_id = COF_TEXT("twice"),
         .media_type = COF_TEXT("text/markdown"),
         .source = TEXT("marmalade")},
    };
    ingest_house_put(&house, documents, 4, &arena, results);
    assert_int_equal(results[0].outcome.kind, COF_WRITE_UNCHANGED);
    assert_int_equal(results[1].outcome.kind, COF_WRITE_REPLACED);
    assert_int_equal(results[3].outcome.kind, COF_WRITE_REPLACED);
    assert_int_equal(results[3].outcome.version, 3);
    assert_int_equal(ingest_house_search(&house, "marmalade"), 1);
    assert_int_equal(ingest_house_search(&house, "chutney"), 0);
    assert_int_equal(ingest_house_search(&house, "mustard"), 1);
}

static void ingest__embeds_many_documents_in_packed_batches(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    enum { COUNT = 200 };
    struct cof_ingest_document documents[COUNT];
    struct cof_ingest_result results[COUNT] = {0};
    for (size_t i = 0; i < COUNT; i++)
        documents[i] = (struct cof_ingest_document){
            .external_id = cof_arena_format(&arena, "document-%zu", i),
            .source = cof_text_bytes(cof_arena_format(&arena, "common word and unique%zu", i)),
        };
    ingest_house_put(&house, documents, COUNT, &arena, results);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(results[i].outcome.kind, COF_WRITE_CREATED);
    assert_int_equal(embedded(), COUNT);
    assert_int_equal(ingest_house_search(&house, "unique137"), 1);
    assert_int_equal(atomic_load(&house.encoded_count), 1);
}

static void ingest__limits_the_chunks_of_a_document(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer text = {0};
    for (int i = 0; i < 60000; i++)
        cof_buffer_append_text(&text, COF_TEXT("wordy "));
    cof_buffer_append_byte(&text, '\0');
    struct cof_write_outcome outcome =
        ingest_house_put_text(&house, "long", (const char *)text.data);
    assert_int_equal(outcome.kind, COF_WRITE_FAILED);
    assert_int_equal(outcome.error.status, COF_TOO_LARGE);
    assert_non_null(strstr(outcome.error.message, "over the limit of 500"));
}

/* ---- Failures of the whole call ---- */

static enum cof_status put_one(uint64_t collection, const struct cof_cancel *cancel,
                               struct cof_error *err)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_ingest_result result = {0};
    struct cof_ingest_document document = {.external_id = COF_TEXT("a"), .source = TEXT("text")};
    struct cof_outbox outbox = ingest_house_outbox(&house);
    return cof_ingest_put(house.ingester, collection, &document, 1, &outbox, cancel, &arena,
                          &result, err);
}

static void ingest__knows_no_such_collection(void **state)
{
    assert_int_equal(put_one(4711, NULL, NULL), COF_NOT_FOUND);
}

static void ingest__refuses_another_model_and_names_both(void **state)
{
    struct cof_error err = {0};
    house.embedder.base.info.fingerprint[0] ^= 1;
    house.embedder.base.info.name = "another-model";
    assert_int_equal(put_one(house.collection, NULL, &err), COF_CONFLICT);
    assert_non_null(strstr(err.message, "another-model"));
    assert_non_null(strstr(err.message, house.embedder.inner->info.name));
}

static void ingest__stops_when_nobody_waits(void **state)
{
    struct cof_cancel cancel = {0};
    cof_cancel_request(&cancel);
    assert_int_equal(put_one(house.collection, &cancel, NULL), COF_CANCELED);
    assert_int_equal(atomic_load(&house.encoded_count), 0);
}

static void cancel_now(void *context)
{
    cof_cancel_request(context);
}

static void ingest__stops_before_it_stores(void **state)
{
    struct cof_cancel cancel = {0};
    house.embedder.before_embed = cancel_now;
    house.embedder.before_context = &cancel;
    assert_int_equal(put_one(house.collection, &cancel, NULL), COF_CANCELED);
    assert_int_equal(atomic_load(&house.encoded_count), 0);
}

static void ingest__refuses_no_documents_and_too_many(void **state)
{
    struct cof_outbox outbox = ingest_house_outbox(&house);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    assert_int_equal(cof_ingest_put(house.ingester, house.collection, NULL, 0, &outbox, NULL,
                                    &arena, NULL, NULL),
                     COF_INVALID);
    assert_int_equal(cof_ingest_put(house.ingester, house.collection, NULL, 1025, &outbox, NULL,
                                    &arena, NULL, NULL),
                     COF_INVALID);
}

/* ---- Races ---- */

static void replace_a(void *context)
{
    (void)ingest_house_put_text(context, "a", "another violin");
}

static void ingest__puts_with_content_what_was_replaced_meanwhile(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_ingest_result results[2] = {0};
    (void)ingest_house_put_text(&house, "a", "one trumpet");
    /* "a" is found unchanged; while "b" is embedded somebody replaces it */
    house.embedder.before_embed = replace_a;
    house.embedder.before_context = &house;
    struct cof_ingest_document documents[2] = {
        {.external_id = COF_TEXT("a"),
         .media_type = COF_TEXT("text/markdown"),
         .source = TEXT("one trumpet")},
        {.external_id = COF_TEXT("b"), .source = TEXT("a drum")},
    };
    ingest_house_put(&house, documents, 2, &arena, results);
    assert_int_equal(results[0].outcome.kind, COF_WRITE_REPLACED);
    assert_int_equal(results[0].outcome.version, 3);
    assert_int_equal(results[1].outcome.kind, COF_WRITE_CREATED);
    assert_int_equal(ingest_house_search(&house, "trumpet"), 1);
    assert_int_equal(ingest_house_search(&house, "violin"), 0);
}

static void delete_a(void *context)
{
    struct ingest_house *at = context;
    struct cof_outbox outbox = ingest_house_outbox(at);
    struct cof_write_outcome outcome = {0};
    assert_int_equal(
        cof_ingest_delete(at->ingester, at->collection, COF_TEXT("a"), &outbox, &outcome, NULL),
        COF_OK);
}

static void ingest__makes_anew_what_was_deleted_meanwhile(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_ingest_result results[2] = {0};
    (void)ingest_house_put_text(&house, "a", "one trumpet");
    house.embedder.before_embed = delete_a;
    house.embedder.before_context = &house;
    struct cof_ingest_document documents[2] = {
        {.external_id = COF_TEXT("a"),
         .media_type = COF_TEXT("text/markdown"),
         .source = TEXT("one trumpet")},
        {.external_id = COF_TEXT("b"), .source = TEXT("a drum")},
    };
    ingest_house_put(&house, documents, 2, &arena, results);
    assert_int_equal(results[0].outcome.kind, COF_WRITE_CREATED);
    assert_int_equal(ingest_house_search(&house, "trumpet"), 1);
}

struct writer {
    int index;
    atomic_int failures;
};

static void *put_many(void *context)
{
    struct writer *writer = context;
    for (int i = 0; i < 12; i++) {
        char text[64];
        char own[32];
        (void)snprintf(text, sizeof(text), "shared by thread%d round%d", writer->index, i % 3);
        (void)snprintf(own, sizeof(own), "own-%d-%d", writer->index, i);
        struct cof_write_outcome shared = ingest_house_put_text(&house, "shared", text);
        struct cof_write_outcome single = ingest_house_put_text(&house, own, text);
        if (shared.kind == COF_WRITE_FAILED || single.kind != COF_WRITE_CREATED)
            atomic_fetch_add(&writer->failures, 1);
    }
    return NULL;
}

static void ingest__serves_writers_of_one_document_at_once(void **state)
{
    struct writer writers[4] = {0};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        writers[i].index = i;
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &writers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(atomic_load(&writers[i].failures), 0);
    }
    /* what the store has is what the index finds */
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_document stored = find("shared", &arena);
    struct cof_chunk *chunks = NULL;
    size_t count = 0;
    assert_int_equal(cof_store_get_chunks(house.store, house.collection, stored.number, &arena,
                                          &chunks, &count, NULL),
                     COF_OK);
    assert_int_equal(count, 1);
    assert_int_equal(ingest_house_search(&house, "shared"), 4 * 12 + 1);
}

/* ---- Memory ---- */

static void ingest__survives_the_end_of_memory_at_every_allocation(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_ingest_document documents[2] = {
        {.external_id = COF_TEXT("a"),
         .media_type = COF_TEXT("text/markdown"),
         .source = TEXT("# Head\n\none *saxophone* here. And there.\n\n| a | b |\n|---|---|\n")},
        {.external_id = COF_TEXT("b"), .source = TEXT("two saxophones")},
    };
    size_t unindexed_count = 0;
    bool is_done = false;
    for (long n = 1; !is_done && n < 20000; n++) {
        char id[32];
        struct cof_ingest_result results[2] = {0};
        struct cof_error err = {0};
        struct cof_outbox outbox = ingest_house_outbox(&house);
        (void)snprintf(id, sizeof(id), "n-%ld", n);
        documents[0].external_id = cof_text_from(id); /* new each time: all of the way */
        cof_alloc_fail_after(n);
        enum cof_status status = cof_ingest_put(house.ingester, house.collection, documents, 2,
                                                &outbox, NULL, &arena, results, &err);
        is_done = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        if (status != COF_OK) {
            /* memory went out here, or in the writer, which then says so */
            assert_true(status == COF_NO_MEMORY || status == COF_UNAVAILABLE);
            continue;
        }
        for (size_t i = 0; i < 2; i++) {
            if (results[i].outcome.kind != COF_WRITE_FAILED)
                continue;
            enum cof_status failure = results[i].outcome.error.status;
            assert_true(failure == COF_NO_MEMORY || failure == COF_UNAVAILABLE ||
                        failure == COF_INVALID);
            unindexed_count += strstr(results[i].outcome.error.message, "put it again") != NULL;
            /* put again, it is there: stored or not before */
            struct cof_ingest_result again[2] = {0};
            ingest_house_put(&house, documents, 2, &arena, again);
            assert_int_not_equal(again[i].outcome.kind, COF_WRITE_FAILED);
        }
        struct cof_document stored = find(id, &arena);
        struct cof_collection_index *index = NULL;
        struct cof_index_result found = {0};
        struct cof_index_query query = {.words = COF_TEXT("saxophone"), .k = 10000};
        assert_int_equal(cof_index_set_acquire(house.indexes, house.collection, &index, NULL),
                         COF_OK);
        assert_int_equal(cof_collection_index_search(index, &query, &arena, &found, NULL), COF_OK);
        cof_index_set_release(house.indexes, index);
        bool is_found = false;
        for (size_t i = 0; i < found.word_count; i++)
            is_found = is_found || found.word_candidates[i].document_number == stored.number;
        assert_true(is_found);
    }
    assert_true(is_done);
    assert_true(unindexed_count > 0); /* stored, and then no memory for the index */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(ingest__makes_a_document_that_search_finds),
        CASE(ingest__replaces_content_in_a_new_version),
        CASE(ingest__does_nothing_for_the_same_content),
        CASE(ingest__takes_the_same_bytes_of_another_type_for_other_content),
        CASE(ingest__rewrites_labels_without_embedding),
        CASE(ingest__cleans_a_given_title),
        CASE(ingest__makes_an_id_from_the_file_name),
        CASE(ingest__stores_an_empty_document),
        CASE(ingest__deletes_from_store_and_index),
        CASE(ingest__fails_documents_alone),
        CASE(ingest__does_not_call_the_store_when_all_have_failed),
        CASE(ingest__takes_the_last_of_one_id),
        CASE(ingest__embeds_many_documents_in_packed_batches),
        CASE(ingest__limits_the_chunks_of_a_document),
        CASE(ingest__knows_no_such_collection),
        CASE(ingest__refuses_another_model_and_names_both),
        CASE(ingest__stops_when_nobody_waits),
        CASE(ingest__stops_before_it_stores),
        CASE(ingest__refuses_no_documents_and_too_many),
        CASE(ingest__puts_with_content_what_was_replaced_meanwhile),
        CASE(ingest__makes_anew_what_was_deleted_meanwhile),
        CASE(ingest__serves_writers_of_one_document_at_once),
        CASE(ingest__survives_the_end_of_memory_at_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
