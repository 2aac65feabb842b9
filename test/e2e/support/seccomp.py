"""System calls that fail, for a child that is about to be started (x86-64 only)."""

import ctypes
import os
import platform
import struct

AVAILABLE = platform.machine() == "x86_64"
SOCKET, ACCEPT4 = 41, 288
EPOLL_CTL, EVENTFD2, EPOLL_CREATE1, PIPE2 = 233, 290, 291, 293
INOTIFY_ADD_WATCH, INOTIFY_INIT1 = 254, 294
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NO_NEW_PRIVS, SET_SECCOMP, MODE_FILTER = 38, 22, 2


def fails(call, error, first_argument=None):
    """A preexec_fn: `call` fails with `error`, or only with this first argument."""
    code = [(0x20, 0, 0, 0)]  # the number of the call
    if first_argument is None:
        code += [(0x15, 0, 1, call)]
    else:
        code += [(0x15, 0, 3, call), (0x20, 0, 0, 16), (0x15, 0, 1, first_argument)]
    code += [(0x06, 0, 0, ERRNO | error), (0x06, 0, 0, ALLOW)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in code))
    filter_ = struct.pack("HxxxxxxP", len(code), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)

    def apply(_keep=program):
        libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.prctl(SET_SECCOMP, MODE_FILTER, ctypes.c_char_p(filter_), 0, 0) != 0:
            os._exit(77)
    return apply
