/* Searches over a real store: what is found, by whom, in which order, and what is refused. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/alloc.h>
#include <cof/embedder/hashing.h>

#include "search_scene.h"

static const struct scene_document annual_leave = {
    .id = "leave",
    .title = "Annual leave",
    .attributes = "{\"department\":\"hr\",\"year\":2024}",
    .texts = {"Everyone has twenty-five days of annual leave.",
              "Leave that is not taken by March is lost."},
    .text_count = 2,
};
static const struct scene_document travel = {
    .id = "travel",
    .title = "Business travel",
    .attributes = "{\"department\":\"finance\",\"year\":2023}",
    .texts = {"Train journeys are booked in second class.", "Form A-113/b is for expenses."},
    .text_count = 2,
};
static const struct scene_document badges = {
    .id = "badges",
    .title = "Access badges",
    .attributes = "{\"department\":\"security\",\"year\":2024}",
    .texts = {"Badges are worn where they can be seen.", "A lost badge is blocked at once.",
              "Visitors get a badge for the day."},
    .text_count = 3,
};

static int set_up(void **state)
{
    static struct search_scene scene;

    scene_open(&scene, 0);
    (void)scene_put(&scene, scene.collection, &annual_leave);
    (void)scene_put(&scene, scene.collection, &travel);
    (void)scene_put(&scene, scene.collection, &badges);
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    scene_close(*state);
    return 0;
}

static void expect_ordered(const struct cof_search_result *result)
{
    for (size_t i = 0; i < result->hit_count; i++) {
        const struct cof_search_hit *hit = &result->hits[i];
        assert_true(hit->score >= 0 && hit->score <= 1);
        assert_true(hit->coverage >= 0 && hit->coverage <= 1.0001F);
        if (i == 0)
            continue;
        assert_true(hit[-1].score >= hit->score);
        if (!(hit[-1].score > hit->score))
            assert_true(hit[-1].chunk.chunk_id < hit->chunk.chunk_id);
    }
}

static bool is_hit(const struct cof_search_result *result, const char *id)
{
    for (size_t i = 0; i < result->hit_count; i++) {
        if (cof_text_equal(result->hits[i].document.external_id, cof_text_from(id)))
            return true;
    }
    return false;
}

static void search__finds_by_words_and_by_vectors(void **state)
{
    static const enum cof_search_mode modes[] = {COF_SEARCH_HYBRID, COF_SEARCH_VECTOR,
                                                 COF_SEARCH_LEXICAL};
    struct search_scene *scene = *state;
    struct cof_principal ann = scene_principal("ann", NULL, 0);

    for (size_t i = 0; i < 3; i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_search_request request = scene_request(scene, "a lost badge is blocked", &ann);
        request.mode = modes[i];
        struct cof_search_result result = scene_search(scene, &request, &arena);
        expect_ordered(&result);
        assert_true(result.hit_count > 0);
        const struct cof_search_hit *hit = &result.hits[0];
        assert_int_equal(hit->collection, scene->collection);
        assert_true(cof_text_equal(hit->document.external_id, COF_TEXT("badges")));
        assert_true(cof_text_equal(hit->document.title, COF_TEXT("Access badges")));
        assert_true(cof_text_equal(hit->chunk.text, COF_TEXT("A lost badge is blocked at once.")));
        assert_int_equal(hit->document.version, 1);
        assert_int_equal(hit->chunk.index, 1);
        assert_int_equal(hit->chunk.byte_begin, 1000);
        assert_int_equal(isnan(hit->vector_score) != 0, modes[i] == COF_SEARCH_LEXICAL);
        assert_int_equal(isnan(hit->lexical_score) != 0, modes[i] == COF_SEARCH_VECTOR);
        assert_true(modes[i] == COF_SEARCH_VECTOR || hit->coverage > 0.99F);
    }
}

static void search__finds_codes_exactly(void **state)
{
    struct search_scene *scene = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_search_request request = scene_request(scene, "A-113/b", &ann);
    request.mode = COF_SEARCH_LEXICAL;
    struct cof_search_result result = scene_search(scene, &request, &arena);

    assert_true(result.hit_count >= 1);
    assert_true(cof_text_equal(result.hits[0].document.external_id, COF_TEXT("travel")));
}

static void search__takes_a_vector_of_any_length(void **state)
{
    struct search_scene *scene = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_text text = COF_TEXT("Visitors get a badge for the day.");
    struct cof_error err = {0};
    float vector[SCENE_DIMENSION];

    expect_ok(
        cof_embedder_embed(scene->embedder, COF_EMBED_QUERY, &text, 1, NULL, vector, NULL, &err),
        err);
    struct cof_search_request request = scene_request(scene, "", &ann);
    request.query_vector = vector;
    request.query_vector_count = SCENE_DIMENSION;
    struct cof_search_result unit = scene_search(scene, &request, &arena);
    for (size_t i = 0; i < SCENE_DIMENSION; i++)
        vector[i] *= 1000;
    struct cof_search_result long_one = scene_search(scene, &request, &arena);
    assert_int_equal(unit.hit_count, 7);
    assert_int_equal(long_one.hit_count, 7);
    assert_true(fabsf(unit.hits[0].score - 1) < 1e-4F);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(unit.hits[i].chunk.chunk_id, long_one.hits[i].chunk.chunk_id);
        assert_true(fabsf(unit.hits[i].score - long_one.hits[i].score) < 1e-5F);
    }
    /* The vector is taken for the words, too. */
    request.query = COF_TEXT("lost");
    struct cof_search_result both = scene_search(scene, &request, &arena);
    assert_int_equal(both.trace.query_tokens, 0);
    assert_true(both.hits[0].lexical_score >= 0); /* no NAN */
}

