"""sni-router beside haproxy, nginx and sniproxy, in turns. Run it with `bash bench/peers`.

One backend player and the generator on one CPU; every router, one worker each, on another. CPU and
latency come from `sni-bench compare`. Memory needs routers that have not served yet, so each round
starts them anew. Everything started here ends here, by process number; the scratch directory goes.
"""

import argparse
import ctypes
import datetime
import json
import os
import pathlib
import platform
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- bench/peers: begin -->", "<!-- bench/peers: end -->"
OURS = "sni-router"
RIVALS = ("haproxy", "nginx")  # the better of these is what a ratio is to
DESCRIPTORS = 20000  # for each process

# The bars: at most so many times the better of haproxy and nginx.
# scenario: (title, words for sni-bench, metric, bar; None = shown only)
SCENARIOS = {
    "bulk-down-1": ("bulk, 1 stream down", "bulk --dir down -c 1", "cpu_ms_per_gib", 0.50),
    "bulk-down-16": ("bulk, 16 streams down", "bulk --dir down -c 16", "cpu_ms_per_gib", 0.40),
    "bulk-down-200": ("bulk, 200 streams down", "bulk --dir down -c 200", "cpu_ms_per_gib", 0.40),
    "bulk-up-16": ("bulk, 16 streams up", "bulk --dir up -c 16", "cpu_ms_per_gib", 0.40),
    "conn": ("new connections: hello, 1 KiB back, close", "conn --max -c 64 --resp 1k",
             "cpu_us_per_connection", 1.00),
    "request-100": ("requests on 64 connections, 100 B back",
                    "latency --max -c 64 --req 100 --resp 100", "cpu_us_per_request", 1.00),
    "request-16k": ("requests on 64 connections, 16 KiB back",
                    "latency --max -c 64 --req 100 --resp 16k", "cpu_us_per_request", 1.00),
    "latency-2k": ("latency at 2,000 requests/s on 64 connections",
                   "latency --rate 2k -c 64 --req 100 --resp 1k", "cpu_us_per_request", None),
    "latency-new": ("latency of 500 new connections/s", "conn --rate 500 --resp 1k",
                    "cpu_us_per_connection", None),
}
# And these, as they are.
IDLE_KIB_MAX = 0.60  # PSS of an idle relaying connection
LEFT_KIB_MAX = 1024  # PSS that stays when the bulk connections have gone
UNITS = {"cpu_ms_per_gib": "CPU ms/GiB", "cpu_us_per_connection": "CPU µs/connection",
         "cpu_us_per_request": "CPU µs/request"}


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

        process = subprocess.Popen(command, preexec_fn=prepare, stdin=subprocess.DEVNULL, **options)
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


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Router:
    """One of the programs compared, with its configuration from bench/peers.d."""

    TEMPLATES = {OURS: "sni-router.json", "haproxy": "haproxy.cfg", "nginx": "nginx.conf",
                 "sniproxy": "sniproxy.conf"}

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
        self.documents = []  # JSON files, in order
        self.comparisons = {}
        self.idle = {}
        self.gone = {}
        names = [OURS] + [name for name in options.peers if name]
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
            detail = said.decode(errors="replace")
            raise Failure(f"{what}: exit code {process.returncode}: {' '.join(command)}\n{detail}")

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
        document = json.loads(path.read_text(encoding="utf-8"))
        failed = {target["name"]: target["runs_failed"] for target in document["targets"]}
        if failed["direct"] or failed[OURS]:
            raise Failure(f"{title}: connections failed: {failed}")
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
        self.run_tool([words[0], router.address, "--cpu-list", str(self.load_cpu), "--quiet",
                       *words[1:]], f"{router.name}: {' '.join(words)}")

    def measure_idle(self):
        """PSS growth per held connection, of a router that has only warmed up."""
        count = 200 if self.options.quick else 4000
        say(f"\nmemory of {count} idle connections")
        for turn in range(self.options.rounds):
            for router in self.routers:
                router.start()
                self.load(router, "conn", "-n", "50", "-c", "10")
                path = self.scratch / f"idle-{router.name}-{turn}.json"
                self.load(router, "idle", "-c", str(count), "-d", "1s", "--pid",
                          str(router.process.pid), "--label", f"router={router.name}", "--label",
                          "title=memory of idle connections", "--json", str(path))
                router.stop()
                self.documents.append(path)
                result = json.loads(path.read_text(encoding="utf-8"))
                # The cost itself is null when a router has become smaller meanwhile.
                before, end = (result["samples"][at]["pss_bytes"] for at in ("before", "end"))
                kib = (end - before) / 1024 / result["totals"]["held"]
                self.idle.setdefault(router.name, []).append(kib)
                say(f"round {turn + 1}/{self.options.rounds}  {router.name:16}  {kib:.2f} KiB")

    def measure_gone(self):
        """What stays in a router when many bulk connections have come and gone."""
        count = 200 if self.options.quick else 5000
        say(f"\nwhat stays after {count} bulk connections")
        for router in self.routers:
            router.start()
            self.load(router, "conn", "-n", "50", "-c", "10", "--resp", "1m")
            before = self.settle(router, None)
            self.load(router, "conn", "-n", str(count), "-c", "500", "--resp", "1m", "--timeout",
                      "30s")
            after = self.settle(router, before)
            router.stop()
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


