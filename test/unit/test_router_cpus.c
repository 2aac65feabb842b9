/* How many CPUs the process may use, from trees of cgroups as kernels and containers show them. */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/control/cpus.h"

#define FILES_MAX 8

struct file {
    const char *path, *text;
};

struct tree {
    const char *what;
    struct file files[FILES_MAX];
    uint32_t quota;
};

#define V1_MOUNT "30 22 0:27 / /cg/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
#define V2_MOUNT "31 22 0:28 / /cg rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
#define NOISE                                                                                      \
    "20 1 8:1 / / rw - ext4 /dev/vda1 rw,cpu\n29 22 0:26 / /cg/x rw - cgroup cgroup rw,cpuset\n"

#define CGROUP(text)                                                                               \
    {                                                                                              \
        "/proc/self/cgroup", text                                                                  \
    }
#define MOUNTS(text)                                                                               \
    {                                                                                              \
        "/proc/self/mountinfo", NOISE text                                                         \
    }

static const struct tree trees[] = {
    {"nothing to read", {{"/empty", ""}}, 0},
    {"v2, two and a half CPUs",
     {CGROUP("0::/a\n"), MOUNTS(V2_MOUNT), {"/cg/a/cpu.max", "250000 100000\n"}},
     3},
    {"v2, less than one CPU",
     {CGROUP("0::/a\n"), MOUNTS(V2_MOUNT), {"/cg/a/cpu.max", "1000 100000\n"}},
     1},
    {"v2, exactly two",
     {CGROUP("0::/a\n"), MOUNTS(V2_MOUNT), {"/cg/a/cpu.max", "200000 100000\n"}},
     2},
    {"v2, no quota", {CGROUP("0::/a\n"), MOUNTS(V2_MOUNT), {"/cg/a/cpu.max", "max 100000\n"}}, 0},
    {"v2, the smallest is above",
     {CGROUP("0::/a/b/c\n"),
      MOUNTS(V2_MOUNT),
      {"/cg/a/cpu.max", "150000 100000\n"},
      {"/cg/a/b/cpu.max", "max 100000\n"},
      {"/cg/a/b/c/cpu.max", "800000 100000\n"}},
     2},
    {"v2, the smallest is its own",
     {CGROUP("0::/a/b\n"),
      MOUNTS(V2_MOUNT),
      {"/cg/a/cpu.max", "700000 100000\n"},
      {"/cg/a/b/cpu.max", "30000 10000\n"}},
     3},
    {"v2, a container with a namespace of its own",
     {CGROUP("0::/\n"), MOUNTS(V2_MOUNT), {"/cg/cpu.max", "400000 100000\n"}},
     4},
    {"v2, a container that sees the host's path",
     {CGROUP("0::/docker/1f\n"),
      MOUNTS("31 22 0:28 /docker/1f /cg rw - cgroup2 cgroup2 rw\n"),
      {"/cg/cpu.max", "400000 100000\n"}},
     4},
    {"v2, below what is mounted",
     {CGROUP("0::/docker/1f/app\n"),
      MOUNTS("31 22 0:28 /docker/1f /cg rw - cgroup2 cgroup2 rw\n"),
      {"/cg/cpu.max", "900000 100000\n"},
      {"/cg/app/cpu.max", "400000 100000\n"}},
     4},
    {"v2, outside of what is mounted",
     {CGROUP("0::/../other\n"), MOUNTS(V2_MOUNT), {"/cg/cpu.max", "500000 100000\n"}},
     5},
    {"v2, a neighbour's name begins like ours",
     {CGROUP("0::/app2\n"),
      MOUNTS("31 22 0:28 /app /cg rw - cgroup2 cgroup2 rw\n"),
      {"/cg/cpu.max", "500000 100000\n"},
      {"/cg2/cpu.max", "100000 100000\n"}},
     5},
    {"v2, a part of the tree that is not ours is mounted first",
     {CGROUP("0::/a/b\n"),
      MOUNTS("30 22 0:28 /other /other rw - cgroup2 cgroup2 rw\n" V2_MOUNT),
      {"/other/cpu.max", "100000 100000\n"},
      {"/cg/a/b/cpu.max", "500000 100000\n"}},
     5},
    {"v2, a lower part of the tree is mounted first",
     {CGROUP("0::/a/b\n"),
      MOUNTS("30 22 0:28 /a/b /lower rw - cgroup2 cgroup2 rw\n" V2_MOUNT),
      {"/lower/cpu.max", "max 100000\n"},
      {"/cg/a/b/cpu.max", "max 100000\n"},
      {"/cg/a/cpu.max", "500000 100000\n"}},
     5},
    {"v2, a mount point with a blank",
     {CGROUP("0::/a\n"),
      MOUNTS("31 22 0:28 / /c\\040g rw - cgroup2 cgroup2 rw\n"),
      {"/c g/a/cpu.max", "600000 100000\n"}},
     6},
    {"v1, one and a half CPUs",
     {CGROUP("5:cpuset:/z\n4:cpu,cpuacct:/a\n0::/\n"),
      MOUNTS(V1_MOUNT),
      {"/cg/cpu/a/cpu.cfs_quota_us", "150000\n"},
      {"/cg/cpu/a/cpu.cfs_period_us", "100000\n"}},
     2},
    {"v1, the controllers in another order",
     {CGROUP("4:cpuacct,cpu:/a\n"),
      MOUNTS("30 22 0:27 / /cg/cpu rw - cgroup cgroup rw,cpuacct,cpu\n"),
      {"/cg/cpu/a/cpu.cfs_quota_us", "150000\n"},
      {"/cg/cpu/a/cpu.cfs_period_us", "100000\n"}},
     2},
    {"v1, no quota",
     {CGROUP("4:cpu,cpuacct:/a\n"),
      MOUNTS(V1_MOUNT),
      {"/cg/cpu/a/cpu.cfs_quota_us", "-1\n"},
      {"/cg/cpu/a/cpu.cfs_period_us", "100000\n"}},
     0},
    {"v1, the smallest is above",
     {CGROUP("4:cpu,cpuacct:/a/b\n"),
      MOUNTS(V1_MOUNT),
      {"/cg/cpu/a/b/cpu.cfs_quota_us", "-1\n"},
      {"/cg/cpu/a/b/cpu.cfs_period_us", "100000\n"},
      {"/cg/cpu/a/cpu.cfs_quota_us", "50000\n"},
      {"/cg/cpu/a/cpu.cfs_period_us", "50000\n"}},
     1},
    {"both, the CPU controller in v1",
     {CGROUP("4:cpu,cpuacct:/a\n0::/system\n"),
      MOUNTS(V1_MOUNT "31 22 0:28 / /cg/unified rw - cgroup2 cgroup2 rw\n"),
      {"/cg/cpu/a/cpu.cfs_quota_us", "300000\n"},
      {"/cg/cpu/a/cpu.cfs_period_us", "100000\n"}},
     3},
    {"nothing that could be understood",
     {CGROUP("nonsense\n0:\n0::/a\n"),
      MOUNTS("nonsense\n - \n1 - cgroup2\n" V2_MOUNT),
      {"/cg/a/cpu.max", "nonsense\n"}},
     0},
    {"numbers out of range",
     {CGROUP("0::/a\n"), MOUNTS(V2_MOUNT), {"/cg/a/cpu.max", "9000000000000000000 1\n"}},
     UINT32_MAX},
};

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

