"""A FIN travels alone: one side ends, the other goes on. On the copy and on the splice path.

Must-show: half-close both ways.
"""

import hashlib
import os
import socket
import sys
import threading
import unittest

from support import backend, hello, net
from support.router import Router, routing

RELAY = sys.argv.pop(1) if len(sys.argv) > 1 else "auto"
STREAM = os.urandom(1 << 20) * 10
HELLO = hello.hello("half.test")


class HalfClose(unittest.TestCase):
    def serve(self, handler, **timeouts):
        server = self.enterContext(backend.Backend(handler))
        router = self.enterContext(Router(routing({"half.test": server.text}, timeouts=timeouts),
                                          relay=RELAY))
        sock = self.enterContext(router.connect())
        sock.sendall(HELLO)
        self.addCleanup(lambda: self.assertEqual(server.errors, []))
        return router, sock

    def test_client_ends_first(self):
        """The server sees the end, then streams 10 MiB to the client that has ended."""
        def handler(sock):
            data = net.receive_all(sock)
            sock.sendall(STREAM + hashlib.sha256(data).digest())
        router, sock = self.serve(handler)
        sock.sendall(b"question")
        sock.shutdown(socket.SHUT_WR)
        got = net.receive_all(sock)
        self.assertEqual(len(got), len(STREAM) + 32)
        self.assertTrue(got.startswith(STREAM))
        self.assertEqual(got[-32:], hashlib.sha256(HELLO + b"question").digest())
        line, = router.wait_access(1)
        self.assertEqual((line["reason"], line["bytes_in"], line["bytes_out"]),
                         ("closed", len(HELLO) + 8, len(got)))

    def test_server_ends_first(self):
        """The client sees the end, then streams 10 MiB to the server that has ended."""
        collected = []
        finished = threading.Event()

        def handler(sock):
            net.receive(sock, len(HELLO))
            sock.sendall(b"bye")
            sock.shutdown(socket.SHUT_WR)
            collected.append(net.receive_all(sock))
            finished.set()
        router, sock = self.serve(handler)
        self.assertEqual(net.receive_all(sock), b"bye")
        sock.sendall(STREAM)
        sock.shutdown(socket.SHUT_WR)
        self.assertTrue(finished.wait(net.DEADLINE_S))
        self.assertEqual(collected, [STREAM])
        line, = router.wait_access(1)
        self.assertEqual((line["reason"], line["bytes_in"], line["bytes_out"]),
                         ("closed", len(HELLO) + len(STREAM), 3))

    def test_end_comes_after_the_bytes_to_a_slow_reader(self):
        """10 MiB and a FIN are under way while the client reads nothing: nothing is lost."""
        sent = threading.Event()

        def handler(sock):
            net.receive(sock, len(HELLO))
            sock.sendall(STREAM)
            sock.shutdown(socket.SHUT_WR)
            sent.set()
            backend.swallow(sock)
        _, sock = self.serve(handler)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.assertEqual(net.receive(sock, 1000), STREAM[:1000])
        rest = net.receive_all(sock)
        self.assertTrue(sent.wait(net.DEADLINE_S))
        self.assertEqual(rest, STREAM[1000:])

    def test_half_close_timeout(self):
        """The client has ended and the server stays silent: the router ends it, and says why."""
        router, sock = self.serve(backend.swallow_then_wait, half_close="300ms")
        sock.shutdown(socket.SHUT_WR)
        net.ending(sock)
        router.wait_access(1, reason="half_close_timeout")

    def test_reset_by_the_server_reaches_the_client(self):
        def handler(sock):
            net.receive(sock, len(HELLO))
            sock.sendall(b"x")
            net.receive(sock, 1)
            net.reset(sock)
        router, sock = self.serve(handler)
        self.assertEqual(net.receive(sock, 1), b"x")
        sock.sendall(b"y")
        self.assertEqual(net.ending(sock), (b"", "reset"))
        router.wait_access(1, reason="server_abort")

    def test_reset_by_the_client_reaches_the_server(self):
        ends = []
        finished = threading.Event()

        def handler(sock):
            net.receive(sock, len(HELLO))
            sock.sendall(b"x")
            ends.append(net.ending(sock))
            finished.set()
        router, sock = self.serve(handler)
        self.assertEqual(net.receive(sock, 1), b"x")
        net.reset(sock)
        self.assertTrue(finished.wait(net.DEADLINE_S))
        self.assertEqual(ends, [(b"", "reset")])
        router.wait_access(1, reason="client_abort")

    def test_idle_timeout(self):
        router, sock = self.serve(backend.echo, idle="2s")
        self.assertEqual(net.receive(sock, len(HELLO)), HELLO)
        net.ending(sock)
        router.wait_access(1, reason="idle_timeout")


if __name__ == "__main__":
    unittest.main(verbosity=2)
