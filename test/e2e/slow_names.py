"""Name servers that do not answer: the router listens, serves what it can, and ends when told.

In network and mount namespaces of its own, with a name server of its own. Exit 77 = none here.
"""

import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from support import backend, hello, net
from support.router import Router, routing

SKIPPED = 77
INSIDE = "SLOW_NAMES_INSIDE"


class NameServer:
    """Keeps every question until `release()`, then says 127.0.0.1 to all.

    `quick`: names that are answered at once.
    """

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.released = threading.Event()
        self.asked = []
        self.held = []
        self.quick = set()
        self.stop_read, self.stop_write = os.pipe()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        while True:
            ready, _, _ = select.select([self.socket, self.stop_read], [], [])
            if self.socket in ready:
                question, client = self.socket.recvfrom(512)
                self.asked.append(self._name(question))
                if self.asked[-1] in self.quick:
                    self.socket.sendto(self._answer(question), client)
                else:
                    self.held.append((question, client))
            elif os.read(self.stop_read, 1) == b"q":
                return
            if self.released.is_set():
                for question, client in self.held:
                    self.socket.sendto(self._answer(question), client)
                self.held = []

    @staticmethod
    def _name(question):
        labels, at = [], 12
        while question[at] > 0:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        return ".".join(labels)

    @staticmethod
    def _answer(question):
        end = question.index(b"\0", 12) + 5
        is_a = question[end - 4:end - 2] == b"\0\1"
        header = question[:2] + struct.pack("!HHHHH", 0x8180, 1, 1 if is_a else 0, 0, 0)
        record = struct.pack("!HHHIH", 0xc00c, 1, 1, 60, 4) + bytes([127, 0, 0, 1])
        return header + question[12:end] + (record if is_a else b"")

    @staticmethod
    def no_such_name(question):
        end = question.index(b"\0", 12) + 5
        return question[:2] + struct.pack("!HHHHH", 0x8183, 1, 0, 0, 0) + question[12:end]

    def release(self):
        self.released.set()
        os.write(self.stop_write, b"r")

    def hold(self):
        self.released.clear()

    def close(self):
        os.write(self.stop_write, b"q")
        self.thread.join()
        self.socket.close()
        os.close(self.stop_read)
        os.close(self.stop_write)


