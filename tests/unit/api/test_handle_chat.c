/* Chat: OpenAI's shapes in and out, citations both ways, streams. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

#define PATH "/v1/chat/completions"
#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define ASK(more) "{\"messages\":[" USER("leave?") "]" more "}"

static void chat__answers_with_annotations_and_context(void **state)
{
    ask(200, "POST", PATH,
        ASK(",\"model\":\"test-generator\",\"vector_store_ids\":[\"" FAKE_STORE "\"]"));
    expect_member("object", "\"chat.completion\"");
    expect_member("model", "\"test-generator\"");
    expect_member("choices.0.index", "0");
    expect_member("choices.0.finish_reason", "\"stop\"");
    expect_member("choices.0.message.role", "\"assistant\"");
    expect_member("choices.0.message.content", "\"Gr\xc3\xbc\xc3\x9f"
                                               "e. Thirty days of leave [1].\"");
    expect_member("choices.0.message.refusal", "null");
    expect_member("choices.0.message.annotations",
                  "[{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":7,"
                  "\"end_index\":32,\"title\":\"Leave \\\"policy\\\"\",\"url\":"
                  "\"/v1/documents/leave-policy?vector_store_id=" FAKE_STORE "\"}}]");
    expect_member("choices.0.message.context.grounded", "true");
    expect_member("choices.0.message.context.kind", "\"generated\"");
    expect_member("choices.0.message.context.held_back", "2");
    expect_member(
        "choices.0.message.context.citations.0",
        "{\"n\":1,\"content\":\"Thirty days of leave.\",\"title\":"
        "\"Leave \\\"policy\\\"\",\"url\":\"/v1/documents/leave-policy?vector_store_id=" FAKE_STORE
        "\",\"filepath\":\"hr/leave.md\",\"chunk_id\":\"9007199254740993\","
        "\"file_id\":\"leave-policy\",\"vector_store_id\":\"" FAKE_STORE "\","
        "\"byte_range\":[10,31],\"content_sha256\":\"00ff\",\"version\":3,"
        "\"score\":0.5}");
    expect_member("usage", "{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}");
}

static void chat__takes_the_three_ways_to_name_documents(void **state)
{
#define SAW(rest) "chat leave? m=1 stores=1 " rest " policy=0 max=0 t=0.00 p=1.00 seed=0 stops=0"
    ask(200, "POST", PATH,
        ASK(",\"vector_store_ids\":[\"" FAKE_STORE "\"],\"max_num_results\":4,\"mode\":\"lexical\","
            "\"min_score\":0.25,\"filters\":{\"type\":\"eq\",\"key\":\"a\",\"value\":1}"));
    expect_last(SAW(FAKE_STORE " k=4 mode=2 filter=1 min=0.25"));
    ask(200, "POST", PATH,
        ASK(",\"data_sources\":[{\"type\":\"azure_search\",\"parameters\":{\"endpoint\":\"x\","
            "\"authentication\":{\"type\":\"api_key\"},\"index_name\":\"handbook\","
            "\"top_n_documents\":5,\"query_type\":\"vector_simple_hybrid\",\"in_scope\":true,"
            "\"strictness\":3,\"filter\":{\"type\":\"eq\",\"key\":\"a\",\"value\":1}}}]"));
    expect_last(SAW("handbook k=5 mode=0 filter=1 min=0.00"));
    expect_member("choices.0.message.context.citations.0.vector_store_id", "\"" FAKE_STORE "\"");
    ask(200, "POST", PATH,
        ASK(",\"data_sources\":[{\"type\":\"coffer\",\"parameters\":{\"vector_store_id\":"
            "\"" FAKE_STORE "\",\"query_type\":\"simple\"}}]"));
    expect_last(SAW(FAKE_STORE " k=0 mode=2 filter=0 min=0.00"));
    ask(200, "POST", PATH,
        ASK(",\"tools\":[{\"type\":\"file_search\",\"vector_store_ids\":[\"" FAKE_STORE "\"],"
            "\"max_num_results\":2,\"ranking_options\":{\"ranker\":\"auto\","
            "\"score_threshold\":0.5}}]"));
    expect_last(SAW(FAKE_STORE " k=2 mode=0 filter=0 min=0.50"));
#undef SAW
}

static void chat__names_the_store_of_each_citation_among_several(void **state)
{
    ask(200, "POST", PATH, ASK(",\"vector_store_ids\":[\"second\",\"handbook\"]"));
    expect_member("choices.0.message.context.citations.0.vector_store_id", "\"" FAKE_STORE "\"");
    ask(404, "POST", PATH, ASK(",\"vector_store_ids\":[\"second\",\"none\"]"));
    expect_member("error.code", "\"not_found\"");
}

static void chat__takes_whole_conversations(void **state)
{
    ask(200, "POST", PATH,
        "{\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},"
        "{\"role\":\"developer\",\"content\":\"x\"}," USER(
            "hi") ","
                  "{\"role\":\"assistant\",\"content\":null,\"refusal\":null},"
                  "{\"role\":\"user\",\"name\":\"ann\",\"content\":[{\"type\":\"text\",\"text\":"
                  "\"lea\"},"
                  "{\"type\":\"text\",\"text\":\"ve\"}]}],\"temperature\":0.5,\"top_p\":0.9,"
                  "\"seed\":42,"
                  "\"max_completion_tokens\":100,\"stop\":[\"a\",\"b\"],\"unsupported\":\"mark\","
                  "\"n\":1,"
                  "\"presence_penalty\":0.1,\"user\":\"u\",\"response_format\":{\"type\":\"text\"},"
                  "\"store\":false,\"metadata\":{}}");
    expect_last("chat leave m=5 stores=0  k=0 mode=0 filter=0 min=0.00 policy=1 max=100 t=0.50 "
                "p=0.90 seed=42 stops=2");
    ask(200, "POST", PATH, ASK(",\"max_tokens\":7,\"stop\":\"x\",\"seed\":-1"));
    expect_last("chat leave? m=1 stores=0  k=0 mode=0 filter=0 min=0.00 policy=0 max=7 t=0.00 "
                "p=1.00 seed=0 stops=1");
}

static void chat__refuses_what_it_cannot_do(void **state)
{
    expect_refused(PATH, "{}", "messages");
    expect_refused(PATH, "{\"messages\":[]}", "messages");
    expect_refused(PATH, "{\"messages\":\"hi\"}", "messages");
    expect_refused(PATH, "{\"messages\":[\"hi\"]}", "messages");
    expect_refused(PATH, "{\"messages\":[{\"content\":\"x\"}]}", "messages[0].role");
    expect_refused(PATH, "{\"messages\":[" USER("a") ",{\"role\":\"tool\",\"content\":\"x\"}]}",
                   "messages[1].role");
    expect_refused(PATH, "{\"messages\":[{\"role\":\"user\",\"content\":5}]}",
                   "messages[0].content");
    expect_refused(PATH, "{\"messages\":[{\"role\":\"user\"}]}", "messages[0].content");
    expect_refused(PATH,
                   "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                   "\"image_url\":{\"url\":\"x\"}}]}]}",
                   "messages[0].content");
    expect_refused(PATH, ASK(",\"n\":2"), "n");
    expect_refused(PATH, ASK(",\"stream\":\"yes\""), "stream");
    expect_refused(PATH, ASK(",\"stream_options\":{\"include_usage\":1}"),
                   "stream_options.include_usage");
    expect_refused(PATH, ASK(",\"temperature\":3"), "temperature");
    expect_refused(PATH, ASK(",\"max_tokens\":0"), "max_tokens");
    expect_refused(PATH, ASK(",\"stop\":[1]"), "stop");
    expect_refused(PATH, ASK(",\"logprobs\":true"), "logprobs");
    expect_refused(PATH, ASK(",\"response_format\":{\"type\":\"json_object\"}"),
                   "response_format.type");
    expect_refused(PATH, ASK(",\"unsupported\":\"lie\""), "unsupported");
    expect_refused(PATH, ASK(",\"tools\":[{\"type\":\"function\",\"function\":{}}]"), "tools");
    expect_refused(PATH, ASK(",\"tools\":[{\"type\":\"file_search\"}]"),
                   "tools[0].vector_store_ids");
    expect_refused(PATH, ASK(",\"vector_store_ids\":\"" FAKE_STORE "\""), "vector_store_ids");
    expect_refused(PATH, ASK(",\"vector_store_ids\":[\"a\"],\"data_sources\":[]"),
                   "vector_store_ids");
    expect_refused(PATH, ASK(",\"data_sources\":[]"), "data_sources");
    expect_refused(PATH, ASK(",\"data_sources\":[{\"type\":\"elasticsearch\",\"parameters\":{}}]"),
                   "data_sources[0].type");
    expect_refused(PATH, ASK(",\"data_sources\":[{\"type\":\"coffer\",\"parameters\":{}}]"),
                   "data_sources[0].parameters.index_name");
    const struct response *response =
        ask(400, "POST", PATH,
            ASK(",\"data_sources\":[{\"type\":\"coffer\",\"parameters\":{\"index_name\":\"a\","
                "\"filter\":\"year eq 2026\"}}]"));
    assert_non_null(strstr(response->body, "OData"));
    assert_int_equal(fake_service_counts().chats, 0);
    ask(404, "POST", PATH, ASK(",\"model\":\"gpt-4o\""));
    expect_member("error.code", "\"model_not_found\"");
}

/* ---- Streams ---- */

