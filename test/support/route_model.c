#include "test/support/route_model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/route_build.h"
#include "sni/build.h"
#include "sni/hello.h"

#define ROUTES    24
#define PATTERNS  40
#define QUESTIONS 24
#define TEXT_ROOM 260
#define HELLO_MAX 4096

static const char *const protocols[] = {"h2", "http/1.1", "acme-tls/1"};

struct pattern {
    char text[TEXT_ROOM];
    uint32_t route;
};

/* What the rules say. */
struct model {
    const uint8_t *bytes;
    size_t left;
    struct route routes[ROUTES];
    struct route_conditions conditions[ROUTES];
    struct network networks[ROUTES][3];
    uint32_t listeners[ROUTES][3];
    const char *alpn[ROUTES][3];
    struct pattern patterns[PATTERNS];
    size_t pattern_count;
};

struct question {
    char host[TEXT_ROOM];
    bool has_hello, has_ip, v6;
    bool offers[3]; /* which of `protocols` */
    uint8_t ip[16];
    uint32_t listener;
};

/* --- inventing: few different words, so that everything meets everything --- */

static unsigned choose(struct model *model, unsigned below)
{
    if (model->left == 0)
        return 0;
    model->left--;
    return *model->bytes++ % below;
}

/* `labels` labels, as far as they fit; `out` has TEXT_ROOM bytes at least. */
static void invent_name(struct model *model, char *out, unsigned labels)
{
    static const char *const words[] = {"a", "b", "c", "ab", "x-1", "_c"};
    size_t at = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < labels && at < HOSTNAME_MAX - 4; i++)
        at += (size_t)snprintf(out + at, TEXT_ROOM - at, "%s%s", i > 0 ? "." : "",
                               words[choose(model, 6)]);
}

static unsigned invent_depth(struct model *model)
{
    unsigned depth = 1 + choose(model, 8);

    return depth < 5 ? depth : depth < 8 ? 2 : 1 + choose(model, 127);
}

static void invent_address(struct model *model, bool *v6, uint8_t ip[16])
{
    static const uint8_t octets[] = {10, 10, 11, 138};

    memset(ip, 0, 16);
    *v6 = choose(model, 3) == 0;
    ip[0] = octets[choose(model, 4)];
    for (unsigned i = 1; i < (*v6 ? 16u : 4u); i++)
        ip[i] = (uint8_t)(i < 3 || i == 15 ? choose(model, 2) : 0);
}

static void invent_network(struct model *model, struct network *network)
{
    static const uint8_t bits4[] = {0, 7, 8, 9, 16, 24, 31, 32};
    static const uint8_t bits6[] = {0, 7, 8, 15, 24, 64, 127, 128};

    invent_address(model, &network->v6, network->ip);
    unsigned which = choose(model, 8);
    network->bits = network->v6 ? bits6[which] : bits4[which];
}

static void invent_route(struct model *model, unsigned number)
{
    struct route_conditions *when = &model->conditions[number];
    unsigned kinds = choose(model, 16);

    model->routes[number].when = kinds == 8 ? NULL : when;
    if (kinds & 1)
        when->from_count = 1 + choose(model, 3);
    if (kinds & 2)
        when->listener_count = 1 + choose(model, 3);
    if (kinds & 4)
        when->alpn_count = 1 + choose(model, 2);
    when->from = model->networks[number];
    when->listeners = model->listeners[number];
    when->alpn = model->alpn[number];
    for (unsigned i = 0; i < when->from_count; i++)
        invent_network(model, &model->networks[number][i]);
    for (unsigned i = 0; i < when->listener_count; i++)
        model->listeners[number][i] = choose(model, 4);
    for (unsigned i = 0; i < when->alpn_count; i++)
        model->alpn[number][i] = protocols[choose(model, 3)];
}

static void invent_pattern(struct model *model, struct pattern *pattern)
{
    static const char *const prefixes[] = {"", "*.", "**."};
    char name[TEXT_ROOM];
    unsigned again = choose(model, 3); /* often a text that is there already */

    pattern->route = choose(model, ROUTES);
    if (again > 0 && pattern > model->patterns) {
        size_t other = choose(model, (unsigned)(pattern - model->patterns));
        memcpy(pattern->text, model->patterns[other].text, TEXT_ROOM);
        return;
    }
    invent_name(model, name, invent_depth(model));
    (void)snprintf(pattern->text, sizeof pattern->text, "%s%s", prefixes[choose(model, 3)], name);
}

