/* Sets a run up: names, protocols, the request of each connection, threads and their slots. */

#include "bench/load.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/client.h"
#include "bench/random.h"
#include "bench/tls.h"

#define DEFAULT_ALPN "h2,http/1.1"
/* Descriptors that are not connections: standard ones, epoll sets, files. */
#define SPARE_DESCRIPTORS 64u

struct error_row {
    const char *word;
    const char *sentence;
    int number; /* errno, 0 = none */
};

static const struct error_row error_rows[LOAD_ERROR_COUNT] = {
    [LOAD_ERROR_REFUSED] = {"refused", "nobody listens there", ECONNREFUSED},
    [LOAD_ERROR_UNREACHABLE] = {"unreachable", "no way to the address", EHOSTUNREACH},
    [LOAD_ERROR_RESET] = {"reset", "the connection was reset", ECONNRESET},
    [LOAD_ERROR_CLOSED] = {"closed", "the connection ended before it should have", 0},
    [LOAD_ERROR_TIMEOUT] = {"timeout", "no answer within --timeout", ETIMEDOUT},
    [LOAD_ERROR_ALERT] = {"alert", "a TLS alert instead of an answer: is the name routed?", 0},
    [LOAD_ERROR_BAD_REPLY] = {"bad_reply",
                              "the answer does not come from sni-bench serve: does it want --tls?",
                              0},
    [LOAD_ERROR_MISROUTED] = {"misrouted", "the hello reached a backend of another name", 0},
    [LOAD_ERROR_CORRUPT] = {"corrupt", "bytes differ from those that were sent", 0},
    [LOAD_ERROR_TLS] = {"tls", "the TLS session failed", STREAM_TLS_FAILED},
    [LOAD_ERROR_NO_PORTS] = {"no_ports", "no free source port is left", EADDRNOTAVAIL},
    [LOAD_ERROR_NO_DESCRIPTORS] = {"no_descriptors", "no free descriptor: raise ulimit -n", EMFILE},
    [LOAD_ERROR_OTHER] = {"other", "another system error", 0}};

const char *load_error_word(enum load_error error)
{
    return error_rows[error].word;
}

const char *load_error_sentence(enum load_error error)
{
    return error_rows[error].sentence;
}

enum load_error load_error_of(ssize_t result)
{
    int number = (int)-result;

    if (number == EPIPE)
        return LOAD_ERROR_RESET;
    if (number == ENETUNREACH)
        return LOAD_ERROR_UNREACHABLE;
    if (number == ENOENT)
        return LOAD_ERROR_REFUSED;
    for (int i = 0; i < LOAD_ERROR_COUNT; i++) {
        if (error_rows[i].number != 0 && error_rows[i].number == number)
            return (enum load_error)i;
    }
    return LOAD_ERROR_OTHER;
}

const char *load_phase_word(enum load_phase phase)
{
    static const char *const words[LOAD_PHASE_COUNT] = {"latency", "service", "connect",
                                                        "first_reply", "slip"};

    return words[phase];
}

static enum bench_exit read_names(struct load *load)
{
    const struct options *options = load->options;
    char error[256];
    bool good;
    const char *flag = "--sni";

    if (options->ask.sni_file != NULL) {
        flag = "--sni-file";
        good = names_from_file(&load->names, options->ask.sni_file, error, sizeof error);
    } else if (options->ask.names != NULL) {
        flag = "--names";
        good = names_from_spec(&load->names, options->ask.names, error, sizeof error);
    } else {
        const char *name = options->ask.sni == NULL ? LOAD_DEFAULT_NAME : options->ask.sni;
        good = names_from_list(&load->names, name, error, sizeof error);
    }
    if (good && options->ask.zipf > 0 && !names_set_zipf(&load->names, options->ask.zipf)) {
        flag = "--zipf";
        snprintf(error, sizeof error, "out of memory");
        good = false;
    }
    if (good)
        return BENCH_OK;
    fprintf(stderr, "sni-bench: %s: %s\n", flag, error);
    return options->ask.sni_file != NULL ? BENCH_FAILED : BENCH_USAGE;
}

static enum bench_exit read_alpn(struct load *load)
{
    const char *list = load->options->ask.alpn == NULL ? DEFAULT_ALPN : load->options->ask.alpn;
    unsigned char wire[256];

