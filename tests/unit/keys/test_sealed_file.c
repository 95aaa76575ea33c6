/* Sealed files: written whole or not at all, read from anywhere, refused when a byte differs. */
#include <cof/keys/sealed_file.h>

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cof/base/file.h>

#include "hex.h"
#include "seeded_random.h"
#include "temp_dir.h"
#include "testing.h"

enum { CONTENT_SIZE = 100000 };

static const struct cof_key test_key = {.id = 1, .bytes = {9, 8, 7}};
static uint8_t content[CONTENT_SIZE];
static char folder[TEMP_DIR_PATH_SIZE];
static char path[COF_MAX_PATH];

static int set_up(void **state)
{
    struct seeded_random random;
    seeded_random_init(&random, 3);
    seeded_random_fill(&random, content, sizeof(content));
    temp_dir_create(folder);
    temp_dir_join(folder, "sealed", path, sizeof(path));
    return 0;
}

static int tear_down(void **state)
{
    temp_dir_remove(folder);
    return 0;
}

static struct cof_sealed_file_context test_context(void)
{
    return (struct cof_sealed_file_context){
        .kind = COF_SEALED_SEGMENT,
        .format_version = 2,
        .store_uuid = {1, 2},
        .collection = 3,
        .file_id = 4,
    };
}

static void write_sealed(size_t size, size_t step)
{
    struct cof_sealed_writer *writer = NULL;
    const struct cof_sealed_file_context context = test_context();
    assert_int_equal(
        cof_sealed_writer_open(path, &test_key, &context, cof_random_system(), &writer, NULL),
        COF_OK);
    for (size_t done = 0; done < size; done += step) {
        const struct cof_bytes bytes = {.data = content + done,
                                        .size = size - done < step ? size - done : step};
        assert_int_equal(cof_sealed_writer_append(writer, bytes, NULL), COF_OK);
    }
    assert_int_equal(cof_sealed_writer_commit(writer, NULL), COF_OK);
    cof_sealed_writer_close(writer);
}

static enum cof_status open_sealed(const struct cof_sealed_file_context *context,
                                   struct cof_sealed_reader **out_reader)
{
    struct cof_error err = {0};
    enum cof_status status = cof_sealed_reader_open(path, &test_key, context, out_reader, &err);
    assert_true(status == COF_OK || strlen(err.message) > 10);
    return status;
}

/* Opens and reads all; the first failure, or COF_OK when every byte is right. */
static enum cof_status read_all(void)
{
    static uint8_t got[CONTENT_SIZE];
    struct cof_sealed_reader *reader = NULL;
    const struct cof_sealed_file_context context = test_context();
    enum cof_status status = open_sealed(&context, &reader);
    if (status != COF_OK)
        return status;
    size_t size = (size_t)cof_sealed_reader_size(reader);
    status = cof_sealed_reader_read(reader, 0, got, size, NULL);
    if (status == COF_OK)
        assert_memory_equal(got, content, size);
    cof_sealed_reader_close(reader);
    return status;
}

static void sealed_file__reads_back_at_every_size_and_step(void **state)
{
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 32768, CONTENT_SIZE};
    static const size_t steps[] = {1000, 16384, 40000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t j = 0; j < 3; j++) {
            write_sealed(sizes[i], steps[j]);
            assert_int_equal(read_all(), COF_OK);
        }
    }
}

