#ifndef BENCH_EXIT_H
#define BENCH_EXIT_H

/* What the process answers with; part of the interface (see docs/man/sni-bench.1). */
enum bench_exit {
    BENCH_OK = 0,     /* the run succeeded and is valid */
    BENCH_FAILED = 1, /* connections failed, bytes were wrong, or it could not run */
    BENCH_INVALID =
        2, /* the numbers are not the target's: the load tool was the limit, for example */
    BENCH_USAGE = 64,  /* the command line makes no sense */
    BENCH_FAIL_IF = 99 /* a --fail-if condition holds */
};

#endif
