#!/usr/bin/env python3
"""The rooms know only what they may know: reads the includes (docs/design.md, "Rooms").

layers.py           judges the tree it is called in
layers.py --plant   plants one violation of each kind into a copy and expects each to be found
"""

import pathlib
import re
import shutil
import sys
import tempfile

# room: (rooms it may include, system headers it may not include)
SOCKETS = ("sys/socket.h", "sys/epoll.h", "netdb.h", "netinet/", "sys/un.h")
THREADS = ("pthread.h", "threads.h", "uv.h")
JSON = ("cjson/", "cJSON.h")
CLOCKS = ("time.h", "sys/time.h")
ROOMS = {
    "sni": ((), SOCKETS + THREADS + JSON + CLOCKS + ("stdio.h",)),
    "config/text": (("sni",), SOCKETS + THREADS + JSON),
    "config": (("config/text", "sni"), SOCKETS + THREADS),
    "router/log": (("config", "config/text", "sni"), JSON),
    "router/net": (("router/log", "config", "config/text", "sni"), JSON),
    "router/state": (("router/net", "router/log", "config", "config/text", "sni"),
                     JSON + ("uv.h",)),
    "router/conn": (("router/state", "router/net", "router/log", "config", "config/text", "sni"),
                    JSON),
    "router/worker": (("router/conn", "router/state", "router/net", "router/log", "config",
                       "config/text", "sni"), JSON),
    "router/control": (("router/worker", "router/conn", "router/state", "router/net",
                        "router/log", "config", "config/text", "sni"), JSON),
    "router/cli": (("router/control", "router/worker", "router/conn", "router/state",
                    "router/net", "router/log", "config", "config/text", "sni"), JSON),
    "router": (("router/cli",), JSON),
    "bench": (("config/text", "sni"), ()),
}
# Files that know no loop, beside the rooms that do not anyway.
PURE = ("router/log/reason", "router/log/access_log", "router/log/json_writer",
        "router/net/sockaddr", "router/net/net", "router/net/net_listen", "router/net/diag",
        "router/net/connect_error", "router/net/carry_error", "router/net/local_host",
        "router/conn/pace", "router/conn/loop_guard",
        "router/net/splice_pipe", "router/conn/decide",
        "router/conn/passage", "router/conn/verdict", "router/conn/view", "router/worker/order",
        "router/control/listen_key", "router/control/part", "router/control/exit_code")
# Micro benchmarks of the pure rooms are programs of their own, which link those.
MICRO = "bench/micro_"
# cJSON is known to these alone in their room.
CJSON_USERS = {"config": ("config/json_tree.c",)}
# Rooms whose files form no circle, x.h and x.c being one file.
ACYCLIC = ("config", "router")
UNCHECKED = re.compile(
    r"(?<![\w>.])(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|strtok)\s*\(")
