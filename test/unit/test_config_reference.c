/*
 * docs/configuration.md is what the field table says now. What can be said of a key is in that
 * table; here are only the words around it. After a change of the table, or of these words:
 *
 *   test_config_reference --print > docs/configuration.md
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/fields.h"
#include "config/load.h"
#include "test/support/printed.h"

/* --- the reference, made from the field table --- */

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "<!-- Generated from the field table (config/fields.c); a test compares the two. -->\n"
    "\n"
    "One JSON file says what to accept, which name goes where, and how long to wait. Names are\n"
    "matched from the most specific to the least: **the exact name first, then the longest "
    "matching\n"
    "wildcard**. `*.example.com` stands for exactly one more label, as in certificates;\n"
    "`**.example.com` for one or more; neither matches `example.com` itself. On one suffix `*.` "
    "comes\n"
    "before `**.`. Among routes for the same pattern the one with more conditions (`alpn`, "
    "`from`,\n"
    "`listener`) comes first. A route whose conditions fail does not end the search: the next one "
    "is\n"
    "tried, then the next wildcard. **The order of the file never matters**: two routes that "
    "could\n"
    "tie are an error when the file is loaded. `sni-router explain FILE HOST` shows which route "
    "wins\n"
    "and which it beat.\n"
    "\n"
    "The file is strict JSON (RFC 8259) in UTF-8: no comments, no trailing commas, and a key may\n"
    "stand only once in its object. Unknown keys are errors. Every object may have the keys\n"
    "`\"$schema\"` and `\"$comment\"`, which the program ignores. `sni-router check FILE` prints "
    "all\n"
    "errors and warnings with line and column; `sni-router schema` prints a JSON Schema for "
    "editors.\n"
    "\n"
    "```json\n"
    "{\n"
    "  \"listeners\": [ { \"name\": \"public\", \"address\": \"[::]:443\" } ],\n"
    "  \"routes\": [\n"
    "    { \"host\": \"shop.example.com\", \"backend\": \"shop\" },\n"
    "    { \"host\": [\"*.example.com\", \"**.apps.example.com\"], \"backend\": \"web\",\n"
    "      \"timeouts\": { \"idle\": \"10m\" } },\n"
    "    { \"host\": \"shop.example.com\", \"alpn\": \"acme-tls/1\", \"backend\": \"acme\" }\n"
    "  ],\n"
    "  \"backends\": {\n"
    "    \"shop\": { \"servers\": [\"10.0.0.5:443\", \"10.0.0.6:443\"] },\n"
    "    \"web\":  { \"servers\": [ { \"address\": \"10.0.0.7:443\", \"weight\": 3 },\n"
    "                            { \"address\": \"unix:/run/app.sock\" } ] },\n"
    "    \"acme\": { \"servers\": [\"127.0.0.1:9443\"] }\n"
    "  },\n"
    "  \"policies\": { \"unknown_sni\": { \"backend\": \"web\" }, \"not_tls\": \"close\" },\n"
    "  \"timeouts\": { \"hello\": \"5s\", \"idle\": \"1h\" },\n"
    "  \"workers\": 4,\n"
    "  \"log\": { \"access\": { \"path\": \"-\", \"format\": \"json\" }, \"level\": \"info\" }\n"
    "}\n"
    "```\n"
    "\n"
    "In the paths below `[]` stands for each item of an array and `NAME` for a name you choose.\n";

