/* One document: put as JSON, read, deleted. */
#include "fixture.h"

static void documents__are_put_one_by_one_as_json(void **state)
{
    ask(200, "POST", "/v1/documents",
        "{\"vector_store_id\":\"" FAKE_STORE
        "\",\"id\":\"leave\",\"title\":\"T\",\"text\":\"hello\","
        "\"filename\":\"a.md\",\"media_type\":\"text/markdown\",\"attributes\":{\"y\":1},"
        "\"acl\":{\"allow\":[\"group:hr\",\"ann\"],\"deny\":[\"bob\"]}}");
    expect_member("id", "\"leave\"");
    expect_member("status", "\"created\"");
    expect_member("chunks", "1");
    expect_member("version", "1");
    expect_member("error", "null");
    expect_absent("line");
    expect_last("put " FAKE_STORE " leave|T|a.md|text/markdown|{\"y\":1}|hello|acl 2 1");
}

static void documents__need_a_name_or_an_id(void **state)
{
    ask(200, "POST", "/v1/documents",
        "{\"vector_store_id\":\"a\",\"filename\":\"a.md\",\"text\":\"\"}");
    expect_member("id", "\"f-made\"");
    expect_refused("/v1/documents", "{\"vector_store_id\":\"a\",\"text\":\"x\"}", "id");
    expect_refused("/v1/documents", "{\"id\":\"a\",\"text\":\"x\"}", "vector_store_id");
    expect_refused("/v1/documents", "{\"vector_store_id\":\"a\",\"id\":\"a\"}", "text");
}

static void documents__refuses_members_it_does_not_know(void **state)
{
#define WITH(member) "{\"vector_store_id\":\"a\",\"id\":\"a\",\"text\":\"x\"," member "}"
    expect_refused("/v1/documents", WITH("\"alc\":{\"allow\":[]}"), "alc");
    expect_refused("/v1/documents", WITH("\"acl\":{\"alow\":[]}"), "acl.alow");
    expect_refused("/v1/documents", WITH("\"acl\":{\"deny\":[\"x\"]}"), "acl.allow");
    expect_refused("/v1/documents", WITH("\"acl\":{\"allow\":\"x\"}"), "acl.allow");
    expect_refused("/v1/documents", WITH("\"acl\":[]"), "acl");
    expect_refused("/v1/documents", WITH("\"attributes\":[]"), "attributes");
    expect_refused("/v1/documents", WITH("\"title\":1"), "title");
    assert_int_equal(fake_service_counts().puts, 0);
    ask(200, "POST", "/v1/documents", WITH("\"acl\":{\"allow\":[]}"));
    expect_last("put a a|||||x|acl 0 0");
#undef WITH
}

static void documents__fail_with_the_documents_own_error(void **state)
{
    ask(400, "POST", "/v1/documents", "{\"vector_store_id\":\"a\",\"id\":\"bad\",\"text\":\"x\"}");
    expect_member("error.message", "\"the document is bad\"");
    ask(404, "POST", "/v1/documents",
        "{\"vector_store_id\":\"missing\",\"id\":\"x\",\"text\":\"x\"}");
}

static void documents__are_read_with_and_without_chunks(void **state)
{
    ask(200, "GET", "/v1/documents/leave-policy?vector_store_id=" FAKE_STORE, NULL);
    expect_last("get " FAKE_STORE " leave-policy 0");
    expect_member("id", "\"leave-policy\"");
    expect_member("vector_store_id", "\"" FAKE_STORE "\"");
    expect_member("acl", "{\"allow\":[\"group:hr\"],\"deny\":[]}");
    expect_member("version", "3");
    expect_member("bytes", "100");
    expect_absent("chunks");
    ask(200, "GET", "/v1/documents/leave-policy?include=chunks", NULL);
    expect_member("chunks.0.text", "\"Thirty days of leave.\"");
    expect_member("chunks.0.chunk_id", "\"9007199254740993\"");
    expect_member("chunks.0.byte_range", "[10,31]");
    ask(400, "GET", "/v1/documents/leave-policy?include=vectors", NULL);
    expect_member("error.param", "\"include\"");
    ask(404, "GET", "/v1/documents/none", NULL);
    ask(409, "GET", "/v1/documents/twice", NULL);
    expect_member("error.code", "\"conflict\"");
}

static void documents__are_deleted(void **state)
{
    ask(200, "DELETE", "/v1/documents/a%40b?vector_store_id=handbook", NULL);
    expect_last("delete handbook a@b");
    expect_member("", "{\"id\":\"a@b\",\"object\":\"document.deleted\",\"deleted\":true}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(documents__are_put_one_by_one_as_json),
        FIXTURE_CASE(documents__need_a_name_or_an_id),
        FIXTURE_CASE(documents__refuses_members_it_does_not_know),
        FIXTURE_CASE(documents__fail_with_the_documents_own_error),
        FIXTURE_CASE(documents__are_read_with_and_without_chunks),
        FIXTURE_CASE(documents__are_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
