/* The access log's line in its three forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "router/log/access_log.h"

/* A line with room behind it, so that a byte too many is seen. */
struct line {
    char text[ACCESS_LINE_MAX + 16];
    size_t len;
};

static struct access_record full_record(void)
{
    return (struct access_record){.accepted_unix_ms = UINT64_C(1767323045678),
                                  .id = 0x1f00000002aULL,
                                  .listener = "public",
                                  .client = "192.0.2.7:5000",
                                  .sni = "shop.example.com",
                                  .alpn = "[\"h2\",\"\\\\x00\"]",
                                  .tls = "TLSv1.3",
                                  .ech = true,
                                  .route = "*.example.com",
                                  .policy = "no_sni",
                                  .backend = "shop",
                                  .server = "10.0.0.5:443",
                                  .hello_bytes = 517,
                                  .hello_ms = 1,
                                  .connect_ms = 2,
                                  .first_byte_ms = 3,
                                  .duration_ms = UINT64_C(5000000000),
                                  .retries = 4,
                                  .bytes_in = UINT64_C(1099511627776),
                                  .bytes_out = UINT64_C(9007199254740993),
                                  .reason = REASON_IDLE_TIMEOUT,
                                  .worker = 7};
}

/* All that is always known, and nothing else. */
static struct access_record bare_record(void)
{
    return (struct access_record){.accepted_unix_ms = UINT64_C(1767323045678),
                                  .client = "unix",
                                  .hello_ms = ACCESS_TIME_NONE,
                                  .connect_ms = ACCESS_TIME_NONE,
                                  .first_byte_ms = ACCESS_TIME_NONE,
                                  .reason = REASON_NOT_TLS};
}

/* Formats and checks what holds for every line: one newline, at the end, within the bound. */
static void format(struct line *line, const struct access_record *record, enum log_format as)
{
    memset(line->text, '#', sizeof line->text);
    line->len = access_log_format(record, as, line->text);
    assert_in_range(line->len, 1, ACCESS_LINE_MAX);
    for (size_t i = ACCESS_LINE_MAX; i < sizeof line->text; i++)
        assert_int_equal(line->text[i], '#');
    assert_ptr_equal(memchr(line->text, '\n', line->len), line->text + line->len - 1);
    assert_null(memchr(line->text, '\0', line->len));
    line->text[line->len - 1] = '\0';
}

/* --- JSON --- */

static cJSON *parse(const struct line *line)
{
    const char *end;
    cJSON *json = cJSON_ParseWithLengthOpts(line->text, line->len, &end, 1);

    if (json == NULL)
        fail_msg("not JSON: %s", line->text);
    assert_true(cJSON_IsObject(json));
    for (const cJSON *a = json->child; a != NULL; a = a->next) {
        for (const cJSON *b = a->next; b != NULL; b = b->next)
            assert_string_not_equal(a->string, b->string);
    }
    return json;
}

static void expect_text(const cJSON *json, const char *key, const char *expected)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, key);

    assert_true(cJSON_IsString(member));
    assert_string_equal(member->valuestring, expected);
}

static void expect_number(const cJSON *json, const char *key, double expected)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, key);

    assert_true(cJSON_IsNumber(member));
    assert_true(member->valuedouble >= expected && member->valuedouble <= expected);
}

static void json_writers(void **state)
{
    struct access_record record = full_record();
    struct line line;

    (void)state;
    format(&line, &record, LOG_FORMAT_JSON);
    cJSON *json = parse(&line);
    expect_text(json, "ts", "2026-01-02T03:04:05.678Z");
    expect_text(json, "id", "1f00000002a");
    expect_text(json, "listener", "public");
    expect_text(json, "client", "192.0.2.7:5000");
    expect_text(json, "sni", "shop.example.com");
    expect_text(json, "tls", "TLSv1.3");
    expect_text(json, "route", "*.example.com");
    expect_text(json, "policy", "no_sni");
    expect_text(json, "backend", "shop");
    expect_text(json, "server", "10.0.0.5:443");
    expect_text(json, "reason", "idle_timeout");
    expect_text(json, "term", "cD");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "ech")));
    const cJSON *alpn = cJSON_GetObjectItemCaseSensitive(json, "alpn");
    assert_int_equal(cJSON_GetArraySize(alpn), 2);
    assert_string_equal(cJSON_GetArrayItem(alpn, 0)->valuestring, "h2");
    assert_string_equal(cJSON_GetArrayItem(alpn, 1)->valuestring, "\\x00");
    cJSON_Delete(json);
}

