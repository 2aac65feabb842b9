/*
 * Reloads: what each comes to, and what happens while names are being looked up.
 *
 * The parts of control run on this test's loop, with a worker of their own; lookups_ask() is
 * replaced, so that a name is answered when the test says so, and the patience with names ends when
 * the test says so.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/difference.h"
#include "router/control/leftovers.h"
#include "router/control/log_part.h"
#include "router/control/publisher.h"
#include "router/control/reload.h"
#include "router/control/resolve.h"
#include "router/control/workers.h"

#define QUESTIONS_MAX 16
#define OUTCOMES_MAX  8

/* An outcome as it was when it was told. */
struct told {
    enum reload_result result;
    int code;
    char sentence[PUBLISHER_SENTENCE_MAX];
    size_t errors, warnings;
    bool in_use;
    bool ends;
    struct config_difference difference;
};

struct scene {
    uv_loop_t loop;
    struct parts parts;
    struct part *list[6];
    struct log_part log;
    struct errands errands;
    struct leftovers leftovers;
    struct workers workers;
    struct resolve resolve;
    struct stats stats;
    struct publisher publisher;
    struct reload reload;
    struct control_source source;
    bool stopped;

    const char *file_text; /* what the file says; NULL: it cannot be read */
    int times_read;
    bool slow; /* the file is read to its end when the test posts `read_on` */
    uv_sem_t read_on;
    struct told told[OUTCOMES_MAX];
    int told_count;
};

/* Of the replaced functions; they know no scene. */
static struct {
    struct lookup *list[QUESTIONS_MAX];
    int count;
    const uv_loop_t *impatient; /* timers of this loop end at once */
} names;

void __wrap_lookups_ask(struct lookups *lookups, struct lookup *lookup);
int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat);
int __real_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat);

void __wrap_lookups_ask(struct lookups *lookups, struct lookup *lookup)
{
    (void)lookups;
    assert_in_range(names.count, 0, QUESTIONS_MAX - 1);
    names.list[names.count++] = lookup;
}

int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
    return __real_uv_timer_start(timer, cb, timer->loop == names.impatient ? 0 : timeout, repeat);
}

/* Answers the oldest question for this name, which must have been asked. NULL: no such name. */
static void answer_with(const char *name, const char *address)
{
    static const struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};

    for (int i = 0; i < names.count; i++) {
        struct lookup *lookup = names.list[i];
        if (strcmp(lookup->name, name) != 0)
            continue;
        names.count--;
        memmove(&names.list[i], &names.list[i + 1],
                (size_t)(names.count - i) * sizeof names.list[0]);
        lookup->error = EAI_NONAME;
        if (address != NULL)
            lookup->error = getaddrinfo(address, NULL, &numeric, &lookup->found);
        lookup->on_answer(lookup);
        return;
    }
    fail_msg("nobody asked for %s", name);
}

static void answer(const char *name, bool known)
{
    answer_with(name, known ? "127.0.0.1" : NULL);
}

/* --- configurations --- */

#define CONFIG(listen, routes, servers)                                                            \
    "{\"listeners\":[{\"name\":\"l\",\"address\":\"" listen "\"}],\"routes\":[" routes             \
    "],\"backends\":{\"one\":{\"servers\":[" servers                                               \
    "]}},\"log\":{\"access\":{\"path\":\"/dev/null\"},\"level\":\"error\"}}"
#define ROUTE(host) "{\"host\":\"" host "\",\"backend\":\"one\"}"
#define NUMBER      "\"127.0.0.1:9\""

static const char plain[] = CONFIG("127.0.0.1:0", ROUTE("a.test"), NUMBER);
static const char two_routes[] = CONFIG("127.0.0.1:0", ROUTE("a.test") "," ROUTE("b.test"), NUMBER);
static const char named[] = CONFIG("127.0.0.1:0", ROUTE("a.test"), "\"x.test:9\"");
static const char named_and_more[] =
    CONFIG("127.0.0.1:0", ROUTE("a.test") "," ROUTE("b.test"), "\"x.test:9\"");
static const char three_names[] =
    CONFIG("127.0.0.1:0", ROUTE("a.test"), "\"x.test:9\",\"y.test:9\",\"z.test:9\"");

