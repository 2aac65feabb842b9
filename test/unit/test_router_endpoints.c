/* Endpoints over changes of the configuration: which sockets stay, and what a failure undoes. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/load.h"
#include "router/control/endpoints.h"
#include "test/support/descriptors.h"

#define WORKERS 2
#define ANY     "{\"name\":\"any\",\"address\":\"127.0.0.1:0\"}"

struct place {
    char directory[32], path[48];
    struct endpoints endpoints;
    struct config *current;
    int given[64]; /* what the workers would have: the test closes it */
    int given_count;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    assert_non_null(place);
    strcpy(place->directory, "/tmp/endpoints.XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->path, sizeof place->path, "%s/s", place->directory);
    endpoints_init(&place->endpoints, WORKERS);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;

    endpoints_close(&place->endpoints);
    for (int i = 0; i < place->given_count; i++)
        close(place->given[i]);
    config_free(place->current);
    assert_int_equal(rmdir(place->directory), 0); /* the path is gone as well */
    free(place);
    return 0;
}

/* PATH in `listeners` stands for the path. */
static struct config *config_with(const struct place *place, const char *listeners)
{
    char text[1024];
    struct diagnostics found = {0};
    const char *gap = strstr(listeners, "PATH");
    int before = gap == NULL ? (int)strlen(listeners) : (int)(gap - listeners);
    int len =
        snprintf(text, sizeof text,
                 "{\"listeners\":[%.*s%s%s],\"routes\":[{\"host\":\"a.test\",\"backend\":"
                 "\"b\"}],\"backends\":{\"b\":{\"servers\":[\"127.0.0.1:9\"]}}}",
                 before, listeners, gap == NULL ? "" : place->path, gap == NULL ? "" : gap + 4);
    struct config *config = config_load_text(text, (size_t)len, "test", &found);

    if (config == NULL)
        diagnostics_print(&found, "test", stderr, false);
    diagnostics_free(&found);
    assert_non_null(config);
    return config;
}

/* Opens and commits, and takes the sockets as workers do. Returns how many were handed over. */
static int change(struct place *place, const char *listeners)
{
    struct config *config = config_with(place, listeners);
    struct endpoints_error why;
    int handed_over = 0;

    assert_true(endpoints_open(&place->endpoints, config, &why));
    for (uint32_t w = 0; w < WORKERS; w++) {
        struct handed_listener *handed = endpoints_offer(&place->endpoints, config, w);
        assert_non_null(handed);
        for (uint32_t i = 0; i < config->listener_count; i++) {
            listener_free(handed[i].made);
            if (handed[i].fd < 0)
                continue;
            place->given[place->given_count++] = handed[i].fd;
            handed_over++;
        }
        free(handed);
    }
    endpoints_commit(&place->endpoints, config);
    config_free(place->current);
    place->current = config;
    return handed_over;
}

static unsigned mode_of(const char *path)
{
    struct stat found;

    assert_int_equal(stat(path, &found), 0);
    return found.st_mode & 0777u;
}

static void an_equal_listener_keeps_its_sockets(void **state)
{
    struct place *place = *state;

    assert_int_equal(change(place, ANY), WORKERS);
    uint64_t id = endpoints_of(&place->endpoints, 0)->id;
    assert_int_equal(change(place, ANY), 0);
    assert_int_equal(endpoints_of(&place->endpoints, 0)->id, id);
}

static void an_endpoint_follows_its_listener_to_another_index(void **state)
{
    struct place *place = *state;

    change(place, ANY);
    uint64_t id = endpoints_of(&place->endpoints, 0)->id;
    assert_int_equal(change(place, "{\"name\":\"new\",\"address\":\"127.0.0.1:0\"}," ANY), WORKERS);
    assert_int_equal(endpoints_of(&place->endpoints, 1)->id, id);
    assert_int_not_equal(endpoints_of(&place->endpoints, 0)->id, id);
}

static void a_listener_that_is_gone_loses_its_path(void **state)
{
    struct place *place = *state;

    assert_int_equal(change(place, "{\"address\":\"unix:PATH\"}," ANY), 2 * WORKERS);
    assert_int_equal(access(place->path, F_OK), 0);
    assert_int_equal(change(place, ANY), 0);
    assert_int_equal(access(place->path, F_OK), -1);
}

static void a_mode_is_applied_and_the_socket_stays(void **state)
{
    struct place *place = *state;

    assert_int_equal(change(place, "{\"address\":\"unix:PATH\",\"mode\":\"0600\"}"), WORKERS);
    assert_int_equal(mode_of(place->path), 0600);
    assert_int_equal(change(place, "{\"address\":\"unix:PATH\",\"mode\":\"0660\"}"), 0);
    assert_int_equal(mode_of(place->path), 0660);
}

/* A port of somebody else's comes last: what came before it must be undone. */
static void a_listener_that_fails_changes_nothing(void **state)
{
    struct place *place = *state;
    struct sockaddr_storage taken;
    socklen_t len = sizeof taken;
    struct endpoints_error why;
    char listeners[256], mode[] = "{\"address\":\"unix:PATH\",\"mode\":\"0600\"}";
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(other >= 0 && listen(other, 1) == 0);
    assert_int_equal(getsockname(other, (struct sockaddr *)&taken, &len), 0);
    change(place, mode);
    uint64_t id = endpoints_of(&place->endpoints, 0)->id;
    int before = descriptors_count();

    snprintf(listeners, sizeof listeners,
             ANY ",{\"address\":\"unix:PATH\",\"mode\":\"0666\"},{\"address\":\"127.0.0.1:%u\"}",
             ntohs(((struct sockaddr_in *)&taken)->sin_port));
    struct config *config = config_with(place, listeners);
    assert_false(endpoints_open(&place->endpoints, config, &why));
    assert_ptr_equal(why.listener, &config->listeners[2]);
    assert_string_equal(why.step, "bind");
    assert_int_equal(why.error, EADDRINUSE);
    config_free(config);

    assert_int_equal(descriptors_count(), before);
    assert_int_equal(mode_of(place->path), 0600);
    assert_int_equal(endpoints_of(&place->endpoints, 0)->id, id);
    assert_int_equal(change(place, mode), 0); /* and it can be asked for again */
    close(other);
}

static void what_was_opened_can_be_cancelled(void **state)
{
    struct place *place = *state;
    struct endpoints_error why;

    change(place, ANY);
    uint64_t id = endpoints_of(&place->endpoints, 0)->id;
    int before = descriptors_count();
    struct config *config = config_with(place, "{\"address\":\"unix:PATH\"}");
    assert_true(endpoints_open(&place->endpoints, config, &why));
    assert_int_equal(access(place->path, F_OK), 0);
    endpoints_cancel(&place->endpoints);
    config_free(config);
    assert_int_equal(access(place->path, F_OK), -1);
    assert_int_equal(descriptors_count(), before);
    assert_int_equal(endpoints_of(&place->endpoints, 0)->id, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_equal_listener_keeps_its_sockets, setup, teardown),
        cmocka_unit_test_setup_teardown(an_endpoint_follows_its_listener_to_another_index, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_listener_that_is_gone_loses_its_path, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mode_is_applied_and_the_socket_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_listener_that_fails_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_opened_can_be_cancelled, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
