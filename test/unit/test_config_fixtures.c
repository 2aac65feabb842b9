/*
 * The files below fixtures/. good/: loaded without a word. warn/: loaded, with warnings. bad/ and
 * bad_semantic/ (what only a program can see): refused. newcomers/: refused, whole files as people
 * write them who come from HAProxy, nginx, Traefik, Caddy, Envoy and Kubernetes, with several
 * mistakes each. What is printed stands beside each file in NAME.expected.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>

#include "config/fields.h"
#include "config/load.h"
#include "test/support/printed.h"

/* Cut files grow quickly in number: only files up to this size are cut. */
#define CUT_BYTES_MAX 2600

static char *read_whole(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *len = (size_t)ftell(file);
    rewind(file);
    char *text = calloc(1, *len + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, *len, file), *len);
    fclose(file);
    return text;
}

/* From this source file's directory to fixtures/KIND/. */
static void fixtures_find(const char *kind, glob_t *files)
{
    char pattern[1024];
    const char *slash = strrchr(__FILE__, '/');

    assert_non_null(slash);
    snprintf(pattern, sizeof pattern, "%.*s/fixtures/%s/*.json", (int)(slash - __FILE__), __FILE__,
             kind);
    assert_int_equal(glob(pattern, 0, NULL, files), 0);
    assert_true(files->gl_pathc > 8);
}

/* Loads a copy without a byte behind it, so that reading too far is seen. */
static struct config *load_exact(const char *text, size_t len, const char *name,
                                 struct diagnostics *found)
{
    char *exact = malloc(len ? len : 1);

    assert_non_null(exact);
    memcpy(exact, text, len);
    struct config *config = config_load_text(exact, len, name, found);
    free(exact);
    assert_false(found->no_memory);
    return config;
}

static void check_printed(const char *path, const struct diagnostics *found)
{
    char expected_path[1024];
    size_t expected_len;
    struct printed to;

    snprintf(expected_path, sizeof expected_path, "%.*s.expected", (int)(strlen(path) - 5), path);
    char *expected = read_whole(expected_path, &expected_len);
    diagnostics_print(found, strrchr(path, '/') + 1, printed_start(&to), false);
    char *printed = printed_end(&to);
    if (strcmp(printed, expected) != 0)
        fail_msg("%s\nprinted:\n%sexpected:\n%s", path, printed, expected);
    free(printed);
    free(expected);
}

static void check_kind(const char *kind, bool loads, bool warns)
{
    glob_t files;

    fixtures_find(kind, &files);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        size_t len;
        struct diagnostics found = {0};
        char *text = read_whole(files.gl_pathv[i], &len);
        struct config *config = load_exact(text, len, files.gl_pathv[i], &found);
        if ((config != NULL) != loads || (found.errors == 0) != loads)
            fail_msg("%s: %zu errors", files.gl_pathv[i], found.errors);
        if (loads && (found.warnings > 0) != warns)
            fail_msg("%s: %zu warnings", files.gl_pathv[i], found.warnings);
        if (!loads || warns)
            check_printed(files.gl_pathv[i], &found);
        config_free(config);
        diagnostics_free(&found);
        free(text);
    }
    globfree(&files);
}

static void test_good(void **state)
{
    (void)state;
    check_kind("good", true, false);
}

static void test_warn(void **state)
{
    (void)state;
    check_kind("warn", true, true);
}

static void test_bad(void **state)
{
    (void)state;
    check_kind("bad", false, false);
}

static void test_bad_semantic(void **state)
{
    (void)state;
    check_kind("bad_semantic", false, false);
}

static void test_newcomers(void **state)
{
    (void)state;
    check_kind("newcomers", false, false);
}

/* A beginning of a good file is no file, save when only white space is missing. */
static void test_cut_anywhere(void **state)
{
    glob_t files;
    size_t cuts = 0;

    (void)state;
    fixtures_find("good", &files);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        size_t len;
        char *text = read_whole(files.gl_pathv[i], &len);
        while (len > 0 && text[len - 1] != '}')
            len--;
        for (size_t cut = 0; cut < len && len <= CUT_BYTES_MAX; cut++, cuts++) {
            struct diagnostics found = {0};
            assert_null(load_exact(text, cut, "cut", &found));
            assert_int_equal(found.errors, 1);
            assert_int_equal(found.count, 1);
            diagnostics_free(&found);
        }
        free(text);
    }
    globfree(&files);
    assert_true(cuts > 4000);
}

/* Every byte of a good file changed in a few ways: an error or not, but never a crash. */
static void test_changed_anywhere(void **state)
{
    static const char BYTES[] = "\"{}[],:0a*-\\\x80\n";
    glob_t files;

    (void)state;
    fixtures_find("good", &files);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        size_t len;
        char *text = read_whole(files.gl_pathv[i], &len);
        for (size_t at = 0; at < len && len <= CUT_BYTES_MAX; at++) {
            char byte = text[at];
            struct diagnostics found = {0};
            text[at] = BYTES[(at + len) % (sizeof BYTES - 1)];
            struct config *config = load_exact(text, len, "changed", &found);
            assert_int_equal(config == NULL, found.errors > 0);
            config_free(config);
            diagnostics_free(&found);
            text[at] = byte;
        }
        free(text);
    }
    globfree(&files);
}

/* --- every key --- */

struct key_search {
    const char *file, *text, *more_text;
    const char *before, *behind; /* what stands around a key there */
};

static void expect_keys(void *context, const char *path, const struct value_type *type)
{
    const struct key_search *search = context;

    for (const struct field *field = type->fields; field->key != NULL; field++) {
        char text[128];
        snprintf(text, sizeof text, "%s%s%s", search->before, field->key, search->behind);
        if (strstr(search->text, text) == NULL && strstr(search->more_text, text) == NULL)
            fail_msg("%s does not have \"%s\" of %s", search->file, field->key,
                     *path != '\0' ? path : "the document");
    }
}

static char *read_in_tree(const char *file)
{
    const char *below = strstr(__FILE__, "test/unit/");
    char path[1024];
    size_t len;

    assert_non_null(below);
    snprintf(path, sizeof path, "%.*s%s", (int)(below - __FILE__), __FILE__, file);
    return read_whole(path, &len);
}

/* `more`: a file with the keys that cannot stand beside the others. */
static void check_keys(const char *file, const char *more, const char *before, const char *behind)
{
    char *text = read_in_tree(file), *more_text = read_in_tree(more);
    struct key_search search = {file, text, more_text, before, behind};

    fields_visit(expect_keys, &search);
    free(text);
    free(more_text);
}

static void test_all_keys(void **state)
{
    (void)state;
    check_keys("test/unit/fixtures/good/all_keys.json", "test/unit/fixtures/good/short_forms.json",
               "\"", "\":");
    check_keys("docs/man/sni-router.json.5", "docs/man/sni-router.json.5", "Cm ", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_warn),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_bad_semantic),
        cmocka_unit_test(test_newcomers),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_changed_anywhere),
        cmocka_unit_test(test_all_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
