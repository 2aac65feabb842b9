#include "router/cli/explanation.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/route_match.h"
#include "sni/build.h"

static bool same_pattern(const struct route_candidate *a, const struct route_candidate *b)
{
    return a->pattern_len == b->pattern_len && memcmp(a->pattern, b->pattern, a->pattern_len) == 0;
}

/* Candidates come in the order of precedence. */
static void on_candidate(void *context, const struct route_candidate *candidate)
{
    struct explanation *out = context;

    out->candidates++;
    if (candidate->verdict == ROUTE_WON) {
        out->found = true;
        out->winner = *candidate;
    } else if (!out->found) {
        out->failed_before++;
    } else if (candidate->verdict == ROUTE_BEATEN) {
        out->beaten++;
        if (same_pattern(candidate, &out->winner))
            out->beaten_conditions++;
    }
}

bool explanation_make(const struct config *config, const struct explanation_client *client,
                      uint8_t buffer[EXPLANATION_HELLO_MAX], struct explanation *out)
{
    struct hello_spec spec;
    size_t length;

    *out = (struct explanation){.config = config};
    hello_spec_init(&spec, client->host);
    spec.alpn = client->alpn_count > 0 ? client->alpn : NULL;
    spec.alpn_count = client->alpn_count;
    length = hello_build(&spec, buffer, EXPLANATION_HELLO_MAX);
    if (length == 0)
        return false;
    out->result = hello_parse(buffer, length, config->hello_limit_bytes, &out->hello);
    out->query = decide_query(&out->hello, &client->peer, client->listener);
    if (out->result == HELLO_OK && out->hello.name == HELLO_NAME_HOST)
        route_table_explain(config->table, &out->query, on_candidate, out);
    out->decision = decide_hello(config, out->result, &out->hello, &client->peer, client->listener);
    assert(out->found == (out->decision.route != ROUTE_NONE));
    assert(!out->found || out->winner.route == out->decision.route);
    if (out->found)
        out->route = &config->routes[out->winner.route];
    return true;
}

const char *explanation_route(const struct explanation *explanation,
                              char text[ROUTE_PATTERN_TEXT_MAX])
{
    const struct explanation *e = explanation;

    assert(e->found);
    if (e->route->named)
        return e->route->name;
    return route_pattern_print(e->decision.pattern, e->hello.host, e->hello.host_len, text);
}

const char *explanation_pattern_kind(const struct route_candidate *candidate)
{
    if (candidate->pattern[0] != '*')
        return "exact name";
    return candidate->pattern[1] == '*' ? "wildcard" : "one-label wildcard";
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

__attribute__((format(printf, 2, 3))) static void append(char text[EXPLANATION_WHY_MAX],
                                                         const char *format, ...)
{
    size_t length = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + length, EXPLANATION_WHY_MAX - length, format, arguments);
    va_end(arguments);
}

static const char *why_found(const struct explanation *e, char text[EXPLANATION_WHY_MAX])
{
    size_t others = e->beaten - e->beaten_conditions;

    if (e->candidates == 1)
        append(text, "%s, the only candidate", explanation_pattern_kind(&e->winner));
    else if (e->winner.pattern[0] != '*')
        append(text, "exact name");
    else
        append(text, "longest wildcard that matches");
    if (e->beaten_conditions > 0)
        append(text, ", with more conditions than %zu other%s for it", e->beaten_conditions,
               plural(e->beaten_conditions));
    if (others > 0)
        append(text, "; goes before %zu other match%s", others, others == 1 ? "" : "es");
    if (e->failed_before > 0)
        append(text, "; %zu better candidate%s did not meet %s conditions", e->failed_before,
               plural(e->failed_before), e->failed_before == 1 ? "its" : "their");
    return text;
}

const char *explanation_why(const struct explanation *explanation, char text[EXPLANATION_WHY_MAX])
{
    const struct explanation *e = explanation;

    text[0] = '\0';
    if (e->found)
        return why_found(e, text);
    if (e->result != HELLO_OK)
        append(text, "the ClientHello is %s: %s", hello_result_word(e->result), e->hello.why);
    else if (e->hello.name == HELLO_NAME_IP)
        append(text, "an IP address is not a host name: no route matches it");
    else if (e->candidates > 0)
        append(text, "no candidate's conditions were met");
    else
        append(text, "no route matches the name");
    return text;
}

const char *explanation_verdict_word(enum route_verdict verdict)
{
    static const char *const words[] = {[ROUTE_WON] = "won",
                                        [ROUTE_BEATEN] = "beaten",
                                        [ROUTE_FAILED_ALPN] = "failed_alpn",
                                        [ROUTE_FAILED_FROM] = "failed_from",
                                        [ROUTE_FAILED_LISTENER] = "failed_listener"};

    assert((size_t)verdict < sizeof words / sizeof words[0]);
    return words[verdict];
}

/* What is better about the winner: the first rule of precedence that tells the two apart. */
static const char *beaten_by(const struct route_candidate *winner,
                             const struct route_candidate *candidate)
{
    if (same_pattern(winner, candidate))
        return "matches, but has fewer conditions";
    if (winner->pattern[0] != '*')
        return "matches, but the exact name goes first";
    if (strcspn(winner->pattern, ".") != strcspn(candidate->pattern, ".") &&
        winner->pattern_len - strcspn(winner->pattern, ".") ==
            candidate->pattern_len - strcspn(candidate->pattern, "."))
        return "matches, but *. goes before **.";
    return "matches, but a longer wildcard goes first";
}

const char *explanation_verdict(const struct explanation *explanation,
                                const struct route_candidate *candidate)
{
    switch (candidate->verdict) {
    case ROUTE_WON:
        return "won";
    case ROUTE_BEATEN:
        return beaten_by(&explanation->winner, candidate);
    case ROUTE_FAILED_ALPN:
        return explanation->hello.alpn_bytes > 0 ? "failed: its alpn is not among those offered"
                                                 : "failed: needs alpn, and none is offered";
    case ROUTE_FAILED_FROM:
        return explanation->query.client_ip != NULL
                   ? "failed: the client's address is not in its from"
                   : "failed: needs from, and the client's address is unknown (give --from)";
    case ROUTE_FAILED_LISTENER:
        return explanation->query.listener != CONFIG_NONE
                   ? "failed: came to another listener"
                   : "failed: needs a listener, and it is unknown (give --listener)";
    }
    return "";
}
