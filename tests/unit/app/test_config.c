/* The configuration table: defaults, bounds, sources and the texts made of it. */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include <cof/base/file.h>
#include <cof/base/json.h>

#include "config.h"
#include "temp_dir.h"

static enum cof_status set(struct cof_config *config, struct cof_arena *arena, const char *key,
                           const char *value, struct cof_error *err)
{
    return cof_config_set(config, cof_text_from(key), cof_text_from(value), arena, err);
}

static void config__starts_with_the_defaults_of_the_table(void **state)
{
    struct cof_config config;
    cof_config_init(&config);
    assert_string_equal(config.listen, "127.0.0.1:7700");
    assert_false(config.is_behind_proxy);
    assert_int_equal(config.max_json_bytes, 8 << 20);
    assert_string_equal(config.embedder_backend, "bert");
}

static void config__takes_units_and_refuses_what_is_out_of_bounds(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_config config;
    struct cof_error error = {0};
    cof_config_init(&config);
    assert_int_equal(set(&config, &arena, "max_json_bytes", "2 MiB", &error), COF_OK);
    assert_int_equal(config.max_json_bytes, 2 << 20);
    assert_int_equal(set(&config, &arena, "max_json_bytes", "1", &error), COF_INVALID);
    assert_non_null(strstr(error.message, "max_json_bytes"));
    assert_int_equal(set(&config, &arena, "max_json_bytes", "-5", &error), COF_INVALID);
    assert_int_equal(set(&config, &arena, "max_json_bytes", "99999999999999999999", &error),
                     COF_INVALID);
    assert_int_equal(set(&config, &arena, "max_json_bytes", "9223372036854775807 GiB", &error),
                     COF_INVALID);
    assert_int_equal(config.max_json_bytes, 2 << 20);
}

static void config__names_the_choices_of_a_choice(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_config config;
    struct cof_error error = {0};
    cof_config_init(&config);
    assert_int_equal(set(&config, &arena, "generator.backend", "extractive", &error), COF_OK);
    assert_string_equal(config.generator_backend, "extractive");
    assert_int_equal(set(&config, &arena, "generator.backend", "gpt", &error), COF_INVALID);
    assert_non_null(strstr(error.message, "auto llama extractive none"));
    assert_int_equal(set(&config, &arena, "behind_proxy", "true", &error), COF_INVALID);
    assert_non_null(strstr(error.message, "yes or no"));
}

static void config__refuses_a_setting_that_does_not_exist(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_config config;
    struct cof_error error = {0};
    cof_config_init(&config);
    assert_int_equal(set(&config, &arena, "lissten", "x", &error), COF_INVALID);
    assert_non_null(strstr(error.message, "lissten"));
    assert_non_null(strstr(error.message, "doctor --settings"));
}

static void write_file(const char *folder, const char *content, char *out_path)
{
    struct cof_error error = {0};
    assert_int_equal(cof_path_join(out_path, folder, "coffer.conf", &error), COF_OK);
    assert_int_equal(
        cof_file_write_atomic(out_path, cof_text_bytes(cof_text_from(content)), 0600, &error),
        COF_OK);
}

static void config__names_the_line_of_a_file_that_is_wrong(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    char folder[TEMP_DIR_PATH_SIZE];
    char path[COF_MAX_PATH];
    struct cof_config config;
    struct cof_error error = {0};
    temp_dir_create(folder);
    write_file(folder, "# a comment\n\nlisten = 127.0.0.1:0\nworkers = many\n", path);
    cof_config_init(&config);
    assert_int_equal(cof_config_read(&config, path, &arena, &error), COF_INVALID);
    assert_non_null(strstr(error.message, "line 4"));
    assert_string_equal(config.listen, "127.0.0.1:0");
    temp_dir_remove(folder);
}

static void config__lets_the_environment_win_over_the_file(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_config config;
    struct cof_error error = {0};
    cof_config_init(&config);
    assert_int_equal(set(&config, &arena, "embedder.threads", "3", &error), COF_OK);
    setenv("COFFER_EMBEDDER_THREADS", "5", 1);
    assert_int_equal(cof_config_read_environment(&config, &arena, &error), COF_OK);
    assert_int_equal(config.embedder_threads, 5);
    setenv("COFFER_EMBEDDER_THREADS", "no", 1);
    assert_int_equal(cof_config_read_environment(&config, &arena, &error), COF_INVALID);
    assert_non_null(strstr(error.message, "COFFER_EMBEDDER_THREADS"));
    unsetenv("COFFER_EMBEDDER_THREADS");
}

