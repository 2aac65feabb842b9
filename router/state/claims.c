#include "router/state/claims.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/text/hash.h"

void claims_init(struct claims *claims, const struct claims_type *type, void *context)
{
    *claims = (struct claims){
        .type = type,
        .context = context,
        .buckets = claims->first_buckets,
        .bucket_count = CLAIMS_FIRST_BUCKETS,
    };
}

static struct claimable **bucket_of(const struct claims *claims, uint64_t hash)
{
    assert((claims->bucket_count & (claims->bucket_count - 1)) == 0);
    return &claims->buckets[hash & (claims->bucket_count - 1)];
}

struct claimable *claims_find(const struct claims *claims, const char *key, size_t len)
{
    uint64_t hash = hash_bytes(key, len, 0);
    struct claimable *thing = *bucket_of(claims, hash);

    while (thing != NULL &&
           !(thing->hash == hash && thing->key_len == len && memcmp(thing->key, key, len) == 0))
        thing = thing->next_in_bucket;
    return thing;
}

static void free_buckets(struct claims *claims)
{
    if (claims->buckets != claims->first_buckets)
        free(claims->buckets);
}

static void grow(struct claims *claims)
{
    struct claims larger = *claims;

    larger.bucket_count = claims->bucket_count * 2;
    larger.buckets = calloc(larger.bucket_count, sizeof(struct claimable *));
    if (larger.buckets == NULL)
        return;
    for (size_t b = 0; b < claims->bucket_count; b++) {
        for (struct claimable *thing = claims->buckets[b], *next; thing != NULL; thing = next) {
            struct claimable **bucket = bucket_of(&larger, thing->hash);
            next = thing->next_in_bucket;
            thing->next_in_bucket = *bucket;
            *bucket = thing;
        }
    }
    free_buckets(claims);
    claims->buckets = larger.buckets;
    claims->bucket_count = larger.bucket_count;
}

void claims_add(struct claims *claims, struct claimable *thing)
{
    assert(!thing->listed && !thing->retired);
    assert(claims_find(claims, thing->key, thing->key_len) == NULL);
    if (claims->count >= claims->bucket_count)
        grow(claims);
    thing->hash = hash_bytes(thing->key, thing->key_len, 0);
    struct claimable **bucket = bucket_of(claims, thing->hash);
    thing->next_in_bucket = *bucket;
    *bucket = thing;
    thing->listed = true;
    claims->count++;
}

static void unlist(struct claims *claims, struct claimable *thing)
{
    struct claimable **link = bucket_of(claims, thing->hash);

    while (*link != thing) {
        assert(*link != NULL);
        link = &(*link)->next_in_bucket;
    }
    assert(claims->count > 0);
    *link = thing->next_in_bucket;
    thing->listed = false;
    claims->count--;
}

void claims_claim(struct claimable *thing)
{
    assert(thing->claims < UINT32_MAX);
    thing->claims++;
}

void claims_unclaim(struct claims *claims, struct claimable *thing)
{
    assert(thing->claims > 0);
    thing->claims--;
    if (thing->claims > 0 || thing->retired)
        return;
    thing->retired = true;
    thing->next_retired = claims->retired;
    claims->retired = thing;
}

size_t claims_sweep(struct claims *claims)
{
    struct claimable **link = &claims->retired;
    size_t freed = 0;

    while (*link != NULL) {
        struct claimable *thing = *link;
        assert(thing->retired);
        bool over = thing->claims == 0 && claims->type->is_idle(thing);
        if (thing->claims == 0 && !over) {
            link = &thing->next_retired;
            continue;
        }
        *link = thing->next_retired;
        thing->retired = false;
        if (!over)
            continue; /* it was claimed again */
        if (thing->listed)
            unlist(claims, thing);
        claims->type->free_thing(thing, claims->context);
        freed++;
    }
    return freed;
}

struct claimable *claims_next(const struct claims *claims, const struct claimable *last)
{
    size_t b = 0;

    assert(last == NULL || last->listed);
    if (last != NULL && last->next_in_bucket != NULL)
        return last->next_in_bucket;
    if (last != NULL)
        b = (size_t)(bucket_of(claims, last->hash) - claims->buckets) + 1;
    while (b < claims->bucket_count && claims->buckets[b] == NULL)
        b++;
    return b < claims->bucket_count ? claims->buckets[b] : NULL;
}

void claims_close(struct claims *claims)
{
    assert(claims->count == 0 && claims->retired == NULL);
    free_buckets(claims);
    claims->buckets = claims->first_buckets;
    claims->bucket_count = CLAIMS_FIRST_BUCKETS;
}
