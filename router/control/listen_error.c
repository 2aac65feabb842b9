#include "router/control/listen_error.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "router/net/socket_owner.h"

#define HINT_MAX 256

const char *listen_title(const struct listener_config *listener, const char *address,
                         char out[LISTEN_TITLE_MAX])
{
    bool named = strcmp(listener->name, listener->address.text) != 0;

    snprintf(out, LISTEN_TITLE_MAX, named ? "%s (%s)" : "%s", address, listener->name);
    return out;
}

/* --- in use --- */

/* Something is at the path of a unix socket that is none, so it was left alone. */
static bool path_is_no_socket(const struct listen_error *why)
{
    const struct address *address = &why->listener->address;
    struct stat found;

    return address->kind == ADDRESS_UNIX && address->path[0] != '@' &&
           lstat(address->path, &found) == 0 && !S_ISSOCK(found.st_mode);
}

static void print_owner(const struct listen_error *why, char hint[HINT_MAX])
{
    bool is_unix = why->listener->address.kind == ADDRESS_UNIX;
    struct socket_owner owner;

    if (path_is_no_socket(why)) {
        snprintf(hint, HINT_MAX,
                 ": what has this path is no socket: remove it, or take another "
                 "path");
        return;
    }
    socket_owner_find(&why->where, why->v6only, &owner);
    if (owner.pid != 0)
        snprintf(hint, HINT_MAX, " by %s (pid %d)", owner.name, (int)owner.pid);
    else
        snprintf(hint, HINT_MAX, " (\"ss -%s\" as root tells by whom)",
                 is_unix         ? "lxp"
                 : owner.listens ? "ltnp"
                                 : "tanp");
}

/* --- not permitted --- */

/* net.ipv4.ip_unprivileged_port_start, for both families. */
static unsigned first_free_port(void)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
    unsigned first = 1024;

    if (file == NULL)
        return first;
    if (fscanf(file, "%u", &first) != 1)
        first = 1024;
    fclose(file);
    return first;
}

static bool may_bind_low_ports(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return syscall(SYS_capget, &header, data) == 0 &&
           (data[0].effective & 1u << CAP_NET_BIND_SERVICE) != 0;
}

static void print_permission(const struct listen_error *why, char hint[HINT_MAX])
{
    const struct address *address = &why->listener->address;
    unsigned first;

    if (address->kind == ADDRESS_UNIX) {
        snprintf(hint, HINT_MAX, ": user %u may not make a socket in its directory",
                 (unsigned)geteuid());
        return;
    }
    first = first_free_port();
    if (address->port > 0 && address->port < first && !may_bind_low_ports())
        snprintf(hint, HINT_MAX,
                 ": ports below %u need root or CAP_NET_BIND_SERVICE (setcap, or "
                 "AmbientCapabilities in a unit)",
                 first);
}

/* --- not there --- */

static void print_no_ipv6(bool every, bool any, char hint[HINT_MAX])
{
    snprintf(hint, HINT_MAX, ": this system has no IPv6%s",
             every && !any ? " (an address such as \":443\" means IPv4 alone here)" : "");
}

/* What the operator can do about it, as the end of a sentence; "": nothing to say. */
static void print_hint(const struct listen_error *why, char hint[HINT_MAX])
{
    static const uint8_t zeros[16];
    const struct address *address = &why->listener->address;
    bool v6 = address->kind == ADDRESS_IPV6;
    bool every = v6 && memcmp(address->ip, zeros, sizeof zeros) == 0;
    bool bind = strcmp(why->step, "bind") == 0;

    hint[0] = '\0';
    if (why->error == EADDRINUSE)
        print_owner(why, hint);
    else if (bind && why->error == EACCES)
        print_permission(why, hint);
    else if (bind && why->error == ENOENT)
        snprintf(hint, HINT_MAX, ": its directory is not there");
    else if ((v6 && why->error == EAFNOSUPPORT) || (every && why->error == EADDRNOTAVAIL))
        print_no_ipv6(every, address->any, hint);
    else if (why->error == EADDRNOTAVAIL && !why->listener->freebind)
        snprintf(hint, HINT_MAX,
                 ": no interface has this address (with \"freebind\": true the listener does not "
                 "need one)");
}

void listen_error_explain(const struct listen_error *why, char *text, size_t size)
{
    char title[LISTEN_TITLE_MAX], hint[HINT_MAX];

    if (why->sentence[0] != '\0') {
        snprintf(text, size, "%s", why->sentence);
        return;
    }
    print_hint(why, hint);
    snprintf(text, size, "cannot listen on %s: %s: %s%s",
             listen_title(why->listener, why->address, title), why->step, strerror(why->error),
             hint);
}
