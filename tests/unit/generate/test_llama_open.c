/* Opening says what is wrong with a model file, and leaves nothing behind. */
#include <cof/generate/llama.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cof/base/file.h>

#include "../base/torture.h"
#include "temp_dir.h"
#include "tiny_gguf.h"

struct notes {
    int count;
    char all[2000];
};

static void note(void *context, const char *message)
{
    struct notes *notes = context;
    size_t size = strlen(notes->all);

    notes->count++;
    (void)snprintf(notes->all + size, sizeof(notes->all) - size, "%s\n", message);
}

static int make_folder(void **state)
{
    static char folder[TEMP_DIR_PATH_SIZE];

    temp_dir_create(folder);
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    temp_dir_remove(*state);
    return 0;
}

/* Opens a file of these bytes; the status, and the message in `err`. */
static enum cof_status open_bytes(const char *folder, struct cof_bytes bytes, struct cof_error *err)
{
    char path[TEMP_DIR_PATH_SIZE];
    struct cof_generator *generator = NULL;

    temp_dir_join(folder, "bytes.gguf", path, sizeof(path));
    assert_int_equal(cof_file_write_atomic(path, bytes, 0600, NULL), COF_OK);

    enum cof_status status =
        cof_llama_open(&(struct cof_llama_options){.path = path}, &generator, err);

    assert_int_equal(generator != NULL, status == COF_OK);
    cof_generator_close(generator);
    return status;
}

static enum cof_status open_tiny(const char *folder, struct tiny_gguf tiny, struct cof_error *err)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};

    tiny_gguf_write(&tiny, &file);
    return open_bytes(folder, cof_buffer_bytes(&file), err);
}

static void llama__opens_a_model_and_tells_its_facts(void **state)
{
    char path[TEMP_DIR_PATH_SIZE];
    const uint8_t digest[32] = {1, 2, 3};
    struct cof_generator *generator = NULL;
    uint8_t fingerprint[32];

    tiny_gguf_save(&(struct tiny_gguf){0}, *state, path);
    assert_int_equal(cof_llama_open(&(struct cof_llama_options){.path = path}, &generator, NULL),
                     COF_OK);
    assert_string_equal(generator->info.name, "tiny");
    assert_string_equal(generator->info.backend, "llama");
    assert_int_equal(generator->info.context_tokens, 256);
    memcpy(fingerprint, generator->info.fingerprint, 32);
    cof_generator_close(generator);

    assert_int_equal(cof_llama_open(&(struct cof_llama_options){.path = path,
                                                                .name = "house-model",
                                                                .context_tokens = 100,
                                                                .thread_count = 2,
                                                                .file_sha256 = digest},
                                    &generator, NULL),
                     COF_OK);
    assert_string_equal(generator->info.name, "house-model");
    assert_int_equal(generator->info.context_tokens, 100);
    assert_memory_equal(generator->info.fingerprint, digest, 32);
    cof_generator_close(generator);

    tiny_gguf_save(&(struct tiny_gguf){.context_length = 255}, *state, path);
    assert_int_equal(cof_llama_open(&(struct cof_llama_options){.path = path}, &generator, NULL),
                     COF_OK);
    assert_memory_not_equal(generator->info.fingerprint, fingerprint, 32);
    cof_generator_close(generator);
}

static void llama__says_when_there_is_no_such_file(void **state)
{
    char path[TEMP_DIR_PATH_SIZE];
    struct cof_generator *generator = NULL;
    struct cof_error err = {0};

    temp_dir_join(*state, "none.gguf", path, sizeof(path));
    assert_int_equal(cof_llama_open(&(struct cof_llama_options){.path = path}, &generator, &err),
                     COF_NOT_FOUND);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(cof_llama_open(&(struct cof_llama_options){.path = *state}, &generator, &err),
                     COF_INVALID);
    assert_int_equal(cof_llama_open(&(struct cof_llama_options){0}, &generator, &err), COF_INVALID);
    assert_null(generator);
}

static void llama__refuses_options_that_cannot_be(void **state)
{
    char path[TEMP_DIR_PATH_SIZE];
    struct cof_generator *generator = NULL;

    tiny_gguf_save(&(struct tiny_gguf){0}, *state, path);
    assert_int_equal(
        cof_llama_open(&(struct cof_llama_options){.path = path, .thread_count = 100000},
                       &generator, NULL),
        COF_INVALID);
    assert_int_equal(
        cof_llama_open(&(struct cof_llama_options){.path = path, .context_tokens = SIZE_MAX},
                       &generator, NULL),
        COF_INVALID);
}

