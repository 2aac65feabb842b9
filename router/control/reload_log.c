#include "router/control/reload_log.h"

#include <stdio.h>
#include <string.h>

#include "router/log/log.h"

/* The level of the line says whether it is an error. */
void reload_log_findings(const struct diagnostics *found, const char *file)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct diagnostic *d = &found->list[i];
        char place[32] = "";

        if (d->at.line > 0)
            snprintf(place, sizeof place, ":%u:%u", d->at.line, d->at.column);
        log_line(d->severity == DIAGNOSTIC_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s%s: %s",
                 file, place, d->message != NULL ? d->message : "(no memory for the message)");
    }
    if (found->errors > DIAGNOSTICS_KEPT)
        log_line(LOG_LEVEL_ERROR, "%s: ... and %zu more errors", file,
                 found->errors - DIAGNOSTICS_KEPT);
    if (found->no_memory)
        log_line(LOG_LEVEL_ERROR, "%s: not enough memory to load this", file);
}

/* "127.0.0.1:443 (public) unix:/run/a.sock"; as many as fit. */
static void print_listeners(const struct config *config, const struct endpoints *endpoints,
                            char *text, size_t size)
{
    char title[LISTEN_TITLE_MAX];
    size_t len = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < config->listener_count; i++) {
        const char *bound = endpoints_of(endpoints, i)->bound;
        int n = snprintf(text + len, size - len, "%s%s", i > 0 ? " " : "",
                         listen_title(&config->listeners[i], bound, title));
        if (n < 0 || (size_t)n >= size - len) {
            text[len] = '\0';
            return;
        }
        len += (size_t)n;
    }
}

static void say_started(const struct config *config, const struct publisher *publisher)
{
    const struct workers *workers = publisher->workers;
    uint32_t cap = atomic_load_explicit(&workers->shared.connection_cap, memory_order_relaxed);
    char listeners[LOG_LINE_MAX / 2];

    if (config->max_connections != 0 && config->max_connections < cap)
        cap = config->max_connections;
    print_listeners(config, &publisher->endpoints, listeners, sizeof listeners);
    log_line(LOG_LEVEL_INFO,
             "sni-router %s: %u worker%s, listening on %s, %u route%s, at most %u connection%s, "
             "splice %s",
             SNI_ROUTER_VERSION, workers->count, workers->count == 1 ? "" : "s", listeners,
             config->route_count, config->route_count == 1 ? "" : "s", cap, cap == 1 ? "" : "s",
             workers->shared.relay_mode == RELAY_COPY ? "off" : "on");
}

static void say_changed(const struct config *config, const struct publisher *publisher)
{
    char listeners[LOG_LINE_MAX / 2];

    print_listeners(config, &publisher->endpoints, listeners, sizeof listeners);
    log_line(LOG_LEVEL_INFO, "configuration reloaded: %u route%s, listening on %s",
             config->route_count, config->route_count == 1 ? "" : "s", listeners);
    if (config->workers != 0 && config->workers != publisher->workers->count)
        log_line(LOG_LEVEL_WARNING, "workers: %u takes effect when the router is started anew",
                 config->workers);
}

static void say_difference(const struct reload_outcome *outcome)
{
    if (!log_enabled(LOG_LEVEL_DEBUG))
        return;
    const struct config_difference *d = reload_outcome_difference(outcome);
    if (d == NULL)
        return;
    log_line(LOG_LEVEL_DEBUG,
             "changed: listeners +%zu -%zu ~%zu, backends +%zu -%zu ~%zu, hosts +%zu -%zu ~%zu, "
             "settings %s",
             d->listeners.added, d->listeners.removed, d->listeners.changed, d->backends.added,
             d->backends.removed, d->backends.changed, d->hosts.added, d->hosts.removed,
             d->hosts.changed, d->settings ? "changed" : "as before");
}

void reload_log(const struct reload_outcome *outcome, const struct publisher *publisher)
{
    if (outcome->file != NULL && outcome->result != RELOAD_DOUBTFUL)
        reload_log_findings(outcome->found, outcome->file);
    switch (outcome->result) {
    case RELOAD_STARTED:
        say_started(outcome->config, publisher);
        break;
    case RELOAD_CHANGED:
        say_changed(outcome->config, publisher);
        say_difference(outcome);
        break;
    case RELOAD_REFUSED:
        if (outcome->sentence[0] != '\0')
            log_line(LOG_LEVEL_ERROR, "%s", outcome->sentence);
        if (!outcome->ends)
            log_line(LOG_LEVEL_ERROR, "reload failed: the old configuration stays");
        break;
    case RELOAD_DOUBTFUL:
        log_line(LOG_LEVEL_DEBUG, "%s: not right: read once more before that is told",
                 outcome->file);
        break;
    case RELOAD_UNAVAILABLE:
        log_line(LOG_LEVEL_WARNING, "reload: %s", outcome->sentence);
        break;
    }
}
