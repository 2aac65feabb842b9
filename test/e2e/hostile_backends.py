"""Backends that refuse, hang, reset, close at once, speak first, or never read.

Must-show: next server or reason; the other direction is treated as the design says.
"""

import os
import select
import socket
import threading
import unittest

from support import backend, hello, net
from support.router import Router, routing

HELLO = hello.hello("app.test")
INTERNAL_ERROR = 80


class Hanging:
    """A listener whose queue is full: the kernel drops further SYNs, so connects hang."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.text = "127.0.0.1:%d" % self.listener.getsockname()[1]
        # A backlog of 0 takes one connection. It is in the queue when accept() would succeed, which
        # may be a moment after its connect() has.
        self.filler = net.connect(self.listener.getsockname())
        queued = select.poll()
        queued.register(self.listener, select.POLLIN)
        if not queued.poll(net.DEADLINE_S * 1000):
            raise AssertionError("the queue stays empty")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.filler.close()
        self.listener.close()


class HostileBackends(unittest.TestCase):
    def start(self, servers, **timeouts):
        router = self.enterContext(Router(routing({"app.test": servers}, timeouts=timeouts)))
        before = router.open_now()
        self.addCleanup(lambda: router.wait_descriptors(*before))
        return router

    def send_hello(self, router):
        sock = self.enterContext(router.connect())
        sock.sendall(HELLO)
        return sock

    def test_refusing_server_is_passed_over(self):
        good = self.enterContext(backend.Backend(backend.says("good")))
        router = self.start([net.refusing(self), good.text, net.refusing(self)])
        for _ in range(9):
            with router.connect() as sock:
                sock.sendall(HELLO)
                self.assertEqual(net.receive(sock, 5 + len(HELLO)), b"good\n" + HELLO)
        lines = router.wait_access(9)
        self.assertEqual({line["server"] for line in lines}, {good.text})
        self.assertTrue(any(line.get("retries", 0) > 0 for line in lines), lines)

    def test_all_refuse(self):
        router = self.start([net.refusing(self) for _ in range(3)])
        got, how = net.ending(self.send_hello(router))
        self.assertEqual((net.alert_of(got), how), (INTERNAL_ERROR, "eof"))
        line, = router.wait_access(1)
        self.assertIn(line["reason"], ("no_server", "connect_refused"))
        self.assertEqual(line["route"], "app.test")

    def test_unix_server_that_is_not_there(self):
        router = self.start(["unix:/nonexistent/socket"])
        got, _ = net.ending(self.send_hello(router))
        self.assertEqual(net.alert_of(got), INTERNAL_ERROR)
        self.assertIn(router.wait_access(1)[0]["reason"],
                      ("no_server", "connect_refused", "unreachable"))

    def test_hanging_server_times_out(self):
        hanging = self.enterContext(Hanging())
        router = self.start([hanging.text], connect="500ms")
        got, how = net.ending(self.send_hello(router))
        self.assertEqual((net.alert_of(got), how), (INTERNAL_ERROR, "eof"))
        router.wait_access(1, reason="connect_timeout")

    def test_hanging_server_is_passed_over(self):
        hanging = self.enterContext(Hanging())
        good = self.enterContext(backend.Backend(backend.says("good")))
        router = self.start([hanging.text, good.text], connect="4s")
        for _ in range(2):  # whichever server is first in turn
            with router.connect() as sock:
                sock.sendall(HELLO)
                self.assertEqual(net.receive(sock, 5), b"good\n")

    def test_client_leaves_while_the_router_connects(self):
        hanging = self.enterContext(Hanging())
        router = self.start([hanging.text], connect="1s")
        net.reset(self.send_hello(router))
        self.send_hello(router).close()
        router.wait_access(2)

    def test_server_resets_at_once(self):
        """Seen while connecting it is a server that failed, else one that broke off."""
        router = self.start([self.enterContext(backend.Backend(net.reset)).text])
        for _ in range(20):
            with router.connect() as sock:
                sock.sendall(HELLO)
                got, _ = net.ending(sock)
                self.assertTrue(got == b"" or net.alert_of(got) == INTERNAL_ERROR, got)
        self.assertLessEqual({line["reason"] for line in router.wait_access(20)},
                             {"server_abort", "connect_refused", "unreachable", "no_server"})

    def test_server_closes_at_once(self):
        router = self.start([self.enterContext(backend.Backend(lambda sock: None)).text],
                            half_close="1s")
        for _ in range(20):
            with router.connect() as sock:
                try:
                    sock.sendall(HELLO)
                except OSError:
                    pass
                got, _ = net.ending(sock)
                self.assertEqual(got, b"")
        router.wait_access(20)

    def test_server_speaks_first(self):
        """A greeting before the hello was read reaches the client; the hello arrives too."""
        greeting = os.urandom(500_000)
        collected = []

        def handler(sock):
            sock.sendall(greeting)
            collected.append(net.receive(sock, len(HELLO)))
        router = self.start([self.enterContext(backend.Backend(handler)).text])
        sock = self.send_hello(router)
        self.assertEqual(net.receive(sock, len(greeting)), greeting)
        self.assertEqual(net.ending(sock)[0], b"")
        self.assertEqual(collected, [HELLO])
        sock.close()
        router.wait_access(1)

    def test_server_never_reads(self):
        """Back-pressure reaches the client, the other direction flows, memory stays bounded."""
        release = threading.Event()
        self.addCleanup(release.set)

        def handler(sock):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            for _ in range(5):
                sock.sendall(b"tick")
            release.wait(60)
        router = self.start([self.enterContext(backend.Backend(handler)).text])
        sock = self.send_hello(router)
        self.assertEqual(net.receive(sock, 20), b"tick" * 5)
        sock.settimeout(1)
        sent = 0
        block = bytes(1 << 20)
        try:
            while sent < 256 << 20:
                sent += sock.send(block)
        except TimeoutError:
            pass
        self.assertLess(sent, 256 << 20, "the router took everything: no back-pressure")
        release.set()
        sock.close()
        router.wait_access(1)

    def test_client_never_reads(self):
        """The same the other way round."""
        stalled = threading.Event()
        counts = []

        def handler(sock):
            net.receive(sock, len(HELLO))
            sock.settimeout(1)
            sent = 0
            try:
                while sent < 256 << 20:
                    sent += sock.send(bytes(1 << 20))
            except TimeoutError:
                pass
            counts.append(sent)
            stalled.set()
        router = self.start([self.enterContext(backend.Backend(handler)).text])
        sock = self.send_hello(router)
        self.assertTrue(stalled.wait(60))
        self.assertLess(counts[0], 256 << 20, "the router took everything: no back-pressure")
        sock.close()
        router.wait_access(1)

    def test_server_dies_in_the_middle(self):
        def handler(sock):
            net.receive(sock, len(HELLO))
            sock.sendall(b"half of it")
            net.receive(sock, 1)
            net.reset(sock)
        router = self.start([self.enterContext(backend.Backend(handler)).text])
        sock = self.send_hello(router)
        self.assertEqual(net.receive(sock, 10), b"half of it")
        sock.sendall(b"!")
        self.assertEqual(net.ending(sock), (b"", "reset"))
        line, = router.wait_access(1)
        self.assertEqual((line["reason"], line["bytes_out"]), ("server_abort", 10))

    def test_round_robin_follows_the_weights(self):
        names = {"a": 3, "b": 1, "c": 0}
        servers = {name: self.enterContext(backend.Backend(backend.says(name))) for name in names}
        config = routing({"app.test": [{"address": servers[name].text, "weight": weight}
                                       for name, weight in names.items()]}, workers=1)
        router = self.enterContext(Router(config))
        order = ""
        for _ in range(40):
            with router.connect() as sock:
                sock.sendall(HELLO)
                order += net.receive(sock, 1).decode()
        self.assertEqual({name: order.count(name) for name in names}, {"a": 30, "b": 10, "c": 0})
        self.assertNotIn("bb", order)


if __name__ == "__main__":
    unittest.main(verbosity=2)
