#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

/*
 * The command line: one table of options (bench/options_table.c) drives the reader, the help of
 * each mode and the error texts; one table (bench/modes.c) lists the modes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/socket_address.h"

/* One bit per mode, so that an option can belong to several. */
enum mode_bit {
    MODE_SERVE = 1u << 0,
    MODE_CONN = 1u << 1,
    MODE_BULK = 1u << 2,
    MODE_LATENCY = 1u << 3,
    MODE_IDLE = 1u << 4,
    MODE_SCHEMA = 1u << 5,
    MODE_HISTOGRAM = 1u << 6,
    MODE_TORTURE = 1u << 7,
    MODE_VERIFY = 1u << 8,
    MODE_COMPARE = 1u << 9,
    MODE_REPORT = 1u << 10,
    /* modes that make load and end in a result */
    MODE_LOAD = MODE_CONN | MODE_BULK | MODE_LATENCY | MODE_IDLE,
    /* modes that take further words: a command line, files */
    MODE_REST = MODE_COMPARE | MODE_REPORT,
    MODE_ALL = (1u << 16) - 1
};

struct options;

/* One mode of the tool. */
struct mode {
    const char *name;
    unsigned bit;
    const char *arguments; /* after the mode's name in the usage line */
    const char *summary;   /* one line */
    const char *about;     /* a paragraph for --help */
    const char *example;   /* whole command lines */
    bool wants_target;
    int (*run)(const struct options *options); /* returns an enum bench_exit */
};

/* All modes, the last one with a NULL name. */
extern const struct mode bench_modes[];

enum direction { DIRECTION_DOWN, DIRECTION_UP, DIRECTION_BOTH };

/* What a backend does with a client that sends no request of sni-bench. */
enum serve_mode {
    SERVE_AUTO, /* HTTP for clients that ask for it, echo for others */
    SERVE_ECHO,
    SERVE_SINK,
    SERVE_SOURCE,
    SERVE_PATTERN,
    SERVE_HTTP
};

#define OPTIONS_LIST_MAX 64

/* An option that may be given several times. */
struct text_list {
    size_t count;
    const char *items[OPTIONS_LIST_MAX];
};

/* Cut positions or lengths from --split. */
#define SPLIT_MAX 64
struct split {
    bool all; /* at every byte */
    size_t count;
    size_t at[SPLIT_MAX];
};

/* Everything the command line can say. Strings point into argv. Times are nanoseconds. */
struct options {
    const struct mode *mode;
    int argc; /* the whole command line, for the result */
    char **argv;
    size_t rest_count; /* MODE_REST: the words behind the options, as in argv */
    char **rest;

    struct { /* where and what to ask for */
        const char *target;
        struct socket_address address;
        const char *sni;
        const char *sni_file;
        const char *names; /* also serve: a count or a list */
        double zipf;
        const char *alpn;
        bool tls;
        bool hello_only;
        bool resume;
        uint64_t hello_bytes;
        struct split segments;
        struct split records;
        uint64_t split_gap_ns;
    } ask;

    struct {         /* how much */
        double rate; /* 0 = not given */
        double ramp;
        bool max;
        bool new_conn;
        enum direction direction;
        uint64_t connections; /* 0 = the mode's default */
        uint64_t count;       /* 0 = until the duration is over */
        uint64_t threads;
        uint64_t seed;
        uint64_t request_bytes;
        uint64_t response_bytes;
        uint64_t duration_ns; /* 0 = until --count is reached */
        uint64_t warmup_ns;
        uint64_t timeout_ns;
        bool pattern;
    } load;

    struct { /* what is watched and written */
        const char *pids;
        const char *cpu_list;
        const char *json;
        const char *hgrm;
        const char *html;
        bool markdown;
        uint64_t interval_ns;
        struct text_list labels;
        struct text_list fail_if;
        bool quiet;
        bool no_color;
    } out;

    struct {                       /* torture */
        uint64_t hello_timeout_ns; /* the router's limit */
        uint64_t gap_ns;
        const char *other;
        struct text_list only;
        bool list;
        bool strict;
    } torture;

    struct { /* verify */
        uint64_t max_bytes;
        uint64_t long_lived;
        const char *reload_cmd;
        uint64_t reload_every_ns; /* UINT64_MAX = not given */
    } verify;

    struct { /* backends */
        struct text_list listen;
        int mode; /* enum serve_mode */
        const char *ca_out;
        bool one_port;
        uint64_t stall_ns;
        uint64_t stall_every_ns;
        uint64_t source_bytes;
    } serve;

    struct { /* compare */
        const char *direct;
        struct text_list vias; /* NAME=ADDRESS[,pid=PID,PID] */
        uint64_t rounds;
        const char *router_cpu;
    } compare;

    int schema; /* position in its choices */
};

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_COUNT,  /* uint64_t, decimal suffixes */
    OPTION_SIZE,   /* uint64_t, binary suffixes */
    OPTION_RATE,   /* double, per second */
    OPTION_NUMBER, /* double */
    OPTION_TIME,   /* uint64_t nanoseconds */
    OPTION_TEXT,   /* const char * */
    OPTION_LIST,   /* struct text_list */
    OPTION_CHOICE, /* int, position in `choices` */
    OPTION_SPLIT,  /* struct split at `at` (segments) and at `at_records` */
    OPTION_HELP
};

/* One row of the option table. */
struct option_row {
    const char *name;
    char letter; /* 0 = none */
    enum option_kind kind;
    unsigned modes; /* bits */
    size_t at;      /* offset in struct options */
    const char *argument;
    const char *help;
    const char *choices; /* OPTION_CHOICE: words separated by '|' */
};

/* The table ends with a NULL name. */
extern const struct option_row option_rows[];

enum options_result {
    OPTIONS_RUN,  /* filled, go on */
    OPTIONS_DONE, /* help was printed */
    OPTIONS_ERROR /* said what is wrong on `err` */
};

void options_init(struct options *options, const struct mode *mode);

/*
 * Reads argv[1..] (argv[0] is the mode's name) into `options`. Help goes to `out`, errors to `err`:
 * they name the option and say how to write it.
 */
enum options_result options_parse(struct options *options, const struct mode *mode, int argc,
                                  char **argv, FILE *out, FILE *err);

/* Whether the values make sense together; if not, `err` says what to change. */
bool options_check(const struct options *options, FILE *err);

/* Help of one mode; help of the program. */
void options_print_help(const struct mode *mode, FILE *out);
void options_print_usage(FILE *out);

/* The mode of that name, or NULL; the mode whose name is nearest, or NULL when none is near. */
const struct mode *options_find_mode(const char *name);
const char *options_nearest_mode(const char *name);

/* Reads "segments=1,5", "records=all", "1,5" (segments). False when it is none of these. */
bool options_parse_split(const char *text, struct split *segments, struct split *records);

#endif