static void json_numbers(void **state)
{
    struct access_record record = full_record();
    struct line line;

    (void)state;
    format(&line, &record, LOG_FORMAT_JSON);
    cJSON *json = parse(&line);
    expect_number(json, "hello_bytes", 517);
    expect_number(json, "hello_ms", 1);
    expect_number(json, "connect_ms", 2);
    expect_number(json, "first_byte_ms", 3);
    expect_number(json, "duration_ms", 5e9);
    expect_number(json, "retries", 4);
    expect_number(json, "bytes_in", 1099511627776.0);
    expect_number(json, "worker", 7);
    /* 2^53 + 1: no double holds it, so the digits themselves are looked at. */
    assert_non_null(strstr(line.text, "\"bytes_out\":9007199254740993,"));
    assert_int_equal(cJSON_GetArraySize(json), 21 + 2);
    cJSON_Delete(json);
}

static void json_absent_is_absent(void **state)
{
    static const char *const always[] = {"ts",      "id",       "client",    "duration_ms",
                                         "retries", "bytes_in", "bytes_out", "reason",
                                         "term",    "worker"};
    struct access_record record = bare_record();
    struct line line;

    (void)state;
    format(&line, &record, LOG_FORMAT_JSON);
    cJSON *json = parse(&line);
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        assert_true(cJSON_HasObjectItem(json, always[i]));
    assert_int_equal(cJSON_GetArraySize(json), sizeof always / sizeof always[0]);
    cJSON_Delete(json);
}

/* A time of 0 ms was reached; it is not "absent". */
static void json_zero_is_not_absent(void **state)
{
    struct access_record record = bare_record();
    struct line line;

    (void)state;
    record.hello_ms = record.connect_ms = record.first_byte_ms = 0;
    format(&line, &record, LOG_FORMAT_JSON);
    cJSON *json = parse(&line);
    expect_number(json, "hello_ms", 0);
    expect_number(json, "connect_ms", 0);
    expect_number(json, "first_byte_ms", 0);
    cJSON_Delete(json);
}

static void json_every_reason(void **state)
{
    struct access_record record = full_record();
    struct line line;

    (void)state;
    for (int i = 0; i < REASON_COUNT; i++) {
        record.reason = (enum reason)i;
        format(&line, &record, LOG_FORMAT_JSON);
        cJSON *json = parse(&line);
        expect_text(json, "reason", reason_info((enum reason)i)->word);
        expect_text(json, "term", reason_info((enum reason)i)->letters);
        cJSON_Delete(json);
    }
}

static void json_escapes_names(void **state)
{
    static const char name[] = "a \"quoted\" \\ name, \xc3\xa4\xe2\x82\xac";
    struct access_record record = full_record();
    struct line line;

    (void)state;
    record.route = record.backend = record.listener = name;
    format(&line, &record, LOG_FORMAT_JSON);
    cJSON *json = parse(&line);
    expect_text(json, "route", name);
    expect_text(json, "backend", name);
    expect_text(json, "listener", name);
    cJSON_Delete(json);
}

static void stamps(void **state)
{
    static const struct {
        uint64_t unix_ms;
        const char *stamp;
    } known[] = {{0, "1970-01-01T00:00:00.000Z"},
                 {UINT64_C(951782400001), "2000-02-29T00:00:00.001Z"},
                 {UINT64_C(4102444799999), "2099-12-31T23:59:59.999Z"}};
    struct access_record record = bare_record();
    struct line line;

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        record.accepted_unix_ms = known[i].unix_ms;
        format(&line, &record, LOG_FORMAT_JSON);
        cJSON *json = parse(&line);
        expect_text(json, "ts", known[i].stamp);
        cJSON_Delete(json);
    }
}

/* --- the bound --- */

/* A list of protocols as JSON whose text has this many bytes. */
static char *long_alpn(size_t len)
{
    char *text = malloc(len + 1);

    assert_non_null(text);
    memset(text, 'p', len);
    text[0] = '[';
    text[1] = text[len - 2] = '"';
    text[len - 1] = ']';
    text[len] = '\0';
    return text;
}

