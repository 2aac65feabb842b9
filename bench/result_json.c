/* The result as JSON; result_schema.c describes it. */

#include <cjson/cJSON.h>
#include <string.h>
#include <time.h>

#include "bench/clock.h"
#include "bench/environment.h"
#include "bench/result.h"

static void add_count(cJSON *object, const char *key, uint64_t value)
{
    cJSON_AddNumberToObject(object, key, (double)value);
}

static void add_text(cJSON *object, const char *key, const char *value)
{
    if (value == NULL || value[0] == '\0')
        cJSON_AddNullToObject(object, key);
    else
        cJSON_AddStringToObject(object, key, value);
}

static void add_known(cJSON *object, const char *key, double value)
{
    if (value < 0)
        cJSON_AddNullToObject(object, key);
    else
        cJSON_AddNumberToObject(object, key, value);
}

static void add_environment(cJSON *root)
{
    static const char *const sysctls[] = {"net/ipv4/ip_local_port_range", "net/ipv4/tcp_tw_reuse",
                                          "net/core/somaxconn", "net/ipv4/tcp_congestion_control",
                                          "fs/pipe-user-pages-soft"};
    struct environment environment;

    environment_read(&environment);
    cJSON *object = cJSON_AddObjectToObject(root, "environment");
    add_text(object, "kernel", environment.kernel);
    add_text(object, "cpu", environment.cpu);
    add_text(object, "governor", environment.governor);
    cJSON_AddNumberToObject(object, "cpus", (double)environment.cpus);
    cJSON_AddNumberToObject(object, "cpus_allowed", (double)environment.cpus_allowed);
    cJSON_AddNumberToObject(object, "memory_bytes", environment.memory_bytes);
    add_count(object, "descriptor_limit", environment.descriptor_limit);
    add_text(object, "libuv", environment.libuv);
    add_text(object, "openssl", environment.openssl);
    cJSON *values = cJSON_AddObjectToObject(object, "sysctl");
    for (size_t i = 0; i < sizeof sysctls / sizeof sysctls[0]; i++) {
        char path[128];
        char value[ENVIRONMENT_TEXT];
        snprintf(path, sizeof path, "/proc/sys/%s", sysctls[i]);
        environment_read_file(path, value);
        for (char *tab = strchr(value, '\t'); tab != NULL; tab = strchr(tab, '\t'))
            *tab = ' ';
        add_text(values, sysctls[i], value);
    }
}

static void add_labels(cJSON *root, const struct text_list *labels)
{
    cJSON *object = cJSON_AddObjectToObject(root, "labels");

    for (size_t i = 0; i < labels->count; i++) {
        char key[128];
        const char *equals = strchr(labels->items[i], '=');
        size_t len =
            equals == NULL ? strlen(labels->items[i]) : (size_t)(equals - labels->items[i]);
        snprintf(key, sizeof key, "%.*s", (int)len, labels->items[i]);
        cJSON_DeleteItemFromObjectCaseSensitive(object, key);
        cJSON_AddStringToObject(object, key, equals == NULL ? "" : equals + 1);
    }
}

static void add_config(cJSON *root, const struct result *result)
{
    static const char *const directions[] = {"down", "up", "both"};
    const struct options *options = result->options;
    const struct load *load = result->load;
    cJSON *object = cJSON_AddObjectToObject(root, "config");

    add_text(object, "target", options->ask.target);
    cJSON_AddBoolToObject(object, "tls", options->ask.tls);
    cJSON_AddBoolToObject(object, "open_loop", load->open_loop);
    add_known(object, "rate", options->load.rate > 0 ? options->load.rate : -1);
    add_count(object, "connections", load->connections);
    add_count(object, "threads", load->thread_count);
    cJSON_AddBoolToObject(object, "new_conn",
                          options->load.new_conn || options->mode->bit == MODE_CONN);
    add_text(object, "direction",
             options->mode->bit == MODE_BULK ? directions[options->load.direction] : NULL);
    add_count(object, "request_bytes", options->load.request_bytes);
    add_count(object, "response_bytes", options->load.response_bytes);
    add_count(object, "count", options->load.count);
    cJSON_AddNumberToObject(object, "duration_s", (double)options->load.duration_ns / 1e9);
    cJSON_AddNumberToObject(object, "warmup_s", (double)options->load.warmup_ns / 1e9);
    cJSON_AddNumberToObject(object, "timeout_s", (double)options->load.timeout_ns / 1e9);
    add_count(object, "seed", options->load.seed);
    add_count(object, "names", load->names.count);
    cJSON_AddNumberToObject(object, "zipf", options->ask.zipf);
    add_known(object, "hello_bytes", load->hello_most > 0 ? (double)load->hello_most : -1);
    add_known(object, "hello_bytes_least", load->hello_most > 0 ? (double)load->hello_least : -1);
    add_text(object, "pid", options->out.pids);
    add_text(object, "cpu_list", options->out.cpu_list);
}

