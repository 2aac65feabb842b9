#include "config/fields.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/fields_regex.h"

#define INTO(type, member) offsetof(struct type, member)
#define END                                                                                        \
    {                                                                                              \
        .key = NULL                                                                                \
    }

/* --- plain values --- */

static const char *const words_off[] = {"off", NULL};

static const struct value_type type_duration = {
    .kind = VALUE_DURATION, .name = "a duration", .example = "\"5s\"", .pattern = REGEX_DURATION};
static const struct value_type type_duration_or_off = {.kind = VALUE_DURATION,
                                                       .name = "a duration or \"off\"",
                                                       .example = "\"10m\"",
                                                       .pattern = REGEX_DURATION_OR_OFF,
                                                       .words = words_off};
static const struct value_type type_hello_size = {.kind = VALUE_SIZE,
                                                  .name = "a size",
                                                  .example = "\"16k\"",
                                                  .pattern = REGEX_HELLO_SIZE,
                                                  .min = 1024,
                                                  .max = 65536};
static const struct value_type type_buffer_size = {.kind = VALUE_SIZE,
                                                   .name = "a size",
                                                   .example = "\"256k\"",
                                                   .pattern = REGEX_BUFFER_SIZE,
                                                   .min = 4096,
                                                   .max = 1073741824};
static const struct value_type type_held_size = {.kind = VALUE_SIZE,
                                                 .name = "a size or \"off\"",
                                                 .example = "\"4m\"",
                                                 .pattern = REGEX_HELD_SIZE,
                                                 .words = words_off,
                                                 .min = 524288,
                                                 .max = 1073741824};
static const struct value_type type_boolean = {
    .kind = VALUE_BOOLEAN, .name = "true or false", .example = "true"};
static const struct value_type type_backlog = {
    .kind = VALUE_INTEGER, .name = "a number", .example = "1024", .min = 1, .max = 65535};
static const struct value_type type_weight = {
    .kind = VALUE_INTEGER, .name = "a number", .example = "3", .min = 0, .max = 1000};
static const struct value_type type_tries = {
    .kind = VALUE_INTEGER, .name = "a number", .example = "4", .min = 1, .max = 100};
static const struct value_type type_workers = {
    .kind = VALUE_INTEGER, .name = "a number", .example = "4", .min = 1, .max = 1024};
static const struct value_type type_connections = {
    .kind = VALUE_INTEGER, .name = "a number", .example = "50000", .min = 1, .max = 10000000};
static const struct value_type type_mode = {.kind = VALUE_MODE,
                                            .name = "permissions in octal digits",
                                            .example = "\"0660\"",
                                            .pattern = REGEX_MODE};
static const struct value_type type_name = {
    .kind = VALUE_NAME, .name = "a name", .example = "\"public\"", .pattern = REGEX_NAME};
static const struct value_type type_path = {.kind = VALUE_PATH,
                                            .name = "a path, \"-\" or \"off\"",
                                            .example = "\"/var/log/sni-router/access.log\"",
                                            .pattern = REGEX_PATH};
static const struct value_type type_clear_path = {.kind = VALUE_CLEAR_PATH,
                                                  .name = "a path with a \"/\", \"-\" or \"off\"",
                                                  .example = "\"/var/log/sni-router/access.log\"",
                                                  .pattern = REGEX_CLEAR_PATH};
static const struct value_type type_listen_address = {.kind = VALUE_LISTEN,
                                                      .name = "an address to listen on",
                                                      .example = "\"[::]:443\"",
                                                      .pattern = REGEX_LISTEN};
static const struct value_type type_server_address = {.kind = VALUE_SERVER,
                                                      .name = "a server's address",
                                                      .example = "\"10.0.0.5:443\"",
                                                      .pattern = REGEX_SERVER};
static const struct value_type type_host = {.kind = VALUE_HOST,
                                            .name = "a host pattern",
                                            .example = "\"shop.example.com\"",
                                            .pattern = REGEX_HOST};
