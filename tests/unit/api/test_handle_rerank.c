/* POST /v1/rerank and /rerank. */
#include "fixture.h"

#include <string.h>

static void rerank__sorts_documents_best_first(void **state)
{
    const struct response *response =
        ask(200, "POST", "/v1/rerank",
            "{\"query\":\"q\",\"documents\":[\"a\",{\"text\":\"abcd\"},\"ab\"]}");
    expect_member("object", "\"list\"");
    expect_member("model", "\"test-reranker\"");
    expect_member("results.0", "{\"index\":1,\"relevance_score\":0.5}");
    expect_member("results.1", "{\"index\":2,\"relevance_score\":0.25}");
    expect_member("results.2.index", "0");
    expect_absent("results.3");
    expect_member("usage", "{\"prompt_tokens\":15,\"total_tokens\":15}");
    assert_non_null(strstr(response->body, "\"id\":\""));
    expect_last("rerank q 3");
}

static void rerank__gives_the_best_few_with_their_texts(void **state)
{
    ask(200, "POST", "/v1/rerank",
        "{\"model\":\"test-reranker\",\"query\":\"q\",\"documents\":[\"a\",\"ab\"],\"top_n\":1,"
        "\"return_documents\":true}");
    expect_member("results.0.document", "{\"text\":\"ab\"}");
    expect_absent("results.1");
    ask(200, "POST", "/v1/rerank", "{\"query\":\"q\",\"documents\":[\"a\"],\"top_n\":9}");
    expect_absent("results.1");
}

static void rerank__speaks_the_shape_of_tei(void **state)
{
    ask(200, "POST", "/rerank",
        "{\"query\":\"q\",\"texts\":[\"a\",\"ab\"],\"truncate\":true,\"raw_scores\":false}");
    expect_member("0", "{\"index\":1,\"score\":0.25}");
    expect_member("1.index", "0");
    expect_absent("2");
    ask(200, "POST", "/rerank", "{\"query\":\"q\",\"texts\":[\"a\"],\"return_text\":true}");
    expect_member("0.text", "\"a\"");
}

static void rerank__refuses_what_it_does_not_understand(void **state)
{
    expect_refused("/v1/rerank", "{\"documents\":[\"a\"]}", "query");
    expect_refused("/v1/rerank", "{\"query\":\"\",\"documents\":[\"a\"]}", "query");
    expect_refused("/v1/rerank", "{\"query\":[\"q\"],\"documents\":[\"a\"]}", "query");
    expect_refused("/v1/rerank", "{\"query\":\"q\"}", "documents");
    expect_refused("/v1/rerank", "{\"query\":\"q\",\"documents\":[]}", "documents");
    expect_refused("/v1/rerank", "{\"query\":\"q\",\"documents\":\"a\"}", "documents");
    expect_refused("/v1/rerank", "{\"query\":\"q\",\"documents\":[\"a\",5]}", "documents");
    expect_refused("/v1/rerank", "{\"query\":\"q\",\"documents\":[{\"title\":\"a\"}]}",
                   "documents");
    expect_refused("/v1/rerank", "{\"query\":\"q\",\"documents\":[\"a\"],\"top_n\":0}", "top_n");
    expect_refused("/rerank", "{\"query\":\"q\",\"texts\":[]}", "texts");
    expect_refused("/rerank", "{\"query\":\"q\",\"texts\":[\"a\"],\"raw_scores\":true}",
                   "raw_scores");
    ask(404, "POST", "/v1/rerank",
        "{\"model\":\"rerank-v3.5\",\"query\":\"q\",\"documents\":[\"a\"]}");
    expect_member("error.code", "\"model_not_found\"");
    fake_service_fail(COF_LIMITED, 1);
    ask(429, "POST", "/v1/rerank", "{\"query\":\"q\",\"documents\":[\"a\"]}");
    fake_service_fail(COF_UNAVAILABLE, 1);
    ask(503, "POST", "/rerank", "{\"query\":\"q\",\"texts\":[\"a\"]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(rerank__sorts_documents_best_first),
        FIXTURE_CASE(rerank__gives_the_best_few_with_their_texts),
        FIXTURE_CASE(rerank__speaks_the_shape_of_tei),
        FIXTURE_CASE(rerank__refuses_what_it_does_not_understand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
