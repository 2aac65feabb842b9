"""One client, one server and the router between them, played by one thread to their end.

The client sends a hello, the server answers when it has all of it, the client ends when it has all
of the answer, the server ends then. Whenever nothing happens both say a byte more, so that a side
that the router believes to be blocked is heard of again.
"""

import contextlib
import select
import socket
import time

from support import hello, net

DEADLINE_S = 30.0  # reached only when something is broken
NUDGE_MS = 10
NUDGE = b"."
ANSWER = b"!"


class Peer:
    """One end: what has come, what is still to be sent, how it ended."""

    def __init__(self, sock, out=b""):
        self.sock = sock
        self.sock.setblocking(False)
        self.got, self.out, self.end = bytearray(), out, None

    def read(self):
        try:
            part = self.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except (ConnectionResetError, BrokenPipeError):
            self.close("reset")
            return
        self.got += part
        if not part:
            self.end = "eof"

    def write(self):
        try:
            self.out = self.out[self.sock.send(self.out):]
        except BlockingIOError:
            pass
        except (ConnectionResetError, BrokenPipeError):
            self.close("reset")  # told once: reading would find an end

    def nudge(self):
        if self.end is None:
            self.out = self.out or NUDGE

    def goodbye(self):
        with contextlib.suppress(OSError):  # reading tells how it ended
            self.sock.shutdown(socket.SHUT_WR)

    def close(self, end):
        self.end = self.end or end
        self.out = b""
        self.sock.close()


class Talk:
    """`pieces`: the hello comes in two, the second when it says so. `bulk`: so many bytes of
    answer. `server_first`: the server ends as soon as it has answered. `wants_server`: it is not
    over before a server is reached. `hold`: while it says so the client does not end. `deaf`: the
    client does not read."""

    def __init__(self, address, listeners, name="one.test", pieces=None, bulk=0,
                 server_first=False, wants_server=True, hold=lambda: False, deaf=False):
        self.address, self.listeners = address, listeners
        self.hello = hello.hello(name)
        self.answer = ANSWER + bytes(bulk)
        self.pieces, self.server_first, self.wants_server = pieces, server_first, wants_server
        self.hold, self.deaf = hold, deaf
        self.client = self.server = None
        self.answered = self.client_ended = self.server_ended = False

    def begin(self):
        """Connects, and sends the hello or the first piece of it."""
        cut = 9 if self.pieces else len(self.hello)
        self.client = Peer(net.connect(self.address), self.hello[:cut])
        self.later = self.hello[cut:]
        self.port = self.client.sock.getsockname()[1]
        self.client.write()
        return self

    def _accept(self, listener):
        if self.server is not None and self.server.end is None:
            self.server.close("left")
        self.server = Peer(listener.accept()[0])

    def _wants_another(self):
        """No server was reached yet, or only one that was left before it got the hello."""
        return self.server is None or (self.server.end is not None and not self._server_whole())

    def _client_whole(self):
        return bytes(self.client.got.strip(NUDGE)) == self.answer

    def _server_whole(self):
        return self.server is not None and self.server.got.startswith(self.hello)

    def served(self):
        return (self._client_whole() and self._server_whole() and self.client.end == "eof" and
                self.server.end == "eof")

    def _follow(self):
        """What the two do by what has come."""
        client, server = self.client, self.server
        if server is not None and server.end is None:
            if self._server_whole() and not self.answered:
                server.out, self.answered = server.out + self.answer, True
            elif self.answered and self.server_first and not server.out and not self.server_ended:
                self.server_ended = True
                server.goodbye()
        if not self.server_first and not self.client_ended and client.end is None and \
                self._client_whole() and not self.hold():
            client.out, self.client_ended = b"", True
            client.goodbye()
        for peer in (client, server):
            if peer is not None and peer.end == "eof":
                peer.close("eof")

    def _quiet(self):
        """Nothing has happened for a moment."""
        if self.later and self.pieces():
            self.client.out, self.later = self.later, b""
        elif not self.later and not self.client_ended:
            self.client.nudge()
        if self.server is not None and not self.server_ended:
            self.server.nudge()

    def _turn(self):
        peers = [p for p in (self.client, self.server) if p is not None and p.sock.fileno() >= 0]
        poll = select.poll()
        for peer in peers:
            if peer.end is None:
                hears = peer is not self.client or not self.deaf
                poll.register(peer.sock, (select.POLLIN if hears else 0) |
                              (select.POLLOUT if peer.out else 0))
        if self._wants_another():
            for listener in self.listeners:
                poll.register(listener, select.POLLIN)
        by_number = {peer.sock.fileno(): peer for peer in peers}
        events = poll.poll(NUDGE_MS)
        for number, event in events:
            if number not in by_number:
                self._accept(next(x for x in self.listeners if x.fileno() == number))
                return
            if event & ~select.POLLOUT:
                by_number[number].read()
            if event & select.POLLOUT and by_number[number].sock.fileno() >= 0:
                by_number[number].write()
        self._follow()
        if not events and not self.over():
            self._quiet()

    def over(self):
        return self.client.end is not None and \
            (self.server.end is not None if self.server is not None else not self.wants_server)

    def play(self, vanish=lambda talk: None, until=lambda: False):
        """To the end, or `until`. `vanish` names who is to be gone by now: "client", "server"."""
        deadline = time.monotonic() + DEADLINE_S
        while not self.over() and not until() and time.monotonic() < deadline:
            self._turn()
            who = vanish(self)
            peer = getattr(self, who) if who else None
            if peer is not None and peer.end is None:
                net.reset(peer.sock)
                peer.close("vanished")
        self.close()
        return self

    def close(self):
        for peer in (self.client, self.server):
            if peer is not None and peer.sock.fileno() >= 0:
                peer.close("open")
