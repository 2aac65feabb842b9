"""System calls that fail when a test says so: the test's side of faults.c."""

import errno
import mmap
import os
import pathlib
import socket
import struct
import tempfile

CALLS = ("", "socket", "connect", "accept4", "splice", "pipe2", "epoll_ctl", "recv", "send",
         "shutdown", "setsockopt", "open", "write", "clone")
ROLES = ("any", "client", "server", "listener", "log", "netlink")
THREADS = ("any", "main", "other")
EPOLL_ADD, EPOLL_MOD = 1, 3  # <sys/epoll.h>
SPLICE_IN, SPLICE_OUT = 0, 1
ALWAYS = 1000000
# struct shared in faults.c: call error role thread detail after skip left hits ahead_s path
LEFT, HITS, AHEAD, PATH, SIZE = 28, 32, 36, 40, 104


def as_often(error):
    """How often opening a file fails so: another way may be tried, and an interrupted one is."""
    return 1 if error == errno.EINTR else ALWAYS


def option(level, name):
    """The detail that stands for a socket option."""
    return level << 16 | name


SO_REUSEPORT = option(socket.SOL_SOCKET, socket.SO_REUSEPORT)
IPV6_V6ONLY = option(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
IP_FREEBIND = option(socket.IPPROTO_IP, 15)
SO_LINGER = option(socket.SOL_SOCKET, socket.SO_LINGER)
# What a socket does without; the last two come when a listener's sizes change, and when it goes.
PREFERENCES = [option(socket.IPPROTO_TCP, name) for name in (
    socket.TCP_NODELAY, socket.TCP_QUICKACK, socket.TCP_DEFER_ACCEPT, socket.TCP_CONGESTION,
    socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_NOTSENT_LOWAT)] + [
    option(socket.SOL_SOCKET, name) for name in (
        socket.SO_REUSEADDR, socket.SO_KEEPALIVE, socket.SO_OOBINLINE, socket.SO_RCVBUF,
        socket.SO_SNDBUF, 72, 26)]  # SO_BUF_LOCK, SO_ATTACH_FILTER


class Faults:
    """Rules for one process at a time, which is started in `environment()`."""

    def __init__(self, library):
        self.library = library
        fd, self.name = tempfile.mkstemp(prefix="sni-router-faults-")
        os.truncate(fd, SIZE)
        self.map = mmap.mmap(fd, SIZE)
        os.close(fd)

    def environment(self, leaks=True):
        """`leaks`: a sanitizer looks for leaks at the end, which takes as long as a start."""
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return {"LD_PRELOAD": self.library, "SNI_FAULTS": self.name,
                "ASAN_OPTIONS": sanitizer + ("" if leaks else ":detect_leaks=0")}

    def _get(self, at):
        return struct.unpack_from("=i", self.map, at)[0]

    def _set(self, at, *values):
        struct.pack_into(f"={len(values)}i", self.map, at, *values)

    def arm(self, call, error, role="any", thread="any", detail=-1, after=False, skip=0, times=1,
            path=""):
        """From now on the next calls that match fail."""
        self._set(LEFT, 0)
        self._set(0, CALLS.index(call), error, ROLES.index(role), THREADS.index(thread), detail,
                  after, skip)
        self.map[PATH:SIZE] = path.encode().ljust(SIZE - PATH, b"\0")
        self._set(HITS, 0)
        self._set(LEFT, times)

    def disarm(self):
        self._set(LEFT, 0)

    @property
    def hits(self):
        return self._get(HITS)

    def pass_time(self, seconds):
        """The process's clock is so much further: what is said once in a while is said again."""
        self._set(AHEAD, self._get(AHEAD) + seconds)

    def close(self):
        self.map.close()
        pathlib.Path(self.name).unlink()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
