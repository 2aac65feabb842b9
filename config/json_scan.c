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

#include "config/foreign.h"
#include "config/json_token.h"
#include "config/text/utf8.h"

#define PAIRWISE_KEYS 12 /* keys of an object that are compared one by one */

static_assert(JSON_BYTES_MAX <= UINT32_MAX, "an offset must fit into a mark");

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
    struct json_scan *scan;
    struct finding_log *findings;
    const char *text;
    size_t len, at;
    size_t comma; /* offset of the last comma */
    struct frame frames[JSON_DEPTH_MAX];
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
    finding_no_memory(scanner->findings);
    return EXPECT_FAILED;
}

static bool mark_add(struct scanner *scanner, size_t at)
{
    struct json_scan *scan = scanner->scan;

    if (!grow((void **)&scan->marks, scan->mark_count, &scan->mark_capacity, sizeof *scan->marks,
              256))
        return false;
    scan->marks[scan->mark_count++] = (uint32_t)at;
    return true;
}

static bool section_add(struct scanner *scanner)
{
    struct json_scan *scan = scanner->scan;

    if (!grow((void **)&scan->sections, scan->section_count, &scan->section_capacity,
              sizeof *scan->sections, 16))
        return false;
    scan->sections[scan->section_count++] =
        (struct json_section){.mark = (uint32_t)scan->mark_count};
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
    return json_token_compare(text, a->at, b->at) == 0;
}

static void key_duplicate(struct scanner *scanner, const struct key *first, const struct key *again)
{
    if (finding_log_full(scanner->findings)) {
        finding_error(scanner->findings, again->at, "duplicate key");
        return;
    }
    char place[FINDING_PLACE_MAX];
    finding_place(scanner->findings, finding_position(scanner->findings, first->at), place);
    size_t end = again->at + 1;
    while (scanner->text[end] != '"')
        end += scanner->text[end] == '\\' ? 2 : 1;
    int len = end + 1 - again->at > 80 ? 80 : (int)(end + 1 - again->at);
    finding_error(scanner->findings, again->at,
                  "duplicate key %.*s (first: %s): write it once (readers of JSON disagree which "
                  "of two counts)",
                  len, scanner->text + again->at, place);
}

/* UTF-8 sorts by bytes as by code points: comparing bytes and comparing by meaning agree. */
static int key_order(const char *text, const struct key *a, const struct key *b)
{
    if (!a->len || !b->len)
        return json_token_compare(text, a->at, b->at);
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
    assert(scanner->depth > 0);
    return scanner->text[scanner->frames[scanner->depth - 1].start] == '{';
}

static enum expect after_value(const struct scanner *scanner)
{
    return scanner->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

static enum expect container_open(struct scanner *scanner)
{
    if (scanner->depth == JSON_DEPTH_MAX) {
        finding_error(scanner->findings, scanner->at, "nested more than %d deep", JSON_DEPTH_MAX);
        return EXPECT_FAILED;
    }
    bool object = scanner->text[scanner->at] == '{';
    scanner->frames[scanner->depth++] =
        (struct frame){.start = (uint32_t)scanner->at, .first_key = scanner->key_count};
    scanner->at++;
    return object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
}

/* Whether the bracket is that of the innermost container. */
static bool closes(const struct scanner *scanner)
{
    return scanner->text[scanner->at] == (in_object(scanner) ? '}' : ']');
}

static void say_still_open(struct scanner *scanner, const char *instead)
{
    const struct frame *frame = &scanner->frames[scanner->depth - 1];
    struct position there = finding_position(scanner->findings, frame->start);
    bool object = in_object(scanner);

    finding_error(scanner->findings, scanner->at,
                  "expected \"%c\"%s: the %s opened at line %u, column %u is still open",
                  object ? '}' : ']', instead, object ? "object" : "array", there.line,
                  there.column);
}

static enum expect container_close(struct scanner *scanner)
{
    struct frame *frame = &scanner->frames[scanner->depth - 1];
    bool object = in_object(scanner);

    if (!closes(scanner)) {
        say_still_open(scanner, "");
        return EXPECT_FAILED;
    }
    if (object) {
        assert(frame->first_key <= scanner->key_count);
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
        end = json_token_string(scanner->findings, scanner->at, &escaped);
    else if (byte == '-' || (byte >= '0' && byte <= '9'))
        end = json_token_number(scanner->findings, scanner->at);
    else if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'))
        end = json_token_literal(scanner->findings, scanner->at);
    else
        json_token_stray(scanner->findings, scanner->at);
    if (end == 0)
        return EXPECT_FAILED;
    scanner->at = end;
    return after_value(scanner);
}

static enum expect read_end_of_text(struct scanner *scanner)
{
    if (scanner->depth == 0) {
        finding_error(scanner->findings, scanner->len, "the file is empty: expected a JSON object");
        return EXPECT_FAILED;
    }
    finding_error(scanner->findings, scanner->frames[scanner->depth - 1].start,
                  "this %s is never closed", in_object(scanner) ? "object" : "array");
    return EXPECT_FAILED;
}

static enum expect read_key(struct scanner *scanner)
{
    size_t key = scanner->at;

