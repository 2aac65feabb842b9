"""Sockets and waiting: small verbs, every one with a deadline."""

import os
import pathlib
import resource
import socket
import struct
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[3] / "bench"))
from loopback import free_port  # noqa: E402,F401

DEADLINE_S = 60.0  # generous: reached only when something is broken


def wait_until(what, check, deadline_s=DEADLINE_S):
    """Returns the first true value of check(); fails, naming `what`, at the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s:.0f} s in vain for: {what}")
        time.sleep(0.01)


def raise_descriptor_limit():
    """Soft limit up to the hard one; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def connect(address, timeout_s=DEADLINE_S):
    """Connects to (host, port), or to a path ("@name": abstract)."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout_s)
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        return sock
    sock = socket.create_connection(address, timeout=timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def receive(sock, count):
    """Exactly `count` bytes, or fewer when the peer ends first."""
    parts = []
    while count > 0:
        part = sock.recv(min(count, 1 << 20))
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def receive_all(sock):
    """Everything up to the peer's end."""
    parts = []
    while True:
        part = sock.recv(1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)


def ending(sock):
    """How the connection ends: what was still received, and "eof" or "reset"."""
    got = b""
    try:
        while True:
            part = sock.recv(1 << 16)
            if not part:
                return got, "eof"
            got += part
    except (ConnectionResetError, BrokenPipeError):
        return got, "reset"


def reset(sock):
    """Closes with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def refusing(test):
    """An address that refuses connections for as long as the test runs: bound, not listened on."""
    sock = test.enterContext(socket.socket())
    sock.bind(("127.0.0.1", 0))
    return "127.0.0.1:%d" % sock.getsockname()[1]


def accepts(address):
    """Whether something listens there."""
    try:
        connect(address, 5).close()
        return True
    except OSError:
        return False


def descriptors(pid):
    """What the process's descriptors point to, e.g. "socket:[123]", "pipe:[456]"."""
    links = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{pid}/fd/{name}"))
        except FileNotFoundError:
            pass
    return links


def alert_of(data):
    """The fatal alert that these bytes are, as a number; None when they are none."""
    if len(data) == 7 and data[0] == 21 and data[1] == 3 and data[3:6] == b"\x00\x02\x02":
        return data[6]
    return None
