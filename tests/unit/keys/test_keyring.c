/* The key tree on disk: made, opened, changed, and refused with one clear sentence. */
#include <cof/keys/keyring.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cof/base/alloc.h>
#include <cof/base/file.h>

#include "hex.h"
#include "temp_dir.h"
#include "testing.h"

static char top[TEMP_DIR_PATH_SIZE];
static char folder[COF_MAX_PATH];
static char other_folder[COF_MAX_PATH];
static char notices[4096];

static void note(void *context, const char *message)
{
    size_t size = strlen(notices);
    (void)snprintf(notices + size, sizeof(notices) - size, "%s\n", message);
}

static int set_up(void **state)
{
    temp_dir_create(top);
    temp_dir_join(top, "keys", folder, sizeof(folder));
    temp_dir_join(top, "other", other_folder, sizeof(other_folder));
    notices[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    temp_dir_remove(top);
    return 0;
}

static struct cof_keyring_options options_for(const char *keys_folder, const char *passphrase)
{
    return (struct cof_keyring_options){
        .folder = keys_folder,
        .passphrase = cof_text_from(passphrase),
        .clock = cof_clock_system(),
        .random = cof_random_system(),
        .notice = note,
    };
}

static struct cof_keyring *create_in(const char *keys_folder)
{
    struct cof_keyring *keyring = NULL;
    const struct cof_keyring_options options = options_for(keys_folder, NULL);
    assert_int_equal(cof_keyring_create(&options, &keyring, NULL), COF_OK);
    return keyring;
}

static struct cof_keyring *open_in(const char *keys_folder)
{
    struct cof_keyring *keyring = NULL;
    struct cof_error err = {0};
    const struct cof_keyring_options options = options_for(keys_folder, NULL);
    enum cof_status status = cof_keyring_open(&options, &keyring, &err);
    if (status != COF_OK)
        print_error("%s\n", err.message);
    assert_int_equal(status, COF_OK);
    return keyring;
}

static void path_of(const char *keys_folder, const char *name, char out_path[COF_MAX_PATH])
{
    assert_int_equal(cof_path_join(out_path, keys_folder, name, NULL), COF_OK);
}

/* Every name, size, mode and byte below the keys folder, as one string of bytes. */
static void picture_of(const char *keys_folder, struct cof_buffer *out)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_text *names = NULL;
    size_t count = 0;
    if (cof_folder_list(keys_folder, &arena, &names, &count, NULL) != COF_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        char path[COF_MAX_PATH];
        struct stat info;
        path_of(keys_folder, names[i].data, path);
        assert_int_equal(lstat(path, &info), 0);
        cof_buffer_append_format(out, "%s %o %ld.%ld:", names[i].data, (unsigned)info.st_mode,
                                 (long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
        if (S_ISREG(info.st_mode))
            assert_int_equal(cof_file_read(path, 1 << 24, out, NULL), COF_OK);
    }
    assert_int_equal(cof_buffer_status(out, NULL), COF_OK);
}

/* Opening fails as told, says the words, and touches nothing. */
static void assert_refused(const struct cof_keyring_options *options, enum cof_status expected,
                           const char *words)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer before = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer after = {0};
    struct cof_keyring *keyring = NULL;
    struct cof_error err = {0};
    picture_of(options->folder, &before);
    assert_int_equal(cof_keyring_open(options, &keyring, &err), expected);
    assert_null(keyring);
    if (strstr(err.message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, words);
    picture_of(options->folder, &after);
    assert_true(cof_bytes_equal(cof_buffer_bytes(&before), cof_buffer_bytes(&after)));
}

static void assert_same_keys(struct cof_keyring *a, struct cof_keyring *b)
{
    uint8_t uuid_a[16];
    uint8_t uuid_b[16];
    cof_keyring_store_uuid(a, uuid_a);
    cof_keyring_store_uuid(b, uuid_b);
    assert_memory_equal(uuid_a, uuid_b, 16);
    for (int purpose = COF_KEY_STORE_META; purpose <= COF_KEY_OUTBOX; purpose++) {
        struct cof_key key_a;
        struct cof_key key_b;
        cof_keyring_system_key(a, (enum cof_system_key)purpose, &key_a);
        cof_keyring_system_key(b, (enum cof_system_key)purpose, &key_b);
        assert_int_equal(key_a.id, key_b.id);
        assert_memory_equal(key_a.bytes, key_b.bytes, COF_KEY_SIZE);
    }
}

static void copy_file(const char *from, const char *to)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    assert_int_equal(cof_file_read(from, 1 << 24, &content, NULL), COF_OK);
    assert_int_equal(cof_file_write_atomic(to, cof_buffer_bytes(&content), 0600, NULL), COF_OK);
}

static void create__makes_a_private_folder_that_opens_again(void **state)
{
    char path[COF_MAX_PATH];
    struct stat info;
    struct cof_keyring *made = create_in(folder);
    assert_int_equal(stat(folder, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    path_of(folder, "root.key", path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0400);
    assert_int_equal(info.st_size, 32);
    path_of(folder, "keyring", path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(cof_keyring_epoch(made), 1);

    struct cof_keyring *opened = open_in(folder);
    assert_same_keys(made, opened);
    cof_keyring_close(opened);
    cof_keyring_close(made);
}

static void create__gives_every_purpose_its_own_key(void **state)
{
    struct cof_keyring *keyring = create_in(folder);
    struct cof_key keys[COF_KEY_OUTBOX + 1];
    for (int i = COF_KEY_STORE_META; i <= COF_KEY_OUTBOX; i++) {
        cof_keyring_system_key(keyring, (enum cof_system_key)i, &keys[i]);
        for (int j = COF_KEY_STORE_META; j < i; j++)
            assert_memory_not_equal(keys[i].bytes, keys[j].bytes, COF_KEY_SIZE);
    }
    cof_keyring_close(keyring);
}

static void create__never_overwrites_keys(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer before = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer after = {0};
    struct cof_keyring *keyring = NULL;
    struct cof_error err;
    const struct cof_keyring_options options = options_for(folder, NULL);
    const struct cof_keyring_options with_passphrase = options_for(folder, "a passphrase");
    cof_keyring_close(create_in(folder));
    picture_of(folder, &before);
    assert_int_equal(cof_keyring_create(&options, &keyring, &err), COF_CONFLICT);
    assert_int_equal(cof_keyring_create(&with_passphrase, &keyring, &err), COF_CONFLICT);
    assert_null(keyring);
    picture_of(folder, &after);
    assert_true(cof_bytes_equal(cof_buffer_bytes(&before), cof_buffer_bytes(&after)));
}

static void create__uses_a_root_key_that_lies_there(void **state)
{
    char path[COF_MAX_PATH];
    uint8_t key[32] = {4, 4, 4};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer content = {0};
    assert_int_equal(cof_folder_create(folder, 0700, NULL), COF_OK);
    path_of(folder, "root.key", path);
    const struct cof_bytes bytes = {.data = key, .size = sizeof(key)};
    assert_int_equal(cof_file_write_atomic(path, bytes, 0600, NULL), COF_OK);
    cof_keyring_close(create_in(folder));
    assert_int_equal(cof_file_read(path, 100, &content, NULL), COF_OK);
    assert_memory_equal(content.data, key, sizeof(key));
    cof_keyring_close(open_in(folder));
}

static void open__says_what_is_missing(void **state)
{
    char path[COF_MAX_PATH];
    const struct cof_keyring_options options = options_for(folder, NULL);
    assert_refused(&options, COF_NOT_FOUND, "there is no keys folder");
    assert_int_equal(cof_folder_create(folder, 0700, NULL), COF_OK);
    assert_refused(&options, COF_NOT_FOUND, "there is no keyring");
    cof_keyring_close(create_in(folder));
    path_of(folder, "root.key", path);
    assert_int_equal(unlink(path), 0);
    assert_refused(&options, COF_NOT_FOUND, "root.key' is missing: put back the copy");
}

static void open__refuses_a_key_file_of_the_wrong_size(void **state)
{
    char path[COF_MAX_PATH];
    const struct cof_keyring_options options = options_for(folder, NULL);
    cof_keyring_close(create_in(folder));
    path_of(folder, "root.key", path);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 31), 0);
    assert_refused(&options, COF_CORRUPT, "has 31 bytes instead of 32");
}

static void open__refuses_files_that_others_may_read(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0440, 0420, 0660, 0644, 0777};
    static const char *const names[] = {"root.key", "keyring"};
    const struct cof_keyring_options options = options_for(folder, NULL);
    cof_keyring_close(create_in(folder));
    for (size_t i = 0; i < 2; i++) {
        char path[COF_MAX_PATH];
        path_of(folder, names[i], path);
        for (size_t j = 0; j < sizeof(modes) / sizeof(modes[0]); j++) {
            assert_int_equal(chmod(path, modes[j]), 0);
            assert_refused(&options, COF_DENIED, "chmod it to 600");
        }
        assert_int_equal(chmod(path, 0600), 0);
    }
    cof_keyring_close(open_in(folder));
    assert_int_equal(chmod(folder, 0770), 0);
    assert_refused(&options, COF_DENIED, "chmod it to 700");
}

static void open__refuses_files_of_another_owner(void **state)
{
    char path[COF_MAX_PATH];
    const struct cof_keyring_options options = options_for(folder, NULL);
    if (geteuid() != 0) /* only root can give files away */
        skip();
    cof_keyring_close(create_in(folder));
    path_of(folder, "root.key", path);
    assert_int_equal(chown(path, 12345, 12345), 0);
    assert_refused(&options, COF_DENIED, "belongs to user 12345");
    assert_int_equal(chown(path, 0, 0), 0);
    assert_int_equal(chown(folder, 12345, 12345), 0);
    assert_refused(&options, COF_DENIED, "belongs to user 12345");
}

static void open__refuses_the_key_of_another_store(void **state)
{
    char here[COF_MAX_PATH];
    char there[COF_MAX_PATH];
    const struct cof_keyring_options options = options_for(folder, NULL);
    cof_keyring_close(create_in(folder));
    cof_keyring_close(create_in(other_folder));
    path_of(folder, "root.key", here);
    path_of(other_folder, "root.key", there);
    copy_file(there, here);
    assert_refused(&options, COF_DENIED, "root.key does not open the keyring");
    /* and the other way round: the right key, another store's keyring */
    path_of(folder, "keyring", here);
    path_of(other_folder, "keyring", there);
    copy_file(here, there);
    const struct cof_keyring_options other = options_for(other_folder, NULL);
    assert_refused(&other, COF_DENIED, "root.key does not open the keyring");
}

static void open__refuses_a_newer_format(void **state)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    const struct cof_keyring_options options = options_for(folder, NULL);
    cof_keyring_close(create_in(folder));
    path_of(folder, "keyring", path);
    assert_int_equal(cof_file_read(path, 1 << 20, &file, NULL), COF_OK);
    file.data[9] = 2;
    assert_int_equal(cof_file_write_atomic(path, cof_buffer_bytes(&file), 0600, NULL), COF_OK);
    assert_refused(&options, COF_CONFLICT, "has format version 2, this program knows up to 1");
}