class SlowNames(unittest.TestCase):
    def setUp(self):
        self.names = NameServer()
        self.addCleanup(self.names.close)
        self.server = self.enterContext(backend.Backend(backend.says("a")))

    def config(self):
        return routing({"app.test": self.server.text,
                        "slow.test": f"server.example:{self.server.port}",
                        "both.test": [f"server.example:{self.server.port}", self.server.text]})

    def talk(self, router, name):
        request = hello.hello(name)
        with router.connect() as sock:
            sock.sendall(request)
            return net.receive_all(sock)

    def is_served(self, router, name):
        with router.connect() as sock:
            sock.sendall(hello.hello(name))
            return net.receive(sock, 2) == b"a\n"

    def serves(self, router, name):
        request = hello.hello(name)
        with router.connect() as sock:
            sock.sendall(request)
            self.assertEqual(net.receive(sock, 2 + len(request)), b"a\n" + request)

    def test_listens_without_them_and_learns_them(self):
        with Router(self.config()) as router:
            self.assertIn("server.example", self.names.asked)
            router.wait_line(rf"waiting for the addresses of server\.example:{self.server.port}")
            self.serves(router, "app.test")
            self.serves(router, "both.test")
            alert = self.talk(router, "slow.test")
            self.assertEqual(alert[:1] + alert[5:], b"\x15\x02\x50")  # fatal internal_error
            reasons = {line["sni"]: line["reason"] for line in router.wait_access(3)}
            self.assertEqual(reasons["slow.test"], "dns_failed")
            self.names.release()
            known = f"server server.example:{self.server.port}: its address is known"
            net.wait_until("both servers' addresses",  # each is looked up for itself
                           lambda: sum(known in line for line in router.lines) == 2)
            self.serves(router, "slow.test")

    def test_a_reload_goes_on_when_they_are_answered(self):
        with Router(self.config()) as router:
            config = routing({"other.test": f"server.example:{self.server.port}"})
            router.write(config)
            router.signal(signal.SIGHUP)
            self.names.release()
            router.wait_line("configuration reloaded: 1 route,")
            self.serves(router, "other.test")

    def test_a_bad_reload_leaves_no_name_unanswered(self):
        with Router(self.config()) as router:
            router.reload("{", "reload failed: the old configuration stays")
            self.names.release()
            router.wait_line(r"server server\.example:\d+: its address is known")
            net.wait_until("the address", lambda: self.is_served(router, "slow.test"))

    def test_a_reload_before_listening_replaces_the_first(self):
        with Router(self.config(), wait=False) as router:
            net.wait_until("a question", lambda: "server.example" in self.names.asked)
            router.reload("{", "reload failed")
            router.write(routing({"other.test": self.server.text}))
            router.signal(signal.SIGHUP)
            router.wait_ready()
            self.assertIn(", 1 route,", router.start_line)
            self.serves(router, "other.test")

    def test_a_reload_goes_on_without_new_names(self):
        with Router(routing({"app.test": self.server.text})) as router:
            config = self.config()
            router.reload(config, "waiting for the addresses of server.example:.* going on without")
            router.wait_line("configuration reloaded: 3 routes,")
            self.serves(router, "app.test")
            self.serves(router, "both.test")
            self.names.release()
            known = f"server server.example:{self.server.port}: its address is known"
            net.wait_until("both servers' addresses",
                           lambda: sum(known in line for line in router.lines) == 2)
            self.serves(router, "slow.test")

    def test_the_last_answer_stays_and_reloads_wait_for_none(self):
        self.names.release()
        with Router(self.config()) as router:
            self.serves(router, "slow.test")
            self.names.hold()
            config = self.config()
            for number in range(3):  # urgent changes, one behind the other
                config["routes"].append({"host": f"urgent{number}.test", "backend": "b0"})
                router.reload(config, f"configuration reloaded: {4 + number} routes,")
                self.serves(router, f"urgent{number}.test")
                self.serves(router, "slow.test")
            config = routing({"slow.test": f"server.example:{self.server.port}"})
            router.reload(config)  # its backend has another name now
            self.serves(router, "slow.test")
            self.assertNotIn("waiting", router.stderr())
            self.assertNotIn("no address", router.stderr())

    def test_names_that_are_not_answered_hold_up_no_reload(self):
        with Router(self.config()) as router:
            router.wait_line("waiting for the addresses of")
            router.reload(routing({"app.test": self.server.text,
                                   "slow.test": f"server.example:{self.server.port}",
                                   "local.test": f"localhost:{self.server.port}"}))
            self.serves(router, "app.test")
            net.wait_until("localhost", lambda: self.is_served(router, "local.test"))

    def test_names_that_are_not_answered_keep_no_thread_from_others(self):
        """Reloads in a row ask for the same names again and again; a name server holds each for a
        minute."""
        silent = {f"silent{number}.test": f"silent{number}.example:{self.server.port}"
                  for number in range(20)}
        self.names.quick = {"quick.example"}
        with Router(routing({"app.test": self.server.text})) as router:
            for number in range(6):
                router.reload(routing({f"a{number}.test": self.server.text} | silent))
            router.reload(routing({"quick.test": f"quick.example:{self.server.port}"} | silent))
            self.serves(router, "quick.test")
            self.assertEqual(router.stderr().count("going on without"), 1)

    def test_what_an_old_look_up_fails_with_is_asked_again(self):
        """One that began under an earlier configuration, and is given up, is no answer."""
        config = self.config()
        with Router(routing({"app.test": self.server.text})) as router:
            for _ in range(4):
                router.reload(config)
            held, self.names.held = self.names.held, []
            self.assertGreater(len(held), 0)
            self.names.quick = {"server.example"}
            for question, client in held:
                self.names.socket.sendto(self.names.no_such_name(question), client)
            net.wait_until("the address", lambda: self.is_served(router, "slow.test"))

    def test_ends_without_waiting_for_answers(self):
        """Not one question is ever answered: the process can only end by not waiting."""
        for number in signal.SIGTERM, signal.SIGINT:
            with self.subTest(number), Router(self.config()) as router:
                with router.connect() as sock:
                    sock.sendall(hello.hello("app.test"))
                    net.receive(sock, 2)
                    router.signal(number)
                    router.wait_line("ending: 1 connection has")
                    self.assertEqual(sock.send(b"more"), 4)
                self.assertEqual(router.wait_exit(net.DEADLINE_S), 0)

    def test_a_port_in_use_is_still_the_end(self):
        taken = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        config = self.config()
        config["listeners"][0]["address"] = "127.0.0.1:%d" % taken.getsockname()[1]
        router = Router(config, wait=False)
        self.addCleanup(router.kill)
        self.assertEqual(router.wait_exit(net.DEADLINE_S), 71)
        self.assertIn("Address already in use", router.stderr())

    def test_ends_before_it_listens(self):
        router = Router(self.config(), wait=False)
        self.addCleanup(router.kill)
        net.wait_until("a question", lambda: "server.example" in self.names.asked)
        router.signal(signal.SIGTERM)
        self.assertEqual(router.wait_exit(net.DEADLINE_S), 0)


def enter():
    """Runs this file again in namespaces with their own /etc/resolv.conf."""
    with tempfile.TemporaryDirectory(prefix="sni-router-") as directory:
        resolver = pathlib.Path(directory, "resolv.conf")
        resolver.write_text("nameserver 127.0.0.1\noptions timeout:30 attempts:2\n")
        switch = pathlib.Path(directory, "nsswitch.conf")
        switch.write_text("hosts: files dns\n")
        prepare = (f"ip link set lo up && mount --bind {resolver} /etc/resolv.conf && "
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
