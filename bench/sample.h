#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

/* What processes and the kernel use, read from /proc: the router's cost seen from outside. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SAMPLE_PIDS_MAX 64

/* The processes of --pid; their numbers are added up. */
struct sample_pids {
    size_t count;
    pid_t pids[SAMPLE_PIDS_MAX];
};

/* One sample of the whole machine: only differences of two mean something. */
struct sample_machine {
    uint64_t cpu_ns;            /* of everything that ran: processes, kernel, interrupts */
    uint64_t tcp_timeouts;      /* retransmission timers that fired (TcpExtTCPTimeouts) */
    uint64_t tcp_pruned;        /* receive queues squeezed for want of memory (PruneCalled) */
    uint64_t tcp_dropped;       /* segments with data thrown away unread (TCPRcvQDrop) */
    uint64_t tcp_pressures;     /* times that TCP came under memory pressure */
    uint64_t tcp_retransmitted; /* segments sent again (RetransSegs) */
};

/* One sample of them. */
struct sample {
    bool good;        /* every process is there */
    bool pss_known;   /* PSS was read: only their owner and root may */
    bool files_known; /* the descriptors were counted */
    uint64_t at_ns;
    uint64_t cpu_user_ns; /* all threads, also ended ones; 10 ms grain */
    uint64_t cpu_system_ns;
    uint64_t cpu_run_ns; /* the same of living threads only, exact to the nanosecond */
    uint64_t pss_bytes;  /* memory, shared pages divided among the processes that share them */
    uint64_t rss_bytes;
    uint64_t descriptors;
    uint64_t threads;
    uint64_t switches_voluntary;
    uint64_t switches_forced;
    /* the whole machine */
    uint64_t tcp_bytes;  /* socket buffers (/proc/net/sockstat) */
    uint64_t slab_bytes; /* kernel objects, sockets among them (/proc/meminfo) */
    uint64_t sockets;    /* TCP sockets in use */
    struct sample_machine machine;
};

/* Reads "123", "123,456" or "123 456" as pidof prints it. False when it is not that. */
bool sample_parse_pids(const char *text, struct sample_pids *pids);

/*
 * Takes a sample. `with_memory` = with PSS, for which the kernel walks all pages: cheap enough once
 * a second, not more often. When a process has ended or never existed, `good` is false and
 * `missing` is that process.
 */
void sample_take(const struct sample_pids *pids, bool with_memory, struct sample *sample,
                 pid_t *missing);

/*
 * Samples the machine: CPU time to 10 ms (/proc/stat), the counters of TCP in this process's
 * network namespace (/proc/net/netstat, /proc/net/snmp).
 */
void sample_machine(struct sample_machine *machine);
/*
 * One counter of such a file, where a line of names ("TcpExt: A B") is followed by a line of values
 * ("TcpExt: 1 2"); 0 when it is not there.
 */
uint64_t sample_counter(const char *text, const char *group, const char *name);
/* What happened between two samples. */
struct sample_machine sample_machine_between(const struct sample_machine *from,
                                             const struct sample_machine *to);

/* CPU time between two samples: exact if no thread ended in between, else in clock ticks. */
uint64_t sample_cpu_ns(const struct sample *from, const struct sample *to);

#endif
