#ifndef BENCH_TLS_H
#define BENCH_TLS_H

/* Certificates made at start, and the contexts that use them. OpenSSL 3, no files read. */

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* A certificate authority that lives as long as the process. */
struct tls_authority;

/* NULL when OpenSSL refuses. */
struct tls_authority *tls_authority_new(void);
void tls_authority_free(struct tls_authority *authority);
/* Writes the CA certificate as PEM. False with errno set. */
bool tls_authority_write(const struct tls_authority *authority, const char *path);

/*
 * A server context with a fresh P-256 certificate for `name` ("*.x" and "**.x" become the wildcard
 * "*.x"). `alpn` lists protocols in order of preference, comma-separated, and must outlive the
 * context; NULL = none is chosen. Caller frees. NULL on failure.
 */
SSL_CTX *tls_server_context(const struct tls_authority *authority, const char *name,
                            const char *alpn);

/*
 * A client context that offers `alpn` (NULL = none). It checks no certificate, because the backend
 * says in its banner who it is. Caller frees. NULL on failure.
 */
SSL_CTX *tls_client_context(const char *alpn, bool resume);

/* "a,b" as the wire wants it: a length byte before each. Returns the length, 0 = not possible. */
size_t tls_alpn_wire(const char *list, unsigned char *out, size_t cap);

#endif
