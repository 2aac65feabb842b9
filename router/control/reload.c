/*
 * The happy path
 *  - The file is read and validated beside the loop, the names of its servers begin to be looked
 *    up, and the publisher does the rest; answers that come later are used as they come.
 *
 * The failures
 *  - A bad or unreadable file, or one that cannot be published: the outcome says so. At start
 *    that is the end; later, nothing has changed.
 *  - A file that is never read to its end: further reloads wait for it, nothing else does.
 *  - Names of new servers are not answered soon: published without them. Other names are not waited
 *    for, since their last answer stays in use.
 *  - A reload is asked for while a candidate waits: the newer one takes its place.
 *  - A reload is asked for while another is read: it is read afterwards.
 */
#include "router/control/reload.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "router/log/log.h"

/* How long the first configuration waits for addresses, and how long later ones do. */
#define FIRST_PATIENCE_MS 2000u
#define PATIENCE_MS       500u
/* How long it goes on when the one that would be published is not ready yet. */
#define NEXT_LOOK_MS 10u

/* --- states --- */

enum reload_state reload_state(const struct reload *reload)
{
    if (reload->candidate.snapshot != NULL)
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
    return outcome->difference.known ? &outcome->difference.value : NULL;
}

static void say(struct reload *reload, struct reload_outcome *outcome)
{
    outcome->config = publisher_config(reload->publisher);
    outcome->ends = outcome->config == NULL && reload->candidate.snapshot == NULL;
    reload->on_outcome(reload->context, outcome);
}

