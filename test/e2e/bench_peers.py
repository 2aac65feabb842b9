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
import peers_load  # noqa: E402
import peers_rows  # noqa: E402
import peers_stats  # noqa: E402
import peers_table  # noqa: E402

NAMES = ("sni-router", "sni-router-copy", "haproxy", "nginx")
DIRECT = 2.0
ROUNDS = 5


def run(**figures):
    return {**peers_load.NOTHING, "failed": False, "limited": False, "troubles": [0] * 5,
            "rate": 1.0, **figures}


def made_up(ours=1.0, copy=15.0, haproxy=10.0, nginx=20.0, rounds=ROUNDS, own=1.0):
    """What Table wants to know of a run, with these prices and, own times them, own CPU."""
    costs = dict(zip(NAMES, (ours, copy, haproxy, nginx)))
    runs = {name: [run(own=cost * own, machine=DIRECT + cost) for _ in range(rounds)]
            for name, cost in costs.items()}
    runs["direct"] = [run(machine=DIRECT) for _ in range(rounds)]
    return types.SimpleNamespace(
        routers=[types.SimpleNamespace(name=name, version=lambda: "1.2") for name in NAMES],
        runs={("bulk-down-16", "plain"): runs}, latencies={}, idle={}, idle_kernel={}, gone={},
        idle_failures={}, gone_failures={}, gone_count=5000,
        stream_count=lambda name: peers_rows.BESIDE[name],
        children=types.SimpleNamespace(urgency="SCHED_FIFO"))


def waits(p50, p99, **figures):
    return [run(p50=p50 + turn / 1000, p99=p99, **figures) for turn in range(ROUNDS)]


def add_latencies(bench, ours=1.0):
    """Newcomers with and without streams, and moderate load; nginx's generator was late."""
    bench.latencies = {
        "latency-1k": {"direct": waits(0.1, 0.2), "sni-router": waits(ours, 2.0),
                       "haproxy": waits(1.0, 2.0), "nginx": waits(1.1, 3.0, limited=True)},
        "new-beside-0": {name: waits(1.0, 2.0) for name in ("direct", "sni-router", "haproxy",
                                                            "nginx")},
        "new-beside-200": {name: waits(2.0 + ours, 16.9) for name in ("direct", "sni-router",
                                                                      "haproxy", "nginx")}}


class Statistics(unittest.TestCase):
    def test_the_interval_of_a_mean_is_students(self):
        found = peers_stats.mean([1, 2, 3, 4, 5])  # t(4) = 2.776, s = 1.5811
        self.assertAlmostEqual(found.value, 3)
        self.assertAlmostEqual(found.high - 3, 1.9629, places=3)
        self.assertAlmostEqual(3 - found.low, 1.9629, places=3)
        self.assertFalse(peers_stats.mean([1]).bounded)
        self.assertEqual(peers_stats.t_of(200), 2.0)

    def test_a_ratio_is_fiellers(self):
        first, second = [2.0, 2.2, 1.9, 2.1, 1.8], [4.1, 4.0, 4.3, 3.8, 3.9]
        found = peers_stats.ratio(first, second)
        for bound in (found.low, found.high):
            # At a bound the mean of the difference is just not told from zero.
            rest = peers_stats.mean([a - bound * b for a, b in zip(first, second)])
            self.assertAlmostEqual(min(abs(rest.low), abs(rest.high)), 0, places=6)
        self.assertLess(found.low, 10 / 20.1)
        self.assertGreater(found.high, 10 / 20.1)

    def test_a_ratio_to_what_may_be_nothing_is_not_known(self):
        self.assertIsNone(peers_stats.ratio([1, 1, 1], [-1, 0, 1.5]))
        self.assertIsNone(peers_stats.ratio([1], [0]))
        below = peers_stats.ratio([-0.1, 0.0, -0.05], [1, 1.1, 0.9])
        self.assertLess(below.value, 0)
        same = peers_stats.ratio([20, 21, 22], [40, 42, 44])
        self.assertAlmostEqual(same.high, 0.5)


