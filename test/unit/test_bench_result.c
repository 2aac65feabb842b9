/* The conclusions of a result: costs, validity, failure, conditions, and what the text says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/clock.h"
#include "bench/fail_if.h"
#include "bench/result.h"
#include "test/support/printed.h"

#define GIB 1073741824ull

/* A run of ten seconds that went well. */
struct fixture {
    struct options options;
    struct load load;
    struct result result;
};

static const struct mode *mode_of(unsigned bit)
{
    const struct mode *mode = bench_modes;

    while (mode->bit != bit)
        mode++;
    return mode;
}

static struct fixture *make(unsigned bit)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    options_init(&fixture->options, mode_of(bit));
    fixture->options.ask.target = "127.0.0.1:1";
    fixture->load.options = &fixture->options;
    fixture->load.traffic = bit == MODE_CONN ? &traffic_conn : &traffic_latency;
    fixture->load.open_loop = true;
    fixture->load.connections = 64;
    struct result *result = &fixture->result;
    result->load = &fixture->load;
    result->options = &fixture->options;
    result->seconds = 10;
    result->window_ns = NS_PER_S;
    fixture->options.load.duration_ns = 10 * NS_PER_S;
    result->window.requests = result->total.requests = 20000;
    result->total.ready = 64;
    for (int i = 0; i < LOAD_PHASE_COUNT; i++) {
        result->phases[i] = malloc(sizeof(struct histogram));
        assert_non_null(result->phases[i]);
        histogram_init(result->phases[i]);
    }
    histogram_record_many(result->phases[LOAD_PHASE_LATENCY], 2 * NS_PER_MS, 19900);
    histogram_record_many(result->phases[LOAD_PHASE_LATENCY], 9 * NS_PER_MS, 100);
    return fixture;
}

static void destroy(struct fixture *fixture)
{
    for (int i = 0; i < LOAD_PHASE_COUNT; i++)
        free(fixture->result.phases[i]);
    free(fixture);
}

/* The router used one second of CPU and grew by 1 MiB. */
static void sample_router(struct result *result)
{
    result->sampled = true;
    result->start.at_ns = NS_PER_S;
    result->end.at_ns = 11 * NS_PER_S;
    result->end.cpu_user_ns = 400 * NS_PER_MS;
    result->end.cpu_system_ns = 600 * NS_PER_MS;
    result->end.cpu_run_ns = NS_PER_S;
    result->end.threads = result->start.threads = 1;
    result->end.pss_bytes = 1 << 20;
    result->before.pss_known = result->end.pss_known = true;
    result->end.files_known = true;
    result->end.descriptors = 42;
    result->end.switches_voluntary = 5000;
}

static bool close_to(double value, double expected)
{
    return value > expected * 0.999 && value < expected * 1.001;
}

static void test_cost_per_request(void **state)
{
    struct fixture *fixture = make(MODE_LATENCY);

    (void)state;
    sample_router(&fixture->result);
    result_conclude(&fixture->result);
    assert_true(close_to(fixture->result.costs.cpu_us_per_request, 50.0));
    assert_true(close_to(fixture->result.costs.cpu_share, 0.1));
    assert_true(close_to(fixture->result.costs.switches_per_op, 0.25));
    /* What the mode does not measure is not known, rather than 0. */
    assert_true(fixture->result.costs.cpu_us_per_conn < 0);
    assert_true(fixture->result.costs.user_kib_per_conn < 0);
    destroy(fixture);
}

static void test_cost_per_gib(void **state)
{
    struct fixture *fixture = make(MODE_BULK);

    (void)state;
    sample_router(&fixture->result);
    fixture->result.window.requests = 0;
    fixture->result.window.bytes_in = 3 * GIB;
    fixture->result.window.bytes_out = 1 * GIB;
    result_conclude(&fixture->result);
    assert_true(close_to(fixture->result.costs.cpu_ms_per_gib, 250.0));
    destroy(fixture);
}

static void test_memory_per_idle_connection(void **state)
{
    struct fixture *fixture = make(MODE_IDLE);

    (void)state;
    sample_router(&fixture->result);
    fixture->result.held = 2048;
    result_conclude(&fixture->result);
    assert_true(close_to(fixture->result.costs.user_kib_per_conn, 0.5));
    fixture->result.end.pss_bytes = 0;
    fixture->result.before.pss_bytes = 4096;
    result_conclude(&fixture->result);
    assert_true(fixture->result.costs.user_kib_per_conn == 0);
    destroy(fixture);
}

