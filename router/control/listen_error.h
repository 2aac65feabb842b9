#ifndef ROUTER_LISTEN_ERROR_H
#define ROUTER_LISTEN_ERROR_H

/* Why an address cannot be listened on, and the sentence about it. Control. */

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "router/net/sockaddr.h"

/* Room for a sentence about sockets that were passed to the process. */
#define LISTEN_SENTENCE_MAX 768

struct listen_error {
    const struct listener_config *listener;
    const char *address; /* where, as text */
    struct target where;
    bool v6only;
    const char *step;                   /* the call that failed */
    int error;                          /* its errno */
    char sentence[LISTEN_SENTENCE_MAX]; /* of sockets that were passed: instead of all that */
};

/*
 * "cannot listen on ADDRESS (NAME): STEP: ERROR", and what can be done about it. To say who has an
 * address in use it looks through /proc: some milliseconds or more.
 */
void listen_error_explain(const struct listen_error *why, char *text, size_t size);

/*
 * "ADDRESS (NAME)", or "ADDRESS" for a listener without a name of its own. `address`: where it is
 * bound. Returns `out`.
 */
#define LISTEN_TITLE_MAX 512
const char *listen_title(const struct listener_config *listener, const char *address,
                         char out[LISTEN_TITLE_MAX]);

#endif
