#ifndef BENCH_VERIFY_H
#define BENCH_VERIFY_H

#include "bench/options.h"

/* The mode verify. Returns an enum bench_exit. */
int verify_run(const struct options *options);

#endif
