"""Ctrl-C on the scripts of bench/: no traceback, exit code 130, and nothing goes on running."""

import os
import pathlib
import signal
import subprocess
import sys
import unittest

from support import net

BINARIES = pathlib.Path(sys.argv[2]).parent
SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "bench"


def session_members(session):
    """Processes of a session that have not ended."""
    members = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of_session = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(of_session) == session and state not in "ZX":
            members.append(stat.parent.name)
    return members


class Interrupts(unittest.TestCase):
    def interrupted(self, script, *options, at):
        """Interrupts all its processes, as a terminal does, once there is a line with `at`."""
        process = subprocess.Popen(["bash", SCRIPTS / script, "--binaries", BINARIES, *options],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        before = []
        for line in process.stderr:
            before.append(line)
            if at in line:
                break
        else:
            self.fail("".join(before))
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        self.assertNotIn("Traceback", err)
        self.assertIn(f"bench/{script}: interrupted\n", err)
        net.wait_until("nothing to be left", lambda: not session_members(process.pid))

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "one CPU")
    def test_ceiling(self):
        self.interrupted("ceiling", "--rounds", "100", "--seconds", "1", at="round 1/100")

    def test_verify_reload(self):
        self.interrupted("verify-reload", "--seconds", "100", at=" whole ")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
