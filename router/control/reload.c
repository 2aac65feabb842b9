/*
 * The happy path
 *  - The file is read and validated, the names of its servers begin to be looked up, and the
 *    publisher does the rest; answers that come later are used as they come.
 *
 * The failures
 *  - A bad or unreadable file, or one that cannot be published: the outcome says so. At start
 *    that is the end; later, nothing has changed.
 *  - Names of new servers are not answered soon: published without them. Other names are not waited
 *    for, since their last answer stays in use.
 *  - A reload is asked for while a candidate waits: the newer one takes its place.
 */
#include "router/control/reload.h"

#include <assert.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "router/log/log.h"

/* How long the first configuration waits for addresses, and how long later ones do. */
#define FIRST_PATIENCE_MS 2000u
#define PATIENCE_MS       500u

/* --- states --- */

enum reload_state reload_state(const struct reload *reload)
{
    if (reload->candidate != NULL)
        return RELOAD_RESOLVING;
    return resolve_is_busy(reload->resolve) ? RELOAD_LEARNING : RELOAD_IDLE;
}

static bool is_first(const struct reload *reload)
{
    return publisher_config(reload->publisher) == NULL;
}

/* --- outcomes --- */

const struct config_difference *reload_outcome_difference(const struct reload_outcome *outcome)
{
    struct reload_difference *difference = outcome->difference;

    if (!difference->asked && outcome->config != NULL)
        difference->known = config_difference(outcome->before, outcome->config, &difference->value);
    else if (!difference->asked)
        difference->known = true; /* nothing was in use, and nothing is */
    difference->asked = true;
    return difference->known ? &difference->value : NULL;
}

