/* Refusing: every case with every action it may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "test/loop/harness.h"
#include "test/loop/harness_io.h"

/* What a client sends to get into each case, and what it gets then. */
struct refusal {
    const char *policy; /* key of "policies" */
    const char *reason;
    const char *host;  /* of the hello; NULL: `bytes` are sent instead, or no name */
    const char *bytes; /* NULL: a hello */
    size_t len;
    uint8_t alert;
    bool may_be_sent_on; /* "backend" is allowed */
};

#define BYTES(text) .bytes = text, .len = sizeof(text) - 1

static const struct refusal refusals[] = {
    {"no_sni", "no_sni", .host = NULL, .alert = 112, .may_be_sent_on = true},
    {"unknown_sni", "no_route", .host = "b.test", .alert = 112, .may_be_sent_on = true},
    {"not_tls", "not_tls", BYTES("GET / HTTP/1.0\r\n\r\n"), .alert = 70, .may_be_sent_on = true},
    /* a handshake record with a message that is no ClientHello */
    {"malformed", "malformed", BYTES("\x16\x03\x01\x00\x08\x02\x00\x00\x04\x03\x03\x00\x00"),
     .alert = 50},
    /* a ClientHello of 16 MiB is announced */
    {"too_large", "too_large", BYTES("\x16\x03\x01\x40\x00\x01\xff\xff\xff\x03\x03"), .alert = 47},
};
#define REFUSALS (sizeof refusals / sizeof refusals[0])

static int refused_client(struct rig *rig, const struct refusal *refusal)
{
    if (refusal->bytes == NULL)
        return rig_hello_client(rig, refusal->host);
    int client = rig_client(rig, NULL);
    io_send(client, refusal->bytes, refusal->len);
    return client;
}

/* Starts with this action for all cases that may have it. */
static void start_with(struct rig *rig, const char *action)
{
    char members[1024];
    size_t len = 0;

    for (size_t i = 0; i < REFUSALS; i++)
        len += (size_t)snprintf(members + len, sizeof members - len, "%s\"%s\":\"%s\"",
                                i == 0 ? "\"policies\":{" : ",", refusals[i].policy, action);
    snprintf(members + len, sizeof members - len, "}");
    rig_server(rig);
    rig_start(rig, members);
}

static void policy_alert(void **state)
{
    struct rig *rig = *state;

    start_with(rig, "alert");
    for (size_t i = 0; i < REFUSALS; i++) {
        int client = refused_client(rig, &refusals[i]);
        io_expect_alert(client, refusals[i].alert);
        io_expect_end(client);
        rig_settle(rig);
        io_expect_no_reset(client);
        rig_close(rig, client);
        rig_expect_reason(rig, refusals[i].reason);
        rig_expect_in_line(rig, "\"bytes_in\":0,\"bytes_out\":0");
    }
}

static void policy_close(void **state)
{
    struct rig *rig = *state;

    start_with(rig, "close");
    for (size_t i = 0; i < REFUSALS; i++) {
        int client = refused_client(rig, &refusals[i]);
        io_expect_end(client);
        rig_expect_reason(rig, refusals[i].reason);
        io_expect_no_reset(client);
    }
}

static void policy_reset(void **state)
{
    struct rig *rig = *state;

    start_with(rig, "reset");
    for (size_t i = 0; i < REFUSALS; i++) {
        int client = refused_client(rig, &refusals[i]);
        io_expect_reset(client);
        rig_expect_reason(rig, refusals[i].reason);
    }
}

/* Without any policies in the file: alert for what is TLS, close for what is not. */
static void policy_default(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "");
    for (size_t i = 0; i < REFUSALS; i++) {
        int client = refused_client(rig, &refusals[i]);
        if (strcmp(refusals[i].policy, "not_tls") != 0)
            io_expect_alert(client, refusals[i].alert);
        io_expect_end(client);
        rig_close(rig, client);
        rig_expect_reason(rig, refusals[i].reason);
    }
}

static void sent_on(struct rig *rig, const struct refusal *refusal)
{
    int client = refused_client(rig, refusal);
    int server = rig_accept(rig, 0);

    if (refusal->bytes == NULL)
        io_expect_hello(server, refusal->host);
    else
        io_expect(server, refusal->bytes, refusal->len);
    io_send_text(server, "welcome");
    io_expect_text(client, "welcome");
    io_end(server);
    io_expect_end(client);
    io_end(client);
    io_expect_end(server);
    rig_expect_reason(rig, "closed");
    rig_expect_in_line(rig, "\"backend\":\"web\"");
    assert_null(strstr(rig->line, "\"route\""));
}

static void policy_backend(void **state)
{
    struct rig *rig = *state;

    rig_server(rig);
    rig_start(rig, "\"policies\":{\"no_sni\":{\"backend\":\"web\"},"
                   "\"unknown_sni\":{\"backend\":\"web\"},\"not_tls\":{\"backend\":\"web\"}}");
    for (size_t i = 0; i < REFUSALS; i++) {
        if (refusals[i].may_be_sent_on)
            sent_on(rig, &refusals[i]);
    }
}

