#include "router/net/diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How the kernel calls a handshake under way that has no socket yet. */
#define STATE_NEW_SYN_RECV 12

/* Room for one answer of the kernel's. */
#define ANSWER_BYTES 16384

struct request {
    uint16_t port; /* 0: any */
    bool only_v4;
    uint32_t states;
    bool (*visit)(void *context, const struct diag_socket *found);
    void *context;
    bool satisfied; /* the visitor has seen enough */
};

static void read_attributes(const struct nlmsghdr *message, struct diag_socket *found)
{
    size_t at = NLMSG_LENGTH(sizeof(struct inet_diag_msg)), end = message->nlmsg_len;
    const struct rtattr *attribute;

    for (; at + sizeof *attribute <= end; at += RTA_ALIGN(attribute->rta_len)) {
        attribute = (const struct rtattr *)((const char *)message + at);
        if (attribute->rta_len < sizeof *attribute || at + attribute->rta_len > end)
            return;
        if (attribute->rta_type == INET_DIAG_SKV6ONLY)
            found->v6only = *(const uint8_t *)RTA_DATA(attribute) != 0;
    }
}

static void visit(struct request *request, const struct nlmsghdr *message)
{
    const struct inet_diag_msg *body = NLMSG_DATA(message);
    struct diag_socket found = {.inode = body->idiag_inode};

    if (message->nlmsg_len < NLMSG_LENGTH(sizeof *body) ||
        (request->port != 0 && body->id.idiag_sport != htons(request->port)))
        return;
    if (body->idiag_family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&found.local.address;
        *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = body->id.idiag_sport};
        memcpy(&in->sin_addr, body->id.idiag_src, sizeof in->sin_addr);
        found.local.len = sizeof *in;
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&found.local.address;
        *in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = body->id.idiag_sport};
        memcpy(&in6->sin6_addr, body->id.idiag_src, sizeof in6->sin6_addr);
        found.local.len = sizeof *in6;
    }
    read_attributes(message, &found);
    request->satisfied = !request->visit(request->context, &found);
}

static bool ask(int fd, const struct request *request, uint8_t family)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 body;
    } question = {
        .header = {.nlmsg_len = sizeof question,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = request->states,
                 .id = {.idiag_sport = htons(request->port)}},
    };

    return send(fd, &question, sizeof question, 0) == (ssize_t)sizeof question;
}

/* The answers to one question. The kernel has each ready by the time it is asked for. */
static bool read_answers(int fd, struct request *request)
{
    alignas(struct nlmsghdr) char bytes[ANSWER_BYTES];

    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        unsigned left = (unsigned)n;
        for (const struct nlmsghdr *m = (const struct nlmsghdr *)bytes; NLMSG_OK(m, left);
             m = NLMSG_NEXT(m, left)) {
            if (m->nlmsg_type == NLMSG_DONE)
                return true;
            if (m->nlmsg_type != SOCK_DIAG_BY_FAMILY)
                return false;
            visit(request, m);
            if (request->satisfied)
                return true;
        }
    }
}

static bool run(struct request *request)
{
    static const uint8_t families[] = {AF_INET, AF_INET6};
    bool told = true;

    for (size_t i = 0; i < (request->only_v4 ? 1 : sizeof families) && told && !request->satisfied;
         i++) {
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        /* A kernel without IPv6 has nothing to tell of it. */
        told = fd >= 0 && ask(fd, request, families[i]) &&
               (read_answers(fd, request) || families[i] == AF_INET6);
        if (fd >= 0)
            close(fd);
    }
    return told;
}

bool diag_listening(uint16_t port,
                    bool (*visit_one)(void *context, const struct diag_socket *found),
                    void *context)
{
    return run(&(struct request){
        .port = port, .states = 1u << TCP_LISTEN, .visit = visit_one, .context = context});
}

bool diag_connecting(bool only_v4,
                     bool (*visit_one)(void *context, const struct diag_socket *found),
                     void *context)
{
    return run(&(struct request){.only_v4 = only_v4,
                                 .states = 1u << TCP_SYN_RECV | 1u << STATE_NEW_SYN_RECV,
                                 .visit = visit_one,
                                 .context = context});
}
