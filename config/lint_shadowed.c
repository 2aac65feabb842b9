/*
 * Routes that can never match, because a route with the same host comes before them and its
 * conditions always hold. The table cannot list its patterns, so the hosts are read from the file a
 * second time, but only when there is a route whose conditions always hold.
 */
#include "config/lint.h"

#include <string.h>

#include "config/loader.h"
#include "config/text_value.h"

struct shadow {
    struct loader *loader;
    const char *pattern; /* the host looked at */
    size_t pattern_len;
    uint32_t route; /* the route whose conditions always hold */
    bool passed;    /* whether `route` has been among the candidates so far */
};

static void on_candidate(void *context, const struct route_candidate *candidate)
{
    struct shadow *shadow = context;
    struct finding_log *findings = &shadow->loader->findings;
    char place[FINDING_PLACE_MAX];

    if (candidate->pattern_len != shadow->pattern_len ||
        memcmp(candidate->pattern, shadow->pattern, shadow->pattern_len) != 0)
        return;
    if (candidate->route == shadow->route) {
        shadow->passed = true;
    } else if (shadow->passed) {
        const struct route *routes = shadow->loader->config->routes;
        const struct route *lost = &routes[candidate->route], *wins = &routes[shadow->route];
        finding_warning_at(
            findings, (struct position){lost->line, lost->column},
            "this route can never match \"%s\": the conditions of another (%s) always "
            "hold",
            shadow->pattern,
            finding_place(findings, (struct position){wins->line, wins->column}, place));
    }
}

static void shadow_host(struct loader *loader, const struct json_node *item, uint32_t route)
{
    struct host_pattern host;
    struct problem problem;
    char name[HOST_PATTERN_MAX + 2];

    if (!host_parse(json_string(item), &host, &problem))
        return;
    /* A name that the pattern matches. */
    const char *base = host.text + strspn(host.text, "*");
    int len = snprintf(name, sizeof name, "%s%s", base == host.text ? "" : "a", base);
    struct route_query query = {.host = name, .host_len = (size_t)len, .listener = UINT32_MAX};
    struct shadow shadow = {
        .loader = loader, .pattern = host.text, .pattern_len = host.len, .route = route};
    route_table_explain(loader->config->table, &query, on_candidate, &shadow);
}

static void shadow_route(struct loader *loader, const struct json_node *node, uint32_t route)
{
    const struct json_node *host = json_member(node, "host");

    if (host == NULL)
        return;
    if (json_kind(host) == JSON_STRING) {
        shadow_host(loader, host, route);
    } else {
        for (host = json_first(host); host != NULL; host = json_next(host))
            shadow_host(loader, host, route);
    }
}

void lint_shadowed(struct loader *loader)
{
    const struct config *config = loader->config;
    uint32_t first = 0;

    while (first < config->route_count && !lint_always_holds(config, &config->routes[first]))
        first++;
    if (first == config->route_count)
        return;
    struct list_walk walk;
    uint32_t route = 0;
    list_walk_start(&walk, loader, LIST_ROUTES);
    for (const struct json_node *node; (node = list_walk_next(&walk)) != NULL; route++) {
        if (lint_always_holds(config, &config->routes[route]))
            shadow_route(loader, node, route);
    }
}
