#ifndef CONFIG_POSITION_H
#define CONFIG_POSITION_H

#include <stdint.h>

/*
 * Where something stands in the file, for messages: counted from 1, columns in characters.
 * line 0 = given on the command line, or concerns the file as a whole.
 */
struct position {
    uint32_t line;
    uint32_t column;
};

#endif
