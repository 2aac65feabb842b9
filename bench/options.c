#include "bench/options.h"

#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "config/text/option_reader.h"
#include "config/text/suggest.h"
#include "config/text/units.h"

/* Times whose default depends on other options. */
#define NOT_GIVEN UINT64_MAX

void options_init(struct options *options, const struct mode *mode)
{
    memset(options, 0, sizeof *options);
    options->mode = mode;
    options->ask.split_gap_ns = NS_PER_MS;
    options->load.ramp = 5000;
    options->load.threads = 1;
    options->load.seed = 1;
    options->load.request_bytes = 100;
    options->load.response_bytes = mode->bit == MODE_CONN ? 1024 : 100;
    options->load.duration_ns = NOT_GIVEN;
    options->load.warmup_ns = NOT_GIVEN;
    options->load.timeout_ns = 5 * NS_PER_S;
    options->out.interval_ns = NS_PER_S;
    options->serve.stall_every_ns = NS_PER_S;
    options->torture.hello_timeout_ns = 5 * NS_PER_S;
    options->torture.gap_ns = 2 * NS_PER_MS;
    options->verify.max_bytes = 4u << 20;
    options->verify.long_lived = 8;
    options->verify.reload_every_ns = NOT_GIVEN;
    options->compare.rounds = 5;
}

const struct mode *options_find_mode(const char *name)
{
    for (const struct mode *mode = bench_modes; mode->name != NULL; mode++) {
        if (strcmp(mode->name, name) == 0)
            return mode;
    }
    return NULL;
}

const char *options_nearest_mode(const char *name)
{
    struct suggestion suggestion;

    suggest_start(&suggestion, name);
    for (const struct mode *mode = bench_modes; mode->name != NULL; mode++)
        suggest_consider(&suggestion, mode->name);
    return suggestion.nearest;
}

/* "1,5,600" or "all". */
static bool parse_cuts(const char *text, struct split *split)
{
    memset(split, 0, sizeof *split);
    split->all = strcmp(text, "all") == 0;
    if (split->all)
        return true;
    while (split->count < SPLIT_MAX) {
        char *end;
        if (text[0] < '0' || text[0] > '9')
            return false;
        unsigned long long value = strtoull(text, &end, 10);
        if (value == 0 || value > 70000)
            return false;
        split->at[split->count++] = (size_t)value;
        if (*end == '\0')
            return true;
        if (*end != ',')
            return false;
        text = end + 1;
    }
    return false;
}

static bool ascends(const struct split *split)
{
    for (size_t i = 1; i < split->count; i++) {
        if (split->at[i] <= split->at[i - 1])
            return false;
    }
    return true;
}

bool options_parse_split(const char *text, struct split *segments, struct split *records)
{
    if (strncmp(text, "records=", 8) == 0) {
        if (!parse_cuts(text + 8, records))
            return false;
        /* records=all: records of one byte each. */
        for (size_t i = 0; i < records->count; i++) {
            if (records->at[i] > 16384)
                return false;
        }
        return true;
    }
    if (strncmp(text, "segments=", 9) == 0)
        text += 9;
    return parse_cuts(text, segments) && ascends(segments);
}

/* Position of `word` among words separated by '|', or -1. */
static int find_choice(const char *choices, const char *word)
{
    size_t len = strlen(word);

    for (int position = 0; *choices != '\0'; position++) {
        size_t part = strcspn(choices, "|");
        if (part == len && memcmp(choices, word, len) == 0)
            return position;
        choices += part + (choices[part] == '|');
    }
    return -1;
}

static const char *how_to_write(const struct option_row *row)
{
    switch (row->kind) {
    case OPTION_COUNT:
        return "a whole number such as 64, 2k or 1m";
    case OPTION_SIZE:
        return "a size such as 100, 64k or 1g";
    case OPTION_RATE:
        return "a rate per second such as 500, 2k or 1.5k";
    case OPTION_NUMBER:
        return "a number such as 1.1";
    case OPTION_TIME:
        return "a time with its unit, such as 250ms, 10s or 2m";
    case OPTION_SPLIT:
        return "rising offsets (600,1200 or segments=all) or lengths (records=100,5)";
    case OPTION_CHOICE:
        return row->choices;
    default:
        return "given less often";
    }
}

