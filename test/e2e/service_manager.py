"""What a service manager gives and is told: sockets, readiness, reloads, the watchdog."""

import contextlib
import os
import pathlib
import queue
import re
import shutil
import signal
import socket
import tempfile
import threading
import time
import unittest

from support import backend, net
from support.router import BINARY, Router, routing
from support.upgrades import HELLO, Clients, Upgraded

BAD_CONFIG = 78
SOCKET_ACTIVATE = shutil.which("systemd-socket-activate")


class Case(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(backend.Backend(backend.echo))
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sni-router-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def config(self, *addresses, **more):
        """Listeners called "0", "1" ... at these addresses."""
        config = routing({"app.test": self.server.text}, **more)
        config["listeners"] = [{"name": str(n), "address": a} for n, a in enumerate(addresses)]
        return config

    def talk(self, address):
        with net.connect(address) as sock:
            sock.sendall(HELLO)
            self.assertEqual(net.receive(sock, len(HELLO)), HELLO)


class Activation(Case):
    def listen(self, address=("127.0.0.1", 0)):
        """A socket that listens, as a service manager has it."""
        if isinstance(address, str):
            sock = socket.socket(socket.AF_UNIX)
            sock.bind(address)
            sock.listen(64)
        else:
            sock = socket.create_server(address)
        return self.enterContext(sock)

    def prepare(self, sockets, program=BINARY):
        """A program that runs the router with these as descriptors 3, 4 ..."""
        copies = [self.enterContext(contextlib.closing(socket.socket(fileno=os.dup(s.fileno()))))
                  for s in sockets]
        numbers = [copy.fileno() for copy in copies]
        place = self.dir / "program"
        place.write_text("#!/usr/bin/python3\nimport os, sys\n"
                         f"high = [os.dup2(fd, 100 + n) for n, fd in enumerate({numbers})]\n"
                         "for n, fd in enumerate(high):\n"
                         "    os.dup2(fd, 3 + n)\n"
                         "os.environ.setdefault('LISTEN_PID', str(os.getpid()))\n"
                         f"os.execv({os.path.abspath(program)!r}, sys.argv)\n")
        place.chmod(0o755)
        return {"binary": place, "pass_fds": numbers}

    def start(self, config, sockets, names=None, **environment):
        environment = {"LISTEN_FDS": str(len(sockets))} | environment
        if names is not None:
            environment["LISTEN_FDNAMES"] = names
        return self.enterContext(Router(config, environment=environment, **self.prepare(sockets)))

    def refused(self, pattern, config, sockets, code=BAD_CONFIG, **environment):
        environment = {"LISTEN_FDS": str(len(sockets))} | environment
        router = Router(config, wait=False, environment=environment, **self.prepare(sockets))
        try:
            self.assertEqual(router.wait_exit(), code, router.stderr())
            self.assertRegex(router.stderr(), pattern)
        finally:
            router.kill()

    def test_by_name_by_address_and_opened(self):
        named, placed, path = self.listen(), self.listen(), self.listen(f"{self.dir}/s")
        port = placed.getsockname()[1]
        config = self.config("127.0.0.1:4", f"127.0.0.1:{port}", f"unix:{self.dir}/s",
                             "127.0.0.1:0", workers=3)
        router = self.start(config, [placed, named, path], names="unknown:0:x")
        self.assertRegex(router.stderr(), "listener 0: the socket passed to it is at "
                                          r"127\.0\.0\.1:\d+, not at 127\.0\.0\.1:4")
        for name in "0123":
            for _ in range(5):
                self.talk(router.address(name))
        self.assertEqual(router.address("0"), named.getsockname())
        router.reload(config)
        self.talk(router.address("0"))
        router.stop()
        # the manager has them still, and starts it again for whoever comes
        self.assertTrue((self.dir / "s").exists())
        with net.connect(named.getsockname()), net.connect(f"{self.dir}/s"):
            pass

    def test_clients_wait_from_one_run_to_the_next(self):
        """The sockets are never shut, so nobody is refused in between."""
        held = self.listen()
        config = self.config("127.0.0.1:%d" % held.getsockname()[1])
        self.start(config, [held]).stop()
        waiting = self.enterContext(net.connect(held.getsockname()))
        waiting.sendall(HELLO)
        router = self.start(config, [held])
        self.assertEqual(net.receive(waiting, len(HELLO)), HELLO)
        waiting.close()
        self.talk(router.address("0"))

    def test_what_cannot_be_used(self):
        held, other = self.listen(), self.listen(f"{self.dir}/s")
        deaf = self.enterContext(socket.socket())
        datagrams = self.enterContext(socket.socket(type=socket.SOCK_DGRAM))
        port = held.getsockname()[1]
        config = self.config(f"127.0.0.1:{port}")
        for pattern, sockets, environment in (
                (r'socket 4 \("x", unix:.*/s\) was passed to this process, but no listener has',
                 [held, other], {"LISTEN_FDNAMES": "0:x"}),
                ("socket 4 .* was passed for listener 0, which is another kind of socket",
                 [held, other], {"LISTEN_FDNAMES": "0:0"}),
                ("LISTEN_FDS is 2, but descriptor 4 is a socket that does not listen",
                 [held, deaf], {}),
                ("descriptor 4 is not a stream socket", [held, datagrams], {}),
                ("LISTEN_FDS is 40, but descriptor 42 is not open", [held], {"LISTEN_FDS": "40"}),
                ("LISTEN_FDS is no number of sockets: -1", [held], {"LISTEN_FDS": "-1"}),
                ("LISTEN_FDS is no number of sockets: two", [held], {"LISTEN_FDS": "two"}),
                ("LISTEN_FDS is no number of sockets: $", [held], {"LISTEN_FDS": ""}),
                ("another number of names", [held], {"LISTEN_FDNAMES": "0:1"}),
                ("SNI_ROUTER_UPGRADE is for the router alone", [held],
                 {"SNI_ROUTER_UPGRADE": "3:k"})):
            with self.subTest(pattern):
                self.refused(pattern, config, sockets, **environment)

    def test_for_another_process(self):
        held = self.listen()
        router = self.start(self.config("127.0.0.1:0"), [held], LISTEN_PID="1")
        self.assertRegex(router.stderr(), r"warning .*LISTEN_PID is 1, and this is process \d+: "
                                          "the sockets are not used")
        self.assertNotEqual(router.address("0"), held.getsockname())
        self.talk(router.address("0"))

    def test_upgrade_with_sockets_of_a_manager(self):
        """They stay the manager's, however often the process is replaced."""
        held = self.listen()
        config = self.config("127.0.0.1:%d" % held.getsockname()[1], "127.0.0.1:0", workers=2)
        how = self.prepare([held], program=self.dir / "linked")
        (self.dir / "linked").symlink_to(os.path.abspath(BINARY))
        del how["binary"]
        router = self.enterContext(Upgraded(
            config, place=self.dir / "upgraded", environment={"LISTEN_FDS": "1"},
            program=(self.dir / "program").read_text(), **how))
        with Clients([router.address("0"), router.address("1")]) as clients:
            for workers in (3, 1, 2):
                router.write(config | {"workers": workers})
                router.upgrade()
                clients.wait_for_more(20)
        router.stop()
        waiting = self.enterContext(net.connect(held.getsockname()))
        held.setblocking(True)
        held.accept()[0].close()
        self.assertEqual(net.receive(waiting, 1), b"")

    @unittest.skipUnless(SOCKET_ACTIVATE, "no systemd-socket-activate")
    def test_systemd_socket_activate(self):
        port, path = net.free_port(), f"{self.dir}/s"
        router = Router(self.config(f"127.0.0.1:{port}", f"unix:{path}"), wait=False,
                        binary=SOCKET_ACTIVATE,
                        before=["-l", f"127.0.0.1:{port}", "-l", path, "--fdname=0:1",
                                os.path.abspath(BINARY)])
        with router:
            net.wait_until("the path", lambda: os.path.exists(path))
            waiting = self.enterContext(net.connect(path))  # which starts the router
            waiting.sendall(HELLO)
            self.assertEqual(net.receive(waiting, len(HELLO)), HELLO)
            router.wait_ready()
            self.assertRegex(router.stderr(), "2 listening sockets were passed to this process")
            self.talk(("127.0.0.1", port))
            waiting.close()


class Manager:
    """A service manager's socket: what it is told, message by message."""

    def __init__(self, address):
        self.text = address
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + address[1:] if address.startswith("@") else address)
        self.messages = queue.Queue()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        """All the time: a queue that is full would lose messages."""
        while message := self.sock.recv(4096):
            self.messages.put(message)

    def next(self, but=("WATCHDOG=1",)):
        """The next message as a dict; those that only tell counts, or that, are passed over."""
        while True:
            lines = self.messages.get(timeout=net.DEADLINE_S).decode().split("\n")
            if lines != list(but) and [line.split("=")[0] for line in lines] != ["STATUS"]:
                return dict(line.split("=", 1) for line in lines)

    def say(self, message):
        """Puts a message of the test's own behind those that have come."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(message, self.sock.getsockname())

    def close(self):
        self.say(b"")
        self.thread.join()
        self.sock.close()


class Notify(Case):
    def manager(self, address):
        return self.enterContext(contextlib.closing(Manager(address)))

    def start(self, manager, **environment):
        return self.enterContext(Upgraded(
            self.config("127.0.0.1:0"), place=self.dir / "upgraded",
            environment={"NOTIFY_SOCKET": manager.text} | environment))

    def test_the_life_of_a_router(self):
        for address in (f"{self.dir}/notify", f"@sni-router-test-{os.getpid()}"):
            with self.subTest(address):
                manager = self.manager(address)
                router = self.start(manager)
                said = manager.next()
                self.assertEqual(said, {"READY": "1", "STATUS": "1 listener, 1 route, "
                                                                "0 connections"})
                before = time.monotonic_ns() // 1000
                router.reload()
                said = manager.next()
                self.assertEqual(said["RELOADING"], "1")
                self.assertTrue(before <= int(said["MONOTONIC_USEC"])
                                <= time.monotonic_ns() // 1000)
                self.assertEqual(manager.next()["READY"], "1")
                router.write("{")
                router.reload(expect="reload failed")
                self.assertEqual(manager.next()["RELOADING"], "1")
                self.assertEqual(manager.next()["READY"], "1")
                router.write(self.config("127.0.0.1:0"))
                router.upgrade()
                self.assertEqual(manager.next()["MAINPID"], str(router.pid))
                self.assertEqual(manager.next()["READY"], "1")
                router.reload()
                self.assertEqual(manager.next()["RELOADING"], "1")
                self.assertEqual(manager.next()["READY"], "1")
                router.stop()
                self.assertEqual(manager.next()["STOPPING"], "1")
                manager.say(b"NOTHING=more")
                self.assertEqual(manager.next(), {"NOTHING": "more"})

    def test_a_failed_upgrade_says_no_other_process(self):
        manager = self.manager(f"{self.dir}/notify")
        router = self.start(manager)
        self.assertEqual(manager.next()["READY"], "1")
        router.install("#!/bin/sh\nexit 1\n")
        router.refuse("upgrade failed")
        router.stop()
        self.assertEqual(manager.next()["STOPPING"], "1")

    def test_counts(self):
        manager = self.manager(f"{self.dir}/notify")
        router = self.start(manager)
        with router.connect("0") as sock:
            sock.sendall(HELLO)
            self.assertEqual(net.receive(sock, len(HELLO)), HELLO)
            router.reload()
            while "1 connection" not in (status := manager.next().get("STATUS", "")):
                pass
            self.assertRegex(status, "1 connection$")

    def test_the_watchdog_is_fed(self):
        manager = self.manager(f"{self.dir}/notify")
        router = self.start(manager, WATCHDOG_USEC="100000")
        self.assertEqual(manager.next()["READY"], "1")
        for _ in range(3):
            self.assertEqual(manager.next(but=()), {"WATCHDOG": "1"})
        router.upgrade()
        self.assertEqual(manager.next()["MAINPID"], str(router.pid))
        while manager.next(but=()) != {"WATCHDOG": "1"}:  # by the new process
            pass

    def test_not_our_watchdog_and_nobody_to_be_told(self):
        """Nothing of it harms."""
        for environment in ({"NOTIFY_SOCKET": f"{self.dir}/nobody", "WATCHDOG_USEC": "10000"},
                            {"NOTIFY_SOCKET": "relative"}, {"NOTIFY_SOCKET": "/" + 200 * "x"},
                            {"NOTIFY_SOCKET": ""},
                            {"WATCHDOG_USEC": "10000"}):
            with self.subTest(environment):
                with Router(self.config("127.0.0.1:0"), environment=environment) as router:
                    router.reload()
                    self.talk(router.address("0"))
        manager = self.manager(f"{self.dir}/notify")
        router = self.start(manager, WATCHDOG_USEC="10000", WATCHDOG_PID="1")
        self.assertEqual(manager.next(but=())["READY"], "1")
        router.reload()
        self.assertEqual(manager.next(but=())["RELOADING"], "1")
        with self.subTest("a time that is none"):
            text = {"NOTIFY_SOCKET": manager.text, "WATCHDOG_USEC": "soon"}
            with Router(self.config("127.0.0.1:0"), environment=text) as router:
                self.assertRegex(router.stderr(), "WATCHDOG_USEC is no time")

    def test_children_are_told_nothing(self):
        """A process that is stopped is not fed for."""
        manager = self.manager(f"{self.dir}/notify")
        router = self.start(manager)
        router.install(f"#!/bin/sh\nenv >{self.dir}/seen\nexit 1\n")
        router.refuse("upgrade failed")
        text = (self.dir / "seen").read_text()
        self.assertIn(f"NOTIFY_SOCKET={manager.text}\n", text)
        self.assertNotRegex(text, "WATCHDOG")
        self.assertEqual(router.process.poll(), None)
        self.assertTrue(re.search(r"(?m)^LISTEN_FDS=2$", text))
        router.signal(signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