ALLOCATION = re.compile(r"(?<![\w>.])(malloc|calloc|realloc|free|strdup|alloca)\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def room_of(path):
    """The room that the file lies in; a folder of config/ and router/ is a room or none."""
    folder = path.rsplit("/", 1)[0]
    return folder if folder in ROOMS or folder.startswith(("config/", "router/")) else (
        folder.split("/")[0])


def read_tree(top):
    """{path: text} of every C file of the rooms."""
    files = {}
    for room in sorted({name.split("/")[0] for name in ROOMS}):
        for path in sorted((top / room).rglob("*.[ch]")):
            files[path.relative_to(top).as_posix()] = path.read_text()
    return files


def judge_includes(path, text):
    room = room_of(path)
    if room not in ROOMS:
        yield f"{path}: lies in no room"
        return
    may, may_not = ROOMS[room]
    if path.startswith(MICRO):
        may += ("config",)
    if path.rsplit(".", 1)[0] in PURE:
        may_not += ("uv.h",)
    for kind, name in INCLUDE.findall(text):
        other = room_of(name) if "/" in name else None
        if other in ROOMS and other != room and other not in may:
            yield f"{path}: {room} may not know {name}"
        if kind == '"' and other not in ROOMS:
            yield f"{path}: {name} is a file of no room"
        if any(name == bad or (bad.endswith("/") and name.startswith(bad)) for bad in may_not):
            yield f"{path}: may not include {name}"
        if name.rsplit("/", 1)[-1] == "cJSON.h" and path not in CJSON_USERS.get(room, (path,)):
            yield f"{path}: cJSON is known to {', '.join(CJSON_USERS[room])} alone"


def judge_calls(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if UNCHECKED.search(line):
            yield f"{path}:{number}: an unbounded or unchecked call: {line.strip()}"
        if room_of(path) == "sni" and ALLOCATION.search(line):
            yield f"{path}:{number}: sni does not allocate: {line.strip()}"


def circles(files):
    """Strongly connected components of more than one unit (Tarjan)."""
    unit = lambda name: name.rsplit(".", 1)[0]
    units = {unit(path) for path in files}
    arrows = {name: set() for name in units}
    for path, text in files.items():
        arrows[unit(path)] |= {unit(name) for _, name in INCLUDE.findall(text)
                               if unit(name) in units and unit(name) != unit(path)}
    index, low, stack, found = {}, {}, [], []

    def visit(name):
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(arrows[name]):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = stack[stack.index(name):]
            del stack[stack.index(name):]
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10000)
    for name in sorted(units):
        if name not in index:
            visit(name)
    return found


def judge(top):
    files = read_tree(top)
    bad = []
    for room in ROOMS:
        if not any(room_of(path) == room for path in files):
            bad.append(f"{room}: no files to look at")
    for name in PURE:
        if name + ".h" not in files and name + ".c" not in files:
            bad.append(f"{name}: no such file")
    for path, text in files.items():
        bad += judge_includes(path, text)
        bad += judge_calls(path, text)
    inside = {path: text for path, text in files.items() if path.split("/")[0] in ACYCLIC}
    bad += [f"files in a circle: {' '.join(group)}" for group in circles(inside)]
    return bad, len(files)


PLANTS = (
    ("sni/hello.c", '#include "config/config.h"', "may not know"),
    ("sni/hello.c", "#include <sys/socket.h>", "may not include"),
    ("sni/hello.c", "static void *p(void) { return malloc(1); }", "does not allocate"),
    ("config/address.c", '#include "router/log/log.h"', "may not know"),
    ("config/address.c", "#include <cJSON.h>", "cJSON is known to"),
    ("config/address.c", "#include <cjson/cJSON.h>", "cJSON is known to"),
    ("config/text/utf8.c", '#include "config/config.h"', "may not know"),
    ("router/log/reason.c", "#include <uv.h>", "may not include"),
    ("router/log/log.c", '#include "router/net/net.h"', "may not know"),
    ("router/log/log.c", "#include <cjson/cJSON.h>", "may not include"),
    ("router/net/pump.c", '#include "router/conn/conn.h"', "may not know"),
    ("router/state/snapshot.c", "#include <uv.h>", "may not include"),
    ("router/conn/conn_relay.c", '#include "router/worker/worker.h"', "may not know"),
    ("router/conn/conn_relay.h", '#include "router/conn/conn.h"', "in a circle"),
    ("router/conn/conn_state.c", '#include "router/conn/conn_hello.h"', "in a circle"),
    ("router/worker/worker.c", '#include "router/control/control.h"', "may not know"),
    ("router/main.c", '#include "router/control/control.h"', "may not know"),
    ("bench/main.c", '#include "router/log/log.h"', "may not know"),
    ("bench/main.c", '#include "config/config.h"', "may not know"),
    ("router/net/deeper/new.c", '#include "router/conn/conn.h"', "lies in no room"),
    ("router/cli/commands.c", "static void f(char *p) { strcpy(p, p); }", "unchecked call"),
)


def plant(top):
    """Each violation by itself must be found, for the reason that it was planted for."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for room in sorted({name.split("/")[0] for name in ROOMS}):
            shutil.copytree(top / room, copy / room)
        for path, line, expected in PLANTS:
            file = copy / path
            before = file.read_text() if file.exists() else None
            file.parent.mkdir(exist_ok=True)
            file.write_text(line + "\n" + (before or ""))
            found = [text for text in judge(copy)[0] if path.rsplit(".", 1)[0] in text]
            if not any(expected in text for text in found):
                print(f"not found: {line} in {path}: {found}")
                missed += 1
            if before is None:
                shutil.rmtree(file.parent)
            else:
                file.write_text(before)
    print(f"{len(PLANTS)} planted, {missed} not found")
    return missed


def main():
    top = pathlib.Path.cwd()
    if sys.argv[1:] == ["--plant"]:
        return 1 if plant(top) else 0
    bad, count = judge(top)
    print("\n".join(bad) if bad else f"{count} files: ok")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