static const char values[] =
    "\n"
    "## How values are written\n"
    "\n"
    "- **Duration**: digits and a unit, `ms`, `s`, `m`, `h` or `d`; several from the largest to "
    "the\n"
    "  smallest: `\"250ms\"`, `\"5s\"`, `\"1h30m\"`. Always a string with a unit. "
    "Greater than\n"
    "  zero; `\"off\"` only where it says so.\n"
    "- **Size**: bytes, or with `k` or `m` for factors of 1024: `\"512\"`, `\"64k\"`. Always a "
    "string.\n"
    "- **Address**: `\"10.0.0.5:443\"`, `\"[2001:db8::1]:443\"`, `\"unix:/path\"` or "
    "`\"unix:@name\"` (a\n"
    "  name in the abstract name space, Linux only; path or name up to 107 bytes). For servers "
    "also\n"
    "  `\"name.example:443\"`. For listeners also `\":443\"` and `\"*:443\"` (both mean "
    "`[::]:443`, IPv6\n"
    "  and IPv4) and port 0. IPv6 zone ids are not supported.\n"
    "- **Host pattern**: a host name, or `*.` or `**.` and a host name. Upper and lower case are "
    "the\n"
    "  same. No ports, no IP addresses; names beyond ASCII in the form clients send (`xn--...`).\n"
    "- **Network**: `\"10.0.0.0/8\"`, `\"2001:db8::/32\"`, or a single address. IPv4 clients are "
    "always\n"
    "  compared as IPv4, also when they came in on an IPv6 socket.\n"
    "- **Name**: 1 to 255 characters, none of control.\n"
    "- **ALPN protocol**: 1 to 255 visible ASCII characters, such as `\"h2\"`.\n"
    "- **Policy**: `\"alert\"` sends the fatal TLS alert that fits the case, `\"close\"` ends the\n"
    "  connection (FIN), `\"reset\"` resets it (RST), a backend's name, or `{ \"backend\": NAME "
    "}`,\n"
    "  passes it on all the same.\n"
    "\n"
    "## Short forms\n"
    "\n"
    "Where it is clear what is meant, less may be written:\n"
    "\n"
    "| Short | Long |\n"
    "|---|---|\n"
    "| `\"listeners\": \":443\"` | `\"listeners\": [ { \"address\": \":443\" } ]` |\n"
    "| `\"listeners\": [\":443\", \"unix:/run/sni.sock\"]` | an object with this `address` for "
    "each |\n"
    "| `\"web\": \"10.0.0.5:443\"` in `backends` | `\"web\": { \"servers\": [\"10.0.0.5:443\"] }` "
    "|\n"
    "| `\"web\": [\"10.0.0.5:443\", \"10.0.0.6:443\"]` in `backends` | `\"web\": { \"servers\": "
    "[...] }` |\n"
    "| `\"servers\": \"10.0.0.5:443\"` | `\"servers\": [\"10.0.0.5:443\"]` |\n"
    "| `\"backend\": \"10.0.0.5:443\"` | `\"backend\": \"web\"`, and this `\"web\"` in `backends` "
    "|\n"
    "| `\"backend\": [\"10.0.0.5:443\", \"10.0.0.6:443\"]` | the same with several servers |\n"
    "| `\"unknown_sni\": \"web\"` in `policies` | `\"unknown_sni\": { \"backend\": \"web\" }` |\n"
    "| `\"default\": \"web\"` | `\"policies\": { \"unknown_sni\": { \"backend\": \"web\" }, "
    "\"no_sni\": { \"backend\": \"web\" } }` |\n"
    "| `\"access\": \"/var/log/access.log\"` in `log` | `\"access\": { \"path\": "
    "\"/var/log/access.log\" }` |\n"
    "\n"
    "So this is a whole configuration:\n"
    "\n"
    "```json\n"
    "{\n"
    "  \"listeners\": \":443\",\n"
    "  \"routes\": [\n"
    "    { \"host\": \"shop.example.com\", \"backend\": [\"10.0.0.5:443\", \"10.0.0.6:443\"] },\n"
    "    { \"host\": \"**.example.com\", \"backend\": \"10.0.0.7:443\" }\n"
    "  ],\n"
    "  \"default\": \"10.0.0.8:443\"\n"
    "}\n"
    "```\n"
    "\n"
    "- Wherever a backend is named its servers may stand instead: in `backend` of routes and "
    "policies,\n"
    "  as a policy, as `default`. A name that `backends` has goes before an address.\n"
    "- Servers that stand so are a backend too. **Its name is their addresses**, as the router "
    "writes\n"
    "  them, with commas: `10.0.0.5:443,[2001:db8::1]:443`. It is called that in logs and by "
    "`explain`,\n"
    "  and by that name it is found again after a reload.\n"
    "- The same servers in several places are the same backend. Where the same addresses have "
    "other\n"
    "  weights or names, the file is refused: one of the two needs a name in `backends`. Servers "
    "that\n"
    "  need `balance` or `tries` have one there, and those whose addresses together exceed 255\n"
    "  characters.\n"
    "- `\"alert\"`, `\"close\"` and `\"reset\"` are always what a policy does. A backend of such a "
    "name is\n"
    "  written `{ \"backend\": \"close\" }` there.\n"
    "- `default` stands for both policies; a file that has one of these as well is refused.\n"
    "- In `\"access\": \"...\"` a path has a `/` in it, so that it cannot be taken for a word:\n"
    "  `\"./access.log\"`.\n"
    "\n"
    "## On the command line\n"
    "\n"
    "`sni-router run --listen ADDRESS --route HOST=SERVER[,SERVER...]` needs no file: it stands "
    "for a\n"
    "file with these listeners and one route and backend for each `--route`, with all defaults.\n";

