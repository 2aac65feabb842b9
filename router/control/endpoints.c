/*
 * The happy path
 *  - Each listener of the configuration finds the endpoint with an equal key, or has one opened: a
 *    socket for every worker, side by side by SO_REUSEPORT; a unix socket is shared instead.
 *  - Handed over, the sockets are the workers'; the endpoint keeps the identity and the address.
 *
 * The failures
 *  - An address cannot be bound: what was opened for this configuration is closed again.
 *  - Another process listens on the port already: SO_REUSEPORT would join it silently, so the
 *    address is tried, and then claimed, without it: of two processes that begin at the same moment
 *    one is refused. When a socket of our own would be in the way of that, the kernel is asked who
 *    listens there.
 *  - A socket breaks, or a path is removed: what is missing is opened again (relisten.h).
 *  - A unix socket's path was left behind by a process that died: it is removed. One that another
 *    process has put in place of ours is not.
 */
#include "router/control/endpoints.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "router/net/diag.h"
#include "router/net/net_listen.h"
#include "router/worker/order.h"

/* Longer than workers take to leave a socket. */
#define LEAVING_MS 30000u

void endpoints_init(struct endpoints *endpoints, uint32_t workers)
{
    assert(workers > 0);
    *endpoints = (struct endpoints){.workers = workers, .next_id = 1};
}

/* --- whose is the port --- */

/* One of our own sockets is in the way: then finding the address taken says nothing. */
static bool ours_is_in_the_way(const struct endpoints *endpoints, const struct endpoint *endpoint)
{
    for (const struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        if (endpoint_is_open(e) &&
            target_overlaps(&e->where, e->v6only, &endpoint->where, endpoint->v6only))
            return true;
    }
    for (const struct endpoint *e = endpoints->leaving; e != NULL; e = e->next) {
        if (target_overlaps(&e->where, e->v6only, &endpoint->where, endpoint->v6only))
            return true;
    }
    return false;
}

struct stranger {
    const struct endpoints *endpoints;
    const struct endpoint *endpoint;
    bool found;
};

static bool has_inode(const struct endpoint *first, uint64_t inode)
{
    while (first != NULL && !endpoint_has_inode(first, inode))
        first = first->next;
    return first != NULL;
}

static bool on_listening(void *context, const struct diag_socket *found)
{
    struct stranger *stranger = context;
    const struct endpoint *endpoint = stranger->endpoint;

    stranger->found =
        target_overlaps(&found->local, found->v6only, &endpoint->where, endpoint->v6only) &&
        !has_inode(stranger->endpoints->first, found->inode) &&
        !has_inode(stranger->endpoints->leaving, found->inode);
    return !stranger->found;
}

/* Where it cannot be tried, the kernel is asked whether another process listens there. */
static bool stranger_listens(const struct endpoints *endpoints, const struct endpoint *endpoint)
{
    struct stranger stranger = {endpoints, endpoint, false};
    struct peer own;

    peer_from_sockaddr((const struct sockaddr *)&endpoint->where.address, &own);
    return diag_listening(own.port, on_listening, &stranger) && stranger.found;
}

/* SO_REUSEPORT would join another process silently. 0: it is free; or an errno, and *step. */
static int probe_free(const struct endpoints *endpoints, const struct endpoint *endpoint,
                      const struct listener_config *listener, const char **step)
{
    struct peer own;

    peer_from_sockaddr((const struct sockaddr *)&endpoint->where.address, &own);
    if (!own.known || own.port == 0)
        return 0;
    if (!ours_is_in_the_way(endpoints, endpoint))
        return net_probe_free(listener, &endpoint->where, step);
    *step = "bind";
    return stranger_listens(endpoints, endpoint) ? EADDRINUSE : 0;
}

/* 0, or the errno of *step. */
static int open_endpoint(const struct endpoints *endpoints, struct endpoint *endpoint,
                         const struct listener_config *listener, const char **step)
{
    return endpoint_listen(endpoint, listener, !ours_is_in_the_way(endpoints, endpoint), step);
}

