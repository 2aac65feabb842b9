/*
 * Publishing a configuration, the first and every later one.
 *
 * The happy path
 *  - Read, validate, resolve names, open the listeners that are new, one order to each worker.
 *    What an order carries is complete, so no worker can fail to follow it.
 *
 * The failures
 *  - A bad or unreadable file, a listener or log that cannot be opened, no memory: said with
 *    position, address or path. At start that is the end; at reload nothing has changed.
 *  - Names that are not answered soon: the first configuration is published without them, and
 *    they are added as they are found; a later one waits, since the old one still serves.
 *  - A reload while names are still being resolved: it is done once more afterwards.
 */
#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "router/control/control_parts.h"
#include "router/control/exit_code.h"
#include "router/log/log.h"

/* How long listening waits for the addresses of servers. */
#define PATIENCE_MS 2000u
/* A configuration with so many routes leaves enough freed memory behind to give it back. */
#define TRIM_ROUTES 10000u

/* --- snapshots --- */

void control_sweep(struct control *control)
{
    struct snapshot **link = &control->snapshots;
    bool trim = false;

    while (*link != NULL) {
        struct snapshot *snapshot = *link;
        if (link == &control->snapshots && !control->parts.stopping) {
            link = &snapshot->next; /* the newest */
        } else if (atomic_load_explicit(&snapshot->refs, memory_order_acquire) == 0) {
            *link = snapshot->next;
            bool large = snapshot->config->route_count >= TRIM_ROUTES;
            trim |= snapshot_free(snapshot) && large;
        } else {
            link = &snapshot->next;
        }
    }
    servers_sweep(&control->servers);
    stats_sweep(&control->stats);
    if (trim)
        malloc_trim(0);
}

/* --- publishing --- */

/* The newest snapshot, which the workers have been sent. */
static void list_snapshot(struct control *control, struct snapshot *snapshot)
{
    snapshot->next = control->snapshots;
    control->snapshots = snapshot;
    control->generation = snapshot->generation;
}

/* Opens and publishes. 0, or the exit code with the reason logged and nothing changed. */
static int publish(struct control *control, struct snapshot *snapshot)
{
    const char *log_path = snapshot->config->log.access_path;
    struct endpoints_error why;

    int error = log_writer_probe(&control->log.writer, log_path);
    if (error != 0) {
        log_line(LOG_LEVEL_ERROR, "cannot open the access log %s: %s", log_path, strerror(error));
        return exit_code_of(error);
    }
    if (!endpoints_open(&control->endpoints, snapshot->config, &why)) {
        log_line(LOG_LEVEL_ERROR, "cannot listen on %s (%s): %s: %s", why.listener->address.text,
                 why.listener->name, why.step, strerror(why.error));
        return exit_code_of(why.error);
    }
    if (!workers_adopt(&control->workers, snapshot, &control->endpoints)) {
        endpoints_cancel(&control->endpoints);
        log_line(LOG_LEVEL_ERROR, "no memory for a new configuration");
        return EX_OSERR;
    }
    endpoints_commit(&control->endpoints, snapshot->config);
    list_snapshot(control, snapshot);
    if (snapshot->config->route_count >= TRIM_ROUTES)
        malloc_trim(0);
    return 0;
}

/* --- what is said --- */

static size_t print_listeners(const struct control *control, const struct config *config,
                              char *text, size_t size)
{
    size_t len = 0;

    for (uint32_t i = 0; i < config->listener_count; i++) {
        const struct endpoint *endpoint = endpoints_of(&control->endpoints, i);
        const char *name = config->listeners[i].name;
        bool named = strcmp(name, config->listeners[i].address.text) != 0;
        int n = snprintf(text + len, size - len, named ? "%s%s (%s)" : "%s%s", i > 0 ? " " : "",
                         endpoint->bound, name);
        if (n < 0 || (size_t)n >= size - len) {
            text[len] = '\0';
            return len;
        }
        len += (size_t)n;
    }
    return len;
}

static void say_started(const struct control *control, const struct config *config)
{
    char listeners[LOG_LINE_MAX / 2];
    uint32_t cap = control->workers.shared.connection_cap;

    if (config->max_connections != 0 && config->max_connections < cap)
        cap = config->max_connections;
    print_listeners(control, config, listeners, sizeof listeners);
    log_line(LOG_LEVEL_INFO,
             "sni-router %s: %u worker%s, listening on %s, %u route%s, at most %u connections, "
             "splice %s",
             SNI_ROUTER_VERSION, control->workers.count, control->workers.count == 1 ? "" : "s",
             listeners, config->route_count, config->route_count == 1 ? "" : "s", cap,
             control->workers.shared.relay_mode == RELAY_COPY ? "off" : "on");
}

static void say_reloaded(const struct control *control, const struct config *config)
{
    char listeners[LOG_LINE_MAX / 2];

    print_listeners(control, config, listeners, sizeof listeners);
    log_line(LOG_LEVEL_INFO, "configuration reloaded: %u route%s, listening on %s",
             config->route_count, config->route_count == 1 ? "" : "s", listeners);
    if (config->workers != 0 && config->workers != control->workers.count)
        log_line(LOG_LEVEL_WARNING, "workers: %u takes effect when the router is started anew",
                 config->workers);
}

/* --- when it is published --- */

