/* The parser processes: what they may not do, how they die, and that nobody else notices. */
#include "testing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cof/base/buffer.h>
#include <cof/base/file.h>
#include <cof/ingest/parser.h>

#include "parse.h"
#include "parser_private.h"
#include "sandbox.h"

#define TEXT(string) cof_text_bytes(cof_text_from(string))

/* ---- Formats that do in a parser what a hostile document would ---- */

/* A block that says what happened, where a forbidden call came back. */
static enum cof_status report(struct cof_block_list *list, const char *text, struct cof_error *err)
{
    struct cof_raw_text raw = {0};
    cof_raw_append(&raw, cof_text_from(text), 0, 1);
    enum cof_status status = cof_block_list_add(list, COF_BLOCK_PARAGRAPH, 0, &raw, err);
    cof_raw_deinit(&raw);
    return status;
}

static enum cof_status misbehave(struct cof_text source, struct cof_block_list *list,
                                 struct cof_error *err)
{
    if (cof_text_equal(source, COF_TEXT("open")))
        return report(list, open("/etc/passwd", O_RDONLY) < 0 ? "refused" : "done", err);
    if (cof_text_equal(source, COF_TEXT("write")))
        return report(list, open("/tmp", O_TMPFILE | O_WRONLY, 0600) < 0 ? "refused" : "done", err);
    if (cof_text_equal(source, COF_TEXT("socket")))
        return report(list, socket(AF_INET, SOCK_STREAM, 0) < 0 ? "refused" : "done", err);
    if (cof_text_equal(source, COF_TEXT("fork")))
        return report(list, fork() < 0 ? "refused" : "done", err);
    if (cof_text_equal(source, COF_TEXT("exec"))) {
        char *const none[] = {NULL};
        return report(list, execve("/bin/true", none, none) < 0 ? "refused" : "done", err);
    }
    if (cof_text_equal(source, COF_TEXT("kill parent")))
        return report(list, kill(getppid(), SIGKILL) < 0 ? "refused" : "done", err);
    if (cof_text_equal(source, COF_TEXT("executable memory"))) {
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return report(list, page == MAP_FAILED ? "refused" : "done", err);
    }
    if (cof_text_equal(source, COF_TEXT("abort")))
        abort();
    if (cof_text_equal(source, COF_TEXT("segfault")))
        raise(SIGSEGV);
    if (cof_text_equal(source, COF_TEXT("exit")))
        _exit(0);
    if (cof_text_equal(source, COF_TEXT("loop"))) {
        for (volatile int i = 0;; i = i + 1)
            ;
    }
    if (cof_text_equal(source, COF_TEXT("hog"))) {
        for (size_t i = 0; i < 256; i++) {
            /* Kept and volatile: clang leaves out memory that nobody reads. */
            static char *volatile kept[256];
            kept[i] = calloc(1, (size_t)1 << 20);
            if (kept[i] == NULL)
                return COF_FAIL_MEMORY(err);
            memset(kept[i], 1, (size_t)1 << 20);
        }
        return report(list, "done", err);
    }
    if (cof_text_equal(source, COF_TEXT("environment"))) {
        const char *secret = getenv("COF_TEST_SECRET");
        return report(list, secret != NULL && secret[0] != '\0' ? "done" : "refused", err);
    }
    return cof_parse_text(source, list, err);
}

/* Takes the process over: answers for itself, then does harm to those who come after. */
static enum cof_status babble(struct cof_text source, struct cof_block_list *list,
                              struct cof_error *err)
{
    static const char nonsense[64] = "nothing that a parser would ever say";
    (void)!write(COF_SANDBOX_FD, nonsense, sizeof(nonsense));
    return cof_parse_text(source, list, err);
}

/* Answers properly, and dies of the next document. */
static enum cof_status sulk(struct cof_text source, struct cof_block_list *list,
                            struct cof_error *err)
{
    static bool has_been_here;
    if (has_been_here)
        abort();
    has_been_here = true;
    return cof_parse_text(source, list, err);
}

