#ifndef ROUTER_FIRST_WORD_H
#define ROUTER_FIRST_WORD_H

/*
 * A line whose first word is neither a command nor an option that stands before one: says what was
 * probably meant. `words`: from that word on, NULL behind the last. Returns EX_USAGE.
 */
int first_word_refuse(char **words);

#endif
