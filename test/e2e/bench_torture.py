"""sni-bench torture: the catalogue against sni-router, and against routers that do it wrong."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

from support import bench, page, router
from support.faulty_relay import CarelessRouter

router.BINARY = sys.argv[1]
TOOL = sys.argv[2]
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "torture.md"

# What sni-router answers, where the catalogue leaves room.
ALERTS = {"unknown-name": 112, "subdomain": 112, "prefix": 112, "suffix": 112, "longest-name": 112,
          "ipv4-literal": 112, "ipv6-literal": 112, "no-sni": 112, "no-extensions": 112,
          "two-names": 50, "duplicate-server-name": 50, "duplicate-unknown": 50, "empty-name": 50,
          "empty-list": 50, "empty-server-name": 50, "nul-in-name": 50, "line-break-in-name": 50,
          "wildcard-name": 50, "double-dot": 50, "long-label": 50, "long-name": 50,
          "name-too-long": 50, "list-too-long": 50, "list-too-short": 50, "extension-too-long": 50,
          "extensions-too-long": 50, "extensions-too-short": 50, "long-session-id": 50,
          "odd-ciphers": 50, "interleaved-alert": 50, "empty-record": 50, "large-record": 50,
          "server-hello": 50, "announced-16m": 47}
CLOSES = {"alert-first", "application-data", "sslv2", "plain-http", "ssh", "postgres",
          "proxy-header", "zeros", "silence", "half-hello", "endless-drip", "fin-at-once",
          "half-hello-fin"}


class Sockets:
    """Two addresses for torture's backends that no other process can take meanwhile."""

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="bench_torture.")
        self.addresses = [f"unix:{self.scratch.name}/{name}" for name in ("a", "b")]
        return self

    def __exit__(self, *_):
        self.scratch.cleanup()


def torture(target, sockets, *arguments):
    """(exit code, JSON or None, stdout, stderr)"""
    path = os.path.join(sockets.scratch.name, "result.json")
    listen = [word for address in sockets.addresses for word in ("--listen", address)]
    done = subprocess.run([TOOL, "torture", target, *listen, "--json", path, *arguments],
                          capture_output=True, text=True, timeout=250)
    assert not router.SANITIZER.search(done.stderr), done.stderr
    result = None
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        bench.validate(TOOL, "torture", result)
        assert done.returncode in (99, 1 if result["failed"] else 0), done.returncode
        assert result["deviations"] == sum(one["deviates"] for one in result["cases"])
    return done.returncode, result, done.stdout, done.stderr


def by_name(result):
    return {one["case"]: one for one in result["cases"]}


def catalogue():
    return subprocess.run([TOOL, "torture", "--list"], capture_output=True, text=True, timeout=60,
                          check=True).stdout


class OurRouter(unittest.TestCase):
    def test_every_case_as_expected(self):
        with Sockets() as sockets:
            config = router.routing({"bench.test": sockets.addresses[0],
                                     "other.bench.test": sockets.addresses[1]},
                                    timeouts={"hello": "2s"})
            with router.Router(config) as running:
                host, port = running.address()
                code, result, out, _ = torture(f"{host}:{port}", sockets, "--strict",
                                               "--hello-timeout", "2s", "--timeout", "30s")
        self.assertEqual(code, 0, out)
        cases = by_name(result)
        self.assertEqual(len(cases), len(catalogue().splitlines()) - 2)
        for name, one in cases.items():
            if name in ALERTS:
                self.assertEqual((one["outcome"], one["alert"]), ("alert", ALERTS[name]), name)
            elif name in CLOSES:
                self.assertEqual(one["outcome"], "close", name)
            elif name == "half-hello-reset":
                self.assertEqual(one["outcome"], "no_backend")
            else:
                wanted = "other_backend" if name == "other-name" else "backend"
                self.assertEqual((one["outcome"], one["problem"]), (wanted, ""), name)
        # Its time is that of all its connections, each with a --gap (2 ms) in it.
        self.assertGreater(cases["cut-everywhere"]["ms"], 2 * 60)


