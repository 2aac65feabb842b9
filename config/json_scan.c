/*
 * One loop, no recursion: a stack of frames says which arrays and objects are open, `expect` what
 * may come next. Keys of open objects lie on a second stack; when an object closes, its keys are
 * compared: few of them pairwise, many by sorting, so that a large object costs n log n whatever
 * its keys are.
 */
#include "config/json_scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/json_token.h"

#define PAIRWISE_KEYS 12

enum expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* just behind "[" */
    EXPECT_KEY,
    EXPECT_KEY_OR_END, /* just behind "{" */
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING, /* behind the document */
    EXPECT_FAILED   /* reported already */
};

struct frame {
    uint32_t start; /* offset of the bracket */
    uint32_t children;
    size_t first_key; /* where its keys begin on the stack of keys */
};

struct key {
    uint32_t at;
    uint32_t len; /* with quotes; 0 = has escapes, must be compared by meaning */
};

struct scanner {
    struct scan *scan;
    struct report *report;
    const char *text;
    size_t len, at;
    size_t comma; /* offset of the last comma */
    struct frame frames[SCAN_DEPTH_MAX];
    size_t depth;
    struct key *keys;
    size_t key_count, key_capacity;
};

/* Makes room for one more element; false: no memory. */
static bool grow(void **list, size_t count, size_t *capacity, size_t size, size_t first)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : first;
    void *moved = realloc(*list, wanted * size);
    if (moved == NULL)
        return false;
    *list = moved;
    *capacity = wanted;
    return true;
}

static enum expect no_memory(struct scanner *scanner)
{
    report_no_memory(scanner->report);
    return EXPECT_FAILED;
}

static bool mark_add(struct scanner *scanner, size_t at)
{
    struct scan *scan = scanner->scan;

    if (!grow((void **)&scan->marks, scan->mark_count, &scan->mark_capacity, sizeof *scan->marks,
              256))
        return false;
    scan->marks[scan->mark_count++] = (uint32_t)at;
    return true;
}

static bool section_add(struct scanner *scanner)
{
    struct scan *scan = scanner->scan;

    if (!grow((void **)&scan->sections, scan->section_count, &scan->section_capacity,
              sizeof *scan->sections, 16))
        return false;
    scan->sections[scan->section_count++] =
        (struct scan_section){.mark = (uint32_t)scan->mark_count};
    return true;
}

static bool key_add(struct scanner *scanner, size_t at, size_t len)
{
    if (!grow((void **)&scanner->keys, scanner->key_count, &scanner->key_capacity,
              sizeof *scanner->keys, 64))
        return false;
    scanner->keys[scanner->key_count++] = (struct key){(uint32_t)at, (uint32_t)len};
    return true;
}

/* --- duplicate keys --- */

static bool key_equal(const char *text, const struct key *a, const struct key *b)
{
    if (a->len && b->len)
        return a->len == b->len && memcmp(text + a->at, text + b->at, a->len) == 0;
    return token_compare(text, a->at, b->at) == 0;
}

static void key_duplicate(struct scanner *scanner, const struct key *first, const struct key *again)
{
    if (report_full(scanner->report)) {
        report_error(scanner->report, again->at, "duplicate key");
        return;
    }
    char place[REPORT_PLACE_MAX];
    report_place(scanner->report, report_position(scanner->report, first->at), place);
    size_t end = again->at + 1;
    while (scanner->text[end] != '"')
        end += scanner->text[end] == '\\' ? 2 : 1;
    int len = end + 1 - again->at > 80 ? 80 : (int)(end + 1 - again->at);
    report_error(scanner->report, again->at,
                 "duplicate key %.*s (first: %s): JSON readers disagree which one counts", len,
                 scanner->text + again->at, place);
}

