"""What keeps the router from starting: which address or line, why, and the exit code."""

import errno
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from support import net, seccomp
from support.router import BINARY, SANITIZER, Router, routing

NO_INPUT, OS_ERROR, NO_PERMISSION, BAD_CONFIG, USAGE = 66, 71, 77, 78, 64


class BadStart(unittest.TestCase):
    def refused(self, config, code, pattern, prepare=None):
        """The router ends by itself with this code and says something like this."""
        router = Router(config, wait=False, prepare=prepare)
        try:
            self.assertEqual(router.wait_exit(), code, router.stderr())
            self.assertRegex(router.stderr(), pattern)
            self.assertNotRegex(router.stderr(), r"listening on")
            return router
        finally:
            router.kill()

    def at(self, address):
        config = routing({"app.test": "127.0.0.1:9"})
        config["listeners"] = [{"name": "public", "address": address}]
        return config

    def in_use_by(self, address, pid):
        """The whole line, which names the process and the address once."""
        name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
        for config, title in ((self.at(address), f"{address} (public)"),
                              (self.unnamed(address), address)):
            self.refused(config, OS_ERROR, re.escape(f"error cannot listen on {title}: bind: "
                                                     "Address already in use by "
                                                     f"{name} (pid {pid})") + r"\Z")

    def unnamed(self, address):
        return self.at(address) | {"listeners": [{"address": address}]}

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.in_use_by("127.0.0.1:%d" % taken.getsockname()[1], os.getpid())

    def test_wider_port_in_use(self):
        with socket.create_server(("0.0.0.0", 0)) as taken:
            self.in_use_by("127.0.0.1:%d" % taken.getsockname()[1], os.getpid())

    def test_port_in_use_by_another_router(self):
        """Its listeners share ports among its own threads, not with another process."""
        with Router(self.at("127.0.0.1:0")) as first:
            self.in_use_by(first.listeners["public"], first.process.pid)

    def test_socket_in_use(self):
        """By whom, also of an abstract name; a file is no socket."""
        with tempfile.TemporaryDirectory(prefix="sni-router-") as scratch, \
                socket.socket(socket.AF_UNIX) as path, socket.socket(socket.AF_UNIX) as name:
            path.bind(f"{scratch}/s")
            path.listen()
            name.bind(f"\0{scratch}")
            name.listen()
            self.in_use_by(f"unix:{scratch}/s", os.getpid())
            self.in_use_by(f"unix:@{scratch}", os.getpid())
            pathlib.Path(scratch, "file").touch()
            self.refused(self.at(f"unix:{scratch}/file"), OS_ERROR, "in use: what has this path is "
                         "no socket: remove it, or take another path")
            self.assertTrue(pathlib.Path(scratch, "file").exists())
            self.refused(self.at(f"unix:{scratch}/absent/s"), OS_ERROR,
                         "bind: No such file or directory: its directory is not there")

    def test_port_in_use_by_who_is_not_to_be_seen(self):
        """Bound without listening; and a process that another user may not look into."""
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            self.refused(self.at("127.0.0.1:%d" % bound.getsockname()[1]), OS_ERROR,
                         r'in use \("ss -tanp" as root tells by whom\)')
        if os.getuid() != 0:
            return
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = self.run_without_rights("run", "--route", "app.test=127.0.0.1:9", "--listen",
                                           "127.0.0.1:%d" % taken.getsockname()[1])
        self.assertIn('in use ("ss -ltnp" as root tells by whom)\n', done.stderr)

    def test_one_of_two_ports_in_use(self):
        """Nothing stays open when a later listener fails."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = net.free_port()
            config = self.at(f"127.0.0.1:{port}")
            config["listeners"].append(
                {"name": "second", "address": "127.0.0.1:%d" % taken.getsockname()[1]})
            self.refused(config, OS_ERROR, "in use")
            self.assertFalse(net.accepts(("127.0.0.1", port)))

    @unittest.skipUnless(seccomp.AVAILABLE, "no filter for this machine")
    def test_no_event_loop(self):
        """Without these libuv would abort."""
        for name, number in (("eventfd", seccomp.EVENTFD2), ("pipe2", seccomp.PIPE2),
                             ("epoll_create1", seccomp.EPOLL_CREATE1),
                             ("epoll_ctl", seccomp.EPOLL_CTL)):
            for error, code in ((errno.ENFILE, OS_ERROR), (errno.EPERM, NO_PERMISSION)):
                with self.subTest(name, error=error):
                    self.refused(self.at("127.0.0.1:0"), code,
                                 f"cannot start an event loop: {name}: {os.strerror(error)}",
                                 prepare=seccomp.fails(number, error))

    def test_address_that_is_not_ours(self):
        self.refused(self.at("203.0.113.1:0"), OS_ERROR, r"203\.0\.113\.1:0")

    def test_every_error_with_its_place(self):
        text = ('{\n  "listeners": [{"address": "127.0.0.1:0"}],\n'
                '  "routes": [{"host": "a..b", "backend": "x"}],\n'
                '  "bakends": {"x": {"servers": ["127.0.0.1:1"]}}\n}\n')
        router = self.refused(text, BAD_CONFIG, r'bakends.*did you mean "?backends')
        self.assertRegex(router.stderr(), r"routes\.json:3:\d+: error")
        self.assertRegex(router.stderr(), r"routes\.json:4:\d+: error")
        self.assertIn("^", router.stderr())

    def test_no_json_at_all(self):
        self.refused("listen 443;\n", BAD_CONFIG, r"routes\.json:1:1: error")

    def test_no_such_file(self):
        done = self.invoke("run", "-c", "/nonexistent/routes.json")
        self.assertEqual(done.returncode, NO_INPUT)
        self.assertIn("/nonexistent/routes.json", done.stderr)

    def test_file_is_a_directory(self):
        done = self.invoke("run", "-c", "/tmp")
        self.assertIn(done.returncode, (NO_INPUT, OS_ERROR, BAD_CONFIG))
        self.assertIn("/tmp", done.stderr)

    def test_no_file_named(self):
        self.assertEqual(self.invoke("run").returncode, USAGE)

    def invoke(self, *arguments, user=None, binary=BINARY):
        done = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=240,
                              stdin=subprocess.DEVNULL, check=False, user=user,
                              extra_groups=None if user is None else [])
        self.assertNotRegex(done.stderr, SANITIZER)
        return done

    def run_without_rights(self, *arguments):
        """As nobody when we are root, else as we are. A copy, since nobody may not enter here."""
        if os.getuid() != 0:
            return self.invoke(*arguments)
        with tempfile.TemporaryDirectory(prefix="sni-router-") as scratch:
            os.chmod(scratch, 0o755)
            binary = shutil.copy(BINARY, scratch)
            return self.invoke(*arguments, user=pwd.getpwnam("nobody").pw_uid, binary=binary)

    def test_privileged_port(self):
        first = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
        if first <= 1:
            self.skipTest(f"no port is privileged here: ip_unprivileged_port_start is {first}")
        done = self.run_without_rights("run", "--listen", "127.0.0.1:1", "--route",
                                       "app.test=127.0.0.1:9")
        self.assertEqual(done.returncode, NO_PERMISSION, done.stderr)
        self.assertRegex(done.stderr, r"127\.0\.0\.1:1\b")
        self.assertRegex(done.stderr, rf"bind: Permission denied: ports below {first} need root or "
                         r"CAP_NET_BIND_SERVICE \(setcap, or AmbientCapabilities in a unit\)\n")

    def test_socket_in_a_directory_that_is_not_ours(self):
        with tempfile.TemporaryDirectory(prefix="sni-router-") as closed:
            os.chmod(closed, 0o555)
            path = f"{closed}/public.sock"
            done = self.run_without_rights("run", "--listen", f"unix:{path}", "--route",
                                           "app.test=127.0.0.1:9")
            self.assertEqual(done.returncode, NO_PERMISSION, done.stderr)
            self.assertIn(path, done.stderr)

    def test_unreadable_file(self):
        with tempfile.TemporaryDirectory(prefix="sni-router-") as scratch:
            os.chmod(scratch, 0o755)
            secret = pathlib.Path(scratch, "routes.json")
            secret.write_text("{}")
            secret.chmod(0)
            done = self.run_without_rights("run", "-c", str(secret))
            self.assertEqual(done.returncode, NO_PERMISSION, done.stderr)
            self.assertIn(str(secret), done.stderr)

    def test_unwritable_access_log(self):
        config = self.at("127.0.0.1:0") | {
            "log": {"access": {"path": "/nonexistent/access.log"}}}
        router = Router(config, wait=False)
        try:
            code = router.wait_exit()
            self.assertIn(code, (OS_ERROR, NO_INPUT, NO_PERMISSION, BAD_CONFIG, 73))
            self.assertIn("/nonexistent/access.log", router.stderr())
        finally:
            router.kill()


if __name__ == "__main__":
    unittest.main(verbosity=2)
