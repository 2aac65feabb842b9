#include "router/log/access_log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "router/log/json_writer.h"

#define STAMP_MAX 32
/*
 * What may follow the list of protocols: names of a route, a backend and a server (255 characters
 * of up to 4 bytes each, or escaped ones), the servers that have failed, and the numbers.
 */
#define ROOM_BEHIND_ALPN (3u * 1024u + ACCESS_TRIED_MAX + 1024u)
/* What may follow the servers that have failed: numbers and words of ours, and the list's key. */
#define ROOM_BEHIND_TRIED 256u
/* What one of them takes besides its text, where it is not JSON. */
#define ROOM_OF_TRIED 64u

/* RFC 3339 in UTC with milliseconds. */
static void print_stamp(uint64_t unix_ms, char stamp[STAMP_MAX])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;

    gmtime_r(&seconds, &utc);
    size_t len = strftime(stamp, STAMP_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
    assert(len > 0);
    snprintf(stamp + len, STAMP_MAX - len, ".%03uZ", (unsigned)(unix_ms % 1000));
}

/* --- JSON --- */

static void json_word(struct json_writer *text, const char *key, const char *word)
{
    if (word == NULL)
        return;
    json_writer_key(text, key);
    json_writer_word(text, word);
}

static void json_count(struct json_writer *text, const char *key, uint64_t number)
{
    json_writer_key(text, key);
    json_writer_number(text, number);
}

static void json_time(struct json_writer *text, const char *key, uint32_t ms)
{
    if (ms != ACCESS_TIME_NONE)
        json_count(text, key, ms);
}

/* The list of protocols is attacker text that was escaped when it was kept: it goes in as it is. */
static void json_verbatim(struct json_writer *text, const char *key, const char *json,
                          size_t room_behind)
{
    size_t len = json == NULL ? 0 : strlen(json);

    if (len == 0 || text->capacity - text->length < len + room_behind)
        return;
    json_writer_key(text, key);
    memcpy(text->bytes + text->length, json, len);
    text->length += len;
    text->last = json[len - 1];
}

/* One server, whole; false: there is no room for it, and nothing was written. */
static bool json_tried_one(struct json_writer *text, const struct access_tried *tried)
{
    struct json_writer before = *text;

    json_writer_open(text, '{');
    json_word(text, "server", tried->server);
    json_word(text, "reason", reason_info(tried->reason)->word);
    json_writer_close(text, '}');
    if (!text->full)
        return true;
    *text = before;
    return false;
}

/* As far as there is room. */
static void json_tried(struct json_writer *text, const struct access_record *r)
{
    char list[ACCESS_TRIED_MAX + 1];
    struct json_writer tried;
    uint32_t i = 0;

    if (r->tried_count == 0)
        return;
    json_writer_start(&tried, list, ACCESS_TRIED_MAX - 1); /* one byte for the bracket */
    json_writer_open(&tried, '[');
    while (i < r->tried_count && json_tried_one(&tried, &r->tried[i]))
        i++;
    tried.capacity++;
    json_writer_close(&tried, ']');
    assert(!tried.full && i > 0); /* one is never too long */
    list[tried.length] = '\0';
    json_verbatim(text, "tried", list, ROOM_BEHIND_TRIED);
}

