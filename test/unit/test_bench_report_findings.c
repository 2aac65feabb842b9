/* Results of torture and verify side by side; what their tables and charts are made of. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/report.h"
#include "test/support/printed.h"

#define CASE(name, outcome, deviates, best)                                                        \
    "{\"case\":\"" name                                                                            \
    "\",\"what\":\"w\",\"expected\":\"e\",\"why\":\"RFC\",\"outcome\":\"" outcome                  \
    "\",\"alert\":null,\"problem\":\"\",\"deviates\":" deviates ",\"best\":" best "}"

static struct report *start(void)
{
    struct report *report = malloc(sizeof *report);

    assert_non_null(report);
    assert_true(report_init(report));
    return report;
}

static void end(struct report *report)
{
    report_free(report);
    free(report);
}

static void add(struct report *report, const char *text, const char *file)
{
    const char *why = "";
    cJSON *document = cJSON_Parse(text);

    assert_non_null(document);
    assert_true(report_add(report, document, file, &why));
}

static char *write_form(const struct report *report, enum report_form form)
{
    struct printed printed;
    FILE *out = printed_start(&printed);

    report_write_torture(report, form, out);
    report_write_verify(report, form, NULL, out);
    return printed_end(&printed);
}

/* The union of the cases; what one of them did not play is no cell of another. */
static void routers_stand_side_by_side(void **state)
{
    struct report *report = start();

    (void)state;
    add(report,
        "{\"tool\":\"sni-bench\",\"mode\":\"torture\",\"labels\":{\"router\":\"one\"},\"cases\":"
        "[" CASE("a", "backend", "false", "true") "," CASE("b", "other_backend", "true",
                                                           "false") "]}",
        "x.json");
    add(report,
        "{\"tool\":\"sni-bench\",\"mode\":\"torture\",\"cases\":[" CASE(
            "c", "close", "false", "false") "," CASE("a", "reset", "true", "false") "]}",
        "dir/two.json");
    char *text = write_form(report, REPORT_MARKDOWN);
    assert_non_null(strstr(text, "| | one | two.json |\n|---|---|---|\n| deviations | **1 of 2** | "
                                 "**1 of 2** |\n"));
    assert_non_null(strstr(text, "| a | backend | **reset** |\n| b | **other backend** | – |\n"
                                 "| c | – | close |\n"));
    free(text);
    text = write_form(report, REPORT_TEXT);
    assert_non_null(strstr(text, "best: backend"));
    assert_non_null(strstr(text, "deviates: other backend"));
    assert_non_null(strstr(text, "ok: close"));
    assert_null(strchr(text, '?'));
    free(text);
    text = write_form(report, REPORT_HTML);
    assert_non_null(strstr(text, "<td class=\"bad\"><b>deviates</b> other backend</td>"));
    assert_non_null(strstr(text, "<td class=\"good\"><b>best</b> backend</td>"));
    assert_non_null(strstr(text, "<td class=\"fair\"><b>ok</b> close</td>"));
    free(text);
    end(report);
}

static void faults_come_first(void **state)
{
    struct report *report = start();

    (void)state;
    add(report,
        "{\"tool\":\"sni-bench\",\"mode\":\"verify\",\"failed\":true,\"proves_nothing\":null,"
        "\"faults\":{\"misrouted\":2,\"corrupt\":0,\"truncated\":0,\"dropped\":0,\"stalled\":0},"
        "\"first_faults\":[{\"at_s\":1.5,\"fault\":\"misrouted\",\"text\":\"<b>\"}],"
        "\"backends\":[{\"name\":\"n\",\"whole\":7,\"faults\":2}]}",
        "a.json");
    add(report,
        "{\"tool\":\"sni-bench\",\"mode\":\"verify\",\"failed\":true,\"proves_nothing\":\"not "
        "one\","
        "\"faults\":{\"misrouted\":0,\"corrupt\":0,\"truncated\":0,\"dropped\":0,\"stalled\":0}}",
        "b.json");
    char *text = write_form(report, REPORT_HTML);
    const char *verdict = strstr(text, "<b>failed</b> 2 faults</td><td class=\"bad\"><b>failed</b> "
                                       "not one</td>");
    assert_non_null(verdict);
    const char *note = strstr(text, "<b>misrouted</b> &lt;b&gt;");
    assert_true(note > verdict);
    const char *backend = strstr(text, "<b>fault</b> 2; 7 whole</td><td class=\"none\">");
    assert_true(backend > note);
    free(text);
    end(report);
}

