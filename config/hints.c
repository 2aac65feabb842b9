#include "config/hints.h"

#include <ctype.h>
#include <string.h>

#define LISTENER "listeners[]"
#define ROUTE    "routes[]"
#define BACKEND  "backends.NAME"
#define SERVER   "backends.NAME.servers[]"

#define NO_HTTP "TLS hides paths, headers and all else of HTTP from a router that does not decrypt"
#define NO_TLS                                                                                     \
    "TLS is passed on as it is: certificates, keys and TLS settings belong to the servers"
#define NO_MODE "TLS is always passed on as it is, over TCP: there is no mode to choose"
#define NO_HEALTH                                                                                  \
    "this version has no health checks: a client whose server cannot be reached gets the next one"
#define NO_STICKY    "this version balances by \"round_robin\" only, without regard to the client"
#define NO_PROXY_IN  "this version reads no PROXY header"
#define NO_PROXY_OUT "this version sends no PROXY header: servers see the router's address"
#define NO_RATE      "this version has no limits on rates or single clients"
#define NO_SERVICE   "the service manager does this (in a systemd unit: User=, Group=, PIDFile=)"
#define NO_SECTION                                                                                 \
    "there is no such section: \"timeouts\", \"limits\" and \"log\" stand beside \"listeners\", "  \
    "\"routes\" and \"backends\""
#define NO_MANIFEST                                                                                \
    "Kubernetes manifests are not read: the file has \"listeners\", \"routes\" and \"backends\""
#define ONE_LISTENERS "[ { \"address\": \":443\" } ]"
#define ONE_ROUTES    "[ { \"host\": \"shop.example.com\", \"backend\": \"shop\" } ]"
#define ONE_BACKENDS  "{ \"shop\": { \"servers\": [\"10.0.0.5:443\"] } }"

