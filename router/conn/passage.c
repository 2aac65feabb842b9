#include "router/conn/passage.h"

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void passage_start(struct passage *passage, const struct peer *peer, uint32_t listener,
                   struct stats_cell *listener_stats, uint32_t worker)
{
    assert(listener_stats != NULL);
    *passage = (struct passage){
        .peer = *peer,
        .listener = listener,
        .listener_stats = listener_stats,
        .policy = POLICY_CASES,
        .looks = LOOKS_KINDS,
        .route = ROUTE_NONE,
        .backend = CONFIG_NONE,
        .hello_ms = PASSAGE_TIME_NONE,
        .connect_ms = PASSAGE_TIME_NONE,
        .first_byte_ms = PASSAGE_TIME_NONE,
    };
    stats_enter(stats_row(listener_stats, worker));
}

/* The ALPN list as on the wire, without the record headers that may lie in between. */
static size_t copy_alpn(const struct client_hello *hello, uint8_t alpn[PASSAGE_ALPN_MAX])
{
    struct hello_alpn position = {0};
    uint8_t name[255];
    uint8_t len;
    size_t total = 0;

    while (hello->alpn_bytes > 0 && hello_alpn_next(hello, &position, name, &len) &&
           total + 1 + len <= PASSAGE_ALPN_MAX) {
        alpn[total] = len;
        memcpy(alpn + total + 1, name, len);
        total += 1u + len;
    }
    return total;
}

static struct passage_names *copy_names(const struct client_hello *hello)
{
    uint8_t alpn[PASSAGE_ALPN_MAX];
    size_t alpn_len = copy_alpn(hello, alpn);
    size_t host_len = hello->name == HELLO_NAME_NONE ? 0 : hello->host_len;
    struct passage_names *names;

    if (host_len + alpn_len == 0)
        return NULL;
    names = malloc(sizeof *names + host_len + 1 + alpn_len);
    if (names == NULL)
        return NULL;
    *names = (struct passage_names){.host_len = (uint8_t)host_len, .alpn_len = (uint16_t)alpn_len};
    memcpy(names->bytes, hello->host, host_len);
    names->bytes[host_len] = '\0';
    memcpy(names->bytes + host_len + 1, alpn, alpn_len);
    return names;
}

void passage_keep_hello(struct passage *passage, const struct client_hello *hello, uint64_t now_ms)
{
    assert(passage->names == NULL && passage->hello_ms == PASSAGE_TIME_NONE);
    passage->hello_bytes = hello->wire_bytes;
    passage->hello_ms = (uint32_t)(now_ms - passage->accepted_ms);
    passage->tls_version = hello->highest_version;
    passage->ech = hello->ech;
    passage->names = copy_names(hello);
}

void passage_keep_decision(struct passage *passage, const struct decision *decision,
                           struct stats_cell *route_stats, uint32_t worker)
{
    assert(passage->route == ROUTE_NONE && passage->backend == CONFIG_NONE);
    assert(decision->route != ROUTE_NONE || route_stats == NULL);
    passage->route = decision->route;
    passage->pattern = decision->pattern;
    passage->backend = decision->backend;
    if (decision->backend != CONFIG_NONE)
        passage->policy = (uint8_t)decision->which;
    passage->route_stats = route_stats;
    stats_enter(stats_row(route_stats, worker));
}

void passage_use_server(struct passage *passage, struct server *server)
{
    assert(server != NULL && passage->backend != CONFIG_NONE);
    assert(passage->connect_ms == PASSAGE_TIME_NONE);
    server_enter(server);
    if (passage->server != NULL)
        server_leave(passage->server);
    passage->server = server;
}

void passage_connected(struct passage *passage, uint32_t connect_ms, uint32_t worker)
{
    assert(passage->server != NULL && passage->connect_ms == PASSAGE_TIME_NONE);
    passage->connect_ms = connect_ms;
    server_stats_enter(passage->server, worker);
}

void passage_add_bytes(struct passage *passage, uint64_t in, uint64_t out, uint32_t worker)
{
    assert(passage->connect_ms != PASSAGE_TIME_NONE);
    stats_add_bytes(stats_row(passage->listener_stats, worker), in, out);
    stats_add_bytes(stats_row(passage->route_stats, worker), in, out);
    server_stats_add_bytes(passage->server, worker, in, out);
}

/* --- servers that have failed: behind the texts, aligned --- */

static size_t failed_at(const struct passage_names *names)
{
    size_t texts = offsetof(struct passage_names, bytes) + names->host_len + 1u + names->alpn_len;

    return (texts + alignof(struct passage_failed) - 1) & ~(alignof(struct passage_failed) - 1);
}

static struct passage_failed *failed_of(struct passage_names *names)
{
    return (struct passage_failed *)((char *)names + failed_at(names));
}

void passage_keep_failed(struct passage *passage, enum reason reason)
{
    static const struct passage_names without_texts;
    const struct passage_names *texts = passage->names != NULL ? passage->names : &without_texts;
    uint8_t count = texts->failed_count;

    assert(passage->server != NULL && reason < REASON_COUNT);
    if (count == PASSAGE_FAILED_MAX)
        return;
    size_t bytes = failed_at(texts) + (count + 1u) * sizeof(struct passage_failed);
    struct passage_names *names = realloc(passage->names, bytes);
    if (names == NULL)
        return;
    if (passage->names == NULL) {
        *names = without_texts;
        names->bytes[0] = '\0';
    }
    server_hold(passage->server);
    failed_of(names)[count] =
        (struct passage_failed){.server = passage->server, .reason = (uint8_t)reason};
    names->failed_count++;
    passage->names = names;
}

const struct passage_failed *passage_failed(const struct passage *passage, uint32_t *count)
{
    *count = passage->names == NULL ? 0 : passage->names->failed_count;
    return *count == 0 ? NULL : failed_of(passage->names);
}

static void let_failed_go(const struct passage *passage)
{
    uint32_t count;
    const struct passage_failed *failed = passage_failed(passage, &count);

    for (uint32_t i = 0; i < count; i++)
        server_let_go(failed[i].server);
}

/* --- what is asked --- */

const char *passage_route(const struct passage *passage, char text[ROUTE_PATTERN_TEXT_MAX])
{
    if (passage->pattern.suffix_len > 0 && passage_host(passage) != NULL)
        return route_pattern_print(passage->pattern, passage->names->bytes,
                                   passage->names->host_len, text);
    return passage->route_stats == NULL ? NULL : passage->route_stats->name;
}

const char *passage_host(const struct passage *passage)
{
    const struct passage_names *names = passage->names;

    return names != NULL && names->host_len > 0 ? names->bytes : NULL;
}

bool passage_alpn_next(const struct passage *passage, size_t *at, const uint8_t **name,
                       uint8_t *len)
{
    const struct passage_names *names = passage->names;

    if (names == NULL || *at >= names->alpn_len)
        return false;
    const uint8_t *alpn = (const uint8_t *)names->bytes + names->host_len + 1;
    *len = alpn[*at];
    *name = alpn + *at + 1;
    *at += 1u + *len;
    assert(*at <= names->alpn_len);
    return true;
}

void passage_end(struct passage *passage, uint32_t worker)
{
    if (passage->connect_ms != PASSAGE_TIME_NONE)
        server_stats_leave(passage->server, worker);
    if (passage->server != NULL)
        server_leave(passage->server);
    stats_leave(stats_row(passage->route_stats, worker));
    stats_leave(stats_row(passage->listener_stats, worker));
    let_failed_go(passage);
    free(passage->names);
    *passage = (struct passage){0}; /* what it points to may be gone now */
}
