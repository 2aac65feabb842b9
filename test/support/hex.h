#ifndef SUPPORT_HEX_H
#define SUPPORT_HEX_H

#include <stddef.h>
#include <stdint.h>

/*
 * Turns hexadecimal text into bytes; blanks between bytes are skipped. Asserts that the text is
 * hexadecimal and that it fits. Returns the number of bytes.
 */
size_t hex_decode(const char *text, uint8_t *out, size_t cap);

#endif
