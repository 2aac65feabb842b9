/*
 * The beginning of a generated connection, the same for every mode.
 *
 * Happy path on loopback: socket(), connect() and send() of hello and request in a row (the
 * handshake is over when connect() returns), then one event with the backend's banner. Failures:
 * refused or unreachable at connect or first send; an alert, a reset or an end where the banner
 * should be; a banner that says the hello was not for that backend; a deadline.
 */

#include "bench/client.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/clock.h"
#include "bench/random.h"

/* The content type of a TLS alert record. */
#define TLS_ALERT_TYPE 21
/* Source addresses 127.0.0.2 .. to try when the ports of one are used up. */
#define SOURCES      250u
#define SOURCE_TRIES 4u

void client_close(struct client *client)
{
    struct load_thread *thread = client->thread;

    assert(client->phase != CLIENT_FREE);
    if (client->phase == CLIENT_READY)
        thread->ready--;
    free(client->flight);
    client->flight = NULL;
    stream_close(&client->stream);
    client->phase = CLIENT_FREE;
    thread->active--;
    /* A client in the gap queue becomes free when run_gaps() takes it out. */
    if (client->in_gap)
        return;
    client->next = thread->free;
    thread->free = client;
}

void client_fail(struct client *client, enum load_error error)
{
    struct load_thread *thread = client->thread;

    thread->counts.errors[error]++;
    if (client->busy)
        load_record_lost(thread, error, client->scheduled_ns, client->begun_ns, clock_now_ns());
    thread->load->traffic->on_lost(client);
    client_close(client);
}

size_t client_build_flight(const struct client *client, uint8_t *out, size_t *hello_bytes)
{
    const struct load *load = client->thread->load;
    struct wire_request request = load->request;
    size_t len = 0;

    if (client->stream.ssl == NULL)
        len = load_build_hello(load, client->name, client->seed, out);
    *hello_bytes = len;
    request.seed = client->seed;
    wire_write_request(&request, out + len);
    len += WIRE_REQUEST_BYTES;
    memset(out + len, 'x', load->flight_body);
    return len + load->flight_body;
}

/* The end of the piece that is being sent: the next cut, or the flight's end. */
static size_t piece_end(const struct client *client, size_t hello_bytes, size_t len)
{
    const struct split *cuts = &client->thread->load->options->ask.segments;

    if (cuts->all && client->flight_sent + 1u < hello_bytes)
        return client->flight_sent + 1u;
    for (size_t i = 0; i < cuts->count; i++) {
        if (cuts->at[i] > client->flight_sent && cuts->at[i] < hello_bytes)
            return cuts->at[i];
    }
    return len;
}

/*
 * Keeps the flight for the pieces to come, because building the hello anew for every piece (--split
 * all: for every byte) takes too long. Without memory the hello is built anew.
 */
static void keep_flight(struct client *client, const uint8_t *bytes, size_t len, size_t hello_bytes)
{
    if (client->flight != NULL)
        return;
    client->flight = malloc(sizeof *client->flight + len);
    if (client->flight == NULL)
        return;
    client->flight->len = len;
    client->flight->hello_bytes = hello_bytes;
    memcpy(client->flight->bytes, bytes, len);
}

/* The client waits for --split-gap. All gaps are equally long, so the queue is sorted by time. */
static void pause_client(struct client *client)
{
    struct load_thread *thread = client->thread;

    client->phase = CLIENT_PAUSED;
    client->gap_due_ns = clock_now_ns() + thread->load->options->ask.split_gap_ns;
    client->in_gap = true;
    client->next = NULL;
    if (thread->gap_last == NULL)
        thread->gap_first = client;
    else
        thread->gap_last->next = client;
    thread->gap_last = client;
}

static void note_connected(struct client *client)
{
    if (client->phase != CLIENT_CONNECTING)
        return;
    client->phase = CLIENT_SENDING;
    load_record(client->thread, LOAD_PHASE_CONNECT, client->scheduled_ns,
                clock_now_ns() - client->begun_ns);
}

/* The flight: the kept one, or one that is built anew. */
static const uint8_t *get_flight(struct client *client, size_t *len, size_t *hello_bytes)
{
    if (client->flight == NULL) {
        *len = client_build_flight(client, client->thread->scratch, hello_bytes);
        return client->thread->scratch;
    }
    *len = client->flight->len;
    *hello_bytes = client->flight->hello_bytes;
    return client->flight->bytes;
}

