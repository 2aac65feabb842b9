"""bench/peers: a smoke run leaves nothing behind; the bars are judged; the page is rewritten."""

import glob
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import types
import unittest

BINARIES = pathlib.Path(sys.argv[2]).parent
ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77


def load_script():
    spec = importlib.util.spec_from_file_location("peers", ROOT / "bench" / "peers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


peers = load_script()


def made_up(ours, haproxy=10.0, nginx=20.0):
    """What Table wants to know of a run, with these CPU costs."""
    names = ("sni-router", "haproxy", "nginx")
    costs = dict(zip(names, (ours, haproxy, nginx)))
    values = [{"target": name, "median": cost, "min": cost, "max": cost}
              for name, cost in costs.items()]
    document = {"metrics": [{"key": "cpu_ms_per_gib", "kind": "cost", "values": values}],
                "targets": [{"name": name, "runs_failed": 0} for name in names]}
    return types.SimpleNamespace(routers=[types.SimpleNamespace(name=name) for name in names],
                                 comparisons={"bulk-down-16": document}, idle={}, gone={})


class Bars(unittest.TestCase):
    def missed(self, bench):
        table = peers.Table(bench)
        rows = table.costs()
        self.assertEqual(len({len(row) for row in rows}), 1)
        return rows, table.missed

    def test_cpu_is_judged_against_the_better_one(self):
        rows, missed = self.missed(made_up(4.0))
        self.assertEqual(missed, [])
        self.assertEqual(rows[1][-2:], ["0.40×", "≤ 0.40×: met"])
        rows, missed = self.missed(made_up(4.1))
        self.assertEqual(len(missed), 1)
        self.assertIn("0.41×, the bar is 0.40×", missed[0])
        rows, missed = self.missed(made_up(4.1, haproxy=20.0, nginx=10.0))
        self.assertEqual(len(missed), 1)

    def test_memory_is_judged_as_it_is(self):
        bench = made_up(1.0)
        for kib, count in ((0.6, 0), (0.61, 1)):
            bench.idle = {"sni-router": [kib] * 3, "haproxy": [3.0] * 3, "nginx": [14.0] * 3}
            self.assertEqual(len(self.missed(bench)[1]), count)
        for growth, count in (((1024, 0, 0), 0), ((1025, 0, 0), 1), ((0, 1, 0), 1), ((0, 0, 2), 1),
                              ((-5, -1, 0), 0)):
            bench.idle = {}
            bench.gone = {"sni-router": growth, "haproxy": (9999, 5, 5), "nginx": (9999, 5, 5)}
            self.assertEqual(len(self.missed(bench)[1]), count, growth)

    def test_every_bar_of_the_table_is_there(self):
        bars = {name: row[3] for name, row in peers.SCENARIOS.items() if row[3] is not None}
        self.assertEqual(bars, {"bulk-down-1": 0.5, "bulk-down-16": 0.4, "bulk-down-200": 0.4,
                                "bulk-up-16": 0.4, "conn": 1.0, "request-100": 1.0,
                                "request-16k": 1.0})

    def test_the_marked_part_is_rewritten_and_nothing_else(self):
        with tempfile.TemporaryDirectory() as scratch:
            peers.PAGE = pathlib.Path(scratch) / "page.md"
            peers.PAGE.write_text(f"before\n{peers.BEGIN}\nold\n{peers.END}\nafter\n",
                                  encoding="utf-8")
            peers.update_page(f"{peers.BEGIN}\nnew\n{peers.END}")
            self.assertEqual(peers.PAGE.read_text(encoding="utf-8"),
                             f"before\n{peers.BEGIN}\nnew\n{peers.END}\nafter\n")
            peers.PAGE.write_text("nothing marked\n", encoding="utf-8")
            with self.assertRaises(peers.Failure):
                peers.update_page("new")
        text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
        self.assertEqual((text.count(peers.BEGIN), text.count(peers.END)), (1, 1))


class Runs(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="peers-test.")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)
        self.environment = dict(os.environ, TMPDIR=scratch.name)

    def start(self, *words):
        return subprocess.Popen(["bash", str(ROOT / "bench" / "peers"), "--quick", "--binaries",
                                 str(BINARIES), "--peers", "haproxy,nginx", *words],
                                cwd=self.scratch, env=self.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def check_clean(self):
        """No scratch directory is left, and no process that knew of it."""
        self.assertEqual(glob.glob(f"{self.scratch}/sni-router-peers.*"), [])
        for path in glob.glob("/proc/[0-9]*/environ"):
            try:
                with open(path, "rb") as file:
                    self.assertNotIn(f"TMPDIR={self.scratch}".encode(), file.read(), path)
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                pass

    def test_smoke(self):
        process = self.start("--only", "bulk-down-1", "--only", "idle", "--only", "gone", "--only",
                             "latency-new", "--json", "kept", "--html", "page.html")
        out, err = process.communicate(timeout=240)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertNotIn("sanitizer", err.lower())
        for said in ("bulk, 1 stream down", "bulk, 16 streams down", "CPU ms/GiB",
                     "idle relaying connection", "descriptors (of them pipes) more", "p99"):
            self.assertIn(said, out)
        kept = {path.name for path in (self.scratch / "kept").iterdir()}
        self.assertLessEqual({"bulk-down-1.json", "latency-new.json", "idle-nginx-0.json"}, kept)
        document = json.loads((self.scratch / "kept" / "bulk-down-1.json").read_text())
        self.assertEqual([target["name"] for target in document["targets"]],
                         ["direct", "sni-router", "haproxy", "nginx"])
        self.assertIn("<!DOCTYPE html>", (self.scratch / "page.html").read_text())
        self.check_clean()

    def test_interrupted(self):
        process = self.start("--only", "bulk")
        for line in process.stderr:
            if line.startswith("round"):
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)
        self.check_clean()

    def test_refusals(self):
        for words, code in ((["--only", "nothing"], 1), (["--rounds", "x"], 64),
                            (["--peers", "other"], 64), (["--nonsense"], 64)):
            with self.subTest(words=words):
                process = self.start(*words)
                out, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, code, out + err)
                self.assertNotEqual(err, "")
        self.check_clean()


if __name__ == "__main__":
    path = os.environ["PATH"] + ":/usr/sbin"
    if not all(shutil.which(name, path=path) for name in ("haproxy", "nginx")):
        print("bench_peers ... skipped (haproxy and nginx are not installed)")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
