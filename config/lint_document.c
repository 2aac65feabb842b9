/* Warnings about the small sections of the document, each at the value that it is about. */
#include "config/lint.h"

#include <string.h>

#include "config/hints.h"
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

/* Words that other programs take, and that are names of files here. */
static void lint_access_path(struct loader *loader, const char *path)
{
    bool out = hint_has_word("stdout|stderr|console|terminal", path);
    bool none = hint_has_word("none|null|false|no|disabled", path);
    bool system = strncmp(path, "syslog", 6) == 0 || strncmp(path, "journal", 7) == 0 ||
                  strncmp(path, "udp:", 4) == 0;

    if (out || none)
        finding_warning(&loader->findings, loader_member_offset(loader, "log", "access"),
                        "\"%.40s\" is a file of this name: write \"%s\" for %s", path,
                        out ? "-" : "off", out ? "standard output" : "no access log");
    else if (system)
        finding_warning(&loader->findings, loader_member_offset(loader, "log", "access"),
                        "\"%.40s\" is a file of this name: this version does not speak to syslog "
                        "(write \"-\": the service manager takes standard output)",
                        path);
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
    if (config->log.access_path != NULL)
        lint_access_path(loader, config->log.access_path);
    if (config->route_count == 0 && !policies_route(config))
        finding_warning(&loader->findings, routes_offset(loader),
                        "there are no routes, and no policy names a backend: every connection will "
                        "be refused");
}
