"""sni-router beside haproxy, nginx and sniproxy, in turns. Run it with `bash bench/peers`.

One backend player and the generator on one CPU; every router, one worker each, on another. CPU and
latency come from `sni-bench compare`. Memory needs routers that have not served yet, so each round
starts them anew. Everything started here ends here, by process number; the scratch directory goes.
"""

import argparse
import ctypes
import json
import math
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from loopback import free_port
from peers_table import BEGIN, END, OURS, SCENARIOS, Table, plain, section

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
DESCRIPTORS = 20000  # for each process
ROUNDS_MAX = 64  # that sni-bench compare makes
MEMORY = ("idle", "gone")  # scenarios beside those of the tables


class Failure(Exception):
    """Something did not work; the text says what."""


def say(text):
    print(text, file=sys.stderr, flush=True)


class Children:
    """Processes started here. All of them end with this one."""

    def __init__(self):
        self.running = []

    def start(self, command, cpu, **options):
        libc = ctypes.CDLL(None)

        def prepare():
            libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            limit = DESCRIPTORS if most == resource.RLIM_INFINITY else min(DESCRIPTORS, most)
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        try:
            process = subprocess.Popen(command, preexec_fn=prepare, stdin=subprocess.DEVNULL,
                                       **options)
        except OSError as error:
            raise Failure(f"{command[0]}: {error.strerror}") from error
        self.running.append(process)
        return process

    def end(self, process):
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


class Router:
    """One of the programs compared, with its configuration from bench/peers.d."""

    TEMPLATES = {OURS: "sni-router.json", "haproxy": "haproxy.cfg", "nginx": "nginx.conf",
                 "sniproxy": "sniproxy.conf"}
    PACKAGES = {"nginx": "nginx-light libnginx-mod-stream"}

    def __init__(self, name, bench):
        self.name = name
        self.bench = bench
        self.process = None
        self.address = None

    def command(self, config):
        return {OURS: [str(self.bench.binaries / "sni-router"), "run", "-c", config],
                "haproxy": ["haproxy", "-db", "-f", config],
                "nginx": ["nginx", "-c", config, "-g", "daemon off; master_process off;"],
                "sniproxy": ["sniproxy", "-f", "-c", config]}[self.name]

    def configure(self):
        text = (ROOT / "bench/peers.d" / (self.TEMPLATES[self.name] + ".in")).read_text()
        values = {"@LISTEN@": self.address, "@BACKEND@": self.bench.backend,
                  "@OTHER@": self.bench.backend, "@DIR@": str(self.bench.scratch)}
        for word, value in values.items():
            text = text.replace(word, value)
        if os.geteuid() != 0:  # only root can become somebody else
            text = "\n".join(line for line in text.split("\n") if not line.startswith("user "))
        path = self.bench.scratch / self.TEMPLATES[self.name]
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
        place = f"/proc/{self.process.pid}/fd"
        links = []
        for name in os.listdir(place):
            try:
                links.append(os.readlink(f"{place}/{name}"))
            except FileNotFoundError:
                pass
        return len(links), sum(link.startswith("pipe:") for link in links)

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