/* 255 characters, each as many bytes in the line as it can be. */
static const char *longest_name(bool quotes)
{
    static char text[255 * 4 + 1];

    for (size_t i = 0; i < 255; i++)
        memcpy(text + (quotes ? i : 4 * i), quotes ? "\"" : "\xf0\x9f\x9a\x80", quotes ? 1 : 4);
    text[quotes ? 255 : 255 * 4] = '\0';
    return text;
}

static struct access_record longest_record(bool quotes)
{
    static char sni[254];
    struct access_record record = full_record();

    memset(sni, 's', sizeof sni - 1);
    assert_int_equal(strlen(sni), 253);
    record.accepted_unix_ms = UINT64_C(253402300799999);
    record.id = UINT64_MAX;
    record.listener = record.route = record.backend = record.server = longest_name(quotes);
    record.client = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
    record.sni = sni;
    record.hello_bytes = UINT32_MAX;
    record.hello_ms = record.connect_ms = record.first_byte_ms = UINT32_MAX - 1;
    record.duration_ms = record.bytes_in = record.bytes_out = UINT64_MAX;
    record.retries = record.worker = UINT32_MAX;
    record.reason = REASON_HALF_CLOSE_TIMEOUT;
    return record;
}

/* With names as long as the configuration allows, every length of the list: whole or left out. */
static void json_list_fits_or_is_left_out(void **state)
{
    struct line line;
    bool kept = false, dropped = false;

    (void)state;
    for (int names = 0; names < 3; names++) {
        struct access_record record = names == 0 ? full_record() : longest_record(names == 1);
        for (size_t len = 5; len < ACCESS_LINE_MAX + 100; len += 13) {
            char *alpn = long_alpn(len);
            record.alpn = alpn;
            format(&line, &record, LOG_FORMAT_JSON);
            cJSON *json = parse(&line);
            const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "alpn");
            expect_text(json, "reason", reason_info(record.reason)->word);
            expect_text(json, "backend", record.backend);
            if (list != NULL)
                assert_int_equal(strlen(cJSON_GetArrayItem(list, 0)->valuestring), len - 4);
            kept |= list != NULL;
            dropped |= list == NULL;
            cJSON_Delete(json);
            free(alpn);
        }
    }
    assert_true(kept && dropped);
}

static void plain_lines_are_bounded(void **state)
{
    struct line line;

    (void)state;
    for (int quotes = 0; quotes < 2; quotes++) {
        struct access_record record = longest_record(quotes == 1);
        for (size_t len = 5; len < 2 * ACCESS_LINE_MAX; len += 37) {
            char *alpn = long_alpn(len);
            record.alpn = alpn;
            format(&line, &record, LOG_FORMAT_LOGFMT);
            format(&line, &record, LOG_FORMAT_HAPROXY);
            free(alpn);
        }
    }
}

/* The list that the router keeps at most is in every ordinary line. */
static void ordinary_list_is_kept(void **state)
{
    struct access_record record = full_record();
    char *alpn = long_alpn(1536);
    struct line line;

    (void)state;
    record.alpn = alpn;
    format(&line, &record, LOG_FORMAT_JSON);
    assert_non_null(strstr(line.text, "\"alpn\":[\"pppp"));
    format(&line, &record, LOG_FORMAT_LOGFMT);
    assert_non_null(strstr(line.text, " alpn="));
    free(alpn);
}

/* --- logfmt --- */

static void logfmt_line(void **state)
{
    struct access_record record = full_record();
    struct line line;

    (void)state;
    record.alpn = "[\"h2\"]";
    format(&line, &record, LOG_FORMAT_LOGFMT);
    assert_string_equal(line.text,
                        "ts=2026-01-02T03:04:05.678Z id=1f00000002a listener=public "
                        "client=192.0.2.7:5000 sni=shop.example.com alpn=h2 "
                        "tls=TLSv1.3 ech=true route=*.example.com policy=no_sni backend=shop "
                        "server=10.0.0.5:443 hello_bytes=517 hello_ms=1 connect_ms=2 "
                        "first_byte_ms=3 duration_ms=5000000000 retries=4 bytes_in=1099511627776 "
                        "bytes_out=9007199254740993 reason=idle_timeout term=cD worker=7");
}