static struct config *load_text(const char *text, struct diagnostics *found)
{
    return config_load_text(text, strlen(text), "file", found);
}

static struct config *load(void *context, struct config_files *files, struct diagnostics *found,
                           char trouble[CONTROL_TROUBLE_MAX])
{
    struct scene *scene = context;

    scene->times_read++;
    if (scene->slow)
        uv_sem_wait(&scene->read_on);
    if (scene->file_text != NULL) {
        config_files_add(files, "file", scene->file_text, strlen(scene->file_text));
        return load_text(scene->file_text, found);
    }
    config_files_add_failed(files, "file", EIO);
    snprintf(trouble, CONTROL_TROUBLE_MAX, "cannot read: gone");
    return NULL;
}

/* --- the scene --- */

static void on_outcome(void *context, const struct reload_outcome *outcome)
{
    struct scene *scene = context;
    struct told *told = &scene->told[scene->told_count++];

    assert_in_range(scene->told_count, 1, OUTCOMES_MAX);
    memset(told, 0, sizeof *told);
    told->result = outcome->result;
    told->code = outcome->code;
    snprintf(told->sentence, sizeof told->sentence, "%s", outcome->sentence);
    told->errors = outcome->found->errors;
    told->warnings = outcome->found->warnings;
    told->in_use = outcome->config != NULL;
    told->ends = outcome->ends;
    const struct config_difference *difference = reload_outcome_difference(outcome);
    assert_non_null(difference);
    assert_ptr_equal(reload_outcome_difference(outcome), difference);
    told->difference = *difference;
    if (told->result != RELOAD_STARTED && told->result != RELOAD_CHANGED)
        assert_ptr_equal(outcome->before, outcome->config);
}

static void on_wake(void *context)
{
    struct scene *scene = context;

    publisher_sweep(&scene->publisher);
}

static void on_stopped(void *context)
{
    struct scene *scene = context;

    scene->stopped = true;
}

static int setup(void **state)
{
    struct scene *scene = aligned_alloc(_Alignof(struct scene), sizeof *scene);
    struct shared shared = {.connection_cap = 10, .relay_mode = RELAY_COPY};

    assert_non_null(scene);
    memset(scene, 0, sizeof *scene);
    memset(&names, 0, sizeof names);
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(uv_loop_init(&scene->loop), 0);
    log_part_init(&scene->log, 1, "/dev/null");
    shared.writer = &scene->log.writer;
    shared.stats = &scene->stats;
    assert_true(stats_init(&scene->stats, 1));
    errands_init(&scene->errands, &scene->loop);
    workers_init(&scene->workers, &scene->loop, 1, &shared, on_wake, scene);
    publisher_init(&scene->publisher, &scene->workers, &scene->stats, &scene->log.writer);
    leftovers_init(&scene->leftovers, &scene->loop, &scene->errands, &scene->publisher);
    resolve_init(&scene->resolve, &scene->loop);
    scene->source = (struct control_source){.load = load, .context = scene, .file = "file"};
    assert_int_equal(uv_sem_init(&scene->read_on, 0), 0);
    scene->source.files = config_files_new();
    assert_non_null(scene->source.files);
    reload_init(&scene->reload, &scene->loop, &scene->source, &scene->errands, &scene->resolve,
                &scene->publisher, on_outcome, scene);
    scene->list[0] = &scene->log.part;
    scene->list[1] = &scene->errands.part;
    scene->list[2] = &scene->leftovers.part;
    scene->list[3] = &scene->workers.part;
    scene->list[4] = &scene->resolve.part;
    scene->list[5] = &scene->reload.part;
    parts_init(&scene->parts, scene->list, 6, on_stopped, scene);
    assert_int_equal(parts_start(&scene->parts), 0);
    *state = scene;
    return 0;
}

static void stop(struct scene *scene)
{
    publisher_retire(&scene->publisher);
    parts_stop(&scene->parts);
    while (!scene->stopped)
        uv_run(&scene->loop, UV_RUN_ONCE);
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    if (!scene->parts.stopping)
        stop(scene);
    assert_int_equal(names.count, 0); /* the test has answered all */
    assert_false(resolve_is_busy(&scene->resolve));
    publisher_close(&scene->publisher);
    workers_free(&scene->workers);
    stats_close(&scene->stats);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
    config_files_drop(scene->source.files);
    uv_sem_destroy(&scene->read_on);
    free(scene);
    return 0;
}

