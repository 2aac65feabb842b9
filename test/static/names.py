#!/usr/bin/env python3
"""A name of C has one meaning in a program.

names.py           judges the tree it is called in
names.py --plant   expects each of a list of clashes to be found

No struct, union or enum is defined in two files; no function is declared in two headers, and no
static function has the name of a declared one; no constant of an enum stands in two; no macro of a
header is defined in another. Tests are programs of their own and not looked at.
"""

import collections
import pathlib
import re
import sys

# What is linked into one program, as far as it is ours.
PROGRAMS = {"sni-router": ("sni", "config", "router"), "sni-bench": ("sni", "config/text", "bench")}
COMMENT = re.compile(r"/\*.*?\*/", re.S)
TYPE = re.compile(r"\b(?:struct|union|enum)\s+(\w+)\s*\{")
ENUM = re.compile(r"\benum\b[^{};()]*\{([^}]*)\}")
MACRO = re.compile(r"^#define\s+(\w+)", re.M)
DECLARED = re.compile(r"^(?!return|typedef|static|#)[a-z][\w *]*?\b([a-z]\w*)\(", re.M)
STATIC = re.compile(r"^static [\w *]*?\b([a-z]\w*)\(", re.M)


def names_of(path, text):
    """(kind, name) of all that the file defines."""
    text = COMMENT.sub(" ", text)
    header = path.endswith(".h")
    yield from (("type", name) for name in TYPE.findall(text))
    for body in ENUM.findall(text):
        yield from (("constant", name) for name in re.findall(r"^\s*(\w+)|,\s*(\w+)", body))
    if header:
        yield from (("macro", name) for name in MACRO.findall(text))
    yield from (("function", name) for name in (DECLARED if header else STATIC).findall(text))


def judge(files):
    """Clashes among {path: text} of one program."""
    where = collections.defaultdict(set)
    for path, text in files.items():
        for kind, name in names_of(path, text):
            where[kind, "".join(name)].add(path)
    for (kind, name), paths in sorted(where.items()):
        public = any(path.endswith(".h") for path in paths)
        # Two files may each have a static function of a name.
        if len(paths) > 1 and (public or kind != "function"):
            yield f"{kind} {name}: {' '.join(sorted(paths))}"


def read_program(rooms):
    return {path.as_posix(): path.read_text(encoding="utf-8")
            for room in rooms for path in sorted(pathlib.Path(room).rglob("*.[ch]"))}


PLANTS = (
    ("type pump:", "router/net/net.c", "struct pump {\n    int fd;\n};\n"),
    ("type conn_state:", "router/net/net.h", "enum conn_state { CONN_NONE };\n"),
    ("constant POLICY_ALERT:", "router/net/net.c", "enum planted { A_FIRST, POLICY_ALERT };\n"),
    ("macro LOG_LINE_MAX:", "router/net/net.h", "#define LOG_LINE_MAX 3\n"),
    ("function pump_run:", "router/net/net.h", "bool pump_run(int fd);\n"),
    ("function json_number:", "router/log/log.c",
     "static void json_number(int number)\n{\n    (void)number;\n}\n"),
)


def plant():
    files = read_program(PROGRAMS["sni-router"])
    missed = 0
    for expected, path, text in PLANTS:
        found = list(judge({**files, path: files[path] + text}))
        if not any(clash.startswith(expected) and path in clash for clash in found):
            print(f"not found: {expected} {path}: {found}")
            missed += 1
    print(f"{len(PLANTS)} planted, {missed} not found")
    return missed


def main():
    if sys.argv[1:] == ["--plant"]:
        return 1 if plant() else 0
    bad = 0
    for program, rooms in PROGRAMS.items():
        files = read_program(rooms)
        clashes = list(judge(files))
        if not files:
            clashes = ["no files found"]
        print("\n".join(f"{program}: {clash}" for clash in clashes)
              or f"{program}: {len(files)} files: ok")
        bad += len(clashes)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
