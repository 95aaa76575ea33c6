/* coffer: a private retrieval and RAG server. Picks the command and runs it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "cli.h"

static const struct cof_command *const commands[] = {
    &cof_command_init,    &cof_command_serve, &cof_command_ingest, &cof_command_search,
    &cof_command_explain, &cof_command_ask,   &cof_command_eval,   &cof_command_audit,
    &cof_command_key,     &cof_command_model, &cof_command_doctor, &cof_command_version,
};

static int usage(FILE *stream)
{
    (void)fprintf(stream, "coffer: documents in, cited answers out, nothing leaves the building\n\n"
                          "usage: coffer COMMAND [options]\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        (void)fprintf(stream, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
    }
    (void)fprintf(stream, "\ncoffer COMMAND --help says more. A first session:\n"
                          "  coffer init --data DIR\n"
                          "  coffer ingest --data DIR --collection handbook FOLDER\n"
                          "  coffer ask --data DIR --collection handbook \"how many days of leave "
                          "do I have?\"\n");
    return stream == stdout ? COF_EXIT_OK : COF_EXIT_MISUSE;
}

/* Keys and plain text live in this process: no core dumps, no other process reading its memory. */
static void protect_memory(void)
{
    struct rlimit none = {0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
}

int main(int argc, char **argv)
{
    protect_memory();
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        return usage(stderr);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        return usage(stdout);
    }
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i]->name) == 0) {
            return commands[i]->run(commands[i], argc - 2, argv + 2);
        }
    }
    cof_complain("there is no command \"%s\"", argv[1]);
    return usage(stderr);
}
