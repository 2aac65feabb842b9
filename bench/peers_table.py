"""What bench/peers has measured, as tables; which bars were met, and which cannot be judged.

Cells are means with their 95 % intervals over the rounds. A bar is judged by the bound of the
interval that is against us, so a lucky median meets nothing, and too few or too noisy rounds do
not either.
"""

import datetime
import os
import platform

import peers_stats
from peers_rows import (BESIDE, BESIDE_BARS, COPY, DIRECT, IDLE_KIB_MAX, LATENCIES, LEFT_KIB_MAX,
                        OURS, PRICES, RIVALS, ROUNDS_MIN, TROUBLES, TROUBLES_BARRED, UNHELD,
                        VARIANTS)

BEGIN, END = "<!-- bench/peers: begin -->", "<!-- bench/peers: end -->"
FAILED, LIMITED = "†", "‡"
NONE = "–"


def number(value):
    size = abs(value)
    digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.1 else 3
    text = f"{value:,.{digits}f}"
    return "0" if float(text.replace(",", "")) == 0 else text


def shown(estimate, unit=""):
    """281 (256–306)"""
    if estimate is None:
        return NONE
    text = number(estimate.value) + unit
    if estimate.bounded:
        text += f" ({number(estimate.low)}–{number(estimate.high)})"
    return text


def known(runs, target, key):
    """(round, value) of the rounds in which it is known, as a dictionary."""
    return {turn: run[key] for turn, run in enumerate(runs.get(target, ())) if
            run[key] is not None}


def prices(runs, target):
    """What a unit costs the machine through this router, less what it costs without."""
    through, direct = (known(runs, name, "machine") for name in (target, DIRECT))
    return {turn: through[turn] - direct[turn] for turn in through if turn in direct}


def paired(*series):
    """The values of the rounds that all have."""
    turns = sorted(set.intersection(*(set(one) for one in series)))
    return [[one[turn] for turn in turns] for one in series]


def failures(runs, target):
    return sum(run["failed"] for run in runs.get(target, ()))


def marks(runs, target):
    limited = any(run["limited"] and run["p50"] is not None for run in runs.get(target, ()))
    return (f" {LIMITED}" if limited else "") + (f" {FAILED}" if failures(runs, target) else "")


