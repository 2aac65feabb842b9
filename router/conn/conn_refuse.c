/*
 * CLOSING, its beginning when a client is refused: what the action of a policy says.
 *
 * The happy path
 *  - alert: the fatal alert, then FIN, then the client has a moment to hang up; what it still
 *    sends is read and thrown away, so that no RST of ours overtakes the alert.
 *  - close: FIN; what lies unread is thrown away first, since closing over it would be a reset.
 *  - reset: RST.
 *
 * The failures
 *  - The alert does not fit into the socket's buffer (a client that never reads): FIN without it.
 *  - The client is gone: over.
 */
#include "router/conn/conn_refuse.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "router/net/net.h"
#include "sni/alert.h"

/* How long a refused client may take to read its alert and hang up. */
#define REFUSED_MS 1000u

/* True when the alert is on its way. */
static bool send_alert(const struct conn *conn, enum tls_alert alert)
{
    uint8_t record[TLS_ALERT_BYTES];

    if (alert == TLS_ALERT_NONE)
        return false;
    tls_alert_build(record, alert, conn->passage.tls_version);
    ssize_t n;
    do {
        n = send(conn->client.fd, record, sizeof record, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof record;
}

struct verdict refuse_begin(struct conn *conn, enum policy_action action)
{
    enum reason reason = (enum reason)conn->reason;
    bool alerted = false;

    assert(conn->state == CONN_CLOSING && reason != REASON_NONE);
    assert(action != POLICY_BACKEND && conn->client.fd >= 0);
    if (action == POLICY_RESET) {
        net_reset_on_close(conn->client.fd);
        return verdict_end(reason);
    }
    if (action == POLICY_ALERT)
        alerted = send_alert(conn, reason_info(reason)->alert);
    if (shutdown(conn->client.fd, SHUT_WR) != 0)
        return verdict_end(reason);
    return verdict_hang_up(alerted ? REFUSED_MS : 0);
}
