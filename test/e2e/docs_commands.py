"""Every block of commands in README.md and docs/*.md runs as pasted.

A page's blocks run one after the other in a directory that looks like the source, each in a clean
shell of its own that ends at the first command that fails; the pages run at the same time, each in
namespaces of its own, so that every port, root and the other machines of the examples are there.
The source itself is mounted read-only. A block is

  - run, when it is indented by four spaces, or fenced as sh;
  - no commands, when NO_COMMANDS says so, or when it is lines of the error log;
  - listed in NOT_RUN with the reason; then its scripts are there and know its options.

What stands in for the real thing, which would take minutes or change this machine: `sudo` runs the
command; `apt` asks whether the packages are installed; `cmake --build` asks whether there are such
targets, and takes the binaries of the build that is tested; `cmake --install` installs into the
directory; load and torture are shorter than they are by themselves, and may say that the tool was
the limit. A block that ends with `sni-router run` in the foreground goes on while the rest of the
page runs, or until another such block, and is ended by the signal of Ctrl-C.

usage: docs_commands.py SNI_ROUTER SNI_BENCH
"""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from support import net

SKIPPED = 77
TOP = pathlib.Path(__file__).resolve().parents[2]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
LIMIT_S = 300

# By page, the beginning of the block's first line.
NO_COMMANDS = {
    "README.md": ["                                    ┌"],
    "docs/design.md": ["client --> listener", "PEEKING --name known"],
}
MINUTES, A_BUILD = "it takes minutes", "it needs a build with sanitizers"
NOT_RUN = {
    "README.md": {
        "bash bench/demo": f"{MINUTES}; e2e_demo runs the one, and this test is part of the other",
        "bash bench/peers": f"{MINUTES}; e2e_bench_peers runs parts of it"},
    "docs/benchmarks.md": {
        "bash bench/ceiling": f"{MINUTES}; e2e_bench_ceiling runs parts of it",
        "bash bench/peers": f"{MINUTES}; e2e_bench_peers runs parts of it",
        "bash bench/reload": f"{MINUTES}; e2e_watch and e2e_reload do the same without measuring",
        "bash bench/verify-reload": f"{MINUTES}; e2e_bench_verify does it shorter"},
    "docs/testing.md": {
        "bash test/run": f"{MINUTES}; this test is part of it",
        "ctest --test-dir build-asan": A_BUILD,
        "SNI_ROUTER=": "it is another of these tests",
        "SNI_BENCH_RELOAD_SECONDS=60": f"{MINUTES}; e2e_bench_verify does it shorter"},
    "docs/torture.md": {
        "/usr/bin/python3 bench/torture_peers.py": MINUTES},
}
OTHER_FENCES = {"c", "json", "haproxy", "nginx", "nginx-http"}
LOG_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\S+ )?(error|warning|info|debug) ")
# The blocks that need a second CPU for the load.
TWO_CPUS = "--cpu-list 1"

STAND_INS = {
    "sudo": 'exec "$@"',
    "apt": '[ "$1" = install ] && shift && exec dpkg-query -W "$@" >/dev/null',
    "cmake": r'''
case $1 in
-B) exec {cmake} "$@" >/dev/null ;;
--build)
    targets=("${@:3}")
    [ "${#targets[@]}" -gt 0 ] || targets=(--target sni-router sni-bench)
    ninja -C "$2" -n "${targets[@]:1}" >/dev/null || exit
    for target in "${targets[@]:1}"; do install {tools}/"$target" "$2/$target"; done ;;
--install) DESTDIR=$PWD/installed exec {cmake} "$@" >/dev/null ;;
*) exit 64 ;;
esac''',
}
# In the place of build/sni-bench: the same, shorter.
SHORT_BENCH = r'''
short=()
case $1 in
conn | bulk | latency | compare) short=(-d 200ms --warmup 50ms) ;;
idle) short=(-c 200 -d 200ms) ;;
verify) short=(-d 1s) ;;
torture) short=(--only plain) ;;
esac
case " $* " in
*" --help "*) short=() ;;
*" --reload-cmd "*) short+=(--reload-every 200ms) ;;
*" compare "*) set -- compare --rounds 1 "${@:2}" ;;
esac
code=0
{sni-bench} "$@" "${short[@]}" || code=$?
[ "$code" -eq 2 ] || exit "$code"
'''
SHORT_PLAIN = r'''
[ "$1" = serve ] || set -- "$@" -d 0.2 -w 0
exec {bench-plain} "$@"
'''
# Before the commands of a block, and behind them: what is in the background goes on or ended well.
FIRST = "set -eu -o pipefail\n"
LAST = r'''
for job in $(jobs -p); do
    kill -TERM "$job" 2>/dev/null || true
    code=0
    wait "$job" || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 143 ] || {
        echo "in the background: exit $code" >&2
        exit 1
    }
done
'''