    if (tls_alpn_wire(list, wire, sizeof wire) == 0) {
        fprintf(stderr, "sni-bench: --alpn '%s': write protocols as h2,http/1.1\n", list);
        return BENCH_USAGE;
    }
    load->alpn_text = strdup(list);
    char *rest = NULL;
    for (char *word = load->alpn_text; word != NULL; word = rest) {
        rest = strchr(word, ',');
        if (rest != NULL)
            *rest++ = '\0';
        if (load->alpn_count == LOAD_ALPN_MAX) {
            fprintf(stderr, "sni-bench: --alpn: at most %d protocols\n", LOAD_ALPN_MAX);
            return BENCH_USAGE;
        }
        load->alpn[load->alpn_count++] = word;
    }
    return BENCH_OK;
}

/* Chooses the request that every connection sends to its backend. */
static void choose_request(struct load *load)
{
    const struct options *options = load->options;
    struct wire_request *request = &load->request;

    request->up_bytes = options->load.request_bytes;
    request->down_bytes = options->load.response_bytes;
    switch (options->mode->bit) {
    case MODE_CONN:
        request->mode = options->load.response_bytes == 0 ? WIRE_SINK : WIRE_SOURCE;
        request->up_bytes = 0;
        break;
    case MODE_LATENCY:
        request->mode = WIRE_REQUEST;
        break;
    case MODE_BULK:
        request->up_bytes = 0;
        request->down_bytes = 0;
        request->mode = options->load.direction == DIRECTION_DOWN ? WIRE_SOURCE
                        : options->load.direction == DIRECTION_UP ? WIRE_SINK
                                                                  : WIRE_DUPLEX;
        if (options->load.pattern)
            request->flags = WIRE_PATTERN | (request->mode != WIRE_SOURCE ? WIRE_TRAILER : 0);
        break;
    default:
        request->mode = WIRE_ECHO;
        break;
    }
}

/* Chooses how many connections there are at once, and open or closed loop. */
static void choose_shape(struct load *load)
{
    const struct options *options = load->options;
    unsigned bit = options->mode->bit;
    bool short_lived = bit == MODE_CONN || (bit == MODE_LATENCY && options->load.new_conn);

    load->open_loop = options->load.rate > 0;
    load->connections = (uint32_t)options->load.connections;
    if (load->connections == 0)
        load->connections = short_lived && load->open_loop ? 1000
                            : bit == MODE_CONN             ? 64
                            : bit == MODE_LATENCY          ? 64
                            : bit == MODE_BULK             ? 4
                                                           : 1000;
    if (bit == MODE_CONN || (bit == MODE_LATENCY && options->load.new_conn))
        load->traffic = &traffic_conn;
    else if (bit == MODE_LATENCY)
        load->traffic = &traffic_latency;
    else if (bit == MODE_BULK)
        load->traffic = &traffic_bulk;
    else
        load->traffic = &traffic_idle;
    if (bit == MODE_LATENCY && options->load.new_conn)
        load->flight_body = options->load.request_bytes;
    load->thread_count = (uint32_t)options->load.threads;
    if (load->thread_count > load->connections)
        load->thread_count = load->connections;
}

