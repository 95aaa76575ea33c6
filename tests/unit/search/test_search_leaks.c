/* Nobody is shown what they may not read, and everybody all that they may: random documents, lists,
 * groups, moves and deletes against the plainest oracle, alone and from several threads. */
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search_scene.h"
#include "seeded_random.h"

enum { DOCUMENT_COUNT = 80, USER_COUNT = 4, GROUP_COUNT = 3, ROUND_COUNT = 260 };

static const struct cof_text users[USER_COUNT] = {COF_TEXT_INIT("ann"), COF_TEXT_INIT("bob"),
                                                  COF_TEXT_INIT("eve"), COF_TEXT_INIT("zoe")};
static const struct cof_text groups[GROUP_COUNT] = {COF_TEXT_INIT("board"), COF_TEXT_INIT("staff"),
                                                    COF_TEXT_INIT("lab")};
static const struct cof_text entries[] = {
    COF_TEXT_INIT("ann"),      COF_TEXT_INIT("user:bob"),    COF_TEXT_INIT("user:eve"),
    COF_TEXT_INIT("user:zoe"), COF_TEXT_INIT("group:board"), COF_TEXT_INIT("group:staff"),
    COF_TEXT_INIT("group:lab")};

/* What the oracle knows of a document. */
struct truth {
    bool is_living;
    bool is_set;
    uint32_t allow; /* bits of entries */
    uint32_t deny;
    unsigned level;
    size_t text_count;
    unsigned edition;
};

struct asker {
    size_t user;
    uint32_t groups;      /* bits */
    unsigned least_level; /* 0 = no filter */
};

static bool is_named(uint32_t list, const struct asker *asker)
{
    return (list >> asker->user & 1) != 0 || (list >> USER_COUNT & asker->groups) != 0;
}

static bool may_see(const struct truth *truth, const struct asker *asker)
{
    if (!truth->is_living || truth->level < asker->least_level)
        return false;
    return !truth->is_set || (is_named(truth->allow, asker) && !is_named(truth->deny, asker));
}

static size_t take_entries(uint32_t list, struct cof_text *out_entries)
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        if ((list >> i & 1) != 0)
            out_entries[count++] = entries[i];
    }
    return count;
}

static void write_truth(struct search_scene *scene, size_t number, const struct truth *truth)
{
    static const char *const words[] = {"badge", "leave", "travel", "safety", "contract"};
    struct cof_text allow[8];
    struct cof_text deny[8];
    struct cof_acl acl = {.is_set = truth->is_set, .allow = allow, .deny = deny};
    char id[16];
    char attributes[32];
    char texts[SCENE_MAX_CHUNKS][64];
    struct scene_document document = {.id = id,
                                      .title = "Handbook",
                                      .attributes = attributes,
                                      .acl = &acl,
                                      .text_count = truth->text_count};

    (void)snprintf(id, sizeof(id), "d%zu", number);
    if (!truth->is_living) {
        scene_delete(scene, scene->collection, id);
        return;
    }
    (void)snprintf(attributes, sizeof(attributes), "{\"level\":%u}", truth->level);
    acl.allow_count = take_entries(truth->allow, allow);
    acl.deny_count = take_entries(truth->deny, deny);
    for (size_t i = 0; i < truth->text_count; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%s %s number %zu", words[(number + i) % 5],
                       words[truth->edition % 5], i);
        document.texts[i] = texts[i];
    }
    (void)scene_put(scene, scene->collection, &document);
}

static void change(struct truth *truth, struct seeded_random *random)
{
    uint64_t kind = seeded_random_below(random, 8);

    if (truth->is_living && kind == 0) {
        truth->is_living = false;
        return;
    }
    if (!truth->is_living || kind == 1) {
        truth->text_count = 1 + seeded_random_below(random, 4);
        truth->edition++;
        truth->is_living = true;
    }
    truth->is_set = seeded_random_below(random, 4) != 0;
    truth->allow = (uint32_t)(seeded_random_next(random) & seeded_random_next(random)) & 0x7f;
    truth->deny = (uint32_t)(seeded_random_next(random) & seeded_random_next(random) &
                             seeded_random_next(random)) &
                  0x7f;
    truth->level = (unsigned)seeded_random_below(random, 5);
}

