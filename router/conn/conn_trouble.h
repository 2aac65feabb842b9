#ifndef ROUTER_CONN_TROUBLE_H
#define ROUTER_CONN_TROUBLE_H

/*
 * The error log's lines about servers that begin and cease to fail, as one connection finds out.
 * What is told, and how often of one server, is said in router/state/trouble.h; a worker tells at
 * most CONNS_NEWS_MAX such lines in CONNS_SAY_EVERY_MS, and names the other servers later.
 */

#include "router/conn/conn_state.h"

/*
 * CONNECTING: the server in use has failed for this reason. A loop and what the router itself lacks
 * are not the server's, and are said elsewhere.
 */
void conn_server_failed(struct conn *conn, enum reason reason);

/* CONNECTING: the server in use has accepted. */
void conn_server_worked(struct conn *conn);

#endif