static void refuse(struct search_scene *scene, const struct cof_search_request *request,
                   enum cof_status expected, const char *needle)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_search_result result = {.hit_count = 77};
    struct cof_error err = {0};
    enum cof_status status = cof_search(scene->searcher, request, &arena, &result, &err);

    if (status != expected || strstr(err.message, needle) == NULL)
        fail_msg("expected %s naming '%s', not %s: %s", cof_status_name(expected), needle,
                 cof_status_name(status), err.message);
    assert_int_equal(result.hit_count, 77);
}

static void search__refuses_what_makes_no_sense(void **state)
{
    static char long_text[COF_SEARCH_MAX_QUERY_BYTES + 2];
    struct search_scene *scene = *state;
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    const struct cof_search_request good = scene_request(scene, "badge", &ann);
    struct cof_search_request request = good;
    float vector[SCENE_DIMENSION] = {1};

    request.k = 0;
    refuse(scene, &request, COF_INVALID, "k");
    request.k = COF_SEARCH_MAX_K + 1;
    refuse(scene, &request, COF_INVALID, "100");
    request = good;
    request.query = COF_TEXT("");
    refuse(scene, &request, COF_INVALID, "empty");
    request.query = COF_TEXT(" \n\t\xc2\xa0");
    refuse(scene, &request, COF_INVALID, "empty");
    request.query = COF_TEXT("bad\xff");
    refuse(scene, &request, COF_INVALID, "UTF-8");
    memset(long_text, 'a', sizeof(long_text) - 1);
    request.query = cof_text_from(long_text);
    refuse(scene, &request, COF_TOO_LARGE, "32768");
    request = good;
    request.principal = NULL;
    refuse(scene, &request, COF_INVALID, "who asks");
    request = good;
    request.min_score = NAN;
    refuse(scene, &request, COF_INVALID, "score");
    request.min_score = 1.1F;
    refuse(scene, &request, COF_INVALID, "score");
    request = good;
    request.vector_weight = 1.5F;
    refuse(scene, &request, COF_INVALID, "weight");
    request.vector_weight = NAN;
    refuse(scene, &request, COF_INVALID, "weight");
    request = good;
    request.collection_count = 0;
    refuse(scene, &request, COF_INVALID, "collections");
    request.collection_count = 17;
    refuse(scene, &request, COF_INVALID, "16");
    uint64_t twice[2] = {scene->collection, scene->collection};
    request.collections = twice;
    request.collection_count = 2;
    refuse(scene, &request, COF_INVALID, "twice");
    uint64_t unknown = 999999;
    request.collections = &unknown;
    request.collection_count = 1;
    refuse(scene, &request, COF_NOT_FOUND, "");
    request = good;
    request.query_vector = vector;
    request.query_vector_count = SCENE_DIMENSION - 1;
    refuse(scene, &request, COF_INVALID, "64");
    request.query_vector_count = SCENE_DIMENSION;
    vector[0] = 0;
    refuse(scene, &request, COF_INVALID, "zero");
    vector[5] = NAN;
    refuse(scene, &request, COF_INVALID, "NaN");
    vector[5] = INFINITY;
    refuse(scene, &request, COF_INVALID, "infinity");
    vector[5] = 1;
    request.query = COF_TEXT("");
    request.mode = COF_SEARCH_LEXICAL;
    refuse(scene, &request, COF_INVALID, "text");
}

