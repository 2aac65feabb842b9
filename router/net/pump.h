#ifndef ROUTER_PUMP_H
#define ROUTER_PUMP_H

/*
 * One direction of a connection: bytes from one socket to the other.
 *
 * The happy path
 *  - It starts by copying through the worker's scratch buffer: an idle or chatty connection
 *    owns no buffer.
 *  - After PUMP_FULL_READS full reads in a row it splices, through the worker's pipe, which it uses
 *    for one splice in and out. It asks for little more than the receiver has room for.
 *  - A turn ends when there is nothing to read, nothing can be written, or its budget is used up.
 *  - When reading has met the end and everything is written, the pump has ended; passing the
 *    end on (shutdown) is the connection's affair.
 *
 * The failures
 *  - The receiver takes less than was read: the rest is kept, in a small allocation, and reading
 *    stops until the receiver has taken it. What is left in the pipe is moved there.
 *  - No pipe to be had: it copies. So do all of the worker's pumps once a splice was denied; what
 *    is in the pipe then is copied out.
 *  - No memory, ours for a rest or the kernel's: PUMP_NO_MEMORY, the connection must end, since
 *    bytes would be lost.
 *  - Reading or writing fails: PUMP_READ_FAILED or PUMP_WRITE_FAILED. Reading is only tried
 *    when everything read before has been written, so a failed read loses nothing.
 *  - A call fails in a way that says nothing of the two sides (EBADF, or somebody forbids it):
 *    PUMP_MISTAKE, the connection must end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/net/ready.h"
#include "router/net/splice_pipe.h"

/* One side's socket, as far as edge-triggered readiness has told. */
struct side {
    struct ready_source source; /* what the ready set knows it by */
    int fd;                     /* -1: closed */
    bool is_server : 1;         /* which of the connection's two sides this is */
    bool readable : 1;          /* until a read says EAGAIN or finds less than it asked for */
    bool writable : 1;          /* until a write says EAGAIN */
    bool fin : 1;    /* its FIN is queued behind the bytes: a short read has met the end */
    bool failed : 1; /* reset or broken: read on until a call says so, a short read means nothing */
    bool ragged : 1; /* reads may stop before all was read: a short read means nothing */
    bool urgent : 1; /* TCP urgent data is under way: splicing would stop at its mark for good */
    bool muted : 1;  /* news of readability is switched off while nobody wants it */
    bool bounded : 1; /* the kernel holds little that is unsent: see room.h */
    bool local : 1;   /* a TCP socket whose peer is this very host */
    bool paced : 1;   /* ... and which may pace what it sends: see net_unpace() */
};

enum relay_mode { RELAY_AUTO, RELAY_COPY, RELAY_SPLICE };

/* What the pumps of one worker share. */
struct pump_tools {
    uint8_t *scratch;  /* at least copy_bytes */
    size_t copy_bytes; /* most bytes of one copying read */
    struct splice_pipe *pipe;
    enum relay_mode mode;
    /* The system has denied splice(2), with this errno: it is not tried again. NULL: nobody cares.
     */
    void (*on_splice_denied)(const struct pump_tools *tools, int error);
};

/* Bytes that wait for the receiver. One allocation. */
struct pump_rest {
    uint32_t at;        /* where in `bytes` they begin */
    uint32_t left;      /* how many are still to be written */
    uint32_t uncounted; /* of those, the first are the router's own, not the sender's */
    uint8_t bytes[];
};

struct pump {
    struct side *from;
    struct side *to;
    uint64_t bytes;         /* of `from`, written to `to` */
    struct pump_rest *rest; /* bytes that `to` has not taken; NULL most of the time */
    int16_t error;          /* errno of the call that failed; 0 = none has */
    uint8_t full_reads;     /* how bulky the stream is: at PUMP_FULL_READS it splices */
    bool prefaced : 1;      /* `rest` is a preface: what follows it may share its segment */
    bool unpushed : 1;      /* the preface may still wait in the kernel for what follows it */
    bool end_read : 1;      /* `from` has ended */
    bool ended : 1;         /* and everything was written: the end was passed on */
    bool broken : 1;        /* `to` takes no more: it failed when written to */
};

enum pump_result {
    PUMP_WAIT,         /* for readiness of a side */
    PUMP_AGAIN,        /* the budget is used up: give others a turn, then come again */
    PUMP_ENDED,        /* `from` has ended and all its bytes are written */
    PUMP_READ_FAILED,  /* `error` says how */
    PUMP_WRITE_FAILED, /* `error` says how */
    PUMP_NO_MEMORY,
    PUMP_MISTAKE /* a call failed with `error` for no reason of either side */
};

/* The pump is all zeros, or has a preface, which it keeps. */
void pump_init(struct pump *pump, struct side *from, struct side *to);

/*
 * Bytes that `to` gets before any of `from`'s, in one segment with what follows if that is there
 * already. They are copied, behind those of earlier calls. `counted`: they are the sender's, taken
 * from its socket earlier; else they are the router's own, which go before the sender's, whenever
 * they are said. Before the first pump_run(), also before pump_init(). Little more is allocated
 * than the bytes take. False: no memory, nothing has changed.
 */
bool pump_preface(struct pump *pump, const uint8_t *bytes, size_t len, bool counted);

/* The sender's part of the preface and its length, until the next call; NULL and 0: none. */
const uint8_t *pump_prefaced(const struct pump *pump, size_t *len);

/*
 * Carries what can be carried now, until so many bytes are read: the last of its reads may go
 * beyond that. Not to be called again after a failure. Worker thread.
 */
enum pump_result pump_run(struct pump *pump, const struct pump_tools *tools, size_t budget);

/* Whether it has carried much lately: it takes a turn, and does not go before others. */
bool pump_is_bulky(const struct pump *pump);

/* Whether bytes were read that are not written yet. */
bool pump_holds_bytes(const struct pump *pump);

/* Frees what the pump holds, written or not. */
void pump_close(struct pump *pump);

#endif
