#ifndef BENCH_TORTURE_H
#define BENCH_TORTURE_H

/*
 * The mode torture: ClientHellos and client behaviours that have broken routers, against any
 * router.
 *
 *   torture.c          the mode: backends, a first probe, one case after the other, the exit code
 *   torture_cases.c    the catalogue: what the client does, what a careful router does, and why
 *   torture_legal.c    the bytes of hellos that a server would take
 *   torture_illegal.c  and of what it would not
 *   torture_flight.c   what both are built with
 *   torture_play.c     the ways to send them
 *   torture_scene.c    the stage: one client, two backends of our own, what each has seen
 *   torture_judge.c    what has happened there, as one outcome
 *   torture_report.c   table, catalogue
 *   torture_json.c     JSON, and its schema
 *   torture_fail_if.c  conditions of --fail-if
 *
 * One thread, one case at a time: whatever reaches a backend meanwhile belongs to that case.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/options.h"
#include "bench/wire.h"

/* What one case sends at most, and what is kept of what a backend receives. */
#define TORTURE_FLIGHT_BYTES (512u * 1024)
#define TORTURE_SIDES        2
#define TORTURE_GUESTS       4
#define TORTURE_HEAD_BYTES   512u
#define TORTURE_PROBLEM_TEXT 120

/* How a case ended, seen from the client. One bit each, so that an expectation is a set. */
enum torture_end {
    TORTURE_ROUTED = 1u << 0,   /* the backend of the routed name answered */
    TORTURE_OTHER = 1u << 1,    /* the backend of the other name did */
    TORTURE_ALERT = 1u << 2,    /* a TLS alert */
    TORTURE_CLOSED = 1u << 3,   /* a FIN, and not one byte */
    TORTURE_RESET = 1u << 4,    /* an RST */
    TORTURE_ANSWERED = 1u << 5, /* bytes that are neither an alert nor a backend's */
    TORTURE_HELD = 1u << 6,     /* nothing, until the tool gave up */
    TORTURE_ALONE = 1u << 7     /* the client left, and no backend has heard of it */
};
#define TORTURE_REFUSED ((unsigned)(TORTURE_ALERT | TORTURE_CLOSED | TORTURE_RESET))

/* "backend", "other_backend", "alert", "close", "reset", "answer", "timeout", "no_backend". */
const char *torture_end_word(enum torture_end end);

struct torture_outcome {
    enum torture_end end;
    uint8_t alert;                      /* of TORTURE_ALERT */
    uint64_t ns;                        /* from the first connecting to knowing */
    bool deviates;                      /* from what any careful router does */
    bool best;                          /* it is what the best router does */
    bool unreachable;                   /* the router took no connection */
    char problem[TORTURE_PROBLEM_TEXT]; /* what else was wrong, "" = nothing */
};

/* The bytes of one case. */
struct flight {
    uint8_t *bytes; /* TORTURE_FLIGHT_BYTES of room */
    size_t len;
    size_t cut;  /* where the hello is cut in two, for plays that do; 0 = in the middle */
    bool failed; /* did not fit */
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
    const char *why; /* with the RFC's section */
    void (*build)(struct flight *flight);
    void (*play)(struct scene *scene, const struct flight *flight);
};

/* The catalogue; ends with a NULL name. */
extern const struct torture_case torture_cases[];

/* A connection that a backend of ours has accepted. */
struct guest {
    int fd; /* -1 = over */
    int side;
    bool greeted; /* has sent its banner */
    bool fin;     /* the client's end has come through */
    bool reset;
    uint8_t *bytes; /* what it has received, TORTURE_FLIGHT_BYTES of room */
    size_t len;     /* all of it, also what was not kept */
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
    uint64_t speech_bytes; /* that a backend sends behind its banner */
    bool guests_end_first; /* they send their FIN behind it */

    char problem[TORTURE_PROBLEM_TEXT];
};

/* Where the backends are to be, as --listen says; says on stderr what makes no sense. */
bool scene_addresses(struct scene *scene, const struct options *options);
/* Opens their listeners, with names and addresses given and the rest zero; says on stderr what
 * fails. scene_free() in any case. */
bool scene_init(struct scene *scene, const struct options *options);
void scene_free(struct scene *scene);

/* Connects a client; scene_leave() ends whatever is left of the case. */
void scene_open(struct scene *scene);
void scene_leave(struct scene *scene);
/* Sends, attending to everything else meanwhile, until all is sent or the client has an end. */
void scene_send(struct scene *scene, const uint8_t *bytes, size_t len);
/* Attends to everything for so long, or until the client has an end. */
void scene_pause(struct scene *scene, uint64_t ns);
/* The client's FIN; its RST. */
void scene_fin(struct scene *scene);
void scene_reset(struct scene *scene);
/* Attends until `done` says so or a case's time is over; returns what it said last. */
bool scene_wait(struct scene *scene, bool (*done)(const struct scene *scene));
/* Notes what is wrong; the first note stays. */
void scene_blame(struct scene *scene, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Some backend has every byte, and the client its banner. */
bool scene_is_delivered(const struct scene *scene);
/* That, or the client has its end. */
bool scene_is_decided(const struct scene *scene);
/* The client has its end. */
bool scene_has_end(const struct scene *scene);
/* Every backend connection is over. */
bool scene_is_deserted(const struct scene *scene);

/* What has happened so far (torture_judge.c). */
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

/* The mode. Returns an enum bench_exit. */
int torture_run(const struct options *options);

/* Results of a run, one per case of `cases`. */
struct torture_report {
    const struct options *options;
    size_t count;
    const struct torture_case *const *cases;
    const struct torture_outcome *outcomes;
    double wall_start; /* UNIX time */
};

/* The row of a case as soon as it is known; the heading when `report` has none yet. */
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

/* Whether every --fail-if can be understood; says on stderr which cannot. */
bool torture_check_conditions(const struct options *options);
/* Whether one holds; says on stderr which. */
bool torture_any_condition_holds(const struct torture_report *report);

#endif
