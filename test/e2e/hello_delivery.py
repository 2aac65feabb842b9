"""The backend receives the very bytes that the client sent, however they were cut.

Must-show: whole, dripped, cut into segments and re-cut into records at random places; the backend
receives the very bytes the client sent.
"""

import itertools
import random
import subprocess
import unittest

from support import backend, hello, net
from support.router import Router, routing

NAME = "cut.inside.the.name.test"
USUAL = hello.handshake(NAME, protocols=("h2", "http/1.1"))
POST_QUANTUM = hello.handshake(NAME, size=1800)
LARGE = hello.handshake(NAME, size=60_000)
EARLY_DATA = hello.record(bytes(range(256)) * 20, kind=23, version=0x0303)


class HelloDelivery(unittest.TestCase):
    def setUp(self):
        self.collector = backend.Collector()
        server = self.enterContext(backend.Backend(self.collector))
        self.router = self.enterContext(Router(routing({NAME: server.text})))

    def deliver(self, data, segments):
        """Sends `data` cut into these segments; the backend must have got just that."""
        with self.router.connect() as sock:
            at = 0
            for size in segments:
                sock.sendall(data[at:at + size])
                at += size
            assert at == len(data)
            sock.shutdown(net.socket.SHUT_WR)
            self.assertEqual(net.receive_all(sock), b"seen")
        self.assertEqual(self.collector.received.pop(), data)

    def test_whole(self):
        for message in (USUAL, POST_QUANTUM, LARGE):
            data = hello.records(message)
            self.deliver(data, [len(data)])

    def test_dripped_byte_by_byte(self):
        data = hello.records(USUAL)
        self.deliver(data, [1] * len(data))

    def test_cut_once_at_every_byte(self):
        data = hello.records(USUAL)
        for at in range(1, len(data)):
            self.deliver(data, [at, len(data) - at])

    def test_one_byte_records(self):
        data = hello.records(USUAL, [1])
        self.deliver(data, [len(data)])
        self.deliver(data, [1] * len(data))

    def test_record_cut_at_every_byte(self):
        for at in range(1, len(USUAL)):
            data = hello.records(USUAL, [at, 16384])
            self.deliver(data, [len(data)])

    def test_random_records_and_segments(self):
        rng = random.Random(11)
        for number in range(150):
            message = rng.choice((USUAL, POST_QUANTUM, LARGE if number % 10 == 0 else USUAL))
            pieces = rng.randrange(max(2, len(message) // 16000 + 2), 40)
            cuts = hello.random_cuts(rng, len(message), pieces)
            if max(cuts) > 16384:
                cuts = [16384]
            data = hello.records(message, cuts)
            if rng.random() < 0.5:
                data += EARLY_DATA
            segments = hello.random_cuts(rng, len(data), rng.randrange(2, 30))
            with self.subTest(number=number, cuts=cuts, segments=segments):
                self.deliver(data, segments)

    def test_early_data_behind(self):
        data = hello.records(USUAL) + EARLY_DATA * 10
        self.deliver(data, [len(data)])
        self.deliver(data, [len(hello.records(USUAL)) - 1, 2, len(data) - len(
            hello.records(USUAL)) - 1])

    def test_what_follows_in_the_same_record(self):
        """Bytes behind the hello within its own record belong to the stream as well."""
        data = hello.record(USUAL + b"\x00\x01\x02") + EARLY_DATA
        self.deliver(data, [len(data)])

    def test_hello_of_a_real_client(self):
        """What openssl sends to a plain listener is what arrives behind the router."""
        got = []

        def one_record(sock):
            head = net.receive(sock, 5)
            got.append(head + net.receive(sock, int.from_bytes(head[3:5], "big")))
        server = self.enterContext(backend.Backend(one_record))
        router = self.enterContext(Router(routing({NAME: server.text})))
        done = subprocess.run(
            ["openssl", "s_client", "-connect", "%s:%d" % router.address(), "-servername", NAME,
             "-msg", "-alpn", "h2"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=240, check=False)
        dump = done.stdout.split(", ClientHello")[1].splitlines()[1:]
        message = bytes.fromhex("".join(
            itertools.takewhile(lambda line: line.startswith("    "), dump)))
        self.assertEqual(len(got), 1)
        self.assertEqual(got[0][5:], message)


if __name__ == "__main__":
    unittest.main(verbosity=2)