/* Documents from anywhere: a table is made of what is there. */
static void strange_documents(void **state)
{
    static const char *const accepted[] = {
        "{\"tool\":\"sni-bench\",\"mode\":\"torture\",\"cases\":[]}",
        "{\"tool\":\"sni-bench\",\"mode\":\"torture\",\"cases\":[3,null,{},{\"case\":7},"
        "{\"case\":\"a\",\"alert\":1e300,\"outcome\":[]}],\"labels\":{\"router\":\"\\u0007|<\"}}",
        "{\"tool\":\"sni-bench\",\"mode\":\"verify\",\"faults\":{}}",
        "{\"tool\":\"sni-bench\",\"mode\":\"verify\",\"faults\":{\"misrouted\":\"x\","
        "\"corrupt\":1e300,\"dropped\":-1},\"backends\":[1,{},{\"name\":\"n\",\"whole\":\"y\"}],"
        "\"series\":[{},3,{\"at_s\":1,\"active\":4},{\"at_s\":0,\"active\":4}],"
        "\"first_faults\":[null,{\"text\":3}],\"config\":[],\"environment\":3}",
    };
    static const char *const refused[] = {
        "{\"tool\":\"sni-bench\",\"mode\":\"torture\"}",
        "{\"tool\":\"sni-bench\",\"mode\":\"torture\",\"cases\":{}}",
        "{\"tool\":\"sni-bench\",\"mode\":\"verify\",\"faults\":3}",
        "{\"tool\":\"other\",\"mode\":\"verify\",\"faults\":{}}",
    };
    const char *why;
    struct report *report = start();

    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        add(report, accepted[i], "file.json");
        for (int form = REPORT_TEXT; form <= REPORT_HTML; form++) {
            char *text = write_form(report, (enum report_form)form);
            assert_null(strchr(text, '\a'));
            assert_true(form == REPORT_TEXT || strstr(text, "|<") == NULL);
            free(text);
        }
        assert_true(report_write_html(report, "/dev/null"));
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(report_add(report, cJSON_Parse(refused[i]), "file.json", &why));
    while (report->tortures.count < REPORT_FINDINGS_MAX)
        add(report, accepted[0], "file.json");
    assert_false(report_add(report, cJSON_Parse(accepted[0]), "file.json", &why));
    assert_true(report_write_html(report, "/dev/null"));
    end(report);
}

static const cJSON *find_chart(const cJSON *charts, const char *unit)
{
    const cJSON *chart;

    cJSON_ArrayForEach (chart, charts) {
        if (strcmp(cJSON_GetObjectItemCaseSensitive(chart, "unit")->valuestring, unit) == 0)
            return chart;
    }
    return NULL;
}

static int count_points(const cJSON *chart)
{
    const cJSON *lines = cJSON_GetObjectItemCaseSensitive(chart, "series");

    return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(lines, 0), "y"));
}

/* PSS where it could be read, RSS where not; what is left at the end is no point. */
static void memory_is_drawn_as_it_was_read(void **state)
{
    static const char *const fields[] = {"router_pss_bytes", "router_rss_bytes"};
    static const char *const units[] = {"MiB (PSS)", "MiB (RSS: PSS could not be read)"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char text[512];
        struct report *report = start();
        snprintf(text, sizeof text,
                 "{\"tool\":\"sni-bench\",\"mode\":\"conn\",\"series\":["
                 "{\"at_s\":1,\"stage\":\"measuring\",\"%s\":1048576},"
                 "{\"at_s\":2,\"stage\":\"measuring\",\"%s\":2097152},"
                 "{\"at_s\":2.01,\"stage\":\"ending\",\"%s\":3145728}]}",
                 fields[i], fields[i], fields[i]);
        add(report, text, "file.json");
        cJSON *charts = report_make_charts(report);
        assert_int_equal(count_points(find_chart(charts, units[i])), 2);
        assert_null(find_chart(charts, units[1 - i]));
        cJSON_Delete(charts);
        end(report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routers_stand_side_by_side),
        cmocka_unit_test(faults_come_first),
        cmocka_unit_test(strange_documents),
        cmocka_unit_test(memory_is_drawn_as_it_was_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