static void sealed_file__reads_from_the_middle(void **state)
{
    struct seeded_random random;
    struct cof_sealed_reader *reader = NULL;
    const struct cof_sealed_file_context context = test_context();
    static uint8_t got[CONTENT_SIZE];
    write_sealed(CONTENT_SIZE, CONTENT_SIZE);
    assert_int_equal(open_sealed(&context, &reader), COF_OK);
    assert_int_equal(cof_sealed_reader_size(reader), CONTENT_SIZE);
    assert_int_equal(cof_sealed_reader_format_version(reader), 2);
    seeded_random_init(&random, 5);
    for (size_t i = 0; i < 300; i++) {
        size_t begin = (size_t)seeded_random_below(&random, CONTENT_SIZE);
        size_t size = (size_t)seeded_random_below(&random, CONTENT_SIZE - begin + 1);
        assert_int_equal(cof_sealed_reader_read(reader, begin, got, size, NULL), COF_OK);
        assert_memory_equal(got, content + begin, size);
    }
    assert_int_equal(cof_sealed_reader_read(reader, CONTENT_SIZE, got, 1, NULL), COF_INVALID);
    assert_int_equal(cof_sealed_reader_read(reader, UINT64_MAX, got, 1, NULL), COF_INVALID);
    assert_int_equal(cof_sealed_reader_read(reader, CONTENT_SIZE, got, 0, NULL), COF_OK);
    cof_sealed_reader_close(reader);
}

static void sealed_file__refuses_a_flipped_bit_anywhere(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    write_sealed(20000, 20000);
    assert_int_equal(cof_file_read(path, 1 << 20, &file, NULL), COF_OK);
    for (size_t i = 0; i < file.size; i += i < 200 || i + 40 > file.size ? 1 : 331) {
        file.data[i] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(cof_file_write_atomic(path, cof_buffer_bytes(&file), 0600, NULL), COF_OK);
        enum cof_status status = read_all();
        assert_true(status == COF_CORRUPT || (status == COF_CONFLICT && (i == 8 || i == 9)));
        file.data[i] ^= (uint8_t)(1 << i % 8);
    }
}

static void sealed_file__refuses_truncation_and_extension(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    write_sealed(20000, 20000);
    assert_int_equal(cof_file_read(path, 1 << 20, &file, NULL), COF_OK);
    for (size_t size = 0; size < file.size; size += size < 100 ? 1 : 1237) {
        assert_int_equal(truncate(path, (off_t)size), 0);
        assert_int_equal(read_all(), COF_CORRUPT);
        assert_int_equal(cof_file_write_atomic(path, cof_buffer_bytes(&file), 0600, NULL), COF_OK);
    }
    /* cut exactly behind the first full chunk: a message that ended there would be valid elsewhere
     */
    assert_int_equal(truncate(path, 16 + 56 + 16400), 0);
    assert_int_equal(read_all(), COF_CORRUPT);
    cof_buffer_append_byte(&file, 0);
    assert_int_equal(cof_file_write_atomic(path, cof_buffer_bytes(&file), 0600, NULL), COF_OK);
    assert_int_equal(read_all(), COF_CORRUPT);
}

static void sealed_file__refuses_another_place_or_key(void **state)
{
    struct cof_sealed_reader *reader = NULL;
    struct cof_sealed_file_context wrong[4];
    write_sealed(100, 100);
    for (size_t i = 0; i < 4; i++)
        wrong[i] = test_context();
    wrong[0].kind = COF_SEALED_UPLOAD;
    wrong[1].store_uuid[0]++;
    wrong[2].collection++;
    wrong[3].file_id++;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(open_sealed(&wrong[i], &reader), COF_CORRUPT);
    struct cof_key other = test_key;
    other.bytes[0]++;
    const struct cof_sealed_file_context right = test_context();
    assert_int_equal(cof_sealed_reader_open(path, &other, &right, &reader, NULL), COF_CORRUPT);
}

static void sealed_file__refuses_a_newer_format_and_reads_an_older_one(void **state)
{
    struct cof_sealed_reader *reader = NULL;
    struct cof_error err;
    struct cof_sealed_file_context context = test_context();
    write_sealed(100, 100);
    context.format_version = 1;
    assert_int_equal(cof_sealed_reader_open(path, &test_key, &context, &reader, &err),
                     COF_CONFLICT);
    assert_non_null(strstr(err.message, "format version 2"));
    context.format_version = 9;
    assert_int_equal(open_sealed(&context, &reader), COF_OK);
    assert_int_equal(cof_sealed_reader_format_version(reader), 2);
    cof_sealed_reader_close(reader);
}

