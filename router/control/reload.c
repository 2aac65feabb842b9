/*
 * The happy path
 *  - The file is read and validated, the names of its servers are resolved, and the publisher
 *    does the rest.
 *
 * The failures
 *  - A bad or unreadable file, or one that cannot be published: the outcome says so. At start
 *    that is the end; later, nothing has changed.
 *  - Names that are not answered soon: the first configuration is published without them, and
 *    each is added as it is answered; a later one waits, since the old one still serves.
 *  - A reload is asked for while names are being looked up: the file is read when that is done.
 */
#include "router/control/reload.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "router/log/log.h"

/* How long listening waits for the addresses of servers. */
#define PATIENCE_MS 2000u

/* --- states --- */

static bool is_resolving(const struct reload *reload)
{
    return reload->state == RELOAD_RESOLVING || reload->state == RELOAD_RESOLVING_AGAIN;
}

static bool is_stopped(const struct reload *reload)
{
    return reload->part.state != PART_RUNNING;
}

static void move(struct reload *reload, enum reload_state state)
{
    static const unsigned from[] = {
        [RELOAD_IDLE] = ~0u,
        [RELOAD_RESOLVING] = 1u << RELOAD_IDLE,
        [RELOAD_RESOLVING_AGAIN] = 1u << RELOAD_RESOLVING | 1u << RELOAD_RESOLVING_AGAIN,
        [RELOAD_LEARNING] = 1u << RELOAD_RESOLVING | 1u << RELOAD_RESOLVING_AGAIN,
        [RELOAD_LEARNING_AGAIN] = 1u << RELOAD_LEARNING | 1u << RELOAD_LEARNING_AGAIN,
    };

    assert((from[state] & 1u << reload->state) != 0);
    reload->state = state;
    assert((reload->candidate != NULL) == is_resolving(reload));
    assert(state != RELOAD_LEARNING || resolve_is_busy(reload->resolve));
    assert(state != RELOAD_LEARNING_AGAIN || resolve_is_busy(reload->resolve));
}

/* --- outcomes --- */

static void say(struct reload *reload, struct reload_outcome *outcome)
{
    outcome->config = publisher_config(reload->publisher);
    reload->on_outcome(reload->context, outcome);
}

/* Refused before there was a candidate. */
static void refuse(struct reload *reload, const struct diagnostics *found, int code,
                   const char *file, const char *sentence)
{
    struct reload_outcome outcome = {
        .result = RELOAD_REFUSED, .code = code, .file = file, .found = found};

    outcome.before = publisher_config(reload->publisher);
    snprintf(outcome.sentence, sizeof outcome.sentence, "%s", sentence);
    say(reload, &outcome);
}

/* --- publishing --- */

/* Publishes the candidate, or lets go of it, and goes on to `next`. */
static void publish(struct reload *reload, enum reload_state next)
{
    struct snapshot *candidate = reload->candidate;
    const struct config *before = publisher_config(reload->publisher);
    struct reload_outcome outcome = {.result = before == NULL ? RELOAD_STARTED : RELOAD_CHANGED,
                                     .file = before == NULL ? NULL : reload->source->file,
                                     .before = before};
    struct diagnostics found = reload->found;

    uv_timer_stop(&reload->patience);
    reload->candidate = NULL;
    reload->found = (struct diagnostics){0};
    move(reload, next);
    outcome.found = &found;
    outcome.code = publisher_publish(reload->publisher, candidate, outcome.sentence);
    if (outcome.code != 0) {
        outcome.result = RELOAD_REFUSED;
        snapshot_free(candidate);
    }
    say(reload, &outcome);
    diagnostics_free(&found);
    publisher_sweep(reload->publisher); /* `before` was needed until now */
}

/* --- names --- */

static void on_found(void *context, uint32_t server, struct addresses *addresses)
{
    struct reload *reload = context;
    const struct address *address = config_use_address(reload->resolve->use, server);

    part_assert_own(&reload->part);
    assert(reload->state != RELOAD_IDLE);
    if (is_resolving(reload)) {
        snapshot_set_addresses(reload->candidate, server, addresses);
        return;
    }
    assert(reload->resolve->use == publisher_use(reload->publisher));
    if (publisher_refresh(reload->publisher, server, addresses))
        log_line(LOG_LEVEL_INFO, "server %s: its address is known now", address->text);
    else
        resolve_say_failed(address, UV_ENOMEM);
}

static void on_resolved(void *context)
{
    struct reload *reload = context;
    enum reload_state was = reload->state;

    part_assert_own(&reload->part);
    assert(was != RELOAD_IDLE);
    if (is_resolving(reload))
        publish(reload, RELOAD_IDLE);
    else
        move(reload, RELOAD_IDLE);
    if (was == RELOAD_RESOLVING_AGAIN || was == RELOAD_LEARNING_AGAIN)
        reload_ask(reload);
}

