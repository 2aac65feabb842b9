#ifndef ROUTER_ACTIVATION_H
#define ROUTER_ACTIVATION_H

/*
 * Listening sockets that the process was started with: by systemd, or by the process that it
 * replaces (upgrade.h). The environment says so:
 *
 *   LISTEN_PID          for whom the sockets are; if not for this process, they are left alone
 *   LISTEN_FDS          how many, from descriptor 3 on
 *   LISTEN_FDNAMES      their names, with colons between them
 *   SNI_ROUTER_UPGRADE  from the process that is replaced: the descriptor of a socket to it, a
 *                       colon, and for each socket a letter, see enum activation_letter
 *
 * What it says is taken out of the environment, so that no child is told again.
 *
 * The failures
 *  - It is not for this process: said, and nothing is used.
 *  - Wrong numbers, sockets that do not listen: a sentence, and the router does not start.
 *
 * Control, before the first thread is made.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/net/sockaddr.h"

/* The first descriptor that is passed. */
#define ACTIVATION_FIRST_FD 3
/* Longest name of a socket, with its end. */
#define ACTIVATION_NAME_SIZE 256
/* Room for a sentence about what was passed. */
#define ACTIVATION_SENTENCE_MAX 512
/* Longest description of a socket: see activation_print(). */
#define ACTIVATION_SOCKET_TEXT 512

/* Whose a socket is. */
enum activation_letter {
    ACTIVATION_OURS = 'o', /* nobody has it but us, and the process before us */
    ACTIVATION_KEPT = 'k'  /* whoever passed it first, such as systemd, keeps it too */
};

struct passed_socket {
    int fd;
    char name[ACTIVATION_NAME_SIZE]; /* "": none */
    struct target where;             /* its own address */
    bool v6only;
    bool kept;
    uint32_t listener; /* in the configuration that is being opened; CONFIG_NONE: none */
};

struct activation {
    struct passed_socket *list; /* NULL: none */
    uint32_t count;
    int predecessor; /* a socket to the process that is replaced; -1: none */
};

/*
 * Reads what the process was started with, and closes it on exec. False: the sentence says what is
 * wrong with it. A sentence with true is a warning.
 */
bool activation_read(struct activation *activation, char sentence[ACTIVATION_SENTENCE_MAX]);

/* Forgets the sockets, which have found their owners (or never will). */
void activation_free(struct activation *activation);

/* `socket 4 ("public", 127.0.0.1:443)`, cut to what fits. */
void activation_print(const struct passed_socket *passed, char text[ACTIVATION_SOCKET_TEXT]);

/* A listener's name as the environment can carry it: at most 255 bytes, other bytes are "_". */
void activation_name(const char *name, char text[ACTIVATION_NAME_SIZE]);

#endif
