#ifndef ROUTER_EXPLANATION_H
#define ROUTER_EXPLANATION_H

/*
 * Where a client would be sent, and why: a ClientHello is built, read by hello_parse() and decided
 * by decide_hello(), as the router does with one that arrives. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "router/conn/decide.h"
#include "sni/hello.h"

/* The client that is imagined. */
struct explanation_client {
    const char *host;        /* as the client would write it into its hello */
    const char *const *alpn; /* protocols it offers */
    size_t alpn_count;
    struct peer peer;  /* not `known`: no route with `from` matches */
    uint32_t listener; /* CONFIG_NONE = unknown */
};

#define EXPLANATION_HELLO_MAX 70000 /* no hello that is built is longer */

struct explanation {
    const struct config *config;
    enum hello_result result;
    struct client_hello hello; /* reads the caller's buffer */
    struct route_query query;

    /* the route, when there is one */
    bool found;
    struct route_candidate winner; /* its pattern belongs to the route table */
    const struct route *route;
    size_t candidates;        /* patterns that match the name */
    size_t failed_before;     /* candidates that would have won but for their conditions */
    size_t beaten;            /* candidates that match, behind the winner */
    size_t beaten_conditions; /* those of them on the same pattern */

    struct decision decision; /* what the router does; its route is the winner's */
};

/*
 * Fills `out`. `buffer` holds the hello and must live as long as `out` is used. False: the host or
 * the protocols are too long for any hello.
 */
bool explanation_make(const struct config *config, const struct explanation_client *client,
                      uint8_t buffer[EXPLANATION_HELLO_MAX], struct explanation *out);

/* One sentence on why the winner won, or why there is none; `text` holds it. */
#define EXPLANATION_WHY_MAX 256
const char *explanation_why(const struct explanation *explanation, char text[EXPLANATION_WHY_MAX]);

/* What the log calls the route that has won: its name, or the pattern, which `text` holds then. */
const char *explanation_route(const struct explanation *explanation,
                              char text[ROUTE_PATTERN_TEXT_MAX]);

/* Where a candidate stands on the ladder: "exact name", "one-label wildcard", "wildcard". */
const char *explanation_pattern_kind(const struct route_candidate *candidate);

/* Why a candidate won or not, for people and (the word) for programs. */
const char *explanation_verdict(const struct explanation *explanation,
                                const struct route_candidate *candidate);
const char *explanation_verdict_word(enum route_verdict verdict);

#endif
