"""Hellos of every size where the system's receive buffers begin small, whole and in tiny segments.

In a network namespace of its own. Exit 77 = none here.
"""

import os
import pathlib
import subprocess
import sys
import unittest

from support import hello, net
from support.backend import Backend
from support.router import Router, routing

INSIDE = "SNI_ROUTER_TEST_INSIDE"
SKIPPED = 77
RMEM = ("4096 131072 6291456", "4096 16384 4194304", "4096 16060 262144", "4096 8192 16384",
        "4096 4096 6291456")
SIZES = (1700, 3000, 6000, 9000, 14000, 15000, 16000, 20000, 33000, 60000)


class SmallReceiveBuffers(unittest.TestCase):
    def setUp(self):
        self.backend = self.enterContext(Backend(self.serve))

    @staticmethod
    def serve(sock):
        """Says how many bytes have come, when the client has ended."""
        sock.sendall(b"%d" % len(net.receive_all(sock)))

    def ask(self, router, raw, step):
        with router.connect() as sock:
            for at in range(0, len(raw), step):
                sock.sendall(raw[at:at + step])
            sock.shutdown(1)
            self.assertEqual(net.receive_all(sock), b"%d" % len(raw), f"of {len(raw)}")

    def test_every_size_with_every_setting(self):
        for rmem in RMEM:
            pathlib.Path("/proc/sys/net/ipv4/tcp_rmem").write_text(rmem)
            with self.subTest(rmem), Router(routing({"a.test": self.backend.text},
                                                    timeouts={"hello": "60s"})) as router:
                for size in SIZES:
                    self.ask(router, hello.hello("a.test", size=size), 1 << 20)
                self.ask(router, hello.hello("a.test", size=1500), 1)
                one_byte_records = hello.records(hello.handshake("a.test", size=60000), (1,))
                self.ask(router, one_byte_records, 1 << 20)


def enter():
    """Runs this file again in a network namespace whose loopback has the MTU of a wire."""
    prepare = "ip link set lo up mtu 1500"
    probe = subprocess.run(["unshare", "-rn", "sh", "-c", prepare], capture_output=True, text=True)
    if probe.returncode != 0:
        print(f"skipped: no namespaces: {probe.stderr.strip()}")
        return SKIPPED
    command = ["unshare", "-rn", "sh", "-c", prepare + ' && exec "$0" "$@"',
               sys.executable, *sys.argv]
    return subprocess.run(command, env={**os.environ, INSIDE: "1"}).returncode


if __name__ == "__main__":
    if not os.environ.get(INSIDE):
        sys.exit(enter())
    unittest.main(verbosity=2)
