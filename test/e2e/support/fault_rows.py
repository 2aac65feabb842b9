"""What the router does when a system call fails: faults.py tries every row, and docs/errors.md is
made of them (fault_page.py).

A row: the site, the errors, whose trouble it is, what follows (a word of fault_page.OUTCOMES, and
for a connection its reason in the access log), what the error log says ("{error}": the error's
text, "...": anything; None: neither a warning nor an error), a remark for the page.
"""

import collections
import errno as numbers
import os
import re

# What "ERRORS" of each manual page (section 2, man-pages 6.03) names. accept(2): with the errors
# that it names in its text. clone(2): the C library passes them on through pthread_create(3).
MANUAL = {
    "socket": "EACCES EAFNOSUPPORT EINVAL EMFILE ENFILE ENOBUFS ENOMEM EPROTONOSUPPORT",
    "connect": "EACCES EPERM EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF "
               "ECONNREFUSED EFAULT EINPROGRESS EINTR EISCONN ENETUNREACH ENOTSOCK EPROTOTYPE "
               "ETIMEDOUT",
    "accept4": "EAGAIN EBADF ECONNABORTED EFAULT EINTR EINVAL EMFILE ENFILE ENOBUFS ENOMEM "
               "ENOTSOCK EOPNOTSUPP EPERM EPROTO "
               "ENETDOWN ENOPROTOOPT EHOSTDOWN ENONET EHOSTUNREACH ENETUNREACH ENOSR "
               "ESOCKTNOSUPPORT EPROTONOSUPPORT ETIMEDOUT",
    "splice": "EAGAIN EBADF EINVAL ENOMEM ESPIPE",
    "pipe2": "EFAULT EINVAL EMFILE ENFILE ENOPKG",
    "epoll_ctl": "EBADF EEXIST EINVAL ELOOP ENOENT ENOMEM ENOSPC EPERM",
    "recv": "EAGAIN EBADF ECONNREFUSED EFAULT EINTR EINVAL ENOMEM ENOTCONN ENOTSOCK",
    "send": "EACCES EAGAIN EALREADY EBADF ECONNRESET EDESTADDRREQ EFAULT EINTR EINVAL EISCONN "
            "EMSGSIZE ENOBUFS ENOMEM ENOTCONN ENOTSOCK EOPNOTSUPP EPIPE",
    "shutdown": "EBADF EINVAL ENOTCONN ENOTSOCK",
    "setsockopt": "EBADF EFAULT EINVAL ENOPROTOOPT ENOTSOCK",
    "open": "EACCES EAGAIN EBADF EBUSY EDQUOT EEXIST EFAULT EFBIG EINTR EINVAL EISDIR ELOOP EMFILE "
            "ENAMETOOLONG ENFILE ENODEV ENOENT ENOMEM ENOSPC ENOTDIR ENXIO EOPNOTSUPP EOVERFLOW "
            "EPERM EROFS ETXTBSY",
    "write": "EAGAIN EBADF EDESTADDRREQ EDQUOT EFAULT EFBIG EINTR EINVAL EIO ENOSPC EPERM EPIPE",
    "clone": "EACCES EAGAIN EBUSY EEXIST EINVAL ENOMEM ENOSPC EOPNOTSUPP EPERM EUSERS",
}
def but(call, errors):
    """All errors of a manual page but these."""
    return " ".join(e for e in MANUAL[call].split() if e not in errors.split())


NOBODY, CLIENT, SERVER = "nobody's", "the client's", "the server's"
HOST, NOW, GOOD = "this host's", "ours, for now", "ours, for good"
MISTAKE = "a mistake of ours"

