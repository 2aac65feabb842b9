/*
 * The first line that is neither blank nor a comment is looked at: by its first word, what ends
 * that word and what ends the line.
 */
#include "config/foreign.h"

#include <string.h>
#include <strings.h>

#include "config/hints.h"
#include "config/text/utf8.h"

#define LOOKS_LIKE(what)                                                                           \
    "this is not JSON, it looks like " what                                                        \
    ": the file is one JSON object (sni-router.json(5) has an example)"

#define HAPROXY_SECTIONS                                                                           \
    "global|defaults|frontend|backend|listen|userlist|peers|resolvers|mailers|program|ring|cache|" \
    "traces"
#define SNIPROXY_WORDS "listener|table|resolver|username|user|pidfile|fallback"
#define LITERALS       "true|false|null"

struct line {
    const char *start, *end; /* without blanks at either end */
    size_t word;             /* length of its first word */
    char after;              /* the first byte behind the word that is no blank; NUL: none */
};

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static bool is_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.';
}

static bool begins(const char *text, const char *end, const char *with)
{
    size_t len = strlen(with);

    return (size_t)(end - text) >= len && memcmp(text, with, len) == 0;
}

static const char *line_end(const char *at, const char *end)
{
    const char *feed = memchr(at, '\n', (size_t)(end - at));

    return feed != NULL ? feed : end;
}

/* The next byte that is neither white space nor in a comment. */
static const char *skip_comments(const char *at, const char *end)
{
    while (at < end) {
        if (is_blank(*at) || *at == '\n') {
            at++;
        } else if (*at == '#' || *at == ';' || begins(at, end, "//")) {
            at = line_end(at, end);
        } else if (begins(at, end, "/*")) {
            const char *close = memmem(at, (size_t)(end - at), "*/", 2);
            at = close != NULL ? close + 2 : end;
        } else {
            break;
        }
    }
    return at;
}

static struct line line_at(const char *at, const char *end)
{
    struct line line = {.start = at, .end = line_end(at, end)};

    while (line.end > at && is_blank(line.end[-1]))
        line.end--;
    while (at < line.end && is_word(*at))
        at++;
    line.word = (size_t)(at - line.start);
    while (at < line.end && is_blank(*at))
        at++;
    line.after = '\0';
    if (at < line.end)
        line.after = *at;
    return line;
}

static bool word_in(const struct line *line, const char *words)
{
    char word[32];

    if (line->word == 0 || line->word >= sizeof word)
        return false;
    memcpy(word, line->start, line->word);
    word[line->word] = '\0';
    return hint_has_word(words, word);
}

static bool line_ends(const struct line *line, char byte)
{
    return line->end > line->start && line->end[-1] == byte;
}

/* --- the kinds of text --- */

static const char *find_bytes(const char *text, const char *end)
{
    bool nul = end - text >= 2 && (text[0] == '\0') != (text[1] == '\0');

    if (begins(text, end, "\xff\xfe") || begins(text, end, "\xfe\xff") || nul)
        return "this is UTF-16 text: save the file as UTF-8";
    if (begins(text, end, "\x1f\x8b"))
        return "this is compressed (gzip): unpack it first";
    return NULL;
}

static const char *find_markup(const char *at, const char *end)
{
    char head[64] = "";

    for (size_t i = 0; i + 1 < sizeof head && at + i < end; i++)
        head[i] = at[i] != '\0' ? at[i] : ' ';
    if (begins(at, end, "<<<<<<<"))
        return "a merge conflict is not resolved here";
    if (strcasestr(head, "<html") != NULL || strcasestr(head, "<!doctype html") != NULL)
        return "this is an HTML page, not a configuration (was it downloaded?)";
    if (*at == '<')
        return LOOKS_LIKE("XML");
    if (begins(at, end, "```"))
        return "this is Markdown: remove the lines around the JSON";
    if (begins(at, end, "404: Not Found"))
        return "this is an error page, not a configuration (was it downloaded?)";
    if (begins(at, end, "-----BEGIN"))
        return "this is a PEM file (a certificate or a key): sni-router needs none, it passes TLS "
               "on as it is";
    if (begins(at, end, "#!"))
        return LOOKS_LIKE("a script");
    return NULL;
}

