/* The command line: values, defaults, and errors that name the option and the way out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/clock.h"
#include "bench/options.h"
#include "test/support/printed.h"

#define ARGS_MAX 32

/* One parsed command line and what was said. */
struct attempt {
    struct options options;
    enum options_result result;
    char *out;
    char *err;
};

static void free_attempt(struct attempt *attempt)
{
    free(attempt->out);
    free(attempt->err);
}

/* Splits at spaces; the first word is the mode. */
static struct attempt parse(const char *line)
{
    static char words[512];
    char *argv[ARGS_MAX + 1];
    int argc = 0;
    struct printed out;
    struct printed err;
    struct attempt attempt = {0};

    snprintf(words, sizeof words, "%s", line);
    for (char *word = words; word != NULL && argc < ARGS_MAX;) {
        char *next = strchr(word, ' ');
        if (next != NULL)
            *next++ = '\0';
        argv[argc++] = word;
        word = next;
    }
    argv[argc] = NULL;
    const struct mode *mode = options_find_mode(argv[0]);
    assert_non_null(mode);
    attempt.result =
        options_parse(&attempt.options, mode, argc, argv, printed_start(&out), printed_start(&err));
    attempt.out = printed_end(&out);
    attempt.err = printed_end(&err);
    return attempt;
}

static void check_refused(const char *line, const char *said)
{
    struct attempt attempt = parse(line);

    if (attempt.result != OPTIONS_ERROR || strstr(attempt.err, said) == NULL)
        fail_msg("'%s' gave %d and said: %s", line, (int)attempt.result, attempt.err);
    free_attempt(&attempt);
}

static void test_values(void **state)
{
    struct attempt attempt =
        parse("latency 127.0.0.1:1 --rate 2k -c 64 --req 1k --resp 64k -d 250ms --warmup 0s "
              "--zipf 1.1 --names 5 -t 2 -q");
    const struct options *options = &attempt.options;

    (void)state;
    assert_int_equal(attempt.result, OPTIONS_RUN);
    assert_true(options->load.rate == 2000.0);
    assert_int_equal(options->load.connections, 64);
    assert_int_equal(options->load.request_bytes, 1024);
    assert_int_equal(options->load.response_bytes, 65536);
    assert_int_equal(options->load.duration_ns, 250 * NS_PER_MS);
    assert_int_equal(options->load.warmup_ns, 0);
    assert_true(options->ask.zipf == 1.1);
    assert_int_equal(options->load.threads, 2);
    assert_true(options->out.quiet);
    assert_int_equal(socket_address_port(&options->ask.address), 1);
    free_attempt(&attempt);
}

static void test_order_does_not_matter(void **state)
{
    struct attempt attempt = parse("bulk -c 2 127.0.0.1:9 --dir=both --label a=b --label c=d");

    (void)state;
    assert_int_equal(attempt.result, OPTIONS_RUN);
    assert_int_equal(attempt.options.load.direction, DIRECTION_BOTH);
    assert_int_equal(attempt.options.out.labels.count, 2);
    assert_string_equal(attempt.options.out.labels.items[1], "c=d");
    free_attempt(&attempt);
}

static void test_defaults_depend_on_the_mode(void **state)
{
    struct attempt conn = parse("conn 127.0.0.1:9");
    struct attempt idle = parse("idle 127.0.0.1:9");
    struct attempt counted = parse("conn 127.0.0.1:9 -n 5");

    (void)state;
    assert_int_equal(conn.options.load.response_bytes, 1024);
    assert_int_equal(conn.options.load.warmup_ns, NS_PER_S);
    assert_int_equal(conn.options.load.duration_ns, 10 * NS_PER_S);
    assert_int_equal(idle.options.load.warmup_ns, 0);
    assert_int_equal(counted.options.load.warmup_ns, 0);
    assert_int_equal(counted.options.load.duration_ns, 0);
    free_attempt(&conn);
    free_attempt(&idle);
    free_attempt(&counted);
}

static void test_split(void **state)
{
    struct attempt attempt = parse("conn 127.0.0.1:9 --split 600,1200 --split records=100,5");

    (void)state;
    assert_int_equal(attempt.result, OPTIONS_RUN);
    assert_int_equal(attempt.options.ask.segments.count, 2);
    assert_int_equal(attempt.options.ask.segments.at[1], 1200);
    assert_int_equal(attempt.options.ask.records.count, 2);
    assert_int_equal(attempt.options.ask.records.at[1], 5);
    free_attempt(&attempt);
    attempt = parse("conn 127.0.0.1:9 --split segments=all");
    assert_true(attempt.options.ask.segments.all);
    free_attempt(&attempt);
}

