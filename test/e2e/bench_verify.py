"""sni-bench verify: every planted fault is found and counted, and nothing else is.

SNI_BENCH_RELOAD_SECONDS says how long the router is reloaded each second (default 6).
"""

import contextlib
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

from support import bench, page, router
from support.faulty_relay import FaultyRelay, Listener, end, pump

router.BINARY = sys.argv[1]
TOOL = sys.argv[2]
FAULTS = ("misrouted", "corrupt", "truncated", "dropped", "stalled")
RELOAD_SECONDS = float(os.environ.get("SNI_BENCH_RELOAD_SECONDS", "6"))
# A sanitizer looks at what a stream does, not at how many there are.
FEWER = 3 if router.sanitized() else 1
RELOADS = pathlib.Path(__file__).resolve().parents[2] / "bench" / "verify-reload"


def read_result(path, code):
    """The JSON of a run, checked by its schema and against itself."""
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    bench.validate(TOOL, "verify", result)
    faults = sum(result["faults"].values())
    assert result["failed"] == (faults > 0 or result["proves_nothing"] is not None)
    assert result["valid"] == (not result["reasons"])
    assert result["valid"] or result["nameless"] or result["proves_nothing"], result["reasons"]
    assert code in (99, 1 if result["failed"] else 0 if result["valid"] else 2), (code, result)
    for word, total in (("whole", sum(result["whole"].values())), ("faults", faults)):
        assert sum(one[word] for one in result["backends"]) == total
    for word, total in (("faults", faults), ("reloads", result["reloads"]["done"])):
        assert sum(point[word] for point in result["series"]) == total
    return result


def verify(*arguments):
    """(exit code, JSON, stdout, stderr)"""
    with tempfile.TemporaryDirectory(prefix="bench_verify.") as scratch:
        path = os.path.join(scratch, "result.json")
        done = subprocess.run([TOOL, "verify", *map(str, arguments), "--json", path, "--quiet"],
                              capture_output=True, text=True, timeout=bench.RUN_LIMIT_S)
        assert not router.SANITIZER.search(done.stderr), done.stderr
        result = None
        if os.path.exists(path):
            result = read_result(path, done.returncode)
        return done.returncode, result, done.stdout, done.stderr


