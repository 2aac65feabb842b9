"""Every error that the manual pages name, of every call that the router makes, injected into the
binary: who is served, who is told what, what is logged, and whether the next client is served.

    faults.py LIBRARY            tries every row of support/fault_rows.py
    faults.py LIBRARY --print    writes docs/errors.md, which is made of the same rows
"""

import errno
import gzip
import os
import pathlib
import re
import resource
import signal
import socket
import sys
import tempfile
import unittest

from support import fault_bench, fault_page, fault_rows, faults, net
from support.fault_bench import Bench, Connections
from support.router import LISTENER, Router
from support.talk import Talk

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/errors.md"
BULK = 1 << 20


class OneConnection(Connections):
    def test_receiving(self):
        self.start()
        self.connection("recv/peek", "recv", role="client", detail=1)
        self.connection("recv/take", "recv", role="client", detail=0, pieces=True)
        self.connection("recv/client", "recv", role="client", detail=0, later=True)
        self.connection("recv/server", "recv", role="server")
        self.connection("recv/refused", "recv", "nobody.test", role="client", detail=0)

    def test_sending(self):
        self.start()
        self.connection("send/server", "send", role="server", later=True)
        self.connection("send/client", "send", role="client")
        self.connection("send/alert", "send", "nobody.test", role="client")

    def test_ends(self):
        self.start()
        self.connection("shutdown/server", "shutdown", role="server")
        self.connection("shutdown/client", "shutdown", role="client", server_first=True)
        self.connection("shutdown/refused", "shutdown", "nobody.test", role="client")
        self.connection("setsockopt/reset", "setsockopt", detail=faults.SO_LINGER,
                        vanish=lambda t: "server" if t.answered and not t.server.out else None)

    def test_connecting(self):
        path = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "server")
        self.servers.append(self.listener(socket.AF_UNIX, path))
        config = self.config()
        config["backends"]["unix"] = {"servers": ["unix:" + path]}
        config["routes"].append({"host": "unix.test", "backend": "unix"})
        self.start(**config)
        self.connecting("socket/server", "socket", thread="other", detail=socket.AF_INET)
        self.connecting("connect/server", "connect", thread="other", detail=socket.AF_INET)
        self.connection("connect/unix", "connect", "unix.test", thread="other",
                        detail=socket.AF_UNIX)
        self.connection("epoll_ctl/client", "epoll_ctl", role="client", detail=faults.EPOLL_ADD)
        self.connecting("epoll_ctl/server", "epoll_ctl", role="server", detail=faults.EPOLL_ADD)


class Splicing(Connections):
    """What denies splicing denies it for as long as the process runs."""

    relay = "splice"

    def spliced(self, site, call, **where):
        self.router = None

        def attempt(row, number):
            word = row.then.partition(" ")[0]
            if self.router is None or row.log is not None:
                self.start()
            talk = self.talk(bulk=BULK)
            self.faults.arm(call, number, **where)
            talk.begin().play()
            self.judge(row, talk, row.then)
            if word == "served":
                self.assertEqual(talk.answer, bytes(talk.client.got.strip(b".")))
        self.each(site, attempt)

    def test_splicing(self):
        self.spliced("splice/in", "splice", role="server", detail=faults.SPLICE_IN)
        self.spliced("splice/out", "splice", role="client", detail=faults.SPLICE_OUT)

    def test_pipes(self):
        """A new worker has no pipe yet."""
        def attempt(row, number):
            self.faults.arm("pipe2", number, thread="other", times=faults.ALWAYS)
            self.start()
        self.each("pipe2/stream", attempt)


# --- accepting ---

class Accepting(Connections):
    def test_once(self):
        self.start()

        def attempt(row, number):
            talk = self.talk()
            self.faults.arm("accept4", number)
            talk.begin()
            if row.then == "reopened":
                self.reopened()
                talk.close()
            else:
                self.judge(row, talk.play(), row.then)
        self.each("accept4/once", attempt)

    def reopened(self):
        """A reload opens at once what would be opened again soon."""
        self.router.wait_line("cannot accept", self.since)
        self.faults.disarm()
        self.router.reload()
        self.router.wait_line("listening again", self.since)

    def test_always(self):
        self.start()

        def attempt(row, number):
            talk = self.talk()
            self.faults.arm("accept4", number, times=faults.ALWAYS)
            sleeps = self.sleeps()
            talk.begin()
            if row.then == "reopened":
                self.reopened()
                talk.close()
                return
            if row.then == "pauses":
                net.wait_until("three pauses", lambda: self.faults.hits >= 3)
                self.assertLessEqual(self.faults.hits, self.sleeps() - sleeps + 1, "it spins")
            self.faults.disarm()
            self.judge(row, talk.play(), "served")
        self.each("accept4/always", attempt)

    def sleeps(self):
        """How often its threads have gone to sleep."""
        tasks = pathlib.Path(f"/proc/{self.router.process.pid}/task").glob("*/status")
        return sum(int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", task.read_text(), re.M)[1])
                   for task in tasks)


