#ifndef CONFIG_HINTS_H
#define CONFIG_HINTS_H

/*
 * What people write who come from HAProxy, nginx, Traefik, Envoy, Caddy, sniproxy or Kubernetes,
 * and what it is called here, or why it is not here. Only for messages: no such word is ever
 * accepted.
 */

#include <stdbool.h>
#include <stddef.h>

/* A key that is none here. */
struct key_hint {
    const char *words; /* separated by "|"; upper case, "_", "-", "." and blanks do not count */
    const char *in;    /* the object it was written in, as a path of fields_visit(); NULL: any */
    const char *key;   /* our key, as a path from the outermost object; NULL: there is none */
    const char *value; /* JSON for the example; NULL: as written, if it fits, else the type's own */
    const char *why;   /* what to know about it, or why there is none; NULL: nothing */
};

/* A value that is none of a key's words. */
struct word_hint {
    const char *words; /* as above */
    const char *type;  /* name of the value_type */
    const char *ours;  /* NULL: there is none */
    const char *why;   /* when there is none */
};

/* Ended by `words` NULL. Where a word stands in several rows, the first one that fits counts. */
extern const struct key_hint key_hints[];
extern const struct word_hint word_hints[];

/* The row for a key in the object of that path, or NULL. */
const struct key_hint *hint_for_key(const char *key, const char *path);

/* The row for a value of the type of that name, or NULL. */
const struct word_hint *hint_for_word(const char *word, const char *type);

/* Whether one of the words is `word`, as far as hints tell words apart. */
bool hint_has_word(const char *words, const char *word);

#endif