class WrongRouters(unittest.TestCase):
    """For every case there is a router that makes it deviate: none passes whatever happens."""

    def deviations(self, choose, *arguments):
        with Sockets() as sockets, CarelessRouter(lambda n: choose(n, sockets.addresses)) as wrong:
            code, result, out, _ = torture(wrong.address, sockets, "--hello-timeout", "1s",
                                           "--timeout", "1500ms", "--gap", "1ms", *arguments)
            self.assertEqual(code, 1, out)
            self.assertIn("DEVIATES", out)
        return {name for name, one in by_name(result).items() if one["deviates"]}

    def test_each_case_can_fail(self):
        names = {line.split("`")[1] for line in catalogue().splitlines()[2:]}
        # The first connection is the probe, which has to succeed.
        first_only = self.deviations(lambda n, to: to[0] if n == 0 else None)
        all_to_one = self.deviations(lambda n, to: to[0])
        all_to_other = self.deviations(lambda n, to: to[0] if n == 0 else to[1])
        # Here the router has all the time it may need to reach a backend after the client has gone.
        gone = self.deviations(lambda n, to: to[0], "--only", "half-hello-reset", "--gap", "200ms")
        self.assertEqual(names - first_only - all_to_one - all_to_other - gone, set())
        self.assertIn("plain", first_only)
        self.assertNotIn("plain", all_to_one)
        self.assertIn("other-name", all_to_one)
        self.assertTrue({"unknown-name", "no-sni", "two-names", "plain-http", "silence"} <=
                        all_to_one)
        self.assertTrue({"plain", "trailing-dot", "decoy-name"} <= all_to_other)

    def test_strict_wants_the_right_alert(self):
        only = ("--only", "unknown-name")
        with Sockets() as sockets, \
                CarelessRouter(lambda n: sockets.addresses[0] if n == 0 else None) as wrong:
            code, result, out, _ = torture(wrong.address, sockets, *only)
            self.assertEqual(code, 0, out)
            self.assertIn(result["cases"][0]["outcome"], ("close", "reset"))
            self.assertFalse(result["cases"][0]["best"])
        with Sockets() as sockets, \
                CarelessRouter(lambda n: sockets.addresses[0] if n == 0 else None) as wrong:
            code, _, out, _ = torture(wrong.address, sockets, "--strict", *only)
            self.assertEqual(code, 1, out)


class FailIf(unittest.TestCase):
    """--fail-if: 99 when one holds, whether or not a case deviates."""

    CASES = ("--only", "plain", "--only", "unknown-name", "--only", "no-sni")

    def code(self, choose, *conditions):
        words = [word for condition in conditions for word in ("--fail-if", condition)]
        with Sockets() as sockets, CarelessRouter(lambda n: choose(n, sockets.addresses)) as wrong:
            code, result, out, err = torture(wrong.address, sockets, *self.CASES, *words,
                                             "--hello-timeout", "1s", "--timeout", "5s")
        self.assertEqual(err.count(" holds"), code == 99, out + err)
        return code, result["deviations"]

    def test_exit_codes(self):
        right = lambda n, to: to[0] if n < 2 else None  # the probe and the plain case
        routes_all = lambda n, to: to[0]
        for choose, condition, expected in (
                (right, "deviations>0", (0, 0)), (right, "alerts>=1", (0, 0)),
                (right, "best<3", (99, 0)), (right, "backend>=1", (99, 0)),
                (right, "timeouts>0", (0, 0)), (right, "unreachable>0", (0, 0)),
                (routes_all, "alerts>0", (1, 2)), (routes_all, "deviations>1", (99, 2)),
                (routes_all, "backend>2", (99, 2))):
            self.assertEqual(self.code(choose, condition), expected, condition)

    def test_a_router_that_dies(self):
        """What cannot be connected to any more is told as that."""
        with Sockets() as sockets, CarelessRouter(lambda n: sockets.addresses[0]) as wrong:
            serve = wrong.serve

            def die(number, sock):
                if number == 0:  # the probe
                    wrong.listener.shutdown(socket.SHUT_RDWR)
                    wrong.listener.close()
                serve(number, sock)
            wrong.serve = die
            code, result, out, err = torture(wrong.address, sockets, *self.CASES, "--fail-if",
                                             "unreachable>1")
        self.assertEqual(code, 99, out + err)
        self.assertGreaterEqual(sum(one["unreachable"] for one in result["cases"]), 2)
        self.assertEqual(result["deviations"], 3)


