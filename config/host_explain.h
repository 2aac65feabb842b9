#ifndef CONFIG_HOST_EXPLAIN_H
#define CONFIG_HOST_EXPLAIN_H

/* What was meant by a text that is no host pattern. Only for messages. Pure. */

#include "config/text/problem.h"

/* Sets the problem, or leaves it as host_parse() has set it when nothing is known of such a text.
 */
void host_explain(const char *text, struct problem *problem);

#endif
