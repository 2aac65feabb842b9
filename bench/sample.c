#include "bench/sample.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/clock.h"

#define KIB       1024u
#define PAGE_TEXT 4096
/* All counters of a network namespace. */
#define NET_TEXT 32768
/* By how much the difference of two readings in clock ticks may be wrong, per thread. */
#define TICKS_GRAIN_NS (40 * NS_PER_MS)
#define FIELD_UTIME    14 /* of /proc/PID/stat, from 1 */
#define FIELD_STIME    15
#define FIELD_RSS      24
#define FIELD_THREAD   20

bool sample_parse_pids(const char *text, struct sample_pids *pids)
{
    pids->count = 0;
    while (true) {
        char *end;
        if (!isdigit((unsigned char)*text) || pids->count == SAMPLE_PIDS_MAX)
            return false;
        long pid = strtol(text, &end, 10);
        if (pid <= 0 || pid > INT32_MAX)
            return false;
        pids->pids[pids->count++] = (pid_t)pid;
        if (*end == '\0')
            return true;
        if (*end != ',' && *end != ' ')
            return false;
        text = end + 1;
    }
}

/* Reads a small file of /proc, NUL-terminated. */
static bool read_proc(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    size_t len = 0;
    ssize_t got;
    while (len < cap - 1 && (got = read(fd, out + len, cap - 1 - len)) > 0)
        len += (size_t)got;
    close(fd);
    out[len] = '\0';
    return len > 0;
}

/* The number behind `key` in "key:  123 kB" style text, 0 when it is not there. */
static uint64_t number_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at == NULL ? 0 : strtoull(at + strlen(key), NULL, 10);
}

/* Adds the fields of /proc/PID/stat. */
static bool add_stat(pid_t pid, struct sample *sample)
{
    char path[64];
    char text[PAGE_TEXT];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_proc(path, text, sizeof text))
        return false;
    /* The command's name may hold anything, also spaces and parentheses. */
    char *at = strrchr(text, ')');
    /* A process that has ended but was not waited for by its parent is still listed. */
    if (at == NULL || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X')
        return false;
    uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
    int field = 3;
    for (at += 1; *at != '\0'; field++) {
        at += strspn(at, " ");
        uint64_t value = strtoull(at, NULL, 10);
        if (field == FIELD_UTIME)
            sample->cpu_user_ns += value * tick_ns;
        else if (field == FIELD_STIME)
            sample->cpu_system_ns += value * tick_ns;
        else if (field == FIELD_THREAD)
            sample->threads += value;
        else if (field == FIELD_RSS)
            sample->rss_bytes += value * (uint64_t)sysconf(_SC_PAGESIZE);
        at += strcspn(at, " ");
    }
    return field > FIELD_RSS;
}

static void add_thread(pid_t pid, const char *task, struct sample *sample)
{
    char path[320];
    char text[PAGE_TEXT];

    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, task);
    if (read_proc(path, text, sizeof text))
        sample->cpu_run_ns += strtoull(text, NULL, 10);
    snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)pid, task);
    if (read_proc(path, text, sizeof text)) {
        sample->switches_voluntary += number_after(text, "\nvoluntary_ctxt_switches:");
        sample->switches_forced += number_after(text, "\nnonvoluntary_ctxt_switches:");
    }
}

/* Adds each thread of a process. */
static void add_threads(pid_t pid, struct sample *sample)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] != '.')
            add_thread(pid, entry->d_name, sample);
    }
    closedir(dir);
}

static void add_files(pid_t pid, struct sample *sample)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        sample->files_known = false;
        return;
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        sample->descriptors += entry->d_name[0] != '.';
    closedir(dir);
}

static void add_memory(pid_t pid, struct sample *sample)
{
    char path[64];
    char text[PAGE_TEXT];

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    if (read_proc(path, text, sizeof text))
        sample->pss_bytes += number_after(text, "\nPss:") * KIB;
    else
        sample->pss_known = false;
}

uint64_t sample_counter(const char *text, const char *group, const char *name)
{
    const char *names = text;

    while (names != NULL && strncmp(names, group, strlen(group)) != 0) {
        names = strchr(names, '\n');
        names = names == NULL ? NULL : names + 1;
    }
    const char *values = names == NULL ? NULL : strchr(names, '\n');
    if (values == NULL)
        return 0;
    const char *end = values++;
    while (names < end) {
        size_t len = strcspn(names, " \n");
        if (len == strlen(name) && memcmp(names, name, len) == 0)
            return strtoull(values, NULL, 10);
        names += len + 1;
        values += strcspn(values, " \n");
        values += *values == ' ';
    }
    return 0;
}