class Bench:
    def __init__(self, options):
        self.options = options
        self.binaries = pathlib.Path(options.binaries)
        self.router_cpu, self.load_cpu = choose_cpus(options)
        self.children = Children()
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="sni-router-peers."))
        self.scratch.chmod(0o755)  # sniproxy gives up root before it opens its log
        self.backend = None
        self.load_before = os.getloadavg()[0]
        self.documents = []  # JSON files, in order
        self.comparisons = {}
        self.idle, self.idle_failures = {}, {}
        self.gone, self.gone_failures = {}, {}
        self.gone_count = 200 if options.quick else 5000
        names = [OURS, *options.peers]
        self.routers = [Router(name, self) for name in names]

    def close(self):
        self.children.end_all()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def start_backend(self):
        serve = self.children.start(
            [str(self.binaries / "sni-bench"), "serve", "--listen", "127.0.0.1:0", "--one-port"],
            self.load_cpu, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in serve.stdout:
            words = line.split()
            if words[0] == "backend":
                self.backend = words[2]
            if words[0] == "ready":
                return
        raise Failure("sni-bench serve does not start")

    def run_tool(self, words, what, good=(0, 2)):
        """sni-bench with these words. 2 = the tool was the limit: costs hold."""
        command = [str(self.binaries / "sni-bench"), *words]
        # compare shows its progress; of the others only errors are of interest.
        shows = None if words[0] == "compare" else subprocess.STDOUT
        process = self.children.start(command, None, stdout=subprocess.PIPE, stderr=shows)
        said = process.communicate()[0]
        self.children.running.remove(process)
        if process.returncode not in good:
            raise Failure(f"{what}: exit code {process.returncode}: {' '.join(command)}\n"
                          f"{said.decode(errors='replace')}")
        if process.returncode == 1 and shows is not None:
            say(f"{what}:\n{said.decode(errors='replace')}")
        return process.returncode

    def compare(self, name):
        title, words, _, _ = SCENARIOS[name]
        options = self.options
        path = self.scratch / f"{name}.json"
        vias = [word for router in self.routers
                for word in ("--via", f"{router.name}={router.address},pid={router.process.pid}")]
        say(f"\n{title}")
        # 1 = some connection failed: whose, the document tells.
        self.run_tool(["compare", "--direct", self.backend, *vias, "--rounds", str(options.rounds),
                       "--router-cpu", str(self.router_cpu), "--cpu-list", str(self.load_cpu),
                       "--label", f"title={title}", "--json", str(path), "--", *words.split(),
                       "-d", f"{options.seconds}s", "--warmup", f"{options.seconds / 4}s",
                       "--interval", f"{max(0.05, options.seconds / 20)}s",
                       "--timeout", "5s" if options.quick else "30s"], title, good=(0, 1, 2))
        for router in self.routers:
            router.check_alive(title)
        document = self.read_result(path, title)
        failed = {target["name"]: target["runs_failed"] for target in document["targets"]}
        if failed["direct"]:
            raise Failure(f"{title}: connections failed even without a router")
        self.documents.append(path)
        self.comparisons[name] = document

    def compare_all(self, names):
        for router in self.routers:
            router.start()
        for name in names:
            self.compare(name)
        for router in self.routers:
            router.stop()

    def load(self, router, *words):
        """Whether no connection failed."""
        what = f"{router.name}: {' '.join(words)}"
        code = self.run_tool([words[0], router.address, "--cpu-list", str(self.load_cpu),
                              "--quiet", *words[1:]], what, good=(0, 1, 2))
        router.check_alive(what)
        return code != 1

    @staticmethod
    def read_result(path, what):
        if not path.exists():
            raise Failure(f"{what}: could not be run, see above")
        return json.loads(path.read_text(encoding="utf-8"))

    def measure_idle(self):
        """PSS growth per held connection, of a router that has only warmed up."""
        count = 200 if self.options.quick else 4000
        say(f"\nmemory of {count} idle connections")
        for turn in range(self.options.rounds):
            for router in self.routers:
                router.start()
                good = self.load(router, "conn", "-n", "50", "-c", "10")
                path = self.scratch / f"idle-{router.name}-{turn}.json"
                good = self.load(router, "idle", "-c", str(count), "-d", "1s", "--pid",
                                 str(router.process.pid), "--label", f"router={router.name}",
                                 "--label", "title=memory of idle connections", "--json",
                                 str(path)) and good
                router.stop()
                failures = self.idle_failures.get(router.name, 0)
                self.idle_failures[router.name] = failures + (not good)
                self.documents.append(path)
                kib = self.kib_per_connection(self.read_result(path, f"idle: {router.name}"))
                found = self.idle.setdefault(router.name, [])
                if kib is not None:
                    found.append(kib)
                shown = "not known" if kib is None else f"{kib:.2f} KiB"
                say(f"round {turn + 1}/{self.options.rounds}  {router.name:16}  {shown}")

    @staticmethod
    def kib_per_connection(result):
        """The cost itself is null when a router has become smaller meanwhile."""
        held = result["totals"]["held"]
        samples = result["samples"] or {"before": {}, "end": {}}
        before, end = (samples[at].get("pss_bytes") for at in ("before", "end"))
        if not held or before is None or end is None:
            return None
        return (end - before) / 1024 / held

    def measure_gone(self):
        """What stays in a router when many bulk connections have come and gone."""
        say(f"\nwhat stays after {self.gone_count} bulk connections")
        for router in self.routers:
            router.start()
            good = self.load(router, "conn", "-n", "50", "-c", "10", "--resp", "1m")
            before = self.settle(router, None)
            good = self.load(router, "conn", "-n", str(self.gone_count), "-c", "500", "--resp",
                             "1m", "--timeout", "30s") and good
            after = self.settle(router, before)
            router.stop()
            self.gone_failures[router.name] = int(not good)
            growth = tuple(b - a for a, b in zip(before, after))
            self.gone[router.name] = growth
            say(f"{router.name:16}  PSS {growth[0]:+d} KiB, descriptors {growth[1]:+d}, "
                f"pipes {growth[2]:+d}")

    def settle(self, router, before):
        """(PSS, descriptors, pipes) once they are back, or have stopped to change."""
        patience = 2 if self.options.quick else 8
        end = time.monotonic() + 20
        last, since = None, time.monotonic()
        while True:
            now = (router.pss_kib(), *router.descriptors())
            if now != last:
                last, since = now, time.monotonic()
            back = before is not None and now[1] <= before[1] and now[2] <= before[2]
            quiet = time.monotonic() - since
            if quiet > (1 if back or before is None else patience) or time.monotonic() > end:
                return now
            time.sleep(0.1)


def choose_cpus(options):
    allowed = sorted(os.sched_getaffinity(0))
    router = allowed[0] if options.router_cpu is None else options.router_cpu
    others = [cpu for cpu in allowed if cpu != router]
    load = options.load_cpu
    if load is None:
        load = others[0] if others else router
    if load == router:
        say("bench/peers: routers and load share a CPU: the figures are noisier")
    return router, load


def update_page(text):
    page = PAGE.read_text(encoding="utf-8")
    before, found, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise Failure(f"{PAGE} has no lines '{BEGIN}' and '{END}'")
    PAGE.write_text(before + text + after, encoding="utf-8")


def usage_error(text):
    say(f"bench/peers: {text}; see bash bench/peers --help")
    sys.exit(64)


def positive(read):
    """An argparse type: a number that is more than 0 and not infinite."""
    def parse(text):
        value = read(text)
        if not math.isfinite(value) or value <= 0:
            raise ValueError
        return value
    parse.__name__ = "number above 0"
    return parse


def add_options(parser):
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=positive(int))
    parser.add_argument("--seconds", type=positive(float))
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--peers", default="haproxy,nginx,sniproxy",
                        type=lambda text: [name for name in text.split(",") if name])
    parser.add_argument("--router-cpu", type=int)
    parser.add_argument("--load-cpu", type=int)
    parser.add_argument("--html")
    parser.add_argument("--json")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--check", action="store_true")


