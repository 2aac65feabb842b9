"""testing_doc.py [--plant] CTEST BUILD: docs/testing.md says what is tested, no more and no less.

Every test of ctest is in exactly one row of the document's tables of tests, and every name there is
one of a test; labels and stages are those of the tests and of test/run; its examples in C stand in
the suite word for word. What this build leaves out is in BUILD/left_out_tests.

With --plant the document gets one mistake of each kind, and each is expected to be found.
"""

import fnmatch
import json
import pathlib
import re
import subprocess
import sys

TEST_NAME = re.compile(r"(?:test|e2e|fuzz|static|artefact)_[a-z0-9_*]+")


class Page:
    def __init__(self, text):
        self.text = text
        self.problems = []

    def section(self, title):
        """The text under a heading, up to the next one."""
        found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", self.text, re.M | re.S)
        if not found:
            self.problems.append(f"docs/testing.md has no section {title!r}")
        return found.group(1) if found else ""

    def check_rows(self, tests):
        """Each test in one row, each row of a test."""
        found = dict.fromkeys(tests, 0)
        for row in rows(self.section("What must hold")):
            for pattern in quoted(row[0]):
                matched = fnmatch.filter(tests, pattern)
                if not matched:
                    self.problems.append(f"no test is called {pattern}")
                for name in matched:
                    found[name] += 1
        for name, count in found.items():
            if count != 1:
                self.problems.append(f"{name} is in {count} rows of \"What must hold\"")
        for name in set(TEST_NAME.findall(self.text)):
            files = pathlib.Path("test").glob(f"*/{name}.*")
            if not fnmatch.filter(tests, name) and not any(files):
                self.problems.append(f"{name} is neither a test nor a file of one")

    def check_labels(self, tests):
        used = set().union(*tests.values())
        said = {label for row in rows(self.section("Labels")) for label in quoted(row[0])}
        if used != said:
            self.problems.append(
                f"labels of tests are {sorted(used)}, of the document {sorted(said)}")

    def check_stages(self):
        """`stage NAME "LABELS"` in test/run, and a row for each."""
        run = pathlib.Path("test/run").read_text(encoding="utf-8")
        used = {name: set(filter(None, labels.split("|")))
                for name, labels in re.findall(r'^ *stage ([a-z]+) "([^"]*)"', run, re.M)}
        said = {quoted(row[0])[0].removeprefix("build-"): set(quoted(row[2]))
                for row in rows(self.section("The four stages"))}
        if used != said:
            self.problems.append(f"stages of test/run are {used}, of the document {said}")

    def check_examples(self):
        examples = re.findall(r"^```c\n(.*?)^```", self.text, re.M | re.S)
        suite = [path.read_text(encoding="utf-8") for path in pathlib.Path("test").rglob("*.c")]
        for example in examples:
            if not any(example in text for text in suite):
                self.problems.append(f"this example is not in test/ word for word:\n{example}")
        if not examples:
            self.problems.append("there is no example")

    def judge(self, tests):
        self.check_rows(tests)
        self.check_labels(tests)
        self.check_stages()
        self.check_examples()
        return self.problems


def rows(text):
    """The cells of each table row but the heads."""
    table = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in text.splitlines() if line.startswith("|")]
    return [row for before, row in zip([None, *table], table)
            if not re.fullmatch(r":?-+:?", row[0]) and before is not None]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def all_tests(ctest, build):
    """Labels of every test of every build, by its name."""
    shown = subprocess.run([ctest, "--test-dir", str(build), "--show-only=json-v1"], check=True,
                           capture_output=True, text=True).stdout
    tests = {}
    for test in json.loads(shown)["tests"]:
        labels = [p["value"] for p in test["properties"] if p["name"] == "LABELS"]
        tests[test["name"]] = set(labels[0]) if labels else set()
    for line in (build / "left_out_tests").read_text(encoding="ascii").splitlines():
        name, labels = line.split(" ")
        tests[name] = set(labels.split(";"))
    return tests


# (what is found; what is replaced in the document, which must be there; by what)
PLANTS = (
    ("test_pump is in 0 rows", r"^\| `test_pump` .*\n", ""),
    ("test_pump is in 2 rows", r"^(\| `test_pump` .*\n)", r"\1\1"),
    ("no test is called test_of_nothing", r"`test_pump`", "`test_pump`, `test_of_nothing`"),
    ("test_of_nothing is neither", r"^# Testing\n", "# Testing\n\nSee test_of_nothing.\n"),
    ("labels of tests are", r"^\| `long` .*\n", ""),
    ("labels of tests are", r"^(\| `)long(` .*\n)", r"\1short\2"),
    ("stages of test/run are", r"^\| `build-tsan` .*\n", ""),
    ("stages of test/run are", r"^(\| `build-tsan` .*)`threads`", r"\1all"),
    ("this example is not in test/", r"    rig_hold\(rig\);\n", "    rig_hold(rig); /* wait */\n"),
    ("there is no example", r"^```c\n(.*\n)*?```\n", ""),
    ("has no section 'Labels'", r"^## Labels\n", "## Words\n"),
)


def plant(page, tests):
    missed = 0
    for expected, pattern, replacement in PLANTS:
        text, count = re.subn(pattern, replacement, page, count=1, flags=re.M)
        found = Page(text).judge(tests)
        if count != 1 or not any(expected in problem for problem in found):
            print(f"not found: {expected}: {found}")
            missed += 1
    print(f"{len(PLANTS)} planted, {missed} not found")
    return missed


def main():
    planting = sys.argv[1] == "--plant"
    ctest, build = sys.argv[-2:]
    page = pathlib.Path("docs/testing.md").read_text(encoding="utf-8")
    tests = all_tests(ctest, pathlib.Path(build))
    if planting:
        sys.exit(1 if plant(page, tests) else 0)
    problems = Page(page).judge(tests)
    print("\n".join(problems) or f"docs/testing.md and {len(tests)} tests agree")
    sys.exit(1 if problems else 0)


main()