static void test_cpu_time_when_threads_end(void **state)
{
    struct sample from = {.threads = 2, .cpu_run_ns = 900, .cpu_user_ns = 1000};
    struct sample to = {.threads = 1, .cpu_run_ns = 500, .cpu_user_ns = 4000};

    (void)state;
    assert_int_equal(sample_cpu_ns(&from, &to), 3000);
    to.threads = 2;
    to.cpu_run_ns = 2900;
    assert_int_equal(sample_cpu_ns(&from, &to), 2000);
    /* A kernel without schedstat. */
    from.cpu_run_ns = to.cpu_run_ns = 0;
    to.cpu_user_ns = NS_PER_S;
    assert_int_equal(sample_cpu_ns(&from, &to), NS_PER_S - 1000);
}

static void test_a_good_run_is_valid(void **state)
{
    struct fixture *fixture = make(MODE_LATENCY);

    (void)state;
    fixture->result.tool_cpu = 0.84;
    histogram_record_many(fixture->result.phases[LOAD_PHASE_SLIP], NS_PER_MS, 100);
    result_conclude(&fixture->result);
    assert_true(fixture->result.valid);
    assert_false(fixture->result.failed);
    assert_true(fixture->result.latency_counts);
    destroy(fixture);
}

static void test_a_busy_tool_is_not_valid(void **state)
{
    struct fixture *fixture = make(MODE_LATENCY);

    (void)state;
    fixture->result.tool_cpu = 0.86;
    result_conclude(&fixture->result);
    assert_false(fixture->result.valid);
    assert_int_equal(fixture->result.reason_count, 1);
    assert_non_null(strstr(fixture->result.reasons[0], "busy 86 %"));
    destroy(fixture);
}

static void test_a_late_tool_is_not_valid(void **state)
{
    struct fixture *fixture = make(MODE_LATENCY);

    (void)state;
    histogram_record_many(fixture->result.phases[LOAD_PHASE_SLIP], 1000, 98);
    histogram_record_many(fixture->result.phases[LOAD_PHASE_SLIP], 2 * NS_PER_MS, 2);
    result_conclude(&fixture->result);
    assert_false(fixture->result.valid);
    assert_non_null(strstr(fixture->result.reasons[0], "slip is 2.00 ms"));
    assert_false(fixture->result.failed);
    destroy(fixture);
}

/* A window that is not as long as was asked for measures something else. */
static void test_a_window_of_another_length_is_not_valid(void **state)
{
    static const double seconds[] = {0, 0.0001, 8.9, 11.1};

    (void)state;
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        struct fixture *fixture = make(MODE_LATENCY);
        fixture->result.seconds = seconds[i];
        result_conclude(&fixture->result);
        assert_false(fixture->result.valid);
        assert_true(fixture->result.tool_limited);
        assert_non_null(strstr(fixture->result.reasons[0], "of the 10.0 s asked for"));
        destroy(fixture);
    }
    struct fixture *counted = make(MODE_LATENCY);
    counted->options.load.count = 20000;
    counted->result.seconds = 3;
    result_conclude(&counted->result);
    assert_true(counted->result.valid);
    destroy(counted);
}

static char *text_of(struct fixture *fixture)
{
    struct printed out;

    result_conclude(&fixture->result);
    result_print(&fixture->result, printed_start(&out), false);
    return printed_end(&out);
}

/* Each reason has its sentence, and only the tool's own limits are called so. */
static void check_reason(struct fixture *fixture, const char *said, bool limited)
{
    char *text = text_of(fixture);
    const struct result *result = &fixture->result;

    assert_false(result->valid);
    assert_int_equal(result->tool_limited, limited);
    assert_int_equal(result->reason_count, 1);
    if (strstr(result->reasons[0], said) == NULL)
        fail_msg("'%s' instead of '%s'", result->reasons[0], said);
    assert_non_null(strstr(text, result->reasons[0]));
    assert_int_equal(strstr(text, "limited by the load tool") != NULL, limited);
    assert_int_equal(strstr(text, "its costs above hold") != NULL, limited && result->sampled);
    free(text);
    destroy(fixture);
}

