/* Routes, and the table that finds them. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/loader.h"
#include "config/network.h"
#include "config/route_build.h"
#include "config/text_value.h"

struct route_loading {
    struct loader *loader;
    struct route_builder *builder;
    const struct timeouts *last_timeouts; /* shared by neighbours, which often have the same */
};

/* --- conditions --- */

static bool load_alpn(struct loader *loader, const struct json_node *list,
                      struct route_conditions *when)
{
    const char **names = loader_alloc(loader, items_count(list) * sizeof *names);

    if (names == NULL)
        return false;
    when->alpn = names;
    for (const struct json_node *item = items_first(list); item != NULL;
         item = items_next(list, item)) {
        const char *name = json_string(item);
        names[when->alpn_count] = arena_text(loader->config->arena, name, strlen(name));
        if (names[when->alpn_count++] == NULL) {
            finding_no_memory(&loader->findings);
            return false;
        }
    }
    return true;
}

static bool load_from(struct loader *loader, const struct json_node *list,
                      struct route_conditions *when)
{
    struct network *networks = loader_alloc(loader, items_count(list) * sizeof *networks);

    if (networks == NULL)
        return false;
    when->from = networks;
    for (const struct json_node *item = items_first(list); item != NULL;
         item = items_next(list, item)) {
        struct problem problem;
        bool cleared;
        if (!network_parse(json_string(item), &networks[when->from_count], &cleared, &problem))
            return false; /* reported before */
        if (cleared)
            finding_warning(&loader->findings, loader_offset(loader, item),
                            "\"%s\" has bits behind its prefix: the whole network counts",
                            json_string(item));
        when->from_count++;
    }
    return true;
}

static bool load_listener_names(struct loader *loader, const struct json_node *list,
                                struct route_conditions *when)
{
    uint32_t *indexes = loader_alloc(loader, items_count(list) * sizeof *indexes);
    bool ok = indexes != NULL;

    when->listeners = indexes;
    for (const struct json_node *item = items_first(list); item != NULL && indexes != NULL;
         item = items_next(list, item)) {
        uint32_t index = loader_listener(loader, item);
        ok &= index != CONFIG_NONE;
        indexes[when->listener_count++] = index;
    }
    return ok;
}

static bool load_conditions(struct loader *loader, const struct route_form *form,
                            struct route *route)
{
    if (form->alpn == NULL && form->from == NULL && form->listener == NULL)
        return true;
    struct route_conditions *when = loader_alloc(loader, sizeof *when);
    if (when == NULL)
        return false;
    route->when = when;
    bool ok = form->alpn == NULL || load_alpn(loader, form->alpn, when);
    ok &= form->from == NULL || load_from(loader, form->from, when);
    ok &= form->listener == NULL || load_listener_names(loader, form->listener, when);
    return ok;
}

/* --- the rest of a route --- */

static bool load_timeouts(struct route_loading *loading, const struct route_form *form,
                          struct route *route)
{
    struct loader *loader = loading->loader;

    if (memcmp(&form->timeouts, &loader->config->timeouts, sizeof form->timeouts) == 0)
        return true;
    const struct timeouts *last = loading->last_timeouts;
    if (last == NULL || memcmp(&form->timeouts, last, sizeof *last) != 0) {
        struct timeouts *own = loader_alloc(loader, sizeof *own);
        if (own == NULL)
            return false;
        *own = form->timeouts;
        loading->last_timeouts = own;
    }
    route->timeouts = loading->last_timeouts;
    return true;
}

/* Length without the trailing dot. */
static size_t host_length(const char *host)
{
    size_t len = strlen(host);

    return len > 0 && host[len - 1] == '.' ? len - 1 : len;
}

static int by_host(const void *left, const void *right)
{
    const struct json_node *const *a = left, *const *b = right;
    const char *a_host = json_string(*a), *b_host = json_string(*b);
    size_t a_len = host_length(a_host), b_len = host_length(b_host);

    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    int order = strncasecmp(a_host, b_host, a_len);
    return order != 0 ? order : json_key_offset(*a) < json_key_offset(*b) ? -1 : 1;
}

/* The table would take the same host twice, but the operator must have meant another one. */
static bool check_twice(struct loader *loader, const struct json_node *list)
{
    uint32_t count = items_count(list), filled = 0;
    bool ok = true;

    if (count < 2)
        return true;
    const struct json_node **hosts = malloc(count * sizeof *hosts);
    if (hosts == NULL) {
        finding_no_memory(&loader->findings);
        return false;
    }
    for (const struct json_node *item = items_first(list); item != NULL;
         item = items_next(list, item))
        hosts[filled++] = item;
    qsort(hosts, count, sizeof *hosts, by_host);
    for (uint32_t i = 1; i < count; i++) {
        const char *host = json_string(hosts[i]), *other = json_string(hosts[i - 1]);
        size_t len = host_length(host);
        if (host_length(other) != len || strncasecmp(host, other, len) != 0)
            continue;
        finding_error(&loader->findings, loader_offset(loader, hosts[i]),
                      "\"%s\" stands twice in this route", host);
        ok = false;
    }
    free(hosts);
    return ok;
}

/* Adds the hosts to the table. The first one names the route, unless the file does. */
static bool load_hosts(struct route_loading *loading, const struct json_node *list,
                       struct route *route)
{
    struct loader *loader = loading->loader;
    struct config *config = loader->config;

