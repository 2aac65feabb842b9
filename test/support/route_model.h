#ifndef SUPPORT_ROUTE_MODEL_H
#define SUPPORT_ROUTE_MODEL_H

/*
 * The route table held against a model that knows no data structure: every rule read straight from
 * its text, every pattern tried for every name.
 *
 * The bytes choose everything: patterns, conditions, questions; the same bytes always choose the
 * same. So a property test feeds random bytes and a fuzzer feeds what it finds interesting. Any
 * disagreement is a failed assert.
 */

#include <stddef.h>
#include <stdint.h>

void route_model_check(const uint8_t *bytes, size_t len);

#endif
