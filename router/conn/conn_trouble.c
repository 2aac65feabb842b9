#include "router/conn/conn_trouble.h"

#include <stdio.h>
#include <string.h>

#include "router/net/connect_error.h"

#define WHY_MAX 160

/* Whether one more line may be told now. */
static bool may_tell(struct conns *conns)
{
    uint64_t now = uv_now(conns->loop);

    if (now - conns->news_began_ms >= CONNS_SAY_EVERY_MS) {
        conns->news_began_ms = now;
        conns->news_told = 0;
    }
    return conns->news_told < CONNS_NEWS_MAX && log_enabled(LOG_LEVEL_WARNING);
}

/* `news` is what the line says; the last that may be told now says that others may wait. */
static void tell(struct conn *conn, const char *news)
{
    char title[SERVER_TITLE_MAX];
    bool last = ++conn->conns->news_told == CONNS_NEWS_MAX;

    conns_log(conn->conns, LOG_LEVEL_WARNING, "server %s: %s%s",
              server_title(conn->passage.server, title), news,
              last ? "; lines about other servers wait for a few seconds" : "");
}

/* How the server has failed. The errno that its seat has may be another connection's. */
static void print_why(const struct conn *conn, enum reason reason, char why[WHY_MAX])
{
    int error = conn->passage.server->seats[conn->conns->worker].error;

    if (error != 0 && connect_error_find(error)->reason == reason)
        snprintf(why, WHY_MAX, "%s (%s)", strerror(error), connect_error_find(error)->meaning);
    else if (reason == REASON_CONNECT_TIMEOUT)
        snprintf(why, WHY_MAX, "no answer in its share of timeouts.connect");
    else
        snprintf(why, WHY_MAX, "%s", reason_info(reason)->sentence);
}

void conn_server_failed(struct conn *conn, enum reason reason)
{
    struct trouble_news news;
    char text[WHY_MAX + 128], why[WHY_MAX], lasted[LOG_DURATION_MAX];

    if (reason == REASON_LOOP || reason == REASON_RESOURCE)
        return;
    if (!trouble_failed(&conn->passage.server->trouble, conn_now(conn), may_tell(conn->conns),
                        &news))
        return;
    print_why(conn, reason, why);
    if (news.failures <= 1)
        snprintf(text, sizeof text, "begins to fail: %s", why);
    else
        snprintf(text, sizeof text, "fails: %s; %u failures in %s", why, news.failures,
                 log_lasted(news.lasted_ms, lasted));
    tell(conn, text);
}

void conn_server_worked(struct conn *conn)
{
    struct trouble *trouble = &conn->passage.server->trouble;
    struct trouble_news news;
    char text[128], lasted[LOG_DURATION_MAX];

    if (trouble_is_over(trouble) ||
        !trouble_worked(trouble, conn_now(conn), may_tell(conn->conns), &news))
        return;
    snprintf(text, sizeof text, "works again, after %u failure%s in %s", news.failures,
             news.failures == 1 ? "" : "s", log_lasted(news.lasted_ms, lasted));
    tell(conn, text);
}