static void say(struct reload *reload, struct reload_outcome *outcome)
{
    struct reload_difference difference = {0};

    outcome->config = publisher_config(reload->publisher);
    outcome->difference = &difference;
    outcome->ends = outcome->config == NULL && reload->candidate == NULL;
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

static void on_answer(void *context, uint32_t server, struct addresses *addresses);
static void on_done(void *context);

/* Has the names of a configuration looked up (NULL: none), and those of no other any more. */
static void look_up(struct reload *reload, struct config_use *use)
{
    resolve_forget(reload->resolve);
    if (use != NULL)
        resolve_start(reload->resolve, use, on_answer, on_done, reload);
}

/* Publishes the candidate, or lets go of it: then the names of the one in use count again. */
static void publish(struct reload *reload)
{
    struct snapshot *candidate = reload->candidate;
    struct diagnostics found = reload->found;
    const struct config *before = publisher_config(reload->publisher);
    struct reload_outcome outcome = {.result = before == NULL ? RELOAD_STARTED : RELOAD_CHANGED,
                                     .file = before == NULL ? NULL : reload->source->file,
                                     .found = &found,
                                     .before = before};

    assert(reload_state(reload) == RELOAD_RESOLVING);
    uv_timer_stop(&reload->patience);
    reload->candidate = NULL;
    reload->found = (struct diagnostics){0};
    outcome.code = publisher_publish(reload->publisher, candidate, outcome.sentence);
    if (outcome.code != 0) {
        outcome.result = RELOAD_REFUSED;
        look_up(reload, publisher_use(reload->publisher));
        snapshot_free(candidate);
        malloc_trim(0); /* a file may be large, also one that is refused */
    }
    say(reload, &outcome);
    diagnostics_free(&found);
    publisher_sweep(reload->publisher); /* `before` was needed until now */
}

static void drop_candidate(struct reload *reload)
{
    snapshot_free(reload->candidate);
    reload->candidate = NULL;
    diagnostics_free(&reload->found);
    reload->found = (struct diagnostics){0};
}

/* --- names --- */

/* A server of the configuration in use has these addresses now; takes them over. */
static void refresh(struct reload *reload, uint32_t server, struct addresses *addresses)
{
    const struct snapshot *newest = reload->publisher->newest;
    const struct addresses *before = newest->addresses[server];
    const struct server *of = newest->use->servers[server];
    bool known = before != NULL;

    assert(reload->resolve->use == newest->use);
    if (addresses_equal(before, addresses))
        addresses_unref(addresses);
    else if (!publisher_refresh(reload->publisher, server, addresses))
        resolve_say_failed(of, "no memory");
    else
        log_line(LOG_LEVEL_INFO, "server %s: %s", of->text,
                 known ? "its address has changed" : "its address is known now");
}

static void on_answer(void *context, uint32_t server, struct addresses *addresses)
{
    struct reload *reload = context;

    part_assert_own(&reload->part);
    if (reload->candidate != NULL) {
        if (addresses != NULL)
            snapshot_set_addresses(reload->candidate, server, addresses);
        if (!resolve_awaits_new(reload->resolve))
            publish(reload);
    } else if (addresses != NULL) {
        refresh(reload, server, addresses);
    }
}

static void on_done(void *context)
{
    struct reload *reload = context;

    part_assert_own(&reload->part);
    if (reload->candidate != NULL)
        publish(reload);
}

static void on_out_of_patience(uv_timer_t *patience)
{
    struct reload *reload = patience->data;
    char names[LOG_LINE_MAX / 2];

    part_assert_own(&reload->part);
    assert(reload_state(reload) == RELOAD_RESOLVING);
    resolve_print_new(reload->resolve, names, sizeof names);
    log_line(LOG_LEVEL_WARNING,
             "waiting for the addresses of %s: %s without them, they are used once known", names,
             is_first(reload) ? "listening" : "going on");
    publish(reload);
}

/* A configuration is to be published, at the latest when the patience ends. Takes both over. */
static void take(struct reload *reload, struct config *config, struct diagnostics *found)
{
    struct snapshot *candidate = publisher_prepare(reload->publisher, config);

    if (candidate == NULL) {
        refuse(reload, found, EX_OSERR, NULL, "no memory for a new configuration");
        diagnostics_free(found);
        return;
    }
    drop_candidate(reload);
    reload->candidate = candidate;
    reload->found = *found;
    if (!uv_is_active((uv_handle_t *)&reload->patience))
        uv_timer_start(&reload->patience, on_out_of_patience,
                       is_first(reload) ? FIRST_PATIENCE_MS : PATIENCE_MS, 0);
    look_up(reload, candidate->use);
    if (reload->candidate != NULL && !resolve_awaits_new(reload->resolve))
        publish(reload);
}

/* --- asking --- */

static void read_file(struct reload *reload)
{
    const char *file = reload->source->file;
    struct diagnostics found = {0};
    char trouble[CONTROL_TROUBLE_MAX] = "", sentence[PUBLISHER_SENTENCE_MAX] = "";
    struct config *config = reload->source->load(reload->source->context, &found, trouble);

    if (config != NULL) {
        take(reload, config, &found);
        return;
    }
    if (trouble[0] != '\0')
        snprintf(sentence, sizeof sentence, "%s: %s", file, trouble);
    refuse(reload, &found, EX_CONFIG, file, sentence);
    diagnostics_free(&found);
    malloc_trim(0);
}

void reload_ask(struct reload *reload)
{
    const struct diagnostics none = {0};

    if (reload->part.state != PART_RUNNING)
        return;
    part_assert_own(&reload->part);
    if (reload->held) {
        reload->asked = true;
        return;
    }
    if (reload->source->file != NULL) {
        read_file(reload);
        return;
    }
    struct reload_outcome outcome = {.result = RELOAD_UNAVAILABLE, .found = &none};
    outcome.before = publisher_config(reload->publisher);
    snprintf(outcome.sentence, sizeof outcome.sentence, "the configuration is on the command line");
    say(reload, &outcome);
}

void reload_hold(struct reload *reload)
{
    assert(reload->candidate == NULL);
    reload->held = true;
}

bool reload_release(struct reload *reload)
{
    bool asked = reload->asked;

    reload->held = false;
    reload->asked = false;
    return asked;
}

void reload_first(struct reload *reload, struct config *config)
{
    struct diagnostics found = {0};

    part_assert_own(&reload->part);
    assert(reload_state(reload) == RELOAD_IDLE && is_first(reload));
    take(reload, config, &found);
}

/* --- the part --- */

static int start(struct part *part)
{
    struct reload *reload = part->self;
    int error = uv_timer_init(reload->loop, &reload->patience);

    assert(part == &reload->part);
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

    assert(part == &reload->part);
    reload->on_stopped = on_stopped;
    look_up(reload, NULL);
    drop_candidate(reload);
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
