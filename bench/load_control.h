#ifndef BENCH_LOAD_CONTROL_H
#define BENCH_LOAD_CONTROL_H

/* Running the load modes: conn, bulk, latency, idle. Returns an enum bench_exit. */

#include "bench/exit.h"
#include "bench/options.h"
#include "bench/result.h"

int load_run_mode(const struct options *options);

/*
 * Runs without output: fills `result` and leaves printing and the exit code to the caller. BENCH_OK
 * = it ran, well or badly; else it could not run, and stderr says why. `load` must outlive the
 * result. load_control_free_result() releases both, in any case.
 */
enum bench_exit load_control_run(const struct options *options, struct load *load,
                                 struct result *result);
void load_control_free_result(struct load *load, struct result *result);

#endif
