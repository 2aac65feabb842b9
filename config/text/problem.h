#ifndef CONFIG_TEXT_PROBLEM_H
#define CONFIG_TEXT_PROBLEM_H

/* Why a text was refused: a sentence without a full stop, for a message to end with. */
struct problem {
    char text[240];
};

void problem_set(struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds to the end of the sentence. */
void problem_add(struct problem *problem, const char *text);

#endif
