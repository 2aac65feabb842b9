#ifndef LOOP_HARNESS_H
#define LOOP_HARNESS_H

/*
 * One real worker on loopback, driven by the test's thread.
 *
 * The rig stands in for control: it makes snapshots from configuration text, opens the listening
 * endpoints, posts orders, reads the access log through the log writer. Clients and servers are
 * plain blocking sockets of the test, each call bounded by RIG_PATIENCE_MS, so that a test that
 * waits for something that does not come fails instead of hanging.
 *
 * rig_hold() stops the worker's thread between two callbacks, so that a test can arrange what the
 * worker is going to find at once: a hello together with a reset, bytes together with an end.
 *
 * At its end every test has checked that all handles were closed (uv_loop_close), that every
 * connection was counted and logged once, that no snapshot is in use and that no descriptor is
 * left.
 */

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "router/control/endpoints.h"
#include "router/log/access_log.h"
#include "router/log/log_writer.h"
#include "router/worker/worker.h"

/* How long anything may take before the test fails. Nothing is expected to take nearly as long. */
#define RIG_PATIENCE_MS 60000
#define RIG_SERVERS     4
#define RIG_SNAPSHOTS   4
#define RIG_SOCKETS     512
#define RIG_LOG_BYTES   65536

struct rig {
    /* may be set by a test before rig_start() */
    const char *listeners; /* members of "listeners"; one called "public" by default */
    const char *spare;     /* one more server's address, behind those of rig_server() */
    const char *backend;   /* further members of the backend "web"; NULL: none */
    bool one_name;         /* the servers are the addresses of one server's name */
    bool leads_back;       /* the address of the first listener is that name's first */
    bool unnoticed;        /* ... and nobody notices it beforehand */
    uint32_t connection_cap;
    bool no_pipe;      /* streams are copied, as if the system had no pipe */
    uint64_t unlogged; /* connections that cannot have a line: there was no memory for them */

    /* in control's place */
    enum relay_mode mode;
    uv_loop_t loop;
    uv_async_t wake;
    struct shared shared;
    order_mailbox answers;
    struct log_writer writer;
    struct worker worker;
    struct endpoints endpoints;
    struct stats stats; /* closed by the teardown: a test may read them after rig_join() */
    struct servers servers_known;
    struct snapshot *snapshots[RIG_SNAPSHOTS];
    uint32_t snapshot_count;
    bool running;

    /* holding the worker */
    uv_async_t hold;
    sem_t held, release, hold_closed;
    bool hold_ending; /* written before the hold is sent, read by its callback */
    bool holdable;
    bool is_held;

    /* the log */
    int log_pipe[2];
    char log[RIG_LOG_BYTES];
    size_t log_len;
    uint64_t log_lines;             /* read so far */
    char line[ACCESS_LINE_MAX + 1]; /* the last one read, without its newline */

    /* the test's own sockets */
    int servers[RIG_SERVERS];
    uint16_t ports[RIG_SERVERS];
    uint32_t server_count;
    int sockets[RIG_SOCKETS];
    uint32_t socket_count;
    int descriptors_before;
};

/* cmocka fixtures; the initial state points to an enum relay_mode. */
int rig_setup(void **state);
int rig_teardown(void **state);

extern const enum relay_mode rig_copy, rig_splice, rig_auto;

/* A situation on every path. To be used inside an array of struct CMUnitTest. */
#define RIG_ROW(situation, path)                                                                   \
    {                                                                                              \
#situation " [" #path "]", situation, rig_setup, rig_teardown, (void *)&rig_##path         \
    }
#define RIG_ROWS(situation)                                                                        \
    RIG_ROW(situation, copy), RIG_ROW(situation, splice), RIG_ROW(situation, auto)

/* To be called first by main(): SIGPIPE, and what libuv opens once per process. */
void rig_process_init(void);

/* --- the router --- */

/* A listening socket for the backend "web"; returns its index. */
uint32_t rig_server(struct rig *rig);
/* One on which every connect hangs: its queue is full and nobody accepts. */
uint32_t rig_silent_server(struct rig *rig);
/* One on which every connect is refused. */
uint32_t rig_refusing_server(struct rig *rig);

/*
 * Starts the worker: "a.test" goes to the backend "web" of all servers so far. `members` are
 * further members of the configuration's outermost object ("" = none).
 */
void rig_start(struct rig *rig, const char *members);
/* Publishes another configuration, with the backend's servers from `first_server` on. */
void rig_reload(struct rig *rig, uint32_t first_server, const char *members);

/* Stops the worker between two callbacks, and lets it go on. */
void rig_hold(struct rig *rig);
void rig_release(struct rig *rig);
/* Returns when the worker has dealt with all that had happened before. */
void rig_settle(struct rig *rig);

/* Tells the worker to end; there is no holding it any more. */
void rig_order_end(struct rig *rig, enum order_kind kind, uint64_t drain_ms);
/* Waits for the worker's end and checks what must hold then. The teardown does so if need be. */
void rig_join(struct rig *rig);

/* --- what it tells --- */

/* Reads the next access line and checks its reason. */
void rig_expect_reason(struct rig *rig, const char *reason);
/* Checks that the line read last contains this text. */
void rig_expect_in_line(const struct rig *rig, const char *text);
/* Waits until a figure has reached a value. */
void rig_wait_figure(const atomic_uint_fast64_t *figure, uint64_t at_least);
/* Waits until a snapshot is used by so many workers. */
void rig_wait_refs(struct rig *rig, uint32_t snapshot, unsigned refs);

/* --- sockets of the test; closed by the teardown --- */

/* A client connected to a listener (NULL: "public"). */
int rig_client(struct rig *rig, const char *listener);
/* The same, with its hello for `host` sent. */
int rig_hello_client(struct rig *rig, const char *host);
/* The next connection of a server. */
int rig_accept(struct rig *rig, uint32_t server);
/* A client, the hello for a.test, the server's side of it with the hello read. */
void rig_pair(struct rig *rig, int *client, int *server);
/* How most tests begin: a server, rig_start() with these members, and then a pair, a client that
 * has said nothing, or one whose hello is sent. */
void rig_start_pair(struct rig *rig, const char *members, int *client, int *server);
int rig_start_client(struct rig *rig, const char *members);
int rig_start_hello_client(struct rig *rig, const char *members, const char *host);
/* How most tests end a pair: in order, the client first; its line is read and says "closed". */
void rig_end_pair(struct rig *rig, int client, int server);
/* Waits until a connect to a listener is refused: the listener has gone. */
void rig_wait_refused(struct rig *rig, const struct sockaddr_storage *address, socklen_t len);
void rig_address(const struct rig *rig, const char *listener, struct target *address);

void rig_close(struct rig *rig, int fd); /* in order */
void rig_reset(struct rig *rig, int fd); /* with a reset */

#endif