/* TLS 1.3 tickets come after the handshake; the last one of each name is kept. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct client *client = SSL_get_app_data(ssl);
    SSL_SESSION **slot = &client->thread->sessions[client->name];

    SSL_SESSION_free(*slot);
    *slot = session;
    return 1;
}

static bool prepare_tls(struct load_thread *thread)
{
    const struct options *options = thread->load->options;
    const char *alpn = options->ask.alpn == NULL ? DEFAULT_ALPN : options->ask.alpn;

    if (!options->ask.tls)
        return true;
    thread->tls = tls_client_context(alpn, options->ask.resume);
    if (thread->tls == NULL)
        return false;
    if (!options->ask.resume)
        return true;
    thread->sessions = calloc(thread->load->names.count, sizeof(SSL_SESSION *));
    SSL_CTX_sess_set_new_cb(thread->tls, on_new_session);
    return thread->sessions != NULL;
}

static bool prepare_histograms(struct load_thread *thread)
{
    for (int i = 0; i < LOAD_PHASE_COUNT; i++) {
        thread->phases[i] = calloc(1, sizeof(struct histogram));
        if (thread->phases[i] == NULL)
            return false;
        histogram_init(thread->phases[i]);
    }
    thread->recent = calloc(1, sizeof(struct histogram));
    if (thread->recent != NULL)
        histogram_init(thread->recent);
    return thread->recent != NULL;
}

static bool prepare_thread(struct load *load, struct load_thread *thread, uint32_t index)
{
    uint32_t share = load->connections / load->thread_count;

    thread->load = load;
    thread->index = index;
    thread->client_count = share + (index < load->connections % load->thread_count ? 1 : 0);
    thread->random = random_mix(load->options->load.seed) + index;
    thread->scratch = calloc(1, LOAD_SCRATCH_BYTES);
    thread->payload = calloc(1, LOAD_SCRATCH_BYTES);
    thread->clients = calloc(thread->client_count, sizeof *thread->clients);
    if (uv_mutex_init(&thread->door) != 0 || uv_mutex_init(&thread->lock) != 0 ||
        poller_init(&thread->poller) != 0 || thread->scratch == NULL || thread->payload == NULL ||
        thread->clients == NULL)
        return false;
    memset(thread->payload, 'x', LOAD_SCRATCH_BYTES);
    for (uint32_t i = thread->client_count; i-- > 0;) {
        struct client *client = &thread->clients[i];
        client->pollable.on_events = client_on_events;
        client->next = thread->free;
        thread->free = client;
    }
    return prepare_histograms(thread) && prepare_tls(thread);
}

static bool prepare_threads(struct load *load)
{
    load->threads = calloc(load->thread_count, sizeof *load->threads);
    for (uint32_t i = 0; i < load->thread_count; i++) {
        if (load->threads == NULL || !prepare_thread(load, &load->threads[i], i)) {
            fprintf(stderr,
                    "sni-bench: no memory or descriptors for %u connections on %u threads; "
                    "lower -c\n",
                    load->connections, load->thread_count);
            return false;
        }
    }
    return true;
}

static bool check_limits(const struct load *load)
{
    uint64_t limit = process_raise_descriptors();

    if (load->connections + SPARE_DESCRIPTORS <= limit)
        return true;
    fprintf(stderr,
            "sni-bench: -c %u needs more descriptors than the %llu allowed; "
            "raise the hard limit (ulimit -Hn) or lower -c\n",
            load->connections, (unsigned long long)limit);
    return false;
}

enum bench_exit load_init(struct load *load, const struct options *options)
{
    memset(load, 0, sizeof *load);
    load->options = options;
    const char *cpus = options->out.cpu_list;
    if (cpus != NULL && (!process_parse_cpus(cpus, &load->cpus) || process_pin(&load->cpus) != 0)) {
        fprintf(stderr, "sni-bench: --cpu-list '%s': write CPUs of this machine as 0,2-3\n", cpus);
        return BENCH_USAGE;
    }
    if (options->load.new_conn && options->load.request_bytes > LOAD_FLIGHT_BODY_MAX) {
        fprintf(stderr, "sni-bench: --req with --new-conn: at most %uk\n",
                LOAD_FLIGHT_BODY_MAX / 1024);
        return BENCH_USAGE;
    }
    choose_request(load);
    choose_shape(load);
    enum bench_exit code = read_names(load);
    if (code == BENCH_OK)
        code = read_alpn(load);
    if (code == BENCH_OK)
        code = load_choose_hello(load);
    if (code != BENCH_OK)
        return code;
    return check_limits(load) && prepare_threads(load) ? BENCH_OK : BENCH_FAILED;
}

static void free_thread(struct load_thread *thread, uint32_t name_count)
{
    for (uint32_t i = 0; thread->sessions != NULL && i < name_count; i++)
        SSL_SESSION_free(thread->sessions[i]);
    for (int i = 0; i < LOAD_PHASE_COUNT; i++)
        free(thread->phases[i]);
    free(thread->recent);
    free(thread->sessions);
    SSL_CTX_free(thread->tls);
    free(thread->scratch);
    free(thread->payload);
    free(thread->clients);
}

void load_visit(struct load_thread *thread)
{
    atomic_store_explicit(&thread->poller.hurry, true, memory_order_relaxed);
    load_lock(thread);
    atomic_store_explicit(&thread->poller.hurry, false, memory_order_relaxed);
}

void load_free(struct load *load)
{
    for (uint32_t i = 0; load->threads != NULL && i < load->thread_count; i++) {
        struct load_thread *thread = &load->threads[i];
        if (thread->poller.epoll_fd > 0) {
            poller_close(&thread->poller);
            uv_mutex_destroy(&thread->lock);
            uv_mutex_destroy(&thread->door);
        }
        free_thread(thread, load->names.count);
    }
    free(load->threads);
    free(load->alpn_text);
    names_free(&load->names);
}