static const struct cof_format hostile_formats[] = {
    {"text/plain", "txt", cof_parse_text},
    {"test/misbehave", "", misbehave},
    {"test/babble", "", babble},
    {"test/sulk", "", sulk},
};

static const struct cof_format_table hostile_table = {
    .formats = hostile_formats,
    .count = sizeof(hostile_formats) / sizeof(hostile_formats[0]),
};

/* ---- Help ---- */

static struct cof_parser *open_parser(const struct cof_parser_options *options)
{
    struct cof_parser *parser = NULL;
    struct cof_error err = {0};
    if (cof_parser_open_with(options, &hostile_table, &parser, &err) != COF_OK)
        fail_msg("%s", err.message);
    return parser;
}

static void assert_parses(struct cof_parser *parser, const char *text)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed = {0};
    struct cof_error err = {0};
    enum cof_status status =
        cof_parser_parse(parser, COF_TEXT("text/plain"), TEXT(text), NULL, &arena, &parsed, &err);
    if (status != COF_OK)
        fail_msg("%s", err.message);
    assert_int_equal(parsed.block_count, 1);
    assert_true(cof_text_equal(parsed.blocks[0].text, cof_text_from(text)));
}

/* The document fails alone, or its forbidden call came back refused; never is it done. */
static void assert_denied(struct cof_parser *parser, const char *deed)
{
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed = {0};
    struct cof_error err = {0};
    enum cof_status status = cof_parser_parse(parser, COF_TEXT("test/misbehave"), TEXT(deed), NULL,
                                              &arena, &parsed, &err);
    if (status == COF_OK) {
        assert_int_equal(parsed.block_count, 1);
        assert_true(cof_text_equal(parsed.blocks[0].text, COF_TEXT("refused")));
    } else {
        assert_int_equal(status, COF_INVALID);
        assert_non_null(strstr(err.message, "could not be parsed"));
    }
    assert_parses(parser, "the next document is read");
}

static size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

/* ---- Cases ---- */

static void parser__may_do_nothing_but_parse(void **state)
{
    static const char *const deeds[] = {"open", "write", "socket", "fork", "exec", "kill parent"};
    struct cof_parser *parser = open_parser(NULL);
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        assert_denied(parser, deeds[i]);
    cof_parser_close(parser);
}

static void parser__is_killed_for_what_is_forbidden(void **state)
{
    static const char *const deeds[] = {"open", "socket", "fork", "executable memory"};
    if (!cof_sandbox_is_whole())
        skip(); /* sanitizers need some of it themselves */
    struct cof_parser *parser = open_parser(NULL);
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_parsed parsed = {0};
        struct cof_error err = {0};
        assert_int_equal(cof_parser_parse(parser, COF_TEXT("test/misbehave"), TEXT(deeds[i]), NULL,
                                          &arena, &parsed, &err),
                         COF_INVALID);
        assert_non_null(strstr(err.message, "forbidden"));
    }
    cof_parser_close(parser);
}

static void parser__may_not_take_all_memory(void **state)
{
    struct cof_parser_options options = {.max_memory_bytes = (size_t)64 << 20};
    if (!cof_sandbox_is_whole())
        skip();
    struct cof_parser *parser = open_parser(&options);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed = {0};
    struct cof_error err = {0};
    assert_int_equal(cof_parser_parse(parser, COF_TEXT("test/misbehave"), TEXT("hog"), NULL, &arena,
                                      &parsed, &err),
                     COF_INVALID);
    assert_non_null(strstr(err.message, "more memory than a parser may have"));
    assert_parses(parser, "the next document is read");
    cof_parser_close(parser);
}

static void parser__has_no_environment(void **state)
{
    assert_int_equal(setenv("COF_TEST_SECRET", "the passphrase", 1), 0);
    struct cof_parser *parser = open_parser(NULL);
    assert_denied(parser, "environment");
    assert_string_equal(getenv("COF_TEST_SECRET"), "the passphrase");
    cof_parser_close(parser);
    (void)unsetenv("COF_TEST_SECRET");
}

