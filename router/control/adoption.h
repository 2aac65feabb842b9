#ifndef ROUTER_ADOPTION_H
#define ROUTER_ADOPTION_H

/*
 * Listening sockets that were passed to the process find their listeners: by name and address, then
 * by name, then by address. From the process that is replaced they come with the names that its
 * listeners had, and a listener may have got another address since: there a name alone says
 * nothing, unless the listener is at port 0. Control.
 */

#include <stdbool.h>

#include "config/config.h"
#include "router/control/activation.h"
#include "router/control/endpoint.h"
#include "router/control/listen_error.h"

/*
 * Gives the sockets to endpoints that were just made, and forgets them. `wanting`: for each
 * listener of `config` such an endpoint, or NULL. False: the sentence says why, and they are the
 * endpoints' or nobody's.
 */
bool adoption_give(struct activation *passed, const struct config *config,
                   struct endpoint *const *wanting, char sentence[LISTEN_SENTENCE_MAX]);

#endif