/* --- opening --- */

/* The endpoint that serves this listener as it is and that no other listener has claimed. */
static struct endpoint *
find_unclaimed(const struct endpoints *endpoints, const struct listener_config *listener,
               bool (*equal)(const struct listen_key *a, const struct listen_key *b))
{
    struct listen_key key = listen_key_of(listener);

    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        if (e->candidate == CONFIG_NONE && equal(&e->key, &key))
            return e;
    }
    return NULL;
}

static struct endpoint *find_candidate(const struct endpoints *endpoints, uint32_t index)
{
    struct endpoint *e = endpoints->first;

    while (e != NULL && e->candidate != index)
        e = e->next;
    return e;
}

/* Listeners that have an endpoint claim it: those of the same name first. */
static void claim(struct endpoints *endpoints, const struct config *config)
{
    bool (*const equal[])(const struct listen_key *a,
                          const struct listen_key *b) = {listen_key_equal, listen_key_renamed};

    for (size_t pass = 0; pass < sizeof equal / sizeof equal[0]; pass++) {
        for (uint32_t i = 0; i < config->listener_count; i++) {
            struct endpoint *endpoint;
            if (find_candidate(endpoints, i) != NULL)
                continue;
            endpoint = find_unclaimed(endpoints, &config->listeners[i], equal[pass]);
            if (endpoint != NULL)
                endpoint->candidate = i;
        }
    }
}

/* Endpoints without sockets for the listeners that have none. */
static bool make_missing(struct endpoints *endpoints, const struct config *config,
                         struct listen_error *why)
{
    for (uint32_t i = 0; i < config->listener_count; i++) {
        if (find_candidate(endpoints, i) != NULL)
            continue;
        const struct listener_config *listener = &config->listeners[i];
        struct endpoint *endpoint =
            endpoint_new(listener, endpoints->next_id++, endpoints->workers);
        if (endpoint == NULL) {
            *why = (struct listen_error){.listener = listener,
                                         .address = listener->address.text,
                                         .step = "malloc",
                                         .error = ENOMEM};
            return false;
        }
        endpoint->candidate = i;
        endpoint->next = endpoints->first;
        endpoints->first = endpoint;
    }
    return true;
}

/* Sockets that were passed to the process are for new endpoints, and need not be opened then. */
static bool adopt_passed(struct endpoints *endpoints, const struct config *config,
                         struct listen_error *why)
{
    if (endpoints->passed == NULL)
        return true;
    struct endpoint **wanting = calloc(config->listener_count + 1u, sizeof(struct endpoint *));
    if (wanting == NULL) {
        *why = (struct listen_error){.sentence = "no memory for the sockets passed"};
        return false;
    }
    for (uint32_t i = 0; i < config->listener_count; i++) {
        struct endpoint *e = find_candidate(endpoints, i);
        wanting[i] = e->index == CONFIG_NONE ? e : NULL;
    }
    bool given = adoption_give(endpoints->passed, config, wanting, why->sentence);
    free(wanting);
    if (given)
        endpoints->passed = NULL;
    return given;
}

/* Tries all of the new ones before any is opened: what they meet then is not each other. */
static bool open_missing(struct endpoints *endpoints, const struct config *config,
                         struct listen_error *why)
{
    for (int opening = 0; opening < 2; opening++) {
        for (uint32_t i = 0; i < config->listener_count; i++) {
            struct endpoint *e = find_candidate(endpoints, i);
            if (e->index != CONFIG_NONE || endpoint_is_open(e)) /* it was, or it was passed */
                continue;
            why->listener = &config->listeners[i];
            why->address = why->listener->address.text;
            why->where = e->where;
            why->v6only = e->v6only;
            why->error = opening ? open_endpoint(endpoints, e, why->listener, &why->step)
                                 : probe_free(endpoints, e, why->listener, &why->step);
            if (why->error != 0)
                return false;
        }
    }
    return true;
}

