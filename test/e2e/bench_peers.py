"""bench/peers: a smoke run leaves nothing behind; the bars are judged; the page is rewritten."""

import glob
import json
import os
import pathlib
import resource
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


sys.path.insert(0, str(ROOT / "bench"))
import peers  # noqa: E402
import peers_table  # noqa: E402

NAMES = ("sni-router", "haproxy", "nginx")


def made_up(ours, haproxy=10.0, nginx=20.0, rounds=5):
    """What Table wants to know of a run, with these CPU costs."""
    costs = dict(zip(NAMES, (ours, haproxy, nginx)))
    values = [{"target": name, "median": cost, "min": cost, "max": cost, "rounds": [cost] * rounds,
               "doubtful": False} for name, cost in costs.items()]
    document = {"metrics": [{"key": "cpu_ms_per_gib", "kind": "cost", "values": values}],
                "targets": [{"name": name, "runs": rounds, "runs_failed": 0, "runs_limited": 0}
                            for name in ("direct", *NAMES)]}
    return types.SimpleNamespace(routers=[types.SimpleNamespace(name=name) for name in NAMES],
                                 comparisons={"bulk-down-16": document}, idle={}, gone={},
                                 idle_failures={}, gone_failures={}, gone_count=5000)


def add_latencies(bench):
    """An open-loop scenario beside: the tool limited two of nginx's runs, and one failed."""
    document = json.loads(json.dumps(bench.comparisons["bulk-down-16"]))
    nginx = next(target for target in document["targets"] if target["name"] == "nginx")
    nginx["runs_limited"], nginx["runs_failed"] = 2, 1
    values = [{"target": name, "median": 1.5, "rounds": [1.5] * 5, "doubtful": name == "nginx"}
              for name in ("direct", *NAMES)]
    document["metrics"] = [{"key": "p99_ms", "kind": "latency", "values": values}]
    bench.comparisons["latency-2k"] = document


