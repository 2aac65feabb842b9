/* Which options exclude or need each other, and the ranges of values. */

#include <string.h>

#include "bench/clock.h"
#include "bench/options.h"

#define THREADS_MAX     256
#define CONNECTIONS_MAX 1000000
#define HELLO_MAX       65000
#define RATE_MIN        0.001
#define RATE_MAX        1e8

static bool is_same(const char *path, const char *other)
{
    return path != NULL && other != NULL && strcmp(path, other) == 0;
}

/* A combination that must not be, and what to do instead. */
struct rule {
    bool broken;
    const char *fix;
};

bool options_check(const struct options *options, FILE *err)
{
    bool shapes = options->ask.hello_bytes > 0 || options->ask.segments.all ||
                  options->ask.segments.count > 0 || options->ask.records.all ||
                  options->ask.records.count > 0;
    int name_sources =
        (options->ask.sni != NULL) + (options->ask.sni_file != NULL) + (options->ask.names != NULL);
    bool loads = (options->mode->bit & MODE_LOAD) != 0;
    bool shared = is_same(options->out.json, options->out.html) ||
                  is_same(options->out.json, options->out.hgrm) ||
                  is_same(options->out.html, options->out.hgrm);
    const struct rule rules[] = {
        {options->load.max && options->load.rate > 0,
         "--rate and --max exclude each other: keep one"},
        {options->ask.tls && options->ask.hello_only,
         "--tls and --hello-only exclude each other: keep one"},
        {options->ask.tls && shapes,
         "--hello-size and --split shape the tool's own hellos, and with --tls OpenSSL makes them: "
         "drop --tls, or both of them"},
        {loads && name_sources > 1, "--sni, --sni-file and --names exclude each other: keep one"},
        {options->ask.resume && !options->ask.tls, "--resume is about TLS sessions: add --tls"},
        {options->mode->bit == MODE_LATENCY && options->load.response_bytes == 0,
         "--resp must be at least 1: a request is over when its answer is there"},
        {options->load.threads > THREADS_MAX, "--threads must be 1 to 256"},
        {options->load.rate > 0 && (options->load.rate < RATE_MIN || options->load.rate > RATE_MAX),
         "--rate must be 0.001 to 100m"},
        {options->load.ramp < RATE_MIN, "--ramp must be at least 0.001"},
        {loads && options->ask.zipf > 0 && options->ask.names == NULL &&
             options->ask.sni_file == NULL,
         "--zipf chooses among several names: add --names or --sni-file"},
        {shared, "--json, --html and --hgrm cannot share a file: name one for each"},
        {options->out.interval_ns < 10 * NS_PER_MS, "--interval must be at least 10ms"},
        {options->load.connections > CONNECTIONS_MAX, "--connections must be at most 1m"},
        {options->ask.hello_bytes > HELLO_MAX, "--hello-size must be at most 65000"},
        {options->serve.ca_out != NULL && !options->ask.tls,
         "--ca-out needs certificates: add --tls"},
        {options->serve.stall_ns >= options->serve.stall_every_ns,
         "--stall must be shorter than --stall-every"},
    };

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].broken) {
            fprintf(err, "sni-bench: %s: %s\n", options->mode->name, rules[i].fix);
            return false;
        }
    }
    return true;
}
