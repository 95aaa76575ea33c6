/* A disk that is full or fails at each single write and sync of the store's file.
 *
 * pwrite, writev and fdatasync are this program's own, so that LMDB's calls come here: they pass
 * everything on to the kernel until the n-th call that concerns data.mdb. */
#include "testing.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_fixture.h"

enum fault {
    FAULT_NONE,
    FAULT_NO_SPACE,    /* every write from the n-th on: ENOSPC */
    FAULT_SHORT_WRITE, /* the n-th write is cut, then ENOSPC */
    FAULT_WRITE_ERROR, /* every write from the n-th on: EIO */
    FAULT_SYNC_ERROR,  /* the n-th sync: EIO, once, as Linux reports it */
};

static struct {
    _Atomic(enum fault) fault;
    atomic_long countdown;
    atomic_long hit_count;
} disk;

static bool is_data_file(int fd)
{
    char link[64];
    char path[PATH_MAX];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof(path) - 1);
    if (size < 0)
        return false;
    path[size] = '\0';
    return strstr(path, "/data.mdb") != NULL;
}

/* How many bytes may be written: all, some, or -1 with errno set. */
static ssize_t allow(int fd, size_t size)
{
    enum fault fault = atomic_load(&disk.fault);
    if (fault == FAULT_NONE || fault == FAULT_SYNC_ERROR || !is_data_file(fd))
        return (ssize_t)size;
    long left = atomic_fetch_sub(&disk.countdown, 1);
    if (left > 1)
        return (ssize_t)size;
    atomic_fetch_add(&disk.hit_count, 1);
    if (fault == FAULT_SHORT_WRITE && left == 1)
        return (ssize_t)(size / 2);
    errno = fault == FAULT_WRITE_ERROR ? EIO : ENOSPC;
    return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    ssize_t allowed = allow(fd, size);
    return allowed < 0 ? -1 : syscall(SYS_pwrite64, fd, bytes, (size_t)allowed, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    ssize_t allowed = allow(fd, size);
    if (allowed < 0)
        return -1;
    if ((size_t)allowed == size)
        return syscall(SYS_writev, fd, parts, count);
    return syscall(SYS_writev, fd, parts, 1); /* of several parts, the first */
}

int fdatasync(int fd)
{
    if (atomic_load(&disk.fault) == FAULT_SYNC_ERROR && is_data_file(fd) &&
        atomic_fetch_sub(&disk.countdown, 1) == 1) {
        atomic_fetch_add(&disk.hit_count, 1);
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void arm(enum fault fault, long n)
{
    atomic_store(&disk.countdown, n);
    atomic_store(&disk.hit_count, 0);
    atomic_store(&disk.fault, fault);
}

static enum cof_status put(struct cof_store *store, const struct sample *sample,
                           struct cof_error *err)
{
    struct cof_write_outcome outcome = {.kind = COF_WRITE_FAILED};
    enum cof_status status = cof_store_put_documents(store, &sample->write, 1, NULL, &outcome, err);
    return status == COF_OK ? outcome.error.status : status;
}

static bool is_absent(struct store_fixture *fixture, const struct sample *sample)
{
    struct cof_arena arena = {0};
    struct cof_document document;
    enum cof_status status = cof_store_find_document(
        fixture->store, fixture->collection, sample->write.external_id, &arena, &document, NULL);
    cof_arena_deinit(&arena);
    return status == COF_NOT_FOUND;
}

/* Returns false when the fault came no more: n is past the last write of the put. */
static bool run_fault(enum fault fault, long n, bool *out_is_recoverable)
{
    struct store_fixture fixture;
    struct cof_error err = {0};
    store_fixture_setup(&fixture);
    struct sample *old = sample_create(fixture.store, fixture.collection, "old", 1, 5);
    struct sample *fresh = sample_create(fixture.store, fixture.collection, "fresh", 1, 150);
    struct sample *later = sample_create(fixture.store, fixture.collection, "later", 1, 2);
    (void)sample_put(fixture.store, old);
    arm(fault, n);
    enum cof_status status = put(fixture.store, fresh, &err);
    bool was_hit = atomic_load(&disk.hit_count) > 0;
    assert_int_equal(status, was_hit ? COF_UNAVAILABLE : COF_OK);
    /* reading goes on, whatever happened, and while the fault lasts */
    assert_true(sample_is_stored(fixture.store, old, true));
    assert_true(status == COF_OK ? sample_is_stored(fixture.store, fresh, true)
                                 : is_absent(&fixture, fresh));
    arm(FAULT_NONE, 0);
    struct cof_error again = {0};
    enum cof_status later_status = put(fixture.store, later, &again);
    if (was_hit) {
        bool is_disk_full = strncmp(err.message, "disk full", 9) == 0;
        assert_true(is_disk_full || strstr(err.message, "writing has stopped") != NULL);
        assert_int_equal(is_disk_full, fault == FAULT_NO_SPACE || fault == FAULT_SHORT_WRITE);
        assert_true(later_status == COF_OK || later_status == COF_UNAVAILABLE);
        *out_is_recoverable = later_status == COF_OK;
        if (later_status != COF_OK) {
            assert_false(cof_store_is_writable(fixture.store));
            assert_non_null(strstr(again.message, "restart"));
            assert_int_equal(put(fixture.store, later, &again), COF_UNAVAILABLE);
        }
    }
    assert_true(sample_is_stored(fixture.store, old, true));
    store_fixture_close(&fixture);
    store_fixture_open(&fixture);
    assert_true(cof_store_is_writable(fixture.store));
    assert_true(sample_is_stored(fixture.store, old, true));
    /* not acknowledged: invisible or complete */
    assert_true(is_absent(&fixture, fresh) || sample_is_stored(fixture.store, fresh, true));
    if (later_status == COF_OK)
        assert_true(sample_is_stored(fixture.store, later, true));
    assert_int_equal(put(fixture.store, fresh, &err), COF_OK);
    assert_true(sample_is_stored(fixture.store, fresh, true));
    sample_destroy(old);
    sample_destroy(fresh);
    sample_destroy(later);
    store_fixture_teardown(&fixture);
    return was_hit;
}

/* Counts the places of the fault, and at how many of them writing went on afterwards. */
static void run_all(enum fault fault, long *out_place_count, long *out_recoverable_count)
{
    *out_place_count = 0;
    *out_recoverable_count = 0;
    for (long n = 1;; n++) {
        bool is_recoverable = false;
        if (!run_fault(fault, n, &is_recoverable))
            break;
        ++*out_place_count;
        *out_recoverable_count += is_recoverable ? 1 : 0;
    }
}

static void full_disk__at_any_data_write_is_survived(void **state)
{
    long places = 0;
    long recoverable = 0;
    run_all(FAULT_NO_SPACE, &places, &recoverable);
    print_message("%ld writes, writing went on after %ld\n", places, recoverable);
    assert_true(places >= 3);
    assert_int_equal(recoverable, places - 1); /* all but the header's, after which LMDB gives up */
}

static void full_disk__that_cuts_a_write_is_survived(void **state)
{
    long places = 0;
    long recoverable = 0;
    run_all(FAULT_SHORT_WRITE, &places, &recoverable);
    assert_true(places >= 3);
    assert_int_equal(recoverable, places - 1);
}

static void write_error__stops_writing_for_good(void **state)
{
    long places = 0;
    long recoverable = 0;
    run_all(FAULT_WRITE_ERROR, &places, &recoverable);
    assert_true(places >= 3);
    assert_int_equal(recoverable, 0);
}

static void failed_sync__stops_writing_for_good(void **state)
{
    long places = 0;
    long recoverable = 0;
    run_all(FAULT_SYNC_ERROR, &places, &recoverable);
    assert_true(places >= 1);
    assert_int_equal(recoverable, 0);
}

static void *put_one(void *context)
{
    struct store_fixture *fixture = context;
    static atomic_uint next;
    struct cof_error err = {0};
    char id[16];
    (void)snprintf(id, sizeof(id), "d%u", atomic_fetch_add(&next, 1));
    struct sample *sample = sample_create(fixture->store, fixture->collection, id, 1, 20);
    enum cof_status status = put(fixture->store, sample, &err);
    sample_destroy(sample);
    return (void *)(uintptr_t)status;
}

static void write_error__reaches_everyone_who_waits(void **state)
{
    struct store_fixture fixture;
    pthread_t threads[8];
    store_fixture_setup(&fixture);
    arm(FAULT_WRITE_ERROR, 1);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_one, &fixture), 0);
    for (size_t i = 0; i < 8; i++) {
        void *status = NULL;
        (void)pthread_join(threads[i], &status);
        assert_int_equal((uintptr_t)status, COF_UNAVAILABLE);
    }
    arm(FAULT_NONE, 0);
    assert_false(cof_store_is_writable(fixture.store));
    store_fixture_teardown(&fixture);
}

/* The kernel's own refusal, by the limit of a file's size. In a child, because the limit is the
 * process's. Exit code 0 = as expected. */
static int fill_up(long room)
{
    struct store_fixture fixture;
    struct cof_error err = {0};
    struct stat info;
    char path[TEMP_DIR_PATH_SIZE];
    struct rlimit limit;
    (void)signal(SIGXFSZ, SIG_IGN);
    store_fixture_setup(&fixture);
    struct sample *old = sample_create(fixture.store, fixture.collection, "old", 1, 5);
    struct sample *fresh = sample_create(fixture.store, fixture.collection, "fresh", 1, 100);
    (void)sample_put(fixture.store, old);
    temp_dir_join(fixture.folder, "data.mdb", path, sizeof(path));
    if (stat(path, &info) != 0 || getrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 2;
    limit.rlim_cur = (rlim_t)(info.st_size + room);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 3;
    for (int i = 0; i < 3; i++) {
        if (put(fixture.store, fresh, &err) != COF_UNAVAILABLE ||
            strncmp(err.message, "disk full", 9) != 0)
            return 4;
        if (!sample_is_stored(fixture.store, old, true) || !is_absent(&fixture, fresh))
            return 5;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || put(fixture.store, fresh, &err) != COF_OK)
        return 6;
    if (!sample_is_stored(fixture.store, old, true) ||
        !sample_is_stored(fixture.store, fresh, true))
        return 7;
    sample_destroy(old);
    sample_destroy(fresh);
    store_fixture_teardown(&fixture);
    return 0;
}

static void full_disk__of_the_kernel_is_survived(void **state)
{
    const long rooms[] = {0, 1, 4095, 4096, 10000, 20480, 65536};
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        int code = 0;
        pid_t child = fork();
        if (child == 0)
            _exit(fill_up(rooms[i]));
        assert_int_equal(waitpid(child, &code, 0), child);
        assert_true(WIFEXITED(code));
        assert_int_equal(WEXITSTATUS(code), 0);
    }
}

/* Fills the store with documents of this size until one is refused; returns how many there are. */
static size_t fill_map(struct store_fixture *fixture, struct sample **samples, size_t count,
                       size_t max_count, size_t chunk_count)
{
    struct cof_error err = {0};
    for (; count < max_count; count++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "d%zu", count);
        samples[count] = sample_create(fixture->store, fixture->collection, id, 1, chunk_count);
        enum cof_status status = put(fixture->store, samples[count], &err);
        if (status == COF_OK)
            continue;
        assert_int_equal(status, COF_UNAVAILABLE);
        assert_int_equal(strncmp(err.message, "disk full", 9), 0);
        sample_destroy(samples[count]);
        break;
    }
    return count;
}

