/*
 * The happy path
 *  - The names of a configuration become questions, the most urgent first; a few are asked at a
 *    time. Each answer becomes an address list, which the server keeps and on_answer takes.
 *    When all are answered, on_done.
 *
 * The failures
 *  - A name has no address, or there is no memory to ask or to keep the answer: a warning, and
 *    on_answer without addresses. The server keeps what it knew.
 *  - A name server does not answer: control goes on, and is told when it does.
 *  - Another configuration is to be looked up: what is under way is answered to nobody, or to the
 *    other one, if that names the same.
 *  - The threads cannot be made: the part does not start.
 */
#include "router/control/resolve.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "router/log/log.h"
#include "router/state/server.h"

/* Most addresses of an answer that are looked at. */
#define ANSWER_MAX 64

static const char no_memory[] = "no memory";

/* A question that was asked. */
#define QUERY_MAGIC 0x71727279u

struct query {
    struct lookup lookup; /* first */
    uint32_t magic;       /* QUERY_MAGIC: what comes back from another thread is a query */
    struct resolve *resolve;
    LIST_ENTRY(query) link;
    struct question question;
    bool wanted; /* by the configuration that is looked up now; else nothing of it is looked at */
    bool old;    /* asked for an earlier one: that there is no answer may be out of date */
};

static void resolve_more(struct resolve *resolve);
static void ask(struct resolve *resolve, const struct question *question);

void resolve_say_failed(const struct server *server, const char *why)
{
    log_line(LOG_LEVEL_WARNING, "server %s: no address: %s%s", server->text, why,
             server->known != NULL ? "; the last known stays in use" : "");
}

/* --- answers --- */

static void set_target(struct target *target, const struct addrinfo *found, uint16_t port)
{
    memset(target, 0, sizeof *target);
    assert(found->ai_addrlen <= sizeof target->address);
    assert(found->ai_family == AF_INET || found->ai_family == AF_INET6);
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    target->len = found->ai_addrlen;
    target_set_port(target, port);
}

/*
 * The addresses of an answer in the order they are tried, up to the most that are kept: of both
 * families, if it has both. NULL: no memory.
 */
static struct addresses *list_of(const struct addrinfo *found, uint16_t port)
{
    struct target list[ANSWER_MAX];
    uint32_t count = 0;

    for (; found != NULL && count < ANSWER_MAX; found = found->ai_next)
        set_target(&list[count++], found, port);
    addresses_interleave(list, count);
    if (count > ADDRESSES_MAX)
        count = ADDRESSES_MAX;
    struct addresses *addresses = addresses_new(count);
    if (addresses != NULL)
        memcpy(addresses->list, list, count * sizeof list[0]);
    return addresses;
}

static const char *why_failed(const struct lookup *lookup)
{
    return lookup->error == EAI_SYSTEM ? strerror(lookup->system_error)
                                       : gai_strerror(lookup->error);
}

/* A question of the configuration that is looked up has its answer; NULL: `why` there is none. */
static void tell(struct resolve *resolve, const struct question *question,
                 struct addresses *addresses, const char *why)
{
    struct server *server = resolve->use->servers[question->server];

    if (question->is_new)
        resolve->new_left--;
    if (addresses != NULL)
        server_know(server, addresses);
    else
        resolve_say_failed(server, why);
    resolve->on_answer(resolve->context, question->server, addresses);
}

static void on_answered(struct lookup *lookup)
{
    struct query *query = (struct query *)lookup;

    assert(query->magic == QUERY_MAGIC);
    struct resolve *resolve = query->resolve;
    struct question question = query->question;
    const char *why = lookup->error == 0 ? no_memory : why_failed(lookup);
    struct addresses *addresses = NULL;
    bool wanted = query->wanted, old = query->old;

    part_assert_own(&resolve->part);
    if (wanted && lookup->error == 0)
        addresses = list_of(lookup->found, question.address->port);
    if (lookup->found != NULL)
        freeaddrinfo(lookup->found);
    LIST_REMOVE(query, link);
    query->magic = 0;
    free(query);
    if (!wanted)
        return;
    assert(resolve->in_flight > 0);
    resolve->in_flight--;
    if (addresses == NULL && old)
        ask(resolve, &question);
    else
        tell(resolve, &question, addresses, why); /* may begin with another configuration */
    resolve_more(resolve);
}

/* --- questions --- */

/* The newest look-up of the name for nobody, if there are as many of them as there may be. */
static struct query *find_left(const struct resolve *resolve, const char *name)
{
    struct query *query, *newest = NULL;
    unsigned count = 0;

    LIST_FOREACH (query, &resolve->queries, link) {
        if (query->wanted || strcmp(query->lookup.name, name) != 0)
            continue;
        count++;
        if (newest == NULL)
            newest = query;
    }
    return count < RESOLVE_LEFT_MAX ? NULL : newest;
}

/* Its answer is this question's. */
static void take_over(struct resolve *resolve, struct query *query, const struct question *question)
{
    query->question = *question;
    query->wanted = query->old = true;
    resolve->in_flight++;
}

