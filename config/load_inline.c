/*
 * Backends that stand in the place of a name: "10.0.0.5:443", or an array of servers. Each becomes
 * a backend like those of the list, named by the addresses of its servers
 * ("10.0.0.5:443,[::1]:8443"), so that it has the same name after a reload. Where the same servers
 * stand again, they are the same backend.
 */
#include <string.h>

#include "config/address.h"
#include "config/address_explain.h"
#include "config/difference.h"
#include "config/field_messages.h"
#include "config/hints.h"
#include "config/loader.h"
#include "config/text/utf8.h"
#include "config/text_value.h"

#define NAME_CHARACTERS_MAX 255 /* as of any backend */

/* --- names that lead nowhere --- */

/* Whether the operator must have meant an address, although it is none. */
static bool is_like_address(const char *text)
{
    return strpbrk(text, ":/@") != NULL || hostname_is_ip(text, strlen(text));
}

/* Whether only a port is missing in it to be a server's address. */
static bool is_host(const char *text)
{
    char address[HOSTNAME_MAX + 8];
    struct address_draft draft;
    struct problem problem;
    int len = snprintf(address, sizeof address, "%s:443", text);

    return (size_t)len < sizeof address && address_parse(address, false, &draft, &problem);
}

static void say_unknown(struct loader *loader, const struct json_node *node,
                        const char *const *words, struct problem *problem)
{
    const char *name = json_string(node);
    size_t offset = loader_offset(loader, node);
    char hint[160], list[160];
    const struct word_hint *meant = words != NULL ? hint_for_word(name, "a policy") : NULL;
    struct suggestion suggestion;

    suggest_start(&suggestion, name);
    loader_suggest(loader, &loader->backend_names, &suggestion);
    for (size_t i = 0; words != NULL && words[i] != NULL; i++)
        suggest_consider(&suggestion, words[i]);
    if (meant != NULL && suggestion.distance > 1)
        suggestion.nearest = NULL; /* a known word is no typing error, unless it is nearly none */
    suggest_text(&suggestion, hint, sizeof hint);
    if (suggestion.nearest == NULL)
        (void)address_explain(name, false, problem);
    if (meant != NULL && suggestion.distance != 1)
        snprintf(hint, sizeof hint, meant->ours != NULL ? " (did you mean \"%s\"?)" : " (%s)",
                 meant->ours != NULL ? meant->ours : meant->why);
    if (variable_explain(name, problem))
        finding_error(&loader->findings, offset, "%s", problem->text);
    else if (words == NULL && suggestion.nearest == NULL &&
             name[strspn(name, "0123456789")] == '\0')
        finding_error(&loader->findings, offset, "%s", problem->text);
    else if (suggestion.nearest == NULL && strchr(name, ',') != NULL)
        finding_error(&loader->findings, offset,
                      "\"%.80s\" is no backend: several servers are an array: [\"%.*s\", ...]",
                      name, (int)strcspn(name, ", ") > 80 ? 80 : (int)strcspn(name, ", "), name);
    else if (suggestion.nearest == NULL && is_like_address(name))
        finding_error(&loader->findings, offset, "%s", problem->text);
    else if (words != NULL)
        finding_error(&loader->findings, offset, "expected %s, or a backend, not \"%.80s\"%s",
                      field_words(words, list, sizeof list), name, hint);
    else if (suggestion.nearest == NULL && is_host(name))
        finding_error(
            &loader->findings, offset,
            "unknown backend \"%.80s\": \"backends\" has none of that name, and an address "
            "has a port (\"%.80s:443\")",
            name, name);
    else if (suggestion.nearest == NULL)
        finding_error(&loader->findings, offset,
                      "unknown backend \"%.80s\": \"backends\" has none of that name", name);
    else
        finding_error(&loader->findings, offset, "unknown backend \"%.80s\"%s", name, hint);
}

/* --- servers --- */

/* An array is of servers: the name of a backend in it is told from an address that is wrong. */
static bool holds_names(struct loader *loader, const struct json_node *list)
{
    struct address_draft draft;
    struct problem problem;
    bool found = false;

    for (const struct json_node *item = json_first(list); item != NULL; item = json_next(item)) {
        const char *text = json_kind(item) == JSON_STRING ? json_string(item) : "";
        if (name_index_find(&loader->backend_names, text) == NAME_INDEX_NONE ||
            address_parse(text, false, &draft, &problem))
            continue;
        finding_error(
            &loader->findings, loader_offset(loader, item),
            "\"%.80s\" is the name of a backend, and an array lists addresses of servers: "
            "write one name, without an array",
            text);
        found = true;
    }
    return found;
}

/* The addresses, in their order; kept in `arena`. NULL: too long, or no memory (a finding). */
static const char *name_make(struct loader *loader, const struct backend_config *backend,
                             struct arena *arena)
{
    char name[NAME_CHARACTERS_MAX * 4 + 1];
    size_t len = 0;

