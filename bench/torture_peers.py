"""sni-bench torture against sni-router, haproxy, nginx and sniproxy as Debian ships them.

    /usr/bin/python3 bench/torture_peers.py [--binaries build] [--update] [--html FILE]

Prints one table; --update writes it into docs/torture.md, and what deviates into
docs/benchmarks.md; --html makes a page of it, with what is expected and why. Each router is a plain
child process with its configuration from bench/peers.d on ports of its own, and ends with this one.
"""

import argparse
import ctypes
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from loopback import free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "torture.md"
SUMMARY = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- bench/torture_peers.py: begin -->", "<!-- bench/torture_peers.py: end -->"
TEMPLATES = {"sni-router": "sni-router.json", "haproxy": "torture-haproxy.cfg",
             "nginx": "torture-nginx.conf", "sniproxy": "sniproxy.conf"}
PATH = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin"
START_LIMIT_S = 20
RUN_LIMIT_S = 1200


def find(name, binaries):
    return str(binaries / name) if name == "sni-router" else shutil.which(name, path=PATH)


def command(name, binary, config):
    return {"sni-router": [binary, "run", "-c", config],
            "haproxy": [binary, "-db", "-f", config],
            "nginx": [binary, "-c", config, "-g", "daemon off; master_process off;"],
            "sniproxy": [binary, "-f", "-c", config]}[name]


def version(name, binary):
    arguments = {"haproxy": ["-v"], "nginx": ["-v"], "sniproxy": ["-V"]}.get(name, ["--version"])
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=20,
                          check=False)
    return re.search(r"\d+\.\d+[\w.]*", done.stdout + done.stderr).group(0)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Router:
    """One router, listening on a port of its own when the context begins."""

    def __init__(self, name, binary):
        self.scratch = tempfile.TemporaryDirectory(prefix="torture-peers-")
        directory = pathlib.Path(self.scratch.name)
        directory.chmod(0o755)
        self.name = name
        self.address = f"127.0.0.1:{free_port()}"
        self.backends = [f"127.0.0.1:{free_port()}" for _ in range(2)]
        template = (ROOT / "bench" / "peers.d" / (TEMPLATES[name] + ".in")).read_text()
        for key, value in {"DIR": directory, "LISTEN": self.address, "BACKEND": self.backends[0],
                           "OTHER": self.backends[1], "PLAIN": self.backends[1]}.items():
            template = template.replace(f"@{key}@", str(value))
        config = directory / TEMPLATES[name]
        config.write_text(template)
        with open(directory / "said", "wb") as said:
            self.process = subprocess.Popen(command(name, binary, str(config)), stdout=said,
                                            stderr=said, stdin=subprocess.DEVNULL,
                                            preexec_fn=die_with_parent)
        self.said = directory / "said"

    def __enter__(self):
        host, port = self.address.split(":")
        limit = time.monotonic() + START_LIMIT_S
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > limit:
                    self.__exit__()
                    raise SystemExit(f"{self.name} did not start:\n{self.said.read_text()}") \
                        from None
                time.sleep(0.05)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def torture(bench, router, label):
    """The result as JSON."""
    result = pathlib.Path(router.scratch.name) / "result.json"
    listen = [word for backend in router.backends for word in ("--listen", backend)]
    done = subprocess.run([bench, "torture", router.address, *listen, "--quiet", "--json", result,
                           "--hello-timeout", "5s", "--timeout", "5s", "--label",
                           f"router={label}"],
                          capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False)
    if not result.exists():
        raise SystemExit(f"torture against {router.name} failed:\n{done.stdout}{done.stderr}")
    return json.loads(result.read_text())


def write_page(bench, documents, path):
    with tempfile.TemporaryDirectory(prefix="torture-peers-") as scratch:
        files = []
        for number, document in enumerate(documents):
            files.append(pathlib.Path(scratch) / f"{number}.json")
            files[-1].write_text(json.dumps(document), encoding="utf-8")
        done = subprocess.run([bench, "report", *files, "--html", path], capture_output=True,
                              text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)


def cell(one):
    words = {"alert": f"alert {one['alert']}", "other_backend": "other backend",
             "no_backend": "no backend"}
    text = words.get(one["outcome"], one["outcome"])
    if one["problem"]:
        text += f": {one['problem']}"
    return f"**{text}**" if one["deviates"] else text


def table(results, versions, deviations_only=False):
    names = list(results)
    lines = ["| case | " + " | ".join(f"{name} {versions[name]}" for name in names) + " |",
             "|---|" + "---|" * len(names)]
    for case in results[names[0]]:
        if deviations_only and not any(one[case]["deviates"] for one in results.values()):
            continue
        lines.append(f"| `{case}` | " +
                     " | ".join(cell(results[name][case]) for name in names) + " |")
    lines.append("| **deviations** | " + " | ".join(
        f"{sum(one['deviates'] for one in results[name].values())} of {len(results[name])}"
        for name in names) + " |")
    return "\n".join(lines) + "\n"


def put(path, text):
    """Between the marks of that page."""
    before, rest = path.read_text(encoding="utf-8").split(BEGIN)
    path.write_text(before + BEGIN + "\n\n" + text + "\n" + END + rest.split(END)[1],
                    encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / "build",
                        help="where sni-router and sni-bench are (default: build)")
    parser.add_argument("--peers", default=",".join(TEMPLATES), help="which routers, with commas")
    parser.add_argument("--update", action="store_true", help="write the table to docs/torture.md")
    parser.add_argument("--html", metavar="FILE", help="write them side by side as one page")
    options = parser.parse_args()
    binaries = options.binaries.resolve()
    bench = str(binaries / "sni-bench")
    documents, results, versions = [], {}, {}
    for name in options.peers.split(","):
        binary = find(name, binaries)
        if name not in TEMPLATES or binary is None:
            raise SystemExit(f"{name}: not here; known are {', '.join(TEMPLATES)}, from Debian: "
                             "apt-get install haproxy nginx-light libnginx-mod-stream sniproxy")
        versions[name] = version(name, binary)
        print(f"{name} {versions[name]} ...", file=sys.stderr, flush=True)
        with Router(name, binary) as router:
            documents.append(torture(bench, router, f"{name} {versions[name]}"))
        results[name] = {one["case"]: one for one in documents[-1]["cases"]}
    text = table(results, versions)
    print(text, end="")
    if options.html:
        write_page(bench, documents, options.html)
    if options.update:
        put(PAGE, text)
        put(SUMMARY, table(results, versions, deviations_only=True))


if __name__ == "__main__":
    main()
