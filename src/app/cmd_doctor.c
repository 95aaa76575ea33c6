/* coffer doctor: is this machine and this data folder fit to serve? */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cof/audit/verify.h>
#include <cof/base/file.h>
#include <cof/keys/hash.h>

#include "backends.h"
#include "cli.h"
#include "version.h"

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct doctor {
    struct cof_cli cli;
    bool has_settings;
    struct cof_buffer out; /* --json */
    struct cof_json_writer writer;
    size_t failures;
};

static void say(struct doctor *doctor, enum verdict verdict, const char *what, const char *finding)
{
    static const char *const names[] = {"ok", "warn", "FAIL"};
    doctor->failures += verdict == VERDICT_FAIL ? 1 : 0;
    if (!doctor->cli.is_json) {
        cof_out("%-5s %-16s %s\n", names[verdict], what, finding);
        return;
    }
    cof_json_begin_object(&doctor->writer);
    cof_json_member_string(&doctor->writer, "check", what);
    cof_json_member_string(&doctor->writer, "verdict",
                           verdict == VERDICT_FAIL ? "fail" : names[verdict]);
    cof_json_member_string(&doctor->writer, "finding", finding);
    cof_json_end_object(&doctor->writer);
}

static void say_status(struct doctor *doctor, const char *what, enum cof_status status,
                       const struct cof_error *error, const char *fine)
{
    say(doctor, status == COF_OK ? VERDICT_OK : VERDICT_FAIL, what,
        status == COF_OK ? fine : error->message);
}

static void check_machine(struct doctor *doctor)
{
    char finding[160];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGE_SIZE);
    snprintf(finding, sizeof(finding), "%ld cores, %.1f GiB of memory%s", cores,
             (double)pages * (double)page_size / 1073741824.0,
             __builtin_cpu_supports("avx512f") ? ", AVX-512"
             : __builtin_cpu_supports("avx2")  ? ", AVX2"
                                               : "");
    say(doctor, __builtin_cpu_supports("avx2") ? VERDICT_OK : VERDICT_WARN, "processor", finding);
}

/* Time of one small synchronous write: the floor under every recorded request. */
static void check_sync(struct doctor *doctor, const char *folder)
{
    char path[COF_MAX_PATH];
    struct cof_error error = {0};
    if (cof_path_join(path, folder, ".doctor", &error) != COF_OK) {
        say(doctor, VERDICT_FAIL, "disk", error.message);
        return;
    }
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) {
        say(doctor, VERDICT_FAIL, "disk", "the data folder cannot be written");
        return;
    }
    uint8_t block[4096] = {0};
    int64_t best = INT64_MAX;
    enum cof_status status = COF_OK;
    for (uint64_t i = 0; i < 8 && status == COF_OK; i++) {
        int64_t begin = cof_clock_steady_ns(cof_clock_system());
        status = cof_fd_write_at(fd, i * sizeof(block), (struct cof_bytes){block, sizeof(block)},
                                 &error);
        if (status == COF_OK) {
            status = cof_fd_sync(fd, &error);
        }
        int64_t taken = cof_clock_steady_ns(cof_clock_system()) - begin;
        best = taken < best ? taken : best;
    }
    cof_fd_close(&fd);
    (void)unlink(path);
    struct statvfs disk;
    char finding[200];
    double free_gib = statvfs(folder, &disk) == 0
                          ? (double)disk.f_bavail * (double)disk.f_frsize / 1073741824.0
                          : 0;
    snprintf(finding, sizeof(finding), "a durable write takes %.2f ms; %.1f GiB free",
             (double)best / 1e6, free_gib);
    say(doctor,
        status != COF_OK                    ? VERDICT_FAIL
        : best > 20000000 || free_gib < 1.0 ? VERDICT_WARN
                                            : VERDICT_OK,
        "disk", status != COF_OK ? error.message : finding);
}

static void check_embedder(struct doctor *doctor)
{
    struct cof_embedder *embedder = NULL;
    struct cof_error error = {0};
    char finding[400];
    enum cof_status status =
        cof_backend_open_embedder(&doctor->cli.config, NULL, NULL, NULL, &embedder, &error);
    if (status == COF_OK) {
        const char *reason = embedder->info.precision_reason;
        snprintf(finding, sizeof(finding), "%s (%s %s), %zu dimensions, %zu tokens%s%s%s%s",
                 embedder->info.name, embedder->info.backend, embedder->info.precision,
                 embedder->info.dimension, embedder->info.max_tokens, reason != NULL ? "; " : "",
                 reason != NULL ? embedder->info.precision : "", reason != NULL ? ": " : "",
                 reason != NULL ? reason : "");
    }
    say_status(doctor, "embedder", status, &error, finding);
    cof_embedder_close(embedder);
}

