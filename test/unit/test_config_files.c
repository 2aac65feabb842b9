/* Sets of files: what was read, and whether it is still so. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/json_scan.h"
#include "config/load.h"

/* A directory of its own, and a set. */
struct scene {
    char dir[64];
    struct config_files *files;
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);

    assert_non_null(scene);
    snprintf(scene->dir, sizeof scene->dir, "/tmp/test_config_files.XXXXXX");
    assert_non_null(mkdtemp(scene->dir));
    scene->files = config_files_new();
    assert_non_null(scene->files);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    char command[128];

    config_files_drop(scene->files);
    snprintf(command, sizeof command, "rm -r '%s'", scene->dir);
    assert_int_equal(system(command), 0);
    free(scene);
    return 0;
}

static const char *path(const struct scene *scene, const char *name)
{
    static char text[256];

    snprintf(text, sizeof text, "%s/%s", scene->dir, name);
    return text;
}

static void write_file(const struct scene *scene, const char *name, const void *bytes, size_t len)
{
    FILE *to = fopen(path(scene, name), "wb");

    assert_non_null(to);
    assert_int_equal(fwrite(bytes, 1, len, to), len);
    fclose(to);
}

/* Whether the set says the same as before. */
static bool is_same(const struct scene *scene)
{
    struct config_files *now = config_files_look(scene->files);

    assert_non_null(now);
    bool same = config_files_same(scene->files, now);
    assert_int_equal(config_files_same(now, scene->files), same);
    config_files_drop(now);
    return same;
}

/* Reads a file as a configuration, which notes it. */
static void load(struct scene *scene, const char *name)
{
    struct config *config;
    struct diagnostics found = {0};
    int error;

    config_files_drop(scene->files);
    scene->files = config_files_new();
    assert_non_null(scene->files);
    config_load_file(path(scene, name), scene->files, &config, &found, &error);
    config_free(config);
    diagnostics_free(&found);
    assert_int_equal(scene->files->count, 1);
}

/* Around the size of the pieces that are hashed, with a change of the last byte. */
static void bytes_are_compared(void **state)
{
    struct scene *scene = *state;
    static const size_t lens[] = {0, 1, 65535, 65536, 65537, 131072, 200000};
    char *bytes = calloc(1, 200001);

    assert_non_null(bytes);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        write_file(scene, "a", bytes, lens[i]);
        load(scene, "a");
        assert_true(is_same(scene));
        bytes[lens[i]] = 1;
        write_file(scene, "a", bytes, lens[i] + 1);
        assert_false(is_same(scene));
        bytes[lens[i]] = 0;
        if (lens[i] == 0)
            continue;
        bytes[lens[i] - 1] = 1;
        write_file(scene, "a", bytes, lens[i]);
        assert_false(is_same(scene));
        bytes[lens[i] - 1] = 0;
        write_file(scene, "a", bytes, lens[i]);
        assert_true(is_same(scene));
    }
    free(bytes);
}

static void what_cannot_be_read_is_compared(void **state)
{
    struct scene *scene = *state;

    load(scene, "absent");
    assert_int_equal(scene->files->list[0].error, ENOENT);
    assert_true(is_same(scene));
    write_file(scene, "absent", "", 0);
    assert_false(is_same(scene));
    assert_int_equal(mkdir(path(scene, "directory"), 0700), 0);
    load(scene, "directory");
    assert_int_equal(scene->files->list[0].error, EISDIR);
    assert_true(is_same(scene));
    write_file(scene, "large", "", 0);
    assert_int_equal(truncate(path(scene, "large"), (off_t)JSON_BYTES_MAX + 1), 0);
    load(scene, "large");
    assert_int_equal(scene->files->list[0].error, EFBIG);
    assert_true(is_same(scene));
    assert_int_equal(truncate(path(scene, "large"), 0), 0);
    assert_false(is_same(scene));
}

/* Nobody writes to it: a look does not wait. */
static void a_pipe_is_not_waited_for(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(mkfifo(path(scene, "pipe"), 0600), 0);
    config_files_add_failed(scene->files, path(scene, "pipe"), ESPIPE);
    assert_true(is_same(scene));
    assert_true(config_file_is_read_once(path(scene, "pipe")));
    assert_false(config_file_is_read_once(path(scene, "absent")));
    assert_true(config_file_is_read_once("-"));
}

static void what_a_pattern_matches_comes_and_goes(void **state)
{
    struct scene *scene = *state;

    config_files_add_pattern(scene->files, path(scene, "*.json"));
    assert_true(is_same(scene));
    write_file(scene, "other.txt", "x", 1);
    assert_true(is_same(scene));
    write_file(scene, "b.json", "x", 1);
    assert_false(is_same(scene));
    config_files_add(scene->files, path(scene, "b.json"), "x", 1);
    assert_true(is_same(scene));
    write_file(scene, "a.json", "y", 1);
    write_file(scene, "c.json", "z", 1);
    assert_false(is_same(scene));
    config_files_add(scene->files, path(scene, "a.json"), "y", 1);
    config_files_add(scene->files, path(scene, "c.json"), "z", 1);
    assert_true(is_same(scene));
    assert_int_equal(unlink(path(scene, "a.json")), 0);
    assert_false(is_same(scene));
}

static void sets_of_other_files_differ(void **state)
{
    struct scene *scene = *state;
    struct config_files *other = config_files_new();

    assert_true(config_files_same(scene->files, other));
    config_files_add(scene->files, "a", "x", 1);
    assert_false(config_files_same(scene->files, other));
    config_files_add(other, "b", "x", 1);
    assert_false(config_files_same(scene->files, other));
    config_files_drop(other);
    other = config_files_new();
    config_files_add(other, "a", "x", 1);
    assert_true(config_files_same(scene->files, other));
    config_files_add_pattern(other, "*");
    assert_false(config_files_same(scene->files, other));
    config_files_drop(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_are_compared),         TEST(what_cannot_be_read_is_compared),
        TEST(a_pipe_is_not_waited_for),   TEST(what_a_pattern_matches_comes_and_goes),
        TEST(sets_of_other_files_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
