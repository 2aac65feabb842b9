#ifndef BENCH_TORTURE_H
#define BENCH_TORTURE_H

/*
 * The mode torture: ClientHellos and client behaviours that have broken routers, against any
 * router.
 *
 *   torture.c          the mode: backends, a first probe, one case after the other, the exit code
 *   torture_cases.c    the catalogue: what the client does, what a careful router does, and why
 *   torture_legal.c    hellos that a server would accept
 *   torture_illegal.c  hellos, and other bytes, that it would not accept
 *   torture_flight.c   what these two build hellos with
 *   torture_play.c     the ways to send them
 *   torture_scene.c    the stage: one client, two backends, what each of them has seen
 *   torture_judge.c    what has happened on the stage, as one outcome
 *   torture_report.c   table, catalogue
 *   torture_json.c     JSON, and its schema
 *   torture_fail_if.c  conditions of --fail-if
 *
 * One thread plays one case at a time, so whatever reaches a backend belongs to that case.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/options.h"
#include "bench/wire.h"

/* A case sends at most this many bytes, and of what a backend receives so many are kept. */
#define TORTURE_FLIGHT_BYTES (512u * 1024)
#define TORTURE_SIDES        2
#define TORTURE_GUESTS       4
#define TORTURE_HEAD_BYTES   512u
#define TORTURE_PROBLEM_TEXT 120

/* How a case ended, seen from the client. One bit each, so that an expectation is a set. */
enum torture_end {
    TORTURE_ROUTED = 1u << 0,   /* the backend of the routed name answered */
    TORTURE_OTHER = 1u << 1,    /* the backend of the other name answered */
    TORTURE_ALERT = 1u << 2,    /* a TLS alert */
    TORTURE_CLOSED = 1u << 3,   /* a FIN, and not one byte */
    TORTURE_RESET = 1u << 4,    /* an RST */
    TORTURE_ANSWERED = 1u << 5, /* bytes that are neither an alert nor a backend's */
    TORTURE_HELD = 1u << 6,     /* nothing happened until the tool gave up */
    TORTURE_ALONE = 1u << 7     /* the client left, and no backend got a byte */
};
#define TORTURE_REFUSED ((unsigned)(TORTURE_ALERT | TORTURE_CLOSED | TORTURE_RESET))

/* "backend", "other_backend", "alert", "close", "reset", "answer", "timeout", "no_backend". */
const char *torture_end_word(enum torture_end end);

struct torture_outcome {
    enum torture_end end;
    uint8_t alert;                      /* the alert of TORTURE_ALERT */
    uint64_t ns;                        /* from the first connect until the outcome was known */
    bool deviates;                      /* it is not what a careful router may do */
    bool best;                          /* it is what the best router does */
    bool unreachable;                   /* the router took no connection */
    char problem[TORTURE_PROBLEM_TEXT]; /* another fault, "" = none */
};

/* The bytes of one case. */
struct flight {
    uint8_t *bytes; /* TORTURE_FLIGHT_BYTES of room */
    size_t len;
    size_t cut;  /* where the hello is cut in two, for plays that do; 0 = in the middle */
    bool failed; /* the bytes did not fit */
    const char *name;
    const char *other;
    uint64_t seed;
};

struct scene;

struct torture_case {
    const char *name;
    const char *what; /* what the client does */
    unsigned may;     /* set of enum torture_end: what a careful router may do */
    unsigned best;    /* set: what the best one does; with TORTURE_ALERT one of `alerts` */
    uint8_t alerts[4];
    const char *why; /* the reason, with the section of the RFC */
    void (*build)(struct flight *flight);
    void (*play)(struct scene *scene, const struct flight *flight);
};

/* The catalogue; ends with a NULL name. */
extern const struct torture_case torture_cases[];

/* A connection that a backend has accepted. */
struct guest {
    int fd; /* -1 = closed */
    int side;
    bool greeted; /* the banner has been sent */
    bool fin;     /* the client's FIN has arrived */
    bool reset;
    uint8_t *bytes; /* the bytes received, TORTURE_FLIGHT_BYTES of room */
    size_t len;     /* how many were received, with those that were not kept */
    uint64_t to_speak;
    uint64_t spoken;
};

enum scene_end { SCENE_OPEN, SCENE_FIN, SCENE_RESET, SCENE_LEFT };

/* One run of the mode, and the case that is being played. */
struct scene {
    const struct options *options;
    const char *names[TORTURE_SIDES];
    struct socket_address addresses[TORTURE_SIDES];
    int listeners[TORTURE_SIDES];

    /* the client */
    int client;
    enum scene_end end;
    bool blind; /* the client does not read */
    uint64_t begun_ns;
    uint64_t played_ns; /* when the case's first client began; 0 = none has */
    uint8_t *sent;      /* every byte the client has handed to its socket */
    size_t sent_len;
    uint8_t head[TORTURE_HEAD_BYTES]; /* the first bytes it has received */
    uint64_t received;
    bool corrupt; /* the speech differs from the backend's */
    bool unreachable;
    struct wire_banner banner;
    uint64_t banner_bytes; /* 0 = not whole, or no banner */

