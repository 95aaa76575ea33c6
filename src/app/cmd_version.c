/* coffer version. */
#include "cli.h"
#include "version.h"

static int run(const struct cof_command *command, int argc, char **argv)
{
    struct cof_cli cli = {0};
    struct cof_text_list rest;
    int code = cof_cli_parse(&cli, command, NULL, argc, argv, &rest);
    if (code < 0) {
        cof_out(cli.is_json ? "{\"version\":\"%s\"}\n" : "coffer %s\n", COF_VERSION);
        code = COF_EXIT_OK;
    }
    cof_cli_deinit(&cli);
    return code;
}

const struct cof_command cof_command_version = {
    .name = "version",
    .usage = "version [--json]",
    .summary = "print the version",
    .run = run,
};