static void add_totals(cJSON *root, const struct result *result)
{
    const struct load_counts *window = &result->window;
    double seconds = result->seconds > 0 ? result->seconds : 1.0;
    cJSON *object = cJSON_AddObjectToObject(root, "totals");

    add_count(object, "connections", window->completed);
    add_count(object, "requests", window->requests);
    add_count(object, "resumed", window->resumed);
    add_count(object, "held", result->held);
    add_count(object, "bytes_in", window->bytes_in);
    add_count(object, "bytes_out", window->bytes_out);
    cJSON_AddNumberToObject(object, "connections_per_s", (double)window->completed / seconds);
    cJSON_AddNumberToObject(object, "requests_per_s", (double)window->requests / seconds);
    cJSON_AddNumberToObject(object, "in_bytes_per_s", (double)window->bytes_in / seconds);
    cJSON_AddNumberToObject(object, "out_bytes_per_s", (double)window->bytes_out / seconds);
    cJSON *whole = cJSON_AddObjectToObject(root, "whole_run");
    add_count(whole, "started", result->total.started);
    add_count(whole, "ready", result->total.ready);
    add_count(whole, "connections", result->total.completed);
    add_count(whole, "requests", result->total.requests);
    cJSON *operations = cJSON_AddObjectToObject(root, "operations");
    add_count(operations, "recorded", result->phases[LOAD_PHASE_LATENCY]->count);
    add_count(operations, "unended", result->total.unended);
    add_count(operations, "unbegun", result->total.unbegun);
    add_count(operations, "left_out", result->total.left_out);
    cJSON *errors = cJSON_AddObjectToObject(root, "errors");
    for (int i = 0; i < LOAD_ERROR_COUNT; i++)
        add_count(errors, load_error_word((enum load_error)i), result->total.errors[i]);
}

static void add_costs(cJSON *root, const struct result *result)
{
    const struct result_costs *costs = &result->costs;
    cJSON *object = cJSON_AddObjectToObject(root, "costs");

    add_known(object, "cpu_us_per_connection", costs->cpu_us_per_conn);
    add_known(object, "cpu_us_per_request", costs->cpu_us_per_request);
    add_known(object, "cpu_ms_per_gib", costs->cpu_ms_per_gib);
    add_known(object, "cpu_share", costs->cpu_share);
    add_known(object, "user_kib_per_connection", costs->user_kib_per_conn);
    add_known(object, "kernel_kib_per_connection", costs->kernel_kib_per_conn);
    add_known(object, "socket_kib_per_connection", costs->socket_kib_per_conn);
    add_known(object, "context_switches_per_operation", costs->switches_per_op);
}

static void add_machine(cJSON *root, const struct result *result)
{
    const struct result_machine *machine = &result->machine;

    if (result->seconds <= 0) {
        cJSON_AddNullToObject(root, "machine");
        return;
    }
    cJSON *object = cJSON_AddObjectToObject(root, "machine");
    add_count(object, "cpu_ns", machine->window.cpu_ns);
    add_known(object, "cpu_us_per_connection", machine->cpu_us_per_conn);
    add_known(object, "cpu_us_per_request", machine->cpu_us_per_request);
    add_known(object, "cpu_ms_per_gib", machine->cpu_ms_per_gib);
    add_count(object, "tcp_timeouts", machine->run.tcp_timeouts);
    add_count(object, "tcp_pruned", machine->run.tcp_pruned);
    add_count(object, "tcp_dropped", machine->run.tcp_dropped);
    add_count(object, "tcp_pressures", machine->run.tcp_pressures);
    add_count(object, "tcp_retransmitted", machine->run.tcp_retransmitted);
}

