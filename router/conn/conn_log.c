#include "router/conn/conn_log.h"

#include <assert.h>
#include <sys/time.h>

#include "router/log/access_log.h"
#include "router/log/json_writer.h"
#include "sni/hello.h"

/* Room for the offered protocols as JSON; a list that is longer is cut between names. */
#define ALPN_TEXT_MAX 1536u
/* One more name, escaped, with quotes and comma, takes at most so much. */
#define ALPN_NAME_TEXT_MAX (255u * 5u + 8u)

static uint64_t unix_ms(void)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

/* The offered protocols as a JSON array, NUL-terminated; NULL: none was offered. */
static const char *alpn_text(const struct passage *passage, char out[ALPN_TEXT_MAX + 1])
{
    struct json_writer text;
    const uint8_t *name;
    uint8_t len;
    size_t at = 0;

    if (passage->names == NULL || passage->names->alpn_len == 0)
        return NULL;
    json_writer_start(&text, out, ALPN_TEXT_MAX);
    json_writer_open(&text, '[');
    while (ALPN_TEXT_MAX - text.length > ALPN_NAME_TEXT_MAX &&
           passage_alpn_next(passage, &at, &name, &len))
        json_writer_bytes(&text, name, len);
    json_writer_close(&text, ']');
    assert(!text.full);
    out[text.length] = '\0';
    return out;
}

/* The servers that have failed. */
static void record_failed(const struct passage *passage, struct access_record *record,
                          struct access_tried tried[PASSAGE_FAILED_MAX])
{
    const struct passage_failed *failed = passage_failed(passage, &record->tried_count);

    assert(record->tried_count <= PASSAGE_FAILED_MAX);
    for (uint32_t i = 0; i < record->tried_count; i++)
        tried[i] = (struct access_tried){.server = failed[i].server->label,
                                         .reason = (enum reason)failed[i].reason};
    record->tried = tried;
}

/* What went where. */
static void record_way(const struct passage *passage, struct access_record *record)
{
    record->listener = passage->listener_stats->name;
    if (passage->policy != POLICY_CASES)
        record->policy = policy_case_word((enum policy_case)passage->policy);
    if (passage->server != NULL) {
        record->backend = passage->server->backend;
        record->server = passage->server->label;
    }
}

void conn_log(const struct conn *conn, enum log_format format)
{
    const struct passage *passage = &conn->passage;
    char line[ACCESS_LINE_MAX];
    char client[PEER_TEXT_MAX];
    char alpn[ALPN_TEXT_MAX + 1];
    char route[ROUTE_PATTERN_TEXT_MAX];
    struct access_tried tried[PASSAGE_FAILED_MAX];
    uint64_t duration_ms = conn_now(conn) - passage->accepted_ms;
    struct access_record record = {
        .accepted_unix_ms = unix_ms() - duration_ms,
        .id = (uint64_t)conn->conns->worker << 40 | passage->number,
        .client = client,
        .sni = passage_host(passage),
        .alpn = alpn_text(passage, alpn),
        .tls = passage->tls_version == 0 ? NULL : hello_version_word(passage->tls_version),
        .looks = passage->looks == LOOKS_KINDS ? NULL : looks_word((enum looks)passage->looks),
        .ech = passage->ech,
        .route = passage_route(passage, route),
        .hello_bytes = passage->hello_bytes,
        .hello_ms = passage->hello_ms,
        .connect_ms = passage->connect_ms,
        .first_byte_ms = passage->first_byte_ms,
        .duration_ms = duration_ms,
        .retries = passage->retries,
        .bytes_in = conn->up.bytes,
        .bytes_out = conn->down.bytes,
        .reason = (enum reason)conn->reason,
        .worker = conn->conns->worker,
    };

    _Static_assert(PASSAGE_TIME_NONE == ACCESS_TIME_NONE, "the same value says \"not reached\"");
    assert(conn->reason != REASON_NONE);
    peer_print(&passage->peer, client);
    record_way(passage, &record);
    record_failed(passage, &record, tried);
    size_t len = access_log_format(&record, format, line);
    conns_log_access(conn->conns, line, len);
}
