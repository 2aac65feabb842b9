#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

/* Settings of the process (CPUs, descriptors, timers), for generator and backends alike. */

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROCESS_CPUS_MAX 256

/* CPUs from --cpu-list, in order. */
struct cpu_list {
    size_t count;
    int cpus[PROCESS_CPUS_MAX];
};

/* Reads "0,2-3". False when it is not that. */
bool process_parse_cpus(const char *text, struct cpu_list *list);
/* Pins the whole process to these CPUs. 0 or a negative errno. */
int process_pin(const struct cpu_list *list);
/* Pins the calling thread to one of them (the n-th, modulo their number). */
int process_pin_thread(const struct cpu_list *list, uint32_t n);

/* Raises the descriptor limit to the hard limit and returns it. */
uint64_t process_raise_descriptors(void);
/* Ignores SIGPIPE and lets timed waits of the calling thread be exact. */
void process_prepare_thread(void);

#endif
