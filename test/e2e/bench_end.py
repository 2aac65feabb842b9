"""sni-bench serve ends what it sends: last bytes and FIN in one segment, and nothing paced."""

import re
import shutil
import socket
import struct
import subprocess
import sys
import unittest

from support import bench, hello

TOOL = sys.argv[2]
HELLO = hello.hello("any.test")
SOURCE = 3
PATTERN = 1
# struct tcp_info: bytes_received, segs_in, data_segs_in
BYTES_RECEIVED, SEGMENTS_IN, DATA_SEGMENTS_IN = ("Q", 128), ("I", 140), ("I", 152)


def request(mode, flags=0, down=0):
    return b"SNIb" + struct.pack(">BBHQQQ", 1, mode, flags, 7, 0, down)


def known(sock, field):
    form, offset = field
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("=" + form, info, offset)[0]


def connect(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host.strip("[]"), int(port)), timeout=20)


def read_all(sock):
    while sock.recv(1 << 20):
        pass


class LastSegment(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.serve = cls.enterClassContext(bench.Serve(TOOL))

    def bare_segments(self, what):
        """How many segments without data came in, of a connection that sent one segment."""
        with connect(self.serve.address) as sock:
            sock.sendall(HELLO + what)
            read_all(sock)
            self.assertGreater(known(sock, BYTES_RECEIVED), 0)
            return known(sock, SEGMENTS_IN) - known(sock, DATA_SEGMENTS_IN)

    def test_the_fin_is_in_the_last_bytes_segment(self):
        """Bare are the SYN's answer and one acknowledgement; a FIN of its own would be a third.

        Of answers that take several segments nothing is sure: an acknowledgement of the first may
        let the last one go before its FIN is there.
        """
        for name, what in (("source", request(SOURCE, down=1024)),
                           ("pattern", request(SOURCE, PATTERN, down=1024)),
                           ("http", None)):
            with self.subTest(what=name):
                for _ in range(10):
                    segments = self.bare_segments(what) if what else self.http_segments()
                    self.assertLessEqual(segments, 2)

    def http_segments(self):
        with connect(self.serve.address) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            read_all(sock)
            return known(sock, SEGMENTS_IN) - known(sock, DATA_SEGMENTS_IN)


@unittest.skipIf(shutil.which("ss", path="/usr/sbin:/usr/bin:/sbin:/bin") is None, "no ss")
class Pacing(unittest.TestCase):
    def congestion_control(self, sock):
        """Of both ends of a connection."""
        ports = {sock.getsockname()[1], sock.getpeername()[1]}
        port = sock.getsockname()[1]  # of many thousands of sockets only these are looked at
        out = subprocess.run(["ss", "-tinOH", "state", "established", f"( sport = :{port} or "
                              f"dport = :{port} )"], check=True, text=True, capture_output=True,
                             env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}).stdout
        found = []
        for line in out.splitlines():
            words = line.split()
            if {int(words[i].rsplit(":", 1)[1]) for i in (2, 3)} == ports:
                found.append((int(words[2].rsplit(":", 1)[1]), line))
        return {port: re.search(r"\b(reno|cubic|bbr\d*|dctcp|vegas|htcp)\b", line).group(1)
                for port, line in found}

    def test_backends_do_not_pace_for_this_machine(self):
        for listen in ("127.0.0.1:0", "0.0.0.0:0", "[::]:0"):
            with self.subTest(listen=listen), bench.Serve(TOOL, "--listen", listen) as serve:
                port = int(serve.address.rsplit(":", 1)[1])
                with connect(f"127.0.0.1:{port}") as sock:
                    sock.sendall(HELLO + request(SOURCE))
                    self.assertTrue(sock.recv(100))
                    self.assertEqual(self.congestion_control(sock)[port], "reno")

    def test_clients_do_not_pace_for_this_machine(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            listener.settimeout(20)
            with subprocess.Popen([TOOL, "bulk", f"127.0.0.1:{port}", "-c", "1", "-q"],
                                  stdout=subprocess.DEVNULL) as tool:
                sock = listener.accept()[0]
                with sock:
                    self.assertTrue(sock.recv(100))
                    client = sock.getpeername()[1]
                    self.assertEqual(self.congestion_control(sock)[client], "reno")
                    tool.terminate()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
