#ifndef ROUTER_EXPLANATION_PRINT_H
#define ROUTER_EXPLANATION_PRINT_H

/* An explanation on paper: for people, and as one JSON object. */

#include <stdio.h>

#include "router/cli/explanation.h"
#include "router/log/json_writer.h"

/* `host` is what was asked, before it was normalised. */
void explanation_print(const struct explanation *explanation, const char *host, FILE *to);
void explanation_write_json(const struct explanation *explanation, const char *host,
                            struct json_writer *text);

#endif
