#ifndef BENCH_VERIFY_H
#define BENCH_VERIFY_H

/*
 * The mode verify: streams whose every byte is known, while routes are reloaded.
 *
 *   verify.c          the mode: names, backends if it is to play them, the loop, the end
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
/* Faults that are told one by one; the others are only counted. */
#define VERIFY_TOLD       20
#define VERIFY_FAULT_TEXT 160

enum verify_fault {
    VERIFY_MISROUTED, /* another backend answered */
    VERIFY_CORRUPT,   /* a byte differs, one way or the other, or there are too many */
    VERIFY_TRUNCATED, /* a FIN before the last byte, one way or the other */
    VERIFY_DROPPED,   /* refused, reset, answered with an alert, or closed without an answer */
    VERIFY_STALLED,   /* nothing has moved for --timeout */
    VERIFY_FAULTS
};

/* "misrouted", "corrupt", .. as in the JSON result. */
const char *verify_fault_word(enum verify_fault fault);

/* How a stream goes. */
enum verify_kind {
    VERIFY_HALF_CLOSE, /* both ways; the client ends its side when all is sent */
    VERIFY_COUNTED,    /* both ways; the backend ends when all has arrived */
    VERIFY_UP,         /* up only, ended by the client's FIN */
    VERIFY_DOWN,       /* down only, ended by the backend */
    VERIFY_EARLY_FIN,  /* FIN behind the request: all of the stream comes down after it */
    VERIFY_KINDS,
    VERIFY_LONG = VERIFY_KINDS /* small exchanges until the run ends */
};

enum verify_phase {
    VERIFY_FREE,
    VERIFY_CONNECTING, /* with --tls also the handshake */
    VERIFY_STARTING,   /* hello and request are on their way; with --tls the request */
    VERIFY_STREAMING
};

struct verify;

/* One stream; a slot that is used again and again. */
struct verify_stream {
    struct pollable pollable; /* first */
    struct verify *verify;
    struct stream socket;
    enum verify_phase phase;
    enum verify_kind kind;
    uint32_t name;
    uint64_t seed;
    uint64_t begun_ns;
    uint64_t moved_ns; /* when something moved last */
    uint64_t due_ns;   /* VERIFY_LONG: the next exchange */

    struct wire_request request;
    uint32_t flight_len;  /* hello and request */
    uint32_t flight_sent; /* of them */
    uint64_t up_bytes;    /* this side sends; VERIFY_LONG: so far */
    uint64_t down_bytes;  /* the backend sends, without its trailer; VERIFY_LONG: so far */
    uint64_t sent;
    uint64_t received;
    bool ending;   /* all is sent; close_notify waits for room in the socket */
    bool ended;    /* our FIN is out */
    uint8_t alert; /* that ended the handshake, 0 = none */
    struct wire_banner banner;
    bool greeted;
    bool vouched; /* a certificate has told whose the backend is */
    uint8_t trailer[WIRE_TRAILER_BYTES];
    uint8_t trailer_len;
};

/* What has become of the streams that asked for one name. */
struct verify_tally {
    uint64_t whole;
    uint64_t faults;
};

/* What has changed since the point before. */
struct verify_point {
    double at_s;
    double seconds;
    uint32_t active; /* at this moment */
    uint64_t whole;
    uint64_t faults;
    uint64_t reloads;
    uint64_t bytes_up;
    uint64_t bytes_down;
};