class Bars(unittest.TestCase):
    def missed(self, bench):
        table = peers_table.Table(bench)
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

    def test_a_bar_does_not_rest_on_failed_runs(self):
        for name in NAMES:
            bench = made_up(1.0)
            targets = bench.comparisons["bulk-down-16"]["targets"]
            next(target for target in targets if target["name"] == name)["runs_failed"] = 2
            rows, missed = self.missed(bench)
            self.assertEqual(len(missed), 1, name)
            self.assertIn(f"connections of {name} failed in 2", missed[0])
            self.assertIn("†", rows[1][2 + NAMES.index(name)])
            self.assertNotIn("met", rows[1][-1])

    def test_a_bar_does_not_rest_on_too_few_rounds(self):
        rows, missed = self.missed(made_up(1.0, rounds=4))
        self.assertIn("4 of 5 rounds", missed[0])
        self.assertIn("not judged", rows[1][-1])
        bench = made_up(1.0)
        for value in bench.comparisons["bulk-down-16"]["metrics"][0]["values"]:
            if value["target"] == "haproxy":
                value["rounds"] = value["rounds"][:3]
        self.assertIn("3 of 5 rounds", self.missed(bench)[1][0])

    def test_a_bar_needs_everyone_it_is_about(self):
        for name in NAMES:
            bench = made_up(1.0)
            metric = bench.comparisons["bulk-down-16"]["metrics"][0]
            metric["values"] = [v for v in metric["values"] if v["target"] != name]
            self.assertIn(f"{name} was not measured", self.missed(bench)[1][0])
        bench = made_up(1.0)
        bench.comparisons["bulk-down-16"]["metrics"] = []
        self.assertIn("was not measured", self.missed(bench)[1][0])

    def test_memory_is_judged_as_it_is(self):
        bench = made_up(1.0)
        for kib, rounds, failed, count in ((0.6, 5, 0, 0), (0.61, 5, 0, 1), (0.5, 4, 0, 1),
                                           (0.5, 5, 1, 1), (0.5, 0, 0, 1)):
            bench.idle = {"sni-router": [kib] * rounds, "haproxy": [3.0], "nginx": []}
            bench.idle_failures = {"sni-router": failed, "nginx": 1}
            self.assertEqual(len(self.missed(bench)[1]), count, (kib, rounds, failed))
        bench.idle = {}
        for growth, count in (((1024, 0, 0), 0), ((1025, 0, 0), 1), ((0, 1, 0), 1), ((0, 0, 2), 1),
                              ((-5, -1, 0), 0)):
            bench.gone = {"sni-router": growth, "haproxy": (9999, 5, 5), "nginx": (9999, 5, 5)}
            bench.gone_failures = {"haproxy": 1}
            rows, missed = self.missed(bench)
            self.assertEqual(len(missed), count, growth)
            self.assertEqual(rows[-1][3], "5 (5) †")
        bench.gone_failures = {"sni-router": 1}
        self.assertEqual(len(self.missed(bench)[1]), 2)

    def test_every_bar_of_the_table_is_there(self):
        bars = {name: row[3] for name, row in peers.SCENARIOS.items() if row[3] is not None}
        self.assertEqual(bars, {"bulk-down-1": 0.5, "bulk-down-16": 0.4, "bulk-down-200": 0.4,
                                "bulk-up-16": 0.4, "conn": 1.0, "request-100": 1.0,
                                "request-16k": 1.0})

    def test_latencies_of_limited_runs_are_marked_and_counted(self):
        bench = made_up(1.0)
        add_latencies(bench)
        table = peers_table.Table(bench)
        rows = table.latencies()
        self.assertEqual(rows[1][2:], ["1.500", "1.500", "1.500", "1.500 ‡ †"])
        self.assertEqual(len(rows), 2, "a closed loop has no latencies")
        said = "\n".join(table.remarks())
        self.assertIn("1 of 40 compared runs had connections fail (†); in 2 the load tool", said)
        self.assertIn("In 2 of their 20 runs the tool was the limit", said)
        self.assertIn("generator and backends share one CPU", said)

    def test_the_page_has_the_tables_and_what_they_rest_on(self):
        bench = made_up(1.0)
        add_latencies(bench)
        for router in bench.routers:
            router.version = lambda: "1.2"
        bench.options = types.SimpleNamespace(rounds=5, seconds=1.0)
        bench.router_cpu, bench.load_cpu, bench.load_before = 0, 1, 0.25
        text = peers_table.section(bench, peers_table.Table(bench))
        self.assertTrue(text.startswith(peers.BEGIN) and text.endswith(peers.END))
        for said in ("`bash bench/peers --rounds 5 --seconds 1 --update`", "≤ 0.40×: met |",
                     "load average 0.2 before the first run",
                     "routers on CPU 0, generator and backends on CPU 1",
                     "* 1 of 40 compared runs",
                     "share one CPU", "| 1.500 ‡ † |"):
            self.assertIn(said, text)
        tables = [line for line in text.split("\n") if line.startswith("|")]
        self.assertEqual({line.count("|") for line in tables}, {8, 7})

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

    def start(self, *words, new_group=False, preexec_fn=None):
        return subprocess.Popen(["bash", str(ROOT / "bench" / "peers"), "--quick", "--binaries",
                                 str(BINARIES), "--peers", "haproxy,nginx", *words],
                                cwd=self.scratch, env=self.environment, text=True,
                                process_group=0 if new_group else None, preexec_fn=preexec_fn,
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
        process.communicate(timeout=240)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)
        self.check_clean()

    def test_interrupted_twice_at_the_terminal(self):
        """Ctrl-C reaches the whole foreground group, and is pressed again."""
        process = self.start("--only", "bulk", new_group=True)
        for line in process.stderr:
            if line.startswith("round"):
                break
        os.killpg(process.pid, signal.SIGINT)
        try:
            os.killpg(process.pid, signal.SIGINT)
        except ProcessLookupError:
            pass
        process.communicate(timeout=240)
        self.assertEqual(process.returncode, 130)
        self.check_clean()

    def test_check_needs_enough_rounds(self):
        process = self.start("--only", "bulk-down-16", "--check")
        out, err = process.communicate(timeout=240)
        self.assertEqual(process.returncode, 1, out + err)
        self.assertIn("missed: bulk, 16 streams down: the bar of 0.40× cannot be judged: 1 of 5",
                      out)
        self.check_clean()

    def test_a_router_that_dies_is_named(self):
        process = self.start("--only", "bulk-down-1")
        for line in process.stderr:
            if line.startswith("round"):
                break
        # Its children are the routers and the tools.
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            for child in file.read().split():
                with open(f"/proc/{child}/comm", encoding="ascii") as name:
                    if name.read().strip() == "nginx":
                        os.kill(int(child), signal.SIGKILL)
        out, err = process.communicate(timeout=240)
        self.assertEqual(process.returncode, 1, out + err)
        self.assertIn("nginx ended during bulk, 1 stream down", err)
        self.check_clean()

    def test_too_few_descriptors(self):
        process = self.start("--only", "idle", "--peers", "",
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                                                   (150, 150)))
        out, err = process.communicate(timeout=240)
        self.assertEqual(process.returncode, 1, out + err)
        self.assertIn("needs more descriptors than the 150 allowed", err)
        self.assertNotIn("Traceback", err)
        self.check_clean()

    def test_refusals(self):
        rows = [(["--only", "nothing"], 64, "there are bulk-down-1"),
                (["--rounds", "x"], 64, "--rounds"), (["--rounds", "0"], 64, "--rounds"),
                (["--rounds", "65"], 64, "at most 64"), (["--seconds", "-1"], 64, "--seconds"),
                (["--peers", "other"], 64, "known are haproxy nginx sniproxy"),
                (["--router-cpu", "9999"], 64, "this process may use"),
                (["--update"], 64, "leave --quick"), (["--nonsense"], 64, "--nonsense"),
                (["--html", "/nonexistent/page"], 1, "/nonexistent/page: No such file"),
                (["--binaries", "/nonexistent"], 1, "there is no program sni-router")]
        for words, code, said in rows:
            with self.subTest(words=words):
                process = self.start(*words)
                out, err = process.communicate(timeout=240)
                self.assertEqual(process.returncode, code, out + err)
                self.assertIn(said, err)
                self.assertNotIn("Traceback", err)
        self.check_clean()


if __name__ == "__main__":
    path = os.environ["PATH"] + ":/usr/sbin"
    if not all(shutil.which(name, path=path) for name in ("haproxy", "nginx")):
        print("bench_peers ... skipped (haproxy and nginx are not installed)")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
