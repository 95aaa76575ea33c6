/* Vector stores: OpenAI's shape outside, collections inside. */
#include "fixture.h"

static void stores__are_shown_as_openai_shows_them(void **state)
{
    ask(200, "GET", "/v1/vector_stores/" FAKE_STORE, NULL);
    expect_member("id", "\"" FAKE_STORE "\"");
    expect_member("object", "\"vector_store\"");
    expect_member("created_at", "1700000001");
    expect_member("name", "\"handbook\"");
    expect_member("usage_bytes", "1234");
    expect_member("file_counts",
                  "{\"in_progress\":0,\"completed\":2,\"failed\":0,\"cancelled\":0,\"total\":2}");
    expect_member("status", "\"completed\"");
    expect_member("expires_after", "null");
    expect_member("last_active_at", "1700000100");
    expect_member("metadata", "{\"team\":\"hr\"}");
    expect_member("embedding_model", "\"test-embedder\"");
    expect_member("dimension", "4");
    expect_member("chunking_strategy.static.max_chunk_size_tokens", "200");
    ask(404, "GET", "/v1/vector_stores/missing", NULL);
    expect_member("error.code", "\"not_found\"");
}

static void stores__are_made_from_what_openai_sends(void **state)
{
    ask(200, "POST", "/v1/vector_stores",
        "{\"name\":\"hr\",\"metadata\":{\"a\":\"b\",\"n\":1},\"file_ids\":[],"
        "\"expires_after\":null,\"chunking_strategy\":{\"type\":\"static\",\"static\":"
        "{\"max_chunk_size_tokens\":100,\"chunk_overlap_tokens\":20}},"
        "\"embedding_model\":\"test-embedder\",\"description\":\"x\"}");
    expect_last("create hr {\"a\":\"b\",\"n\":1} 100 20");
    ask(200, "POST", "/v1/vector_stores", "{}");
    expect_last("create untitled  0 4294967295");
    ask(200, "POST", "/v1/vector_stores", "{\"chunking_strategy\":{\"type\":\"auto\"}}");
    ask(404, "POST", "/v1/vector_stores", "{\"embedding_model\":\"other\"}");
    expect_member("error.code", "\"model_not_found\"");
}

static void stores__refuses_what_it_cannot_honour(void **state)
{
    static const char *const path = "/v1/vector_stores";
    expect_refused(path, "{\"name\":1}", "name");
    expect_refused(path, "{\"file_ids\":[\"file-1\"]}", "file_ids");
    expect_refused(path, "{\"file_ids\":\"file-1\"}", "file_ids");
    expect_refused(path, "{\"expires_after\":{\"anchor\":\"last_active_at\",\"days\":1}}",
                   "expires_after");
    expect_refused(path, "{\"metadata\":[]}", "metadata");
    expect_refused(path, "{\"metadata\":{\"a\":{}}}", "metadata");
    expect_refused(path, "{\"metadata\":{\"\":\"a\"}}", "metadata");
    expect_refused(path, "{\"chunking_strategy\":{\"type\":\"semantic\"}}",
                   "chunking_strategy.type");
    expect_refused(path,
                   "{\"chunking_strategy\":{\"type\":\"static\",\"static\":"
                   "{\"max_chunk_size_tokens\":\"many\"}}}",
                   "chunking_strategy.static.max_chunk_size_tokens");
}

static void stores__are_changed_only_where_said(void **state)
{
    ask(200, "POST", "/v1/vector_stores/" FAKE_STORE, "{\"name\":\"new\"}");
    expect_last("update " FAKE_STORE " name -");
    ask(200, "POST", "/v1/vector_stores/" FAKE_STORE, "{\"metadata\":{}}");
    expect_last("update " FAKE_STORE " - metadata");
}

static void stores__are_deleted_by_id_or_name(void **state)
{
    ask(200, "DELETE", "/v1/vector_stores/handbook", NULL);
    expect_last("delete " FAKE_STORE);
    expect_member("", "{\"id\":\"" FAKE_STORE
                      "\",\"object\":\"vector_store.deleted\",\"deleted\":true}");
}