/* What is said of one of the first faults. */
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
    uint64_t end_ns; /* nothing is begun from here on */
    double wall_start;
    bool interrupted;
    bool ending;  /* long-lived ones are being ended */
    bool redraws; /* stderr is a terminal: one progress line, again and again */

    /* what was done */
    uint64_t started;
    uint64_t whole[VERIFY_KINDS + 1]; /* streams without a fault, by kind */
    uint64_t exchanges;               /* on long-lived ones */
    uint64_t nameless;                /* answers that nothing tells the backend of */
    uint64_t bytes_up;
    uint64_t bytes_down;
    uint64_t faults[VERIFY_FAULTS];
    size_t note_count;
    struct verify_note notes[VERIFY_TOLD];
    struct verify_tally *tallies; /* one for each name */
    size_t point_count;
    size_t point_cap;
    struct verify_point *points; /* one a second, and the last */
    struct verify_point before;  /* the sums at the last point */

    /* reloads */
    pid_t reload_pid; /* 0 = none is running */
    uint64_t reload_ns;
    uint64_t reloads;
    uint64_t reloads_failed;
    uint64_t reloads_late; /* the one before was still running */

    pid_t serve_pid; /* the backends that we play, 0 = none */
};

/* Begins a stream in a free slot. False = no port or descriptor was to be had: try later. */
bool verify_stream_open(struct verify_stream *stream, uint32_t kind, uint64_t now_ns);
/* A stream on which nothing moves; a long-lived one that has an exchange due. */
void verify_stream_tick(struct verify_stream *stream, uint64_t now_ns);
/* Ends a long-lived stream in order. */
void verify_stream_finish(struct verify_stream *stream);
void verify_stream_close(struct verify_stream *stream);

/* --tls (verify_tls.c). Without it the context is none; says on stderr what fails. */
bool verify_tls_init(struct verify *verify);
/* A session on the stream's socket, for its name. */
bool verify_tls_start(struct verify_stream *stream);
/* 1 = done, 0 = the other side ended, a negative errno, -STREAM_TLS_FAILED (`alert` says more). */
ssize_t verify_tls_shake(struct verify_stream *stream);
/* Whether the certificate is for the name that was asked for; `owner` gets whose it is. Notes in
 * the stream whether it tells one backend from another. */
bool verify_tls_is_ours(struct verify_stream *stream, char owner[NAMES_MAX_LENGTH + 1]);
/* close_notify, then FIN. False = there is no room yet: again on the next event. */
bool verify_tls_end(struct verify_stream *stream);

/* --reload-every, or its default. */
uint64_t verify_reload_every_ns(const struct options *options);
/* Starts --reload-cmd when it is due, and takes note of how the last one ended. */
void verify_reload_tick(struct verify *verify, uint64_t now_ns);
/* Waits for the one that is running, --timeout at most, then ends it. */
void verify_reload_end(struct verify *verify);
/* Waits for a child's end, at most so long; false = it goes on. */
bool verify_await_process(pid_t pid, uint64_t most_ns, int *status);

uint64_t verify_fault_count(const struct verify *verify);
uint64_t verify_whole_count(const struct verify *verify);
double verify_seconds(const struct verify *verify);
/* Why a run without a fault proves nothing; NULL when it proves something. */
const char *verify_weakness(const struct verify *verify);
/* Why a run may have had misroutes that nobody saw; NULL when it had none. */
const char *verify_blindness(const struct verify *verify);
/* Whether the run is a failure, faults or not. */
bool verify_has_failed(const struct verify *verify);
/* "half_close", .., "long". */
const char *verify_kind_word(int kind);
/* A point of the series: what has happened since the one before. */
void verify_add_point(struct verify *verify, uint64_t now_ns);
/* The line of each second; and leaving the last one standing. */
void verify_print_progress(const struct verify *verify, uint64_t now_ns);
void verify_end_progress(const struct verify *verify);
void verify_print(const struct verify *verify, FILE *out);
/* The result; the caller deletes it. NULL = out of memory. */
cJSON *verify_to_json(const struct verify *verify);
void verify_print_schema(FILE *out);

/* Whether every --fail-if can be understood; says on stderr which cannot. */
bool verify_check_conditions(const struct options *options);
/* Whether one holds; says on stderr which. */
bool verify_any_condition_holds(const struct verify *verify);

/* The mode. Returns an enum bench_exit. */
int verify_run(const struct options *options);

#endif
