/* HTTP out, by libcurl, with everything switched off that could lead elsewhere.
 *
 * A session is one libcurl multi handle with one easy handle on it, so that a canceled call is
 * noticed between two short waits. Sessions are kept when idle, because they hold the open
 * connections; at any time there are as many as calls were ever under way together.
 *
 * Our copies of the token are wiped as soon as a call is over. libcurl's own, in the request it
 * sends, is freed without wiping: it has no option for that. */
#include <cof/base/http_client.h>

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cof/base/alloc.h>

#include "alloc.h"
#include "http_address.h"

#define DEFAULT_CONNECT_TIMEOUT_MS 5000L
#define DEFAULT_TOTAL_TIMEOUT_MS 60000L
#define DEFAULT_MAX_RESPONSE_BYTES ((size_t)64 << 20)
#define CANCEL_CHECK_MS 50
#define IDLE_WAIT_MS 1000
#define MAX_TOKEN_BYTES 4096

struct session {
    struct session *next;
    CURLM *multi;
    CURL *easy;
    char reason[CURL_ERROR_SIZE];
};

struct cof_http_client {
    char *base_url;             /* without a slash at its end */
    char *ca_file;              /* or NULL */
    char *token;                /* MAX_TOKEN_BYTES of locked memory, or NULL */
    struct curl_slist *headers; /* sent with every request */
    long connect_timeout_ms;
    long total_timeout_ms;
    size_t max_response_bytes;
    pthread_mutex_t lock;
    struct session *idle;
};

