#include "bench/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/clock.h"
#include "bench/exit.h"
#include "bench/process.h"
#include "bench/tls.h"
#include "config/text/units.h"

/* The name of a backend that was given none. */
#define NAMELESS "backend"
/* How often an idle thread checks whether it is to stop. */
#define IDLE_WAIT_NS (10 * NS_PER_S)

/* Does nothing for --stall whenever --stall-every has passed. */
static void stall(const struct serve *serve)
{
    uint64_t every = serve->options->serve.stall_every_ns;
    uint64_t pause = serve->options->serve.stall_ns;

    if (pause == 0)
        return;
    uint64_t into = (clock_now_ns() - serve->started_ns) % every;
    if (into >= pause)
        return;
    uint64_t left = pause - into;
    struct timespec rest = {(time_t)(left / NS_PER_S), (long)(left % NS_PER_S)};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        continue;
}

static void on_thread(void *data)
{
    struct serve_thread *thread = data;

    process_prepare_thread();
    while (!__atomic_load_n(&thread->stop, __ATOMIC_ACQUIRE)) {
        poller_wait(&thread->poller, IDLE_WAIT_NS);
        stall(thread->serve);
        poller_dispatch(&thread->poller);
    }
}

const struct backend *serve_find_backend(const struct serve *serve, const char *name)
{
    for (uint32_t i = 0; i < serve->backend_count; i++) {
        if (serve->backends[i].any_name || names_match(serve->backends[i].name, name))
            return &serve->backends[i];
    }
    return NULL;
}

/* With --one-port the certificate follows the name that was asked for. */
static int on_server_name(SSL *ssl, int *alert, void *data)
{
    const struct serve *serve = data;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const struct backend *backend = name == NULL ? NULL : serve_find_backend(serve, name);

    (void)alert;
    if (backend != NULL)
        SSL_set_SSL_CTX(ssl, backend->tls);
    return SSL_TLSEXT_ERR_OK;
}

static bool make_certificates(struct serve *serve)
{
    const struct options *options = serve->options;
    const char *alpn = options->ask.alpn == NULL ? "http/1.1" : options->ask.alpn;
    struct tls_authority *authority = tls_authority_new();
    bool good = authority != NULL;

    for (uint32_t i = 0; good && i < serve->backend_count; i++) {
        struct backend *backend = &serve->backends[i];
        const char *name = backend->any_name ? "*.bench.test" : backend->name;
        backend->tls = tls_server_context(authority, name, alpn);
        good = backend->tls != NULL;
        if (good && options->serve.one_port) {
            SSL_CTX_set_tlsext_servername_callback(backend->tls, on_server_name);
            SSL_CTX_set_tlsext_servername_arg(backend->tls, serve);
        }
    }
    if (!good) {
        fprintf(stderr, "sni-bench: OpenSSL cannot make the certificates for --tls\n");
    } else if (options->serve.ca_out != NULL &&
               !tls_authority_write(authority, options->serve.ca_out)) {
        fprintf(stderr, "sni-bench: --ca-out %s: %s\n", options->serve.ca_out, strerror(errno));
        good = false;
    }
    tls_authority_free(authority);
    return good;
}

static enum bench_exit make_backends(struct serve *serve)
{
    const struct options *options = serve->options;
    unsigned char wire[256];

    if (options->ask.alpn != NULL && tls_alpn_wire(options->ask.alpn, wire, sizeof wire) == 0) {
        fprintf(stderr, "sni-bench: --alpn '%s': write protocols as h2,http/1.1\n",
                options->ask.alpn);
        return BENCH_USAGE;
    }
    const char *spec = options->ask.names == NULL ? NAMELESS : options->ask.names;
    struct names names;
    char error[256];
    if (!names_from_spec(&names, spec, error, sizeof error)) {
        fprintf(stderr, "sni-bench: --names '%s': %s\n", spec, error);
        names_free(&names);
        return BENCH_USAGE;
    }
    serve->backend_count = names.count;
    serve->listener_count = options->serve.one_port ? 1 : names.count;
    serve->backends = calloc(names.count, sizeof *serve->backends);
    for (uint32_t i = 0; serve->backends != NULL && i < names.count; i++) {
        char buffer[NAMES_MAX_LENGTH + 1];
        struct backend *backend = &serve->backends[i];
        backend->serve = serve;
        backend->any_name = options->ask.names == NULL;
        snprintf(backend->name, sizeof backend->name, "%s", names_text(&names, i, buffer));
    }
    names_free(&names);
    if (serve->backends == NULL)
        fprintf(stderr, "sni-bench: out of memory for %u backends\n", serve->backend_count);
    bool good = serve->backends != NULL && (!options->ask.tls || make_certificates(serve));
    return good ? BENCH_OK : BENCH_FAILED;
}