static void print_words(FILE *to, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++)
        fprintf(to, "%s`\"%s\"`", i == 0 ? "" : words[i + 1] != NULL ? ", " : " or ", words[i]);
}

static void print_value(FILE *to, const struct value_type *type)
{
    switch (type->kind) {
    case VALUE_WORD:
        print_words(to, type->words);
        break;
    case VALUE_INTEGER:
        fprintf(to, "%u to %u", type->min, type->max);
        break;
    case VALUE_EITHER:
        if (type->item->words != NULL)
            print_words(to, type->item->words);
        else
            fprintf(to, "%s", type->item->name);
        fputs(type->item->kind == VALUE_POLICY    ? ", or a backend"
              : type->item->kind == VALUE_BACKEND ? ""
                                                  : ", or an object",
              to);
        break;
    case VALUE_LIST:
        fputs(type->name, to);
        fputs(type->min ? ", at least one" : "", to);
        break;
    case VALUE_OBJECT:
        fputs("an object", to);
        break;
    default:
        fputs(type->name, to);
    }
    if (type->example != NULL)
        fprintf(to, ", such as `%s`", type->example);
}

static void print_default(FILE *to, const struct field *field)
{
    bool bare = field->type->kind == VALUE_INTEGER || field->type->kind == VALUE_BOOLEAN;

    if (field->required)
        fputs("required", to);
    else if (field->preset == NULL)
        fputs(field->absent, to);
    else
        fprintf(to, bare ? "`%s`" : "`\"%s\"`", field->preset);
}

static void on_object(void *context, const char *path, const struct value_type *type)
{
    FILE *to = context;

    /* One line says all there is about objects of which many are alike. */
    if (strncmp(path, "policies.", 9) == 0 && strcmp(path, "policies.no_sni") != 0)
        return;
    if (strcmp(path, "default") == 0)
        return;
    if (strcmp(path, "policies.no_sni") == 0)
        fputs("\n## A policy that passes connections on\n\n"
              "For `no_sni`, `unknown_sni` and `not_tls` only.\n\n",
              to);
    else
        fprintf(to, "\n## %s%s%s\n\n", *path ? "`" : "The document", path, *path ? "`" : "");
    fputs("| Key | Value | Default | Meaning |\n|---|---|---|---|\n", to);
    for (const struct field *field = type->fields; field->key != NULL; field++) {
        fprintf(to, "| `%s` | ", field->key);
        print_value(to, field->type);
        fputs(" | ", to);
        print_default(to, field);
        fprintf(to, " | %s |\n", field->help);
    }
}

static void print_reference(FILE *to)
{
    fputs(introduction, to);
    fputs(values, to);
    fields_visit(on_object, to);
}

/* --- the tests --- */

/* The ```json blocks of the reference must load without a word. */
static void check_examples(const char *reference)
{
    static const char BEGIN[] = "```json\n";
    int count = 0;

    for (const char *at = reference; (at = strstr(at, BEGIN)) != NULL; count++) {
        const char *start = at + strlen(BEGIN);
        at = strstr(start, "```");
        assert_non_null(at);
        struct diagnostics found = {0};
        struct config *config = config_load_text(start, (size_t)(at - start), "reference", &found);
        diagnostics_print(&found, "reference", stderr, false);
        assert_non_null(config);
        assert_int_equal(found.warnings, 0);
        config_free(config);
        diagnostics_free(&found);
    }
    assert_int_equal(count, 2);
}

static void test_reference_is_current(void **state)
{
    char path[1024];
    struct printed to;
    const char *below = strstr(__FILE__, "test/unit/");

    (void)state;
    assert_non_null(below);
    print_reference(printed_start(&to));
    char *printed = printed_end(&to);
    snprintf(path, sizeof path, "%.*sdocs/configuration.md", (int)(below - __FILE__), __FILE__);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *written = calloc(1, to.len + 2);
    size_t written_len = fread(written, 1, to.len + 1, file);
    fclose(file);
    if (written_len != to.len || memcmp(written, printed, to.len) != 0)
        fail_msg("docs/configuration.md is not what test_config_reference --print writes");
    check_examples(printed);
    free(written);
    free(printed);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        print_reference(stdout);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference_is_current)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