class Planted(unittest.TestCase):
    """Through a relay: what it plants is what verify counts, to the last one."""

    @classmethod
    def setUpClass(cls):
        cls.serve = cls.enterClassContext(bench.Serve(TOOL, "--names", "4"))

    def find(self, expected, fault, *arguments, count=1000 // FEWER, kind=None):
        """`expected`: the fault's word in the result."""
        with FaultyRelay(self.serve.backends, fault) as relay:
            code, result, out, _ = verify(relay.address, "--names", 4, "-n", count, "-c", 8,
                                          "--long", 0, "--max-size", "20k", *arguments)
            planted = sum(relay.planted.values())
        self.assertGreater(planted, 0, "nothing was planted")
        wanted = dict.fromkeys(FAULTS, 0)
        wanted[expected] = planted
        self.assertEqual(result["faults"], wanted, out)
        self.assertEqual(code, 1, out)
        self.assertIn(f"FAILED: {planted} fault", out)
        self.assertEqual(sum(result["whole"].values()), count - planted)
        self.assertEqual(result["started_streams"], count)
        for note in result["first_faults"]:
            self.assertEqual(note["fault"], expected)
            self.assertTrue(note["text"].startswith("b"), note)
        self.assertEqual(len(result["first_faults"]), min(planted, 20))
        return planted

    def test_no_fault(self):
        with FaultyRelay(self.serve.backends) as relay:
            code, result, out, _ = verify(relay.address, "--names", 4, "-n", 500, "-c", 8,
                                          "--long", 3, "--max-size", "200k")
        self.assertEqual(result["faults"], dict.fromkeys(FAULTS, 0), out)
        self.assertEqual(code, 0, out)
        self.assertIn("ok: 0 faults", out)
        self.assertEqual(sum(result["whole"].values()), 503)
        self.assertEqual(result["whole"]["long"], 3)
        self.assertGreater(result["exchanges"], 0)
        for kind in ("half_close", "counted", "up", "down", "early_fin"):
            self.assertGreater(result["whole"][kind], 50, kind)

    def test_one_misrouted_in_a_thousand(self):
        found = self.find("misrouted", lambda n: "misroute" if n % 1000 == 500 else None,
                          count=3000 // FEWER)
        self.assertEqual(found, 3 // FEWER)

    def test_byte_flipped_up(self):
        self.find("corrupt", lambda n: "flip_up" if n % 50 == 7 else None)

    def test_byte_flipped_down(self):
        self.find("corrupt", lambda n: "flip_down" if n % 50 == 7 else None)

    def test_byte_too_many(self):
        self.find("corrupt", lambda n: "surplus" if n % 100 == 7 else None)

    def test_stream_cut_up(self):
        self.find("truncated", lambda n: "cut_up" if n % 50 == 7 else None)

    def test_stream_cut_down(self):
        self.find("truncated", lambda n: "cut_down" if n % 50 == 7 else None)

    def test_reset(self):
        self.find("dropped", lambda n: "reset" if n % 50 == 7 else None)

    def test_closed_without_an_answer(self):
        self.find("dropped", lambda n: "drop" if n % 50 == 7 else None)

    def test_alert(self):
        self.find("dropped", lambda n: "alert" if n % 50 == 7 else None)

    def test_stalled(self):
        self.find("stalled", lambda n: "stall" if n in (100, 200) else None, "--timeout", "10s",
                  count=300)

    def test_dropped_on_reload(self):
        with tempfile.TemporaryDirectory(prefix="bench_verify.") as scratch, \
                FaultyRelay(self.serve.backends) as relay:
            pipe = os.path.join(scratch, "reload")
            os.mkfifo(pipe)

            def listen():
                while True:
                    with open(pipe, encoding="utf-8") as orders:
                        if "end" in orders.read():
                            return
                        relay.reset_all()

            thread = threading.Thread(target=listen)
            thread.start()
            code, result, out, _ = verify(
                relay.address, "--names", 4, "-c", 4, "--long", 4, "-d", "4s", "--max-size", "20k",
                "--reload-every", "1s", "--reload-cmd", f"echo now > {shlex.quote(pipe)}")
            with open(pipe, "w", encoding="utf-8") as orders:
                orders.write("end")
            thread.join()
            planted = relay.planted["reload"]
        self.assertGreaterEqual(planted, 4)
        lost = result["faults"]["dropped"] + result["faults"]["truncated"]
        self.assertGreaterEqual(lost, 4, out)  # at least the long-lived ones of one reload
        self.assertLessEqual(lost, planted, out)
        self.assertEqual(result["faults"]["misrouted"] + result["faults"]["corrupt"], 0, out)
        self.assertEqual(code, 1)


class Proof(unittest.TestCase):
    """A run that proves nothing is no success."""

    def test_nobody_listens(self):
        code, result, out, _ = verify("127.0.0.1:1", "-d", "200ms")
        self.assertEqual(code, 1)
        self.assertGreater(result["faults"]["dropped"], 0)
        self.assertIn("Connection refused", out)

    def test_reload_command_fails(self):
        with bench.Serve(TOOL) as serve:
            code, result, out, err = verify(serve.address, "-d", "2s", "-c", "2", "--reload-every",
                                            "50ms", "--reload-cmd", "exit 3")
        self.assertEqual(code, 1, out)
        self.assertEqual(result["faults"], dict.fromkeys(FAULTS, 0))
        self.assertGreater(result["reloads"]["failed"], 0)
        self.assertIn("--reload-cmd ended with exit code 3", err)
        self.assertIn("FAILED: --reload-cmd failed", out)

    def test_reload_command_does_not_end(self):
        """It is ended with all that it has begun, and counts as failed."""
        endless = f"sleep 47110{os.getpid()}"  # no other process is called so
        with bench.Serve(TOOL) as serve:
            code, result, out, err = verify(serve.address, "-d", "2s", "-c", "2", "--reload-every",
                                            "50ms", "--timeout", "1s", "--reload-cmd",
                                            f"{endless}; :")
        self.assertEqual(code, 1, out)
        self.assertIn("--reload-cmd does not end", err)
        self.assertEqual((result["reloads"]["done"], result["reloads"]["failed"]), (0, 1))
        self.assertGreater(result["reloads"]["left_out"], 0)
        self.assertEqual(subprocess.run(["pgrep", "-xf", endless], capture_output=True,
                                        check=False).stdout, b"")

    def test_reload_never_due(self):
        with bench.Serve(TOOL) as serve:
            code, _, out, _ = verify(serve.address, "-d", "200ms", "--reload-every", "1h",
                                     "--reload-cmd", "true")
        self.assertEqual(code, 1, out)
        self.assertIn("never due", out)

    def test_usage(self):
        for arguments, said in ((["127.0.0.1:1", "--sni", "a", "--names", "2"], "keep one"),
                                (["127.0.0.1:1", "--max-size", "0"], "--max-size"),
                                (["127.0.0.1:1", "--reload-every", "1ms"], "--reload-every"),
                                (["127.0.0.1:1", "-d", "0"], "--duration"),
                                (["127.0.0.1:1", "--reload-every", "2s"], "add that"),
                                (["127.0.0.1:1", "--reload-cmd", ""], "is empty"),
                                (["127.0.0.1:1", "--names", "0"], "names"),
                                (["127.0.0.1:1", "--fail-if", "nonsense>1"], "misrouted"),
                                (["127.0.0.1:1", "--fail-if", "dropped"], "--fail-if"),
                                (["127.0.0.1:1", "--fail-if", "reloads<5"], "--reload-cmd"),
                                (["127.0.0.1:1", "--json", "-", "--html", "-"], "--html"),
                                ([], "needs a TARGET")):
            done = subprocess.run([TOOL, "verify", *arguments], capture_output=True, text=True,
                                  timeout=bench.RUN_LIMIT_S)
            self.assertEqual(done.returncode, 64, arguments)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_interrupted_run_ends_in_order(self):
        with bench.Serve(TOOL, "--names", "bench.test") as serve:
            process = subprocess.Popen([TOOL, "verify", serve.address, "-d", "1h"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            process.stderr.readline()  # the first progress line
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=bench.RUN_LIMIT_S)
        self.assertEqual(process.returncode, 0, out)
        self.assertIn("ok: 0 faults", out)


class Nameless(unittest.TestCase):
    """Backends without names hide misroutes: nobody is told that all is well."""

    REASON = "backends have no names: misroutes cannot be seen (start them with serve --names)"

    def run_through(self, fault, *options, named=False):
        """Two backends of one name each, or of none, behind a relay; --html of it too."""
        names = [f"b{number}.bench.test" for number in range(2)]
        with contextlib.ExitStack() as stack:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench_verify."))
            serves = [stack.enter_context(bench.Serve(TOOL, *options, *(
                ("--names", name) if named else ()))) for name in names]
            relay = stack.enter_context(FaultyRelay(
                [(name, serve.address) for name, serve in zip(names, serves)], fault))
            html = os.path.join(scratch, "page.html")
            code, result, out, err = verify(relay.address, "--names", 2, "-n", 60, "-c", 4,
                                            "--long", 1, "--max-size", "5k", "--html", html,
                                            *options)
            self.assertIsNotNone(result, out + err)
            with open(html, encoding="utf-8") as file:
                table = page.Page(file.read()).tables[0]
        return code, result, out, [row[1] for row in table[1:3]]

    def test_misroutes_that_cannot_be_seen(self):
        for options in ((), ("--tls",)):
            code, result, out, rows = self.run_through(lambda n: "misroute", *options)
            self.assertEqual(code, 2, out)
            self.assertEqual((result["faults"], result["failed"]),
                             (dict.fromkeys(FAULTS, 0), False), out)
            self.assertEqual((result["valid"], result["reasons"], result["nameless"]),
                             (False, [self.REASON], 61), out)
            self.assertIn(f"NOT VALID: {self.REASON}\n", out)
            self.assertRegex(out, r"nameless +61 answers")
            self.assertNotIn("ok: ", out)
            self.assertEqual(rows, [f"not valid {self.REASON}", "not seen 0"])

    def test_faults_that_are_seen_weigh_more(self):
        code, result, out, rows = self.run_through(lambda n: "drop" if n == 20 else None)
        self.assertEqual((code, result["faults"]["dropped"], result["nameless"]), (1, 1, 60), out)
        self.assertFalse(result["valid"])
        self.assertIn(f"FAILED: 1 fault\nNOT VALID: {self.REASON}\n", out)
        self.assertEqual(rows, ["failed 1 fault", "not seen 0"])

    def test_names_tell(self):
        for options in ((), ("--tls",)):
            code, result, out, rows = self.run_through(lambda n: None, *options, named=True)
            self.assertEqual((code, result["valid"], result["nameless"]), (0, True, 0), out)
            self.assertIn("ok: 0 faults", out)
            self.assertNotIn("nameless", out)
            self.assertEqual(rows, ["ok 0 faults", "ok 0"])
            code, result, out, _ = self.run_through(lambda n: "misroute", *options, named=True)
            self.assertEqual((code, result["valid"]), (1, False), out)
            self.assertEqual(result["faults"]["misrouted"], result["started_streams"], out)


class FailIf(unittest.TestCase):
    """--fail-if: 99 when one holds, whatever else is wrong; without it the run decides."""

    def codes(self, target, *conditions):
        codes = []
        for condition in conditions:
            code, _, out, err = verify(target, "--names", 4, "-n", 60, "-c", 4, "--long", 0,
                                       "--max-size", "2k", "--fail-if", condition)
            self.assertEqual(code == 99, f"--fail-if '{condition}' holds" in err, out + err)
            codes.append(code)
        return codes

    def test_exit_codes(self):
        with bench.Serve(TOOL, "--names", "4") as serve:
            with FaultyRelay(serve.backends) as relay:
                self.assertEqual(self.codes(relay.address, "faults>0", "streams<60", "rate>100m",
                                            "streams>=60", "misrouted<=0"), [0, 0, 0, 99, 99])
            with FaultyRelay(serve.backends, lambda n: "drop" if n % 60 == 7 else None) as relay:
                self.assertEqual(self.codes(relay.address, "corrupt>0", "dropped>0", "dropped>1",
                                            "faults>=1"), [1, 99, 1, 99])


class Tls(unittest.TestCase):
    """The same within real TLS sessions."""

    @classmethod
    def setUpClass(cls):
        cls.serve = cls.enterClassContext(bench.Serve(TOOL, "--names", "4", "--tls"))

    def run_through(self, fault, *arguments):
        with FaultyRelay(self.serve.backends, fault) as relay:
            code, result, out, _ = verify(relay.address, "--names", 4, "-c", 8, "--max-size",
                                          "100k", "--tls", *arguments)
            return code, result, out, sum(relay.planted.values())

    def test_no_fault(self):
        code, result, out, _ = self.run_through(lambda n: None, "-n", 150, "--long", 3)
        self.assertEqual((code, sum(result["whole"].values())), (0, 153), out)
        self.assertTrue(result["config"]["tls"])
        self.assertGreater(result["exchanges"], 0)
        for kind in ("half_close", "counted", "up", "down", "early_fin"):
            self.assertGreater(result["whole"][kind], 10, kind)

    def test_a_misroute_is_seen_by_the_certificate(self):
        code, result, out, planted = self.run_through(
            lambda n: "misroute" if n % 50 == 7 else None, "-n", 150, "--long", 0)
        self.assertEqual((code, planted), (1, 3), out)
        self.assertEqual(result["faults"], dict.fromkeys(FAULTS, 0) | {"misrouted": 3}, out)
        for note in result["first_faults"]:
            asked, shown = re.fullmatch(r"(\S+): answered with the certificate of (\S+)",
                                        note["text"]).groups()
            self.assertNotEqual(asked, shown)

    def test_an_alert_in_the_handshake(self):
        code, result, out, planted = self.run_through(
            lambda n: "alert" if n % 50 == 7 else None, "-n", 100, "--long", 0)
        self.assertEqual((code, result["faults"]["dropped"]), (1, planted), out)
        for note in result["first_faults"]:
            self.assertIn("alert 112 instead of an answer", note["text"])

    def test_who_speaks_no_tls(self):
        with bench.Serve(TOOL, "--names", "4") as plain:
            code, result, out, _ = verify(plain.address, "--sni", "b0.bench.test", "--tls", "-n", 5,
                                          "--long", 0, "--timeout", "2s")
        self.assertEqual((code, sum(result["whole"].values())), (1, 0), out)

    def test_half_close_is_close_notify(self):
        """The backend sees the end of the session, not just a FIN, and still answers.

        With this seed no stream that the backend ends has two bytes last, which would look alike.
        """
        relay = CountingRelay(self.serve.address)
        with relay:
            code, result, out, _ = verify(relay.address, "--sni", "b0.bench.test", "--tls", "-n",
                                          60, "-c", 2, "--long", 0, "--max-size", "50k",
                                          "--seed", 3)
        self.assertEqual(code, 0, out)
        ended = sum(result["whole"][kind] for kind in ("half_close", "up", "early_fin"))
        self.assertEqual(relay.notified, ended, out)

    def test_plays_the_backends_too(self):
        with tempfile.TemporaryDirectory(prefix="bench_verify.") as scratch:
            address = f"unix:{scratch}/backend.sock"
            code, result, out, err = verify(address, "--listen", address, "--tls", "-n", 40)
        self.assertEqual((code, sum(result["whole"].values())), (0, 48), out + err)


class CountingRelay(Listener):
    """Counts clients whose last record has the length of an alert."""

    ALERT_BYTES = 19  # level, description, inner type, tag (RFC 8446 5.2)

    def __init__(self, server):
        self.server = server
        self.notified = 0
        super().__init__()

    def serve(self, number, sock):
        with self.connect(self.server) as server:
            thread = threading.Thread(target=pump, args=(server, sock), daemon=True)
            thread.start()
            records, length = bytearray(), None
            while piece := sock.recv(65536):
                records.extend(piece)
                server.sendall(piece)
                while len(records) >= 5 and len(records) >= 5 + int.from_bytes(records[3:5], "big"):
                    length = int.from_bytes(records[3:5], "big")
                    del records[:5 + length]
            with self.lock:
                self.notified += length == self.ALERT_BYTES and not records
            end(server)
            thread.join()


class Page(unittest.TestCase):
    """--html: readable without scripts, quiet in a browser."""

    def test_the_page(self):
        with bench.Serve(TOOL, "--names", "4") as serve, \
                tempfile.TemporaryDirectory(prefix="bench_verify.") as scratch, \
                FaultyRelay(serve.backends, lambda n: "misroute" if n == 20 else None) as relay:
            path = os.path.join(scratch, "page.html")
            code, result, out, err = verify(relay.address, "--names", 4, "-d", "2s", "-c", 4,
                                            "--max-size", "5k", "--reload-cmd", "true", "--html",
                                            path, "--label", "router=relay<1>")
            self.assertEqual((code, result["faults"]["misrouted"]), (1, 1), out + err)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            parsed = page.Page(text)
            dom, console = page.Chromium().dom(path)
        self.assertEqual((parsed.crossed, parsed.open, parsed.handlers), ([], [], []))
        self.assertEqual(parsed.fetched, [("meta", "http-equiv", "Content-Security-Policy")])
        faults = parsed.tables[0]
        self.assertEqual(faults[0], ["", "relay<1>"])
        self.assertEqual(faults[1], ["verdict", "failed 1 fault"])
        for row, word in zip(faults[2:], FAULTS, strict=True):
            self.assertTrue(row[0].startswith(word), row)
        words = {row[0]: row[1] for row in faults[2:]}
        self.assertEqual([words[key] for key in words if key.startswith("misrouted")], ["fault 1"])
        self.assertEqual(sum(cell == "ok 0" for cell in words.values()), 4)
        rows = {row[0]: row[1] for table in parsed.tables for row in table if len(row) == 2}
        for one in result["backends"]:
            self.assertIn(f"{one['whole']} whole", rows[one["name"]])
        self.assertEqual(rows["reloads"], str(result["reloads"]["done"]))
        self.assertEqual(console, [])
        self.assertIn('data-charts="drawn"', dom[:200])
        charts = json.loads(parsed.script("charts"))
        self.assertEqual([chart["title"] for chart in charts][:2],
                         ["Streams that ended whole", "Faults and reloads"])
        self.assertEqual(dom.count("<canvas"), len(charts))
        self.assertLess(text.index('class="finding"'), text.index("data-chart="))


class Router(unittest.TestCase):
    def reload(self, *arguments):
        """bench/verify-reload with the binaries under test."""
        with tempfile.TemporaryDirectory(prefix="bench_verify.") as scratch:
            path = os.path.join(scratch, "result.json")
            binaries = os.path.dirname(router.BINARY)
            done = subprocess.run(["bash", RELOADS, "--binaries", binaries, "--json", path,
                                   "--quiet", *arguments], capture_output=True, text=True,
                                  timeout=RELOAD_SECONDS + bench.RUN_LIMIT_S)
            said = done.stdout + done.stderr
            self.assertFalse(router.SANITIZER.search(said), said)
            self.assertTrue(os.path.exists(path), said)
            return done.returncode, read_result(path, done.returncode), said

    def test_reload_each_second(self):
        """Routes come, go, and lead elsewhere each second; nothing is ever lost."""
        code, result, said = self.reload("--seconds", str(RELOAD_SECONDS))
        self.assertEqual(result["faults"], dict.fromkeys(FAULTS, 0), said)
        self.assertEqual(code, 0, said)
        reloads = result["reloads"]
        self.assertGreater(reloads["done"], 0)
        self.assertGreaterEqual(reloads["done"] + reloads["left_out"], RELOAD_SECONDS // 2)
        self.assertEqual(result["whole"]["long"], 8)
        self.assertRegex(said, r"the router reloaded \d+ times")

    def test_reload_under_tls(self):
        code, result, said = self.reload("--seconds", "3", "--tls", "--every", "500ms", "--names",
                                         "4")
        self.assertEqual(result["faults"], dict.fromkeys(FAULTS, 0), said)
        self.assertEqual(code, 0, said)
        self.assertGreater(result["reloads"]["done"], 0)

    def test_plays_the_backends_too(self):
        with tempfile.TemporaryDirectory(prefix="bench_verify.") as scratch:
            path = os.path.join(scratch, "backend.sock")
            config = router.routing({"bench.test": f"unix:{path}"})
            with router.Router(config) as running:
                host, port = running.address()
                code, result, out, err = verify(f"{host}:{port}", "--sni", "bench.test", "-n", 200,
                                                "--listen", f"unix:{path}", "--max-size", "100k")
        self.assertEqual(code, 0, out + err)
        self.assertEqual(sum(result["whole"].values()), 208)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