static const struct value_type type_network = {.kind = VALUE_NETWORK,
                                               .name = "an IP address or network",
                                               .example = "\"10.0.0.0/8\"",
                                               .pattern = REGEX_NETWORK};
static const struct value_type type_alpn = {
    .kind = VALUE_ALPN, .name = "an ALPN protocol", .example = "\"h2\"", .pattern = REGEX_ALPN};
static const struct value_type type_listener_name = {.kind = VALUE_REFERENCE,
                                                     .name = "a listener's name",
                                                     .example = "\"public\"",
                                                     .pattern = REGEX_NAME};

/* --- listeners --- */

static const struct field fields_listener[] = {
    {.key = "address",
     .type = &type_listen_address,
     .into = INTO(listener_config, address),
     .required = true,
     .help =
         "Where to accept connections. `*:443` and `:443` mean `[::]:443`: IPv6 and IPv4 (IPv4 "
         "alone, `0.0.0.0:443`, where the system has no IPv6). Port 0 lets the system choose; the "
         "line printed at start says which port it became."},
    {.key = "name",
     .type = &type_name,
     .into = INTO(listener_config, name),
     .absent = "the address",
     .help = "For logs, and for the `listener` condition of routes."},
    {.key = "v6only",
     .type = &type_boolean,
     .into = INTO(listener_config, v6only),
     .preset = "false",
     .help = "Only for IPv6 addresses: do not accept IPv4 on this listener."},
    {.key = "freebind",
     .type = &type_boolean,
     .into = INTO(listener_config, freebind),
     .preset = "false",
     .help = "Only for IP addresses: listen although no interface has the address (yet), such as "
             "one that moves between hosts."},
    {.key = "backlog",
     .type = &type_backlog,
     .into = INTO(listener_config, backlog),
     .preset = "4096",
     .help = "Connections the kernel may hold ready for each worker (it caps this at "
             "`net.core.somaxconn`)."},
    {.key = "mode",
     .type = &type_mode,
     .into = INTO(listener_config, mode),
     .preset = "0666",
     .help = "Only for unix sockets with a path: its permissions."},
    END};
const struct value_type type_listener = {.kind = VALUE_EITHER,
                                         .define = "listener",
                                         .name = "a listener",
                                         .item = &type_listen_address,
                                         .item_into = INTO(listener_config, address),
                                         .fields = fields_listener};
static const struct value_type type_listeners = {.kind = VALUE_ONE_OR_LIST,
                                                 .name = "a listener or an array of them",
                                                 .example = "\":443\"",
                                                 .item = &type_listener,
                                                 .min = 1};

/* --- servers --- */

static const struct field fields_server[] = {
    {.key = "address",
     .type = &type_server_address,
     .into = INTO(server_config, address),
     .required = true,
     .help = "Where the server listens. A host name is resolved by the router."},
    {.key = "name",
     .type = &type_name,
     .into = INTO(server_config, name),
     .absent = "the address",
     .help = "What the logs call the server."},
    {.key = "weight",
     .type = &type_weight,
     .into = INTO(server_config, weight),
     .preset = "1",
     .help = "Share of new connections relative to the other servers; 0 gives it none."},
    END};
const struct value_type type_server = {.kind = VALUE_EITHER,
                                       .define = "server",
                                       .name = "a server",
                                       .item = &type_server_address,
                                       .item_into = INTO(server_config, address),
                                       .fields = fields_server};

/* Where a backend is to be named, its servers may stand instead. */
static const struct value_type type_backend_text = {
    .kind = VALUE_REFERENCE,
    .name = "a backend's name or a server's address",
    .example = "\"shop\"",
    .pattern = REGEX_NAME,
    .no_object = "expected a backend's name, a server's address or an array of servers, not an "
                 "object: a backend with options stands in \"backends\""};
const struct value_type type_backend_value = {
    .kind = VALUE_BACKEND,
    .define = "backend",
    .name = "a backend's name, a server's address or an array of servers",
    .one = &type_backend_text,
    .item = &type_server};

/* --- routes --- */

static const struct value_type type_hosts = {
    .kind = VALUE_ONE_OR_LIST, .name = "a host pattern or an array of them", .item = &type_host};