/* Nothing has changed. */
static void say_unchanged(struct reload *reload, struct reload_outcome *outcome)
{
    outcome->before = publisher_config(reload->publisher);
    outcome->difference.known = true;
    say(reload, outcome);
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

/* What there is to be published goes to the caller. */
static struct reload_candidate take_candidate(struct reload *reload)
{
    struct reload_candidate candidate = reload->candidate;

    reload->candidate = (struct reload_candidate){0};
    return candidate;
}

static void free_candidate(struct reload_candidate *candidate)
{
    snapshot_free(candidate->snapshot);
    diagnostics_free(&candidate->found);
    config_files_drop(candidate->files);
    *candidate = (struct reload_candidate){0};
}

static void use_files(struct reload *reload, struct config_files *files)
{
    config_files_drop(reload->used);
    reload->used = config_files_hold(files);
}

/* Publishes the candidate, or lets go of it: then the names of the one in use count again. */
static void publish(struct reload *reload)
{
    struct reload_candidate candidate = take_candidate(reload);
    const struct config *before = publisher_config(reload->publisher);
    struct reload_outcome outcome = {.result = before == NULL ? RELOAD_STARTED : RELOAD_CHANGED,
                                     .file = before == NULL ? NULL : reload->source->file,
                                     .found = &candidate.found,
                                     .before = before,
                                     .difference = candidate.difference};

    assert(candidate.snapshot != NULL);
    uv_timer_stop(&reload->patience);
    outcome.code = publisher_publish(reload->publisher, candidate.snapshot, outcome.sentence);
    if (outcome.code == 0) {
        candidate.snapshot = NULL;
        use_files(reload, candidate.files);
    } else {
        outcome.result = RELOAD_REFUSED;
        outcome.difference = (struct reload_difference){.known = true};
        look_up(reload, publisher_use(reload->publisher));
    }
    say(reload, &outcome);
    free_candidate(&candidate);
    publisher_sweep(reload->publisher); /* `before` was needed until now */
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
    if (reload->candidate.snapshot != NULL) {
        if (addresses != NULL)
            snapshot_set_addresses(reload->candidate.snapshot, server, addresses);
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
    if (reload->candidate.snapshot != NULL)
        publish(reload);
}

static void on_out_of_patience(uv_timer_t *patience)
{
    struct reload *reload = patience->data;
    char names[LOG_LINE_MAX / 2];

    part_assert_own(&reload->part);
    if (reload->prepared.snapshot != NULL) { /* that takes the place of the one that waited */
        uv_timer_start(patience, on_out_of_patience, NEXT_LOOK_MS, 0);
        return;
    }
    assert(reload_state(reload) == RELOAD_RESOLVING);
    resolve_print_new(reload->resolve, names, sizeof names);
    log_line(LOG_LEVEL_WARNING,
             "waiting for the addresses of %s: %s without them, they are used once known", names,
             is_first(reload) ? "listening" : "going on");
    publish(reload);
}

/* It is to be published, at the latest when the patience ends. Takes it over. */
static void take(struct reload *reload, struct reload_candidate candidate)
{
    free_candidate(&reload->candidate);
    reload->candidate = candidate;
    if (!uv_is_active((uv_handle_t *)&reload->patience))
        uv_timer_start(&reload->patience, on_out_of_patience,
                       is_first(reload) ? FIRST_PATIENCE_MS : PATIENCE_MS, 0);
    look_up(reload, candidate.snapshot->use);
    if (reload->candidate.snapshot != NULL && !resolve_awaits_new(reload->resolve))
        publish(reload);
}

/*
 * Makes a candidate of a configuration, which it takes over. False: no memory, which is told, and
 * what stands in the candidate is freed.
 */
static bool make_candidate(struct reload *reload, struct config *config,
                           struct reload_candidate *candidate)
{
    candidate->snapshot = publisher_prepare(reload->publisher, config);
    if (candidate->snapshot != NULL)
        return true;
    struct reload_outcome outcome = {.result = RELOAD_REFUSED,
                                     .code = EX_OSERR,
                                     .found = &candidate->found,
                                     .sentence = "no memory for a new configuration"};
    say_unchanged(reload, &outcome);
    free_candidate(candidate);
    return false;
}

void reload_first(struct reload *reload, struct config *config)
{
    struct reload_candidate candidate = {.files = config_files_hold(reload->source->files)};

    part_assert_own(&reload->part);
    assert(reload_state(reload) == RELOAD_IDLE && is_first(reload));
    reload->read = config_files_hold(reload->source->files);
    candidate.difference.known = config_difference(NULL, config, &candidate.difference.value);
    if (make_candidate(reload, config, &candidate))
        take(reload, candidate); /* nothing has been counted yet */
}

/* --- loading --- */

static void on_loaded(struct errand *errand);
static void order(struct reload *reload, enum reload_order order_of);

static void begin_load(struct reload *reload, enum reload_order order)
{
    assert(reload->loading == RELOAD_ORDER_NONE && order != RELOAD_ORDER_NONE);
    reload->loading = order;
    reload_load_begin(&reload->load, reload->errands, reload->source,
                      publisher_use(reload->publisher), on_loaded);
}

/* What was read is no configuration. */
static void refuse(struct reload *reload, const struct reload_load *load, enum reload_order order)
{
    bool tried = order == RELOAD_ORDER_TRY && reload->waiting != RELOAD_ORDER_TELL;
    struct reload_outcome outcome = {.result = tried ? RELOAD_DOUBTFUL : RELOAD_REFUSED,
                                     .code = EX_CONFIG,
                                     .file = reload->source->file,
                                     .found = &load->found};

    if (load->trouble[0] != '\0')
        snprintf(outcome.sentence, sizeof outcome.sentence, "%s: %s", reload->source->file,
                 load->trouble);
    say_unchanged(reload, &outcome);
}

static struct reload *reload_of(struct errand *errand)
{
    struct reload_load *load = (struct reload_load *)errand;

    return (struct reload *)((char *)load - offsetof(struct reload, load));
}

/* What was read has come to its outcome, or waits for one: what waits is read. */
static void end_load(struct reload *reload)
{
    enum reload_order waiting = reload->waiting;

    reload->waiting = RELOAD_ORDER_NONE;
    if (waiting != RELOAD_ORDER_NONE)
        order(reload, waiting);
}

/* A piece. True: it is ready, and has become the candidate. */
static bool prepare(struct reload *reload)
{
    struct reload_candidate candidate = reload->prepared;

    if (!config_use_claim_more(candidate.snapshot->use, &reload->prepared_routes))
        return false;
    reload->prepared = (struct reload_candidate){0};
    reload->loading = RELOAD_ORDER_NONE;
    take(reload, candidate);
    return true;
}

static void on_next_turn(uv_idle_t *idle)
{
    struct reload *reload = idle->data;

    part_assert_own(&reload->part);
    if (!prepare(reload)) /* may end control */
        return;
    uv_idle_stop(idle);
    end_load(reload);
}

/* What was read is a configuration. True: there is nothing left to do. */
static bool prepare_first(struct reload *reload)
{
    struct reload_load *load = &reload->load;
    struct reload_candidate candidate = {.found = load->found,
                                         .files = config_files_hold(load->files),
                                         .difference = load->difference};
    struct config *config = load->config;

    load->config = NULL;
    load->found = (struct diagnostics){0};
    if (!make_candidate(reload, config, &candidate)) {
        reload->loading = RELOAD_ORDER_NONE;
        return true;
    }
    if (reload->candidate.snapshot != NULL) { /* it must not come between what was compared */
        look_up(reload, NULL);
        free_candidate(&reload->candidate);
    }
    reload->prepared = candidate;
    reload->prepared_routes = 0;
    return prepare(reload);
}

static void on_loaded(struct errand *errand)
{
    struct reload *reload = reload_of(errand);
    struct reload_load *load = &reload->load;
    enum reload_order order = reload->loading;
    bool ready = true;

    assert(order != RELOAD_ORDER_NONE);
    if (reload->part.state != PART_RUNNING) {
        reload_load_end(load);
        return;
    }
    part_assert_own(&reload->part);
    if (load->config != NULL && load->before != publisher_use(reload->publisher)) {
        reload_load_compare(load, reload->errands, publisher_use(reload->publisher));
        return;
    }
    reload_load_let_go(load);
    config_files_drop(reload->read);
    reload->read = config_files_hold(load->files);
    if (load->config != NULL) {
        ready = prepare_first(reload); /* may end control */
    } else {
        reload->loading = RELOAD_ORDER_NONE;
        refuse(reload, load, order);
    }
    reload_load_end(load);
    if (ready)
        end_load(reload);
    else
        uv_idle_start(&reload->next_turn, on_next_turn);
}

bool reload_is_loading(const struct reload *reload)
{
    return reload->loading != RELOAD_ORDER_NONE;
}

/* --- asking --- */

static void order(struct reload *reload, enum reload_order order_of)
{
    const struct diagnostics none = {0};

    if (reload->part.state != PART_RUNNING)
        return;
    part_assert_own(&reload->part);
    if (reload->held) {
        reload->asked = true;
    } else if (reload->source->file == NULL) {
        struct reload_outcome outcome = {.result = RELOAD_UNAVAILABLE,
                                         .found = &none,
                                         .sentence = "the configuration is on the command line"};
        say_unchanged(reload, &outcome);
    } else if (!reload_is_loading(reload)) {
        begin_load(reload, order_of);
    } else if (order_of > reload->waiting) {
        reload->waiting = order_of;
    }
}

void reload_ask(struct reload *reload)
{
    order(reload, RELOAD_ORDER_TELL);
}

void reload_try(struct reload *reload)
{
    order(reload, RELOAD_ORDER_TRY);
}

void reload_hold(struct reload *reload)
{
    assert(!reload_is_loading(reload) && reload->candidate.snapshot == NULL);
    reload->held = true;
}

bool reload_release(struct reload *reload)
{
    bool asked = reload->asked;

    reload->held = false;
    reload->asked = false;
    return asked;
}

/* --- files --- */

struct config_files *reload_files(const struct reload *reload)
{
    return config_files_hold(reload->read);
}

enum reload_seen reload_see(struct reload *reload, struct config_files *now)
{
    if (reload->read != NULL && config_files_same(reload->read, now))
        return RELOAD_SEEN_SAME;
    if (reload_is_loading(reload) || reload->candidate.snapshot != NULL || reload->used == NULL ||
        !config_files_same(reload->used, now))
        return RELOAD_SEEN_OTHER;
    config_files_drop(reload->read);
    reload->read = config_files_hold(reload->used);
    return RELOAD_SEEN_USED;
}

/* --- the part --- */

static int start(struct part *part)
{
    struct reload *reload = part->self;
    int error = uv_timer_init(reload->loop, &reload->patience);

    assert(part == &reload->part);
    assert(error == 0);
    error = uv_idle_init(reload->loop, &reload->next_turn);
    assert(error == 0);
    reload->patience.data = reload->next_turn.data = reload;
    reload->open = 2;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct reload *reload = handle->data;

    assert(reload->open > 0);
    if (--reload->open == 0)
        reload->on_stopped(&reload->part);
}

/* Look-ups go on, since they cannot be taken back, but nobody is told any more. */
static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct reload *reload = part->self;

    assert(part == &reload->part);
    reload->on_stopped = on_stopped;
    if (reload_is_loading(reload) && reload->prepared.snapshot == NULL &&
        errands_give_up(reload->errands, &reload->load.errand))
        reload_load_end(&reload->load);
    look_up(reload, NULL);
    free_candidate(&reload->prepared);
    free_candidate(&reload->candidate);
    config_files_drop(reload->read);
    config_files_drop(reload->used);
    reload->read = reload->used = NULL;
    uv_close((uv_handle_t *)&reload->patience, on_closed);
    uv_close((uv_handle_t *)&reload->next_turn, on_closed);
}

void reload_init(struct reload *reload, uv_loop_t *loop, const struct control_source *source,
                 struct errands *errands, struct resolve *resolve, struct publisher *publisher,
                 void (*on_outcome)(void *context, const struct reload_outcome *outcome),
                 void *context)
{
    *reload = (struct reload){
        .part = {.name = "reload", .self = reload, .start = start, .stop = stop},
        .loop = loop,
        .source = source,
        .errands = errands,
        .resolve = resolve,
        .publisher = publisher,
        .on_outcome = on_outcome,
        .context = context,
    };
}
