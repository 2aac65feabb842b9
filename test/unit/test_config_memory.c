/*
 * The n-th allocation fails, for every n: loading ends cleanly and says that memory was lacking.
 * The linker leads the allocations of this program here (--wrap); cJSON's come by its hooks. Leaks
 * are for LeakSanitizer to see, and for the balance kept here.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "config/load.h"
#include "test/support/printed.h"

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
char *__real_strdup(const char *text);
void __real_free(void *memory);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
char *__wrap_strdup(const char *text);
void __wrap_free(void *memory);

static struct {
    bool watching;
    unsigned long count; /* allocations so far */
    unsigned long fail;  /* which one fails; 0 = none */
    long held;
} allocations;

static bool allocation_fails(void)
{
    return allocations.watching && ++allocations.count == allocations.fail;
}

static void *held(void *memory)
{
    allocations.held += allocations.watching && memory != NULL;
    return memory;
}

void *__wrap_malloc(size_t bytes)
{
    return allocation_fails() ? NULL : held(__real_malloc(bytes));
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return allocation_fails() ? NULL : held(__real_calloc(count, bytes));
}

void *__wrap_realloc(void *old, size_t bytes)
{
    if (allocation_fails())
        return NULL;
    return old != NULL ? __real_realloc(old, bytes) : held(__real_realloc(old, bytes));
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return allocation_fails() ? NULL : held(__real_aligned_alloc(alignment, bytes));
}

char *__wrap_strdup(const char *text)
{
    return allocation_fails() ? NULL : held(__real_strdup(text));
}

void __wrap_free(void *memory)
{
    allocations.held -= allocations.watching && memory != NULL;
    __real_free(memory);
}

static char *text_make(bool faulty, size_t *len)
{
    struct printed printed;
    FILE *to = printed_start(&printed);

    fputs(
        "{\"listeners\":[{\"name\":\"l\",\"address\":\":443\"},{\"address\":\"unix:/x\"}],\n"
        "\"policies\":{\"not_tls\":{\"backend\":\"b1\"}},\"log\":{\"access\":{\"path\":\"/x\"}},\n"
        "\"timeouts\":{\"idle\":\"1h\"},\"routes\":[",
        to);
    for (int i = 0; i < 30; i++)
        fprintf(to,
                "{\"host\":[\"h%d.test\",\"*.h%d.test.\"],\"backend\":\"%s%d\",\"alpn\":\"h2\","
                "\"from\":[\"10.0.0.1/8\",\"::/0\"],\"listener\":\"l\",\"name\":\"r%d\","
                "\"timeouts\":{\"idle\":\"%ds\"}},\n",
                i, i, faulty && i == 20 ? "x" : "b", i % 14, i, i + 1);
    for (int i = 0; i < 20; i++)
        fprintf(to, "{\"host\":\"i%d.test\",\"backend\":\"10.2.0.%d:443\"},\n", i, i % 10);
    fputs("{\"host\":\"z.test\",\"backend\":\"b0\",\"listener\":[\"l\",\"unix:/x\"]}],\n"
          "\"backends\":{",
          to);
    for (int i = 0; i < 15; i++)
        fprintf(to, "%s\"b%d\":{\"servers\":[\"10.0.0.%d:443\",{\"address\":\"n.test:1\"}]}\n",
                i ? "," : "", i, i);
    fputs(",\"t\":\"10.1.0.1:443\",\"a\":[\"10.1.0.2:443\",\"n.test:1\"]},"
          "\"default\":[\"10.1.0.2:443\",\"n.test:1\"]",
          to);
    fputs(faulty ? ",\"listeners\":[],\"wokers\":1}" : "}", to);
    char *text = printed_end(&printed);
    *len = printed.len;
    return text;
}

/*
 * One load with its n-th allocation failing (0: none, which sets *most_errors). False: it had fewer
 * allocations.
 */
static bool load_once(const char *text, size_t len, unsigned long fail, size_t *most_errors)
{
    struct diagnostics found = {0};

    allocations.count = 0;
    allocations.fail = fail;
    allocations.held = 0;
    allocations.watching = true;
    struct config *config = config_load_text(text, len, "test", &found);
    bool failed = fail > 0 && allocations.count >= fail;
    bool no_memory = found.no_memory;
    size_t errors = found.errors;
    bool loaded = config != NULL;
    config_free(config);
    diagnostics_free(&found);
    allocations.watching = false;
    assert_int_equal(allocations.held, 0);
    if (fail == 0)
        *most_errors = errors;
    /* Nothing may be found that is not there. */
    assert_true(errors <= *most_errors);
    if (failed) {
        assert_true(no_memory);
        assert_false(loaded);
    }
    return failed;
}

static void check_every_allocation(bool faulty)
{
    size_t len, errors = 0;
    char *text = text_make(faulty, &len);
    unsigned long n = 1;

    assert_false(load_once(text, len, 0, &errors));
    assert_int_equal(errors > 0, faulty);
    while (load_once(text, len, n, &errors))
        n++;
    assert_true(n > 300);
    free(text);
}

static void test_good_file(void **state)
{
    (void)state;
    check_every_allocation(false);
}

static void test_bad_file(void **state)
{
    (void)state;
    check_every_allocation(true);
}

int main(void)
{
    cJSON_Hooks hooks = {.malloc_fn = __wrap_malloc, .free_fn = __wrap_free};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_file),
        cmocka_unit_test(test_bad_file),
    };

    cJSON_InitHooks(&hooks);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
