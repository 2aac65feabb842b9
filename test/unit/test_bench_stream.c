/* The byte stream of both sides, within TLS: what an end is for who reads and for who sends. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/stream.h"
#include "bench/tls.h"

struct pair {
    struct tls_authority *authority;
    SSL_CTX *contexts[2];
    struct stream client;
    struct stream server;
};

static void start(struct pair *pair)
{
    int fds[2];

    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    pair->authority = tls_authority_new();
    assert_non_null(pair->authority);
    pair->contexts[0] = tls_client_context(NULL, false);
    pair->contexts[1] = tls_server_context(pair->authority, "bench.test", NULL);
    assert_true(pair->contexts[0] != NULL && pair->contexts[1] != NULL);
    pair->client = (struct stream){.fd = fds[0], .ssl = SSL_new(pair->contexts[0])};
    pair->server = (struct stream){.fd = fds[1], .ssl = SSL_new(pair->contexts[1])};
    assert_int_equal(SSL_set_fd(pair->client.ssl, fds[0]), 1);
    assert_int_equal(SSL_set_fd(pair->server.ssl, fds[1]), 1);
    bool done = false;
    for (int turn = 0; turn < 20 && !done; turn++) {
        int connected = SSL_connect(pair->client.ssl);
        int accepted = SSL_accept(pair->server.ssl);
        done = connected == 1 && accepted == 1;
    }
    assert_true(done);
}

static void end(struct pair *pair)
{
    stream_close(&pair->client);
    stream_close(&pair->server);
    SSL_CTX_free(pair->contexts[0]);
    SSL_CTX_free(pair->contexts[1]);
    tls_authority_free(pair->authority);
}

/* Half-closed: the other way goes on. */
static void test_close_notify_ends_one_way(void **state)
{
    struct pair pair;
    uint8_t bytes[16];

    (void)state;
    start(&pair);
    assert_int_equal(stream_send(&pair.client, (const uint8_t *)"up", 2), 2);
    stream_end(&pair.client);
    assert_int_equal(stream_recv(&pair.server, bytes, sizeof bytes), 2);
    assert_int_equal(stream_recv(&pair.server, bytes, sizeof bytes), 0);
    assert_int_equal(stream_send(&pair.server, (const uint8_t *)"down", 4), 4);
    assert_int_equal(stream_recv(&pair.client, bytes, sizeof bytes), 4);
    end(&pair);
}

/* Gone without close_notify: an end to who reads, a failure to who sends, each time. */
static void test_sending_to_nobody_fails(void **state)
{
    struct pair pair;
    uint8_t bytes[16];

    (void)state;
    start(&pair);
    shutdown(pair.client.fd, SHUT_WR);
    assert_int_equal(stream_recv(&pair.server, bytes, sizeof bytes), 0);
    close(pair.client.fd);
    pair.client.fd = -1;
    for (int i = 0; i < 3; i++) {
        ssize_t sent = stream_send(&pair.server, (const uint8_t *)"down", 4);
        assert_true(sent < 0 && sent != -EAGAIN);
    }
    end(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_notify_ends_one_way),
        cmocka_unit_test(test_sending_to_nobody_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