    /* the backends */
    struct guest guests[TORTURE_GUESTS];
    size_t guest_count;
    uint64_t speech_bytes; /* how many bytes a backend sends behind its banner */
    bool guests_end_first; /* the backends send their FIN behind that */

    char problem[TORTURE_PROBLEM_TEXT];
};

/* Sets the addresses of the backends by --listen; says on stderr what makes no sense. */
bool scene_addresses(struct scene *scene, const struct options *options);
/*
 * Opens the listeners of the backends; names and addresses are set, the rest of `scene` is zero.
 * Says on stderr what fails. Call scene_free() in any case.
 */
bool scene_init(struct scene *scene, const struct options *options);
void scene_free(struct scene *scene);

/* Connects a client; closes everything that is left of the case. */
void scene_open(struct scene *scene);
void scene_leave(struct scene *scene);
/*
 * Sends bytes, and serves the backends meanwhile, until all are sent or the connection has ended.
 */
void scene_send(struct scene *scene, const uint8_t *bytes, size_t len);
/* Serves client and backends for this time, or until the connection has ended. */
void scene_pause(struct scene *scene, uint64_t ns);
/* Sends a FIN for the client; an RST. */
void scene_fin(struct scene *scene);
void scene_reset(struct scene *scene);
/*
 * Serves client and backends until `done` is true or the time of a case is over; returns the last
 * value of `done`.
 */
bool scene_wait(struct scene *scene, bool (*done)(const struct scene *scene));
/* Notes what is wrong; the first note stays. */
void scene_blame(struct scene *scene, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether a backend has every byte, and the client the banner. */
bool scene_is_delivered(const struct scene *scene);
/* Whether that is so, or the connection has ended. */
bool scene_is_decided(const struct scene *scene);
/* Whether the client's connection has ended. */
bool scene_has_end(const struct scene *scene);
/* Whether every backend connection is closed. */
bool scene_is_deserted(const struct scene *scene);

/* The outcome so far (torture_judge.c). */
void scene_judge(const struct scene *scene, struct torture_outcome *outcome);

/* Ways to play a case (torture_play.c). Each opens the client itself. */
void play_whole(struct scene *scene, const struct flight *flight);
void play_in_two(struct scene *scene, const struct flight *flight);
void play_cut_everywhere(struct scene *scene, const struct flight *flight);
void play_drip(struct scene *scene, const struct flight *flight);
void play_endless_drip(struct scene *scene, const struct flight *flight);
void play_silence(struct scene *scene, const struct flight *flight);
void play_nothing_fin(struct scene *scene, const struct flight *flight);
void play_half(struct scene *scene, const struct flight *flight);
void play_half_fin(struct scene *scene, const struct flight *flight);
void play_half_reset(struct scene *scene, const struct flight *flight);
void play_fin(struct scene *scene, const struct flight *flight);
void play_reset(struct scene *scene, const struct flight *flight);
void play_server_fin(struct scene *scene, const struct flight *flight);
void play_slow_reader(struct scene *scene, const struct flight *flight);
void play_crowd(struct scene *scene, const struct flight *flight);

/* Runs the mode; returns an enum bench_exit. */
int torture_run(const struct options *options);

/* Results of a run, one per case of `cases`. */
struct torture_report {
    const struct options *options;
    size_t count;
    const struct torture_case *const *cases;
    const struct torture_outcome *outcomes;
    double wall_start; /* UNIX time */
};

/* Print the heading of the table; the row of a case; the lines below the table. */
void torture_print_heading(FILE *out);
void torture_print_row(const struct torture_case *one, const struct torture_outcome *outcome,
                       FILE *out);
void torture_print_end(const struct torture_report *report, FILE *out);
/* The catalogue as a Markdown table: all of it, or `cases`. */
void torture_print_catalogue(const struct torture_case *const *cases, size_t count, FILE *out);
/* "backend, or refuse; best: alert 50 or 47". */
void torture_print_expected(const struct torture_case *one, FILE *out);
size_t torture_count_deviations(const struct torture_report *report);
/* Calls `add` with the word of each end in the set. */
void torture_each_end(unsigned set, void (*add)(void *data, const char *word), void *data);
/* The result; the caller deletes it. NULL = out of memory. */
cJSON *torture_to_json(const struct torture_report *report);
void torture_print_schema(FILE *out);

/* Whether every --fail-if can be parsed; says on stderr which cannot. */
bool torture_check_conditions(const struct options *options);
/* Whether any --fail-if holds; says on stderr which. */
bool torture_any_condition_holds(const struct torture_report *report);

#endif