class Block:
    def __init__(self, page, line, kind, text):
        self.page, self.line, self.kind, self.text = page, line, kind, text

    def __str__(self):
        return f"{self.page}:{self.line}"

    def listed(self, names):
        return next((name for name in names.get(self.page, ()) if self.text.startswith(name)), None)

    @property
    def is_command(self):
        if self.kind not in ("indented", "sh"):
            return False
        return not self.listed(NO_COMMANDS) and not LOG_LINE.match(self.text)

    @property
    def stays(self):
        """Whether its last command is a router in the foreground."""
        last = re.split(r"(?<!\\)\n", self.text.strip())[-1].split("#")[0].strip()
        return re.search(r"sni-router run\b", last) is not None and not last.endswith("&")


def blocks_of(path):
    page = str(path.relative_to(TOP))
    lines = path.read_text(encoding="utf-8").splitlines()
    found, at = [], 0
    while at < len(lines):
        start, body = at, []
        if lines[at].startswith("```"):
            kind = lines[at][3:]
            at += 1
            while not lines[at].startswith("```"):
                body.append(lines[at])
                at += 1
            at += 1
        elif lines[at].startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            kind = "indented"
            while at < len(lines) and (lines[at].startswith("    ") or not lines[at].strip()):
                body.append(lines[at][4:])
                at += 1
        else:
            at += 1
            continue
        found.append(Block(page, start + 1, kind, "\n".join(body).rstrip() + "\n"))
    return found


BLOCKS = {page: blocks_of(page) for page in PAGES}


# --- what stands around the commands ---

def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/usr/bin/env bash\n" + text, encoding="utf-8")
    path.chmod(0o755)


def fill(text, **values):
    for name, value in values.items():
        text = text.replace("{" + name.replace("_", "-") + "}", str(value))
    return text


def example_of_readme():
    """The file that README.md shows after "`routes.json`:"."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    return re.search(r"`routes\.json`:\n\n```json\n(.*?)```", text, re.S).group(1)


class Place:
    """What looks like the source, tools that stand in for others, and build/."""

    def __init__(self, scratch, router, bench):
        self.scratch, self.bench = pathlib.Path(scratch), bench
        self.source, self.bin = self.scratch / "source", self.scratch / "bin"
        self.tools = self.scratch / "tools"  # what is in build/ after `cmake --build`
        self.tools.mkdir()
        (self.tools / "sni-router").symlink_to(router)
        script(self.tools / "sni-bench", fill(SHORT_BENCH, sni_bench=bench))
        plain = bench.parent / "bench-plain"
        script(self.tools / "bench-plain", fill(SHORT_PLAIN, bench_plain=plain))
        for name, text in STAND_INS.items():
            script(self.bin / name, fill(text, cmake=shutil.which("cmake"), tools=self.tools))
        (self.bin / "sni-router").symlink_to(router)
        self.source.mkdir()
        for path in TOP.iterdir():
            if not path.name.startswith((".", "build")):
                (self.source / path.name).symlink_to(path)
        (self.source / "routes.json").write_text(example_of_readme(), encoding="utf-8")

    def with_build(self):
        shutil.copytree(self.tools, self.source / "build", symlinks=True)

    @property
    def environment(self):
        return {"PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                "HOME": str(self.scratch), "LC_ALL": "C.UTF-8", "TERM": "dumb",
                "CURL_CA_BUNDLE": str(self.scratch / "ca.pem")}


# --- inside namespaces: the blocks of one page ---

class Failed(Exception):
    pass


class Running:
    """A block in its shell. What it leaves in the background ends with the namespace."""

    def __init__(self, block, place):
        self.block, self.log = block, place.scratch / f"line-{block.line}.log"
        last = "" if block.stays else LAST
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(["bash", "-c", FIRST + block.text + last],
                                            cwd=place.source, env=place.environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)

    def said(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def fail(self, code):
        raise Failed(f"{self.block}: exit {code}\n{self.block.text}--- it said:\n{self.said()}")

    def end(self):
        """Waits for its end, which is to be a good one."""
        code = self.process.wait(LIMIT_S)
        if code != 0:
            self.fail(code)

    def listens(self):
        if self.process.poll() is not None:
            self.fail(self.process.returncode)
        return "listening on" in self.said()

    def interrupt(self):
        """Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.end()