static void begin(struct scene *scene, const char *text)
{
    struct diagnostics found = {0};
    struct config *config = load_text(text, &found);

    diagnostics_free(&found);
    assert_non_null(config);
    config_files_add(scene->source.files, "file", text, strlen(text));
    reload_first(&scene->reload, config);
}

/* Until so many outcomes have been told, or all has been read. */
static void run_until(struct scene *scene, int count)
{
    while (count > 0 ? scene->told_count < count : reload_is_loading(&scene->reload))
        uv_run(&scene->loop, UV_RUN_ONCE);
}

static void ask(struct scene *scene, const char *text)
{
    scene->file_text = text;
    reload_ask(&scene->reload);
    run_until(scene, 0);
}

static void try(struct scene *scene, const char *text)
{
    scene->file_text = text;
    reload_try(&scene->reload);
    run_until(scene, 0);
}

/* The last of so many outcomes. */
static const struct told *outcome(const struct scene *scene, int count, enum reload_result result)
{
    assert_int_equal(scene->told_count, count);
    assert_int_equal(scene->told[count - 1].result, result);
    return &scene->told[count - 1];
}

static void expect_state(const struct scene *scene, enum reload_state state)
{
    assert_int_equal(reload_state(&scene->reload), state);
}

static bool has_address(const struct scene *scene, uint32_t server)
{
    return snapshot_addresses(scene->publisher.newest, 0, server) != NULL;
}

static void expect_address(const struct scene *scene, const char *expected)
{
    const struct addresses *addresses = snapshot_addresses(scene->publisher.newest, 0, 0);
    char text[INET_ADDRSTRLEN];

    assert_non_null(addresses);
    const struct sockaddr_in *in = (const struct sockaddr_in *)&addresses->list[0].address;
    assert_string_equal(inet_ntop(AF_INET, &in->sin_addr, text, sizeof text), expected);
}

/* Out of patience: the timer was started with no time left. */
static void run_timers(struct scene *scene)
{
    uv_update_time(&scene->loop);
    uv_run(&scene->loop, UV_RUN_NOWAIT);
}

/* --- outcomes --- */

struct row {
    const char *what;
    const char *text; /* NULL: the file cannot be read */
    struct told expected;
};

static const struct row rows[] = {
    {"the same again", plain, {.result = RELOAD_CHANGED, .in_use = true}},
    {"one more host",
     two_routes,
     {.result = RELOAD_CHANGED, .in_use = true, .difference = {.hosts = {.added = 1}}}},
    {"another server, with a warning",
     CONFIG("127.0.0.1:0", ROUTE("a.test"), "\"127.0.0.1:10\",\"127.0.0.1:10\""),
     {.result = RELOAD_CHANGED,
      .in_use = true,
      .warnings = 1,
      .difference = {.backends = {.changed = 1}}}},
    {"not JSON", "{", {.result = RELOAD_REFUSED, .code = EX_CONFIG, .in_use = true, .errors = 1}},
    {"not readable",
     NULL,
     {.result = RELOAD_REFUSED,
      .code = EX_CONFIG,
      .in_use = true,
      .sentence = "file: cannot read: gone"}},
    {"a log that cannot be opened",
     "{\"listeners\":[{\"name\":\"l\",\"address\":\"127.0.0.1:0\"}],\"routes\":[" ROUTE(
         "a.test") "],\"backends\":{\"one\":{\"servers\":[" NUMBER
                   "]}},\"log\":{\"access\":{\"path\":\"/absent/a.log\"},\"level\":\"error\"}}",
     {.result = RELOAD_REFUSED,
      .code = EX_OSERR,
      .in_use = true,
      .sentence = "cannot open the access log /absent/a.log: No such file or directory"}},
    {"a path that cannot be bound",
     CONFIG("unix:/absent/socket", ROUTE("a.test"), NUMBER),
     {.result = RELOAD_REFUSED,
      .code = EX_OSERR,
      .in_use = true,
      .sentence = "cannot listen on unix:/absent/socket (l): bind: No such file or directory: its "
                  "directory is not there"}},
};

