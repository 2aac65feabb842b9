"""Listeners and servers of every kind: IPv4, IPv6, dual stack, unix sockets, several at once."""

import os
import socket
import pathlib
import stat
import tempfile
import unittest

from support import backend, hello, net
from support.router import Router, routing

HELLO = hello.hello("app.test")


def have_ipv6():
    try:
        net.socket.create_server(("::1", 0), family=net.socket.AF_INET6).close()
        return True
    except OSError:
        return False


class Addresses(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory(prefix="sni-router-")))

    def start(self, server, *listeners):
        config = routing({"app.test": server})
        config["listeners"] = list(listeners)
        return self.enterContext(Router(config))

    def reaches(self, address, text=b"a\n"):
        with net.connect(address) as sock:
            sock.sendall(HELLO)
            self.assertEqual(net.receive(sock, len(text) + len(HELLO)), text + HELLO)

    def test_servers(self):
        kinds = {"IPv4": ("127.0.0.1", 0), "unix": str(self.dir / "server.sock"),
                 "abstract": f"@sni-router-test-{os.getpid()}"}
        if have_ipv6():
            kinds["IPv6"] = ("::1", 0)
        for kind, address in kinds.items():
            with self.subTest(kind), backend.Backend(backend.says("a"), address) as server:
                router = self.start(server.text, {"name": "public", "address": "127.0.0.1:0"})
                for _ in range(3):
                    self.reaches(router.address())
                self.assertEqual(server.connections, 3)
                for line in router.wait_access(3):
                    self.assertEqual(line["server"], server.text)

    def test_server_named_localhost(self):
        try:
            socket.getaddrinfo("localhost", None)
        except OSError as error:
            self.skipTest(f"this machine does not know localhost: {error}")
        with backend.Backend(backend.says("a")) as server:
            router = self.start(f"localhost:{server.port}",
                                {"name": "public", "address": "127.0.0.1:0"})
            self.reaches(router.address())

    def test_unix_listener(self):
        path = self.dir / "public.sock"
        server = self.enterContext(backend.Backend(backend.says("a")))
        router = self.start(server.text,
                            {"name": "public", "address": f"unix:{path}", "mode": "0600"})
        self.assertEqual(router.listeners["public"], f"unix:{path}")
        for _ in range(5):
            self.reaches(str(path))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual({line["listener"] for line in router.wait_access(5)}, {"public"})
        router.stop()
        self.assertFalse(path.exists(), "the socket's file stays behind")

    def test_unix_listener_after_a_crash(self):
        """A file that a killed router left behind does not stand in the way of the next."""
        path = self.dir / "public.sock"
        server = self.enterContext(backend.Backend(backend.says("a")))
        listener = {"name": "public", "address": f"unix:{path}"}
        config = routing({"app.test": server.text}) | {"listeners": [listener]}
        Router(config).kill()
        self.assertTrue(path.exists())
        self.start(server.text, listener)
        self.reaches(str(path))

    def test_unix_listener_in_use(self):
        path = self.dir / "public.sock"
        listener = {"name": "public", "address": f"unix:{path}"}
        server = self.enterContext(backend.Backend(backend.says("a")))
        self.start(server.text, listener)
        second = Router(routing({"app.test": server.text}) | {"listeners": [listener]}, wait=False)
        try:
            self.assertEqual(second.wait_exit(), 71, second.stderr())
            self.assertIn(str(path), second.stderr())
        finally:
            second.kill()
        self.reaches(str(path))

    def test_abstract_unix_listener(self):
        name = f"@sni-router-listener-{os.getpid()}"
        server = self.enterContext(backend.Backend(backend.says("a")))
        self.start(server.text, {"name": "public", "address": f"unix:{name}"})
        self.reaches(name)

    def test_several_listeners_and_a_route_for_one(self):
        inside = self.enterContext(backend.Backend(backend.says("inside")))
        outside = self.enterContext(backend.Backend(backend.says("outside")))
        config = routing({"app.test": outside.text})
        config["listeners"] = [{"name": "outside", "address": "127.0.0.1:0"},
                               {"name": "inside", "address": "127.0.0.2:0"}]
        config["backends"]["in"] = {"servers": [inside.text]}
        config["routes"].append({"host": "app.test", "listener": "inside", "backend": "in"})
        router = self.enterContext(Router(config))
        self.reaches(router.address("outside"), b"outside\n")
        self.reaches(router.address("inside"), b"inside\n")

    def test_route_by_client_address(self):
        near = self.enterContext(backend.Backend(backend.says("near")))
        far = self.enterContext(backend.Backend(backend.says("far")))
        config = routing({"app.test": far.text})
        config["listeners"] = [{"name": "public", "address": "0.0.0.0:0"}]
        config["backends"]["near"] = {"servers": [near.text]}
        config["routes"].append(
            {"host": "app.test", "from": ["127.0.0.8/30"], "backend": "near"})
        router = self.enterContext(Router(config))
        port = router.address()[1]
        for source, expected in (("127.0.0.1", b"far"), ("127.0.0.8", b"near"),
                                 ("127.0.0.11", b"near"), ("127.0.0.12", b"far")):
            with net.socket.create_connection(("127.0.0.1", port), 30, (source, 0)) as sock:
                sock.sendall(HELLO)
                self.assertEqual(net.receive(sock, len(expected)), expected)

    @unittest.skipUnless(have_ipv6(), "no IPv6 on this machine")
    def test_ipv6_listener_and_dual_stack(self):
        server = self.enterContext(backend.Backend(backend.says("a")))
        router = self.start(server.text, {"name": "v6", "address": "[::1]:0"},
                            {"name": "dual", "address": "[::]:0"},
                            {"name": "only", "address": "[::]:0", "v6only": True})
        self.reaches(router.address("v6"))
        _, port = router.address("dual")
        self.reaches(("::1", port))
        self.reaches(("127.0.0.1", port))
        _, port = router.address("only")
        self.reaches(("::1", port))
        self.assertFalse(net.accepts(("127.0.0.1", port)))
        clients = [line["client"] for line in router.wait_access(4)]
        self.assertEqual(sum(client.startswith("127.0.0.1:") for client in clients), 1, clients)
        self.assertEqual(sum(client.startswith("[::1]:") for client in clients), 3, clients)

    @unittest.skipUnless(have_ipv6(), "no IPv6 on this machine")
    def test_from_matches_ipv4_on_a_dual_stack_listener(self):
        near = self.enterContext(backend.Backend(backend.says("near")))
        config = routing({"app.test": {"servers": near.text, "from": ["127.0.0.0/8"]}})
        config["listeners"] = [{"name": "dual", "address": "[::]:0"}]
        router = self.enterContext(Router(config))
        _, port = router.address("dual")
        self.reaches(("127.0.0.1", port), b"near\n")
        with net.connect(("::1", port)) as sock:
            sock.sendall(HELLO)
            self.assertEqual(net.alert_of(net.ending(sock)[0]), 112)


if __name__ == "__main__":
    unittest.main(verbosity=2)
