#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

/*
 * The generator: threads that make connections and keep to a schedule.
 *
 *   control thread (libuv: signals, intervals, samples)      bench/load_control.c
 *        | begin_ns, measure_ns, end_ns, stop                   one lock per thread
 *   load thread: wait, then under its lock: events, due work, timeouts   bench/load_thread.c
 *        |
 *   client: connect, hello, request, banner, all modes alike  bench/client.c
 *        |
 *   traffic: what a mode does with a connection that is ready  bench/traffic_*.c
 *
 * A thread holds its lock while it works and not while it waits, so the control thread reads
 * counters and histograms between two batches and no counter needs to be atomic.
 */

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "bench/exit.h"
#include "bench/histogram.h"
#include "bench/names.h"
#include "bench/options.h"
#include "bench/poller.h"
#include "bench/process.h"
#include "bench/stream.h"
#include "bench/wire.h"

/* One send or receive moves at most this many bytes; the first flight must fit as well. */
#define LOAD_SCRATCH_BYTES (256u * 1024)
/* A request that travels with the hello must fit beside the largest hello. */
#define LOAD_FLIGHT_BODY_MAX (128u * 1024)
#define LOAD_ALPN_MAX        16
/* The name that hellos ask for when none is given. */
#define LOAD_DEFAULT_NAME "bench.test"

/* Why a connection or a request failed; words and sentences in load_error_word(). */
enum load_error {
    LOAD_ERROR_REFUSED,
    LOAD_ERROR_UNREACHABLE,
    LOAD_ERROR_RESET,
    LOAD_ERROR_CLOSED,
    LOAD_ERROR_TIMEOUT,
    LOAD_ERROR_ALERT,
    LOAD_ERROR_BAD_REPLY,
    LOAD_ERROR_MISROUTED,
    LOAD_ERROR_CORRUPT,
    LOAD_ERROR_TLS,
    LOAD_ERROR_NO_PORTS,
    LOAD_ERROR_NO_DESCRIPTORS,
    LOAD_ERROR_OTHER,
    LOAD_ERROR_COUNT
};

const char *load_error_word(enum load_error error);
const char *load_error_sentence(enum load_error error);
/* From a negative result of bench/stream.h. */
enum load_error load_error_of(ssize_t result);

/* Counts of what a thread, or the run, has done so far. */
struct load_counts {
    uint64_t started;   /* connections opened */
    uint64_t ready;     /* connections whose backend has sent its banner */
    uint64_t completed; /* connections (conn, latency --new-conn) that ended as they should */
    uint64_t requests;  /* requests answered on kept connections */
    uint64_t resumed;   /* TLS sessions resumed */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t errors[LOAD_ERROR_COUNT];
    /* Of the operations that the latencies are about, those scheduled inside the measurement: */
    uint64_t unended;  /* never answered: recorded with the time until they were given up */
    uint64_t unbegun;  /* part of `unended`: not even begun, for want of a free connection */
    uint64_t left_out; /* ended with an error: not recorded */
};

void load_counts_add(struct load_counts *into, const struct load_counts *from);
/* The difference of two readings. */
struct load_counts load_counts_subtract(const struct load_counts *to,
                                        const struct load_counts *from);

/* Distributions, all in nanoseconds. */
enum load_phase {
    LOAD_PHASE_LATENCY, /* completion - scheduled */
    LOAD_PHASE_SERVICE, /* completion - actually begun */
    LOAD_PHASE_CONNECT, /* TCP connected - begun */
    LOAD_PHASE_REPLY,   /* backend's banner - begun */
    LOAD_PHASE_SLIP,    /* begun - when it should and could have: the tool's lateness */
    LOAD_PHASE_COUNT
};

/* "latency", "service", .. as in the JSON result. */
const char *load_phase_word(enum load_phase phase);

struct client;
struct load_thread;

/* What a mode does with its connections. All callbacks run on the load thread, under its lock. */
struct traffic {
    bool opens_first; /* connections are opened before the schedule begins */
    bool sends_more;  /* sends after the first flight, so it is told when a socket has room */
    /* Does what is due; returns the time of its next call. */
    uint64_t (*tick)(struct load_thread *thread, uint64_t now_ns);
    /* The banner has arrived; `rest` are the bytes behind it, in the thread's scratch. */
    void (*on_ready)(struct client *client, const uint8_t *rest, size_t len);
    /* Something to read or room to write on a ready connection. */
    void (*on_events)(struct client *client);
    /* The connection failed and its slot is about to be free. */
    void (*on_lost)(struct client *client);
    /* Whether the thread has begun and has nothing left to begin or to wait for. */
    bool (*is_done)(const struct load_thread *thread, uint64_t now_ns);
};

extern const struct traffic traffic_conn;
extern const struct traffic traffic_bulk;
extern const struct traffic traffic_latency;
extern const struct traffic traffic_idle;

/* The shape of the hellos: bench/load_hello.c. */
struct load_hello {
    size_t key_share_bytes; /* of the post-quantum share; 0 = none */
    size_t message_bytes;   /* the hello is padded to this length; 0 = no padding */
};

