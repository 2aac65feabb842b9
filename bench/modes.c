/* The table of modes. */

#include "bench/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/compare.h"
#include "bench/exit.h"
#include "bench/load_control.h"
#include "bench/report.h"
#include "bench/serve.h"
#include "bench/torture.h"
#include "bench/verify.h"

static int print_schema(const struct options *options)
{
    /* In the order of --of. */
    static void (*const printers[])(FILE * out) = {result_print_schema, compare_print_schema,
                                                   verify_print_schema, torture_print_schema};

    printers[options->schema](stdout);
    return BENCH_OK;
}

/* Reads one value per line; false = a line is not a number; said on stderr. */
static bool read_values(struct histogram *histogram, FILE *in)
{
    char line[64];

    while (fgets(line, sizeof line, in) != NULL) {
        char *end;
        line[strcspn(line, "\r\n")] = '\0';
        unsigned long long value = strtoull(line, &end, 10);
        if (line[0] < '0' || line[0] > '9' || *end != '\0') {
            fprintf(stderr, "sni-bench: histogram: '%s' is not a number of nanoseconds\n", line);
            return false;
        }
        histogram_record(histogram, value);
    }
    return true;
}

static int print_histogram(const struct options *options)
{
    struct histogram *histogram = malloc(sizeof *histogram);

    (void)options;
    if (histogram == NULL)
        return BENCH_FAILED;
    histogram_init(histogram);
    bool good = read_values(histogram, stdin) && histogram_write_hgrm(histogram, stdout);
    free(histogram);
    return good ? BENCH_OK : BENCH_FAILED;
}