static void llama__refuses_what_is_no_model(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    struct cof_error err = {0};

    assert_int_equal(open_bytes(*state, cof_text_bytes(COF_TEXT("")), &err), COF_INVALID);
    assert_int_equal(open_bytes(*state, cof_text_bytes(COF_TEXT("not a model at all")), &err),
                     COF_INVALID);
    tiny_gguf_write(&(struct tiny_gguf){0}, &file);
    for (size_t part = 1; part < 8; part++) {
        assert_int_equal(
            open_bytes(*state, (struct cof_bytes){file.data, file.size * part / 8}, &err),
            COF_CORRUPT);
    }
    assert_int_equal(open_tiny(*state, (struct tiny_gguf){.tokenizer = "bert"}, &err), COF_INVALID);
}

static void llama__passes_on_why_libllama_refuses_a_model(void **state)
{
    struct cof_error err = {0};

    assert_int_equal(open_tiny(*state, (struct tiny_gguf){.architecture = "nosuch"}, &err),
                     COF_INVALID);
    assert_non_null(strstr(err.message, "nosuch"));
    /* Two layers announced, tensors for one. */
    assert_int_equal(open_tiny(*state, (struct tiny_gguf){.block_count = 2}, &err), COF_INVALID);
    assert_non_null(strstr(err.message, "blk.1"));
}

static void llama__tells_the_operator_what_it_chose(void **state)
{
    char path[TEMP_DIR_PATH_SIZE];
    struct notes notes = {0};
    struct cof_generator *generator = NULL;

    tiny_gguf_save(&(struct tiny_gguf){.chat_template = "{{ nobody knows me }}"}, *state, path);
    assert_int_equal(cof_llama_open(&(struct cof_llama_options){.path = path,
                                                                .context_tokens = 9999,
                                                                .gpu_layers = 5,
                                                                .notice = note,
                                                                .notice_context = &notes},
                                    &generator, NULL),
                     COF_OK);
    assert_int_equal(generator->info.context_tokens, 256);
    assert_non_null(strstr(notes.all, "ChatML is used"));
    assert_non_null(strstr(notes.all, "context is smaller"));
    assert_non_null(strstr(notes.all, "on the CPU"));
    cof_generator_close(generator);

    int count = notes.count;

    assert_int_equal(cof_llama_open(&(struct cof_llama_options){.path = path}, &generator, NULL),
                     COF_OK);
    cof_generator_close(generator);
    assert_int_equal(notes.count, count);
}

static void llama__writes_nothing_to_stderr(void **state)
{
    char log[TEMP_DIR_PATH_SIZE];
    struct cof_error err = {0};
    int kept = dup(STDERR_FILENO);

    temp_dir_join(*state, "stderr", log, sizeof(log));

    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(kept >= 0 && fd >= 0);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(open_tiny(*state, (struct tiny_gguf){0}, &err), COF_OK);
    assert_int_equal(open_tiny(*state, (struct tiny_gguf){.architecture = "nosuch"}, &err),
                     COF_INVALID);
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(lseek(fd, 0, SEEK_END), 0);
    (void)close(fd);
    (void)close(kept);
}

static enum cof_status open_and_close(void *context, struct cof_error *err)
{
    struct cof_generator *generator = NULL;
    enum cof_status status =
        cof_llama_open(&(struct cof_llama_options){.path = context, .name = "m"}, &generator, err);

    assert_int_equal(generator != NULL, status == COF_OK);
    cof_generator_close(generator);
    return status;
}

static void llama__open_survives_each_failed_allocation(void **state)
{
    char path[TEMP_DIR_PATH_SIZE];

    tiny_gguf_save(&(struct tiny_gguf){.chat_template = "'<|user|>' + eos_token '<|assistant|>'"},
                   *state, path);
    assert_in_range(torture(open_and_close, path), 5, 200);
}

static void *open_often(void *path)
{
    for (int i = 0; i < 5; i++) {
        struct cof_generator *generator = NULL;

        if (cof_llama_open(&(struct cof_llama_options){.path = path}, &generator, NULL) != COF_OK)
            return path; /* not NULL: a failure */
        cof_generator_close(generator);
    }
    return NULL;
}

static void llama__opens_from_several_threads(void **state)
{
    char path[TEMP_DIR_PATH_SIZE];
    pthread_t threads[3];

    tiny_gguf_save(&(struct tiny_gguf){0}, *state, path);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_often, path), 0);
    for (size_t i = 0; i < 3; i++) {
        void *failure = NULL;

        assert_int_equal(pthread_join(threads[i], &failure), 0);
        assert_null(failure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama__opens_a_model_and_tells_its_facts),
        cmocka_unit_test(llama__says_when_there_is_no_such_file),
        cmocka_unit_test(llama__refuses_options_that_cannot_be),
        cmocka_unit_test(llama__refuses_what_is_no_model),
        cmocka_unit_test(llama__passes_on_why_libllama_refuses_a_model),
        cmocka_unit_test(llama__tells_the_operator_what_it_chose),
        cmocka_unit_test(llama__writes_nothing_to_stderr),
        cmocka_unit_test(llama__open_survives_each_failed_allocation),
        cmocka_unit_test(llama__opens_from_several_threads),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
