"""bulk --pattern: what goes up is confirmed by the backend, and a faulty way up is found."""

import sys
import unittest

from support import bench
from support.faulty_relay import FaultyRelay

TOOL = sys.argv[2]
NAMES = ["--names", "3"]


class Bulk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.serve = cls.enterClassContext(bench.Serve(TOOL, "--names", "3"))
        cls.tls = cls.enterClassContext(bench.Serve(TOOL, "--tls", "--one-port", "--names", "3"))

    def bulk(self, address, direction, *more):
        code, result, out, err = bench.run(TOOL, "bulk", address, *NAMES, "--pattern", "--dir",
                                           direction, "-c", "6", "-d", "1s", "--warmup", "0s",
                                           *more)
        return code, result, out + err

    def test_a_faultless_way(self):
        for direction in ("up", "both"):
            with self.subTest(direction=direction), FaultyRelay(self.serve.backends) as relay:
                code, result, said = self.bulk(relay.address, direction)
                self.assertIn(code, (0, 2), said)
                self.assertEqual(bench.total_errors(result), 0, said)
                self.assertEqual(relay.accepted, 6)

    def test_within_tls(self):
        for direction in ("up", "both"):
            with self.subTest(direction=direction):
                code, result, said = self.bulk(self.tls.address, direction, "--tls")
                self.assertIn(code, (0, 2), said)
                self.assertEqual(bench.total_errors(result), 0, said)

    def test_a_flipped_bit_is_found(self):
        for direction, fault in (("up", "flip_up"), ("both", "flip_up"), ("down", "flip_down"),
                                 ("both", "flip_down")):
            with self.subTest(direction=direction, fault=fault), \
                    FaultyRelay(self.serve.backends,
                                lambda number, fault=fault: fault if number == 2 else None
                                ) as relay:
                code, result, said = self.bulk(relay.address, direction)
                self.assertEqual(relay.planted[fault], 1)
                self.assertEqual(code, 1, said)
                self.assertEqual(result["errors"]["corrupt"], 1, result["errors"])
                self.assertEqual(bench.total_errors(result), 1, result["errors"])

    def test_a_way_up_that_ends_early_is_found(self):
        with FaultyRelay(self.serve.backends,
                         lambda number: "cut_up" if number == 1 else None) as relay:
            code, result, said = self.bulk(relay.address, "up")
            self.assertEqual(relay.planted["cut_up"], 1)
            self.assertEqual(code, 1, said)
            self.assertEqual(bench.total_errors(result), 1, result["errors"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
