/*
 * The table of other programs' words: every key of ours that it names exists and takes the example,
 * and no row is dead. What is said then is in test_config_messages.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/field_unknown.h"
#include "config/hints.h"
#include "config/load.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* --- the table is true --- */

struct paths {
    char list[32][128];
    const struct value_type *types[32];
    size_t count;
};

static void on_object(void *context, const char *path, const struct value_type *type)
{
    struct paths *paths = context;

    assert_true(paths->count < COUNT_OF(paths->list));
    snprintf(paths->list[paths->count], sizeof paths->list[0], "%s", path);
    paths->types[paths->count++] = type;
}

static const struct value_type *type_at(const struct paths *paths, const char *path)
{
    for (size_t i = 0; i < paths->count; i++) {
        if (strcmp(paths->list[i], path) == 0)
            return paths->types[i];
    }
    return NULL;
}

/* What is complained of in a file that holds nothing but the example. */
static void check_example(const char *key, const char *value)
{
    char text[512], example[400];
    struct diagnostics found = {0};

    field_write_example(key, value, example, sizeof example);
    snprintf(text, sizeof text, "{ %s }", example);
    config_free(config_load_text(text, strlen(text), "test", &found));
    for (size_t i = 0; i < found.count; i++) {
        const char *said = found.list[i].message;
        if (found.list[i].severity == DIAGNOSTIC_ERROR && strncmp(said, "missing key", 11) != 0 &&
            strncmp(said, "unknown backend", 15) != 0 && strncmp(said, "unknown listener", 16) != 0)
            fail_msg("%s: %s", text, said);
    }
    diagnostics_free(&found);
}

static void test_keys_are_ours(void **state)
{
    struct paths paths = {.count = 0};

    (void)state;
    fields_visit(on_object, &paths);
    for (const struct key_hint *hint = key_hints; hint->words != NULL; hint++) {
        if (hint->in != NULL && type_at(&paths, hint->in) == NULL)
            fail_msg("%s: there is no object %s", hint->words, hint->in);
        if (hint->key == NULL && hint->why == NULL)
            fail_msg("%s: says nothing", hint->words);
        if (hint->key != NULL && field_at_path(&type_document, hint->key) == NULL)
            fail_msg("%s: there is no key %s", hint->words, hint->key);
        if (hint->key != NULL && hint->value != NULL)
            check_example(hint->key, hint->value);
    }
}

/* Calls `on_word` for every word of a list. */
static void each_word(const char *words, void (*on_word)(const char *word, const void *context),
                      const void *context)
{
    char copy[1024];

    assert_true(strlen(words) < sizeof copy);
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok(copy, "|"); word != NULL; word = strtok(NULL, "|"))
        on_word(word, context);
}

/* The example that is shown when the value does not fit is one that the key takes. */
static void test_own_examples(void **state)
{
    (void)state;
    for (const struct key_hint *hint = key_hints; hint->words != NULL; hint++) {
        char text[600], word[128];
        struct diagnostics found = {0};
        const char *in = hint->in != NULL ? hint->in : "";
        if (hint->key == NULL || hint->value != NULL)
            continue;
        snprintf(word, sizeof word, "%.*s", (int)strcspn(hint->words, "|"), hint->words);
        if (*in == '\0') {
            snprintf(text, sizeof text, "{ \"%s\": {} }", word);
        } else {
            char inside[256];
            char path[160];
            snprintf(path, sizeof path, "%s.X", in);
            field_write_example(path, "{}", inside, sizeof inside);
            char *name = strstr(inside, "\"X\"");
            assert_non_null(name);
            snprintf(text, sizeof text, "{ %.*s\"%s\"%s }", (int)(name - inside), inside, word,
                     name + 3);
        }
        assert_null(config_load_text(text, strlen(text), "test", &found));
        const char *said = NULL;
        for (size_t i = 0; i < found.count; i++) {
            if (strstr(found.list[i].message, "unknown key") != NULL)
                said = strstr(found.list[i].message, ": write ");
        }
        if (said == NULL)
            fail_msg("%s: no example", text);
        if (strstr(said, "...") != NULL)
            fail_msg("%s: an example without a value: %s", text, said);
        diagnostics_free(&found);
    }
}

