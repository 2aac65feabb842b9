"""Listening that is kept, moved, left, lost, and found again; ports that are somebody else's."""

import errno
import os
import pathlib
import resource
import signal
import socket
import tempfile
import unittest

from support import backend, hello, net, seccomp
from support.router import Router, routing

HELLO = hello.hello("app.test")
OS_ERROR = 71


def have_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


class Listening(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(backend.Backend(backend.echo))

    def config(self, *addresses, **more):
        """Listeners at these addresses, called "0", "1" ..."""
        config = routing({"app.test": self.server.text}) | more
        config["listeners"] = [{"name": str(n), "address": a} if isinstance(a, str) else
                               {"name": str(n)} | a for n, a in enumerate(addresses)]
        return config

    def start(self, *addresses, prepare=None, **more):
        return self.enterContext(Router(self.config(*addresses, **more), prepare=prepare))

    def refused(self, pattern, *addresses, prepare=None):
        """It does not start, and says why."""
        router = Router(self.config(*addresses), wait=False, prepare=prepare)
        try:
            self.assertEqual(router.wait_exit(), OS_ERROR, router.stderr())
            self.assertRegex(router.stderr(), pattern)
        finally:
            router.kill()

    def served(self, sock):
        sock.sendall(HELLO)
        self.assertEqual(net.receive(sock, len(HELLO)), HELLO)

    def silent(self, router, listener="0", count=10):
        """Clients that have connected and say nothing yet."""
        return [self.enterContext(router.connect(listener)) for _ in range(count)]


class Reloads(Listening):
    def test_backlog_name_and_freebind_keep_the_clients(self):
        port = net.free_port()
        address = f"127.0.0.1:{port}"
        router = self.start(address)
        for change in ({"backlog": 7}, {"name": "other", "backlog": 7},
                       {"name": "0", "freebind": True}, {"backlog": 4096}):
            with self.subTest(change):
                clients = [self.enterContext(net.connect(("127.0.0.1", port)))
                           for _ in range(10)]
                router.reload(self.config({"address": address} | change))
                for client in clients:
                    self.served(client)

    def test_removed_listener_serves_who_has_connected(self):
        router = self.start("127.0.0.1:0", "127.0.0.1:0")
        second = router.address("1")
        soon, later = self.silent(router, "1"), self.silent(router, "1")
        router.reload(self.config("127.0.0.1:0"))
        for client in soon:
            self.served(client)
        net.wait_until("the listener to be gone", lambda: not net.accepts(second))
        for client in later:
            self.served(client)
        lines = [line for line in router.access() if line.get("sni")]
        self.assertEqual({line["listener"] for line in lines} - {"1"}, set())

    def test_listener_that_moves_to_a_wider_address(self):
        """The new socket is there before the old one goes, and nobody is refused."""
        router = self.start("127.0.0.1:0")
        address = router.address("0")
        clients = self.silent(router)
        router.reload(self.config(f"0.0.0.0:{address[1]}"))
        for _ in range(20):
            with net.connect(address) as client:
                self.served(client)
        for client in clients:
            self.served(client)

    def test_more_listeners_than_descriptors(self):
        """Descriptors are counted again at a reload: too few for what is asked changes nothing."""
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (120, 120))
        router = self.start("127.0.0.1:0", prepare=few)
        many = self.config("127.0.0.1:0", *["127.0.0.1:0"] * 60)
        router.reload(many, expect="descriptor limit of 120 is too low for 2 workers and 61 list")
        with router.connect("0") as client:
            self.served(client)
        router.reload(self.config("127.0.0.1:0", *["127.0.0.1:0"] * 4))


class Ends(Listening):
    def test_who_has_connected_is_served(self):
        for number in (signal.SIGTERM, signal.SIGQUIT):
            with self.subTest(number):
                router = self.start("127.0.0.1:0", timeouts={"drain": "60s"})
                address = router.address("0")
                soon, later = self.silent(router), self.silent(router)
                router.signal(number)
                router.wait_line("ending")
                for client in soon:
                    self.served(client)
                    client.close()
                net.wait_until("listeners to close", lambda: not net.accepts(address))
                for client in later:
                    self.served(client)
                    client.close()
                self.assertEqual(router.wait_exit(), 0)

    @unittest.skipUnless(seccomp.AVAILABLE, "the filter is for x86-64")
    def test_accepting_is_forbidden(self):
        """Said, retried with patience; and it ends when it is told to."""
        router = self.start("127.0.0.1:0", timeouts={"drain": "60s"},
                            prepare=seccomp.fails(seccomp.ACCEPT4, errno.EPERM))
        self.silent(router)[0].sendall(HELLO)
        router.wait_line(r"cannot accept on 127\.0\.0\.1:\d+ \(0\), worker \d: accept4: Operation "
                         "not permitted: opening it again in 100 ms")
        router.wait_line(r"listening again on 127\.0\.0\.1:\d+ \(0\)")
        router.signal(signal.SIGTERM)
        self.assertEqual(router.wait_exit(), 0)


