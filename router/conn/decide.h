#ifndef ROUTER_DECIDE_H
#define ROUTER_DECIDE_H

/*
 * Where a client goes: the one place that decides it. A hello (or what was wrong with it), who sent
 * it and which listener took it go in; a route and its backend, or a policy case and the reason
 * come out. Connections, `explain` and whatever else asks "where would this go?" call it.
 *
 * Pure: no socket, no loop, no allocation. Any thread.
 */

#include <stdint.h>

#include "config/config.h"
#include "router/log/reason.h"
#include "router/net/sockaddr.h"
#include "sni/hello.h"

struct decision {
    uint32_t route;               /* the route that matched; ROUTE_NONE: none did */
    struct route_pattern pattern; /* that it has matched by; none when the route has a name */
    uint32_t backend;             /* where the client goes; CONFIG_NONE: it is refused */
    enum policy_case which;       /* the case whose policy decided; POLICY_CASES: the route did */
    enum policy_action action;    /* of that policy */
    enum reason reason;           /* why no route decided; REASON_NONE: one did */
};

/*
 * For a hello of which hello_parse() has said `result`, which is anything but HELLO_MORE. `hello`
 * is read for HELLO_OK only. `listener` is an index of the configuration, or CONFIG_NONE.
 */
struct decision decide_hello(const struct config *config, enum hello_result result,
                             const struct client_hello *hello, const struct peer *peer,
                             uint32_t listener);

/* What the policy of a case says; `reason` is why the case has come up. */
struct decision decide_case(const struct config *config, enum policy_case which,
                            enum reason reason);

/* What decide_hello() asks the route table, for those who want its candidates as well. */
struct route_query decide_query(const struct client_hello *hello, const struct peer *peer,
                                uint32_t listener);

#endif