class Loads(unittest.TestCase):
    """Both generators' results become the same figures."""

    def test_plain(self):
        document = {"seconds": 2.0, "bytes": 2**30, "done": 0, "failed": 0,
                    "router_cpu_ns": 100_000_000, "machine_cpu_ns": 300_000_000,
                    "tcp_timeouts": 1, "tcp_pruned": 2, "tcp_dropped": 3, "tcp_pressures": 4,
                    "tcp_retransmitted": 5}
        found = peers_load.of_plain(document, "down", True)
        self.assertAlmostEqual(found["own"], 100)
        self.assertAlmostEqual(found["machine"], 300)
        self.assertAlmostEqual(found["rate"], 2**30 * 4 / 1e9)
        self.assertEqual(found["troubles"], [1, 2, 3, 4, 5])
        document.update(bytes=0, done=1000, failed=1)
        found = peers_load.of_plain(document, "conn", False)
        self.assertIsNone(found["own"])
        self.assertAlmostEqual(found["machine"], 300)
        self.assertAlmostEqual(found["rate"], 500)
        self.assertTrue(found["failed"])
        document.update(done=0)
        self.assertIsNone(peers_load.of_plain(document, "conn", True)["machine"])

    def test_a_run_of_sni_bench_that_completed_nothing(self):
        counts = dict.fromkeys((key for key, _ in peers_rows.TROUBLES), 3)
        document = {"mode": "conn", "failed": False, "limited_by_tool": False,
                    "measures_latency": True, "phases": {"latency": {"count": 0}}}
        for machine, troubles in ((None, 0), ({"cpu_us_per_connection": None, **counts}, 3)):
            found = peers_load.of_sni_bench({**document, "machine": machine})
            self.assertTrue(found["failed"])
            self.assertIsNone(found["rate"])
            self.assertIsNone(found["p50"])
            self.assertEqual(found["troubles"], [troubles] * 5)
        # What had no answer in time has waited all the same.
        document["phases"]["latency"] = {"count": 9, "p50_ns": 5e9, "p99_ns": 6e9}
        found = peers_load.of_sni_bench({**document, "machine": None})
        self.assertEqual((found["p50"], found["p99"], found["rate"]), (5000, 6000, None))


