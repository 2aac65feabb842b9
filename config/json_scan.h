#ifndef CONFIG_JSON_SCAN_H
#define CONFIG_JSON_SCAN_H

/*
 * The strict JSON scanner: RFC 8259 and nothing besides, checked before any other code sees the
 * text, with the offset of every value written down in the order of the document.
 *
 * Stricter than the RFC asks, on purpose: no duplicate keys, no U+0000 in strings, no lone
 * surrogates, nesting at most JSON_DEPTH_MAX, numbers of at most JSON_NUMBER_MAX characters
 * (json_token.h). A byte order mark at the start is stepped over.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/finding.h"

#define JSON_DEPTH_MAX 32
#define JSON_BYTES_MAX ((size_t)256 << 20)
#define JSON_TOO_LARGE "larger than 256 MiB"

/* One member of the outermost object. */
struct json_section {
    uint32_t mark;     /* index into `marks`: of its key */
    uint32_t children; /* how many values its array or object holds directly */
};

/*
 * A mark is the offset of a value, or of its key when it has one (json_value_offset() leads from
 * the key to the value).
 */
struct json_scan {
    uint32_t *marks;
    size_t mark_count, mark_capacity;
    struct json_section *sections; /* none when the document is not an object */
    size_t section_count, section_capacity;
};

/*
 * Scans the whole text of `findings` and reports what is wrong with it. True: well-formed, save for
 * duplicate keys, which are reported but do not end the scan. False: a syntax error or no memory.
 * json_scan_free() in any case.
 */
bool json_scan_text(struct json_scan *scan, struct finding_log *findings);
void json_scan_free(struct json_scan *scan);

/* From the offset of a member's key to the offset of its value. Only for text that was scanned. */
size_t json_value_offset(const char *text, size_t key);

#endif
