"""What the logs tell of servers that fail, of routes, and of clients that speak no TLS."""

import json
import re
import socket
import subprocess
import tempfile
import time
import unittest

from support import backend, hello, net
from support.router import BINARY, Router, routing

HELLO = hello.hello("app.test")
LOOKS = {
    "http": b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
    "proxy_v1": b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n" + HELLO,
    "proxy_v2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\x13\x88\1\xbb" + HELLO,
    "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "postgres": b"\0\0\0\x08\x04\xd2\x16\x2f",
    "smtp": b"EHLO app.test\r\n",
    "unknown": b"\x80\x2e\x01\0\2 and so on",
}


class FailingServers(unittest.TestCase):
    def ask(self, router, data=HELLO):
        """One connection; what came back."""
        with router.connect() as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            return net.ending(sock)[0]

    def news(self, router, server):
        return [line for line in list(router.lines) if f"server {server} " in line]

    def test_one_dies_and_comes_back(self):
        """One line each, whoever finds out, also when a reload comes in between."""
        good = self.enterContext(backend.Backend(backend.echo))
        dying = backend.Backend(backend.echo)
        text, port = dying.text, dying.port
        router = self.enterContext(Router(routing({"app.test": [text, good.text]})))
        for _ in range(20):
            self.assertEqual(self.ask(router), HELLO)
        self.assertEqual(self.news(router, text), [])
        dying.close()
        for number in range(40):
            self.assertEqual(self.ask(router), HELLO)
            if number == 20:
                router.reload()
        line = router.wait_line(f"server {re.escape(text)} ")
        self.assertRegex(line, rf" warning server {re.escape(text)} \(b0\): begins to fail: "
                               r"Connection refused \(nobody listens there\)$")
        failed = len([line for line in router.wait_access(60) if "tried" in line])
        self.enterContext(backend.Backend(backend.echo, ("127.0.0.1", port)))
        for _ in range(40):
            self.assertEqual(self.ask(router), HELLO)
        line = router.wait_line(f"server {re.escape(text)} .*works again")
        self.assertRegex(line, rf" warning server {re.escape(text)} \(b0\): works again, "
                               r"after \d+ failures? in \d+ m?s$")
        router.wait_access(100)
        router.stop()
        self.assertEqual(len(self.news(router, text)), 2, router.stderr())
        self.assertEqual(self.news(router, good.text), [])
        told = int(re.search(r"after (\d+)", line).group(1))
        self.assertLessEqual(told, failed)
        self.assertGreater(told, 0)

    def test_the_line_of_a_connection_names_them(self):
        good = self.enterContext(backend.Backend(backend.echo))
        dead = net.refusing(self)
        router = self.enterContext(Router(routing({"app.test": [dead, good.text]})))
        for _ in range(8):
            self.assertEqual(self.ask(router), HELLO)
        lines = router.wait_access(8)
        tried = [line["tried"] for line in lines if "tried" in line]
        self.assertTrue(tried)
        for one in tried:
            self.assertEqual(one, [{"server": dead, "reason": "connect_refused"}])
        for line in lines:
            self.assertEqual(line["server"], good.text)
            self.assertEqual("tried" in line, line["retries"] == 1)

    def test_one_with_a_name_is_called_by_it(self):
        """In both logs; the error log has its address as well."""
        good = self.enterContext(backend.Backend(backend.echo))
        dead = net.refusing(self)
        config = routing({"app.test": good.text})
        config["backends"]["b0"] = [{"name": "small one", "address": dead},
                                    {"name": "large", "address": good.text}]
        router = self.enterContext(Router(config))
        for _ in range(4):
            self.assertEqual(self.ask(router), HELLO)
        lines = router.wait_access(4)
        self.assertEqual({line["server"] for line in lines}, {"large"})
        self.assertIn([{"server": "small one", "reason": "connect_refused"}],
                      [line.get("tried") for line in lines])
        router.wait_line(rf"warning server small one at {re.escape(dead)} \(b0\): begins to fail: ")

    def test_one_in_the_place_of_a_backend(self):
        """Is called by its address, once; the same after a reload."""
        dead = net.refusing(self)
        config = routing({"app.test": dead})
        config["routes"][0]["backend"] = dead
        del config["backends"]
        router = self.enterContext(Router(config))
        self.ask(router)
        router.reload()
        self.ask(router)
        for line in router.wait_access(2):
            self.assertEqual((line["backend"], line["server"]), (dead, dead))
        router.stop()
        line, = [line for line in router.lines if "begins to fail" in line]
        self.assertIn(f" warning server {dead}: begins to fail: ", line)

    def test_many_that_die_are_no_flood(self):
        """10 lines in 10 s of each of the two workers, and every line names another server."""
        servers = [f"127.3.{number // 200}.{number % 200 + 1}:9" for number in range(1000)]
        config = routing({"app.test": servers}, policies={"no_server": "close"})
        config["backends"]["b0"]["tries"] = 100
        began = time.monotonic()
        router = self.enterContext(Router(config))
        for _ in range(60):
            self.assertEqual(self.ask(router), b"")
        lines = router.wait_access(60)
        router.stop()
        rounds = 1 + (time.monotonic() - began) // 10
        told = [line for line in router.lines if "begins to fail" in line or " fails: " in line]
        names = {re.search(r"server (\S+)", line).group(1) for line in told}
        self.assertLessEqual(len(told), 2 * 10 * rounds)
        self.assertGreaterEqual(len(told), 10)
        self.assertEqual(len(names), len(told))
        self.assertTrue(any("wait for a few seconds" in line for line in told))
        for line in lines:
            self.assertEqual(len(line["tried"]), 8, "the first of them")
            self.assertEqual(line["retries"], 99)

    def test_one_that_flaps_is_no_flood(self):
        """A beginning in 60 s, and its end."""
        good = self.enterContext(backend.Backend(backend.echo))
        flapping = backend.Backend(backend.echo)
        text, port = flapping.text, flapping.port
        began = time.monotonic()
        router = self.enterContext(Router(routing({"app.test": [text, good.text]})))
        for _ in range(5):
            flapping.close()
            for _ in range(6):
                self.assertEqual(self.ask(router), HELLO)
            flapping = backend.Backend(backend.echo, ("127.0.0.1", port))
            for _ in range(6):
                self.assertEqual(self.ask(router), HELLO)
        flapping.close()
        router.stop()
        most = 1 + (time.monotonic() - began) // 60
        lines = self.news(router, text)
        self.assertIn("begins to fail", lines[0])
        self.assertIn("works again", lines[1])
        self.assertLessEqual(len(lines), 2 * most)