static void full_map__is_survived_and_space_comes_back_by_deleting(void **state)
{
    enum { MAX_COUNT = 4000 };
    static struct sample *samples[MAX_COUNT];
    const size_t chunk_counts[] = {30, 5, 1, 0};
    struct store_fixture fixture;
    struct cof_error err = {0};
    struct cof_write_outcome outcome;
    size_t count = 0;
    store_fixture_init(&fixture);
    fixture.max_bytes = 2 << 20;
    store_fixture_open(&fixture);
    fixture.collection = fixture_create_collection(fixture.store, "small", COF_VECTOR_F32);
    for (size_t i = 0; i < 4; i++)
        count = fill_map(&fixture, samples, count, MAX_COUNT, chunk_counts[i]);
    assert_true(count > 20 && count < MAX_COUNT);
    assert_true(cof_store_is_writable(fixture.store));
    for (size_t i = 0; i < count; i++)
        assert_true(sample_is_stored(fixture.store, samples[i], false));
    for (size_t i = 0; i < 5; i++)
        expect_ok(cof_store_delete_document(fixture.store, fixture.collection,
                                            samples[i]->write.external_id, NULL, &outcome, &err),
                  err);
    assert_int_equal(put(fixture.store, samples[0], &err), COF_OK);
    assert_true(sample_is_stored(fixture.store, samples[0], true));
    for (size_t i = 0; i < count; i++)
        sample_destroy(samples[i]);
    store_fixture_teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_disk__at_any_data_write_is_survived),
        cmocka_unit_test(full_disk__that_cuts_a_write_is_survived),
        cmocka_unit_test(write_error__stops_writing_for_good),
        cmocka_unit_test(failed_sync__stops_writing_for_good),
        cmocka_unit_test(write_error__reaches_everyone_who_waits),
        cmocka_unit_test(full_disk__of_the_kernel_is_survived),
        cmocka_unit_test(full_map__is_survived_and_space_comes_back_by_deleting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