static struct asker make_asker(struct seeded_random *random)
{
    return (struct asker){.user = seeded_random_below(random, USER_COUNT),
                          .groups = (uint32_t)seeded_random_below(random, 1 << GROUP_COUNT),
                          .least_level = (unsigned)seeded_random_below(random, 4)};
}

/* Everything the asker may see has a vector, so a vector search for many must give all of it. */
static struct cof_search_result ask(struct search_scene *scene, const struct asker *asker,
                                    enum cof_search_mode mode, const char *query, size_t k,
                                    struct cof_arena *arena)
{
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    struct cof_text mine[GROUP_COUNT];
    size_t group_count = 0;
    const struct cof_filter *filter = NULL;
    struct cof_error err = {0};
    char text[64];

    for (size_t i = 0; i < GROUP_COUNT; i++) {
        if ((asker->groups >> i & 1) != 0)
            mine[group_count++] = groups[i];
    }
    (void)snprintf(text, sizeof(text), "{\"type\":\"gte\",\"key\":\"level\",\"value\":%u}",
                   asker->least_level);
    expect_ok(cof_json_parse(cof_text_from(text), NULL, &tree, &err), err);
    expect_ok(cof_filter_parse(cof_json_root(tree), arena, &filter, &err), err);
    struct cof_principal principal = scene_principal(users[asker->user].data, mine, group_count);
    struct cof_search_request request = scene_request(scene, query, &principal);
    request.mode = mode;
    request.k = k;
    request.filter = asker->least_level > 0 ? filter : NULL;
    return scene_search(scene, &request, arena);
}

static size_t number_of(const struct cof_search_hit *hit)
{
    return (size_t)strtoul(hit->document.external_id.data + 1, NULL, 10);
}

static void check_asker(struct search_scene *scene, const struct truth *truths,
                        const struct asker *asker, struct seeded_random *random)
{
    static const char *const queries[] = {"badge", "safety leave", "number 2 travel", "contract"};
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    size_t permitted = 0;
    const char *query = queries[seeded_random_below(random, 4)];
    size_t k = 1 + seeded_random_below(random, COF_SEARCH_MAX_K);

    for (size_t i = 0; i < DOCUMENT_COUNT; i++)
        permitted += may_see(&truths[i], asker) ? truths[i].text_count : 0;
    for (int mode = COF_SEARCH_HYBRID; mode <= COF_SEARCH_LEXICAL; mode++) {
        struct cof_search_result result =
            ask(scene, asker, (enum cof_search_mode)mode, query, k, &arena);
        assert_int_equal(result.trace.permitted_count, permitted);
        if (mode != COF_SEARCH_LEXICAL)
            assert_int_equal(result.hit_count, permitted < k ? permitted : k);
        for (size_t i = 0; i < result.hit_count; i++) {
            assert_true(number_of(&result.hits[i]) < DOCUMENT_COUNT);
            assert_true(may_see(&truths[number_of(&result.hits[i])], asker));
            for (size_t j = 0; j < i; j++)
                assert_int_not_equal(result.hits[i].chunk.chunk_id, result.hits[j].chunk.chunk_id);
        }
    }
}

static void search__leaks_nothing_and_misses_nothing(void **state)
{
    static struct truth truths[DOCUMENT_COUNT];
    struct search_scene scene;
    struct seeded_random random;

    memset(truths, 0, sizeof(truths));
    seeded_random_init(&random, 11);
    scene_open(&scene, 48);
    for (size_t i = 0; i < DOCUMENT_COUNT; i++) {
        change(&truths[i], &random);
        write_truth(&scene, i, &truths[i]);
    }
    for (size_t round = 0; round < ROUND_COUNT; round++) {
        size_t which = seeded_random_below(&random, DOCUMENT_COUNT);
        bool was_living = truths[which].is_living;
        change(&truths[which], &random);
        if (was_living || truths[which].is_living)
            write_truth(&scene, which, &truths[which]);
        struct asker asker = make_asker(&random);
        check_asker(&scene, truths, &asker, &random);
        if (round == ROUND_COUNT / 2)
            scene_rebuild(&scene);
    }
    scene_close(&scene);
}

/* ---- Threads ---- */