/* The alert and the end arrive although the client had more to say: no reset overtakes them. */
static void unknown_sni_alert_112(void **state)
{
    struct rig *rig = *state;
    uint8_t more[100000] = {0};
    int client = rig_start_hello_client(rig, "", "unknown.test");

    io_expect_alert(client, 112);
    io_send(client, more, sizeof more);
    io_expect_end(client);
    rig_close(rig, client);
    rig_expect_reason(rig, "no_route");
    rig_expect_in_line(rig, "\"sni\":\"unknown.test\"");

    rig_hold(rig);
    client = rig_hello_client(rig, "unknown.test");
    io_send(client, more, sizeof more); /* these are found together with the hello */
    rig_release(rig);
    io_expect_alert(client, 112);
    io_expect_end(client);
    io_send(client, more, sizeof more); /* and these later */
    rig_settle(rig);
    io_expect_no_reset(client);
    io_end(client);
    rig_expect_reason(rig, "no_route");
}

/* Nobody need hang up: it is over after a moment. */
static void refused_client_stays(void **state)
{
    struct rig *rig = *state;
    int client = rig_start_hello_client(rig, "", "unknown.test");

    io_expect_alert(client, 112);
    io_expect_end(client);
    rig_expect_reason(rig, "no_route");
}

/* Nor is a client read for ever that goes on sending. */
static void refused_client_keeps_sending(void **state)
{
    struct rig *rig = *state;
    static uint8_t more[4 * 1024 * 1024];
    int client = rig_start_hello_client(rig, "", "unknown.test");

    while (send(client, more, sizeof more, MSG_NOSIGNAL) > 0)
        continue;
    rig_expect_reason(rig, "no_route");
}

/* While half a hello was there the worker waited for many bytes; now every single one counts. */
static void refused_client_says_one_byte_more(void **state)
{
    struct rig *rig = *state;
    uint8_t hello[IO_HELLO_MAX];
    size_t len = io_hello("a.test", hello);
    int client = rig_start_client(rig, "\"timeouts\":{\"hello\":\"500ms\"},"
                                       "\"policies\":{\"hello_timeout\":\"alert\"}");

    io_send(client, hello, len / 2);
    io_expect_alert(client, 80);
    io_expect_end(client);
    io_send(client, hello + len / 2, 1); /* this one may bring other news, too */
    rig_settle(rig);
    io_send(client, hello + len / 2 + 1, 1);
    rig_expect_reason(rig, "hello_timeout");
    rig_settle(rig);
    io_expect_no_reset(client);
}

static void refused_client_resets(void **state)
{
    struct rig *rig = *state;
    int client = rig_start_hello_client(rig, "", "unknown.test");

    io_expect_alert(client, 112);
    rig_reset(rig, client);
    rig_expect_reason(rig, "no_route");
}

static void not_tls_closed_without_bytes(void **state)
{
    struct rig *rig = *state;
    int client = rig_start_client(rig, "");

    io_send_text(client, "SSH-2.0-OpenSSH_9.2\r\n");
    io_expect_end(client);
    rig_expect_reason(rig, "not_tls");
    io_expect_no_reset(client);
}

static void limit_reached_policy(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "\"limits\":{\"connections\":1}", &client, &server);
    int refused = rig_hello_client(rig, "a.test");
    io_expect_alert(refused, 80);
    io_expect_end(refused);
    rig_close(rig, refused);
    rig_expect_reason(rig, "limit");
    io_send_text(client, "still there");
    io_expect_text(server, "still there");
    rig_close(rig, client);
    rig_close(rig, server);
    rig_expect_reason(rig, "closed");
    rig_pair(rig, &client, &server); /* there is room again */
}

static void limit_reached_reset(void **state)
{
    struct rig *rig = *state;
    int client, server;

    rig_start_pair(rig, "\"limits\":{\"connections\":1},\"policies\":{\"limit\":\"reset\"}",
                   &client, &server);
    int refused = rig_hello_client(rig, "a.test");
    io_expect_reset(refused);
    rig_expect_reason(rig, "limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_ROWS(policy_alert),
        RIG_ROWS(policy_close),
        RIG_ROWS(policy_reset),
        RIG_ROWS(policy_default),
        RIG_ROWS(policy_backend),
        RIG_ROWS(unknown_sni_alert_112),
        RIG_ROWS(refused_client_stays),
        RIG_ROWS(refused_client_keeps_sending),
        RIG_ROWS(refused_client_resets),
        RIG_ROWS(refused_client_says_one_byte_more),
        RIG_ROWS(not_tls_closed_without_bytes),
        RIG_ROWS(limit_reached_policy),
        RIG_ROWS(limit_reached_reset),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