static bool store(struct options *options, const struct option_row *row, const char *text)
{
    void *field = (char *)options + row->at;
    struct text_list *list = field;
    int choice;

    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OPTION_COUNT:
        return units_parse_count(text, field);
    case OPTION_SIZE:
        return units_parse_size(text, field);
    case OPTION_RATE:
    case OPTION_NUMBER:
        return units_parse_rate(text, field);
    case OPTION_TIME:
        return units_parse_time(text, field);
    case OPTION_TEXT:
        *(const char **)field = text;
        return true;
    case OPTION_LIST:
        if (list->count == OPTIONS_LIST_MAX)
            return false;
        list->items[list->count++] = text;
        return true;
    case OPTION_CHOICE:
        choice = find_choice(row->choices, text);
        if (choice >= 0)
            *(int *)field = choice;
        return choice >= 0;
    case OPTION_SPLIT:
        return options_parse_split(text, &options->ask.segments, &options->ask.records);
    case OPTION_HELP:
        break;
    }
    return true;
}

/* Whether a number was given as 0 where 0 would silently mean something else. */
static bool is_empty_number(const struct options *options, const struct option_row *row)
{
    static const char *const may_be_zero[] = {"warmup", "split-gap", "resp", "seed",        "zipf",
                                              "stall",  "gap",       "long", "source-bytes"};
    const void *field = (const char *)options + row->at;
    bool whole = row->kind == OPTION_COUNT || row->kind == OPTION_SIZE || row->kind == OPTION_TIME;
    bool real = row->kind == OPTION_RATE || row->kind == OPTION_NUMBER;

    for (size_t i = 0; i < sizeof may_be_zero / sizeof may_be_zero[0]; i++) {
        if (strcmp(row->name, may_be_zero[i]) == 0)
            return false;
    }
    return (whole && *(const uint64_t *)field == 0) || (real && *(const double *)field <= 0);
}

/* Takes a value; false = it makes no sense; said on `err`. */
static bool take_value(struct options *options, const struct option_row *row, const char *text,
                       FILE *err)
{
    if (!store(options, row, text))
        fprintf(err, "sni-bench: --%s '%s' must be %s\n", row->name, text, how_to_write(row));
    else if (is_empty_number(options, row))
        fprintf(err, "sni-bench: --%s must be greater than zero; leave it out for its default\n",
                row->name);
    else
        return true;
    return false;
}

/* The rows of one mode. */
static void add_rows(struct option_reader *reader, unsigned bit)
{
    for (const struct option_row *row = option_rows; row->name != NULL; row++) {
        if ((row->modes & bit) != 0)
            option_reader_add(reader, row->name, row->letter, row->argument != NULL, row);
    }
}

/* The option that was probably meant by a mistyped one; NULL when none is near. */
static const char *nearest_option(const struct option_reader *reader, const char *name)
{
    struct suggestion suggestion;

    suggest_start(&suggestion, name);
    if (strlen(name) > 1)
        option_reader_suggest(reader, &suggestion);
    return suggestion.nearest;
}

/* Whether the option has this name, or this letter. */
static bool is_called(const struct option_row *row, const char *name)
{
    bool letter = row->letter != 0 && name[0] == row->letter && name[1] == '\0';

    return letter || strcmp(row->name, name) == 0;
}

/* The first mode that has an option of that name. */
static const struct mode *find_owner(const char *name)
{
    const struct option_row *row = option_rows;

    while (row->name != NULL && !is_called(row, name))
        row++;
    if (row->name == NULL)
        return NULL;
    const struct mode *mode = bench_modes;
    while (mode->name != NULL && (mode->bit & row->modes) == 0)
        mode++;
    return mode->name == NULL ? NULL : mode;
}

/*
 * Says that the mode has no such option, and which option was probably meant or which mode has it.
 */
static void say_unknown(const struct option_reader *reader, const struct mode *mode, FILE *err)
{
    char name[64];

    snprintf(name, sizeof name, "%s", reader->given + strspn(reader->given, "-"));
    name[strcspn(name, "=")] = '\0';
    const struct mode *owner = find_owner(name);
    const char *nearest = owner == NULL ? nearest_option(reader, name) : NULL;

    fprintf(err, "sni-bench: %s has no option %s", mode->name, reader->given);
    if (owner != NULL)
        fprintf(err, " (sni-bench %s has)", owner->name);
    if (owner != NULL && mode->bit == MODE_COMPARE)
        fprintf(err, "; the mode to run belongs behind a --");
    if (nearest != NULL)
        fprintf(err, "; did you mean --%s?\n", nearest);
    else
        fprintf(err, "; see sni-bench %s --help\n", mode->name);
}

