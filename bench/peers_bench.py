"""What bench/peers measures: backends, generators and routers, each in its turn."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import peers_load
from peers_rows import (BESIDE, COPY, DIRECT, LATENCIES, LEFT_KIB_MAX, NEWCOMERS, OURS, PRICES,
                        UNHELD, VARIANTS)
from peers_routers import Children, Failure, Router, descriptors_of, say
from peers_table import number

MANY_STREAMS = 100  # after so many a router is given time to see them off
ENDLESS = "1h"
PSS_GRAIN = 64  # KiB; smaller changes are not the router's
TOOL_LIMITED = 2  # exit code of sni-bench: it was itself the limit, and the costs hold


def machine_used_s():
    """CPU time of the whole machine so far."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(word) for word in file.readline().split()[1:]]
    unused = (fields[3] + fields[4] + fields[7]) / os.sysconf("SC_CLK_TCK")
    return time.monotonic() * os.cpu_count() - unused


class Bench:
    """What is measured, and what it found.

    runs       {(row, generator): {target: [run of each round]}}, see peers_load.py
    latencies  {row: the same}
    """

    def __init__(self, options):
        self.options = options
        self.binaries = pathlib.Path(options.binaries)
        self.router_cpu, self.load_cpu = choose_cpus(options)
        self.children = Children()
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="sni-router-peers."))
        self.scratch.chmod(0o755)  # sniproxy gives up root before it opens its log
        self.started = time.monotonic()
        self.background = 0.0
        self.backends, self.backend_pids = {}, {}
        self.documents = []  # JSON files, in order
        self.runs, self.latencies = {}, {}
        self.idle, self.idle_kernel, self.idle_failures = {}, {}, {}
        self.gone, self.gone_failures = {}, {}
        self.gone_count = 200 if options.quick else 5000
        self.routers = [Router(name, self) for name in (OURS, *VARIANTS, *options.peers)]

    def close(self):
        self.children.end_all()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def minutes(self):
        return (time.monotonic() - self.started) / 60

    # --- backends and targets ---

    def start_backend(self, name, words, urgent=False):
        serve = self.children.start([str(self.binaries / words[0]), *words[1:]], self.load_cpu,
                                    urgent, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                    text=True)
        self.backend_pids[name] = serve.pid
        for line in serve.stdout:
            words_said = line.split()
            if words_said[0] == "backend":
                self.backends[name] = words_said[2]
            if words_said[0] == "ready":
                self.backends.setdefault(name, words_said[-1])
                return
        raise Failure(f"{' '.join(words)} does not start")

    def start_backends(self):
        serve = ["sni-bench", "serve", "--listen", "127.0.0.1:0", "--one-port"]
        self.start_backend("bench", serve)
        self.start_backend("other", serve, urgent=True)
        if "plain" in self.options.generators:
            self.start_backend("plain", ["bench-plain", "serve", "127.0.0.1:0"])
        else:
            self.backends["plain"] = self.backends["bench"]

    def router(self, target):
        return next((router for router in self.routers if router.name == target), None)

    def address(self, target, backend):
        router = self.router(target)
        return self.backends[backend] if router is None else router.address

    def targets(self, turn, variants=()):
        """The direct way and the routers, with these variants of ours; each round another one is
        first."""
        names = [DIRECT, *(router.name for router in self.routers
                           if router.name not in VARIANTS or router.name in variants)]
        first = turn % len(names)
        return names[first:] + names[:first]

    # --- running the generators ---

    def run_tool(self, command, what, good=(0,), urgent=False):
        said, process = self.children.run(command, self.load_cpu, urgent, stderr=subprocess.STDOUT)
        if process.returncode not in good:
            raise Failure(f"{what}: exit code {process.returncode}: {' '.join(command)}\n"
                          f"{said.decode(errors='replace')}")
        return said

    def sni_bench(self, words, target, backend, title, path):
        """Its command line for a target."""
        router = self.router(target)
        return [str(self.binaries / "sni-bench"), words[0], self.address(target, backend),
                *words[1:], "--cpu-list", str(self.load_cpu), "--json", str(path), "--label",
                f"router={target}", "--label", f"title={title}",
                *(["--pid", str(router.process.pid)] if router else []),
                *(["--sni", "other.bench.test"] if backend == "other" else [])]

    def timing(self, backend):
        """Few intervals: each makes the tool look at the router.

        Who waits for long is not waited for, but where only the price is asked for.
        """
        seconds = self.options.seconds
        patient = backend == "bench" and not self.options.quick
        return ["-d", f"{seconds}s", "--warmup", f"{seconds / 4}s", "--interval",
                f"{max(0.05, seconds / 4)}s", "--timeout", "30s" if patient else "5s", "--quiet"]

    def check_alive(self, target, title):
        router = self.router(target)
        if router is not None:
            router.check_alive(title)

    def read_result(self, path, what):
        if not path.exists():
            raise Failure(f"{what}: could not be run, see above")
        self.documents.append(path)
        return json.loads(path.read_text(encoding="utf-8"))

    def run_sni_bench(self, words, target, title, path, backend="bench"):
        command = self.sni_bench(words.split(), target, backend, title, path)
        command += self.timing(backend)
        # 1 = some connection failed: how many, the document tells.
        self.run_tool(command, f"{title}: {target}", (0, 1, TOOL_LIMITED), backend == "other")
        self.check_alive(target, title)
        return peers_load.of_sni_bench(self.read_result(path, title))

    def run_plain(self, words, target, title):
        words, router = words.split(), self.router(target)
        command = [str(self.binaries / "bench-plain"), words[0], self.address(target, "plain"),
                   *words[1:], "-d", str(self.options.seconds), "-w",
                   str(self.options.seconds / 4),
                   *(["-p", str(router.process.pid)] if router else [])]
        said = self.run_tool(command, f"{title}: {target}", (0, 1))
        self.check_alive(target, title)
        return peers_load.of_plain(json.loads(said), words[0], router is not None)

    # --- prices ---

    def measure_price(self, name, generator, turn):
        row = PRICES[name]
        for target in self.targets(turn, row.variants):
            if generator == "plain":
                run = self.run_plain(row.words[generator], target, row.title)
            else:
                path = self.scratch / f"{name}-{target}-{turn}.json"
                run = self.run_sni_bench(row.words[generator], target, row.title, path)
            self.keep(self.runs.setdefault((name, generator), {}), target, run)
            if run["rate"] is None:
                self.say_run(turn, f"{row.title}, {generator}", target, "nothing moved")
                continue
            own = "" if run["own"] is None else f"own {number(run['own'])}, "
            self.say_run(turn, f"{row.title}, {generator}", target,
                         f"{number(run['rate'])} {row.rate_unit}, {own}machine "
                         f"{number(run['machine'])} {row.unit}")

    @staticmethod
    def keep(runs, target, run):
        runs.setdefault(target, []).append(run)

    def say_run(self, turn, title, target, text):
        say(f"round {turn + 1}/{self.options.rounds}  {title}  {target}: {text}")

    # --- latencies ---

    def stream_count(self, name):
        return min(BESIDE[name], 40) if self.options.quick else BESIDE[name]

    def start_streams(self, target, count, path):
        """Endless streams down, all of them open and moving."""
        words = ["bulk", "--dir", "down", "-c", str(count), "-d", ENDLESS, "--warmup", "200ms",
                 "--interval", "100ms", "--timeout", "60s"]
        streams = self.children.start(
            self.sni_bench(words, target, "bench", f"{count} endless streams", path),
            self.load_cpu, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in streams.stderr:
            if line.startswith("measuring"):
                return streams
        raise Failure(f"{count} streams through {target} do not begin")

    def end_streams(self, streams, path, target):
        streams.send_signal(signal.SIGTERM)
        streams.communicate()
        self.children.running.remove(streams)
        return peers_load.of_sni_bench(json.loads(path.read_text(encoding="utf-8")))

    def see_off(self, target, before):
        """Waits until the descriptors of many streams are closed again."""
        end = time.monotonic() + 20
        while self.open_descriptors(target) > before and time.monotonic() < end:
            time.sleep(0.02)

    def open_descriptors(self, target):
        router = self.router(target)
        pid = self.backend_pids["bench"] if router is None else router.process.pid
        total, pipes = descriptors_of(pid)
        return total - pipes

    def measure_beside(self, name, target, turn):
        title = f"new connections beside {self.stream_count(name):,} streams"
        count, path = self.stream_count(name), self.scratch / f"streams-{target}-{turn}.json"
        before = self.open_descriptors(target)
        streams = self.start_streams(target, count, path) if count else None
        run = self.run_sni_bench(NEWCOMERS, target, title,
                                 self.scratch / f"{name}-{target}-{turn}.json", "other")
        if streams is not None:
            beside = self.end_streams(streams, path, target)
            run.update(rate=beside["rate"], troubles=beside["troubles"],
                       failed=run["failed"] or beside["failed"])
        if count >= MANY_STREAMS:
            self.see_off(target, before)
        return title, run

    def measure_latency(self, name, turn):
        for target in self.targets(turn):
            if name in BESIDE:
                title, run = self.measure_beside(name, target, turn)
            else:
                title, words = LATENCIES[name]
                run = self.run_sni_bench(words, target, title,
                                         self.scratch / f"{name}-{target}-{turn}.json", "other")
            self.keep(self.latencies.setdefault(name, {}), target, run)
            times = "no answers" if run["p50"] is None else (
                f"p50 {number(run['p50'])} ms, p99 {number(run['p99'])} ms")
            self.say_run(turn, title, target, times)

    def measure_rounds(self, wanted):
        for router in self.routers:
            router.start()
        for turn in range(self.options.rounds):
            for name in wanted:
                if name in PRICES:
                    for generator in self.options.generators:
                        self.measure_price(name, generator, turn)
                else:
                    self.measure_latency(name, turn)
        for router in self.routers:
            router.stop()

    # --- memory ---

    def load(self, router, *words):
        """Whether no connection failed."""
        what = f"{router.name}: {' '.join(words)}"
        command = [str(self.binaries / "sni-bench"), words[0], router.address, "--cpu-list",
                   str(self.load_cpu), "--quiet", *words[1:]]
        said, process = self.children.run(command, self.load_cpu, stderr=subprocess.STDOUT)
        if process.returncode not in (0, 1, TOOL_LIMITED):
            raise Failure(f"{what}: exit code {process.returncode}\n{said.decode()}")
        router.check_alive(what)
        return process.returncode != 1

    def hold_idle(self, target, turn):
        """The document of a run that only holds connections, or that failed."""
        count = 200 if self.options.quick else 4000
        path = self.scratch / f"idle-{target}-{turn}.json"
        command = self.sni_bench(["idle", "-c", str(count), "-d", "1s", "--quiet"], target, "bench",
                                 "memory of idle connections", path)
        said, process = self.children.run(command, self.load_cpu, stderr=subprocess.STDOUT)
        if process.returncode == 1:
            say(f"idle: {target}:\n{said.decode(errors='replace')}")
        self.check_alive(target, "idle")
        return self.read_result(path, f"idle: {target}")

    def measure_idle_of(self, target, turn):
        router, good = self.router(target), True
        if router is not None:
            router.start()
            good = self.load(router, "conn", "-n", "50", "-c", "10")
        document = self.hold_idle(target, turn)
        if router is not None:
            router.stop()
        good = good and not document["failed"]
        self.idle_failures[target] = self.idle_failures.get(target, 0) + (not good)
        kernel = document["costs"]["kernel_kib_per_connection"]
        if kernel is not None:
            self.idle_kernel.setdefault(target, []).append(kernel)
        kib = self.kib_per_connection(document)
        found = self.idle.setdefault(target, [])
        if kib is not None:
            found.append(kib)
        self.say_run(turn, "memory of idle connections", target,
                     "not known" if kib is None else f"{kib:.2f} KiB")

    def measure_idle(self):
        """Growth per held connection: PSS of a router that has only warmed up, kernel memory."""
        for turn in range(self.options.rounds):
            for target in self.targets(turn, (COPY,)):
                self.measure_idle_of(target, turn)

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
        say(f"what stays after {self.gone_count} bulk connections")
        for router in self.routers:
            if router.name == UNHELD:
                continue
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
            # Shared pages are divided among all that run: PSS trembles with what others do.
            same = last is not None and now[1:] == last[1:] and abs(now[0] - last[0]) <= PSS_GRAIN
            if not same:
                last, since = now, time.monotonic()
            back = (before is not None and now[0] <= before[0] + LEFT_KIB_MAX and
                    now[1] <= before[1] and now[2] <= before[2])
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