# Where a call is made; a site that is "whole" has every error of the manual page.
Site = collections.namedtuple("Site", "call where whole", defaults=(True,))
SITES = {
    "socket/server": Site("socket", "to connect to a server"),
    "socket/listener": Site("socket", "to listen, at a reload"),
    "socket/start": Site("socket", "to listen, at start", False),
    "socket/kernel": Site("socket", "to ask the kernel whose port it is"),
    "connect/server": Site("connect", "to a server"),
    "connect/unix": Site("connect", "to a server's unix socket", False),
    "accept4/once": Site("accept4", "once"),
    "accept4/always": Site("accept4", "each time", False),
    "splice/in": Site("splice", "from a socket"),
    "splice/out": Site("splice", "into a socket"),
    "pipe2/stream": Site("pipe2", "for a bulky stream"),
    "epoll_ctl/client": Site("epoll_ctl", "to watch a client"),
    "epoll_ctl/server": Site("epoll_ctl", "to watch a socket to a server"),
    "epoll_ctl/change": Site("epoll_ctl", "to watch a socket in another way"),
    "epoll_ctl/listener": Site("epoll_ctl", "to watch a new listener, and one after a pause"),
    "epoll_ctl/start": Site("epoll_ctl", "of a worker, at start", False),
    "recv/peek": Site("recv", "looking for a hello"),
    "recv/take": Site("recv", "taking a hello in pieces"),
    "recv/client": Site("recv", "from a client"),
    "recv/server": Site("recv", "from a server"),
    "recv/refused": Site("recv", "from a client that was refused"),
    "recv/kernel": Site("recv", "asking the kernel whose port it is"),
    "send/server": Site("send", "to a server"),
    "send/client": Site("send", "to a client"),
    "send/alert": Site("send", "of an alert"),
    "send/kernel": Site("send", "asking the kernel whose port it is"),
    "shutdown/server": Site("shutdown", "passing a client's end on"),
    "shutdown/client": Site("shutdown", "passing a server's end on"),
    "shutdown/refused": Site("shutdown", "of a client that is refused"),
    "setsockopt/required": Site("setsockopt",
                                "`SO_REUSEPORT`, `IPV6_V6ONLY`, `IP_FREEBIND` of a listener"),
    "setsockopt/reset": Site("setsockopt", "`SO_LINGER`, for a reset"),
    "setsockopt/other": Site("setsockopt", "every other option"),
    "open/first": Site("open", "of the configuration, at start", False),
    "open/reload": Site("open", "of the configuration, at a reload"),
    "open/log": Site("open", "of the access log, at start", False),
    "open/log_reload": Site("open", "of another access log, at a reload"),
    "open/log_again": Site("open", "of the access log, again"),
    "write/access": Site("write", "to the access log"),
    "write/error": Site("write", "to the error log"),
    "clone/log": Site("clone", "for the thread that writes logs", False),
    "clone/errands": Site("clone", "for the thread that reads configurations", False),
    "clone/worker": Site("clone", "for a worker"),
    "clone/names": Site("clone", "for a thread that looks names up", False),
}

Row = collections.namedtuple("Row", "site errors whose then log remark", defaults=(None, ""))

CONNECT = "server ... cannot connect: {error} (...)"
FAILS = "server ... begins to fail: {error} (...)"
BLIND = "a port that another process shares is not noticed"
MISTAKES = "EBADF EFAULT EINVAL ENOTSOCK"
CARRY = "a connection is cut: its socket fails for no reason of its own: {error}"
LISTEN = "cannot listen on ...: socket: {error}"
LOOP = "cannot start an event loop: epoll_ctl: {error}"
ACCEPT = "cannot accept on ...: accept4: {error}: opening it again in ..."
WATCH = "cannot accept on ...: epoll_ctl: {error}: opening it again in ..."
DENIED = "splice is denied ({error}): streams are copied from now on"
START = "cannot start ... worker...: {error}"
THREAD = "cannot start the thread that writes the logs: {error}"
PAUSE = "accepting pauses: {error} (...)"
NETWORK = "ECONNABORTED EPROTO EOPNOTSUPP EPERM ENETDOWN ENOPROTOOPT EHOSTDOWN ENONET " \
          "EHOSTUNREACH ENETUNREACH ESOCKTNOSUPPORT EPROTONOSUPPORT ETIMEDOUT"