static void sealed_file__is_absent_until_committed(void **state)
{
    struct cof_sealed_writer *writer = NULL;
    const struct cof_sealed_file_context context = test_context();
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_text *names = NULL;
    size_t count = 0;
    assert_int_equal(read_all(), COF_NOT_FOUND);
    assert_int_equal(
        cof_sealed_writer_open(path, &test_key, &context, cof_random_system(), &writer, NULL),
        COF_OK);
    assert_int_equal(cof_sealed_writer_append(writer, bytes_of("some"), NULL), COF_OK);
    assert_int_equal(read_all(), COF_NOT_FOUND);
    cof_sealed_writer_close(writer);
    assert_int_equal(cof_folder_list(folder, &arena, &names, &count, NULL), COF_OK);
    assert_int_equal(count, 0);
}

static void sealed_file__leaves_the_old_one_when_given_up(void **state)
{
    struct cof_sealed_writer *writer = NULL;
    const struct cof_sealed_file_context context = test_context();
    write_sealed(100, 100);
    assert_int_equal(
        cof_sealed_writer_open(path, &test_key, &context, cof_random_system(), &writer, NULL),
        COF_OK);
    cof_sealed_writer_close(writer);
    assert_int_equal(read_all(), COF_OK);
}

static void sealed_file__is_readable_by_its_owner_only(void **state)
{
    struct stat info;
    write_sealed(1, 1);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void sealed_writer__says_when_its_folder_is_missing(void **state)
{
    struct cof_sealed_writer *writer = NULL;
    struct cof_error err;
    const struct cof_sealed_file_context context = test_context();
    char absent[COF_MAX_PATH];
    temp_dir_join(folder, "no/such", absent, sizeof(absent));
    assert_int_equal(
        cof_sealed_writer_open(absent, &test_key, &context, cof_random_system(), &writer, &err),
        COF_IO);
    assert_null(writer);
}

static void sealed_writer__keeps_the_old_file_when_the_disk_is_full(void **state)
{
    struct cof_sealed_writer *writer = NULL;
    struct rlimit old_limit;
    struct cof_error err = {0};
    const struct cof_sealed_file_context context = test_context();
    const struct cof_bytes bytes = {.data = content, .size = CONTENT_SIZE};
    write_sealed(100, 100);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
    const struct rlimit limit = {.rlim_cur = 50000, .rlim_max = old_limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(
        cof_sealed_writer_open(path, &test_key, &context, cof_random_system(), &writer, NULL),
        COF_OK);
    enum cof_status status = COF_OK;
    for (size_t i = 0; i < 10 && status == COF_OK; i++)
        status = cof_sealed_writer_append(writer, bytes, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
    assert_int_equal(status, COF_IO);
    assert_int_equal(cof_sealed_writer_append(writer, bytes, NULL), COF_CONFLICT);
    assert_int_equal(cof_sealed_writer_commit(writer, NULL), COF_CONFLICT);
    cof_sealed_writer_close(writer);
    assert_int_equal(read_all(), COF_OK);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(sealed_file__reads_back_at_every_size_and_step),
        CASE(sealed_file__reads_from_the_middle),
        CASE(sealed_file__refuses_a_flipped_bit_anywhere),
        CASE(sealed_file__refuses_truncation_and_extension),
        CASE(sealed_file__refuses_another_place_or_key),
        CASE(sealed_file__refuses_a_newer_format_and_reads_an_older_one),
        CASE(sealed_file__is_absent_until_committed),
        CASE(sealed_file__leaves_the_old_one_when_given_up),
        CASE(sealed_file__is_readable_by_its_owner_only),
        CASE(sealed_writer__says_when_its_folder_is_missing),
        CASE(sealed_writer__keeps_the_old_file_when_the_disk_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
