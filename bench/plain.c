/* The client of bench-plain, and its command line. */

#include "bench/plain.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/clock.h"
#include "bench/exit.h"
#include "bench/process.h"
#include "sni/build.h"

#define TIMEOUT_S  30
#define HELLO_NAME "plain.bench.test"

static void put(uint8_t *out, unsigned long value)
{
    for (int i = 3; i >= 0; i--, value >>= 8)
        out[i] = (uint8_t)value;
}

/* Connects and sends hello and order in one write. The socket, or -1. */
static int begin(const struct plain *plain)
{
    const struct timeval patience = {.tv_sec = TIMEOUT_S};
    int fd = plain_socket(plain);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&plain->address.storage, plain->address.len) == 0 &&
        send(fd, plain->flight, plain->flight_len, MSG_NOSIGNAL) == (ssize_t)plain->flight_len)
        return fd;
    close(fd);
    return -1;
}

/* A new connection in this place. What fails is left alone: poll() skips -1. */
static void open_link(struct plain *plain, size_t index)
{
    int fd = begin(plain);

    plain->links[index] = (struct link){.kind = plain->kind};
    plain->polls[index] = (struct pollfd){.fd = fd, .events = POLLIN};
    plain->failed += fd < 0;
}

static void lose_link(struct plain *plain, size_t index)
{
    close(plain->polls[index].fd);
    plain->polls[index].fd = -1;
    plain->failed++;
}

/* All are there, then all begin. */
static void begin_together(struct plain *plain)
{
    uint8_t byte;

    for (size_t i = 0; i < plain->link_count; i++) {
        if (plain->polls[i].fd >= 0 && read(plain->polls[i].fd, &byte, 1) != 1)
            lose_link(plain, i);
    }
    for (size_t i = 0; i < plain->link_count; i++) {
        if (plain->polls[i].fd >= 0 && send(plain->polls[i].fd, &byte, 1, MSG_NOSIGNAL) != 1)
            lose_link(plain, i);
    }
}

static void open_links(struct plain *plain)
{
    plain->link_count = plain->count;
    for (size_t i = 0; i < plain->link_count; i++)
        open_link(plain, i);
    if (plain->kind != 'c')
        begin_together(plain);
    for (size_t i = 0; i < plain->link_count; i++) {
        if (plain->polls[i].fd >= 0)
            (void)fcntl(plain->polls[i].fd, F_SETFL, O_NONBLOCK);
        plain->links[i].to_send = plain->kind == 'r' ? plain->request_bytes : 0;
        plain->polls[i].events = plain_interest(&plain->links[i], true);
    }
}

/* The next request when the response is whole. */
static bool take_response(struct plain *plain, struct link *link, int fd)
{
    if (!plain_read(link, fd) || link->received > plain->response_bytes)
        return false;
    if (link->received < plain->response_bytes)
        return true;
    plain->done++;
    link->received = 0;
    link->to_send = plain->request_bytes;
    return plain_write(link, fd);
}

/* A connection that ends as it should is followed by the next one. */
static void step_conn(struct plain *plain, size_t index)
{
    struct link *link = &plain->links[index];

    if (plain_read(link, plain->polls[index].fd))
        return;
    bool good = link->received == plain->response_bytes;
    close(plain->polls[index].fd);
    plain->done += good;
    plain->failed += !good;
    open_link(plain, index);
    if (plain->polls[index].fd >= 0)
        (void)fcntl(plain->polls[index].fd, F_SETFL, O_NONBLOCK);
}

static bool client_step(struct plain *plain, struct link *link, int fd)
{
    if (link->kind == 'd')
        return plain_receive(plain, fd);
    if (link->kind == 'u')
        return plain_send(plain, fd);
    return link->to_send > 0 ? plain_write(link, fd) : take_response(plain, link, fd);
}

/* Works until then. */
static void work(struct plain *plain, uint64_t end_ns)
{
    uint64_t now_ns;

    while ((now_ns = clock_now_ns()) < end_ns) {
        int patience_ms = (int)((end_ns - now_ns) / NS_PER_MS) + 1;
        if (poll(plain->polls, plain->link_count, patience_ms) <= 0)
            continue;
        for (size_t i = 0; i < plain->link_count; i++) {
            struct link *link = &plain->links[i];
            if (plain->polls[i].revents == 0)
                continue;
            if (link->kind == 'c')
                step_conn(plain, i);
            else if (client_step(plain, link, plain->polls[i].fd))
                plain->polls[i].events = plain_interest(link, true);
            else
                lose_link(plain, i);
        }
    }
}

/* Counters at one moment. */
struct reading {
    uint64_t at_ns;
    uint64_t bytes;
    uint64_t done;
    struct sample sample;
};

