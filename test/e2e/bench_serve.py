"""The backends of sni-bench serve, as foreign clients see them."""

import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from support import bench, hello

TOOL = sys.argv[2]
HELLO = hello.hello("any.test")
ECHO, SINK, SOURCE, DUPLEX, REQUEST = range(1, 6)
PATTERN, TRAILER = 1, 2


def request(mode, flags=0, seed=0, up=0, down=0):
    return b"SNIb" + struct.pack(">BBHQQQ", 1, mode, flags, seed, up, down)


def connect(address):
    host, port = address.rsplit(":", 1)
    sock = socket.create_connection((host, int(port)), timeout=120)
    return sock


def exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise AssertionError(f"ended after {len(data)} of {count} bytes")
        data += piece
    return data


def rest(sock):
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def banner(sock):
    head = exactly(sock, 8)
    assert head[:5] == b"SNIr\x01", head
    return head[5], exactly(sock, head[6] << 8 | head[7]).decode()


def pattern(seed, count):
    """The documented pattern, written independently."""
    mask = (1 << 64) - 1
    out = bytearray()
    for index in range((count + 7) // 8):
        value = (seed + index * 0x9E3779B97F4A7C15) & mask
        value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ value >> 27) * 0x94D049BB133111EB) & mask
        out += struct.pack("<Q", value ^ value >> 31)
    return bytes(out[:count])


class Wire(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.serve = cls.enterClassContext(bench.Serve(TOOL))

    def open(self, *data):
        sock = self.enterContext(connect(self.serve.address))
        for piece in data:
            sock.sendall(piece)
        return sock

    def test_echo(self):
        sock = self.open(HELLO + request(ECHO))
        self.assertEqual(banner(sock), (0, "backend"))
        data = os.urandom(300_000)

        def send():
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)  # who does not read meanwhile holds up the echo
        sender.start()
        self.assertEqual(rest(sock), data)
        sender.join()

    def test_every_cut_of_hello_and_request(self):
        data = HELLO + request(SOURCE, down=5)
        for cut in (*range(1, len(data), 37), len(HELLO) - 1, len(HELLO), len(HELLO) + 1,
                    len(HELLO) + 31):
            sock = self.open()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(data[:cut])
            sock.sendall(data[cut:])
            self.assertEqual(banner(sock), (0, "backend"))
            self.assertEqual(len(rest(sock)), 5)

    def test_source_sends_the_pattern(self):
        sock = self.open(HELLO + request(SOURCE, PATTERN, seed=99, down=100_003))
        banner(sock)
        self.assertEqual(rest(sock), pattern(~99 & (1 << 64) - 1, 100_003))

    def test_sink_tells_what_arrived(self):
        data = pattern(7, 50_001)
        sock = self.open(HELLO + request(SINK, PATTERN | TRAILER, seed=7), data)
        sock.shutdown(socket.SHUT_WR)
        banner(sock)
        self.assertEqual(rest(sock), b"SNIt\x01\0\0\0" + struct.pack(">QQ", 50_001, 2**64 - 1))

    def test_sink_finds_a_flipped_byte(self):
        data = bytearray(pattern(7, 50_001))
        data[12_345] ^= 0x10
        sock = self.open(HELLO + request(SINK, PATTERN | TRAILER, seed=7), bytes(data))
        sock.shutdown(socket.SHUT_WR)
        banner(sock)
        self.assertEqual(rest(sock), b"SNIt\x01\x01\0\0" + struct.pack(">QQ", 50_001, 12_345))

    def test_requests_are_answered_one_by_one(self):
        sock = self.open(HELLO + request(REQUEST, up=10, down=70_000))
        banner(sock)
        for _ in range(5):
            sock.sendall(b"x" * 4)
            sock.sendall(b"x" * 6)
            self.assertEqual(len(exactly(sock, 70_000)), 70_000)
        sock.sendall(b"x" * 30)
        sock.shutdown(socket.SHUT_WR)
        self.assertEqual(len(rest(sock)), 210_000)

    def test_duplex(self):
        up = pattern(3, 200_000)
        sock = self.open(HELLO + request(DUPLEX, PATTERN | TRAILER, seed=3, down=200_000), up)
        sock.shutdown(socket.SHUT_WR)
        banner(sock)
        data = rest(sock)
        self.assertEqual(data[:200_000], pattern(~3 & (1 << 64) - 1, 200_000))
        self.assertEqual(data[200_000:], b"SNIt\x01\0\0\0" + struct.pack(">QQ", 200_000, 2**64 - 1))

    def test_foreign_bytes_behind_the_hello_are_echoed(self):
        sock = self.open(HELLO + b"nothing of yours")
        self.assertEqual(exactly(sock, 16), b"nothing of yours")

    def test_plain_http(self):
        sock = self.open(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while b"hello from backend\n" not in answer:
            answer += exactly(sock, 1)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)

    def test_malformed_hello_is_refused(self):
        record = bytes([22, 3, 1, 0, 4, 1, 0, 0, 0])
        sock = self.open(record)
        with self.assertRaises(OSError):
            if not sock.recv(10):
                raise OSError("ended")


