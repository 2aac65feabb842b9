#ifndef ROUTER_ACCESS_LOG_H
#define ROUTER_ACCESS_LOG_H

/* One line per connection, written at its end. Pure: a record in, text out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "router/log/reason.h"

/* Longest line. An ALPN list that would take the room of what comes after it is left out. */
#define ACCESS_LINE_MAX 8192

/* Longest list of servers that have failed; those that do not fit are left out. */
#define ACCESS_TRIED_MAX 2048

/* "Was not reached", for times. */
#define ACCESS_TIME_NONE UINT32_MAX

/* A server that was tried and has failed. */
struct access_tried {
    const char *server;
    enum reason reason;
};

/* What is known at the end of a connection. NULL and ACCESS_TIME_NONE mean absent. */
struct access_record {
    uint64_t accepted_unix_ms; /* wall clock at accept */
    uint64_t id;               /* unique in this process */
    const char *listener;
    const char *client; /* ip:port */
    const char *sni;    /* the checked name */
    const char *alpn;   /* offered protocols as a JSON array */
    const char *tls;    /* highest offered version */
    const char *looks;  /* of bytes that are no TLS: what they look like */
    bool ech;           /* the name is the outer one */
    const char *route;
    const char *policy; /* the case by whose policy it went to a backend, instead of a route */
    const char *backend;
    const char *server;
    uint32_t hello_bytes;                         /* 0: no hello was read */
    uint32_t hello_ms, connect_ms, first_byte_ms; /* since accept; connect_ms since its start */
    uint64_t duration_ms;
    uint32_t retries;
    const struct access_tried *tried; /* the servers that have failed, in order */
    uint32_t tried_count;
    uint64_t bytes_in;  /* client to server */
    uint64_t bytes_out; /* server to client */
    enum reason reason;
    uint32_t worker;
};

/*
 * Formats one line with its newline into `line`. Returns its length, at most ACCESS_LINE_MAX.
 *   json     one JSON object
 *   logfmt   key=value pairs
 *   haproxy  HAProxy's tcplog, followed by sni=NAME, and looks=, tried= if there are such
 * Servers that have failed are told as far as ACCESS_TRIED_MAX bytes go.
 */
size_t access_log_format(const struct access_record *record, enum log_format format,
                         char line[ACCESS_LINE_MAX]);

#endif
