#ifndef BENCH_CONTROL_H
#define BENCH_CONTROL_H

/* Running the load modes: conn, bulk, latency, idle. Returns an enum bench_exit. */

#include "bench/options.h"
#include "bench/result.h"

int control_run_mode(const struct options *options);

/*
 * The same without output: fills `result` (release with control_free_result()) and leaves printing
 * and exit code to the caller. False = it could not run; said on stderr why. `load` must outlive
 * the result; both are released by control_free_result().
 */
bool control_run(const struct options *options, struct load *load, struct result *result);
void control_free_result(struct load *load, struct result *result);

#endif