    for (const struct json_node *item = items_first(list); item != NULL;
         item = items_next(list, item)) {
        struct host_pattern host;
        struct problem problem;
        if (!host_parse(json_string(item), &host, &problem))
            return false; /* reported before */
        if (host.trailing_dot)
            finding_warning(&loader->findings, loader_offset(loader, item),
                            "\"%s\" ends in a dot, which clients do not send: it is taken without",
                            json_string(item));
        if (strchr(host.text, '.') == NULL && strcmp(host.text, "localhost") != 0)
            finding_warning(
                &loader->findings, loader_offset(loader, item),
                "\"%s\": a host without a dot matches only that literal name (for all "
                "other names write \"default\": \"BACKEND\" next to \"routes\" in the file)",
                host.text);
        if (route->name == NULL)
            route->name = arena_text(config->arena, host.text, host.len);
        if (route->name == NULL || !route_builder_add(loading->builder, host.text, host.len,
                                                      (uint32_t)(route - config->routes))) {
            finding_no_memory(&loader->findings);
            return false;
        }
    }
    return true;
}

static void route_load(struct route_loading *loading, const struct json_node *node)
{
    struct loader *loader = loading->loader;
    struct config *config = loader->config;
    struct route_form form = {.timeouts = config->timeouts};
    struct route *route = &config->routes[config->route_count];
    bool ok = field_read(&loader->reader, &type_route, node, &form);
    struct position at = loader_position(loader, form.host != NULL ? items_first(form.host) : node);

    *route = (struct route){
        .name = form.name, .named = form.name != NULL, .line = at.line, .column = at.column};
    /* Names are looked up even in a route that has other errors. */
    route->backend =
        form.backend != NULL ? loader_backend(loader, form.backend, NULL) : CONFIG_NONE;
    ok &= load_conditions(loader, &form, route);
    ok &= load_timeouts(loading, &form, route);
    ok = ok && check_twice(loader, form.host);
    if (ok && load_hosts(loading, form.host, route))
        config->route_count++;
}

/* --- the table --- */

static bool has_alpn(const struct route_conditions *when, const char *protocol)
{
    for (uint32_t i = 0; i < when->alpn_count; i++) {
        if (strcmp(when->alpn[i], protocol) == 0)
            return true;
    }
    return false;
}

/* Why two routes can tie, and what to do: the operator may think that `alpn` keeps them apart. */
static void conflict_explain(const struct route *first, const struct route *second, char *out,
                             size_t size)
{
    static const struct route_conditions none;
    const struct route_conditions *a = first->when != NULL ? first->when : &none;
    const struct route_conditions *b = second->when != NULL ? second->when : &none;
    bool apart = a->alpn_count > 0 && b->alpn_count > 0;

    for (uint32_t i = 0; i < a->alpn_count; i++)
        apart = apart && !has_alpn(b, a->alpn[i]);
    if (apart)
        snprintf(
            out, size,
            ": a client may offer both \"%.40s\" and \"%.40s\"; drop the condition on one, and "
            "the other goes first",
            a->alpn[0], b->alpn[0]);
    else
        snprintf(
            out, size, "%s",
            " with the same number of conditions: give one of them a further condition, and it "
            "goes first");
}

static void on_conflict(void *context, const struct route_conflict *conflict)
{
    struct loader *loader = context;
    const struct route *routes = loader->config->routes;
    const struct route *first = &routes[conflict->first], *second = &routes[conflict->second];

    if (second->line < first->line ||
        (second->line == first->line && second->column < first->column)) {
        first = second;
        second = &routes[conflict->first];
    }
    if (finding_log_full(&loader->findings)) {
        finding_error(&loader->findings, FINDING_WHOLE, "conflicting routes");
        return;
    }
    size_t offset =
        finding_offset(&loader->findings, (struct position){second->line, second->column});
    char place[FINDING_PLACE_MAX], why[240];
    finding_place(&loader->findings, (struct position){first->line, first->column}, place);
    conflict_explain(first, second, why, sizeof why);
    if (conflict->duplicate)
        finding_error(&loader->findings, offset, "\"%s\" has a route already (%s)",
                      conflict->pattern, place);
    else
        finding_error(&loader->findings, offset,
                      "\"%s\": this route and another (%s) could both match%s", conflict->pattern,
                      place, why);
}

void load_routes(struct loader *loader)
{
    struct list_walk walk;
    struct config *config = loader->config;

    list_walk_start(&walk, loader, LIST_ROUTES);
    config->routes = loader_alloc(loader, walk.left * sizeof *config->routes);
    if (config->routes == NULL)
        return;
    struct route_loading loading = {.loader = loader,
                                    .builder = route_builder_new(config->routes, walk.left)};
    if (loading.builder == NULL) {
        finding_no_memory(&loader->findings);
        return;
    }
    for (const struct json_node *node; (node = list_walk_next(&walk)) != NULL;)
        route_load(&loading, node);
    bool no_memory = false;
    assert(walk.left == 0 || loader->findings.found->no_memory);
    config->table = route_builder_finish(loading.builder, on_conflict, loader, &no_memory);
    if (no_memory)
        finding_no_memory(&loader->findings);
}
