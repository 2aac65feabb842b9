#include "router/state/addresses.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct addresses *addresses_new(uint32_t count)
{
    assert(count > 0 && count <= ADDRESSES_MAX);
    struct addresses *addresses = calloc(1, sizeof *addresses + count * sizeof addresses->list[0]);
    if (addresses == NULL)
        return NULL;
    addresses->holders = 1;
    addresses->count = count;
    return addresses;
}

void addresses_interleave(struct target *list, uint32_t count)
{
    for (uint32_t at = 1; at < count; at++) {
        sa_family_t before = list[at - 1].address.ss_family;
        uint32_t other = at;
        while (other < count && list[other].address.ss_family == before)
            other++;
        if (other == count)
            return; /* one family is left */
        struct target moved = list[other];
        memmove(&list[at + 1], &list[at], (other - at) * sizeof *list);
        list[at] = moved;
    }
}

struct addresses *addresses_of(const struct address *address)
{
    struct addresses *addresses = addresses_new(1);

    assert(address->kind != ADDRESS_NAME);
    if (addresses == NULL)
        return NULL;
    bool known = target_from_address(address, &addresses->list[0]);
    assert(known);
    return addresses;
}

struct addresses *addresses_at_port(const struct addresses *addresses, uint16_t port)
{
    struct addresses *copy = addresses_new(addresses->count);

    if (copy == NULL)
        return NULL;
    memcpy(copy->list, addresses->list, addresses->count * sizeof addresses->list[0]);
    for (uint32_t i = 0; i < copy->count; i++)
        target_set_port(&copy->list[i], port);
    return copy;
}

bool addresses_equal(const struct addresses *one, const struct addresses *other)
{
    if (one == NULL || other == NULL)
        return one == other;
    if (one->count != other->count)
        return false;
    for (uint32_t i = 0; i < one->count; i++) {
        if (one->list[i].len != other->list[i].len ||
            memcmp(&one->list[i].address, &other->list[i].address, one->list[i].len) != 0)
            return false;
    }
    return true;
}

void addresses_ref(struct addresses *addresses)
{
    if (addresses == NULL)
        return;
    assert(addresses->holders > 0 && addresses->count > 0);
    addresses->holders++;
}

void addresses_unref(struct addresses *addresses)
{
    if (addresses == NULL)
        return;
    assert(addresses->holders > 0);
    if (--addresses->holders == 0)
        free(addresses);
}