/* Of programs with blocks in braces or words at the start of a line. */
static const char *find_program(const struct line *line)
{
    if (word_in(line, LITERALS))
        return NULL;
    const char *behind = line->start + line->word;
    bool assigns = line->after == '=' || (behind < line->end && *behind == ':');
    bool plain = !assigns && !line_ends(line, '{') && !line_ends(line, ';');
    if (line_ends(line, '{') && line->after == '"')
        return LOOKS_LIKE("HCL");
    if (plain && line->after != '\0' && word_in(line, "user|username|pidfile"))
        return LOOKS_LIKE("an sniproxy configuration");
    if (plain && word_in(line, HAPROXY_SECTIONS))
        return LOOKS_LIKE("an HAProxy configuration");
    if (line_ends(line, '{') && (!assigns || line->word == 0)) {
        if (word_in(line, SNIPROXY_WORDS) || (word_in(line, "listen") && line->after != '{'))
            return LOOKS_LIKE("an sniproxy configuration");
        if (*line->start == ':' || *line->start == '(' || *line->start == '*' ||
            (line->word > 0 && memchr(line->start, '.', line->word) != NULL))
            return LOOKS_LIKE("a Caddyfile");
        return line->word > 0 ? LOOKS_LIKE("an nginx configuration") : NULL;
    }
    if (line_ends(line, ';') && line->word > 0 && !assigns)
        return LOOKS_LIKE("an nginx configuration");
    return NULL;
}

static bool is_section(const struct line *line)
{
    const char *at = line->start;

    while (at < line->end && *at == '[')
        at++;
    struct line inside = line_at(at, line->end);
    return at > line->start && inside.word > 0 && inside.after == ']' && line_ends(line, ']') &&
           !word_in(&inside, LITERALS) && (at[0] < '0' || at[0] > '9') && at[0] != '-';
}

static const char *find_notation(const struct line *line)
{
    const char *colon = line->start + line->word;
    bool behind = colon + 1 >= line->end || is_blank(colon[1]);

    if (is_section(line) || (line->word > 0 && line->after == '='))
        return LOOKS_LIKE("TOML or an INI file");
    if (begins(line->start, line->end, "---") || begins(line->start, line->end, "%YAML"))
        return LOOKS_LIKE("YAML");
    if (line->word > 0 && colon < line->end && *colon == ':' && behind)
        return word_in(line, "apiVersion|kind") ? LOOKS_LIKE("a Kubernetes manifest in YAML")
                                                : LOOKS_LIKE("YAML");
    if (line->word == 1 && *line->start == '-' && line->after != '\0')
        return LOOKS_LIKE("YAML");
    return NULL;
}

/* `{` and then a block of its own, as the options of a Caddyfile. */
static const char *find_block(const char *at, const char *end)
{
    const char *inside = skip_comments(at + 1, end);
    struct line line = line_at(inside, end);

    if (line.word > 0 && (line.after == '{' || (line_ends(&line, '{') && line.after != ':')))
        return LOOKS_LIKE("a Caddyfile");
    return NULL;
}

bool foreign_find(const char *text, size_t len, struct foreign_text *found)
{
    const char *end = text + len;
    size_t mark = utf8_mark_length(text, len);

    *found = (struct foreign_text){.sentence = find_bytes(text, end)};
    if (found->sentence != NULL)
        return true;
    if (begins(text + mark, end, "#!")) {
        *found = (struct foreign_text){LOOKS_LIKE("a script"), mark};
        return true;
    }
    const char *at = skip_comments(text + mark, end);
    if (at == end || *at == '"')
        return false;
    struct line line = line_at(at, end);
    found->at = (size_t)(at - text);
    if (*at == '{')
        found->sentence = find_block(at, end);
    else
        found->sentence = find_markup(at, end);
    if (found->sentence == NULL && *at != '{')
        found->sentence = find_program(&line);
    if (found->sentence == NULL && *at != '{')
        found->sentence = find_notation(&line);
    return found->sentence != NULL;
}

/* --- JSON --- */

#define IS_OF(program)                                                                             \
    "this is " program ": the file is one object with \"listeners\", \"routes\" and \"backends\" " \
    "(sni-router.json(5) has an example)"

const char *foreign_section(const char *key)
{
    static const char *const known[][2] = {
        {"api_version|kind", IS_OF("a Kubernetes manifest")},
        {"static_resources|dynamic_resources", IS_OF("an Envoy configuration")},
        {"apps", IS_OF("a Caddy configuration")},
        {"stream|events", IS_OF("an nginx configuration")},
        {"tcp|entry_points|providers", IS_OF("a Traefik configuration")},
        {"frontend|frontends", IS_OF("an HAProxy configuration")}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (hint_has_word(known[i][0], key))
            return known[i][1];
    }
    return NULL;
}
