"""A router that goes through many faults, and what became of each."""

import errno
import json
import re
import socket
import unittest

from support import fault_rows, faults, net
from support.router import Router, routing
from support.talk import Talk

LIBRARY = None  # set by the test: faults.so
PATIENT = {"connect": "20s", "half_close": "1m", "drain": "1s"}
SAY_S = 61  # longer than the router keeps from saying a thing again


class Lines:
    """The access log by the client's port, read as it grows."""

    def __init__(self, file):
        self.file, self.at, self.by_port = file, 0, {}

    def of(self, port):
        if self.file.exists():
            with open(self.file, "rb") as log:
                log.seek(self.at)
                text = log.read()
            whole = text[:text.rfind(b"\n") + 1]
            self.at += len(whole)
            for line in whole.splitlines():
                fields = json.loads(line)
                self.by_port[fields.get("client", "").rpartition(":")[2]] = fields
        return self.by_port.get(str(port))

    def forget(self):
        """What is there by now: the system gives ports again to clients that come later."""
        self.of(0)
        self.by_port.clear()

    def wait(self, port):
        return net.wait_until("a line in the access log", lambda: self.of(port))


class Bench(unittest.TestCase):
    """A router that goes through many faults."""

    relay = "auto"

    def setUp(self):
        self.faults = self.enterContext(faults.Faults(LIBRARY))
        self.servers = [self.listener() for _ in range(2)]
        self.router = None

    def listener(self, family=socket.AF_INET, address=("127.0.0.1", 0)):
        sock = self.enterContext(socket.socket(family))
        sock.bind(address)
        sock.listen()
        return sock

    def config(self, **more):
        texts = ["127.0.0.1:%d" % server.getsockname()[1] for server in self.servers[:2]]
        routes = {"one.test": texts[0], "two.test": texts}
        return routing(routes, workers=1, timeouts=PATIENT) | more

    def start(self, **more):
        self.since = 0
        self.router = self.enterContext(
            Router(self.config(**more), environment=self.faults.environment(), relay=self.relay))
        self.lines = Lines(self.router.access_file)
        self.probe()
        sockets, pipes = self.router.open_now()
        self.open_at_first = (sockets, pipes + 2)  # one pipe more, for splicing

    def talk(self, name="one.test", listener="public", **more):
        return Talk(self.router.address(listener), self.servers, name, **more)

    def probe(self, name="one.test"):
        """The next client is served, and the router has done with it before the next fault."""
        talk = self.talk(name).begin().play()
        self.assertTrue(talk.served(), "the next client was not served")
        self.lines.wait(talk.port)

    def said(self):
        """But that a server works again, which is about an earlier row."""
        return [line for line in self.router.lines[self.since:]
                if re.search(" (warning|error) ", line) and "works again" not in line]

    def check_log(self, row, number):
        """What the row says was said, or nothing."""
        if row.log is None:
            self.assertEqual(self.said(), [])
        else:
            self.router.wait_line(fault_rows.line_of(row, number), self.since)

    def each(self, site, attempt):
        """Has every error of a site's rows tried, and the next client served after each."""
        for row in fault_rows.rows_of(site):
            for name in row.errors.split():
                with self.subTest(site=site, error=name):
                    self.try_one(row, getattr(errno, name), attempt)
        if self.router:
            self.router.wait_descriptors(*self.open_at_first)

    def try_one(self, row, number, attempt):
        self.assertFalse(self.router and self.router.process.poll(), "the router has ended")
        self.faults.pass_time(SAY_S)
        self.since = len(self.router.lines) if self.router else 0
        if self.router:
            self.lines.forget()
        try:
            attempt(row, number)
        finally:
            self.faults.disarm()
        self.assertGreater(self.faults.hits, 0, "the fault was not met")
        if self.router:
            self.check_log(row, number)
            self.probe()
            if row.site == "connect/unix":
                self.probe("unix.test")


def ended(peer):
    """How it ended, as one word."""
    if peer is None:
        return "none"
    if peer.end == "eof" and net.alert_of(bytes(peer.got)) == 80:
        return "alert"
    return peer.end


class Connections(Bench):
    """Each row: one connection, and what became of both of its sides."""

    def judge(self, row, talk, expected):
        """Whether this is what the row says."""
        word, _, reason = expected.partition(" ")
        seen = (ended(talk.client), ended(talk.server), talk.served())
        if word in ("served", "passed", "pauses"):
            self.assertTrue(talk.served(), seen)
            reason = "closed"
        elif word == "refused":
            self.assertIn(net.alert_of(bytes(talk.client.got)), (80, 112), seen)
            self.assertEqual(talk.client.end, "eof")
        elif word == "closed":
            self.assertIn(talk.client.end, ("eof", "reset"), seen)
            self.assertFalse(talk.served())
        elif word == "cut":
            self.assertEqual(seen[:2], ("reset", "reset"))
        elif word == "client_gone":
            self.assertEqual(talk.server.end, "reset", seen)
        elif word == "server_gone":
            self.assertEqual(talk.client.end, "eof" if reason == "closed" else "reset", seen)
        elif word == "ended":
            self.assertEqual(talk.client.end, "eof", seen)
        else:
            self.fail(f"what is {expected!r}?")
        if reason:
            self.assertEqual(self.lines.wait(talk.port)["reason"], reason)

    def connection(self, site, call, name="one.test", pieces=False, server_first=False,
                   vanish=None, later=False, **where):
        """`later`: not the first such call of a connection fails, but the second. `pieces`: the
        hello comes in two, the second when the call has failed: the router has seen the first."""
        def attempt(row, number):
            talk = self.talk(name, pieces=(lambda: self.faults.hits > 0) if pieces else None,
                             server_first=server_first,
                             hold=lambda: later and self.faults.hits == 0,
                             wants_server=not row.then.startswith(("refused", "closed")))
            dying = row.then.split("_gone")[0] if "_gone" in row.then else None
            self.faults.arm(call, number, skip=int(later), **where)
            talk.begin().play(vanish or (lambda t: dying if self.faults.hits else None))
            self.judge(row, talk, row.then)
        self.each(site, attempt)

    def connecting(self, site, call, **where):
        """The first of two servers fails so; then all do."""
        def attempt(row, number):
            word, _, reason = row.then.partition(" ")
            talk = self.talk("two.test", wants_server=word != "refused")
            self.faults.arm(call, number, **where, after=word == "served")
            talk.begin().play()
            self.judge(row, talk, "served" if word == "another" else row.then)
            self.assertEqual(self.lines.wait(talk.port)["retries"], word == "another")
            if word == "another":
                self.faults.arm(call, number, **where, times=faults.ALWAYS)
                talk = self.talk("one.test", wants_server=False).begin().play()
                self.judge(row, talk, "refused " + reason)
        self.each(site, attempt)