static void test_reasons(void **state)
{
    struct fixture *fixture = make(MODE_LATENCY);

    (void)state;
    fixture->result.tool_cpu = 0.99;
    check_reason(fixture, "was busy 99 %", true);
    fixture = make(MODE_LATENCY);
    fixture->result.tool_cpu = 0.99;
    sample_router(&fixture->result);
    check_reason(fixture, "was busy 99 %", true);
    fixture = make(MODE_LATENCY);
    fixture->result.seconds = 0;
    fixture->result.window_ns = 0;
    fixture->result.interrupted = true;
    sample_router(&fixture->result);
    check_reason(fixture, "interrupted before the measurement began", false);
    fixture = make(MODE_LATENCY);
    fixture->result.seconds = 0;
    fixture->result.window_ns = 0;
    fixture->result.total.ready = 0;
    check_reason(fixture, "not one connection could be used", false);
    fixture = make(MODE_CONN);
    fixture->result.seconds = 0;
    fixture->result.window_ns = 0;
    fixture->options.load.count = 7;
    fixture->options.load.warmup_ns = NS_PER_S;
    check_reason(fixture, "-n 7 was reached before the warm-up was over", false);
    fixture = make(MODE_CONN);
    fixture->result.seconds = 0;
    fixture->result.window_ns = 0;
    check_reason(fixture, "the run ended before the measurement began", false);
    fixture = make(MODE_LATENCY);
    fixture->result.lost_pid = 123;
    check_reason(fixture, "--pid 123 ended during the run: its costs are not known", false);
}

static void test_what_may_not_be_read_is_not_known(void **state)
{
    struct fixture *fixture = make(MODE_IDLE);

    (void)state;
    sample_router(&fixture->result);
    fixture->result.held = 2048;
    fixture->result.end.pss_known = false;
    fixture->result.end.files_known = false;
    fixture->result.end.rss_bytes = 3 << 20;
    char *text = text_of(fixture);
    assert_true(fixture->result.costs.user_kib_per_conn < 0);
    assert_non_null(strstr(text, "3.00 MiB (RSS; to read PSS be its user, or root), 1 threads"));
    assert_null(strstr(text, "42 descriptors"));
    free(text);
    destroy(fixture);
}

static void test_misrouted_is_not_unreached(void **state)
{
    struct fixture *fixture = make(MODE_CONN);

    (void)state;
    fixture->result.total = (struct load_counts){.started = 5, .errors[LOAD_ERROR_MISROUTED] = 5};
    char *text = text_of(fixture);
    assert_non_null(strstr(text, "every connection that was answered (5) reached a wrong backend"));
    assert_non_null(strstr(text, "every hello asked for bench.test, the default"));
    assert_null(strstr(text, "not one connection"));
    free(text);
    destroy(fixture);
    fixture = make(MODE_CONN);
    fixture->options.ask.sni = "a.test";
    fixture->result.total = (struct load_counts){.started = 5, .errors[LOAD_ERROR_REFUSED] = 5};
    text = text_of(fixture);
    assert_non_null(
        strstr(text, "not one connection was answered by a backend of sni-bench serve"));
    assert_null(strstr(text, "the default"));
    free(text);
    destroy(fixture);
}

/* Rows of the histogram that lie close together must not be called the same. */
static void test_bars_have_names_of_their_own(void **state)
{
    struct fixture *fixture = make(MODE_LATENCY);

    (void)state;
    histogram_reset(fixture->result.phases[LOAD_PHASE_LATENCY]);
    histogram_record_many(fixture->result.phases[LOAD_PHASE_LATENCY], 2000 * NS_PER_US, 60);
    histogram_record_many(fixture->result.phases[LOAD_PHASE_LATENCY], 2015 * NS_PER_US, 40);
    char *text = text_of(fixture);
    char last[64] = "";
    int rows = 0;
    unsigned long long sum = 0;
    for (const char *at = strstr(text, "  < "); at != NULL; at = strstr(at + 1, "  < ")) {
        char label[64];
        unsigned long long count;
        assert_int_equal(sscanf(at, "  < %31[^a-z] %*s %llu", label, &count), 2);
        assert_string_not_equal(label, last);
        memcpy(last, label, sizeof last);
        sum += count;
        rows++;
    }
    assert_int_equal(sum, 100);
    assert_in_range(rows, 2, 5);
    free(text);
    destroy(fixture);
}

static void test_errors_are_a_failure(void **state)
{
    struct fixture *fixture = make(MODE_LATENCY);

    (void)state;
    fixture->result.total.errors[LOAD_ERROR_MISROUTED] = 1;
    result_conclude(&fixture->result);
    assert_true(fixture->result.failed);
    destroy(fixture);
    fixture = make(MODE_LATENCY);
    fixture->result.total.ready = 0;
    result_conclude(&fixture->result);
    assert_true(fixture->result.failed);
    destroy(fixture);
}