    if (scanner->text[key] != '"') {
        json_token_no_key(scanner->findings, key);
        return EXPECT_FAILED;
    }
    if (scanner->depth == 1 && !section_add(scanner))
        return no_memory(scanner);
    bool escaped;
    size_t end = json_token_string(scanner->findings, key, &escaped);
    if (end == 0)
        return EXPECT_FAILED;
    if (!mark_add(scanner, key) || !key_add(scanner, key, escaped ? 0 : end - key))
        return no_memory(scanner);
    scanner->at = json_token_space(scanner->text, scanner->len, end);
    if (scanner->at == scanner->len)
        return read_end_of_text(scanner);
    if (scanner->text[scanner->at] != ':') {
        if (!json_token_known(scanner->findings, scanner->at))
            finding_error(scanner->findings, scanner->at, "expected \":\" after the key");
        return EXPECT_FAILED;
    }
    scanner->at = json_token_space(scanner->text, scanner->len, scanner->at + 1);
    if (scanner->at == scanner->len)
        return read_end_of_text(scanner);
    if (strchr("}],:", scanner->text[scanner->at]) != NULL && scanner->text[scanner->at]) {
        finding_error(scanner->findings, scanner->at, "expected a value after the key");
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
        finding_error(scanner->findings, scanner->at, "missing comma before this");
    else if (byte == ':')
        finding_error(scanner->findings, scanner->at, "unexpected \":\"");
    else if (!json_token_known(scanner->findings, scanner->at))
        finding_error(scanner->findings, scanner->at, "expected a comma or \"%c\"",
                      in_object(scanner) ? '}' : ']');
    return EXPECT_FAILED;
}

/* Something stands behind the document. */
static void read_too_much(struct scanner *scanner)
{
    char byte = scanner->text[scanner->at];

    if (byte == '}' || byte == ']')
        finding_error(scanner->findings, scanner->at, "one \"%c\" too many: it closes nothing",
                      byte);
    else if (byte == ',')
        finding_error(scanner->findings, scanner->at,
                      "the document ends before this comma (is there a \"}\" too many?)");
    else if (!json_token_known(scanner->findings, scanner->at))
        finding_error(scanner->findings, scanner->at,
                      "nothing may follow the end of the document, a file holds one object");
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
        if (closing && scanner->depth && !closes(scanner)) {
            say_still_open(scanner, " instead of the comma before this");
            return EXPECT_FAILED;
        }
        if (closing && scanner->depth) {
            finding_error(scanner->findings, scanner->comma, "trailing comma: remove it");
            return EXPECT_FAILED;
        }
        break;
    case EXPECT_COMMA_OR_END:
        return read_separator(scanner);
    case EXPECT_NOTHING:
        read_too_much(scanner);
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

    scanner->at = utf8_mark_length(scanner->text, scanner->len);
    if (scanner->at > 0)
        finding_warning(scanner->findings, scanner->at,
                        "begins with a byte order mark (save the file as UTF-8 without one)");
    while (expect != EXPECT_FAILED) {
        scanner->at = json_token_space(scanner->text, scanner->len, scanner->at);
        if (scanner->at == scanner->len && expect == EXPECT_NOTHING) {
            assert(scanner->depth == 0 && scanner->key_count == 0);
            return true;
        }
        expect =
            scanner->at < scanner->len ? read_step(scanner, expect) : read_end_of_text(scanner);
    }
    return false;
}

bool json_scan_text(struct json_scan *scan, struct finding_log *findings)
{
    *scan = (struct json_scan){0};
    if (findings->len > JSON_BYTES_MAX) {
        finding_error(findings, FINDING_WHOLE, JSON_TOO_LARGE);
        return false;
    }
    struct scanner scanner = {
        .scan = scan, .findings = findings, .text = findings->text, .len = findings->len};
    struct foreign_text foreign;
    bool ok = false;
    if (foreign_find(findings->text, findings->len, &foreign))
        finding_error(findings, foreign.at, "%s", foreign.sentence);
    else
        ok = scan_document(&scanner);
    free(scanner.keys);
    return ok;
}

void json_scan_free(struct json_scan *scan)
{
    free(scan->marks);
    free(scan->sections);
    *scan = (struct json_scan){0};
}

size_t json_value_offset(const char *text, size_t key)
{
    size_t at = key + 1;

    while (text[at] != '"')
        at += text[at] == '\\' ? 2 : 1;
    at = json_token_space(text, SIZE_MAX, at + 1);
    assert(text[at] == ':');
    return json_token_space(text, SIZE_MAX, at + 1);
}
