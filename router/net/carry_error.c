#include "router/net/carry_error.h"

#include <errno.h>

enum carry_blame carry_error_of(int error)
{
    switch (error) {
    case ENOMEM:
    case ENOBUFS:
        return CARRY_MEMORY;
    case EALREADY:
    case EBADF:
    case EDESTADDRREQ:
    case EFAULT:
    case EINVAL:
    case EISCONN:
    case EMSGSIZE:
    case ENOSYS:
    case ENOTSOCK:
    case EPERM:
    case ESPIPE:
        return CARRY_MISTAKE;
    default: /* a socket passes on what ICMP says, and that is a long list */
        return CARRY_PEER;
    }
}
