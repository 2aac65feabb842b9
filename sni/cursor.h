#ifndef SNI_CURSOR_H
#define SNI_CURSOR_H

/*
 * A reading position in a handshake message that may be cut into TLS records anywhere.
 *
 * Only for messages that frame_find() has found whole: every record header up to the message's end
 * is there and legal, so stepping over one needs no judgement. What remains to be checked is that
 * fields stay within the field around them, and that is what `left` is for.
 *
 * The error sticks: a read past the field's end sets `failed`, empties the cursor and yields zeros,
 * so the caller reads a whole structure first and asks once. A cursor is a value; a copy reads on
 * its own. Internal to sni/.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "sni/frame.h"

struct cursor {
    const uint8_t *at;    /* next byte; the next record's header when record_left is 0 */
    uint32_t record_left; /* payload bytes left in this record */
    uint32_t left;        /* bytes left in the field */
    bool failed;
};

static inline uint32_t cursor_fail(struct cursor *cursor)
{
    cursor->left = 0;
    cursor->failed = true;
    return 0;
}

static inline void cursor_enter_record(struct cursor *cursor)
{
    cursor->record_left = record_payload_bytes(cursor->at);
    cursor->at += RECORD_HEADER_BYTES;
}

/* Also right for what a failed cursor gave as `count`: zero. */
static inline void cursor_skip(struct cursor *cursor, uint32_t count)
{
    if (count > cursor->left) {
        (void)cursor_fail(cursor);
        return;
    }
    cursor->left -= count;
    while (count > cursor->record_left) {
        count -= cursor->record_left;
        cursor->at += cursor->record_left;
        cursor_enter_record(cursor);
    }
    cursor->at += count;
    cursor->record_left -= count;
}

static inline uint8_t cursor_u8(struct cursor *cursor)
{
    if (cursor->left == 0)
        return (uint8_t)cursor_fail(cursor);
    if (cursor->record_left == 0)
        cursor_enter_record(cursor);
    cursor->left--;
    cursor->record_left--;
    return *cursor->at++;
}

static inline uint16_t cursor_u16(struct cursor *cursor)
{
    if (cursor->left < 2)
        return (uint16_t)cursor_fail(cursor);
    if (cursor->record_left >= 2) {
        uint16_t value = (uint16_t)(cursor->at[0] << 8 | cursor->at[1]);
        cursor->left -= 2;
        cursor->record_left -= 2;
        cursor->at += 2;
        return value;
    }
    uint8_t high = cursor_u8(cursor);
    uint8_t low = cursor_u8(cursor);
    return (uint16_t)(high << 8 | low);
}

/* Copies the next `count` bytes out; on failure `out` is left as it was. */
static inline void cursor_copy(struct cursor *cursor, uint8_t *out, uint32_t count)
{
    if (count > cursor->left) {
        (void)cursor_fail(cursor);
        return;
    }
    cursor->left -= count;
    while (count > cursor->record_left) {
        memcpy(out, cursor->at, cursor->record_left);
        out += cursor->record_left;
        count -= cursor->record_left;
        cursor->at += cursor->record_left;
        cursor_enter_record(cursor);
    }
    memcpy(out, cursor->at, count);
    cursor->at += count;
    cursor->record_left -= count;
}

/* The next `count` bytes as a field of their own; this cursor goes on behind them. */
static inline struct cursor cursor_field(struct cursor *cursor, uint32_t count)
{
    struct cursor field = *cursor;

    cursor_skip(cursor, count);
    field.left = cursor->failed ? 0 : count;
    field.failed = cursor->failed;
    return field;
}

/* opaque field<0..2^8-1> */
static inline struct cursor cursor_vector8(struct cursor *cursor)
{
    uint8_t count = cursor_u8(cursor);

    return cursor_field(cursor, count);
}

/* opaque field<0..2^16-1> */
static inline struct cursor cursor_vector16(struct cursor *cursor)
{
    uint16_t count = cursor_u16(cursor);

    return cursor_field(cursor, count);
}

#endif
