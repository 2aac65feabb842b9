#include "bench/verify.h"

#include "bench/exit.h"

int verify_run(const struct options *options)
{
    (void)options;
    return BENCH_FAILED;
}
