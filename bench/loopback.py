"""Ports for programs that cannot pick one themselves."""

import pathlib
import random
import socket

_given = set()


def _candidates():
    """Ports that no connection and no bind to port 0 gets: those below the ephemeral range."""
    text = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    first = int(text.split()[0])
    return range(1024, first) if first > 4096 else range(1024, 65536)


def free_port():
    """A port of 127.0.0.1 that is free; never the same twice in one process."""
    candidates = _candidates()
    for _ in range(1000):
        port = random.choice(candidates)
        if port in _given:
            continue
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise OSError("no port is free")