enum { THREAD_DOCUMENTS = 24, THREAD_WRITES = 150, SEARCHER_COUNT = 3 };

/* cmocka's assertions jump, which must not happen on a thread of ours. */
#define require(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct contest {
    struct search_scene scene;
    atomic_bool is_over;
    atomic_uint_fast64_t hit_count;
    /* By document: who may see it, as bits of users; a bit falls only before the write that takes
     * it away, and rises only after the write that gives it, so that a bit that was clear all
     * through a search forbids the hit. Writes are numbered to tell. */
    struct {
        atomic_uint permitted;
        atomic_uint write_count; /* even: none under way */
    } documents[THREAD_DOCUMENTS];
};

static void write_for_one_user(struct contest *contest, size_t which, size_t user)
{
    struct truth truth = {.is_living = user < USER_COUNT,
                          .is_set = true,
                          .allow = user < USER_COUNT ? UINT32_C(1) << user : 0,
                          .text_count = 2,
                          .edition = (unsigned)user};

    atomic_fetch_add(&contest->documents[which].write_count, 1);
    write_truth(&contest->scene, which, &truth);
    atomic_store(&contest->documents[which].permitted, truth.allow);
    atomic_fetch_add(&contest->documents[which].write_count, 1);
}

static void *run_writer(void *argument)
{
    struct contest *contest = argument;
    struct seeded_random random;
    bool is_living[THREAD_DOCUMENTS] = {false};

    seeded_random_init(&random, 5);
    for (size_t i = 0; i < THREAD_WRITES; i++) {
        size_t which = seeded_random_below(&random, THREAD_DOCUMENTS);
        size_t user = seeded_random_below(&random, USER_COUNT + 1);
        if (user == USER_COUNT && !is_living[which])
            continue;
        write_for_one_user(contest, which, user);
        is_living[which] = user < USER_COUNT;
    }
    atomic_store(&contest->is_over, true);
    return NULL;
}

static void *run_searcher(void *argument)
{
    struct contest *contest = argument;
    struct seeded_random random;

    seeded_random_init(&random, 6);
    while (!atomic_load(&contest->is_over)) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        unsigned permitted[THREAD_DOCUMENTS];
        unsigned write_count[THREAD_DOCUMENTS];
        struct asker asker = {.user = seeded_random_below(&random, USER_COUNT)};
        for (size_t i = 0; i < THREAD_DOCUMENTS; i++) {
            write_count[i] = atomic_load(&contest->documents[i].write_count);
            permitted[i] = atomic_load(&contest->documents[i].permitted);
        }
        struct cof_search_result result =
            ask(&contest->scene, &asker, COF_SEARCH_HYBRID, "badge leave number", 100, &arena);
        for (size_t i = 0; i < result.hit_count; i++) {
            size_t which = number_of(&result.hits[i]);
            require(which < THREAD_DOCUMENTS);
            /* The list that was read with it names the asker … */
            const struct cof_acl *acl = &result.hits[i].document.acl;
            require(acl->allow_count == 1);
            require(cof_text_equal(acl->allow[0], entries[asker.user]));
            /* … and so did the last write, unless there was another one meanwhile. */
            bool is_quiet =
                write_count[which] % 2 == 0 &&
                atomic_load(&contest->documents[which].write_count) == write_count[which];
            require(!is_quiet || (permitted[which] >> asker.user & 1) != 0);
        }
        atomic_fetch_add(&contest->hit_count, result.hit_count);
    }
    return NULL;
}

static void search__leaks_nothing_while_lists_change(void **state)
{
    static struct contest contest;
    pthread_t threads[SEARCHER_COUNT + 1];

    scene_open(&contest.scene, 16);
    assert_int_equal(pthread_create(&threads[0], NULL, run_writer, &contest), 0);
    for (size_t i = 1; i <= SEARCHER_COUNT; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_searcher, &contest), 0);
    for (size_t i = 0; i <= SEARCHER_COUNT; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(atomic_load(&contest.hit_count) > 0);
    scene_close(&contest.scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(search__leaks_nothing_and_misses_nothing),
        cmocka_unit_test(search__leaks_nothing_while_lists_change),
    };

    return cmocka_run_group_tests_name("search_leaks", tests, NULL, NULL);
}
