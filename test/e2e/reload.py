"""HUP: the file is read again; a bad one changes nothing; connections stay."""

import json
import os
import threading
import unittest

from support import backend, hello, net
from support.router import Router, routing, sanitized


def reach(router, name, listener="public"):
    """The backend's first line for this name, or the alert's number, or how it ended."""
    with router.connect(listener) as sock:
        sock.sendall(hello.hello(name))
        got = b""
        try:
            while not got.endswith(b"\n") and len(got) < 64:
                part = sock.recv(1)
                if not part:
                    break
                got += part
        except ConnectionResetError:
            return "reset"
        return net.alert_of(got) or got.decode("latin-1").strip()


class Reload(unittest.TestCase):
    def setUp(self):
        self.a = self.enterContext(backend.Backend(backend.says("a")))
        self.b = self.enterContext(backend.Backend(backend.says("b")))

    def start(self, routes, **more):
        return self.enterContext(Router(routing(routes, **more)))

    def test_routes_come_change_and_go(self):
        router = self.start({"one.test": self.a.text, "two.test": self.a.text})
        self.assertEqual(reach(router, "one.test"), "a")
        self.assertEqual(reach(router, "two.test"), "a")
        self.assertEqual(reach(router, "three.test"), 112)
        config = routing({"one.test": self.b.text, "three.test": self.b.text})
        router.reload(config)
        self.assertEqual(reach(router, "one.test"), "b")
        self.assertEqual(reach(router, "two.test"), 112)
        self.assertEqual(reach(router, "three.test"), "b")

    def test_servers_in_the_place_of_a_name(self):
        """They are called by their addresses, and are the same ones after a reload."""
        config = {"listeners": [{"name": "public", "address": "127.0.0.1:0"}],
                  "routes": [{"host": "one.test", "backend": self.a.text}],
                  "default": [self.b.text], "log": {"level": "debug"}}
        router = self.enterContext(Router(config))
        self.assertEqual(reach(router, "one.test"), "a")
        self.assertEqual(reach(router, "other.test"), "b")
        config["routes"].append({"host": "two.test", "backend": [{"address": self.a.text}]})
        router.reload(config)
        router.wait_line(r"backends \+0 -0 ~0, hosts \+1 -0 ~0")
        self.assertEqual(reach(router, "two.test"), "a")
        for line in router.wait_access(3):
            server = self.b.text if line["sni"] == "other.test" else self.a.text
            self.assertEqual((line["backend"], line["server"]), (server, server))

    def test_listener_on_port_0_keeps_its_port(self):
        """The same file again must not move a listener."""
        router = self.start({"one.test": self.a.text})
        for _ in range(3):
            router.reload()
            self.assertEqual(reach(router, "one.test"), "a")

    def test_connections_stay(self):
        """Connections of a removed route go on, in both directions."""
        router = self.start({"one.test": self.a.text})
        greeting = hello.hello("one.test")
        socks = [self.enterContext(router.connect()) for _ in range(20)]
        for sock in socks:
            sock.sendall(greeting)
            self.assertEqual(net.receive(sock, 2 + len(greeting)), b"a\n" + greeting)
        router.reload(routing({"other.test": self.b.text}))
        self.assertEqual(reach(router, "one.test"), 112)
        for number, sock in enumerate(socks):
            sock.sendall(b"still %02d" % number)
            self.assertEqual(net.receive(sock, 8), b"still %02d" % number)

    def test_bad_file_changes_nothing(self):
        router = self.start({"one.test": self.a.text})
        good = router.file.read_text()
        line = next(n for n, text in enumerate(good.splitlines(), 1) if '"routes"' in text)
        for wrong in ('"ruotes": [', '"routes" ['):
            text = good.replace('"routes": [', wrong)
            with self.subTest(wrong):
                router.write(text)
                seen = router.reload(expect=rf"{router.file.name}:{line}:\d+")
                self.assertIn(str(router.file), seen)
                self.assertEqual(reach(router, "one.test"), "a")
        for text in ("", "{", "[]", json.dumps({"listeners": []})):
            with self.subTest(text=text):
                router.write(text)
                router.reload(expect=r"error")
                self.assertEqual(reach(router, "one.test"), "a")
        router.write(good)
        router.reload()
        self.assertEqual(reach(router, "one.test"), "a")

    def test_findings_are_lines_of_their_level(self):
        """The level is said once, by the line."""
        router = self.start({"one.test": self.a.text})
        config = json.loads(router.text_of(routing({"one.test": self.a.text})))
        config["backends"]["unused"] = {"servers": ["127.0.0.1:9"]}
        router.reload(config)
        warning, = [line for line in router.lines if "unused" in line]
        self.assertRegex(warning, r"Z warning /\S+/routes\.json:\d+:\d+: (?!warning).*unused")
        config["routes"][0]["host"] = "a..b"
        router.reload(config, expect="reload failed")
        error, = [line for line in router.lines if "a..b" in line]
        self.assertRegex(error, r"Z error /\S+/routes\.json:\d+:\d+: (?!error).*a\.\.b")

    def test_missing_file_changes_nothing(self):
        router = self.start({"one.test": self.a.text})
        good = router.file.read_text()
        os.unlink(router.file)
        router.reload(expect=r"routes\.json")
        self.assertEqual(reach(router, "one.test"), "a")
        router.write(good)
        router.reload()
        self.assertEqual(reach(router, "one.test"), "a")

    def test_listeners_come_and_go(self):
        config = routing({"one.test": self.a.text})
        router = self.enterContext(Router(config))
        public = router.address()
        port = net.free_port()
        config["listeners"].append({"name": "more", "address": f"127.0.0.1:{port}"})
        router.reload(config)
        router.listeners["more"] = f"127.0.0.1:{port}"
        self.assertEqual(reach(router, "one.test", "more"), "a")
        self.assertEqual(reach(router, "one.test"), "a")
        config["listeners"] = config["listeners"][1:]
        router.reload(config)
        net.wait_until("the listener to be gone", lambda: not net.accepts(public))
        self.assertEqual(reach(router, "one.test", "more"), "a")

    def test_listener_that_cannot_be_opened_changes_nothing(self):
        config = routing({"one.test": self.a.text})
        router = self.enterContext(Router(config))
        taken = self.enterContext(net.socket.create_server(("127.0.0.1", 0)))
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        config["listeners"].append({"name": "taken", "address": address})
        config["routes"][0]["host"] = "changed.test"
        log = router.dir / "made.log"
        config["log"] = {"access": {"path": str(log)}}
        before = router.descriptors()
        router.reload(config, expect=address.replace(".", r"\."))
        self.assertFalse(log.exists())
        self.assertEqual(sorted(router.descriptors()), sorted(before))
        self.assertEqual(reach(router, "one.test"), "a")
        self.assertEqual(reach(router, "changed.test"), 112)

    def test_log_that_cannot_be_opened_changes_nothing(self):
        config = routing({"one.test": self.a.text})
        router = self.enterContext(Router(config))
        config["routes"][0]["host"] = "changed.test"
        config["log"] = {"access": {"path": str(router.dir / "absent" / "access.log")}}
        router.reload(config, expect="cannot open the access log .*absent/access.log: No such")
        self.assertEqual(reach(router, "one.test"), "a")
        self.assertEqual(len(router.wait_access(1, sni="one.test")), 1)
        self.assertEqual(reach(router, "changed.test"), 112)

    def test_file_that_has_become_a_pipe(self):
        """Nobody writes to it: waiting for a writer would make the router deaf to signals."""
        router = self.start({"one.test": self.a.text})
        os.unlink(router.file)
        os.mkfifo(router.file)
        router.reload(expect=r"routes\.json: a pipe or device can be read once only")
        self.assertEqual(reach(router, "one.test"), "a")

    @unittest.skipIf(sanitized(), "the sanitizers keep what was freed")
    def test_memory_of_large_files_is_given_back(self):
        small = routing({"one.test": self.a.text})
        router = self.enterContext(Router(small))
        router.reload()
        before = router.private_bytes()
        large = routing({"one.test": self.a.text})
        large["routes"] += [{"host": f"h{number}.example.test", "backend": "b0"}
                            for number in range(200_000)]
        refused = large | {"routes": large["routes"] + [{"host": "two.test", "backend": "none"}]}
        taken = large | {"listeners": large["listeners"] + [
            {"name": "taken", "address": "unix:/absent/socket"}]}
        bar = before + len(json.dumps(large)) // 2

        def given_back():
            return router.private_bytes() < bar
        router.reload(large, expect="reloaded: 200001 routes")
        self.assertGreater(router.private_bytes(), bar)
        router.reload(small, expect="reloaded: 1 route,")
        net.wait_until("the memory of the old configuration", given_back)
        for config in refused, taken:
            router.reload(config, expect="reload failed")
            net.wait_until("the memory of a file that was refused", given_back)

    def test_under_load(self):
        """20 reloads while 4 clients connect without a pause: not one connection fails."""
        router = self.start({"one.test": self.a.text, "flip.test": self.a.text})
        before = router.open_now()
        configs = [routing({"one.test": self.a.text, "flip.test": server.text})
                   for server in (self.a, self.b)]
        stop = threading.Event()
        failures, counts = [], [0] * 4

        def client(number):
            while not stop.is_set():
                try:
                    for name, right in (("one.test", ("a",)), ("flip.test", ("a", "b"))):
                        got = reach(router, name)
                        if got not in right:
                            failures.append((name, got))
                    counts[number] += 1
                except OSError as error:
                    failures.append(error)
        threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        try:
            for number in range(20):
                router.reload(configs[(number + 1) % 2])
                so_far = sum(counts)
                net.wait_until("clients", lambda: sum(counts) > so_far + 4 or failures)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        router.wait_descriptors(*before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