static void invent_question(struct model *model, struct question *question)
{
    char name[TEXT_ROOM];
    char host[2 * TEXT_ROOM] = "";

    *question = (struct question){0};
    if (model->pattern_count > 0 && choose(model, 4) > 0) { /* below or at some pattern's name */
        const char *text = model->patterns[choose(model, (unsigned)model->pattern_count)].text;
        text += strspn(text, "*.");
        invent_name(model, name, choose(model, 3));
        (void)snprintf(host, sizeof host, "%s%s%s", name, name[0] != '\0' ? "." : "", text);
    }
    if (host[0] == '\0' || strlen(host) > HOSTNAME_MAX)
        invent_name(model, host, invent_depth(model));
    memcpy(question->host, host, strlen(host) + 1);
    question->has_hello = choose(model, 4) > 0;
    for (int i = 0; i < 3; i++)
        question->offers[i] = choose(model, 2) == 1;
    question->has_ip = choose(model, 8) > 0;
    invent_address(model, &question->v6, question->ip);
    question->listener = choose(model, 5);
    if (question->listener == 4)
        question->listener = CONFIG_NONE;
}

/* --- the rules, read literally --- */

static bool rule_bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    for (unsigned i = 0; i < bits; i++) {
        if ((a[i / 8] >> (7 - i % 8) & 1) != (b[i / 8] >> (7 - i % 8) & 1))
            return false;
    }
    return true;
}

static bool rule_name_matches(const char *pattern, const char *host)
{
    if (pattern[0] != '*')
        return strcmp(pattern, host) == 0;
    bool many = pattern[1] == '*';
    const char *suffix = pattern + (many ? 2 : 1); /* with its dot */
    size_t suffix_len = strlen(suffix);
    size_t host_len = strlen(host);
    if (host_len <= suffix_len || strcmp(host + host_len - suffix_len, suffix) != 0)
        return false;
    return many || memchr(host, '.', host_len - suffix_len) == NULL;
}

/* How specific a pattern is; the greater comes first. Two that match one name differ in it. */
static size_t rule_rank(const char *pattern)
{
    if (pattern[0] != '*')
        return SIZE_MAX;
    bool many = pattern[1] == '*';
    return strlen(pattern + (many ? 3 : 2)) * 2 + !many;
}

static bool rule_alpn(const struct route_conditions *when, const struct question *question)
{
    for (uint32_t i = 0; i < when->alpn_count; i++) {
        for (int p = 0; p < 3; p++) {
            if (question->has_hello && question->offers[p] && when->alpn[i] == protocols[p])
                return true;
        }
    }
    return when->alpn_count == 0;
}

static bool rule_from(const struct route_conditions *when, const struct question *question)
{
    for (uint32_t i = 0; i < when->from_count; i++) {
        const struct network *network = &when->from[i];
        if (question->has_ip && question->v6 == network->v6 &&
            rule_bits_equal(network->ip, question->ip, network->bits))
            return true;
    }
    return when->from_count == 0;
}

static bool rule_listener(const struct route_conditions *when, const struct question *question)
{
    for (uint32_t i = 0; i < when->listener_count; i++) {
        if (when->listeners[i] == question->listener)
            return true;
    }
    return when->listener_count == 0;
}

static const struct route_conditions *rule_conditions(const struct model *model, uint32_t route)
{
    static const struct route_conditions none;

    return model->routes[route].when != NULL ? model->routes[route].when : &none;
}

static unsigned rule_count(const struct route_conditions *when)
{
    return (when->alpn_count > 0 ? 1u : 0u) + (when->from_count > 0 ? 1u : 0u) +
           (when->listener_count > 0 ? 1u : 0u);
}

static bool rule_from_meet(const struct route_conditions *a, const struct route_conditions *b)
{
    for (uint32_t i = 0; i < a->from_count; i++) {
        for (uint32_t j = 0; j < b->from_count; j++) {
            const struct network *x = &a->from[i];
            const struct network *y = &b->from[j];
            unsigned bits = x->bits < y->bits ? x->bits : y->bits;
            if (x->v6 == y->v6 && rule_bits_equal(x->ip, y->ip, bits))
                return true;
        }
    }
    return a->from_count == 0 || b->from_count == 0;
}

static bool rule_listeners_meet(const struct route_conditions *a, const struct route_conditions *b)
{
    for (uint32_t i = 0; i < a->listener_count; i++) {
        for (uint32_t j = 0; j < b->listener_count; j++) {
            if (a->listeners[i] == b->listeners[j])
                return true;
        }
    }
    return a->listener_count == 0 || b->listener_count == 0;
}

static bool rule_tie(const struct model *model, const struct pattern *p, const struct pattern *q)
{
    const struct route_conditions *a = rule_conditions(model, p->route);
    const struct route_conditions *b = rule_conditions(model, q->route);

    return p->route != q->route && strcmp(p->text, q->text) == 0 &&
           rule_count(a) == rule_count(b) && rule_from_meet(a, b) && rule_listeners_meet(a, b);
}

