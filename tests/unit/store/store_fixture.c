/* A store in a folder of its own, with its keys, and sample documents that can be checked. */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cof/base/file.h>

#include "testing.h"

#define TEXT_SIZE 640

static char *text_of(char *out, const char *id, unsigned edition, size_t chunk)
{
    int length =
        snprintf(out, TEXT_SIZE, "plainwords of %s edition %u part %zu: ", id, edition, chunk);
    for (size_t at = (size_t)length; at < TEXT_SIZE - 1; at++)
        out[at] = (char)('a' + (at * 7 + edition + chunk) % 26);
    out[TEXT_SIZE - 1] = '\0';
    return out;
}

static float number_of(const char *id, unsigned edition, size_t at)
{
    unsigned hash = edition * 31U + (unsigned)at;
    for (; *id != '\0'; id++)
        hash = hash * 33U + (unsigned char)*id;
    return (float)(hash % 2048U) / 1024.0F - 1.0F; /* exact in f16 too */
}

struct cof_store_options store_fixture_options(const struct store_fixture *fixture)
{
    return (struct cof_store_options){
        .folder = fixture->folder,
        .may_create = true,
        .keyring = fixture->keyring,
        .clock = cof_clock_system(),
        .random = cof_random_system(),
        .max_bytes = fixture->max_bytes != 0 ? fixture->max_bytes : (uint64_t)64 << 20,
    };
}

void store_fixture_init(struct store_fixture *fixture)
{
    *fixture = (struct store_fixture){0};
    temp_dir_create(fixture->root);
    temp_dir_join(fixture->root, "data.keys", fixture->keys, sizeof(fixture->keys));
    temp_dir_join(fixture->root, "store", fixture->folder, sizeof(fixture->folder));
}

void store_fixture_open(struct store_fixture *fixture)
{
    struct cof_error err = {0};
    struct cof_keyring_options keys = {
        .folder = fixture->keys, .clock = cof_clock_system(), .random = cof_random_system()};
    expect_ok(cof_path_exists(fixture->keys) ? cof_keyring_open(&keys, &fixture->keyring, &err)
                                             : cof_keyring_create(&keys, &fixture->keyring, &err),
              err);
    struct cof_store_options options = store_fixture_options(fixture);
    expect_ok(cof_store_open(&options, &fixture->store, &err), err);
}

void store_fixture_setup(struct store_fixture *fixture)
{
    store_fixture_init(fixture);
    store_fixture_open(fixture);
    fixture->collection = fixture_create_collection(fixture->store, "handbook", COF_VECTOR_F32);
}

void store_fixture_close(struct store_fixture *fixture)
{
    cof_store_close(fixture->store);
    cof_keyring_close(fixture->keyring);
    fixture->store = NULL;
    fixture->keyring = NULL;
}

void store_fixture_teardown(struct store_fixture *fixture)
{
    store_fixture_close(fixture);
    temp_dir_remove(fixture->root);
}

uint64_t fixture_create_collection(struct cof_store *store, const char *name,
                                   enum cof_vector_precision precision)
{
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_collection collection;
    uint8_t fingerprint[32] = {1, 2, 3};
    struct cof_collection_write write = {
        .name = cof_text_from(name),
        .model_name = COF_TEXT("hashing"),
        .model_fingerprint = fingerprint,
        .dimension = FIXTURE_DIMENSION,
        .precision = precision,
        .max_chunk_tokens = 200,
        .chunk_overlap_tokens = 20,
    };
    expect_ok(cof_store_create_collection(store, &write, NULL, &arena, &collection, &err), err);
    cof_arena_deinit(&arena);
    return collection.number;
}