static void write_file(const char *root, const struct file *file)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s%s", root, file->path);
    for (char *at = strchr(path + strlen(root) + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        *at = '/';
    }
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    fputs(file->text, out);
    assert_int_equal(fclose(out), 0);
}

static void quota_of_trees(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof trees / sizeof trees[0]; i++) {
        char root[] = P_tmpdir "/cpus.XXXXXX";

        assert_non_null(mkdtemp(root));
        for (size_t f = 0; f < FILES_MAX && trees[i].files[f].path != NULL; f++)
            write_file(root, &trees[i].files[f]);
        uint32_t quota = cpus_quota_below(root);
        assert_int_equal(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
        if (quota != trees[i].quota)
            fail_msg("%s: %u instead of %u", trees[i].what, quota, trees[i].quota);
    }
}

static void the_smaller_counts(void **state)
{
    (void)state;
    assert_int_equal(cpus_usable((struct cpus){.affinity = 8, .quota = 0}), 8);
    assert_int_equal(cpus_usable((struct cpus){.affinity = 8, .quota = 3}), 3);
    assert_int_equal(cpus_usable((struct cpus){.affinity = 2, .quota = 3}), 2);
}

static void this_process_has_one_at_least(void **state)
{
    (void)state;
    assert_true(cpus_usable(cpus_read()) >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quota_of_trees),
        cmocka_unit_test(the_smaller_counts),
        cmocka_unit_test(this_process_has_one_at_least),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
