/* Options, configuration and output of the command line. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_SECOND INT64_C(1000000000)

void cof_out(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stdout, format, arguments);
    va_end(arguments);
}

void cof_out_buffer(const struct cof_buffer *buffer)
{
    (void)fwrite(buffer->data, 1, buffer->size, stdout);
}

void cof_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("coffer: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

int cof_fail_exit(const struct cof_error *err)
{
    cof_complain("%s", err->message);
    return COF_EXIT_FAILED;
}

int cof_misuse(const struct cof_command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("coffer: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "\nusage: coffer %s\ncoffer %s --help says more\n", command->usage,
                  command->name);
    return COF_EXIT_MISUSE;
}

void cof_cli_notice(void *context, const char *message)
{
    (void)context;
    cof_complain("%s", message);
}

enum cof_status cof_option_number(const char *name, const char *text, int64_t min, int64_t max,
                                  int64_t *out, struct cof_error *err)
{
    uint64_t number = 0;
    if (!cof_text_parse_u64(cof_text_from(text), &number) || number > INT64_MAX ||
        (int64_t)number < min || (int64_t)number > max) {
        return COF_FAIL(err, COF_INVALID,
                        "%s is \"%s\" but takes a whole number from %" PRId64 " to %" PRId64, name,
                        text, min, max);
    }
    *out = (int64_t)number;
    return COF_OK;
}

/* ---- Options ---- */

#define COMMON_COUNT 7

static void fill_common(struct cof_cli *cli, struct cof_option common[COMMON_COUNT + 1])
{
    const struct cof_option rows[COMMON_COUNT + 1] = {
        {.name = "--data",
         .metavar = "DIR",
         .value = &cli->data,
         .help = "data folder (else COFFER_DATA)"},
        {.name = "--keys",
         .metavar = "DIR",
         .value = &cli->keys,
         .help = "keys folder (default: the data folder's name and .keys)"},
        {.name = "--config",
         .metavar = "FILE",
         .value = &cli->config_file,
         .help = "settings, `key = value` lines"},
        {.name = "--set",
         .metavar = "KEY=VALUE",
         .values = &cli->settings,
         .help = "one setting; may be given more than once"},
        {.name = "--server",
         .metavar = "URL",
         .value = &cli->server,
         .help = "work through a running server instead of the data folder"},
        {.name = "--api-key-file",
         .metavar = "FILE",
         .value = &cli->api_key_file,
         .help = "file with the API key for --server"},
        {.name = "--json", .flag = &cli->is_json, .help = "machine-readable output"},
        {0},
    };
    memcpy(common, rows, sizeof(rows));
}

static const struct cof_option *find_option(const struct cof_option *options, const char *name,
                                            size_t size)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (strlen(options->name) == size && strncmp(options->name, name, size) == 0) {
            return options;
        }
    }
    return NULL;
}

static void help_row(const struct cof_option *option)
{
    char left[64];
    snprintf(left, sizeof(left), "%s %s", option->name,
             option->metavar == NULL ? "" : option->metavar);
    cof_out("  %-26s %s\n", left, option->help);
}

static void help_rows(const struct cof_option *options)
{
    for (; options != NULL && options->name != NULL; options++) {
        help_row(options);
    }
}

static int print_help(const struct cof_command *command, const struct cof_option *options,
                      const struct cof_option *common)
{
    cof_out("usage: coffer %s\n\n%s\n", command->usage, command->summary);
    if (command->details != NULL) {
        cof_out("\n%s\n", command->details);
    }
    if (options != NULL && options->name != NULL) {
        cof_out("\noptions:\n");
        help_rows(options);
    }
    cof_out("\ncommon options:\n");
    for (; common->name != NULL; common++) {
        bool is_of_server = common->value != NULL && (strcmp(common->name, "--server") == 0 ||
                                                      strcmp(common->name, "--api-key-file") == 0);
        if (!is_of_server || command->has_server) {
            help_row(common);
        }
    }
    return COF_EXIT_OK;
}

