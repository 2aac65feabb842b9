"""sni-bench verify through sni-router, whose routes change while every byte is checked.

Each name has two backends, one in each of two groups, and all of them say who they are. Before each
reload the configuration is written anew: names move from one group to the other or are in both,
routes are added, removed and put in another order, a wildcard that leads elsewhere comes and goes,
and so does a route that only other clients would take. Whatever is routed by a mixture of two
configurations, or lost between them, ends as a fault. The exit code is that of verify, or 1 when
the router has refused a configuration.
"""

import argparse
import ctypes
import json
import os
import pathlib
import random
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
STATE = "state.json"
START_LIMIT_S = 60
EXTRA_ROUTES = 40
LISTENING = re.compile(r"listening on (\S+) \(public\)")
RELOADED = re.compile(r"configuration reloaded: (\d+) route")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Child:
    """A process whose lines are kept as they come; it ends with the context."""

    def __init__(self, *command):
        self.lines = []
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace",
                                        preexec_fn=die_with_parent)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_line(self, pattern):
        """The first line that matches."""
        limit = time.monotonic() + START_LIMIT_S
        while time.monotonic() < limit:
            over = self.process.poll() is not None
            for line in list(self.lines):
                if found := re.search(pattern, line):
                    return found
            if over and not self.reader.is_alive():
                break
            time.sleep(0.01)
        raise SystemExit(f"{self.process.args[0]} did not start:\n" + "\n".join(self.lines))

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def serve(bench, *options):
    return Child(bench, "serve", "--listen", "127.0.0.1:0", *options)


def backends_of(child):
    child.wait_line("^ready$")
    return dict(line.split()[1:] for line in child.lines if line.startswith("backend "))


def configuration(state):
    """The routes of this turn: a function of the seed and the turn alone."""
    choice = random.Random(f"{state['seed']}.{state['turn']}")
    backends = {"elsewhere": {"servers": [state["elsewhere"]]}}
    routes = []
    for number, name in enumerate(state["groups"][0]):
        both = [group[name] for group in state["groups"]]
        servers = choice.choice([[both[0]], [both[1]], both, both[::-1]])
        key = f"n{number}-{choice.randrange(1000)}"
        backends[key] = {"servers": servers}
        routes.append({"host": name, "backend": key})
        if choice.random() < 0.3:
            routes.append({"host": name, "alpn": ["acme-tls/1"], "backend": "elsewhere"})
    for number in range(choice.randrange(EXTRA_ROUTES)):
        routes.append({"host": f"extra{number}.bench.test", "backend": "elsewhere"})
    if choice.random() < 0.5:
        routes.append({"host": choice.choice(["*.bench.test", "**.bench.test", "**.test"]),
                       "backend": "elsewhere"})
    choice.shuffle(routes)
    keys = list(backends)
    choice.shuffle(keys)
    return {"listeners": [{"name": "public", "address": "127.0.0.1:0"}], "routes": routes,
            "backends": {key: backends[key] for key in keys if any(
                route["backend"] == key for route in routes)},
            "workers": 2, "timeouts": {"drain": "10s"}, "log": {"access": {"path": "off"}}}


def write(path, document):
    """At once, so that nobody reads half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(document, indent=1), encoding="utf-8")
    fresh.rename(path)


def turn(scratch):
    """What --reload-cmd runs: the next configuration, and HUP."""
    state = json.loads((scratch / STATE).read_text(encoding="utf-8"))
    state["turn"] += 1
    write(scratch / STATE, state)
    write(scratch / "routes.json", configuration(state))
    os.kill(state["pid"], signal.SIGHUP)


def verify(bench, target, scratch, options, names):
    words = [sys.executable, str(pathlib.Path(__file__).resolve()), "--turn", str(scratch)]
    command = [bench, "verify", target, "--names", str(names), "-d", f"{options.seconds}s",
               "--timeout", "30s", "--reload-every", options.every, "--reload-cmd",
               " ".join(map(shlex.quote, words)), "--label", "router=sni-router"]
    command += ["--seed", str(options.seed)]
    for flag in ("json", "html"):
        if getattr(options, flag):
            command += [f"--{flag}", getattr(options, flag)]
    command += ["--tls"] if options.tls else []
    command += ["--quiet"] if options.quiet else []
    process = subprocess.Popen(command)
    try:
        return process.wait()
    except KeyboardInterrupt:
        # It waits for the turn() that is under way, which must not find its files removed.
        process.send_signal(signal.SIGINT)
        process.wait()
        raise


def judge(router, exit_code, stopped):
    """What the router says of its reloads; the exit code."""
    counts = [int(found.group(1)) for found in map(RELOADED.search, router.lines) if found]
    if counts:
        print(f"the router reloaded {len(counts)} times: {min(counts)} to {max(counts)} routes")
    refused = [line for line in router.lines if "reload failed" in line]
    if refused or not counts or stopped != 0:
        print("\n".join(router.lines[-20:]), file=sys.stderr)
        print(f"the router ended with {stopped}; {len(refused)} reloads failed", file=sys.stderr)
        return exit_code or 1
    return exit_code


def run(options, scratch):
    binaries = options.binaries.resolve()
    bench, tls = str(binaries / "sni-bench"), ["--tls"] if options.tls else []
    with serve(bench, "--names", str(options.names), *tls) as one, \
            serve(bench, "--names", str(options.names), *tls) as two, \
            serve(bench, "--names", "elsewhere.invalid", *tls) as elsewhere:
        state = {"groups": [backends_of(one), backends_of(two)], "seed": options.seed, "turn": 0,
                 "elsewhere": backends_of(elsewhere)["elsewhere.invalid"]}
        write(scratch / "routes.json", configuration(state))
        with Child(str(binaries / "sni-router"), "run", "-c",
                   str(scratch / "routes.json")) as router:
            target = router.wait_line(LISTENING).group(1)
            write(scratch / STATE, state | {"pid": router.process.pid})
            exit_code = verify(bench, target, scratch, options, options.names)
            return judge(router, exit_code, router.stop())


def main():
    parser = argparse.ArgumentParser(prog="verify-reload", description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / "build", metavar="DIR",
                        help="where sni-router and sni-bench are; nothing is built then")
    parser.add_argument("--seconds", type=float, default=60, help="of the run (default 60)")
    parser.add_argument("--every", default="1s", metavar="TIME",
                        help="between reloads (default 1s)")
    parser.add_argument("--names", type=int, default=20, metavar="N",
                        help="names that streams ask for (default 20)")
    parser.add_argument("--seed", type=int, default=1, metavar="N",
                        help="of routes and streams (default 1)")
    parser.add_argument("--tls", action="store_true", help="real TLS sessions")
    parser.add_argument("--json", metavar="FILE", help="keep verify's result")
    parser.add_argument("--html", metavar="FILE", help="keep it as a page")
    parser.add_argument("--quiet", action="store_true", help="no line per second")
    parser.add_argument("--turn", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turn is not None:
        turn(options.turn)
        return
    with tempfile.TemporaryDirectory(prefix="verify-reload.") as scratch:
        sys.exit(run(options, pathlib.Path(scratch)))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("bench/verify-reload: interrupted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
