#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

/*
 * One generated connection: a preallocated slot of its thread.
 *
 *   FREE -> CONNECTING -> [SHAKING] -> SENDING <-> PAUSED -> AWAITING -> READY -> FREE
 *                          --tls        first flight, cut by --split   banner   traffic's own
 *
 * Any phase ends in FREE by client_close() or client_fail(). A flight that could not be sent whole
 * is built again from name and seed; a flight that --split cuts is kept until its last piece is
 * sent.
 */

#include "bench/load.h"

enum client_phase {
    CLIENT_FREE,
    CLIENT_CONNECTING,
    CLIENT_SHAKING,
    CLIENT_SENDING,
    CLIENT_PAUSED,
    CLIENT_AWAITING,
    CLIENT_READY
};

/* A first flight, ready to be sent. */
struct first_flight {
    size_t len;
    size_t hello_bytes;
    uint8_t bytes[];
};

struct client {
    struct pollable pollable; /* first */
    struct stream stream;
    struct load_thread *thread;
    struct client *next;      /* in the free list or the gap queue */
    struct client *idle_next; /* in the thread's queue of idle connections */
    enum client_phase phase;
    bool hangup; /* epoll has reported the end of the stream */
    bool in_gap;
    bool idle;     /* in the idle queue */
    bool busy;     /* an operation is under way: a request, or a connection that counts as one */
    uint32_t name; /* index in the set of names */
    uint32_t flight_sent;
    uint64_t seed;

    uint64_t scheduled_ns;
    uint64_t begun_ns;    /* when the connection or the present request began */
    uint64_t deadline_ns; /* CLOCK_NEVER = none */
    uint64_t gap_due_ns;
    struct first_flight *flight; /* owned; kept while a hello is sent in pieces */

    uint64_t received; /* bytes received of the stream or of the present response */
    uint64_t sent;
    bool confirming;                  /* bulk: all is sent, the client waits for the trailer */
    uint8_t tail_len;                 /* bytes in `tail` */
    uint8_t tail[WIRE_TRAILER_BYTES]; /* the last bytes received, which may be the trailer */

    struct wire_banner banner;
};

/*
 * Takes a free slot and connects. NULL: no slot was free, or the connection failed at once (the
 * failure is counted and on_lost has been called).
 */
struct client *client_open(struct load_thread *thread, uint64_t scheduled_ns, uint64_t now_ns);

/* Closes the connection and frees its slot. */
void client_close(struct client *client);
/* Counts an error, calls on_lost, and closes the connection. */
void client_fail(struct client *client, enum load_error error);

/* The pause between two pieces of the hello is over. */
void client_resume(struct client *client);

/* Handles the client's events; spurious ones are harmless. */
void client_on_events(struct pollable *pollable, uint32_t events);

/* The first flight: hello, request header, request body. `hello_bytes` = length of the hello. */
size_t client_build_flight(const struct client *client, uint8_t *out, size_t *hello_bytes);

#endif
