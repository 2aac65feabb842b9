#ifndef BENCH_COMPARE_CPU_H
#define BENCH_COMPARE_CPU_H

/* Routers and load on CPUs of their own. */

#include <stdbool.h>
#include <sys/types.h>

#include "bench/process.h"
#include "bench/sample.h"

/*
 * Pins all threads of all processes for good. 0, or a negative errno and the process it is about.
 */
int compare_pin(const struct sample_pids *pids, const struct cpu_list *cpus, pid_t *missing);
bool compare_cpus_overlap(const struct cpu_list *a, const struct cpu_list *b);

#endif
