"""The routers that bench/peers compares, and everything else that it starts."""

import ctypes
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

from loopback import free_port
from peers_rows import COPY, OURS, UNHELD

ROOT = pathlib.Path(__file__).resolve().parent.parent
DESCRIPTORS = 20000  # for each process
URGENT_PRIORITY = 10  # of SCHED_FIFO
URGENT_NICE = -20


class Failure(Exception):
    """Something did not work; the text says what."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def set_fifo():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(URGENT_PRIORITY))


def set_nice():
    os.setpriority(os.PRIO_PROCESS, 0, URGENT_NICE)


def find_urgency():
    """How a process may run before all others: what it calls for that, and the words for it."""
    for call, words in ((set_fifo, "SCHED_FIFO"), (set_nice, f"nice {URGENT_NICE}")):
        try:
            subprocess.run(["true"], preexec_fn=call, check=True)
            return call, words
        except (OSError, subprocess.SubprocessError):
            pass
    return None, "no priority: neither SCHED_FIFO nor nice is allowed here"


class Children:
    """Processes started here. All of them end with this one."""

    def __init__(self):
        self.running = []
        self.urge, self.urgency = find_urgency()

    def start(self, command, cpu, urgent=False, **options):
        """`urgent`: it runs before all others, as far as that is allowed."""
        libc = ctypes.CDLL(None)
        urge = self.urge if urgent else None

        def prepare():
            libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            limit = DESCRIPTORS if most == resource.RLIM_INFINITY else min(DESCRIPTORS, most)
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            if urge is not None:
                urge()

        try:
            process = subprocess.Popen(command, preexec_fn=prepare, stdin=subprocess.DEVNULL,
                                       **options)
        except OSError as error:
            raise Failure(f"{command[0]}: {error.strerror}") from error
        self.running.append(process)
        return process

    def run(self, command, cpu, urgent=False, **options):
        """What it wrote to stdout, once it has ended; its code is in .returncode of the second."""
        process = self.start(command, cpu, urgent, stdout=subprocess.PIPE, **options)
        said = process.communicate()[0]
        self.running.remove(process)
        return said, process

    def end(self, process):
        if process not in self.running:
            return
        self.running.remove(process)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def end_all(self):
        for process in list(self.running):
            self.end(process)


def descriptors_of(pid):
    """How many in all, and how many of them are pipes."""
    place = f"/proc/{pid}/fd"
    links = []
    for name in os.listdir(place):
        try:
            links.append(os.readlink(f"{place}/{name}"))
        except FileNotFoundError:
            pass
    return len(links), sum(link.startswith("pipe:") for link in links)


class Router:
    """One of the programs compared, with its configuration from bench/peers.d."""

    TEMPLATES = {OURS: "sni-router.json", COPY: "sni-router.json",
                 UNHELD: "sni-router.json", "haproxy": "haproxy.cfg",
                 "nginx": "nginx.conf", "sniproxy": "sniproxy.conf"}
    PACKAGES = {"nginx": "nginx-light libnginx-mod-stream"}

    def __init__(self, name, bench):
        self.name = name
        self.bench = bench
        self.process = None
        self.address = None

    def command(self, config):
        ours = [str(self.bench.binaries / "sni-router"), "run", "-c", config]
        return {OURS: ours, COPY: [*ours, "--relay", "copy"], UNHELD: ours,
                "haproxy": ["haproxy", "-db", "-f", config],
                "nginx": ["nginx", "-c", config, "-g", "daemon off; master_process off;"],
                "sniproxy": ["sniproxy", "-f", "-c", config]}[self.name]

    def configure(self):
        text = (ROOT / "bench/peers.d" / (self.TEMPLATES[self.name] + ".in")).read_text()
        backends = self.bench.backends
        values = {"@LISTEN@": self.address, "@BACKEND@": backends["bench"],
                  "@OTHER@": backends["other"], "@PLAIN@": backends["plain"],
                  "@DIR@": str(self.bench.scratch),
                  "@HELD@": "off" if self.name == UNHELD else "1m"}
        for word, value in values.items():
            text = text.replace(word, value)
        if os.geteuid() != 0:  # only root can become somebody else
            text = "\n".join(line for line in text.split("\n") if not line.startswith("user "))
        path = self.bench.scratch / f"{self.name}.conf"
        path.write_text(text)
        return str(path)

    def start(self):
        self.address = f"127.0.0.1:{free_port()}"
        log = open(self.bench.scratch / f"{self.name}.log", "w+")
        self.process = self.bench.children.start(self.command(self.configure()),
                                                 self.bench.router_cpu, stdout=log, stderr=log)
        host, port = self.address.split(":")
        end = time.monotonic() + 20
        while True:
            if self.process.poll() is not None or time.monotonic() > end:
                log.seek(0)
                raise Failure(f"{self.name} does not start: {log.read()}")
            try:
                socket.create_connection((host, int(port)), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        log.close()

    def stop(self):
        self.bench.children.end(self.process)

    def check_alive(self, during):
        code = self.process.poll()
        if code is not None:
            log = (self.bench.scratch / f"{self.name}.log").read_text(errors="replace")
            raise Failure(f"{self.name} ended during {during}: exit code {code}\n{log[-2000:]}")

    @classmethod
    def missing(cls, name):
        """What to install, or None."""
        return None if shutil.which(name) else cls.PACKAGES.get(name, name)

    def pss_kib(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as rollup:
            return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))

    def descriptors(self):
        """How many in all, and how many of them are pipes."""
        return descriptors_of(self.process.pid)

    def version(self):
        command = {OURS: [str(self.bench.binaries / "sni-router"), "--version"],
                   "haproxy": ["haproxy", "-v"], "nginx": ["nginx", "-v"],
                   "sniproxy": ["sniproxy", "-V"]}[self.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        first = (done.stdout + done.stderr).strip().split("\n")[0]
        package = subprocess.run(["dpkg-query", "-W", "-f=${Version}", self.name],
                                 capture_output=True, text=True, check=False).stdout
        if self.name == OURS or not package:
            return first
        return f"{self.name} {package}"
