/* The backend of bench-plain: poll(), one connection after the other. */

#include "bench/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/exit.h"

#define RECORD_HEAD 5u
#define BACKLOG     4096

static uint32_t get(const uint8_t *bytes, int count)
{
    uint32_t value = 0;

    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Takes hello and order; the hello is one record. */
static bool take_head(struct link *link, int fd)
{
    ssize_t got = read(fd, link->head + link->have, PLAIN_HEAD_BYTES - link->have);

    if (got <= 0)
        return plain_may_wait(got);
    link->have += (size_t)got;
    if (link->have < RECORD_HEAD)
        return true;
    size_t hello = RECORD_HEAD + get(link->head + 3, 2);
    if (hello + PLAIN_ORDER_BYTES > PLAIN_HEAD_BYTES)
        return false;
    if (link->have < hello + PLAIN_ORDER_BYTES)
        return true;
    const uint8_t *order = link->head + hello;
    link->kind = (char)order[0];
    link->request = get(order + 1, 4);
    link->response = get(order + 5, 4);
    link->to_send = link->kind == 'c' ? link->response : 1;
    return link->kind != 'c' || plain_write(link, fd);
}

static bool take_go(struct link *link, int fd)
{
    uint8_t byte;
    ssize_t got = read(fd, &byte, 1);

    link->begun = got == 1;
    return got == 1 || plain_may_wait(got);
}

/* Answers as many whole requests as have come. */
static bool take_request(struct link *link, int fd)
{
    if (!plain_read(link, fd))
        return false;
    while (link->received >= link->request && link->to_send + link->response <= PLAIN_WRITE_BYTES) {
        link->received -= link->request;
        link->to_send += link->response;
    }
    return link->to_send == 0 || plain_write(link, fd);
}

static bool serve_step(struct plain *plain, struct link *link, int fd)
{
    if (link->kind == '\0')
        return take_head(link, fd) && (link->kind != 'c' || link->to_send > 0);
    if (link->to_send > 0)
        return plain_write(link, fd) && (link->kind != 'c' || link->to_send > 0);
    if (!link->begun)
        return take_go(link, fd);
    if (link->kind == 'd')
        return plain_send(plain, fd);
    return link->kind == 'u' ? plain_receive(plain, fd) : take_request(link, fd);
}

static void accept_one(struct plain *plain, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if (plain->link_count == PLAIN_LINKS_MAX) {
        close(fd);
        return;
    }
    struct link *link = &plain->links[plain->link_count];
    memset(link, 0, offsetof(struct link, head));
    plain->polls[plain->link_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* The last one takes its place. */
static void drop(struct plain *plain, size_t index)
{
    close(plain->polls[index].fd);
    plain->link_count--;
    if (index == plain->link_count)
        return;
    plain->links[index] = plain->links[plain->link_count];
    plain->polls[index] = plain->polls[plain->link_count];
}

static void serve(struct plain *plain, int listener)
{
    while (true) {
        plain->polls[plain->link_count] = (struct pollfd){.fd = listener, .events = POLLIN};
        if (poll(plain->polls, plain->link_count + 1, -1) < 0)
            continue;
        bool knocks = plain->polls[plain->link_count].revents != 0;
        /* Backwards: the one that takes a dropped one's place had its turn. */
        for (size_t i = plain->link_count; i-- > 0;) {
            struct link *link = &plain->links[i];
            if (plain->polls[i].revents == 0)
                continue;
            if (serve_step(plain, link, plain->polls[i].fd))
                plain->polls[i].events = plain_interest(link, false);
            else
                drop(plain, i);
        }
        if (knocks)
            accept_one(plain, listener);
    }
}

int plain_serve(struct plain *plain)
{
    char text[SOCKET_ADDRESS_TEXT];
    struct socket_address *address = &plain->address;
    struct sockaddr *storage = (struct sockaddr *)&address->storage;
    int fd = plain_socket(plain);

    if (fd < 0 || bind(fd, storage, address->len) != 0 || listen(fd, BACKLOG) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || getsockname(fd, storage, &address->len) != 0) {
        fprintf(stderr, "bench-plain: cannot listen: %s\n", strerror(errno));
        return BENCH_FAILED;
    }
    printf("ready %s\n", socket_address_format(address, text));
    fflush(stdout);
    serve(plain, fd);
    return BENCH_OK;
}
