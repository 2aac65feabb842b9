#include "router/cli/explanation_print.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "config/text/terminal.h"

static const char *balance_word(enum balance_kind kind)
{
    switch (kind) {
    case BALANCE_ROUND_ROBIN:
        return "round_robin";
    }
    return "";
}

static const char *action_word(enum policy_action action)
{
    static const char *const words[] = {[POLICY_ALERT] = "alert",
                                        [POLICY_CLOSE] = "close",
                                        [POLICY_RESET] = "reset",
                                        [POLICY_BACKEND] = "backend"};

    assert((size_t)action < sizeof words / sizeof words[0]);
    return words[action];
}

static const struct timeouts *timeouts_of(const struct explanation *explanation)
{
    const struct route *route = explanation->route;

    return route != NULL && route->timeouts != NULL ? route->timeouts
                                                    : &explanation->config->timeouts;
}

/* --- for people --- */

/* "1h", "90s", "250ms": the largest unit that divides it; 0 is "off". */
static void print_duration(FILE *to, const char *before, uint64_t ms)
{
    static const struct {
        uint64_t ms;
        const char *unit;
    } units[] = {{3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;

    if (ms == 0) {
        fprintf(to, "%s off", before);
        return;
    }
    while (ms % units[i].ms != 0)
        i++;
    fprintf(to, "%s %llu%s", before, (unsigned long long)(ms / units[i].ms), units[i].unit);
}

static void print_network(FILE *to, const struct network *network)
{
    char ip[INET6_ADDRSTRLEN] = "";

    inet_ntop(network->v6 ? AF_INET6 : AF_INET, network->ip, ip, sizeof ip);
    fprintf(to, "%s/%u", ip, network->bits);
}

/* "alpn h2, from 10.0.0.0/8 or ::1/128, listener public"; "none". */
static void print_conditions(FILE *to, const struct config *config,
                             const struct route_conditions *when)
{
    const char *comma = "";

    if (when == NULL) {
        fputs("none", to);
        return;
    }
    for (uint32_t i = 0; i < when->alpn_count; i++)
        fprintf(to, "%s%s", i == 0 ? "alpn " : " or ", when->alpn[i]);
    comma = when->alpn_count > 0 ? ", " : "";
    for (uint32_t i = 0; i < when->from_count; i++) {
        fprintf(to, "%s%s", i == 0 ? comma : "", i == 0 ? "from " : " or ");
        print_network(to, &when->from[i]);
    }
    comma = when->alpn_count + when->from_count > 0 ? ", " : "";
    for (uint32_t i = 0; i < when->listener_count; i++)
        fprintf(to, "%s%s%s", i == 0 ? comma : "", i == 0 ? "listener " : " or ",
                config->listeners[when->listeners[i]].name);
}

/* "routes.json:14" */
static void print_place(FILE *to, const struct explanation *e, unsigned line)
{
    char shown[TERMINAL_SHOWN_MAX];

    fprintf(to, "%s:%u", terminal_copy(e->config->file, shown, sizeof shown), line);
}

static void print_backend(const struct explanation *e, FILE *to)
{
    const struct backend_config *backend = &e->config->backends[e->decision.backend];
    uint64_t weights = 0;
    int width = 0;

    for (uint32_t i = 0; i < backend->server_count; i++) {
        int length = (int)strlen(backend->servers[i].address.text);

        weights += backend->servers[i].weight;
        width = length > width ? length : width;
    }
    fprintf(to, "  backend     %s, %s (", backend->name, balance_word(backend->balance));
    print_place(to, e, backend->at.line);
    fputs(")\n", to);
    for (uint32_t i = 0; i < backend->server_count; i++) {
        const struct server_config *server = &backend->servers[i];
        double share = weights > 0 ? 100.0 * server->weight / (double)weights : 0.0;

        fprintf(to, "              %-*s  weight %u, %.3g %% of the connections\n", width,
                server->address.text, server->weight, share);
    }
}

static void print_timeouts(const struct explanation *e, FILE *to)
{
    const struct timeouts *timeouts = timeouts_of(e);

    fputs("  timeouts    ", to);
    print_duration(to, "hello", e->config->timeouts.hello_ms);
    print_duration(to, ", connect", timeouts->connect_ms);
    print_duration(to, ", idle", timeouts->idle_ms);
    print_duration(to, ", half_close", timeouts->half_close_ms);
    fputc('\n', to);
}

struct listing {
    const struct explanation *explanation;
    FILE *to;
    struct json_writer *text;
    unsigned number;
};

static void on_candidate_print(void *context, const struct route_candidate *candidate)
{
    struct listing *listing = context;
    const struct config *config = listing->explanation->config;
    const struct route *route = &config->routes[candidate->route];

    fprintf(listing->to, "  %-10s  %u. %.*s (", listing->number == 0 ? "candidates" : "",
            listing->number + 1, (int)candidate->pattern_len, candidate->pattern);
    print_place(listing->to, listing->explanation, route->line);
    fprintf(listing->to, ") -> %s", config->backends[route->backend].name);
    if (route->when != NULL) {
        fputs(" if ", listing->to);
        print_conditions(listing->to, config, route->when);
    }
    fprintf(listing->to, "\n                 %s\n",
            explanation_verdict(listing->explanation, candidate));
    listing->number++;
}

static void print_candidates(const struct explanation *e, FILE *to)
{
    struct listing listing = {.explanation = e, .to = to};

    if (e->candidates == 0)
        fputs("  candidates  none: no pattern matches the name\n", to);
    else
        route_table_explain(e->config->table, &e->query, on_candidate_print, &listing);
}

static void print_route(const struct explanation *e, const char *host, FILE *to)
{
    char why[EXPLANATION_WHY_MAX];
    char route[ROUTE_PATTERN_TEXT_MAX];

    fprintf(to, "%s -> backend %s, by route %s (", host,
            e->config->backends[e->decision.backend].name, explanation_route(e, route));
    print_place(to, e, e->route->line);
    fputs(")\n", to);
    fprintf(to, "  pattern     %.*s\n", (int)e->winner.pattern_len, e->winner.pattern);
    fputs("  conditions  ", to);
    print_conditions(to, e->config, e->route->when);
    fprintf(to, "\n  why         %s\n", explanation_why(e, why));
}

static void print_policy(const struct explanation *e, const char *host, FILE *to)
{
    const char *which = policy_case_word(e->decision.which);
    enum policy_action action = e->decision.action;
    const struct reason_info *reason = reason_info(e->decision.reason);
    char why[EXPLANATION_WHY_MAX];

    if (e->decision.backend != CONFIG_NONE)
        fprintf(to, "%s -> backend %s, by policy %s\n", host,
                e->config->backends[e->decision.backend].name, which);
    else
        fprintf(to, "%s -> refused, by policy %s\n", host, which);
    fprintf(to, "  why         %s\n", explanation_why(e, why));
    fprintf(to, "  policy      %s: %s", which, action_word(action));
    if (action == POLICY_ALERT)
        fprintf(to, " (TLS alert %d)", (int)reason->alert);
    if (e->decision.backend == CONFIG_NONE)
        fprintf(to, ", logged with reason %s", reason->word);
    if (e->config->policies[e->decision.which].by_default)
        fputs(", as \"default\" says", to);
    fputc('\n', to);
}

void explanation_print(const struct explanation *explanation, const char *host, FILE *to)
{
    char shown[TERMINAL_SHOWN_MAX];
    const char *name = terminal_copy(host, shown, sizeof shown);

    if (explanation->found)
        print_route(explanation, name, to);
    else
        print_policy(explanation, name, to);
    if (explanation->decision.backend != CONFIG_NONE) {
        print_backend(explanation, to);
        print_timeouts(explanation, to);
    }
    if (explanation->result == HELLO_OK && explanation->hello.name == HELLO_NAME_HOST)
        print_candidates(explanation, to);
}

/* --- for programs --- */

static void write_word(struct json_writer *text, const char *key, const char *word)
{
    json_writer_key(text, key);
    json_writer_word(text, word);
}

static void write_number(struct json_writer *text, const char *key, uint64_t number)
{
    json_writer_key(text, key);
    json_writer_number(text, number);
}

static void write_servers(const struct explanation *e, struct json_writer *text)
{
    const struct backend_config *backend =
        e->decision.backend != CONFIG_NONE ? &e->config->backends[e->decision.backend] : NULL;

    write_word(text, "backend", backend != NULL ? backend->name : NULL);
    write_word(text, "balance", backend != NULL ? balance_word(backend->balance) : NULL);
    json_writer_key(text, "servers");
    json_writer_open(text, '[');
    for (uint32_t i = 0; backend != NULL && i < backend->server_count; i++) {
        json_writer_open(text, '{');
        write_word(text, "name", backend->servers[i].name);
        write_word(text, "address", backend->servers[i].address.text);
        write_number(text, "weight", backend->servers[i].weight);
        json_writer_close(text, '}');
    }
    json_writer_close(text, ']');
}

static void write_timeouts(const struct explanation *e, struct json_writer *text)
{
    const struct timeouts *timeouts = timeouts_of(e);

    json_writer_key(text, "timeouts");
    json_writer_open(text, '{');
    write_number(text, "hello_ms", e->config->timeouts.hello_ms);
    write_number(text, "connect_ms", timeouts->connect_ms);
    write_number(text, "idle_ms", timeouts->idle_ms);
    write_number(text, "half_close_ms", timeouts->half_close_ms);
    json_writer_close(text, '}');
}

static void on_candidate_write(void *context, const struct route_candidate *candidate)
{
    struct listing *listing = context;
    const struct route *route = &listing->explanation->config->routes[candidate->route];
    struct json_writer *text = listing->text;

    json_writer_open(text, '{');
    json_writer_key(text, "pattern");
    json_writer_string(text, candidate->pattern, candidate->pattern_len);
    json_writer_key(text, "route");
    if (route->named)
        json_writer_word(text, route->name);
    else
        json_writer_string(text, candidate->pattern, candidate->pattern_len);
    write_number(text, "line", route->line);
    write_word(text, "verdict", explanation_verdict_word(candidate->verdict));
    write_word(text, "why", explanation_verdict(listing->explanation, candidate));
    json_writer_close(text, '}');
}

static void write_candidates(const struct explanation *e, struct json_writer *text)
{
    struct listing listing = {.explanation = e, .text = text};

    json_writer_key(text, "candidates");
    json_writer_open(text, '[');
    if (e->candidates > 0)
        route_table_explain(e->config->table, &e->query, on_candidate_write, &listing);
    json_writer_close(text, ']');
}

static void write_policy(const struct explanation *e, struct json_writer *text)
{
    json_writer_key(text, "policy");
    if (e->found) {
        json_writer_null(text);
        return;
    }
    json_writer_open(text, '{');
    write_word(text, "case", policy_case_word(e->decision.which));
    write_word(text, "action", action_word(e->decision.action));
    write_word(text, "reason", reason_info(e->decision.reason)->word);
    json_writer_close(text, '}');
}

void explanation_write_json(const struct explanation *explanation, const char *host,
                            struct json_writer *text)
{
    const struct explanation *e = explanation;
    char why[EXPLANATION_WHY_MAX];
    char route[ROUTE_PATTERN_TEXT_MAX];

    json_writer_open(text, '{');
    write_word(text, "file", e->config->file);
    write_word(text, "host", host);
    write_word(text, "result", hello_result_word(e->result));
    write_word(text, "route", e->found ? explanation_route(e, route) : NULL);
    json_writer_key(text, "pattern");
    if (e->found)
        json_writer_string(text, e->winner.pattern, e->winner.pattern_len);
    else
        json_writer_null(text);
    json_writer_key(text, "line");
    if (e->found)
        json_writer_number(text, e->route->line);
    else
        json_writer_null(text);
    write_word(text, "why", explanation_why(e, why));
    write_servers(e, text);
    write_timeouts(e, text);
    write_candidates(e, text);
    write_policy(e, text);
    json_writer_close(text, '}');
}