@contextlib.contextmanager
def other_machines(block, place):
    """For a block that asks it: the TLS server "that you already have". curl trusts it."""
    if "https://shop.example.com/" not in block.text:
        yield
        return
    subprocess.run(["ip", "addr", "add", "10.0.0.5/32", "dev", "lo"], check=True)
    server = subprocess.Popen([place.bench, "serve", "--quiet", "--tls", "--listen", "10.0.0.5:443",
                               "--names", "shop.example.com", "--ca-out",
                               place.scratch / "ca.pem"], stdout=subprocess.PIPE, text=True)
    if not any(line == "ready\n" for line in server.stdout):
        raise Failed("the server does not start")
    yield
    server.terminate()
    server.communicate()


def left_out(block):
    if TWO_CPUS in block.text and not {0, 1} <= os.sched_getaffinity(0):
        return "skipped (it needs CPUs 0 and 1)"
    if "/usr/sbin/haproxy" in block.text and not os.path.exists("/usr/sbin/haproxy"):
        return "skipped (haproxy is not installed)"
    return None


def run_page(page, place):
    """All its blocks; what was said of those that were left out."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "--bind", "-o", "ro", TOP, TOP], check=True)
    if page.name != "README.md":  # whose commands build
        place.with_build()
    staying = []
    for block in BLOCKS[page]:
        if not block.is_command or block.listed(NOT_RUN):
            continue
        if left_out(block):
            print(f"{block} ... {left_out(block)}", file=sys.stderr)
        elif block.stays:
            for other in staying:
                other.interrupt()
            staying = [Running(block, place)]
            net.wait_until("the router to listen", staying[0].listens)
        else:
            with other_machines(block, place):
                Running(block, place).end()
    for other in staying:
        other.interrupt()


def inside(page, router, bench):
    with tempfile.TemporaryDirectory(prefix="sni-router-docs.") as scratch:
        try:
            run_page(TOP / page, Place(scratch, pathlib.Path(router), pathlib.Path(bench)))
        except Failed as failed:
            print(failed)
            return 1
    return 0


# --- outside ---

UNSHARE = ["unshare", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child",
           "--mount-proc"]


def run_inside(page):
    return subprocess.run([*UNSHARE, sys.executable, __file__, *map(os.path.abspath, sys.argv[1:3]),
                           str(page.relative_to(TOP))], capture_output=True, text=True,
                          timeout=2 * LIMIT_S, check=False, stdin=subprocess.DEVNULL)


class Documents(unittest.TestCase):
    def test_pages(self):
        pages = [page for page in PAGES if any(
            block.is_command and not block.listed(NOT_RUN) for block in BLOCKS[page])]
        self.assertGreater(len(pages), 3)
        with concurrent.futures.ThreadPoolExecutor(len(pages)) as pool:
            for page, done in zip(pages, pool.map(run_inside, pages)):
                sys.stderr.write(done.stderr)
                with self.subTest(page.name):
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_block_is_of_a_known_kind(self):
        for block in sum(BLOCKS.values(), []):
            with self.subTest(str(block)):
                self.assertIn(block.kind, OTHER_FENCES | {"indented", "sh"})

    def test_lists_name_blocks_that_are_there(self):
        for names in (NO_COMMANDS, NOT_RUN):
            for page, beginnings in names.items():
                for name in beginnings:
                    found = [block for block in BLOCKS[TOP / page] if block.text.startswith(name)]
                    self.assertTrue(found, f"{page} has no block that begins with {name}")

    def test_what_is_not_run_could_be(self):
        """Its scripts are there and know the options."""
        for block in sum(BLOCKS.values(), []):
            if not block.listed(NOT_RUN):
                continue
            for line in block.text.replace("\\\n", " ").splitlines():
                words = line.split("#")[0].split()
                with self.subTest(f"{block}: {line}"):
                    self.check_line(words)

    def check_line(self, words):
        scripts = [TOP / word for word in words if re.match(r"(bench|test|deploy)/", word)]
        for path in scripts:
            self.assertTrue(path.is_file(), path)
        known = "".join(path.read_text() + (path.with_suffix(".py").read_text()
                                            if path.with_suffix(".py").is_file() else "")
                        for path in scripts)
        for option in (word for word in words if word.startswith("--")):
            self.assertTrue(not scripts or option in known, f"{scripts} does not know {option}")


if __name__ == "__main__":
    if sys.argv[3:]:
        sys.exit(inside(sys.argv[3], sys.argv[1], sys.argv[2]))
    probe = subprocess.run([*UNSHARE, "ip", "link", "set", "lo", "up"], capture_output=True,
                           text=True, check=False)
    if probe.returncode != 0:
        print(f"docs_commands ... skipped (no namespaces: {probe.stderr.strip()})")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1], verbosity=2)
