"""USR2: another process of the program's file takes over, and no client notices."""

import os
import pathlib
import re
import shutil
import signal
import socket
import tempfile
import unittest

from support import backend, net
from support.router import BINARY, routing
from support.upgrades import HELLO, Clients, Upgraded

HANGS = "#!/bin/sh\nexec sleep 600\n"


class Case(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(backend.Backend(backend.echo))
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sni-router-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def config(self, workers=2, **more):
        config = routing({"app.test": self.server.text}, workers=workers, **more)
        config["listeners"] += [{"name": "path", "address": f"unix:{self.dir}/socket"},
                                {"name": "two words: ä", "address": "127.0.0.1:0"}]
        return config

    def start(self, config=None, **how):
        return self.enterContext(Upgraded(config or self.config(), place=self.dir / "program",
                                          **how))

    def clients(self, router):
        return Clients([router.address(name) for name in ("public", "path", "two words: ä")])

    def talk(self, sock):
        sock.sendall(HELLO)
        self.assertEqual(net.receive(sock, len(HELLO)), HELLO)


class TakesOver(Case):
    def test_under_load_with_other_numbers_of_workers(self):
        router = self.start()
        old = []
        long = self.enterContext(router.connect())
        self.talk(long)
        with self.clients(router) as clients:
            clients.wait_for_more(20)
            for workers in (2, 4, 1, 3, 3, 2):
                router.write(self.config(workers))
                old.append(router.upgrade())
                self.talk(long)
                clients.wait_for_more(40)
                self.assertRegex(router.stderr(), rf"\b{workers} workers?, listening")
        self.assertGreater(clients.done, 200)
        long.close()
        for pid in old:
            self.assertEqual(router.code_of(pid), 0)
        self.assertTrue(pathlib.Path(router.address("path")).exists())

    def test_no_socket_is_without_a_worker(self):
        """Four sockets of one group and a single worker: clients of each are served."""
        router = self.start(self.config(4))
        router.write(self.config(1))
        old = router.upgrade()
        self.assertEqual(router.code_of(old), 0)
        for _ in range(64):
            with router.connect() as sock:
                self.talk(sock)

    def test_every_worker_gets_a_socket(self):
        router = self.start(self.config(1))
        router.write(self.config(3))
        before = len(router.lines)
        router.upgrade()
        router.wait_line(r"every worker has a socket at .* \(public\) now", before)

    def test_silent_clients_are_not_lost(self):
        """Clients that have connected and say nothing, in the queues of both."""
        router = self.start(self.config(3))
        silent = [self.enterContext(router.connect()) for _ in range(30)]
        router.write(self.config(2))
        old = router.upgrade()
        for sock in silent:
            self.talk(sock)
            sock.close()
        self.assertEqual(router.code_of(old), 0)

    def test_the_new_process_gets_sockets_that_listen_and_nothing_else(self):
        router = self.start()
        seen = self.dir / "seen"
        held = self.enterContext(router.connect())
        self.talk(held)
        router.install("#!/bin/sh\n"
                       f"for f in /proc/$$/fd/*; do readlink $f; done >{seen}\n"
                       f"env >>{seen}; echo pid $$ >>{seen}\nexit 3\n")
        router.refuse("upgrade failed: process .* ended with exit status 3")
        text = seen.read_text()
        # two sockets of "public", two of the other, one path, and the one to the router
        self.assertEqual(len(re.findall(r"^socket:", text, re.M)), 6, text)
        self.assertRegex(text, r"(?m)^LISTEN_FDS=5$")
        names = re.search(r"(?m)^LISTEN_FDNAMES=(.*)$", text).group(1).split(":")
        self.assertEqual(sorted(names), ["path", "public", "public"] + 2 * ["two_words____"])
        self.assertEqual(int(re.search(r"(?m)^LISTEN_PID=(\d+)$", text).group(1)),
                         int(re.search(r"(?m)^pid (\d+)$", text).group(1)))
        self.talk(held)

    def test_a_new_listener_and_the_environment(self):
        router = self.start(environment={"LISTEN_FDS": "7", "LISTEN_PID": "1"})
        self.assertRegex(router.stderr(), "LISTEN_PID is 1, and this is process")
        config = self.config()
        config["listeners"].append({"name": "new", "address": "127.0.0.1:0"})
        router.write(config)
        before = len(router.lines)
        router.upgrade()
        line = router.wait_line("listening on", before)
        port = int(re.search(r"127\.0\.0\.1:(\d+) \(new\)", line).group(1))
        with net.connect(("127.0.0.1", port)) as sock:
            self.talk(sock)
        environ = pathlib.Path(f"/proc/{router.pid}/environ").read_bytes()
        self.assertIn(b"LISTEN_FDS=5", environ)  # as it was started; it has unset it since
        second = router.upgrade()
        self.assertEqual(router.code_of(second), 0)


class Fails(Case):
    def served_after(self, router, act):
        with self.clients(router) as clients:
            clients.wait_for_more(5)
            act()
            clients.wait_for_more(20)

    def test_missing_broken_crashing(self):
        router = self.start()
        cases = ((None, "cannot run .*program: execve: No such file"),
                 ("no program\n", "cannot run .*program: execve: Exec format error"),
                 ("#!/bin/sh\nexit 7\n", "ended with exit status 7 before it was ready"),
                 ("#!/bin/sh\nkill -SEGV $$\n", "ended by signal 11 .* before it was ready"),
                 ("#!/bin/sh\nexec 9>&- 8>&-\nkill -KILL $$\n", "ended by signal 9"))
        for program, pattern in cases:
            with self.subTest(pattern):
                router.install(program)
                self.served_after(router, lambda: router.refuse("upgrade failed: .*" + pattern))
        router.install(BINARY)
        router.upgrade()

    def test_a_broken_file_and_a_listener_that_is_gone(self):
        router = self.start()
        router.write("{")
        self.served_after(router, lambda: router.refuse(
            "upgrade failed: process .* ended with exit status 78"))
        config = self.config()
        del config["listeners"][2]
        router.write(config)
        self.served_after(router, lambda: router.refuse(
            "upgrade failed: process .* ended with exit status 78"))
        self.assertRegex(router.stderr(), r'socket \d \("two_words____", 127.0.0.1:\d+\) was '
                                          "passed to this process, but no listener")
        self.assertTrue(pathlib.Path(router.address("path")).exists())
        router.reload()
        router.upgrade()

    def test_an_address_that_is_taken(self):
        router = self.start()
        with socket.create_server(("127.0.0.1", 0)) as other:
            config = self.config()
            config["listeners"].append(
                {"name": "new", "address": f"127.0.0.1:{other.getsockname()[1]}"})
            router.write(config)
            self.served_after(router, lambda: router.refuse(
                "upgrade failed: process .* ended with exit status 71"))
        self.assertTrue(pathlib.Path(router.address("path")).exists())

    def hanging(self, router):
        """USR2 with a program that hangs; returns its id."""
        router.install(HANGS)
        line = router.refuse("starts as process")
        return int(re.search(r"process (\d+)", line).group(1))

    def test_one_that_hangs_is_ended_by_term(self):
        router = self.start()
        pid = self.hanging(router)
        router.refuse("USR2: no upgrade: another one is under way")
        before = len(router.lines)
        router.signal(signal.SIGHUP)
        router.wait_line("reload: waits for the upgrade", before)
        router.signal(signal.SIGTERM)
        router.wait_line(f"upgrade cancelled: process {pid} was killed")
        self.assertEqual(router.code_of(router.pid), 0)
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)

    def test_a_reload_waits(self):
        """It is done when the upgrade has failed."""
        router = self.start()
        pid = self.hanging(router)
        config = self.config()
        config["routes"][0]["host"] = ["app.test", "more.test"]
        router.write(config)
        before = len(router.lines)
        router.signal(signal.SIGHUP)
        router.wait_line("reload: waits for the upgrade", before)
        os.kill(pid, signal.SIGTERM)
        router.wait_line("ended by signal 15", before)
        router.wait_line("configuration reloaded", before)

    def test_the_old_one_dies_meanwhile(self):
        """The new one goes on alone."""
        router = self.start()
        router.install(f"#!/bin/sh\nwhile [ ! -e {self.dir}/go ]; do sleep 0.02; done\n"
                       f'exec {os.path.abspath(BINARY)} "$@"\n')
        line = router.refuse("starts as process")
        before = len(router.lines)
        os.kill(router.pid, signal.SIGKILL)
        self.assertEqual(router.process.wait(), -signal.SIGKILL)
        (self.dir / "go").touch()
        router.pid = int(re.search(r"process (\d+)", line).group(1))
        router.wait_line("this process has taken over from one that has gone", before)
        for name in ("public", "path"):
            with router.connect(name) as sock:
                self.talk(sock)
        router.signal(signal.SIGTERM)
        self.assertEqual(router.code_of(router.pid), 0)


if __name__ == "__main__":
    unittest.main()