static void config__writes_a_sample_that_it_can_read_again(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer sample = {0};
    char folder[TEMP_DIR_PATH_SIZE];
    char path[COF_MAX_PATH];
    struct cof_config before;
    struct cof_config after;
    struct cof_error error = {0};
    cof_config_write_sample(&sample);
    /* Uncomment every setting: "#key = value" but not "# help". */
    for (size_t i = 0; i + 1 < sample.size; i++) {
        if (sample.data[i] == '#' && sample.data[i + 1] != ' ') {
            sample.data[i] = ' ';
        }
    }
    cof_buffer_append_byte(&sample, '\0');
    temp_dir_create(folder);
    write_file(folder, (const char *)sample.data, path);
    cof_config_init(&before);
    cof_config_init(&after);
    assert_int_equal(cof_config_read(&after, path, &arena, &error), COF_OK);
    assert_int_equal(after.max_bulk_bytes, before.max_bulk_bytes);
    assert_int_equal(after.store_max_bytes, before.store_max_bytes);
    assert_string_equal(after.embedder_model, before.embedder_model);
    temp_dir_remove(folder);
}

static void config__echoes_security_settings_as_json(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer out = {0};
    COF_CLEANUP(cof_json_tree_cleanup) struct cof_json_tree *tree = NULL;
    struct cof_config config;
    struct cof_error error = {0};
    cof_config_init(&config);
    cof_config_write_security(&config, &out);
    assert_int_equal(cof_json_parse(cof_buffer_text(&out), NULL, &tree, &error), COF_OK);
    assert_non_null(cof_json_find(cof_json_root(tree), "listen"));
    assert_non_null(cof_json_find(cof_json_root(tree), "behind_proxy"));
    assert_null(cof_json_find(cof_json_root(tree), "embedder.key_file"));
}

static void config__shows_bytes_with_units_and_counts_without(void **state)
{
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer sample = {0};
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer help = {0};
    cof_config_write_sample(&sample);
    cof_config_write_help(&help);
    cof_buffer_append_byte(&sample, '\0');
    cof_buffer_append_byte(&help, '\0');
    const char *text = (const char *)sample.data;
    assert_non_null(strstr(text, "#max_connections = 1024\n"));
    assert_non_null(strstr(text, "#index.seal_count = 16384\n"));
    assert_non_null(strstr(text, "#max_json_bytes = 8MiB\n"));
    assert_non_null(strstr(text, "#store.max_bytes = 256GiB\n"));
    /* every setting in bytes says so in its name, and no other is shown with a unit */
    for (const char *line = strstr(text, "iB\n"); line != NULL; line = strstr(line + 1, "iB\n")) {
        const char *begin = line;
        while (*begin != '#') {
            begin--;
        }
        assert_non_null(strstr(begin, "bytes"));
        assert_true(strstr(begin, "bytes") < line);
    }
    assert_null(strstr((const char *)help.data, "1KiB                 open"));
}

static void config__offers_units_only_where_they_mean_something(void **state)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_config config;
    struct cof_error error = {0};
    cof_config_init(&config);
    assert_int_equal(set(&config, &arena, "max_connections", "0", &error), COF_INVALID);
    assert_null(strstr(error.message, "KiB"));
    assert_int_equal(set(&config, &arena, "max_line_bytes", "0", &error), COF_INVALID);
    assert_non_null(strstr(error.message, "KiB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config__starts_with_the_defaults_of_the_table),
        cmocka_unit_test(config__shows_bytes_with_units_and_counts_without),
        cmocka_unit_test(config__offers_units_only_where_they_mean_something),
        cmocka_unit_test(config__takes_units_and_refuses_what_is_out_of_bounds),
        cmocka_unit_test(config__names_the_choices_of_a_choice),
        cmocka_unit_test(config__refuses_a_setting_that_does_not_exist),
        cmocka_unit_test(config__names_the_line_of_a_file_that_is_wrong),
        cmocka_unit_test(config__lets_the_environment_win_over_the_file),
        cmocka_unit_test(config__writes_a_sample_that_it_can_read_again),
        cmocka_unit_test(config__echoes_security_settings_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