# --- reloads ---

class Reloading(Connections):
    """A second listener is added while calls fail, and taken away again."""

    def more(self, **more):
        config = self.config()
        config["listeners"].append({"name": "more", "address": "127.0.0.1:0"} | more)
        return config

    def reload(self, row, config):
        if row.then == "not reloaded":
            self.router.reload(config, r"reload failed: the old configuration stays")
            return
        line = self.router.reload(config)
        self.router.listeners = {name: text for text, name in LISTENER.findall(line)}

    def added(self, site, call, options=None, more=None, **where):
        """`options` of sockets fail each alone, and all the time. Every error is tried with the
        first; what is no preference, with every error."""
        def attempt(row, number):
            few = row.then == "reloaded" and number != errno.ENOPROTOOPT
            for option in (options or [None])[:1 if few else None]:
                if option is not None:
                    where.update(detail=option, times=faults.ALWAYS)
                self.faults.arm(call, number, **where)
                self.reload(row, self.more(**(more or {}).get(option, {})) |
                            ({"sockets": {"receive": "64k", "send": "64k"}} if options else {}))
                if row.then == "reloaded":
                    self.assertTrue(self.talk(listener="more").begin().play().served())
                    self.router.reload(self.config())
                # Some are set when the worker lets go of the listener.
                net.wait_until(f"option {option}", lambda: self.faults.hits)
            self.faults.disarm()
        self.each(site, attempt)

    def test_listening(self):
        self.start()
        self.added("socket/listener", "socket", thread="main", detail=socket.AF_INET)
        # It overlaps with one of ours, so binding would not tell whether it is taken.
        more = {None: {"address": f"0.0.0.0:{self.router.address()[1]}"}}
        self.added("socket/kernel", "socket", more=more, thread="main", detail=socket.AF_NETLINK)
        self.added("send/kernel", "send", more=more, role="netlink", thread="main")
        self.added("recv/kernel", "recv", more=more, role="netlink", thread="main")

    def test_options(self):
        self.start()
        more = {faults.IPV6_V6ONLY: {"address": "[::1]:0"}, faults.IP_FREEBIND: {"freebind": True}}
        self.added("setsockopt/required", "setsockopt", list(more) + [faults.SO_REUSEPORT], more)
        self.added("setsockopt/other", "setsockopt", faults.PREFERENCES)

    def test_watching(self):
        """libuv tries whether a descriptor can be watched, and we add it."""
        self.start()

        def attempt(row, number):
            for skip in (0, 1):
                self.since = len(self.router.lines)
                self.faults.arm("epoll_ctl", number, role="listener", thread="other", skip=skip,
                                detail=faults.EPOLL_ADD, after=number == errno.EEXIST)
                self.reload(row, self.more())
                if (number, skip) != (errno.EEXIST, 0):
                    self.check_log(row, number)
                    self.router.wait_line("listening again", self.since)
                self.assertTrue(self.talk(listener="more").begin().play().served())
                self.assertEqual(self.faults.hits, 1)
                self.router.reload(self.config())
            self.after_a_pause(number)
        self.each("epoll_ctl/listener", attempt)

    def after_a_pause(self, number):
        """Accepting goes on when the socket can be watched again; it stays open meanwhile."""
        talk = self.talk()
        self.faults.arm("accept4", errno.EMFILE, times=faults.ALWAYS)
        talk.begin()

        def met():
            if self.faults.hits > 0:  # it pauses
                self.faults.arm("epoll_ctl", number, role="listener", detail=faults.EPOLL_ADD,
                                times=2)
                net.wait_until("a client or faults", lambda: self.faults.hits == 2 or
                               self.lines.of(talk.port))
            return self.faults.hits == 2
        net.wait_until("faults after a pause", met)
        self.assertTrue(talk.play().served())


# --- starting ---

