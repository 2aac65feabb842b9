"""sni-router beside haproxy and nginx, all in turns. Run it with `bash bench/peers`.

Backends and generators on one CPU; every router, one worker each, on another. Round for round every
load is put on the direct way and on each router, one after the other, so that drift of the machine
hits all alike. Memory needs routers that have not served yet: for it each round
starts them anew, at the end. Everything started here ends here, by process number; the scratch
directory goes.
"""

import argparse
import json
import math
import os
import pathlib
import shutil
import signal
import sys
import time

from peers_bench import TOOL_LIMITED, Bench, machine_used_s
from peers_routers import ROOT, Failure, Router, say
from peers_rows import ALL, GENERATORS, MEMORY, OURS, RIVALS, VARIANTS, called, title
from peers_table import BEGIN, END, Table, markdown, plain, section

PAGE = ROOT / "docs" / "benchmarks.md"
ROUNDS_MAX = 64


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


def words_of(text):
    return [word for word in text.split(",") if word]


def add_options(parser):
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=positive(int))
    parser.add_argument("--seconds", type=positive(float))
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--peers", default=list(RIVALS), type=words_of)
    parser.add_argument("--generators", default=list(GENERATORS), type=words_of)
    parser.add_argument("--router-cpu", type=int)
    parser.add_argument("--load-cpu", type=int)
    parser.add_argument("--html")
    parser.add_argument("--json")
    parser.add_argument("--md", action="store_true")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--check", action="store_true")


def check_names(options):
    known = [name for name in Router.TEMPLATES if name not in (OURS, *VARIANTS)]
    for flag, names, all_names in (("--peers", options.peers, known),
                                   ("--generators", options.generators, GENERATORS)):
        for name in names:
            if name not in all_names:
                usage_error(f"{flag} {name}: known are {' '.join(all_names)}")
    if not options.generators:
        usage_error("--generators: one at least")
    for word in options.only:
        if not called(word):
            say("scenarios:\n" + "\n".join(f"  {name:17} {title(name)}" for name in ALL))
            usage_error(f"--only {word}: no scenario is called so")


def parse_options():
    parser = argparse.ArgumentParser(prog="bench/peers", allow_abbrev=False, add_help=False)
    add_options(parser)
    try:
        options = parser.parse_args()
    except SystemExit as end:
        sys.exit(64 if end.code else 0)
    check_names(options)
    allowed = os.sched_getaffinity(0)
    for flag, cpu in (("--router-cpu", options.router_cpu), ("--load-cpu", options.load_cpu)):
        if cpu is not None and cpu not in allowed:
            usage_error(f"{flag} {cpu}: this process may use {sorted(allowed)}")
    part = set(RIVALS) - set(options.peers) or set(GENERATORS) - set(options.generators)
    if options.update and (options.quick or options.only or part):
        usage_error("--update replaces all tables: leave --quick, --only, --peers and --generators "
                    "out")
    options.rounds = options.rounds or (1 if options.quick else 5)
    if options.rounds > ROUNDS_MAX:
        usage_error(f"--rounds {options.rounds}: at most {ROUNDS_MAX}")
    options.seconds = options.seconds or (0.3 if options.quick else 0.8)
    return options


def check_outputs(options):
    """Before minutes are spent on what cannot be run or written."""
    programs = ["sni-router", "sni-bench"]
    if "plain" in options.generators:
        programs.append("bench-plain")
    for name in programs:
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


def look_at_machine(bench):
    """What else uses the CPUs: it would be in every price."""
    pause = 0.2 if bench.options.quick else 2
    before = machine_used_s()
    time.sleep(pause)
    bench.background = max(0.0, machine_used_s() - before) / pause
    if bench.background > 0.05:
        say(f"bench/peers: the machine is busy ({bench.background:.0%} of a CPU): the figures are "
            "noisier, and prices contain it")


def measure(bench):
    options = bench.options
    wanted = [name for name in ALL
              if not options.only or any(name in called(word) for word in options.only)]
    look_at_machine(bench)
    bench.start_backends()
    names = [name for name in wanted if name not in MEMORY]
    if names:
        bench.measure_rounds(names)
    if "idle" in wanted:
        bench.measure_idle()
    if "gone" in wanted:
        bench.measure_gone()


def keep_documents(bench):
    """The tool's own results, and all figures that the tables are made of."""
    options = bench.options
    for path in bench.documents:
        shutil.copy(path, options.json)
    figures = {"runs": [{"row": row, "generator": generator, "targets": targets}
                        for (row, generator), targets in bench.runs.items()],
               "latencies": bench.latencies, "idle": bench.idle, "idle_kernel": bench.idle_kernel,
               "gone": bench.gone}
    path = pathlib.Path(options.json) / "peers.json"
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def report(bench, table):
    options = bench.options
    for title, rows in table.tables():
        shape = markdown if options.md else plain
        print(f"\n{'**' + title + '**' if options.md else title}\n\n{shape(rows)}")
    print("\n" + "\n".join(f"* {line}" if options.md else line for line in table.remarks()))
    if options.json:
        keep_documents(bench)
    if options.html and bench.documents:
        bench.run_tool([str(bench.binaries / "sni-bench"), "report", *map(str, bench.documents),
                        "--html", options.html], "report", (0, 1, TOOL_LIMITED))
    if options.update:
        update_page(section(bench, table))
        print(f"\n{PAGE.relative_to(ROOT)} is up to date")
    say(f"bench/peers: {bench.minutes():.1f} minutes")
    if not options.check:
        return 0
    for missed in table.missed:
        print(f"missed: {missed}")
    return 1 if table.missed else 0


def main():
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, lambda received, _: sys.exit(128 + received))
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
        for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signal_number, signal.SIG_IGN)
        if bench is not None:
            bench.close()


if __name__ == "__main__":
    sys.exit(main())