static void logfmt_lists(void **state)
{
    static const char *const pairs[][2] = {
        {"[\"h2\",\"http/1.1\"]", " alpn=h2,http/1.1 "},
        {"[\"\\\\x00\",\"h2\"]", " alpn=\"\\\\x00,h2\" "},
        {"[\"a,b\"]", " alpn=\"a\\\\x2cb\" "},
        {"[\"say \\\"[hi]\\\"\",\"x\"]", " alpn=\"say \\\"[hi]\\\",x\" "},
    };
    struct access_record record = full_record();
    struct line line;

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        record.alpn = pairs[i][0];
        format(&line, &record, LOG_FORMAT_LOGFMT);
        assert_non_null(strstr(line.text, pairs[i][1]));
    }
}

static void logfmt_absent_is_absent(void **state)
{
    struct access_record record = bare_record();
    struct line line;

    (void)state;
    format(&line, &record, LOG_FORMAT_LOGFMT);
    assert_string_equal(line.text, "ts=2026-01-02T03:04:05.678Z id=0 client=unix duration_ms=0 "
                                   "retries=0 bytes_in=0 bytes_out=0 reason=not_tls term=PR "
                                   "worker=0");
}

static void logfmt_quotes(void **state)
{
    static const char *const pairs[][2] = {
        {"plain", " route=plain "},
        {"with blank", " route=\"with blank\" "},
        {"a=b", " route=\"a=b\" "},
        {"say \"hi\"", " route=\"say \\\"hi\\\"\" "},
        {"\"", " route=\"\\\"\" "},
        {"back\\slash", " route=\"back\\\\slash\" "},
        {"", " route=\"\" "},
        {"tab\there", " route=\"tab\\x09here\" "},
        {"bell\x07", " route=\"bell\\x07\" "},
        {"\xc3\xa4", " route=\xc3\xa4 "},
    };
    struct access_record record = full_record();
    struct line line;

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        record.route = pairs[i][0];
        format(&line, &record, LOG_FORMAT_LOGFMT);
        if (strstr(line.text, pairs[i][1]) == NULL)
            fail_msg("no%sin %s", pairs[i][1], line.text);
    }
}

/* --- what was tried, and what it looked like --- */

static const struct access_tried two_tried[] = {{"10.0.0.6:443", REASON_CONNECT_REFUSED},
                                                {"unix:/run/a b.sock", REASON_UNREACHABLE}};

static void tried_is_told(void **state)
{
    struct access_record record = full_record();
    struct line line;

    (void)state;
    record.tried = two_tried;
    record.tried_count = 2;
    format(&line, &record, LOG_FORMAT_JSON);
    cJSON *json = parse(&line);
    const cJSON *tried = cJSON_GetObjectItemCaseSensitive(json, "tried");
    assert_int_equal(cJSON_GetArraySize(tried), 2);
    for (int i = 0; i < 2; i++) {
        expect_text(cJSON_GetArrayItem(tried, i), "server", two_tried[i].server);
        expect_text(cJSON_GetArrayItem(tried, i), "reason", reason_info(two_tried[i].reason)->word);
    }
    cJSON_Delete(json);
    format(&line, &record, LOG_FORMAT_LOGFMT);
    assert_non_null(strstr(line.text,
                           " retries=4 tried=\"10.0.0.6:443(connect_refused),unix:/run/a "
                           "b.sock(unreachable)\" bytes_in="));
    record.tried_count = 1;
    format(&line, &record, LOG_FORMAT_LOGFMT);
    assert_non_null(strstr(line.text, " tried=10.0.0.6:443(connect_refused) bytes_in="));
    format(&line, &record, LOG_FORMAT_HAPROXY);
    assert_non_null(strstr(line.text, " sni=shop.example.com tried=10.0.0.6:443(connect_refused)"));
}