static void check_told(const char *what, const struct told *got, const struct told *expected)
{
    if (got->result != expected->result || got->code != expected->code)
        fail_msg("%s: result %d, code %d", what, got->result, got->code);
    if (strcmp(got->sentence, expected->sentence) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", what, got->sentence, expected->sentence);
    if (got->errors != expected->errors || got->warnings != expected->warnings)
        fail_msg("%s: %zu errors, %zu warnings", what, got->errors, got->warnings);
    if (got->in_use != expected->in_use)
        fail_msg("%s: in use %d", what, got->in_use);
    if (got->difference.settings != expected->difference.settings ||
        memcmp(&got->difference, &expected->difference,
               offsetof(struct config_difference, settings)) != 0)
        fail_msg("%s: another difference", what);
}

static void each_reload_comes_to_its_outcome(void **state)
{
    struct scene *scene = *state;
    struct told first = {.result = RELOAD_STARTED,
                         .in_use = true,
                         .difference = {.listeners = {.added = 1},
                                        .backends = {.added = 1},
                                        .hosts = {.added = 1},
                                        .settings = true}};

    begin(scene, plain);
    check_told("first", outcome(scene, 1, RELOAD_STARTED), &first);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct config *before;

        scene->told_count = 0;
        ask(scene, plain); /* what the row is compared with */
        before = publisher_config(&scene->publisher);
        scene->told_count = 0;
        ask(scene, rows[i].text);
        assert_int_equal(scene->told_count, 1);
        check_told(rows[i].what, &scene->told[0], &rows[i].expected);
        bool stays = rows[i].expected.result == RELOAD_REFUSED;
        assert_int_equal(publisher_config(&scene->publisher) == before, stays);
        expect_state(scene, RELOAD_IDLE);
    }
}

static void a_first_one_that_cannot_be_published_is_refused(void **state)
{
    struct scene *scene = *state;

    begin(scene, CONFIG("unix:/absent/socket", ROUTE("a.test"), NUMBER));
    const struct told *told = outcome(scene, 1, RELOAD_REFUSED);
    assert_int_equal(told->code, EX_OSERR);
    assert_true(told->ends && !told->in_use);
    assert_string_equal(
        told->sentence,
        "cannot listen on unix:/absent/socket (l): bind: No such file or directory: its "
        "directory is not there");
}

static void a_command_line_cannot_be_read_again(void **state)
{
    struct scene *scene = *state;

    scene->source.file = NULL;
    begin(scene, plain);
    ask(scene, two_routes);
    assert_true(outcome(scene, 2, RELOAD_UNAVAILABLE)->in_use);
    assert_int_equal(scene->times_read, 0);
}

/* --- names --- */

static void a_reload_gives_new_names_a_moment(void **state)
{
    struct scene *scene = *state;

    begin(scene, plain);
    ask(scene, named);
    expect_state(scene, RELOAD_RESOLVING);
    assert_int_equal(scene->told_count, 1);
    answer("x.test", true);
    outcome(scene, 2, RELOAD_CHANGED);
    expect_state(scene, RELOAD_IDLE);
    assert_true(has_address(scene, 0));
}

static void a_name_without_an_address_holds_up_nothing(void **state)
{
    struct scene *scene = *state;

    begin(scene, named);
    answer("x.test", false);
    outcome(scene, 1, RELOAD_STARTED);
    assert_false(has_address(scene, 0));
}

static void after_the_moment_it_goes_on_without_them(void **state)
{
    struct scene *scene = *state;

    begin(scene, plain);
    names.impatient = &scene->loop;
    ask(scene, named);
    run_timers(scene);
    outcome(scene, 2, RELOAD_CHANGED);
    expect_state(scene, RELOAD_LEARNING);
    assert_false(has_address(scene, 0));
    answer("x.test", true);
    expect_state(scene, RELOAD_IDLE);
    assert_true(has_address(scene, 0));
}