def parse_options():
    parser = argparse.ArgumentParser(prog="bench/peers", allow_abbrev=False, add_help=False)
    add_options(parser)
    try:
        options = parser.parse_args()
    except SystemExit as end:
        sys.exit(64 if end.code else 0)
    known = [name for name in Router.TEMPLATES if name != OURS]
    for name in options.peers:
        if name not in known:
            usage_error(f"--peers {name}: known are {' '.join(known)}")
    for word in options.only:
        if not any(word in name for name in [*SCENARIOS, *MEMORY]):
            usage_error(f"--only {word}: no scenario is called so; there are "
                        f"{' '.join([*SCENARIOS, *MEMORY])}")
    allowed = os.sched_getaffinity(0)
    for flag, cpu in (("--router-cpu", options.router_cpu), ("--load-cpu", options.load_cpu)):
        if cpu is not None and cpu not in allowed:
            usage_error(f"{flag} {cpu}: this process may use {sorted(allowed)}")
    if options.update and (options.quick or options.only or options.peers != known):
        usage_error("--update replaces the whole table: leave --quick, --only and --peers out")
    options.rounds = options.rounds or (1 if options.quick else 5)
    if options.rounds > ROUNDS_MAX:
        usage_error(f"--rounds {options.rounds}: at most {ROUNDS_MAX}")
    options.seconds = options.seconds or (0.3 if options.quick else 2.0)
    return options


def check_outputs(options):
    """Before minutes are spent on what cannot be run or written."""
    for name in ("sni-router", "sni-bench"):
        if not os.access(pathlib.Path(options.binaries) / name, os.X_OK):
            raise Failure(f"--binaries {options.binaries}: there is no program {name}")
    for name in options.peers:
        package = Router.missing(name)
        if package:
            raise Failure(f"{name} is not installed: apt-get install {package}, or leave it out "
                          "with --peers")
    try:
        if options.json:
            os.makedirs(options.json, exist_ok=True)
        if options.html:
            open(options.html, "ab").close()
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}") from error


def measure(bench):
    options = bench.options
    wanted = [name for name in [*SCENARIOS, *MEMORY]
              if not options.only or any(word in name for word in options.only)]
    if bench.load_before > 0.5:
        say(f"bench/peers: the machine is busy (load average {bench.load_before:.1f}): the figures "
            "are noisier")
    bench.start_backend()
    names = [name for name in wanted if name in SCENARIOS]
    if names:
        bench.compare_all(names)
    if "idle" in wanted:
        bench.measure_idle()
    if "gone" in wanted:
        bench.measure_gone()


def report(bench, table):
    options = bench.options
    if bench.comparisons or bench.idle or bench.gone:
        print("\n" + plain(table.costs()))
    latencies = table.latencies()
    if len(latencies) > 1:
        print("\n" + plain(latencies))
    print("\n" + "\n".join(table.remarks()))
    if options.json:
        for path in bench.documents:
            shutil.copy(path, options.json)
    if options.html and bench.documents:
        bench.run_tool(["report", *map(str, bench.documents), "--html", options.html], "report")
    if options.update:
        update_page(section(bench, table))
        print(f"\n{PAGE.relative_to(ROOT)} is up to date")
    if not options.check:
        return 0
    for missed in table.missed:
        print(f"missed: {missed}")
    return 1 if table.missed else 0


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    bench = None
    try:
        options = parse_options()
        check_outputs(options)
        bench = Bench(options)
        measure(bench)
        return report(bench, Table(bench))
    except Failure as failure:
        say(f"bench/peers: {failure}")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        # Impatience must not leave processes or the scratch directory behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if bench is not None:
            bench.close()


if __name__ == "__main__":
    sys.exit(main())
