#ifndef ROUTER_CLAIMS_H
#define ROUTER_CLAIMS_H

/*
 * A set of things that survive reloads and are found again by a key: servers, and the cells that
 * are counted in. Control only.
 *
 * Each configuration in use claims the things it names. A thing that nobody claims any more has
 * retired: it can still be found and claimed again, and is freed by the first sweep that finds it
 * idle.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first member of a thing that is kept in a set. */
struct claimable {
    const char *key; /* owned by the thing, never changes; may contain NULs */
    size_t key_len;
    uint64_t hash;
    uint32_t claims;
    bool listed;  /* it can be found by its key */
    bool retired; /* in the list of those that a sweep looks at */
    struct claimable *next_in_bucket;
    struct claimable *next_retired;
};

/* What the set must know of its things. */
struct claims_type {
    /* Whether no thread uses it. Asked of a thing that nobody claims, which nobody can begin to
     * use any more. */
    bool (*is_idle)(const struct claimable *thing);
    void (*free_thing)(struct claimable *thing, void *context);
};

/* So many buckets are there from the start, so that adding cannot fail. */
#define CLAIMS_FIRST_BUCKETS 16u

struct claims {
    const struct claims_type *type;
    void *context;              /* for free_thing */
    struct claimable **buckets; /* a power of two of them */
    size_t bucket_count;
    size_t count; /* of things that are listed */
    struct claimable *retired;
    struct claimable *first_buckets[CLAIMS_FIRST_BUCKETS];
};

/* The set must not move in memory afterwards. */
void claims_init(struct claims *claims, const struct claims_type *type, void *context);

/* The thing of this key, or NULL. */
struct claimable *claims_find(const struct claims *claims, const char *key, size_t len);

/*
 * Lists a thing whose key no other thing has. Without memory for more buckets the set becomes
 * slower, nothing else.
 */
void claims_add(struct claims *claims, struct claimable *thing);

void claims_claim(struct claimable *thing);
void claims_unclaim(struct claims *claims, struct claimable *thing);

/* Frees the things that nobody claims and nobody uses; returns how many. */
size_t claims_sweep(struct claims *claims);

/* Goes through what is listed, in no order; NULL begins and ends. Nothing may be added meanwhile.
 */
struct claimable *claims_next(const struct claims *claims, const struct claimable *last);

/* Frees the set's own memory; asserts that it is empty. */
void claims_close(struct claims *claims);

#endif
