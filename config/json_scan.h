#ifndef CONFIG_JSON_SCAN_H
#define CONFIG_JSON_SCAN_H

/*
 * The strict JSON scanner: RFC 8259 and nothing besides, checked before any other code sees the
 * text, with the offset of every value written down in the order of the document.
 *
 * Stricter than the RFC asks, on purpose: no duplicate keys, no U+0000 in strings, no lone
 * surrogates, nesting at most SCAN_DEPTH_MAX, numbers of at most SCAN_NUMBER_MAX characters. A byte
 * order mark at the start is stepped over.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/finding.h"

#define SCAN_DEPTH_MAX  32
#define SCAN_NUMBER_MAX 60
#define SCAN_BYTES_MAX  ((size_t)256 << 20)

/* One member of the outermost object. */
struct scan_section {
    uint32_t mark;     /* index into `marks`: of its key */
    uint32_t children; /* how many values its array or object holds directly */
};

/*
 * A mark is the offset of a value, or of its key when it has one (scan_value_offset() leads from
 * the key to the value).
 */
struct scan {
    uint32_t *marks;
    size_t mark_count, mark_capacity;
    struct scan_section *sections; /* none when the document is not an object */
    size_t section_count, section_capacity;
};

/*
 * Scans the whole text of `report` and reports what is wrong with it. True: well-formed, save for
 * duplicate keys, which are reported but do not end the scan. False: a syntax error or no memory.
 * scan_free() in any case.
 */
bool scan_text(struct scan *scan, struct report *report);
void scan_free(struct scan *scan);

/* From the offset of a member's key to the offset of its value. Only for text that was scanned. */
size_t scan_value_offset(const char *text, size_t key);

#endif
