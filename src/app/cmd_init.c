/* coffer init: makes data folder, keys folder and the first admin key. */
#include <string.h>

#include <cof/base/file.h>
#include <cof/keys/hash.h>

#include "cli.h"

/* The sample configuration beside the data folder, unless one is there already. */
static enum cof_status write_sample(const char *data, char *out_path, struct cof_error *err)
{
    size_t size = strlen(data);
    while (size > 1 && data[size - 1] == '/') {
        size--;
    }
    if (snprintf(out_path, COF_MAX_PATH, "%.*s.conf", (int)size, data) >= COF_MAX_PATH) {
        return COF_FAIL(err, COF_INVALID, "the path of the data folder is too long");
    }
    if (cof_path_exists(out_path)) {
        return COF_OK;
    }
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer sample = {0};
    cof_config_write_sample(&sample);
    COF_TRY(cof_buffer_status(&sample, err));
    return cof_file_write_atomic(out_path, cof_buffer_bytes(&sample), 0644, err);
}

static void report(const struct cof_cli *cli, const char *keys, const char *sample, const char *key)
{
    if (cli->is_json) {
        COF_CLEANUP(cof_buffer_wipe) struct cof_buffer out = {0};
        struct cof_json_writer writer = cof_json_writer_to(&out);
        cof_json_begin_object(&writer);
        cof_json_member_string(&writer, "data", cli->data);
        cof_json_member_string(&writer, "keys", keys);
        cof_json_member_string(&writer, "config", sample);
        cof_json_member_string(&writer, "admin_key", key);
        cof_json_end_object(&writer);
        cof_buffer_append_byte(&out, '\n');
        cof_out_buffer(&out);
        return;
    }
    cof_out("data folder    %s\n"
            "keys folder    %s   (back it up apart from the data: without it nothing can be "
            "read)\n"
            "settings       %s\n"
            "admin key      %s   (shown this once)\n",
            cli->data, keys, sample, key);
}

static int run(const struct cof_command *command, int argc, char **argv)
{
    struct cof_cli cli = {0};
    struct cof_text_list rest;
    int code = cof_cli_parse(&cli, command, NULL, argc, argv, &rest);
    if (code >= 0) {
        return code;
    }
    if (cli.data == NULL || rest.count > 0) {
        return cof_misuse(command,
                          cli.data == NULL ? "say where: --data DIR" : "unexpected argument");
    }
    struct cof_error error = {0};
    char key[COF_API_KEY_SIZE];
    char keys[COF_MAX_PATH];
    char sample[COF_MAX_PATH];
    struct cof_app_options options = {
        .data_folder = cli.data,
        .keys_folder = cli.keys,
        .config = &cli.config,
        .notice = cof_cli_notice,
    };
    enum cof_status status = cof_app_init(&options, key, &error);
    if (status == COF_OK) {
        status = cof_app_keys_folder(&options, keys, &error);
    }
    if (status == COF_OK) {
        status = write_sample(cli.data, sample, &error);
    }
    if (status == COF_OK) {
        report(&cli, keys, sample, key);
    }
    cof_wipe(key, sizeof(key));
    cof_cli_deinit(&cli);
    return status == COF_OK ? COF_EXIT_OK : cof_fail_exit(&error);
}

const struct cof_command cof_command_init = {
    .name = "init",
    .usage = "init --data DIR [--keys KEYDIR]",
    .summary = "make a data folder, its keys and the first admin key",
    .details = "Everything in the data folder is sealed with keys that lie in the keys folder\n"
               "(default DIR.keys, never inside DIR). With passphrase_file set, the keyring is\n"
               "opened by that passphrase instead of a key file. The admin key is printed once.",
    .run = run,
};