static const struct value_type type_alpns = {
    .kind = VALUE_ONE_OR_LIST, .name = "an ALPN protocol or an array of them", .item = &type_alpn};
static const struct value_type type_networks = {
    .kind = VALUE_ONE_OR_LIST, .name = "a network or an array of them", .item = &type_network};
static const struct value_type type_listener_names = {.kind = VALUE_ONE_OR_LIST,
                                                      .name = "a listener's name or an array of "
                                                              "them",
                                                      .item = &type_listener_name};

static const struct field fields_route_timeouts[] = {
    {.key = "connect",
     .type = &type_duration,
     .into = INTO(timeouts, connect_ms),
     .absent = "as in `timeouts`",
     .help = "All attempts to reach a server."},
    {.key = "idle",
     .type = &type_duration_or_off,
     .into = INTO(timeouts, idle_ms),
     .absent = "as in `timeouts`",
     .help = "Neither side said anything for so long."},
    {.key = "half_close",
     .type = &type_duration_or_off,
     .into = INTO(timeouts, half_close_ms),
     .absent = "as in `timeouts`",
     .help = "One side has ended and the other said nothing for so long."},
    END};
static const struct value_type type_route_timeouts = {.kind = VALUE_OBJECT,
                                                      .name = "a route's timeouts",
                                                      .instead = "{ \"idle\": \"10m\" }",
                                                      .fields = fields_route_timeouts};

static const struct field fields_route[] = {
    {.key = "host",
     .type = &type_hosts,
     .into = INTO(route_form, host),
     .required = true,
     .missing = "for all other names write \"default\": \"BACKEND\" next to \"routes\" in the file",
     .help = "The server names (SNI) this route is for. Any of them."},
    {.key = "backend",
     .type = &type_backend_value,
     .into = INTO(route_form, backend),
     .required = true,
     .help = "Where the connection goes: a name from `backends`, or the servers themselves."},
    {.key = "name",
     .type = &type_name,
     .into = INTO(route_form, name),
     .absent = "the host pattern that matched",
     .help = "What the access log calls the route."},
    {.key = "alpn",
     .type = &type_alpns,
     .into = INTO(route_form, alpn),
     .absent = "no condition",
     .help = "Condition: the client offers any of these protocols."},
    {.key = "from",
     .type = &type_networks,
     .into = INTO(route_form, from),
     .absent = "no condition",
     .help = "Condition: the client's address is in any of these networks. Clients of unix sockets "
             "have none."},
    {.key = "listener",
     .type = &type_listener_names,
     .into = INTO(route_form, listener),
     .absent = "no condition",
     .help = "Condition: accepted by any of these listeners."},
    {.key = "timeouts",
     .type = &type_route_timeouts,
     .into = INTO(route_form, timeouts),
     .absent = "as in `timeouts`",
     .help = "Timeouts for connections of this route."},
    END};
#define ONE_ROUTE "{ \"host\": \"shop.example.com\", \"backend\": \"shop\" }"
const struct value_type type_route = {
    .kind = VALUE_OBJECT, .name = "a route", .instead = ONE_ROUTE, .fields = fields_route};
static const struct value_type type_routes = {.kind = VALUE_LIST,
                                              .name = "an array of routes",
                                              .instead = "[ " ONE_ROUTE " ]",
                                              .item = &type_route};

/* --- backends --- */

static const char *const words_balance[] = {[BALANCE_ROUND_ROBIN] = "round_robin", NULL};
static const struct value_type type_balance = {
    .kind = VALUE_WORD, .name = "a way to balance", .words = words_balance};

static const struct value_type type_servers = {
    .kind = VALUE_ONE_OR_LIST, .name = "a server or an array of them", .item = &type_server};
static const struct value_type type_servers_alone = {
    .kind = VALUE_ONE_OR_LIST,
    .name = "a server's address or an array of servers",
    .one = &type_server_address,
    .item = &type_server};