static void the_last_good_answer_stays(void **state)
{
    struct scene *scene = *state;

    begin(scene, named);
    answer_with("x.test", "127.0.0.2");
    ask(scene, named_and_more);
    outcome(scene, 2, RELOAD_CHANGED); /* not waiting for what is known */
    expect_state(scene, RELOAD_LEARNING);
    expect_address(scene, "127.0.0.2");
    answer("x.test", false);
    expect_state(scene, RELOAD_IDLE);
    expect_address(scene, "127.0.0.2");
}

static void another_answer_is_used(void **state)
{
    struct scene *scene = *state;

    begin(scene, named);
    answer_with("x.test", "127.0.0.2");
    ask(scene, named);
    answer_with("x.test", "127.0.0.3");
    expect_address(scene, "127.0.0.3");
    ask(scene, named);
    const struct snapshot *newest = scene->publisher.newest;
    answer_with("x.test", "127.0.0.3");
    assert_ptr_equal(scene->publisher.newest, newest); /* the same answer is nothing new */
}

/* It was asked for by the configuration in use, to no avail so far: it is not new. */
static void a_name_that_was_not_answered_holds_up_no_reload(void **state)
{
    struct scene *scene = *state;

    names.impatient = &scene->loop;
    begin(scene, named);
    run_timers(scene);
    ask(scene, named_and_more);
    outcome(scene, 2, RELOAD_CHANGED);
    expect_state(scene, RELOAD_LEARNING);
    answer("x.test", true); /* to nobody: the configuration has gone */
    assert_false(has_address(scene, 0));
    answer("x.test", true);
    assert_true(has_address(scene, 0));
    expect_state(scene, RELOAD_IDLE);
}

static void new_names_are_asked_for_first(void **state)
{
    struct scene *scene = *state;

    names.impatient = &scene->loop;
    begin(scene, three_names);
    run_timers(scene);
    answer("y.test", true);
    names.impatient = NULL;
    int before = names.count;
    ask(scene, CONFIG("127.0.0.1:0", ROUTE("a.test"),
                      "\"x.test:9\",\"y.test:9\",\"z.test:9\",\"new.test:9\""));
    assert_string_equal(names.list[before]->name, "new.test");
    assert_string_equal(names.list[before + 3]->name, "y.test"); /* known already */
    expect_state(scene, RELOAD_RESOLVING);
    answer("new.test", true); /* the others are not waited for */
    outcome(scene, 2, RELOAD_CHANGED);
    expect_state(scene, RELOAD_LEARNING);
    assert_true(has_address(scene, 1) && has_address(scene, 3));
    while (names.count > 0)
        answer(names.list[0]->name, true);
    assert_true(has_address(scene, 0) && has_address(scene, 2));
}

static void a_newer_reload_replaces_one_that_waits(void **state)
{
    struct scene *scene = *state;

    begin(scene, plain);
    ask(scene, named);
    expect_state(scene, RELOAD_RESOLVING);
    ask(scene, two_routes);
    assert_int_equal(scene->times_read, 2);
    assert_int_equal(outcome(scene, 2, RELOAD_CHANGED)->difference.hosts.added, 1);
    expect_state(scene, RELOAD_IDLE);
    answer("x.test", true); /* to nobody */
    assert_int_equal(scene->told_count, 2);
}

static void reloads_before_listening_replace_the_first(void **state)
{
    struct scene *scene = *state;

    begin(scene, three_names);
    ask(scene, "{");
    assert_false(outcome(scene, 1, RELOAD_REFUSED)->ends); /* the first still waits */
    expect_state(scene, RELOAD_RESOLVING);
    ask(scene, two_routes);
    outcome(scene, 2, RELOAD_STARTED);
    expect_state(scene, RELOAD_IDLE);
    while (names.count > 0)
        answer(names.list[0]->name, true);
}

static void the_first_one_listens_and_learns_its_names(void **state)
{
    struct scene *scene = *state;

    names.impatient = &scene->loop;
    begin(scene, three_names);
    run_timers(scene);
    outcome(scene, 1, RELOAD_STARTED);
    expect_state(scene, RELOAD_LEARNING);
    const struct config *config = publisher_config(&scene->publisher);
    answer("y.test", true);
    answer("x.test", false);
    assert_true(has_address(scene, 1));
    expect_state(scene, RELOAD_LEARNING);
    answer("z.test", true);
    expect_state(scene, RELOAD_IDLE);
    assert_true(has_address(scene, 1) && has_address(scene, 2) && !has_address(scene, 0));
    assert_ptr_equal(publisher_config(&scene->publisher), config);
    assert_int_equal(scene->told_count, 1); /* new addresses are no reload */
}

