#include "router/conn/decide.h"

#include <assert.h>

struct decision decide_case(const struct config *config, enum policy_case which, enum reason reason)
{
    assert(which < POLICY_CASES && reason < REASON_COUNT);
    const struct policy *policy = &config->policies[which];

    assert((policy->action == POLICY_BACKEND) == (policy->backend != CONFIG_NONE));
    /* When no server can be reached, another backend is no way out: it could fail the same way. */
    assert(which != POLICY_NO_SERVER || policy->action != POLICY_BACKEND);
    return (struct decision){.route = ROUTE_NONE,
                             .backend = policy->backend,
                             .which = which,
                             .action = policy->action,
                             .reason = reason};
}

struct route_query decide_query(const struct client_hello *hello, const struct peer *peer,
                                uint32_t listener)
{
    return (struct route_query){.host = hello->host,
                                .host_len = hello->host_len,
                                .hello = hello,
                                .client_ip = peer->known ? peer->ip : NULL,
                                .client_v6 = peer->v6,
                                .listener = listener};
}

static struct decision decide_name(const struct config *config, const struct client_hello *hello,
                                   const struct peer *peer, uint32_t listener)
{
    struct route_query query = decide_query(hello, peer, listener);
    struct route_hit hit = {.route = ROUTE_NONE};

    if (hello->name == HELLO_NAME_NONE)
        return decide_case(config, POLICY_NO_SNI, REASON_NO_SNI);
    if (hello->name == HELLO_NAME_HOST) /* an IP literal is a name that no route can have */
        hit = route_table_hit(config->table, &query);
    if (hit.route == ROUTE_NONE)
        return decide_case(config, POLICY_UNKNOWN_SNI, REASON_NO_ROUTE);
    assert(hit.route < config->route_count);
    const struct route *route = &config->routes[hit.route];
    assert(route->backend < config->backend_count);
    return (struct decision){.route = hit.route,
                             .pattern = route->named ? (struct route_pattern){0} : hit.pattern,
                             .backend = route->backend,
                             .which = POLICY_CASES,
                             .action = POLICY_BACKEND,
                             .reason = REASON_NONE};
}

struct decision decide_hello(const struct config *config, enum hello_result result,
                             const struct client_hello *hello, const struct peer *peer,
                             uint32_t listener)
{
    assert(result != HELLO_MORE);
    switch (result) {
    case HELLO_OK:
        return decide_name(config, hello, peer, listener);
    case HELLO_NOT_TLS:
        return decide_case(config, POLICY_NOT_TLS, REASON_NOT_TLS);
    case HELLO_TOO_LARGE:
        return decide_case(config, POLICY_TOO_LARGE, REASON_TOO_LARGE);
    case HELLO_MALFORMED:
    case HELLO_MORE:
        break;
    }
    return decide_case(config, POLICY_MALFORMED, REASON_MALFORMED);
}