static void open__refuses_every_flipped_bit_and_every_truncation(void **state)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    const struct cof_keyring_options options = options_for(folder, NULL);
    cof_keyring_close(create_in(folder));
    path_of(folder, "keyring", path);
    assert_int_equal(cof_file_read(path, 1 << 20, &file, NULL), COF_OK);
    for (size_t i = 0; i < file.size; i++) {
        struct cof_keyring *keyring = NULL;
        file.data[i] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(cof_file_write_atomic(path, cof_buffer_bytes(&file), 0600, NULL), COF_OK);
        assert_int_not_equal(cof_keyring_open(&options, &keyring, NULL), COF_OK);
        file.data[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t size = 0; size < file.size; size += 7) {
        const struct cof_bytes cut = {.data = file.data, .size = size};
        assert_int_equal(cof_file_write_atomic(path, cut, 0600, NULL), COF_OK);
        assert_refused(&options, COF_CORRUPT, "restore it from a backup");
    }
}

static void passphrase__opens_what_it_made_and_nothing_else_does(void **state)
{
    char path[COF_MAX_PATH];
    struct cof_keyring *made = NULL;
    struct cof_keyring *opened = NULL;
    const struct cof_keyring_options right = options_for(folder, "correct horse battery staple");
    const struct cof_keyring_options wrong = options_for(folder, "correct horse battery stable");
    const struct cof_keyring_options none = options_for(folder, NULL);
    assert_int_equal(cof_keyring_create(&right, &made, NULL), COF_OK);
    path_of(folder, "root.key", path);
    assert_false(cof_path_exists(path));
    assert_int_equal(cof_keyring_open(&right, &opened, NULL), COF_OK);
    assert_same_keys(made, opened);
    cof_keyring_close(opened);
    assert_refused(&wrong, COF_DENIED, "the passphrase does not open the keyring");
    assert_refused(&none, COF_INVALID, "passphrase_file");
    cof_keyring_close(made);

    const struct cof_keyring_options unasked = options_for(other_folder, "any");
    cof_keyring_close(create_in(other_folder));
    assert_refused(&unasked, COF_INVALID, "opens with its root.key");
}