static void a_bad_file_while_learning_changes_nothing(void **state)
{
    struct scene *scene = *state;

    names.impatient = &scene->loop;
    begin(scene, three_names);
    run_timers(scene);
    ask(scene, "{");
    outcome(scene, 2, RELOAD_REFUSED);
    expect_state(scene, RELOAD_LEARNING);
    answer("x.test", true);
    answer("y.test", true);
    answer("z.test", true);
    assert_true(has_address(scene, 2));
}

static void a_rejected_reload_while_learning_changes_nothing(void **state)
{
    struct scene *scene = *state;

    names.impatient = &scene->loop;
    begin(scene, three_names);
    run_timers(scene);
    answer("y.test", true);
    ask(scene, CONFIG("unix:/absent/socket", ROUTE("a.test"), "\"x.test:9\""));
    outcome(scene, 2, RELOAD_REFUSED);
    expect_state(scene, RELOAD_LEARNING);
    assert_true(has_address(scene, 1));
    while (names.count > 0)
        answer(names.list[0]->name, true);
    assert_true(has_address(scene, 0) && has_address(scene, 2));
    expect_state(scene, RELOAD_IDLE);
}

/* --- while a file is read --- */

static void what_is_asked_for_meanwhile_is_read_once(void **state)
{
    struct scene *scene = *state;

    begin(scene, plain);
    scene->slow = true;
    scene->file_text = two_routes;
    for (int i = 0; i < 5; i++)
        reload_ask(&scene->reload);
    assert_int_equal(scene->told_count, 1); /* nobody has waited for it */
    uv_sem_post(&scene->read_on);
    uv_sem_post(&scene->read_on);
    run_until(scene, 3);
    run_until(scene, 0);
    outcome(scene, 3, RELOAD_CHANGED);
    assert_int_equal(scene->times_read, 2);
    assert_int_equal(scene->told[1].difference.hosts.added, 1);
    assert_int_equal(scene->told[2].difference.hosts.added, 0);
}

/* Compared with what it replaces, not with what was in use when it began to be read. */
static void what_is_published_meanwhile_is_what_it_is_compared_with(void **state)
{
    struct scene *scene = *state;

    begin(scene, plain);
    ask(scene, named);
    expect_state(scene, RELOAD_RESOLVING);
    scene->slow = true;
    scene->file_text = two_routes;
    reload_ask(&scene->reload);
    answer("x.test", true);
    outcome(scene, 2, RELOAD_CHANGED);
    uv_sem_post(&scene->read_on);
    run_until(scene, 3);
    const struct told *told = outcome(scene, 3, RELOAD_CHANGED);
    assert_int_equal(told->difference.hosts.added, 1);
    assert_int_equal(told->difference.backends.changed, 1);
}

static void a_bad_file_that_was_tried_is_doubtful(void **state)
{
    struct scene *scene = *state;

    begin(scene, plain);
    try(scene, "{");
    outcome(scene, 2, RELOAD_DOUBTFUL);
    try(scene, NULL);
    outcome(scene, 3, RELOAD_DOUBTFUL);
    try(scene, two_routes);
    outcome(scene, 4, RELOAD_CHANGED);
    scene->slow = true;
    scene->file_text = "{";
    reload_try(&scene->reload);
    reload_ask(&scene->reload);
    uv_sem_post(&scene->read_on);
    uv_sem_post(&scene->read_on);
    run_until(scene, 6);
    assert_int_equal(scene->told[4].result, RELOAD_REFUSED); /* somebody has asked */
    outcome(scene, 6, RELOAD_REFUSED);
}

static void expect_seen(struct scene *scene, const char *text, enum reload_seen expected)
{
    struct config_files *now = config_files_new();

    if (text != NULL)
        config_files_add(now, "file", text, strlen(text));
    else
        config_files_add_failed(now, "file", EIO);
    assert_int_equal(reload_see(&scene->reload, now), expected);
    config_files_drop(now);
}

