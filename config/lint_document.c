/* Warnings about the small sections of the document, each at the value that it is about. */
#include "config/lint.h"

#include "config/loader.h"

static bool policies_route(const struct config *config)
{
    for (size_t i = 0; i < POLICY_CASES; i++) {
        if (config->policies[i].action == POLICY_BACKEND)
            return true;
    }
    return false;
}

/* Offset of the list of routes, or of the document when there is no such list. */
static size_t routes_offset(const struct loader *loader)
{
    const struct json_section *routes = loader->lists[LIST_ROUTES];
    const struct json_source *json = &loader->reader.json;

    if (routes == NULL)
        return loader->scan.marks[0];
    return json_value_offset(json->text, json->scan->marks[routes->mark]);
}

void lint_document(struct loader *loader)
{
    const struct config *config = loader->config;

    if (config->policies[POLICY_NOT_TLS].action == POLICY_ALERT)
        finding_warning(&loader->findings, loader_member_offset(loader, "policies", "not_tls"),
                        "policies.not_tls is \"alert\": who does not speak TLS cannot read one");
    if (config->timeouts.idle_ms > 0 && config->timeouts.idle_ms < 1000)
        finding_warning(&loader->findings, loader_member_offset(loader, "timeouts", "idle"),
                        "timeouts.idle is less than a second");
    if (config->route_count == 0 && !policies_route(config))
        finding_warning(&loader->findings, routes_offset(loader),
                        "there are no routes, and no policy names a backend: every connection will "
                        "be refused");
}