/* RFC 7914's parameters of the file are what scrypt was asked for: N 2^17, r 8, p 1. */
static void passphrase__records_its_parameters(void **state)
{
    char path[COF_MAX_PATH];
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer file = {0};
    struct cof_keyring *keyring = NULL;
    struct cof_error err;
    const struct cof_keyring_options options = options_for(folder, "passphrase");
    assert_int_equal(cof_keyring_create(&options, &keyring, NULL), COF_OK);
    cof_keyring_close(keyring);
    path_of(folder, "keyring", path);
    assert_int_equal(cof_file_read(path, 1 << 20, &file, NULL), COF_OK);
    const uint8_t expected[] = {2, 17, 0, 8, 0, 1, 0, 0};
    assert_memory_equal(file.data + 16 + 24, expected, sizeof(expected));
    /* a forged file cannot make us ask for all memory */
    file.data[16 + 25] = 40;
    assert_int_equal(cof_file_write_atomic(path, cof_buffer_bytes(&file), 0600, NULL), COF_OK);
    assert_int_equal(cof_keyring_open(&options, &keyring, &err), COF_CORRUPT);
}

static void folders__keys_inside_the_data_folder_are_refused(void **state)
{
    struct cof_keyring *keyring = NULL;
    struct cof_error err;
    char data[COF_MAX_PATH];
    char inside[COF_MAX_PATH];
    char link_path[COF_MAX_PATH];
    temp_dir_join(top, "data", data, sizeof(data));
    temp_dir_join(top, "data/keys", inside, sizeof(inside));
    temp_dir_join(top, "link", link_path, sizeof(link_path));
    struct cof_keyring_options options = options_for(inside, NULL);
    options.data_folder = data;
    assert_int_equal(cof_keyring_create(&options, &keyring, &err), COF_INVALID);
    assert_false(cof_path_exists(data));
    /* through a link the names do not tell */
    assert_int_equal(cof_folder_create(inside, 0700, NULL), COF_OK);
    assert_int_equal(symlink(inside, link_path), 0);
    options.folder = link_path;
    assert_int_equal(cof_keyring_create(&options, &keyring, &err), COF_INVALID);
    /* a name that only begins alike is another folder */
    temp_dir_join(top, "data.keys", inside, sizeof(inside));
    options.folder = inside;
    assert_int_equal(cof_keyring_create(&options, &keyring, &err), COF_OK);
    cof_keyring_close(keyring);
    assert_non_null(strstr(notices, "same device"));
}