/*
 * Time on all CPUs less what they had nothing to do. The kernel measures idle time and only samples
 * the rest, so the difference is better than the sum of what it says was used.
 */
static uint64_t machine_cpu_ns(void)
{
    char text[PAGE_TEXT];
    unsigned long long idle, waiting, stolen = 0;

    if (!read_proc("/proc/stat", text, sizeof text) ||
        sscanf(text, "cpu %*u %*u %*u %llu %llu %*u %*u %llu", &idle, &waiting, &stolen) < 2)
        return 0;
    uint64_t all_ns = clock_now_ns() * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t unused_ns = (idle + waiting + stolen) * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
    return all_ns > unused_ns ? all_ns - unused_ns : 0;
}

void sample_machine(struct sample_machine *machine)
{
    char text[NET_TEXT];

    memset(machine, 0, sizeof *machine);
    machine->cpu_ns = machine_cpu_ns();
    if (read_proc("/proc/net/netstat", text, sizeof text)) {
        machine->tcp_timeouts = sample_counter(text, "TcpExt:", "TCPTimeouts");
        machine->tcp_pruned = sample_counter(text, "TcpExt:", "PruneCalled");
        machine->tcp_dropped = sample_counter(text, "TcpExt:", "TCPRcvQDrop");
        machine->tcp_pressures = sample_counter(text, "TcpExt:", "TCPMemoryPressures");
    }
    if (read_proc("/proc/net/snmp", text, sizeof text))
        machine->tcp_retransmitted = sample_counter(text, "Tcp:", "RetransSegs");
}

/* Idle time is said in clock ticks, so a machine that did nothing may seem to have done less. */
static uint64_t more(uint64_t from, uint64_t to)
{
    return to > from ? to - from : 0;
}

struct sample_machine sample_machine_between(const struct sample_machine *from,
                                             const struct sample_machine *to)
{
    return (struct sample_machine){.cpu_ns = more(from->cpu_ns, to->cpu_ns),
                                   .tcp_timeouts = more(from->tcp_timeouts, to->tcp_timeouts),
                                   .tcp_pruned = more(from->tcp_pruned, to->tcp_pruned),
                                   .tcp_dropped = more(from->tcp_dropped, to->tcp_dropped),
                                   .tcp_pressures = more(from->tcp_pressures, to->tcp_pressures),
                                   .tcp_retransmitted =
                                       more(from->tcp_retransmitted, to->tcp_retransmitted)};
}

static void add_machine(struct sample *sample)
{
    char text[PAGE_TEXT];

    if (read_proc("/proc/net/sockstat", text, sizeof text)) {
        sample->tcp_bytes = number_after(text, " mem ") * (uint64_t)sysconf(_SC_PAGESIZE);
        sample->sockets = number_after(text, "TCP: inuse ");
    }
    if (read_proc("/proc/meminfo", text, sizeof text))
        sample->slab_bytes = number_after(text, "\nSlab:") * KIB;
    sample_machine(&sample->machine);
}

void sample_take(const struct sample_pids *pids, bool with_memory, struct sample *sample,
                 pid_t *missing)
{
    memset(sample, 0, sizeof *sample);
    sample->at_ns = clock_now_ns();
    sample->good = true;
    sample->pss_known = with_memory;
    sample->files_known = true;
    for (size_t i = 0; i < pids->count; i++) {
        if (add_stat(pids->pids[i], sample)) {
            add_threads(pids->pids[i], sample);
            continue;
        }
        sample->good = false;
        if (missing != NULL)
            *missing = pids->pids[i];
    }
    /* The slow files are read after all CPU times. */
    for (size_t i = 0; i < pids->count; i++) {
        add_files(pids->pids[i], sample);
        if (with_memory)
            add_memory(pids->pids[i], sample);
    }
    add_machine(sample);
}

uint64_t sample_cpu_ns(const struct sample *from, const struct sample *to)
{
    uint64_t from_ticks = from->cpu_user_ns + from->cpu_system_ns;
    uint64_t to_ticks = to->cpu_user_ns + to->cpu_system_ns;
    uint64_t ticks = to_ticks > from_ticks ? to_ticks - from_ticks : 0;

    if (to->cpu_run_ns < from->cpu_run_ns || to->threads < from->threads)
        return ticks;
    uint64_t run = to->cpu_run_ns - from->cpu_run_ns;
    /*
     * Clock ticks are used on a kernel without schedstat, and when threads ended meanwhile: only
     * the ticks count those.
     */
    return ticks > run + TICKS_GRAIN_NS * to->threads ? ticks : run;
}
