#ifndef ROUTER_SNAPSHOT_H
#define ROUTER_SNAPSHOT_H

/*
 * A configuration in use: the immutable config, the socket addresses its servers resolved to, and a
 * count of the workers that still use it.
 *
 * Control makes it, counts up on a worker's behalf before posting it, and alone frees it. Workers
 * only count down. Everything but the count and `late` is read-only once posted.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "router/net/sockaddr.h"

struct snapshot {
    struct config *config;        /* owned */
    struct target *targets;       /* one per server, backend after backend */
    struct target *_Atomic *late; /* one per server: found while in use, owned; NULL: nothing */
    uint32_t *first_target;       /* per backend */
    uint32_t target_count;
    uint32_t generation; /* 1 for the first configuration of the process */
    atomic_uint refs;
    struct snapshot *next; /* control's list of snapshots that are not freed yet */
};

/*
 * Takes `config` over (also on failure, when NULL is returned: no memory). Targets given as numbers
 * or paths are filled in; names have len 0 until they are resolved.
 */
struct snapshot *snapshot_new(struct config *config, uint32_t generation);

/* The target of a server. Any thread. */
const struct target *snapshot_target(const struct snapshot *snapshot, uint32_t backend,
                                     uint32_t server);

/*
 * Gives a server that had no address one, while workers use the snapshot: those that ask from now
 * on find it. Once per server; takes `target` over. Control.
 */
void snapshot_add_late(struct snapshot *snapshot, uint32_t index, struct target *target);

void snapshot_ref(struct snapshot *snapshot);   /* control only */
bool snapshot_unref(struct snapshot *snapshot); /* any thread; true: that was the last */
void snapshot_free(struct snapshot *snapshot);  /* control only; asserts that nobody uses it */

#endif