static void search__stops_when_canceled_or_late(void **state)
{
    struct search_scene *scene = *state;
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_search_request request = scene_request(scene, "badge", &ann);
    struct cof_manual_clock time;
    struct cof_clock clock = cof_manual_clock_init(&time);
    struct cof_cancel cancel = {0};

    cof_cancel_request(&cancel);
    request.cancel = &cancel;
    refuse(scene, &request, COF_CANCELED, "");
    time.steady_ns = 1000;
    struct cof_cancel late = {.deadline_steady_ns = 999, .clock = &clock};
    request.cancel = &late;
    refuse(scene, &request, COF_TIMEOUT, "");
}

static struct cof_searcher *searcher_with(struct search_scene *scene, struct cof_embedder *embedder)
{
    struct cof_search_options options = {.store = scene->fixture.store,
                                         .indexes = scene->indexes,
                                         .embedder = embedder,
                                         .clock = cof_clock_system()};
    struct cof_searcher *searcher = NULL;
    struct cof_error err = {0};

    expect_ok(cof_searcher_create(&options, &searcher, &err), err);
    return searcher;
}

static void search__needs_the_model_that_embedded_the_collection(void **state)
{
    struct search_scene other = *(struct search_scene *)*state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_search_request request = scene_request(&other, "badge", &ann);
    struct cof_error err = {0};

    other.searcher = searcher_with(&other, NULL);
    refuse(&other, &request, COF_UNAVAILABLE, "no embedding model");
    request.mode = COF_SEARCH_LEXICAL;
    assert_true(scene_search(&other, &request, &arena).hit_count > 0);
    cof_searcher_destroy(other.searcher);

    struct cof_embedder *smaller = NULL;
    expect_ok(cof_hashing_open(SCENE_DIMENSION / 2, 256, &smaller, &err), err);
    other.searcher = searcher_with(&other, smaller);
    assert_true(scene_search(&other, &request, &arena).hit_count > 0);
    request.mode = COF_SEARCH_HYBRID;
    refuse(&other, &request, COF_CONFLICT, smaller->info.name);
    refuse(&other, &request, COF_CONFLICT, other.embedder->info.name);
    cof_searcher_destroy(other.searcher);
    cof_embedder_close(smaller);

    struct cof_search_options bad = {.clock = cof_clock_system(), .default_vector_weight = 2};
    struct cof_searcher *none = NULL;
    assert_int_equal(cof_searcher_create(&bad, &none, &err), COF_INVALID);
    assert_null(none);
    cof_searcher_destroy(NULL);
}

static void search__cuts_at_k_and_at_the_lowest_score(void **state)
{
    struct search_scene *scene = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_search_request request = scene_request(scene, "lost badge", &ann);
    struct cof_search_result all = scene_search(scene, &request, &arena);

    assert_int_equal(all.hit_count, 7);
    request.k = 2;
    struct cof_search_result two = scene_search(scene, &request, &arena);
    assert_int_equal(two.hit_count, 2);
    assert_int_equal(two.hits[1].chunk.chunk_id, all.hits[1].chunk.chunk_id);
    request.k = 10;
    request.min_score = all.hits[2].score;
    assert_int_equal(scene_search(scene, &request, &arena).hit_count, 3);
    request.min_score = 1;
    assert_int_equal(scene_search(scene, &request, &arena).hit_count, 0);
}

static const struct cof_filter *parse_filter(struct cof_arena *arena, const char *text)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    const struct cof_filter *filter = NULL;
    struct cof_error err = {0};

    expect_ok(cof_json_parse(cof_text_from(text), NULL, &tree, &err), err);
    expect_ok(cof_filter_parse(cof_json_root(tree), arena, &filter, &err), err);
    return filter;
}