class Ports(Listening):
    """Two instances: the second must not share a port silently."""

    def test_second_instance(self):
        port = net.free_port()
        self.start(f"127.0.0.1:{port}")
        for addresses in ([f"127.0.0.1:{port}"], [f"127.0.0.2:{port}", f"127.0.0.1:{port}"],
                          [f"127.0.0.2:{port}", f"0.0.0.0:{port}"], [f"0.0.0.0:{port}"]):
            with self.subTest(addresses):
                self.refused(f":{port} .*bind: Address already in use", *addresses)

    def test_second_instance_reloads(self):
        port = net.free_port()
        first = self.start(f"127.0.0.1:{port}")
        second = self.start(f"127.0.0.2:{port}")
        for address in (f"127.0.0.1:{port}", f"0.0.0.0:{port}", f":{port}"):
            with self.subTest(address):
                second.reload(self.config(f"127.0.0.2:{port}", address), expect="already in use")
        for _ in range(20):
            with first.connect("0") as client:
                self.served(client)
        self.assertEqual(len(first.wait_access(20)), 20)

    def test_own_listeners_may_overlap(self):
        port = net.free_port()
        router = self.start(f"127.0.0.1:{port}")
        router.reload(self.config(f"127.0.0.1:{port}", f"0.0.0.0:{port}"))
        router.reload(self.config(f"0.0.0.0:{port}"))
        router.reload(self.config(f"127.0.0.1:{port}"))
        with net.connect(("127.0.0.1", port)) as client:
            self.served(client)


class Addresses(Listening):
    def test_address_that_nobody_has(self):
        self.refused(r'203\.0\.113\.1:0 \(0\): bind: Cannot assign requested address: .*"freebind"',
                     "203.0.113.1:0")
        router = self.start({"address": "203.0.113.1:0", "freebind": True})
        self.assertRegex(router.start_line, r"listening on 203\.0\.113\.1:\d+")

    @unittest.skipUnless(seccomp.AVAILABLE, "the filter is for x86-64")
    def test_system_without_ipv6(self):
        def without():
            return seccomp.fails(seccomp.SOCKET, errno.EAFNOSUPPORT, socket.AF_INET6)
        for address in (":0", "*:0"):
            with self.subTest(address):
                router = self.start(address, prepare=without())
                router.wait_line(r"info this system has no IPv6: .* is 0\.0\.0\.0:0")
                with router.connect("0") as client:
                    self.served(client)
        for address in ("[::]:0", "[::1]:0"):
            with self.subTest(address):
                self.refused("socket: Address family not supported by protocol: this system has no "
                             "IPv6", address, prepare=without())

    @unittest.skipUnless(have_ipv6(), "no IPv6 on this machine")
    def test_any_address_has_both_families(self):
        router = self.start(":0")
        port = router.address("0")[1]
        for host in ("127.0.0.1", "::1"):
            with net.connect((host, port)) as client:
                self.served(client)

    def test_removed_path_is_made_again(self):
        directory = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory(prefix="sni-router-")))
        path = directory / "public.sock"
        router = self.start(f"unix:{path}")
        waiting = self.enterContext(net.connect(str(path)))
        os.unlink(path)
        router.wait_line("its path was removed: it is made again")
        router.wait_line("listening again on unix:")
        self.served(waiting)
        for _ in range(5):
            with net.connect(str(path)) as client:
                self.served(client)
        before = len(router.lines)
        os.unlink(path)
        done = router.reload()
        with net.connect(str(path)) as client:
            self.served(client)
        said = router.lines[before:]
        self.assertIn("listening again on unix:", "\n".join(said[:said.index(done)]))
        router.stop()
        self.assertFalse(path.exists(), "the socket's file stays behind")


if __name__ == "__main__":
    unittest.main(verbosity=2)