static void parser__that_dies_takes_its_document_alone(void **state)
{
    static const char *const deeds[] = {"abort", "segfault", "exit"};
    struct cof_parser *parser = open_parser(NULL);
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        assert_denied(parser, deeds[i]);
    cof_parser_close(parser);
}

static void parser__that_hangs_is_stopped_in_time(void **state)
{
    struct cof_parser_options options = {.process_count = 1, .max_parse_ms = 200};
    struct cof_parser *parser = open_parser(&options);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed = {0};
    struct cof_error err = {0};
    assert_int_equal(cof_parser_parse(parser, COF_TEXT("test/misbehave"), TEXT("loop"), NULL,
                                      &arena, &parsed, &err),
                     COF_INVALID);
    assert_non_null(strstr(err.message, "took too long to parse"));
    assert_parses(parser, "the next document is read");
    cof_parser_close(parser);
}

static void parser__is_stopped_when_nobody_waits(void **state)
{
    struct cof_parser *parser = open_parser(NULL);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed = {0};
    struct cof_error err = {0};
    struct cof_cancel cancel = {
        .deadline_steady_ns = cof_clock_steady_ns(cof_clock_system()) + 100000000,
        .clock = cof_clock_system(),
    };
    assert_int_equal(cof_parser_parse(parser, COF_TEXT("test/misbehave"), TEXT("loop"), &cancel,
                                      &arena, &parsed, &err),
                     COF_TIMEOUT);
    assert_parses(parser, "the next document is read");
    cof_parser_close(parser);
}

static void parser__that_talks_nonsense_is_replaced(void **state)
{
    struct cof_parser_options options = {.process_count = 1};
    struct cof_parser *parser = open_parser(&options);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed = {0};
    struct cof_error err = {0};
    assert_int_equal(cof_parser_parse(parser, COF_TEXT("test/babble"), TEXT("text"), NULL, &arena,
                                      &parsed, &err),
                     COF_INVALID);
    assert_non_null(strstr(err.message, "could not be parsed"));
    assert_parses(parser, "the next document is read");
    cof_parser_close(parser);
}

static void parser__spoilt_by_one_document_does_not_fail_the_next(void **state)
{
    struct cof_parser_options options = {.process_count = 1};
    struct cof_parser *parser = open_parser(&options);
    for (int i = 0; i < 4; i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_parsed parsed = {0};
        struct cof_error err = {0};
        enum cof_status status = cof_parser_parse(parser, COF_TEXT("test/sulk"), TEXT("some text"),
                                                  NULL, &arena, &parsed, &err);
        assert_int_equal(status, COF_OK);
    }
    cof_parser_close(parser);
}

static void parser__goes_on_after_many_documents(void **state)
{
    struct cof_parser_options options = {.process_count = 1};
    struct cof_parser *parser = open_parser(&options);
    size_t before = count_descriptors();
    for (int i = 0; i < 600; i++) /* more than one process serves */
        assert_parses(parser, "again");
    assert_int_equal(count_descriptors(), before);
    cof_parser_close(parser);
}

