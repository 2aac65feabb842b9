/* Short forms of a configuration mean what their long forms mean. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/difference.h"
#include "config/load.h"

/* `'` stands for `"` here. */
static struct config *load(const char *members)
{
    char text[4096];
    struct diagnostics found = {0};
    int len = snprintf(text, sizeof text, "{%s}", members);

    assert_true(len > 0 && (size_t)len < sizeof text);
    for (char *at = text; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    struct config *config = config_load_text(text, (size_t)len, "short", &found);
    if (config == NULL)
        diagnostics_print(&found, members, stderr, false);
    assert_non_null(config);
    diagnostics_free(&found);
    return config;
}

/* --- the same as the long form --- */

#define LISTENER "'listeners':[{'address':'[::]:443'}]"
#define BACKEND  "'backends':{'web':{'servers':[{'address':'10.0.0.1:443'}]}}"

static const struct pair {
    const char *short_form, *long_form;
} pairs[] = {
    {"'listeners':':443'", LISTENER},
    {"'listeners':[':443']", LISTENER},
    {"'listeners':{'address':':443'}", LISTENER},
    {"'listeners':['unix:/a',{'address':':443','backlog':7},'127.0.0.1:1']",
     "'listeners':[{'address':'unix:/a'},{'address':'[::]:443','backlog':7},"
     "{'address':'127.0.0.1:1'}]"},
    {LISTENER ",'backends':{'web':'10.0.0.1:443'}", LISTENER "," BACKEND},
    {LISTENER ",'backends':{'web':['10.0.0.1:443']}", LISTENER "," BACKEND},
    {LISTENER ",'backends':{'web':{'servers':'10.0.0.1:443'}}", LISTENER "," BACKEND},
    {LISTENER ",'backends':{'web':{'servers':{'address':'10.0.0.1:443'}}}", LISTENER "," BACKEND},
    {LISTENER ",'backends':{'web':['10.0.0.1:443',{'address':'n.test:1','weight':3,'name':'n'}]}",
     LISTENER ",'backends':{'web':{'servers':[{'address':'10.0.0.1:443'},"
              "{'address':'n.test:1','weight':3,'name':'n'}]}}"},
    {LISTENER "," BACKEND ",'policies':{'no_sni':'web','unknown_sni':'close'}",
     LISTENER "," BACKEND ",'policies':{'no_sni':{'backend':'web'},'unknown_sni':'close'}"},
    {LISTENER "," BACKEND ",'default':'web'",
     LISTENER "," BACKEND ",'policies':{'no_sni':{'backend':'web'},"
              "'unknown_sni':{'backend':'web'}}"},
    {LISTENER "," BACKEND ",'default':{'backend':'web'}", LISTENER "," BACKEND ",'default':'web'"},
    {LISTENER ",'log':{'access':'/var/log/a'}", LISTENER ",'log':{'access':{'path':'/var/log/a'}}"},
    {LISTENER ",'log':{'access':'./a'}", LISTENER ",'log':{'access':{'path':'./a'}}"},
    {LISTENER ",'log':{'access':'-'}", LISTENER},
    {LISTENER ",'log':{'access':'off'}", LISTENER ",'log':{'access':{'path':'off'}}"},
    /* The backend's name is its addresses, as the router writes them. */
    {LISTENER ",'routes':[{'host':'a.test','backend':'[2001:DB8::1]:443'}]",
     LISTENER ",'routes':[{'host':'a.test','backend':'[2001:db8::1]:443'}],"
              "'backends':{'[2001:db8::1]:443':{'servers':['[2001:db8::1]:443']}}"},
    {LISTENER ",'routes':[{'host':'a.test','backend':['unix:/x',{'address':'N.test:1','weight':2}]"
              "}]",
     LISTENER ",'routes':[{'host':'a.test','backend':'unix:/x,n.test:1'}],'backends':"
              "{'unix:/x,n.test:1':{'servers':['unix:/x',{'address':'n.test:1','weight':2}]}}"},
    {LISTENER ",'policies':{'not_tls':'10.0.0.1:80'}",
     LISTENER ",'policies':{'not_tls':{'backend':'10.0.0.1:80'}},"
              "'backends':{'10.0.0.1:80':{'servers':['10.0.0.1:80']}}"},
    {LISTENER ",'policies':{'not_tls':{'backend':['10.0.0.1:80']}}",
     LISTENER ",'policies':{'not_tls':'10.0.0.1:80'}"},
    {LISTENER ",'default':['10.0.0.1:80','10.0.0.2:80']",
     LISTENER ",'default':'10.0.0.1:80,10.0.0.2:80',"
              "'backends':{'10.0.0.1:80,10.0.0.2:80':['10.0.0.1:80','10.0.0.2:80']}"},
};

static bool is_same(const struct config *a, const struct config *b)
{
    static const struct config_difference none;
    struct config_difference difference;

    assert_true(config_difference(a, b, &difference));
    return !difference.settings &&
           memcmp(&difference, &none, offsetof(struct config_difference, settings)) == 0;
}

static void short_forms_mean_the_long_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct config *one = load(pairs[i].short_form), *other = load(pairs[i].long_form);
        if (!is_same(one, other))
            fail_msg("%s\nis not\n%s", pairs[i].short_form, pairs[i].long_form);
        config_free(one);
        config_free(other);
    }
}