static void say_mistake(const struct option_reader *reader, enum option_read read,
                        const struct mode *mode, FILE *err)
{
    const struct option_row *row = reader->row;

    if (read == OPTION_READ_HAS_VALUE) {
        fprintf(err, "sni-bench: --%s takes no value\n", row->name);
    } else if (read == OPTION_READ_NO_VALUE) {
        bool plain = row->kind == OPTION_TEXT || row->kind == OPTION_LIST;

        fprintf(err, "sni-bench: --%s needs a value: %s\n", row->name,
                plain ? row->argument : how_to_write(row));
    } else {
        say_unknown(reader, mode, err);
    }
}

static bool take_arguments(struct options *options, char **words, int left, FILE *err)
{
    const struct mode *mode = options->mode;
    const char *why;

    if ((mode->bit & MODE_REST) != 0) {
        options->rest = words;
        options->rest_count = (size_t)left;
        return true;
    }
    if (left > (mode->wants_target ? 1 : 0)) {
        const char *extra = words[mode->wants_target ? 1 : 0];
        bool pids = options->out.pids != NULL && extra[strspn(extra, "0123456789")] == '\0';
        if (pids)
            fprintf(err, "sni-bench: %s does not take '%s'; several processes are --pid 1,2,3\n",
                    mode->name, extra);
        else
            fprintf(err, "sni-bench: %s does not take '%s'; see sni-bench %s --help\n", mode->name,
                    extra, mode->name);
        return false;
    }
    if (!mode->wants_target || options->torture.list)
        return true;
    if (left == 0) {
        fprintf(err, "sni-bench: %s needs a TARGET, the address to connect to: %s\n", mode->name,
                "for example 127.0.0.1:8443");
        return false;
    }
    options->ask.target = words[0];
    if (!socket_address_parse(words[0], &options->ask.address, &why)) {
        fprintf(err, "sni-bench: TARGET '%s': %s\n", words[0], why);
        return false;
    }
    bool unix_socket = options->ask.address.storage.ss_family == AF_UNIX;
    if (!unix_socket && socket_address_port(&options->ask.address) == 0) {
        fprintf(err, "sni-bench: TARGET '%s': the port to connect to is 1 to 65535\n", words[0]);
        return false;
    }
    return true;
}

/* Sets defaults that depend on other options: --count alone means no end by time. */
static void settle_defaults(struct options *options)
{
    bool counted = options->load.count > 0;
    bool warms_up = !counted && options->mode->bit != MODE_IDLE;

    if (options->load.duration_ns == NOT_GIVEN)
        options->load.duration_ns = counted ? 0 : 10 * NS_PER_S;
    if (options->load.warmup_ns == NOT_GIVEN)
        options->load.warmup_ns = warms_up ? NS_PER_S : 0;
}

enum options_result options_parse(struct options *options, const struct mode *mode, int argc,
                                  char **argv, FILE *out, FILE *err)
{
    struct option_reader reader;
    enum option_read read;

    options_init(options, mode);
    options->argc = argc;
    options->argv = argv;
    option_reader_start(&reader, argc, argv);
    add_rows(&reader, mode->bit);
    while ((read = option_reader_next(&reader)) != OPTION_READ_END) {
        const struct option_row *row = reader.row;

        if (read != OPTION_READ_FOUND) {
            say_mistake(&reader, read, mode, err);
            return OPTIONS_ERROR;
        }
        if (row->kind == OPTION_HELP) {
            options_print_help(mode, out);
            return OPTIONS_DONE;
        }
        if (!take_value(options, row, reader.value, err))
            return OPTIONS_ERROR;
    }
    bool good = take_arguments(options, reader.operands, reader.operand_count, err) &&
                options_check(options, err);
    settle_defaults(options);
    return good ? OPTIONS_RUN : OPTIONS_ERROR;
}
