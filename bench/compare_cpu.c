/* Pins processes to CPUs, with all threads that they have at that moment. */

#include "bench/compare_cpu.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static int pin_threads(pid_t pid, const cpu_set_t *set)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return -errno;
    int failed = 0;
    const struct dirent *entry;
    while (failed == 0 && (entry = readdir(threads)) != NULL) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        /* A thread that has ended meanwhile needs no CPU. */
        if (thread > 0 && sched_setaffinity(thread, sizeof *set, set) != 0 && errno != ESRCH)
            failed = -errno;
    }
    closedir(threads);
    return failed;
}

int compare_pin(const struct sample_pids *pids, const struct cpu_list *cpus, pid_t *missing)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    for (size_t i = 0; i < cpus->count; i++)
        CPU_SET((size_t)cpus->cpus[i], &set);
    for (size_t i = 0; i < pids->count; i++) {
        int failed = pin_threads(pids->pids[i], &set);
        if (failed != 0) {
            *missing = pids->pids[i];
            return failed;
        }
    }
    return 0;
}

bool compare_cpus_overlap(const struct cpu_list *a, const struct cpu_list *b)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            if (a->cpus[i] == b->cpus[j])
                return true;
        }
    }
    return false;
}
