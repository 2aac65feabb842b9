"""Reaching a server: second addresses, ports that run out, circles, turns that go on over reloads.

In network and mount namespaces of its own, with an /etc/hosts of its own. Exit 77 = none here.
"""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

from support import backend, hello, net
from support.router import Router, routing

SKIPPED = 77
INSIDE = "CONNECTING_INSIDE"
INTERNAL_ERROR = 80
HOSTS = """127.0.0.1 localhost
127.0.0.2 app.test
127.0.0.3 app.test
127.0.0.1 here.test
10.9.8.7 other.test
2001:db8::7 both.test
127.0.0.1 both.test
"""


def sysctl(key, value):
    pathlib.Path("/proc/sys", key.replace(".", "/")).write_text(str(value))


def run(*command):
    subprocess.run(command, check=True)


class Connecting(unittest.TestCase):
    def start(self, servers, listener=None, backend_more=None, **more):
        config = routing({"app.test": servers}, **more)
        if listener:
            config["listeners"] = [{"name": "public", "address": listener}]
        config["backends"]["b0"] |= backend_more or {}
        return self.enterContext(Router(config))

    def serves(self, router, text="a"):
        request = hello.hello("app.test")
        with router.connect() as sock:
            sock.sendall(request)
            expected = text.encode() + b"\n" + request
            self.assertEqual(net.receive(sock, len(expected)), expected)

    def refused(self, router, reason):
        """A client is refused with an alert; its line in the access log."""
        before = len(router.access())
        with router.connect() as sock:
            sock.sendall(hello.hello("app.test"))
            got, how = net.ending(sock)
            self.assertEqual((net.alert_of(got), how), (INTERNAL_ERROR, "eof"))
        return router.wait_access(1, after=before, reason=reason)[0]

    # --- addresses ---

    def test_silent_address_then_another(self):
        """The first address swallows packets, the second serves: at every connection."""
        silent = self.enterContext(socket.create_server(("127.0.0.2", 0), backlog=0))
        port = silent.getsockname()[1]
        filler = self.enterContext(net.connect(("127.0.0.2", port)))
        self.assertTrue(filler)
        self.enterContext(backend.Backend(backend.says("a"), ("127.0.0.3", port)))
        router = self.start(f"app.test:{port}", timeouts={"connect": "20s"})
        for _ in range(3):
            self.serves(router)
        for line in router.wait_access(3):
            self.assertEqual(line["retries"], 0)

    def test_family_without_a_way(self):
        """There is no route for IPv6 here: IPv4 of the same name serves, and it is no retry."""
        server = self.enterContext(backend.Backend(backend.says("a"), ("127.0.0.1", 0)))
        router = self.start(f"both.test:{server.port}")
        self.serves(router)
        self.assertEqual(router.wait_access(1)[0]["retries"], 0)

    def test_address_without_a_way(self):
        """A server whose address cannot be used is passed over; alone it is unreachable."""
        server = self.enterContext(backend.Backend(backend.says("a")))
        router = self.start(["[2001:db8::9]:443", server.text], workers=1)
        for _ in range(4):
            self.serves(router)
        alone = self.start("[2001:db8::9]:443")
        self.refused(alone, "unreachable")

    # --- ports ---

    def test_ports_towards_one_server_run_out(self):
        """The other server has ports of its own; when neither has, it is unreachable, and said."""
        one = self.enterContext(backend.Backend(backend.says("one"), ("127.0.0.1", 20001)))
        two = self.enterContext(backend.Backend(backend.says("two"), ("127.0.0.1", 20002)))
        router = self.start([one.text, two.text], "127.0.0.1:10443", workers=1)
        before = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
        self.addCleanup(sysctl, "net.ipv4.ip_local_port_range", before)
        sysctl("net.ipv4.ip_local_port_range", "40000 40003")
        seen = []
        for number in range(9):
            sock = self.enterContext(socket.socket())
            sock.settimeout(net.DEADLINE_S)
            sock.bind(("127.0.0.9", 30000 + number))  # our own sockets use another address
            sock.connect(("127.0.0.1", 10443))
            sock.sendall(hello.hello("app.test"))
            seen.append(sock.recv(4))
        # A port of the four that another socket here was given before is nobody's.
        self.assertIn(seen.count(b"one\n"), (3, 4), seen)
        self.assertEqual(seen.count(b"two\n"), seen.count(b"one\n"), seen)
        self.assertEqual(seen[-1][:1], b"\x15", seen)
        router.wait_access(1, reason="unreachable")
        router.wait_line(r"warning server 127\.0\.0\.1:2000[12] \(b0\): cannot connect: Cannot")

    def test_no_socket_connects_to_itself(self):
        """The only port that the system hands out is that of a server that is not there."""
        router = self.start("127.0.0.1:41000", "127.0.0.1:10444", workers=1)
        before = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
        self.addCleanup(sysctl, "net.ipv4.ip_local_port_range", before)
        sysctl("net.ipv4.ip_local_port_range", "41000 41000")
        router.reload()
        for number in range(3):
            sock = self.enterContext(socket.socket())
            sock.settimeout(net.DEADLINE_S)
            sock.bind(("127.0.0.9", 31000 + number))
            sock.connect(("127.0.0.1", 10444))
            sock.sendall(hello.hello("app.test"))
            self.assertEqual(net.alert_of(net.receive(sock, 7)), INTERNAL_ERROR)
        router.wait_access(3, reason="connect_refused")

    # --- servers ---

    def test_how_many_servers_are_tried(self):
        servers = [net.refusing(self) for _ in range(30)]
        for more, tries in (({}, 4), ({"tries": 2}, 2), ({"tries": 1}, 1), ({"tries": 100}, 30)):
            with self.subTest(more):
                line = self.refused(self.start(servers, backend_more=more), "connect_refused")
                self.assertEqual(line["retries"], tries - 1)

    def test_turns_go_on_over_reloads(self):
        """One connection after each of 15 reloads: not one server gets them all."""
        names = ("a", "b", "c")
        servers = [self.enterContext(backend.Backend(backend.says(name))) for name in names]
        config = routing({"app.test": [server.text for server in servers]}, workers=1)
        router = self.enterContext(Router(config))
        for number in range(15):
            config["routes"][0]["name"] = f"n{number}"  # a change, elsewhere
            router.reload(config)
            with router.connect() as sock:
                sock.sendall(hello.hello("app.test"))
                net.receive(sock, 2)
        self.assertEqual([server.connections for server in servers], [5, 5, 5])

    # --- circles ---

    def circle(self, server, listener):
        """The server is the router itself: refused, said, and others are served meanwhile."""
        good = self.enterContext(backend.Backend(backend.says("a")))
        config = routing({"app.test": server, "good.test": good.text})
        config["listeners"] = [{"name": "public", "address": listener}]
        router = self.enterContext(Router(config))
        before = router.open_now()
        for _ in range(3):
            self.refused(router, "loop")
        self.assertTrue(any("loop" in line and "public" in line for line in router.lines),
                        router.stderr())
        request = hello.hello("good.test")
        with router.connect() as sock:
            sock.sendall(request)
            self.assertEqual(net.receive(sock, 2), b"a\n")
        router.wait_descriptors(*before)
        return router

    def test_circles(self):
        for number, (host, listener) in enumerate((
                ("127.0.0.1", "127.0.0.1"), ("here.test", "127.0.0.1"),
                ("127.0.0.1", "0.0.0.0"), ("here.test", "[::]"), ("10.9.8.7", "[::]"),
                ("10.9.8.7", "0.0.0.0"), ("other.test", "[::]"), ("127.7.7.7", "[::]"),
                ("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "[::]"), ("[::]", "[::]"),
                ("[::1]", "[::]"))):
            with self.subTest(host=host, listener=listener):
                port = 11000 + number
                router = self.circle(f"{host}:{port}", f"{listener}:{port}")
                self.assertEqual(len(router.wait_access(3, reason="loop")), 3)
                self.assertEqual(len(router.wait_access(4)), 4, "rounds were made")

    def test_another_path_to_our_socket(self):
        with tempfile.TemporaryDirectory(prefix="sni-router-") as directory:
            path = pathlib.Path(directory, "own.sock")
            link = pathlib.Path(directory, "link.sock")
            link.symlink_to(path)
            router = self.circle(f"unix:{link}", f"unix:{path}")
            self.assertEqual(len(router.wait_access(4)), 4, "rounds were made")

    def test_circle_after_a_reload(self):
        """A listener comes that is a server's address."""
        port = net.free_port()
        config = routing({"app.test": f"127.0.0.1:{port}"})
        router = self.enterContext(Router(config))
        self.refused(router, "connect_refused")
        config["listeners"].append({"name": "more", "address": f"127.0.0.1:{port}"})
        router.reload(config)
        self.refused(router, "loop")
        router.wait_line(r"server .* a loop: it leads back to our own listener more")

    def test_circle_through_an_address_that_came_later(self):
        """Nothing shows it beforehand: a few rounds, then it is refused and said."""
        run("ip", "addr", "del", "10.9.8.6/32", "dev", "lo")
        router = self.start("10.9.8.6:12000", "0.0.0.0:12000")
        before = router.open_now()
        run("ip", "addr", "add", "10.9.8.6/32", "dev", "lo")
        for number in range(3):
            lines = len(router.access())
            with net.connect(("127.0.0.1", 12000)) as sock:
                sock.sendall(hello.hello("app.test"))
                got, how = net.ending(sock)
            self.assertEqual((net.alert_of(got), how), (INTERNAL_ERROR, "eof"))
            router.wait_access(number + 1, reason="loop")
            router.wait_descriptors(*before)
            self.assertLessEqual(len(router.access()) - lines, 16)
        router.wait_line(r"a loop: a connection to listener public comes from the router itself")


def enter():
    """Runs this file again in namespaces with their own /etc/hosts."""
    with tempfile.TemporaryDirectory(prefix="sni-router-") as directory:
        hosts = pathlib.Path(directory, "hosts")
        hosts.write_text(HOSTS)
        switch = pathlib.Path(directory, "nsswitch.conf")
        switch.write_text("hosts: files\n")
        prepare = (f"ip link set lo up && ip addr add 10.9.8.7/32 dev lo && "
                   f"ip addr add 10.9.8.6/32 dev lo && mount --bind {hosts} /etc/hosts && "
                   f"mount --bind {switch} /etc/nsswitch.conf")
        probe = subprocess.run(["unshare", "-rmn", "sh", "-c", prepare],
                               capture_output=True, text=True)
        if probe.returncode != 0:
            print(f"skipped: no namespaces: {probe.stderr.strip()}")
            return SKIPPED
        command = ["unshare", "-rmn", "sh", "-c", prepare + ' && exec "$0" "$@"',
                   sys.executable, *sys.argv]
        return subprocess.run(command, env={**os.environ, INSIDE: "1"}).returncode


if __name__ == "__main__":
    if not os.environ.get(INSIDE):
        sys.exit(enter())
    unittest.main(verbosity=2)
