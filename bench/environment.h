#ifndef BENCH_ENVIRONMENT_H
#define BENCH_ENVIRONMENT_H

/* Where a run took place: what a reader needs to judge its numbers. */

#include <stdint.h>

#define ENVIRONMENT_TEXT 160

struct environment {
    char kernel[ENVIRONMENT_TEXT];
    char cpu[ENVIRONMENT_TEXT];
    char governor[ENVIRONMENT_TEXT]; /* "" = not known */
    char libuv[ENVIRONMENT_TEXT];
    char openssl[ENVIRONMENT_TEXT];
    long cpus;         /* online */
    long cpus_allowed; /* CPUs that this process may use */
    double memory_bytes;
    uint64_t descriptor_limit;
};

void environment_read(struct environment *environment);

/* Text of a small file below /proc/sys or /sys, without its newline; "" when it is not there. */
void environment_read_file(const char *path, char out[ENVIRONMENT_TEXT]);

#endif
