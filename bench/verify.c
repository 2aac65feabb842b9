/*
 * The mode verify: a slot is filled again as soon as its stream has ended; every few milliseconds
 * each stream is checked; reloads; a progress line per second.
 *
 *   RUNNING --duration, --count, a signal--> DRAINING (short streams end by themselves)
 *           --none is left--> ENDING (long-lived ones are ended in order) --none is left--> result
 */

#include "bench/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/clock.h"
#include "bench/exit.h"
#include "bench/process.h"
#include "bench/random.h"
#include "bench/report.h"
#include "bench/serve.h"

#define DEFAULT_NAME        "bench.test"
#define DEFAULT_CONNECTIONS 64
#define CONNECTIONS_MAX     100000
#define TICK_NS             (5 * NS_PER_MS)
#define SHORTAGE_NS         (20 * NS_PER_MS)
#define ERROR_TEXT          256
/* How long the backends that verify has started may take to end. */
#define BACKENDS_END_NS (10 * NS_PER_S)

/* SIGINT and SIGTERM as an event of the loop. */
struct verify_signals {
    struct pollable pollable; /* first */
    struct verify *verify;
    int fd;
};

static bool check_options(const struct options *options)
{
    int sources =
        (options->ask.sni != NULL) + (options->ask.sni_file != NULL) + (options->ask.names != NULL);
    const char *fix = NULL;

    if (sources > 1)
        fix = "--sni, --sni-file and --names exclude each other: keep one";
    else if (options->load.duration_ns == 0 && options->load.count == 0)
        fix = "--duration must be greater than zero";
    else if (options->verify.max_bytes == 0)
        fix = "--max-size must be at least 1 byte";
    else if (options->verify.reload_every_ns != UINT64_MAX && options->verify.reload_cmd == NULL)
        fix = "--reload-every says how often --reload-cmd is run: add that, or drop it";
    else if (options->verify.reload_cmd != NULL && options->verify.reload_cmd[0] == '\0')
        fix = "--reload-cmd is empty: give the command that makes the router reload";
    else if (verify_reload_every_ns(options) < 10 * NS_PER_MS)
        fix = "--reload-every must be at least 10ms";
    else if (options->load.connections > CONNECTIONS_MAX ||
             options->verify.long_lived > CONNECTIONS_MAX)
        fix = "--connections and --long must be at most 100k";
    else if (options->serve.listen.count > 0 && options->ask.sni_file != NULL)
        fix = "--listen plays the backends of --names or --sni, not of --sni-file";
    if (fix != NULL)
        fprintf(stderr, "sni-bench: verify: %s\n", fix);
    return fix == NULL && verify_check_conditions(options);
}

static bool load_names(struct verify *verify)
{
    const struct options *options = verify->options;
    char error[ERROR_TEXT];
    const char *spec = options->ask.names != NULL ? options->ask.names : options->ask.sni;
    bool good;

    if (options->ask.sni_file != NULL)
        good = names_from_file(&verify->names, options->ask.sni_file, error, sizeof error);
    else if (options->ask.names != NULL)
        good = names_from_spec(&verify->names, spec, error, sizeof error);
    else
        good = names_from_list(&verify->names, spec == NULL ? DEFAULT_NAME : spec, error,
                               sizeof error);
    if (!good)
        fprintf(stderr, "sni-bench: verify: names: %s\n", error);
    return good;
}

/* The child process: runs sni-bench serve with the run's names until it is told to end. */
static void play_backends(const struct options *options, int out)
{
    struct options serve = *options;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpgid(0, 0); /* a Ctrl-C at the terminal must reach the parent only */
    dup2(out, STDOUT_FILENO);
    serve.mode = options_find_mode("serve");
    serve.ask.names = options->ask.names != NULL ? options->ask.names : options->ask.sni;
    if (serve.ask.names == NULL)
        serve.ask.names = DEFAULT_NAME;
    serve.load.threads = 1;
    serve.out.quiet = true;
    _exit(serve_run(&serve));
}