struct sample *sample_create(struct cof_store *store, uint64_t collection, const char *id,
                             unsigned edition, size_t chunk_count)
{
    struct cof_error err = {0};
    struct sample *sample = calloc(1, sizeof(*sample));
    assert_non_null(sample);
    sample->chunks = calloc(chunk_count + 1, sizeof(*sample->chunks));
    sample->vectors = calloc(chunk_count * FIXTURE_DIMENSION + 1, sizeof(*sample->vectors));
    sample->texts = calloc(chunk_count + 1, TEXT_SIZE);
    assert_true(sample->chunks != NULL && sample->vectors != NULL && sample->texts != NULL);
    (void)snprintf(sample->id, sizeof(sample->id), "%s", id);
    (void)snprintf(sample->title, sizeof(sample->title), "titlewords %s %u", id, edition);
    (void)snprintf(sample->attributes, sizeof(sample->attributes), "{\"edition\":%u}", edition);
    for (size_t i = 0; i < chunk_count; i++) {
        char *text = text_of(sample->texts + i * TEXT_SIZE, id, edition, i);
        sample->chunks[i] = (struct cof_chunk_write){
            .text = {.data = text, .size = 100 + (i * 37 + edition) % (TEXT_SIZE - 100)},
            .heading = COF_TEXT("Handbook > headingwords"),
            .byte_begin = i * 100,
            .byte_end = i * 100 + 100,
        };
    }
    for (size_t i = 0; i < chunk_count * FIXTURE_DIMENSION; i++)
        sample->vectors[i] = number_of(id, edition, i);
    sample->allow[0] = COF_TEXT("user:aclwords-alice");
    sample->allow[1] = COF_TEXT("group:aclwords-staff");
    sample->write = (struct cof_document_write){
        .collection = collection,
        .external_id = cof_text_from(sample->id),
        .title = cof_text_from(sample->title),
        .filename = COF_TEXT("filewords/leave.md"),
        .media_type = COF_TEXT("text/markdown"),
        .attributes = cof_text_from(sample->attributes),
        .acl = {.is_set = true, .allow = sample->allow, .allow_count = 2},
        .source_bytes = chunk_count * 100,
        .has_content = true,
        .chunks = sample->chunks,
        .chunk_count = chunk_count,
        .vectors = sample->vectors,
    };
    const struct cof_bytes parts[] = {
        {.data = (const uint8_t *)id, .size = strlen(id)},
        {.data = (const uint8_t *)&edition, .size = sizeof(edition)},
        {.data = (const uint8_t *)&chunk_count, .size = sizeof(chunk_count)}};
    expect_ok(cof_store_content_hash(store, collection, parts, 3, sample->write.content_hash, &err),
              err);
    return sample;
}

void sample_destroy(struct sample *sample)
{
    if (sample == NULL)
        return;
    free(sample->chunks);
    free(sample->vectors);
    free(sample->texts);
    free(sample);
}

struct cof_write_outcome sample_put(struct cof_store *store, const struct sample *sample)
{
    struct cof_error err = {0};
    struct cof_write_outcome outcome = {0};
    expect_ok(cof_store_put_documents(store, &sample->write, 1, NULL, &outcome, &err), err);
    return outcome;
}

static bool is_same_text(struct cof_text a, struct cof_text b)
{
    return cof_text_equal(a, b);
}

static bool is_same_document(const struct cof_document *document, const struct sample *sample)
{
    const struct cof_document_write *write = &sample->write;
    return is_same_text(document->external_id, write->external_id) &&
           is_same_text(document->title, write->title) &&
           is_same_text(document->filename, write->filename) &&
           is_same_text(document->media_type, write->media_type) &&
           is_same_text(document->attributes, write->attributes) &&
           document->acl.is_set == write->acl.is_set &&
           document->acl.allow_count == write->acl.allow_count &&
           (write->acl.allow_count == 0 ||
            is_same_text(document->acl.allow[0], write->acl.allow[0])) &&
           document->source_bytes == write->source_bytes &&
           document->chunk_count == write->chunk_count &&
           memcmp(document->content_hash, write->content_hash, 32) == 0;
}

struct vector_check {
    const struct sample *sample;
    bool is_right;
};