/* Frees those that the workers have left by now. */
static void forget_left(struct endpoints *endpoints)
{
    struct endpoint **link = &endpoints->leaving;
    uint64_t now_ms = uv_hrtime() / 1000000u;

    while (*link != NULL) {
        struct endpoint *endpoint = *link;
        if (now_ms - endpoint->left_ms < LEAVING_MS) {
            link = &endpoint->next;
        } else {
            *link = endpoint->next;
            endpoint_free(endpoint);
        }
    }
}

bool endpoints_open(struct endpoints *endpoints, const struct config *config,
                    struct listen_error *why)
{
    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        assert(e->index < CONFIG_NONE); /* the change before this was committed or cancelled */
        assert(e->candidate == CONFIG_NONE);
    }
    why->sentence[0] = '\0';
    forget_left(endpoints);
    claim(endpoints, config);
    if (make_missing(endpoints, config, why) && adopt_passed(endpoints, config, why) &&
        open_missing(endpoints, config, why))
        return true;
    endpoints_cancel(endpoints);
    return false;
}

bool endpoints_open_again(struct endpoints *endpoints, struct endpoint *endpoint,
                          const struct config *config, struct listen_error *why)
{
    assert(endpoint->index < config->listener_count);
    why->sentence[0] = '\0';
    why->listener = &config->listeners[endpoint->index];
    why->address = endpoint->bound;
    why->where = endpoint->where;
    why->v6only = endpoint->v6only;
    why->error = probe_free(endpoints, endpoint, why->listener, &why->step);
    if (why->error == 0)
        why->error = open_endpoint(endpoints, endpoint, why->listener, &why->step);
    return why->error == 0;
}

struct endpoint *endpoints_note_broken(struct endpoints *endpoints,
                                       const struct broken_listener *broken)
{
    struct endpoint *e = endpoints->first;

    while (e != NULL && e->id != broken->endpoint_id)
        e = e->next;
    if (e == NULL)
        return NULL;
    assert(broken->worker < e->workers && broken->round < e->rounds);
    struct endpoint_socket *socket = &e->sockets[broken->round * e->workers + broken->worker];
    if (!socket->open || socket->generation != broken->generation)
        return NULL;
    socket->open = false;
    return e;
}

/* --- handing over --- */

bool endpoints_hand(const struct endpoint *endpoint, uint32_t index, uint32_t backlog,
                    uint32_t slot, struct handed_listener *handed)
{
    const struct endpoint_socket *socket = &endpoint->sockets[slot];

    *handed = (struct handed_listener){.endpoint_id = endpoint->id,
                                       .round = slot / endpoint->workers,
                                       .generation = socket->generation,
                                       .kept = endpoint->kept,
                                       .index = index,
                                       .backlog = backlog,
                                       .fd = socket->fd};
    if (socket->fd < 0)
        return true;
    handed->made = calloc(1, sizeof *handed->made);
    handed->report = order_new(ORDER_BROKEN);
    if (handed->made != NULL && handed->report != NULL)
        return true;
    handed_release(handed);
    return false;
}

/* How many sockets each worker has, or is to have, for the configuration just opened. */
static uint32_t count_rounds(const struct endpoints *endpoints)
{
    uint32_t count = 0;

    for (const struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        if (e->candidate != CONFIG_NONE)
            count += e->rounds;
    }
    return count;
}

/* False: no memory; *count says how many were made. */
static bool offer_all(const struct endpoints *endpoints, const struct config *config,
                      uint32_t worker, struct handed_listener *handed, uint32_t *count)
{
    for (const struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        for (uint32_t round = 0; e->candidate != CONFIG_NONE && round < e->rounds; round++) {
            uint32_t slot = round * e->workers + worker;
            /* each is given just once */
            assert(e->sockets[slot].fd < 0 || e->index == CONFIG_NONE);
            if (!endpoints_hand(e, e->candidate, config->listeners[e->candidate].backlog, slot,
                                &handed[*count]))
                return false;
            ++*count;
        }
    }
    return true;
}