static void search__filters_by_attributes(void **state)
{
    struct search_scene *scene = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_search_request request = scene_request(scene, "a lost badge", &ann);

    request.filter = parse_filter(&arena, "{\"type\":\"eq\",\"key\":\"year\",\"value\":2024}");
    struct cof_search_result result = scene_search(scene, &request, &arena);
    assert_int_equal(result.hit_count, 5);
    assert_int_equal(result.trace.permitted_count, 5);
    assert_int_equal(result.trace.chunk_count, 7);
    assert_false(is_hit(&result, "travel"));
    request.filter =
        parse_filter(&arena, "{\"type\":\"in\",\"key\":\"department\",\"value\":[\"finance\"]}");
    result = scene_search(scene, &request, &arena);
    assert_int_equal(result.hit_count, 2);
    assert_true(is_hit(&result, "travel"));
    request.filter = parse_filter(&arena, "{\"type\":\"gt\",\"key\":\"year\",\"value\":2024}");
    assert_int_equal(scene_search(scene, &request, &arena).hit_count, 0);
}

static void search__shows_documents_to_those_who_may_read_them(void **state)
{
    struct search_scene *scene = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_text board = COF_TEXT("group:board");
    struct cof_acl acl = {.is_set = true, .allow = &board, .allow_count = 1};
    struct scene_document secret = {.id = "secret",
                                    .title = "Merger",
                                    .acl = &acl,
                                    .texts = {"The badge of the merger is secret."},
                                    .text_count = 1};
    struct cof_text groups[] = {COF_TEXT("board")};
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_principal bob = scene_principal("bob", groups, 1);
    struct cof_principal operator= cof_principal_local();

    (void)scene_put(scene, scene->collection, &secret);
    struct cof_search_request request = scene_request(scene, "secret merger badge", &ann);
    struct cof_search_result result = scene_search(scene, &request, &arena);
    assert_int_equal(result.hit_count, 7);
    assert_false(is_hit(&result, "secret"));
    request.principal = &bob;
    result = scene_search(scene, &request, &arena);
    assert_true(is_hit(&result, "secret"));
    request.principal = &operator;
    result = scene_search(scene, &request, &arena);
    assert_true(is_hit(&result, "secret"));

    /* The list changes; the content does not. */
    board = COF_TEXT("user:ann");
    (void)scene_put(scene, scene->collection, &secret);
    request.principal = &bob;
    result = scene_search(scene, &request, &arena);
    assert_false(is_hit(&result, "secret"));
    request.principal = &ann;
    result = scene_search(scene, &request, &arena);
    assert_true(is_hit(&result, "secret"));
}

static void search__asks_the_store_again(void **state)
{
    struct search_scene *scene = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_acl nobody = {.is_set = true};
    struct scene_document hidden = badges;
    struct scene_document moved = travel;
    struct scene_document rewritten = annual_leave;
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_search_request request = scene_request(scene, "badge leave journeys", &ann);

    /* The store knows of these changes, the index does not yet. */
    hidden.acl = &nobody;
    struct cof_write_outcome hiding = scene_store(scene, scene->collection, &hidden);
    struct cof_search_result result = scene_search(scene, &request, &arena);
    assert_int_equal(result.hit_count, 4);
    assert_false(is_hit(&result, "badges"));

    moved.attributes = "{\"year\":1999}";
    struct cof_write_outcome moving = scene_store(scene, scene->collection, &moved);
    request.filter = parse_filter(&arena, "{\"type\":\"gt\",\"key\":\"year\",\"value\":2000}");
    result = scene_search(scene, &request, &arena);
    assert_int_equal(result.hit_count, 2);
    assert_false(is_hit(&result, "travel"));
    request.filter = NULL;

    rewritten.texts[0] = "Everyone has thirty days of leave.";
    struct cof_write_outcome rewriting = scene_store(scene, scene->collection, &rewritten);
    result = scene_search(scene, &request, &arena);
    assert_int_equal(result.hit_count, 2);
    assert_false(is_hit(&result, "leave"));

    scene_index(scene, &hiding);
    scene_index(scene, &moving);
    scene_index(scene, &rewriting);
    result = scene_search(scene, &request, &arena);
    assert_int_equal(result.hit_count, 4);
    assert_int_equal(result.trace.permitted_count, 4);
    for (size_t i = 0; i < result.hit_count; i++) {
        if (cof_text_equal(result.hits[i].document.external_id, COF_TEXT("leave")))
            assert_int_equal(result.hits[i].document.version, 2);
    }
}

