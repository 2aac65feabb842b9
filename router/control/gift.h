#ifndef ROUTER_GIFT_H
#define ROUTER_GIFT_H

/*
 * What a process that is to replace this one is given: the listening sockets, a channel to this
 * process, and an environment that says so, as activation.h reads it. Control.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "router/control/notify.h"
#include "router/control/program.h"

struct gift {
    int *fds; /* borrowed descriptors */
    uint32_t count, room;
    uint32_t sockets; /* of those: that listen */
    char *names;      /* of the sockets, with colons between them; NULL: none */
    char *letters;    /* whose each is */
};

/* Adds a socket of a listener of this name, if it is not there already. False: no memory. */
bool gift_add(struct gift *gift, int fd, const char *name, bool kept);

/* Adds the channel, behind the last socket. False: no memory. */
bool gift_close(struct gift *gift, int channel);

/* As program_run(). */
pid_t gift_run(const struct gift *gift, const struct program *program, const struct notify *notify,
               int *error, const char **step);

void gift_free(struct gift *gift);

#endif