const struct key_hint key_hints[] = {
    /* --- sections --- */
    {"listen|bind|frontend|frontends|entry_points|entry_point|port|ports|http|https", "",
     "listeners", ONE_LISTENERS, NULL},
    {"rule|rules|map|table|host|hosts|domain|domains|hostname|server_name|server_names|sni|"
     "virtual_hosts|vhosts|routers|router|tcp|matchers|filter_chains",
     "", "routes", ONE_ROUTES, NULL},
    {"upstream|upstreams|cluster|clusters|service|services|pool|pools|server|servers|target|"
     "targets|origins|farm",
     "", "backends", ONE_BACKENDS, NULL},
    {"global|defaults|main|settings|options|config|stream|events|apps|layer4|static_resources|"
     "dynamic_resources",
     "", NULL, NULL, NO_SECTION},
    {"api_version|kind|metadata|spec", "", NULL, NULL, NO_MANIFEST},
    {"default_backend|default_server|default_service|default_route|fallback|catch_all|otherwise",
     NULL, "default", NULL, "where all goes that no route takes"},
    {"ssl_reject_handshake|reject_handshake|reject|strict_sni|sni_strict", NULL,
     "policies.unknown_sni", "\"alert\"", "this is the default"},
    {"include|includes|import|imports|include_dir|conf_dir|providers", NULL, NULL, NULL,
     "one file holds the whole configuration"},
    {"env|environment|vars|variables", NULL, NULL, NULL, "a file has no variables"},
    {"version", NULL, NULL, NULL, "a file has no version"},
    {"comment|_comment|//|#|description|note|notes|title|label|labels|annotations", NULL, NULL,
     NULL, "a note is called \"$comment\""},

    /* --- the process --- */
    {"maxconn|max_conns|max_connections|connections|max_requests|circuit_breakers", SERVER, NULL,
     NULL, "this version has no limit for each server (limits.connections is for all together)"},
    {"maxconn|max_connections|connections|in_flight_conn", ROUTE, NULL, NULL,
     "this version has no limit for each route (limits.connections is for all together)"},
    {"maxconn|max_connections|connections|circuit_breakers", BACKEND, NULL, NULL,
     "this version has no limit for each backend (limits.connections is for all together)"},
    {"maxconn|max_conn|max_connections|worker_connections|connection_limit|max_clients|maxsock",
     NULL, "limits.connections", NULL, "all workers together"},
    {"nbthread|nbproc|thread|threads|worker_threads|worker_processes|processes|concurrency|cpus|"
     "num_workers|num_threads|gomaxprocs",
     NULL, "workers", "4", "without it: as many as there are CPUs"},
    {"ulimit_n|ulimit|worker_rlimit_nofile|rlimit_nofile|nofile|max_open_files|fd_hard_limit", NULL,
     NULL, NULL,
     "the service manager sets the limit of open files (in a systemd unit: LimitNOFILE=)"},
    {"user|group|uid|gid|daemon|background|chroot|pidfile|pid_file|pid|master_worker|setuid|"
     "username|groupname",
     NULL, NULL, NULL, NO_SERVICE},
    {"stats|metrics|prometheus|admin|api|dashboard|status|stats_socket|socket|monitor|healthz|"
     "tracing|statsd|ping|pprof|management",
     NULL, NULL, NULL, "this version has no metrics and no admin interface"},
    {"so_reuseport|reuseport|reuse_port|tcp_nodelay|nodelay|tcp_keepalive|keepalive|so_keepalive|"
     "tcpka|clitcpka|srvtcpka|option tcpka|defer_accept|deferred|splice_auto|option splice-auto",
     NULL, NULL, NULL, "this is always on"},
    {"bufsize|buffer_size|proxy_buffer_size|tune.bufsize|rcvbuf|so_rcvbuf|recv_buffer", NULL,
     "sockets.receive", NULL, NULL},
    {"sndbuf|so_sndbuf|send_buffer", NULL, "sockets.send", NULL, NULL},
    {"preread_buffer_size|hello_size|max_hello|max_hello_size|max_client_hello_size", NULL,
     "limits.hello", NULL, NULL},
    {"stick_table|rate_limit|ratelimit|rate|limit_conn|limit_rate|maxconnrate|bandwidth|"
     "proxy_download_rate|proxy_upload_rate|in_flight_conn|throttle",
     NULL, NULL, NULL, NO_RATE},

    /* --- timeouts --- */
    {"client|server|timeout_client|timeout_server|tunnel|timeout_tunnel|proxy_timeout|idle_timeout|"
     "tcp_idle_timeout|read|write|send|receive|client_timeout|server_timeout|max_idle",
     "timeouts", "timeouts.idle", NULL, "one time for both sides"},
    {"client|server|timeout_client|timeout_server|tunnel|timeout_tunnel|proxy_timeout|idle_timeout|"
     "tcp_idle_timeout|read|write|client_timeout|server_timeout|max_idle",
     "routes[].timeouts", "timeouts.idle", NULL, "one time for both sides"},
    {"client|timeout_client|timeout_server|tunnel|timeout_tunnel|proxy_timeout|idle_timeout|"
     "tcp_idle_timeout|client_timeout|server_timeout",
     NULL, "timeouts.idle", NULL, "one time for both sides"},
    {"client_fin|server_fin|timeout_client_fin|timeout_server_fin|fin|proxy_half_close|"
     "termination_delay",
     NULL, "timeouts.half_close", NULL, NULL},
    {"timeout_connect|connect_timeout|proxy_connect_timeout|dial_timeout", NULL, "timeouts.connect",
     NULL, NULL},
    {"inspect_delay|tcp_request inspect_delay|preread_timeout|hello_timeout|client_hello_timeout|"
     "handshake|handshake_timeout|listener_filters_timeout|read_timeout|responding_timeouts",
     NULL, "timeouts.hello", NULL, NULL},
    {"hard_stop_after|worker_shutdown_timeout|shutdown_timeout|shutdown|grace|grace_time_out|"
     "grace_period|drain_time|drain_timeout|termination_grace_period_seconds|stop_timeout",
     NULL, "timeouts.drain", NULL, NULL},
    {"check|http_request|http_keep_alive|queue|timeout_check|timeout_queue", "timeouts", NULL, NULL,
     "this version has no checks, no queue and no HTTP whose time could be limited"},

    /* --- listeners --- */
    {"listen|bind|addr|socket_address|endpoint|ip", LISTENER, "listeners[].address", NULL, NULL},
    {"ipv6only|ipv6_only", LISTENER, "listeners[].v6only", NULL, NULL},
    {"v4v6|dual_stack|ipv4_compat", LISTENER, NULL, NULL,
     "\"[::]:443\" takes IPv6 and IPv4, unless \"v6only\" is true"},
    {"transparent|free_bind_address|ip_nonlocal_bind", LISTENER, "listeners[].freebind", "true",
     NULL},
    {"accept_proxy|proxy_protocol|expect_proxy|use_proxy_protocol|listener_filters", LISTENER, NULL,
     NULL, NO_PROXY_IN},
    {"redirect|redirects|https_redirect|http_redirect|redirections", LISTENER, NULL, NULL,
     "a router that does not decrypt redirects nobody: a web server answers on port 80"},
    {"backend|routes|host|hosts|hostname|hostnames|server_name|server_names|domain|domains|table|"
     "allowed_routes|filter_chains|use_backend|proxy_pass",
     LISTENER, "routes", ONE_ROUTES,
     "a route may say for which listener it is: \"listener\": \"public\""},

    /* --- routes --- */
    {"host_sni_regexp|regex|regexp|host_regexp|server_name_regex", NULL, "routes[].host",
     "\"*.example.com\"",
     "no regular expressions: \"*.\" is one label, \"**.\" one or more, at the start only"},
    {"server_name|server_names|sni|snis|hostname|hostnames|domain|domains|fqdn|host_sni|match|"
     "matches|rule|req_ssl_sni|req.ssl_sni|ssl_preread_server_name|vhost|names|pattern|filter_"
     "chain_match",
     ROUTE, "routes[].host", NULL, NULL},
    {"upstream|upstreams|proxy_pass|use_backend|target|targets|server|servers|service|services|"
     "service_name|backend_ref|backend_refs|cluster|dest|destination|forward|forward_to|proxy|to|"
     "pool|"
     "address|addresses|reverse_proxy|endpoint|endpoints|url|handle|action|tunnel_route",
     ROUTE, "routes[].backend", NULL, NULL},
    {"entry_points|entry_point|frontend|frontends|parent_refs|listeners|bind|listen", ROUTE,
     "routes[].listener", NULL, NULL},
    {"src|source|source_ip|source_prefix_ranges|source_range|client_ip|remote_ip|remote_addr|allow|"
     "acl|ip_allow_list|ip_white_list|whitelist|allowlist",
     ROUTE, "routes[].from", NULL, NULL},
    {"deny|block|blacklist|denylist", ROUTE, NULL, NULL,
     "a route says which networks may pass (\"from\"), not which may not"},
    {"alpns|application_protocols|next_protocols|ssl_preread_alpn_protocols|req_ssl_alpn", ROUTE,
     "routes[].alpn", NULL, NULL},
    {"priority|order|precedence|rank", ROUTE, NULL, NULL,
     "the most specific route wins, whatever the order"},
    {"path|paths|uri|location|locations|path_prefix|prefix|rewrite|redirect|redirects|return|"
     "header|"
     "headers|method|methods|query|cookie|cookies|body|http_request|request_header|add_header|"
     "set_header|proxy_set_header|middleware|middlewares|filters|plugins|gzip|compression|cache|"
     "websocket|forwardfor|option forwardfor|x_forwarded_for|status_code|root",
     ROUTE, NULL, NULL, NO_HTTP},

    /* --- backends and servers --- */
    {"host|hosts|address|addresses|addrs|endpoint|endpoints|member|members|target|targets|upstream|"
     "upstreams|node|nodes|dial|load_assignment|lb_endpoints|load_balancer|url|urls|ip|ips|port",
     BACKEND, "backends.NAME.servers", "[\"10.0.0.5:443\"]", NULL},
    {"name", BACKEND, NULL, NULL,
     "the key is the name: \"backends\": { \"shop\": { \"servers\": [\"10.0.0.5:443\"] } }"},
    {"algorithm|lb|lb_algorithm|lb_policy|load_balancing|load_balancing_policy|strategy|policy|"
     "scheduler|selection_policy|mode_balance",
     BACKEND, "backends.NAME.balance", NULL, NULL},
    {"leastconn|least_conn|least_connections|least_request|ip_hash|random|hash|consistent_hash|"
     "hash_type|sticky|stick|session_affinity|persistence|affinity|cookie|stick_on",
     NULL, NULL, NULL, NO_STICKY},
    {"retries|retry|redispatch|option redispatch|max_tries|max_retries|max_connect_attempts|"
     "proxy_next_upstream|proxy_next_upstream_tries|try_duration",
     NULL, "backends.NAME.tries", NULL, "the first server included"},
    {"url|uri|dial|addr|target|endpoint|socket_address|server|upstream", SERVER,
     "backends.NAME.servers[].address", NULL, NULL},
    {"backup|spare|standby", NULL, NULL, NULL,
     "this version has no backup servers: all servers of a backend take turns"},
    {"down|disabled|disable|maintenance|maint|drain", SERVER, "backends.NAME.servers[].weight", "0",
     "no new connections for this server"},
    {"check|checks|health|health_check|health_checks|healthcheck|httpchk|option httpchk|tcp_check|"
     "option tcp-check|ssl_hello_chk|inter|rise|fall|fastinter|downinter|max_fails|fail_timeout|"
     "slow_start|slowstart|agent_check|outlier_detection|observe|on_marked_down|liveness_probe|"
     "readiness_probe|active_health_check",
     NULL, NULL, NULL, NO_HEALTH},
    {"send_proxy|send_proxy_v2|send_proxy_v2_ssl|proxy_protocol|proxy_protocol_version", NULL, NULL,
     NULL, NO_PROXY_OUT},
    {"accept_proxy|expect_proxy|use_proxy_protocol", NULL, NULL, NULL, NO_PROXY_IN},
    {"resolver|resolvers|dns|nameserver|nameservers|resolve|resolve_prefer|dns_refresh_rate|"
     "init_addr|dns_lookup_family",
     NULL, NULL, NULL, "names of servers are looked up as the system does it (/etc/resolv.conf)"},
    {"proxy_bind|bind_address|usesrc|source_address|outbound|source|transparent", NULL, NULL, NULL,
     "servers are reached from the address that the system chooses"},
    {"maxqueue|queue|timeout_queue|fullconn", NULL, NULL, NULL, "this version has no queue"},

    /* --- the log --- */
    {"path|file|filename|file_path|output|access_log", "log", "log.access.path", NULL, NULL},
    {"file|filename|file_path|output|destination|target", "log.access", "log.access.path", NULL,
     NULL},
    {"access_log|access_logs|logs|logging|logger|tcplog|option tcplog|httplog|option httplog", NULL,
     "log.access.path", NULL, NULL},
    {"log_format|logformat|encoding|encoder", NULL, "log.access.format", NULL, NULL},
    {"log_level|loglevel|verbosity|verbose|debug|quiet", NULL, "log.level", NULL, NULL},
    {"error_log|error_logs|log_file|syslog|journald|stderr", NULL, NULL, NULL,
     "messages go to standard error, from where the service manager takes them"},

    /* --- TLS, HTTP, and what is left --- */
    {"tls|ssl|cert|certs|certificate|certificates|certificate_refs|crt|key|private_key|keyfile|"
     "certfile|ssl_certificate|ssl_certificate_key|cert_resolver|acme|ca|ca_file|cafile|secret_"
     "name|"
     "cipher|ciphers|ssl_protocols|min_version|max_version|tls_options|tls_passthrough|passthrough|"
     "ssl_passthrough|ssl_preread|tls_context|transport_socket|verify|terminate|termination|alpn|"
     "curves|ocsp|dhparam|sni",
     NULL, NULL, NULL, NO_TLS},
    {"mode|protocol|protocols|type|transport|scheme|proto|handler", NULL, NULL, NULL, NO_MODE},
    {"path|paths|uri|location|locations|header|headers|cookies|rewrite|redirect|redirects|"
     "middleware|"
     "middlewares|http_request|option forwardfor|forwardfor|filters|gzip|websocket|http_port",
     NULL, NULL, NULL, NO_HTTP},
    {.words = NULL}};