static void ask(struct resolve *resolve, const struct question *question)
{
    struct query *query = find_left(resolve, question->address->path);
    size_t name_len = strlen(question->address->path);

    if (query != NULL) {
        take_over(resolve, query, question);
        return;
    }
    query = calloc(1, sizeof *query);
    if (query == NULL) {
        tell(resolve, question, NULL, no_memory);
        return;
    }
    assert(name_len < sizeof query->lookup.name);
    memcpy(query->lookup.name, question->address->path, name_len);
    query->lookup.on_answer = on_answered;
    query->magic = QUERY_MAGIC;
    query->resolve = resolve;
    query->question = *question;
    query->wanted = true;
    LIST_INSERT_HEAD(&resolve->queries, query, link);
    resolve->in_flight++;
    lookups_ask(&resolve->lookups, &query->lookup);
}

static void let_go(struct resolve *resolve)
{
    config_use_unref(resolve->use);
    resolve->use = NULL;
    free(resolve->questions);
    resolve->questions = NULL;
    resolve->question_count = resolve->next = resolve->in_flight = resolve->new_left = 0;
}

static void resolve_more(struct resolve *resolve)
{
    while (resolve->in_flight < RESOLVE_IN_FLIGHT && resolve->next < resolve->question_count) {
        struct question question = resolve->questions[resolve->next++];
        ask(resolve, &question);
    }
    if (resolve->in_flight > 0 || !resolve_is_busy(resolve))
        return;
    let_go(resolve);
    resolve->on_done(resolve->context); /* may start anew */
}

enum urgency { URGENT_NEW, URGENT_UNKNOWN, URGENT_KNOWN, URGENCIES };

static enum urgency urgency_of(const struct server *server)
{
    if (server->known != NULL)
        return URGENT_KNOWN;
    return server->was_used ? URGENT_UNKNOWN : URGENT_NEW;
}

static void add_questions(struct resolve *resolve, enum urgency urgency)
{
    const struct config *config = resolve->use->config;

    for (uint32_t b = 0; b < config->backend_count; b++) {
        const struct backend_config *backend = &config->backends[b];
        for (uint32_t s = 0; s < backend->server_count; s++) {
            uint32_t index = config_use_index(resolve->use, b, s);
            const struct address *address = &backend->servers[s].address;
            if (address->kind != ADDRESS_NAME ||
                urgency_of(resolve->use->servers[index]) != urgency)
                continue;
            resolve->questions[resolve->question_count++] = (struct question){
                .address = address, .server = index, .is_new = urgency == URGENT_NEW};
        }
    }
}

void resolve_start(struct resolve *resolve, struct config_use *use, resolve_answer_cb *on_answer,
                   resolve_done_cb *on_done, void *context)
{
    part_assert_own(&resolve->part);
    assert(!resolve_is_busy(resolve) && resolve->in_flight == 0);
    config_use_ref(use);
    resolve->use = use;
    resolve->on_answer = on_answer;
    resolve->on_done = on_done;
    resolve->context = context;
    resolve->questions = calloc(use->server_count + 1u, sizeof *resolve->questions);
    if (resolve->questions == NULL)
        log_line(LOG_LEVEL_WARNING, "no memory to look up the names of servers");
    for (int u = URGENT_NEW; u < URGENCIES && resolve->questions != NULL; u++) {
        add_questions(resolve, (enum urgency)u);
        if (u == URGENT_NEW)
            resolve->new_left = resolve->question_count;
    }
    resolve_more(resolve);
}

void resolve_forget(struct resolve *resolve)
{
    struct query *query, *next;

    for (query = LIST_FIRST(&resolve->queries); query != NULL; query = next) {
        next = LIST_NEXT(query, link);
        query->wanted = false;
        if (!lookups_take_back(&resolve->lookups, &query->lookup))
            continue;
        LIST_REMOVE(query, link);
        free(query);
    }
    if (resolve_is_busy(resolve))
        let_go(resolve);
}

void resolve_print_new(const struct resolve *resolve, char *text, size_t size)
{
    const struct query *query;
    size_t len = 0;

    text[0] = '\0';
    LIST_FOREACH (query, &resolve->queries, link) {
        if (query->wanted && query->question.is_new && len < size)
            len += (size_t)snprintf(text + len, size - len, "%s%s", len > 0 ? ", " : "",
                                    query->question.address->text);
    }
}

/* --- the part --- */

static int start(struct part *part)
{
    struct resolve *resolve = part->self;
    int error = lookups_start(&resolve->lookups, resolve->loop);

    assert(part == &resolve->part);
    if (error == 0)
        return 0;
    log_line(LOG_LEVEL_ERROR, "cannot start the threads that look up names: %s", strerror(-error));
    return EX_OSERR;
}

static void on_lookups_stopped(void *context)
{
    struct resolve *resolve = context;

    resolve->on_stopped(&resolve->part);
}

/* Look-ups go on, since they cannot be taken back, but nobody is told any more. */
static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct resolve *resolve = part->self;

    assert(part == &resolve->part);
    resolve->on_stopped = on_stopped;
    resolve_forget(resolve);
    lookups_stop(&resolve->lookups, on_lookups_stopped, resolve);
}

void resolve_init(struct resolve *resolve, uv_loop_t *loop)
{
    *resolve = (struct resolve){
        .part = {.name = "resolve", .self = resolve, .start = start, .stop = stop},
        .loop = loop,
    };
    LIST_INIT(&resolve->queries);
}