/* Whether the pattern ties with any of the first `count`. */
static bool rule_ties(const struct model *model, const struct pattern *pattern, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rule_tie(model, pattern, &model->patterns[i]))
            return true;
    }
    return false;
}

static uint32_t rule_find(const struct model *model, const struct question *question)
{
    const struct pattern *best = NULL;

    for (size_t i = 0; i < model->pattern_count; i++) {
        const struct pattern *pattern = &model->patterns[i];
        const struct route_conditions *when = rule_conditions(model, pattern->route);
        if (!rule_name_matches(pattern->text, question->host) || !rule_alpn(when, question) ||
            !rule_from(when, question) || !rule_listener(when, question))
            continue;
        if (best == NULL || rule_rank(pattern->text) > rule_rank(best->text) ||
            (rule_rank(pattern->text) == rule_rank(best->text) &&
             rule_count(when) > rule_count(rule_conditions(model, best->route))))
            best = pattern;
    }
    return best != NULL ? best->route : ROUTE_NONE;
}

/* --- holding the table against them --- */

struct conflicts {
    const struct model *model;
    bool told[PATTERNS]; /* that some conflict named this pattern and route */
    struct {
        char pattern[TEXT_ROOM];
        uint32_t first, second;
    } pairs[PATTERNS * PATTERNS];
    size_t count;
};

static void on_conflict(void *context, const struct route_conflict *conflict)
{
    struct conflicts *conflicts = context;
    const struct model *model = conflicts->model;
    const struct pattern *first = NULL;
    const struct pattern *second = NULL;

    assert(conflict->first < conflict->second && conflict->second < ROUTES);
    for (size_t i = 0; i < conflicts->count; i++)
        assert(conflicts->pairs[i].first != conflict->first ||
               conflicts->pairs[i].second != conflict->second ||
               strcmp(conflicts->pairs[i].pattern, conflict->pattern) != 0);
    for (size_t i = 0; i < model->pattern_count; i++) {
        const struct pattern *pattern = &model->patterns[i];
        if (strcmp(pattern->text, conflict->pattern) != 0)
            continue;
        if (pattern->route == conflict->first)
            first = pattern;
        if (pattern->route == conflict->second)
            second = pattern;
        if (pattern->route == conflict->first || pattern->route == conflict->second)
            conflicts->told[i] = true;
    }
    assert(first != NULL && second != NULL && rule_tie(model, first, second));
    assert(conflict->duplicate == (rule_count(rule_conditions(model, first->route)) == 0));
    conflicts->pairs[conflicts->count].first = conflict->first;
    conflicts->pairs[conflicts->count].second = conflict->second;
    memcpy(conflicts->pairs[conflicts->count].pattern, conflict->pattern,
           strlen(conflict->pattern) + 1);
    conflicts->count++;
}

static struct route_table *build_table(const struct model *model, struct conflicts *conflicts)
{
    struct route_builder *builder = route_builder_new(model->routes, model->pattern_count % 3);

    assert(builder != NULL);
    for (size_t i = 0; i < model->pattern_count; i++) {
        const struct pattern *pattern = &model->patterns[i];
        bool added =
            route_builder_add(builder, pattern->text, strlen(pattern->text), pattern->route);
        assert(added);
    }
    bool no_memory = true;
    struct route_table *table = route_builder_finish(builder, on_conflict, conflicts, &no_memory);
    assert(!no_memory);
    assert((table != NULL) == (conflicts->count == 0));
    return table;
}

/* Every route that ties is told of, and no other. */
static void check_conflicts(const struct model *model)
{
    struct conflicts *conflicts = calloc(1, sizeof *conflicts);

    assert(conflicts != NULL);
    conflicts->model = model;
    route_table_free(build_table(model, conflicts));
    for (size_t i = 0; i < model->pattern_count; i++)
        assert(conflicts->told[i] == rule_ties(model, &model->patterns[i], model->pattern_count));
    free(conflicts);
}

static void drop_ties(struct model *model)
{
    size_t kept = 0;

    for (size_t i = 0; i < model->pattern_count; i++) {
        if (!rule_ties(model, &model->patterns[i], kept))
            model->patterns[kept++] = model->patterns[i];
    }
    model->pattern_count = kept;
}

struct explanation {
    const struct model *model;
    const struct question *question;
    size_t candidates;
    uint32_t won;
    char won_by[TEXT_ROOM];
    size_t last_rank;
    unsigned last_count;
};