static bool prepare_thread(struct serve *serve, struct serve_thread *thread)
{
    thread->serve = serve;
    thread->scratch = malloc(SERVE_SCRATCH_BYTES);
    thread->payload = malloc(SERVE_SCRATCH_BYTES);
    if (thread->scratch == NULL || thread->payload == NULL)
        return false;
    /* Written to, so that the first responses do not suffer page faults. */
    memset(thread->scratch, 0, SERVE_SCRATCH_BYTES);
    memset(thread->payload, 'x', SERVE_SCRATCH_BYTES);
    return poller_init(&thread->poller) == 0;
}

static enum bench_exit prepare(struct serve *serve)
{
    struct cpu_list cpus = {.count = 0};
    const struct options *options = serve->options;
    const char *list = options->out.cpu_list;

    if (list != NULL && (!process_parse_cpus(list, &cpus) || process_pin(&cpus) != 0)) {
        fprintf(stderr, "sni-bench: --cpu-list '%s': write CPUs of this machine as 0,2-3\n", list);
        return BENCH_USAGE;
    }
    process_raise_descriptors();
    enum bench_exit code = make_backends(serve);
    if (code != BENCH_OK)
        return code;
    serve->started_ns = clock_now_ns();
    serve->threads = calloc(options->load.threads, sizeof *serve->threads);
    for (uint64_t t = 0; serve->threads != NULL && t < options->load.threads; t++) {
        if (!prepare_thread(serve, &serve->threads[t])) {
            fprintf(stderr, "sni-bench: cannot set up thread %llu: %s; lower -t\n",
                    (unsigned long long)t, strerror(errno));
            return BENCH_FAILED;
        }
    }
    return serve->threads == NULL ? BENCH_FAILED : serve_listen(serve);
}

/* Prints one line per backend unless --quiet, then "ready", which scripts wait for. */
static void say_ready(const struct serve *serve)
{
    char text[SOCKET_ADDRESS_TEXT];

    for (uint32_t i = 0; !serve->options->out.quiet && i < serve->backend_count; i++)
        printf("backend %s %s\n", serve->backends[i].name,
               socket_address_format(&serve->backends[i].address, text));
    printf("ready\n");
    fflush(stdout);
}

/*
 * The signals that end it are for the control thread alone, which waits for nothing else. They are
 * held back before there are other threads, which inherit that.
 */
static void hold_signals(sigset_t *held)
{
    sigemptyset(held);
    sigaddset(held, SIGINT);
    sigaddset(held, SIGTERM);
    pthread_sigmask(SIG_BLOCK, held, NULL);
}

/* What the control thread does: it says that all is ready and waits for a signal. */
static void wait_for_signal(const struct serve *serve, const sigset_t *held)
{
    int number;

    say_ready(serve);
    while (sigwait(held, &number) != 0)
        continue;
}

static void say_totals(const struct serve *serve)
{
    uint64_t accepted = 0;
    uint64_t refused = 0;
    double in = 0;
    double out = 0;
    char in_text[UNITS_TEXT];
    char out_text[UNITS_TEXT];

    for (uint64_t t = 0; t < serve->options->load.threads; t++) {
        accepted += serve->threads[t].accepted;
        refused += serve->threads[t].refused;
        in += (double)serve->threads[t].bytes_in;
        out += (double)serve->threads[t].bytes_out;
    }
    fprintf(stderr, "served %llu connections, %s in, %s out; %llu for names that no backend has\n",
            (unsigned long long)accepted, units_format_bytes(in, in_text),
            units_format_bytes(out, out_text), (unsigned long long)refused);
}

static void release(struct serve *serve)
{
    if (serve->threads != NULL)
        serve_unlisten(serve);
    for (uint64_t t = 0; serve->threads != NULL && t < serve->options->load.threads; t++) {
        struct serve_thread *thread = &serve->threads[t];
        serve_conn_free_all(thread);
        if (thread->poller.epoll_fd > 0)
            poller_close(&thread->poller);
        free(thread->scratch);
        free(thread->payload);
    }
    for (uint32_t i = 0; serve->backends != NULL && i < serve->backend_count; i++)
        SSL_CTX_free(serve->backends[i].tls);
    free(serve->threads);
    free(serve->backends);
}

int serve_run(const struct options *options)
{
    struct serve serve = {.options = options};
    sigset_t held;
    int code = (int)prepare(&serve);

    if (code != BENCH_OK) {
        release(&serve);
        return code;
    }
    hold_signals(&held);
    for (uint64_t t = 0; t < options->load.threads; t++)
        uv_thread_create(&serve.threads[t].thread, on_thread, &serve.threads[t]);
    wait_for_signal(&serve, &held);
    for (uint64_t t = 0; t < options->load.threads; t++) {
        __atomic_store_n(&serve.threads[t].stop, true, __ATOMIC_RELEASE);
        poller_wake(&serve.threads[t].poller);
        uv_thread_join(&serve.threads[t].thread);
    }
    if (!options->out.quiet)
        say_totals(&serve);
    release(&serve);
    return BENCH_OK;
}
