#include "config/lint.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/name_index.h"

/* --- which clients can reach a listener --- */

enum family { FAMILY_IPV4 = 1, FAMILY_IPV6 = 2, FAMILY_UNIX = 4 };

static unsigned listener_families(const struct listener_config *listener)
{
    if (listener->address.kind == ADDRESS_UNIX)
        return FAMILY_UNIX;
    if (listener->address.kind == ADDRESS_IPV4)
        return FAMILY_IPV4;
    static const uint8_t any[16];
    bool both = !listener->v6only && memcmp(listener->address.ip, any, sizeof any) == 0;
    return both ? FAMILY_IPV4 | FAMILY_IPV6 : FAMILY_IPV6;
}

/* Families of the clients that can come to a route: through its listeners, or through any. */
static unsigned route_families(const struct config *config, const struct route_conditions *when)
{
    unsigned families = 0;

    if (when->listener_count == 0) {
        for (uint32_t i = 0; i < config->listener_count; i++)
            families |= listener_families(&config->listeners[i]);
    }
    for (uint32_t i = 0; i < when->listener_count; i++) {
        assert(when->listeners[i] < config->listener_count);
        families |= listener_families(&config->listeners[when->listeners[i]]);
    }
    return families;
}

static unsigned networks_families(const struct route_conditions *when, bool whole_only)
{
    unsigned families = 0;

    for (uint32_t i = 0; i < when->from_count; i++) {
        if (!whole_only || when->from[i].bits == 0)
            families |= when->from[i].v6 ? FAMILY_IPV6 : FAMILY_IPV4;
    }
    return families;
}

static bool names_all_listeners(const struct config *config, const struct route_conditions *when)
{
    if (when->listener_count < config->listener_count)
        return false;
    for (uint32_t i = 0; i < config->listener_count; i++) {
        uint32_t j = 0;
        while (j < when->listener_count && when->listeners[j] != i)
            j++;
        if (j == when->listener_count)
            return false;
    }
    return true;
}

bool lint_always_holds(const struct config *config, const struct route *route)
{
    const struct route_conditions *when = route->when;

    if (when == NULL || when->alpn_count > 0)
        return false;
    if (when->listener_count > 0 && !names_all_listeners(config, when))
        return false;
    if (when->from_count == 0)
        return true;
    return (route_families(config, when) & ~networks_families(when, true)) == 0;
}

bool lint_never_holds(const struct config *config, const struct route *route)
{
    const struct route_conditions *when = route->when;

    if (when == NULL || when->from_count == 0)
        return false;
    return (route_families(config, when) & networks_families(when, false)) == 0;
}

/* --- routes --- */

/* "h2,http/1.1" could be one protocol, but is none that anybody speaks. */
static void lint_alpn(const struct route *route, struct finding_log *findings)
{
    const struct route_conditions *when = route->when;

    for (uint32_t i = 0; when != NULL && i < when->alpn_count; i++) {
        if (strchr(when->alpn[i], ',') != NULL)
            finding_warning_at(findings, (struct position){route->line, route->column},
                               "\"%.80s\" counts as one protocol: several are an array "
                               "([\"h2\", \"http/1.1\"])",
                               when->alpn[i]);
    }
}

static void lint_routes(const struct config *config, struct finding_log *findings)
{
    for (uint32_t i = 0; i < config->route_count; i++) {
        const struct route *route = &config->routes[i];
        struct position at = {route->line, route->column};
        if (lint_never_holds(config, route))
            finding_warning_at(
                findings, at,
                "this route can never match: none of its listeners accepts clients from "
                "its networks");
        lint_alpn(route, findings);
        const struct timeouts *own = route->timeouts;
        if (own != NULL && own->idle_ms > 0 && own->idle_ms < 1000 &&
            own->idle_ms != config->timeouts.idle_ms)
            finding_warning_at(findings, at, "this route's idle timeout is less than a second");
    }
}

/* --- listeners --- */

static bool is_any(const struct address *address)
{
    static const uint8_t any[16];

    return address->kind != ADDRESS_UNIX && address->kind != ADDRESS_NAME &&
           memcmp(address->ip, any, sizeof any) == 0;
}

static void lint_listeners(const struct config *config, struct finding_log *findings)
{
    for (uint32_t i = 0; i < config->listener_count; i++) {
        const struct listener_config *wide = &config->listeners[i];
        if (!is_any(&wide->address) || wide->address.kind != ADDRESS_IPV6 || wide->v6only ||
            wide->address.port == 0)
            continue;
        for (uint32_t j = 0; j < config->listener_count; j++) {
            const struct listener_config *other = &config->listeners[j];
            if (other->address.kind != ADDRESS_IPV4 || other->address.port != wide->address.port)
                continue;
            finding_warning_at(
                findings, other->at,
                "%s accepts the same clients as %s, unless that has \"v6only\": true",
                other->address.text, wide->address.text);
        }
    }
}

