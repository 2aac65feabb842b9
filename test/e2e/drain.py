"""The end in its steps: the delay, the silent, the rest; and what the log says of it."""

import signal
import unittest

from support import backend, hello, net
from support.router import Router, routing

HELLO = hello.hello("app.test")


class Drain(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(backend.Backend(backend.echo))

    def start(self, **timeouts):
        return self.enterContext(Router(routing({"app.test": self.server.text},
                                                timeouts={"drain": "60s"} | timeouts)))

    def talk(self, sock):
        sock.sendall(HELLO)
        self.assertEqual(net.receive(sock, len(HELLO)), HELLO)

    def connected(self, router):
        sock = self.enterContext(router.connect())
        self.talk(sock)
        return sock

    def test_in_the_delay_clients_are_accepted(self):
        router = self.start(drain_delay="1500ms")
        router.signal(signal.SIGTERM)
        router.wait_line("about to end: clients are accepted for another 1.5 s")
        late = self.connected(router)
        router.reload()
        router.wait_line("ending: 1 connection has 1 min")
        self.talk(late)
        late.close()
        self.assertEqual(router.wait_exit(), 0)
        router.wait_line("drained: 1 connection ended by itself, 0 were silent for too long, 0 "
                         "were cut off")
        self.assertFalse(net.accepts(router.address()))

    def test_a_second_signal_ends_the_delay_and_all(self):
        for first in (signal.SIGTERM, signal.SIGQUIT):
            with self.subTest(first):
                router = self.start(drain_delay="10m")
                sock = self.connected(router)
                router.signal(first)
                router.wait_line("about to end")
                router.signal(signal.SIGTERM)
                self.assertEqual(net.ending(sock)[1], "reset")
                self.assertEqual(router.wait_exit(), 0)
                router.wait_line("drained: .* 1 was cut off")

    def test_int_knows_no_delay(self):
        router = self.start(drain_delay="10m")
        router.signal(signal.SIGINT)
        self.assertEqual(router.wait_exit(), 0)

    def test_no_upgrade_in_the_delay(self):
        router = self.start(drain_delay="10m")
        router.signal(signal.SIGTERM)
        router.wait_line("about to end")
        router.signal(signal.SIGUSR2)
        router.wait_line("USR2: no upgrade: this process is ending")
        router.signal(signal.SIGTERM)
        self.assertEqual(router.wait_exit(), 0)

    def test_the_silent_go_first(self):
        """Those that are silent already, at once; who talks goes on."""
        router = self.start(drain_idle="1s")
        busy = self.connected(router)
        silent = [self.connected(router) for _ in range(3)]
        router.signal(signal.SIGTERM)
        router.wait_line("ending: 4 connections have 1 min")
        for sock in silent:
            sock.settimeout(0.2)
            while True:
                self.talk(busy)
                try:
                    self.assertEqual(sock.recv(1), b"")
                    break
                except TimeoutError:
                    pass
        self.talk(busy)
        busy.close()
        self.assertEqual(router.wait_exit(), 0)
        router.wait_line("drained: 1 connection ended by itself, 3 were silent for too long, 0 "
                         "were cut off")
        self.assertEqual(len(router.wait_access(3, reason="idle_timeout")), 3)

    def test_without_it_they_have_their_time(self):
        router = self.start(drain="1500ms")
        silent = self.connected(router)
        router.signal(signal.SIGTERM)
        self.assertEqual(net.ending(silent)[1], "reset")
        self.assertEqual(router.wait_exit(), 0)
        router.wait_line("drained: 0 connections ended by themselves, 0 were silent for too long, "
                         "1 was cut off")


if __name__ == "__main__":
    unittest.main()