/* What the write callback needs of the call it belongs to. */
struct transfer {
    CURL *easy;
    cof_http_chunk_fn each;
    void *context;
    long *out_http_status;
    size_t received_bytes;
    size_t max_bytes;
    bool is_too_large;
    bool is_refused; /* by `each` */
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static bool has_curl;

static void init_curl(void)
{
    has_curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* A name of visible characters, a colon, and no control character behind it. */
static bool is_header(const char *line)
{
    size_t name_size = strcspn(line, ": \t");

    if (name_size == 0 || line[name_size] != ':')
        return false;
    for (const char *next = line; *next != '\0'; next++) {
        if ((unsigned char)*next < 0x20 || *next == 0x7f)
            return false;
    }
    return true;
}

static char *copy_string(const char *string)
{
    size_t size = strlen(string) + 1;
    char *copy = cof_base_alloc(size);
    if (copy != NULL)
        memcpy(copy, string, size);
    return copy;
}

static void close_session(struct session *session)
{
    if (session == NULL)
        return;
    if (session->easy != NULL)
        curl_easy_cleanup(session->easy);
    if (session->multi != NULL)
        (void)curl_multi_cleanup(session->multi);
    cof_free(session);
}

static struct session *take_session(struct cof_http_client *client)
{
    pthread_mutex_lock(&client->lock);
    struct session *session = client->idle;
    if (session != NULL)
        client->idle = session->next;
    pthread_mutex_unlock(&client->lock);
    if (session != NULL)
        return session;
    session = cof_calloc(1, sizeof(*session));
    if (session == NULL)
        return NULL;
    session->multi = curl_multi_init();
    session->easy = curl_easy_init();
    if (session->multi == NULL || session->easy == NULL) {
        close_session(session);
        return NULL;
    }
    return session;
}

static void give_back_session(struct cof_http_client *client, struct session *session)
{
    curl_easy_reset(session->easy); /* forgets the request, keeps the connection */
    pthread_mutex_lock(&client->lock);
    session->next = client->idle;
    client->idle = session;
    pthread_mutex_unlock(&client->lock);
}

/* Locked so that it is never swapped out, and left out of core dumps. Both can be refused by the
 * host's limits; the token is then kept all the same. */
static enum cof_status keep_token(const char *token, char **out_token, struct cof_error *err)
{
    size_t size = strlen(token);
    bool is_good = size > 0 && size < MAX_TOKEN_BYTES;
    for (size_t i = 0; i < size && is_good; i++)
        is_good = token[i] > 0x20 && token[i] < 0x7f;
    if (!is_good)
        return COF_FAIL(err, COF_INVALID,
                        "a bearer token is 1 to %d visible ASCII characters without spaces",
                        MAX_TOKEN_BYTES - 1);
    void *memory =
        mmap(NULL, MAX_TOKEN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return COF_FAIL_MEMORY(err);
    (void)mlock(memory, MAX_TOKEN_BYTES);
    (void)madvise(memory, MAX_TOKEN_BYTES, MADV_DONTDUMP);
    memcpy(memory, token, size + 1);
    *out_token = memory;
    return COF_OK;
}

static bool append_header(struct curl_slist **list, const char *name, const char *value)
{
    char line[MAX_TOKEN_BYTES + 64];
    int length = snprintf(line, sizeof(line), "%s%s", name, value);
    struct curl_slist *longer = NULL;
    if (length > 0 && (size_t)length < sizeof(line))
        longer = curl_slist_append(*list, line);
    explicit_bzero(line, sizeof(line));
    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *header = headers; header != NULL; header = header->next)
        explicit_bzero(header->data, strlen(header->data));
    curl_slist_free_all(headers);
}

static bool make_headers(const struct cof_http_client *client, const char *content_type,
                         struct curl_slist **out_headers)
{
    struct curl_slist *headers = NULL;
    /* Empty: libcurl shall not wait for a 100 before larger bodies, nor invent a content type. */
    bool is_done = append_header(&headers, "Expect:", "");
    if (content_type != NULL)
        is_done = is_done && append_header(&headers, "Content-Type: ", content_type);
    else
        is_done = is_done && append_header(&headers, "Content-Type:", "");
    if (client->token != NULL)
        is_done = is_done && append_header(&headers, "Authorization: Bearer ", client->token);
    for (const struct curl_slist *line = client->headers; line != NULL; line = line->next)
        is_done = is_done && append_header(&headers, line->data, "");
    if (is_done)
        *out_headers = headers;
    else
        free_headers(headers);
    return is_done;
}

static enum cof_status keep_headers(struct cof_http_client *client, const char *const *lines,
                                    struct cof_error *err)
{
    for (size_t i = 0; lines != NULL && lines[i] != NULL; i++) {
        if (!is_header(lines[i]))
            return COF_FAIL(err, COF_INVALID, "'%.80s' cannot be a header", lines[i]);
        if (!append_header(&client->headers, lines[i], ""))
            return COF_FAIL_MEMORY(err);
    }
    return COF_OK;
}

static size_t take_body(char *data, size_t item_size, size_t item_count, void *context)
{
    struct transfer *transfer = context;
    struct cof_bytes chunk = {.data = (const uint8_t *)data, .size = item_size * item_count};
    if (transfer->received_bytes == 0)
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, transfer->out_http_status);
    if (chunk.size > transfer->max_bytes - transfer->received_bytes) {
        transfer->is_too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    transfer->received_bytes += chunk.size;
    if (!transfer->each(transfer->context, chunk)) {
        transfer->is_refused = true;
        return CURL_WRITEFUNC_ERROR;
    }
    return chunk.size;
}

/* First failure of a row of curl_easy_setopt calls. */
static void keep_first(CURLcode *first, CURLcode code)
{
    if (*first == CURLE_OK)
        *first = code;
}

static CURLcode set_limits(const struct cof_http_client *client, CURL *easy)
{
    CURLcode code = CURLE_OK;
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https"));
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L));
    keep_first(&code,
               curl_easy_setopt(easy, CURLOPT_PROXY, "")); /* not even from the environment */
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_NOPROXY, "*"));
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED));
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L));
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1));
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L));
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L));
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
    if (client->ca_file != NULL)
        keep_first(&code, curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file));
    keep_first(&code,
               curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms));
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, client->total_timeout_ms));
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                                       (curl_off_t)client->max_response_bytes));
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_USERAGENT, "coffer"));
    return code;
}

static CURLcode set_request(CURL *easy, const char *method, struct cof_bytes body)
{
    CURLcode code = CURLE_OK;
    bool may_lack_body = strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0;
    if (strcmp(method, "HEAD") == 0)
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (body.size > 0 || !may_lack_body) {
        keep_first(&code, curl_easy_setopt(easy, CURLOPT_POST, 1L));
        keep_first(&code,
                   curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size));
        keep_first(&code, curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                                           body.size > 0 ? (const char *)body.data : ""));
    }
    keep_first(&code, curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method));
    return code;
}

static CURLcode set_callbacks(struct session *session, struct transfer *transfer)
{
    CURLcode code = CURLE_OK;
    session->reason[0] = '\0';
    keep_first(&code, curl_easy_setopt(session->easy, CURLOPT_ERRORBUFFER, session->reason));
    keep_first(&code, curl_easy_setopt(session->easy, CURLOPT_WRITEFUNCTION, take_body));
    keep_first(&code, curl_easy_setopt(session->easy, CURLOPT_WRITEDATA, transfer));
    return code;
}

