"""TERM, QUIT and INT end the router, gently first; a second one at once."""

import signal
import unittest

from support import backend, hello, net
from support.router import Router, routing

HELLO = hello.hello("app.test")
GENTLE = (signal.SIGTERM, signal.SIGQUIT)


class Signals(unittest.TestCase):
    def start(self, **timeouts):
        server = self.enterContext(backend.Backend(backend.echo))
        return self.enterContext(Router(routing({"app.test": server.text}, timeouts=timeouts)))

    def established(self, router):
        sock = self.enterContext(router.connect())
        sock.sendall(HELLO)
        self.assertEqual(net.receive(sock, len(HELLO)), HELLO)
        return sock

    def echoes(self, sock, data):
        sock.sendall(data)
        self.assertEqual(net.receive(sock, len(data)), data)

    def test_idle_router_ends_at_once(self):
        for number in (*GENTLE, signal.SIGINT):
            with self.subTest(number), Router(routing({"app.test": "127.0.0.1:9"})) as router:
                router.signal(number)
                self.assertEqual(router.wait_exit(), 0)

    def test_gentle_end_lets_connections_finish(self):
        for number in GENTLE:
            with self.subTest(number):
                router = self.start(drain="60s")
                address = router.address()
                sock = self.established(router)
                router.signal(number)
                net.wait_until("listeners to close", lambda: not net.accepts(address))
                self.echoes(sock, b"go on" * 10_000)
                self.assertIsNone(router.process.poll())
                sock.close()
                self.assertEqual(router.wait_exit(), 0)
                line, = [line for line in router.access() if line.get("sni")]
                self.assertEqual(line["reason"], "closed")

    def test_drain_timeout(self):
        router = self.start(drain="500ms")
        sock = self.established(router)
        router.signal(signal.SIGTERM)
        net.ending(sock)
        self.assertEqual(router.wait_exit(), 0)
        line, = [line for line in router.access() if line.get("sni")]
        self.assertEqual(line["reason"], "drain_timeout")

    def test_second_signal_ends_at_once(self):
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM),
                              (signal.SIGQUIT, signal.SIGINT)):
            with self.subTest(first=first, second=second):
                router = self.start(drain="10m")
                sock = self.established(router)
                router.signal(first)
                router.wait_line("ending")  # not for the listeners: INT leaves it a second
                router.signal(second)
                net.ending(sock)
                self.assertEqual(router.wait_exit(), 0)

    def test_int_waits_a_second_at_most(self):
        router = self.start(drain="10m")
        sock = self.established(router)
        router.signal(signal.SIGINT)
        net.ending(sock)
        self.assertEqual(router.wait_exit(), 0)

    def test_hello_under_way_is_still_served(self):
        """A connection accepted before the signal counts as one, even without its hello."""
        router = self.start(drain="60s", hello="30s")
        address = router.address()
        before = router.open_now()[0]
        sock = self.enterContext(router.connect())
        sock.sendall(HELLO[:20])
        net.wait_until("the accept", lambda: router.open_now()[0] > before)
        router.signal(signal.SIGTERM)
        net.wait_until("listeners to close", lambda: not net.accepts(address))
        sock.sendall(HELLO[20:])
        self.assertEqual(net.receive(sock, len(HELLO)), HELLO)
        sock.close()
        self.assertEqual(router.wait_exit(), 0)

    def test_hup_and_term_together(self):
        router = self.start()
        sock = self.established(router)
        for _ in range(5):
            router.signal(signal.SIGHUP)
        router.signal(signal.SIGTERM)
        sock.close()
        self.assertEqual(router.wait_exit(), 0)

    def test_pipe_is_no_end(self):
        """A peer that goes away while it is written to is a reason, not a SIGPIPE."""
        router = self.start()
        for _ in range(50):
            sock = router.connect()
            sock.sendall(HELLO + bytes(300_000))
            net.reset(sock)
        self.echoes(self.established(router), b"alive")


if __name__ == "__main__":
    unittest.main(verbosity=2)
