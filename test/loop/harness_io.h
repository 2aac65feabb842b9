#ifndef LOOP_HARNESS_IO_H
#define LOOP_HARNESS_IO_H

/*
 * Blocking socket calls for tests: each does the whole thing within RIG_PATIENCE_MS or fails the
 * test.
 */

#include <stddef.h>
#include <stdint.h>

/* Room for any hello of these tests. */
#define IO_HELLO_MAX 8192

/* Bounds every later call on the socket. */
void io_bound(int fd);

/* A hello for a host (NULL: without a name), in one record. Returns its length. */
size_t io_hello(const char *host, uint8_t hello[IO_HELLO_MAX]);

void io_send(int fd, const void *bytes, size_t len);
void io_send_text(int fd, const char *text);
/* Reads exactly these bytes. */
void io_expect(int fd, const void *bytes, size_t len);
void io_expect_text(int fd, const char *text);
/* Reads the hello for a host as io_hello() makes it. */
void io_expect_hello(int fd, const char *host);
/* Reads a fatal TLS alert: exactly its seven bytes. */
void io_expect_alert(int fd, uint8_t alert);
void io_expect_end(int fd);   /* the end, in order, and nothing before it */
void io_expect_reset(int fd); /* a reset, and nothing before it */
void io_expect_gone(int fd);  /* the one or the other, and nothing before it */
/* A reset after the end was read, which reads do not tell any more. */
void io_expect_reset_after_end(int fd);
/*
 * No reset has followed the end. Reads do not tell, but a reset may take from other systems'
 * clients what they have not read yet.
 */
void io_expect_no_reset(int fd);
void io_end(int fd); /* shutdown(SHUT_WR) */
/* TCP segments with data that have come in. */
uint32_t io_data_segments(int fd);

/* Bytes that differ from place to place, for streams: the byte at an offset. */
uint8_t io_pattern(uint64_t offset, uint32_t seed);
void io_fill(uint8_t *bytes, size_t len, uint64_t offset, uint32_t seed);

/*
 * Sends `send_len` bytes of the pattern on one socket while reading `len` on the other and checking
 * them; the two may be the same connection's ends or both directions at once.
 */
void io_stream(int from, int to, uint64_t len, uint32_t seed);

#endif
