"""Every load mode against its own backends: counts, bytes, results, exit codes."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from support import bench

TOOL = sys.argv[2]


def run(*arguments):
    return bench.run(TOOL, *arguments)


class Modes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.serve = cls.enterClassContext(bench.Serve(TOOL, "--names", "3", "-t", "2"))
        cls.one = cls.enterClassContext(bench.Serve(TOOL, "--one-port", "--names", "100"))
        cls.tls = cls.enterClassContext(bench.Serve(TOOL, "--tls", "--one-port", "--names", "5"))

    def good(self, *arguments):
        code, result, out, err = run(*arguments)
        self.assertIn(code, (0, 2), out + err)
        self.assertEqual(bench.total_errors(result), 0, result["errors"])
        return result

    def test_conn_count(self):
        result = self.good("conn", self.serve.address, "--sni", "b0.bench.test", "-n", "500",
                           "--resp", "1k", "-t", "2")
        self.assertEqual(result["whole_run"]["connections"], 500)
        self.assertEqual(result["totals"]["connections"], 500)
        # A banner of 8 bytes and the name, then the response.
        self.assertEqual(result["totals"]["bytes_in"], 500 * (8 + len("b0.bench.test") + 1024))

    def test_conn_rate_keeps_the_schedule(self):
        result = self.good("conn", self.serve.address, "--sni", "b0.bench.test", "--rate", "200",
                           "-d", "2s", "--warmup", "500ms")
        self.assertEqual(result["phases"]["latency"]["count"], 400)
        self.assertEqual(result["whole_run"]["connections"], 500)
        self.assertGreaterEqual(result["phases"]["latency"]["p50_ns"],
                                result["phases"]["service"]["min_ns"])
        self.assertLessEqual({"warm-up", "measuring"},
                             {point["stage"] for point in result["series"]})

    def test_series_has_every_part_of_the_run(self):
        """bench.run() checks that points add up; here, that they are there however short a run."""
        b0 = (self.serve.address, "--sni", "b0.bench.test")
        for mode, arguments in (("conn", ("-n", "300")), ("latency", ("--max", "-n", "300")),
                                ("conn", ("--rate", "100", "-d", "300ms", "--warmup", "200ms")),
                                ("latency", ("--rate", "100", "-d", "1300ms", "--warmup", "0s")),
                                ("bulk", ("-d", "250ms", "--warmup", "150ms")),
                                ("idle", ("-c", "50", "-d", "200ms"))):
            with self.subTest(mode=mode, arguments=arguments):
                result = self.good(mode, *b0, *arguments)
                stages = [point["stage"] for point in result["series"]]
                self.assertIn("measuring", stages)
                warms_up = "--warmup" in arguments and "0s" not in arguments
                self.assertEqual("warm-up" in stages, warms_up)
                whole = result["whole_run"]
                opened = sum(point["opened"] for point in result["series"])
                self.assertEqual(opened, whole["ready"])
                self.assertEqual(sum(point["requests"] for point in result["series"]),
                                 whole["requests"])

    def test_a_short_run_has_its_charts(self):
        with tempfile.NamedTemporaryFile(suffix=".html") as page:
            self.good("conn", self.serve.address, "--sni", "b0.bench.test", "-n", "200", "--pid",
                      self.serve.pid, "--html", page.name)
            text = page.read().decode()
        for title in ("Connections made", "CPU of the router", "Memory of the router"):
            self.assertIn(f'"title":"{title}"', text)
        self.assertIn('"unit":"MiB (PSS)"', text)

    def test_what_is_left_of_a_stage_is_a_point(self):
        result = self.good("latency", self.serve.address, "--sni", "b0.bench.test", "--rate", "100",
                           "-d", "300ms", "--warmup", "200ms", "--interval", "1h")
        points = {point["stage"]: point for point in result["series"]}
        self.assertEqual(len(points), len(result["series"]))
        self.assertEqual(points["measuring"]["requests"], result["totals"]["requests"])
        self.assertAlmostEqual(points["measuring"]["seconds"], result["seconds"])

    def test_series_shows_the_memory_that_the_costs_mean(self):
        result = self.good("idle", self.serve.address, "--sni", "b0.bench.test", "-c", "50", "-d",
                           "300ms", "--interval", "50ms", "--pid", self.serve.pid)
        for point in result["series"]:
            self.assertGreater(point["router_pss_bytes"], 0)
            self.assertNotIn("router_rss_bytes", point)
        self.assertEqual(result["series"][-1]["router_pss_bytes"],
                         result["samples"]["end"]["pss_bytes"])

    def test_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError as missing:
            self.skipTest(f"no IPv6: {missing}")
        with bench.Serve(TOOL, "--listen", "[::1]:0") as serve:
            self.assertTrue(serve.address.startswith("[::1]:"))
            self.good("conn", serve.address, "-n", "20")

    def test_conn_large_and_empty_responses(self):
        for size in (0, 1, 100_000, 3_000_000):
            with self.subTest(size=size):
                result = self.good("conn", self.one.address, "--names", "100", "-n", "20",
                                   "--resp", size, "-c", "4")
                self.assertEqual(result["totals"]["connections"], 20)
                self.assertGreaterEqual(result["totals"]["bytes_in"], 20 * size)

    def test_hello_shapes(self):
        shapes = (["--hello-size", "1800"], ["--split", "600"], ["--split", "segments=1,2,3"],
                  ["--split", "records=1"], ["--split", "records=100,7"],
                  ["--split", "all", "--split-gap", "0s", "--timeout", "1m"],
                  ["--hello-size", "17k", "--split", "records=16384"],
                  ["--hello-size", "60000", "--split", "5000", "--split", "records=1000"])
        for shape in shapes:
            with self.subTest(shape=shape):
                result = self.good("conn", self.one.address, "--names", "100", "--zipf", "1.1",
                                   "-n", "20", *shape)
                self.assertEqual(result["totals"]["connections"], 20)
                if shape[0] == "--hello-size":
                    size = {"1800": 1800, "17k": 17408, "60000": 60000}[shape[1]]
                    cut = 5 * (-(-(size - 5) // 1000) - 1) if size == 60000 else 0
                    sent = result["config"]["hello_bytes"]
                    self.assertAlmostEqual(sent, size + cut, delta=20)
                    self.assertEqual(result["totals"]["bytes_out"], 20 * (sent + 32))

    def test_hello_size_is_what_is_sent(self):
        for size in (None, 500, 512, 1500, 1800, 16389):
            asked = [] if size is None else ["--hello-size", size]
            result = self.good("conn", self.serve.address, "--sni", "b0.bench.test", "-n", "5",
                               *asked)
            sent = result["config"]["hello_bytes"]
            self.assertEqual(result["totals"]["bytes_out"], 5 * (sent + 32))
            self.assertEqual(sent, size or sent)
            self.assertEqual(result["config"]["hello_bytes_least"], sent)
        result = self.good("conn", self.one.address, "--names", "100", "-n", "5")
        config = result["config"]
        self.assertEqual(config["hello_bytes"] - config["hello_bytes_least"], 1)
        result = self.good("conn", self.tls.address, "--tls", "--names", "5", "-n", "5")
        self.assertIsNone(result["config"]["hello_bytes"])
        code, result, _, err = run("conn", self.serve.address, "-n", "1", "--hello-size", "100")
        self.assertEqual((code, result), (64, None))
        smallest = int(err.split(" bytes at least")[0].split()[-1])
        code, result, _, _ = run("conn", self.serve.address, "-n", "1", "--hello-size", smallest)
        self.assertEqual(result["config"]["hello_bytes"], smallest)
        code, _, _, _ = run("conn", self.serve.address, "-n", "1", "--hello-size", smallest - 1)
        self.assertEqual(code, 64)

    def test_latency_kept(self):
        result = self.good("latency", self.serve.address, "--sni", "b0.bench.test", "--rate", "500",
                           "-c", "8", "--req", "100", "--resp", "20k", "-d", "1s", "--warmup", "0s",
                           "-t", "2")
        self.assertEqual(result["phases"]["latency"]["count"], 500)
        self.assertEqual(result["whole_run"]["requests"], 500)
        self.assertEqual(result["whole_run"]["started"], 8)

    def test_latency_large_requests(self):
        result = self.good("latency", self.serve.address, "--sni", "b0.bench.test", "--max", "-c",
                           "4", "--req", "1m", "--resp", "1", "-n", "40")
        self.assertEqual(result["whole_run"]["requests"], 40)

    def test_latency_new_connections(self):
        result = self.good("latency", self.serve.address, "--sni", "b0.bench.test", "--new-conn",
                           "--rate", "200", "-d", "1s", "--warmup", "0s", "--req", "10k")
        self.assertEqual(result["phases"]["latency"]["count"], 200)
        self.assertEqual(result["whole_run"]["started"], 200)

    def test_bulk_every_direction_carries_the_pattern(self):
        for direction, counts in (("down", ("in",)), ("up", ("out",)), ("both", ("in", "out"))):
            for tls in (False, True):
                with self.subTest(direction=direction, tls=tls):
                    target = self.tls if tls else self.one
                    result = self.good("bulk", target.address, "--names", "5", "--dir", direction,
                                       "-c", "3", "-d", "1s", "--warmup", "0s", "--pattern",
                                       *(["--tls"] if tls else []))
                    for way in counts:
                        self.assertGreater(result["totals"][f"bytes_{way}"], 0)

    def test_bulk_without_pattern(self):
        for direction in ("down", "up", "both"):
            result = self.good("bulk", self.one.address, "--names", "5", "--dir", direction, "-c",
                               "20", "-d", "3s", "--warmup", "0s")
            moved = result["totals"]["bytes_in"] + result["totals"]["bytes_out"]
            self.assertGreater(moved, 0)

    def test_idle(self):
        result = self.good("idle", self.serve.address, "--sni", "b0.bench.test", "-c", "300",
                           "--ramp", "10k", "-d", "500ms", "--pid", self.serve.pid)
        self.assertEqual(result["totals"]["held"], 300)
        self.assertIsNotNone(result["costs"]["user_kib_per_connection"])
        # The backend holds a descriptor for each.
        samples = result["samples"]
        self.assertEqual(samples["end"]["descriptors"] - samples["before"]["descriptors"], 300)

    def test_tls_end_to_end(self):
        result = self.good("conn", self.tls.address, "--tls", "--names", "5", "-n", "40")
        self.assertEqual(result["totals"]["connections"], 40)
        self.assertEqual(result["totals"]["resumed"], 0)
        result = self.good("latency", self.tls.address, "--tls", "--names", "5", "--rate", "200",
                           "-c", "4", "-d", "500ms", "--warmup", "0s", "--resp", "100k")
        self.assertEqual(result["whole_run"]["requests"], 100)

    def test_tls_resumes(self):
        result = self.good("conn", self.tls.address, "--tls", "--resume", "--sni", "b1.bench.test",
                           "-n", "60", "-c", "1")
        self.assertGreaterEqual(result["totals"]["resumed"], 50)

    def test_costs_of_a_process(self):
        result = self.good("latency", self.serve.address, "--sni", "b0.bench.test", "--max", "-d",
                           "500ms", "--warmup", "100ms", "--pid", self.serve.pid)
        costs = result["costs"]
        self.assertGreater(costs["cpu_us_per_request"], 0)
        self.assertIsNone(costs["cpu_us_per_connection"])
        spent = result["samples"]["end"]["cpu_run_ns"] - result["samples"]["start"]["cpu_run_ns"]
        self.assertAlmostEqual(costs["cpu_us_per_request"] * result["totals"]["requests"],
                               spent / 1000, delta=spent / 1000 * 0.5 + 50_000)
        result = self.good("bulk", self.serve.address, "--sni", "b0.bench.test", "-d", "300ms",
                           "--warmup", "0s", "--pid", self.serve.pid)
        self.assertGreater(result["costs"]["cpu_ms_per_gib"], 0)

    def test_costs_come_first(self):
        _, _, out, _ = run("conn", self.serve.address, "--sni", "b0.bench.test", "-n", "50",
                           "--pid", self.serve.pid)
        self.assertLess(out.index("CPU per connection"), out.index("measured"))

    def test_wrong_backend_is_an_error(self):
        code, result, out, _ = run("conn", self.serve.backends[1][1], "--sni", "b0.bench.test",
                                   "-n", "10")
        self.assertEqual(code, 1)
        self.assertEqual(result["errors"]["misrouted"], 10)
        self.assertIn("reached a backend of another name", out)
        self.assertIn("every connection that was answered (10) reached a wrong backend", out)
        self.assertNotIn("not one connection was answered", out)
        self.assertNotIn("the default: say which names", out)

    def test_wrong_names_by_default_are_told_with_the_way_out(self):
        """serve --names N and a load without names: the first thing that goes wrong."""
        code, result, out, _ = run("conn", self.serve.address, "-n", "10")
        self.assertEqual((code, result["errors"]["misrouted"]), (1, 10))
        self.assertIn("every hello asked for bench.test, the default", out)
        for flag in ("--names N", "--sni NAME", "--sni-file FILE"):
            self.assertIn(flag, out)

    def test_head_says_what_c_means(self):
        b0 = (self.serve.address, "--sni", "b0.bench.test", "-n", "5")
        for arguments, said in ((("conn", *b0, "--rate", "100"),
                                 "at most 1000 connections at once,"),
                                (("latency", *b0, "--max", "-c", "1"), " 1 connection, 1 thread,")):
            self.assertIn(said, run(*arguments)[2])

    def test_same_seed_same_names(self):
        sizes = []
        for seed in (7, 7, 8):
            result = self.good("conn", self.one.address, "--names", "100", "--zipf", "1", "-n",
                               "200", "-c", "1", "--resp", "0", "--seed", seed)
            # Banners hold the names: their total length tells which were asked for.
            sizes.append(result["totals"]["bytes_in"])
        self.assertEqual(sizes[0], sizes[1])

    def test_unix_sockets(self):
        path = f"/tmp/bench_modes.{os.getpid()}.sock"
        with bench.Serve(TOOL, "--listen", f"unix:{path}") as serve:
            self.assertEqual(serve.address, f"unix:{path}")
            self.good("conn", serve.address, "-n", "50", "--resp", "100k")
            self.good("bulk", serve.address, "-d", "200ms", "--warmup", "0s", "--dir", "both")
        self.assertFalse(os.path.exists(path))

    def test_many_are_held(self):
        result = self.good("idle", self.serve.address, "--sni", "b0.bench.test", "-c", "2000",
                           "--ramp", "50k", "-d", "100ms")
        self.assertEqual(result["totals"]["held"], 2000)


class Answers(unittest.TestCase):
    """What else may answer than our backends, and that it is told apart."""

    def answer_with(self, reply, **close):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock:
                    sock.recv(65536)
                    if reply is not None:
                        sock.sendall(reply)
                    if close.get("hang"):
                        sock.recv(65536)

        threading.Thread(target=serve, daemon=True).start()
        return "127.0.0.1:%d" % listener.getsockname()[1]

    def check(self, target, reason, *options):
        code, result, _, _ = run("conn", target, "-n", "3", "-c", "1", *options)
        self.assertEqual(code, 1)
        self.assertEqual(result["errors"][reason], 3, result["errors"])

    def test_alert(self):
        self.check(self.answer_with(bytes([21, 3, 3, 0, 2, 2, 112])), "alert")

    def test_another_protocol(self):
        self.check(self.answer_with(b"220 mail.example.com ESMTP\r\n"), "bad_reply")

    def test_end_without_an_answer(self):
        self.check(self.answer_with(None), "closed")

    def test_end_inside_the_answer(self):
        self.check(self.answer_with(b"SNIr\x01\0\0\x01bxx"), "closed")

    def test_more_than_was_asked_for(self):
        self.check(self.answer_with(b"SNIr\x01\0\0\x01b" + b"x" * 2000), "bad_reply")

    def test_silence(self):
        self.check(self.answer_with(None, hang=True), "timeout", "--timeout", "200ms")

    def test_nobody(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            target = "127.0.0.1:%d" % listener.getsockname()[1]
        self.check(target, "refused")
        code, result, out, _ = run("latency", target, "--rate", "100", "-d", "1s")
        self.assertEqual(code, 1)
        self.assertIn("not one connection was answered", out)
        self.assertIn("nothing was measured", out)
        self.assertNotIn("limited by the load tool", out)
        self.assertEqual(result["reasons"],
                         ["not one connection could be used, so the measurement never began"])
        self.assertEqual(result["totals"]["requests"], 0)


class ExitCodes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.serve = cls.enterClassContext(bench.Serve(TOOL))

    def test_the_tool_as_the_limit(self):
        """Stopped itself again and again, the tool begins requests late, and says so."""
        stopped = threading.Event()

        def stop_and_go(process):
            for line in process.stderr:
                if "measuring" in line and not stopped.is_set():
                    process.send_signal(signal.SIGSTOP)
                    time.sleep(0.3)
                    process.send_signal(signal.SIGCONT)
            stopped.set()

        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            process = subprocess.Popen([TOOL, "latency", self.serve.address, "--rate", "500", "-d",
                                        "2s", "--warmup", "0s", "--interval", "200ms", "--json",
                                        file.name],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            watcher = threading.Thread(target=stop_and_go, args=(process,))
            watcher.start()
            out = process.stdout.read()
            watcher.join()
            process.stdout.close()
            process.stderr.close()
            self.assertEqual(process.wait(), 2, out)
            result = json.load(file)
        bench.check_consistent(result, 2)
        self.assertFalse(result["valid"])
        self.assertGreater(result["phases"]["slip"]["p99_ns"], 100_000_000)
        self.assertIn("limited by the load tool", out)
        # There is no --pid whose costs could hold.
        self.assertNotIn("costs above", out)
        # And its lateness is in the latencies, which count from the schedule.
        self.assertGreater(result["phases"]["latency"]["p99_ns"], 100_000_000)

    def test_fail_if(self):
        held = ("p99>0ns", "rate<1g", "max>=1ns", "errors<1", "throughput < 1000g")
        for condition in held:
            code, _, _, err = run("conn", self.serve.address, "-n", "20", "--fail-if", condition)
            self.assertEqual(code, 99, condition)
            self.assertIn(f"'{condition}' holds: ", err)
        code, _, _, err = run("conn", self.serve.address, "-n", "20", "--fail-if", "p99>1h",
                              "--fail-if", "errors>0", "--fail-if", "rate<1")
        self.assertIn(code, (0, 2))
        self.assertIn("'p99>1h' judges the service time of a closed loop", err)

    def test_fail_if_of_what_this_run_cannot_know(self):
        for words, said in ((("conn", "kib_conn>0"), "only idle"),
                            (("bulk", "p99>5ms"), "only conn and latency"),
                            (("conn", "cpu_conn>1s"), "--pid PID"),
                            (("latency", "slip>1s"), "--rate")):
            code, _, out, err = run(words[0], self.serve.address, "--fail-if", words[1])
            self.assertEqual((code, out), (64, ""), words)
            self.assertIn(said, err)

    def test_output_that_is_lost(self):
        for arguments in (["conn", self.serve.address, "-n", "5", "-q"], ["schema"], ["--help"],
                          ["conn", "--help"], ["--version"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([TOOL, *arguments], stdout=full, stderr=subprocess.PIPE,
                                      text=True)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn("sni-bench: stdout: not all of the output", done.stderr)

    def test_usage(self):
        for arguments in (["conn", self.serve.address, "--fail-if", "p99=5"],
                          ["conn", self.serve.address, "--fail-if", "speed>5"],
                          ["conn", self.serve.address, "--fail-if", "p99>5"],
                          ["conn", self.serve.address, "--pid", "x"],
                          ["conn", self.serve.address, "--cpu-list", "9999"],
                          ["conn", self.serve.address, "--names", "0"],
                          ["conn", self.serve.address, "--alpn", ","],
                          ["idle", self.serve.address, "--hgrm", "x"],
                          ["conn", self.serve.address, "-n", "1", "--hello-size", "60000",
                           "--split", "records=1"],
                          ["latency", self.serve.address, "-n", "1", "--new-conn", "--req", "128k",
                           "--hello-size", "40000", "--split", "records=1"],
                          ["conn", self.serve.address, "-c", "0"],
                          ["conn", self.serve.address, "--rate", "0"],
                          ["conn"], ["nonsense"], [], ["conn", "example.com:443"]):
            done = subprocess.run([TOOL, *arguments], capture_output=True, text=True)
            self.assertEqual(done.returncode, 64, arguments)
            self.assertNotEqual(done.stderr, "")
            self.assertEqual(done.stdout, "")

    def test_cannot_run(self):
        for arguments, said in ((["--pid", "999999999"], "--pid 999999999: there is no such"),
                                (["--sni-file", "/nonexistent"], "No such file")):
            done = subprocess.run([TOOL, "conn", self.serve.address, "-n", "1", "-q", *arguments],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_files_are_looked_at_before_the_run(self):
        with tempfile.TemporaryDirectory(prefix="bench_modes.") as scratch:
            old = os.path.join(scratch, "old")
            with open(old, "w", encoding="ascii") as file:
                file.write("kept")
            for path, said in (("/nonexistent/r", "make its directory first"),
                               (scratch, "name a file in it"),
                               (old + "/r", "make its directory first")):
                for flag in ("--json", "--html", "--hgrm"):
                    # Were it to run, it would take an hour.
                    done = subprocess.run([TOOL, "conn", self.serve.address, "--rate", "1", "-d",
                                           "1h", flag, path], capture_output=True, text=True,
                                          timeout=bench.RUN_LIMIT_S)
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(f"{flag} {path}: ", done.stderr)
                    self.assertIn(said, done.stderr)
            # A run that cannot begin leaves what is there, and what is not there.
            for name in ("old", "new"):
                done = subprocess.run([TOOL, "conn", self.serve.address, "-n", "1", "--pid",
                                       "999999999", "--json", os.path.join(scratch, name)],
                                      capture_output=True)
                self.assertEqual(done.returncode, 1)
            self.assertEqual(os.listdir(scratch), ["old"])
            with open(old, encoding="ascii") as file:
                self.assertEqual(file.read(), "kept")

    def interrupted(self, mode, *arguments, at):
        """Ctrl-C once a line of that stage is there; returns exit code, result and text."""
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            process = subprocess.Popen([TOOL, mode, self.serve.address, *arguments, "--interval",
                                        "50ms", "--json", file.name],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for line in process.stderr:
                if line.startswith(at):
                    break
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=bench.RUN_LIMIT_S)
            result = json.load(file)
        bench.check_consistent(result, process.returncode)
        return process.returncode, result, out

    def test_interrupts_before_the_measurement(self):
        for at, arguments in (("opening", ("latency", "--rate", "10", "--ramp", "1", "-c", "900")),
                              ("warm-up", ("conn", "--rate", "10", "--warmup", "1h"))):
            code, result, out = self.interrupted(*arguments, at=at)
            self.assertEqual(result["reasons"], ["interrupted before the measurement began"])
            self.assertEqual(result["totals"]["connections"], 0)
            self.assertIn("valid     NO\n", out)
            self.assertNotIn("limited by the load tool", out)
            self.assertNotIn("costs above", out)
            self.assertIn(code, (1, 2))

    def test_count_reached_in_the_warm_up(self):
        code, result, out, _ = run("conn", self.serve.address, "-n", "5", "--warmup", "1h")
        self.assertEqual(code, 2)
        self.assertIn("-n 5 was reached before the warm-up was over", result["reasons"][0])
        self.assertNotIn("limited by the load tool", out)

    def test_a_process_that_ends(self):
        router = subprocess.Popen(["sleep", "1000"])
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            process = subprocess.Popen([TOOL, "latency", self.serve.address, "--rate", "100", "-d",
                                        "1s", "--warmup", "0s", "--interval", "50ms", "--json",
                                        file.name, "--pid", str(router.pid)],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for line in process.stderr:
                if line.startswith("measuring"):
                    break
            # Killed, and not waited for: it stays listed until then.
            router.kill()
            out, err = process.communicate(timeout=bench.RUN_LIMIT_S)
            router.wait()
            result = json.load(file)
        bench.check_consistent(result, process.returncode)
        self.assertEqual(err.count(f"--pid {router.pid}: there is no such process any more"), 1)
        said = f"--pid {router.pid} ended during the run: its costs are not known"
        self.assertIn(said, result["reasons"])
        self.assertIn(said, out)
        self.assertFalse(result["valid"])
        self.assertEqual(process.returncode, 1)
        self.assertIsNone(result["costs"]["cpu_share"])
        self.assertNotIn("cost of the router", out)
        self.assertIn("router_cpu", result["series"][0])
        self.assertNotIn("router_cpu", result["series"][-1])

    def test_progress_is_plain_without_a_terminal(self):
        done = subprocess.run([TOOL, "latency", self.serve.address, "--rate", "100", "-d", "500ms",
                               "--warmup", "0s", "--interval", "100ms"], capture_output=True,
                              text=True)
        lines = done.stderr.splitlines()
        self.assertGreaterEqual(len(lines), 3)
        self.assertIn("req/s", lines[0])
        self.assertNotIn("\033", done.stderr + done.stdout)
        self.assertNotIn("\r", done.stderr)

    def test_on_a_terminal(self):
        """One line, drawn again and again; colours unless NO_COLOR says no."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            nobody = "127.0.0.1:%d" % listener.getsockname()[1]
        for environment, colored in (({}, True), ({"NO_COLOR": "1"}, False)):
            ours, theirs = pty.openpty()
            inherited = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
            with subprocess.Popen([TOOL, "conn", nobody, "-n", "5"], stdout=theirs, stderr=theirs,
                                  env={**inherited, **environment}):
                os.close(theirs)
                said = b""
                try:
                    while piece := os.read(ours, 65536):
                        said += piece
                except OSError:
                    # How Linux says that nobody holds the other end any more.
                    pass
                os.close(ours)
            self.assertIn(b"\r\033[Kmeasuring", said)
            self.assertEqual(b"\033[31merrors" in said, colored, said)

    def test_json_to_stdout_is_alone_there(self):
        done = subprocess.run([TOOL, "conn", self.serve.address, "-n", "5", "--json", "-", "-q"],
                              capture_output=True, text=True)
        self.assertEqual(done.stdout.count("\n"), 1)
        self.assertTrue(done.stdout.startswith("{"))
        self.assertIn("measured", done.stderr)

    def test_interrupt_still_reports(self):
        process = subprocess.Popen([TOOL, "latency", self.serve.address, "--rate", "100", "-d",
                                    "100s", "--warmup", "0s", "--interval", "50ms"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if "measuring" in line:
                break
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=bench.RUN_LIMIT_S)
        self.assertIn(process.returncode, (0, 2))
        self.assertIn("interrupted", out)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
