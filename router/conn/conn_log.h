#ifndef ROUTER_CONN_LOG_H
#define ROUTER_CONN_LOG_H

/* A connection's line in the access log, made at its end from its passage. */

#include "router/conn/conn_state.h"

void conn_log(const struct conn *conn, enum log_format format);

#endif
