"""Operations that have no answer: counted, and in the latencies for as long as they lasted."""

import json
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from support import bench

TOOL = sys.argv[2]


def run(*arguments):
    return bench.run(TOOL, *arguments)


class Lost(unittest.TestCase):
    LIMIT_NS = 1_000_000_000
    RATE = ("--rate", "50", "-d", "1s", "--warmup", "0s", "--timeout", "1s")

    def backend(self, reply):
        """Says `reply` to the first bytes of each connection and then nothing."""
        listener = socket.create_server(("127.0.0.1", 0))
        held = []

        def close():
            for sock in (listener, *held):
                sock.close()

        self.addCleanup(close)

        def serve():
            while True:
                try:
                    held.append(listener.accept()[0])
                    if reply:
                        held[-1].recv(65536)
                        held[-1].sendall(reply)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        return "127.0.0.1:%d" % listener.getsockname()[1]

    def check_all_unended(self, result, out):
        latency, operations = result["phases"]["latency"], result["operations"]
        self.assertEqual((operations["recorded"], operations["unended"]), (50, 50))
        self.assertEqual(operations["left_out"], 0)
        self.assertGreaterEqual(latency["min_ns"], self.LIMIT_NS)
        # The slots of the histogram, and what the series says, are of the same operations.
        self.assertGreaterEqual(latency["histogram"][0][0], self.LIMIT_NS * 0.999)
        self.assertEqual(max(point["max_ns"] for point in result["series"]), latency["max_ns"])
        self.assertIn("50 operations never ended: counted with the time until they were given up",
                      out)

    def test_new_connections(self):
        for mode in (("conn",), ("latency", "--new-conn")):
            code, result, out, _ = run(mode[0], self.backend(b""), *mode[1:], *self.RATE)
            self.assertEqual((code, result["errors"]["timeout"]), (1, 50))
            self.check_all_unended(result, out)

    def test_no_free_connection(self):
        """What had to wait until it was too late was never begun, and counts all the same."""
        for mode in (("conn",), ("latency", "--new-conn"), ("latency",)):
            target = self.backend(b"SNIr\x01\0\0\x01b")
            with tempfile.NamedTemporaryFile(suffix=".hgrm") as hgrm:
                _, result, out, _ = run(mode[0], target, *mode[1:], *self.RATE, "-c", "2",
                                        "--hgrm", hgrm.name)
                distribution = hgrm.read().decode()
            self.assertGreater(result["operations"]["unbegun"], 0)
            self.assertIn(f"{result['operations']['unbegun']} of these found no free", out)
            self.check_all_unended(result, out)
            self.assertRegex(distribution, r"Total count += +50\b")

    def test_ended_with_an_error(self):
        target = self.backend(b"SNIr\x01\0\0\x01bxx")
        for mode in (("conn", "--resp", "1"), ("latency", "--new-conn", "--resp", "1")):
            _, result, out, _ = run(mode[0], target, *mode[1:], "--rate", "50", "-d", "1s",
                                    "--warmup", "0s")
            self.assertEqual(result["errors"]["bad_reply"], 50)
            self.assertEqual(result["operations"]["left_out"], 50)
            self.assertEqual(result["operations"]["recorded"], 0)
            self.assertIn("50 operations ended with an error: not in the percentiles", out)

    def test_the_warm_up_is_not_counted(self):
        _, result, _, _ = run("conn", self.backend(b""), "--rate", "50", "-d", "500ms", "--warmup",
                              "500ms", "--timeout", "300ms")
        self.assertEqual(result["errors"]["timeout"], 50)
        self.assertEqual(result["operations"]["unended"], 25)

    def test_closed_loop(self):
        _, result, out, _ = run("conn", self.backend(b""), "-n", "3", "-c", "3", "--timeout", "1s")
        self.assertEqual(result["operations"]["unended"], 3)
        self.assertGreaterEqual(result["phases"]["service"]["min_ns"], self.LIMIT_NS)
        self.assertIn("3 operations never ended", out)

    def test_interrupted_twice(self):
        """Who does not want to wait for --timeout either has them as long as they lasted."""
        target = self.backend(b"SNIr\x01\0\0\x01b")
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            process = subprocess.Popen([TOOL, "latency", target, "--rate", "1k", "-d", "1h", "-c",
                                        "2", "--warmup", "0s", "--timeout", "1h", "--interval",
                                        "50ms", "--json", file.name],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for stage in ("measuring", "ending"):
                for line in process.stderr:
                    if line.startswith(stage):
                        break
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=bench.RUN_LIMIT_S)
            result = json.load(file)
        bench.check_consistent(result, process.returncode)
        self.assertEqual(result["operations"]["recorded"], result["operations"]["unended"])
        self.assertEqual(result["phases"]["service"]["count"], 2)
        self.assertEqual(bench.total_errors(result), 0)

    def test_hellos_that_are_never_whole(self):
        """A pause that the deadline ends: what was kept for it is given back."""
        _, result, _, _ = run("conn", self.backend(b""), "-n", "5", "-c", "5", "--split", "all",
                              "--split-gap", "1h", "--timeout", "2s")
        self.assertEqual(result["errors"]["timeout"], 5)
        self.assertEqual(result["totals"]["bytes_out"], 5)

    def test_each_connection_is_tried_once(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            target = "127.0.0.1:%d" % listener.getsockname()[1]
        for mode in ("bulk", "idle", "latency"):
            for connections, threads in ((4, 1), (7, 3), (40, 1)):
                _, result, _, _ = run(mode, target, "-c", connections, "-t", threads, "-d", "1s")
                self.assertEqual(result["errors"]["refused"], connections, mode)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
