"""bench/ceiling: a short run against a real backend, and bars that can be missed."""

import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest

BINARIES = pathlib.Path(sys.argv[2]).parent
ROOT = pathlib.Path(__file__).resolve().parents[2]


def load_script():
    spec = importlib.util.spec_from_file_location("ceiling", ROOT / "bench" / "ceiling.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ceiling = load_script()
GOOD = [[8000], [10], [60000], [9000], [2]]


class Ceiling(unittest.TestCase):
    def test_bars(self):
        self.assertEqual(ceiling.table(GOOD)[1], [])
        for place, worse in enumerate(([7999], [9.9], [59999], [8999], [2.1])):
            values = list(GOOD)
            values[place] = worse
            lines, missed = ceiling.table(values)
            self.assertEqual(len(missed), 1)
            self.assertIn("missed", lines[2 + place])

    def test_the_median_counts(self):
        self.assertEqual(ceiling.table([[1, 8000, 9000], *GOOD[1:]])[1], [])
        self.assertEqual(len(ceiling.table([[1, 7000, 9000], *GOOD[1:]])[1]), 1)

    def test_page(self):
        with tempfile.TemporaryDirectory() as scratch:
            page = pathlib.Path(scratch) / "page.md"
            page.write_text(f"before\n{ceiling.BEGIN}\nold\n{ceiling.END}\nafter\n")
            ceiling.update(page, "new")
            self.assertEqual(page.read_text(),
                             f"before\n{ceiling.BEGIN}\nnew\n{ceiling.END}\nafter\n")

    @unittest.skipIf(len(ceiling.os.sched_getaffinity(0)) < 2, "one CPU")
    def test_short_run(self):
        done = subprocess.run(["bash", ROOT / "bench" / "ceiling", "--binaries", BINARIES,
                               "--rounds", "1", "--seconds", "2"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
        self.assertEqual(len(rows), 1 + len(ceiling.FIGURES))
        for row in rows[1:]:
            median = row.split("|")[3].split()[0].replace(",", "")
            self.assertGreater(float(median), 0, row)

    def test_usage(self):
        done = subprocess.run(["bash", ROOT / "bench" / "ceiling", "--binaries", BINARIES,
                               "--rounds", "0"], stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 64)
        self.assertIn("--rounds", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
