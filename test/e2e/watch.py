"""The file is watched: each way in which it changes is seen, once, without a signal."""

import errno
import json
import os
import pathlib
import re
import shutil
import signal
import tempfile
import unittest

from support import backend, net, seccomp
from support.router import Router, routing
from reload import reach

NOBODY = 65534


class Watch(unittest.TestCase):
    def setUp(self):
        self.a = self.enterContext(backend.Backend(backend.says("a")))
        self.b = self.enterContext(backend.Backend(backend.says("b")))
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sni-watch-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def config(self, to, **reload):
        return routing({"one.test": to.text}, reload={"poll": "off", "settle": "50ms"} | reload)

    def text(self, to, **reload):
        config = self.config(to, **reload)
        config["log"] = {"access": {"path": str(self.dir / "access.log")}, "level": "debug"}
        return json.dumps(config, indent=1)

    def start(self, file, text=None, **more):
        """The router, when it has been told what to watch."""
        if text is not None:
            file.write_text(text)
        router = self.enterContext(Router(None, file=file, **more))
        self.wait_watched(router, file.parent)
        return router

    def wait_watched(self, router, directory):
        """Until inotify watches the directory."""
        inode = os.stat(directory).st_ino
        net.wait_until(f"a watch of {directory}", lambda: inode in self.watched(router))

    def watched(self, router):
        """Inodes that the process has inotify watch."""
        inodes = set()
        for info in pathlib.Path(f"/proc/{router.process.pid}/fdinfo").iterdir():
            try:
                for line in info.read_text().splitlines():
                    if found := re.match(r"inotify wd:\w+ ino:(\w+)", line):
                        inodes.add(int(found.group(1), 16))
            except FileNotFoundError:
                pass
        return inodes

    def expect(self, router, line, change):
        """What `change` does leads to such a line; returns it."""
        before = len(router.lines)
        change()
        return router.wait_line(line, before)

    def told(self, router, line):
        return sum(bool(re.search(line, text)) for text in list(router.lines))

    def replace(self, file, text):
        fresh = file.with_suffix(".tmp")
        fresh.write_text(text)
        fresh.rename(file)

    # --- one file ---

    def test_rename_over_it(self):
        """Again and again: the watch stays with the name."""
        file = self.dir / "routes.json"
        router = self.start(file, self.text(self.a))
        for to, name in ((self.b, "b"), (self.a, "a"), (self.b, "b")):
            self.expect(router, "configuration reloaded: 1 route,",
                        lambda: self.replace(file, self.text(to)))
            self.assertEqual(reach(router, "one.test"), name)

    def test_the_same_bytes_are_no_reload(self):
        """They are looked at, and what is told next is the reload of other bytes."""
        file = self.dir / "routes.json"
        router = self.start(file, self.text(self.a))
        self.replace(file, self.text(self.a))
        os.utime(file)
        self.expect(router, "reloaded", lambda: self.replace(file, self.text(self.b)))
        self.expect(router, "reloaded", lambda: router.signal(signal.SIGHUP))  # always is one
        self.assertEqual(self.told(router, "reloaded"), 2)

    def test_written_in_place_in_two_halves(self):
        """Nobody is told of the first half, whether the writer closes in between or not."""
        file = self.dir / "routes.json"
        router = self.start(file, self.text(self.a))
        text = self.text(self.b, settle="2s")
        half = len(text) // 2

        def write():
            with open(file, "w", encoding="utf-8") as to:
                to.write(text[:half])
                to.flush()
                os.fsync(to.fileno())
                to.write(text[half:])
        self.expect(router, "reloaded", write)
        self.assertEqual(reach(router, "one.test"), "b")
        text = self.text(self.a)
        half = len(text) // 2
        self.expect(router, r"debug .*routes\.json: not right: read once more before that is told",
                    lambda: file.write_text(text[:half]))

        def write_the_rest():
            with open(file, "a", encoding="utf-8") as to:
                to.write(text[half:])
        self.expect(router, "reloaded", write_the_rest)
        self.assertEqual(reach(router, "one.test"), "a")
        self.assertEqual(self.told(router, " error "), 0)

    def test_broken_is_told_once(self):
        file = self.dir / "routes.json"
        router = self.start(file, self.text(self.a, poll="20ms"))
        line = self.expect(router, "reload failed: the old configuration stays",
                           lambda: self.replace(file, '{"listeners": ['))
        self.assertIn(" error ", line)
        self.assertEqual(self.told(router, r" error .*routes\.json:1:15: "), 1)
        self.assertEqual(reach(router, "one.test"), "a")
        # 10 polls later; the good file is told after whatever they would have told
        for _ in range(10):
            reach(router, "one.test")
            os.utime(file)
        self.expect(router, "reloaded", lambda: self.replace(file, self.text(self.b)))
        self.assertEqual(self.told(router, "reload failed"), 1)
        self.assertEqual(reach(router, "one.test"), "b")

    def test_gone_and_back(self):
        file = self.dir / "routes.json"
        text = self.text(self.a)
        router = self.start(file, text)
        self.expect(router, r"routes\.json: no such file", file.unlink)
        router.wait_line("reload failed: the old configuration stays")
        self.assertEqual(reach(router, "one.test"), "a")
        self.expect(router, r"routes\.json: again what is in use", lambda: self.replace(file, text))
        self.expect(router, "no such file", file.unlink)
        self.expect(router, "reloaded", lambda: file.write_text(self.text(self.b)))
        self.assertEqual(reach(router, "one.test"), "b")
        self.assertEqual(self.told(router, "no such file"), 2)

    def test_unreadable(self):
        """And readable again: nothing but its mode has changed."""
        file = self.dir / "routes.json"
        root = os.geteuid() == 0
        text = self.text(self.a)
        if root:
            os.chown(self.dir, NOBODY, NOBODY)
        router = self.start(file, text, prepare=(lambda: os.setuid(NOBODY)) if root else None)
        self.expect(router, r"routes\.json: cannot read: Permission denied",
                    lambda: file.chmod(0))
        router.wait_line("reload failed: the old configuration stays")
        self.expect(router, r"routes\.json: again what is in use", lambda: file.chmod(0o644))
        self.assertEqual(reach(router, "one.test"), "a")

    def test_directory_or_pipe_in_its_place(self):
        file = self.dir / "routes.json"
        router = self.start(file, self.text(self.a))
        file.unlink()
        self.expect(router, r"routes\.json: cannot read: Is a directory", file.mkdir)
        file.rmdir()
        self.expect(router, r"routes\.json: a pipe or device can be read once only",
                    lambda: os.mkfifo(file))
        self.assertEqual(reach(router, "one.test"), "a")
        file.unlink()
        self.expect(router, "reloaded", lambda: file.write_text(self.text(self.b)))

    # --- links and directories ---

    def test_config_map(self):
        """As Kubernetes does it: routes.json -> ..data/routes.json, ..data -> ..TIME, exchanged."""
        def publish(number, text):
            version = self.dir / f"..2026_{number}"
            version.mkdir()
            (version / "routes.json").write_text(text)
            (self.dir / "..data_tmp").symlink_to(version.name)
            (self.dir / "..data_tmp").rename(self.dir / "..data")
            return version
        old = publish(0, self.text(self.a))
        file = self.dir / "routes.json"
        file.symlink_to("..data/routes.json")
        router = self.start(file)
        self.wait_watched(router, old)
        for number, (to, name) in enumerate(((self.b, "b"), (self.a, "a")), 1):
            fresh = None

            def swap():
                nonlocal fresh
                fresh = publish(number, self.text(to))
            self.expect(router, "configuration reloaded: 1 route,", swap)
            shutil.rmtree(old)
            self.wait_watched(router, fresh)
            self.assertEqual(reach(router, "one.test"), name)
            old = fresh
        self.assertEqual(self.told(router, "error"), 0)

    def test_link_to_another_directory(self):
        """The link is told elsewhere, and then the file behind it changes."""
        for name, to in (("x", self.a), ("y", self.b)):
            (self.dir / name).mkdir()
            (self.dir / name / "routes.json").write_text(self.text(to))
        (self.dir / "current").symlink_to("x")
        router = self.start(self.dir / "current" / "routes.json")

        def swap():
            (self.dir / "fresh").symlink_to(self.dir / "y")
            (self.dir / "fresh").rename(self.dir / "current")
        self.expect(router, "reloaded", swap)
        self.assertEqual(reach(router, "one.test"), "b")
        self.wait_watched(router, self.dir / "y")
        net.wait_until("the old directory to be left",
                       lambda: os.stat(self.dir / "x").st_ino not in self.watched(router))
        self.expect(router, "reloaded",
                    lambda: self.replace(self.dir / "y" / "routes.json", self.text(self.a)))
        self.assertEqual(reach(router, "one.test"), "a")

    def test_directory_replaced(self):
        """The old one is moved away, a new one takes its name."""
        place = self.dir / "conf"
        place.mkdir()
        router = self.start(place / "routes.json", self.text(self.a))

        def move():
            fresh = self.dir / "fresh"
            fresh.mkdir()
            (fresh / "routes.json").write_text(self.text(self.b))
            place.rename(self.dir / "old")
            fresh.rename(place)
        self.expect(router, "reloaded", move)
        self.assertEqual(reach(router, "one.test"), "b")
        self.wait_watched(router, place)

    # --- without events ---

    def test_poll_finds_what_is_not_told(self):
        """Somebody writes and does not close."""
        file = self.dir / "routes.json"
        router = self.start(file, self.text(self.a, poll="50ms"))
        with open(file, "r+", encoding="utf-8") as to:
            def write():
                to.write(self.text(self.b, poll="50ms"))
                to.truncate()
                to.flush()
            self.expect(router, "reloaded", write)
            self.assertEqual(reach(router, "one.test"), "b")

    @unittest.skipUnless(seccomp.AVAILABLE, "x86-64 only")
    def test_a_watch_that_cannot_be_had(self):
        """It is said once, and polling goes on."""
        for call, error, line in (
                (seccomp.INOTIFY_INIT1, errno.EMFILE, r"routes\.json for changes: Too many open"),
                (seccomp.INOTIFY_ADD_WATCH, errno.ENOSPC, "for changes: No space left on device")):
            with self.subTest(line):
                file = self.dir / "routes.json"
                file.write_text(self.text(self.a, poll="20ms"))
                with Router(None, file=file, prepare=seccomp.fails(call, error)) as router:
                    router.wait_line(f"warning cannot watch .*{line}.*: looking every 20 ms")
                    for to, name in ((self.b, "b"), (self.a, "a")):
                        self.expect(router, "reloaded", lambda: self.replace(
                            file, self.text(to, poll="20ms")))
                        self.assertEqual(reach(router, "one.test"), name)
                    self.assertEqual(self.told(router, "cannot watch"), 1)

    def test_off(self):
        """Nothing is watched, HUP works; and on again."""
        file = self.dir / "routes.json"
        router = self.start(file, self.text(self.a))
        self.expect(router, "reloaded",
                    lambda: self.replace(file, self.text(self.a, watch=False, poll="10ms")))
        net.wait_until("no watch", lambda: not self.watched(router))
        self.replace(file, self.text(self.b, watch=True))
        self.assertEqual(reach(router, "one.test"), "a")
        self.expect(router, "reloaded", lambda: router.signal(signal.SIGHUP))
        self.assertEqual(reach(router, "one.test"), "b")
        self.wait_watched(router, self.dir)
        self.expect(router, "reloaded", lambda: self.replace(file, self.text(self.a)))
        self.assertEqual(self.told(router, "reloaded"), 3)

    # --- the loop goes on ---

    def at_once(self, router, *signals):
        """They are all there when the router looks, which does so in their numbers' order."""
        router.signal(signal.SIGSTOP)
        for number in sorted(signals):
            router.signal(number)
        router.signal(signal.SIGCONT)

    def large(self):
        config = self.config(self.b)
        config["routes"] += [{"host": f"h{number}.example.test", "backend": "b0"}
                             for number in range(50_000)]
        return json.dumps(config)

    def test_signals_are_heard_while_a_file_is_read(self):
        file = self.dir / "routes.json"
        router = self.start(file, self.text(self.a))
        self.replace(file, self.large())
        before = len(router.lines)
        self.at_once(router, signal.SIGHUP, signal.SIGUSR1)
        router.wait_line("reloaded: 50001 routes", before)
        meanwhile = [line for line in router.lines[before:]
                     if re.search("opening the access log again|reloaded", line)]
        self.assertIn("opening", meanwhile[0])
        self.assertEqual(reach(router, "one.test"), "b")

    def test_the_end_does_not_wait_for_a_file_that_is_read(self):
        file = self.dir / "routes.json"
        router = self.start(file, self.text(self.a))
        self.replace(file, self.large())
        self.at_once(router, signal.SIGHUP, signal.SIGTERM)
        self.assertEqual(router.wait_exit(), 0)
        self.assertEqual(self.told(router, "reloaded"), 0)

    def test_a_file_beyond_all_size(self):
        file = self.dir / "routes.json"
        router = self.start(file, self.text(self.a))
        huge = self.dir / "huge"
        with open(huge, "wb") as to:
            to.truncate(3 << 30)
        self.expect(router, "larger than 256 MiB", lambda: huge.rename(file))
        self.assertEqual(reach(router, "one.test"), "a")


if __name__ == "__main__":
    unittest.main(verbosity=2)