/* Of any number of servers with any texts: as many as there is room for, each of them whole. */
static void tried_is_bounded(void **state)
{
    enum { MANY = 40 };
    static char texts[MANY][1021];
    struct access_tried tried[MANY];
    struct line line;

    (void)state;
    for (size_t len = 1; len < sizeof texts[0]; len += len < 300 ? 23 : 180) {
        struct access_record records[] = {full_record(), longest_record(false),
                                          longest_record(true)};
        for (size_t i = 0; i < MANY; i++) {
            memset(texts[i], len < 256 && i % 3 == 2 ? '"' : 's', len);
            texts[i][len] = '\0';
            tried[i] = (struct access_tried){texts[i], REASON_CONNECT_REFUSED};
        }
        for (size_t r = 0; r < 3; r++) {
            records[r].tried = tried;
            records[r].tried_count = MANY;
            format(&line, &records[r], LOG_FORMAT_JSON);
            cJSON *json = parse(&line);
            const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "tried"), *item;
            int told = 0;
            cJSON_ArrayForEach (item, list)
                expect_text(item, "server", texts[told++]);
            assert_true(r > 0 || told > 0);
            expect_text(json, "reason", reason_info(records[r].reason)->word);
            cJSON_Delete(json);
            format(&line, &records[r], LOG_FORMAT_LOGFMT);
            assert_true(r == 2 || strstr(line.text, " worker=") != NULL);
            format(&line, &records[r], LOG_FORMAT_HAPROXY);
        }
    }
}

static void looks_is_told(void **state)
{
    struct access_record record = bare_record();
    struct line line;

    (void)state;
    record.looks = "ssh";
    format(&line, &record, LOG_FORMAT_JSON);
    cJSON *json = parse(&line);
    expect_text(json, "looks", "ssh");
    cJSON_Delete(json);
    format(&line, &record, LOG_FORMAT_LOGFMT);
    assert_non_null(strstr(line.text, " looks=ssh "));
    format(&line, &record, LOG_FORMAT_HAPROXY);
    assert_non_null(strstr(line.text, " sni=- looks=ssh"));
}

/* --- HAProxy's --- */

static void haproxy_line(void **state)
{
    struct access_record record = full_record();
    struct line line;

    (void)state;
    record.bytes_out = 212;
    record.duration_ms = 5007;
    format(&line, &record, LOG_FORMAT_HAPROXY);
    assert_string_equal(line.text,
                        "192.0.2.7:5000 [02/Jan/2026:03:04:05.678] public shop/10.0.0.5:443 "
                        "1/2/5007 212 cD 0/0/0/0/4 0/0 sni=shop.example.com");
}

static void haproxy_absent(void **state)
{
    struct access_record record = bare_record();
    struct line line;

    (void)state;
    record.listener = "public";
    format(&line, &record, LOG_FORMAT_HAPROXY);
    assert_string_equal(line.text, "unix [02/Jan/2026:03:04:05.678] public public/<NOSRV> "
                                   "-1/-1/0 0 PR 0/0/0/0/0 0/0 sni=-");
    record.listener = NULL;
    format(&line, &record, LOG_FORMAT_HAPROXY);
    assert_string_equal(line.text, "unix [02/Jan/2026:03:04:05.678] - -/<NOSRV> "
                                   "-1/-1/0 0 PR 0/0/0/0/0 0/0 sni=-");
}

/* A name with a blank is no further field. */
static void haproxy_names_have_no_blanks(void **state)
{
    struct access_record record = full_record();
    struct line line;

    (void)state;
    record.listener = "the public one";
    record.backend = "my shop";
    record.server = "number 1";
    format(&line, &record, LOG_FORMAT_HAPROXY);
    assert_non_null(strstr(line.text, "] the_public_one my_shop/number_1 1/2/"));
    record.backend = record.server = NULL;
    format(&line, &record, LOG_FORMAT_HAPROXY);
    assert_non_null(strstr(line.text, "] the_public_one the_public_one/<NOSRV> 1/2/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_writers),
        cmocka_unit_test(json_numbers),
        cmocka_unit_test(json_absent_is_absent),
        cmocka_unit_test(json_zero_is_not_absent),
        cmocka_unit_test(json_every_reason),
        cmocka_unit_test(json_escapes_names),
        cmocka_unit_test(stamps),
        cmocka_unit_test(json_list_fits_or_is_left_out),
        cmocka_unit_test(plain_lines_are_bounded),
        cmocka_unit_test(ordinary_list_is_kept),
        cmocka_unit_test(logfmt_line),
        cmocka_unit_test(logfmt_lists),
        cmocka_unit_test(logfmt_absent_is_absent),
        cmocka_unit_test(logfmt_quotes),
        cmocka_unit_test(tried_is_told),
        cmocka_unit_test(tried_is_bounded),
        cmocka_unit_test(looks_is_told),
        cmocka_unit_test(haproxy_line),
        cmocka_unit_test(haproxy_absent),
        cmocka_unit_test(haproxy_names_have_no_blanks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