/* Bytes of UTF-8 have the order of the characters they stand for, so both ways agree. */
static int key_order(const char *text, const struct key *a, const struct key *b)
{
    if (!a->len || !b->len)
        return token_compare(text, a->at, b->at);
    uint32_t shorter = a->len < b->len ? a->len : b->len;
    int order = memcmp(text + a->at + 1, text + b->at + 1, shorter - 2);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static int by_meaning(const void *left, const void *right, void *context)
{
    const struct key *a = left, *b = right;
    int order = key_order(context, a, b);

    return order != 0 ? order : a->at < b->at ? -1 : 1;
}

static void keys_check(struct scanner *scanner, size_t first)
{
    size_t count = scanner->key_count - first;

    if (count < 2)
        return;
    struct key *keys = scanner->keys + first;
    if (count > PAIRWISE_KEYS) {
        qsort_r(keys, count, sizeof *keys, by_meaning, (void *)(uintptr_t)scanner->text);
        for (size_t i = 1, start = 0; i < count; i++) {
            if (key_equal(scanner->text, &keys[start], &keys[i]))
                key_duplicate(scanner, &keys[start], &keys[i]);
            else
                start = i;
        }
        return;
    }
    for (size_t i = 1; i < count; i++) {
        size_t j = 0;
        while (j < i && !key_equal(scanner->text, &keys[j], &keys[i]))
            j++;
        if (j < i)
            key_duplicate(scanner, &keys[j], &keys[i]);
    }
}

/* --- arrays and objects --- */

static bool in_object(const struct scanner *scanner)
{
    return scanner->text[scanner->frames[scanner->depth - 1].start] == '{';
}

static enum expect after_value(const struct scanner *scanner)
{
    return scanner->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

static enum expect container_open(struct scanner *scanner)
{
    if (scanner->depth == SCAN_DEPTH_MAX) {
        report_error(scanner->report, scanner->at, "nested more than %d deep", SCAN_DEPTH_MAX);
        return EXPECT_FAILED;
    }
    bool object = scanner->text[scanner->at] == '{';
    scanner->frames[scanner->depth++] =
        (struct frame){.start = (uint32_t)scanner->at, .first_key = scanner->key_count};
    scanner->at++;
    return object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
}

static enum expect container_close(struct scanner *scanner)
{
    struct frame *frame = &scanner->frames[scanner->depth - 1];
    bool object = in_object(scanner);

    if (scanner->text[scanner->at] != (object ? '}' : ']')) {
        struct position there = report_position(scanner->report, frame->start);
        report_error(scanner->report, scanner->at,
                     "expected %s: the %s opened at line %u, column %u is still open",
                     object ? "\"}\"" : "\"]\"", object ? "object" : "array", there.line,
                     there.column);
        return EXPECT_FAILED;
    }
    if (object) {
        keys_check(scanner, frame->first_key);
        scanner->key_count = frame->first_key;
    }
    if (scanner->depth == 2 && scanner->scan->section_count > 0)
        scanner->scan->sections[scanner->scan->section_count - 1].children = frame->children;
    scanner->depth--;
    scanner->at++;
    return after_value(scanner);
}

/* --- what may come next --- */

static enum expect read_value(struct scanner *scanner, bool marked)
{
    char byte = scanner->text[scanner->at];

    if (!marked && !mark_add(scanner, scanner->at))
        return no_memory(scanner);
    if (scanner->depth)
        scanner->frames[scanner->depth - 1].children++;
    if (byte == '{' || byte == '[')
        return container_open(scanner);
    size_t end = 0;
    bool escaped;
    if (byte == '"')
        end = token_string(scanner->report, scanner->at, &escaped);
    else if (byte == '-' || (byte >= '0' && byte <= '9'))
        end = token_number(scanner->report, scanner->at);
    else if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'))
        end = token_literal(scanner->report, scanner->at);
    else
        token_stray(scanner->report, scanner->at);
    if (end == 0)
        return EXPECT_FAILED;
    scanner->at = end;
    return after_value(scanner);
}

static enum expect read_end_of_text(struct scanner *scanner)
{
    if (scanner->depth == 0) {
        report_error(scanner->report, scanner->len, "the file is empty: expected a JSON object");
        return EXPECT_FAILED;
    }
    report_error(scanner->report, scanner->frames[scanner->depth - 1].start,
                 "this %s is never closed", in_object(scanner) ? "object" : "array");
    return EXPECT_FAILED;
}

static enum expect read_key(struct scanner *scanner)
{
    size_t key = scanner->at;

    if (scanner->text[key] != '"') {
        if (strchr("/#'", scanner->text[key]) != NULL && scanner->text[key])
            token_stray(scanner->report, key);
        else
            report_error(scanner->report, key, "expected a key in double quotes");
        return EXPECT_FAILED;
    }
    if (scanner->depth == 1 && !section_add(scanner))
        return no_memory(scanner);
    bool escaped;
    size_t end = token_string(scanner->report, key, &escaped);
    if (end == 0)
        return EXPECT_FAILED;
    if (!mark_add(scanner, key) || !key_add(scanner, key, escaped ? 0 : end - key))
        return no_memory(scanner);
    scanner->at = token_space(scanner->text, scanner->len, end);
    if (scanner->at == scanner->len)
        return read_end_of_text(scanner);
    if (scanner->text[scanner->at] != ':') {
        report_error(scanner->report, scanner->at, "expected \":\" after the key");
        return EXPECT_FAILED;
    }
    scanner->at = token_space(scanner->text, scanner->len, scanner->at + 1);
    if (scanner->at == scanner->len)
        return read_end_of_text(scanner);
    if (strchr("}],:", scanner->text[scanner->at]) != NULL && scanner->text[scanner->at]) {
        report_error(scanner->report, scanner->at, "expected a value after the key");
        return EXPECT_FAILED;
    }
    return read_value(scanner, true);
}

static enum expect read_separator(struct scanner *scanner)
{
    char byte = scanner->text[scanner->at];

    if (byte == '}' || byte == ']')
        return container_close(scanner);
    if (byte == ',') {
        scanner->comma = scanner->at++;
        return in_object(scanner) ? EXPECT_KEY : EXPECT_VALUE;
    }
    bool begins = byte == '"' || byte == '{' || byte == '[' || byte == '-' ||
                  (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z');
    if (begins)
        report_error(scanner->report, scanner->at, "missing comma before this");
    else if (byte == ':')
        report_error(scanner->report, scanner->at, "unexpected \":\"");
    else if (byte == '/' || byte == '#' || byte == '\'')
        token_stray(scanner->report, scanner->at);
    else
        report_error(scanner->report, scanner->at, "expected a comma or \"%c\"",
                     in_object(scanner) ? '}' : ']');
    return EXPECT_FAILED;
}

static enum expect read_step(struct scanner *scanner, enum expect expect)
{
    char byte = scanner->text[scanner->at];
    bool closing = byte == '}' || byte == ']';

    switch (expect) {
    case EXPECT_VALUE_OR_END:
    case EXPECT_KEY_OR_END:
        if (closing)
            return container_close(scanner);
        break;
    case EXPECT_VALUE:
    case EXPECT_KEY:
        if (closing && scanner->depth) {
            report_error(scanner->report, scanner->comma, "trailing comma: nothing follows it");
            return EXPECT_FAILED;
        }
        break;
    case EXPECT_COMMA_OR_END:
        return read_separator(scanner);
    case EXPECT_NOTHING:
        report_error(scanner->report, scanner->at, "nothing may follow the end of the document");
        return EXPECT_FAILED;
    case EXPECT_FAILED:
        break;
    }
    if (expect == EXPECT_KEY || expect == EXPECT_KEY_OR_END)
        return read_key(scanner);
    return read_value(scanner, false);
}

static bool scan_document(struct scanner *scanner)
{
    enum expect expect = EXPECT_VALUE;

    scanner->at = report_mark_bytes(scanner->text, scanner->len);
    if (scanner->at > 0)
        report_warning(scanner->report, scanner->at,
                       "begins with a byte order mark, which JSON files should not have");
    while (expect != EXPECT_FAILED) {
        scanner->at = token_space(scanner->text, scanner->len, scanner->at);
        if (scanner->at < scanner->len)
            expect = read_step(scanner, expect);
        else if (expect == EXPECT_NOTHING)
            return true;
        else
            expect = read_end_of_text(scanner);
    }
    return false;
}

bool scan_text(struct scan *scan, struct report *report)
{
    *scan = (struct scan){0};
    if (report->len > SCAN_BYTES_MAX) {
        report_error(report, REPORT_WHOLE, "larger than %zu MiB", SCAN_BYTES_MAX >> 20);
        return false;
    }
    struct scanner scanner = {
        .scan = scan, .report = report, .text = report->text, .len = report->len};
    bool ok = scan_document(&scanner);
    free(scanner.keys);
    return ok;
}

void scan_free(struct scan *scan)
{
    free(scan->marks);
    free(scan->sections);
    *scan = (struct scan){0};
}

size_t scan_value_offset(const char *text, size_t key)
{
    size_t at = key + 1;

    while (text[at] != '"')
        at += text[at] == '\\' ? 2 : 1;
    at = token_space(text, SIZE_MAX, at + 1);
    assert(text[at] == ':');
    return token_space(text, SIZE_MAX, at + 1);
}
