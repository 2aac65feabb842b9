"""Limits: what is too much is refused or waits, nobody is lost, and waiting costs no CPU."""

import pathlib
import re
import resource
import select
import subprocess
import unittest

from support import backend, hello, net
from support.router import BINARY, Router, routing

HELLO = hello.hello("app.test")
WORKERS = 2  # of routing()


def threads_of(pid):
    """(how often it has gone to sleep by itself, nanoseconds of CPU) of each thread."""
    threads = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        slept = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M)
        threads[task.name] = int(slept.group(1)), int((task / "schedstat").read_text().split()[0])
    return threads


class Limits(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(backend.Backend(backend.echo))

    def established(self, address):
        sock = self.enterContext(net.connect(address))
        sock.sendall(HELLO)
        self.assertEqual(net.receive(sock, len(HELLO)), HELLO)
        return sock

    def test_limit_that_was_set(self):
        """Whoever is too much gets the policy of `limit`; who leaves makes room."""
        router = self.enterContext(Router(routing({"app.test": self.server.text},
                                                  limits={"connections": 8})))
        self.assertIn("at most 8 connections", router.start_line)
        held = [self.established(router.address()) for _ in range(8)]
        for _ in range(20):
            with router.connect() as sock:
                sock.sendall(HELLO)
                self.assertEqual(net.alert_of(net.ending(sock)[0]), 80)
        self.assertEqual(self.server.connections, 8)
        self.assertEqual(len(router.wait_access(20, reason="limit")), 20)
        for sock in held[:3]:
            sock.close()
        router.wait_access(3, reason="closed")
        for _ in range(3):
            self.established(router.address())

    def test_limit_from_few_descriptors(self):
        for descriptors in 80, 200:
            with self.subTest(descriptors):
                self.few_descriptors(descriptors)

    def few_descriptors(self, descriptors):
        """Accepting pauses, without spinning, and 400 clients are served."""
        config = routing({"app.test": self.server.text})
        with Router(config) as model:  # for its directory and its file
            process = subprocess.Popen(
                [BINARY, "run", "-c", str(model.file)], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                preexec_fn=lambda: resource.setrlimit(
                    resource.RLIMIT_NOFILE, (descriptors, descriptors)))
            try:
                text = ""
                while not (start := re.search(
                        r"listening on 127\.0\.0\.1:(\d+).* at most (\d+) connections", text)):
                    text = process.stderr.readline()
                    self.assertNotEqual(text, "", "the router ended")
                port, most = map(int, start.groups())
                self.assertLess(most, 100)
                self.assertGreater(most, 10)
                self.all_are_served(process.pid, ("127.0.0.1", port), 400, most)
            finally:
                process.terminate()
                _, rest = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, rest)
        self.assertNotIn("Too many open files", rest)

    def all_are_served(self, pid, address, count, most):
        """Opens all at once; when the first ones have filled it, each leaves when answered."""
        served = self.server.connections
        socks = [self.enterContext(net.connect(address)) for _ in range(count)]
        for sock in socks:
            sock.sendall(HELLO)
        net.wait_until("the limit", lambda: self.server.connections - served >= most)
        self.waits_without_spinning(pid)
        self.assertLess(self.server.connections - served, count, "no limit was reached")
        waiting = set(socks)
        while waiting:
            ready, _, _ = select.select(list(waiting), [], [], net.DEADLINE_S)
            self.assertTrue(ready, f"{len(waiting)} clients wait in vain")
            for sock in ready:
                self.assertEqual(net.receive(sock, len(HELLO)), HELLO)
                sock.close()
                waiting.discard(sock)

    def waits_without_spinning(self, pid):
        """Both workers sleep, look whether there is room, sleep again, and do little else."""
        before, looks = threads_of(pid), 20

        def slept():
            now = threads_of(pid)
            return [tid for tid in before if now[tid][0] - before[tid][0] >= looks]
        net.wait_until("both workers to sleep", lambda: len(slept()) >= WORKERS)
        for tid, (sleeps, cpu_ns) in threads_of(pid).items():
            self.assertLess(cpu_ns - before[tid][1], (sleeps - before[tid][0] + 1) * 20_000_000,
                            "it spins while it waits")

    def test_longest_hello(self):
        router = self.enterContext(Router(routing({"app.test": self.server.text},
                                                  limits={"hello": "2k"})))
        small = hello.hello("app.test", size=2000)
        with router.connect() as sock:
            sock.sendall(small)
            self.assertEqual(net.receive(sock, len(small)), small)
        with router.connect() as sock:
            sock.sendall(hello.hello("app.test", size=2100))
            self.assertEqual(net.alert_of(net.ending(sock)[0]), 47)
        router.wait_access(1, reason="too_large")


if __name__ == "__main__":
    unittest.main(verbosity=2)