static void files_are_compared_with_what_was_read_and_what_is_used(void **state)
{
    struct scene *scene = *state;

    begin(scene, plain);
    expect_seen(scene, plain, RELOAD_SEEN_SAME);
    expect_seen(scene, two_routes, RELOAD_SEEN_OTHER);
    try(scene, "{");
    expect_seen(scene, "{", RELOAD_SEEN_SAME);
    expect_seen(scene, NULL, RELOAD_SEEN_OTHER);
    expect_seen(scene, plain, RELOAD_SEEN_USED);
    expect_seen(scene, plain, RELOAD_SEEN_SAME);
    expect_seen(scene, "{", RELOAD_SEEN_OTHER);
    ask(scene, named); /* waits, and would replace it */
    expect_seen(scene, plain, RELOAD_SEEN_OTHER);
    answer("x.test", true);
    expect_seen(scene, named, RELOAD_SEEN_SAME);
    expect_seen(scene, plain, RELOAD_SEEN_OTHER);
}

/* --- the end --- */

static bool has_read(struct scene *scene)
{
    uv_mutex_lock(&scene->errands.lock);
    bool done = scene->errands.done.first != NULL;
    uv_mutex_unlock(&scene->errands.lock);
    return done;
}

/* What has been read, but was not told yet, and what was to be read after it. */
static void the_stop_after_a_load_tells_nothing(void **state)
{
    struct scene *scene = *state;

    begin(scene, plain);
    scene->file_text = two_routes;
    reload_ask(&scene->reload);
    reload_ask(&scene->reload);
    while (!has_read(scene))
        uv_sleep(1);
    stop(scene);
    assert_false(errands_are_stuck(&scene->errands));
    assert_int_equal(scene->told_count, 1);
    assert_int_equal(scene->times_read, 1);
}

/* What is not answered at the stop is told never. */
static void the_stop_waits_for_no_answer(void **state)
{
    struct scene *scene = *state;

    begin(scene, plain);
    ask(scene, three_names);
    expect_state(scene, RELOAD_RESOLVING);
    stop(scene);
    expect_state(scene, RELOAD_IDLE);
    assert_int_equal(names.count, 3);
    ask(scene, two_routes);
    assert_int_equal(scene->times_read, 1);
    assert_int_equal(scene->told_count, 1);
    while (names.count > 0)
        free(names.list[--names.count]);
}

static void learning_ends_with_the_stop(void **state)
{
    struct scene *scene = *state;

    names.impatient = &scene->loop;
    begin(scene, three_names);
    run_timers(scene);
    expect_state(scene, RELOAD_LEARNING);
    stop(scene);
    assert_null(scene->publisher.newest);
    while (names.count > 0)
        free(names.list[--names.count]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_reload_comes_to_its_outcome),
        TEST(a_first_one_that_cannot_be_published_is_refused),
        TEST(a_command_line_cannot_be_read_again),
        TEST(a_reload_gives_new_names_a_moment),
        TEST(a_name_without_an_address_holds_up_nothing),
        TEST(after_the_moment_it_goes_on_without_them),
        TEST(the_last_good_answer_stays),
        TEST(another_answer_is_used),
        TEST(a_name_that_was_not_answered_holds_up_no_reload),
        TEST(new_names_are_asked_for_first),
        TEST(a_newer_reload_replaces_one_that_waits),
        TEST(reloads_before_listening_replace_the_first),
        TEST(the_first_one_listens_and_learns_its_names),
        TEST(a_bad_file_while_learning_changes_nothing),
        TEST(a_rejected_reload_while_learning_changes_nothing),
        TEST(what_is_asked_for_meanwhile_is_read_once),
        TEST(what_is_published_meanwhile_is_what_it_is_compared_with),
        TEST(a_bad_file_that_was_tried_is_doubtful),
        TEST(files_are_compared_with_what_was_read_and_what_is_used),
        TEST(the_stop_after_a_load_tells_nothing),
        TEST(the_stop_waits_for_no_answer),
        TEST(learning_ends_with_the_stop),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