static void test_conditions(void **state)
{
    static const struct {
        const char *text;
        bool holds;
    } rows[] = {{"p99>1ms", true},         {"p99>5ms", false},         {"p99.9>5ms", true},
                {"max>=9ms", true},        {"max>9ms", false},         {"max<=9ms", true},
                {"mean < 2ms", false},     {"rate<2001", true},        {"rate<2k", false},
                {"errors>0", false},       {"errors<=0", true},        {"slip>0ns", false},
                {"cpu_request>1s", false}, {"cpu_request>49us", true}, {"throughput>1g", false}};
    struct fixture *fixture = make(MODE_LATENCY);
    FILE *nowhere = fopen("/dev/null", "w");

    (void)state;
    assert_non_null(nowhere);
    sample_router(&fixture->result);
    fixture->options.load.rate = 2000;
    fixture->options.out.pids = "1";
    histogram_record_many(fixture->result.phases[LOAD_PHASE_SLIP], 0, 100);
    result_conclude(&fixture->result);
    fixture->options.out.fail_if.count = 1;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture->options.out.fail_if.items[0] = rows[i].text;
        assert_true(fail_if_check(&fixture->options, stderr));
        if (fail_if_holds(&fixture->result, nowhere) != rows[i].holds)
            fail_msg("%s", rows[i].text);
    }
    fclose(nowhere);
    destroy(fixture);
}

/* What a run of these options says about a condition before it begins. */
static char *check_said(unsigned bit, const char *text, double rate, const char *pids, bool *good)
{
    struct options options;
    struct printed err;

    options_init(&options, mode_of(bit));
    options.load.rate = rate;
    options.out.pids = pids;
    options.out.fail_if.count = 1;
    options.out.fail_if.items[0] = text;
    *good = fail_if_check(&options, printed_start(&err));
    return printed_end(&err);
}

static void test_conditions_of_another_mode(void **state)
{
    static const struct {
        unsigned bit;
        const char *text;
        double rate;
        const char *pids;
        const char *said; /* "" = it is good, and nothing is said */
    } rows[] = {
        {MODE_BULK, "p99>5ms", 0, NULL, "only conn and latency"},
        {MODE_IDLE, "mean>5ms", 0, NULL, "only conn and latency"},
        {MODE_BULK, "rate<1", 0, NULL, "only conn and latency"},
        {MODE_CONN, "slip>1ms", 0, NULL, "--rate"},
        {MODE_CONN, "slip>1ms", 100, NULL, ""},
        {MODE_IDLE, "throughput<1m", 0, NULL, "idle moves no bytes"},
        {MODE_LATENCY, "cpu_conn>1us", 0, "1", "conn and latency --new-conn"},
        {MODE_CONN, "cpu_request>1us", 0, "1", "kept connections"},
        {MODE_CONN, "cpu_gib>1s", 0, "1", "only bulk"},
        {MODE_BULK, "kib_conn>1", 0, "1", "only idle"},
        {MODE_IDLE, "kib_conn>1", 0, "1", ""},
        {MODE_IDLE, "kib_conn>1", 0, NULL, "--pid PID"},
        {MODE_CONN, "cpu_conn>1us", 0, NULL, "--pid PID"},
        {MODE_BULK, "throughput<1m", 0, NULL, ""},
        {MODE_BULK, "errors>0", 0, NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool good;
        char *said = check_said(rows[i].bit, rows[i].text, rows[i].rate, rows[i].pids, &good);
        if (good != (rows[i].said[0] == '\0') || strstr(said, rows[i].said) == NULL ||
            (good && said[0] != '\0'))
            fail_msg("%s: '%s'", rows[i].text, said);
        free(said);
    }
}

static void test_a_closed_loop_has_no_latency(void **state)
{
    bool good;

    (void)state;
    char *said = check_said(MODE_LATENCY, "p99>5ms", 0, NULL, &good);
    assert_true(good);
    assert_non_null(strstr(said, "the service time of a closed loop"));
    free(said);
    said = check_said(MODE_LATENCY, "p99>5ms", 100, NULL, &good);
    assert_true(good);
    assert_string_equal(said, "");
    free(said);
}

/* No request was answered: that is a failure, and said as one. */
static void test_what_was_not_measured(void **state)
{
    static const char *const texts[] = {"p99>1h", "mean>1h", "slip>1h", "cpu_request>1h"};
    struct fixture *fixture = make(MODE_LATENCY);

    (void)state;
    for (int i = 0; i < LOAD_PHASE_COUNT; i++)
        histogram_init(fixture->result.phases[i]);
    result_conclude(&fixture->result);
    fixture->options.out.fail_if.count = 1;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct printed err;
        fixture->options.out.fail_if.items[0] = texts[i];
        assert_true(fail_if_holds(&fixture->result, printed_start(&err)));
        char *said = printed_end(&err);
        assert_non_null(strstr(said, "it was not measured"));
        assert_null(strstr(said, "-1"));
        free(said);
    }
    destroy(fixture);
}

