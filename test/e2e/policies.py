"""Each abnormal case gets what its policy says: an alert, a close, a reset, or a backend."""

import unittest

from support import backend, hello, net
from support.router import Router, routing

BROKEN = hello.records(hello.handshake(extra=[hello.server_name("a.test", "b.test")]))
# case: (bytes, reason, alert)
CASES = {
    "no_sni": (hello.hello(), "no_sni", 112),
    "unknown_sni": (hello.hello("unknown.test"), "no_route", 112),
    "not_tls": (hello.PLAIN_HTTP, "not_tls", 70),
    "malformed": (BROKEN, "malformed", 50),
    "too_large": (hello.too_large("app.test"), "too_large", 47),
    "hello_timeout": (hello.hello("app.test")[:50], "hello_timeout", 80),
    "no_server": (hello.hello("dead.test"), None, 80),
}


class Policies(unittest.TestCase):
    def start(self, action, cases=CASES):
        fallback = self.enterContext(backend.Backend(backend.says("fallback")))
        config = routing({"app.test": fallback.text,
                          "dead.test": net.refusing(self)},
                         policies={case: action for case in cases}, timeouts={"hello": "1s"})
        return self.enterContext(Router(config))

    def outcomes(self, router, cases=CASES):
        for case in cases:
            data, reason, alert = CASES[case]
            before = len(router.access())
            with self.subTest(case), router.connect() as sock:
                name = "%s:%d" % sock.getsockname()
                sock.sendall(data)
                yield sock, data, alert
                sock.close()
                line, = router.wait_access(1, before, client=name)
                if reason:
                    self.assertEqual(line["reason"], reason)

    def test_alert(self):
        for sock, _, alert in self.outcomes(self.start("alert")):
            got, how = net.ending(sock)
            self.assertEqual((net.alert_of(got), how), (alert, "eof"), got)

    def test_close(self):
        for sock, _, _ in self.outcomes(self.start("close")):
            self.assertEqual(net.ending(sock)[0], b"")

    def test_reset(self):
        for sock, _, _ in self.outcomes(self.start("reset")):
            self.assertEqual(net.ending(sock), (b"", "reset"))

    def test_backend(self):
        """The very bytes go to the backend that the policy names."""
        cases = ("no_sni", "unknown_sni", "not_tls")
        router = self.start({"backend": "b0"}, cases)
        for case in cases:
            data, _, _ = CASES[case]
            with self.subTest(case), router.connect() as sock:
                sock.sendall(data)
                self.assertEqual(net.receive(sock, 9 + len(data)), b"fallback\n" + data)
            line, = router.wait_access(1, policy=case)
            self.assertEqual((line["backend"], "route" in line), ("b0", False))

    def test_alert_survives_bytes_still_under_way(self):
        """A client that keeps sending behind its hello still gets to read the alert."""
        router = self.start("alert")
        data = hello.hello("unknown.test") + bytes(60_000)
        for _ in range(50):
            with router.connect() as sock:
                sock.sendall(data)
                self.assertEqual(net.alert_of(net.ending(sock)[0]), 112)


if __name__ == "__main__":
    unittest.main(verbosity=2)
