"""The process among others: signals at every moment, what it inherits, limits, CPUs, being
stopped."""

import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from support import backend, hello, net
from support.router import BINARY, Router, routing
from support.upgrades import Upgraded

HELLO = hello.hello("app.test")
ENDING = (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT)
OTHERS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def talk(test, router):
    """One exchange through the router, in order."""
    with router.connect() as sock:
        sock.sendall(HELLO)
        test.assertEqual(net.receive(sock, len(HELLO)), HELLO)


class Case(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(backend.Backend(backend.echo))
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sni-router-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def config(self, **more):
        return routing({"app.test": self.server.text}, **more)

    def start(self, config=None, **how):
        return self.enterContext(Router(config or self.config(), **how))


class WhileReading(Case):
    """The file is a pipe: that its writer was let in says that the router has begun to read it."""

    def start_reading(self):
        fifo = self.dir / "fifo"
        os.mkfifo(fifo)
        router = Router(self.config(), file=fifo, wait=False)
        self.addCleanup(router.kill)
        return router, open(fifo, "w", encoding="utf-8")

    def test_others_kill_nothing_and_are_not_lost(self):
        for number in OTHERS:
            with self.subTest(number):
                router, pipe = self.start_reading()
                router.signal(number)
                with pipe:
                    pipe.write(router.text_of(self.config()))
                router.wait_ready()
                router.wait_line({signal.SIGHUP: "a pipe or device can be read once only",
                                  signal.SIGUSR1: "opening the access log again",
                                  signal.SIGUSR2: "starts as process"}[number])
                talk(self, router)
                router.stop()
                os.unlink(self.dir / "fifo")

    def test_those_that_end_end_it_in_order(self):
        for number in ENDING:
            with self.subTest(number):
                router, pipe = self.start_reading()
                router.signal(number)
                self.assertEqual(router.wait_exit(), 0)
                pipe.close()
                os.unlink(self.dir / "fifo")

    def test_those_that_end_while_it_starts(self):
        for number in ENDING:
            with self.subTest(number):
                router, pipe = self.start_reading()
                with pipe:
                    pipe.write(router.text_of(self.config()))
                router.signal(number)
                self.assertEqual(router.wait_exit(), 0)
                os.unlink(self.dir / "fifo")

    def test_other_commands_die_of_them_as_usual(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            with self.subTest(number):
                fifo = self.dir / "fifo"
                os.mkfifo(fifo)
                command = subprocess.Popen([BINARY, "check", str(fifo)])
                with open(fifo, "w", encoding="utf-8"):
                    command.send_signal(number)
                    self.assertEqual(command.wait(net.DEADLINE_S), -number)
                os.unlink(fifo)


class Signals(Case):
    def test_what_the_parent_has_blocked_or_ignored_counts_nothing(self):
        def block():
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDING + OTHERS)

        def ignore():
            for number in ENDING + OTHERS:
                signal.signal(number, signal.SIG_IGN)
        for prepare in block, ignore:
            with self.subTest(prepare.__name__):
                router = self.start(prepare=prepare)
                router.reload(expect="configuration reloaded")
                router.signal(signal.SIGTERM)
                self.assertEqual(router.wait_exit(), 0)

    def test_what_came_before_it_ran_counts(self):
        """The parent has blocked them; they are pending when the program begins."""
        def pending(number):
            def prepare():
                signal.pthread_sigmask(signal.SIG_BLOCK, {number})
                os.kill(os.getpid(), number)
            return prepare
        for number, said in ((signal.SIGHUP, "configuration reloaded"),
                             (signal.SIGUSR1, "opening the access log again")):
            with self.subTest(number):
                self.start(prepare=pending(number)).wait_line(said)
        with self.subTest(signal.SIGUSR2):
            self.enterContext(Upgraded(self.config(), place=self.dir / "program",
                                       prepare=pending(signal.SIGUSR2))).follow()
        for number in ENDING:
            with self.subTest(number):
                router = Router(self.config(), wait=False, prepare=pending(number))
                self.addCleanup(router.kill)
                self.assertEqual(router.wait_exit(), 0)

    def test_threads_do_not_get_them(self):
        router = self.start(self.config(workers=3))
        talk(self, router)
        pid = router.process.pid
        blocked = {}
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            mask = re.search(r"SigBlk:\s+(\w+)", (task / "status").read_text()).group(1)
            blocked[int(task.name)] = int(mask, 16)
        ours = sum(1 << (number - 1) for number in ENDING + OTHERS)
        self.assertEqual(blocked.pop(pid) & ours, 0)
        self.assertGreaterEqual(len(blocked), 4)  # workers, log writer
        self.assertEqual({mask & ours for mask in blocked.values()}, {ours})

    def test_many_that_end_are_one_end(self):
        """None of them meets the process after it has stopped to listen to signals."""
        for number in ENDING:
            with self.subTest(number):
                router = self.start()
                while router.process.poll() is None:
                    router.signal(number)
                self.assertEqual(router.wait_exit(), 0)

    def test_hup_opens_the_access_log_again(self):
        router = self.start()
        talk(self, router)
        router.wait_access(1)
        rotated = router.dir / "access.log.1"
        os.rename(router.access_file, rotated)
        router.reload("{", expect="reload failed")  # also when the file is bad
        net.wait_until("a new file", router.access_file.exists)
        talk(self, router)
        router.wait_access(1, sni="app.test")
        self.assertEqual(rotated.read_bytes().count(b"\n"), 1)


class Journal(Case):
    """Where standard error is the stream that JOURNAL_STREAM names."""

    def said(self, config, name_stream):
        """All that a router writes to both outputs, which are one pipe, until it is ended."""
        (self.dir / "routes.json").write_text(json.dumps(config))
        ours, theirs = os.pipe()
        stream = os.fstat(theirs)
        process = subprocess.Popen(
            [BINARY, "run", "-c", self.dir / "routes.json"], stdin=subprocess.DEVNULL,
            stdout=theirs, stderr=theirs,
            env=os.environ | {"JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino + name_stream}"})
        os.close(theirs)
        said = []
        with open(ours, encoding="utf-8") as lines:
            for line in lines:
                said.append(line.rstrip("\n"))
                if match := re.search(r"listening on 127.0.0.1:(\d+)", line):
                    with net.connect(("127.0.0.1", int(match[1]))) as sock:
                        sock.sendall(b"not TLS")
                        sock.recv(1)
                if line.startswith("{"):
                    process.terminate()
        return process.wait(60), said

    def test_priorities_instead_of_times(self):
        """The access log stays what it is."""
        config = self.config(workers=1)
        config["backends"]["unused"] = {"servers": ["127.0.0.1:9"]}
        code, said = self.said(config, 0)
        self.assertEqual(code, 0, said)
        self.assertEqual([line.split(" ")[0] for line in said if line[0] != "{"],
                         ["<4>warning", "<6>info", "<6>info", "<6>info"])
        self.assertEqual(json.loads(*[line for line in said if line[0] == "{"])["reason"],
                         "not_tls")

    def test_another_stream(self):
        code, said = self.said(self.config(workers=1), 1)
        self.assertEqual(code, 0, said)
        for line in said:
            self.assertRegex(line, r"\A(\{|\d{4}-\d\d-\d\dT[0-9:.]+Z info )")

    def test_findings_at_start(self):
        """One line for each, without source lines; `check` before the start says the same."""
        config = {"listeners": [], "bakends": {}}
        code, said = self.said(config, 0)
        self.assertEqual(code, 78)
        self.assertGreater(len(said), 1)
        for line in said:
            self.assertRegex(line, r"\A<3>error /.*routes\.json:1:\d+: \w")
        self.assertEqual(self.says("check", self.dir / "routes.json"), (78, said))
        self.assertEqual(self.says("explain", self.dir / "routes.json", "a.test"), (78, said))

    def says(self, *command):
        """The exit code and the lines on standard error, which is the journal's."""
        ours, theirs = os.pipe()
        stream = os.fstat(theirs)
        code = subprocess.run(
            [BINARY, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
            check=False, timeout=60,
            env=os.environ | {"JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino}"}).returncode
        os.close(theirs)
        with open(ours, encoding="utf-8") as lines:
            return code, lines.read().splitlines()

    def test_what_is_wrong_with_a_command_line(self):
        """Has a priority as well, whoever says it."""
        route = "--route=www.app.test,app.test=127.0.0.1:9"
        for code, command in ((64, ("run", "--bogus")), (64, ("run",)), (64, ("chekc", "x")),
                              (64, ("--bogus",)), (66, ("check", "/no/such/file")),
                              (66, ("run", "-c", "/no/such/file")),
                              (64, ("run", "--listen=18443", route))):
            with self.subTest(command):
                got, said = self.says(*command)
                self.assertEqual(got, code, said)
                self.assertRegex(said[0], r"\A<3>error sni-router(?: \w+)?: ")
                for line in said[1:]:
                    self.assertRegex(line, r"\A(<6>info Try 'sni-router|<3>error sni-router run: )")


class Limits(Case):
    def test_a_file_that_may_not_grow(self):
        def prepare():
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        router = self.start(prepare=prepare)
        for _ in range(20):
            talk(self, router)
        router.wait_line("access log: cannot write: File too large")
        talk(self, router)
        router.signal(signal.SIGTERM)
        self.assertEqual(router.wait_exit(), 0)
        self.assertRegex(router.stderr(), r"ended: 21 connections, .* [1-9]\d* log lines lost")


    @unittest.skipIf(os.getuid() != 0, "another user's processes are needed, to be counted")
    def test_as_few_threads_as_the_user_may_have(self):
        """It starts and looks names up, or says what it could not start."""
        os.chmod(self.dir, 0o755)
        binary = pathlib.Path(shutil.copy(BINARY, self.dir))
        route = f"app.test=localhost:{self.server.port}"
        command = [str(binary), "run", "--listen", "127.0.0.1:0", "--route", route]
        uid = 61_000 + os.getpid() % 4_000
        outcomes = set()
        most = 4 + len(os.sched_getaffinity(0)) + 4  # of the sanitizers, of look-ups
        for limit in range(1, most + 1):
            def prepare():
                resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
                os.setgid(uid)
                os.setuid(uid)
            with self.subTest(limit=limit):
                router = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                          stderr=subprocess.PIPE, text=True, preexec_fn=prepare,
                                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
                with router:
                    line = ""
                    while "listening on" not in line and (more := router.stderr.readline()):
                        line = more
                    outcomes.add("listening on" in line)
                    router.terminate()
                    code = router.wait(net.DEADLINE_S)
                    self.assertEqual(code, 0 if "listening on" in line else 71, line)
                    if code == 71:
                        self.assertRegex(line, "cannot start")
        self.assertEqual(outcomes, {False, True})


class Cpus(Case):
    def start_line(self, prepare):
        config = self.config()
        del config["workers"]
        return self.start(config, prepare=prepare)

    def test_affinity(self):
        one = min(os.sched_getaffinity(0))
        router = self.start_line(lambda: os.sched_setaffinity(0, {one}))
        self.assertIn(": 1 worker,", router.start_line)

    def test_quota(self):
        place = self.cgroup()
        pid = place / "cgroup.procs"
        router = self.start_line(lambda: pid.write_text(str(os.getpid())))
        self.assertIn(": 1 worker,", router.start_line)
        if len(os.sched_getaffinity(0)) > 1:
            router.wait_line("the CPU quota pays for 1 of")
        talk(self, router)

    def cgroup(self):
        """A new cgroup with 0.9 CPUs; skips the test where none can be made."""
        name = f"sni-router-test-{os.getpid()}"
        for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
            left, _, right = line.partition(" - ")
            kind, _, options = right.split(" ", 2)
            point = pathlib.Path(left.split(" ")[4])
            quota = {"cgroup2": {"cpu.max": "90000 100000"},
                     "cgroup": {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "90000"}}
            if kind not in quota or (kind == "cgroup" and "cpu" not in options.split(",")):
                continue
            try:
                (point / name).mkdir()
                self.addCleanup(self.remove, point / name)
                for file, value in quota[kind].items():
                    (point / name / file).write_text(value)
                return point / name
            except OSError:
                continue
        self.skipTest("no cgroup with a CPU quota can be made here")
        return None

    @staticmethod
    def remove(place):
        net.wait_until("an empty cgroup", lambda: not (place / "cgroup.procs").read_text())
        place.rmdir()


class Stopped(Case):
    """Longer than every timeout: what has arrived meanwhile counts, all the same."""

    STREAMS = 150
    TIMEOUT_S = 5

    def setUp(self):
        super().setUp()
        self.server = self.enterContext(backend.Echoes())

    def stop(self, router):
        router.signal(signal.SIGSTOP)
        state = pathlib.Path(f"/proc/{router.process.pid}/stat")
        net.wait_until("the stop", lambda: state.read_text().rpartition(")")[2].split()[0] == "T")

    def play(self, relay):
        timeout = f"{self.TIMEOUT_S}s"
        config = self.config(timeouts={"hello": timeout, "idle": timeout, "half_close": timeout})
        router = self.start(config, relay=relay)
        streams = [self.enterContext(router.connect()) for _ in range(self.STREAMS)]
        for sock in streams:
            sock.sendall(HELLO)
        for sock in streams:
            self.assertEqual(net.receive(sock, len(HELLO)), HELLO)
        hellos = [self.enterContext(router.connect()) for _ in range(self.STREAMS)]
        for sock in hellos:
            sock.sendall(HELLO[:100])
        self.stop(router)
        for sock in streams:
            sock.sendall(b"still here")
        for sock in hellos:
            sock.sendall(HELLO[100:])
        time.sleep(self.TIMEOUT_S + 1)
        router.signal(signal.SIGCONT)
        for sock in streams:
            self.assertEqual(net.receive(sock, 10), b"still here")
        for sock in hellos:
            self.assertEqual(net.receive(sock, len(HELLO)), HELLO)

    def test_streams_and_hellos_stay_copy(self):
        self.play("copy")

    def test_streams_and_hellos_stay_splice(self):
        self.play("splice")

    def test_what_says_nothing_times_out_afterwards(self):
        router = self.start(self.config(timeouts={"hello": "1s"}))
        before = router.open_now()[0]
        sock = self.enterContext(router.connect())
        sock.sendall(HELLO[:100])
        net.wait_until("the accept", lambda: router.open_now()[0] > before)
        self.stop(router)
        time.sleep(1.5)
        router.signal(signal.SIGCONT)
        net.receive_all(sock)
        router.wait_access(1, reason="hello_timeout")

    def test_the_drain_takes_ends_that_have_come(self):
        router = self.start(self.config(timeouts={"drain": "3s"}))
        sock = self.enterContext(router.connect())
        sock.sendall(HELLO)
        self.assertEqual(net.receive(sock, len(HELLO)), HELLO)
        router.signal(signal.SIGTERM)
        router.wait_line("ending: 1 connection has 3 s")
        self.stop(router)
        sock.shutdown(socket.SHUT_WR)
        time.sleep(3.5)
        router.signal(signal.SIGCONT)
        self.assertEqual(router.wait_exit(), 0)
        line, = [line for line in router.access() if line.get("sni")]
        self.assertEqual(line["reason"], "closed")


if __name__ == "__main__":
    unittest.main(verbosity=2)
