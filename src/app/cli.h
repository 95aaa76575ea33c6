/* What every command shares: its options, its output, its exit codes.
 *
 * Exit codes: 0 done, 1 failed, 2 misuse (`audit verify` has its own, see there). Results go to
 * standard output, everything else to standard error. */
#ifndef COF_APP_CLI_H
#define COF_APP_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include <cof/base/arena.h>
#include <cof/base/buffer.h>
#include <cof/base/status.h>

#include "app.h"
#include "config.h"

enum { COF_EXIT_OK = 0, COF_EXIT_FAILED = 1, COF_EXIT_MISUSE = 2 };

/* One option of a command: exactly one of `value`, `values` and `flag` is set. */
struct cof_option {
    const char *name;    /* "--k" */
    const char *metavar; /* "N"; NULL for a flag */
    const char *help;
    const char **value;
    bool *flag;
    struct cof_text_list *values; /* may be given more than once */
};

#define COF_MAX_LIST 256
struct cof_text_list {
    const char *items[COF_MAX_LIST];
    size_t count;
};

struct cof_command {
    const char *name;
    const char *usage;   /* after "coffer ": "search --collection NAME [options] TEXT" */
    const char *summary; /* one line for `coffer --help` */
    const char *details; /* paragraphs for `coffer NAME --help`; may be NULL */
    bool has_server;     /* works through --server; of the others that option is misuse */
    int (*run)(const struct cof_command *command, int argc, char **argv);
};

extern const struct cof_command cof_command_init, cof_command_serve, cof_command_ingest,
    cof_command_search, cof_command_explain, cof_command_ask, cof_command_eval, cof_command_audit,
    cof_command_key, cof_command_model, cof_command_doctor, cof_command_version;

/* What the options of every command mean together. */
struct cof_cli {
    const char *data;              /* --data, else COFFER_DATA */
    const char *keys;              /* --keys */
    const char *config_file;       /* --config */
    struct cof_text_list settings; /* --set KEY=VALUE */
    const char *server;            /* --server URL */
    const char *api_key_file;      /* --api-key-file FILE */
    bool is_json;                  /* --json */
    struct cof_config config;
    struct cof_arena arena;
};

/* Parses options and positional arguments, then reads the configuration. Returns -1 to go on, else
 * the exit code (0 after --help). `options` ends with a row without a name; the common options are
 * added. */
int cof_cli_parse(struct cof_cli *cli, const struct cof_command *command,
                  const struct cof_option *options, int argc, char **argv,
                  struct cof_text_list *out_positional);
void cof_cli_deinit(struct cof_cli *cli);

/* Opens the app over --data with these needs, saying on standard error what is wrong. */
COF_MUST_USE enum cof_status cof_cli_open(struct cof_cli *cli, unsigned needs,
                                          struct cof_app *out_app);

/* Names for a message: those that fit. */
struct cof_name_list {
    char text[96];
    size_t size;
    bool is_cut;
};
void cof_name_list_add(struct cof_name_list *list, struct cof_text name);
/* COF_NOT_FOUND that says which collections there are, or how one is made. */
COF_MUST_USE enum cof_status cof_no_collection(const char *wanted,
                                               const struct cof_name_list *names,
                                               struct cof_error *err);
/* What a call on the collection `wanted` returned: as it is, but COF_NOT_FOUND says which there are
 * when it is the collection that is missing. */
COF_MUST_USE enum cof_status cof_cli_check_collection(struct cof_app *app, const char *wanted,
                                                      enum cof_status status,
                                                      struct cof_error *err);

/* Formatted text to standard output / a line "coffer: …" to standard error. */
void cof_out(const char *format, ...) COF_PRINTF(1, 2);
void cof_out_buffer(const struct cof_buffer *buffer);
void cof_complain(const char *format, ...) COF_PRINTF(1, 2);
/* "coffer: MESSAGE" and the exit code that goes with the status. */
int cof_fail_exit(const struct cof_error *err);
/* "coffer: MESSAGE\nusage: …" and COF_EXIT_MISUSE. */
int cof_misuse(const struct cof_command *command, const char *format, ...) COF_PRINTF(2, 3);
/* A cof_notice_fn that writes "coffer: MESSAGE". */
void cof_cli_notice(void *context, const char *message);
/* A number option; COF_INVALID names it. */
COF_MUST_USE enum cof_status cof_option_number(const char *name, const char *text, int64_t min,
                                               int64_t max, int64_t *out, struct cof_error *err);

/* A bar on a terminal, a line every ten seconds elsewhere, nothing when `is_quiet`. */
struct cof_progress {
    const char *what;
    size_t total;
    size_t done;
    int64_t begin_ns;
    int64_t shown_ns;
    bool is_terminal;
    bool is_quiet;
};
struct cof_progress cof_progress_begin(const char *what, size_t total, bool is_quiet);
void cof_progress_set(struct cof_progress *progress, size_t done);
void cof_progress_end(struct cof_progress *progress);

#endif
