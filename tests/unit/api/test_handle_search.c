/* POST /v1/vector_stores/{id}/search. */
#include <string.h>

#include "fixture.h"

#define PATH "/v1/vector_stores/" FAKE_STORE "/search"

static void search__answers_as_openai_does_and_more(void **state)
{
    ask(200, "POST", PATH, "{\"query\":\"how much leave?\"}");
    expect_member("object", "\"vector_store.search_results.page\"");
    expect_member("search_query", "[\"how much leave?\"]");
    expect_member("has_more", "false");
    expect_member("next_page", "null");
    expect_member("data.0.file_id", "\"leave-policy\"");
    expect_member("data.0.filename", "\"hr/leave.md\"");
    expect_member("data.0.score", "0.75");
    expect_member("data.0.attributes", "{\"year\":2026}");
    expect_member("data.0.content", "[{\"type\":\"text\",\"text\":\"Thirty days of leave.\"}]");
    expect_member("data.0.chunk_id", "\"9007199254740993\"");
    expect_member("data.0.version", "3");
    expect_member("data.0.byte_range", "[10,31]");
    expect_member("data.0.title", "\"Leave \\\"policy\\\"\"");
    expect_member("data.0.heading", "\"Leave > Annual\"");
    expect_absent("trace");
    expect_absent("data.0.vector_score");
    expect_last("search " FAKE_STORE " how much leave? k=10 mode=0 fusion=0 min=0.00 exact=0 "
                "vector=0 0.000");
}

static void search__passes_every_option_on(void **state)
{
    ask(200, "POST", PATH,
        "{\"query\":\"leave\",\"max_num_results\":3,\"mode\":\"lexical\",\"fusion\":\"rrf\","
        "\"exact\":true,\"rewrite_query\":false,\"ranking_options\":{\"ranker\":\"auto\","
        "\"score_threshold\":0.5},\"filters\":{\"type\":\"eq\",\"key\":\"a\",\"value\":1}}");
    expect_last("search " FAKE_STORE " leave k=3 mode=2 fusion=1 min=0.50 exact=1 vector=0 0.000");
}

static void search__takes_vectors_as_numbers_and_as_base64(void **state)
{
    ask(200, "POST", PATH, "{\"query_vector\":[0.25,1,-1,2e0]}");
    expect_last("search " FAKE_STORE "  k=10 mode=0 fusion=0 min=0.00 exact=0 vector=4 0.250");
    expect_member("search_query", "[]");
    ask(200, "POST", PATH, "{\"query\":\"leave\",\"query_vector\":\"AACgQAAAAD8AAIC+AAAAAA==\"}");
    expect_last("search " FAKE_STORE " leave k=10 mode=0 fusion=0 min=0.00 exact=0 vector=4 5.000");
}

static void search__joins_the_hits_of_several_queries(void **state)
{
    ask(200, "POST", PATH, "{\"query\":[\"leave\",\"annual leave\"]}");
    assert_int_equal(fake_service_counts().searched, 2);
    expect_member("search_query", "[\"leave\",\"annual leave\"]");
    expect_member("data.0.score", "0.75"); /* the better of the two */
    expect_absent("data.1");
}

static void search__is_reranked_when_asked(void **state)
{
    ask(200, "POST", PATH, "{\"query\":\"leave\",\"rerank\":true}");
    assert_non_null(strstr(fake_service_last(), " rerank"));
    ask(200, "POST", PATH, "{\"query\":\"leave\",\"rerank\":false}");
    assert_non_null(strstr(fake_service_last(), " no rerank"));
    ask(200, "POST", PATH, "{\"query\":\"leave\",\"ranking_options\":{\"ranker\":\"none\"}}");
    assert_non_null(strstr(fake_service_last(), " no rerank"));
    ask(200, "POST", PATH, "{\"query\":\"leave\",\"rerank\":null}");
    assert_null(strstr(fake_service_last(), "rerank"));
    expect_refused(PATH, "{\"query\":\"leave\",\"rerank\":\"auto\"}", "rerank");
}

static void search__explains_itself_when_asked(void **state)
{
    ask(200, "POST", PATH, "{\"query\":\"leave\",\"explain\":true}");
    expect_member("data.0.vector_score", "0.5");
    expect_member("data.0.lexical_score", "null"); /* not seen by that half */
    expect_member("trace.searches.0.plan", "\"exact\"");
    expect_member("trace.searches.0.chunk_count", "5");
}

static void search__refuses_what_it_does_not_understand(void **state)
{
    expect_refused(PATH, "{}", "query");
    expect_refused(PATH, "{\"query\":[]}", "query");
    expect_refused(PATH, "{\"query\":5}", "query");
    expect_refused(PATH, "{\"query\":[5]}", "query");
    expect_refused(PATH, "{\"query\":\"a\",\"max_num_results\":0}", "max_num_results");
    expect_refused(PATH, "{\"query\":\"a\",\"max_num_results\":101}", "max_num_results");
    expect_refused(PATH, "{\"query\":\"a\",\"max_num_results\":1.5}", "max_num_results");
    expect_refused(PATH, "{\"query\":\"a\",\"mode\":\"fuzzy\"}", "mode");
    expect_refused(PATH, "{\"query\":\"a\",\"filters\":\"x\"}", "filters");
    expect_refused(PATH, "{\"query\":\"a\",\"filters\":{\"key\":\"x\"}}", NULL);
    expect_refused(PATH, "{\"query\":\"a\",\"ranking_options\":{\"score_threshold\":2}}",
                   "ranking_options.score_threshold");
    expect_refused(PATH, "{\"query_vector\":\"%%%\"}", "query_vector");
    expect_refused(PATH, "{\"query_vector\":\"AAAA\"}", "query_vector");
    expect_refused(PATH, "{\"query_vector\":[]}", "query_vector");
    expect_refused(PATH, "{\"query_vector\":[1,\"2\"]}", "query_vector");
    expect_refused(PATH, "{\"query_vector\":[1e300]}", "query_vector");
    expect_refused(PATH, "{\"query_vector\":{}}", "query_vector");
    expect_refused(PATH, "{\"query\":[\"a\",\"b\"],\"query_vector\":[1]}", "query_vector");
    expect_refused(PATH, "{\"query\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}",
                   "query");
    assert_int_equal(fake_service_counts().searched, 1); /* the filter is the service's matter */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(search__answers_as_openai_does_and_more),
        FIXTURE_CASE(search__passes_every_option_on),
        FIXTURE_CASE(search__takes_vectors_as_numbers_and_as_base64),
        FIXTURE_CASE(search__joins_the_hits_of_several_queries),
        FIXTURE_CASE(search__is_reranked_when_asked),
        FIXTURE_CASE(search__explains_itself_when_asked),
        FIXTURE_CASE(search__refuses_what_it_does_not_understand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