static void on_key_word(const char *word, const void *context)
{
    const struct key_hint *row = context;
    struct paths paths = {.count = 0};
    bool found = false;

    fields_visit(on_object, &paths);
    for (size_t i = 0; i < paths.count; i++) {
        if (row->in != NULL && strcmp(row->in, paths.list[i]) != 0)
            continue;
        if (row->in != NULL && field_find(paths.types[i]->fields, word) != NULL)
            fail_msg("\"%s\" is a key of %s", word, row->in);
        found |= hint_for_key(word, paths.list[i]) == row;
    }
    if (!found)
        fail_msg("\"%s\": rows above hide it", word);
}

static void on_value_word(const char *word, const void *context)
{
    const struct word_hint *row = context;

    if (hint_for_word(word, row->type) != row)
        fail_msg("\"%s\" of %s: a row above hides it", word, row->type);
}

static void test_no_row_is_dead(void **state)
{
    (void)state;
    for (const struct key_hint *hint = key_hints; hint->words != NULL; hint++)
        each_word(hint->words, on_key_word, hint);
    for (const struct word_hint *hint = word_hints; hint->words != NULL; hint++)
        each_word(hint->words, on_value_word, hint);
}

static const struct value_type *found_word_type;
static const char *wanted_word_type;

static void on_object_of_words(void *context, const char *path, const struct value_type *type)
{
    (void)context;
    (void)path;
    for (const struct field *field = type->fields; field->key != NULL; field++) {
        const struct value_type *inner = field->type;
        while (inner->words == NULL && inner->item != NULL)
            inner = inner->item;
        if (inner->words != NULL && strcmp(inner->name, wanted_word_type) == 0)
            found_word_type = inner;
    }
}

static void test_words_are_ours(void **state)
{
    (void)state;
    for (const struct word_hint *hint = word_hints; hint->words != NULL; hint++) {
        bool ours = hint->ours == NULL;
        found_word_type = NULL;
        wanted_word_type = hint->type;
        fields_visit(on_object_of_words, NULL);
        if (found_word_type == NULL)
            fail_msg("there is no type %s", hint->type);
        for (size_t i = 0; found_word_type->words[i] != NULL; i++) {
            ours |= hint->ours != NULL && strcmp(found_word_type->words[i], hint->ours) == 0;
            if (hint_has_word(hint->words, found_word_type->words[i]) &&
                (hint->ours == NULL || strcmp(hint->ours, found_word_type->words[i]) != 0))
                fail_msg("\"%s\" is a word of %s", found_word_type->words[i], hint->type);
        }
        if (!ours)
            fail_msg("\"%s\" is no word of %s", hint->ours, hint->type);
    }
}

static void test_words_are_told_apart(void **state)
{
    (void)state;
    assert_true(hint_has_word("a|send_proxy|b", "sendProxy"));
    assert_true(hint_has_word("a|send_proxy|b", "Send-Proxy"));
    assert_true(hint_has_word("timeout client", "timeout.client"));
    assert_false(hint_has_word("a|send_proxy|b", "send"));
    assert_false(hint_has_word("a|send_proxy|b", "sendproxyb"));
    assert_false(hint_has_word("a|send_proxy|b", ""));
    assert_false(hint_has_word("a|send_proxy|b", "_"));
    assert_null(hint_for_key("frobnicate", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_ours),        cmocka_unit_test(test_own_examples),
        cmocka_unit_test(test_no_row_is_dead),       cmocka_unit_test(test_words_are_ours),
        cmocka_unit_test(test_words_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
