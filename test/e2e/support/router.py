"""Runs the real binary: configuration, start line, access log, reload, end."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading

from support import net

BINARY = os.environ.get("SNI_ROUTER", "build/sni-router")
SANITIZER = re.compile(r"Sanitizer|runtime error:")
LISTENING = re.compile(r"listening on (.*), \d+ routes?")
LISTENER = re.compile(r"(\S+) \(([^)]*)\)")


def routing(routes, **more):
    """A configuration with one listener "public" on a free port.

    `routes` maps a host (or a tuple of hosts) to a server, a list of servers, or a whole route.
    """
    config = {"listeners": [{"name": "public", "address": "127.0.0.1:0"}],
              "routes": [], "backends": {}, "workers": 2,
              "timeouts": {"drain": "10s"}}
    for number, (host, target) in enumerate(routes.items()):
        name = f"b{number}"
        if isinstance(target, dict):
            route = {"host": host} | {k: v for k, v in target.items() if k != "servers"}
            servers = target["servers"]
        else:
            route, servers = {"host": list(host) if isinstance(host, tuple) else host}, target
        config["backends"][name] = {
            "servers": servers if isinstance(servers, list) else [servers]}
        config["routes"].append(route | {"backend": name})
    for key, value in more.items():
        if key in ("timeouts", "policies"):
            config[key] = config.get(key, {}) | value
        else:
            config[key] = value
    return config


class Router:
    """One run of `sni-router run -c FILE`. Leaving the context ends it and checks its exit.

    `file`: another one, which the caller has made; `prepare` runs in the child before the router.
    """

    def __init__(self, config, relay=None, expect_exit=0, wait=True, file=None, prepare=None,
                 environment=None, binary=BINARY, before=(), pass_fds=()):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sni-router-"))
        self.file = self.dir / "routes.json"
        self.access_file = self.dir / "access.log"
        self.expect_exit = expect_exit
        self.lines = []
        self.listeners = {}
        if file is None:
            self.write(config)
        arguments = [str(binary), *before, "run", "-c", str(file or self.file)]
        if relay:
            arguments += ["--relay", relay]
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        preexec_fn=prepare, pass_fds=pass_fds,
                                        env={**os.environ, **(environment or {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if wait:
            try:
                self.wait_ready()
            except AssertionError:
                self.kill()
                raise

    def _read(self):
        for raw in self.process.stderr:
            self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))

    def text_of(self, config):
        """JSON with an access log; the file is read when a test says so, not by itself."""
        access = {"path": str(self.access_file)} | config.get("log", {}).get("access", {})
        config = {"reload": {"watch": False}} | config
        config |= {"log": config.get("log", {}) | {"access": access}}
        return json.dumps(config, indent=2)

    def write(self, config):
        """Replaces the file: a dict becomes JSON with an access log, text is taken as it is."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(self.text_of(config) if isinstance(config, dict) else config)
        fresh.rename(self.file)

    def wait_ready(self):
        def ready():
            for line in list(self.lines):
                if match := LISTENING.search(line):
                    return match
            if self.process.poll() is not None:
                raise AssertionError(f"the router ended at start:\n{self.stderr()}")
            return None
        match = net.wait_until("the start line", ready)
        self.start_line = match.string
        self.listeners = {name: text for text, name in LISTENER.findall(match.group(1))}

    def address(self, listener="public"):
        """Where to connect to: (host, port), or a path."""
        text = self.listeners[listener]
        if text.startswith("unix:"):
            return text[5:]
        host, port = text.rsplit(":", 1)
        host = host.strip("[]")
        return ({"::": "::1", "0.0.0.0": "127.0.0.1"}.get(host, host), int(port))

    def connect(self, listener="public"):
        return net.connect(self.address(listener))

    def stderr(self):
        return "\n".join(self.lines)

    def wait_line(self, pattern, after=0):
        """The first line on stderr, from line `after` on, that matches."""
        def find():
            for line in self.lines[after:]:
                if re.search(pattern, line):
                    return line
            return None
        try:
            return net.wait_until("a line", find)
        except AssertionError:
            raise AssertionError(f"no line like {pattern!r} in:\n{self.stderr()}") from None

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, config=None, expect=r"reloaded"):
        """Writes the file, sends HUP, waits for the line that says it was done (or not)."""
        if config is not None:
            self.write(config)
        before = len(self.lines)
        self.signal(signal.SIGHUP)
        return self.wait_line(expect, before)

    def access(self):
        """The access log so far, every line parsed (a broken one fails the test)."""
        if not self.access_file.exists():
            return []
        text = self.access_file.read_bytes()
        whole = text[:text.rfind(b"\n") + 1]
        return [json.loads(line) for line in whole.splitlines()]

    def wait_access(self, count, after=0, **fields):
        """At least `count` lines, from line `after` on, that have these fields; returns those."""
        def find():
            lines = [line for line in self.access()[after:]
                     if all(line.get(key) == value for key, value in fields.items())]
            return lines if len(lines) >= count else None
        try:
            return net.wait_until("access log lines", find)
        except AssertionError:
            raise AssertionError(f"not {count} access log lines with {fields}; the log:\n" +
                                 "\n".join(map(str, self.access()[-20:]))) from None

    def descriptors(self):
        return net.descriptors(self.process.pid)

    def wait_descriptors(self, sockets, pipes):
        """Until not more than so many sockets and pipes are open."""
        def given_back():
            now = self.open_now()
            return now[0] <= sockets and now[1] <= pipes
        try:
            net.wait_until("descriptors", given_back)
        except AssertionError:
            raise AssertionError(f"more than {sockets} sockets or {pipes} pipes: "
                                 f"{sorted(self.descriptors())[-20:]}") from None

    def open_now(self):
        """Sockets and pipes that are open."""
        links = self.descriptors()
        return (sum(link.startswith("socket:") for link in links),
                sum(link.startswith("pipe:") for link in links))

    def private_bytes(self):
        """Anonymous memory of the process."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) * 1024

    def wait_exit(self, deadline_s=60):
        """Its exit code; the sanitizers' reports have been looked for."""
        try:
            code = self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise AssertionError(f"the router did not end within {deadline_s} s:\n"
                                 f"{self.stderr()}") from None
        self.reader.join()
        assert not SANITIZER.search(self.stderr()), f"sanitizer report:\n{self.stderr()}"
        return code

    def stop(self):
        """TERM, and a second one for what is still open; the exit code must be as expected."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGTERM)
        code = self.wait_exit()
        assert code == self.expect_exit, f"exit {code}, not {self.expect_exit}:\n{self.stderr()}"

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.stop()
        finally:
            if kind is not None:
                print(f"--- the router said:\n{self.stderr()}\n--- access log:")
                with open(self.access_file, "rb") if self.access_file.exists() else \
                        open(os.devnull, "rb") as log:
                    print(log.read()[-4000:].decode("utf-8", "replace"))
            self.kill()


def sanitized():
    """Whether the binary was built with a sanitizer."""
    return re.search(rb"__(a|t)san_init", pathlib.Path(BINARY).read_bytes()) is not None