#define ONLY_ROUND_ROBIN    "this version has no other way"
#define POLICY_BACKEND_FORM "to pass such connections on, write { \"backend\": \"shop\" }"

const struct word_hint word_hints[] = {
    {"warn|warnings", "a level", "warning", NULL},
    {"err|crit|critical|alert|emerg|emergency|fatal|panic|errors|quiet|silent", "a level", "error",
     NULL},
    {"notice|notify|normal|default|informational|information|infos", "a level", "info", NULL},
    {"trace|verbose|all|dbg", "a level", "debug", NULL},
    {"drop|fin|silent_drop|silent|ignore|blackhole|end|shut|shutdown", "a policy", "close", NULL},
    {"reject|deny|refuse|block|tls_alert|fatal|fatal_alert|handshake_failure|unrecognized_name",
     "a policy", "alert", NULL},
    {"rst|tcp_reset|tcp_rst|abort|kill|connection_reset", "a policy", "reset", NULL},
    {"accept|allow|pass|pass_through|passthrough|forward|proxy|route|default|backend", "a policy",
     NULL, POLICY_BACKEND_FORM},
    {"plain|text|kv|key_value|keyvalue|common|combined|clf|default|logfmt_text", "a format",
     "logfmt", NULL},
    {"tcplog|tcp|option tcplog|hap", "a format", "haproxy", NULL},
    {"jsonl|ndjson|json_lines|structured", "a format", "json", NULL},
    {"rr|wrr|weighted|weighted_round_robin|static_rr|default|turn", "a way to balance",
     "round_robin", NULL},
    {"leastconn|least_conn|least_connections|least_request|random|source|ip_hash|client_ip_hash|"
     "hash|"
     "consistent|consistent_hash|ring_hash|maglev|first|uri|sticky|p2c|power_of_two_choices",
     "a way to balance", NULL, ONLY_ROUND_ROBIN},
    {.words = NULL}};