/* Waits for the child's line "ready"; the lines before it say which backend listens where. */
static bool await_backends(const struct options *options, int in)
{
    char line[512];
    bool ready = false;
    FILE *lines = fdopen(in, "r");

    while (lines != NULL && !ready && fgets(line, sizeof line, lines) != NULL) {
        ready = strcmp(line, "ready\n") == 0;
        if (!ready && !options->out.quiet)
            fputs(line, stderr);
    }
    if (lines != NULL)
        fclose(lines);
    return ready;
}

static bool start_backends(struct verify *verify)
{
    int pipe_fds[2];

    if (verify->options->serve.listen.count == 0)
        return true;
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return false;
    verify->serve_pid = fork();
    if (verify->serve_pid == 0)
        play_backends(verify->options, pipe_fds[1]);
    close(pipe_fds[1]);
    return await_backends(verify->options, pipe_fds[0]) && verify->serve_pid > 0;
}

static void stop_backends(struct verify *verify)
{
    if (verify->serve_pid <= 0)
        return;
    kill(verify->serve_pid, SIGTERM);
    if (verify_await_process(verify->serve_pid, BACKENDS_END_NS, NULL))
        return;
    kill(verify->serve_pid, SIGKILL);
    waitpid(verify->serve_pid, NULL, 0);
}

static double wall_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool prepare(struct verify *verify)
{
    const struct options *options = verify->options;

    if (!start_backends(verify) || !verify_tls_init(verify))
        return false;
    process_prepare_thread();
    process_raise_descriptors();
    uint64_t connections = options->load.connections;
    if (connections == 0)
        connections = DEFAULT_CONNECTIONS;
    verify->count = (uint32_t)(connections + options->verify.long_lived);
    verify->streams = calloc(verify->count, sizeof *verify->streams);
    verify->tallies = calloc(verify->names.count, sizeof *verify->tallies);
    verify->scratch = malloc(VERIFY_SCRATCH_BYTES);
    if (verify->streams == NULL || verify->tallies == NULL || verify->scratch == NULL ||
        poller_init(&verify->poller) != 0) {
        fprintf(stderr, "sni-bench: verify: cannot set up %u streams: %s\n", verify->count,
                strerror(errno));
        return false;
    }
    for (uint32_t i = 0; i < verify->count; i++)
        verify->streams[i].verify = verify;
    verify->random = options->load.seed;
    verify->redraws = isatty(STDERR_FILENO) == 1;
    verify->wall_start = wall_clock();
    verify->begun_ns = clock_now_ns();
    verify->reload_ns = verify->begun_ns + verify_reload_every_ns(options);
    verify->end_ns =
        options->load.duration_ns == 0 ? CLOCK_NEVER : verify->begun_ns + options->load.duration_ns;
    return true;
}

static void on_signal(struct pollable *pollable, uint32_t events)
{
    struct verify_signals *signals = (struct verify_signals *)pollable;
    struct signalfd_siginfo info;

    (void)events;
    while (read(signals->fd, &info, sizeof info) > 0)
        signals->verify->interrupted = true;
}

static void watch_signals(struct verify_signals *signals, struct verify *verify)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    *signals = (struct verify_signals){.pollable = {.on_events = on_signal}, .verify = verify};
    signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals->fd >= 0)
        (void)poller_add(&verify->poller, signals->fd, &signals->pollable, EPOLLIN);
}

/* How many short streams were begun: --count and --rate are about these. */
static uint64_t short_started(const struct verify *verify, uint64_t long_started)
{
    return verify->started - long_started;
}

/* What the loop keeps from turn to turn. */
struct pace {
    uint64_t long_started;
    uint64_t tick_ns;
    uint64_t line_ns;
    uint64_t hold_ns; /* no stream begins before this, after a shortage on this machine */
};

static bool may_begin(const struct verify *verify, const struct pace *pace, uint64_t now_ns)
{
    const struct options *options = verify->options;
    uint64_t begun = short_started(verify, pace->long_started);

    if (verify->interrupted || now_ns >= verify->end_ns)
        return false;
    return options->load.count == 0 || begun < options->load.count;
}

