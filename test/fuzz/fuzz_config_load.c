/* Any bytes as a configuration: judged without a crash, and what is loaded holds together. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_address(const struct address *address)
{
    assert(address->text != NULL && *address->text);
    assert((address->path != NULL) ==
           (address->kind == ADDRESS_UNIX || address->kind == ADDRESS_NAME));
}

static void check_route(const struct config *config, const struct route *route)
{
    assert(route->name != NULL && *route->name);
    assert(route->backend < config->backend_count);
    assert(route->line > 0 && route->column > 0);
    if (route->when == NULL)
        return;
    assert(route->when->alpn_count + route->when->from_count + route->when->listener_count > 0);
    for (uint32_t i = 0; i < route->when->listener_count; i++)
        assert(route->when->listeners[i] < config->listener_count);
}

static void check_config(const struct config *config)
{
    assert(config->listener_count > 0 && config->table != NULL);
    for (uint32_t i = 0; i < config->listener_count; i++)
        check_address(&config->listeners[i].address);
    for (uint32_t i = 0; i < config->backend_count; i++) {
        const struct backend_config *backend = &config->backends[i];
        assert(backend->server_count > 0);
        for (uint32_t j = 0; j < backend->server_count; j++)
            check_address(&backend->servers[j].address);
    }
    for (uint32_t i = 0; i < config->route_count; i++)
        check_route(config, &config->routes[i]);
    for (int i = 0; i < POLICY_CASES; i++)
        assert((config->policies[i].action == POLICY_BACKEND) ==
               (config->policies[i].backend < config->backend_count));
    assert(config->hello_limit_bytes >= 1024 && config->hello_limit_bytes <= 65536);
    assert(config->timeouts.hello_ms > 0 && config->timeouts.connect_ms > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct diagnostics found = {0};
    char *printed = NULL;
    size_t printed_len;
    struct config *config = config_load_text((const char *)bytes, len, "fuzz", &found);

    assert(!found.no_memory); /* also: what the scanner takes, cJSON takes */
    assert((config == NULL) == (found.errors > 0));
    for (size_t i = 0; i < found.count; i++) {
        assert(found.list[i].message != NULL && strchr(found.list[i].message, '\n') == NULL);
        assert(found.list[i].source_line == NULL ||
               found.list[i].caret <= strlen(found.list[i].source_line));
    }
    FILE *to = open_memstream(&printed, &printed_len);
    assert(to != NULL);
    diagnostics_print(&found, "fuzz", to, len % 2 == 0);
    fclose(to);
    free(printed);
    if (config != NULL)
        check_config(config);
    config_free(config);
    diagnostics_free(&found);
    return 0;
}