static size_t format_json(const struct access_record *r, char line[ACCESS_LINE_MAX])
{
    struct json_writer text;
    char stamp[STAMP_MAX];
    char id[24];

    print_stamp(r->accepted_unix_ms, stamp);
    snprintf(id, sizeof id, "%llx", (unsigned long long)r->id);
    json_writer_start(&text, line, ACCESS_LINE_MAX - 1);
    json_writer_open(&text, '{');
    json_word(&text, "ts", stamp);
    json_word(&text, "id", id);
    json_word(&text, "listener", r->listener);
    json_word(&text, "client", r->client);
    json_word(&text, "sni", r->sni);
    json_verbatim(&text, "alpn", r->alpn, ROOM_BEHIND_ALPN);
    json_word(&text, "tls", r->tls);
    json_word(&text, "looks", r->looks);
    if (r->ech) {
        json_writer_key(&text, "ech");
        json_writer_bool(&text, true);
    }
    json_word(&text, "route", r->route);
    json_word(&text, "policy", r->policy);
    json_word(&text, "backend", r->backend);
    json_word(&text, "server", r->server);
    if (r->hello_bytes > 0)
        json_count(&text, "hello_bytes", r->hello_bytes);
    json_time(&text, "hello_ms", r->hello_ms);
    json_time(&text, "connect_ms", r->connect_ms);
    json_time(&text, "first_byte_ms", r->first_byte_ms);
    json_count(&text, "duration_ms", r->duration_ms);
    json_count(&text, "retries", r->retries);
    json_tried(&text, r);
    json_count(&text, "bytes_in", r->bytes_in);
    json_count(&text, "bytes_out", r->bytes_out);
    json_word(&text, "reason", reason_info(r->reason)->word);
    json_word(&text, "term", reason_info(r->reason)->letters);
    json_count(&text, "worker", r->worker);
    json_writer_close(&text, '}');
    assert(!text.full); /* every text in it is bounded */
    line[text.length] = '\n';
    return text.length + 1;
}

/* --- logfmt --- */

struct plain {
    char *text;
    size_t at;
};

__attribute__((format(printf, 2, 3))) static void put(struct plain *out, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int len = vsnprintf(out->text + out->at, ACCESS_LINE_MAX - out->at, format, arguments);
    va_end(arguments);
    assert(len >= 0);
    out->at += (size_t)len;
    if (out->at > ACCESS_LINE_MAX - 2)
        out->at = ACCESS_LINE_MAX - 2;
}

static bool needs_quotes(const char *value)
{
    const char *at = value;

    while ((unsigned char)*at > ' ' && *at != '"' && *at != '=' && *at != '\\' && *at != 0x7f)
        at++;
    return *at != '\0' || at == value;
}

/* Values with blanks, quotes or control characters are quoted; names of operators may have them. */
static void put_value(struct plain *out, const char *key, const char *value)
{
    if (value == NULL)
        return;
    put(out, " %s=", key);
    if (!needs_quotes(value)) {
        put(out, "%s", value);
        return;
    }
    put(out, "\"");
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            put(out, "\\%c", *value);
        else if ((unsigned char)*value < 0x20 || *value == 0x7f)
            put(out, "\\x%02x", (unsigned char)*value);
        else
            put(out, "%c", *value);
    }
    put(out, "\"");
}

/* The list of protocols: `["h2","http/1.1"]` becomes `h2,http/1.1`, a comma in a name `\x2c`. */
static void put_list(struct plain *out, const char *key, const char *json)
{
    char list[ACCESS_LINE_MAX / 4];
    size_t len = 0;
    bool inside = false;

    if (json == NULL)
        return;
    for (; *json != '\0'; json++) {
        if (len + 5 > sizeof list)
            return; /* too long, as in JSON: the fields behind it need room */
        if (*json == '"')
            inside = !inside;
        else if (inside && *json == ',')
            len += (size_t)snprintf(list + len, sizeof list - len, "\\x2c");
        else if (inside && *json == '\\')
            list[len++] = *++json;
        else if (inside || *json == ',')
            list[len++] = *json;
    }
    list[len] = '\0';
    put_value(out, key, list);
}

static void put_time(struct plain *out, const char *key, uint32_t ms)
{
    if (ms != ACCESS_TIME_NONE)
        put(out, " %s=%u", key, ms);
}

/* "10.0.0.5:443(connect_refused),10.0.0.6:443(connect_timeout)", as far as there is room. */
static void put_tried(struct plain *out, const struct access_record *r)
{
    char list[ACCESS_TRIED_MAX];
    size_t at = 0;

    for (uint32_t i = 0; i < r->tried_count; i++) {
        const char *server = r->tried[i].server, *reason = reason_info(r->tried[i].reason)->word;
        if (at + strlen(server) + ROOM_OF_TRIED > sizeof list)
            break;
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s(%s)", i > 0 ? "," : "", server,
                               reason);
    }
    /* In quotes, some characters take four bytes. */
    if (at > 0 &&
        out->at + (needs_quotes(list) ? 4 * at : at) + ROOM_BEHIND_TRIED < ACCESS_LINE_MAX)
        put_value(out, "tried", list);
}

