"""The access log: one JSON line per connection, every field, attacker text never raw."""

import re
import signal
import subprocess
import unittest

from support import backend, hello, net
from support.router import BINARY, Router, routing

HELLO = hello.hello("App.TEST.", protocols=("h2", "http/1.1"))
KNOWN = set("""ts id listener client sni alpn tls looks ech route policy backend server
    hello_bytes hello_ms connect_ms first_byte_ms duration_ms retries tried bytes_in bytes_out
    reason term worker""".split())


class AccessLog(unittest.TestCase):
    def exchange(self, router, data, answer):
        with router.connect() as sock:
            port = sock.getsockname()[1]
            sock.sendall(data)
            self.assertEqual(net.receive(sock, len(answer)), answer)
        return f"127.0.0.1:{port}"

    def test_every_field(self):
        server = self.enterContext(backend.Backend(backend.echo))
        router = self.enterContext(Router(routing({"*.test": server.text})))
        client = self.exchange(router, HELLO + b"ping", HELLO + b"ping")
        line, = router.wait_access(1)
        self.assertEqual(set(line) - KNOWN, set())
        expected = {"listener": "public", "client": client, "sni": "app.test", "route": "*.test",
                    "backend": "b0", "server": server.text, "hello_bytes": len(HELLO),
                    "bytes_in": len(HELLO) + 4, "bytes_out": len(HELLO) + 4, "reason": "closed"}
        self.assertEqual({key: line.get(key) for key in expected}, expected)
        self.assertRegex(line["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)$")
        self.assertIn(line["worker"], (0, 1, 2))
        self.assertTrue(line["id"])
        self.assertIn("1.3", line["tls"])
        self.assertIn("h2", str(line["alpn"]))
        for key in ("hello_ms", "connect_ms", "first_byte_ms", "duration_ms"):
            self.assertGreaterEqual(line[key], 0, key)
            self.assertLess(line[key], 60_000, key)
        self.assertRegex(line["term"], r"^[A-Za-z-]{2}$")

    def test_ids_are_unique(self):
        server = self.enterContext(backend.Backend(backend.echo))
        router = self.enterContext(Router(routing({"*.test": server.text})))
        for _ in range(50):
            self.exchange(router, HELLO, HELLO)
        lines = router.wait_access(50)
        self.assertEqual(len({line["id"] for line in lines}), 50)

    def test_what_was_refused_has_its_reason(self):
        router = self.enterContext(Router(routing({"app.test": "127.0.0.1:9"})))
        for name, reason in (("other.test", "no_route"), (None, "no_sni")):
            with router.connect() as sock:
                sock.sendall(hello.hello(name))
                net.ending(sock)
            line, = router.wait_access(1, reason=reason)
            self.assertEqual(line.get("sni"), name)
            self.assertNotIn("server", line)

    def test_attacker_text_is_never_raw(self):
        """Neither in the access log nor on stderr, whatever is sent as name or protocol."""
        router = self.enterContext(Router(routing({"app.test": "127.0.0.1:9"}) |
                                          {"policies": {"no_server": "close"}}))
        evil = [b"evil\",\"reason\":\"closed", b"evil\nforged line", b"evil\x1b[31m",
                b"evil\\u0000", b"evil<script>", "evil\u202e".encode(), b"evil\xff\xfe",
                b"evil\x00"]
        for text in evil:
            protocols = hello.extension(16, hello.vector(2, hello.vector(1, text)))
            for data in (hello.hello(text.decode("latin-1")),
                         hello.records(hello.handshake(extra=[hello.server_name(text)])),
                         hello.records(hello.handshake("app.test", extra=[protocols]))):
                with router.connect() as sock:
                    sock.sendall(data)
                    net.ending(sock)
        lines = router.wait_access(3 * len(evil))
        self.assertEqual(len(lines), 3 * len(evil))
        for line in lines:
            self.assertEqual(set(line) - KNOWN, set())
            self.assertIn(line.get("sni"), (None, "app.test"))
        raw = router.access_file.read_bytes()
        self.assertEqual(re.findall(rb"[^\n -~]", raw), [], "only printable ASCII")
        for byte in ("\x1b", "\x00", "\u202e", "forged line\n"):
            self.assertNotIn(byte, router.stderr())

    def test_rotation(self):
        """After USR1 the lines go to a new file of the old name; none is lost or written twice."""
        server = self.enterContext(backend.Backend(backend.echo))
        router = self.enterContext(Router(routing({"*.test": server.text})))
        rotated = router.access_file.with_suffix(".1")
        self.exchange(router, HELLO, HELLO)
        self.assertEqual(len(router.wait_access(1)), 1)
        router.access_file.rename(rotated)
        self.exchange(router, HELLO, HELLO)
        net.wait_until("the second line", lambda: rotated.read_bytes().count(b"\n") == 2)
        router.signal(signal.SIGUSR1)
        net.wait_until("a new file", router.access_file.exists)
        self.exchange(router, HELLO, HELLO)
        self.assertEqual(len(router.wait_access(1)), 1)
        self.assertEqual(rotated.read_bytes().count(b"\n"), 2)

    def test_other_formats(self):
        server = self.enterContext(backend.Backend(backend.echo))
        for form, pattern in (("logfmt", r"(^| )sni=app\.test .*reason=closed"),
                              ("haproxy", r"127\.0\.0\.1:\d+ \[[^]]+\] public b0/\S+ .* -- ")):
            with self.subTest(form):
                config = routing({"*.test": server.text}) | {"log": {"access": {"format": form}}}
                router = self.enterContext(Router(config))
                self.exchange(router, HELLO, HELLO)
                line, = net.wait_until(
                    "a line", lambda: router.access_file.read_text().splitlines())
                self.assertRegex(line, pattern)

    def test_silent_close_is_no_line(self):
        """A port scan or a health check of a balancer leaves the log as it was."""
        server = self.enterContext(backend.Backend(backend.echo))
        router = self.enterContext(Router(routing({"*.test": server.text})))
        for _ in range(5):
            router.connect().close()
        self.exchange(router, HELLO, HELLO)
        self.assertEqual(len(router.wait_access(1)), 1)
        router.stop()
        self.assertEqual(len(router.access()), 1)

    def test_standard_output(self):
        """Path "-": the lines come on stdout, and only they."""
        server = self.enterContext(backend.Backend(backend.echo))
        config = routing({"*.test": server.text}) | {"log": {"access": {"path": "-"}}}
        with Router(config) as router:
            arguments = [BINARY, "run", "-c", str(router.file)]
            process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       text=True)
            try:
                for text in process.stderr:
                    if match := re.search(r"listening on 127\.0\.0\.1:(\d+)", text):
                        break
                with net.connect(("127.0.0.1", int(match.group(1)))) as sock:
                    sock.sendall(HELLO)
                    self.assertEqual(net.receive(sock, len(HELLO)), HELLO)
            finally:
                process.terminate()
            out, _ = process.communicate(timeout=240)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(len(out.splitlines()), 1, out)
        self.assertIn('"sni":"app.test"', out.replace(": ", ":"))

    def test_router_lives_on_when_the_log_cannot_be_written(self):
        """A full disk (/dev/full) must not stop traffic."""
        server = self.enterContext(backend.Backend(backend.echo))
        config = routing({"*.test": server.text}) | {"log": {"access": {"path": "/dev/full"}}}
        router = self.enterContext(Router(config))
        for _ in range(200):
            self.exchange(router, HELLO, HELLO)


if __name__ == "__main__":
    unittest.main(verbosity=2)
