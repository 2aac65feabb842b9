#include "bench/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A day back for clocks that differ, a month ahead for a test that is left running. */
#define VALID_BACK_S  86400L
#define VALID_AHEAD_S (30 * 86400L)
#define ALPN_BYTES    256

struct tls_authority {
    EVP_PKEY *key;
    X509 *certificate;
};

static bool set_name(X509_NAME *name, const char *common_name)
{
    /* X.520 allows 64 characters; the names that count are in subjectAltName. */
    char shortened[65];

    snprintf(shortened, sizeof shortened, "%s", common_name);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (unsigned char *)shortened, -1, -1,
                                      0) == 1;
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL)
        return false;
    bool added = X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool set_serial(X509 *certificate)
{
    unsigned char random[8];
    BIGNUM *number = NULL;

    if (RAND_bytes(random, sizeof random) == 1) {
        random[0] &= 0x7f;
        random[0] |= 0x01;
        number = BN_bin2bn(random, sizeof random, NULL);
    }
    bool done =
        number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return done;
}

/* Version, serial, validity, names and key: what CA and server certificates share. */
static X509 *begin_certificate(EVP_PKEY *key, const char *common_name, X509 *issuer)
{
    X509 *certificate = X509_new();

    if (certificate == NULL)
        return NULL;
    X509_NAME *subject = X509_get_subject_name(certificate);
    bool good = X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), -VALID_BACK_S) != NULL &&
                X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_AHEAD_S) != NULL &&
                set_name(subject, common_name) && X509_set_pubkey(certificate, key) == 1;
    X509_NAME *from = issuer == NULL ? subject : X509_get_subject_name(issuer);
    if (good && X509_set_issuer_name(certificate, from) == 1)
        return certificate;
    X509_free(certificate);
    return NULL;
}

struct tls_authority *tls_authority_new(void)
{
    struct tls_authority *authority = calloc(1, sizeof *authority);

    if (authority == NULL)
        return NULL;
    authority->key = EVP_EC_gen("P-256");
    if (authority->key != NULL)
        authority->certificate = begin_certificate(authority->key, "sni-bench CA", NULL);
    X509 *ca = authority->certificate;
    if (ca != NULL && add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE") &&
        add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(ca, ca, NID_subject_key_identifier, "hash") &&
        X509_sign(ca, authority->key, EVP_sha256()) > 0)
        return authority;
    tls_authority_free(authority);
    return NULL;
}

void tls_authority_free(struct tls_authority *authority)
{
    if (authority == NULL)
        return;
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
    free(authority);
}

bool tls_authority_write(const struct tls_authority *authority, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

    if (file == NULL)
        return false;
    bool written = PEM_write_X509(file, authority->certificate) == 1;
    if (file != stdout)
        return fclose(file) == 0 && written;
    return fflush(file) == 0 && written;
}

static X509 *issue(const struct tls_authority *authority, EVP_PKEY *key, const char *name)
{
    char alternative[320];

    if (strncmp(name, "**.", 3) == 0)
        name++;
    snprintf(alternative, sizeof alternative, "DNS:%s", name);
    X509 *certificate = begin_certificate(key, name, authority->certificate);
    if (certificate == NULL)
        return NULL;
    X509 *ca = authority->certificate;
    if (add_extension(certificate, ca, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(certificate, ca, NID_key_usage, "critical,digitalSignature") &&
        add_extension(certificate, ca, NID_ext_key_usage, "serverAuth") &&
        add_extension(certificate, ca, NID_subject_key_identifier, "hash") &&
        add_extension(certificate, ca, NID_authority_key_identifier, "keyid") &&
        add_extension(certificate, ca, NID_subject_alt_name, alternative) &&
        X509_sign(certificate, authority->key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

size_t tls_alpn_wire(const char *list, unsigned char *out, size_t cap)
{
    size_t len = 0;

    while (true) {
        size_t part = strcspn(list, ",");
        if (part == 0 || part > 255 || len + 1 + part > cap)
            return 0;
        out[len] = (unsigned char)part;
        memcpy(out + len + 1, list, part);
        len += 1 + part;
        if (list[part] == '\0')
            return len;
        list += part + 1;
    }
}

/* `data` is the comma-separated list of what the server accepts, in its order. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *offered, unsigned offered_len, void *data)
{
    unsigned char wanted[ALPN_BYTES];
    size_t wanted_len = tls_alpn_wire(data, wanted, sizeof wanted);

    (void)ssl;
    /* The choice must outlive this function, so it points into the client's bytes. */
    for (size_t at = 0; at < wanted_len; at += 1u + wanted[at]) {
        for (unsigned seen = 0; seen < offered_len; seen += 1u + offered[seen]) {
            if (offered[seen] == wanted[at] &&
                memcmp(wanted + at + 1, offered + seen + 1, wanted[at]) == 0) {
                *out = offered + seen + 1;
                *out_len = offered[seen];
                return SSL_TLSEXT_ERR_OK;
            }
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static bool accept_alpn(SSL_CTX *context, const char *alpn)
{
    unsigned char wire[ALPN_BYTES];

    if (tls_alpn_wire(alpn, wire, sizeof wire) == 0)
        return false;
    SSL_CTX_set_alpn_select_cb(context, on_alpn, (void *)(uintptr_t)alpn);
    return true;
}

/* Non-blocking writes may be cut and resumed from another buffer; idle sessions keep no buffers. */
static void set_modes(SSL_CTX *context)
{
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
}

SSL_CTX *tls_server_context(const struct tls_authority *authority, const char *name,
                            const char *alpn)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key == NULL ? NULL : issue(authority, key, name);
    bool good = context != NULL && certificate != NULL &&
                SSL_CTX_use_certificate(context, certificate) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1 &&
                (alpn == NULL || accept_alpn(context, alpn));

    X509_free(certificate);
    EVP_PKEY_free(key);
    if (!good) {
        SSL_CTX_free(context);
        return NULL;
    }
    set_modes(context);
    SSL_CTX_set_num_tickets(context, 1);
    return context;
}

SSL_CTX *tls_client_context(const char *alpn, bool resume)
{
    unsigned char wire[ALPN_BYTES];
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context == NULL)
        return NULL;
    set_modes(context);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    if (resume)
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    if (alpn != NULL) {
        size_t len = tls_alpn_wire(alpn, wire, sizeof wire);
        if (len == 0 || SSL_CTX_set_alpn_protos(context, wire, (unsigned)len) != 0) {
            SSL_CTX_free(context);
            return NULL;
        }
    }
    return context;
}
