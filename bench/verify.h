#ifndef BENCH_VERIFY_H
#define BENCH_VERIFY_H

/*
 * The mode verify: streams of which every byte is known and checked, while routes are reloaded.
 *
 *   verify.c          the mode: names, backends if it is to start them, the loop, the end
 *   verify_stream.c   one stream, from connect to verdict
 *   verify_tls.c      --tls: the handshake, whose certificate it is, close_notify
 *   verify_reload.c   --reload-cmd, every --reload-every
 *   verify_fail_if.c  conditions of --fail-if
 *   verify_report.c   progress, text
 *   verify_json.c     the series, JSON; verify_schema.c its schema
 *
 * One thread. The backends are those of sni-bench serve: they announce their name, check the
 * pattern that comes up, send their own down, and say in a trailer what has arrived.
 */

#include <cjson/cJSON.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "bench/names.h"
#include "bench/options.h"
#include "bench/poller.h"
#include "bench/stream.h"
#include "bench/wire.h"

#define VERIFY_SCRATCH_BYTES (128u * 1024)
/* So many faults are described one by one; the others are only counted. */
#define VERIFY_TOLD       20
#define VERIFY_FAULT_TEXT 160

enum verify_fault {
    VERIFY_MISROUTED, /* another backend answered */
    VERIFY_CORRUPT,   /* a byte differs, one way or the other, or there are too many */
    VERIFY_TRUNCATED, /* a FIN before the last byte, one way or the other */
    VERIFY_DROPPED,   /* refused, reset, answered with an alert, or closed without an answer */
    VERIFY_STALLED,   /* no byte has moved for --timeout */
    VERIFY_FAULTS
};

/* "misrouted", "corrupt", .. as in the JSON result. */
const char *verify_fault_word(enum verify_fault fault);

/* The kinds of streams. */
enum verify_kind {
    VERIFY_HALF_CLOSE, /* both ways; the client sends its FIN when all is sent */
    VERIFY_COUNTED,    /* both ways; the backend ends the stream when all has arrived */
    VERIFY_UP,         /* up only, ended by the client's FIN */
    VERIFY_DOWN,       /* down only, ended by the backend */
    VERIFY_EARLY_FIN,  /* the client's FIN behind the request; then all comes down */
    VERIFY_KINDS,
    VERIFY_LONG = VERIFY_KINDS /* small exchanges until the run ends */
};

enum verify_phase {
    VERIFY_FREE,
    VERIFY_CONNECTING, /* with --tls also the handshake */
    VERIFY_STARTING,   /* sending hello and request; with --tls the request only */
    VERIFY_STREAMING
};

struct verify;

/* A slot with one stream after the other. */
struct verify_stream {
    struct pollable pollable; /* first */
    struct verify *verify;
    struct stream socket;
    enum verify_phase phase;
    enum verify_kind kind;
    uint32_t name;
    uint64_t seed;
    uint64_t begun_ns;
    uint64_t moved_ns; /* when a byte moved last */
    uint64_t due_ns;   /* VERIFY_LONG: when the next exchange is due */

    struct wire_request request;
    uint32_t flight_len;  /* hello and request */
    uint32_t flight_sent; /* bytes of it that were sent */
    uint64_t up_bytes;    /* that the client sends; VERIFY_LONG: so far */
    uint64_t down_bytes;  /* that the backend sends, without its trailer; VERIFY_LONG: so far */
    uint64_t sent;
    uint64_t received;
    bool ending;   /* all is sent; close_notify waits for room in the socket */
    bool ended;    /* the client's FIN is sent */
    uint8_t alert; /* the alert that ended the handshake, 0 = none */
    struct wire_banner banner;
    bool greeted;
    bool vouched; /* a certificate has shown which backend it is */
    uint8_t trailer[WIRE_TRAILER_BYTES];
    uint8_t trailer_len;
};

/* The outcomes of the streams that asked for one name. */
struct verify_tally {
    uint64_t whole;
    uint64_t faults;
};

/* A point of the series: counts since the point before. */
struct verify_point {
    double at_s;
    double seconds;
    uint32_t active; /* streams at this moment */
    uint64_t whole;
    uint64_t faults;
    uint64_t reloads;
    uint64_t bytes_up;
    uint64_t bytes_down;
};

/* The description of one of the first faults. */
struct verify_note {
    enum verify_fault fault;
    double at_s;
    char text[VERIFY_FAULT_TEXT];
};

struct verify {
    const struct options *options;
    struct names names;
    struct poller poller;
    uint8_t *scratch;
    SSL_CTX *tls; /* NULL = plain */
    uint64_t random;

    uint32_t count; /* slots: -c, then --long */
    struct verify_stream *streams;
    uint32_t active;
    uint32_t long_active;