static const struct field fields_backend[] = {
    {.key = "servers",
     .type = &type_servers,
     .into = INTO(backend_form, servers),
     .required = true,
     .help = "Addresses, or objects as below. When one cannot be reached, the next is tried."},
    {.key = "balance",
     .type = &type_balance,
     .into = INTO(backend_form, balance),
     .preset = "round_robin",
     .help = "How a server is chosen. `round_robin`: in turn, smoothly by weight."},
    {.key = "tries",
     .type = &type_tries,
     .into = INTO(backend_form, tries),
     .preset = "4",
     .help = "Most servers that are tried for one client, the first included; 1: no other server "
             "after one that failed."},
    END};
const struct value_type type_backend = {.kind = VALUE_EITHER,
                                        .name = "a backend",
                                        .item = &type_servers_alone,
                                        .item_into = INTO(backend_form, servers),
                                        .fields = fields_backend};
static const struct value_type type_backends = {
    .kind = VALUE_MAP,
    .name = "an object of backends by name",
    .instead = "{ \"shop\": { \"servers\": [\"10.0.0.5:443\"] } }",
    .pattern = REGEX_NAME,
    .item = &type_backend};

/* --- policies --- */

const char *const words_policy[] = {
    [POLICY_ALERT] = "alert", [POLICY_CLOSE] = "close", [POLICY_RESET] = "reset", NULL};

static const struct value_type type_policy_short = {
    .kind = VALUE_POLICY, .name = "a policy", .words = words_policy, .item = &type_backend_value};

static const struct field fields_policy[] = {
    {.key = "backend",
     .type = &type_backend_value,
     .into = INTO(policy_form, backend),
     .required = true,
     .help = "Send these connections there: a name from `backends`, or the servers themselves."},
    END};
static const struct value_type type_policy = {.kind = VALUE_EITHER,
                                              .name = "a policy",
                                              .item = &type_policy_short,
                                              .item_into = 0,
                                              .fields = fields_policy};

/* A policy that cannot pass connections on: a word only. `why`: the message for an object. */
#define POLICY_WITHOUT_BACKEND(why)                                                                \
    {                                                                                              \
        .kind = VALUE_WORD, .name = "a policy", .words = words_policy, .no_object = why            \
    }
static const struct value_type type_policy_malformed =
    POLICY_WITHOUT_BACKEND("no backend may be given here: a broken hello must not reach a server");
static const struct value_type type_policy_too_large = POLICY_WITHOUT_BACKEND(
    "no backend may be given here: a hello beyond limits.hello is not read to its end");
static const struct value_type type_policy_hello_timeout = POLICY_WITHOUT_BACKEND(
    "no backend may be given here: no whole hello has arrived that could be passed on");
static const struct value_type type_policy_no_server =
    POLICY_WITHOUT_BACKEND("no backend may be given here: add spare servers to the backend itself");
static const struct value_type type_policy_limit = POLICY_WITHOUT_BACKEND(
    "no backend may be given here: the router has no room for the connection");

#define POLICY(which, word, policy_type, preset_word, text)                                        \
    [which] = {.key = word,                                                                        \
               .type = &policy_type,                                                               \
               .into = (which) * sizeof(struct policy_form),                                       \
               .preset = preset_word,                                                              \
               .help = text}
const struct field fields_policies[] = {
    POLICY(POLICY_NO_SNI, "no_sni", type_policy, "alert", "TLS, but the client names no host."),
    POLICY(POLICY_UNKNOWN_SNI, "unknown_sni", type_policy, "alert",
           "No route matches the name (or the name is an IP address)."),
    POLICY(POLICY_NOT_TLS, "not_tls", type_policy, "close",
           "The first bytes are not TLS (plain text, SSLv2, another protocol)."),
    POLICY(POLICY_MALFORMED, "malformed", type_policy_malformed, "alert",
           "TLS, but the ClientHello breaks the rules."),
    POLICY(POLICY_TOO_LARGE, "too_large", type_policy_too_large, "alert",
           "The ClientHello is larger than `limits.hello`."),
    POLICY(POLICY_HELLO_TIMEOUT, "hello_timeout", type_policy_hello_timeout, "close",
           "No whole ClientHello within `timeouts.hello`."),
    POLICY(POLICY_NO_SERVER, "no_server", type_policy_no_server, "alert",
           "No server of the backend could be reached."),
    POLICY(POLICY_LIMIT, "limit", type_policy_limit, "alert",
           "A limit of the router leaves no room for the connection."),
    [POLICY_CASES] = END};
