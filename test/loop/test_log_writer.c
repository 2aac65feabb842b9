/* The thread that writes the logs: nothing is lost but what is counted. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/log/log_writer.h"
#include "router/state/stats_table.h"
#include "test/loop/harness.h"

#define PATH_BYTES 128

struct fixture {
    struct log_writer writer;
    char dir[PATH_BYTES];
    char path[PATH_BYTES + 16], other[PATH_BYTES + 16];
};

static int setup(void **state)
{
    struct fixture *fixture = aligned_alloc(_Alignof(struct fixture), sizeof *fixture);

    assert_non_null(fixture);
    memset(fixture, 0, sizeof *fixture);
    snprintf(fixture->dir, sizeof fixture->dir, "%s/log_writer.XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(fixture->dir));
    snprintf(fixture->path, sizeof fixture->path, "%s/access", fixture->dir);
    snprintf(fixture->other, sizeof fixture->other, "%s/other", fixture->dir);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    unlink(fixture->path);
    unlink(fixture->other);
    assert_int_equal(rmdir(fixture->dir), 0);
    free(fixture);
    return 0;
}

static void put(struct log_writer *writer, uint32_t feed, const char *line)
{
    assert_true(log_ring_put(&writer->feeds[feed].access, line, strlen(line)));
    log_writer_wake(writer);
}

static void wait_for_size(const char *path, off_t size)
{
    struct stat status = {0};

    for (int tries = 0; stat(path, &status) != 0 || status.st_size < size; tries++) {
        if (tries == RIG_PATIENCE_MS)
            fail_msg("%s stays at %lld bytes", path, (long long)status.st_size);
        poll(NULL, 0, 1);
    }
}

static void expect_file(const char *path, const char *expected)
{
    char text[256];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    assert_true(len >= 0);
    text[len] = '\0';
    assert_string_equal(text, expected);
}

static void lines_reach_the_file(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(log_writer_start(&fixture->writer, 2, fixture->path), 0);
    put(&fixture->writer, 0, "one\n");
    wait_for_size(fixture->path, 4); /* asleep again, or about to be */
    put(&fixture->writer, 1, "two\n");
    wait_for_size(fixture->path, 8);
    put(&fixture->writer, 0, "three\n");
    log_writer_stop(&fixture->writer);
    expect_file(fixture->path, "one\ntwo\nthree\n");
}

/* Often enough that a wake-up which is lost between looking and sleeping would show. */
static void no_wake_up_is_lost(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(log_writer_start(&fixture->writer, 1, fixture->path), 0);
    for (off_t i = 1; i <= 100; i++) {
        put(&fixture->writer, 0, "x\n");
        wait_for_size(fixture->path, 2 * i);
    }
    log_writer_stop(&fixture->writer);
}

static void what_is_there_is_written_at_the_stop(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(log_writer_start(&fixture->writer, 1, fixture->path), 0);
    assert_true(log_ring_put(&fixture->writer.feeds[0].access, "unannounced\n", 12));
    log_writer_stop(&fixture->writer);
    expect_file(fixture->path, "unannounced\n");
    assert_int_equal(stats_figure_read(&fixture->writer.lost_lines), 0);
}

static void appends(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(log_writer_start(&fixture->writer, 1, fixture->path), 0);
        put(&fixture->writer, 0, "again\n");
        log_writer_stop(&fixture->writer);
    }
    expect_file(fixture->path, "again\nagain\n");
}

static void reopened_after_rotation(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(log_writer_start(&fixture->writer, 1, fixture->path), 0);
    put(&fixture->writer, 0, "before\n");
    wait_for_size(fixture->path, 7);
    assert_int_equal(rename(fixture->path, fixture->other), 0);
    log_writer_reopen(&fixture->writer);
    wait_for_size(fixture->path, 0);
    put(&fixture->writer, 0, "after\n");
    log_writer_stop(&fixture->writer);
    expect_file(fixture->other, "before\n");
    expect_file(fixture->path, "after\n");
}

static void redirected(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(log_writer_start(&fixture->writer, 1, fixture->path), 0);
    put(&fixture->writer, 0, "here\n");
    wait_for_size(fixture->path, 5);
    log_writer_redirect(&fixture->writer, fixture->other);
    wait_for_size(fixture->other, 0);
    put(&fixture->writer, 0, "there\n");
    wait_for_size(fixture->other, 6);
    log_writer_redirect(&fixture->writer, fixture->path);
    log_writer_redirect(&fixture->writer, fixture->path); /* where it goes already */
    put(&fixture->writer, 0, "last\n");
    log_writer_stop(&fixture->writer);
    expect_file(fixture->other, "there\n");
    expect_file(fixture->path, "here\nlast\n");
}

static void cannot_be_opened(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_BYTES + 32];

    snprintf(path, sizeof path, "%s/absent/access", fixture->dir);
    assert_int_equal(log_writer_start(&fixture->writer, 1, path), UV_ENOENT);
}