static void on_candidate(void *context, const struct route_candidate *candidate)
{
    struct explanation *explanation = context;
    const struct question *question = explanation->question;
    char text[TEXT_ROOM];

    assert(candidate->pattern_len < sizeof text);
    memcpy(text, candidate->pattern, candidate->pattern_len);
    text[candidate->pattern_len] = '\0';
    assert(rule_name_matches(text, question->host));

    const struct route_conditions *when = rule_conditions(explanation->model, candidate->route);
    enum route_verdict verdict = explanation->won == ROUTE_NONE ? ROUTE_WON : ROUTE_BEATEN;
    if (!rule_alpn(when, question))
        verdict = ROUTE_FAILED_ALPN;
    else if (!rule_from(when, question))
        verdict = ROUTE_FAILED_FROM;
    else if (!rule_listener(when, question))
        verdict = ROUTE_FAILED_LISTENER;
    assert(candidate->verdict == verdict);
    if (verdict == ROUTE_WON) {
        explanation->won = candidate->route;
        strcpy(explanation->won_by, text);
    }

    size_t rank = rule_rank(text);
    if (explanation->candidates > 0)
        assert(rank < explanation->last_rank ||
               (rank == explanation->last_rank && rule_count(when) <= explanation->last_count));
    explanation->last_rank = rank;
    explanation->last_count = rule_count(when);
    explanation->candidates++;
}

/* Patterns that match, the same text and route counted once. */
static size_t count_matching(const struct model *model, const char *host)
{
    size_t count = 0;

    for (size_t i = 0; i < model->pattern_count; i++) {
        const struct pattern *pattern = &model->patterns[i];
        bool again = false;
        for (size_t j = 0; j < i; j++)
            again |= pattern->route == model->patterns[j].route &&
                     strcmp(pattern->text, model->patterns[j].text) == 0;
        count += !again && rule_name_matches(pattern->text, host);
    }
    return count;
}

static void parse_hello(const struct question *question, uint8_t bytes[HELLO_MAX],
                        struct client_hello *hello)
{
    const char *offered[3];
    size_t count = 0;

    for (int i = 0; i < 3; i++) {
        if (question->offers[i])
            offered[count++] = protocols[i];
    }
    struct hello_spec spec;
    hello_spec_init(&spec, "a.test");
    spec.alpn = count > 0 ? offered : NULL;
    spec.alpn_count = count;
    size_t len = hello_build(&spec, bytes, HELLO_MAX);
    enum hello_result result = hello_parse(bytes, len, HELLO_LIMIT_DEFAULT, hello);
    assert(result == HELLO_OK);
}

static void check_question(const struct model *model, const struct route_table *table,
                           const struct question *question)
{
    uint8_t bytes[HELLO_MAX];
    struct client_hello hello;

    if (question->has_hello)
        parse_hello(question, bytes, &hello);
    size_t host_len = strlen(question->host);
    char *host = malloc(host_len); /* of exactly this size: no byte behind it may be read */
    uint8_t *ip = malloc(question->v6 ? 16 : 4);
    assert(host != NULL && ip != NULL);
    memcpy(host, question->host, host_len);
    memcpy(ip, question->ip, question->v6 ? 16 : 4);
    struct route_query query = {.host = host,
                                .host_len = host_len,
                                .hello = question->has_hello ? &hello : NULL,
                                .client_ip = question->has_ip ? ip : NULL,
                                .client_v6 = question->v6,
                                .listener = question->listener};
    struct explanation explanation = {.model = model, .question = question, .won = ROUTE_NONE};
    uint32_t expected = rule_find(model, question);
    struct route_hit hit = route_table_hit(table, &query);
    assert(hit.route == expected && route_table_find(table, &query) == expected);
    route_table_explain(table, &query, on_candidate, &explanation);
    assert(explanation.won == expected);
    char pattern[ROUTE_PATTERN_TEXT_MAX] = "";
    if (hit.route != ROUTE_NONE)
        route_pattern_print(hit.pattern, host, host_len, pattern);
    assert(strcmp(pattern, explanation.won_by) == 0);
    assert(explanation.candidates == count_matching(model, question->host));
    free(host);
    free(ip);
}

void route_model_check(const uint8_t *bytes, size_t len)
{
    struct model *model = calloc(1, sizeof *model);
    struct conflicts *conflicts = calloc(1, sizeof *conflicts);

    assert(model != NULL && conflicts != NULL);
    model->bytes = bytes;
    model->left = len;
    for (unsigned i = 0; i < ROUTES; i++)
        invent_route(model, i);
    size_t patterns = choose(model, PATTERNS + 1);
    for (size_t i = 0; i < patterns; i++)
        invent_pattern(model, &model->patterns[i]);
    model->pattern_count = patterns;
    check_conflicts(model);

    drop_ties(model);
    conflicts->model = model;
    struct route_table *table = build_table(model, conflicts);
    assert(table != NULL);
    for (int i = 0; i < QUESTIONS; i++) {
        struct question question;
        invent_question(model, &question);
        check_question(model, table, &question);
    }
    route_table_free(table);
    free(conflicts);
    free(model);
}