static const struct value_type type_policies = {.kind = VALUE_OBJECT,
                                                .name = "the policies",
                                                .instead = "{ \"unknown_sni\": \"close\" }",
                                                .fields = fields_policies};

/* `default`: also in an object, as policies have it. */
static const struct field fields_default[] = {
    {.key = "backend", .type = &type_backend_value, .required = true, .help = "As in a policy."},
    END};
static const struct value_type type_default = {.kind = VALUE_EITHER,
                                               .name = "a backend",
                                               .item = &type_backend_value,
                                               .fields = fields_default};

/* --- timeouts, limits, log --- */

static const struct field fields_timeouts[] = {
    {.key = "hello",
     .type = &type_duration,
     .into = INTO(timeouts, hello_ms),
     .preset = "5s",
     .help = "From accepting a connection to its whole ClientHello."},
    {.key = "connect",
     .type = &type_duration,
     .into = INTO(timeouts, connect_ms),
     .preset = "3s",
     .help = "All attempts to reach a server of the backend."},
    {.key = "idle",
     .type = &type_duration_or_off,
     .into = INTO(timeouts, idle_ms),
     .preset = "1h",
     .help = "Neither side said anything for so long."},
    {.key = "half_close",
     .type = &type_duration_or_off,
     .into = INTO(timeouts, half_close_ms),
     .preset = "60s",
     .help = "One side has ended and the other said nothing for so long."},
    {.key = "drain",
     .type = &type_duration,
     .into = INTO(timeouts, drain_ms),
     .preset = "8s",
     .help = "At shutdown: how long connections may go on."},
    {.key = "drain_delay",
     .type = &type_duration_or_off,
     .into = INTO(timeouts, drain_delay_ms),
     .preset = "off",
     .help = "At shutdown: how long new connections are still accepted, before `drain` begins. "
             "For load balancers that need a moment to send nobody here any more."},
    {.key = "drain_idle",
     .type = &type_duration_or_off,
     .into = INTO(timeouts, drain_idle_ms),
     .preset = "off",
     .help = "At shutdown, while connections may go on: those on which nothing moved for so long "
             "end at once."},
    END};
const struct value_type type_timeouts = {.kind = VALUE_OBJECT,
                                         .name = "the timeouts",
                                         .instead = "{ \"idle\": \"10m\" }",
                                         .fields = fields_timeouts};

static const struct field fields_limits[] = {
    {.key = "connections",
     .type = &type_connections,
     .into = INTO(document_form, max_connections),
     .absent = "computed from the limit of open files",
     .help = "Connections at once, all workers together; more get the policy `limit`."},
    {.key = "hello",
     .type = &type_hello_size,
     .into = INTO(document_form, hello_limit_bytes),
     .preset = "64k",
     .help = "Largest ClientHello, judged by the length it announces. From `\"1k\"` to `\"64k\"`."},
    END};
static const struct value_type type_limits = {.kind = VALUE_OBJECT,
                                              .name = "the limits",
                                              .instead = "{ \"connections\": 50000 }",
                                              .fields = fields_limits};

static const struct field fields_sockets[] = {
    {.key = "held",
     .type = &type_held_size,
     .into = INTO(document_form, sockets.held_bytes),
     .preset = "1m",
     .help = "What a stream to a client that reads slowly, or not at all, may hold in the kernel, "
             "from `\"512k\"` to `\"1024m\"`; most of it is the receive buffer towards the server, "
             "which bounds the throughput from a server that is far away. `\"off\"`: the system "
             "decides, up to `net.ipv4.tcp_rmem` and `tcp_wmem`."},
    {.key = "receive",
     .type = &type_buffer_size,
     .into = INTO(document_form, sockets.receive_bytes),
     .absent = "as `held` says; else the system decides, and adapts it",
     .help = "Receive buffer of every socket that carries traffic (`SO_RCVBUF`), from `\"4k\"` to "
             "`\"1024m\"`. The system caps it at `net.core.rmem_max`."},
    {.key = "send",
     .type = &type_buffer_size,
     .into = INTO(document_form, sockets.send_bytes),
     .absent = "as `held` says; else the system decides, and adapts it",
     .help = "Send buffer of every socket that carries traffic (`SO_SNDBUF`), from `\"4k\"` to "
             "`\"1024m\"`. The system caps it at `net.core.wmem_max`."},
    END};