const struct mode bench_modes[] = {
    {"serve", MODE_SERVE, "[options]", "backends that say who they are",
     "Plays backends, each with a name and an address, and prints one line `backend NAME ADDRESS` "
     "for each (none with --quiet) and then `ready`. A client of this tool asks for what it wants "
     "(echo, sink, source, requests); curl gets \"hello from NAME\"; anything else is echoed.",
     "  sni-bench serve --listen 127.0.0.1:9000 --names 100\n"
     "  sni-bench serve --tls --names 'shop.test,blog.test,*.apps.test' --ca-out ca.pem\n",
     false, serve_run},
    {"conn", MODE_CONN, "TARGET [options]", "new connections per second",
     "Opens connections: hello, --resp bytes back, close. With --rate by the clock (open loop: "
     "latency runs from when a connection was due), else as fast as -c at once allow. Needs "
     "sni-bench serve behind the router.",
     "  sni-bench conn 127.0.0.1:8443 --sni shop.test --rate 2k -d 10s "
     "--pid \"$(pidof sni-router)\"\n",
     true, load_run_mode},
    {"bulk", MODE_BULK, "TARGET [options]", "throughput of -c streams",
     "Moves bytes as fast as they go on -c connections, down, up or both ways.",
     "  sni-bench bulk 127.0.0.1:8443 --sni shop.test -c 16 --dir down "
     "--pid \"$(pidof sni-router)\"\n",
     true, load_run_mode},
    {"latency", MODE_LATENCY, "TARGET [options]", "requests at a constant rate",
     "Sends requests on -c kept connections, or each on a new one. With --rate (open loop) latency "
     "is completion minus scheduled time, so a stall of the router shows in full; with --max (the "
     "default) it is a closed loop, which measures no latency.",
     "  sni-bench latency 127.0.0.1:8443 --sni shop.test --rate 5k -c 64 --req 100 --resp 16k\n",
     true, load_run_mode},
    {"idle", MODE_IDLE, "TARGET [options]", "memory of held connections",
     "Opens -c connections at --ramp a second, holds them for --duration, and says what one costs. "
     "Takes further loopback source addresses when the ports of one are used up.",
     "  sni-bench idle 127.0.0.1:8443 --sni shop.test -c 9000 -d 5s "
     "--pid \"$(pidof sni-router)\"\n",
     true, load_run_mode},
    {"verify", MODE_VERIFY, "TARGET [options]", "every byte of every stream, while routes reload",
     "Opens streams of all sizes that carry a seeded pattern and checks who answers and every byte "
     "both ways, half-closing and not, on new connections and on long-lived ones, while routes are "
     "reloaded. Misroutes, corruptions, truncations, drops and stalls are counted; anything but 0 "
     "is exit 1. The backends are sni-bench serve with the same names, or --listen plays them. "
     "Backends without names (serve without --names) hide misroutes: the result is not valid, exit "
     "2, unless there are faults. "
     "With --tls a half-close is close_notify and FIN, and OpenSSL makes the hellos: neither their "
     "size nor their segments vary, and no FIN comes before the handshake is done. Words of "
     "--fail-if: faults, misrouted, corrupt, truncated, dropped, stalled, streams, exchanges, "
     "reloads, reloads_failed, reloads_left_out (counts), rate (whole streams per second).",
     "  sni-bench serve --quiet --listen 127.0.0.1:9000 --names 100 &\n"
     "  sni-bench verify 127.0.0.1:8443 --names 100 -d 60s --reload-cmd 'kill -HUP 1234'\n",
     true, verify_run},
    {"torture", MODE_TORTURE, "TARGET [options]", "hostile and unusual clients, against any router",
     "Plays a catalogue of ClientHellos and client behaviours against the router at TARGET and "
     "says of each whether it did what a careful router does; exit 1 when one deviates. It plays "
     "the two backends itself and compares every byte that reaches them. The router must send the "
     "name --sni to the first address of --listen, --other to the second, and refuse everything "
     "else; it should have no health checks and no default backend. Words of --fail-if, all counts "
     "of cases: deviations, best, not_best, problems, backend, other_backend, alerts, closes, "
     "resets, answers, timeouts, no_backend, unreachable.",
     "  sni-bench torture 127.0.0.1:8443 --sni bench.test --listen 127.0.0.1:9000\n"
     "with one of these, the router listening on 127.0.0.1:8443:\n"
     "  sni-router run --listen 127.0.0.1:8443 --route bench.test=127.0.0.1:9000 \\\n"
     "             --route other.bench.test=127.0.0.1:9001\n"
     "  haproxy:   tcp-request inspect-delay 5s\n"
     "             tcp-request content accept if { req.ssl_hello_type 1 }\n"
     "             tcp-request content reject\n"
     "             use_backend a if { req.ssl_sni -i bench.test }\n"
     "             use_backend b if { req.ssl_sni -i other.bench.test }\n"
     "  nginx:     ssl_preread on; preread_timeout 5s; proxy_pass $upstream;\n"
     "             map $ssl_preread_server_name $upstream {\n"
     "                 bench.test 127.0.0.1:9000; other.bench.test 127.0.0.1:9001; }\n",
     true, torture_run},
    {"compare", MODE_COMPARE, "--direct ADDR --via NAME=ADDR,pid=N ... -- MODE [its options]",
     "routers under the same load, in turns",
     "Runs MODE (conn, bulk, latency, idle) directly and through each router, round after round "
     "(A B C A B C ...), and prints medians, ranges and ratios: costs first. Two whose ranges "
     "overlap are within noise of each other. --fail-if takes the words MODE takes (p50 p90 "
     "p95 "
     "p99 p99.9 p99.99 max mean slip rate errors throughput cpu_conn cpu_request cpu_gib kib_conn) "
     "for the first --via, or a target's: haproxy.p99>5ms; two targets are the ratio of their "
     "medians: cpu_request a/b > 1. Besides, a metric of --json as a number: haproxy.p99_ms>5.",
     "  sni-bench compare --direct 127.0.0.1:9000 --via sni-router=127.0.0.1:8443,pid=123 \\\n"
     "      --via haproxy=127.0.0.1:8444,pid=456 --router-cpu 0 --cpu-list 1 --html out.html \\\n"
     "      --fail-if 'cpu_request sni-router/haproxy > 1' -- latency --rate 2k -c 64\n",
     false, compare_run_mode},
    {"report", MODE_REPORT, "FILE... [--html FILE] [--md]",
     "tables and one page from results in JSON",
     "Reads what --json wrote (- is stdin), prints the comparisons, and writes them as one page "
     "that needs no other file: each comparison is a section; single runs of a mode form one "
     "section, named by --label router=NAME or by their files, and several of one name are its "
     "rounds. Results of torture stand side by side in one table, those of verify in another.",
     "  sni-bench report run1.json run2.json --html out.html --md\n", false, report_run_mode},
    {"histogram", MODE_HISTOGRAM, "< FILE", "the distribution of your own numbers",
     "Reads nanoseconds, one a line, from stdin and prints their percentile distribution as --hgrm "
     "would, for HdrHistogram's plotter.",
     "  sni-bench histogram < latencies.txt > latencies.hgrm\n", false, print_histogram},
    {"schema", MODE_SCHEMA, "[--of RESULT]", "print the JSON Schema of --json",
     "Prints the JSON Schema (draft-07) of what --json writes.",
     "  sni-bench schema > result.schema.json\n", false, print_schema},
    {NULL, 0, NULL, NULL, NULL, NULL, false, NULL}};