SHORT = "EMFILE ENFILE ENOBUFS ENOMEM"
BROKEN = "EBADF EFAULT EINVAL ENOTSOCK"
PEER = "ECONNREFUSED ENOTCONN ECONNRESET ETIMEDOUT EHOSTUNREACH"
SENT_TO_NOBODY = "ECONNRESET ENOTCONN EACCES ETIMEDOUT EOPNOTSUPP"
NOT_SENT = "EALREADY EBADF EDESTADDRREQ EFAULT EINVAL EISCONN EMSGSIZE ENOTSOCK EPERM"

ROWS = [
    Row("socket/server", SHORT, NOW, "refused resource", CONNECT),
    Row("socket/server", "EACCES EAFNOSUPPORT EINVAL EPROTONOSUPPORT", HOST,
        "another unreachable", CONNECT),
    Row("socket/listener", MANUAL["socket"], GOOD, "not reloaded", LISTEN),
    Row("socket/start", "EMFILE", GOOD, "exit 71", LISTEN),
    Row("socket/start", "EACCES", GOOD, "exit 77", LISTEN),
    Row("socket/kernel", MANUAL["socket"], HOST, "reloaded", None, BLIND),

    Row("connect/server", "ECONNREFUSED", SERVER, "another connect_refused", FAILS),
    Row("connect/server", "ETIMEDOUT", SERVER, "another connect_timeout", FAILS),
    Row("connect/server", "ENETUNREACH", SERVER, "another unreachable", FAILS),
    Row("connect/server", "EACCES EPERM EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EPROTOTYPE",
        HOST, "another unreachable", CONNECT),
    Row("connect/server", "EBADF EFAULT ENOTSOCK", MISTAKE, "another unreachable", CONNECT),
    Row("connect/server", "EALREADY EINPROGRESS EINTR EISCONN", NOBODY, "served"),
    Row("connect/unix", "EAGAIN EINTR", NOBODY, "served"),
    Row("connect/unix", "ECONNREFUSED ENOENT", SERVER, "refused connect_refused", FAILS),
    Row("connect/unix", "EACCES EPROTOTYPE ENOTDIR", HOST, "refused unreachable", CONNECT),

    Row("accept4/once", "EAGAIN EINTR", NOBODY, "served"),
    Row("accept4/once", NETWORK, CLIENT, "passed"),
    Row("accept4/once", SHORT + " ENOSR", NOW, "pauses", PAUSE),
    Row("accept4/once", BROKEN, GOOD, "reopened", ACCEPT),
    Row("accept4/always", SHORT + " ENOSR", NOW, "pauses", PAUSE),
    Row("accept4/always", "EINTR " + NETWORK + " " + BROKEN, GOOD, "reopened", ACCEPT),

    Row("splice/in", "EAGAIN EINTR", NOBODY, "served"),
    Row("splice/in", "ENOMEM", NOW, "cut resource"),
    Row("splice/in", "EBADF EINVAL ESPIPE ENOSYS EPERM", GOOD, "served", DENIED),
    Row("splice/out", "EAGAIN EINTR", NOBODY, "served"),
    Row("splice/out", "ENOMEM", NOW, "cut resource"),
    Row("splice/out", "EBADF EINVAL ESPIPE ENOSYS EPERM", GOOD, "served", DENIED),
    Row("pipe2/stream", MANUAL["pipe2"] + " EPERM", NOW, "served", None,
        "copied; asked for again a second later"),

    Row("epoll_ctl/client", "ENOMEM ENOSPC", NOW, "closed resource",
        "cannot watch a client's socket: {error}"),
    Row("epoll_ctl/client", "EBADF EEXIST EINVAL ELOOP ENOENT EPERM", MISTAKE, "closed internal",
        "cannot watch a client's socket: {error}"),
    Row("epoll_ctl/server", "ENOMEM ENOSPC", NOW, "refused resource", CONNECT),
    Row("epoll_ctl/server", "EBADF EEXIST EINVAL ELOOP EPERM", MISTAKE, "another unreachable",
        CONNECT),
    Row("epoll_ctl/server", "ENOENT", MISTAKE, "another connect_refused", FAILS),
    Row("epoll_ctl/change", MANUAL["epoll_ctl"], MISTAKE, "aborts", "Assertion ... failed"),
    Row("epoll_ctl/listener", MANUAL["epoll_ctl"], NOW, "reopened", WATCH,
        "after a pause it pauses on"),
    Row("epoll_ctl/start", "EBADF EINVAL ELOOP ENOENT ENOMEM ENOSPC", GOOD, "exit 71", LOOP),
    Row("epoll_ctl/start", "EPERM", GOOD, "exit 77", LOOP),

    Row("recv/peek", "EAGAIN EINTR", NOBODY, "served"),
    Row("recv/peek", PEER, CLIENT, "closed"),
    Row("recv/peek", "ENOMEM ENOBUFS", NOW, "closed resource"),
    Row("recv/peek", MISTAKES + " EPERM", MISTAKE, "closed internal", CARRY),
    Row("recv/take", "EAGAIN EINTR", NOBODY, "served"),
    Row("recv/take", PEER, CLIENT, "closed hello_abort"),
    Row("recv/take", "ENOMEM ENOBUFS", NOW, "closed resource"),
    Row("recv/take", MISTAKES + " EPERM", MISTAKE, "closed internal", CARRY),
    Row("recv/client", "EAGAIN EINTR", NOBODY, "served"),
    Row("recv/client", PEER, CLIENT, "client_gone client_abort"),
    Row("recv/client", "ENOMEM ENOBUFS", NOW, "cut resource"),
    Row("recv/client", MISTAKES + " EPERM", MISTAKE, "cut internal", CARRY),
    Row("recv/server", "EAGAIN EINTR", NOBODY, "served"),
    Row("recv/server", PEER, SERVER, "server_gone server_abort"),
    Row("recv/server", "ENOMEM ENOBUFS", NOW, "cut resource"),
    Row("recv/server", MISTAKES + " EPERM", MISTAKE, "cut internal", CARRY),
    Row("recv/refused", "EAGAIN EINTR", NOBODY, "refused no_route"),
    Row("recv/refused", PEER, CLIENT, "closed no_route"),
    Row("recv/refused", "ENOMEM ENOBUFS " + MISTAKES, NOW, "closed no_route"),
    Row("recv/kernel", MANUAL["recv"], HOST, "reloaded", None, BLIND),

    Row("send/server", "EAGAIN EINTR", NOBODY, "served"),
    Row("send/server", SENT_TO_NOBODY + " EPIPE", SERVER, "server_gone server_abort"),
    Row("send/server", "ENOMEM ENOBUFS", NOW, "cut resource"),
    Row("send/server", NOT_SENT, MISTAKE, "cut internal", CARRY),
    Row("send/client", "EAGAIN EINTR", NOBODY, "served"),
    Row("send/client", SENT_TO_NOBODY + " EPIPE", CLIENT, "client_gone client_abort"),
    Row("send/client", "ENOMEM ENOBUFS", NOW, "cut resource"),
    Row("send/client", NOT_SENT, MISTAKE, "cut internal", CARRY),
    Row("send/alert", "EINTR", NOBODY, "refused no_route"),
    Row("send/alert", "EAGAIN " + SENT_TO_NOBODY + " EPIPE", CLIENT, "closed no_route"),
    Row("send/alert", "ENOMEM ENOBUFS " + NOT_SENT, NOW, "closed no_route"),
    Row("send/kernel", MANUAL["send"], HOST, "reloaded", None, BLIND),

    Row("shutdown/server", "ENOTCONN", SERVER, "server_gone server_abort"),
    Row("shutdown/server", "EBADF EINVAL ENOTSOCK", MISTAKE, "cut internal", CARRY),
    Row("shutdown/client", "ENOTCONN", CLIENT, "client_gone client_abort"),
    Row("shutdown/client", "EBADF EINVAL ENOTSOCK", MISTAKE, "cut internal", CARRY),
    Row("shutdown/refused", "ENOTCONN", CLIENT, "closed no_route"),
    Row("shutdown/refused", "EBADF EINVAL ENOTSOCK", MISTAKE, "closed no_route"),

    Row("setsockopt/required", MANUAL["setsockopt"], GOOD, "not reloaded",
        "cannot listen on ...: setsockopt(...): {error}"),
    Row("setsockopt/reset", MANUAL["setsockopt"], MISTAKE, "ended server_abort"),
    Row("setsockopt/other", MANUAL["setsockopt"], HOST, "reloaded", None, "clients are served"),

    Row("open/first", "ENOENT ENOTDIR", GOOD, "exit 66", "no such file"),
    Row("open/first", "EINTR", NOBODY, "starts"),
    Row("open/first", "EACCES", GOOD, "exit 77", "cannot read: {error} (this runs as user ...)"),
    Row("open/first", "EISDIR EMFILE", GOOD, "exit 78", "cannot read: {error}"),
    Row("open/reload", "EINTR", NOBODY, "reloaded"),
    Row("open/reload", but("open", "EFBIG EINTR ENOENT ENOTDIR"), HOST, "not reloaded",
        "...: cannot read: {error}"),
    Row("open/reload", "EFBIG", HOST, "not reloaded", "... larger than 256 MiB..."),
    Row("open/reload", "ENOENT ENOTDIR", HOST, "not reloaded", "...: no such file"),
    Row("open/log", "EACCES EPERM", GOOD, "exit 77", "cannot open the access log ...: {error}"),
    Row("open/log", "EISDIR EMFILE ENOSPC EROFS", GOOD, "exit 71",
        "cannot open the access log ...: {error}"),
    Row("open/log", "EINTR", NOBODY, "starts"),
    Row("open/log_reload", "EINTR", NOBODY, "reloaded"),
    Row("open/log_reload", but("open", "EINTR"), HOST, "not reloaded",
        "cannot open the access log ...: {error}"),
    Row("open/log_again", "EINTR", NOBODY, "opened"),
    Row("open/log_again", but("open", "EINTR"), HOST, "kept",
        "access log ...: cannot open it again: {error}"),

    Row("write/access", "EAGAIN EINTR", NOBODY, "written"),
    Row("write/access", "EBADF EDESTADDRREQ EDQUOT EFAULT EFBIG EINVAL EIO ENOSPC EPERM EPIPE",
        HOST, "lost", "access log: cannot write: {error}"),
    Row("write/error", "EINTR", NOBODY, "written"),
    Row("write/error", "EAGAIN EBADF EDESTADDRREQ EDQUOT EFAULT EFBIG EINVAL EIO ENOSPC EPERM "
        "EPIPE", HOST, "lost"),

    Row("clone/log", "EPERM", GOOD, "exit 77", THREAD),
    Row("clone/log", "EAGAIN EINVAL", GOOD, "exit 71", THREAD),
    Row("clone/errands", "EAGAIN EINVAL EPERM", GOOD, "exit 71",
        "cannot start the thread that reads configurations: {error}"),
    Row("clone/worker", but("clone", "ENOMEM"), GOOD, "exit 71", START),
    Row("clone/worker", "ENOMEM", GOOD, "exit 71",
        START.format(error=os.strerror(numbers.EAGAIN)), "the C library makes `EAGAIN` of it"),
    Row("clone/names", "EAGAIN EINVAL EPERM", GOOD, "exit 71",
        "cannot start the threads that look up names: {error}"),
]


def rows_of(site):
    return [row for row in ROWS if row.site == site]


def line_of(row, number):
    """A pattern of the line that the row says is logged."""
    text = row.log.replace("{error}", os.strerror(number))
    return ".*".join(re.escape(part) for part in text.split("..."))