class Words(unittest.TestCase):
    HOSTS = {"a.test": "a.test", "www.b.test": "*.b.test", "x.y.c.test": "**.c.test",
             "z.c.test": "**.c.test", "d.test": "mine", "www.d.test": "mine"}

    def run_command(self, *arguments, code=0):
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, check=False,
                              timeout=60)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout

    def test_a_route_is_called_by_the_pattern_that_matched(self):
        """Or by its name, if it has one; `explain` says the same."""
        server = self.enterContext(backend.Backend(backend.echo))
        router = self.enterContext(Router(routing({
            ("a.test", "*.b.test", "**.c.test"): server.text,
            ("d.test", "*.d.test"): {"servers": server.text, "name": "mine"}})))
        for number, (host, route) in enumerate(self.HOSTS.items()):
            data = hello.hello(host)
            with router.connect() as sock:
                sock.sendall(data)
                self.assertEqual(net.receive(sock, len(data)), data)
            line, = router.wait_access(1, after=number)
            self.assertEqual(line["route"], route)
            told = json.loads(self.run_command("explain", str(router.file), host, "--json"))
            self.assertEqual(told["route"], route)
            self.assertEqual(told["candidates"][0]["route"], route)
            self.assertIn(f"by route {route} (",
                          self.run_command("explain", str(router.file), host))

    def test_what_is_no_tls(self):
        """In the access log, and as `hello` says it of a capture."""
        router = self.enterContext(Router(routing({"app.test": "127.0.0.1:9"})))
        for number, (looks, data) in enumerate(LOOKS.items()):
            with self.subTest(looks):
                with router.connect() as sock:
                    sock.sendall(data)
                    net.ending(sock)
                line, = router.wait_access(1, after=number)
                self.assertEqual((line["reason"], line["looks"]), ("not_tls", looks))
                with tempfile.NamedTemporaryFile() as file:
                    file.write(data)
                    file.flush()
                    told = json.loads(self.run_command("hello", "--json", file.name, code=1))
                    self.assertEqual((told["result"], told["looks"]), ("not_tls", looks))
                    self.assertRegex(self.run_command("hello", file.name, code=1),
                                     rf": not_tls: .*\n  looks       {looks}\n$")
        with router.connect() as sock:
            sock.sendall(hello.hello("other.test"))
            net.ending(sock)
        line, = router.wait_access(1, after=len(LOOKS))
        self.assertNotIn("looks", line)


if __name__ == "__main__":
    unittest.main(verbosity=2)
