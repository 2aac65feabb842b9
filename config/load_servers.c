/* Listeners and backends. */
#include <assert.h>
#include <string.h>

#include "config/loader.h"
#include "config/text_value.h"

/* --- listeners --- */

static bool name_register(struct loader *loader, struct name_index *names, const char *name,
                          uint32_t index)
{
    bool ok = name_index_add(names, name, index);

    if (!ok)
        finding_no_memory(&loader->findings);
    return ok;
}

/* Refuses keys that only other kinds of address may have. */
static void listener_check(struct loader *loader, const struct listener_config *listener,
                           const struct json_node *node)
{
    if (json_kind(node) != JSON_OBJECT)
        return;
    const struct json_node *v6only = json_member(node, "v6only"), *mode = json_member(node, "mode");
    const struct json_node *freebind = json_member(node, "freebind");
    bool path = listener->address.kind == ADDRESS_UNIX && listener->address.path[0] == '/';

    if (v6only != NULL && listener->address.kind != ADDRESS_IPV6)
        finding_error(&loader->findings, json_key_offset(v6only),
                      "\"v6only\" is for IPv6 addresses only");
    if (freebind != NULL && listener->address.kind == ADDRESS_UNIX)
        finding_error(&loader->findings, json_key_offset(freebind),
                      "\"freebind\" is for IP addresses only");
    if (mode != NULL && !path)
        finding_error(&loader->findings, json_key_offset(mode),
                      "\"mode\" is for unix sockets with a path only");
}

/* Two listeners cannot have one address, except with port 0, which becomes another one each time.
 */
static void listener_address_register(struct loader *loader, struct name_index *addresses,
                                      const struct listener_config *listener, uint32_t index,
                                      const struct json_node *node)
{
    const struct address *address = &listener->address;

    if (address->kind != ADDRESS_UNIX && address->port == 0)
        return;
    uint32_t other = name_index_find(addresses, address->text);
    if (other == NAME_INDEX_NONE) {
        name_register(loader, addresses, address->text, index);
        return;
    }
    char place[FINDING_PLACE_MAX];
    const struct json_node *at =
        json_kind(node) == JSON_OBJECT ? json_member(node, "address") : node;
    finding_error(&loader->findings, loader_offset(loader, at),
                  "%.120s has a listener already (%s)", address->text,
                  finding_place(&loader->findings, loader->config->listeners[other].at, place));
}

static void listener_load(struct loader *loader, struct name_index *addresses,
                          const struct json_node *node)
{
    struct listener_config listener = {.at = loader_position(loader, node),
                                       .sizes = loader->config->sockets};
    struct config *config = loader->config;
    uint32_t index = config->listener_count;

    field_read_presets(&type_listener, &listener);
    bool ok = field_read(&loader->reader, &type_listener, node, &listener);
    if (listener.address.text != NULL) {
        listener_check(loader, &listener, node);
        listener_address_register(loader, addresses, &listener, index, node);
    }
    if (!ok)
        loader->listeners_unknown |= listener.name == NULL;
    const struct json_node *name =
        json_kind(node) == JSON_OBJECT ? json_member(node, "name") : NULL;
    if (listener.name == NULL)
        listener.name = listener.address.text;
    if (listener.name == NULL)
        return;
    uint32_t other = name_index_find(&loader->listener_names, listener.name);
    config->listeners[config->listener_count++] = listener;
    char place[FINDING_PLACE_MAX];
    if (other == NAME_INDEX_NONE)
        name_register(loader, &loader->listener_names, listener.name, index);
    else if (name != NULL)
        finding_error(&loader->findings, loader_offset(loader, name),
                      "another listener has the name \"%.80s\" (%s)", listener.name,
                      finding_place(&loader->findings, config->listeners[other].at, place));
}

void load_listeners(struct loader *loader)
{
    struct list_walk walk;
    struct name_index addresses = {0};

    list_walk_start(&walk, loader, LIST_LISTENERS);
    loader->config->listeners = loader_alloc(loader, walk.left * sizeof *loader->config->listeners);
    if (loader->config->listeners == NULL)
        return;
    for (const struct json_node *node; (node = list_walk_next(&walk)) != NULL;)
        listener_load(loader, &addresses, node);
    name_index_free(&addresses);
}

/* --- backends --- */

bool loader_servers(struct loader *loader, struct field_reader *reader,
                    const struct json_node *servers, struct backend_config *backend)
{
    uint32_t count = items_count(servers);
    bool ok = true;

    backend->servers = arena_alloc(reader->arena, count * sizeof *backend->servers);
    if (backend->servers == NULL) {
        finding_no_memory(&loader->findings);
        return false;
    }
    for (const struct json_node *node = items_first(servers); node != NULL;
         node = items_next(servers, node)) {
        struct server_config *server = &backend->servers[backend->server_count];
        assert(backend->server_count < count);
        server->at = loader_position(loader, node);
        ok &= field_read(reader, &type_server, node, server);
        if (server->name == NULL)
            server->name = server->address.text;
        backend->server_count++;
    }
    return ok;
}

uint32_t loader_add_backend(struct loader *loader, const struct backend_config *backend,
                            struct name_index *names)
{
    struct config *config = loader->config;

    if (config->backend_count == loader->backend_room) {
        uint32_t room = loader->backend_room * 2 + 4;
        struct backend_config *larger = loader_alloc(loader, room * sizeof *larger);
        if (larger == NULL)
            return CONFIG_NONE;
        if (config->backend_count > 0)
            memcpy(larger, config->backends, config->backend_count * sizeof *larger);
        config->backends = larger; /* the arena keeps the smaller ones, which are half as much */
        loader->backend_room = room;
    }
    /* A key that stands twice is a finding of the scanner already. */
    if (name_index_find(names, backend->name) == NAME_INDEX_NONE &&
        !name_register(loader, names, backend->name, config->backend_count))
        return CONFIG_NONE;
    config->backends[config->backend_count] = *backend;
    return config->backend_count++;
}

static void backend_load(struct loader *loader, const struct json_node *node)
{
    const char *key = json_key(node);
    struct problem problem;
    struct config *config = loader->config;

    if (field_is_note(key))
        return;
    if (!name_check(key, &problem))
        finding_error(&loader->findings, json_key_offset(node), "%s", problem.text);
    struct backend_config backend = {
        .name = arena_text(config->arena, key, strlen(key)),
        .at = finding_position(&loader->findings, json_key_offset(node)),
    };
    struct backend_form form = {0};
    field_read_presets(&type_backend, &form);
    field_read(&loader->reader, &type_backend, node, &form);
    backend.balance = (enum balance_kind)form.balance;
    backend.tries = form.tries;
    if (form.servers != NULL)
        loader_servers(loader, &loader->reader, form.servers, &backend);
    if (backend.name == NULL) {
        finding_no_memory(&loader->findings);
        return;
    }
    loader_add_backend(loader, &backend, &loader->backend_names);
}

void load_backends(struct loader *loader)
{
    struct list_walk walk;

    list_walk_start(&walk, loader, LIST_BACKENDS);
    loader->config->backends = loader_alloc(loader, walk.left * sizeof *loader->config->backends);
    if (loader->config->backends == NULL)
        return;
    loader->backend_room = walk.left;
    for (const struct json_node *node; (node = list_walk_next(&walk)) != NULL;)
        backend_load(loader, node);
}