/* --- backends --- */

static bool is_loopback(const struct address *address)
{
    static const uint8_t one[16] = {[15] = 1};

    if (address->kind == ADDRESS_NAME)
        return strcmp(address->path, "localhost") == 0;
    if (address->kind == ADDRESS_IPV4)
        return address->ip[0] == 127;
    return address->kind == ADDRESS_IPV6 && memcmp(address->ip, one, sizeof one) == 0;
}

/* Whether connecting to `server` reaches `listener`, as far as addresses alone tell. */
static bool reaches(const struct address *server, const struct listener_config *listener)
{
    const struct address *own = &listener->address;

    if (strcmp(server->text, own->text) == 0)
        return true;
    if (own->kind == ADDRESS_UNIX || server->kind == ADDRESS_UNIX || server->port != own->port)
        return false;
    bool here = is_loopback(server) || is_any(server);
    if (!here)
        return false;
    unsigned families = listener_families(listener);
    bool same_family = (server->kind == ADDRESS_IPV4 && (families & FAMILY_IPV4)) ||
                       (server->kind == ADDRESS_IPV6 && (families & FAMILY_IPV6)) ||
                       server->kind == ADDRESS_NAME;
    return same_family && (is_any(own) || (is_loopback(own) && !is_loopback(server)) ||
                           (is_loopback(own) && server->kind == ADDRESS_NAME));
}

static void lint_loop(const struct config *config, const struct server_config *server,
                      struct finding_log *findings)
{
    for (uint32_t i = 0; i < config->listener_count; i++) {
        const struct listener_config *listener = &config->listeners[i];
        if (listener->address.kind != ADDRESS_UNIX && listener->address.port == 0)
            continue;
        if (!reaches(&server->address, listener))
            continue;
        finding_warning_at(findings, server->at,
                           "%s is our own listener %s: connections would go in a circle",
                           server->address.text, listener->address.text);
        return;
    }
}

/* False: no memory. */
static bool lint_twice(const struct backend_config *backend, struct finding_log *findings)
{
    struct name_index seen = {0};
    bool ok = true;

    for (uint32_t i = 0; i < backend->server_count && ok && backend->server_count > 1; i++) {
        const struct server_config *server = &backend->servers[i];
        if (name_index_find(&seen, server->address.text) == NAME_INDEX_NONE)
            ok = name_index_add(&seen, server->address.text, i);
        else
            finding_warning_at(findings, server->at,
                               "%s stands twice in this backend (a weight says it better)",
                               server->address.text);
    }
    name_index_free(&seen);
    return ok;
}

static bool lint_backend(const struct config *config, const struct backend_config *backend,
                         bool used, struct finding_log *findings)
{
    uint32_t weights = 0;

    for (uint32_t i = 0; i < backend->server_count; i++) {
        weights |= backend->servers[i].weight;
        lint_loop(config, &backend->servers[i], findings);
    }
    if (weights == 0)
        finding_warning_at(
            findings, backend->at,
            "all servers of backend \"%.80s\" have weight 0: it takes no connections",
            backend->name);
    if (!used)
        finding_warning_at(findings, backend->at, "backend \"%.80s\" is not used", backend->name);
    return lint_twice(backend, findings);
}

static void lint_backends(const struct config *config, struct finding_log *findings)
{
    bool *used = calloc((size_t)config->backend_count + 1, sizeof *used);
    bool ok = used != NULL;

    for (uint32_t i = 0; i < config->route_count && ok; i++) {
        assert(config->routes[i].backend < config->backend_count);
        used[config->routes[i].backend] = true;
    }
    for (size_t i = 0; i < POLICY_CASES && ok; i++) {
        if (config->policies[i].action == POLICY_BACKEND) {
            assert(config->policies[i].backend < config->backend_count);
            used[config->policies[i].backend] = true;
        }
    }
    for (uint32_t i = 0; i < config->backend_count && ok; i++)
        ok = lint_backend(config, &config->backends[i], used[i], findings);
    if (!ok)
        finding_no_memory(findings);
    free(used);
}

void lint_config(const struct config *config, struct finding_log *findings)
{
    lint_listeners(config, findings);
    lint_backends(config, findings);
    lint_routes(config, findings);
}
