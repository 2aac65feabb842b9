"""testing_doc.py CTEST BUILD: docs/testing.md says what is tested, no more and no less.

Every test of ctest is in exactly one row of the document's tables of tests, and every name there is
one of a test; labels and stages are those of the tests and of test/run; its examples in C stand in
the suite word for word. What this build leaves out is in BUILD/left_out_tests.
"""

import fnmatch
import json
import pathlib
import re
import subprocess
import sys

CTEST, BUILD = sys.argv[1], pathlib.Path(sys.argv[2])
PAGE = pathlib.Path("docs/testing.md").read_text(encoding="utf-8")
TEST_NAME = re.compile(r"(?:test|e2e|fuzz|static|artefact)_[a-z0-9_*]+")
problems = []


def section(title):
    """The text under a heading, up to the next one."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    if not found:
        sys.exit(f"docs/testing.md has no section {title!r}")
    return found.group(1)


def rows(text):
    """The cells of each table row but the heads."""
    table = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in text.splitlines() if line.startswith("|")]
    return [row for before, row in zip([None, *table], table)
            if not re.fullmatch(r":?-+:?", row[0]) and before is not None]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def all_tests():
    """Labels of every test of every build, by its name."""
    shown = subprocess.run([CTEST, "--test-dir", str(BUILD), "--show-only=json-v1"], check=True,
                           capture_output=True, text=True).stdout
    tests = {}
    for test in json.loads(shown)["tests"]:
        labels = [p["value"] for p in test["properties"] if p["name"] == "LABELS"]
        tests[test["name"]] = set(labels[0]) if labels else set()
    for line in (BUILD / "left_out_tests").read_text(encoding="ascii").splitlines():
        name, labels = line.split(" ")
        tests[name] = set(labels.split(";"))
    return tests


def check_rows(tests):
    """Each test in one row, each row of a test."""
    found = dict.fromkeys(tests, 0)
    for row in rows(section("What must hold")):
        for pattern in quoted(row[0]):
            matched = fnmatch.filter(tests, pattern)
            if not matched:
                problems.append(f"no test is called {pattern}")
            for name in matched:
                found[name] += 1
    for name, count in found.items():
        if count != 1:
            problems.append(f"{name} is in {count} rows of \"What must hold\"")
    for name in set(TEST_NAME.findall(PAGE)):
        files = pathlib.Path("test").glob(f"*/{name}.*")
        if not fnmatch.filter(tests, name) and not any(files):
            problems.append(f"{name} is neither a test nor a file of one")


def check_labels(tests):
    used = set().union(*tests.values())
    said = {label for row in rows(section("Labels")) for label in quoted(row[0])}
    if used != said:
        problems.append(f"labels of tests are {sorted(used)}, of the document {sorted(said)}")


def check_stages():
    """`stage NAME "LABELS"` in test/run, and a row for each."""
    run = pathlib.Path("test/run").read_text(encoding="utf-8")
    used = {name: set(filter(None, labels.split("|")))
            for name, labels in re.findall(r'^ *stage ([a-z]+) "([^"]*)"', run, re.M)}
    said = {quoted(row[0])[0].removeprefix("build-"): set(quoted(row[2]))
            for row in rows(section("The four stages"))}
    if used != said:
        problems.append(f"stages of test/run are {used}, of the document {said}")


def check_examples():
    examples = re.findall(r"^```c\n(.*?)^```", PAGE, re.M | re.S)
    suite = [path.read_text(encoding="utf-8") for path in pathlib.Path("test").rglob("*.c")]
    for example in examples:
        if not any(example in text for text in suite):
            problems.append(f"this example is not in test/ word for word:\n{example}")
    if not examples:
        problems.append("there is no example")


def main():
    tests = all_tests()
    check_rows(tests)
    check_labels(tests)
    check_stages()
    check_examples()
    print("\n".join(problems) or f"docs/testing.md and {len(tests)} tests agree")
    sys.exit(1 if problems else 0)


main()