/* Runs until libcurl is done (then *out_code is its verdict) or the call is canceled. */
static enum cof_status run_transfer(struct session *session, const struct cof_cancel *cancel,
                                    CURLcode *out_code, struct cof_error *err)
{
    int running_count = 1;
    while (running_count > 0) {
        COF_TRY(cof_cancel_check(cancel, err));
        CURLMcode code = curl_multi_perform(session->multi, &running_count);
        if (code == CURLM_OK && running_count > 0)
            code = curl_multi_poll(session->multi, NULL, 0,
                                   cancel != NULL ? CANCEL_CHECK_MS : IDLE_WAIT_MS, NULL);
        if (code != CURLM_OK)
            return COF_FAIL(err, code == CURLM_OUT_OF_MEMORY ? COF_NO_MEMORY : COF_INTERNAL,
                            "HTTP request failed: %s", curl_multi_strerror(code));
    }
    int rest_count = 0;
    const CURLMsg *message = curl_multi_info_read(session->multi, &rest_count);
    if (message == NULL)
        return COF_FAIL(err, COF_INTERNAL, "HTTP request ended without a result");
    *out_code = message->data.result;
    return COF_OK;
}

static enum cof_status judge(const struct cof_http_client *client, struct session *session,
                             const struct transfer *transfer, CURLcode code, struct cof_error *err)
{
    curl_off_t ready_us = 0; /* 0 until the connection, TLS included, stood */
    if (code == CURLE_OK)
        return COF_OK;
    if (transfer->is_too_large || code == CURLE_FILESIZE_EXCEEDED)
        return COF_FAIL(err, COF_TOO_LARGE, "%s answered with more than %zu bytes",
                        client->base_url, client->max_response_bytes);
    if (transfer->is_refused)
        return COF_FAIL(err, COF_CANCELED, "the request was canceled");
    if (code == CURLE_OUT_OF_MEMORY)
        return COF_FAIL_MEMORY(err);
    (void)curl_easy_getinfo(session->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    if (code == CURLE_OPERATION_TIMEDOUT && ready_us > 0)
        return COF_FAIL(err, COF_TIMEOUT, "%s did not answer within %ld ms", client->base_url,
                        client->total_timeout_ms);
    return COF_FAIL(err, COF_UNAVAILABLE, "cannot reach %s: %s", client->base_url,
                    session->reason[0] != '\0' ? session->reason : curl_easy_strerror(code));
}

static enum cof_status perform(const struct cof_http_client *client, struct session *session,
                               const struct transfer *transfer, const struct cof_cancel *cancel,
                               struct cof_error *err)
{
    CURLcode code = CURLE_OK;
    if (curl_multi_add_handle(session->multi, session->easy) != CURLM_OK)
        return COF_FAIL_MEMORY(err);
    enum cof_status status = run_transfer(session, cancel, &code, err);
    if (status == COF_OK)
        status = judge(client, session, transfer, code, err);
    if (status == COF_OK)
        (void)curl_easy_getinfo(session->easy, CURLINFO_RESPONSE_CODE, transfer->out_http_status);
    (void)curl_multi_remove_handle(session->multi, session->easy);
    return status;
}

static bool append_chunk(void *context, struct cof_bytes chunk)
{
    struct cof_buffer *body = context;
    cof_buffer_append(body, chunk.data, chunk.size);
    return !body->has_failed;
}

enum cof_status cof_http_client_create(const struct cof_http_client_options *options,
                                       struct cof_http_client **out_client, struct cof_error *err)
{
    (void)pthread_once(&curl_once, init_curl);
    if (!has_curl)
        return COF_FAIL(err, COF_INTERNAL, "libcurl cannot be initialised");
    struct cof_http_client *client = cof_calloc(1, sizeof(*client));
    if (client == NULL)
        return COF_FAIL_MEMORY(err);
    client->connect_timeout_ms =
        options->connect_timeout_ms > 0 ? options->connect_timeout_ms : DEFAULT_CONNECT_TIMEOUT_MS;
    client->total_timeout_ms =
        options->total_timeout_ms > 0 ? options->total_timeout_ms : DEFAULT_TOTAL_TIMEOUT_MS;
    client->max_response_bytes =
        options->max_response_bytes > 0 ? options->max_response_bytes : DEFAULT_MAX_RESPONSE_BYTES;
    pthread_mutex_init(&client->lock, NULL);
    enum cof_status status = cof_http_base_url_parse(options->base_url, &client->base_url, err);
    if (status == COF_OK && options->bearer_token != NULL)
        status = keep_token(options->bearer_token, &client->token, err);
    if (status == COF_OK && options->ca_file != NULL) {
        client->ca_file = copy_string(options->ca_file);
        status = client->ca_file != NULL ? COF_OK : COF_FAIL_MEMORY(err);
    }
    if (status == COF_OK)
        status = keep_headers(client, options->headers, err);
    if (status != COF_OK) {
        cof_http_client_destroy(client);
        return status;
    }
    *out_client = client;
    return COF_OK;
}

void cof_http_client_destroy(struct cof_http_client *client)
{
    if (client == NULL)
        return;
    while (client->idle != NULL) {
        struct session *session = client->idle;
        client->idle = session->next;
        close_session(session);
    }
    if (client->token != NULL) {
        explicit_bzero(client->token, MAX_TOKEN_BYTES);
        (void)munmap(client->token, MAX_TOKEN_BYTES);
    }
    free_headers(client->headers);
    pthread_mutex_destroy(&client->lock);
    cof_free(client->base_url);
    cof_free(client->ca_file);
    cof_free(client);
}

enum cof_status cof_http_client_send(struct cof_http_client *client, const char *method,
                                     const char *path, const char *content_type,
                                     struct cof_bytes body, const struct cof_cancel *cancel,
                                     long *out_http_status, struct cof_buffer *out_body,
                                     struct cof_error *err)
{
    size_t old_size = out_body->size;
    long http_status = 0;
    COF_TRY(cof_buffer_status(out_body, err));
    enum cof_status status =
        cof_http_client_stream(client, method, path, content_type, body, cancel, &http_status,
                               append_chunk, out_body, err);
    if (out_body->has_failed)
        status = COF_FAIL_MEMORY(err);
    if (status != COF_OK) {
        out_body->size = old_size;
        return status;
    }
    *out_http_status = http_status;
    return COF_OK;
}

enum cof_status cof_http_client_stream(struct cof_http_client *client, const char *method,
                                       const char *path, const char *content_type,
                                       struct cof_bytes body, const struct cof_cancel *cancel,
                                       long *out_http_status, cof_http_chunk_fn each, void *context,
                                       struct cof_error *err)
{
    if (!cof_http_method_is_allowed(method) || !cof_http_path_is_allowed(path) ||
        (content_type != NULL && !cof_http_content_type_is_allowed(content_type)))
        return COF_FAIL(err, COF_INVALID, "an HTTP request to '%.80s' is not well-formed", path);
    COF_TRY(cof_cancel_check(cancel, err));
    COF_CLEANUP(cof_buffer_deinit) struct cof_buffer url = {0};
    cof_buffer_append_format(&url, "%s%s", client->base_url, path);
    cof_buffer_append_byte(&url, '\0');
    COF_TRY(cof_buffer_status(&url, err));
    struct curl_slist *headers = NULL;
    if (!make_headers(client, content_type, &headers))
        return COF_FAIL_MEMORY(err);
    struct session *session = take_session(client);
    if (session == NULL) {
        free_headers(headers);
        return COF_FAIL_MEMORY(err);
    }
    struct transfer transfer = {.easy = session->easy,
                                .each = each,
                                .context = context,
                                .out_http_status = out_http_status,
                                .max_bytes = client->max_response_bytes};
    CURLcode code = set_limits(client, session->easy);
    keep_first(&code, set_request(session->easy, method, body));
    keep_first(&code, set_callbacks(session, &transfer));
    keep_first(&code, curl_easy_setopt(session->easy, CURLOPT_HTTPHEADER, headers));
    keep_first(&code, curl_easy_setopt(session->easy, CURLOPT_URL, (const char *)url.data));
    enum cof_status status = COF_OK;
    if (code == CURLE_OK)
        status = perform(client, session, &transfer, cancel, err);
    else if (code == CURLE_OUT_OF_MEMORY)
        status = COF_FAIL_MEMORY(err);
    else
        status = COF_FAIL(err, COF_INTERNAL, "libcurl refused: %s", curl_easy_strerror(code));
    give_back_session(client, session);
    free_headers(headers);
    return status;
}