    for (uint32_t i = 0; i < backend->server_count && len < sizeof name; i++)
        len += (size_t)snprintf(name + len, sizeof name - len, "%s%s", i > 0 ? "," : "",
                                backend->servers[i].address.text);
    if (len >= sizeof name || utf8_count(name, len) > NAME_CHARACTERS_MAX) {
        finding_error(&loader->findings, finding_offset(&loader->findings, backend->at),
                      "too many servers to stand here: put them under a name in \"backends\"");
        return NULL;
    }
    const char *kept = arena_text(arena, name, len);
    if (kept == NULL)
        finding_no_memory(&loader->findings);
    return kept;
}

/* The backend of that name, when it is the same; CONFIG_NONE and a finding when it is not. */
static uint32_t share(struct loader *loader, const struct backend_config *backend, uint32_t other,
                      bool named)
{
    const struct backend_config *known = &loader->config->backends[other];
    size_t offset = finding_offset(&loader->findings, backend->at);
    char place[FINDING_PLACE_MAX];

    if (config_same_backend(known, backend))
        return other;
    finding_place(&loader->findings, known->at, place);
    if (named)
        finding_error(&loader->findings, offset,
                      "\"%.80s\" is the name of another backend (%s): put these servers under a "
                      "name in \"backends\"",
                      backend->name, place);
    else
        finding_error(&loader->findings, offset,
                      "the same addresses have other weights or names elsewhere (%s): put these "
                      "servers under a name in \"backends\"",
                      place);
    return CONFIG_NONE;
}

static uint32_t backend_keep(struct loader *loader, const struct json_node *value,
                             const struct backend_config *backend)
{
    uint32_t named = name_index_find(&loader->backend_names, backend->name);
    uint32_t earlier = name_index_find(&loader->inline_names, backend->name);

    if (named != NAME_INDEX_NONE)
        return share(loader, backend, named, true);
    if (earlier != NAME_INDEX_NONE)
        return share(loader, backend, earlier, false);
    /* What was read so far goes with its arena, so that a million equal ones do not add up. */
    struct backend_config kept = {
        .name = arena_text(loader->config->arena, backend->name, strlen(backend->name)),
        .balance = backend->balance,
        .tries = backend->tries,
        .at = backend->at};
    if (kept.name == NULL) {
        finding_no_memory(&loader->findings);
        return CONFIG_NONE;
    }
    if (!loader_servers(loader, &loader->reader, value, &kept))
        return CONFIG_NONE;
    return loader_add_backend(loader, &kept, &loader->inline_names);
}

static uint32_t backend_inline(struct loader *loader, const struct json_node *value)
{
    struct backend_form form = {0};
    struct field_reader reader = loader->reader;
    uint32_t index = CONFIG_NONE;

    field_read_presets(&type_backend, &form);
    struct backend_config backend = {.balance = (enum balance_kind)form.balance,
                                     .tries = form.tries,
                                     .at = loader_position(loader, value)};
    reader.arena = arena_new();
    if (reader.arena == NULL) {
        finding_no_memory(&loader->findings);
        return CONFIG_NONE;
    }
    if (loader_servers(loader, &reader, value, &backend)) {
        backend.name = name_make(loader, &backend, reader.arena);
        if (backend.name != NULL)
            index = backend_keep(loader, value, &backend);
    }
    arena_free(reader.arena);
    return index;
}

/* "shop:443", and a backend is called "shop": most likely that one was meant. */
static void warn_of_port(struct loader *loader, const struct json_node *value,
                         const struct address_draft *draft)
{
    if (draft->address.kind != ADDRESS_NAME ||
        name_index_find(&loader->backend_names, draft->path) == NAME_INDEX_NONE)
        return;
    finding_warning(
        &loader->findings, loader_offset(loader, value),
        "\"%.80s\" is a server's address: the backend is called \"%.80s\", without a port",
        json_string(value), draft->path);
}

uint32_t loader_backend(struct loader *loader, const struct json_node *value,
                        const char *const *words)
{
    struct address_draft draft;
    struct problem problem;

    if (json_kind(value) == JSON_ARRAY)
        return holds_names(loader, value) ? CONFIG_NONE : backend_inline(loader, value);
    if (loader->backends_unknown)
        return CONFIG_NONE;
    uint32_t index = name_index_find(&loader->backend_names, json_string(value));
    if (index != NAME_INDEX_NONE)
        return index;
    if (address_parse(json_string(value), false, &draft, &problem)) {
        warn_of_port(loader, value, &draft);
        return backend_inline(loader, value);
    }
    say_unknown(loader, value, words, &problem);
    return CONFIG_NONE;
}
