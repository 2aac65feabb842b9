"""What the load tool itself can do, without a router. Run it with `bash bench/ceiling`.

One backend on one CPU, one generator thread on another, the four loads in turns. A rate counts when
nothing failed; that the tool was the limit is the point here, so that is no reason against it.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- bench/ceiling: begin -->", "<!-- bench/ceiling: end -->"
NOT_VALID = 2  # exit code of a run whose limit was the tool

# title, words for sni-bench, the figure in its result, unit, at least (True) or at most, the bar
FIGURES = (
    ("new connections, hello only", "conn --max", lambda run: run["totals"]["connections_per_s"],
     "/s", True, 8000),
    ("bulk, 4 streams down", "bulk --dir down -c 4",
     lambda run: run["totals"]["in_bytes_per_s"] * 8 / 1e9, "Gbit/s", True, 10),
    ("requests of 100 B, 100 B back, 64 connections", "latency --max -c 64",
     lambda run: run["totals"]["requests_per_s"], "/s", True, 60000),
    ("held connections", "idle -c 9000", lambda run: run["totals"]["held"], "", True, 9000),
    ("the tool's memory per held connection", None,
     lambda run: run["tool_use"]["kib_per_connection"], "KiB", False, 2),
)


def say(text):
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def backend(tool, cpu):
    """sni-bench serve on a port of its own choice; yields its address."""
    with subprocess.Popen([tool, "serve", "--listen", "127.0.0.1:0", "--cpu-list", str(cpu)],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            address = None
            for line in process.stdout:
                words = line.split()
                if words and words[0] == "backend":
                    address = words[2]
                if words == ["ready"]:
                    break
            if address is None:
                sys.exit("bench/ceiling: the backend did not start")
            yield address
        finally:
            process.send_signal(signal.SIGTERM)


def measure(tool, address, words, seconds, cpu, path):
    command = [tool, words[0], address, *words[1:], "-d", f"{seconds}s", "-t", "1",
               "--cpu-list", str(cpu), "--json", path]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, NOT_VALID):
        sys.exit(f"bench/ceiling: {' '.join(command)}: exit {done.returncode}\n{done.stdout}"
                 f"{done.stderr}")
    run = json.loads(pathlib.Path(path).read_text())
    failed = sum(run["errors"].values())
    if failed > 0:
        sys.exit(f"bench/ceiling: {' '.join(words)}: {failed} failed: {run['errors']}")
    return run


def measure_all(tool, rounds, seconds, cpus):
    """One list of values for each figure."""
    values = [[] for _ in FIGURES]
    with tempfile.TemporaryDirectory(prefix="sni-bench-ceiling.") as scratch, \
            backend(tool, cpus[0]) as address:
        for index in range(rounds):
            run = None
            for place, (title, words, figure, unit, _, _) in enumerate(FIGURES):
                if words is not None:
                    run = measure(tool, address, words.split(), seconds, cpus[1],
                                  os.path.join(scratch, "run.json"))
                values[place].append(figure(run))
                say(f"round {index + 1}/{rounds}  {title}: {number(values[place][-1])} {unit}")
    return values


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")


def table(values):
    """The rows, and which bars were missed."""
    lines = ["| what | unit | median (smallest–largest) | bar |", "|---|---|---:|---:|"]
    missed = []
    for (title, _, _, unit, at_least, bar), seen in zip(FIGURES, values):
        median = statistics.median(seen)
        met = median >= bar if at_least else median <= bar
        sign = "≥" if at_least else "≤"
        if not met:
            missed.append(f"{title}: {number(median)} {unit}, the bar is {sign} {number(bar)}")
        lines.append(f"| {title} | {unit} | {number(median)} ({number(min(seen))}–"
                     f"{number(max(seen))}) | {sign} {number(bar)}: {'met' if met else 'missed'} |")
    return lines, missed


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def page_part(lines, arguments, cpus):
    command = f"bash bench/ceiling --rounds {arguments.rounds} --seconds {arguments.seconds:g}"
    return "\n".join([
        f"Measured on {datetime.date.today()} with `{command} --update`: {processor()},",
        f"Linux {platform.release()}; backend on CPU {cpus[0]}, one generator thread on CPU "
        f"{cpus[1]}; {arguments.rounds} rounds in turns.", "", *lines])


def update(page, text):
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


class Parser(argparse.ArgumentParser):
    """Usage errors exit with 64, as everywhere here."""

    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(64, f"{self.prog}: {message}\n")


def read_arguments():
    parser = Parser(
        prog="bash bench/ceiling",
        description="What sni-bench itself can do against its own backend, without a router.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each load (default 5)")
    parser.add_argument("--seconds", type=float, default=3,
                        help="measured seconds of each run (default 3)")
    parser.add_argument("--update", action="store_true",
                        help="write the table into docs/benchmarks.md")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar is missed")
    parser.add_argument("--binaries", metavar="DIR",
                        help="use sni-bench from there: install and build nothing")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --seconds must be more than 0")
    return arguments


def main():
    arguments = read_arguments()
    tool = os.path.join(arguments.binaries, "sni-bench")
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        sys.exit("bench/ceiling: backend and generator want a CPU each; there is one")
    values = measure_all(tool, arguments.rounds, arguments.seconds, cpus)
    lines, missed = table(values)
    print("\n".join(lines))
    if arguments.update:
        update(PAGE, page_part(lines, arguments, cpus))
    for text in missed:
        say(f"missed: {text}")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("bench/ceiling: interrupted")
        sys.exit(128 + signal.SIGINT)
