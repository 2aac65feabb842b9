#include "router/conn/conn_loop.h"

#include "router/conn/loop_guard.h"
#include "router/net/net.h"

/* So much of a hello tells it from others: it has the random bytes, and mostly a session id. */
#define HELLO_HEAD_BYTES 128u

/* Whether the client's socket is the other end of one of ours. */
static bool client_is_us(const struct conn *conn)
{
    struct loop_guard *guard = &conn->conns->shared->loop_guard;
    const struct peer *peer = &conn->passage.peer;

    if (!peer->known)
        return net_peer_is_us(conn->client.fd);
    if (!loop_guard_knows_from(guard, peer))
        return false;
    struct peer here = net_local(conn->client.fd);
    return loop_guard_knows(guard, peer, &here);
}

bool loop_comes_back(struct conn *conn, const uint8_t *hello, size_t len)
{
    struct loop_guard *guard = &conn->conns->shared->loop_guard;
    size_t head = len < HELLO_HEAD_BYTES ? len : HELLO_HEAD_BYTES;
    uint32_t count = loop_guard_count(guard, hello, head, conn_now(conn));

    conn->suspect = loop_guard_suspects(count);
    return count > LOOP_SUSPECT && client_is_us(conn);
}

void loop_note_socket(struct conn *conn, int fd, const struct target *target)
{
    struct peer from = net_local(fd), to;

    peer_from_target(target, &to);
    if (from.known && to.known)
        loop_guard_note(&conn->conns->shared->loop_guard, &from, &to);
}