static void chat__streams_chunks_as_openai_does(void **state)
{
    const struct response *response =
        ask(200, "POST", PATH,
            ASK(",\"stream\":true,\"vector_store_ids\":[\"" FAKE_STORE "\"],"
                "\"stream_options\":{\"include_usage\":true}"));
    assert_true(response->is_whole);
    assert_non_null(strstr(response->head, "Content-Type: text/event-stream; charset=utf-8\r\n"));
    assert_non_null(strstr(response->head, "X-Coffer-Audit: "));
    static const char *const parts[] = {
        "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
        "\"logprobs\":"
        "null,\"finish_reason\":null}],\"usage\":null}\n\n",
        "\"delta\":{\"content\":\"Gr\xc3\xbc\xc3\x9f"
        "e. \"}",
        "\"delta\":{\"content\":\"Thirty days of leave [1].\"}",
        "\"delta\":{\"annotations\":[{\"type\":\"url_citation\"",
        "\"context\":{\"grounded\":true,",
        "\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
        "\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":"
        "18}}"
        "\n\n",
        "data: [DONE]\n\n",
    };
    const char *at = response->body;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        at = strstr(at, parts[i]);
        if (at == NULL) {
            fail_msg("%s does not come, or not in its place: %s", parts[i], response->body);
        }
    }
    /* every event is one line of data and an empty line */
    for (const char *event = response->body; *event != '\0';) {
        assert_int_equal(strncmp(event, "data: ", 6), 0);
        const char *end = strstr(event, "\n\n");
        assert_non_null(end);
        assert_null(memchr(event, '\n', (size_t)(end - event)));
        event = end + 2;
    }
}