static const struct value_type type_sockets = {.kind = VALUE_OBJECT,
                                               .name = "the sockets",
                                               .instead = "{ \"held\": \"4m\" }",
                                               .fields = fields_sockets};

static const char *const words_format[] = {[LOG_FORMAT_JSON] = "json",
                                           [LOG_FORMAT_LOGFMT] = "logfmt",
                                           [LOG_FORMAT_HAPROXY] = "haproxy",
                                           NULL};
static const char *const words_level[] = {[LOG_LEVEL_ERROR] = "error",
                                          [LOG_LEVEL_WARNING] = "warning",
                                          [LOG_LEVEL_INFO] = "info",
                                          [LOG_LEVEL_DEBUG] = "debug",
                                          NULL};
static const struct value_type type_format = {
    .kind = VALUE_WORD, .name = "a format", .words = words_format};
static const struct value_type type_level = {
    .kind = VALUE_WORD, .name = "a level", .words = words_level};

static const struct field fields_access[] = {
    {.key = "path",
     .type = &type_path,
     .into = INTO(access_form, path),
     .preset = "-",
     .help = "A file, `-` for standard output, or `off`."},
    {.key = "format",
     .type = &type_format,
     .into = INTO(access_form, format),
     .preset = "json",
     .help = "One line per connection: JSON, `key=value` pairs, or the TCP format of HAProxy."},
    END};
static const struct value_type type_access = {.kind = VALUE_EITHER,
                                              .name = "the access log",
                                              .item = &type_clear_path,
                                              .item_into = INTO(access_form, path),
                                              .fields = fields_access};

static const struct field fields_log[] = {
    {.key = "access",
     .type = &type_access,
     .into = INTO(log_form, access),
     .absent = "JSON lines on standard output",
     .help = "The access log, one line per connection at its end: a path (with a `/`), `\"-\"` for "
             "standard output, `\"off\"` for none, or an object as below."},
    {.key = "level",
     .type = &type_level,
     .into = INTO(log_form, level),
     .preset = "info",
     .help = "The least important messages to print on standard error."},
    END};
static const struct value_type type_log = {.kind = VALUE_OBJECT,
                                           .name = "the log",
                                           .instead = "{ \"level\": \"info\" }",
                                           .fields = fields_log};

static const struct field fields_reload[] = {
    {.key = "watch",
     .type = &type_boolean,
     .into = INTO(reload_config, watch),
     .preset = "true",
     .help = "Look out for changes of the files. `false`: the configuration is read again on a "
             "HUP alone."},
    {.key = "settle",
     .type = &type_duration_or_off,
     .into = INTO(reload_config, settle_ms),
     .preset = "200ms",
     .help = "Read the files when nothing has changed for so long; what is bad then is looked at "
             "once more after the same time. `\"off\"`: at once."},
    {.key = "poll",
     .type = &type_duration_or_off,
     .into = INTO(reload_config, poll_ms),
     .preset = "10s",
     .help = "Look at the files so often in any case, for file systems that do not tell of "
             "changes. `\"off\"`: only when the system tells of one."},
    END};
static const struct value_type type_reload = {.kind = VALUE_OBJECT,
                                              .name = "what is said of reloads",
                                              .instead = "{ \"watch\": false }",
                                              .fields = fields_reload};

/* --- the document --- */

