#include "bench/process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Reads "3" or "3-5" at `*text` and moves `*text` behind it. */
static bool parse_range(const char **text, long *first, long *last)
{
    char *end;

    if (**text < '0' || **text > '9')
        return false;
    *first = strtol(*text, &end, 10);
    *last = *first;
    if (*end == '-') {
        *text = end + 1;
        if (**text < '0' || **text > '9')
            return false;
        *last = strtol(*text, &end, 10);
    }
    *text = end;
    return *first <= *last && *last < CPU_SETSIZE;
}

bool process_parse_cpus(const char *text, struct cpu_list *list)
{
    list->count = 0;
    while (true) {
        long first;
        long last;
        if (!parse_range(&text, &first, &last))
            return false;
        for (long cpu = first; cpu <= last; cpu++) {
            if (list->count == PROCESS_CPUS_MAX)
                return false;
            list->cpus[list->count++] = (int)cpu;
        }
        if (*text == '\0')
            return true;
        if (*text++ != ',')
            return false;
    }
}

static int pin(const int *cpus, size_t count)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    for (size_t i = 0; i < count; i++)
        CPU_SET((size_t)cpus[i], &set);
    return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno;
}

int process_pin(const struct cpu_list *list)
{
    return list->count == 0 ? 0 : pin(list->cpus, list->count);
}

int process_pin_thread(const struct cpu_list *list, uint32_t n)
{
    return list->count == 0 ? 0 : pin(&list->cpus[n % list->count], 1);
}

uint64_t process_raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

void process_prepare_thread(void)
{
    signal(SIGPIPE, SIG_IGN);
    /* The kernel rounds timed waits up by 50 us unless told otherwise. */
    prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
}
