"""1 GiB each way by checksum, on the path that the argument names (copy, splice or auto).

Under a sanitizer 128 MiB: it looks at each step, of which that many bytes take thousands.
"""

import hashlib
import os
import pathlib
import sys
import tempfile
import threading
import unittest

from support import backend, hello, net, tls
from support.router import Router, routing, sanitized

LENGTH = (128 << 20) if sanitized() else 1 << 30
PIECES = 16
RELAY = sys.argv.pop(1) if len(sys.argv) > 1 else "auto"


class Bytes(unittest.TestCase):
    def setUp(self):
        self.pattern = backend.pattern_file()
        self.addCleanup(os.close, self.pattern)
        self.done = threading.Event()
        self.backend_saw = None

    def serve(self, handler):
        """A router before this handler, and a connection that has sent its hello."""
        server = self.enterContext(backend.Backend(handler))
        router = self.enterContext(Router(routing({"bulk.test": server.text}), relay=RELAY))
        self.pipes = router.open_now()[1]
        sock = self.enterContext(router.connect())
        greeting = hello.hello("bulk.test")
        sock.sendall(greeting)
        self.greeting = greeting
        return router, sock

    def logged(self, router, up, down):
        line, = router.wait_access(1)
        self.assertEqual((line["bytes_in"], line["bytes_out"], line["reason"]),
                         (up + len(self.greeting), down, "closed"))

    def on_the_path_that_was_asked_for(self, router, read_on):
        """In the middle of the stream: splice has a pipe, copy has not.

        A worker closes a pipe that stands still, so that the stream must go on meanwhile.
        """
        def pipes():
            read_on()
            return router.open_now()[1] - self.pipes
        if RELAY == "copy":
            self.assertEqual(pipes(), 0)
        else:
            self.assertTrue(any(pipes() > 0 for _ in range(PIECES)), "no pipe was used")

    def test_down(self):
        def source(sock):
            net.receive(sock, len(hello.hello("bulk.test")))
            self.backend_saw = backend.send_pattern(sock, self.pattern, LENGTH)
        router, sock = self.serve(source)
        down = hashlib.blake2b()
        got = backend.digest_of(sock, LENGTH // 2, down)[0]

        def read_on():
            nonlocal got
            got += backend.digest_of(sock, LENGTH // 4 // PIECES, down)[0]
        self.on_the_path_that_was_asked_for(router, read_on)
        rest, digest = backend.digest_of(sock, LENGTH, down)
        self.assertEqual((got + rest, digest), (LENGTH, self.backend_saw))
        sock.close()
        self.logged(router, 0, LENGTH)

    def test_up(self):
        def sink(sock):
            net.receive(sock, len(hello.hello("bulk.test")))
            self.backend_saw = backend.digest_of(sock, LENGTH + 1)
            sock.sendall(b"got it")
        router, sock = self.serve(sink)
        digest = backend.send_pattern(sock, self.pattern, LENGTH)
        sock.shutdown(net.socket.SHUT_WR)
        self.assertEqual(net.receive_all(sock), b"got it")
        self.assertEqual(self.backend_saw, (LENGTH, digest))
        sock.close()
        self.logged(router, LENGTH, 6)

    def test_both_ways_at_once(self):
        """A quarter in each direction on the same connection, neither waits for the other."""
        size = LENGTH // 4

        def both(sock):
            net.receive(sock, len(hello.hello("bulk.test")))
            sender = threading.Thread(target=lambda: setattr(
                self, "sent_down", backend.send_pattern(sock, self.pattern, size)))
            sender.start()
            self.backend_saw = backend.digest_of(sock, size)
            sender.join()
        router, sock = self.serve(both)
        sender = threading.Thread(target=lambda: setattr(
            self, "sent_up", backend.send_pattern(sock, self.pattern, size)))
        sender.start()
        down = backend.digest_of(sock, size + 1)
        sender.join()
        self.assertEqual(down, (size, self.sent_down))
        self.assertEqual(self.backend_saw, (size, self.sent_up))
        sock.close()
        self.logged(router, size, size)

    def test_tls_64_mib(self):
        """A file of 64 MiB over real TLS, from nginx to curl."""
        files = pathlib.Path(tempfile.mkdtemp(prefix="sni-router-files-"))
        self.addCleanup(lambda: (files.joinpath("file").unlink(), files.rmdir()))
        files.chmod(0o755)
        data = os.pread(self.pattern, backend.PATTERN_BYTES, 0) * 8
        (files / "file").write_bytes(data)
        authority = self.enterContext(tls.Authority())
        nginx = self.enterContext(tls.NginxServer(
            {"bulk": authority.leaf("bulk", "bulk.test")}, files))
        router = self.enterContext(Router(routing({"bulk.test": nginx.texts["bulk"]}),
                                          relay=RELAY))
        got = files / "got"
        done = tls.curl(router.address(), "bulk.test", "1.3", authority.ca, "-o", str(got),
                        path="file")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(got, "rb") as result:
            digest = hashlib.file_digest(result, "blake2b").hexdigest()
        got.unlink()
        self.assertEqual(digest, hashlib.blake2b(data).hexdigest())


if __name__ == "__main__":
    unittest.main(verbosity=2)