/* --- looking up --- */

/* Skips what does not tell words apart. A word of nothing else is compared as it is. */
static const char *skip_glue(const char *at)
{
    while (*at == '_' || *at == '-' || *at == '.' || *at == ' ')
        at++;
    return at;
}

/* Whether the word that begins at `listed`, ended by "|" or the end, is `word`. */
static bool word_is(const char *listed, const char *word)
{
    for (;;) {
        listed = skip_glue(listed);
        word = skip_glue(word);
        if (*word == '\0' || *listed == '\0' || *listed == '|')
            return *word == '\0' && (*listed == '\0' || *listed == '|');
        if (tolower((unsigned char)*listed++) != tolower((unsigned char)*word++))
            return false;
    }
}

bool hint_has_word(const char *words, const char *word)
{
    if (*skip_glue(word) == '\0')
        return false;
    for (const char *at = words; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (word_is(at, word))
            return true;
    }
    return false;
}

const struct key_hint *hint_for_key(const char *key, const char *path)
{
    for (const struct key_hint *hint = key_hints; hint->words != NULL; hint++) {
        if ((hint->in == NULL || strcmp(hint->in, path) == 0) && hint_has_word(hint->words, key))
            return hint;
    }
    return NULL;
}

const struct word_hint *hint_for_word(const char *word, const char *type)
{
    for (const struct word_hint *hint = word_hints; hint->words != NULL; hint++) {
        if (strcmp(hint->type, type) == 0 && hint_has_word(hint->words, word))
            return hint;
    }
    return NULL;
}
