"""sni-bench verify: every planted fault is found and counted, and nothing else is."""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

from support import bench, router
from support.faulty_relay import FaultyRelay

router.BINARY = sys.argv[1]
TOOL = sys.argv[2]
FAULTS = ("misrouted", "corrupt", "truncated", "dropped", "stalled")


def verify(*arguments):
    """(exit code, JSON, stdout, stderr)"""
    with tempfile.TemporaryDirectory(prefix="bench_verify.") as scratch:
        path = os.path.join(scratch, "result.json")
        done = subprocess.run([TOOL, "verify", *map(str, arguments), "--json", path, "--quiet"],
                              capture_output=True, text=True, timeout=bench.RUN_LIMIT_S)
        assert not router.SANITIZER.search(done.stderr), done.stderr
        result = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                result = json.load(file)
        return done.returncode, result, done.stdout, done.stderr


class Planted(unittest.TestCase):
    """Through a relay: what it plants is what verify counts, to the last one."""

    @classmethod
    def setUpClass(cls):
        cls.serve = cls.enterClassContext(bench.Serve(TOOL, "--names", "4"))

    def find(self, expected, fault, *arguments, count=1000, kind=None):
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
        self.assertIn(f"FAILED: {planted} faults", out)
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
                          count=3000)
        self.assertEqual(found, 3)

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
        self.find("stalled", lambda n: "stall" if n in (100, 200) else None, "--timeout", "2s",
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
            code, result, out, err = verify(serve.address, "-d", "500ms", "--reload-every", "50ms",
                                            "--reload-cmd", "exit 3")
        self.assertEqual(code, 1, out)
        self.assertEqual(result["faults"], dict.fromkeys(FAULTS, 0))
        self.assertGreater(result["reloads"]["failed"], 0)
        self.assertIn("--reload-cmd ended with exit code 3", err)
        self.assertIn("FAILED: --reload-cmd failed", out)

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
                                ([], "needs a TARGET")):
            done = subprocess.run([TOOL, "verify", *arguments], capture_output=True, text=True,
                                  timeout=bench.RUN_LIMIT_S)
            self.assertEqual(done.returncode, 64, arguments)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_interrupted_run_ends_in_order(self):
        with bench.Serve(TOOL) as serve:
            process = subprocess.Popen([TOOL, "verify", serve.address, "-d", "1h"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            process.stderr.readline()  # the first progress line
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=bench.RUN_LIMIT_S)
        self.assertEqual(process.returncode, 0, out)
        self.assertIn("ok: 0 faults", out)


class Router(unittest.TestCase):
    def test_reload_each_second(self):
        """The routes change place and company each second; nothing is ever lost."""
        with bench.Serve(TOOL, "--names", "10") as serve, \
                tempfile.TemporaryDirectory(prefix="bench_verify.") as scratch:
            routes = dict(serve.backends)
            there = router.routing(routes)
            back = router.routing(dict(reversed(routes.items())) |
                                  {"another.bench.test": serve.address})
            with router.Router(there) as running:
                for name, config in (("there", there), ("back", back)):
                    config["log"] = {"access": {"path": str(running.access_file)}}
                    with open(os.path.join(scratch, name), "w", encoding="utf-8") as file:
                        json.dump(config, file)
                script = (f"cd {shlex.quote(scratch)} && mv back spare && mv there back && "
                          f"mv spare there && cp there {running.file}.new && "
                          f"mv {running.file}.new {running.file} && "
                          f"kill -HUP {running.process.pid}")
                host, port = running.address()
                code, result, out, _ = verify(f"{host}:{port}", "--names", 10, "-d", "6s",
                                              "--timeout", "30s", "--reload-cmd", script)
                self.assertEqual(result["faults"], dict.fromkeys(FAULTS, 0),
                                 f"{out}\n{running.stderr()}")
                self.assertEqual(code, 0, out)
                self.assertGreaterEqual(result["reloads"]["done"], 3)
                self.assertEqual(result["whole"]["long"], 8)
                running.wait_line("reloaded: 11 routes")
                running.wait_line("reloaded: 10 routes")

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