static void on_out_of_patience(uv_timer_t *patience)
{
    struct reload *reload = patience->data;
    enum reload_state was = reload->state;
    char names[LOG_LINE_MAX / 2];

    part_assert_own(&reload->part);
    assert(is_resolving(reload));
    resolve_print_asked(reload->resolve, names, sizeof names);
    if (publisher_config(reload->publisher) != NULL) {
        log_line(LOG_LEVEL_WARNING, "reload: waiting for the addresses of %s", names);
        return;
    }
    log_line(LOG_LEVEL_WARNING,
             "waiting for the addresses of %s: listening without them, they are used once known",
             names);
    publish(reload, RELOAD_LEARNING);
    if (was == RELOAD_RESOLVING_AGAIN)
        reload_ask(reload);
}

/* Takes both over. */
static void resolve_names(struct reload *reload, struct config *config, struct diagnostics *found)
{
    struct snapshot *candidate = publisher_prepare(reload->publisher, config);

    if (candidate == NULL) {
        refuse(reload, found, EX_OSERR, NULL, "no memory for a new configuration");
        diagnostics_free(found);
        return;
    }
    reload->candidate = candidate;
    reload->found = *found;
    move(reload, RELOAD_RESOLVING);
    uv_timer_start(&reload->patience, on_out_of_patience, PATIENCE_MS, 0);
    resolve_start(reload->resolve, candidate->use, on_found, on_resolved, reload);
}

/* --- asking --- */

/*
 * The file is good, but names of the configuration in use are still being looked up. The others of
 * its names are left out: the new file says which names matter now.
 */
static void read_later(struct reload *reload, struct config *config)
{
    char names[LOG_LINE_MAX / 2];

    config_free(config);
    resolve_print_asked(reload->resolve, names, sizeof names);
    log_line(LOG_LEVEL_WARNING, "reload: waiting for the addresses of %s", names);
    resolve_skip_rest(reload->resolve);
    move(reload, RELOAD_LEARNING_AGAIN);
}

static void read_file(struct reload *reload)
{
    const char *file = reload->source->file;
    struct diagnostics found = {0};
    char trouble[CONTROL_TROUBLE_MAX] = "", sentence[PUBLISHER_SENTENCE_MAX] = "";
    struct config *config = reload->source->load(reload->source->context, &found, trouble);

    if (config == NULL) {
        if (trouble[0] != '\0')
            snprintf(sentence, sizeof sentence, "%s: %s", file, trouble);
        refuse(reload, &found, EX_CONFIG, file, sentence);
    } else if (reload->state == RELOAD_IDLE) {
        resolve_names(reload, config, &found);
        return;
    } else {
        read_later(reload, config);
    }
    diagnostics_free(&found);
}

void reload_ask(struct reload *reload)
{
    if (is_stopped(reload))
        return;
    part_assert_own(&reload->part);
    if (is_resolving(reload)) {
        move(reload, RELOAD_RESOLVING_AGAIN);
    } else if (reload->source->file == NULL) {
        struct reload_outcome outcome = {.result = RELOAD_UNAVAILABLE, .found = &reload->found};
        outcome.before = publisher_config(reload->publisher);
        snprintf(outcome.sentence, sizeof outcome.sentence,
                 "the configuration is on the command line");
        say(reload, &outcome);
    } else {
        read_file(reload);
    }
}

void reload_first(struct reload *reload, struct config *config)
{
    struct diagnostics found = {0};

    part_assert_own(&reload->part);
    assert(reload->state == RELOAD_IDLE && publisher_config(reload->publisher) == NULL);
    resolve_names(reload, config, &found);
}

/* --- the part --- */

static int start(struct part *part)
{
    struct reload *reload = part->self;
    int error = uv_timer_init(reload->loop, &reload->patience);

    assert(error == 0);
    reload->patience.data = reload;
    return 0;
}

static void on_patience_closed(uv_handle_t *handle)
{
    struct reload *reload = handle->data;

    reload->on_stopped(&reload->part);
}

/* Look-ups go on, since they cannot be taken back, but nobody is told any more. */
static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct reload *reload = part->self;

    reload->on_stopped = on_stopped;
    resolve_forget(reload->resolve);
    snapshot_free(reload->candidate);
    reload->candidate = NULL;
    diagnostics_free(&reload->found);
    move(reload, RELOAD_IDLE);
    uv_close((uv_handle_t *)&reload->patience, on_patience_closed);
}

void reload_init(struct reload *reload, uv_loop_t *loop, const struct control_source *source,
                 struct resolve *resolve, struct publisher *publisher,
                 void (*on_outcome)(void *context, const struct reload_outcome *outcome),
                 void *context)
{
    *reload = (struct reload){
        .part = {.name = "reload", .self = reload, .start = start, .stop = stop},
        .loop = loop,
        .source = source,
        .resolve = resolve,
        .publisher = publisher,
        .on_outcome = on_outcome,
        .context = context,
    };
}