static void probing_says_whether_it_has_made_the_file(void **state)
{
    struct fixture *fixture = *state;
    bool made;

    assert_int_equal(log_writer_start(&fixture->writer, 1, fixture->path), 0);
    assert_int_equal(log_writer_probe(&fixture->writer, fixture->path, &made), 0);
    assert_false(made);
    assert_int_equal(log_writer_probe(&fixture->writer, fixture->other, &made), 0);
    assert_true(made);
    assert_int_equal(log_writer_probe(&fixture->writer, fixture->other, &made), 0);
    assert_false(made);
    assert_int_equal(log_writer_probe(&fixture->writer, fixture->dir, &made), EISDIR);
    assert_false(made);
    assert_int_equal(log_writer_probe(&fixture->writer, "-", &made), 0);
    assert_int_equal(log_writer_probe(&fixture->writer, NULL, &made), 0);
    log_writer_stop(&fixture->writer);
}

/* The link stays and leads nowhere, as before. */
static void what_probing_has_made_behind_a_link_is_removed(void **state)
{
    struct fixture *fixture = *state;
    struct stat found;
    bool made;

    assert_int_equal(symlink(fixture->other, fixture->path), 0);
    assert_int_equal(log_writer_probe(&fixture->writer, fixture->path, &made), 0);
    assert_true(made);
    assert_int_equal(stat(fixture->other, &found), 0);
    log_writer_unmake(fixture->path);
    assert_int_not_equal(stat(fixture->other, &found), 0);
    assert_int_equal(lstat(fixture->path, &found), 0);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Its end is lost; the next line begins a line, in the same file and in a new one. */
static void a_line_that_was_torn(void **state)
{
    struct fixture *fixture = *state;

    log_set_level(LOG_LEVEL_ERROR);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(log_writer_start(&fixture->writer, 1, fixture->path), 0);
    limit_files(3);
    put(&fixture->writer, 0, "torn\n");
    while (stats_figure_read(&fixture->writer.lost_lines) < 1)
        poll(NULL, 0, 1);
    limit_files(RLIM_INFINITY);
    log_writer_reopen(&fixture->writer); /* nobody has moved it away */
    put(&fixture->writer, 0, "whole\n");
    wait_for_size(fixture->path, 10);
    limit_files(13);
    put(&fixture->writer, 0, "torn\n");
    while (stats_figure_read(&fixture->writer.lost_lines) < 2)
        poll(NULL, 0, 1);
    assert_int_equal(rename(fixture->path, fixture->other), 0);
    log_writer_reopen(&fixture->writer);
    put(&fixture->writer, 0, "new\n");
    log_writer_stop(&fixture->writer);
    limit_files(RLIM_INFINITY);
    expect_file(fixture->other, "tor\nwhole\ntor");
    expect_file(fixture->path, "new\n");
}

/* A file that cannot be opened again: the old one goes on being written. */
static void cannot_be_opened_again(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH_BYTES + 32];

    log_set_level(LOG_LEVEL_ERROR);
    snprintf(path, sizeof path, "%s/absent/access", fixture->dir);
    assert_int_equal(log_writer_start(&fixture->writer, 1, fixture->path), 0);
    log_writer_redirect(&fixture->writer, path);
    put(&fixture->writer, 0, "still here\n");
    log_writer_stop(&fixture->writer);
    expect_file(fixture->path, "still here\n");
}

static uint64_t count_lines(int fd)
{
    char bytes[4096];
    uint64_t lines = 0;
    ssize_t n;

    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            lines += bytes[i] == '\n';
    }
    return lines;
}

/* Nobody reads the pipe: the stop does not wait for ever, and what is lost is counted. */
static void reader_takes_nothing(void **state)
{
    enum { LINES = 6000 };
    struct fixture *fixture = *state;
    char path[64];
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fds[1]);
    assert_int_equal(log_writer_start(&fixture->writer, 1, path), 0);
    close(fds[1]);
    for (int i = 0; i < LINES; i++)
        put(&fixture->writer, 0, "a line that is longer than nothing\n");
    log_writer_stop(&fixture->writer);
    uint64_t lost = stats_figure_read(&fixture->writer.lost_lines);
    assert_true(lost > 0);
    assert_int_equal(count_lines(fds[0]) + lost, LINES);
    close(fds[0]);
}

static void nowhere(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(log_writer_start(&fixture->writer, 1, NULL), 0);
    log_writer_redirect(&fixture->writer, fixture->path);
    wait_for_size(fixture->path, 0);
    put(&fixture->writer, 0, "now it goes somewhere\n");
    log_writer_stop(&fixture->writer);
    expect_file(fixture->path, "now it goes somewhere\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_reach_the_file),
        TEST(no_wake_up_is_lost),
        TEST(what_is_there_is_written_at_the_stop),
        TEST(appends),
        TEST(reopened_after_rotation),
        TEST(redirected),
        TEST(cannot_be_opened),
        TEST(probing_says_whether_it_has_made_the_file),
        TEST(what_probing_has_made_behind_a_link_is_removed),
        TEST(a_line_that_was_torn),
        TEST(cannot_be_opened_again),
        TEST(reader_takes_nothing),
        TEST(nowhere),
    };

    rig_process_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
