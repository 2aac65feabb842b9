"""The histogram against npm hdr-histogram-js: the same samples, the same distribution.

Wants node and npm. The package is taken from $HDR_HISTOGRAM_JS (a node_modules directory) or
installed into a temporary one. Exit 77 = neither is there.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile

PACKAGE = "hdr-histogram-js"
VERSION = "3.0.0"
SKIPPED = 77

SCRIPT = r"""
const hdr = require("hdr-histogram-js");
const h = hdr.build({lowestDiscernibleValue: 1000, highestTrackableValue: 3600000000000,
                     numberOfSignificantValueDigits: 3, bitBucketSize: 64, useWebAssembly: false});
for (const line of require("fs").readFileSync(0, "utf8").trim().split("\n"))
    h.recordValue(Number(line));
process.stdout.write(h.outputPercentileDistribution(5, 1000000));
"""


def node_modules(scratch):
    given = os.environ.get("HDR_HISTOGRAM_JS")
    if given:
        return given
    if not shutil.which("npm") or not shutil.which("node"):
        print("skipped: node and npm are not installed")
        sys.exit(SKIPPED)
    # One more try, soon: without a registry npm would take more than a minute to say so.
    patience = ["--fetch-retries", "1", "--fetch-retry-mintimeout", "1000",
                "--fetch-retry-maxtimeout", "2000"]
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", *patience, "--prefix",
                           scratch, f"{PACKAGE}@{VERSION}"], capture_output=True, text=True)
    if done.returncode != 0:
        print(f"skipped: npm cannot install {PACKAGE}: {done.stderr[-300:]}")
        sys.exit(SKIPPED)
    return os.path.join(scratch, "node_modules")


def rows(text):
    """(value in ms, percentile, count) of each line."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) in (3, 4) and words[0][0].isdigit():
            found.append((float(words[0]), float(words[1]), int(words[2])))
    return found


def sample_sets():
    random.seed(20240601)
    yield "constant", [1_000_000] * 1000
    yield "uniform", [random.randrange(1000, 50_000_000) for _ in range(20000)]
    yield "log-normal", [min(int(random.lognormvariate(12, 2)) + 1000, 3_000_000_000_000)
                         for _ in range(50000)]
    yield "two humps", [int(random.gauss(200_000, 20_000)) if random.random() < 0.98
                        else int(random.gauss(200_000_000, 5_000_000)) for _ in range(50000)]
    yield "slot edges", [value for power in range(20, 41)
                         for value in (2**power - 1, 2**power, 2**power + 1)]
    yield "single", [123_456_789]


def compare(name, bench, modules, samples):
    text = "\n".join(map(str, samples)) + "\n"
    ours = subprocess.run([bench, "histogram"], input=text, capture_output=True, text=True,
                          check=True).stdout
    theirs = subprocess.run(["node", "-e", SCRIPT], input=text, capture_output=True, text=True,
                            check=True, env={**os.environ, "NODE_PATH": modules}).stdout
    mine, other = rows(ours), rows(theirs)
    assert len(mine) == len(other), f"{name}: {len(mine)} lines against {len(other)}"
    # The last slot's two lines: ours is the exact maximum, theirs the end of its slot.
    for ours_row, their_row in zip(mine[-2:], other[-2:]):
        assert ours_row[1:] == their_row[1:], f"{name}: {ours_row} against {their_row}"
        assert ours_row[0] == max(samples) / 1e6, f"{name}: maximum {ours_row[0]}"
        assert 0 <= their_row[0] - ours_row[0] <= max(ours_row[0] / 1000, 0.0011), \
            f"{name}: {ours_row} against {their_row}"
    for ours_row, their_row in zip(mine[:-2], other[:-2]):
        same = ours_row[2] == their_row[2] and abs(ours_row[1] - their_row[1]) < 1e-11
        # Their text is rounded to three decimals of a millisecond.
        assert same and abs(ours_row[0] - their_row[0]) <= 0.0005001, \
            f"{name}: {ours_row} against {their_row}"
    print(f"{name}: {len(samples)} samples, {len(mine)} lines agree")


def main():
    bench = sys.argv[2]
    scratch = tempfile.mkdtemp(prefix="bench_histogram.")
    try:
        modules = node_modules(scratch)
        for name, samples in sample_sets():
            compare(name, bench, modules, samples)
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