def number(value):
    digits = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    return f"{value:.{digits}f}"


class Table:
    """Rows of the report, and which bars were missed."""

    def __init__(self, bench):
        self.bench = bench
        self.names = [router.name for router in bench.routers]
        self.missed = []

    def better(self, medians):
        known = [medians[name] for name in RIVALS if name in medians]
        return min(known) if known and min(known) > 0 else None

    def judge(self, title, value, bar, met):
        if bar is None:
            return ""
        if not met:
            self.missed.append(f"{title}: {value}, the bar is {bar}")
        return f"≤ {bar}: {'met' if met else '**missed**'}"

    def cost_row(self, name):
        title, _, metric, bar = SCENARIOS[name]
        metrics = {m["key"]: m for m in self.bench.comparisons[name]["metrics"]}
        spreads = {v["target"]: v for v in metrics.get(metric, {"values": []})["values"]}
        failed = {t["name"]: t["runs_failed"] for t in self.bench.comparisons[name]["targets"]}
        cells = []
        for router in self.names:
            spread = spreads.get(router)
            mark = " †" if failed[router] else ""
            cells.append("–" if spread is None else
                         f"{number(spread['median'])} ({number(spread['min'])}–"
                         f"{number(spread['max'])}){mark}")
        better = self.better({r: s["median"] for r, s in spreads.items()})
        if better is None or OURS not in spreads:
            return [title, UNITS[metric], *cells, "–", ""]
        ratio = spreads[OURS]["median"] / better
        verdict = "" if bar is None else self.judge(title, f"{ratio:.2f}×", f"{bar:.2f}×",
                                                    ratio <= bar)
        return [title, UNITS[metric], *cells, f"{ratio:.2f}×", verdict]

    def idle_row(self):
        values = self.bench.idle
        cells = [f"{number(statistics.median(values[r]))} ({number(min(values[r]))}–"
                 f"{number(max(values[r]))})" for r in self.names]
        medians = {router: statistics.median(found) for router, found in values.items()}
        better = self.better(medians)
        verdict = self.judge("idle connection", f"{medians[OURS]:.2f} KiB",
                             f"{IDLE_KIB_MAX:.2f} KiB", medians[OURS] <= IDLE_KIB_MAX)
        ratio = "–" if not better else f"{medians[OURS] / better:.2f}×"
        return ["idle relaying connection", "KiB of PSS", *cells, ratio, verdict]

    def gone_rows(self):
        growth = self.bench.gone
        pss = growth[OURS][0]
        verdict = self.judge("PSS after bulk", f"{pss} KiB", f"{LEFT_KIB_MAX} KiB",
                             pss <= LEFT_KIB_MAX)
        yield ["after 5,000 bulk connections came and went", "KiB of PSS more",
               *(str(growth[r][0]) for r in self.names), "–", verdict]
        left = growth[OURS][1]
        verdict = self.judge("descriptors after bulk", left, 0, left <= 0 and growth[OURS][2] <= 0)
        yield ["", "descriptors (of them pipes) more",
               *(f"{growth[r][1]} ({growth[r][2]})" for r in self.names), "–", verdict]

    def costs(self):
        head = ["scenario", "unit", *self.names, "to the better of " + " and ".join(RIVALS), "bar"]
        rows = [self.cost_row(name) for name in self.bench.comparisons]
        if self.bench.idle:
            rows.append(self.idle_row())
        if self.bench.gone:
            rows.extend(self.gone_rows())
        return [head, *rows]

    def latencies(self):
        names = ["direct", *self.names]
        rows = [["scenario", "latency, ms", *names]]
        for name, document in self.bench.comparisons.items():
            for metric in document["metrics"]:
                if metric["kind"] != "latency" or metric["key"] not in ("p50_ms", "p99_ms"):
                    continue
                medians = {v["target"]: v for v in metric["values"]}
                cells = [f"{medians[n]['median']:.3f}" if n in medians else "–" for n in names]
                rows.append([SCENARIOS[name][0], metric["key"][:3], *cells])
        return rows


def markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * 2 + "---:|" * (len(rows[0]) - 2))
    return "\n".join(lines)


def plain(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                     for row in rows)


def machine():
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}"


def section(bench, table):
    options = bench.options
    day = datetime.datetime.now(datetime.timezone.utc).date()
    versions = "; ".join(router.version() for router in bench.routers)
    costs = table.costs()
    latencies = table.latencies()
    text = f"""{BEGIN}
Measured on {day}; \
`bash bench/peers --rounds {options.rounds} --seconds {options.seconds:g} --update`
installs what is missing, builds, measures and writes this.

* Machine: {machine()}; routers on CPU {bench.router_cpu}, generator and backends on CPU \
{bench.load_cpu}.
* Versions: {versions}.
* Each router has one worker and the configuration in `bench/peers.d/`. {options.rounds} rounds in \
turns of {options.seconds:g} s each; median (smallest–largest). † = some runs had connections fail.

{markdown(costs)}
"""
    if len(latencies) > 1:
        text += f"\n{markdown(latencies)}\n"
    if options.quick or options.rounds < 5:
        text += "\nA smoke run: too short to mean anything.\n"
    return text + END


def update_page(text):
    page = PAGE.read_text(encoding="utf-8")
    before, found, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise Failure(f"{PAGE} has no lines '{BEGIN}' and '{END}'")
    PAGE.write_text(before + text + after, encoding="utf-8")


def parse_options():
    parser = argparse.ArgumentParser(prog="bench/peers")
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--peers", default="haproxy,nginx,sniproxy",
                        type=lambda text: text.split(","))
    parser.add_argument("--router-cpu", type=int)
    parser.add_argument("--load-cpu", type=int)
    parser.add_argument("--html")
    parser.add_argument("--json")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--check", action="store_true")
    try:
        options = parser.parse_args()
    except SystemExit as end:
        sys.exit(64 if end.code else 0)
    unknown = [name for name in options.peers if name not in Router.TEMPLATES or name == OURS]
    if unknown != [] and options.peers != [""]:
        say(f"bench/peers: --peers {unknown[0]}: known are haproxy, nginx, sniproxy")
        sys.exit(64)
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (0.3 if options.quick else 2.0)
    return options


def measure(bench):
    options = bench.options
    wanted = [name for name in [*SCENARIOS, "idle", "gone"]
              if not options.only or any(word in name for word in options.only)]
    if not wanted:
        raise Failure(f"no scenario matches; there are {' '.join([*SCENARIOS, 'idle', 'gone'])}")
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
    print("\n" + plain(table.costs()))
    latencies = table.latencies()
    if len(latencies) > 1:
        print("\n" + plain(latencies))
    table.missed.clear()
    if options.json:
        os.makedirs(options.json, exist_ok=True)
        for path in bench.documents:
            shutil.copy(path, options.json)
    if options.html and bench.documents:
        bench.run_tool(["report", *map(str, bench.documents), "--html", options.html], "report")
    text = section(bench, table)
    if options.update:
        update_page(text)
        print(f"\n{PAGE.relative_to(ROOT)} is up to date")
    for missed in table.missed:
        print(f"missed: {missed}")
    return 1 if options.check and table.missed else 0


def main():
    for number_ in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number_, lambda received, _: sys.exit(128 + received))
    bench = Bench(parse_options())
    try:
        measure(bench)
        return report(bench, Table(bench))
    except Failure as failure:
        say(f"bench/peers: {failure}")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        bench.close()


if __name__ == "__main__":
    sys.exit(main())