static void folders__relative_names_of_one_letter_are_not_taken_for_the_root(void **state)
{
    static const char *const data_folders[] = {"b", "x/", "./y"};
    static const char *const keys_folders[] = {"b.keys", "x.keys", "y.keys"};
    char before[COF_MAX_PATH];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(top), 0);
    for (size_t i = 0; i < 3; i++) {
        struct cof_keyring *keyring = NULL;
        struct cof_error err = {0};
        struct cof_keyring_options options = options_for(keys_folders[i], NULL);
        options.data_folder = data_folders[i];
        assert_int_equal(cof_folder_create(data_folders[i], 0700, NULL), COF_OK);
        assert_int_equal(cof_keyring_create(&options, &keyring, &err), COF_OK);
        cof_keyring_close(keyring);
    }
    assert_int_equal(chdir(before), 0);
}

static void folders__a_refusal_leaves_no_folder_behind(void **state)
{
    static const char *const data_folders[] = {"b", "./b/", "/"};
    static const char *const keys_folders[] = {"./b/keys", "b/keys", "keys"};
    char before[COF_MAX_PATH];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(top), 0);
    assert_int_equal(cof_folder_create("b", 0700, NULL), COF_OK);
    for (size_t i = 0; i < 3; i++) {
        struct cof_keyring *keyring = NULL;
        struct cof_error err = {0};
        struct cof_keyring_options options = options_for(keys_folders[i], NULL);
        options.data_folder = data_folders[i];
        assert_int_equal(cof_keyring_create(&options, &keyring, &err), COF_INVALID);
        assert_non_null(strstr(err.message, "inside the data folder"));
        assert_false(cof_path_exists(keys_folders[i]));
    }
    assert_int_equal(chdir(before), 0);
}