/* Takes the option at argv[*at]; returns -1 to go on, else the exit code. */
static int take_option(const struct cof_command *command, const struct cof_option *options,
                       const struct cof_option *common, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    const char *equals = strchr(word, '=');
    size_t size = equals == NULL ? strlen(word) : (size_t)(equals - word);
    const struct cof_option *option = find_option(options, word, size);
    if (option == NULL) {
        option = find_option(common, word, size);
    }
    if (option == NULL) {
        return cof_misuse(command, "there is no option %.*s", (int)size, word);
    }
    if (option->flag != NULL) {
        if (equals != NULL) {
            return cof_misuse(command, "%s takes no value", option->name);
        }
        *option->flag = true;
        return -1;
    }
    const char *value = equals == NULL ? NULL : equals + 1;
    if (value == NULL) {
        if (*at + 1 >= argc) {
            return cof_misuse(command, "%s needs a value (%s)", option->name, option->metavar);
        }
        value = argv[++*at];
    }
    if (option->value != NULL) {
        *option->value = value;
        return -1;
    }
    if (option->values->count == COF_MAX_LIST) {
        return cof_misuse(command, "%s may be given at most %d times", option->name, COF_MAX_LIST);
    }
    option->values->items[option->values->count++] = value;
    return -1;
}

static enum cof_status read_config(struct cof_cli *cli, struct cof_error *err)
{
    cof_config_init(&cli->config);
    if (cli->config_file != NULL) {
        COF_TRY(cof_config_read(&cli->config, cli->config_file, &cli->arena, err));
    }
    COF_TRY(cof_config_read_environment(&cli->config, &cli->arena, err));
    for (size_t i = 0; i < cli->settings.count; i++) {
        struct cof_text key;
        struct cof_text value;
        if (!cof_text_split(cof_text_from(cli->settings.items[i]), '=', &key, &value)) {
            return COF_FAIL(err, COF_INVALID, "--set takes KEY=VALUE, not \"%s\"",
                            cli->settings.items[i]);
        }
        COF_TRY(cof_config_set(&cli->config, cof_text_trim(key), cof_text_trim(value), &cli->arena,
                               err));
    }
    return COF_OK;
}

int cof_cli_parse(struct cof_cli *cli, const struct cof_command *command,
                  const struct cof_option *options, int argc, char **argv,
                  struct cof_text_list *out_positional)
{
    struct cof_option common[COMMON_COUNT + 1];
    fill_common(cli, common);
    bool is_after_dashes = false;
    out_positional->count = 0;
    for (int i = 0; i < argc; i++) {
        bool is_option = !is_after_dashes && argv[i][0] == '-' && argv[i][1] != '\0';
        if (is_option && strcmp(argv[i], "--") == 0) {
            is_after_dashes = true;
        } else if (is_option && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            return print_help(command, options, common);
        } else if (is_option) {
            int code = take_option(command, options, common, argc, argv, &i);
            if (code >= 0) {
                return code;
            }
        } else if (out_positional->count == COF_MAX_LIST) {
            return cof_misuse(command, "at most %d arguments; give a folder instead", COF_MAX_LIST);
        } else {
            out_positional->items[out_positional->count++] = argv[i];
        }
    }
    if (cli->server != NULL && !command->has_server) {
        return cof_misuse(command, "coffer %s does not work through a server: it has no --server",
                          command->name);
    }
    if (cli->data == NULL) {
        cli->data = getenv("COFFER_DATA");
    }
    struct cof_error error = {0};
    if (read_config(cli, &error) != COF_OK) {
        cof_complain("%s", error.message);
        return COF_EXIT_MISUSE;
    }
    return -1;
}

void cof_cli_deinit(struct cof_cli *cli)
{
    cof_arena_deinit(&cli->arena);
}

enum cof_status cof_cli_open(struct cof_cli *cli, unsigned needs, struct cof_app *out_app)
{
    struct cof_error error = {0};
    if (cli->data == NULL) {
        cof_complain("say where the data folder is: --data DIR, or COFFER_DATA");
        return COF_INVALID;
    }
    struct cof_app_options options = {
        .data_folder = cli->data,
        .keys_folder = cli->keys,
        .config = &cli->config,
        .needs = needs,
        .notice = cof_cli_notice,
    };
    enum cof_status status = cof_app_open(&options, out_app, &error);
    if (status != COF_OK) {
        cof_complain("%s", error.message);
    }
    return status;
}

