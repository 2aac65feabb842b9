#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bench/exit.h"
#include "bench/options.h"

static int say_unknown_mode(const char *name)
{
    const char *nearest = options_nearest_mode(name);

    fprintf(stderr, "sni-bench: there is no mode '%s'", name);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean %s?", nearest);
    fprintf(stderr, "; see sni-bench --help\n");
    return BENCH_USAGE;
}

static int print_help(const char *name)
{
    const struct mode *mode = options_find_mode(name);

    if (mode == NULL)
        return say_unknown_mode(name);
    options_print_help(mode, stdout);
    return BENCH_OK;
}

/*
 * Flushes stdout. Output that could not be written is a failure, whatever the run has found; said
 * on stderr.
 */
static int finish(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return code;
    fprintf(stderr, "sni-bench: stdout: not all of the output could be written there\n");
    return code == BENCH_OK || code == BENCH_INVALID ? BENCH_FAILED : code;
}

static int run(int argc, char **argv)
{
    struct options options;

    if (argc < 2) {
        options_print_usage(stderr);
        return BENCH_USAGE;
    }
    bool asks = strcmp(argv[1], "help") == 0;
    if (asks && argc > 2)
        return print_help(argv[2]);
    if (asks || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        options_print_usage(stdout);
        return BENCH_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("sni-bench %s\n", SNI_ROUTER_VERSION);
        return BENCH_OK;
    }
    const struct mode *mode = options_find_mode(argv[1]);
    if (mode == NULL)
        return say_unknown_mode(argv[1]);
    switch (options_parse(&options, mode, argc - 1, argv + 1, stdout, stderr)) {
    case OPTIONS_DONE:
        return BENCH_OK;
    case OPTIONS_ERROR:
        return BENCH_USAGE;
    case OPTIONS_RUN:
        break;
    }
    return mode->run(&options);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    return finish(run(argc, argv));
}