static size_t format_logfmt(const struct access_record *r, char line[ACCESS_LINE_MAX])
{
    struct plain out = {.text = line};
    char stamp[STAMP_MAX];

    print_stamp(r->accepted_unix_ms, stamp);
    put(&out, "ts=%s id=%llx", stamp, (unsigned long long)r->id);
    put_value(&out, "listener", r->listener);
    put_value(&out, "client", r->client);
    put_value(&out, "sni", r->sni);
    put_list(&out, "alpn", r->alpn);
    put_value(&out, "tls", r->tls);
    put_value(&out, "looks", r->looks);
    if (r->ech)
        put(&out, " ech=true");
    put_value(&out, "route", r->route);
    put_value(&out, "policy", r->policy);
    put_value(&out, "backend", r->backend);
    put_value(&out, "server", r->server);
    if (r->hello_bytes > 0)
        put(&out, " hello_bytes=%u", r->hello_bytes);
    put_time(&out, "hello_ms", r->hello_ms);
    put_time(&out, "connect_ms", r->connect_ms);
    put_time(&out, "first_byte_ms", r->first_byte_ms);
    put(&out, " duration_ms=%llu retries=%u", (unsigned long long)r->duration_ms, r->retries);
    put_tried(&out, r);
    put(&out, " bytes_in=%llu bytes_out=%llu", (unsigned long long)r->bytes_in,
        (unsigned long long)r->bytes_out);
    put(&out, " reason=%s term=%s worker=%u", reason_info(r->reason)->word,
        reason_info(r->reason)->letters, r->worker);
    line[out.at] = '\n';
    return out.at + 1;
}

/* --- HAProxy's tcplog --- */

/* A name of the operator's. Fields are told apart by blanks, of which HAProxy's names have none. */
static void put_name(struct plain *out, const char *name)
{
    for (; *name != '\0'; name++)
        put(out, "%c", (unsigned char)*name <= ' ' || *name == 0x7f ? '_' : *name);
}

static size_t format_haproxy(const struct access_record *r, char line[ACCESS_LINE_MAX])
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct plain out = {.text = line};
    time_t seconds = (time_t)(r->accepted_unix_ms / 1000);
    struct tm utc;

    const char *listener = r->listener == NULL ? "-" : r->listener;

    gmtime_r(&seconds, &utc);
    put(&out, "%s [%02d/%s/%04d:%02d:%02d:%02d.%03u] ", r->client == NULL ? "-" : r->client,
        utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec,
        (unsigned)(r->accepted_unix_ms % 1000));
    put_name(&out, listener);
    put(&out, " ");
    put_name(&out, r->backend == NULL ? listener : r->backend);
    put(&out, "/");
    put_name(&out, r->server == NULL ? "<NOSRV>" : r->server);
    /* Tw/Tc/Tt: there is no queue, so its time is the hello's; -1 = not reached. */
    put(&out, " %ld/%ld/%llu %llu %s ", r->hello_ms == ACCESS_TIME_NONE ? -1L : (long)r->hello_ms,
        r->connect_ms == ACCESS_TIME_NONE ? -1L : (long)r->connect_ms,
        (unsigned long long)r->duration_ms, (unsigned long long)r->bytes_out,
        reason_info(r->reason)->letters);
    /* Counts of other connections are not known here; the retries are. */
    put(&out, "0/0/0/0/%u 0/0 sni=%s", r->retries, r->sni == NULL ? "-" : r->sni);
    put_value(&out, "looks", r->looks);
    put_tried(&out, r);
    line[out.at] = '\n';
    return out.at + 1;
}

size_t access_log_format(const struct access_record *record, enum log_format format,
                         char line[ACCESS_LINE_MAX])
{
    switch (format) {
    case LOG_FORMAT_JSON:
        break;
    case LOG_FORMAT_LOGFMT:
        return format_logfmt(record, line);
    case LOG_FORMAT_HAPROXY:
        return format_haproxy(record, line);
    }
    return format_json(record, line);
}