class Page(unittest.TestCase):
    """--html, and report: several routers side by side, readable without scripts."""

    def check_page(self, path):
        with open(path, encoding="utf-8") as file:
            parsed = page.Page(file.read())
        self.assertEqual((parsed.crossed, parsed.open, parsed.handlers), ([], [], []))
        self.assertEqual(parsed.fetched, [("meta", "http-equiv", "Content-Security-Policy")])
        dom, console = page.Chromium().dom(path)
        self.assertEqual(console, [])
        self.assertIn('data-charts="drawn"', dom[:200])
        return parsed

    def check_cases(self, table, results):
        """Each case has a word for each router, its expectation and its reason."""
        rows = {row[0]: row for row in table[1:]}
        self.assertEqual(len(rows), len(results[0]["cases"]))
        for number, result in enumerate(results):
            for one in result["cases"]:
                row = rows[one["case"] + one["what"]]
                word = ("deviates" if one["deviates"] else "best" if one["best"] else "ok")
                self.assertTrue(row[2 + number].startswith(word + " "), row)
                self.assertIn(one["problem"], row[2 + number])
                self.assertEqual((row[1], row[-1]), (one["expected"], one["why"]))

    def test_pages(self):
        cases = ("--only", "plain", "--only", "other-name", "--only", "unknown-name")
        results = []
        with tempfile.TemporaryDirectory(prefix="bench_torture.") as scratch:
            files = []
            for name, choose in (("right<&>", lambda n, to: to[n - 1] if n in (1, 2) else
                                  None if n else to[0]), ("wrong", lambda n, to: to[0])):
                html = os.path.join(scratch, name + ".html")
                with Sockets() as sockets, \
                        CarelessRouter(lambda n, c=choose, s=sockets: c(n, s.addresses)) as relay:
                    _, result, out, _ = torture(relay.address, sockets, *cases, "--html", html,
                                                "--label", f"router={name}")
                parsed = self.check_page(html)
                self.assertEqual(parsed.tables[0][0], ["", name], out)
                self.check_cases(parsed.tables[1], [result])
                results.append(result)
                files.append(os.path.join(scratch, name + ".json"))
                with open(files[-1], "w", encoding="utf-8") as file:
                    json.dump(result, file)
            self.assertEqual([result["deviations"] for result in results], [0, 2])
            html = os.path.join(scratch, "both.html")
            done = subprocess.run([TOOL, "report", *files, "--html", html, "--md"],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            parsed = self.check_page(html)
        self.assertEqual(parsed.tables[0][0], ["", "right<&>", "wrong"])
        self.assertEqual(parsed.tables[0][1][1:], ["ok 0 of 3", "deviates 2 of 3"])
        self.check_cases(parsed.tables[1], results)
        self.assertIn("| | right&lt;&amp;&gt; | wrong |", done.stdout)
        self.assertIn("| plain | backend | backend |", done.stdout)
        self.assertIn("| other-name | other backend | **backend** |", done.stdout)


class CommandLine(unittest.TestCase):
    def test_a_router_that_does_not_know_the_backends(self):
        with Sockets() as sockets, CarelessRouter(lambda n: None) as wrong:
            code, result, out, err = torture(wrong.address, sockets)
            self.assertEqual((code, result, out), (1, None, ""))
            self.assertIn(f"send bench.test to {sockets.addresses[0]}", err)
            self.assertIn(f"other.bench.test to {sockets.addresses[1]}", err)

    def test_nobody_listens(self):
        with Sockets() as sockets:
            code, _, _, err = torture("127.0.0.1:1", sockets)
            self.assertEqual(code, 1)
            self.assertIn("Connection refused", err)
            self.assertEqual(os.listdir(sockets.scratch.name), [])

    def test_usage(self):
        for arguments, said in (([], "needs a TARGET"),
                                (["127.0.0.1:1", "--only", "plian"], "did you mean plain?"),
                                (["127.0.0.1:1", "--only", "nonsense"], "torture --list"),
                                (["127.0.0.1:1", "--gap", "0"], "--gap"),
                                (["127.0.0.1:1", "--gap", "9s"], "shorter than"),
                                (["--list", "--json", "x"], "plays nothing"),
                                (["127.0.0.1:1", "--other", "Bench.Test"], "same name"),
                                (["127.0.0.1:1", "--sni", ""], "1 to 200"),
                                (["127.0.0.1:1", "--listen", "nonsense"], "--listen 'nonsense'"),
                                (["127.0.0.1:1", "--listen", "unix:/x"], "twice"),
                                (["127.0.0.1:1", "--listen", "127.0.0.1:65535"], "no port after"),
                                (["127.0.0.1:1", "--fail-if", "crashes>0"], "deviations"),
                                (["127.0.0.1:1", "--json", "-", "--html", "-"], "--html"),
                                (["127.0.0.1:1", *(["--listen", ":0"] * 3)], "at most twice")):
            done = subprocess.run([TOOL, "torture", *arguments], capture_output=True, text=True,
                                  timeout=60)
            self.assertEqual(done.returncode, 64, arguments)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_the_page_has_the_catalogue(self):
        self.assertIn(catalogue(), PAGE.read_text(encoding="utf-8"),
                      "docs/torture.md: put the output of `sni-bench torture --list` there")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