static void collection_keys__survive_reopening_and_differ(void **state)
{
    struct cof_keyring *keyring = create_in(folder);
    struct cof_key keys[2][COF_KEY_COLLECTION_UPLOAD + 1];
    struct cof_key key;
    assert_int_equal(cof_keyring_collection_key(keyring, 1, COF_KEY_COLLECTION_META, &key, NULL),
                     COF_NOT_FOUND);
    assert_int_equal(cof_keyring_add_collection(keyring, 0, NULL), COF_INVALID);
    assert_int_equal(cof_keyring_add_collection(keyring, 9, NULL), COF_OK);
    assert_int_equal(cof_keyring_add_collection(keyring, 1, NULL), COF_OK);
    assert_int_equal(cof_keyring_add_collection(keyring, 5, NULL), COF_OK);
    for (int i = COF_KEY_COLLECTION_META; i <= COF_KEY_COLLECTION_UPLOAD; i++) {
        enum cof_collection_key purpose = (enum cof_collection_key)i;
        assert_int_equal(cof_keyring_collection_key(keyring, 1, purpose, &keys[0][i], NULL),
                         COF_OK);
        assert_int_equal(cof_keyring_collection_key(keyring, 5, purpose, &keys[1][i], NULL),
                         COF_OK);
        assert_memory_not_equal(keys[0][i].bytes, keys[1][i].bytes, COF_KEY_SIZE);
        if (i > COF_KEY_COLLECTION_META)
            assert_memory_not_equal(keys[0][i].bytes, keys[0][i - 1].bytes, COF_KEY_SIZE);
    }
    assert_int_equal(cof_keyring_add_collection(keyring, 1, NULL), COF_OK);
    assert_int_equal(cof_keyring_collection_key(keyring, 1, COF_KEY_COLLECTION_META, &key, NULL),
                     COF_OK);
    assert_memory_equal(key.bytes, keys[0][COF_KEY_COLLECTION_META].bytes, COF_KEY_SIZE);
    assert_int_equal(cof_keyring_epoch(keyring), 1);
    cof_keyring_close(keyring);

    keyring = open_in(folder);
    for (int i = COF_KEY_COLLECTION_META; i <= COF_KEY_COLLECTION_UPLOAD; i++) {
        assert_int_equal(
            cof_keyring_collection_key(keyring, 5, (enum cof_collection_key)i, &key, NULL), COF_OK);
        assert_memory_equal(key.bytes, keys[1][i].bytes, COF_KEY_SIZE);
    }
    assert_int_equal(cof_keyring_collection_key(keyring, 9, COF_KEY_COLLECTION_META, &key, NULL),
                     COF_OK);
    cof_keyring_close(keyring);
}

static void document_keys__open_after_reopening(void **state)
{
    enum { COUNT = 600 };
    static uint8_t wrapped[COUNT][COF_WRAPPED_KEY_SIZE];
    static struct cof_key keys[COUNT];
    const uint64_t numbers[] = {1, 2};
    struct cof_keyring *keyring = create_in(folder);
    struct cof_key key;
    assert_int_equal(cof_keyring_ensure_buckets(keyring, 3, numbers, 2, NULL), COF_NOT_FOUND);
    assert_int_equal(cof_keyring_add_collection(keyring, 3, NULL), COF_OK);
    assert_int_equal(cof_keyring_make_document_key(keyring, 3, 1, &keys[0], wrapped[0], NULL),
                     COF_CONFLICT);
    assert_int_equal(cof_keyring_ensure_buckets(keyring, 3, numbers, 2, NULL), COF_OK);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal(cof_keyring_make_document_key(keyring, 3, i, &keys[i], wrapped[i], NULL),
                         COF_OK);
    cof_keyring_close(keyring);

    keyring = open_in(folder);
    assert_int_equal(cof_keyring_ensure_buckets(keyring, 3, numbers, 2, NULL), COF_OK);
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_int_equal(cof_keyring_unwrap_document_key(keyring, 3, i, wrapped[i], &key, NULL),
                         COF_OK);
        assert_int_equal(key.id, keys[i].id);
        assert_memory_equal(key.bytes, keys[i].bytes, COF_KEY_SIZE);
        if (i > 0)
            assert_memory_not_equal(keys[i].bytes, keys[i - 1].bytes, COF_KEY_SIZE);
    }
    cof_keyring_close(keyring);
}

