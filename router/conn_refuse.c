/*
 * Refusing: what the policy of a case says.
 *
 * The happy path
 *  - alert: the fatal alert, then FIN, then a brief wait that reads and throws away what the client
 *    still sends, so that no RST of ours overtakes the alert; the client hangs up, we close.
 *  - close: FIN; what lies unread is thrown away first, since closing over it would be a reset.
 *  - reset: RST.
 *  - a backend: the connection goes there, whatever was wrong.
 *
 * The failures
 *  - The client does not hang up, or keeps sending: closed after a moment or so many bytes.
 *  - The alert does not fit into the socket's buffer (a client that never reads): closed without.
 */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "router/conn_parts.h"
#include "sni/alert.h"

/* How long a refused client may take to hang up, and how much it may still say. */
#define LINGER_MS    1000
#define LINGER_BYTES (1024u * 1024u)

void conn_linger(struct conn *conn)
{
    while (conn->lingered_bytes < LINGER_BYTES) {
        ssize_t n =
            recv(conn->client.fd, conn->worker->tools.scratch, conn->worker->tools.copy_bytes, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        conn->lingered_bytes += (uint32_t)n;
    }
    conn_close(conn, (enum reason)conn->reason);
}

/* True when the alert is on its way. */
static bool send_alert(const struct conn *conn, enum tls_alert alert)
{
    uint8_t record[TLS_ALERT_BYTES];

    if (alert == TLS_ALERT_NONE)
        return false;
    tls_alert_build(record, alert, conn->tls_version);
    return send(conn->client.fd, record, sizeof record, MSG_NOSIGNAL) == (ssize_t)sizeof record;
}

void conn_refuse(struct conn *conn, enum policy_action action, enum reason reason)
{
    conn->reason = (uint8_t)reason;
    conn_move(conn, CONN_CLOSING);
    if (action == POLICY_RESET) {
        net_reset_on_close(conn->client.fd);
        conn_close(conn, reason);
        return;
    }
    conn_reset_lowat(conn);
    if (action == POLICY_ALERT)
        conn->lingers = send_alert(conn, reason_info(reason)->alert);
    if (shutdown(conn->client.fd, SHUT_WR) != 0) {
        conn_close(conn, reason);
        return;
    }
    if (conn->lingers) {
        conn_arm(conn, LINGER_MS);
        if (!conn_watch_client(conn))
            return;
    }
    conn_linger(conn);
    if (!conn->lingers)
        conn_close(conn, reason); /* idempotent: the linger may have closed already */
}

void conn_apply_policy(struct conn *conn, enum policy_case which, enum reason reason)
{
    const struct policy *policy = &conn_config(conn)->policies[which];

    if (policy->action == POLICY_BACKEND) {
        conn->backend = policy->backend;
        conn_connect(conn);
    } else {
        conn_refuse(conn, policy->action, reason);
    }
}