    uint64_t begun_ns;
    uint64_t end_ns; /* no stream begins after this */
    double wall_start;
    bool interrupted;
    bool ending;  /* long-lived streams are being ended */
    bool redraws; /* stderr is a terminal: the progress line is redrawn */

    /* what was done */
    uint64_t started;
    uint64_t whole[VERIFY_KINDS + 1]; /* streams without a fault, by kind */
    uint64_t exchanges;               /* of long-lived streams */
    uint64_t nameless;                /* answers that do not show which backend they are from */
    uint64_t bytes_up;
    uint64_t bytes_down;
    uint64_t faults[VERIFY_FAULTS];
    size_t note_count;
    struct verify_note notes[VERIFY_TOLD];
    struct verify_tally *tallies; /* one for each name */
    size_t point_count;
    size_t point_cap;
    struct verify_point *points; /* one per second, and one at the end */
    struct verify_point before;  /* the sums at the last point */

    /* reloads */
    pid_t reload_pid; /* 0 = none is running */
    uint64_t reload_ns;
    uint64_t reloads;
    uint64_t reloads_failed;
    uint64_t reloads_late; /* reloads that were due while the one before was running */

    pid_t serve_pid; /* the backends that verify has started, 0 = none */
};

/* Begins a stream in a free slot. False = no port or descriptor was free: try later. */
bool verify_stream_open(struct verify_stream *stream, uint32_t kind, uint64_t now_ns);
/*
 * Fails a stream on which nothing moves; begins an exchange of a long-lived stream when it is due.
 */
void verify_stream_tick(struct verify_stream *stream, uint64_t now_ns);
/* Ends a long-lived stream without a fault. */
void verify_stream_finish(struct verify_stream *stream);
void verify_stream_close(struct verify_stream *stream);

/* Makes the context of --tls, none without --tls (verify_tls.c); says on stderr what fails. */
bool verify_tls_init(struct verify *verify);
/* Starts a TLS session on the stream's socket, for its name. */
bool verify_tls_start(struct verify_stream *stream);
/*
 * Goes on with the handshake. 1 = done, 0 = the peer ended, else a negative errno or
 * -STREAM_TLS_FAILED (`alert` says more).
 */
ssize_t verify_tls_shake(struct verify_stream *stream);
/*
 * Whether the certificate is for the name that was asked for; `owner` gets the certificate's name.
 * Notes in the stream whether the certificate tells one backend from another.
 */
bool verify_tls_is_ours(struct verify_stream *stream, char owner[NAMES_MAX_LENGTH + 1]);
/* Sends close_notify and FIN. False = the socket has no room yet: call again on the next event. */
bool verify_tls_end(struct verify_stream *stream);

/* --reload-every, or its default. */
uint64_t verify_reload_every_ns(const struct options *options);
/* Starts --reload-cmd when it is due, and notes how the last one ended. */
void verify_reload_tick(struct verify *verify, uint64_t now_ns);
/* Waits for a running --reload-cmd, --timeout at most, then kills it. */
void verify_reload_end(struct verify *verify);
/* Waits at most `most_ns` for the end of a child; false = it is still running. */
bool verify_await_process(pid_t pid, uint64_t most_ns, int *status);

uint64_t verify_fault_count(const struct verify *verify);
uint64_t verify_whole_count(const struct verify *verify);
double verify_seconds(const struct verify *verify);
/* The reason why a run without a fault proves nothing; NULL = it proves something. */
const char *verify_weakness(const struct verify *verify);
/* The reason why a run may have had misroutes that it could not see; NULL = it could not have. */
const char *verify_blindness(const struct verify *verify);
/* Whether the run has failed, by a fault or otherwise. */
bool verify_has_failed(const struct verify *verify);
/* "half_close", .., "long". */
const char *verify_kind_word(int kind);
/* Adds a point to the series. */
void verify_add_point(struct verify *verify, uint64_t now_ns);
/* Prints the progress line of each second; leaves the last one on the terminal. */
void verify_print_progress(const struct verify *verify, uint64_t now_ns);
void verify_end_progress(const struct verify *verify);
void verify_print(const struct verify *verify, FILE *out);
/* The result; the caller deletes it. NULL = out of memory. */
cJSON *verify_to_json(const struct verify *verify);
void verify_print_schema(FILE *out);

/* Whether every --fail-if can be parsed; says on stderr which cannot. */
bool verify_check_conditions(const struct options *options);
/* Whether any --fail-if holds; says on stderr which. */
bool verify_any_condition_holds(const struct verify *verify);

/* Runs the mode; returns an enum bench_exit. */
int verify_run(const struct options *options);

#endif