static enum cof_status check_vectors(void *context, const struct cof_document *document,
                                     const struct cof_chunk *chunks, const float *vectors,
                                     struct cof_error *err)
{
    struct vector_check *check = context;
    const struct cof_document_write *write = &check->sample->write;
    (void)err;
    if (!is_same_text(document->external_id, write->external_id))
        return COF_OK;
    check->is_right = document->chunk_count == write->chunk_count &&
                      memcmp(vectors, write->vectors,
                             write->chunk_count * FIXTURE_DIMENSION * sizeof(float)) == 0;
    for (size_t i = 0; check->is_right && i < write->chunk_count; i++)
        check->is_right = is_same_text(chunks[i].text, write->chunks[i].text);
    return COF_OK;
}

bool sample_is_stored(struct cof_store *store, const struct sample *sample, bool with_vectors)
{
    struct cof_error err = {0};
    struct cof_arena arena = {0};
    struct cof_document document;
    struct cof_chunk *chunks = NULL;
    size_t count = 0;
    const struct cof_document_write *write = &sample->write;
    enum cof_status status = cof_store_find_document(store, write->collection, write->external_id,
                                                     &arena, &document, &err);
    bool is_right = status == COF_OK && is_same_document(&document, sample);
    if (is_right) {
        status = cof_store_get_chunks(store, write->collection, document.number, &arena, &chunks,
                                      &count, &err);
        is_right = status == COF_OK && count == write->chunk_count;
    }
    for (size_t i = 0; is_right && i < count; i++) {
        is_right = is_same_text(chunks[i].text, write->chunks[i].text) &&
                   is_same_text(chunks[i].heading, write->chunks[i].heading) &&
                   chunks[i].byte_begin == write->chunks[i].byte_begin &&
                   chunks[i].byte_end == write->chunks[i].byte_end && chunks[i].index == i &&
                   chunks[i].chunk_id == document.first_chunk_id + i;
    }
    if (is_right && with_vectors) {
        struct vector_check check = {.sample = sample};
        status = cof_store_each_document(store, write->collection, check_vectors, &check, &err);
        is_right = status == COF_OK && check.is_right;
    }
    if (!is_right && err.status != COF_OK)
        print_message("%s: %s\n", sample->id, err.message);
    cof_arena_deinit(&arena);
    return is_right;
}

static enum cof_status encode_text(void *context, const struct cof_write_outcome *outcomes,
                                   size_t count, struct cof_buffer *out, struct cof_error *err)
{
    struct fixture_outbox *outbox = context;
    outbox->encode_count++;
    outbox->last_count = count < 64 ? count : 64;
    memcpy(outbox->last, outcomes, outbox->last_count * sizeof(*outcomes));
    cof_buffer_append_text(out, cof_text_from(outbox->text));
    if (outbox->fail_with != COF_OK)
        return COF_FAIL(err, outbox->fail_with, "the record cannot be encoded");
    return COF_OK;
}

void fixture_outbox_init(struct fixture_outbox *outbox, uint64_t number, const char *text)
{
    *outbox = (struct fixture_outbox){0};
    memcpy(outbox->outbox.id, &number, sizeof(number));
    outbox->outbox.encode = encode_text;
    outbox->outbox.context = outbox;
    (void)snprintf(outbox->text, sizeof(outbox->text), "%s", text);
}

struct count_context {
    const uint8_t *id;
    size_t count;
};

static enum cof_status count_row(void *context, const uint8_t id[16], struct cof_bytes record,
                                 struct cof_error *err)
{
    struct count_context *counting = context;
    (void)record;
    (void)err;
    if (counting->id == NULL || memcmp(counting->id, id, 16) == 0)
        counting->count++;
    return COF_OK;
}

size_t fixture_outbox_count(struct cof_store *store, const uint8_t *id)
{
    struct cof_error err = {0};
    struct count_context counting = {.id = id};
    expect_ok(cof_store_each_outbox(store, count_row, &counting, &err), err);
    return counting.count;
}
