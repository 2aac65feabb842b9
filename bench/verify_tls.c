/*
 * --tls: sessions by OpenSSL, and the name of the certificate.
 *
 * Certificates are not checked against an authority: only their name counts. A stream that gets a
 * certificate for another name than it asked for has been misrouted, whatever the banner says.
 */

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/tls.h"
#include "bench/verify.h"

/* The name in the certificate of sni-bench serve --tls without --names, which serves every name. */
#define ANY_CERTIFICATE "*.bench.test"
/* OpenSSL adds this to the number of a received alert to form the reason of an error. */
#define ALERT_REASONS SSL_AD_REASON_OFFSET

bool verify_tls_init(struct verify *verify)
{
    if (!verify->options->ask.tls)
        return true;
    verify->tls = tls_client_context(NULL, false);
    if (verify->tls == NULL)
        fprintf(stderr, "sni-bench: verify: OpenSSL cannot make a client context\n");
    return verify->tls != NULL;
}

bool verify_tls_start(struct verify_stream *stream)
{
    char buffer[NAMES_MAX_LENGTH + 1];
    const char *name = names_text(&stream->verify->names, stream->name, buffer);
    SSL *ssl = SSL_new(stream->verify->tls);

    stream->socket.ssl = ssl;
    bool good = ssl != NULL && SSL_set_fd(ssl, stream->socket.fd) == 1 &&
                SSL_set_tlsext_host_name(ssl, name) == 1;
    ERR_clear_error();
    return good;
}

ssize_t verify_tls_shake(struct verify_stream *stream)
{
    errno = 0;
    int result = SSL_connect(stream->socket.ssl);
    int saved = errno;
    if (result == 1)
        return 1;
    int error = SSL_get_error(stream->socket.ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return -EAGAIN;
    int reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    if (error == SSL_ERROR_SYSCALL)
        return saved == 0 ? 0 : -saved;
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return 0;
    if (reason > ALERT_REASONS && reason < ALERT_REASONS + 256)
        stream->alert = (uint8_t)(reason - ALERT_REASONS);
    return -STREAM_TLS_FAILED;
}

/* Reads the first name in a certificate; a certificate without names gives a text that says so. */
static void read_owner(X509 *certificate, char owner[NAMES_MAX_LENGTH + 1])
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    snprintf(owner, NAMES_MAX_LENGTH + 1, "nobody");
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS)
            continue;
        snprintf(owner, NAMES_MAX_LENGTH + 1, "%.*s", ASN1_STRING_length(name->d.dNSName),
                 (const char *)ASN1_STRING_get0_data(name->d.dNSName));
        break;
    }
    GENERAL_NAMES_free(names);
}

bool verify_tls_is_ours(struct verify_stream *stream, char owner[NAMES_MAX_LENGTH + 1])
{
    char buffer[NAMES_MAX_LENGTH + 1];
    const char *name = names_text(&stream->verify->names, stream->name, buffer);
    X509 *certificate = SSL_get0_peer_certificate(stream->socket.ssl);

    snprintf(owner, NAMES_MAX_LENGTH + 1, "nobody");
    if (certificate == NULL)
        return false;
    read_owner(certificate, owner);
    stream->vouched = strcmp(owner, ANY_CERTIFICATE) != 0;
    if (!stream->vouched)
        return true;
    /* sni-bench serve shows "*.x" for its "**.x" too. */
    return X509_check_host(certificate, name, 0, X509_CHECK_FLAG_MULTI_LABEL_WILDCARDS, NULL) == 1;
}

bool verify_tls_end(struct verify_stream *stream)
{
    SSL *ssl = stream->socket.ssl;
    int result = SSL_shutdown(ssl);
    bool waits = result < 0 && SSL_get_error(ssl, result) == SSL_ERROR_WANT_WRITE;

    ERR_clear_error();
    if (waits)
        return false;
    (void)shutdown(stream->socket.fd, SHUT_WR);
    return true;
}