static void test_text(void **state)
{
    struct fixture *fixture = make(MODE_LATENCY);

    (void)state;
    sample_router(&fixture->result);
    char *text = text_of(fixture);
    const char *cost = strstr(text, "CPU per request");
    const char *totals = strstr(text, "measured 10.00 s");
    assert_non_null(cost);
    assert_non_null(totals);
    assert_true(cost < totals);
    assert_non_null(strstr(text, "valid     yes"));
    assert_null(strstr(text, "errors"));
    free(text);
    destroy(fixture);
}

static void test_text_of_a_closed_loop(void **state)
{
    struct fixture *fixture = make(MODE_LATENCY);

    (void)state;
    fixture->load.open_loop = false;
    fixture->result.tool_cpu = 1.0;
    histogram_merge(fixture->result.phases[LOAD_PHASE_SERVICE],
                    fixture->result.phases[LOAD_PHASE_LATENCY]);
    char *text = text_of(fixture);
    assert_non_null(strstr(text, "closed loop: not a latency measurement"));
    assert_non_null(strstr(text, "limited by the load tool"));
    assert_null(strstr(text, "\n  latency "));
    free(text);
    destroy(fixture);
}

static void test_counters_of_the_network(void **state)
{
    static const char text[] = "Ip: InReceives TCPTimeouts\nIp: 1 2\n"
                               "TcpExt: SyncookiesSent TCPTimeouts TCPTimeoutsMore PruneCalled\n"
                               "TcpExt: 0 17 18 19\n";

    (void)state;
    assert_int_equal(sample_counter(text, "TcpExt:", "TCPTimeouts"), 17);
    assert_int_equal(sample_counter(text, "TcpExt:", "PruneCalled"), 19);
    assert_int_equal(sample_counter(text, "Ip:", "TCPTimeouts"), 2);
    assert_int_equal(sample_counter(text, "TcpExt:", "TCPTime"), 0);
    assert_int_equal(sample_counter(text, "Udp:", "TCPTimeouts"), 0);
    assert_int_equal(sample_counter("TcpExt: A", "TcpExt:", "A"), 0);
    assert_int_equal(sample_counter("TcpExt: A\nTcpExt:", "TcpExt:", "A"), 0);
}

static void test_what_the_machine_spent(void **state)
{
    struct fixture *fixture = make(MODE_LATENCY);
    struct result *result = &fixture->result;

    (void)state;
    result->before.machine = (struct sample_machine){.cpu_ns = 5, .tcp_timeouts = 3};
    result->start.machine = (struct sample_machine){.cpu_ns = NS_PER_S, .tcp_timeouts = 4};
    result->end.machine =
        (struct sample_machine){.cpu_ns = 2 * NS_PER_S, .tcp_timeouts = 7, .tcp_pruned = 1};
    result_conclude(result);
    assert_true(close_to(result->machine.cpu_us_per_request, 50.0));
    assert_true(result->machine.cpu_ms_per_gib < 0);
    assert_int_equal(result->machine.window.cpu_ns, NS_PER_S);
    assert_int_equal(result->machine.run.tcp_timeouts, 4);
    assert_int_equal(result->machine.run.tcp_pruned, 1);
    destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cost_per_request),
        cmocka_unit_test(test_cost_per_gib),
        cmocka_unit_test(test_memory_per_idle_connection),
        cmocka_unit_test(test_cpu_time_when_threads_end),
        cmocka_unit_test(test_a_good_run_is_valid),
        cmocka_unit_test(test_a_busy_tool_is_not_valid),
        cmocka_unit_test(test_a_late_tool_is_not_valid),
        cmocka_unit_test(test_a_window_of_another_length_is_not_valid),
        cmocka_unit_test(test_errors_are_a_failure),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_conditions_of_another_mode),
        cmocka_unit_test(test_a_closed_loop_has_no_latency),
        cmocka_unit_test(test_what_was_not_measured),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_text_of_a_closed_loop),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_what_may_not_be_read_is_not_known),
        cmocka_unit_test(test_misrouted_is_not_unreached),
        cmocka_unit_test(test_bars_have_names_of_their_own),
        cmocka_unit_test(test_counters_of_the_network),
        cmocka_unit_test(test_what_the_machine_spent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