class Names(unittest.TestCase):
    def test_each_name_has_a_port_and_says_so(self):
        with bench.Serve(TOOL, "--names", "a.test,*.b.test") as serve:
            self.assertEqual([name for name, _ in serve.backends], ["a.test", "*.b.test"])
            for asked, index, flags in (("a.test", 0, 0), ("b.test", 0, 1), ("x.b.test", 1, 0),
                                        ("y.x.b.test", 1, 1), (None, 0, 3)):
                with connect(serve.backends[index][1]) as sock:
                    sock.sendall(hello.hello(asked) + request(SOURCE, down=1))
                    self.assertEqual(banner(sock), (flags, serve.backends[index][0]), asked)

    def test_consecutive_ports(self):
        # Below the range that clients' ports are taken from; somebody else may listen there.
        for first in random.sample(range(10_000, 30_000), 20):
            try:
                serve = bench.Serve(TOOL, "--names", "4", "--listen", f"127.0.0.1:{first}")
            except AssertionError as taken:
                self.assertIn("Address already in use", str(taken))
                continue
            with serve:
                self.assertEqual([address for _, address in serve.backends],
                                 [f"127.0.0.1:{first + i}" for i in range(4)])
            return
        self.fail("no four free ports in a row in twenty attempts")

    def test_one_port(self):
        with bench.Serve(TOOL, "--one-port", "--names", "50") as serve:
            self.assertEqual(len({address for _, address in serve.backends}), 1)
            with connect(serve.address) as sock:
                sock.sendall(hello.hello("b33.bench.test") + request(SOURCE, down=1))
                self.assertEqual(banner(sock), (0, "b33.bench.test"))

    def test_modes_for_foreign_clients(self):
        with bench.Serve(TOOL, "--mode", "source", "--source-bytes", "100") as serve:
            with connect(serve.address) as sock:
                sock.sendall(HELLO)
                self.assertEqual(len(rest(sock)), 100)
        with bench.Serve(TOOL, "--mode", "pattern", "--source-bytes", "1k") as serve:
            with connect(serve.address) as sock:
                sock.sendall(HELLO)
                self.assertEqual(rest(sock), pattern(2**64 - 1, 1024))
        for mode in ("source", "pattern"):
            with bench.Serve(TOOL, "--mode", mode, "--source-bytes", "70k") as serve:
                for said in (b"", b"x", HELLO):
                    with connect(serve.address) as sock:
                        sock.sendall(said)
                        sock.shutdown(socket.SHUT_WR)
                        self.assertEqual(len(rest(sock)), 70 * 1024)
        with bench.Serve(TOOL, "--mode", "sink") as serve:
            with connect(serve.address) as sock:
                sock.shutdown(socket.SHUT_WR)
                self.assertEqual(rest(sock), b"")
        with bench.Serve(TOOL, "--mode", "sink") as serve:
            with connect(serve.address) as sock:
                sock.sendall(HELLO + b"x" * 100_000)
                sock.shutdown(socket.SHUT_WR)
                self.assertEqual(rest(sock), b"")

    def test_two_do_not_share_a_port(self):
        with bench.Serve(TOOL, "-t", "2") as serve:
            done = subprocess.run([TOOL, "serve", "--listen", serve.address], capture_output=True,
                                  text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("Address already in use", done.stderr)

    def test_unix_sockets_are_taken_over_only_when_abandoned(self):
        scratch = self.enterContext(tempfile.TemporaryDirectory(prefix="bench_serve."))
        path = os.path.join(scratch, "socket")
        with open(path, "w", encoding="ascii") as file:
            file.write("kept")
        self.refused(1, ["--listen", f"unix:{path}"], "is no socket; choose another path")
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), "kept")
        os.unlink(path)
        self.refused(1, ["--listen", f"unix:{scratch}/no/socket"], "make its directory first")
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
            other.listen()
            self.refused(1, ["--listen", f"unix:{path}"], "Address already in use")
        with bench.Serve(TOOL, "--listen", f"unix:{path}", "-t", "2"):
            self.assertTrue(os.path.exists(path))
        self.assertFalse(os.path.exists(path))

    def test_bad_start(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            taken.listen()
            for arguments, said in ((["--listen", address], "Address already in use"),
                                    (["--tls", "--ca-out", "/nonexistent/ca"], "--ca-out")):
                self.refused(1, arguments, said)

    def test_usage(self):
        for arguments, said in ((["--listen", "nowhere"], "--listen 'nowhere'"),
                                (["--names", "0"], "--names '0'"),
                                (["--cpu-list", "9999"], "--cpu-list '9999'"),
                                (["--cpu-list", "x"], "--cpu-list 'x'"),
                                (["--tls", "--alpn", ","], "--alpn ','"),
                                (["-t", "0"], "--threads must be greater than zero"),
                                (["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"], "2 times"),
                                (["--names", "2", "--listen", "unix:/tmp/x"], "--one-port"),
                                (["--names", "3", "--listen", "127.0.0.1:65534"], "ports")):
            self.refused(64, arguments, said)

    def test_quiet_says_ready_and_no_more(self):
        with bench.Serve(TOOL, "--names", "3", "--quiet") as serve:
            self.assertEqual(serve.backends, [])
            self.assertEqual(serve.stop(), "")

    def refused(self, code, arguments, said):
        done = subprocess.run([TOOL, "serve", *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, arguments)
        self.assertIn(said, done.stderr)
        self.assertEqual(done.stdout, "")


class Tls(unittest.TestCase):
    def setUp(self):
        scratch = self.enterContext(tempfile.TemporaryDirectory(prefix="bench_serve."))
        self.ca = os.path.join(scratch, "ca.pem")

    def ask(self, address, name):
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols(["h2", "http/1.1"])
        with context.wrap_socket(connect(address), server_hostname=name) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(sock.selected_alpn_protocol(), "http/1.1")
            return rest(sock)

    def test_certificates_verify_and_are_each_ones_own(self):
        names = "shop.test,blog.test,*.apps.test"
        with bench.Serve(TOOL, "--tls", "--names", names, "--ca-out", self.ca) as serve:
            for index, name in enumerate(("shop.test", "blog.test", "x.apps.test")):
                said = self.ask(serve.backends[index][1], name)
                name = names.split(",")[index].encode()
                self.assertTrue(said.endswith(b"hello from %s\n" % name))
            with self.assertRaises(ssl.SSLCertVerificationError):
                self.ask(serve.backends[0][1], "blog.test")

    def test_one_port_chooses_the_certificate(self):
        with bench.Serve(TOOL, "--tls", "--one-port", "--names", "a.test,b.test", "--ca-out",
                         self.ca) as serve:
            for name in ("a.test", "b.test"):
                self.assertIn(f"hello from {name}\n".encode(), self.ask(serve.address, name))

    def test_tls12(self):
        with bench.Serve(TOOL, "--tls", "--names", "a.test", "--ca-out", self.ca) as serve:
            context = ssl.create_default_context(cafile=self.ca)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with context.wrap_socket(connect(serve.address), server_hostname="a.test") as sock:
                sock.sendall(request(REQUEST, up=3, down=40_000) + b"abc")
                self.assertEqual(banner(sock), (0, "a.test"))
                self.assertEqual(len(exactly(sock, 40_000)), 40_000)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