/* --- names and addresses --- */

static void a_backend_of_that_name_goes_before_an_address(void **state)
{
    struct config *config = load(LISTENER ",'backends':{'10.0.0.1:443':'10.0.0.2:443'},"
                                          "'routes':[{'host':'a.test','backend':'10.0.0.1:443'}]");

    (void)state;
    assert_int_equal(config->backend_count, 1);
    assert_int_equal(config->routes[0].backend, 0);
    config_free(config);
}

static void a_word_of_policies_never_means_a_backend(void **state)
{
    struct config *config =
        load(LISTENER ",'backends':{'close':'10.0.0.1:443','reset':'10.0.0.2:443'},"
                      "'policies':{'no_sni':'close','unknown_sni':{'backend':'close'}},"
                      "'routes':[{'host':'a.test','backend':'reset'}]");

    (void)state;
    assert_int_equal(config->policies[POLICY_NO_SNI].action, POLICY_CLOSE);
    assert_int_equal(config->policies[POLICY_UNKNOWN_SNI].action, POLICY_BACKEND);
    assert_int_equal(config->policies[POLICY_UNKNOWN_SNI].backend, 0);
    assert_int_equal(config->routes[0].backend, 1);
    config_free(config);
}

/* `default` takes no other action, so there the word can only be the backend. */
static void a_default_may_be_called_as_a_word_of_policies(void **state)
{
    struct config *config = load(LISTENER ",'backends':{'close':'10.0.0.1:443'},'default':'close'");

    (void)state;
    assert_int_equal(config->policies[POLICY_NO_SNI].backend, 0);
    assert_true(config->policies[POLICY_NO_SNI].by_default);
    assert_int_equal(config->policies[POLICY_UNKNOWN_SNI].backend, 0);
    assert_int_equal(config->policies[POLICY_NOT_TLS].action, POLICY_CLOSE);
    config_free(config);
}

/* --- the same servers are the same backend --- */

static void equal_servers_are_one_backend(void **state)
{
    struct config *config = load(
        LISTENER ",'backends':{'10.0.0.3:443':'10.0.0.3:443'},'default':'[::0:1]:443','routes':["
                 "{'host':'a.test','backend':'10.0.0.1:443'},"
                 "{'host':'b.test','backend':['10.0.0.1:443']},"
                 "{'host':'c.test','backend':[{'address':'10.0.0.1:443','weight':1}]},"
                 "{'host':'d.test','backend':'[::1]:443'},"
                 "{'host':'e.test','backend':[{'address':'10.0.0.3:443'},'10.0.0.3:443']},"
                 "{'host':'f.test','backend':[{'address':'10.0.0.3:443'}]}]");
    const struct route *routes = config->routes;

    (void)state;
    assert_int_equal(config->backend_count, 4);
    assert_int_equal(routes[1].backend, routes[0].backend);
    assert_int_equal(routes[2].backend, routes[0].backend);
    assert_int_equal(routes[3].backend, config->policies[POLICY_NO_SNI].backend);
    assert_int_equal(routes[4].backend, 3);
    assert_int_equal(routes[5].backend, 0);
    const struct backend_config *first = &config->backends[routes[0].backend];
    assert_string_equal(first->name, "10.0.0.1:443");
    assert_int_equal(first->at.column, 143);
    assert_int_equal(first->server_count, 1);
    assert_string_equal(first->servers[0].name, "10.0.0.1:443");
    assert_int_equal(first->tries, 4);
    assert_string_equal(config->backends[3].name, "10.0.0.3:443,10.0.0.3:443");
    config_free(config);
}

static void many_routes_with_servers_of_their_own(void **state)
{
    enum { COUNT = 3000 };
    static char text[COUNT * 80];
    size_t len = 0;
    struct diagnostics found = {0};

    (void)state;
    len += (size_t)snprintf(text, sizeof text, "{\"listeners\":\":443\",\"routes\":[");
    for (int i = 0; i < COUNT; i++)
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "%s{\"host\":\"h%d.test\",\"backend\":\"10.0.%d.%d:443\"}",
                                i > 0 ? "," : "", i, i % 1500 / 250, i % 250);
    len += (size_t)snprintf(text + len, sizeof text - len, "]}");
    struct config *config = config_load_text(text, len, "many", &found);
    assert_non_null(config);
    assert_int_equal(config->backend_count, 1500);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(config->routes[i].backend, i % 1500);
    config_free(config);
    diagnostics_free(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_forms_mean_the_long_ones),
        cmocka_unit_test(a_backend_of_that_name_goes_before_an_address),
        cmocka_unit_test(a_word_of_policies_never_means_a_backend),
        cmocka_unit_test(a_default_may_be_called_as_a_word_of_policies),
        cmocka_unit_test(equal_servers_are_one_backend),
        cmocka_unit_test(many_routes_with_servers_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