struct handed_listener *endpoints_offer(const struct endpoints *endpoints,
                                        const struct config *config, uint32_t worker,
                                        uint32_t *count)
{
    struct handed_listener *handed = calloc(count_rounds(endpoints) + 1u, sizeof *handed);

    assert(worker < endpoints->workers);
    *count = 0;
    if (handed == NULL || offer_all(endpoints, config, worker, handed, count))
        return handed;
    for (uint32_t i = 0; i < *count; i++)
        handed_release(&handed[i]);
    free(handed);
    return NULL;
}

/* --- deciding --- */

/* Takes those that no configuration has out of the list, and gives each to `leave`. */
static void take_out_unused(struct endpoints *endpoints,
                            void (*leave)(struct endpoints *endpoints, struct endpoint *endpoint))
{
    struct endpoint **link = &endpoints->first;

    while (*link != NULL) {
        struct endpoint *endpoint = *link;
        if (endpoint->index != CONFIG_NONE) {
            link = &endpoint->next;
        } else {
            *link = endpoint->next;
            leave(endpoints, endpoint);
        }
    }
}

/* The workers leave its sockets, and until they have done so the address is ours. */
static void let_go(struct endpoints *endpoints, struct endpoint *endpoint)
{
    endpoint_remove_path(endpoint);
    endpoint->left_ms = uv_hrtime() / 1000000u;
    endpoint->next = endpoints->leaving;
    endpoints->leaving = endpoint;
}

static void drop(struct endpoints *endpoints, struct endpoint *endpoint)
{
    (void)endpoints;
    endpoint_free(endpoint);
}

void endpoints_commit(struct endpoints *endpoints, const struct config *config)
{
    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        e->index = e->candidate;
        e->candidate = CONFIG_NONE;
        for (uint32_t slot = 0; slot < endpoint_slots(e); slot++)
            e->sockets[slot].fd = -1;
    }
    take_out_unused(endpoints, let_go);
    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next) {
        assert(e->index < config->listener_count);
        e->key = listen_key_of(&config->listeners[e->index]);
        endpoint_set_mode(e, config->listeners[e->index].mode);
    }
}

void endpoints_cancel(struct endpoints *endpoints)
{
    take_out_unused(endpoints, drop);
    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next)
        e->candidate = CONFIG_NONE;
}

/* --- what is there --- */

const struct endpoint *endpoints_of(const struct endpoints *endpoints, uint32_t listener)
{
    const struct endpoint *e = endpoints->first;

    while (e != NULL && e->index != listener)
        e = e->next;
    assert(e != NULL);
    return e;
}

uint32_t endpoints_deaf(const struct endpoints *endpoints)
{
    uint32_t count = 0;

    for (const struct endpoint *e = endpoints->first; e != NULL; e = e->next)
        count += endpoint_is_deaf(e);
    return count;
}

void endpoints_take_over(struct endpoints *endpoints)
{
    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next)
        e->shared = false;
}

void endpoints_give_up_paths(struct endpoints *endpoints)
{
    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next)
        endpoint_give_up_path(e);
}

void endpoints_remove_paths(struct endpoints *endpoints)
{
    for (struct endpoint *e = endpoints->first; e != NULL; e = e->next)
        endpoint_remove_path(e);
}

static void free_list(struct endpoint *first)
{
    while (first != NULL) {
        struct endpoint *next = first->next;
        endpoint_free(first);
        first = next;
    }
}

void endpoints_close(struct endpoints *endpoints)
{
    free_list(endpoints->first);
    free_list(endpoints->leaving);
    endpoints->first = endpoints->leaving = NULL;
}