class Bars(unittest.TestCase):
    def missed(self, bench, what=None):
        table = peers_table.Table(bench)
        tables = dict(table.tables())
        for rows in tables.values():
            self.assertEqual(len({len(row) for row in rows}), 1, rows)
        rows = table.costs(what) if what else None
        table = peers_table.Table(bench)
        tables = table.tables()
        return rows, table.missed

    def of(self, missed, what):
        return [text for text in missed if f", {what}:" in text]

    def test_a_price_is_judged_against_the_better_one(self):
        rows, missed = self.missed(made_up(2.0, own=1.75), "price")
        self.assertEqual(missed, [])
        self.assertEqual(rows[1][-2:], ["0.20× (0.20–0.20)", "≤ 0.20×: met"])
        _, missed = self.missed(made_up(2.1))
        self.assertEqual(len(self.of(missed, "price")), 1)
        self.assertIn("the bar is ≤ 0.20×", self.of(missed, "price")[0])
        _, missed = self.missed(made_up(2.1, haproxy=20.0, nginx=10.0))
        self.assertEqual(len(self.of(missed, "price")), 1)

    def test_the_routers_own_has_bars_of_its_own(self):
        bench = made_up(1.0)
        for one in bench.runs[("bulk-down-16", "plain")]["sni-router"]:
            one["own"] = 3.6
        rows, missed = self.missed(bench, "own")
        self.assertEqual((len(self.of(missed, "own")), len(missed)), (1, 1))
        self.assertIn("≤ 0.35×: **missed**", rows[1][-1])

    def test_a_bar_is_judged_by_the_bound_and_not_by_the_middle(self):
        bench = made_up(1.8)
        runs = bench.runs[("bulk-down-16", "plain")]["sni-router"]
        for turn, more in enumerate((-1.5, 1.5, 0, -1, 1)):
            runs[turn]["machine"] += more
        rows, missed = self.missed(bench, "price")
        self.assertTrue(rows[1][-2].startswith("0.18× ("), rows[1])
        self.assertEqual(len(self.of(missed, "price")), 1)

    def test_a_bar_does_not_rest_on_failed_runs(self):
        for name in (*NAMES, "direct"):
            bench = made_up(1.0)
            bench.runs[("bulk-down-16", "plain")][name][1]["failed"] = True
            rows, missed = self.missed(bench, "price")
            if name == "sni-router-copy":
                self.assertEqual(missed, [])
            else:
                self.assertEqual(len(self.of(missed, "price")), 1, name)
                self.assertIn(f"connections of {name} failed in 1", missed[0])
                self.assertNotIn("met", rows[1][-1])
            if name != "direct":
                self.assertIn("†", rows[1][3 + NAMES.index(name)])

    def test_a_bar_does_not_rest_on_too_few_rounds(self):
        rows, missed = self.missed(made_up(1.0, rounds=4), "price")
        self.assertIn("4 of 5 rounds", missed[0])
        self.assertIn("not judged", rows[1][-1])
        bench = made_up(1.0)
        for one in bench.runs[("bulk-down-16", "plain")]["haproxy"][3:]:
            one["machine"] = None
        self.assertIn("3 of 5 rounds", self.missed(bench)[1][0])

    def test_a_bar_needs_everyone_it_is_about(self):
        for name in ("sni-router", "haproxy", "nginx", "direct"):
            bench = made_up(1.0)
            del bench.runs[("bulk-down-16", "plain")][name]
            missed = self.of(self.missed(bench)[1], "price")
            self.assertEqual(len(missed), 1, name)
            self.assertIn(" was not measured", missed[0])

    def test_a_peer_that_costs_nothing_gives_no_ratio(self):
        bench = made_up(1.0, haproxy=0.0)
        rows, missed = self.missed(bench, "price")
        self.assertEqual(rows[1][-2], "–")
        self.assertIn("haproxy is not told from zero", self.of(missed, "price")[0])

    def test_tcp_is_not_to_have_had_troubles(self):
        for place, count in ((0, 1), (1, 1), (2, 1), (3, 0), (4, 0)):
            bench = made_up(1.0)
            bench.runs[("bulk-down-16", "plain")]["sni-router"][0]["troubles"][place] = 7
            _, missed = self.missed(bench)
            self.assertEqual(len(self.of(missed, "TCP's troubles")), count, place)
            rows = peers_table.Table(bench).troubles()
            self.assertEqual(rows[1][3], "/".join("7" if i == place else "0" for i in range(5)))
        bench.runs[("bulk-down-16", "plain")]["sni-router"][0]["troubles"] = [1, 0, 0, 0, 0]
        bench.runs[("bulk-down-16", "plain")]["direct"][0]["troubles"] = [0, 1, 0, 0, 0]
        self.assertIn("without a router too", self.missed(bench)[1][0])

    def test_newcomers_are_compared_with_themselves_without_streams(self):
        bench = made_up(1.0)
        add_latencies(bench)
        self.assertEqual(self.missed(bench)[1], [])
        add_latencies(bench, ours=1.1)
        _, missed = self.missed(bench)
        self.assertTrue(any("beside 200 streams, p50: 2.10 (2.10–2.10) ms" in text and
                            "≤ 2 ms" in text for text in missed), missed)
        for one in bench.latencies["new-beside-200"]["sni-router"]:
            one["p99"] = 17.1
        self.assertTrue(any("p99" in text and "≤ 15 ms" in text
                            for text in self.missed(bench)[1]))
        del bench.latencies["new-beside-0"]
        self.assertTrue(any("beside 200 streams, p50: the bar of ≤ 2 ms cannot be judged" in text
                            for text in self.missed(bench)[1]))

    def test_moderate_load_is_compared_with_the_better_peer(self):
        bench = made_up(1.0)
        add_latencies(bench, ours=1.05)
        _, missed = self.missed(bench)
        self.assertEqual(sum("1,000 requests/s" in text for text in missed), 1, missed)
        # What is told from the peer by no more than the noise is not above it.
        for turn, one in enumerate(bench.latencies["latency-1k"]["haproxy"]):
            one["p50"] += (-0.2, 0.2, 0.1, -0.1, 0)[turn]
        self.assertFalse(any("1,000 requests/s" in text for text in self.missed(bench)[1]))

    def test_memory_is_judged_as_it_is(self):
        for kib, rounds, failed, count in ((0.6, 5, 0, 0), (0.61, 5, 0, 1), (0.5, 4, 0, 1),
                                           (0.5, 5, 1, 1), (0.5, 0, 0, 1)):
            bench = made_up(1.0)
            bench.idle = {"sni-router": [kib] * rounds, "haproxy": [3.0], "nginx": []}
            bench.idle_failures = {"sni-router": failed, "nginx": 1}
            bench.idle_kernel = {"direct": [5.0, 5.0], "sni-router": [7.0, 7.5]}
            self.assertEqual(len(self.missed(bench)[1]), count, (kib, rounds, failed))
            self.assertTrue(peers_table.Table(bench).memory()[2][2].startswith("2.25"))
        for growth, count in (((1024, 0, 0), 0), ((1025, 0, 0), 1), ((0, 1, 0), 1), ((0, 0, 2), 1),
                              ((-5, -1, 0), 0)):
            bench = made_up(1.0)
            bench.gone = {"sni-router": growth, "haproxy": (9999, 5, 5), "nginx": (9999, 5, 5)}
            bench.gone_failures = {"haproxy": 1}
            self.assertEqual(len(self.missed(bench)[1]), count, growth)
            self.assertEqual(peers_table.Table(bench).memory()[-1][4], "5 (5) †")
        bench.gone_failures = {"sni-router": 1}
        self.assertEqual(len(self.missed(bench)[1]), 2)

    def test_every_bar_of_the_table_is_there(self):
        bars = {name: (row.bars["price"], row.bars["own"])
                for name, row in peers_rows.PRICES.items()}
        self.assertEqual(bars, {"bulk-down-1": (0.2, 0.35), "bulk-down-16": (0.2, 0.35),
                                "bulk-down-200": (0.2, 0.35), "bulk-up-16": (0.3, 0.4),
                                "conn": (0.8, 0.85), "request-100": (0.9, 0.9),
                                "request-16k": (0.9, 0.9)})

    def test_scenarios_are_called_by_name_or_title(self):
        for word, names in (("bulk-down-200", ["bulk-down-200"]), ("conn", ["conn"]),
                            ("bulk-down", ["bulk-down-1", "bulk-down-16", "bulk-down-200"]),
                            ("Bulk, 200 streams down", ["bulk-down-200"]),
                            ("beside 5,000 streams", ["new-beside-5000"]), ("nothing", [])):
            self.assertEqual(peers_rows.called(word), names, word)

    def test_the_page_has_the_tables_and_what_they_rest_on(self):
        bench = made_up(1.0)
        add_latencies(bench)
        bench.options = types.SimpleNamespace(rounds=5, seconds=1.0)
        bench.router_cpu, bench.load_cpu, bench.background = 0, 1, 0.25
        bench.minutes = lambda: 12.3
        text = peers_table.section(bench, peers_table.Table(bench))
        self.assertTrue(text.startswith(peers.BEGIN) and text.endswith(peers.END))
        for said in ("`bash bench/peers --rounds 5 --seconds 1 --update`", "≤ 0.20×: met |",
                     "in 12 minutes", "25% of a CPU was in use before the first run",
                     "Routers on CPU 0, generators and backends on CPU 1",
                     "* 0 of 85 runs had connections fail", "(SCHED_FIFO). In 5 of their 60 runs",
                     "| 1.10 (1.10–1.10) ‡ |", "**The router's own CPU**"):
            self.assertIn(said, text)

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
        process = self.start("--only", "bulk-down-16", "--only", "conn", "--only", "idle", "--only",
                             "gone", "--only", "new-beside-16", "--json", "kept", "--html",
                             "page.html")
        out, err = process.communicate(timeout=240)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertNotIn("sanitizer", err.lower())
        for said in ("bulk, 16 streams down", "CPU ms/GiB", "plain", "CPU µs/connection",
                     "The price:", "Gbit/s", "new connections beside 16 streams", "p99, ms",
                     "idle relaying connection", "descriptors (of them pipes) more"):
            self.assertIn(said, out)
        kept = {path.name for path in (self.scratch / "kept").iterdir()}
        self.assertLessEqual({"peers.json", "bulk-down-16-direct-0.json", "idle-nginx-0.json",
                              "new-beside-16-haproxy-0.json"}, kept)
        figures = json.loads((self.scratch / "kept" / "peers.json").read_text())
        self.assertEqual([(one["row"], one["generator"]) for one in figures["runs"]],
                         [(row, generator) for row in ("bulk-down-16", "conn")
                          for generator in ("sni-bench", "plain")])
        for one in figures["runs"]:
            for target, runs in one["targets"].items():
                self.assertEqual(len(runs), 1)
                self.assertFalse(runs[0]["failed"], (one["row"], target))
                self.assertGreater(runs[0]["rate"], 0)
                self.assertGreater(runs[0]["machine"], 0)
                self.assertEqual(runs[0]["own"] is None, target == "direct")
            unheld = {peers_rows.UNHELD} if one["row"].startswith("bulk-down") else set()
            self.assertEqual(set(one["targets"]), {"direct", *NAMES} | unheld)
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
        process = self.start("--only", "bulk-down-16", "--generators", "plain", "--check")
        out, err = process.communicate(timeout=240)
        self.assertEqual(process.returncode, 1, out + err)
        self.assertIn("missed: bulk, 16 streams down, plain, price: the bar of ≤ 0.20× cannot be "
                      "judged: 1 of 5", out)
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
        rows = [(["--only", "nothing"], 64, "  bulk-down-1       bulk, 1 stream down\n"),
                (["--rounds", "x"], 64, "--rounds"), (["--rounds", "0"], 64, "--rounds"),
                (["--rounds", "65"], 64, "at most 64"), (["--seconds", "-1"], 64, "--seconds"),
                (["--peers", "other"], 64, "known are haproxy nginx sniproxy"),
                (["--generators", "other"], 64, "known are sni-bench plain"),
                (["--generators", ""], 64, "one at least"),
                (["--router-cpu", "9999"], 64, "this process may use"),
                (["--update"], 64, "leave --quick"), (["--nonsense"], 64, "--nonsense"),
                (["--html", "/nonexistent/page"], 1, "/nonexistent/page: No such file"),
                (["--binaries", "/nonexistent"], 1, "there is no program sni-router"),
                (["--binaries", "/nonexistent", "--peers", ""], 1, "there is no program")]
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