static void search__fills_up_what_the_store_took_away(void **state)
{
    struct search_scene *scene = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct scene_document document = {.title = "", .texts = {"parking lot"}, .text_count = 1};
    char id[16];

    document.id = id;
    for (int i = 0; i < 120; i++) {
        (void)snprintf(id, sizeof(id), "p%03d", i);
        (void)scene_put(scene, scene->collection, &document);
    }
    /* The index would give the first ones; the store has other versions of 70 of them. */
    document.texts[0] = "something else";
    for (int i = 0; i < 70; i++) {
        (void)snprintf(id, sizeof(id), "p%03d", i);
        (void)scene_store(scene, scene->collection, &document);
    }
    struct cof_search_request request = scene_request(scene, "parking lot", &ann);
    request.mode = COF_SEARCH_LEXICAL;
    struct cof_search_result result = scene_search(scene, &request, &arena);
    assert_int_equal(result.hit_count, 10);
    expect_ordered(&result);
    for (size_t i = 0; i < 10; i++)
        assert_true(cof_text_equal(result.hits[i].chunk.text, COF_TEXT("parking lot")));
}

static void search__sees_deletes_and_replacements_at_once(void **state)
{
    struct search_scene *scene = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_search_request request = scene_request(scene, "lost badge", &ann);
    struct scene_document rewritten = badges;

    rewritten.texts[1] = "A stolen badge is reported.";
    (void)scene_put(scene, scene->collection, &rewritten);
    struct cof_search_result result = scene_search(scene, &request, &arena);
    assert_int_equal(result.hit_count, 7);
    for (size_t i = 0; i < result.hit_count; i++)
        assert_int_equal(cof_text_index_of(result.hits[i].chunk.text, COF_TEXT("blocked")),
                         SIZE_MAX);
    scene_delete(scene, scene->collection, "badges");
    result = scene_search(scene, &request, &arena);
    assert_int_equal(result.hit_count, 4);
    assert_false(is_hit(&result, "badges"));
    /* The same id again is another document. */
    (void)scene_put(scene, scene->collection, &badges);
    result = scene_search(scene, &request, &arena);
    assert_int_equal(result.hit_count, 7);
    assert_true(is_hit(&result, "badges"));
}

static void search__answers_the_same_after_a_rebuild(void **state)
{
    static const char *const queries[] = {"lost badge", "annual leave", "train", "A-113/b", "seen"};
    struct search_scene *scene = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_search_result before[5];
    struct scene_document rewritten = travel;

    rewritten.title = "Journeys";
    (void)scene_put(scene, scene->collection, &rewritten);
    rewritten.texts[1] = "Form A-113/c is for expenses now.";
    (void)scene_put(scene, scene->collection, &rewritten);
    scene_delete(scene, scene->collection, "leave");
    (void)scene_put(scene, scene->collection, &annual_leave);
    for (size_t i = 0; i < 5; i++) {
        struct cof_search_request request = scene_request(scene, queries[i], &ann);
        before[i] = scene_search(scene, &request, &arena);
    }
    scene_rebuild(scene);
    for (size_t i = 0; i < 5; i++) {
        struct cof_search_request request = scene_request(scene, queries[i], &ann);
        struct cof_search_result after = scene_search(scene, &request, &arena);
        assert_int_equal(after.hit_count, before[i].hit_count);
        for (size_t j = 0; j < after.hit_count; j++) {
            assert_int_equal(after.hits[j].chunk.chunk_id, before[i].hits[j].chunk.chunk_id);
            assert_memory_equal(&after.hits[j].score, &before[i].hits[j].score, sizeof(float));
        }
    }
}

