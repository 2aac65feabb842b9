"""What bench/peers has measured, as tables; which bars were met, and which cannot be judged.

CPU and memory are the routers' own and hold whatever the generator does. Latencies are there only
for open loops, and those of runs in which the load tool was the limit are marked.
"""

import datetime
import os
import platform
import statistics

BEGIN, END = "<!-- bench/peers: begin -->", "<!-- bench/peers: end -->"
OURS = "sni-router"
RIVALS = ("haproxy", "nginx")  # the better of these is what a ratio is to
ROUNDS_MIN = 5  # fewer say too little about the noise to judge by
FAILED, LIMITED = "†", "‡"

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


def number(value):
    digits = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    return f"{value:.{digits}f}"


def spread_cell(values, mark=""):
    text = number(statistics.median(values))
    if len(values) > 1:
        text += f" ({number(min(values))}–{number(max(values))})"
    return f"{text} {mark}".rstrip()


def targets_of(document):
    return {target["name"]: target for target in document["targets"]}


class Table:
    """Rows of the report, and which bars were missed or cannot be judged."""

    def __init__(self, bench):
        self.bench = bench
        self.names = [router.name for router in bench.routers]
        self.missed = []

    def better(self, medians):
        known = [medians[name] for name in RIVALS if name in medians]
        return min(known) if known and min(known) > 0 else None

    def why_not(self, rounds, failures, relative):
        """Why a bar cannot be judged by these: {name: rounds measured}, {name: runs failed}."""
        for name in (OURS, *RIVALS) if relative else (OURS,):
            if rounds.get(name, 0) == 0:
                return f"{name} was not measured"
            if failures.get(name, 0) > 0:
                return f"connections of {name} failed in {failures[name]} of its runs"
            if rounds[name] < ROUNDS_MIN:
                return f"{rounds[name]} of {ROUNDS_MIN} rounds"
        return None

    def judge(self, title, value, bar, met, why_not=None):
        """The cell of a bar; what is not met, or not proven, is kept for the exit code."""
        if why_not is not None:
            self.missed.append(f"{title}: the bar of {bar} cannot be judged: {why_not}")
            return f"≤ {bar}: not judged, {why_not}"
        if not met:
            self.missed.append(f"{title}: {value}, the bar is {bar}")
        return f"≤ {bar}: {'met' if met else '**missed**'}"

    def cost_row(self, name):
        title, _, metric, bar = SCENARIOS[name]
        document = self.bench.comparisons[name]
        metrics = {m["key"]: m for m in document["metrics"]}
        values = {v["target"]: v["rounds"] for v in metrics.get(metric, {"values": []})["values"]}
        failures = {name: target["runs_failed"] for name, target in targets_of(document).items()}
        cells = [spread_cell(values[router], FAILED if failures[router] else "")
                 if router in values else "–" for router in self.names]
        medians = {router: statistics.median(found) for router, found in values.items()}
        better = self.better(medians)
        ratio = None if better is None or OURS not in medians else medians[OURS] / better
        shown = "–" if ratio is None else f"{ratio:.2f}×"
        verdict = ""
        if bar is not None:
            rounds = {router: len(found) for router, found in values.items()}
            why = self.why_not(rounds, failures, relative=True)
            if why is None and ratio is None:
                why = "the ratio is not known"
            verdict = self.judge(title, shown, f"{bar:.2f}×", why or ratio <= bar, why)
        return [title, UNITS[metric], *cells, shown, verdict]

    def idle_row(self):
        values, failures = self.bench.idle, self.bench.idle_failures
        cells = [spread_cell(values[name], FAILED if failures.get(name) else "")
                 if values.get(name) else "–" for name in self.names]
        medians = {router: statistics.median(found) for router, found in values.items() if found}
        better = self.better(medians)
        ours = medians.get(OURS)
        why = self.why_not({router: len(found) for router, found in values.items()}, failures,
                           relative=False)
        verdict = self.judge("idle connection", "–" if ours is None else f"{ours:.2f} KiB",
                             f"{IDLE_KIB_MAX:.2f} KiB", why or ours <= IDLE_KIB_MAX, why)
        ratio = "–" if not better or ours is None else f"{ours / better:.2f}×"
        return ["idle relaying connection", "KiB of PSS", *cells, ratio, verdict]

    def gone_rows(self):
        growth, failures = self.bench.gone, self.bench.gone_failures
        why = None
        if failures.get(OURS):
            why = f"connections of {OURS} failed"
        marks = {r: f" {FAILED}" if failures.get(r) else "" for r in self.names}
        pss, left, pipes = growth[OURS]
        verdict = self.judge("PSS after bulk", f"{pss} KiB", f"{LEFT_KIB_MAX} KiB",
                             pss <= LEFT_KIB_MAX, why)
        yield [f"after {self.bench.gone_count:,} bulk connections came and went", "KiB of PSS more",
               *(f"{growth[r][0]}{marks[r]}" for r in self.names), "–", verdict]
        verdict = self.judge("descriptors after bulk", left, 0, left <= 0 and pipes <= 0, why)
        yield ["", "descriptors (of them pipes) more",
               *(f"{growth[r][1]} ({growth[r][2]}){marks[r]}" for r in self.names), "–", verdict]

    def costs(self):
        head = ["scenario", "unit", *self.names, "to the better of " + " and ".join(RIVALS), "bar"]
        self.missed = []
        rows = [self.cost_row(name) for name in self.bench.comparisons]
        if self.bench.idle:
            rows.append(self.idle_row())
        if self.bench.gone:
            rows.extend(self.gone_rows())
        return [head, *rows]

    def latencies(self):
        """Only of open loops: a closed one has no such metrics."""
        names = ["direct", *self.names]
        rows = [["scenario", "latency, ms", *names]]
        for name, document in self.bench.comparisons.items():
            targets = targets_of(document)
            for metric in document["metrics"]:
                if metric["kind"] != "latency" or metric["key"] not in ("p50_ms", "p99_ms"):
                    continue
                found = {v["target"]: v for v in metric["values"]}
                cells = [f"{found[n]['median']:.3f}" + self.marks(found[n], targets[n])
                         if n in found else "–" for n in names]
                rows.append([SCENARIOS[name][0], metric["key"][:3], *cells])
        return rows

    def marks(self, value, target):
        return (f" {LIMITED}" if value["doubtful"] else "") + (
            f" {FAILED}" if target["runs_failed"] else "")

    def counts(self):
        """(runs, how many of them the tool limited, how many failed), and the same of open loops.
        """
        whole, timed = [0, 0, 0], [0, 0, 0]
        for document in self.bench.comparisons.values():
            open_loop = any(metric["kind"] == "latency" for metric in document["metrics"])
            for target in document["targets"]:
                for counts in (whole, timed) if open_loop else (whole,):
                    for i, key in enumerate(("runs", "runs_limited", "runs_failed")):
                        counts[i] += target[key]
        return whole, timed

    def remarks(self):
        """What the marks mean and how often they were given; lines of the report."""
        (runs, limited, failed), (timed, timed_limited, _) = self.counts()
        lines = []
        if runs:
            lines.append(f"{failed} of {runs} compared runs had connections fail ({FAILED}); in "
                         f"{limited} the load tool itself was the limit. What the routers spent, "
                         "CPU and memory, holds all the same: that is what the bars are about.")
        if timed:
            lines.append("Only the two open-loop scenarios measure latency, and generator and "
                         "backends share one CPU there: each figure contains their queueing for "
                         f"it. In {timed_limited} of their {timed} runs the tool was the limit "
                         "(late by more than 1 ms at p99, or a busy thread); such cells "
                         f"({LIMITED}) are not the router's latency.")
        return lines


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
    """What goes between the marks of docs/benchmarks.md."""
    options = bench.options
    day = datetime.datetime.now(datetime.timezone.utc).date()
    versions = "; ".join(router.version() for router in bench.routers)
    latencies = table.latencies()
    remarks = "\n".join(f"* {line}" for line in table.remarks())
    text = f"""{BEGIN}
Measured on {day}; \
`bash bench/peers --rounds {options.rounds} --seconds {options.seconds:g} --update`
installs what is missing, builds, measures and writes this.

* Machine: {machine()}, load average {bench.load_before:.1f} before the first run; routers on CPU \
{bench.router_cpu}, generator and backends on CPU {bench.load_cpu}.
* Versions: {versions}.
* Each router has one worker and the configuration in `bench/peers.d/`. {options.rounds} rounds in \
turns of {options.seconds:g} s each; median (smallest–largest).
{remarks}

{markdown(table.costs())}
"""
    if len(latencies) > 1:
        text += f"\n{markdown(latencies)}\n"
    return text + END
