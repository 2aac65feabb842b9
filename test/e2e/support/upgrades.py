"""A router that replaces itself, and clients that must not notice."""

import ctypes
import os
import pathlib
import re
import signal
import threading

from support import hello, net
from support.router import BINARY, SANITIZER, Router

PR_SET_CHILD_SUBREAPER = 36
HELLO = hello.hello("app.test")


def adopt_orphans():
    """Processes whose parent has ended become our children, so that their ends can be seen."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


class Upgraded(Router):
    """Run by a path of its own, at which another program can be put; `pid`: the newest process."""

    def __init__(self, config, **how):
        adopt_orphans()
        self.place = pathlib.Path(os.path.abspath(how.pop("place")))
        self.install(how.pop("program", BINARY))
        super().__init__(config, binary=self.place, **how)
        self.pid = self.process.pid
        self.codes = {}

    def install(self, binary):
        """Puts a program at the path: a file, or text of a script; None: there is none."""
        self.place.unlink(missing_ok=True)
        if binary is None:
            return
        if "\n" not in str(binary):
            self.place.symlink_to(os.path.abspath(binary))
            return
        fresh = self.place.with_suffix(".new")
        fresh.write_text(binary)
        fresh.chmod(0o755)
        fresh.rename(self.place)

    def signal(self, number):
        os.kill(self.pid, number)

    def upgrade(self):
        """USR2, until another process has taken over; returns the old one's id."""
        old, before = self.pid, len(self.lines)
        self.signal(signal.SIGUSR2)
        self.follow(before)
        return old

    def follow(self, before=0):
        """Waits until another process has taken over, as line `before` or a later one says."""
        line = self.wait_line(r"upgrade: process \d+ has taken over|upgrade failed", before)
        match = re.search(r"process (\d+) has", line)
        assert match, self.stderr()
        self.pid = int(match.group(1))
        self.wait_line(r"this process has taken over", before)

    def refuse(self, pattern):
        """USR2, until the log says what came of it."""
        before = len(self.lines)
        self.signal(signal.SIGUSR2)
        return self.wait_line(pattern, before)

    def _look_at(self, pid):
        try:
            done, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return False  # its parent has not ended yet
        if done == pid:
            self.codes[pid] = os.waitstatus_to_exitcode(status)
        return done == pid

    def code_of(self, pid):
        """The exit code of a process that is or was one of ours, when it has ended."""
        if pid == self.process.pid:
            return self.process.wait(net.DEADLINE_S)
        if pid not in self.codes:
            net.wait_until(f"process {pid} to end", lambda: self._look_at(pid))
        return self.codes[pid]

    def stop(self):
        """TERM, if it has not ended; the exit code must be as expected."""
        if self.pid not in self.codes and (self.pid != self.process.pid or
                                           self.process.poll() is None):
            self.signal(signal.SIGTERM)
            code = self.code_of(self.pid)
            assert code == self.expect_exit, f"exit {code}:\n{self.stderr()}"
        self.process.wait(net.DEADLINE_S)
        self.reader.join()
        assert not SANITIZER.search(self.stderr()), f"sanitizer report:\n{self.stderr()}"

    def kill(self):
        if self.pid != self.process.pid and self.pid not in self.codes:
            os.kill(self.pid, signal.SIGKILL)
        super().kill()


class Clients:
    """Threads that connect, say a hello, want it back, and end, again and again.

    `done` counts those that were served; `troubles` has what went wrong for others.
    """

    def __init__(self, addresses, threads=4):
        self.addresses = addresses
        self.done = 0
        self.troubles = []
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(n,), daemon=True)
                        for n in range(threads)]

    def _exchange(self, address, silent):
        with net.connect(address) as sock:
            if silent:
                self.stopped.wait(0.02)
            sock.sendall(HELLO)
            if net.receive(sock, len(HELLO)) != HELLO:
                raise ConnectionError("ended early")

    def _run(self, number):
        turn = number
        while not self.stopped.is_set():
            turn += 1
            try:
                self._exchange(self.addresses[turn % len(self.addresses)], turn % 3 == 0)
            except OSError as error:
                self.troubles.append(f"{self.addresses[turn % len(self.addresses)]}: {error!r}")
            else:
                with self.lock:
                    self.done += 1

    def wait_for_more(self, count):
        """Until so many more were served."""
        goal = self.done + count
        net.wait_until("clients to be served", lambda: self.done >= goal or self.troubles)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        if kind is None:
            assert not self.troubles, self.troubles[:5]
