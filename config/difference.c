#include "config/difference.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/fields.h"
#include "config/route_compare.h"

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* --- what is stored as the table of keys says --- */

static bool same_number(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

static bool same_value(const struct value_type *type, const void *a, const void *b)
{
    switch (type->kind) {
    case VALUE_BOOLEAN:
        return same_number(a, b, sizeof(bool));
    case VALUE_WORD:
        return same_number(a, b, sizeof(int));
    case VALUE_INTEGER:
    case VALUE_SIZE:
    case VALUE_MODE:
        return same_number(a, b, sizeof(uint32_t));
    case VALUE_DURATION:
        return same_number(a, b, sizeof(uint64_t));
    case VALUE_NAME:
    case VALUE_PATH:
        return same_text(*(const char *const *)a, *(const char *const *)b);
    case VALUE_LISTEN:
    case VALUE_SERVER:
        return same_text(((const struct address *)a)->text, ((const struct address *)b)->text);
    default:
        break;
    }
    assert(false); /* no struct of config.h has it: its form is compared by hand */
    return false;
}

/* Two structs that objects of this type are read into. */
static bool same_object(const struct value_type *type, const void *a, const void *b)
{
    const char *one = a, *other = b;

    for (const struct field *field = type->fields; field->key != NULL; field++) {
        if (!same_value(field->type, one + field->into, other + field->into))
            return false;
    }
    return true;
}

/* --- listeners and backends, by name --- */

/* What stands in a list of things, so that lists can be sorted and compared. */
struct named {
    const char *name;
    const void *thing;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* Walks through two lists in the order of their names. */
static void count_changes(struct named *before, size_t before_count, struct named *after,
                          size_t after_count, bool (*same)(const void *a, const void *b),
                          struct change_count *count)
{
    size_t b = 0, a = 0;

    qsort(before, before_count, sizeof *before, by_name);
    qsort(after, after_count, sizeof *after, by_name);
    while (b < before_count || a < after_count) {
        int order = b == before_count  ? 1
                    : a == after_count ? -1
                                       : strcmp(before[b].name, after[a].name);
        if (order == 0)
            count->changed += !same(before[b].thing, after[a].thing);
        count->removed += order < 0;
        count->added += order > 0;
        b += order <= 0;
        a += order >= 0;
    }
}

static bool same_listener(const void *one, const void *other)
{
    return same_object(&type_listener, one, other);
}

static size_t list_listeners(const struct config *config, struct named *list)
{
    for (uint32_t i = 0; i < config->listener_count; i++)
        list[i] = (struct named){config->listeners[i].name, &config->listeners[i]};
    return config->listener_count;
}

bool config_same_backend(const struct backend_config *a, const struct backend_config *b)
{
    if (a->balance != b->balance || a->tries != b->tries || a->server_count != b->server_count)
        return false;
    for (uint32_t i = 0; i < a->server_count; i++) {
        if (!same_object(&type_server, &a->servers[i], &b->servers[i]))
            return false;
    }
    return true;
}

static bool same_backend(const void *one, const void *other)
{
    return config_same_backend(one, other);
}

static size_t list_backends(const struct config *config, struct named *list)
{
    for (uint32_t i = 0; i < config->backend_count; i++)
        list[i] = (struct named){config->backends[i].name, &config->backends[i]};
    return config->backend_count;
}

/* --- routes, by host pattern --- */

struct pair {
    const struct config *before, *after;
};

static bool same_backend_name(const struct pair *pair, uint32_t before, uint32_t after)
{
    if (before == CONFIG_NONE || after == CONFIG_NONE)
        return before == after;
    return same_text(pair->before->backends[before].name, pair->after->backends[after].name);
}

static bool same_network(const struct network *a, const struct network *b)
{
    return a->v6 == b->v6 && a->bits == b->bits && memcmp(a->ip, b->ip, a->v6 ? 16 : 4) == 0;
}

static bool same_conditions(const struct pair *pair, const struct route_conditions *a,
                            const struct route_conditions *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a->alpn_count != b->alpn_count || a->from_count != b->from_count ||
        a->listener_count != b->listener_count)
        return false;
    for (uint32_t i = 0; i < a->alpn_count; i++) {
        if (!same_text(a->alpn[i], b->alpn[i]))
            return false;
    }
    for (uint32_t i = 0; i < a->from_count; i++) {
        if (!same_network(&a->from[i], &b->from[i]))
            return false;
    }
    for (uint32_t i = 0; i < a->listener_count; i++) {
        if (!same_text(pair->before->listeners[a->listeners[i]].name,
                       pair->after->listeners[b->listeners[i]].name))
            return false;
    }
    return true;
}

static bool same_timeouts(const struct timeouts *a, const struct timeouts *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return same_object(&type_timeouts, a, b);
}

static bool same_route(void *context, uint32_t before, uint32_t after)
{
    const struct pair *pair = context;
    const struct route *a = &pair->before->routes[before], *b = &pair->after->routes[after];

    return same_text(a->name, b->name) && same_backend_name(pair, a->backend, b->backend) &&
           same_conditions(pair, a->when, b->when) && same_timeouts(a->timeouts, b->timeouts);
}

/* --- the rest --- */

static bool same_settings(const struct pair *pair)
{
    const struct config *a = pair->before, *b = pair->after;

    for (int i = 0; i < POLICY_CASES; i++) {
        if (a->policies[i].action != b->policies[i].action ||
            !same_backend_name(pair, a->policies[i].backend, b->policies[i].backend))
            return false;
    }
    return same_timeouts(&a->timeouts, &b->timeouts) && a->workers == b->workers &&
           a->max_connections == b->max_connections &&
           a->hello_limit_bytes == b->hello_limit_bytes &&
           a->sockets.receive_bytes == b->sockets.receive_bytes &&
           a->sockets.send_bytes == b->sockets.send_bytes &&
           a->sockets.held_bytes == b->sockets.held_bytes && a->reload.watch == b->reload.watch &&
           a->reload.settle_ms == b->reload.settle_ms && a->reload.poll_ms == b->reload.poll_ms &&
           same_text(a->log.access_path, b->log.access_path) &&
           a->log.access_format == b->log.access_format && a->log.level == b->log.level;
}

/* --- all of it --- */

static void all_added(const struct config *after, struct config_difference *difference)
{
    difference->listeners.added = after->listener_count;
    difference->backends.added = after->backend_count;
    difference->hosts.added = route_table_patterns(after->table);
    difference->settings = true;
}

static size_t longest_list(const struct config *config)
{
    return config->listener_count > config->backend_count ? config->listener_count
                                                          : config->backend_count;
}

bool config_difference(const struct config *before, const struct config *after,
                       struct config_difference *difference)
{
    struct pair pair = {before, after};
    struct route_table_change change;

    *difference = (struct config_difference){0};
    if (before == NULL) {
        all_added(after, difference);
        return true;
    }
    struct named *old = calloc(longest_list(before) + 1, sizeof *old);
    struct named *new = calloc(longest_list(after) + 1, sizeof *new);
    if (old != NULL && new != NULL) {
        size_t count = list_listeners(before, old);
        count_changes(old, count, new, list_listeners(after, new), same_listener,
                      &difference->listeners);
        count = list_backends(before, old);
        count_changes(old, count, new, list_backends(after, new), same_backend,
                      &difference->backends);
        route_table_compare(before->table, after->table, same_route, &pair, &change);
        difference->hosts = (struct change_count){change.added, change.removed, change.changed};
        difference->settings = !same_settings(&pair);
    }
    bool ok = old != NULL && new != NULL;
    free(old);
    free(new);
    return ok;
}
