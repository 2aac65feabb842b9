#ifndef CONFIG_JSON_TOKEN_H
#define CONFIG_JSON_TOKEN_H

/* The words of JSON, for the scanner: strings, numbers and literals. */

#include <stdbool.h>
#include <stddef.h>

#include "config/finding.h"

#define JSON_NUMBER_MAX 60 /* characters of a number */

/*
 * Each checks the token that begins at `at` and returns the offset behind it; 0 means that it was
 * wrong and has been reported. `*escaped`: whether the string holds a backslash.
 */
size_t json_token_string(struct finding_log *findings, size_t at, bool *escaped);
size_t json_token_number(struct finding_log *findings, size_t at);
size_t json_token_literal(struct finding_log *findings, size_t at);

/* Skips the four white space characters of JSON. */
size_t json_token_space(const char *text, size_t len, size_t at);

/* A sentence about what can begin no value, or no key. Reports at `at`. */
void json_token_stray(struct finding_log *findings, size_t at);
void json_token_no_key(struct finding_log *findings, size_t at);

/*
 * Reports what is wrong wherever it stands: a comment, other quotes, other spaces, a template.
 * False: nothing like that begins there, and nothing was reported.
 */
bool json_token_known(struct finding_log *findings, size_t at);

/*
 * Compares two checked strings (offsets of their opening quotes) by what they mean: "a" and
 * "\u0061" are equal. As strcmp().
 */
int json_token_compare(const char *text, size_t left, size_t right);

#endif
