#ifndef SNI_WRITER_H
#define SNI_WRITER_H

/*
 * The cursor's opposite: writes fields into the caller's buffer, with lengths filled in when a
 * field ends. The error sticks: what does not fit, or is longer than its length can say, sets
 * `failed`. Internal to sni/.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct writer {
    uint8_t *out;
    size_t cap;
    size_t at;
    bool failed;
};

/* Room for `count` more bytes, or NULL. */
static inline uint8_t *writer_room(struct writer *writer, size_t count)
{
    if (writer->failed || count > writer->cap - writer->at) {
        writer->failed = true;
        return NULL;
    }
    uint8_t *room = writer->out + writer->at;
    writer->at += count;
    return room;
}

/* The bytes may lie further on in the same buffer. */
static inline void writer_bytes(struct writer *writer, const void *bytes, size_t count)
{
    uint8_t *room = writer_room(writer, count);

    if (room != NULL && count > 0)
        memmove(room, bytes, count);
}

static inline void writer_fill(struct writer *writer, uint8_t byte, size_t count)
{
    uint8_t *room = writer_room(writer, count);

    if (room != NULL && count > 0)
        memset(room, byte, count);
}

/* A number of `width` bytes, big end first. */
static inline void writer_number(struct writer *writer, uint32_t value, unsigned width)
{
    uint8_t *room = writer_room(writer, width);

    for (unsigned i = 0; room != NULL && i < width; i++)
        room[i] = (uint8_t)(value >> 8 * (width - 1 - i));
}

static inline void writer_u8(struct writer *writer, unsigned value)
{
    writer_number(writer, value, 1);
}

static inline void writer_u16(struct writer *writer, unsigned value)
{
    writer_number(writer, value, 2);
}

/* Begins a field whose length takes `width` bytes; the result goes to writer_end(). */
static inline size_t writer_begin(struct writer *writer, unsigned width)
{
    writer_number(writer, 0, width);
    return writer->at;
}

static inline void writer_end(struct writer *writer, size_t begin, unsigned width)
{
    size_t len = writer->at - begin;

    if (writer->failed || len >> 8 * width != 0) {
        writer->failed = true;
        return;
    }
    for (unsigned i = 0; i < width; i++)
        writer->out[begin - width + i] = (uint8_t)(len >> 8 * (width - 1 - i));
}

#endif