static void add_phase(cJSON *phases, const char *word, const struct histogram *histogram)
{
    static const struct {
        const char *key;
        double percentile;
    } rows[] = {{"p50_ns", 50}, {"p90_ns", 90},     {"p95_ns", 95},
                {"p99_ns", 99}, {"p99_9_ns", 99.9}, {"p99_99_ns", 99.99}};
    cJSON *object = cJSON_AddObjectToObject(phases, word);

    add_count(object, "count", histogram->count);
    add_count(object, "clamped", histogram->clamped);
    add_count(object, "min_ns", histogram->count == 0 ? 0 : histogram->min_ns);
    add_count(object, "max_ns", histogram->max_ns);
    cJSON_AddNumberToObject(object, "mean_ns", histogram_mean(histogram));
    cJSON_AddNumberToObject(object, "stddev_ns", histogram_stddev(histogram));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        add_count(object, rows[i].key, histogram_percentile(histogram, rows[i].percentile));
    cJSON *pairs = cJSON_AddArrayToObject(object, "histogram");
    for (uint32_t slot = histogram->low_slot; slot <= histogram->high_slot; slot++) {
        if (histogram->counts[slot] == 0)
            continue;
        double pair[2] = {(double)histogram_slot_lowest(slot), (double)histogram->counts[slot]};
        cJSON_AddItemToArray(pairs, cJSON_CreateDoubleArray(pair, 2));
    }
}

/*
 * Adds the router's figures to a point; where PSS may not be read, RSS is given under its own name.
 */
static void add_point_router(cJSON *object, const struct series_point *point)
{
    const struct sample *router = &point->router;

    if (!router->good)
        return;
    cJSON_AddNumberToObject(object, "router_cpu", point->router_cpu);
    if (router->pss_known)
        add_count(object, "router_pss_bytes", router->pss_bytes);
    else
        add_count(object, "router_rss_bytes", router->rss_bytes);
    if (router->files_known)
        add_count(object, "router_descriptors", router->descriptors);
}

