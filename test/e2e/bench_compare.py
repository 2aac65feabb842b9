"""sni-bench compare: rounds in turns, numbers that follow from the runs, refusals that say why."""

import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

from support import bench

TOOL = sys.argv[2]
LOAD = ("--", "latency", "--rate", "300", "-c", "4", "-d", "300ms", "--warmup", "50ms",
        "--interval", "50ms", "--timeout", "1m")


def dead_address():
    """An address where nobody listens, kept so until the socket is closed."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder, f"127.0.0.1:{holder.getsockname()[1]}"


class Compare(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.one = bench.Serve(TOOL)
        cls.two = bench.Serve(TOOL, "-t", "2")

    @classmethod
    def tearDownClass(cls):
        cls.one.stop()
        cls.two.stop()

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="compare.")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)

    def words(self, *more):
        return ["compare", "--direct", self.one.address,
                "--via", f"a={self.one.address},pid={self.one.pid}",
                "--via", f"b={self.two.address},pid={self.two.pid}", *more]

    def run_tool(self, *arguments):
        """(exit code, checked document, stdout, stderr)"""
        path = self.scratch / "c.json"
        path.unlink(missing_ok=True)
        command = [TOOL, arguments[0], "--json", str(path), *map(str, arguments[1:])]
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=bench.RUN_LIMIT_S, check=False)
        self.assertNotIn("sanitizer", done.stderr.lower(), done.stderr)
        document = None
        if path.exists():
            document = json.loads(path.read_text(encoding="utf-8"))
            self.check_document(document)
        return done.returncode, document, done.stdout, done.stderr

    def check_document(self, document):
        bench.validate(TOOL, "compare", document)
        for run in document["runs"]:
            if run["result"] is not None:
                bench.validate(TOOL, "run", run["result"])

    def test_numbers_follow_from_the_runs(self):
        code, document, out, err = self.run_tool(*self.words("--rounds", "5", *LOAD))
        self.assertIn(code, (0, 2), out + err)
        turns = [(run["target"], run["round"]) for run in document["runs"]]
        self.assertEqual(turns, [(name, turn) for turn in range(1, 6)
                                 for name in ("direct", "a", "b")])
        invalid = [run for run in document["runs"] if not run["result"]["valid"]]
        self.assertEqual(document["valid"], invalid == [])
        for run in document["runs"]:
            self.assertEqual(run["valid"], run["result"]["valid"])
            self.assertEqual(run["failed"], run["result"]["failed"])
            self.assertLessEqual(run["limited_by_tool"], not run["valid"])
        for target in document["targets"]:
            runs = [run for run in document["runs"] if run["target"] == target["name"]]
            self.assertEqual(target["runs_invalid"], sum(not run["valid"] for run in runs))
            self.assertEqual(target["runs_limited"], sum(run["limited_by_tool"] for run in runs))
        self.assertEqual(code, 0 if document["valid"] else 2)
        fields = {"cpu_us_per_request": lambda r: r["costs"]["cpu_us_per_request"],
                  "requests_per_s": lambda r: r["totals"]["requests_per_s"],
                  "p99_ms": lambda r: r["phases"]["latency"]["p99_ns"] / 1e6,
                  "errors": lambda r: sum(r["errors"].values())}
        keys = [metric["key"] for metric in document["metrics"]]
        self.assertLess(keys.index("cpu_us_per_request"), keys.index("requests_per_s"))
        self.assertLess(keys.index("requests_per_s"), keys.index("p99_ms"))
        for key, read in fields.items():
            metric = next(m for m in document["metrics"] if m["key"] == key)
            spreads = {value["target"]: value for value in metric["values"]}
            expected = ("a", "b") if key.startswith("cpu") else ("direct", "a", "b")
            self.assertEqual(tuple(spreads), expected)
            for name, spread in spreads.items():
                values = [read(r["result"]) for r in document["runs"] if r["target"] == name]
                self.assertEqual(len(values), 5)
                for seen, value in zip(spread["rounds"], values):
                    self.assertAlmostEqual(seen, value)
                self.assertAlmostEqual(spread["median"], statistics.median(values))
                self.assertAlmostEqual(spread["min"], min(values))
                self.assertAlmostEqual(spread["max"], max(values))
            for name, spread in spreads.items():
                for field, other in (("to_direct", "direct"), ("to_first", "a")):
                    self.check_ratio(spread, spreads.get(other), spread[field], name == other)

    def check_ratio(self, spread, other, ratio, same):
        if same or other is None or other["median"] == 0:
            self.assertIsNone(ratio)
            return
        self.assertAlmostEqual(ratio["ratio"], spread["median"] / other["median"])
        overlap = spread["min"] <= other["max"] and other["min"] <= spread["max"]
        self.assertEqual(ratio["within_noise"], overlap)

    def test_costs_come_first_and_progress_goes_to_stderr(self):
        code, _, out, err = self.run_tool(*self.words("--rounds", "1", *LOAD))
        self.assertEqual(code, 2, "one round is too few to be valid")
        self.assertLess(out.index("CPU per request"), out.index("requests, /s"))
        self.assertLess(out.index("requests, /s"), out.index("latency p50"))
        self.assertIn("to direct", out)
        self.assertIn("to a", out)
        self.assertIn("fewer than 5 rounds", out)
        self.assertEqual([line.split()[:3] for line in err.splitlines()],
                         [["round", "1/1", name] for name in ("direct", "a", "b")])
        quiet = self.run_tool(*self.words("--quiet", "--rounds", "1", *LOAD))
        self.assertEqual(quiet[3], "")

    def test_runs_that_the_tool_limited_are_marked(self):
        page = self.scratch / "page.html"
        # A million requests a second are more than one thread of the tool can begin.
        code, document, out, _ = self.run_tool(
            *self.words("--rounds", "1", "--md", "--html", page), "--", "latency",
            "--rate", "1m", "-c", "500", "-d", "20ms", "--warmup", "0", "--interval", "10ms",
            "--timeout", "1m")
        self.assertEqual(code, 2, out)
        self.check_document(document)
        self.assertEqual([run["limited_by_tool"] for run in document["runs"]], [True] * 3)
        self.assertEqual([target["runs_limited"] for target in document["targets"]], [1] * 3)
        for metric in document["metrics"]:
            for value in metric["values"]:
                self.assertEqual(value["doubtful"], metric["kind"] in ("rate", "latency"))
        self.assertIn(" ‡ |", out)
        self.assertIn("‡ = the load tool was the limit in some of these runs (3 of 3", out)
        self.assertIn("1 of 1 run limited by the load tool", page.read_text("utf-8"))

    def test_markdown_and_title(self):
        _, document, out, _ = self.run_tool(*self.words("--rounds", "2", "--md", "--label",
                                                        "title=a <b> | c", *LOAD))
        self.assertEqual(document["title"], "a <b> | c")
        self.assertIn("### a &lt;b&gt; \\| c\n", out)
        rows = [line for line in out.splitlines() if line.startswith("|")]
        self.assertEqual(rows[0], "| | direct | a | b |")
        self.assertTrue(rows[2].startswith("| CPU per request, us | – | "), rows)

    def test_every_mode_can_be_compared(self):
        for mode, metric in ((("conn", "-n", "50"), "cpu_us_per_connection"),
                             (("bulk", "-c", "2", "-d", "200ms", "--warmup", "0s"),
                              "cpu_ms_per_gib"),
                             (("idle", "-c", "50", "-d", "100ms"), "cpu_percent")):
            with self.subTest(mode=mode[0]):
                code, document, out, err = self.run_tool(*self.words("--rounds", "1", "--", *mode))
                self.assertEqual(code, 2, out + err)
                self.assertEqual(document["run_mode"], mode[0])
                self.assertIn(metric, [m["key"] for m in document["metrics"]])

    def test_pins_routers_and_load(self):
        cpus = sorted(os.sched_getaffinity(0))
        router, load = cpus[0], cpus[-1]
        _, document, _, err = self.run_tool(*self.words(
            "--rounds", "1", "--router-cpu", router, "--cpu-list", load, *LOAD))
        self.assertEqual(document["pinned"], {"routers": str(router), "load": str(load)})
        for serve in (self.one, self.two):
            for thread in os.listdir(f"/proc/{serve.pid}/task"):
                self.assertEqual(os.sched_getaffinity(int(thread)), {router}, thread)
        for run in document["runs"]:
            self.assertEqual(run["result"]["config"]["cpu_list"], str(load))
        self.assertEqual("share a CPU" in err, router == load)

    def test_conditions(self):
        code, _, _, err = self.run_tool(*self.words(
            "--rounds", "1", "--fail-if", "requests_per_s a/b < 0.01", "--fail-if",
            "requests_per_s direct > 1000000", "--fail-if", "p99>1h", "--fail-if", "b.errors>0",
            *LOAD))
        self.assertEqual(code, 2, err)
        self.assertNotIn("--fail-if", err)
        code, _, _, err = self.run_tool(*self.words(
            "--rounds", "1", "--fail-if", "requests_per_s a/b > 0.01", *LOAD))
        self.assertEqual(code, 99)
        self.assertIn("--fail-if 'requests_per_s a/b > 0.01' holds", err)

    def test_conditions_in_the_words_of_the_load_modes(self):
        for condition, said in (("p99>1us", "is the median of a"),
                                ("b.p99.9>1us", "is the median of b"),
                                ("direct.rate<1m", "/s is the median of direct"),
                                ("cpu_request b > 1ns", "is the median of b"),
                                ("cpu_request b/a > 0.001", "ratio of the medians of b and a")):
            with self.subTest(condition=condition):
                code, _, _, err = self.run_tool(*self.words("--rounds", "1", "--fail-if",
                                                            condition, *LOAD))
                self.assertEqual(code, 99, err)
                self.assertIn(f"--fail-if '{condition}' holds: ", err)
                self.assertIn(said, err)

    def test_conditions_of_a_closed_loop(self):
        words = self.words("--rounds", "1", "--fail-if", "p99>1us", "--", "conn", "-n", "20")
        code, _, _, err = self.run_tool(*words)
        self.assertEqual(code, 99, err)
        self.assertIn("judges the service time of a closed loop", err)

    def test_a_dead_target_fails_and_the_others_are_measured(self):
        holder, address = dead_address()
        self.addCleanup(holder.close)
        code, document, out, err = self.run_tool(
            "compare", "--direct", self.one.address, "--via", f"dead={address}", "--rounds", "2",
            *LOAD)
        self.assertEqual(code, 1)
        self.assertTrue(document["failed"])
        failed = {t["name"]: t["runs_failed"] for t in document["targets"]}
        self.assertEqual(failed, {"direct": 0, "dead": 2})
        self.assertRegex(out, r"2 of 2 runs FAILED: refused \d+\n")
        self.assertRegex(err, r"round 1/2  dead .* FAILED: refused \d+\n")
        rates = next(m for m in document["metrics"] if m["key"] == "requests_per_s")
        self.assertEqual([value["target"] for value in rates["values"]], ["direct"])

    def test_no_signal_leaves_a_run_behind(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                process = subprocess.Popen(
                    [TOOL, *self.words("--", "latency", "--rate", "100", "-d", "1h")],
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                children = f"/proc/{process.pid}/task/{process.pid}/children"
                child = ""
                while child == "":
                    child = pathlib.Path(children).read_text(encoding="ascii").strip()
                    time.sleep(0.02)
                process.send_signal(number)
                out = process.communicate(timeout=bench.RUN_LIMIT_S)[0]
                self.assertIn("interrupted", out)
                self.assertFalse(os.path.exists(f"/proc/{child}"))

    def test_nohup_goes_on(self):
        process = subprocess.Popen([TOOL, *self.words("--rounds", "2", *LOAD)], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.assertIn("round 1/2", process.stderr.readline())
        process.send_signal(signal.SIGHUP)
        out, err = process.communicate(timeout=bench.RUN_LIMIT_S)
        self.assertNotIn("interrupted", out + err)
        self.assertIn("round 2/2  b", err)

    def test_interrupt_keeps_what_was_complete(self):
        path = self.scratch / "c.json"
        command = [TOOL, *self.words("--rounds", "64", "--json", str(path)), *LOAD]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        seen = 0
        for line in process.stderr:
            seen += line.startswith("round")
            if seen == 4:
                break
        time_given = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=bench.RUN_LIMIT_S)
        self.assertLess(time.monotonic() - time_given, 60)
        self.assertNotIn("sanitizer", err.lower(), err)
        document = json.loads(path.read_text(encoding="utf-8"))
        self.check_document(document)
        self.assertTrue(document["interrupted"])
        self.assertFalse(document["valid"])
        self.assertEqual(process.returncode, 2)
        self.assertIn("interrupted", out)
        self.assertIn(len(document["runs"]), range(4, 12))
        for run in document["runs"]:
            self.assertFalse(run["result"]["interrupted"])

    def test_refusals_say_what_to_do(self):
        good = f"a={self.one.address}"
        rows = [
            (("--via", good), "behind a --"),
            (("--", "conn"), "--direct ADDR, --via"),
            (("--via", "a", "--", "conn"), "NAME=ADDR"),
            (("--via", "a/b=127.0.0.1:1", "--", "conn"), "letters, digits"),
            (("--via", "a=nowhere", "--", "conn"), "not an address"),
            (("--via", f"{good},pid=x", "--", "conn"), "pid=123"),
            (("--via", good, "--via", good, "--", "conn"), "taken"),
            (("--direct", "x", "--", "conn"), "--direct 'x'"),
            (("--via", good, "--", "serve"), "none of conn"),
            (("--via", good, "--", "conn", "--rtae", "5"), "did you mean --rate?"),
            (("--via", good, "--", "conn", "127.0.0.1:1"), "does not take '127.0.0.1:1'"),
            (("--via", good, "--", "conn", "--json", "x"), "--json belongs before the --"),
            (("--via", good, "--", "conn", "--html", "x"), "--html"),
            (("--via", good, "--", "conn", "--fail-if", "p99>1s"), "--fail-if belongs before"),
            (("--via", good, "--", "conn", "--pid", "1"), "pid=N"),
            (("--via", good, "--", "conn", "--cpu-list", "0"), "--cpu-list belongs before"),
            (("--via", good, "--", "conn", "--help"), "--help"),
            (("--via", good, "--", "conn", "--sni-file", "-"), "name a file"),
            (("--via", good, "latency", "--rate", "5"), "behind a --"),
            (("--via", good, "--rounds", "0", "--", "conn"), "--rounds must be"),
            (("--via", good, "--rounds", "65", "--", "conn"), "--rounds must be 1 to 64"),
            (("--via", good, "--router-cpu", "x", "--", "conn"), "--router-cpu 'x'"),
            (("--via", good, "--fail-if", "p98>5ms", "--", "conn"), "there is no metric 'p98'"),
            (("--via", good, "--fail-if", "b.p99>5ms", "--", "conn"), "no target 'b'"),
            (("--via", good, "--fail-if", "p99>5", "--", "conn"), "a time such as 5ms"),
            (("--via", good, "--fail-if", "p99>5ms", "--", "bulk"), "only conn and latency"),
            (("--via", good, "--fail-if", "cpu_conn>1us", "--", "conn"), "--via a=ADDR,pid=N"),
        ]
        for words, said in rows:
            with self.subTest(words=words):
                code, document, out, err = self.run_tool("compare", *words)
                self.assertEqual(code, 64, err)
                self.assertIn(said, err)
                self.assertIsNone(document)
                self.assertEqual(out, "")

    def test_a_process_that_is_not_there(self):
        gone = subprocess.Popen(["true"])
        gone.wait()
        code, _, _, err = self.run_tool("compare", "--via", f"a={self.one.address},pid={gone.pid}",
                                        "--router-cpu", min(os.sched_getaffinity(0)), *LOAD)
        self.assertEqual(code, 1)
        self.assertIn(f"--via a: there is no process {gone.pid}", err)
        self.assertNotIn("round", err)

    def test_what_cannot_be_written_is_said_before_the_runs(self):
        for flag in ("--json", "--html"):
            done = subprocess.run([TOOL, *self.words(flag, "/nonexistent/x"), *LOAD], check=False,
                                  capture_output=True, text=True, timeout=bench.RUN_LIMIT_S)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(f"{flag} /nonexistent/x: No such file", done.stderr)
            self.assertNotIn("round", done.stderr)

    def test_a_run_that_cannot_begin_is_the_last_one(self):
        code, document, out, err = self.run_tool(*self.words("--", "conn", "--sni-file",
                                                             str(self.scratch / "missing")))
        self.assertEqual((code, document, out), (1, None, ""), err)
        self.assertEqual(err.count("No such file"), 1, err)

    def test_a_router_that_ends_meanwhile(self):
        with bench.Serve(TOOL) as router:
            process = subprocess.Popen(
                [TOOL, "compare", "--direct", self.one.address, "--via",
                 f"a={router.address},pid={router.pid}", "--rounds", "4",
                 "--json", str(self.scratch / "c.json"), *LOAD],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            said = [process.stderr.readline() for _ in range(3)]
            router.stop()
            out, err = process.communicate(timeout=bench.RUN_LIMIT_S)
        self.assertEqual(process.returncode, 1, out + err)
        self.assertIn("round 2/4  direct", said[2])
        self.assertIn("there is no such process", err)
        self.assertIn("round 4/4  a                 FAILED", err)
        self.assertRegex(out, "! a                [23] of 4 runs FAILED")
        document = json.loads((self.scratch / "c.json").read_text(encoding="utf-8"))
        self.check_document(document)
        failed = {name: [run["failed"] for run in document["runs"] if run["target"] == name]
                  for name in ("direct", "a")}
        self.assertEqual(failed["direct"], [False] * 4)
        self.assertEqual((failed["a"][0], failed["a"][3]), (False, True))

    def test_json_on_stdout_is_all_there_is(self):
        done = subprocess.run([TOOL, *self.words("--rounds", "1", "--json", "-"), *LOAD],
                              capture_output=True, text=True,
                              timeout=bench.RUN_LIMIT_S, check=False)
        self.check_document(json.loads(done.stdout))
        self.assertIn("CPU per request", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