static void check_generator(struct doctor *doctor)
{
    struct cof_generator *generator = NULL;
    struct cof_error error = {0};
    char finding[200] = "none, by configuration";
    enum cof_status status =
        cof_backend_open_generator(&doctor->cli.config, NULL, NULL, &generator, &error);
    if (status == COF_OK && generator != NULL) {
        snprintf(finding, sizeof(finding), "%s (%s), context of %zu tokens", generator->info.name,
                 generator->info.backend, generator->info.context_tokens);
    }
    say_status(doctor, "generator", status, &error, finding);
    cof_generator_close(generator);
}

static void check_audit(struct doctor *doctor, const char *data)
{
    char folder[COF_MAX_PATH];
    struct cof_error error = {0};
    struct cof_audit_report report;
    enum cof_status status = cof_path_join(folder, data, "audit", &error);
    if (status == COF_OK) {
        status = cof_audit_verify(folder, NULL, &report, &error);
    }
    if (status != COF_OK) {
        say(doctor, VERDICT_FAIL, "audit log", error.message);
        return;
    }
    say(doctor,
        report.verdict == COF_AUDIT_SOUND       ? VERDICT_OK
        : report.verdict == COF_AUDIT_TORN_TAIL ? VERDICT_WARN
                                                : VERDICT_FAIL,
        "audit log", report.message);
}

static void check_keys(struct doctor *doctor)
{
    char keys[COF_MAX_PATH];
    struct cof_error error = {0};
    COF_CLEANUP(cof_buffer_wipe) struct cof_buffer passphrase = {0};
    struct cof_keyring *keyring = NULL;
    struct cof_app_options app = {.data_folder = doctor->cli.data, .keys_folder = doctor->cli.keys};
    enum cof_status status = cof_app_keys_folder(&app, keys, &error);
    if (status == COF_OK) {
        status = cof_app_read_passphrase(&doctor->cli.config, &passphrase, &error);
    }
    if (status == COF_OK) {
        struct cof_keyring_options options = {.folder = keys,
                                              .passphrase = cof_buffer_text(&passphrase),
                                              .clock = cof_clock_system(),
                                              .random = cof_random_system()};
        status = cof_keyring_open(&options, &keyring, &error);
    }
    cof_keyring_close(keyring);
    struct stat data_stat;
    struct stat keys_stat;
    bool is_same = status == COF_OK && stat(doctor->cli.data, &data_stat) == 0 &&
                   stat(keys, &keys_stat) == 0 && data_stat.st_dev == keys_stat.st_dev;
    if (is_same) {
        say(doctor, VERDICT_WARN, "keys",
            "open, but on the same device as the data: whoever takes the disk has both");
        return;
    }
    say_status(doctor, "keys", status, &error, "open");
}

static void check_data(struct doctor *doctor)
{
    const char *data = doctor->cli.data;
    if (data == NULL) {
        say(doctor, VERDICT_WARN, "data folder", "not named: --data DIR, or COFFER_DATA");
        return;
    }
    if (!cof_path_is_folder(data)) {
        say(doctor, VERDICT_FAIL, "data folder", "there is none; coffer init makes it");
        return;
    }
    struct stat info;
    bool is_private = stat(data, &info) == 0 && (info.st_mode & 077) == 0;
    say(doctor, is_private ? VERDICT_OK : VERDICT_WARN, "data folder",
        is_private ? "private to its owner" : "readable by others; chmod 700 mends it");
    check_sync(doctor, data);
    check_keys(doctor);
    check_audit(doctor, data);
}

static int run_with(struct doctor *doctor)
{
    if (doctor->has_settings) {
        COF_CLEANUP(cof_buffer_deinit) struct cof_buffer help = {0};
        cof_config_write_help(&help);
        cof_out_buffer(&help);
        return COF_EXIT_OK;
    }
    doctor->writer = cof_json_writer_to(&doctor->out);
    cof_json_begin_array(&doctor->writer);
    say(doctor, VERDICT_OK, "version", COF_VERSION);
    check_machine(doctor);
    check_embedder(doctor);
    check_generator(doctor);
    check_data(doctor);
    cof_json_end_array(&doctor->writer);
    if (doctor->cli.is_json) {
        cof_buffer_append_byte(&doctor->out, '\n');
        cof_out_buffer(&doctor->out);
    }
    return doctor->failures == 0 ? COF_EXIT_OK : COF_EXIT_FAILED;
}

static int run(const struct cof_command *command, int argc, char **argv)
{
    struct doctor doctor = {0};
    const struct cof_option options[] = {
        {.name = "--settings",
         .flag = &doctor.has_settings,
         .help = "list every setting with its default instead"},
        {0},
    };
    struct cof_text_list rest;
    int code = cof_cli_parse(&doctor.cli, command, options, argc, argv, &rest);
    if (code < 0) {
        code = run_with(&doctor);
    }
    cof_buffer_deinit(&doctor.out);
    cof_cli_deinit(&doctor.cli);
    return code;
}

const struct cof_command cof_command_doctor = {
    .name = "doctor",
    .usage = "doctor [--data DIR] [--settings] [--json]",
    .summary = "check machine, models, keys, disk and audit log",
    .details = "Exit code 1 when anything is unfit. Takes no lock: works beside a running server.",
    .run = run,
};
