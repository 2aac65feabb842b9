#ifndef BENCH_SERVE_H
#define BENCH_SERVE_H

/*
 * Backends that say who they are.
 *
 * One process plays any number of backends, each with a name and an address. Every thread listens
 * on all of them (SO_REUSEPORT), so threads share nothing but the immutable `struct serve`. serve.c
 * is the process, serve_listen.c the addresses, serve_conn.c a connection's beginning, serve_act.c
 * what a connection does once its request is known.
 */

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "bench/exit.h"
#include "bench/names.h"
#include "bench/options.h"
#include "bench/poller.h"
#include "bench/socket_address.h"
#include "bench/stream.h"
#include "bench/wire.h"

/* One receive or send moves at most this many bytes. */
#define SERVE_SCRATCH_BYTES (256u * 1024)

/* One backend; immutable once the threads run. */
struct backend {
    const struct serve *serve;
    char name[NAMES_MAX_LENGTH + 1];
    bool any_name; /* serves every name: the only backend when there is no --names */
    SSL_CTX *tls;  /* NULL = raw */
    struct socket_address address;
};

/* The process. */
struct serve {
    const struct options *options;
    uint32_t backend_count;
    struct backend *backends;
    struct serve_thread *threads;
    uint32_t listener_count; /* addresses; fewer than backends with --one-port */
    uint64_t started_ns;
};

/* A listening socket of one thread. */
struct serve_listener {
    struct pollable pollable; /* first */
    struct serve_thread *thread;
    const struct backend *backend;
    int fd;
};

/*
 * One thread. While it runs only the thread itself touches this, except `stop` and the poller's
 * wake.
 */
struct serve_thread {
    const struct serve *serve;
    uv_thread_t thread;
    struct poller poller;
    struct serve_listener *listeners;
    struct serve_conn *free; /* connections to reuse; memory is kept until the process ends */
    struct serve_chunk *chunks;
    uint8_t *scratch; /* the bytes just received */
    uint8_t *payload; /* constant bytes that sources and responses send */
    uint64_t accepted;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t refused; /* hellos for names that no backend has */
    bool stop;        /* atomic access */
};

enum serve_phase {
    SERVE_FREE,    /* in the free list */
    SERVE_SHAKING, /* TLS handshake */
    SERVE_HEARING, /* gathering the hello and the request behind it */
    SERVE_ACTING   /* doing what the request asks for */
};

/* One connection. */
struct serve_conn {
    struct pollable pollable; /* first */
    struct stream stream;
    struct serve_thread *thread;
    const struct backend *backend;
    struct serve_conn *free_next;
    enum serve_phase phase;
    bool is_foreign; /* the client has sent no request of sni-bench */
    bool hangup;     /* epoll has reported the end of the stream */
    bool saw_end;    /* the client's FIN has been read */
    bool told_end;   /* the trailer is sent, or none is wanted */

    /* a hello in pieces, or bytes that could not be sent yet */
    uint8_t *stash;
    size_t stash_at;
    size_t stash_len;
    size_t stash_cap;

    struct wire_request request;
    uint64_t received;
    uint64_t answered; /* WIRE_REQUEST: requests whose response is in to_send or sent */
    uint64_t to_send;  /* UINT64_MAX = endless */
    uint64_t sent;
    uint64_t first_bad;
};

/* Runs the mode; returns an enum bench_exit. */
int serve_run(const struct options *options);

/*
 * Opens the sockets for --listen and --names on every thread. Any result but BENCH_OK is the exit
 * code, and the reason was said on stderr.
 */
enum bench_exit serve_listen(struct serve *serve);
/* Closes the sockets. */
void serve_unlisten(struct serve *serve);
/* The backend that serves this name; NULL when none does. */
const struct backend *serve_find_backend(const struct serve *serve, const char *name);

/* A new connection from accept4(). */
void serve_conn_start(struct serve_listener *listener, int fd);
void serve_conn_close(struct serve_conn *conn);
void serve_conn_reset(struct serve_conn *conn);

/* Closes all connections of a thread that has ended, and frees their memory. */
void serve_conn_free_all(struct serve_thread *thread);

/*
 * Starts to act: the request is known, or it is known that there is none. `rest` are the bytes
 * behind it.
 */
void serve_act_start(struct serve_conn *conn, uint8_t banner_flags, const uint8_t *rest,
                     size_t len);
void serve_act_start_foreign(struct serve_conn *conn, const uint8_t *bytes, size_t len);
void serve_act_on_events(struct serve_conn *conn);

/* Appends to the stash. False = out of memory or above `limit`. */
bool serve_stash(struct serve_conn *conn, const uint8_t *bytes, size_t len, size_t limit);

#endif