static bool is_due(const struct verify *verify, const struct pace *pace, uint64_t now_ns)
{
    double rate = verify->options->load.rate;
    uint64_t begun = short_started(verify, pace->long_started);

    return rate <= 0 || (double)begun <= (double)(now_ns - verify->begun_ns) / 1e9 * rate;
}

/*
 * Fills free slots. The last slots are for long-lived streams and are filled first, so that a small
 * --count leaves none of these out.
 */
static void fill_slots(struct verify *verify, struct pace *pace, uint64_t now_ns)
{
    uint32_t short_slots = verify->count - (uint32_t)verify->options->verify.long_lived;

    for (uint32_t i = verify->count; i-- > 0 && now_ns >= pace->hold_ns;) {
        struct verify_stream *stream = &verify->streams[i];
        bool is_long = i >= short_slots;
        if (stream->phase != VERIFY_FREE || now_ns < stream->due_ns)
            continue;
        if (!may_begin(verify, pace, now_ns) || (!is_long && !is_due(verify, pace, now_ns)))
            continue;
        uint32_t kind = is_long ? VERIFY_LONG : random_below(&verify->random, VERIFY_KINDS);
        if (!verify_stream_open(stream, kind, now_ns))
            pace->hold_ns = now_ns + SHORTAGE_NS;
        else
            pace->long_started += is_long;
    }
}

static void tick(struct verify *verify, struct pace *pace, uint64_t now_ns)
{
    if (now_ns < pace->tick_ns)
        return;
    pace->tick_ns = now_ns + TICK_NS;
    for (uint32_t i = 0; i < verify->count; i++) {
        if (verify->ending)
            verify_stream_finish(&verify->streams[i]);
        verify_stream_tick(&verify->streams[i], now_ns);
    }
    if (now_ns >= pace->line_ns) {
        pace->line_ns += NS_PER_S;
        verify_add_point(verify, now_ns);
        verify_print_progress(verify, now_ns);
    }
}

static void run(struct verify *verify)
{
    struct pace pace = {.line_ns = verify->begun_ns + NS_PER_S};
    bool running = true;

    while (running || verify->active > 0) {
        poller_wait(&verify->poller, TICK_NS);
        poller_dispatch(&verify->poller);
        uint64_t now_ns = clock_now_ns();
        running = may_begin(verify, &pace, now_ns);
        verify->ending = !running && verify->active == verify->long_active;
        if (running) {
            fill_slots(verify, &pace, now_ns);
            verify_reload_tick(verify, now_ns);
        }
        tick(verify, &pace, now_ns);
    }
    verify->end_ns = clock_now_ns();
    verify_end_progress(verify);
    verify_reload_end(verify);
    verify_add_point(verify, verify->end_ns);
}

/*
 * The exit code. A --fail-if that holds comes before everything else, because the user has asked
 * for it.
 */
static int conclude(struct verify *verify)
{
    const struct options *options = verify->options;

    verify_print(verify, report_text_output(options));
    bool written = report_write_outputs(options, verify_to_json(verify));
    if (verify_any_condition_holds(verify))
        return BENCH_FAIL_IF;
    if (verify_has_failed(verify) || !written)
        return BENCH_FAILED;
    return verify_blindness(verify) == NULL ? BENCH_OK : BENCH_INVALID;
}

static void release(struct verify *verify)
{
    stop_backends(verify);
    names_free(&verify->names);
    SSL_CTX_free(verify->tls);
    free(verify->streams);
    free(verify->tallies);
    free(verify->points);
    free(verify->scratch);
    free(verify);
}

int verify_run(const struct options *options)
{
    struct verify_signals signals;

    if (!check_options(options))
        return BENCH_USAGE;
    struct verify *verify = calloc(1, sizeof *verify);
    int result = BENCH_FAILED;
    if (verify == NULL)
        return result;
    verify->options = options;
    if (!report_check_outputs(options)) {
        result = BENCH_FAILED;
    } else if (!load_names(verify)) {
        result = options->ask.sni_file == NULL ? BENCH_USAGE : BENCH_FAILED;
    } else if (prepare(verify)) {
        watch_signals(&signals, verify);
        run(verify);
        result = conclude(verify);
        close(signals.fd);
        poller_close(&verify->poller);
    }
    release(verify);
    return result;
}
