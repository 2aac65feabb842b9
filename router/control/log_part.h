#ifndef ROUTER_LOG_PART_H
#define ROUTER_LOG_PART_H

/*
 * The log writer as a part of control. It is the first: it outlives the workers, whose lines it
 * writes.
 */

#include <stdint.h>

#include "router/control/part.h"
#include "router/log/log_writer.h"

struct log_part {
    struct part part;
    struct log_writer writer;
    uint32_t workers;
    const char
        *first_path; /* where access lines go at first; borrowed until the part has started */
};

void log_part_init(struct log_part *log, uint32_t workers, const char *access_path);

#endif