class Table:
    """Rows of the report, and which bars were missed or cannot be judged."""

    def __init__(self, bench):
        self.bench = bench
        self.names = [router.name for router in bench.routers]
        self.others = [name for name in self.names if name not in VARIANTS]
        self.missed = []

    # --- judging ---

    def better(self, series):
        """The name of the better of the peers that were measured: the lower mean."""
        found = {name: peers_stats.mean(list(series[name].values()))
                 for name in RIVALS if series.get(name)}
        return min(found, key=lambda name: found[name].value) if found else None

    def why_not(self, runs, series, needed):
        """Why nothing can be judged by these."""
        for name in needed:
            if not series.get(name):
                return f"{name} was not measured"
            if failures(runs, name):
                return f"connections of {name} failed in {failures(runs, name)} of its runs"
            if len(series[name]) < ROUNDS_MIN:
                return f"{len(series[name])} of {ROUNDS_MIN} rounds"
        return None

    def judge(self, title, value, bar, met, why_not=None):
        """The cell of a bar; what is not met, or not proven, is kept for the exit code."""
        if why_not is not None:
            self.missed.append(f"{title}: the bar of {bar} cannot be judged: {why_not}")
            return f"{bar}: not judged, {why_not}"
        if not met:
            self.missed.append(f"{title}: {value}, the bar is {bar}")
        return f"{bar}: {'met' if met else '**missed**'}"

    # --- costs ---

    def cost_row(self, key, what):
        name, generator = key
        row, runs = PRICES[name], self.bench.runs[key]
        series = {target: prices(runs, target) if what == "price" else known(runs, target, "own")
                  for target in self.names}
        cells = [shown(peers_stats.mean(list(series[target].values()))) + marks(runs, target)
                 if series[target] else NONE for target in self.names]
        peer = self.better(series)
        found = None
        if peer is not None and series[OURS]:
            ours, theirs = paired(series[OURS], series[peer])
            found = peers_stats.ratio(ours, theirs) if ours else None
        bar = row.bars[what]
        needed = (OURS, *RIVALS) + ((DIRECT,) if what == "price" else ())
        series[DIRECT] = known(runs, DIRECT, "machine")
        why = self.why_not(runs, series, needed)
        if why is None and found is None:
            why = f"{peer} is not told from zero"
        verdict = self.judge(f"{row.title}, {generator}, {what}", shown(found, "×"),
                             f"≤ {bar:.2f}×", why or found.high <= bar, why)
        return [row.title, generator, row.unit, *cells, shown(found, "×"), verdict]

    def costs(self, what):
        """`what`: price or own."""
        head = ["scenario", "generator", "unit", *self.names,
                "to the better of " + " and ".join(RIVALS), "bar, by the upper bound"]
        return [head, *(self.cost_row(key, what) for key in self.bench.runs)]

    def rates(self):
        names = [DIRECT, *self.names]
        rows = [["scenario", "generator", "unit", *names]]
        for (name, generator), runs in self.bench.runs.items():
            series = [list(known(runs, target, "rate").values()) for target in names]
            rows.append([PRICES[name].title, generator, PRICES[name].rate_unit,
                         *(shown(peers_stats.mean(one)) + marks(runs, target) if one else NONE
                           for target, one in zip(names, series))])
        return rows

    # --- what happened to TCP ---

    @staticmethod
    def troubles_of(runs, target):
        """Sums over the rounds."""
        lists = [run["troubles"] for run in runs.get(target, ())]
        return [sum(column) for column in zip(*lists)] if lists else None

    def trouble_row(self, title, generator, runs):
        names = [DIRECT, *self.names]
        sums = {name: self.troubles_of(runs, name) for name in names}
        cells = [NONE if found is None else "/".join(map(str, found)) if any(found) else "0"
                 for found in sums.values()]
        verdict, why = "", None
        if sums[OURS] is not None:
            bad = sum(sums[OURS][:TROUBLES_BARRED])
            if bad and sums[DIRECT] and sum(sums[DIRECT][:TROUBLES_BARRED]):
                why = "some without a router too"
            verdict = self.judge(f"{title}, {generator}, TCP's troubles", bad, "0", bad == 0, why)
        return [title, generator, *cells, verdict]

    def troubles(self):
        first = ", ".join(word for _, word in TROUBLES[:TROUBLES_BARRED])
        rows = [["scenario", "generator", DIRECT, *self.names, f"bar: no {first}"]]
        for (name, generator), runs in self.bench.runs.items():
            rows.append(self.trouble_row(PRICES[name].title, generator, runs))
        for name, runs in self.bench.latencies.items():
            if BESIDE.get(name):
                rows.append(self.trouble_row(self.beside_title(name), "sni-bench", runs))
        return rows if len(rows) > 1 else []

    # --- latencies ---

    def beside_title(self, name):
        return f"new connections beside {self.bench.stream_count(name):,} streams"

    def beside_rows(self, name, base):
        """What newcomers wait beside streams, and how much that is above the same without any."""
        runs, names = self.bench.latencies[name], [DIRECT, *self.others]
        title = self.beside_title(name)
        for key, bar in BESIDE_BARS.items():
            series = {target: known(runs, target, key) for target in names}
            cells = [shown(peers_stats.mean(list(series[target].values()))) + marks(runs, target)
                     if series[target] else NONE for target in names]
            above, verdict = None, ""
            if BESIDE[name]:
                why = self.why_not(runs, series, (OURS,))
                without = known(base, OURS, key)
                if why is None:
                    why = self.why_not(base, {OURS: without}, (OURS,))
                pairs = paired(series[OURS], without)
                above = peers_stats.difference(*pairs) if pairs[0] else None
                verdict = self.judge(f"{title}, {key}", f"{shown(above)} ms more than without",
                                     f"≤ {bar:g} ms", why or above.high <= bar, why)
            yield [title, f"{key}, ms", *cells, shown(above), verdict]
        if BESIDE[name]:
            yield [title, "the streams, Gbit/s",
                   *(shown(peers_stats.mean(list(known(runs, target, "rate").values())))
                     if known(runs, target, "rate") else NONE for target in names), NONE, ""]

    def beside(self):
        names = [name for name in self.bench.latencies if name in BESIDE]
        if not names:
            return []
        base = self.bench.latencies.get("new-beside-0", {})
        rows = [["scenario", "what", DIRECT, *self.others,
                 f"{OURS} above itself without streams", "bar, by the upper bound"]]
        for name in names:
            rows.extend(self.beside_rows(name, base))
        return rows

    def moderate_rows(self, name, title):
        runs = self.bench.latencies[name]
        for key in ("p50", "p99"):
            series = {target: known(runs, target, key) for target in (DIRECT, *self.others)}
            cells = [shown(peers_stats.mean(list(series[target].values()))) + marks(runs, target)
                     if series[target] else NONE for target in (DIRECT, *self.others)]
            peer = self.better(series)
            more = None
            if peer is not None:
                pairs = paired(series[OURS], series[peer])
                more = peers_stats.difference(*pairs) if pairs[0] else None
            why = self.why_not(runs, series, (OURS, *RIVALS))
            verdict = self.judge(f"{title}, {key}", f"{shown(more)} ms above the better peer",
                                 "not above it", why or more.low <= 0, why)
            yield [title, f"{key}, ms", *cells, shown(more), verdict]

    def moderate(self):
        """Latency of a load that leaves everyone time."""
        titles = {name: LATENCIES[name][0] for name in LATENCIES}
        titles["new-beside-0"] = "300 new connections/s"
        rows = [["scenario", "what", DIRECT, *self.others, f"{OURS} above the better peer",
                 "bar, by the lower bound"]]
        for name, title in titles.items():
            if name in self.bench.latencies:
                rows.extend(self.moderate_rows(name, title))
        return rows if len(rows) > 1 else []

    # --- memory ---

    def idle_row(self):
        values, failed = self.bench.idle, self.bench.idle_failures
        runs = {name: [{"failed": True}] * failed.get(name, 0) for name in self.names}
        series = {name: dict(enumerate(values.get(name, ()))) for name in self.names}
        cells = [shown(peers_stats.mean(values[name])) + (f" {FAILED}" if failed.get(name) else "")
                 if values.get(name) else NONE for name in self.names]
        why = self.why_not(runs, series, (OURS,))
        found = peers_stats.mean(values[OURS]) if values.get(OURS) else None
        bar = f"≤ {IDLE_KIB_MAX:.2f} KiB"
        verdict = self.judge("idle connection", f"{shown(found)} KiB", bar,
                             why or found.high <= IDLE_KIB_MAX, why)
        return ["idle relaying connection", "KiB of PSS", *cells, verdict]

    def kernel_row(self):
        values = self.bench.idle_kernel
        direct = values.get(DIRECT)
        cells = [shown(peers_stats.difference(values[name], direct))
                 if values.get(name) and direct else NONE for name in self.names]
        return ["", "KiB of kernel memory, less direct", *cells, ""]

    def gone_rows(self):
        growth, failed = self.bench.gone, self.bench.gone_failures
        why = f"connections of {OURS} failed" if failed.get(OURS) else None
        mark = {name: f" {FAILED}" if failed.get(name) else "" for name in self.names}
        pss, left, pipes = growth[OURS]
        verdict = self.judge("PSS after bulk", f"{pss} KiB", f"≤ {LEFT_KIB_MAX} KiB",
                             pss <= LEFT_KIB_MAX, why)
        yield [f"after {self.bench.gone_count:,} bulk connections came and went", "KiB of PSS more",
               *(f"{growth[name][0]}{mark[name]}" if name in growth else NONE
                 for name in self.names), verdict]
        verdict = self.judge("descriptors after bulk", left, "≤ 0", left <= 0 and pipes <= 0, why)
        yield ["", "descriptors (of them pipes) more",
               *(f"{growth[name][1]} ({growth[name][2]}){mark[name]}" if name in growth else NONE
                 for name in self.names), verdict]

    def memory(self):
        rows = [["scenario", "unit", *self.names, "bar"]]
        if self.bench.idle:
            rows += [self.idle_row(), self.kernel_row()]
        if self.bench.gone:
            rows.extend(self.gone_rows())
        return rows if len(rows) > 1 else []

    # --- all of it ---

    def tables(self):
        """(title, rows) of each table that has rows; afterwards .missed is complete."""
        self.missed = []
        found = []
        if self.bench.runs:
            found += [("The price: CPU of the whole machine, less what it spends without a router",
                       self.costs("price")),
                      ("The router's own CPU", self.costs("own")), ("Rates", self.rates())]
        words = ", ".join(word for _, word in TROUBLES)
        found += [(f"What happened to TCP, in all rounds together ({words})", self.troubles()),
                  ("New connections beside endless streams", self.beside()),
                  ("Latency at moderate load", self.moderate()), ("Memory", self.memory())]
        return [(title, rows) for title, rows in found if rows]

    def counts(self):
        """(runs, how many of them failed, open-loop runs, how many of them the tool limited)"""
        closed = [run for runs in self.bench.runs.values() for one in runs.values() for run in one]
        timed = [run for runs in self.bench.latencies.values() for one in runs.values()
                 for run in one]
        return (len(closed) + len(timed), sum(run["failed"] for run in closed + timed), len(timed),
                sum(run["limited"] for run in timed))

    def remarks(self):
        """What the marks mean and how often they were given; lines of the report."""
        runs, failed, timed, limited = self.counts()
        lines = ["Means and 95 % intervals by Student's t over the rounds, ratios by Fieller's "
                 "theorem; a bar is judged by the bound that is against sni-router."]
        if runs:
            lines.append(f"{failed} of {runs} runs had connections fail ({FAILED}).")
        if timed:
            lines.append(f"Newcomers and moderate load have a generator and a backend of their "
                         f"own, which run before all else ({self.bench.children.urgency}). In "
                         f"{limited} of their {timed} runs the generator was late all the same "
                         f"({LIMITED}): those latencies are not the router's alone.")
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
    with open("/proc/sys/net/ipv4/tcp_congestion_control", encoding="ascii") as file:
        control = file.read().strip()
    return f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}, {control}"


def section(bench, table):
    """What goes between the marks of docs/benchmarks.md."""
    options = bench.options
    day = datetime.datetime.now(datetime.timezone.utc).date()
    versions = "; ".join(router.version() for router in bench.routers
                         if router.name not in VARIANTS)
    tables = "\n".join(f"\n**{title}**\n\n{markdown(rows)}" for title, rows in table.tables())
    remarks = "\n".join(f"* {line}" for line in table.remarks())
    return f"""{BEGIN}
Measured on {day} in {bench.minutes():.0f} minutes; \
`bash bench/peers --rounds {options.rounds} --seconds {options.seconds:g} --update`
installs what is missing, builds, measures and writes this.

* Machine: {machine()}; {bench.background:.0%} of a CPU was in use before the first run. Routers \
on CPU {bench.router_cpu}, generators and backends on CPU {bench.load_cpu}.
* Versions: {versions}.
* Each router has one worker and the configuration in `bench/peers.d/`; {COPY} is sni-router with \
`--relay copy`, {UNHELD} with `"held": "off"`. {options.rounds} rounds of everything, in turns, \
of {options.seconds:g} s each.
{remarks}
{tables}
{END}"""
