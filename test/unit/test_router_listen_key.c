/* When two listeners can share a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/load.h"
#include "router/control/listen_key.h"

/* Members of two listeners; the second stands for the first after the file was changed. */
struct pair {
    const char *what;
    const char *before, *after;
    bool equal;
};

#define TCP   "\"address\":\"127.0.0.1:443\""
#define PORT0 "\"address\":\"127.0.0.1:0\""
#define V6    "\"address\":\"[::]:443\""
#define PATH  "\"address\":\"unix:/run/a.sock\""

static const char renamed[] = "name at port 0";

static const struct pair pairs[] = {
    {"nothing", TCP, TCP, true},
    {"another way to write the address", "\"address\":\"*:443\"", V6, true},
    {"address", TCP, "\"address\":\"127.0.0.2:443\"", false},
    {"port", TCP, "\"address\":\"127.0.0.1:444\"", false},
    {"family", TCP, V6, false},
    {"transport", TCP, PATH, false},
    {"name", TCP ",\"name\":\"a\"", TCP ",\"name\":\"b\"", true},
    {renamed, PORT0 ",\"name\":\"a\"", PORT0 ",\"name\":\"b\"", false},
    {"same name at port 0", PORT0 ",\"name\":\"a\"", PORT0 ",\"name\":\"a\"", true},
    {"v6only", V6, V6 ",\"v6only\":true", false},
    {"v6only of an address that is not \"::\"", "\"address\":\"[::1]:443\"",
     "\"address\":\"[::1]:443\",\"v6only\":true", true},
    {"backlog", TCP, TCP ",\"backlog\":7", true},
    {"freebind", TCP, TCP ",\"freebind\":true", true},
    {"path", PATH, "\"address\":\"unix:/run/b.sock\"", false},
    {"path and abstract name", "\"address\":\"unix:@a\"", "\"address\":\"unix:/a\"", false},
    {"name of a path", PATH ",\"name\":\"a\"", PATH ",\"name\":\"b\"", true},
    {"mode of a path", PATH, PATH ",\"mode\":\"0600\"", true},
    {"backlog of a path", PATH, PATH ",\"backlog\":7", true},
};

static struct config *config_with(const char *listener)
{
    char text[512];
    struct diagnostics found = {0};
    int len = snprintf(text, sizeof text,
                       "{\"listeners\":[{%s}],\"routes\":[{\"host\":\"a.test\",\"backend\":\"b\"}],"
                       "\"backends\":{\"b\":{\"servers\":[\"127.0.0.1:9\"]}}}",
                       listener);
    struct config *config = config_load_text(text, (size_t)len, "test", &found);

    if (config == NULL)
        diagnostics_print(&found, "test", stderr, false);
    diagnostics_free(&found);
    assert_non_null(config);
    return config;
}

static void equal_when_a_socket_can_be_shared(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct config *before = config_with(pairs[i].before);
        struct config *after = config_with(pairs[i].after);
        struct listen_key a = listen_key_of(&before->listeners[0]);
        struct listen_key b = listen_key_of(&after->listeners[0]);

        /* A key is a value of its own: the configurations may go. */
        config_free(before);
        config_free(after);
        if (listen_key_equal(&a, &b) != pairs[i].equal ||
            listen_key_equal(&b, &a) != pairs[i].equal)
            fail_msg("%s: the keys are %sequal", pairs[i].what, pairs[i].equal ? "not " : "");
        assert_true(listen_key_equal(&a, &a));
        assert_int_equal(listen_key_renamed(&a, &b), pairs[i].equal || pairs[i].what == renamed);
    }
}

static void only_a_path_has_a_path(void **state)
{
    static const struct {
        const char *listener, *path;
    } rows[] = {{PATH, "/run/a.sock"}, {"\"address\":\"unix:@a\"", NULL}, {TCP, NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config *config = config_with(rows[i].listener);
        struct listen_key key = listen_key_of(&config->listeners[0]);

        config_free(config);
        if (rows[i].path == NULL)
            assert_null(listen_key_path(&key));
        else
            assert_string_equal(listen_key_path(&key), rows[i].path);
    }
}

/* The longest texts that config/ lets through fit. */
static void longest_texts_fit(void **state)
{
    char listener[2048], name[255 * 4 + 1], path[108];

    (void)state;
    for (size_t i = 0; i < 255; i++)
        memcpy(name + 4 * i, "\xf0\x9f\x94\x92", 4);
    name[sizeof name - 1] = '\0';
    struct address address = {.kind = ADDRESS_IPV4, .text = "127.0.0.1:0"};
    struct listener_config long_name = {.name = name, .address = address};
    struct listen_key key = listen_key_of(&long_name);
    assert_string_equal(key.name, name);

    memset(path, 'p', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    snprintf(listener, sizeof listener, "\"address\":\"unix:%s\"", path);
    struct config *config = config_with(listener);
    key = listen_key_of(&config->listeners[0]);
    assert_string_equal(listen_key_path(&key), path);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_when_a_socket_can_be_shared),
        cmocka_unit_test(only_a_path_has_a_path),
        cmocka_unit_test(longest_texts_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
