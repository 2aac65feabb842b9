#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

/*
 * What the operator said, as a value: built once by config_load_text(), never changed, freed as a
 * whole. Every string and array is owned by the struct's arena. Plain data: any thread may read it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/address.h"
#include "config/arena.h"
#include "config/position.h"
#include "config/route.h"
#include "config/route_table.h"

#define CONFIG_NONE UINT32_MAX /* "no such index" */

/* Buffers of TCP and unix sockets, as setsockopt(2) takes them; 0 = not set. */
struct socket_sizes {
    uint32_t receive_bytes;
    uint32_t send_bytes;
    uint32_t held_bytes; /* what a stream may hold in the kernel where the others are not set;
                            0 = the system decides */
};

struct listener_config {
    const char *name; /* as given, or the address */
    struct address address;
    bool v6only;   /* "[::]:443": only IPv6 (default: both families) */
    bool freebind; /* listen also where no interface has the address (yet) */
    uint32_t backlog;
    uint32_t mode;             /* permissions of a unix socket, e.g. 0666 */
    struct socket_sizes sizes; /* the global ones */
    struct position at;
};

struct server_config {
    const char *name; /* as given, or the address: log field `server` is the address */
    struct address address;
    uint32_t weight; /* 0 = takes no new connections */
    struct position at;
};

enum balance_kind { BALANCE_ROUND_ROBIN };

struct backend_config {
    const char *name;
    enum balance_kind balance;
    struct server_config *servers;
    uint32_t server_count; /* at least 1 */
    uint32_t tries;        /* most servers that are tried for one client; at least 1 */
    struct position at;
};

/* Milliseconds each; 0 = switched off ("off" in the file), where that is allowed. */
struct timeouts {
    uint64_t hello_ms;       /* accept to the whole hello; global only */
    uint64_t connect_ms;     /* all attempts to reach a server of the backend */
    uint64_t idle_ms;        /* longest silence of both sides */
    uint64_t half_close_ms;  /* longest silence of a side whose peer has ended */
    uint64_t drain_ms;       /* at shutdown; global only */
    uint64_t drain_delay_ms; /* at shutdown, before listeners close; 0 = off; global only */
    uint64_t drain_idle_ms;  /* at shutdown: for the silent; 0 = off; global only */
};

enum policy_case {
    POLICY_NO_SNI,
    POLICY_UNKNOWN_SNI,
    POLICY_NOT_TLS,
    POLICY_MALFORMED,
    POLICY_TOO_LARGE,
    POLICY_HELLO_TIMEOUT,
    POLICY_NO_SERVER,
    POLICY_LIMIT,
    POLICY_CASES
};

enum policy_action { POLICY_ALERT, POLICY_CLOSE, POLICY_RESET, POLICY_BACKEND };

struct policy {
    enum policy_action action;
    uint32_t backend; /* POLICY_BACKEND: index; else CONFIG_NONE */
    bool by_default;  /* the file says so by "default" */
};

enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_LOGFMT, LOG_FORMAT_HAPROXY };
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_config {
    const char *access_path; /* "-" = stdout; NULL = off */
    enum log_format access_format;
    enum log_level level;
};

/* When the configuration is read again without being asked to. */
struct reload_config {
    bool watch;         /* when its files change; else the other two mean nothing */
    uint64_t settle_ms; /* nothing has changed for so long; 0 = at once */
    uint64_t poll_ms;   /* the files are looked at so often in any case; 0 = never */
};

struct config {
    const char *file; /* as given; "(command line)" without one */
    struct listener_config *listeners;
    uint32_t listener_count;
    struct backend_config *backends; /* of the list; then those that stand in a name's place */
    uint32_t backend_count;
    struct route *routes;
    uint32_t route_count;
    struct route_table *table; /* looks names up to indexes of `routes` */
    struct policy policies[POLICY_CASES];
    struct timeouts timeouts;
    uint32_t workers;           /* 0 = as many as CPUs the process may use */
    uint32_t max_connections;   /* 0 = computed from the descriptor limit */
    uint32_t hello_limit_bytes; /* announced handshake length at most */
    struct socket_sizes sockets;
    struct log_config log;
    struct reload_config reload;
    struct arena *arena; /* owns all of the above, except `table` */
};

/* Frees everything. NULL is allowed. */
void config_free(struct config *config);

/* "no_sni", "unknown_sni", ... as in the file. */
const char *policy_case_word(enum policy_case which);

#endif
