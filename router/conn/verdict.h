#ifndef ROUTER_VERDICT_H
#define ROUTER_VERDICT_H

/*
 * What a phase came to. A phase looks at its part of the connection and returns one; conn.c alone
 * acts on it. Which verdict may come in which state, and what follows, is the table in conn.c.
 */

#include <stdint.h>

#include "config/config.h"
#include "router/log/reason.h"

enum verdict_kind {
    VERDICT_WAIT,      /* for an event, a turn or the deadline */
    VERDICT_ROUTED,    /* the backend is known */
    VERDICT_CONNECTED, /* a server has accepted */
    VERDICT_REFUSE,    /* the client is refused: `action`, `reason` */
    VERDICT_HANG_UP,   /* all was said: the client has `most_ms` to hang up */
    VERDICT_DELIVER,   /* one side is gone: the other takes what was sent to it first */
    VERDICT_END,       /* it is over */
    VERDICTS
};

struct verdict {
    uint8_t kind;        /* enum verdict_kind */
    uint8_t reason;      /* enum reason; REFUSE, DELIVER, END */
    uint8_t action;      /* enum policy_action but POLICY_BACKEND; REFUSE */
    uint8_t server_gone; /* DELIVER: the server is gone; else the client is */
    uint32_t most_ms;    /* HANG_UP; 0 = only what is there now is read */
};

static inline struct verdict verdict_wait(void)
{
    return (struct verdict){.kind = VERDICT_WAIT};
}

static inline struct verdict verdict_routed(void)
{
    return (struct verdict){.kind = VERDICT_ROUTED};
}

static inline struct verdict verdict_connected(void)
{
    return (struct verdict){.kind = VERDICT_CONNECTED};
}

static inline struct verdict verdict_refuse(enum policy_action action, enum reason reason)
{
    return (struct verdict){
        .kind = VERDICT_REFUSE, .action = (uint8_t)action, .reason = (uint8_t)reason};
}

static inline struct verdict verdict_hang_up(uint32_t most_ms)
{
    return (struct verdict){.kind = VERDICT_HANG_UP, .most_ms = most_ms};
}

static inline struct verdict verdict_deliver(bool server_gone, enum reason reason)
{
    return (struct verdict){
        .kind = VERDICT_DELIVER, .server_gone = server_gone, .reason = (uint8_t)reason};
}

static inline struct verdict verdict_end(enum reason reason)
{
    return (struct verdict){.kind = VERDICT_END, .reason = (uint8_t)reason};
}

#endif