static const struct field fields_document[] = {
    {.key = "listeners",
     .type = &type_listeners,
     .required = true,
     .help = "Where to accept connections: objects as below, or just the addresses."},
    {.key = "routes",
     .type = &type_routes,
     .absent = "no routes",
     .help = "Which name goes to which backend. Their order never matters."},
    {.key = "backends",
     .type = &type_backends,
     .absent = "no backends",
     .help = "Groups of servers, by name: objects as below, or just the servers."},
    {.key = "default",
     .type = &type_default,
     .into = INTO(document_form, default_backend),
     .absent = "what `policies` says",
     .help = "Where connections go that no route takes: short for the policies `unknown_sni` and "
             "`no_sni`, which must not be given as well."},
    {.key = "policies",
     .type = &type_policies,
     .into = INTO(document_form, policies),
     .absent = "the defaults of its keys",
     .help = "What to do with connections that cannot be routed, one key for each case."},
    {.key = "timeouts",
     .type = &type_timeouts,
     .into = INTO(document_form, timeouts),
     .absent = "the defaults of its keys",
     .help = "How long to wait."},
    {.key = "workers",
     .type = &type_workers,
     .into = INTO(document_form, workers),
     .absent = "as many as CPUs the process may use and its CPU quota pays for",
     .help = "Threads that carry traffic."},
    {.key = "limits",
     .type = &type_limits,
     .absent = "the defaults of its keys",
     .help = "How much to take on."},
    {.key = "sockets",
     .type = &type_sockets,
     .absent = "the defaults of its keys",
     .help = "Sizes of sockets' buffers: they bound what a peer that does not read can pin in the "
             "kernel, and with it the throughput."},
    {.key = "log",
     .type = &type_log,
     .into = INTO(document_form, log),
     .absent = "the defaults of its keys",
     .help = "What to write, and where."},
    {.key = "reload",
     .type = &type_reload,
     .into = INTO(document_form, reload),
     .absent = "the defaults of its keys",
     .help = "When the configuration is read again without a HUP. A file whose bytes are the same "
             "is not."},
    END};
const struct value_type type_document = {
    .kind = VALUE_OBJECT, .name = "the configuration", .fields = fields_document};

/* --- looking up --- */

const struct field *field_find(const struct field *fields, const char *key)
{
    for (; fields->key != NULL; fields++) {
        if (strcmp(fields->key, key) == 0)
            return fields;
    }
    return NULL;
}

bool field_is_note(const char *key)
{
    return strcmp(key, "$schema") == 0 || strcmp(key, "$comment") == 0;
}

/* --- visiting --- */

#define PATH_MAX_BYTES 128

struct visit {
    void (*on_object)(void *context, const char *path, const struct value_type *type);
    void *context;
};

/* Writes the path of a field with a step for each list and map; returns the innermost type. */
static const struct value_type *path_extend(char *out, const char *path, const struct field *field)
{
    const struct value_type *type = field->type;
    int len = snprintf(out, PATH_MAX_BYTES, "%s%s%s", path, *path ? "." : "", field->key);
    size_t used = (size_t)len;

    assert(len > 0 && used < PATH_MAX_BYTES);
    while (type->kind == VALUE_LIST || type->kind == VALUE_MAP || type->kind == VALUE_ONE_OR_LIST) {
        len = snprintf(out + used, PATH_MAX_BYTES - used, "%s",
                       type->kind == VALUE_MAP ? ".NAME" : "[]");
        used += (size_t)len;
        assert(used < PATH_MAX_BYTES);
        type = type->item;
    }
    return type;
}

static void visit_object(const struct visit *visit, const char *path, const struct value_type *type)
{
    visit->on_object(visit->context, path, type);
    for (const struct field *field = type->fields; field->key != NULL; field++) {
        char inner_path[PATH_MAX_BYTES];
        const struct value_type *inner = path_extend(inner_path, path, field);
        if (inner->fields != NULL)
            visit_object(visit, inner_path, inner);
    }
}

void fields_visit(void (*on_object)(void *context, const char *path, const struct value_type *type),
                  void *context)
{
    struct visit visit = {on_object, context};

    visit_object(&visit, "", &type_document);
}