static void publish_pending(struct control *control)
{
    struct snapshot *snapshot = control->pending;
    bool first = control->generation == 0;

    control->pending = NULL;
    int code = publish(control, snapshot);
    if (code != 0) {
        snapshot_free(snapshot);
        if (first) {
            control->exit_code = code;
            control_end(control, 0);
            return;
        }
        log_line(LOG_LEVEL_ERROR, "reload failed: the old configuration stays");
    } else {
        log_set_level(snapshot->config->log.level);
        if (first) {
            say_started(control, snapshot->config);
        } else {
            log_writer_redirect(&control->log.writer, snapshot->config->log.access_path);
            say_reloaded(control, snapshot->config);
        }
    }
    control_sweep(control);
}

/* Names that were answered after their configuration was published. */
static void refresh(struct control *control, uint32_t server, struct addresses *addresses)
{
    const struct address *address = config_use_address(control->resolve.use, server);
    struct snapshot *snapshot = snapshot_again(control->snapshots);

    assert(control->snapshots->use == control->resolve.use); /* a reload waits for the names */
    if (snapshot == NULL) {
        addresses_unref(addresses);
        resolve_say_failed(address, UV_ENOMEM);
        return;
    }
    snapshot_set_addresses(snapshot, server, addresses);
    if (!workers_refresh(&control->workers, snapshot)) {
        snapshot_free(snapshot);
        resolve_say_failed(address, UV_ENOMEM);
        return;
    }
    list_snapshot(control, snapshot);
    log_line(LOG_LEVEL_INFO, "server %s: its address is known now", address->text);
    control_sweep(control);
}

static void on_found(void *context, uint32_t server, struct addresses *addresses)
{
    struct control *control = context;

    if (control->parts.stopping)
        addresses_unref(addresses);
    else if (control->pending != NULL)
        snapshot_set_addresses(control->pending, server, addresses);
    else
        refresh(control, server, addresses);
}

static void on_resolved(void *context)
{
    struct control *control = context;

    uv_timer_stop(&control->patience);
    if (control->parts.stopping) {
        snapshot_free(control->pending);
        control->pending = NULL;
    } else if (control->pending != NULL) {
        publish_pending(control);
    }
    control_sweep(control);
    if (control->reload_again)
        control_reload(control);
}

static void on_out_of_patience(uv_timer_t *patience)
{
    struct control *control = patience->data;
    char names[LOG_LINE_MAX / 2];

    if (control->pending == NULL || control->parts.stopping)
        return;
    resolve_print_asked(&control->resolve, names, sizeof names);
    if (control->generation != 0) {
        log_line(LOG_LEVEL_WARNING, "reload: waiting for the addresses of %s", names);
        return;
    }
    log_line(LOG_LEVEL_WARNING,
             "waiting for the addresses of %s: listening without them, they are used once known",
             names);
    publish_pending(control);
    if (control->reload_again)
        control_reload(control);
}

void control_publish(struct control *control, struct config *config)
{
    control->pending = snapshot_new(config, control->generation + 1, &control->servers);
    if (control->pending == NULL) {
        log_line(LOG_LEVEL_ERROR, "no memory for a new configuration");
        if (control->generation == 0) {
            control->exit_code = EX_OSERR;
            control_end(control, 0);
        }
        return;
    }
    uv_timer_start(&control->patience, on_out_of_patience, PATIENCE_MS, 0);
    resolve_start(&control->resolve, &control->loop, control->pending->use, on_found, on_resolved,
                  control);
}

static void log_diagnostics(const struct diagnostics *found, const char *file)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct diagnostic *d = &found->list[i];
        bool error = d->severity == DIAGNOSTIC_ERROR;
        char place[32] = "";
        if (d->at.line > 0)
            snprintf(place, sizeof place, "%u:%u:", d->at.line, d->at.column);
        log_line(error ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s:%s %s: %s", file, place,
                 error ? "error" : "warning", d->message);
    }
}

/* Lookups for the configuration in use are under way: the file is good, and read again then. */
static void reload_later(struct control *control, struct config *config)
{
    char names[LOG_LINE_MAX / 2];

    config_free(config);
    resolve_print_asked(&control->resolve, names, sizeof names);
    log_line(LOG_LEVEL_WARNING, "reload: waiting for the addresses of %s", names);
    resolve_skip_rest(&control->resolve); /* the new file says which names matter now */
    control->reload_again = true;
}

void control_reload(struct control *control)
{
    struct diagnostics found = {0};
    char trouble[CONTROL_TROUBLE_MAX] = "";

    control->reload_again = control->pending != NULL;
    if (control->reload_again || control->parts.stopping)
        return;
    if (control->source->file == NULL) {
        log_line(LOG_LEVEL_WARNING, "reload: the configuration is on the command line");
        return;
    }
    struct config *config = control->source->load(control->source->context, &found, trouble);
    log_diagnostics(&found, control->source->file);
    if (trouble[0] != '\0')
        log_line(LOG_LEVEL_ERROR, "%s: %s", control->source->file, trouble);
    diagnostics_free(&found);
    if (config == NULL)
        log_line(LOG_LEVEL_ERROR, "reload failed: the old configuration stays");
    else if (resolve_is_busy(&control->resolve))
        reload_later(control, config);
    else
        control_publish(control, config);
}

/* --- the part --- */

static int start(struct part *part)
{
    struct control *control = part->self;
    int error = uv_timer_init(&control->loop, &control->patience);

    assert(error == 0);
    control->patience.data = control;
    return 0;
}

static void on_patience_closed(uv_handle_t *handle)
{
    struct control *control = handle->data;

    control->on_reload_stopped(&control->reload);
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct control *control = part->self;

    control->on_reload_stopped = on_stopped;
    uv_close((uv_handle_t *)&control->patience, on_patience_closed);
}

void control_reload_init(struct control *control)
{
    control->reload =
        (struct part){.name = "reload", .self = control, .start = start, .stop = stop};
}