static void parser__closes_everything(void **state)
{
    size_t before = count_descriptors();
    for (int i = 0; i < 3; i++) {
        struct cof_parser *parser = open_parser(NULL);
        assert_parses(parser, "once");
        cof_parser_close(parser);
    }
    assert_int_equal(count_descriptors(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    cof_parser_close(NULL);
}

/* Orphans become this process's children, so it can wait for them: for ever, if one lives on. */
static void parser__dies_with_the_program(void **state)
{
    int ready[2];
    char byte = 0;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t program = fork();
    if (program == 0) {
        struct cof_parser *parser = open_parser(NULL);
        assert_parses(parser, "there is a process now");
        (void)!write(ready[1], "x", 1);
        (void)pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(kill(program, SIGKILL), 0);
    size_t count = 0;
    while (waitpid(-1, NULL, 0) > 0)
        count++;
    assert_int_equal(errno, ECHILD);
    assert_true(count >= 3); /* program, launcher, parser */
    (void)close(ready[0]);
    (void)close(ready[1]);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

static void parser__names_the_media_types_it_reads(void **state)
{
    struct cof_parser *parser = NULL;
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed = {0};
    struct cof_error err = {0};
    assert_int_equal(cof_parser_open(NULL, &parser, &err), COF_OK);
    assert_int_equal(cof_parser_parse(parser, COF_TEXT("application/pdf"), TEXT("%PDF"), NULL,
                                      &arena, &parsed, &err),
                     COF_INVALID);
    assert_non_null(strstr(err.message, "text/plain, text/markdown, text/html"));
    assert_int_equal(cof_parser_parse(parser, COF_TEXT("Text/HTML; charset=utf-8"),
                                      TEXT("<p>yes</p>"), NULL, &arena, &parsed, &err),
                     COF_OK);
    assert_true(cof_text_equal(parsed.blocks[0].text, COF_TEXT("yes")));
    cof_parser_close(parser);
}

static void parser__refuses_what_is_too_large(void **state)
{
    struct cof_parser_options options = {.max_source_bytes = 10};
    struct cof_parser *parser = open_parser(&options);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed = {0};
    struct cof_error err = {0};
    assert_parses(parser, "0123456789");
    assert_int_equal(cof_parser_parse(parser, COF_TEXT("text/plain"), TEXT("0123456789a"), NULL,
                                      &arena, &parsed, &err),
                     COF_TOO_LARGE);
    cof_parser_close(parser);
}

static void parser__gives_no_blocks_for_nothing(void **state)
{
    static const char *const nothings[] = {"", " ", "\n\n\t\n", "\xef\xbb\xbf", "\xe2\x80\x8b"};
    struct cof_parser *parser = open_parser(NULL);
    for (size_t i = 0; i < sizeof(nothings) / sizeof(nothings[0]); i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_parsed parsed = {.block_count = 7};
        assert_int_equal(cof_parser_parse(parser, COF_TEXT("text/plain"), TEXT(nothings[i]), NULL,
                                          &arena, &parsed, NULL),
                         COF_OK);
        assert_int_equal(parsed.block_count, 0);
        assert_int_equal(parsed.title.size, 0);
    }
    cof_parser_close(parser);
}

static void parser__says_where_text_is_not_utf8(void **state)
{
    struct cof_parser *parser = open_parser(NULL);
    COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
    struct cof_parsed parsed = {0};
    struct cof_error err = {0};
    assert_int_equal(cof_parser_parse(parser, COF_TEXT("text/plain"), TEXT("caf\xe9 au lait"), NULL,
                                      &arena, &parsed, &err),
                     COF_INVALID);
    assert_non_null(strstr(err.message, "not UTF-8 text (byte 3)"));
    cof_parser_close(parser);
}

static void parser__refuses_limits_without_sense(void **state)
{
    struct cof_parser *parser = NULL;
    struct cof_error err = {0};
    struct cof_parser_options many = {.process_count = 1000};
    struct cof_parser_options small = {.max_memory_bytes = 1000};
    struct cof_parser_options negative = {.max_parse_ms = -1};
    assert_int_equal(cof_parser_open(&many, &parser, &err), COF_INVALID);
    assert_int_equal(cof_parser_open(&small, &parser, &err), COF_INVALID);
    assert_int_equal(cof_parser_open(&negative, &parser, &err), COF_INVALID);
    assert_null(parser);
}

static struct cof_bytes repeat(struct cof_buffer *buffer, const char *text, size_t size)
{
    struct cof_text piece = cof_text_from(text);
    cof_buffer_clear(buffer);
    cof_buffer_reserve(buffer, size + piece.size);
    while (buffer->size < size)
        cof_buffer_append_text(buffer, piece);
    return cof_buffer_bytes(buffer);
}

static void parser__reads_big_documents(void **state)
{
    static const struct {
        const char *media_type;
        size_t size;
        const char *text;
    } cases[] = {
        {"text/plain", (size_t)50 << 20,
         "Many short lines make a long document, and this is one of them.\n"
         "Every other line ends a paragraph, for there is a blank one after it.\n\n"},
        {"text/markdown", (size_t)8 << 20,
         "- an item with *emphasis* and a [link](http://a.example/b)\n\n"
         "A paragraph with `code` and nothing else to speak of, but long enough.\n\n"},
        {"text/html", (size_t)8 << 20,
         "<p>A paragraph with <b>bold</b> words &amp; a reference, as pages have them, "
         "again and again and again, until the page is long.</p>\n"},
    };
    struct cof_parser *parser = NULL;
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer buffer = {0};
    struct cof_error err = {0};
    size_t shrink = cof_sandbox_is_whole() ? 1 : 8; /* sanitizers are slow */
    assert_int_equal(cof_parser_open(NULL, &parser, &err), COF_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_parsed parsed = {0};
        struct cof_bytes source = repeat(&buffer, cases[i].text, cases[i].size / shrink);
        if (cof_parser_parse(parser, cof_text_from(cases[i].media_type), source, NULL, &arena,
                             &parsed, &err) != COF_OK)
            fail_msg("%s: %s", cases[i].media_type, err.message);
        assert_true(parsed.block_count > 50000 / shrink);
        assert_int_equal(parsed.blocks[parsed.block_count - 1].byte_end / 1000, source.size / 1000);
    }
    cof_parser_close(parser);
}

struct worker {
    struct cof_parser *parser;
    int index;
    atomic_int failures;
};

static void *parse_many(void *context)
{
    struct worker *worker = context;
    for (int i = 0; i < 40; i++) {
        COF_CLEANUP(cof_arena_deinit) struct cof_arena arena = {0};
        struct cof_parsed parsed = {0};
        struct cof_text text = cof_arena_format(&arena, "thread %d, document %d", worker->index, i);
        bool is_hostile = i % 8 == 3;
        enum cof_status status = cof_parser_parse(
            worker->parser, is_hostile ? COF_TEXT("test/misbehave") : COF_TEXT("text/plain"),
            is_hostile ? TEXT("abort") : cof_text_bytes(text), NULL, &arena, &parsed, NULL);
        if (is_hostile ? status != COF_INVALID
                       : status != COF_OK || parsed.block_count != 1 ||
                             !cof_text_equal(parsed.blocks[0].text, text))
            atomic_fetch_add(&worker->failures, 1);
    }
    return NULL;
}

static void parser__serves_many_threads_at_once(void **state)
{
    struct cof_parser *parser = open_parser(NULL);
    struct worker workers[6] = {0};
    pthread_t threads[6];
    for (int i = 0; i < 6; i++) {
        workers[i].parser = parser;
        workers[i].index = i;
        assert_int_equal(pthread_create(&threads[i], NULL, parse_many, &workers[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(atomic_load(&workers[i].failures), 0);
    }
    cof_parser_close(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parser__may_do_nothing_but_parse),
        cmocka_unit_test(parser__is_killed_for_what_is_forbidden),
        cmocka_unit_test(parser__may_not_take_all_memory),
        cmocka_unit_test(parser__has_no_environment),
        cmocka_unit_test(parser__that_dies_takes_its_document_alone),
        cmocka_unit_test(parser__that_hangs_is_stopped_in_time),
        cmocka_unit_test(parser__is_stopped_when_nobody_waits),
        cmocka_unit_test(parser__that_talks_nonsense_is_replaced),
        cmocka_unit_test(parser__spoilt_by_one_document_does_not_fail_the_next),
        cmocka_unit_test(parser__goes_on_after_many_documents),
        cmocka_unit_test(parser__closes_everything),
        cmocka_unit_test(parser__dies_with_the_program),
        cmocka_unit_test(parser__names_the_media_types_it_reads),
        cmocka_unit_test(parser__refuses_what_is_too_large),
        cmocka_unit_test(parser__gives_no_blocks_for_nothing),
        cmocka_unit_test(parser__says_where_text_is_not_utf8),
        cmocka_unit_test(parser__refuses_limits_without_sense),
        cmocka_unit_test(parser__reads_big_documents),
        cmocka_unit_test(parser__serves_many_threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