/* ---- Collections ---- */

void cof_name_list_add(struct cof_name_list *list, struct cof_text name)
{
    size_t room = sizeof(list->text) - list->size;
    if (list->is_cut || name.size + 3 > room) {
        list->is_cut = true;
        return;
    }
    int written = snprintf(list->text + list->size, room, "%s%.*s", list->size > 0 ? ", " : "",
                           COF_TEXT_ARG(name));
    list->size += (size_t)written;
}

enum cof_status cof_no_collection(const char *wanted, const struct cof_name_list *names,
                                  struct cof_error *err)
{
    if (names->size == 0) {
        return COF_FAIL(err, COF_NOT_FOUND,
                        "there is no collection \"%.64s\"; coffer ingest --collection NAME PATH "
                        "makes one",
                        wanted);
    }
    return COF_FAIL(err, COF_NOT_FOUND, "there is no collection \"%.64s\"; those there are: %s%s",
                    wanted, names->text, names->is_cut ? " …" : "");
}

enum cof_status cof_cli_check_collection(struct cof_app *app, const char *wanted,
                                         enum cof_status status, struct cof_error *err)
{
    if (status != COF_NOT_FOUND) {
        return status;
    }
    struct cof_call call;
    cof_call_init_local(app->service, &call);
    struct cof_collection *collections = NULL;
    struct cof_name_list names = {0};
    size_t count = 0;
    bool is_there =
        cof_service_list_collections(app->service, &call, &collections, &count, NULL) != COF_OK;
    for (size_t i = 0; i < count && !is_there; i++) {
        is_there = cof_text_equal(collections[i].name, cof_text_from(wanted)) ||
                   strcmp(collections[i].public_id, wanted) == 0;
        cof_name_list_add(&names, collections[i].name);
    }
    cof_call_deinit(&call);
    return is_there ? status : cof_no_collection(wanted, &names, err);
}

/* ---- Progress ---- */

struct cof_progress cof_progress_begin(const char *what, size_t total, bool is_quiet)
{
    int64_t now = cof_clock_steady_ns(cof_clock_system());
    return (struct cof_progress){.what = what,
                                 .total = total,
                                 .begin_ns = now,
                                 .shown_ns = now,
                                 .is_terminal = isatty(STDERR_FILENO) == 1,
                                 .is_quiet = is_quiet};
}

static void show_progress(const struct cof_progress *progress, int64_t now)
{
    double seconds = (double)(now - progress->begin_ns) / (double)NS_PER_SECOND;
    double rate = seconds > 0 ? (double)progress->done / seconds : 0;
    if (!progress->is_terminal) {
        (void)fprintf(stderr, "%s: %zu of %zu, %.1f/s\n", progress->what, progress->done,
                      progress->total, rate);
        return;
    }
    static const char bar[] = "##############################";
    size_t width = sizeof(bar) - 1;
    size_t filled = progress->total > 0 ? width * progress->done / progress->total : width;
    double left = rate > 0 ? (double)(progress->total - progress->done) / rate : 0;
    (void)fprintf(stderr, "\r\033[K%s [%.*s%*s] %zu/%zu  %.1f/s  %.0f s left", progress->what,
                  (int)filled, bar, (int)(width - filled), "", progress->done, progress->total,
                  rate, left);
}

void cof_progress_set(struct cof_progress *progress, size_t done)
{
    progress->done = done;
    int64_t now = cof_clock_steady_ns(cof_clock_system());
    int64_t interval = progress->is_terminal ? NS_PER_SECOND / 10 : 10 * NS_PER_SECOND;
    if (!progress->is_quiet && now - progress->shown_ns >= interval) {
        progress->shown_ns = now;
        show_progress(progress, now);
    }
}

void cof_progress_end(struct cof_progress *progress)
{
    if (progress->is_quiet || !progress->is_terminal) {
        return;
    }
    fputs("\r\033[K", stderr);
}
