/* Certificates are verified: who signed, and for which name. */
#include <cof/base/http_client.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include <cof/base/file.h>

#include "loopback_server.h"
#include "temp_dir.h"
#include "testing.h"

static char root[TEMP_DIR_PATH_SIZE];
static char ca_file[TEMP_DIR_PATH_SIZE + 16];
static EVP_PKEY *key;
static struct loopback_server server;

/* A certificate that signs itself, for one subject alternative name. */
static X509 *make_certificate(const char *name)
{
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    assert_int_equal(X509_set_version(certificate, 2), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
                               0);
    X509_set_issuer_name(certificate, subject);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, name);
    X509_EXTENSION *is_ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "CA:TRUE");
    assert_non_null(names);
    assert_non_null(is_ca);
    X509_add_ext(certificate, names, -1);
    X509_add_ext(certificate, is_ca, -1);
    X509_EXTENSION_free(names);
    X509_EXTENSION_free(is_ca);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

/* Starts the server with a certificate for `name` and writes that certificate to ca_file. */
static void start(const char *name)
{
    X509 *certificate = make_certificate(name);
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(tls, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls, key), 1);
    BIO *out = BIO_new_file(ca_file, "w");
    assert_non_null(out);
    assert_int_equal(PEM_write_bio_X509(out, certificate), 1);
    BIO_free(out);
    X509_free(certificate);
    server = (struct loopback_server){.tls = tls};
    loopback_server_start(&server);
}

static void stop(void)
{
    loopback_server_stop(&server);
    SSL_CTX_free(server.tls);
}

static enum cof_status fetch(const char *trusted, struct cof_error *err)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", server.port);
    const struct cof_http_client_options options = {
        .base_url = url, .bearer_token = "secret", .ca_file = trusted};
    struct cof_http_client *client = NULL;
    struct cof_buffer body = {0};
    long http_status = 0;
    assert_int_equal(cof_http_client_create(&options, &client, NULL), COF_OK);
    enum cof_status status = cof_http_client_send(client, "GET", "/ok", NULL, (struct cof_bytes){0},
                                                  NULL, &http_status, &body, err);
    if (status == COF_OK)
        assert_true(cof_text_equal(cof_buffer_text(&body), COF_TEXT("hello")));
    cof_buffer_deinit(&body);
    cof_http_client_destroy(client);
    return status;
}

static int set_up(void **state)
{
    temp_dir_create(root);
    temp_dir_join(root, "ca.pem", ca_file, sizeof(ca_file));
    key = EVP_EC_gen("P-256");
    return key != NULL ? 0 : 1;
}

static int tear_down(void **state)
{
    EVP_PKEY_free(key);
    temp_dir_remove(root);
    return 0;
}

static void tls__a_trusted_certificate_for_this_host_is_accepted(void **state)
{
    start("IP:127.0.0.1");
    enum cof_status status = fetch(ca_file, NULL);
    stop();
    assert_int_equal(status, COF_OK);
    assert_int_equal(atomic_load(&server.request_count), 1);
}

static void tls__an_unknown_signer_is_refused_before_anything_is_sent(void **state)
{
    struct cof_error err = {0};
    start("IP:127.0.0.1");
    enum cof_status status = fetch(NULL, &err);
    stop();
    assert_int_equal(status, COF_UNAVAILABLE);
    assert_int_equal(atomic_load(&server.request_count), 0);
    assert_non_null(strstr(err.message, "certificate"));
}

static void tls__a_certificate_for_another_host_is_refused(void **state)
{
    start("DNS:elsewhere.example");
    enum cof_status status = fetch(ca_file, NULL);
    stop();
    assert_int_equal(status, COF_UNAVAILABLE);
    assert_int_equal(atomic_load(&server.request_count), 0);
}

static void tls__old_protocols_are_refused(void **state)
{
    start("IP:127.0.0.1");
    SSL_CTX_set_security_level(server.tls, 0);
    assert_int_equal(SSL_CTX_set_min_proto_version(server.tls, TLS1_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(server.tls, TLS1_1_VERSION), 1);
    enum cof_status status = fetch(ca_file, NULL);
    stop();
    assert_int_equal(status, COF_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls__a_trusted_certificate_for_this_host_is_accepted),
        cmocka_unit_test(tls__an_unknown_signer_is_refused_before_anything_is_sent),
        cmocka_unit_test(tls__a_certificate_for_another_host_is_refused),
        cmocka_unit_test(tls__old_protocols_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