/* The whole run; immutable while threads are running. */
struct load {
    const struct options *options;
    const struct traffic *traffic;
    struct names names;
    struct cpu_list cpus;
    const char *alpn[LOAD_ALPN_MAX];
    size_t alpn_count;
    char *alpn_text;             /* what `alpn` points into; owned */
    struct wire_request request; /* what each connection asks for */
    size_t flight_body;          /* bytes of a request that travel with the hello */
    struct load_hello hello;
    bool open_loop;
    size_t hello_most;    /* length of a hello as sent: of the longest name; 0 = OpenSSL's */
    size_t hello_least;   /* of the shortest */
    uint32_t connections; /* at once, all threads together */
    uint32_t thread_count;
    struct load_thread *threads;
    uv_async_t *progress; /* wakes control when a thread has opened or finished */
};

/* One load thread. */
struct load_thread {
    struct load *load;
    uint32_t index;
    uv_thread_t thread;
    uv_mutex_t door; /* makes the lock fair: see load_lock() */
    uv_mutex_t lock;
    struct poller poller;

    /* said by the control thread, under the lock; 0 = not yet */
    uint64_t begin_ns;   /* the schedule's zero */
    uint64_t measure_ns; /* operations scheduled from here on are recorded */
    uint64_t end_ns;     /* no operation begins after this */
    bool stop;

    /* said by the thread, under the lock */
    bool opened;
    bool finished;
    struct load_counts counts;
    struct histogram *phases[LOAD_PHASE_COUNT];
    struct histogram *recent; /* latency since control last looked */
    uint64_t recent_slip_ns;  /* largest slip since then */

    /* connections */
    struct client *clients;
    uint32_t client_count;
    struct client *free;
    uint32_t active;          /* slots in use */
    uint32_t ready;           /* connections whose banner is in */
    struct client *gap_first; /* waiting between two pieces of a hello, soonest first */
    struct client *gap_last;
    uint64_t sweep_ns; /* when deadlines are looked at next */
    uint32_t source;   /* number of the loopback source address; 0 = the kernel's choice */

    /* schedule */
    uint64_t issued;       /* operations begun by this thread */
    uint64_t open_base_ns; /* when opening began */
    uint64_t opened_count;
    uint64_t unblocked_ns; /* when the thread became able to begin its next operation */
    uint64_t hold_ns;      /* closed loop: no operation before this, after an error */
    bool blocked;
    struct client *idle_first; /* kept connections without a request, longest idle first */
    struct client *idle_last;
    uint32_t outstanding;

    /* bulk */
    bool streaming; /* the streams were told to begin */
    bool closing;   /* the streams were told to end; the backends confirm what arrived */

    uint64_t random;
    SSL_CTX *tls;
    SSL_SESSION **sessions; /* per name, for --resume */
    uint8_t *scratch;
    uint8_t *payload;
};

/*
 * Fills `load` from the options. Any result but BENCH_OK is the exit code, and the reason was said
 * on stderr. Call load_free() in any case.
 */
enum bench_exit load_init(struct load *load, const struct options *options);
void load_free(struct load *load);

/*
 * Chooses the shape of the hellos. BENCH_USAGE: they cannot have the --hello-size; said on stderr.
 */
enum bench_exit load_choose_hello(struct load *load);
/* Builds the hello for a name into `out`, of LOAD_SCRATCH_BYTES. Returns its length. */
size_t load_build_hello(const struct load *load, uint32_t name, uint64_t seed, uint8_t *out);

/* Starts the threads (they begin to open, if the mode does); stops and joins them. */
bool load_start(struct load *load);
void load_stop(struct load *load);

/*
 * Takes and releases a thread's lock fairly: the one who waits gets it next. A plain mutex does not
 * promise that: a busy thread would release it and take it again before the waiting thread is
 * awake, and control would wait for seconds.
 */
void load_lock(struct load_thread *thread);
void load_unlock(struct load_thread *thread);
/*
 * Takes the lock for control: the thread cuts its present round short and goes on in its next turn.
 */
void load_visit(struct load_thread *thread);

/* With --rate: when the thread's n-th operation is due. CLOCK_NEVER: there is no n-th. */
uint64_t load_due_ns(const struct load_thread *thread, uint64_t n);
/* Whether a further operation may begin at all (end, --count). */
bool load_may_begin(const struct load_thread *thread, uint64_t now_ns);
/* Counts the next operation as begun and records its slip; returns its scheduled time. */
uint64_t load_begin_operation(struct load_thread *thread, uint64_t now_ns);
/* Opens the connections that are due by --ramp; returns when the next one is due. */
uint64_t load_open_ramped(struct load_thread *thread, uint64_t now_ns);

/* Records a value if the operation was scheduled inside the measurement. */
void load_record(struct load_thread *thread, enum load_phase phase, uint64_t scheduled_ns,
                 uint64_t value_ns);
/* Records latency and service time of a completed operation. */
void load_record_done(struct load_thread *thread, uint64_t scheduled_ns, uint64_t begun_ns,
                      uint64_t now_ns);
/*
 * Records an operation that was not completed. After a timeout its latency is the time that was
 * waited: without it the slowest operations would be missing. An operation that ended with another
 * error says nothing about how long an answer takes, and is only counted. `begun_ns` 0 = never
 * begun.
 */
void load_record_lost(struct load_thread *thread, enum load_error error, uint64_t scheduled_ns,
                      uint64_t begun_ns, uint64_t now_ns);

#endif
