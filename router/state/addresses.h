#ifndef ROUTER_ADDRESSES_H
#define ROUTER_ADDRESSES_H

/*
 * The socket addresses of one server: a list that never changes once a snapshot holds it, tried in
 * its order. Whatever needs another list gets another snapshot.
 *
 * Counted by those that hold it, on the control thread alone; freed by control with the last
 * snapshot that holds it. Workers read it through their snapshot and count nothing.
 */

#include <stdbool.h>
#include <stdint.h>

#include "router/net/sockaddr.h"

struct addresses {
    uint32_t holders;
    uint32_t count; /* at least 1: no address at all is no list */
    struct target list[];
};

/* A list to be filled in, with the caller as its one holder. NULL: no memory. */
struct addresses *addresses_new(uint32_t count);

/* So many addresses of one name are kept at most. */
#define ADDRESSES_MAX 8u

/*
 * Has the families take turns, beginning with that of the first, and each keep its own order (RFC
 * 8305, section 4): a family that does not work costs one try. Before the list is in use.
 */
void addresses_interleave(struct target *list, uint32_t count);

/* The list of a server whose address is no name. NULL: no memory. */
struct addresses *addresses_of(const struct address *address);

/* The same at another port; none may be a unix socket. NULL: no memory. */
struct addresses *addresses_at_port(const struct addresses *addresses, uint16_t port);

/* Whether both have the same addresses in the same order. NULL: no address. */
bool addresses_equal(const struct addresses *one, const struct addresses *other);

/* One more holder. NULL is allowed, here and below. */
void addresses_ref(struct addresses *addresses);
void addresses_unref(struct addresses *addresses);

#endif
