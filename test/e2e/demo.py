"""bench/demo as a newcomer runs it: --once, and until Ctrl-C. Nothing it started stays behind.

It builds into build/, so it is no part of the sanitizer builds; the release build's tests have it.
"""

import os
import pathlib
import signal
import subprocess
import unittest

from support import net

TOP = pathlib.Path(__file__).resolve().parents[2]
DEMO = ["bash", str(TOP / "bench" / "demo")]


def left_behind(group):
    """Processes of this process group."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(entry.name))
    return found


class Demo(unittest.TestCase):
    def start(self, *options):
        process = subprocess.Popen([*DEMO, "--port", str(net.free_port()), *options],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.addCleanup(process.stdout.close)
        return process

    def test_once(self):
        process = self.start("--once")
        out, _ = process.communicate(timeout=1500)
        self.assertEqual(process.returncode, 0, out)
        self.assertIn("every step was right", out)
        net.wait_until("nothing to be left", lambda: not left_behind(process.pid))

    def test_signals_end_all_that_it_started(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                process = self.start()
                said = ""
                for line in process.stdout:
                    said += line
                    if "Ctrl-C ends" in line:
                        break
                self.assertIn("Ctrl-C ends", said)
                self.assertGreater(len(left_behind(process.pid)), 2)
                if number == signal.SIGINT:
                    os.killpg(process.pid, number)  # as a terminal does
                else:
                    process.send_signal(number)
                self.assertEqual(process.wait(240), 128 + number)
                net.wait_until("nothing to be left", lambda: not left_behind(process.pid))

    def test_port_taken(self):
        with net.socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = subprocess.run([*DEMO, "--once", "--port", str(port)], capture_output=True,
                                  text=True, timeout=1500, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"--port {port + 1}", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
