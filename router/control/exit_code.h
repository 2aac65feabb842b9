#ifndef ROUTER_EXIT_CODE_H
#define ROUTER_EXIT_CODE_H

#include <errno.h>
#include <sysexits.h>

/* The exit code that stands for an errno: 77 when it is about permission, else 71. */
static inline int exit_code_of(int error)
{
    return error == EACCES || error == EPERM ? EX_NOPERM : EX_OSERR;
}

#endif