static void document_keys__refuse_another_place_and_every_flipped_bit(void **state)
{
    uint8_t wrapped[COF_WRAPPED_KEY_SIZE];
    const uint64_t number = 7;
    struct cof_key key;
    struct cof_keyring *keyring = create_in(folder);
    for (uint64_t collection = 1; collection <= 2; collection++) {
        assert_int_equal(cof_keyring_add_collection(keyring, collection, NULL), COF_OK);
        assert_int_equal(cof_keyring_ensure_buckets(keyring, collection, &number, 1, NULL), COF_OK);
    }
    assert_int_equal(cof_keyring_make_document_key(keyring, 1, 7, &key, wrapped, NULL), COF_OK);
    /* same bucket, another document; another bucket; another collection */
    assert_int_equal(cof_keyring_unwrap_document_key(keyring, 1, 7 + 256, wrapped, &key, NULL),
                     COF_CORRUPT);
    assert_int_equal(cof_keyring_unwrap_document_key(keyring, 1, 8, wrapped, &key, NULL),
                     COF_CORRUPT);
    assert_int_equal(cof_keyring_unwrap_document_key(keyring, 2, 7, wrapped, &key, NULL),
                     COF_CORRUPT);
    for (size_t i = 0; i < sizeof(wrapped) * 8; i++) {
        wrapped[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(cof_keyring_unwrap_document_key(keyring, 1, 7, wrapped, &key, NULL),
                         COF_CORRUPT);
        wrapped[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_int_equal(cof_keyring_unwrap_document_key(keyring, 1, 7, wrapped, &key, NULL), COF_OK);
    cof_keyring_close(keyring);
}

static void destroy_collection__ends_its_keys_and_no_others(void **state)
{
    uint8_t wrapped[3][COF_WRAPPED_KEY_SIZE];
    const uint64_t number = 1;
    struct cof_key key;
    struct cof_keyring *keyring = create_in(folder);
    for (uint64_t collection = 1; collection <= 2; collection++) {
        assert_int_equal(cof_keyring_add_collection(keyring, collection, NULL), COF_OK);
        assert_int_equal(cof_keyring_ensure_buckets(keyring, collection, &number, 1, NULL), COF_OK);
        assert_int_equal(
            cof_keyring_make_document_key(keyring, collection, 1, &key, wrapped[collection], NULL),
            COF_OK);
    }
    assert_int_equal(cof_keyring_destroy_collection(keyring, 1, NULL), COF_OK);
    assert_int_equal(cof_keyring_destroy_collection(keyring, 1, NULL), COF_NOT_FOUND);
    assert_int_equal(cof_keyring_epoch(keyring), 2);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(
            cof_keyring_collection_key(keyring, 1, COF_KEY_COLLECTION_META, &key, NULL),
            COF_NOT_FOUND);
        assert_int_equal(cof_keyring_unwrap_document_key(keyring, 1, 1, wrapped[1], &key, NULL),
                         COF_NOT_FOUND);
        assert_int_equal(cof_keyring_unwrap_document_key(keyring, 2, 1, wrapped[2], &key, NULL),
                         COF_OK);
        cof_keyring_close(keyring);
        keyring = open_in(folder);
        assert_int_equal(cof_keyring_epoch(keyring), 2);
    }
    /* a collection of the same number made anew has other keys */
    assert_int_equal(cof_keyring_add_collection(keyring, 1, NULL), COF_OK);
    assert_int_equal(cof_keyring_ensure_buckets(keyring, 1, &number, 1, NULL), COF_OK);
    assert_int_equal(cof_keyring_unwrap_document_key(keyring, 1, 1, wrapped[1], &key, NULL),
                     COF_CORRUPT);
    cof_keyring_close(keyring);
}

static void destroy_collection__overwrites_the_replaced_file(void **state)
{
    char path[COF_MAX_PATH];
    uint8_t content[100];
    const uint8_t zeros[100] = {0};
    struct cof_keyring *keyring = create_in(folder);
    assert_int_equal(cof_keyring_add_collection(keyring, 1, NULL), COF_OK);
    path_of(folder, "keyring", path);
    FILE *old = fopen(path, "rb");
    assert_non_null(old);
    assert_int_equal(cof_keyring_destroy_collection(keyring, 1, NULL), COF_OK);
    assert_int_equal(fread(content, 1, sizeof(content), old), sizeof(content));
    assert_memory_equal(content, zeros, sizeof(zeros));
    (void)fclose(old);
    cof_keyring_close(keyring);
}

static void changes__of_two_processes_do_not_overwrite_each_other(void **state)
{
    struct cof_key key;
    struct cof_error err;
    struct cof_keyring *one = create_in(folder);
    struct cof_keyring *two = open_in(folder);
    assert_int_equal(cof_keyring_add_collection(one, 1, NULL), COF_OK);
    assert_int_equal(cof_keyring_add_collection(two, 2, &err), COF_CONFLICT);
    assert_non_null(strstr(err.message, "changed by another process"));
    assert_int_equal(cof_keyring_collection_key(two, 2, COF_KEY_COLLECTION_META, &key, NULL),
                     COF_NOT_FOUND);
    cof_keyring_close(one);
    cof_keyring_close(two);
    one = open_in(folder);
    assert_int_equal(cof_keyring_collection_key(one, 1, COF_KEY_COLLECTION_META, &key, NULL),
                     COF_OK);
    cof_keyring_close(one);
}

static void changes__leave_the_old_keyring_when_the_disk_is_full(void **state)
{
    struct rlimit old_limit;
    struct cof_error err;
    struct cof_key key;
    const uint64_t number = 1;
    struct cof_keyring *keyring = create_in(folder);
    assert_int_equal(cof_keyring_add_collection(keyring, 1, NULL), COF_OK);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
    const struct rlimit limit = {.rlim_cur = 2000, .rlim_max = old_limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(cof_keyring_ensure_buckets(keyring, 1, &number, 1, &err), COF_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
    assert_int_equal(cof_keyring_collection_key(keyring, 1, COF_KEY_COLLECTION_META, &key, NULL),
                     COF_OK);
    /* with room again it goes on, in this object and in a new one */
    assert_int_equal(cof_keyring_ensure_buckets(keyring, 1, &number, 1, NULL), COF_OK);
    cof_keyring_close(keyring);
    cof_keyring_close(open_in(folder));
}

static void changes__survive_every_failing_allocation(void **state)
{
    const uint64_t number = 1;
    struct cof_keyring *keyring = create_in(folder);
    for (long n = 1;; n++) {
        cof_alloc_fail_after(n);
        enum cof_status status = cof_keyring_add_collection(keyring, 1, NULL);
        if (status == COF_OK)
            status = cof_keyring_ensure_buckets(keyring, 1, &number, 1, NULL);
        if (status == COF_OK)
            status = cof_keyring_destroy_collection(keyring, 1, NULL);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        cof_keyring_close(open_in(folder));
        if (is_pending) {
            assert_int_equal(status, COF_OK);
            break;
        }
        assert_true(status == COF_NO_MEMORY || status == COF_OK);
    }
    cof_keyring_close(keyring);
}

static void open__survives_every_failing_allocation(void **state)
{
    const struct cof_keyring_options options = options_for(folder, NULL);
    struct cof_keyring *keyring = create_in(folder);
    assert_int_equal(cof_keyring_add_collection(keyring, 1, NULL), COF_OK);
    cof_keyring_close(keyring);
    for (long n = 1;; n++) {
        keyring = NULL;
        cof_alloc_fail_after(n);
        enum cof_status status = cof_keyring_open(&options, &keyring, NULL);
        bool is_pending = cof_alloc_fail_is_pending();
        cof_alloc_fail_after(-1);
        if (is_pending)
            break;
        assert_int_equal(status, COF_NO_MEMORY);
        assert_null(keyring);
    }
    assert_non_null(keyring);
    cof_keyring_close(keyring);
}

static void memory__that_cannot_be_locked_is_a_notice(void **state)
{
    struct rlimit old_limit;
    assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &old_limit), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) { /* root may lock without limit, so the child becomes somebody else */
        const struct rlimit none = {0};
        struct cof_keyring *keyring = NULL;
        struct cof_keyring_options options = options_for(folder, NULL);
        if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || chmod(top, 0777) != 0 ||
            (geteuid() == 0 && setuid(12345) != 0))
            _exit(3);
        if (mlock(top, sizeof(top)) == 0) /* the sanitizers' mlock does nothing and says yes */
            _exit(77);
        if (cof_keyring_create(&options, &keyring, NULL) != COF_OK)
            _exit(4);
        cof_keyring_close(keyring);
        const char *first = strstr(notices, "could not be locked");
        _exit(first != NULL && strstr(first + 1, "could not be locked") == NULL ? 0 : 5);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    if (WEXITSTATUS(result) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(result), 0);
}

struct thread_work {
    struct cof_keyring *keyring;
    uint64_t collection;
    size_t failures;
};

static void *use_keyring(void *context)
{
    struct thread_work *work = context;
    const uint64_t number = 1;
    if (cof_keyring_add_collection(work->keyring, work->collection, NULL) != COF_OK ||
        cof_keyring_ensure_buckets(work->keyring, work->collection, &number, 1, NULL) != COF_OK)
        work->failures++;
    for (uint64_t i = 0; i < 50; i++) {
        uint8_t wrapped[COF_WRAPPED_KEY_SIZE];
        struct cof_key made;
        struct cof_key opened;
        if (cof_keyring_make_document_key(work->keyring, work->collection, i, &made, wrapped,
                                          NULL) != COF_OK ||
            cof_keyring_unwrap_document_key(work->keyring, work->collection, i, wrapped, &opened,
                                            NULL) != COF_OK ||
            memcmp(made.bytes, opened.bytes, COF_KEY_SIZE) != 0)
            work->failures++;
    }
    if (work->collection % 2 == 0 &&
        cof_keyring_destroy_collection(work->keyring, work->collection, NULL) != COF_OK)
        work->failures++;
    return NULL;
}

static void keyring__serves_many_threads_at_once(void **state)
{
    enum { COUNT = 8 };
    pthread_t threads[COUNT];
    struct thread_work work[COUNT];
    struct cof_keyring *keyring = create_in(folder);
    struct cof_key key;
    for (size_t i = 0; i < COUNT; i++) {
        work[i] = (struct thread_work){.keyring = keyring, .collection = i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, use_keyring, &work[i]), 0);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(work[i].failures, 0);
    }
    assert_int_equal(cof_keyring_epoch(keyring), 1 + COUNT / 2);
    cof_keyring_close(keyring);
    keyring = open_in(folder);
    for (uint64_t i = 1; i <= COUNT; i++)
        assert_int_equal(
            cof_keyring_collection_key(keyring, i, COF_KEY_COLLECTION_META, &key, NULL),
            i % 2 == 0 ? COF_NOT_FOUND : COF_OK);
    cof_keyring_close(keyring);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(create__makes_a_private_folder_that_opens_again),
        CASE(create__gives_every_purpose_its_own_key),
        CASE(create__never_overwrites_keys),
        CASE(create__uses_a_root_key_that_lies_there),
        CASE(open__says_what_is_missing),
        CASE(open__refuses_a_key_file_of_the_wrong_size),
        CASE(open__refuses_files_that_others_may_read),
        CASE(open__refuses_files_of_another_owner),
        CASE(open__refuses_the_key_of_another_store),
        CASE(open__refuses_a_newer_format),
        CASE(open__refuses_every_flipped_bit_and_every_truncation),
        CASE(passphrase__opens_what_it_made_and_nothing_else_does),
        CASE(passphrase__records_its_parameters),
        CASE(folders__keys_inside_the_data_folder_are_refused),
        CASE(folders__relative_names_of_one_letter_are_not_taken_for_the_root),
        CASE(folders__a_refusal_leaves_no_folder_behind),
        CASE(collection_keys__survive_reopening_and_differ),
        CASE(document_keys__open_after_reopening),
        CASE(document_keys__refuse_another_place_and_every_flipped_bit),
        CASE(destroy_collection__ends_its_keys_and_no_others),
        CASE(destroy_collection__overwrites_the_replaced_file),
        CASE(changes__of_two_processes_do_not_overwrite_each_other),
        CASE(changes__leave_the_old_keyring_when_the_disk_is_full),
        CASE(changes__survive_every_failing_allocation),
        CASE(open__survives_every_failing_allocation),
        CASE(memory__that_cannot_be_locked_is_a_notice),
        CASE(keyring__serves_many_threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
