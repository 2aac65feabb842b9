/*
 * The failures
 *  - A socket that nobody wants, one of another kind than its listener, sockets at different
 *    addresses for one listener: a sentence that names them. All are looked at before the first is
 *    given.
 */
#include "router/control/adoption.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/log/log.h"

/* --- addresses --- */

static bool same_ip(const struct target *a, const struct target *b)
{
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)&a->address;
    const struct sockaddr_in *b4 = (const struct sockaddr_in *)&b->address;
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&a->address;
    const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)&b->address;

    if (a->address.ss_family != b->address.ss_family)
        return false;
    if (a->address.ss_family == AF_INET)
        return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return a->address.ss_family == AF_INET6 && a6->sin6_scope_id == b6->sin6_scope_id &&
           memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

/* IPv4 and IPv6 have the port at the same place. */
static uint16_t port_of(const struct target *target)
{
    return ((const struct sockaddr_in *)&target->address)->sin_port;
}

static bool same_path(const struct target *a, const struct target *b)
{
    const struct sockaddr_un *ua = (const struct sockaddr_un *)&a->address;
    const struct sockaddr_un *ub = (const struct sockaddr_un *)&b->address;

    if (a->address.ss_family != AF_UNIX || b->address.ss_family != AF_UNIX)
        return false;
    if (ua->sun_path[0] != '\0') /* the length may count the end, or not */
        return strncmp(ua->sun_path, ub->sun_path, sizeof ua->sun_path) == 0;
    return a->len == b->len && memcmp(ua, ub, a->len) == 0;
}

static bool same_address(const struct target *a, bool a_v6only, const struct target *b,
                         bool b_v6only)
{
    struct peer peer;

    if (same_path(a, b))
        return true;
    if (!same_ip(a, b) || port_of(a) != port_of(b))
        return false;
    peer_from_sockaddr((const struct sockaddr *)&a->address, &peer);
    return a->address.ss_family != AF_INET6 || !peer_is_any(&peer) || a_v6only == b_v6only;
}

/* --- matching --- */

/* How a socket may be known, in the order in which it is tried. */
enum likeness { NAME_AND_ADDRESS, NAME, ADDRESS, LIKENESSES };

static bool is_like(const struct passed_socket *passed, const struct listener_config *listener,
                    const struct endpoint *endpoint, enum likeness how, bool upgrade)
{
    char name[ACTIVATION_NAME_SIZE];

    activation_name(listener->name, name);
    bool named = passed->name[0] != '\0' && (strcmp(passed->name, listener->name) == 0 ||
                                             (upgrade && strcmp(passed->name, name) == 0));
    bool there = same_address(&passed->where, passed->v6only, &endpoint->where, endpoint->v6only);
    bool any_port = endpoint->where.address.ss_family != AF_UNIX &&
                    port_of(&endpoint->where) == 0 && same_ip(&passed->where, &endpoint->where);

    switch (how) {
    case NAME_AND_ADDRESS:
        return named && (there || any_port);
    case NAME:
        return named && !upgrade;
    case ADDRESS:
        return there;
    case LIKENESSES:
        break;
    }
    return false;
}

static void match(struct passed_socket *passed, const struct config *config,
                  struct endpoint *const *wanting, bool upgrade)
{
    passed->listener = CONFIG_NONE;
    for (int how = 0; how < LIKENESSES && passed->listener == CONFIG_NONE; how++) {
        for (uint32_t i = 0; i < config->listener_count; i++) {
            if (wanting[i] != NULL &&
                is_like(passed, &config->listeners[i], wanting[i], (enum likeness)how, upgrade)) {
                passed->listener = i;
                break;
            }
        }
    }
}

/* --- judging --- */

static bool is_unix(const struct target *where)
{
    return where->address.ss_family == AF_UNIX;
}

/* False: the sentence says why it cannot be used. */
static bool judge(const struct activation *all, const struct config *config, uint32_t which,
                  char *sentence)
{
    const struct passed_socket *passed = &all->list[which];
    char text[ACTIVATION_SOCKET_TEXT];

    activation_print(passed, text);
    if (passed->listener == CONFIG_NONE) {
        snprintf(sentence, LISTEN_SENTENCE_MAX,
                 "%s was passed to this process, but no listener has its name or address%s", text,
                 all->predecessor >= 0 ? ": reload (HUP) before the upgrade" : "");
        return false;
    }
    const struct listener_config *listener = &config->listeners[passed->listener];
    if (is_unix(&passed->where) != (listener->address.kind == ADDRESS_UNIX)) {
        snprintf(sentence, LISTEN_SENTENCE_MAX,
                 "%s was passed for listener %s, which is another kind of socket: %s", text,
                 listener->name, listener->address.text);
        return false;
    }
    for (uint32_t i = 0; i < which; i++) {
        const struct passed_socket *other = &all->list[i];
        if (other->listener != passed->listener ||
            same_address(&other->where, other->v6only, &passed->where, passed->v6only))
            continue;
        snprintf(sentence, LISTEN_SENTENCE_MAX,
                 "%s and socket %d were both passed for listener %s, but have different addresses",
                 text, other->fd, listener->name);
        return false;
    }
    return true;
}

/* --- giving --- */

static int give(const struct activation *all, const struct listener_config *listener,
                uint32_t index, struct endpoint *endpoint, int *fds)
{
    uint32_t count = 0;
    bool kept = false;

    for (uint32_t i = 0; i < all->count; i++) {
        if (all->list[i].listener != index)
            continue;
        fds[count++] = all->list[i].fd;
        kept |= all->list[i].kept;
    }
    if (count == 0)
        return 0;
    struct target wanted = endpoint->where;
    int error = endpoint_adopt(endpoint, listener, fds, count, kept, all->predecessor >= 0);
    if (error == 0 && !same_address(&wanted, false, &endpoint->where, false) &&
        (is_unix(&wanted) || port_of(&wanted) != 0))
        log_line(LOG_LEVEL_WARNING, "listener %s: the socket passed to it is at %s, not at %s",
                 listener->name, endpoint->bound, listener->address.text);
    return error;
}

bool adoption_give(struct activation *passed, const struct config *config,
                   struct endpoint *const *wanting, char sentence[LISTEN_SENTENCE_MAX])
{
    for (uint32_t i = 0; i < passed->count; i++) {
        match(&passed->list[i], config, wanting, passed->predecessor >= 0);
        if (!judge(passed, config, i, sentence))
            return false;
    }
    int *fds = calloc(passed->count + 1u, sizeof *fds);
    int error = fds == NULL ? ENOMEM : 0;
    for (uint32_t i = 0; error == 0 && i < config->listener_count; i++)
        error = give(passed, &config->listeners[i], i, wanting[i], fds);
    free(fds);
    if (error != 0)
        snprintf(sentence, LISTEN_SENTENCE_MAX, "cannot use the sockets passed: %s",
                 strerror(error));
    else if (passed->count > 0)
        log_line(LOG_LEVEL_INFO, "%u listening socket%s passed to this process", passed->count,
                 passed->count == 1 ? " was" : "s were");
    activation_free(passed); /* also when it failed halfway: nothing is tried again then */
    return error == 0;
}