/* Sends what is left of the first flight. */
static void send_flight(struct client *client)
{
    size_t hello_bytes;
    size_t len;
    const uint8_t *flight = get_flight(client, &len, &hello_bytes);

    while (client->flight_sent < len) {
        size_t end = piece_end(client, hello_bytes, len);
        ssize_t sent =
            stream_send(&client->stream, flight + client->flight_sent, end - client->flight_sent);
        if (sent == -EAGAIN)
            return;
        if (sent < 0) {
            client_fail(client, load_error_of(sent));
            return;
        }
        note_connected(client);
        client->flight_sent += (uint32_t)sent;
        client->thread->counts.bytes_out += (uint64_t)sent;
        if (client->flight_sent == end && end < len) {
            keep_flight(client, flight, len, hello_bytes);
            pause_client(client);
            return;
        }
    }
    free(client->flight);
    client->flight = NULL;
    client->phase = CLIENT_AWAITING;
}

static void shake(struct client *client)
{
    int result = SSL_connect(client->stream.ssl);

    if (result != 1) {
        int error = SSL_get_error(client->stream.ssl, result);
        if (error == SSL_ERROR_WANT_READ) {
            note_connected(client);
            client->phase = CLIENT_SHAKING;
        } else if (error != SSL_ERROR_WANT_WRITE) {
            client_fail(client, errno != 0 && error == SSL_ERROR_SYSCALL ? load_error_of(-errno)
                                                                         : LOAD_ERROR_TLS);
        }
        return;
    }
    client->thread->counts.resumed += SSL_session_reused(client->stream.ssl) == 1;
    client->phase = CLIENT_SENDING;
    send_flight(client);
}

/* Reads the banner from received bytes. */
static void take_banner(struct client *client, const uint8_t *bytes, size_t len)
{
    struct load_thread *thread = client->thread;
    size_t used;
    bool first = client->banner.got == 0;

    switch (wire_feed_banner(&client->banner, bytes, len, &used)) {
    case WIRE_MORE:
        return;
    case WIRE_BAD:
        client_fail(client,
                    first && bytes[0] == TLS_ALERT_TYPE ? LOAD_ERROR_ALERT : LOAD_ERROR_BAD_REPLY);
        return;
    case WIRE_WHOLE:
        break;
    }
    if ((client->banner.flags & WIRE_MISROUTED) != 0) {
        client_fail(client, LOAD_ERROR_MISROUTED);
        return;
    }
    client->phase = CLIENT_READY;
    client->deadline_ns = CLOCK_NEVER;
    thread->ready++;
    thread->counts.ready++;
    load_record(thread, LOAD_PHASE_REPLY, client->scheduled_ns, clock_now_ns() - client->begun_ns);
    thread->load->traffic->on_ready(client, bytes + used, len - used);
}

static void await_banner(struct client *client)
{
    struct load_thread *thread = client->thread;

    while (client->phase == CLIENT_AWAITING) {
        ssize_t got = stream_recv(&client->stream, thread->scratch, LOAD_SCRATCH_BYTES);
        if (got == -EAGAIN)
            return;
        if (got <= 0) {
            client_fail(client, got == 0 ? LOAD_ERROR_CLOSED : load_error_of(got));
            return;
        }
        thread->counts.bytes_in += (uint64_t)got;
        take_banner(client, thread->scratch, (size_t)got);
    }
}

static void go_on(struct client *client)
{
    if (client->phase == CLIENT_CONNECTING && client->stream.ssl == NULL)
        send_flight(client);
    else if (client->phase == CLIENT_CONNECTING || client->phase == CLIENT_SHAKING)
        shake(client);
    else if (client->phase == CLIENT_SENDING)
        send_flight(client);
    else if (client->phase == CLIENT_AWAITING)
        await_banner(client);
    else if (client->phase == CLIENT_READY)
        client->thread->load->traffic->on_events(client);
    /* PAUSED: a reply that comes before the whole hello is sent is read after it. */
}

void client_on_events(struct pollable *pollable, uint32_t events)
{
    struct client *client = (struct client *)pollable;

    if (client->phase == CLIENT_FREE)
        return;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        client->hangup = true;
    go_on(client);
}

void client_resume(struct client *client)
{
    client->phase = CLIENT_SENDING;
    send_flight(client);
    /* Bytes that came meanwhile raise no new edge. */
    if (client->phase == CLIENT_AWAITING)
        await_banner(client);
}

