#include "router/control/publisher.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "router/control/caps.h"
#include "router/control/exit_code.h"
#include "router/control/hazards.h"
#include "router/log/log.h"

void publisher_init(struct publisher *publisher, struct workers *workers, struct stats *stats,
                    struct log_writer *writer)
{
    *publisher = (struct publisher){.workers = workers, .stats = stats, .writer = writer};
    endpoints_init(&publisher->endpoints, stats->workers);
    servers_init(&publisher->servers, stats);
}

const struct config *publisher_config(const struct publisher *publisher)
{
    return publisher->newest == NULL ? NULL : publisher->newest->config;
}

struct config_use *publisher_use(const struct publisher *publisher)
{
    return publisher->newest == NULL ? NULL : publisher->newest->use;
}

/* --- publishing --- */

struct snapshot *publisher_prepare(struct publisher *publisher, struct config *config)
{
    uint32_t generation = publisher->newest == NULL ? 0 : publisher->newest->generation;

    assert(!publisher->retired);
    return snapshot_begin(config, generation + 1, &publisher->servers);
}

/* The workers have been sent it. */
static void use(struct publisher *publisher, struct snapshot *snapshot)
{
    assert(snapshot->next == NULL);
    for (uint32_t s = 0; s < snapshot->use->server_count; s++)
        snapshot->use->servers[s]->was_used = true;
    snapshot->next = publisher->newest;
    publisher->newest = snapshot;
    publisher->published = true;
}

/* What the configuration says of the log: probed before, so this does not fail. */
static void apply_log(struct publisher *publisher, const struct config *config)
{
    log_set_level(config->log.level);
    log_writer_redirect(publisher->writer, config->log.access_path);
}

/* More listeners leave fewer descriptors to connections. */
static void apply_caps(struct publisher *publisher, const struct config *config,
                       const struct caps *caps)
{
    if (publisher->published)
        atomic_store_explicit(&publisher->workers->shared.connection_cap, caps->connections,
                              memory_order_relaxed);
    if (config->max_connections > caps->connections)
        log_line(LOG_LEVEL_WARNING,
                 "limits.connections is %u, but %u descriptors are enough for %u connection%s",
                 config->max_connections, caps->descriptors, caps->connections,
                 caps->connections == 1 ? "" : "s");
}

/* Opens the listeners that are new and tells the workers. 0, or as publisher_publish(). */
static int hand_over(struct publisher *publisher, struct snapshot *snapshot,
                     char sentence[PUBLISHER_SENTENCE_MAX])
{
    const struct config *config = snapshot->config;
    struct listen_error why;
    struct caps caps;

    if (!caps_compute(&caps, config, publisher->workers->count)) {
        caps_explain(&caps, config, publisher->workers->count, sentence, PUBLISHER_SENTENCE_MAX);
        return EX_OSERR;
    }
    if (!endpoints_open(&publisher->endpoints, config, &why)) {
        listen_error_explain(&why, sentence, PUBLISHER_SENTENCE_MAX);
        return why.sentence[0] != '\0' ? EX_CONFIG : exit_code_of(why.error);
    }
    if (!hazards_note(snapshot, &publisher->endpoints, NULL) ||
        !workers_adopt(publisher->workers, snapshot, &publisher->endpoints)) {
        endpoints_cancel(&publisher->endpoints);
        snprintf(sentence, PUBLISHER_SENTENCE_MAX, "no memory for a new configuration");
        return EX_OSERR;
    }
    apply_caps(publisher, config, &caps);
    return 0;
}

int publisher_publish(struct publisher *publisher, struct snapshot *snapshot,
                      char sentence[PUBLISHER_SENTENCE_MAX])
{
    const struct config *config = snapshot->config;
    const char *log_path = config->log.access_path;
    bool made;

    assert(!publisher->retired);
    int error = log_writer_probe(publisher->writer, log_path, &made);
    if (error != 0) {
        snprintf(sentence, PUBLISHER_SENTENCE_MAX, "cannot open the access log %s: %s", log_path,
                 strerror(error));
        return exit_code_of(error);
    }
    int code = hand_over(publisher, snapshot, sentence);
    if (code != 0) {
        if (made)
            log_writer_unmake(log_path);
        return code;
    }
    endpoints_commit(&publisher->endpoints, config);
    apply_log(publisher, config);
    use(publisher, snapshot);
    return 0;
}

bool publisher_refresh(struct publisher *publisher, uint32_t server, struct addresses *addresses)
{
    assert(publisher->newest != NULL && !publisher->retired);
    struct snapshot *snapshot = snapshot_again(publisher->newest);

    if (snapshot == NULL) {
        addresses_unref(addresses);
        return false;
    }
    snapshot_set_addresses(snapshot, server, addresses);
    if (!hazards_note(snapshot, &publisher->endpoints, publisher->newest) ||
        !workers_refresh(publisher->workers, snapshot)) {
        snapshot_free(snapshot);
        return false;
    }
    use(publisher, snapshot);
    publisher_sweep(publisher);
    return true;
}

/* --- freeing --- */

void publisher_sweep(struct publisher *publisher)
{
    struct snapshot **link = &publisher->newest;

    while (*link != NULL) {
        struct snapshot *snapshot = *link;
        bool in_use = link == &publisher->newest && !publisher->retired;
        if (in_use || atomic_load_explicit(&snapshot->refs, memory_order_acquire) != 0) {
            link = &snapshot->next;
            continue;
        }
        *link = snapshot->next;
        snapshot_free(snapshot);
    }
    servers_sweep(&publisher->servers);
    stats_sweep(publisher->stats);
}

void publisher_retire(struct publisher *publisher)
{
    assert(!publisher->retired);
    publisher->retired = true;
    endpoints_remove_paths(&publisher->endpoints); /* before a successor looks for them */
}

void publisher_close(struct publisher *publisher)
{
    publisher->retired = true;
    publisher_sweep(publisher);
    assert(publisher->newest == NULL);
    servers_close(&publisher->servers);
    endpoints_close(&publisher->endpoints);
}