class Starting(Bench):
    def begins(self, site, call, leaks=False, workers=1, **where):
        def attempt(row, number):
            word, _, code = row.then.partition(" ")
            times = faults.as_often(number) if call == "open" else 1
            self.faults.arm(call, number, times=times, **where)
            router = Router(self.config(workers=workers), wait=False,
                            environment=self.faults.environment(leaks))
            try:
                if word == "exit":
                    self.assertEqual(router.wait_exit(), int(code), router.stderr())
                    self.assertRegex(router.stderr(), fault_rows.line_of(row, number))
                    self.assertNotIn("listening on", router.stderr())
                else:
                    router.wait_ready()
                    router.stop()
            finally:
                router.kill()
        self.each(site, attempt)

    def test_starting(self):
        self.begins("socket/start", "socket", thread="main", detail=socket.AF_INET)
        self.begins("open/first", "open", path="routes.json")
        self.begins("open/log", "open", path="access.log")
        self.begins("clone/log", "clone")
        self.begins("clone/errands", "clone", skip=1)
        self.begins("clone/worker", "clone", skip=2)
        self.begins("clone/names", "clone", skip=3)
        self.begins("epoll_ctl/start", "epoll_ctl", detail=faults.EPOLL_ADD)

    def test_changing(self):
        """A receiver that does not read; its sender is not to be told of then."""
        def attempt(row, number):
            router = Router(self.config(sockets={"receive": "64k", "send": "64k"}), wait=True,
                            environment=self.faults.environment(), expect_exit=-signal.SIGABRT)
            talk = Talk(router.address(), self.servers, bulk=32 << 20, deaf=True).begin()
            try:
                self.faults.arm("epoll_ctl", number, role="server", detail=faults.EPOLL_MOD)
                talk.play(until=lambda: router.process.poll() is not None)
                self.assertEqual(router.wait_exit(), -signal.SIGABRT)
                self.assertRegex(router.stderr(), fault_rows.line_of(row, number))
            finally:
                router.kill()
        self.each("epoll_ctl/change", attempt)


# --- files ---

class Logging(Connections):
    def test_opening(self):
        self.start()
        other = self.config(log={"access": {"path": str(self.router.dir / "other.log")}})

        def read_again(row, number):
            self.faults.arm("open", number, path="routes.json", times=faults.as_often(number))
            self.reload(row, None)

        def another(row, number):
            self.faults.arm("open", number, path="other.log", times=faults.as_often(number))
            self.reload(row, other)
            self.faults.disarm()
            self.router.reload(self.config())

        def again(row, number):
            self.faults.arm("open", number, path="access.log", times=faults.as_often(number))
            self.router.signal(signal.SIGUSR1)
            net.wait_until("the file to be opened", lambda: self.faults.hits)
            talk = self.talk().begin().play()
            self.assertEqual(self.lines.wait(talk.port)["reason"], "closed")
        self.each("open/reload", read_again)
        self.each("open/log_reload", another)
        self.each("open/log_again", again)

    def reload(self, row, config):
        self.router.reload(config, r"reload failed: the old configuration stays"
                           if row.then == "not reloaded" else "reloaded")

    def test_writing(self):
        self.start()

        def access(row, number):
            self.faults.arm("write", number, role="log")
            lost = self.talk().begin().play()
            net.wait_until("a line to be written", lambda: self.faults.hits)
            talk = self.talk().begin().play()
            self.lines.wait(talk.port)
            self.assertEqual(self.lines.of(lost.port) is not None, row.then == "written")

        def error(row, number):
            opening = "opening the access log again"
            self.faults.arm("write", number, thread="main", detail=2)
            self.router.signal(signal.SIGUSR1)
            net.wait_until("a line to be written", lambda: self.faults.hits)
            self.router.reload()
            lines = [line for line in self.router.lines[self.since:] if opening in line]
            self.assertEqual(len(lines), row.then == "written")
        self.each("write/access", access)
        self.each("write/error", error)


# --- the table ---

class Table(unittest.TestCase):
    def test_every_error_is_there(self):
        for name, site in fault_rows.SITES.items():
            with self.subTest(name):
                errors = [e for row in fault_rows.rows_of(name) for e in row.errors.split()]
                self.assertEqual(len(errors), len(set(errors)))
                missing = set(fault_rows.MANUAL[site.call].split()) - set(errors)
                self.assertEqual(missing if site.whole else set(), set())
        self.assertEqual({row.site for row in fault_rows.ROWS}, set(fault_rows.SITES))

    def test_the_manual_names_no_other(self):
        for call, errors in fault_rows.MANUAL.items():
            page = pathlib.Path(f"/usr/share/man/man2/{call}.2.gz")
            text = gzip.decompress(page.read_bytes()).decode() if page.exists() else ""
            if text.startswith(".so "):
                text = gzip.decompress((page.parent / (call.rstrip("4") + ".2.gz")).read_bytes()
                                       ).decode()
            if "man-pages 6.03" not in text:
                self.skipTest("no manual pages of that version")
            section = re.search(r"^\.SH ERRORS\n(.*?)^\.SH ", text, re.M | re.S)[1]
            named = {getattr(errno, name, None)
                     for heading in re.findall(r"^\.TP\n(?:\.\\\".*\n)*\.BR? (.*)", section, re.M)
                     for name in re.findall(r"\bE[A-Z0-9]+\b", heading)}
            have = {getattr(errno, name) for name in errors.split()}
            with self.subTest(call):
                self.assertEqual(named - have - {None}, set())

    def test_the_page_is_made_of_it(self):
        self.assertEqual(PAGE.read_text(encoding="utf-8"), fault_page.page(),
                         "docs/errors.md is not what faults.py LIBRARY --print writes")


if __name__ == "__main__":
    fault_bench.LIBRARY = sys.argv.pop(1)
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(fault_page.page())
        sys.exit(0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main(verbosity=2)