static void add_point_rates(cJSON *object, const struct series_point *point)
{
    const struct load_counts *counted = &point->counted;
    const struct {
        const char *key;
        uint64_t count;
    } rows[] = {{"connections_per_s", result_point_connections(point)},
                {"requests_per_s", counted->requests},
                {"in_bytes_per_s", counted->bytes_in},
                {"out_bytes_per_s", counted->bytes_out}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cJSON_AddNumberToObject(object, rows[i].key, result_rate(point, rows[i].count));
}

static void add_series(cJSON *root, const struct result *result)
{
    uint64_t zero_ns = result->window_ns != 0 ? result->window_ns : result->start_ns;
    cJSON *series = cJSON_AddArrayToObject(root, "series");

    for (size_t i = 0; i < result->series_count; i++) {
        const struct series_point *point = &result->series[i];
        const struct load_counts *counted = &point->counted;
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(series, object);
        cJSON_AddStringToObject(object, "stage", result_stage_word(point->stage));
        cJSON_AddNumberToObject(object, "at_s", ((double)point->end_ns - (double)zero_ns) / 1e9);
        cJSON_AddNumberToObject(object, "seconds", point->seconds);
        add_count(object, "opened", counted->ready);
        add_count(object, "connections", counted->completed);
        add_count(object, "requests", counted->requests);
        add_count(object, "bytes_in", counted->bytes_in);
        add_count(object, "bytes_out", counted->bytes_out);
        add_point_rates(object, point);
        add_count(object, "errors", result_errors(counted));
        add_count(object, "active", point->active);
        add_count(object, "p50_ns", point->p50_ns);
        add_count(object, "p99_ns", point->p99_ns);
        add_count(object, "max_ns", point->max_ns);
        add_count(object, "slip_ns", point->slip_ns);
        add_point_router(object, point);
    }
}

static void add_sample(cJSON *samples, const char *key, const struct sample *sample)
{
    cJSON *object = cJSON_AddObjectToObject(samples, key);

    add_count(object, "at_ns", sample->at_ns);
    add_count(object, "cpu_user_ns", sample->cpu_user_ns);
    add_count(object, "cpu_system_ns", sample->cpu_system_ns);
    add_count(object, "cpu_run_ns", sample->cpu_run_ns);
    add_known(object, "pss_bytes", sample->pss_known ? (double)sample->pss_bytes : -1);
    add_count(object, "rss_bytes", sample->rss_bytes);
    add_known(object, "descriptors", sample->files_known ? (double)sample->descriptors : -1);
    add_count(object, "threads", sample->threads);
    add_count(object, "switches_voluntary", sample->switches_voluntary);
    add_count(object, "switches_forced", sample->switches_forced);
    add_count(object, "tcp_bytes", sample->tcp_bytes);
    add_count(object, "slab_bytes", sample->slab_bytes);
    add_count(object, "sockets", sample->sockets);
}

static void add_samples(cJSON *root, const struct result *result)
{
    if (!result->sampled || result->seconds <= 0) {
        cJSON_AddNullToObject(root, "samples");
        return;
    }
    cJSON *samples = cJSON_AddObjectToObject(root, "samples");
    add_sample(samples, "before", &result->before);
    add_sample(samples, "start", &result->start);
    add_sample(samples, "end", &result->end);
}

static void add_judgement(cJSON *root, const struct result *result)
{
    cJSON_AddBoolToObject(root, "valid", result->valid);
    cJSON *reasons = cJSON_AddArrayToObject(root, "reasons");
    for (size_t i = 0; i < result->reason_count; i++)
        cJSON_AddItemToArray(reasons, cJSON_CreateString(result->reasons[i]));
    cJSON_AddBoolToObject(root, "limited_by_tool", result->tool_limited);
    cJSON_AddBoolToObject(root, "failed", result->failed);
    cJSON_AddBoolToObject(root, "interrupted", result->interrupted);
    cJSON_AddBoolToObject(root, "measures_latency", result->latency_counts);
    cJSON *tool = cJSON_AddObjectToObject(root, "tool_use");
    cJSON_AddNumberToObject(tool, "cpu", result->tool_cpu);
    add_count(tool, "pss_bytes", result->tool_pss_bytes);
    cJSON_AddNumberToObject(tool, "kib_per_connection", result->tool_kib_per_conn);
    add_count(tool, "largest_slip_ns", result->phases[LOAD_PHASE_SLIP]->max_ns);
}

static void add_when(cJSON *root, const struct result *result)
{
    char text[32];
    struct tm utc;
    time_t seconds = (time_t)result->wall_start;

    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    cJSON_AddStringToObject(root, "started", text);
    cJSON_AddNumberToObject(root, "seconds", result->seconds);
    cJSON *clock = cJSON_AddObjectToObject(root, "clock");
    add_count(clock, "begin_ns", result->begin_ns);
    add_count(clock, "measure_ns", result->measure_ns);
    add_count(clock, "end_ns", result->end_ns);
}

cJSON *result_make_json(const struct result *result)
{
    const struct options *options = result->options;
    cJSON *root = cJSON_CreateObject();

    cJSON_AddNumberToObject(root, "schema_version", RESULT_SCHEMA_VERSION);
    cJSON_AddStringToObject(root, "tool", "sni-bench");
    cJSON_AddStringToObject(root, "version", SNI_ROUTER_VERSION);
    cJSON_AddStringToObject(root, "mode", options->mode->name);
    cJSON *command = cJSON_AddArrayToObject(root, "command");
    for (int i = 0; i < options->argc; i++)
        cJSON_AddItemToArray(command, cJSON_CreateString(options->argv[i]));
    add_labels(root, &options->out.labels);
    add_when(root, result);
    add_judgement(root, result);
    add_costs(root, result);
    add_machine(root, result);
    add_totals(root, result);
    cJSON *phases = cJSON_AddObjectToObject(root, "phases");
    for (int phase = 0; phase < LOAD_PHASE_COUNT; phase++)
        add_phase(phases, load_phase_word((enum load_phase)phase), result->phases[phase]);
    add_config(root, result);
    add_environment(root);
    add_series(root, result);
    add_samples(root, result);
    return root;
}