static void search__joins_collections(void **state)
{
    struct search_scene *scene = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    uint64_t collections[2] = {scene->collection, scene_add_collection(scene, "lab")};
    struct scene_document lab = {.id = "lab",
                                 .title = "Laboratory",
                                 .texts = {"A radiation badge is worn in the laboratory."},
                                 .text_count = 1};

    (void)scene_put(scene, collections[1], &lab);
    for (size_t fusion = 0; fusion < 2; fusion++) {
        struct cof_search_request request =
            scene_request(scene, "radiation badge in the laboratory", &ann);
        request.collections = collections;
        request.collection_count = 2;
        request.fusion = fusion == 0 ? COF_FUSION_WEIGHTED : COF_FUSION_RRF;
        struct cof_search_result result = scene_search(scene, &request, &arena);
        assert_int_equal(result.hit_count, 8);
        expect_ordered(&result);
        assert_int_equal(result.hits[0].collection, collections[1]);
        assert_int_equal(result.trace.chunk_count, 8);
        request.k = 1;
        assert_int_equal(scene_search(scene, &request, &arena).hit_count, 1);
    }
    cof_index_set_remove(scene->indexes, collections[1]);
    struct cof_search_request request = scene_request(scene, "badge", &ann);
    request.collections = collections;
    request.collection_count = 2;
    refuse(scene, &request, COF_NOT_FOUND, "");
}

static void search__by_rank_gives_one_to_what_leads_both_halves(void **state)
{
    struct search_scene *scene = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_search_request request = scene_request(scene, "a lost badge is blocked", &ann);

    request.fusion = COF_FUSION_RRF;
    struct cof_search_result result = scene_search(scene, &request, &arena);
    expect_ordered(&result);
    assert_true(fabsf(result.hits[0].score - 1) < 1e-6F);
}

static void search__says_what_it_did(void **state)
{
    struct search_scene *scene = *state;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_search_request request = scene_request(scene, "lost badge", &ann);
    struct cof_search_result result = scene_search(scene, &request, &arena);

    assert_string_equal(result.trace.plan, "exact");
    assert_int_equal(result.trace.chunk_count, 7);
    assert_int_equal(result.trace.permitted_count, 7);
    assert_true(result.trace.query_tokens >= 2);
    assert_true(result.trace.total_ns >=
                result.trace.embed_ns + result.trace.vector_ns + result.trace.word_ns);
    assert_true(result.trace.read_ns > 0);
}

static void search__names_its_modes(void **state)
{
    enum cof_search_mode mode = COF_SEARCH_HYBRID;
    struct cof_error err = {0};

    for (int i = 0; i < 3; i++) {
        const char *name = cof_search_mode_name((enum cof_search_mode)i);
        assert_int_equal(cof_search_mode_parse(cof_text_from(name), &mode, &err), COF_OK);
        assert_int_equal(mode, i);
    }
    assert_int_equal(cof_search_mode_parse(COF_TEXT("Hybrid"), &mode, &err), COF_INVALID);
    assert_int_equal(cof_search_mode_parse(COF_TEXT(""), &mode, &err), COF_INVALID);
    assert_non_null(strstr(err.message, "lexical"));
}

static void search__reports_running_out_of_memory(void **state)
{
    struct search_scene *scene = *state;
    struct cof_principal ann = scene_principal("ann", NULL, 0);
    struct cof_search_request request = scene_request(scene, "lost badge", &ann);

    for (long n = 1;; n++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_search_result result = {0};
        struct cof_error err = {0};
        cof_alloc_fail_after(n);
        enum cof_status status = cof_search(scene->searcher, &request, &arena, &result, &err);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        if (is_pending) {
            assert_int_equal(status, COF_OK);
            assert_int_equal(result.hit_count, 7);
            break;
        }
        assert_int_equal(status, COF_NO_MEMORY);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(search__finds_by_words_and_by_vectors),
        CASE(search__finds_codes_exactly),
        CASE(search__takes_a_vector_of_any_length),
        CASE(search__refuses_what_makes_no_sense),
        CASE(search__stops_when_canceled_or_late),
        CASE(search__needs_the_model_that_embedded_the_collection),
        CASE(search__cuts_at_k_and_at_the_lowest_score),
        CASE(search__filters_by_attributes),
        CASE(search__shows_documents_to_those_who_may_read_them),
        CASE(search__asks_the_store_again),
        CASE(search__fills_up_what_the_store_took_away),
        CASE(search__sees_deletes_and_replacements_at_once),
        CASE(search__answers_the_same_after_a_rebuild),
        CASE(search__joins_collections),
        CASE(search__by_rank_gives_one_to_what_leads_both_halves),
        CASE(search__says_what_it_did),
        CASE(search__names_its_modes),
        CASE(search__reports_running_out_of_memory),
    };

    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
