"""Clients that send garbage, nothing, half a hello, one byte now and then, or vanish.

Must-show: malformed and hostile inputs: none reaches a backend, none crashes or leaks; each gets
its policy and its reason in the log; nothing else notices.
"""

import contextlib
import random
import socket
import unittest

from support import backend, hello, net
from support.router import Router, routing

VICTIM = "victim.test"
GOOD = hello.handshake(VICTIM)
NO_NAME = hello.handshake()


def with_extensions(*extensions):
    """A hello whose only name is what these extensions say."""
    return hello.records(hello.handshake(extra=list(extensions)))


def named(raw):
    return with_extensions(hello.server_name(raw))


def patched(at, data):
    """The good hello with other bytes in its handshake message."""
    return hello.records(GOOD[:at] + data + GOOD[at + len(data):])


SNI = hello.server_name(VICTIM)
RECORD = hello.record
EXTENSIONS_AT = 4 + 2 + 32 + 1 + 32 + 2 + 8 + 1 + 1

# name: (bytes, reasons that are right, alert or None for a close without a byte)
CASES = {
    "two names": (with_extensions(hello.server_name("a.test", VICTIM)), "malformed", 50),
    "the same name twice": (with_extensions(hello.server_name(VICTIM, VICTIM)), "malformed", 50),
    "server_name twice": (with_extensions(SNI, SNI), "malformed", 50),
    "server_name twice, differing": (
        with_extensions(SNI, hello.server_name("b.test")), "malformed", 50),
    "ALPN twice": (with_extensions(SNI, hello.alpn("h2"), hello.alpn("h2")), "malformed", 50),
    "unknown extension twice": (
        with_extensions(SNI, hello.extension(9999, b""), hello.extension(9999, b"")),
        "malformed", 50),
    "empty name": (named(b""), "malformed", 50),
    "empty name list": (
        with_extensions(hello.extension(0, b"\x00\x00")), "malformed", 50),
    "empty server_name": (with_extensions(hello.extension(0, b"")), "malformed", 50),
    "name with a NUL": (named(b"victim.test\0.evil"), "malformed", 50),
    "name with a space": (named(b"victim .test"), "malformed", 50),
    "name with a newline": (named(b"victim.test\n"), "malformed", 50),
    "name with a slash": (named(b"victim.test/x"), "malformed", 50),
    "name with a quote": (named(b"\"victim.test\""), "malformed", 50),
    "name with a star": (named(b"*.test"), "malformed", 50),
    "name with a colon": (named(b"victim.test:443"), "malformed", 50),
    "name not ASCII": (named("vïctim.test".encode()), "malformed", 50),
    "name with two trailing dots": (named(b"victim.test.."), "malformed", 50),
    "name with an empty label": (named(b"victim..test"), "malformed", 50),
    "name with a leading dot": (named(b".victim.test"), "malformed", 50),
    "name that is a dot": (named(b"."), "malformed", 50),
    "label of 64": (named(b"a" * 64 + b".test"), "malformed", 50),
    "name of 254": (named(b".".join([b"a" * 49] * 5) + b".abcd"), "malformed", 50),
    "IPv4 literal": (named(b"127.0.0.1"), "no_route", 112),
    "no name": (hello.records(NO_NAME), "no_sni", 112),
    "unknown name": (named(b"unknown.test"), "no_route", 112),
    "name list longer than its extension": (with_extensions(hello.extension(
        0, b"\x00\xff" + hello.server_name(VICTIM)[6:])), "malformed", 50),
    "rest behind the name list": (with_extensions(hello.extension(
        0, hello.server_name(VICTIM)[4:] + b"\x00")), "malformed", 50),
    "extensions longer than the message": (
        patched(EXTENSIONS_AT, b"\xff\xff"), "malformed", 50),
    "extensions shorter than the message": (
        patched(EXTENSIONS_AT, b"\x00\x04"), "malformed", 50),
    "session id of 33": (patched(4 + 2 + 32, b"\x21"), "malformed", 50),
    "session id of 255": (patched(4 + 2 + 32, b"\xff"), "malformed", 50),
    "another handshake message": (patched(0, b"\x02"), "malformed", None),
    "bytes behind the extensions": (
        hello.records(b"\x01" + hello.vector(3, GOOD[4:] + b"\x00\x00")), "malformed", 50),
    "announced 16 MiB": (RECORD(b"\x01\xff\xff\xff" + bytes(200)), "too_large", 47),
    "announced 70,000 bytes": (
        hello.too_large(VICTIM), "too_large", 47),
    "an alert record within the hello": (
        RECORD(GOOD[:50]) + RECORD(b"\x01\x00", kind=21) + RECORD(GOOD[50:]), "malformed", 50),
    "an empty record within the hello": (
        RECORD(GOOD[:50]) + RECORD(b"") + RECORD(GOOD[50:]), "malformed", 50),
    "record of 16,385 bytes": (
        RECORD(hello.handshake(VICTIM, size=16_385)), "malformed", None),
    "record version 2.0": (RECORD(GOOD, version=0x0200), "not_tls", None),
    "record version 4.0": (RECORD(GOOD, version=0x0400), "not_tls", None),
    "application data first": (RECORD(GOOD, kind=23), "not_tls", None),
    "SSLv2 hello": (hello.SSLV2, "not_tls", None),
    "plain HTTP": (hello.PLAIN_HTTP, "not_tls", None),
    "zeros": (bytes(100), "not_tls", None),
    "0xff": (b"\xff" * 100, "not_tls", None),
}
# Which alert fits these is a matter of taste; that they are ended is not.
ANY_ALERT = {"another handshake message", "record of 16,385 bytes"}


class HostileClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.victim = cls.enterClassContext(backend.Backend(backend.swallow))
        cls.good = cls.enterClassContext(backend.Backend(backend.echo))
        cls.router = Router(routing({VICTIM: cls.victim.text, "good.test": cls.good.text},
                                    timeouts={"hello": "2s"}))
        cls.before = cls.router.open_now()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.router.stop()
        finally:
            cls.router.kill()

    def tearDown(self):
        """Whatever the client did: nobody was reached, others are served, all is given back."""
        self.assertEqual(self.victim.connections, 0)
        data = hello.hello("good.test") + b"still there?"
        with self.router.connect() as sock:
            sock.sendall(data)
            self.assertEqual(net.receive(sock, len(data)), data)
        self.router.wait_descriptors(*self.before)

    @contextlib.contextmanager
    def client(self, reason):
        """A connection; when the block has ended it is closed, and the log must say this reason."""
        before = len(self.router.access())
        with self.router.connect() as sock:
            name = "%s:%d" % sock.getsockname()
            yield sock
        line, = self.router.wait_access(1, before, client=name)
        self.assertEqual(line["reason"], reason)

    def test_a_legal_hello_would_reach_the_victim(self):
        """Or none of the tests here would show anything."""
        with backend.Backend(backend.echo) as reached, \
                Router(routing({VICTIM: reached.text})) as router, router.connect() as sock:
            sock.sendall(hello.records(GOOD))
            self.assertEqual(net.receive(sock, 5), hello.records(GOOD)[:5])
            self.assertEqual(reached.connections, 1)

    def test_illegal_hellos(self):
        for label, (data, reason, alert) in CASES.items():
            with self.subTest(label), self.client(reason) as sock:
                sock.sendall(data)
                got, how = net.ending(sock)
                if label in ANY_ALERT:
                    self.assertTrue(got == b"" or net.alert_of(got), got)
                elif alert:
                    self.assertEqual((net.alert_of(got), how), (alert, "eof"), got)
                else:
                    self.assertEqual(got, b"")

    def test_illegal_hellos_byte_by_byte(self):
        """The verdict does not depend on how the bytes arrive."""
        for label in ("two names", "name with a NUL", "server_name twice", "plain HTTP"):
            data, reason, _ = CASES[label]
            with self.subTest(label), self.client(reason) as sock:
                try:
                    for at in range(len(data)):
                        sock.send(data[at:at + 1])
                except (BrokenPipeError, ConnectionResetError):
                    pass
                net.ending(sock)

    def test_random_garbage(self):
        rng = random.Random(7)
        for number in range(300):
            length = rng.randrange(1, 2000)
            data = bytearray(rng.randbytes(length))
            if number % 3 == 1:  # looks like a TLS record for a while
                data[:3] = b"\x16\x03\x01"
            if number % 3 == 2:  # a good hello with damaged bytes: the name, at least, is broken
                data = bytearray(hello.records(GOOD))
                at = data.index(b"victim")
                for _ in range(rng.randrange(1, 6)):
                    data[at + rng.randrange(6)] = rng.randrange(128, 256)
            with self.router.connect() as sock:
                try:
                    sock.sendall(data)
                    sock.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                net.ending(sock)

    def test_nothing_at_all(self):
        """A silent client is sent away at the hello timeout."""
        with self.router.connect() as sock:
            got, _ = net.ending(sock)
            self.assertTrue(got == b"" or net.alert_of(got), got)

    def test_half_a_hello_then_silence(self):
        with self.client("hello_timeout") as sock:
            sock.sendall(hello.records(GOOD)[:100])
            net.ending(sock)

    def test_one_byte_now_and_then(self):
        """The deadline is absolute: bytes that trickle in do not extend it."""
        data = hello.records(GOOD)
        with self.client("hello_timeout") as sock:
            sock.settimeout(0.1)
            for at in range(len(data)):
                try:
                    sock.send(data[at:at + 1])
                    if sock.recv(100) == b"":
                        break
                except TimeoutError:
                    pass
                except OSError:
                    break
            else:
                self.fail("the whole hello could be dripped in")

    def test_half_a_hello_then_end(self):
        for count in (1, 4, 5, 6, 9, 100, len(hello.records(GOOD)) - 1):
            with self.subTest(count), self.client("hello_abort") as sock:
                sock.sendall(hello.records(GOOD)[:count])
                sock.shutdown(socket.SHUT_WR)
                net.ending(sock)

    def test_reset_after_any_byte_of_the_hello(self):
        data = hello.records(GOOD)
        for count in range(0, len(data), 3):
            sock = self.router.connect()
            sock.sendall(data[:count])
            net.reset(sock)

    def test_close_at_once(self):
        for _ in range(200):
            self.router.connect().close()

    def test_many_silent_clients_disturb_nobody(self):
        """500 half hellos are held while a good client is served."""
        socks = [self.router.connect() for _ in range(500)]
        try:
            for sock in socks:
                sock.sendall(hello.records(GOOD)[:50])
            data = hello.hello("good.test")
            for _ in range(50):
                with self.router.connect() as good:
                    good.sendall(data)
                    self.assertEqual(net.receive(good, len(data)), data)
            for sock in socks:
                net.ending(sock)
        finally:
            for sock in socks:
                sock.close()


class ResetWhileRelaying(unittest.TestCase):
    def test_reset_at_any_moment(self):
        """With the hello whole, while connecting or relaying: backends see it, all is back."""
        with backend.Backend(backend.echo) as server, \
                Router(routing({VICTIM: server.text})) as router:
            before = router.open_now()
            data = hello.records(GOOD) + bytes(200_000)
            rng = random.Random(3)
            for _ in range(200):
                sock = router.connect()
                sock.setblocking(False)
                try:
                    sock.send(data[:rng.randrange(len(hello.records(GOOD)), len(data))])
                    sock.recv(rng.randrange(1, 5000))
                except BlockingIOError:
                    pass
                net.reset(sock)
            router.wait_descriptors(*before)
            self.assertEqual(server.errors, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