static void chat__streams_without_usage_unless_asked(void **state)
{
    const struct response *response = ask(200, "POST", PATH, ASK(",\"stream\":true"));
    assert_null(strstr(response->body, "\"usage\""));
    assert_non_null(strstr(response->body, "data: [DONE]\n\n"));
}

static void chat__fails_as_json_before_a_stream_begins(void **state)
{
    fake_service_fail(COF_UNAVAILABLE, 1);
    ask(503, "POST", PATH, ASK(",\"stream\":true"));
    expect_member("error.code", "\"unavailable\"");
}

static void chat__fails_as_an_event_after_a_stream_began(void **state)
{
    fake_service_close_gate();
    int fd = client_connect(&the_server);
    char request[512];
    const char *body = ASK(",\"stream\":true");
    (void)snprintf(request, sizeof(request),
                   "POST " PATH " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " FAKE_KEY
                   "\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                   strlen(body), body);
    client_send(fd, request);
    fake_service_wait_at_gate(1);
    fake_service_fail(COF_CORRUPT, 1);
    fake_service_open_gate();
    struct response response = client_receive(fd);
    assert_int_equal(response.status, 200);
    const char *error = strstr(response.body, "data: {\"error\":{\"message\":");
    assert_non_null(error);
    assert_non_null(strstr(error, "\"code\":\"data_corrupt\""));
    assert_null(strstr(response.body, "[DONE]"));
    assert_true(response.is_whole);
    response_free(&response);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(chat__answers_with_annotations_and_context),
        FIXTURE_CASE(chat__takes_the_three_ways_to_name_documents),
        FIXTURE_CASE(chat__names_the_store_of_each_citation_among_several),
        FIXTURE_CASE(chat__takes_whole_conversations),
        FIXTURE_CASE(chat__refuses_what_it_cannot_do),
        FIXTURE_CASE(chat__streams_chunks_as_openai_does),
        FIXTURE_CASE(chat__streams_without_usage_unless_asked),
        FIXTURE_CASE(chat__fails_as_json_before_a_stream_begins),
        FIXTURE_CASE(chat__fails_as_an_event_after_a_stream_began),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