static void stores__are_listed_newest_first_in_pages(void **state)
{
    ask(200, "GET", "/v1/vector_stores?limit=2", NULL);
    expect_member("data.0.id", "\"vs_aaaaaaaaaaaaaaaaaaaaaaae\"");
    expect_member("first_id", "\"vs_aaaaaaaaaaaaaaaaaaaaaaae\"");
    expect_member("last_id", "\"vs_aaaaaaaaaaaaaaaaaaaaaaad\"");
    expect_member("has_more", "true");
    expect_absent("data.2");
    ask(200, "GET", "/v1/vector_stores?limit=3&after=vs_aaaaaaaaaaaaaaaaaaaaaaad", NULL);
    expect_member("first_id", "\"vs_aaaaaaaaaaaaaaaaaaaaaaac\"");
    expect_member("has_more", "false");
    ask(200, "GET", "/v1/vector_stores?order=asc&limit=1", NULL);
    expect_member("first_id", "\"vs_aaaaaaaaaaaaaaaaaaaaaaaa\"");
    ask(200, "GET", "/v1/vector_stores?limit=1&before=vs_aaaaaaaaaaaaaaaaaaaaaaac", NULL);
    expect_member("first_id", "\"vs_aaaaaaaaaaaaaaaaaaaaaaad\"");
    expect_member("has_more", "true");
    ask(200, "GET", "/v1/vector_stores?after=vs_aaaaaaaaaaaaaaaaaaaaaaaa", NULL);
    expect_member("data", "[]");
    expect_member("first_id", "null");
    ask(400, "GET", "/v1/vector_stores?after=vs_none", NULL);
    expect_member("error.param", "\"after\"");
    ask(400, "GET", "/v1/vector_stores?limit=0", NULL);
    expect_member("error.param", "\"limit\"");
    ask(400, "GET", "/v1/vector_stores?limit=x", NULL);
    ask(400, "GET", "/v1/vector_stores?limit=101", NULL);
    ask(400, "GET", "/v1/vector_stores?limit=1&limit=2", NULL);
    ask(400, "GET", "/v1/vector_stores?order=up", NULL);
    expect_member("error.param", "\"order\"");
}

static void stores__list_their_files(void **state)
{
    ask(200, "GET", "/v1/vector_stores/" FAKE_STORE "/files?limit=2", NULL);
    expect_last("list " FAKE_STORE " 0 3");
    expect_member("data.0.id", "\"leave-policy\"");
    expect_member("data.0.object", "\"vector_store.file\"");
    expect_member("data.0.vector_store_id", "\"" FAKE_STORE "\"");
    expect_member("data.0.status", "\"completed\"");
    expect_member("data.0.last_error", "null");
    expect_member("data.0.attributes", "{\"year\":2026}");
    expect_member("data.0.version", "3");
    expect_member("has_more", "true");
    expect_absent("data.2");
    ask(200, "GET", "/v1/vector_stores/handbook/files?after=leave-policy", NULL);
    expect_last("list handbook 7 21");
    expect_member("data.0.vector_store_id", "\"" FAKE_STORE "\"");
    ask(200, "GET", "/v1/vector_stores/" FAKE_STORE "/files?filter=failed", NULL);
    expect_member("data", "[]");
    ask(404, "GET", "/v1/vector_stores/" FAKE_STORE "/files?after=none", NULL);
    expect_member("error.param", "\"after\"");
    ask(400, "GET", "/v1/vector_stores/" FAKE_STORE "/files?order=desc", NULL);
    expect_member("error.param", "\"order\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(stores__are_shown_as_openai_shows_them),
        FIXTURE_CASE(stores__are_made_from_what_openai_sends),
        FIXTURE_CASE(stores__refuses_what_it_cannot_honour),
        FIXTURE_CASE(stores__are_changed_only_where_said),
        FIXTURE_CASE(stores__are_deleted_by_id_or_name),
        FIXTURE_CASE(stores__are_listed_newest_first_in_pages),
        FIXTURE_CASE(stores__list_their_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
