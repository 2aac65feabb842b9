#ifndef CONFIG_TEXT_UNITS_EXPLAIN_H
#define CONFIG_TEXT_UNITS_EXPLAIN_H

/*
 * What was meant by a text that units_exact_duration() or units_exact_size() refuses: "5 s",
 * "1.5m", "30sec", "64KiB". Only for messages. Pure.
 */

#include "config/text/problem.h"

/* The end of a message about what cannot be a duration. */
#define UNITS_WANTED_DURATION "write a duration longer than 0, such as \"30s\""

void units_explain_duration(const char *text, struct problem *problem);
void units_explain_size(const char *text, struct problem *problem);

#endif
