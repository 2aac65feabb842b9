/*
 * A word of `hellos` is a hash of the hello (32 bits), the time it came last (24 bits, of
 * TICK_MS) and how many times it came (8 bits). A hello takes the word of another that had the same
 * place: a loop takes it back with its next round.
 */
#include "router/conn/loop_guard.h"

#include <assert.h>
#include <string.h>

#include "config/text/hash.h"

#define TICK_MS   16u
#define TICK_MASK 0xffffffu
#define COUNT_MAX 255u
/* Of the hellos after LOOP_SUSPECT, the sockets of each so many are noted. */
#define NOTE_EVERY 8u

_Static_assert((LOOP_HELLOS & (LOOP_HELLOS - 1)) == 0, "a hash is cut to a place by a mask");
_Static_assert(NOTE_EVERY > LOOP_SUSPECT, "the count begins again behind LOOP_SUSPECT");

static uint64_t pack(uint32_t hash, uint32_t tick, uint32_t count)
{
    return (uint64_t)hash << 32 | (uint64_t)tick << 8 | count;
}

uint32_t loop_guard_count(struct loop_guard *guard, const uint8_t *bytes, size_t len,
                          uint64_t now_ms)
{
    uint64_t whole = hash_bytes(bytes, len, 0);
    uint32_t hash = (uint32_t)(whole >> 32);
    atomic_uint_fast64_t *word = &guard->hellos[whole & (LOOP_HELLOS - 1)];
    uint64_t was = atomic_load_explicit(word, memory_order_relaxed);
    uint32_t tick = (uint32_t)(now_ms / TICK_MS) & TICK_MASK;
    uint32_t age = (tick - (uint32_t)(was >> 8)) & TICK_MASK;
    uint32_t count = (uint32_t)was & COUNT_MAX;

    if (was >> 32 != hash || age > LOOP_WINDOW_MS / TICK_MS)
        count = 0;
    count = count == COUNT_MAX ? COUNT_MAX + 1 - NOTE_EVERY : count + 1;
    atomic_store_explicit(word, pack(hash, tick, count), memory_order_relaxed);
    return count;
}

bool loop_guard_suspects(uint32_t count)
{
    return count % NOTE_EVERY == LOOP_SUSPECT;
}

/* An IP address and port, in 32 bits. */
static uint32_t hash_of(const struct peer *peer)
{
    uint8_t bytes[sizeof peer->ip + sizeof peer->port];

    memcpy(bytes, peer->ip, sizeof peer->ip);
    memcpy(bytes + sizeof peer->ip, &peer->port, sizeof peer->port);
    return (uint32_t)hash_bytes(bytes, sizeof bytes, 0);
}

static uint64_t hash_of_both(const struct peer *from, const struct peer *to)
{
    return (uint64_t)hash_of(from) << 32 | hash_of(to);
}

void loop_guard_note(struct loop_guard *guard, const struct peer *from, const struct peer *to)
{
    unsigned place = atomic_fetch_add_explicit(&guard->next_socket, 1, memory_order_relaxed);

    assert(from->known && to->known);
    atomic_store_explicit(&guard->sockets[place % LOOP_SOCKETS], hash_of_both(from, to),
                          memory_order_relaxed);
}

/* Whether a noted word is this one, in its upper `bits`. */
static bool is_noted(struct loop_guard *guard, uint64_t word, unsigned bits)
{
    for (unsigned i = 0; i < LOOP_SOCKETS; i++) {
        uint64_t noted = atomic_load_explicit(&guard->sockets[i], memory_order_relaxed);
        if (noted != 0 && (noted ^ word) >> (64 - bits) == 0)
            return true;
    }
    return false;
}

bool loop_guard_knows_from(struct loop_guard *guard, const struct peer *from)
{
    return from->known && is_noted(guard, (uint64_t)hash_of(from) << 32, 32);
}

bool loop_guard_knows(struct loop_guard *guard, const struct peer *from, const struct peer *to)
{
    return from->known && to->known && is_noted(guard, hash_of_both(from, to), 64);
}