static void read_counters(const struct plain *plain, struct reading *reading)
{
    *reading =
        (struct reading){.at_ns = clock_now_ns(), .bytes = plain->bytes, .done = plain->done};
    sample_take(&plain->pids, false, &reading->sample, NULL);
}

/* One JSON object; CPU of --pid and of the machine in nanoseconds. */
static void say(const struct plain *plain, const struct reading *before, const struct reading *from,
                const struct reading *to)
{
    const struct sample_machine machine =
        sample_machine_between(&from->sample.machine, &to->sample.machine);
    const struct sample_machine run =
        sample_machine_between(&before->sample.machine, &to->sample.machine);
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {{"bytes", to->bytes - from->bytes},
                {"done", to->done - from->done},
                {"failed", plain->failed},
                {"router_cpu_ns", sample_cpu_ns(&from->sample, &to->sample)},
                {"machine_cpu_ns", machine.cpu_ns},
                {"tcp_timeouts", run.tcp_timeouts},
                {"tcp_pruned", run.tcp_pruned},
                {"tcp_dropped", run.tcp_dropped},
                {"tcp_pressures", run.tcp_pressures},
                {"tcp_retransmitted", run.tcp_retransmitted}};

    printf("{\"seconds\": %.6f", (double)(to->at_ns - from->at_ns) / 1e9);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        printf(", \"%s\": %llu", rows[i].key, (unsigned long long)rows[i].value);
    printf("}\n");
    fflush(stdout);
}

static int run_client(struct plain *plain)
{
    struct reading before, from, to;
    struct hello_spec spec;

    hello_spec_init(&spec, HELLO_NAME);
    plain->flight_len = hello_build(&spec, plain->flight, PLAIN_HEAD_BYTES - PLAIN_ORDER_BYTES);
    uint8_t *order = plain->flight + plain->flight_len;
    order[0] = (uint8_t)plain->kind;
    put(order + 1, plain->request_bytes);
    put(order + 5, plain->response_bytes);
    plain->flight_len += PLAIN_ORDER_BYTES;
    read_counters(plain, &before);
    open_links(plain);
    work(plain, clock_now_ns() + (uint64_t)(plain->warmup_s * 1e9));
    read_counters(plain, &from);
    work(plain, from.at_ns + (uint64_t)(plain->seconds * 1e9));
    read_counters(plain, &to);
    say(plain, &before, &from, &to);
    return plain->failed > 0 ? BENCH_FAILED : BENCH_OK;
}

/* --- the command line --- */

static int refuse(const char *why)
{
    fprintf(stderr,
            "bench-plain: %s\n"
            "usage: bench-plain serve ADDRESS\n"
            "       bench-plain down|up|request|conn ADDRESS [-c CONNECTIONS] [-d SECONDS]\n"
            "                   [-w WARMUP_SECONDS] [-q REQUEST_BYTES] [-s RESPONSE_BYTES]\n"
            "                   [-p ROUTER_PID]\n",
            why);
    return BENCH_USAGE;
}

static bool read_options(struct plain *plain, int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "c:d:w:q:s:p:")) != -1) {
        if (option == 'c')
            plain->count = strtoul(optarg, NULL, 10);
        else if (option == 'd')
            plain->seconds = strtod(optarg, NULL);
        else if (option == 'w')
            plain->warmup_s = strtod(optarg, NULL);
        else if (option == 'q')
            plain->request_bytes = strtoul(optarg, NULL, 10);
        else if (option == 's')
            plain->response_bytes = strtoul(optarg, NULL, 10);
        else if (option != 'p' || !sample_parse_pids(optarg, &plain->pids))
            return false;
    }
    return plain->count > 0 && plain->count <= PLAIN_LINKS_MAX && plain->seconds > 0 &&
           plain->warmup_s >= 0 && plain->request_bytes > 0 &&
           plain->request_bytes <= PLAIN_READ_BYTES && plain->response_bytes > 0 &&
           plain->response_bytes <= PLAIN_READ_BYTES;
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"serve", "down", "up", "request", "conn"};
    static struct plain plain = {
        .count = 1, .seconds = 10, .warmup_s = 1, .request_bytes = 100, .response_bytes = 100};
    const char *why;

    if (argc < 3 || !socket_address_parse(argv[2], &plain.address, &why))
        return refuse(argc < 3 ? "what, and where?" : why);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(argv[1], kinds[i]) == 0)
            plain.kind = kinds[i][0];
    }
    if (plain.kind == '\0' || !read_options(&plain, argc - 2, argv + 2))
        return refuse("these words make no sense");
    process_raise_descriptors();
    signal(SIGPIPE, SIG_IGN);
    return plain.kind == 's' ? plain_serve(&plain) : run_client(&plain);
}
