#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

/*
 * What a run has found out, and the ways to say it. Filled by bench/load_control.c; written as text
 * (result_text.c), as JSON (result_json.c; `sni-bench schema` prints its JSON Schema) and as .hgrm.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/histogram.h"
#include "bench/load.h"
#include "bench/sample.h"

#define RESULT_SCHEMA_VERSION 1
/* A tool thread that is busier than this, or begins operations this late at p99, was the limit. */
#define RESULT_CPU_LIMIT     0.85
#define RESULT_SLIP_LIMIT_NS NS_PER_MS
#define RESULT_REASONS_MAX   8
#define RESULT_REASON_TEXT   200

/* Where a run stands; the picture is in bench/load_control.c. */
enum stage { STAGE_OPENING, STAGE_WARMUP, STAGE_MEASURING, STAGE_DRAINING, STAGE_DONE };

/* "opening", "warm-up", "measuring", "ending", "done". */
const char *result_stage_word(enum stage stage);

/* One interval of the run, within one stage. */
struct series_point {
    enum stage stage;
    uint64_t end_ns; /* CLOCK_MONOTONIC */
    double seconds;
    struct load_counts counted;
    bool holds_open; /* connections are opened to be kept */
    uint32_t active; /* connections at its end */
    uint64_t p50_ns; /* of operations that completed or timed out; 0 = none */
    uint64_t p99_ns;
    uint64_t max_ns;
    uint64_t slip_ns;
    double router_cpu; /* 1.0 = one CPU */
    /*
     * The --pid processes at the end of the interval, PSS as of its last reading; not `good` = not
     * known.
     */
    struct sample router;
};

/* Connections made in the interval: completed ones, or opened ones in modes that keep them. */
uint64_t result_point_connections(const struct series_point *point);
/* A count of the interval, per second. */
double result_rate(const struct series_point *point, uint64_t count);

/* The router's costs, from the samples; negative = not known. */
struct result_costs {
    double cpu_us_per_conn;
    double cpu_us_per_request;
    double cpu_ms_per_gib;
    double cpu_share;           /* 1.0 = one CPU */
    double user_kib_per_conn;   /* PSS growth, idle connections only */
    double kernel_kib_per_conn; /* whole machine: router, generator and backends together */
    double socket_kib_per_conn; /* of that, socket buffers */
    double switches_per_op;
};

/* What the whole machine spent, router and tool and interrupts together; negative = not known. */
struct result_machine {
    double cpu_us_per_conn;
    double cpu_us_per_request;
    double cpu_ms_per_gib;
    struct sample_machine window; /* in the measured window */
    struct sample_machine run;    /* since before the first connection */
};

struct result {
    const struct load *load;
    const struct options *options;
    double wall_start;   /* UNIX time */
    uint64_t start_ns;   /* CLOCK_MONOTONIC: the run's first moment */
    uint64_t begin_ns;   /* the schedule's zero */
    uint64_t measure_ns; /* operations scheduled from here on are recorded */
    uint64_t window_ns;  /* the measured window: its counters were read; 0 = it was never opened */
    uint64_t end_ns;
    double seconds;            /* of the measured window */
    struct load_counts window; /* counted in it */
    struct load_counts total;  /* whole run, warm-up included */
    uint32_t held;             /* connections open at the end of the window */
    struct histogram *phases[LOAD_PHASE_COUNT];

    bool failed;
    bool interrupted;
    bool valid;
    bool tool_limited;   /* the load tool was the limit: one of the reasons */
    bool latency_counts; /* open loop: the distribution is one of latency; else of service time */
    size_t reason_count; /* why it is not valid */
    char reasons[RESULT_REASONS_MAX][RESULT_REASON_TEXT];
    double tool_cpu; /* busiest generator thread, 1.0 = always running */
    uint64_t tool_pss_bytes;
    double tool_kib_per_conn;

    bool sampled;         /* the --pid processes were there all the time: costs are known */
    pid_t lost_pid;       /* the process that was gone; 0 = none */
    struct sample before; /* before the first connection */
    struct sample start;
    struct sample end;
    struct result_costs costs;
    struct result_machine machine;

    size_t series_count;
    size_t series_cap;
    struct series_point *series;
};

/* Draws the conclusions: costs, validity, failure. */
void result_conclude(struct result *result);
uint64_t result_errors(const struct load_counts *counts);

/*
 * Whether a result can be written to the path, asked before a run and without touching what is
 * there now; says on stderr why not. NULL and "-" are fine.
 */
bool result_check_path(const char *flag, const char *path);

void result_print(const struct result *result, FILE *out, bool color);
/* `path` "-" is stdout. False = it could not be written; said on stderr. */
bool result_write_json(const struct result *result, const char *path);
/* The document that --json writes; the caller deletes it. NULL = out of memory. */
struct cJSON *result_make_json(const struct result *result);
bool result_write_hgrm(const struct result *result, const char *path);
/* The JSON Schema (draft-07) of what result_write_json() writes. */
void result_print_schema(FILE *out);

#endif
