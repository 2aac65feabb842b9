#ifndef CONFIG_ADDRESS_EXPLAIN_H
#define CONFIG_ADDRESS_EXPLAIN_H

/* What was meant by a text that is no address. Only for messages. Pure. */

#include <stdbool.h>

#include "config/text/problem.h"

/*
 * Sets the problem to what is wrong with the text as a whole and how it is written. False: nothing
 * is known of such a text, and the problem stays as it was.
 */
bool address_explain(const char *text, bool listen, struct problem *problem);

#endif