static void test_errors_name_the_option_and_the_fix(void **state)
{
    (void)state;
    check_refused("conn 127.0.0.1:9 --rate fast", "--rate 'fast' must be a rate per second");
    check_refused("conn 127.0.0.1:9 -d 10", "--duration '10' must be a time with its unit");
    check_refused("conn 127.0.0.1:9 --pit 5", "did you mean --pid?");
    check_refused("conn 127.0.0.1:9 --dir up", "conn has no option --dir (sni-bench bulk has)");
    check_refused("conn 127.0.0.1:9 --pid", "--pid needs a value");
    check_refused("conn 127.0.0.1:9 -x", "conn has no option -x");
    check_refused("conn", "conn needs a TARGET");
    check_refused("conn example.com:443", "the name to ask for goes into --sni");
    check_refused("conn 127.0.0.1:9 extra", "does not take 'extra'");
    check_refused("conn --pid 1 2 3", "does not take '3'; several processes are --pid 1,2,3");
    check_refused("conn 127.0.0.1:9 --pid 1 22 3", "does not take '22'; several processes are");
    check_refused("conn 127.0.0.1:9 --max=3", "--max takes no value");
    check_refused("bulk 127.0.0.1:9 -n 5", "bulk has no option -n (sni-bench conn has)");
    check_refused("conn 127.0.0.1:9 -d", "--duration needs a value: a time with its unit");
    check_refused("serve extra", "does not take 'extra'");
    check_refused("bulk 127.0.0.1:9 --dir sideways", "must be down|up|both");
    check_refused("conn 127.0.0.1:9 --max --rate 5", "exclude each other");
    check_refused("latency 127.0.0.1:9 --resp 0", "--resp must be at least 1");
    check_refused("latency 127.0.0.1:9 --new-conn --resp 0", "--resp must be at least 1");
    check_refused("conn 127.0.0.1:9 --tls --hello-only", "exclude each other");
    check_refused("conn 127.0.0.1:9 --sni a --names 5", "exclude each other");
    check_refused("conn 127.0.0.1:9 --resume", "add --tls");
    check_refused("conn 127.0.0.1:9 --split 5,1", "rising offsets");
    check_refused("conn 127.0.0.1:9 --split records=0", "--split");
    check_refused("conn 127.0.0.1:9 -t 257", "--threads must be 1 to 256");
    check_refused("conn 127.0.0.1:0", "the port to connect to is 1 to 65535");
    check_refused("conn 127.0.0.1:9 --zipf 1", "add --names or --sni-file");
    check_refused("conn 127.0.0.1:9 --json x --html x", "name one for each");
    check_refused("conn 127.0.0.1:9 --json - --hgrm -", "name one for each");
    check_refused("conn 127.0.0.1:9 --rate 0.0001", "--rate must be 0.001 to 100m");
    check_refused("conn 127.0.0.1:9 --tls --split 5", "with --tls OpenSSL makes them: drop");
    check_refused("bulk 127.0.0.1:9 --hgrm x", "bulk has no option --hgrm (sni-bench conn has)");
    check_refused("serve --ca-out x", "add --tls");
    check_refused("serve --stall 2s", "--stall must be shorter");
}

/* 0 must not silently mean the default, or for ever. */
static void test_zero_is_refused_where_it_means_nothing(void **state)
{
    static const char *const lines[] = {"conn 127.0.0.1:9 --rate 0",
                                        "conn 127.0.0.1:9 -c 0",
                                        "conn 127.0.0.1:9 -n 0",
                                        "conn 127.0.0.1:9 -t 0",
                                        "conn 127.0.0.1:9 -d 0",
                                        "conn 127.0.0.1:9 -d 0s",
                                        "conn 127.0.0.1:9 --timeout 0",
                                        "conn 127.0.0.1:9 --hello-size 0",
                                        "conn 127.0.0.1:9 --interval 0",
                                        "latency 127.0.0.1:9 --req 0",
                                        "latency 127.0.0.1:9 --ramp 0",
                                        "idle 127.0.0.1:9 --ramp 0.0",
                                        "serve -t 0",
                                        "serve --stall-every 0",
                                        "verify 127.0.0.1:9 --max-size 0",
                                        "verify 127.0.0.1:9 -n 0",
                                        "compare --rounds 0 -- conn",
                                        "torture 127.0.0.1:9 --hello-timeout 0s",
                                        "verify 127.0.0.1:9 --reload-every 0s"};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        check_refused(lines[i], " must be greater than zero; leave it out for its default");
    struct attempt attempt = parse("conn 127.0.0.1:9 --warmup 0 --resp 0 --split-gap 0 --seed 0");
    assert_int_equal(attempt.result, OPTIONS_RUN);
    free_attempt(&attempt);
}

static void test_every_mode_has_help_with_an_example(void **state)
{
    (void)state;
    for (const struct mode *mode = bench_modes; mode->name != NULL; mode++) {
        char line[64];
        snprintf(line, sizeof line, "%s --help", mode->name);
        struct attempt attempt = parse(line);
        char example[64];
        snprintf(example, sizeof example, "  sni-bench %s", mode->name);
        assert_int_equal(attempt.result, OPTIONS_DONE);
        assert_non_null(strstr(attempt.out, "example:\n"));
        assert_non_null(strstr(attempt.out, example));
        assert_string_equal(attempt.err, "");
        assert_null(strstr(attempt.out, " \n"));
        free_attempt(&attempt);
    }
}

static void test_option_table_is_sound(void **state)
{
    (void)state;
    for (const struct option_row *row = option_rows; row->name != NULL; row++) {
        bool takes_value = row->kind != OPTION_FLAG && row->kind != OPTION_HELP;
        assert_int_equal(takes_value, row->argument != NULL);
        assert_int_equal(row->kind == OPTION_CHOICE, row->choices != NULL);
        assert_non_null(row->help);
        for (const struct option_row *other = row + 1; other->name != NULL; other++) {
            bool same_name = strcmp(row->name, other->name) == 0;
            bool same_letter = row->letter != 0 && row->letter == other->letter;
            if ((same_name || same_letter) && (row->modes & other->modes) != 0)
                fail_msg("--%s and --%s collide", row->name, other->name);
        }
    }
}

static void test_nearest_mode(void **state)
{
    (void)state;
    assert_string_equal(options_nearest_mode("latnecy"), "latency");
    assert_null(options_nearest_mode("something"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_order_does_not_matter),
        cmocka_unit_test(test_defaults_depend_on_the_mode),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_errors_name_the_option_and_the_fix),
        cmocka_unit_test(test_zero_is_refused_where_it_means_nothing),
        cmocka_unit_test(test_every_mode_has_help_with_an_example),
        cmocka_unit_test(test_option_table_is_sound),
        cmocka_unit_test(test_nearest_mode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
