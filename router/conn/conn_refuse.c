/*
 * Refusing: what the policy of a case says.
 *
 * The happy path
 *  - alert: the fatal alert, then FIN, then a brief wait that reads and throws away what the
 *    client still sends, so that no RST of ours overtakes the alert; the client hangs up, we
 *    close.
 *  - close: FIN; what lies unread is thrown away first, since closing over it would be a reset.
 *  - reset: RST.
 *  - a backend: the connection goes there, whatever was wrong.
 *
 * The failures
 *  - The client does not hang up, or keeps sending: closed after a moment or so many bytes.
 *  - The alert does not fit into the socket's buffer (a client that never reads): closed
 *    without.
 */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "router/conn/conn_parts.h"
#include "router/conn/decide.h"
#include "sni/alert.h"

/* How long a refused client may take to read its alert and hang up. */
#define REFUSED_MS 1000u

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
    bool alerted = false;

    conn->reason = (uint8_t)reason;
    conn_move(conn, CONN_CLOSING);
    if (action == POLICY_RESET) {
        net_reset_on_close(conn->client.fd);
        conn_close(conn, reason);
        return;
    }
    conn_reset_lowat(conn);
    if (action == POLICY_ALERT)
        alerted = send_alert(conn, reason_info(reason)->alert);
    if (shutdown(conn->client.fd, SHUT_WR) != 0)
        conn_close(conn, reason);
    else
        conn_linger_until_end(conn, reason, alerted ? REFUSED_MS : 0);
}

void conn_apply_policy(struct conn *conn, enum policy_case which, enum reason reason)
{
    struct decision decision = decide_case(conn_config(conn), which, reason);

    if (decision.action == POLICY_BACKEND) {
        conn->policy = (uint8_t)which;
        conn->backend = decision.backend;
        conn_connect(conn);
    } else {
        conn_refuse(conn, decision.action, reason);
    }
}