static void set_int(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

/* Binds to 127.0.0.(1 + source), with the port chosen by connect(). */
static void bind_source(const struct client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + client->thread->source);
    set_int(client->stream.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    (void)bind(client->stream.fd, (const struct sockaddr *)&address, sizeof address);
}

/* One attempt from the thread's current source address: 0 or a negative errno. */
static int connect_once(struct client *client)
{
    const struct socket_address *address = &client->thread->load->options->ask.address;
    int family = address->storage.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    client->stream.fd = fd;
    client->stream.is_tcp = family != AF_UNIX;
    if (client->stream.is_tcp && socket_address_is_loopback(address))
        stream_unpace(fd);
    if (client->thread->source > 0)
        bind_source(client);
    const struct options *options = client->thread->load->options;
    bool pieces = options->ask.segments.all || options->ask.segments.count > 0;
    if (client->stream.is_tcp && (pieces || client->thread->load->traffic->sends_more))
        set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (connect(fd, (const struct sockaddr *)&address->storage, address->len) != 0 &&
        errno != EINPROGRESS)
        return -errno;
    return 0;
}

/* Connects; when a loopback source address has no free port left, tries the next address. */
static int start_connecting(struct client *client)
{
    struct load_thread *thread = client->thread;
    bool can_move = socket_address_is_loopback4(&thread->load->options->ask.address);

    for (uint32_t attempt = 0;; attempt++) {
        int result = connect_once(client);
        if (result != -EADDRNOTAVAIL || !can_move || attempt == SOURCE_TRIES)
            return result;
        stream_close(&client->stream);
        thread->source = (thread->source + 1) % SOURCES;
    }
}

static bool prepare_tls(struct client *client)
{
    struct load_thread *thread = client->thread;
    char buffer[NAMES_MAX_LENGTH + 1];

    if (thread->tls == NULL)
        return true;
    SSL *ssl = SSL_new(thread->tls);
    client->stream.ssl = ssl;
    if (ssl == NULL || SSL_set_fd(ssl, client->stream.fd) != 1)
        return false;
    SSL_set_app_data(ssl, client);
    SSL_set_tlsext_host_name(ssl, names_text(&thread->load->names, client->name, buffer));
    if (thread->sessions != NULL && thread->sessions[client->name] != NULL)
        SSL_set_session(ssl, thread->sessions[client->name]);
    return true;
}

/*
 * A zeroed slot that keeps its pollable, which the run queue may still hold for the slot's former
 * client.
 */
static struct client *take_slot(struct load_thread *thread)
{
    struct client *client = thread->free;
    struct pollable pollable = client->pollable;

    thread->free = client->next;
    memset(client, 0, offsetof(struct client, banner) + offsetof(struct wire_banner, name));
    client->pollable = pollable;
    client->thread = thread;
    client->stream.fd = -1;
    client->phase = CLIENT_CONNECTING;
    thread->active++;
    return client;
}

struct client *client_open(struct load_thread *thread, uint64_t scheduled_ns, uint64_t now_ns)
{
    if (thread->free == NULL)
        return NULL;
    struct client *client = take_slot(thread);
    client->scheduled_ns = scheduled_ns;
    client->begun_ns = now_ns;
    client->deadline_ns = now_ns + thread->load->options->load.timeout_ns;
    client->name = names_pick(&thread->load->names, &thread->random);
    client->seed = random_next(&thread->random);
    /* In a mode that does not keep connections, each connection is an operation. */
    client->busy = !thread->load->traffic->opens_first;
    thread->counts.started++;
    int result = start_connecting(client);
    if (result == 0 && !prepare_tls(client))
        result = -STREAM_TLS_FAILED;
    if (result != 0) {
        client_fail(client, load_error_of(result));
        return NULL;
    }
    go_on(client);
    if (client->phase == CLIENT_FREE)
        return NULL;
    /* A client that has nothing to send does not care about room to send. */
    bool sent = client->phase == CLIENT_AWAITING && client->stream.ssl == NULL;
    uint32_t events = EPOLLIN | EPOLLRDHUP;
    if (!sent || thread->load->traffic->sends_more)
        events |= EPOLLOUT;
    result = poller_add(&thread->poller, client->stream.fd, &client->pollable, events);
    if (result != 0) {
        client_fail(client, load_error_of(result));
        return NULL;
    }
    return client;
}
